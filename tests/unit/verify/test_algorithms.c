/* Which algorithms and keys count, and until when; and what signature algorithm identifiers are read as. */
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "judging.h"
#include "verify/algorithms.h"
#include "verify/crypto.h"

#define Y(year) ((int64_t)((year)-1970) * 31557600)

/* The table: what counts for ever, what ended, what never counted, what is not in it. */
static void digests(void **state)
{
    (void)state;
    static const struct {
        int nid;
        int last_good; /* a year; 0: never, 9999: still */
        const char *word;
    } expected[] = {
        {NID_sha256, 9999, "sha256"}, {NID_sha512, 9999, "sha512"}, {NID_sha3_256, 9999, "sha3-256"},
        {NID_sha1, 2013, "sha1"},     {NID_md5, 2004, "md5"},       {NID_ripemd160, 2013, "ripemd160"},
        {NID_md4, 0, "md4"},          {NID_undef, 0, NULL},         {NID_md5_sha1, 0, NULL},
    };
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        int last = expected[i].last_good;
        assert_int_equal(sg_algorithm_digest(expected[i].nid, Y(2030)).acceptable, last == 9999);
        if (last && last != 9999) {
            assert_true(sg_algorithm_digest(expected[i].nid, Y(last) + 300 * PKI_DAY).acceptable);
            assert_false(sg_algorithm_digest(expected[i].nid, Y(last + 1) + 30 * PKI_DAY).acceptable);
        }
        assert_int_equal(sg_algorithm_digest(expected[i].nid, Y(1995)).acceptable, last != 0);
        if (expected[i].word)
            assert_string_equal(sg_digest_word(expected[i].nid), expected[i].word);
        else
            assert_null(sg_digest_word(expected[i].nid));
    }
}

static bool key_counts(struct world *world, const char *type, const char *curve, size_t bits, int64_t when)
{
    EVP_PKEY *key = curve  ? EVP_PKEY_Q_keygen(world->libctx, NULL, type, curve)
                    : bits ? EVP_PKEY_Q_keygen(world->libctx, NULL, type, bits)
                           : EVP_PKEY_Q_keygen(world->libctx, NULL, type);
    assert_non_null(key);
    bool acceptable = sg_algorithm_key(key, when).acceptable;
    EVP_PKEY_free(key);
    return acceptable;
}

/* Keys by kind and length. */
static void keys(void **state)
{
    struct world *world = *state;
    assert_true(key_counts(world, "RSA", NULL, 2048, PKI_NOW));
    assert_true(key_counts(world, "RSA", NULL, 1900, PKI_NOW));
    assert_false(key_counts(world, "RSA", NULL, 1896, PKI_NOW));
    assert_true(key_counts(world, "RSA", NULL, 1536, Y(2015)));
    assert_false(key_counts(world, "RSA", NULL, 1024, Y(2015)));
    assert_true(key_counts(world, "RSA", NULL, 1024, Y(2008)));
    assert_false(key_counts(world, "RSA", NULL, 768, Y(2000)));
    assert_true(key_counts(world, "EC", "P-256", 0, PKI_NOW));
    assert_true(key_counts(world, "EC", "P-521", 0, PKI_NOW));
    assert_false(key_counts(world, "EC", "P-224", 0, PKI_NOW));
    assert_true(key_counts(world, "ED25519", NULL, 0, PKI_NOW));
    assert_true(key_counts(world, "ED448", NULL, 0, PKI_NOW));
    assert_false(key_counts(world, "X25519", NULL, 0, PKI_NOW));
}

/* A signer, and a CA, with a weak key; a certificate signed with a weak digest: as of now, and as of then. */
static void in_paths(void **state)
{
    struct world *world = *state;
    struct pki_id weak = {.key = EVP_PKEY_Q_keygen(world->libctx, NULL, "RSA", (size_t)1024)};
    weak.cert = pki_certify(world->libctx, weak.key, &world->ca, &(struct pki_cert){.name = "Weak"});
    judge(world, (struct pki_cms){.signer = &weak}, CONTENT, SG_INDETERMINATE, SG_SUB_CRYPTO_CONSTRAINTS_FAILURE_NO_POE,
          "weak-key", true);
    X509_free(weak.cert);
    weak.cert = pki_certify(world->libctx, weak.key, &world->root, &(struct pki_cert){.name = "Weak CA", .ca = true});
    struct pki_id below = pki_issue(world->libctx, &weak, &(struct pki_cert){.name = "Below"});
    X509_CRL *crl = pki_crl(world->libctx, &weak, &(struct pki_crl){0});
    judge(world, (struct pki_cms){.signer = &below, .carried = {weak.cert}, .crls = {crl}}, CONTENT, SG_INDETERMINATE,
          SG_SUB_CRYPTO_CONSTRAINTS_FAILURE_NO_POE, "weak-key", true);
    world_signer(world, &(struct pki_cert){.name = "Alice", .digest = "SHA1"});
    judge(world, ORDINARY, CONTENT, SG_INDETERMINATE, SG_SUB_CRYPTO_CONSTRAINTS_FAILURE_NO_POE, "weak-algorithm", true);
    world_signer(world, &(struct pki_cert){.name = "Alice", .digest = "SHA384"});
    judge_passed(world);
    X509_CRL_free(crl);
    pki_free(&below);
    pki_free(&weak);
}

/* The anchor's own signature does not count: it is trusted for its key. */
static void anchor(void **state)
{
    struct world *world = *state;
    X509 *old = pki_certify(world->libctx, world->root.key, NULL,
                            &(struct pki_cert){.name = "Root", .ca = true, .digest = "SHA1"});
    sk_X509_zero(world->anchors);
    assert_true(sk_X509_push(world->anchors, old) > 0);
    judge_passed(world);
    X509_free(old);
}

static bool read_algorithm(const char *der_hex, struct sg_signature_method *method)
{
    uint8_t der[128];
    size_t len = strlen(der_hex) / 2;
    assert_true(sg_unhex(der_hex, der, len));
    const uint8_t *p = der;
    X509_ALGOR *algorithm = d2i_X509_ALGOR(NULL, &p, (long)len);
    assert_non_null(algorithm);
    bool known = sg_signature_method_read(algorithm, method);
    X509_ALGOR_free(algorithm);
    ERR_clear_error();
    return known;
}

/* id-RSASSA-PSS with its parameters right, left out (SHA-1), without any, with two hashes, with another trailer. */
static void pss_parameters(void **state)
{
    (void)state;
    struct sg_signature_method method;
#define PSS "06092a864886f70d01010a"
#define SHA256 "300b0609608648016503040201"
#define SHA512 "300b0609608648016503040203"
#define MGF1 "06092a864886f70d010108"
    assert_true(read_algorithm("303d" PSS "3030a00d" SHA256 "a11a3018" MGF1 SHA256 "a203020120", &method));
    assert_int_equal(method.kind, SG_KIND_RSA_PSS);
    assert_int_equal(method.digest, NID_sha256);
    assert_int_equal(method.salt_length, 32);
    assert_true(read_algorithm("300d" PSS "3000", &method));
    assert_int_equal(method.digest, NID_sha1);
    assert_int_equal(method.salt_length, 20);
    assert_false(read_algorithm("300b" PSS, &method));
    assert_int_equal(method.kind, SG_KIND_OTHER);
    assert_string_equal(method.word, "rsa-pss");
    assert_false(read_algorithm("300d" PSS "0500", &method));
    assert_false(read_algorithm("303d" PSS "3030a00d" SHA512 "a11a3018" MGF1 SHA256 "a203020120", &method));
    assert_false(read_algorithm("3042" PSS "3035a00d" SHA256 "a11a3018" MGF1 SHA256 "a203020120a303020102", &method));
    assert_false(read_algorithm("303d" PSS "3030a00d" SHA256 "a11a3018" MGF1 SHA256 "a2030201ff", &method));
}

/* The words of other algorithms. */
static void words(void **state)
{
    (void)state;
    static const struct {
        const char *der, *word;
        bool known;
    } expected[] = {
        {"300d06092a864886f70d01010b0500", "rsa-pkcs1", true},
        {"300a06082a8648ce3d040302", "ecdsa", true},
        {"300506032b6570", "ed25519", true},
        {"300506032b6571", "ed448", true},
        {"300b0609608648016503040302", "dsa", true},
        {"300706052a03040506", "other", false},
        {"300b0609608648016503040201", "other", false}, /* a digest is no signature algorithm */
    };
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        struct sg_signature_method method;
        assert_int_equal(read_algorithm(expected[i].der, &method), expected[i].known);
        assert_string_equal(method.word, expected[i].word);
    }
}

/* Signatures by DSA and Ed448 keys are checked too. */
static void rare_keys(void **state)
{
    struct world *world = *state;
    struct pki_id ed = {.key = EVP_PKEY_Q_keygen(world->libctx, NULL, "ED448")};
    ed.cert = pki_certify(world->libctx, ed.key, &world->ca, &(struct pki_cert){.name = "Ed"});
    judge(world, (struct pki_cms){.signer = &ed, .digest = "SHA512"}, CONTENT, SG_TOTAL_PASSED, SG_SUB_NONE, NULL,
          true);
    judge(world, (struct pki_cms){.signer = &ed, .digest = "SHA512"}, "other", SG_TOTAL_FAILED, SG_SUB_HASH_FAILURE,
          NULL, false);
    pki_free(&ed);
}

/* A public RSA key with these bits and this length of the public exponent; no key pair, for what is refused unseen. */
static EVP_PKEY *rsa_key(OSSL_LIB_CTX *libctx, int bits, int exponent_bits)
{
    BIGNUM *modulus = BN_new(), *exponent = BN_new();
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(libctx, "RSA", NULL);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    assert_int_equal(BN_rand(modulus, bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD), 1);
    assert_int_equal(BN_rand(exponent, exponent_bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD), 1);
    assert_int_equal(OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus), 1);
    assert_int_equal(OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, exponent), 1);
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
    assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
    assert_int_equal(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params), 1);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(builder);
    EVP_PKEY_CTX_free(ctx);
    BN_free(modulus);
    BN_free(exponent);
    return key;
}

/* Are RSA keys that take long to check with refused unseen, and do long exponents cost more? */
static void large_keys(void **state)
{
    struct world *world = *state;
    static const struct {
        int bits, exponent_bits;
        bool checkable;
    } cases[] = {
        {2048, 17, true}, {8192, 17, true},  {8200, 17, false},   {16384, 17, false},
        {3072, 64, true}, {3072, 65, false}, {3072, 3000, false},
    };
    static const struct sg_signature_method method = {.kind = SG_KIND_RSA, .digest = NID_sha256};
    uint8_t value[2048] = {1};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        EVP_PKEY *key = rsa_key(world->libctx, cases[i].bits, cases[i].exponent_bits);
        enum sg_signature_answer answer = SG_SIGNATURE_RIGHT;
        assert_int_equal(sg_key_checkable(key), cases[i].checkable);
        assert_int_equal(sg_signature_check(world->libctx, NULL, &method, key,
                                            (struct sg_signed_bytes){slice_of("x"), {0}},
                                            (struct sg_slice){value, (size_t)cases[i].bits / 8}, &answer, NULL),
                         SG_OK);
        assert_int_equal(answer, cases[i].checkable ? SG_SIGNATURE_WRONG : SG_SIGNATURE_UNSUPPORTED);
        EVP_PKEY_free(key);
    }
    EVP_PKEY *usual = rsa_key(world->libctx, 3072, 17), *slow = rsa_key(world->libctx, 3072, 64);
    assert_true(sg_algorithm_cost(slow) > sg_algorithm_cost(usual));
    assert_true(sg_key_checkable(world->signer.key));
    EVP_PKEY_free(usual);
    EVP_PKEY_free(slow);
}

/* Signs "x" as the method says. */
static size_t sign(struct world *world, EVP_PKEY *key, const char *digest, int padding, uint8_t *value, size_t room)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *key_ctx = NULL;
    size_t len = room;
    assert_int_equal(EVP_DigestSignInit_ex(ctx, &key_ctx, digest, world->libctx, NULL, key, NULL), 1);
    assert_true(EVP_PKEY_CTX_set_rsa_padding(key_ctx, padding) > 0);
    assert_int_equal(EVP_DigestSign(ctx, value, &len, (const uint8_t *)"x", 1), 1);
    EVP_MD_CTX_free(ctx);
    return len;
}

/* What is kept of one check has no part in the answer of another: each one is as if nothing were kept. */
static void kept_checks(void **state)
{
    struct world *world = *state;
    static const struct sg_signature_method plain = {.kind = SG_KIND_RSA, .digest = NID_sha256},
                                            longer = {.kind = SG_KIND_RSA, .digest = NID_sha512},
                                            pss = {.kind = SG_KIND_RSA_PSS,
                                                   .digest = NID_sha256,
                                                   .mgf_digest = NID_sha256,
                                                   .salt_length = 222};
    EVP_PKEY *a = EVP_PKEY_Q_keygen(world->libctx, NULL, "RSA", (size_t)2048);
    EVP_PKEY *b = EVP_PKEY_Q_keygen(world->libctx, NULL, "RSA", (size_t)2048);
    uint8_t of_a[256], of_b[256], pss_of_a[256]; /* PSS with the longest salt */
    assert_int_equal(sign(world, a, "SHA256", RSA_PKCS1_PADDING, of_a, sizeof of_a), sizeof of_a);
    assert_int_equal(sign(world, b, "SHA256", RSA_PKCS1_PADDING, of_b, sizeof of_b), sizeof of_b);
    assert_int_equal(sign(world, a, "SHA256", RSA_PKCS1_PSS_PADDING, pss_of_a, sizeof pss_of_a), sizeof pss_of_a);
    const struct {
        EVP_PKEY *key;
        const struct sg_signature_method *method;
        const uint8_t *value;
        const char *text;
        enum sg_signature_answer answer;
    } each[] = {
        {a, &plain, of_a, "x", SG_SIGNATURE_RIGHT},   {a, &plain, of_a, "x", SG_SIGNATURE_RIGHT},
        {a, &plain, of_a, "y", SG_SIGNATURE_WRONG},   {a, &plain, of_a, "x", SG_SIGNATURE_RIGHT},
        {a, &plain, of_b, "x", SG_SIGNATURE_WRONG},   {a, &plain, of_a, "x", SG_SIGNATURE_RIGHT},
        {b, &plain, of_a, "x", SG_SIGNATURE_WRONG},   {b, &plain, of_b, "x", SG_SIGNATURE_RIGHT},
        {a, &plain, of_a, "x", SG_SIGNATURE_RIGHT},   {a, &longer, of_a, "x", SG_SIGNATURE_WRONG},
        {a, &plain, of_a, "x", SG_SIGNATURE_RIGHT},   {a, &pss, of_a, "x", SG_SIGNATURE_WRONG},
        {a, &pss, pss_of_a, "x", SG_SIGNATURE_RIGHT}, {a, &plain, pss_of_a, "x", SG_SIGNATURE_WRONG},
        {a, &pss, pss_of_a, "y", SG_SIGNATURE_WRONG}, {a, &plain, of_a, "x", SG_SIGNATURE_RIGHT},
    };
    sg_kept_check kept = NULL;
    for (size_t i = 0; i < sizeof each / sizeof *each; i++) {
        enum sg_signature_answer answer = SG_SIGNATURE_UNSUPPORTED;
        const struct sg_signed_bytes over = {.data = slice_of(each[i].text)};
        const struct sg_slice value = {each[i].value, sizeof of_a};
        assert_int_equal(
            sg_signature_check(world->libctx, &kept, each[i].method, each[i].key, over, value, &answer, NULL), SG_OK);
        assert_int_equal(answer, each[i].answer);
        assert_true(answer == SG_SIGNATURE_RIGHT ? kept != NULL : kept == NULL);
    }
    sg_key_check_free(kept);
    EVP_PKEY_free(a);
    EVP_PKEY_free(b);
}

/* RFC 8032 §5.1.7: a key of Ed25519 of small order fits one value (R = the neutral element, S = 0) and any content. */
static void small_order(void **state)
{
    const struct world *world = *state;
    static const uint8_t value[64] = {1};
    const struct sg_signature_method method = {.kind = SG_KIND_EDDSA, .word = "ed25519"};
    uint8_t raw[][32] = {
        {0},
        {1},
        {0xec},
        {0xed},
        {0xee},
        {1},
        {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
         0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05},
        {0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
         0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a},
    };
    for (size_t i = 0; i < sizeof raw / sizeof *raw; i++) {
        enum sg_signature_answer answer = SG_SIGNATURE_RIGHT;
        if (raw[i][0] > 1 && raw[i][1] == 0) {
            memset(raw[i] + 1, 0xff, 30);
            raw[i][31] = 0x7f;
        }
        raw[i][31] |= i == 5 ? 0x80 : 0; /* the same with a sign */
        EVP_PKEY *key = EVP_PKEY_new_raw_public_key_ex(world->libctx, "ED25519", NULL, raw[i], sizeof raw[i]);
        assert_non_null(key);
        assert_false(sg_key_checkable(key));
        assert_int_equal(sg_signature_check(world->libctx, NULL, &method, key,
                                            (struct sg_signed_bytes){.data = slice_of(CONTENT)},
                                            (struct sg_slice){value, sizeof value}, &answer, NULL),
                         SG_OK);
        assert_int_equal(answer, SG_SIGNATURE_UNSUPPORTED);
        EVP_PKEY_free(key);
    }
    EVP_PKEY *good = EVP_PKEY_Q_keygen(world->libctx, NULL, "ED25519");
    assert_true(sg_key_checkable(good));
    EVP_PKEY_free(good);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests), WORLD_TEST(keys),        WORLD_TEST(in_paths),
        WORLD_TEST(anchor),        cmocka_unit_test(words), cmocka_unit_test(pss_parameters),
        WORLD_TEST(rare_keys),     WORLD_TEST(small_order), WORLD_TEST(large_keys),
        WORLD_TEST(kept_checks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
