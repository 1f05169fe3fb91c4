/* The floor under signing many files: a bare program that does only what cannot be left out. It reads and hashes each
 * file, has the token sign the digest, writes a file as long as a signature, and makes each group of files final with
 * one syncfs, as many threads at a time as signet uses.
 *
 *     floor sign MODULE TOKEN ID PIN-FILE THREADS SIZE FOLDER FILE...
 *     floor raw  MODULE TOKEN ID PIN-FILE THREADS COUNT         prints C_Sign calls per second, nothing else done */
#include <dlfcn.h>
#include <err.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <p11-kit/pkcs11.h>

#include "base/limits.h"

#define DIGEST 32

/* DigestInfo of SHA-256 up to the digest (RFC 8017 §9.2). */
static const unsigned char digest_info[] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                            0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};

struct floor {
    CK_FUNCTION_LIST *p11;
    CK_SLOT_ID slot;
    CK_KEY_TYPE key_type;
    CK_ATTRIBUTE id;
    char **files; /* NULL: only sign */
    const char *folder;
    size_t signature_size;
    size_t end;
    atomic_size_t next;
    int *outputs; /* one a file of the group */
    size_t group;
};

static void must(CK_RV rv, const char *what)
{
    if (rv != CKR_OK)
        errx(1, "%s: 0x%lx", what, rv);
}

static CK_OBJECT_HANDLE find_key(const struct floor *f, CK_SESSION_HANDLE session)
{
    CK_OBJECT_CLASS private_key = CKO_PRIVATE_KEY;
    CK_ATTRIBUTE query[] = {{CKA_CLASS, &private_key, sizeof private_key}, f->id};
    CK_OBJECT_HANDLE key;
    CK_ULONG found;

    must(f->p11->C_FindObjectsInit(session, query, 2), "C_FindObjectsInit");
    must(f->p11->C_FindObjects(session, &key, 1, &found), "C_FindObjects");
    must(f->p11->C_FindObjectsFinal(session), "C_FindObjectsFinal");
    if (found != 1)
        errx(1, "no such key");
    return key;
}

static CK_SESSION_HANDLE open_session(const struct floor *f)
{
    CK_SESSION_HANDLE session;

    must(f->p11->C_OpenSession(f->slot, CKF_SERIAL_SESSION, NULL, NULL, &session), "C_OpenSession");
    return session;
}

static void find_token(struct floor *f, const char *label)
{
    CK_SLOT_ID slots[64];
    CK_ULONG count = 64;
    CK_TOKEN_INFO info;

    must(f->p11->C_GetSlotList(CK_TRUE, slots, &count), "C_GetSlotList");
    for (CK_ULONG i = 0; i < count; i++) {
        must(f->p11->C_GetTokenInfo(slots[i], &info), "C_GetTokenInfo");
        if (strncmp((const char *)info.label, label, strlen(label)) == 0) {
            f->slot = slots[i];
            return;
        }
    }
    errx(1, "no token %s", label);
}

static CK_SESSION_HANDLE start(struct floor *f, const char *module, const char *label, const char *pin_file)
{
    CK_C_INITIALIZE_ARGS arguments = {.flags = CKF_OS_LOCKING_OK};
    void *library = dlopen(module, RTLD_NOW | RTLD_LOCAL);
    CK_C_GetFunctionList get = library ? (CK_C_GetFunctionList)dlsym(library, "C_GetFunctionList") : NULL;
    CK_ATTRIBUTE type = {CKA_KEY_TYPE, &f->key_type, sizeof f->key_type};
    CK_SESSION_HANDLE session;
    unsigned char pin[64];
    FILE *in = fopen(pin_file, "r");
    size_t pin_length;

    if (get == NULL || in == NULL)
        errx(1, "cannot open %s or %s", module, pin_file);
    pin_length = fread(pin, 1, sizeof pin, in);
    fclose(in);
    must(get(&f->p11), "C_GetFunctionList");
    must(f->p11->C_Initialize(&arguments), "C_Initialize");
    find_token(f, label);
    session = open_session(f);
    must(f->p11->C_Login(session, CKU_USER, pin, pin_length), "C_Login");
    must(f->p11->C_GetAttributeValue(session, find_key(f, session), &type, 1), "C_GetAttributeValue");
    return session;
}

static void hash(const char *file, unsigned char *digest)
{
    static _Thread_local unsigned char buffer[SG_IO_BUFFER];
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    if (fd < 0 || context == NULL || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1)
        err(1, "%s", file);
    while ((n = read(fd, buffer, sizeof buffer)) > 0)
        EVP_DigestUpdate(context, buffer, (size_t)n);
    if (n < 0 || EVP_DigestFinal_ex(context, digest, NULL) != 1)
        err(1, "%s", file);
    close(fd);
    EVP_MD_CTX_free(context);
}

static size_t sign(const struct floor *f, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, const unsigned char *digest,
                   unsigned char *signature)
{
    CK_MECHANISM mechanism = {f->key_type == CKK_RSA ? CKM_RSA_PKCS : CKM_ECDSA, NULL, 0};
    CK_ULONG length = SG_MAX_SIGNATURE;
    unsigned char data[sizeof digest_info + DIGEST];
    size_t skip = f->key_type == CKK_RSA ? 0 : sizeof digest_info;

    memcpy(data, digest_info, sizeof digest_info);
    memcpy(data + sizeof digest_info, digest, DIGEST);
    must(f->p11->C_SignInit(session, &mechanism, key), "C_SignInit");
    must(f->p11->C_Sign(session, data + skip, sizeof data - skip, signature, &length), "C_Sign");
    return length;
}

/* A file without a name, as long as what signet makes of one is: a signature, or a signed PDF. */
static int write_output(const struct floor *f, const unsigned char *signature, size_t length)
{
    static _Thread_local unsigned char file[SG_MIB];
    int fd = open(f->folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);

    if (f->signature_size > sizeof file || length > f->signature_size)
        errx(1, "SIZE does not fit");
    memcpy(file, signature, length);
    if (fd < 0 || write(fd, file, f->signature_size) != (ssize_t)f->signature_size)
        err(1, "%s", f->folder);
    return fd;
}

static void *work(void *argument)
{
    struct floor *f = argument;
    CK_SESSION_HANDLE session = open_session(f);
    CK_OBJECT_HANDLE key = find_key(f, session);
    unsigned char digest[DIGEST] = {0}, signature[SG_MAX_SIGNATURE];
    size_t i, length;

    while ((i = atomic_fetch_add(&f->next, 1)) < f->end) {
        if (f->files)
            hash(f->files[i], digest);
        length = sign(f, session, key, digest, signature);
        if (f->files)
            f->outputs[i - f->group] = write_output(f, signature, length);
    }
    f->p11->C_CloseSession(session);
    return NULL;
}

static void run_threads(struct floor *f, size_t threads)
{
    pthread_t thread[SG_MAX_THREADS];

    if (threads == 0 || threads > SG_MAX_THREADS)
        errx(1, "THREADS is 1 to %d", SG_MAX_THREADS);
    for (size_t i = 0; i < threads; i++)
        if (pthread_create(&thread[i], NULL, work, f) != 0)
            errx(1, "pthread_create");
    for (size_t i = 0; i < threads; i++)
        pthread_join(thread[i], NULL);
}

/* One syncfs, the names, one fsync of the folder. */
static void make_final(const struct floor *f, int folder)
{
    char from[64], to[64];

    if (f->end > f->group && syncfs(f->outputs[0]) != 0)
        err(1, "syncfs");
    for (size_t i = f->group; i < f->end; i++) {
        snprintf(from, sizeof from, "/proc/self/fd/%d", f->outputs[i - f->group]);
        snprintf(to, sizeof to, "%zu.p7s", i);
        if (linkat(AT_FDCWD, from, folder, to, AT_SYMLINK_FOLLOW) != 0)
            err(1, "linkat");
        close(f->outputs[i - f->group]);
    }
    if (fsync(folder) != 0)
        err(1, "fsync");
}

static void sign_files(struct floor *f, size_t threads, size_t count)
{
    int outputs[SG_GROUP_FILES];
    int folder = open(f->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (folder < 0)
        err(1, "%s", f->folder);
    f->outputs = outputs;
    for (f->group = 0; f->group < count; f->group = f->end) {
        f->end = count - f->group > SG_GROUP_FILES ? f->group + SG_GROUP_FILES : count;
        atomic_store(&f->next, f->group);
        run_threads(f, threads);
        make_final(f, folder);
    }
    close(folder);
}

static void sign_raw(struct floor *f, size_t threads, size_t count)
{
    struct timespec from, to;

    f->end = count;
    clock_gettime(CLOCK_MONOTONIC, &from);
    run_threads(f, threads);
    clock_gettime(CLOCK_MONOTONIC, &to);
    printf("%.0f\n", (double)count / ((double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9));
}

int main(int argc, char **argv)
{
    bool raw = argc == 8 && strcmp(argv[1], "raw") == 0;
    unsigned char id;
    struct floor f = {.id = {CKA_ID, &id, 1}};
    size_t threads;

    if (!raw && (argc < 10 || strcmp(argv[1], "sign") != 0))
        errx(64, "see the head of floor.c");
    id = (unsigned char)strtoul(argv[4], NULL, 16);
    threads = strtoul(argv[6], NULL, 10);
    start(&f, argv[2], argv[3], argv[5]);
    if (raw) {
        sign_raw(&f, threads, strtoul(argv[7], NULL, 10));
    } else {
        f.signature_size = strtoul(argv[7], NULL, 10);
        f.folder = argv[8];
        f.files = argv + 9;
        sign_files(&f, threads, (size_t)(argc - 9));
    }
    must(f.p11->C_Finalize(NULL), "C_Finalize");
    return 0;
}
