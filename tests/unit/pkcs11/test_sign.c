/* Signing through the provider: each kind of key that SoftHSM has, verified by OpenSSL's own `default` provider. */
#include "softhsm.h"

#include <pthread.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

static struct softhsm hsm;

static const struct kind {
    const char *type, *id, *label, *info_type, *curve;
    int bits;
    const char *digests[3];
} kinds[] = {
    {"rsa:2048", "01", "r2", "RSA", NULL, 2048, {"SHA256", "SHA384", "SHA512"}},
    {"rsa:3072", "02", "r3", "RSA", NULL, 3072, {"SHA256", NULL}},
    {"EC:prime256v1", "03", "p256", "EC", "P-256", 256, {"SHA256", "SHA384", "SHA512"}},
    {"EC:secp384r1", "04", "p384", "EC", "P-384", 384, {"SHA384", "SHA512", NULL}},
    {"EC:secp521r1", "05", "p521", "EC", "P-521", 521, {"SHA512", "SHA256", NULL}},
    {"EC:edwards25519", "06", "ed", "Ed25519", NULL, 256, {NULL}},
};
#define KINDS (sizeof kinds / sizeof *kinds)

static int setup(void **state)
{
    (void)state;
    softhsm_folder(&hsm);
    softhsm_add_token("sign");
    for (size_t i = 0; i < KINDS; i++)
        softhsm_keygen("sign", kinds[i].type, kinds[i].id, kinds[i].label);
    softhsm_open(&hsm);
    softhsm_login(&hsm, "sign");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    softhsm_remove(&hsm);
    return 0;
}

static struct sg_token_key *key_of(const struct kind *kind, struct sg_key_list **ret_list)
{
    char uri[128];
    (void)snprintf(uri, sizeof uri, "pkcs11:token=sign;id=%%%s;type=private", kind->id);
    return only_key(hsm.tokens, uri, ret_list);
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

static bool verifies(EVP_PKEY *pub, const char *digest, bool pss, const uint8_t *sig, size_t sig_len, const void *data,
                     size_t len)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pctx = NULL;
    assert_int_equal(EVP_DigestVerifyInit_ex(ctx, &pctx, digest, hsm.libctx, NULL, pub, NULL), 1);
    if (pss) {
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, RSA_PSS_SALTLEN_DIGEST), 1);
    }
    bool good = EVP_DigestVerify(ctx, sig, sig_len, data, len) == 1;
    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    return good;
}

static size_t sign(EVP_PKEY *key, const char *digest, bool pss, uint8_t *sig, size_t room, const void *data, size_t len)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pctx = NULL;
    assert_int_equal(EVP_DigestSignInit_ex(ctx, &pctx, digest, hsm.libctx, NULL, key, NULL), 1);
    if (pss) {
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, RSA_PSS_SALTLEN_DIGEST), 1);
    }
    size_t sig_len = 0;
    assert_int_equal(EVP_DigestSign(ctx, NULL, &sig_len, data, len), 1);
    assert_in_range(sig_len, 1, room);
    assert_int_equal(EVP_DigestSign(ctx, sig, &sig_len, data, len), 1);
    EVP_MD_CTX_free(ctx);
    return sig_len;
}

static void check_both_ways(EVP_PKEY *key, const char *digest, bool pss)
{
    static const char data[] = "the document", other[] = "the dokument";
    uint8_t sig[SG_MAX_SIGNATURE];
    size_t len = sign(key, digest, pss, sig, sizeof sig, data, sizeof data);
    EVP_PKEY *pub = public_of(key);
    assert_true(verifies(pub, digest, pss, sig, len, data, sizeof data));
    assert_false(verifies(pub, digest, pss, sig, len, other, sizeof other));
    /* Our key verifies, too. */
    assert_true(verifies(key, digest, pss, sig, len, data, sizeof data));
    assert_false(verifies(key, digest, pss, sig, len, other, sizeof other));
    EVP_PKEY_free(pub);
}

/* Does every kind of key sign with every digest so that OpenSSL agrees, and only for the message signed? */
static void test_all_kinds(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        struct sg_key_list *list = NULL;
        struct sg_token_key *key = key_of(&kinds[i], &list);
        const struct sg_key_info *info = sg_token_key_info(key);
        assert_string_equal(info->type, kinds[i].info_type);
        assert_string_equal(info->label, kinds[i].label);
        assert_string_equal(info->id, kinds[i].id);
        if (strcmp(info->type, "Ed25519") != 0)
            assert_int_equal(info->bits, kinds[i].bits);
        if (kinds[i].curve)
            assert_string_equal(info->curve, kinds[i].curve);
        EVP_PKEY *opened = open_key(key);
        if (strcmp(info->type, "Ed25519") == 0)
            check_both_ways(opened, NULL, false);
        for (size_t d = 0; d < 3 && kinds[i].digests[d]; d++) {
            check_both_ways(opened, kinds[i].digests[d], false);
            if (strcmp(info->type, "RSA") == 0)
                check_both_ways(opened, kinds[i].digests[d], true);
        }
        assert_int_equal(sg_token_key_last_error(key, NULL), SG_OK);
        EVP_PKEY_free(opened);
        sg_key_list_free(list);
    }
}

/* Does a message in pieces, and a context copied in the middle, give the same as in one? */
static void test_pieces(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i += 2) {
        struct sg_key_list *list = NULL;
        EVP_PKEY *key = open_key(key_of(&kinds[i], &list));
        EVP_PKEY *pub = public_of(key);
        EVP_MD_CTX *ctx = EVP_MD_CTX_new(), *copy = EVP_MD_CTX_new();
        uint8_t sig[SG_MAX_SIGNATURE];
        size_t len = sizeof sig;
        assert_int_equal(EVP_DigestSignInit_ex(ctx, NULL, "SHA256", hsm.libctx, NULL, key, NULL), 1);
        assert_int_equal(EVP_DigestSignUpdate(ctx, "ab", 2), 1);
        assert_int_equal(EVP_MD_CTX_copy_ex(copy, ctx), 1);
        assert_int_equal(EVP_DigestSignUpdate(ctx, "cd", 2), 1);
        assert_int_equal(EVP_DigestSignUpdate(copy, "ef", 2), 1);
        assert_int_equal(EVP_DigestSignFinal(ctx, sig, &len), 1);
        assert_true(verifies(pub, "SHA256", false, sig, len, "abcd", 4));
        len = sizeof sig;
        assert_int_equal(EVP_DigestSignFinal(copy, sig, &len), 1);
        assert_true(verifies(pub, "SHA256", false, sig, len, "abef", 4));
        EVP_MD_CTX_free(ctx);
        EVP_MD_CTX_free(copy);
        EVP_PKEY_free(pub);
        EVP_PKEY_free(key);
        sg_key_list_free(list);
    }
}

/* Does a digest that the caller made get signed, and one of a wrong length refused? */
static void test_prehashed(void **state)
{
    (void)state;
    struct sg_key_list *list = NULL;
    EVP_PKEY *key = open_key(key_of(&kinds[2], &list));
    EVP_PKEY *pub = public_of(key);
    uint8_t digest[EVP_MAX_MD_SIZE], sig[SG_MAX_SIGNATURE];
    size_t digest_len = 0, len = sizeof sig;
    assert_int_equal(
        sg_digest(hsm.libctx, "SHA256", (struct sg_slice){(const uint8_t *)"x", 1}, digest, &digest_len, NULL), SG_OK);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(hsm.libctx, key, NULL);
    assert_int_equal(EVP_PKEY_sign_init(ctx), 1);
    assert_int_equal(EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()), 1);
    assert_int_equal(EVP_PKEY_sign(ctx, sig, &len, digest, digest_len), 1);
    assert_true(verifies(pub, "SHA256", false, sig, len, "x", 1));
    size_t again = sizeof sig;
    assert_int_not_equal(EVP_PKEY_sign(ctx, sig, &again, digest, digest_len - 1), 1);
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(pub);
    EVP_PKEY_free(key);
    sg_key_list_free(list);
}

/* Are digests that are too weak, and paddings and salts that are not ours, refused? */
static void test_refused_parameters(void **state)
{
    (void)state;
    struct sg_key_list *list = NULL;
    EVP_PKEY *key = open_key(key_of(&kinds[0], &list));
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pctx = NULL;
    assert_int_not_equal(EVP_DigestSignInit_ex(ctx, NULL, "SHA1", hsm.libctx, NULL, key, NULL), 1);
    EVP_MD_CTX_reset(ctx);
    assert_int_equal(EVP_DigestSignInit_ex(ctx, &pctx, "SHA256", hsm.libctx, NULL, key, NULL), 1);
    assert_int_not_equal(EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_NO_PADDING), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING), 1);
    assert_int_not_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, 20), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, 32), 1);
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    sg_key_list_free(list);
}

/* Is a CSR by a token key one that OpenSSL verifies (algorithm identifier, public key, signature)? */
static void test_csr(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        struct sg_key_list *list = NULL;
        EVP_PKEY *key = open_key(key_of(&kinds[i], &list));
        X509_REQ *req = X509_REQ_new_ex(hsm.libctx, NULL);
        assert_int_equal(X509_REQ_set_pubkey(req, key), 1);
        EVP_MD *md = EVP_MD_fetch(hsm.libctx, "SHA384", NULL);
        assert_true(X509_REQ_sign(req, key, EVP_PKEY_is_a(key, "ED25519") ? NULL : md) > 0);
        assert_int_equal(X509_REQ_verify(req, key), 1);

        unsigned char *der = NULL;
        int len = i2d_X509_REQ(req, &der);
        const unsigned char *at = der;
        X509_REQ *read = X509_REQ_new_ex(hsm.libctx, NULL);
        assert_non_null(d2i_X509_REQ(&read, &at, len));
        EVP_PKEY *pub = X509_REQ_get0_pubkey(read);
        assert_string_equal(OSSL_PROVIDER_get0_name(EVP_PKEY_get0_provider(pub)), "default");
        assert_int_equal(X509_REQ_verify(read, pub), 1);
        assert_int_equal(EVP_PKEY_eq(pub, key), 1);
        assert_int_equal(EVP_PKEY_eq(key, pub), 1);
        EVP_MD_free(md);
        OPENSSL_free(der);
        X509_REQ_free(req);
        X509_REQ_free(read);
        EVP_PKEY_free(key);
        sg_key_list_free(list);
    }
}

/* Does a key sign for who works in OpenSSL's default context, as TLS does, and is what others signed still verified in
 * ours, where this provider is then the first that is asked? */
static void test_other_context(void **state)
{
    (void)state;
    softhsm_close(&hsm);
    softhsm_open(&hsm);
    softhsm_login(&hsm, "sign");
    for (size_t i = 0; i < KINDS; i++) {
        struct sg_key_list *list = NULL;
        EVP_PKEY *key = open_key(key_of(&kinds[i], &list));
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        uint8_t sig[SG_MAX_SIGNATURE];
        size_t len = sizeof sig;
        const char *digest = kinds[i].digests[0];
        assert_int_equal(EVP_DigestSignInit_ex(ctx, NULL, digest, NULL, NULL, key, NULL), 1);
        assert_int_equal(EVP_DigestSign(ctx, sig, &len, (const uint8_t *)"abc", 3), 1);
        EVP_PKEY *pub = public_of(key);
        assert_true(verifies(pub, digest, false, sig, len, "abc", 3));
        assert_false(verifies(pub, digest, false, sig, len, "abd", 3));
        EVP_PKEY_free(pub);
        EVP_MD_CTX_free(ctx);
        EVP_PKEY_free(key);
        sg_key_list_free(list);
    }
}

struct work {
    EVP_PKEY *key, *pub;
    unsigned good;
};

static void *sign_often(void *data)
{
    struct work *work = data;
    for (unsigned i = 0; i < 40; i++) {
        uint8_t sig[SG_MAX_SIGNATURE];
        size_t len = sizeof sig;
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        if (EVP_DigestSignInit_ex(ctx, NULL, "SHA256", hsm.libctx, NULL, work->key, NULL) == 1 &&
            EVP_DigestSign(ctx, sig, &len, (const uint8_t *)&i, sizeof i) == 1 &&
            verifies(work->pub, "SHA256", false, sig, len, &i, sizeof i))
            work->good++;
        EVP_MD_CTX_free(ctx);
    }
    return NULL;
}

/* Do more threads than sessions, with one key, all get right signatures? */
static void test_threads(void **state)
{
    (void)state;
    struct sg_key_list *list = NULL;
    EVP_PKEY *key = open_key(key_of(&kinds[2], &list));
    struct work work[SG_MAX_THREADS + 4];
    pthread_t threads[SG_MAX_THREADS + 4];
    for (size_t i = 0; i < SG_MAX_THREADS + 4; i++) {
        work[i] = (struct work){.key = key, .pub = public_of(key)};
        assert_int_equal(pthread_create(&threads[i], NULL, sign_often, &work[i]), 0);
    }
    for (size_t i = 0; i < SG_MAX_THREADS + 4; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(work[i].good, 40);
        EVP_PKEY_free(work[i].pub);
    }
    EVP_PKEY_free(key);
    sg_key_list_free(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_kinds), cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_prehashed), cmocka_unit_test(test_refused_parameters),
        cmocka_unit_test(test_csr),       cmocka_unit_test(test_other_context),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
