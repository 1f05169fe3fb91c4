/* A token that fails, lies, or lacks what others have: always an error with a sentence, never a wrong signature, never
 * a PIN tried twice. */
#include "fake_token.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_each_call_fails, setup),
        cmocka_unit_test_setup(test_each_allocation_fails, setup),
        cmocka_unit_test_setup(test_lies, setup),
        cmocka_unit_test_setup(test_hostile_texts, setup),
        cmocka_unit_test_setup(test_combined_mechanisms, setup),
        cmocka_unit_test_setup(test_few_sessions, setup),
    };
    return cmocka_run_group_tests(tests, setup_group, teardown_group);
}
