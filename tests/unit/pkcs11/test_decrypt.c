/* Decrypting through the provider: each padding and curve that CMS uses, on keys of SoftHSM that may decrypt; what the
 * token does not do for itself (OAEP with SHA-2) is done here, and gives the same. */
#include "softhsm.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

static struct softhsm hsm;
static const uint8_t message[] = "A content key of some length.";

static void keygen(const char *type, const char *id, const char *usage)
{
    run(TOOL "--keypairgen --key-type %s --id %s --label '%s' --usage-%s", "decrypt", type, id, usage, usage);
}

static int setup(void **state)
{
    (void)state;
    softhsm_folder(&hsm);
    softhsm_add_token("decrypt");
    keygen("rsa:2048", "01", "decrypt");
    keygen("EC:prime256v1", "02", "derive");
    keygen("EC:secp384r1", "03", "derive");
    keygen("EC:secp521r1", "04", "derive");
    softhsm_open(&hsm);
    softhsm_login(&hsm, "decrypt");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    softhsm_remove(&hsm);
    return 0;
}

static struct sg_token_key *key_of(const char *id, struct sg_key_list **ret_list)
{
    char uri[128];
    (void)snprintf(uri, sizeof uri, "pkcs11:token=decrypt;id=%%%s;type=private", id);
    return only_key(hsm.tokens, uri, ret_list);
}

static EVP_PKEY *open_for_decryption(struct sg_token_key *key)
{
    struct sg_err err = {0};
    EVP_PKEY *opened = NULL;
    if (sg_token_key_inspect(key, SG_FOR_DECRYPTION, &err) != SG_OK || sg_token_key_open(key, &opened, &err) != SG_OK)
        fail_msg("%s [%s]", err.text, err.cause);
    return opened;
}

/* The public key alone, in `default`. */
static EVP_PKEY *public_of(EVP_PKEY *key)
{
    OSSL_PARAM *params = NULL;
    EVP_PKEY *pub = NULL;
    assert_int_equal(EVP_PKEY_todata(key, EVP_PKEY_PUBLIC_KEY, &params), 1);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(hsm.libctx, EVP_PKEY_get0_type_name(key), "provider=default");
    assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
    assert_int_equal(EVP_PKEY_fromdata(ctx, &pub, EVP_PKEY_PUBLIC_KEY, params), 1);
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    return pub;
}

/* --- RSA ---------------------------------------------------------------------------------------------------------- */

static void set_rsa(EVP_PKEY_CTX *ctx, int padding, const char *digest, const char *mgf1)
{
    assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, padding), 1);
    if (digest)
        assert_int_equal(EVP_PKEY_CTX_set_rsa_oaep_md_name(ctx, digest, NULL), 1);
    if (mgf1)
        assert_int_equal(EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, mgf1, NULL), 1);
}

static void encrypt(EVP_PKEY *key, int padding, const char *digest, const char *mgf1, const uint8_t *data, size_t len,
                    uint8_t out[256])
{
    EVP_PKEY *pub = public_of(key);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(hsm.libctx, pub, NULL);
    size_t out_len = 256;
    assert_int_equal(EVP_PKEY_encrypt_init(ctx), 1);
    set_rsa(ctx, padding, digest, mgf1);
    assert_int_equal(EVP_PKEY_encrypt(ctx, out, &out_len, data, len), 1);
    assert_int_equal(out_len, 256);
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(pub);
}

/* Whether it decrypts; then it is the message. */
static bool decrypts(EVP_PKEY *key, int padding, const char *digest, const char *mgf1, const uint8_t *data, size_t len)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(hsm.libctx, key, NULL);
    uint8_t out[256];
    size_t out_len = sizeof out;
    assert_int_equal(EVP_PKEY_decrypt_init(ctx), 1);
    set_rsa(ctx, padding, digest, mgf1);
    EVP_PKEY_CTX *copy = EVP_PKEY_CTX_dup(ctx);
    assert_non_null(copy);
    EVP_PKEY_CTX_free(ctx);
    bool good = EVP_PKEY_decrypt(copy, out, &out_len, data, len) == 1;
    EVP_PKEY_CTX_free(copy);
    ERR_clear_error();
    if (good) {
        assert_int_equal(out_len, sizeof message);
        assert_memory_equal(out, message, sizeof message);
    }
    return good;
}

static void test_rsa_paddings(void **state)
{
    const struct {
        int padding;
        const char *digest, *mgf1;
    } cases[] = {{RSA_PKCS1_PADDING, NULL, NULL},
                 {RSA_PKCS1_OAEP_PADDING, NULL, NULL},
                 {RSA_PKCS1_OAEP_PADDING, "SHA224", NULL},
                 {RSA_PKCS1_OAEP_PADDING, "SHA256", NULL},
                 {RSA_PKCS1_OAEP_PADDING, "SHA256", "SHA1"},
                 {RSA_PKCS1_OAEP_PADDING, "SHA1", "SHA256"},
                 {RSA_PKCS1_OAEP_PADDING, "SHA384", NULL},
                 {RSA_PKCS1_OAEP_PADDING, "SHA512", NULL}};
    _cleanup_(sg_key_list_freep) struct sg_key_list *list = NULL;
    struct sg_token_key *token_key = key_of("01", &list);
    EVP_PKEY *key = open_for_decryption(token_key);
    uint8_t data[256];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        encrypt(key, cases[i].padding, cases[i].digest, cases[i].mgf1, message, sizeof message, data);
        assert_true(decrypts(key, cases[i].padding, cases[i].digest, cases[i].mgf1, data, sizeof data));
        data[100] ^= 1;
        assert_false(decrypts(key, cases[i].padding, cases[i].digest, cases[i].mgf1, data, sizeof data));
        /* The ciphertext was wrong, and nothing else. */
        assert_int_equal(sg_token_key_last_error(token_key, NULL), SG_OK);
        data[100] ^= 1;
        assert_false(decrypts(key, cases[i].padding, cases[i].digest, cases[i].mgf1, data, sizeof data - 1));
    }
    encrypt(key, RSA_PKCS1_OAEP_PADDING, "SHA256", NULL, message, sizeof message, data);
    assert_false(decrypts(key, RSA_PKCS1_OAEP_PADDING, "SHA1", NULL, data, sizeof data));
    assert_false(decrypts(key, RSA_PKCS1_PADDING, NULL, NULL, data, sizeof data));
    EVP_PKEY_free(key);
}

/* A number that begins with zeros comes back with them. */
static void test_raw_rsa_is_as_long_as_the_modulus(void **state)
{
    _cleanup_(sg_key_list_freep) struct sg_key_list *list = NULL;
    EVP_PKEY *key = open_for_decryption(key_of("01", &list));
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(hsm.libctx, key, NULL);
    uint8_t number[256] = {[200] = 7}, data[256], out[256];
    size_t len = sizeof out;

    (void)state;
    encrypt(key, RSA_NO_PADDING, NULL, NULL, number, sizeof number, data);
    assert_int_equal(EVP_PKEY_decrypt_init(ctx), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING), 1);
    assert_int_equal(EVP_PKEY_decrypt(ctx, out, &len, data, sizeof data), 1);
    assert_int_equal(len, sizeof number);
    assert_memory_equal(out, number, sizeof number);
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(key);
}

static void test_paddings_that_are_not_known(void **state)
{
    _cleanup_(sg_key_list_freep) struct sg_key_list *list = NULL;
    EVP_PKEY *key = open_for_decryption(key_of("01", &list));
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(hsm.libctx, key, NULL);

    (void)state;
    assert_int_equal(EVP_PKEY_decrypt_init(ctx), 1);
    assert_true(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_X931_PADDING) <= 0);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING), 1);
    assert_true(EVP_PKEY_CTX_set_rsa_oaep_md_name(ctx, "SHA3-256", NULL) <= 0);
    char *label = OPENSSL_strdup("label");
    assert_true(EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, label, 5) <= 0);
    OPENSSL_free(label); /* taken only if it succeeds */
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(key);
    ERR_clear_error();
}

/* --- ECDH --------------------------------------------------------------------------------------------------------- */

static size_t agree(EVP_PKEY *key, EVP_PKEY *peer, uint8_t out[66])
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(hsm.libctx, key, NULL);
    size_t len = 66;
    assert_int_equal(EVP_PKEY_derive_init(ctx), 1);
    bool good = EVP_PKEY_derive_set_peer(ctx, peer) == 1 && EVP_PKEY_derive(ctx, out, &len) == 1;
    EVP_PKEY_CTX_free(ctx);
    ERR_clear_error();
    return good ? len : 0;
}

static void test_both_sides_agree(void **state)
{
    const struct {
        const char *id, *curve;
        size_t len;
    } cases[] = {{"02", "P-256", 32}, {"03", "P-384", 48}, {"04", "P-521", 66}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        _cleanup_(sg_key_list_freep) struct sg_key_list *list = NULL;
        EVP_PKEY *key = open_for_decryption(key_of(cases[i].id, &list));
        EVP_PKEY *pub = public_of(key);
        for (int compressed = 0; compressed < 2; compressed++) {
            EVP_PKEY *other = EVP_PKEY_Q_keygen(hsm.libctx, "provider=default", "EC", cases[i].curve);
            uint8_t ours[66], theirs[66];
            if (compressed)
                assert_int_equal(EVP_PKEY_set_utf8_string_param(other, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
                                                                OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_COMPRESSED),
                                 1);
            assert_int_equal(agree(key, other, ours), cases[i].len);
            assert_int_equal(agree(other, pub, theirs), cases[i].len);
            assert_memory_equal(ours, theirs, cases[i].len);
            EVP_PKEY_free(other);
        }
        EVP_PKEY_free(pub);
        EVP_PKEY_free(key);
    }
}

static void test_a_key_on_another_curve(void **state)
{
    _cleanup_(sg_key_list_freep) struct sg_key_list *list = NULL;
    EVP_PKEY *key = open_for_decryption(key_of("02", &list));
    EVP_PKEY *other = EVP_PKEY_Q_keygen(hsm.libctx, "provider=default", "EC", "P-384");
    uint8_t out[66];

    (void)state;
    assert_int_equal(agree(key, other, out), 0);
    EVP_PKEY_free(other);
    EVP_PKEY_free(key);
}

/* --- use ---------------------------------------------------------------------------------------------------------- */

/* A token's error is kept, other than the ciphertext's. The last test: the token is gone behind SoftHSM's back. */
static void test_an_error_of_the_token_is_kept(void **state)
{
    _cleanup_(sg_key_list_freep) struct sg_key_list *list = NULL;
    struct sg_token_key *token_key = key_of("01", &list);
    EVP_PKEY *key = open_for_decryption(token_key);
    struct sg_err err = {0};
    uint8_t data[256];

    (void)state;
    encrypt(key, RSA_PKCS1_PADDING, NULL, NULL, message, sizeof message, data);
    run("rm -rf '%s/tokens'", hsm.folder);
    assert_false(decrypts(key, RSA_PKCS1_PADDING, NULL, NULL, data, sizeof data));
    assert_int_not_equal(sg_token_key_last_error(token_key, &err), SG_OK);
    assert_string_not_equal(err.cause, "");
    EVP_PKEY_free(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rsa_paddings),
        cmocka_unit_test(test_raw_rsa_is_as_long_as_the_modulus),
        cmocka_unit_test(test_paddings_that_are_not_known),
        cmocka_unit_test(test_both_sides_agree),
        cmocka_unit_test(test_a_key_on_another_curve),
        cmocka_unit_test(test_an_error_of_the_token_is_kept),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
