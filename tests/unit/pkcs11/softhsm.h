/* A SoftHSM token of a test's own, in a temporary folder, with keys made by pkcs11-tool. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/crypto.h"
#include "base/limits.h"
#include "pkcs11/token.h"

/* SoftHSM loses a little memory with each Ed25519 signature; that is not ours to judge. It is built without frame
 * pointers, so that its name stands in the trace only with the slow way to unwind. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "fast_unwind_on_malloc=0";
}
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libsofthsm2.so\n";
}

#define SOFTHSM_MODULE "/usr/lib/softhsm/libsofthsm2.so"
#define SOFTHSM_PIN "918273"

struct softhsm {
    char folder[64];
    OSSL_LIB_CTX *libctx;
    struct sg_tokens *tokens;
};

/* Succeeds or fails the test. The command's words are fixed by the test. */
__attribute__((format(printf, 1, 2))) static inline void run(const char *format, ...)
{
    char command[2048];
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(command, sizeof command, format, arguments);
    va_end(arguments);
    assert_in_range(len, 1, sizeof command - 1);
    if (system(command) != 0)
        fail_msg("command failed: %s", command);
}

#define TOOL "pkcs11-tool --module " SOFTHSM_MODULE " --token-label '%s' --login --pin " SOFTHSM_PIN " >/dev/null 2>&1 "

static inline void softhsm_add_token(const char *label)
{
    run("softhsm2-util --init-token --free --label '%s' --pin " SOFTHSM_PIN " --so-pin 12345678 >/dev/null", label);
}

static inline void softhsm_keygen(const char *token, const char *type, const char *id, const char *label)
{
    run(TOOL "--keypairgen --key-type %s --id %s --label '%s' --usage-sign", token, type, id, label);
}

static inline void softhsm_folder(struct softhsm *h)
{
    struct sg_err err;
    assert_int_equal(sg_secrets_init(&err), SG_OK);
    strcpy(h->folder, "/tmp/signet-test-XXXXXX");
    assert_non_null(mkdtemp(h->folder));
    char path[128];
    (void)snprintf(path, sizeof path, "%s/tokens", h->folder);
    assert_int_equal(mkdir(path, 0700), 0);
    (void)snprintf(path, sizeof path, "%s/softhsm2.conf", h->folder);
    FILE *conf = fopen(path, "w");
    assert_non_null(conf);
    (void)fprintf(conf, "directories.tokendir = %s/tokens\nobjectstore.backend = file\nlog.level = ERROR\n", h->folder);
    assert_int_equal(fclose(conf), 0);
    assert_int_equal(setenv("SOFTHSM2_CONF", path, 1), 0);
}

/* Each test runs twice: with the module in its own process, and in a token host. */
static inline const char *softhsm_host(void)
{
    return getenv("SIGNET_TEST_HOST");
}

static inline void softhsm_open(struct softhsm *h)
{
    const char *module = SOFTHSM_MODULE;
    struct sg_err err = {0};
    if (!h->libctx)
        assert_int_equal(sg_libctx_new(&h->libctx, &err), SG_OK);
    struct sg_tokens_options options = {
        .modules = &module, .module_count = 1, .libctx = h->libctx, .host = softhsm_host(), .runtime = h->folder};
    if (sg_tokens_open(&options, &h->tokens, &err) != SG_OK)
        fail_msg("%s [%s]", err.text, err.cause);
}

static inline void softhsm_close(struct softhsm *h)
{
    sg_tokens_free(h->tokens);
    OSSL_LIB_CTX_free(h->libctx);
    h->tokens = NULL;
    h->libctx = NULL;
}

static inline void softhsm_remove(struct softhsm *h)
{
    softhsm_close(h);
    run("rm -rf '%s'", h->folder);
}

static inline struct sg_token *softhsm_token(struct softhsm *h, const char *label)
{
    for (size_t i = 0; i < sg_tokens_count(h->tokens); i++) {
        struct sg_token *token = sg_tokens_get(h->tokens, i);
        if (strcmp(sg_token_info(token)->label, label) == 0)
            return token;
    }
    fail_msg("no token %s", label);
    return NULL;
}

static inline struct sg_secret *secret_of(const char *text)
{
    struct sg_secret *secret = NULL;
    assert_int_equal(sg_secret_new(SG_MAX_PIN, &secret, NULL), SG_OK);
    memcpy(secret->bytes, text, strlen(text));
    secret->len = strlen(text);
    return secret;
}

static inline void softhsm_login(struct softhsm *h, const char *label)
{
    struct sg_err err = {0};
    _cleanup_(sg_secret_freep) struct sg_secret *pin = secret_of(SOFTHSM_PIN);
    if (sg_token_login(softhsm_token(h, label), pin, NULL, &err) != SG_OK)
        fail_msg("%s [%s]", err.text, err.cause);
}

/* The one key that fits; the list keeps it. */
static inline struct sg_token_key *only_key(struct sg_tokens *tokens, const char *uri, struct sg_key_list **ret_list)
{
    struct sg_err err = {0};
    if (sg_keys_find(tokens, uri, ret_list, &err) != SG_OK)
        fail_msg("%s [%s]", err.text, err.cause);
    assert_int_equal(sg_key_list_count(*ret_list), 1);
    return sg_key_list_get(*ret_list, 0);
}

static inline EVP_PKEY *open_key(struct sg_token_key *key)
{
    struct sg_err err = {0};
    EVP_PKEY *opened = NULL;
    if (sg_token_key_inspect(key, SG_FOR_SIGNING, &err) != SG_OK || sg_token_key_open(key, &opened, &err) != SG_OK)
        fail_msg("%s [%s]", err.text, err.cause);
    return opened;
}
