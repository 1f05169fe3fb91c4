/* libpcsclite is loaded for the moment of asking: who has no reader needs no library, and programs without it run. */
#include "pkcs11/pcsc.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include <winscard.h>

#define SOCKET "/run/pcscd/pcscd.comm"

_Static_assert(SG_READER_NAME > MAX_READERNAME && SG_READER_ATR >= MAX_ATR_SIZE, "as pcsclite.h has them");

struct pcsc {
    void *library;
    LONG (*establish)(DWORD scope, LPCVOID reserved1, LPCVOID reserved2, LPSCARDCONTEXT context);
    LONG (*list)(SCARDCONTEXT context, LPCSTR groups, LPSTR names, LPDWORD len);
    LONG (*status)(SCARDCONTEXT context, DWORD timeout, SCARD_READERSTATE *states, DWORD count);
    LONG (*release)(SCARDCONTEXT context);
    SCARDCONTEXT context;
};

const char *sg_pcsc_socket(void)
{
    const char *named = secure_getenv("PCSCLITE_CSOCK_NAME");
    return named && named[0] ? named : SOCKET;
}

/* A pointer from dlsym() becomes one to a function as POSIX has it. */
static bool find(const struct pcsc *pcsc, const char *name, void *ret)
{
    void *found = dlsym(pcsc->library, name);
    memcpy(ret, &found, sizeof found);
    return found != NULL;
}

static bool load(struct pcsc *pcsc)
{
    *pcsc = (struct pcsc){.library = dlopen("libpcsclite.so.1", RTLD_NOW | RTLD_LOCAL)};
    return pcsc->library && find(pcsc, "SCardEstablishContext", &pcsc->establish) &&
           find(pcsc, "SCardListReaders", &pcsc->list) && find(pcsc, "SCardGetStatusChange", &pcsc->status) &&
           find(pcsc, "SCardReleaseContext", &pcsc->release);
}

static void unload(struct pcsc *pcsc)
{
    if (pcsc->library)
        (void)dlclose(pcsc->library);
}

/* `names`: one after the other, each with its NUL, and one NUL more. */
static bool split_names(const char *names, size_t len, struct sg_reader *readers, size_t *ret_count)
{
    size_t count = 0;
    for (size_t at = 0; at < len && names[at];) {
        size_t length = strnlen(names + at, len - at);
        if (length == len - at || length >= SG_READER_NAME || count >= SG_MAX_READERS)
            return false;
        readers[count] = (struct sg_reader){0};
        memcpy(readers[count++].name, names + at, length);
        at += length + 1;
    }
    *ret_count = count;
    return true;
}

static bool ask_names(const struct pcsc *pcsc, struct sg_reader *readers, size_t *ret_count)
{
    char names[SG_MAX_READERS * SG_READER_NAME + 1];
    DWORD len = sizeof names;
    LONG rv = pcsc->list(pcsc->context, NULL, names, &len);
    *ret_count = 0;
    if (rv == (LONG)SCARD_E_NO_READERS_AVAILABLE)
        return true;
    return rv == SCARD_S_SUCCESS && len <= sizeof names && split_names(names, len, readers, ret_count);
}

/* The upper half of dwEventState counts events. */
static bool ask_states(const struct pcsc *pcsc, struct sg_reader *readers, size_t count)
{
    SCARD_READERSTATE states[SG_MAX_READERS] = {0};
    for (size_t i = 0; i < count; i++)
        states[i].szReader = readers[i].name;
    if (count > 0 && pcsc->status(pcsc->context, 0, states, count) != SCARD_S_SUCCESS)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (states[i].cbAtr > sizeof readers[i].atr || (states[i].dwEventState & SCARD_STATE_UNKNOWN))
            return false;
        readers[i].events = (unsigned)(states[i].dwEventState >> 16 & 0xffff);
        readers[i].held = (states[i].dwEventState & SCARD_STATE_EXCLUSIVE) != 0;
        readers[i].atr_len = states[i].cbAtr;
        memcpy(readers[i].atr, states[i].rgbAtr, states[i].cbAtr);
    }
    return true;
}

bool sg_readers_list(struct sg_reader readers[SG_MAX_READERS], size_t *ret_count)
{
    struct pcsc pcsc;
    bool done = load(&pcsc) && pcsc.establish(SCARD_SCOPE_SYSTEM, NULL, NULL, &pcsc.context) == SCARD_S_SUCCESS;
    if (done) {
        done = ask_names(&pcsc, readers, ret_count) && ask_states(&pcsc, readers, *ret_count);
        (void)pcsc.release(pcsc.context);
    }
    unload(&pcsc);
    return done;
}
