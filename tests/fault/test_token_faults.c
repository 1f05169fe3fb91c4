/* A token that fails, lies, or lacks what others have: always an error with a sentence, never a wrong signature, never
 * a PIN tried twice. */
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

static struct sg_secret *new_pin(const char *text)
{
    struct sg_secret *pin = NULL;
    assert_int_equal(sg_secret_new(SG_MAX_PIN, &pin, NULL), SG_OK);
    memcpy(pin->bytes, text, strlen(text));
    pin->len = strlen(text);
    return pin;
}

static void forget_refusals(void)
{
    char path[sizeof runtime + 32];
    (void)snprintf(path, sizeof path, "%s/serial=0001.user", runtime);
    (void)unlink(path);
}

static int setup_group(void **state)
{
    (void)state;
    module = dlopen(FAKE_MODULE, RTLD_NOW | RTLD_LOCAL);
    fake = module ? dlsym(module, "fake_control") : NULL;
    if (!fake || sg_secrets_init(NULL) != SG_OK || sg_libctx_new(&libctx, NULL) != SG_OK || !mkdtemp(runtime))
        return -1;
    right_pin = new_pin("123456");
    return 0;
}

static int teardown_group(void **state)
{
    (void)state;
    forget_refusals();
    (void)rmdir(runtime);
    sg_secret_free(right_pin);
    OSSL_LIB_CTX_free(libctx);
    return dlclose(module);
}

static int setup(void **state)
{
    (void)state;
    *fake = (struct fake_control){.lists_raw = true, .serves_raw = true};
    forget_refusals();
    return 0;
}

static enum sg_rc open_tokens(struct sg_tokens **ret, struct sg_err *err)
{
    const char *path = FAKE_MODULE;
    const struct sg_tokens_options options = {
        .modules = &path, .module_count = 1, .libctx = libctx, .runtime = runtime};
    return sg_tokens_open(&options, ret, err);
}

static enum sg_rc login(struct sg_tokens *tokens, const struct sg_secret *pin, struct sg_err *err)
{
    if (sg_tokens_count(tokens) == 0)
        return sg_fail(err, SG_E_NO_TOKEN, "No token.");
    return sg_token_login(sg_tokens_get(tokens, 0), pin, NULL, err);
}

/* Signs "data" and verifies what comes; SG_OK only for a right signature. */
static enum sg_rc sign(struct sg_token_key *key, EVP_PKEY *opened, const char *digest, bool pss, bool pieces,
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

/* The public key alone, in `default`. */
static EVP_PKEY *public_of(EVP_PKEY *key)
{
    _cleanup_(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx =
        EVP_PKEY_CTX_new_from_name(libctx, EVP_PKEY_get0_type_name(key), "provider=default");
    OSSL_PARAM *params = NULL;
    EVP_PKEY *pub = NULL;
    assert_int_equal(EVP_PKEY_todata(key, EVP_PKEY_PUBLIC_KEY, &params), 1);
    assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
    assert_int_equal(EVP_PKEY_fromdata(ctx, &pub, EVP_PKEY_PUBLIC_KEY, params), 1);
    OSSL_PARAM_free(params);
    return pub;
}

/* What became of the last use of a key: the token's error, or, if it had none, the ciphertext's. */
static enum sg_rc outcome(const struct sg_token_key *key, bool done, struct sg_err *err)
{
    enum sg_rc rc = sg_token_key_last_error(key, err);
    if (!done && rc == SG_OK)
        rc = sg_fail_ssl(err, SG_E_DECRYPTION, "It does not decrypt.");
    ERR_clear_error();
    assert_int_equal(done, rc == SG_OK);
    return rc;
}

/* Encrypts "data" and decrypts it; SG_OK only if it is that again. */
static enum sg_rc decrypt(struct sg_token_key *key, EVP_PKEY *opened, struct sg_err *err)
{
    _cleanup_(EVP_PKEY_freep) EVP_PKEY *pub = public_of(opened);
    _cleanup_(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *to = EVP_PKEY_CTX_new_from_pkey(libctx, pub, NULL);
    _cleanup_(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(libctx, opened, NULL);
    uint8_t data[256], plain[256];
    size_t data_len = sizeof data, plain_len = sizeof plain;
    assert_int_equal(EVP_PKEY_encrypt_init(to), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(to, RSA_PKCS1_OAEP_PADDING), 1);
    assert_int_equal(EVP_PKEY_encrypt(to, data, &data_len, (const unsigned char *)"data", 4), 1);
    if (EVP_PKEY_decrypt_init(ctx) != 1 || EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) != 1)
        return sg_fail_ssl(err, SG_E_DECRYPTION, "OpenSSL does not begin to decrypt.");
    bool done = EVP_PKEY_decrypt(ctx, plain, &plain_len, data, data_len) == 1;
    if (done)
        assert_true(plain_len == 4 && memcmp(plain, "data", 4) == 0);
    return outcome(key, done, err);
}

/* Agrees on a secret with a key of its own. */
static enum sg_rc agree(struct sg_token_key *key, EVP_PKEY *opened, struct sg_err *err)
{
    _cleanup_(EVP_PKEY_freep) EVP_PKEY *pub = public_of(opened);
    _cleanup_(EVP_PKEY_freep) EVP_PKEY *other = EVP_PKEY_Q_keygen(libctx, "provider=default", "EC", "P-256");
    _cleanup_(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *theirs = EVP_PKEY_CTX_new_from_pkey(libctx, other, NULL);
    _cleanup_(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ours = EVP_PKEY_CTX_new_from_pkey(libctx, opened, NULL);
    uint8_t expected[32], shared[32];
    size_t expected_len = sizeof expected, len = sizeof shared;
    assert_int_equal(EVP_PKEY_derive_init(theirs), 1);
    assert_int_equal(EVP_PKEY_derive_set_peer(theirs, pub), 1);
    assert_int_equal(EVP_PKEY_derive(theirs, expected, &expected_len), 1);
    if (EVP_PKEY_derive_init(ours) != 1 || EVP_PKEY_derive_set_peer(ours, other) != 1)
        return sg_fail_ssl(err, SG_E_DECRYPTION, "OpenSSL does not begin to agree on a secret.");
    bool done = EVP_PKEY_derive(ours, shared, &len) == 1;
    if (done)
        assert_true(len == expected_len && memcmp(shared, expected, len) == 0);
    return outcome(key, done, err);
}

/* From a listing with the key's URI to a signature, and to what it decrypts. */
static enum sg_rc use_key(struct sg_tokens *tokens, const char *uri, struct sg_err *err)
{
    _cleanup_(sg_key_list_freep) struct sg_key_list *list = NULL;
    _cleanup_(EVP_PKEY_freep) EVP_PKEY *opened = NULL;
    enum sg_rc rc = sg_keys_find(tokens, uri, &list, err);
    if (rc == SG_OK && sg_key_list_count(list) != 1)
        rc = sg_fail(err, SG_E_NO_KEY, "No key.");
    if (rc != SG_OK)
        return rc;
    struct sg_token_key *key = sg_key_list_get(list, 0);
    rc = sg_token_key_inspect(key, SG_FOR_SIGNING, err);
    if (rc == SG_OK)
        rc = sg_token_key_open(key, &opened, err);
    if (rc == SG_OK)
        rc = sign(key, opened, "SHA256", false, false, err);
    if (rc == SG_OK)
        rc = (EVP_PKEY_is_a(opened, "RSA") ? decrypt : agree)(key, opened, err);
    return rc;
}

static enum sg_rc whole_way(struct sg_err *err)
{
    _cleanup_(sg_tokens_freep) struct sg_tokens *tokens = NULL;
    _cleanup_(sg_x509_stack_freep) STACK_OF(X509) *certs = sk_X509_new_null();
    enum sg_rc rc = open_tokens(&tokens, err);
    if (rc == SG_OK)
        rc = login(tokens, right_pin, err);
    if (rc == SG_OK)
        rc = sg_token_certificates(sg_tokens_get(tokens, 0), NULL, certs, err);
    if (rc == SG_OK)
        rc = use_key(tokens, RSA_KEY, err);
    if (rc == SG_OK)
        rc = use_key(tokens, EC_KEY, err);
    return rc;
}

/* --- failing ----------------------------------------------------------------------------------------------------- */

/* Calls whose failure does no harm: at the end, where the answer is a help only, or where the module is then started
 * again. */
static bool is_harmless(const char *name, unsigned long rv)
{
    static const char *const names[] = {"C_Finalize",         "C_CloseSession", "C_Logout",     "C_GetInfo",
                                        "C_GetMechanismList", "C_GetTokenInfo", "C_GetSlotList"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(name, names[i]) == 0)
            return true;
    }
    /* Said of one attribute or mechanism, these are answers. */
    return (strcmp(name, "C_GetAttributeValue") == 0 &&
            (rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_BUFFER_TOO_SMALL)) ||
           ((strcmp(name, "C_SignInit") == 0 || strcmp(name, "C_Sign") == 0) && rv == CKR_MECHANISM_INVALID) ||
           (strcmp(name, "C_GetSlotList") == 0 && rv == CKR_BUFFER_TOO_SMALL);
}

/* Each C_ call in turn fails, with each of several codes. */
static void test_each_call_fails(void **state)
{
    (void)state;
    static const unsigned long codes[] = {CKR_GENERAL_ERROR, CKR_FUNCTION_FAILED,   CKR_ATTRIBUTE_TYPE_INVALID,
                                          CKR_DEVICE_ERROR,  CKR_DEVICE_REMOVED,    CKR_SESSION_HANDLE_INVALID,
                                          CKR_PIN_INCORRECT, CKR_MECHANISM_INVALID, CKR_BUFFER_TOO_SMALL,
                                          CKR_VENDOR};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        unsigned failures = 0;
        for (unsigned at = 1;; at++) {
            struct sg_err err = {0};
            *fake = (struct fake_control){.lists_raw = true, .serves_raw = true, .fail_at = at, .fail_with = codes[i]};
            forget_refusals();
            enum sg_rc rc = whole_way(&err);
            assert_true(fake->logins <= 1);
            if (!fake->failed) {
                assert_int_equal(rc, SG_OK);
                assert_int_equal(fake->secrets, 0);
                break;
            }
            failures++;
            if (rc == SG_OK && !is_harmless(fake->failed, codes[i]))
                fail_msg("%s fails with 0x%lx, and nobody notices", fake->failed, codes[i]);
            if (rc != SG_OK && (err.rc != rc || rc == SG_E_INTERNAL || err.text[0] == '\0'))
                fail_msg("%s fails with 0x%lx, and no sentence says so", fake->failed, codes[i]);
        }
        assert_in_range(failures, 50, 1000);
    }
}

/* Each allocation in turn finds no memory. */
static void test_each_allocation_fails(void **state)
{
    (void)state;
    unsigned failures = 0;
    for (unsigned nth = 1;; nth++) {
        struct sg_err err = {0};
        faults_arm((struct fault){.calls = FAULT_ALLOC, .nth = nth, .errnum = ENOMEM});
        enum sg_rc rc = whole_way(&err);
        bool hit = faults_disarm();
        if (!hit) {
            assert_int_equal(rc, SG_OK);
            break;
        }
        failures++;
        if (rc != SG_OK && (err.rc != rc || err.text[0] == '\0'))
            fail_msg("allocation %u fails, and no sentence says so", nth);
    }
    assert_in_range(failures, 50, 2000);
}

/* --- lying ------------------------------------------------------------------------------------------------------- */

/* Lengths, counts and values that cannot be true. */
static void test_lies(void **state)
{
    (void)state;
    for (int lie = FAKE_HONEST + 1; lie < FAKE_LIES; lie++) {
        struct sg_err err = {0};
        *fake = (struct fake_control){.lists_raw = true, .serves_raw = true, .lie = (enum fake_lie)lie};
        enum sg_rc rc = whole_way(&err);
        if (lie == FAKE_MECHANISM_COUNT) /* the list is a help only */
            assert_int_equal(rc, SG_OK);
        else if (rc == SG_OK || err.text[0] == '\0')
            fail_msg("lie %d is believed", lie);
        if (lie == FAKE_VALUE_READABLE)
            assert_int_equal(rc, SG_E_CUSTODY);
    }
}

/* A label made to move the cursor and to be a format string: is what we print of it harmless? */
static void test_hostile_texts(void **state)
{
    (void)state;
    _cleanup_(sg_tokens_freep) struct sg_tokens *tokens = NULL;
    _cleanup_(sg_key_list_freep) struct sg_key_list *list = NULL;
    struct sg_err err = {0};
    assert_int_equal(open_tokens(&tokens, NULL), SG_OK);
    assert_string_equal(sg_token_info(sg_tokens_get(tokens, 0))->label, "Fake?[31m?%s?");
    assert_int_equal(sg_keys_find(tokens, RSA_KEY, &list, NULL), SG_OK);
    assert_string_equal(sg_token_key_info(sg_key_list_get(list, 0))->label, "key?]0;?%n");
    _cleanup_(sg_secret_freep) struct sg_secret *wrong_pin = new_pin("000000");
    assert_int_equal(login(tokens, wrong_pin, &err), SG_E_PIN_INCORRECT);
    assert_string_equal(err.token, "Fake?[31m?%s? (0001)");
}

/* --- lacking ----------------------------------------------------------------------------------------------------- */

/* Without the raw mechanisms, listed or not, does the token's combined mechanism sign the same? */
static void test_combined_mechanisms(void **state)
{
    (void)state;
    for (int listed = 0; listed < 2; listed++) {
        *fake = (struct fake_control){.lists_raw = listed, .serves_raw = false};
        _cleanup_(sg_tokens_freep) struct sg_tokens *tokens = NULL;
        assert_int_equal(open_tokens(&tokens, NULL), SG_OK);
        assert_int_equal(login(tokens, right_pin, NULL), SG_OK);
        for (int i = 0; i < 2; i++) {
            _cleanup_(sg_key_list_freep) struct sg_key_list *list = NULL;
            _cleanup_(EVP_PKEY_freep) EVP_PKEY *opened = NULL;
            struct sg_err err = {0};
            assert_int_equal(sg_keys_find(tokens, i == 0 ? RSA_KEY : EC_KEY, &list, NULL), SG_OK);
            struct sg_token_key *key = sg_key_list_get(list, 0);
            assert_int_equal(sg_token_key_inspect(key, SG_FOR_SIGNING, NULL), SG_OK);
            assert_int_equal(sg_token_key_open(key, &opened, NULL), SG_OK);
            assert_int_equal(sign(key, opened, "SHA256", false, true, &err), SG_OK);
            assert_int_equal(sign(key, opened, "SHA384", false, false, &err), SG_OK);
            if (i == 0)
                assert_int_equal(sign(key, opened, "SHA256", true, true, &err), SG_OK);
            /* What the token cannot hash either is an error that names the mechanism. */
            if (i == 1) {
                assert_int_equal(sign(key, opened, "SHA512", false, false, &err), SG_E_TOKEN_FAILED);
                assert_int_equal(sign(key, opened, "SHA256", false, false, &err), SG_OK);
            }
        }
    }
}

struct work {
    struct sg_token_key *key;
    EVP_PKEY *opened;
    bool good;
};

static void *sign_in_thread(void *data)
{
    struct work *work = data;
    work->good = true;
    for (int i = 0; work->good && i < 20; i++)
        work->good = sign(work->key, work->opened, "SHA256", false, false, NULL) == SG_OK;
    return NULL;
}

/* Fewer sessions than threads: do the threads wait for each other instead of failing? */
static void test_few_sessions(void **state)
{
    (void)state;
    _cleanup_(sg_tokens_freep) struct sg_tokens *tokens = NULL;
    _cleanup_(sg_key_list_freep) struct sg_key_list *list = NULL;
    _cleanup_(EVP_PKEY_freep) EVP_PKEY *opened = NULL;
    pthread_t threads[6];
    struct work work[6];
    fake->session_limit = 3;
    assert_int_equal(open_tokens(&tokens, NULL), SG_OK);
    assert_int_equal(login(tokens, right_pin, NULL), SG_OK);
    assert_int_equal(sg_keys_find(tokens, EC_KEY, &list, NULL), SG_OK);
    struct sg_token_key *key = sg_key_list_get(list, 0);
    assert_int_equal(sg_token_key_inspect(key, SG_FOR_SIGNING, NULL), SG_OK);
    assert_int_equal(sg_token_key_open(key, &opened, NULL), SG_OK);
    for (size_t i = 0; i < 6; i++) {
        work[i] = (struct work){.key = key, .opened = opened};
        assert_int_equal(pthread_create(&threads[i], NULL, sign_in_thread, &work[i]), 0);
    }
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_true(work[i].good);
    }
    assert_in_range(fake->most_sessions, 2, 3);
}

/* --- PINs -------------------------------------------------------------------------------------------------------- */

/* Locked, or one try left: is the PIN not even given to the token? */
static void test_pin_states(void **state)
{
    (void)state;
    static const struct {
        unsigned long flags;
        enum sg_rc rc;
        int tries_left;
    } cases[] = {{CKF_USER_PIN_LOCKED, SG_E_PIN_LOCKED, 0}, {CKF_USER_PIN_FINAL_TRY, SG_E_PIN_FINAL_TRY, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        _cleanup_(sg_tokens_freep) struct sg_tokens *tokens = NULL;
        struct sg_err err = {0};
        assert_int_equal(open_tokens(&tokens, NULL), SG_OK);
        fake->token_flags = cases[i].flags; /* come to be after the listing */
        assert_int_equal(login(tokens, right_pin, &err), cases[i].rc);
        assert_int_equal(err.tries_left, cases[i].tries_left);
        assert_int_equal(fake->logins, 0);
        fake->token_flags = 0;
    }
}

/* The ways in which a token says that a PIN is wrong. */
static const unsigned long refusals[] = {CKR_PIN_INCORRECT, CKR_PIN_INVALID, CKR_PIN_LEN_RANGE, CKR_PIN_LOCKED};
#define REFUSALS (sizeof refusals / sizeof *refusals)

/* The token answers the next C_Login with `rv`. */
static void refuse_next(unsigned long rv)
{
    fake->calls = 0;
    fake->fail_at = 4; /* C_GetSlotInfo, C_GetTokenInfo, C_OpenSession, C_Login */
    fake->fail_with = rv;
}

/* After a refusal, in whatever words, is no PIN sent that nobody typed, a right one neither, also not by who opens the
 * token anew; and is one that is typed sent, which clears it? */
static void test_refused_pins(void **state)
{
    (void)state;
    for (unsigned i = 0; i < REFUSALS; i++) {
        struct sg_err err = {0};
        fake->logins = 0;
        for (unsigned round = 0; round < 2; round++) {
            _cleanup_(sg_tokens_freep) struct sg_tokens *tokens = NULL;
            assert_int_equal(open_tokens(&tokens, NULL), SG_OK);
            if (round == 0) {
                refuse_next(refusals[i]);
                assert_int_not_equal(login(tokens, right_pin, &err), SG_OK);
                assert_string_equal(fake->failed, "C_Login");
            }
            assert_int_equal(login(tokens, right_pin, &err), SG_E_PIN_INTERLOCK);
            assert_int_equal(fake->logins, 1);
        }
        _cleanup_(sg_tokens_freep) struct sg_tokens *tokens = NULL;
        struct sg_pin_origin origin = {.typed = true};
        assert_int_equal(open_tokens(&tokens, NULL), SG_OK);
        struct sg_token *token = sg_tokens_get(tokens, 0);
        assert_int_equal(sg_token_pin_ready(token, SG_PIN_USER, &origin, &err), SG_OK);
        assert_int_equal(sg_token_login(token, right_pin, &origin, &err), SG_OK);
        sg_tokens_free(sg_steal(tokens));
        assert_int_equal(open_tokens(&tokens, NULL), SG_OK);
        assert_int_equal(login(tokens, right_pin, &err), SG_OK);
        assert_int_equal(fake->logins, 3);
    }
}

/* Of several who were asked at the same time, is only one PIN sent when it is refused, until they are asked again? */
static void test_asked_at_once(void **state)
{
    (void)state;
    _cleanup_(sg_tokens_freep) struct sg_tokens *tokens = NULL;
    _cleanup_(sg_secret_freep) struct sg_secret *wrong_pin = new_pin("1");
    struct sg_pin_origin origins[3] = {{.typed = true}, {.typed = true}, {.typed = true}};
    struct sg_err err = {0};
    assert_int_equal(open_tokens(&tokens, NULL), SG_OK);
    struct sg_token *token = sg_tokens_get(tokens, 0);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(sg_token_pin_ready(token, SG_PIN_USER, &origins[i], &err), SG_OK);
    assert_int_equal(sg_token_login(token, wrong_pin, &origins[0], &err), SG_E_PIN_INCORRECT);
    assert_int_equal(sg_token_login(token, wrong_pin, &origins[1], &err), SG_E_PIN_INTERLOCK);
    assert_int_equal(sg_token_login(token, right_pin, &origins[2], &err), SG_E_PIN_INTERLOCK);
    assert_int_equal(fake->logins, 1);
    assert_int_equal(sg_token_pin_ready(token, SG_PIN_USER, &origins[2], &err), SG_OK);
    assert_int_equal(sg_token_login(token, right_pin, &origins[2], &err), SG_OK);
}

/* An answer that says nothing about the PIN stops nobody; one that leaves it open (the module hung) does. */
static void test_other_failures(void **state)
{
    (void)state;
    static const unsigned long answers[] = {CKR_GENERAL_ERROR, CKR_DEVICE_ERROR, CKR_DEVICE_REMOVED, CKR_PIN_EXPIRED,
                                            CKR_VENDOR};
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        _cleanup_(sg_tokens_freep) struct sg_tokens *tokens = NULL;
        struct sg_err err = {0};
        assert_int_equal(open_tokens(&tokens, NULL), SG_OK);
        refuse_next(answers[i]);
        enum sg_rc rc = login(tokens, right_pin, &err);
        assert_int_not_equal(rc, SG_OK);
        assert_int_equal(rc == SG_E_PIN_TO_BE_CHANGED, answers[i] == CKR_PIN_EXPIRED);
        assert_int_equal(login(tokens, right_pin, &err), SG_OK);
    }
}

/* The last try is spent only with consent, and then only once. */
static void test_last_try(void **state)
{
    (void)state;
    _cleanup_(sg_tokens_freep) struct sg_tokens *tokens = NULL;
    struct sg_pin_origin consent = {.use_last_try = true};
    struct sg_err err = {0};
    fake->token_flags = CKF_USER_PIN_FINAL_TRY;
    assert_int_equal(open_tokens(&tokens, NULL), SG_OK);
    struct sg_token *token = sg_tokens_get(tokens, 0);
    assert_int_equal(sg_token_login(token, right_pin, NULL, &err), SG_E_PIN_FINAL_TRY);
    assert_non_null(strstr(err.text, "--use-last-try"));
    assert_int_equal(fake->logins, 0);
    refuse_next(CKR_PIN_INCORRECT);
    assert_int_equal(sg_token_login(token, right_pin, &consent, &err), SG_E_PIN_INCORRECT);
    assert_int_equal(sg_token_login(token, right_pin, &consent, &err), SG_E_PIN_INTERLOCK);
    assert_int_equal(fake->logins, 1);
}

/* A PIN for the first use only: nothing is sent where the token says so before, and nobody stays logged in where it
 * says so only then. */
static void test_to_be_changed(void **state)
{
    (void)state;
    for (int after = 0; after < 2; after++) {
        _cleanup_(sg_tokens_freep) struct sg_tokens *tokens = NULL;
        _cleanup_(sg_key_list_freep) struct sg_key_list *list = NULL;
        struct sg_err err = {0};
        fake->logins = 0;
        fake->token_flags = after ? 0 : CKF_USER_PIN_TO_BE_CHANGED | CKF_USER_PIN_COUNT_LOW;
        fake->flags_once_logged_in = CKF_USER_PIN_TO_BE_CHANGED;
        assert_int_equal(open_tokens(&tokens, NULL), SG_OK);
        assert_int_equal(login(tokens, right_pin, &err), SG_E_PIN_TO_BE_CHANGED);
        assert_int_equal(fake->logins, after);
        assert_int_equal(sg_keys_find(tokens, EC_KEY, &list, NULL), SG_OK);
        assert_int_equal(sg_token_key_inspect(sg_key_list_get(list, 0), SG_FOR_SIGNING, &err), SG_E_PIN_REQUIRED);
        fake->token_flags = fake->flags_once_logged_in = 0;
        assert_int_equal(login(tokens, right_pin, &err), SG_OK); /* it was no refusal */
    }
}

/* A token that is taken out lets the next PIN be tried, if it is one that can be taken out. */
static void test_removal(void **state)
{
    (void)state;
    for (int removable = 0; removable < 2; removable++) {
        for (int while_listing = 0; while_listing < 2; while_listing++) {
            _cleanup_(sg_tokens_freep) struct sg_tokens *tokens = NULL;
            struct sg_err err = {0};
            *fake = (struct fake_control){.lists_raw = true, .serves_raw = true, .removable = removable};
            forget_refusals();
            assert_int_equal(open_tokens(&tokens, NULL), SG_OK);
            refuse_next(CKR_PIN_INCORRECT);
            assert_int_equal(login(tokens, right_pin, &err), SG_E_PIN_INCORRECT);
            fake->absent = true;
            if (while_listing)
                assert_int_equal(sg_tokens_refresh(tokens, &err), SG_OK);
            else
                assert_int_equal(login(tokens, right_pin, &err), SG_E_NO_TOKEN);
            assert_false(sg_token_info(sg_tokens_get(tokens, 0))->present);
            fake->absent = false;
            assert_int_equal(login(tokens, right_pin, &err), removable ? SG_OK : SG_E_PIN_INTERLOCK);
        }
    }
}

/* The first key that fits, inspected and opened. */
static struct sg_token_key *open_key(struct sg_tokens *tokens, const char *uri, struct sg_key_list **list,
                                     EVP_PKEY **opened)
{
    assert_int_equal(sg_keys_find(tokens, uri, list, NULL), SG_OK);
    struct sg_token_key *key = sg_key_list_get(*list, 0);
    assert_int_equal(sg_token_key_inspect(key, SG_FOR_SIGNING, NULL), SG_OK);
    assert_int_equal(sg_token_key_open(key, opened, NULL), SG_OK);
    return key;
}

/* A key that wants its PIN each time gets it each time; once it is refused, in whatever words, never again. */
static void test_always_authenticate(void **state)
{
    (void)state;
    for (size_t i = 0; i < REFUSALS; i++) {
        *fake = (struct fake_control){.lists_raw = true, .serves_raw = true, .reauthenticate = true};
        forget_refusals();
        _cleanup_(sg_tokens_freep) struct sg_tokens *tokens = NULL;
        _cleanup_(sg_key_list_freep) struct sg_key_list *list = NULL;
        _cleanup_(EVP_PKEY_freep) EVP_PKEY *opened = NULL;
        struct sg_err err = {0};
        assert_int_equal(open_tokens(&tokens, NULL), SG_OK);
        assert_int_equal(login(tokens, right_pin, NULL), SG_OK);
        struct sg_token_key *key = open_key(tokens, EC_KEY, &list, &opened);
        assert_int_equal(sign(key, opened, "SHA256", false, false, &err), SG_OK);
        assert_int_equal(sign(key, opened, "SHA256", false, false, &err), SG_OK);
        assert_int_equal(fake->logins, 3);

        fake->calls = 0;
        fake->fail_at = 4; /* C_GetSlotInfo, C_GetTokenInfo, C_SignInit, C_Login */
        fake->fail_with = refusals[i];
        assert_int_not_equal(sign(key, opened, "SHA256", false, false, &err), SG_OK);
        assert_string_equal(fake->failed, "C_Login");
        assert_int_equal(fake->logins, 4);
        enum sg_rc rc = sign(key, opened, "SHA256", false, false, &err);
        assert_int_equal(rc, SG_E_PIN_REQUIRED); /* it is forgotten */
        assert_int_equal(fake->logins, 4);
        sg_key_list_free(sg_steal(list));
        EVP_PKEY_free(sg_steal(opened));
        sg_tokens_free(sg_steal(tokens));
        assert_int_equal(open_tokens(&tokens, NULL), SG_OK);
        assert_int_equal(login(tokens, right_pin, &err), SG_E_PIN_INTERLOCK);
        assert_int_equal(fake->logins, 4);
    }
}

/* A PIN that no inspected key wants is wiped when a key is opened; a key that wants it later says so instead of giving
 * the token no PIN, which could cost a try. One that is wanted is kept, whichever key is opened first. */
static void test_pin_is_wiped(void **state)
{
    (void)state;
    for (int wanted = 0; wanted < 2; wanted++) {
        *fake = (struct fake_control){.lists_raw = true, .serves_raw = true};
        _cleanup_(sg_tokens_freep) struct sg_tokens *tokens = NULL;
        _cleanup_(sg_key_list_freep) struct sg_key_list *first_list = NULL, *second_list = NULL, *early_list = NULL;
        _cleanup_(EVP_PKEY_freep) EVP_PKEY *first = NULL, *second = NULL;
        struct sg_err err = {0};
        assert_int_equal(open_tokens(&tokens, NULL), SG_OK);
        assert_int_equal(login(tokens, right_pin, NULL), SG_OK);
        if (wanted) {
            fake->reauthenticate = true;
            assert_int_equal(sg_keys_find(tokens, EC_KEY, &early_list, NULL), SG_OK);
            assert_int_equal(sg_token_key_inspect(sg_key_list_get(early_list, 0), SG_FOR_SIGNING, NULL), SG_OK);
            fake->reauthenticate = false;
        }
        struct sg_token_key *key = open_key(tokens, RSA_KEY, &first_list, &first);
        assert_int_equal(sign(key, first, "SHA256", false, false, &err), SG_OK);
        assert_int_equal(fake->logins, 1);
        fake->reauthenticate = true;
        key = open_key(tokens, EC_KEY, &second_list, &second);
        enum sg_rc rc = sign(key, second, "SHA256", false, false, &err);
        assert_int_equal(rc, wanted ? SG_OK : SG_E_PIN_REQUIRED);
        assert_int_equal(fake->logins, wanted ? 2 : 1);
    }
}

/* A reader with a PIN pad takes no PIN from us; one without wants it. */
static void test_pin_pad(void **state)
{
    (void)state;
    _cleanup_(sg_tokens_freep) struct sg_tokens *tokens = NULL;
    struct sg_err err = {0};
    assert_int_equal(open_tokens(&tokens, NULL), SG_OK);
    assert_int_equal(sg_token_login(sg_tokens_get(tokens, 0), NULL, NULL, &err), SG_E_PIN_REQUIRED);
    assert_int_equal(fake->logins, 0);
    fake->token_flags = CKF_PROTECTED_AUTHENTICATION_PATH;
    assert_int_equal(sg_token_login(sg_tokens_get(tokens, 0), NULL, NULL, &err), SG_E_PIN_INCORRECT);
    assert_int_equal(fake->logins, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_each_call_fails, setup),
        cmocka_unit_test_setup(test_each_allocation_fails, setup),
        cmocka_unit_test_setup(test_lies, setup),
        cmocka_unit_test_setup(test_hostile_texts, setup),
        cmocka_unit_test_setup(test_combined_mechanisms, setup),
        cmocka_unit_test_setup(test_few_sessions, setup),
        cmocka_unit_test_setup(test_pin_states, setup),
        cmocka_unit_test_setup(test_refused_pins, setup),
        cmocka_unit_test_setup(test_asked_at_once, setup),
        cmocka_unit_test_setup(test_other_failures, setup),
        cmocka_unit_test_setup(test_last_try, setup),
        cmocka_unit_test_setup(test_to_be_changed, setup),
        cmocka_unit_test_setup(test_removal, setup),
        cmocka_unit_test_setup(test_always_authenticate, setup),
        cmocka_unit_test_setup(test_pin_is_wiped, setup),
        cmocka_unit_test_setup(test_pin_pad, setup),
    };
    return cmocka_run_group_tests(tests, setup_group, teardown_group);
}
