/* What one signature costs, the rest left out: prints the milliseconds of one of COUNT signatures by one thread.
 *
 *     bench_signatures HOST MODULE KEY-URI PIN-FILE COUNT     HOST: the token host, or "" for the module in process
 *
 * For tests/bench/run.sh. */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/crypto.h"
#include "base/limits.h"
#include "pkcs11/token.h"

static void must(enum sg_rc rc, const struct sg_err *err)
{
    if (rc != SG_OK)
        errx(70, "%s [%s]", err->text, err->cause);
}

static double now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static struct sg_secret *read_pin(const char *path)
{
    struct sg_err err;
    struct sg_secret *pin = NULL;
    FILE *file = fopen(path, "r");
    must(sg_secret_new(64, &pin, &err), &err);
    if (!file)
        errx(70, "%s", path);
    pin->len = fread(pin->bytes, 1, 64, file);
    pin->len = strnlen((const char *)pin->bytes, pin->len);
    while (pin->len > 0 && pin->bytes[pin->len - 1] == '\n')
        pin->len--;
    (void)fclose(file);
    return pin;
}

static void sign_once(OSSL_LIB_CTX *libctx, EVP_PKEY *key)
{
    static const unsigned char page[100] = "page";
    unsigned char value[SG_MAX_SIGNATURE];
    size_t len = sizeof value;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (!ctx || EVP_DigestSignInit_ex(ctx, NULL, "SHA256", libctx, NULL, key, NULL) != 1 ||
        EVP_DigestSign(ctx, value, &len, page, sizeof page) != 1)
        errx(70, "a signature failed");
    EVP_MD_CTX_free(ctx);
}

int main(int argc, char **argv)
{
    struct sg_err err;
    OSSL_LIB_CTX *libctx = NULL;
    struct sg_tokens *tokens = NULL;
    struct sg_key_list *keys = NULL;
    EVP_PKEY *key = NULL;
    if (argc != 6)
        errx(64, "usage: bench_signatures HOST MODULE KEY-URI PIN-FILE COUNT");
    const char *modules[] = {argv[2]}, *runtime = getenv("XDG_RUNTIME_DIR");
    int count = atoi(argv[5]);
    must(sg_secrets_init(&err), &err);
    must(sg_libctx_new(&libctx, &err), &err);
    const struct sg_tokens_options options = {.modules = modules,
                                              .module_count = 1,
                                              .libctx = libctx,
                                              .runtime = runtime,
                                              .host = argv[1][0] ? argv[1] : NULL};
    must(sg_tokens_open(&options, &tokens, &err), &err);
    must(sg_keys_find(tokens, argv[3], &keys, &err), &err);
    struct sg_token_key *found = sg_key_list_get(keys, 0);
    if (!found)
        errx(70, "no key");
    struct sg_secret *pin = read_pin(argv[4]);
    must(sg_token_login(sg_token_key_token(found), pin, NULL, &err), &err);
    must(sg_token_key_inspect(found, SG_FOR_SIGNING, &err), &err);
    must(sg_token_key_open(found, &key, &err), &err);
    sign_once(libctx, key); /* the first is verified */
    double began = now_ms();
    for (int i = 0; i < count; i++)
        sign_once(libctx, key);
    printf("%.6f\n", (now_ms() - began) / count);
    EVP_PKEY_free(key);
    sg_secret_free(pin);
    sg_key_list_free(keys);
    sg_tokens_free(tokens);
    OSSL_LIB_CTX_free(libctx);
    return 0;
}
