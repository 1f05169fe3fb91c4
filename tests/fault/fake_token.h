/* The module that fails and lies when told to, in this process, and a key of its token. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/rsa.h>

#include "base/crypto.h"
#include "base/limits.h"
#include "fake_module.h"
#include "faults.h"
#include "pkcs11/token.h"

/* PKCS#11's numbers; its header is for pkcs11/ alone. */
#define CKR_GENERAL_ERROR 0x05UL
#define CKR_FUNCTION_FAILED 0x06UL
#define CKR_ATTRIBUTE_TYPE_INVALID 0x12UL
#define CKR_DEVICE_ERROR 0x30UL
#define CKR_DEVICE_REMOVED 0x32UL
#define CKR_MECHANISM_INVALID 0x70UL
#define CKR_PIN_INCORRECT 0xa0UL
#define CKR_PIN_INVALID 0xa1UL
#define CKR_PIN_LEN_RANGE 0xa2UL
#define CKR_PIN_EXPIRED 0xa3UL
#define CKR_PIN_LOCKED 0xa4UL
#define CKR_SESSION_HANDLE_INVALID 0xb3UL
#define CKR_BUFFER_TOO_SMALL 0x150UL
#define CKR_VENDOR 0x80000123UL
#define CKF_USER_PIN_COUNT_LOW (1UL << 16)
#define CKF_USER_PIN_FINAL_TRY (1UL << 17)
#define CKF_USER_PIN_LOCKED (1UL << 18)
#define CKF_USER_PIN_TO_BE_CHANGED (1UL << 19)
#define CKF_PROTECTED_AUTHENTICATION_PATH (1UL << 8)

#define RSA_KEY "pkcs11:serial=0001;id=%01;type=private"
#define EC_KEY "pkcs11:serial=0001;id=%02;type=private"

static struct fake_control *fake;
static void *module;
static OSSL_LIB_CTX *libctx;
static struct sg_secret *right_pin;
static char runtime[] = "/tmp/signet-test-XXXXXX"; /* the PIN interlock's */

static inline struct sg_secret *new_pin(const char *text)
{
    struct sg_secret *pin = NULL;
    assert_int_equal(sg_secret_new(SG_MAX_PIN, &pin, NULL), SG_OK);
    memcpy(pin->bytes, text, strlen(text));
    pin->len = strlen(text);
    return pin;
}

static inline void forget_refusals(void)
{
    char path[sizeof runtime + 32];
    (void)snprintf(path, sizeof path, "%s/serial=0001.user", runtime);
    (void)unlink(path);
}

static inline int setup_group(void **state)
{
    (void)state;
    module = dlopen(FAKE_MODULE, RTLD_NOW | RTLD_LOCAL);
    fake = module ? dlsym(module, "fake_control") : NULL;
    if (!fake || sg_secrets_init(NULL) != SG_OK || sg_libctx_new(&libctx, NULL) != SG_OK || !mkdtemp(runtime))
        return -1;
    right_pin = new_pin("123456");
    return 0;
}

static inline int teardown_group(void **state)
{
    (void)state;
    forget_refusals();
    (void)rmdir(runtime);
    sg_secret_free(right_pin);
    OSSL_LIB_CTX_free(libctx);
    return dlclose(module);
}

static inline int setup(void **state)
{
    (void)state;
    *fake = (struct fake_control){.lists_raw = true, .serves_raw = true};
    forget_refusals();
    return 0;
}

static inline enum sg_rc open_tokens(struct sg_tokens **ret, struct sg_err *err)
{
    const char *path = FAKE_MODULE;
    const struct sg_tokens_options options = {
        .modules = &path, .module_count = 1, .libctx = libctx, .runtime = runtime};
    return sg_tokens_open(&options, ret, err);
}

static inline enum sg_rc login(struct sg_tokens *tokens, const struct sg_secret *pin, struct sg_err *err)
{
    if (sg_tokens_count(tokens) == 0)
        return sg_fail(err, SG_E_NO_TOKEN, "No token.");
    return sg_token_login(sg_tokens_get(tokens, 0), pin, NULL, err);
}

/* Signs "data" and verifies what comes; SG_OK only for a right signature. */
static inline enum sg_rc sign(struct sg_token_key *key, EVP_PKEY *opened, const char *digest, bool pss, bool pieces,
                              struct sg_err *err)
{
    uint8_t sig[SG_MAX_SIGNATURE];
    size_t len = sizeof sig;
    _cleanup_(EVP_MD_CTX_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    _cleanup_(EVP_MD_CTX_freep) EVP_MD_CTX *check = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pctx = NULL;
    if (EVP_DigestSignInit_ex(ctx, &pctx, digest, libctx, NULL, opened, NULL) != 1)
        return sg_fail_ssl(err, SG_E_INTERNAL, "OpenSSL does not begin to sign.");
    if (pss)
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING), 1);
    bool done = pieces ? EVP_DigestSignUpdate(ctx, "da", 2) == 1 && EVP_DigestSignUpdate(ctx, "ta", 2) == 1 &&
                             EVP_DigestSignFinal(ctx, sig, &len) == 1
                       : EVP_DigestSign(ctx, sig, &len, (const unsigned char *)"data", 4) == 1;
    enum sg_rc rc = sg_token_key_last_error(key, err);
    if (!done && rc == SG_OK)
        return sg_fail_ssl(err, SG_E_INTERNAL, "OpenSSL does not sign, and not for the token's sake.");
    ERR_clear_error();
    assert_int_equal(done, rc == SG_OK);
    if (rc != SG_OK)
        return rc;
    if (EVP_DigestVerifyInit_ex(check, &pctx, digest, libctx, NULL, opened, NULL) != 1)
        return sg_fail_ssl(err, SG_E_INTERNAL, "OpenSSL does not begin to verify.");
    if (pss)
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING), 1);
    assert_int_equal(EVP_DigestVerify(check, sig, len, (const unsigned char *)"data", 4), 1);
    return SG_OK;
}
