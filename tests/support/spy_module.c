/* A PKCS#11 module for tests that passes all calls on to SoftHSM, and watches PINs and signatures. In the folder that
 * SPY_FOLDER names:
 *
 *     logins   gets a line for each C_Login: the user type and what SoftHSM answered, in hex
 *     signed   gets a line for each C_Sign: what SoftHSM answered, in hex
 *     flags    if it is there: a hex number of flags that are added to those of the tokens
 *
 * SoftHSM never locks a PIN: with `flags`, a test makes it say what a card would. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <p11-kit/pkcs11.h>

#define EXPORT __attribute__((visibility("default")))
#define SOFTHSM "/usr/lib/softhsm/libsofthsm2.so"

static CK_FUNCTION_LIST *softhsm, spy;

static int open_file(const char *name, int flags)
{
    char path[4096];
    const char *folder = getenv("SPY_FOLDER");
    (void)snprintf(path, sizeof path, "%s/%s", folder ? folder : "/nowhere", name);
    return open(path, flags | O_CLOEXEC, 0600);
}

/* In one write, so that the lines of several threads and processes stay whole. */
static void note(const char *name, const char *line, int len)
{
    int fd = open_file(name, O_WRONLY | O_APPEND | O_CREAT);
    if (fd < 0 || write(fd, line, (size_t)len) != len)
        abort();
    (void)close(fd);
}

static CK_RV login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_BYTE *pin, CK_ULONG len)
{
    char line[64];
    CK_RV rv = softhsm->C_Login(session, user, pin, len);
    note("logins", line, snprintf(line, sizeof line, "%lx %lx\n", user, rv));
    return rv;
}

static CK_RV sign(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG len, CK_BYTE *out, CK_ULONG *out_len)
{
    char line[32];
    CK_RV rv = softhsm->C_Sign(session, data, len, out, out_len);
    note("signed", line, snprintf(line, sizeof line, "%lx\n", rv));
    return rv;
}

static CK_RV get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
    char text[32] = "";
    CK_RV rv = softhsm->C_GetTokenInfo(slot, info);
    int fd = open_file("flags", O_RDONLY);
    if (fd >= 0 && read(fd, text, sizeof text - 1) > 0)
        info->flags |= strtoul(text, NULL, 16);
    if (fd >= 0)
        (void)close(fd);
    return rv;
}

EXPORT CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR list)
{
    void *module = dlopen(SOFTHSM, RTLD_NOW | RTLD_LOCAL);
    CK_C_GetFunctionList get = NULL;
    void *symbol = module ? dlsym(module, "C_GetFunctionList") : NULL;
    if (!symbol)
        return CKR_GENERAL_ERROR;
    memcpy(&get, &symbol, sizeof get);
    CK_RV rv = get(&softhsm);
    if (rv != CKR_OK)
        return rv;
    spy = *softhsm;
    spy.C_Login = login;
    spy.C_Sign = sign;
    spy.C_GetTokenInfo = get_token_info;
    *list = &spy;
    return CKR_OK;
}
