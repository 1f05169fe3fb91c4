/* Is what we write CAdES-B-B in DER, over the right content, for every kind of key, as OpenSSL judges it? */
#include <pthread.h>

#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "every_key.h"
#include "formats/der.h"

static const uint8_t text[] = "Delivered complete and in good order.";
static const struct sg_slice content = {text, sizeof(text) - 1};

static struct sg_cades_params params_of(int key)
{
    return (struct sg_cades_params){.libctx = fx.libctx, .key = fx.keys[key].key, .cert = fx.keys[key].cert};
}

static struct sg_cades_signer *make_signer(const struct sg_cades_params *params)
{
    struct sg_cades_signer *signer = NULL;
    struct sg_err err;

    assert_ok(sg_cades_signer_new(params, &signer, &err), &err);
    return signer;
}

static void sign_detached(const struct sg_cades_signer *signer, int64_t signing_time, struct sg_buf *out)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    size_t digest_len = 0;
    struct sg_err err;
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;

    assert_ok(sg_input_from_slice("text", content, &input, &err), &err);
    assert_ok(sg_cades_digest_input(signer, input, digest, &digest_len, &err), &err);
    assert_ok(sg_cades_sign_detached(signer, (struct sg_slice){digest, digest_len}, signing_time, out, &err), &err);
}

static void sign_attached(const struct sg_cades_signer *signer, struct sg_slice bytes, struct sg_buf *out)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    uint8_t expected[EVP_MAX_MD_SIZE];
    size_t digest_len = 0;
    size_t expected_len = 0;
    struct sg_err err;
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    _cleanup_(sg_outfile_freep) struct sg_outfile *file = NULL;

    write_file(fx.in_path, bytes.data, bytes.len);
    assert_ok(sg_input_open(fx.in_path, &input, &err), &err);
    assert_ok(sg_outfile_open(fx.out_path, SG_OUT_REPLACE, &file, &err), &err);
    assert_ok(sg_cades_sign_attached(signer, input, NOW, file, digest, &digest_len, &err), &err);
    assert_ok(sg_outfile_commit(file, &err), &err);
    assert_ok(sg_digest(fx.libctx, sg_cades_digest_name(signer), bytes, expected, &expected_len, &err), &err);
    assert_int_equal(digest_len, expected_len);
    assert_memory_equal(digest, expected, digest_len);
    read_file(fx.out_path, out);
}

/* DER: decoding and encoding by the templates of OpenSSL, which sort every SET OF, gives the same bytes. */
static void assert_der(struct sg_slice der)
{
    CMS_ContentInfo *cms = parse_cms(fx.libctx, der);
    uint8_t *again = NULL;

    assert_non_null(cms);
    const int len = i2d_CMS_ContentInfo(cms, &again);
    assert_int_equal(len, der.len);
    assert_memory_equal(again, der.data, der.len);
    OPENSSL_free(again);
    CMS_ContentInfo_free(cms);
}

static CMS_SignerInfo *only_signer(CMS_ContentInfo *cms)
{
    STACK_OF(CMS_SignerInfo) *infos = CMS_get0_SignerInfos(cms);

    assert_int_equal(sk_CMS_SignerInfo_num(infos), 1);
    return sk_CMS_SignerInfo_value(infos, 0);
}

/* The signed attributes as they are signed; the encoding is DER, so their order is the one on the wire. */
static void signed_attrs(CMS_SignerInfo *si, struct sg_buf *ret)
{
    _cleanup_(sg_buf_clear) struct sg_buf attrs = SG_BUF(SG_MIB);
    struct sg_err err;

    for (int i = 0; i < CMS_signed_get_attr_count(si); i++) {
        uint8_t *attr = NULL;
        const int len = i2d_X509_ATTRIBUTE(CMS_signed_get_attr(si, i), &attr);
        assert_true(len > 0);
        assert_ok(sg_buf_append(&attrs, attr, (size_t)len, &err), &err);
        OPENSSL_free(attr);
    }
    struct sg_der der = {.out = ret, .err = &err};
    sg_der_element(&der, SG_DER_SET, sg_buf_slice(&attrs));
    assert_ok(der.rc, &err);
}

/* OpenSSL refuses Ed25519 in CMS: the digest and the signature value by hand. */
static bool ed25519_verifies(struct sg_slice der, struct sg_slice bytes)
{
    _cleanup_(sg_buf_clear) struct sg_buf attrs = SG_BUF(SG_MIB);
    _cleanup_(EVP_MD_CTX_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    uint8_t digest[EVP_MAX_MD_SIZE];
    size_t digest_len = 0;
    CMS_ContentInfo *cms = parse_cms(fx.libctx, der);
    if (!cms)
        return false;
    CMS_SignerInfo *si = only_signer(cms);
    const ASN1_OCTET_STRING *signature = CMS_SignerInfo_get0_signature(si);
    const ASN1_OCTET_STRING *message_digest =
        CMS_signed_get0_data_by_OBJ(si, OBJ_nid2obj(NID_pkcs9_messageDigest), -3, V_ASN1_OCTET_STRING);

    signed_attrs(si, &attrs);
    assert_int_equal(sg_digest(fx.libctx, "SHA512", bytes, digest, &digest_len, NULL), SG_OK);
    bool good = message_digest && (size_t)message_digest->length == digest_len &&
                memcmp(message_digest->data, digest, digest_len) == 0;
    assert_int_equal(EVP_DigestVerifyInit_ex(ctx, NULL, NULL, fx.libctx, NULL, fx.keys[ED25519_KEY].key, NULL), 1);
    good = good && EVP_DigestVerify(ctx, signature->data, (size_t)signature->length, attrs.data, attrs.len) == 1;
    ERR_clear_error();
    CMS_ContentInfo_free(cms);
    return good;
}

static bool verifies(int key, struct sg_slice der, struct sg_slice detached, struct sg_slice expected)
{
    if (key == ED25519_KEY)
        return ed25519_verifies(der, detached.data ? detached : expected);
    return openssl_verifies(fx.libctx, der, fx.root.cert, detached, expected);
}

static const struct sg_slice attached = {NULL, 0};

/* Detached, every kind of key: accepted by OpenSSL with -cades, DER; rejected with other content. */
static void test_detached(void **state)
{
    (void)state;
    for (int key = 0; key < KEY_COUNT; key++) {
        const struct sg_cades_params params = params_of(key);
        _cleanup_(sg_cades_signer_freep) struct sg_cades_signer *signer = make_signer(&params);
        _cleanup_(sg_buf_clear) struct sg_buf der = SG_BUF(SG_MIB);
        uint8_t other[sizeof(text)];

        sign_detached(signer, NOW, &der);
        assert_true(verifies(key, sg_buf_slice(&der), content, content));
        assert_der(sg_buf_slice(&der));

        memcpy(other, text, sizeof(text));
        other[0] ^= 1;
        assert_false(verifies(key, sg_buf_slice(&der), (struct sg_slice){other, content.len}, content));
    }
}

/* Attached, every kind of key and contents around the lengths where headers grow. */
static void test_attached(void **state)
{
    static const size_t lengths[] = {0, 1, 127, 128, 255, 256, 65535, 65536, 300 * 1024};
    _cleanup_(freep) uint8_t *bytes = calloc(1, 300 * 1024);

    (void)state;
    for (int key = 0; key < KEY_COUNT; key++) {
        const struct sg_cades_params params = params_of(key);
        _cleanup_(sg_cades_signer_freep) struct sg_cades_signer *signer = make_signer(&params);
        for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
            const struct sg_slice data = {bytes, lengths[i]};
            _cleanup_(sg_buf_clear) struct sg_buf der = SG_BUF(SG_MIB);

            sign_attached(signer, data, &der);
            assert_true(verifies(key, sg_buf_slice(&der), attached, data));
            assert_der(sg_buf_slice(&der));
        }
    }
}

/* Does the head get its extra octet when the ECDSA signature turns out longer than the least? The whole is about
 * 64 KiB, where a length needs one more octet; every content length of the stretch is tried. */
static void test_attached_head_grows(void **state)
{
    const struct sg_cades_params params = params_of(P256_KEY);
    _cleanup_(sg_cades_signer_freep) struct sg_cades_signer *signer = make_signer(&params);
    _cleanup_(freep) uint8_t *bytes = calloc(1, 65536);
    _cleanup_(sg_buf_clear) struct sg_buf empty = SG_BUF(SG_MIB);

    (void)state;
    sign_attached(signer, (struct sg_slice){bytes, 0}, &empty);
    const size_t first = 65536 - empty.len - 16;
    for (size_t len = first; len < first + 100; len += 3) {
        const struct sg_slice data = {bytes, len};
        _cleanup_(sg_buf_clear) struct sg_buf der = SG_BUF(SG_MIB);

        sign_attached(signer, data, &der);
        assert_true(verifies(P256_KEY, sg_buf_slice(&der), attached, data));
        assert_der(sg_buf_slice(&der));
    }
}

/* Does every changed octet of the signed attributes and of the signature value make it invalid? */
static void test_tampered(void **state)
{
    static const int keys[] = {RSA_KEY, P256_KEY, ED25519_KEY};

    (void)state;
    for (size_t k = 0; k < sizeof(keys) / sizeof(*keys); k++) {
        const struct sg_cades_params params = params_of(keys[k]);
        _cleanup_(sg_cades_signer_freep) struct sg_cades_signer *signer = make_signer(&params);
        _cleanup_(sg_buf_clear) struct sg_buf der = SG_BUF(SG_MIB);
        _cleanup_(sg_buf_clear) struct sg_buf attrs = SG_BUF(SG_MIB);
        sign_detached(signer, NOW, &der);

        CMS_ContentInfo *cms = parse_cms(fx.libctx, sg_buf_slice(&der));
        CMS_SignerInfo *si = only_signer(cms);
        signed_attrs(si, &attrs);
        attrs.data[0] = SG_DER_CONTEXT(0);
        const ASN1_OCTET_STRING *signature = CMS_SignerInfo_get0_signature(si);
        uint8_t *places[] = {memmem(der.data, der.len, attrs.data, attrs.len),
                             memmem(der.data, der.len, signature->data, (size_t)signature->length)};
        const size_t lengths[] = {attrs.len, (size_t)signature->length};
        CMS_ContentInfo_free(cms);

        for (size_t p = 0; p < 2; p++) {
            assert_non_null(places[p]);
            for (size_t i = 0; i < lengths[p]; i++) {
                places[p][i] ^= 0x01;
                assert_false(verifies(keys[k], sg_buf_slice(&der), content, content));
                places[p][i] ^= 0x01;
            }
        }
        assert_true(verifies(keys[k], sg_buf_slice(&der), content, content));
    }
}

/* Exactly the attributes of B-B, and the signing time as given: UTCTime through 2049, then GeneralizedTime
 * (RFC 5652 §11.3), or left out. */
static void test_attributes(void **state)
{
    static const struct {
        int64_t when;
        bool leave_out;
        int type;
        const char *text;
    } cases[] = {
        {NOW, false, V_ASN1_UTCTIME, "260921141320Z"},
        {2524607999, false, V_ASN1_UTCTIME, "491231235959Z"},
        {2524608000, false, V_ASN1_GENERALIZEDTIME, "20500101000000Z"},
        {NOW, true, 0, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct sg_cades_params params = params_of(P256_KEY);
        params.leave_out_signing_time = cases[i].leave_out;
        _cleanup_(sg_cades_signer_freep) struct sg_cades_signer *signer = make_signer(&params);
        _cleanup_(sg_buf_clear) struct sg_buf der = SG_BUF(SG_MIB);
        sign_detached(signer, cases[i].when, &der);
        assert_true(verifies(P256_KEY, sg_buf_slice(&der), content, content));

        CMS_ContentInfo *cms = parse_cms(fx.libctx, sg_buf_slice(&der));
        CMS_SignerInfo *si = only_signer(cms);
        assert_int_equal(CMS_signed_get_attr_count(si), cases[i].leave_out ? 3 : 4);
        assert_true(CMS_signed_get_attr_by_NID(si, NID_pkcs9_contentType, -1) >= 0);
        assert_true(CMS_signed_get_attr_by_NID(si, NID_pkcs9_messageDigest, -1) >= 0);
        assert_true(CMS_signed_get_attr_by_NID(si, NID_id_smime_aa_signingCertificateV2, -1) >= 0);
        assert_int_equal(CMS_unsigned_get_attr_count(si), -1);
        const int at = CMS_signed_get_attr_by_NID(si, NID_pkcs9_signingTime, -1);
        if (cases[i].leave_out) {
            assert_int_equal(at, -1);
        } else {
            const ASN1_TYPE *time = X509_ATTRIBUTE_get0_type(CMS_signed_get_attr(si, at), 0);
            assert_int_equal(time->type, cases[i].type);
            assert_string_equal(ASN1_STRING_get0_data(time->value.asn1_string), cases[i].text);
        }
        CMS_ContentInfo_free(cms);
    }
}

/* Are the signed attributes of an attached signature those of a detached one? */
static void test_attached_equals_detached(void **state)
{
    const struct sg_cades_params params = params_of(RSA_KEY);
    _cleanup_(sg_cades_signer_freep) struct sg_cades_signer *signer = make_signer(&params);
    _cleanup_(sg_buf_clear) struct sg_buf detached = SG_BUF(SG_MIB);
    _cleanup_(sg_buf_clear) struct sg_buf whole = SG_BUF(SG_MIB);
    _cleanup_(sg_buf_clear) struct sg_buf attrs = SG_BUF(SG_MIB);

    (void)state;
    sign_detached(signer, NOW, &detached);
    sign_attached(signer, content, &whole);
    CMS_ContentInfo *cms = parse_cms(fx.libctx, sg_buf_slice(&detached));
    signed_attrs(only_signer(cms), &attrs);
    attrs.data[0] = SG_DER_CONTEXT(0);
    CMS_ContentInfo_free(cms);
    assert_non_null(memmem(detached.data, detached.len, attrs.data, attrs.len));
    assert_non_null(memmem(whole.data, whole.len, attrs.data, attrs.len));
}

/* Are the chain's certificates carried along, each once, in any order of the caller's? (DER sorts them.) */
static void test_chain(void **state)
{
    struct sg_cades_params params = params_of(P256_KEY);
    STACK_OF(X509) *chain = sk_X509_new_null();

    (void)state;
    assert_true(sk_X509_push(chain, fx.root.cert) > 0);
    assert_true(sk_X509_push(chain, fx.keys[P256_KEY].cert) > 0);
    assert_true(sk_X509_push(chain, fx.root.cert) > 0);
    params.chain = chain;
    _cleanup_(sg_cades_signer_freep) struct sg_cades_signer *signer = make_signer(&params);
    _cleanup_(sg_buf_clear) struct sg_buf der = SG_BUF(SG_MIB);
    sign_detached(signer, NOW, &der);
    assert_true(verifies(P256_KEY, sg_buf_slice(&der), content, content));
    assert_der(sg_buf_slice(&der));

    CMS_ContentInfo *cms = parse_cms(fx.libctx, sg_buf_slice(&der));
    STACK_OF(X509) *certs = CMS_get1_certs(cms);
    assert_int_equal(sk_X509_num(certs), 2);
    sk_X509_pop_free(certs, X509_free);
    CMS_ContentInfo_free(cms);
    sk_X509_free(chain);
}

static EVP_PKEY *key_from(const char *type, OSSL_PARAM *params)
{
    EVP_PKEY *key = NULL;
    _cleanup_(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(fx.libctx, type, NULL);

    assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
    assert_int_equal(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params), 1);
    return key;
}

/* PSS: asked for with an ordinary RSA certificate; and with an id-RSASSA-PSS certificate over a key that is plain RSA,
 * as a token's is. */
static void test_pss(void **state)
{
    struct sg_cades_params params = params_of(RSA_KEY);
    OSSL_PARAM *parts = NULL;

    (void)state;
    assert_int_equal(EVP_PKEY_todata(fx.keys[RSA_PSS_KEY].key, EVP_PKEY_KEYPAIR, &parts), 1);
    _cleanup_(EVP_PKEY_freep) EVP_PKEY *plain = key_from("RSA", parts);
    OSSL_PARAM_free(parts);
    assert_true(EVP_PKEY_is_a(plain, "RSA"));

    for (int i = 0; i < 4; i++) {
        static const char *const digests[] = {NULL, "SHA256", "SHA384", "SHA512"};
        params = params_of(i % 2 ? RSA_PSS_KEY : RSA_KEY);
        params.digest = digests[i];
        if (i % 2)
            params.key = plain;
        else
            params.force_pss = true;
        _cleanup_(sg_cades_signer_freep) struct sg_cades_signer *signer = make_signer(&params);
        _cleanup_(sg_buf_clear) struct sg_buf der = SG_BUF(SG_MIB);
        assert_int_equal(sg_cades_scheme(signer), SG_SCHEME_RSA_PSS);
        sign_detached(signer, NOW, &der);
        assert_true(verifies(RSA_KEY, sg_buf_slice(&der), content, content));
        assert_der(sg_buf_slice(&der));
    }
}

/* The digest: by the key, or as asked if it is as strong as the key. */
static void test_digests(void **state)
{
    static const struct {
        int key;
        const char *asked;
        const char *used; /* NULL: refused */
    } cases[] = {
        {RSA_KEY, NULL, "SHA256"},     {RSA_KEY, "SHA512", "SHA512"},  {RSA_KEY, "SHA2-384", "SHA384"},
        {RSA_KEY, "SHA1", NULL},       {RSA_KEY, "SHA3-256", NULL},    {RSA_KEY, "nonsense", NULL},
        {P256_KEY, NULL, "SHA256"},    {P256_KEY, "SHA384", "SHA384"}, {P384_KEY, NULL, "SHA384"},
        {P384_KEY, "SHA256", NULL},    {P521_KEY, NULL, "SHA512"},     {P521_KEY, "SHA384", NULL},
        {ED25519_KEY, NULL, "SHA512"}, {ED25519_KEY, "SHA256", NULL},  {RSA_PSS_KEY, NULL, "SHA256"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct sg_cades_params params = params_of(cases[i].key);
        _cleanup_(sg_cades_signer_freep) struct sg_cades_signer *signer = NULL;
        struct sg_err err;

        params.digest = cases[i].asked;
        const enum sg_rc rc = sg_cades_signer_new(&params, &signer, &err);
        assert_int_equal(rc, cases[i].used ? SG_OK : SG_E_USAGE);
        if (!cases[i].used)
            continue;
        assert_string_equal(sg_cades_digest_name(signer), cases[i].used);
        _cleanup_(sg_buf_clear) struct sg_buf der = SG_BUF(SG_MIB);
        sign_detached(signer, NOW, &der);
        assert_true(verifies(cases[i].key, sg_buf_slice(&der), content, content));
    }
}

/* A PSS key whose certificate ties it to SHA-384 (RFC 4055 §3.3) is used with it, and with nothing else. */
static void test_pss_restricted(void **state)
{
    _cleanup_(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(fx.libctx, "RSA-PSS", NULL);
    struct identity restricted = {0};
    struct sg_err err;

    (void)state;
    assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 2048), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_keygen_md_name(ctx, "SHA384", NULL), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_keygen_mgf1_md_name(ctx, "SHA384"), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_keygen_saltlen(ctx, 48), 1);
    assert_int_equal(EVP_PKEY_generate(ctx, &restricted.key), 1);
    restricted.cert = make_cert(fx.libctx, restricted.key, "restricted", &fx.root);

    struct sg_cades_params params = {.libctx = fx.libctx, .key = restricted.key, .cert = restricted.cert};
    _cleanup_(sg_cades_signer_freep) struct sg_cades_signer *signer = make_signer(&params);
    assert_string_equal(sg_cades_digest_name(signer), "SHA384");
    _cleanup_(sg_buf_clear) struct sg_buf der = SG_BUF(SG_MIB);
    sign_detached(signer, NOW, &der);
    assert_true(verifies(RSA_KEY, sg_buf_slice(&der), content, content));

    params.digest = "SHA512";
    _cleanup_(sg_cades_signer_freep) struct sg_cades_signer *none = NULL;
    assert_int_equal(sg_cades_signer_new(&params, &none, &err), SG_E_USAGE);
    assert_null(none);
    identity_clear(&restricted);
}

/* Is a certificate of another key refused, and a kind of key that CAdES readers do not know? */
static void test_wrong_keys(void **state)
{
    static const int others[][2] = {{RSA_KEY, RSA_PSS_KEY}, {P256_KEY, P384_KEY}, {RSA_KEY, P256_KEY}};
    struct sg_cades_signer *signer = NULL;
    struct sg_err err;

    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
        struct sg_cades_params params = params_of(others[i][0]);
        params.cert = fx.keys[others[i][1]].cert;
        assert_int_equal(sg_cades_signer_new(&params, &signer, &err), SG_E_NO_CERTIFICATE);
    }
    struct sg_cades_params same_curve = params_of(P256_KEY);
    same_curve.cert = fx.root.cert;
    assert_int_equal(sg_cades_signer_new(&same_curve, &signer, &err), SG_E_NO_CERTIFICATE);

    struct identity odd = make_identity(fx.libctx, "EC", "secp256k1", &fx.root);
    const struct sg_cades_params params = {.libctx = fx.libctx, .key = odd.key, .cert = odd.cert};
    assert_int_equal(sg_cades_signer_new(&params, &signer, &err), SG_E_USAGE);
    assert_null(signer);
    identity_clear(&odd);
}

/* The public part of one key and the private part of another: a token that signs wrongly. */
static EVP_PKEY *make_liar(void)
{
    uint8_t point[256];
    size_t point_len = 0;
    BIGNUM *secret = NULL;
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();

    assert_int_equal(EVP_PKEY_get_octet_string_param(fx.keys[P256_KEY].key, OSSL_PKEY_PARAM_PUB_KEY, point,
                                                     sizeof(point), &point_len),
                     1);
    assert_int_equal(EVP_PKEY_get_bn_param(fx.root.key, OSSL_PKEY_PARAM_PRIV_KEY, &secret), 1);
    assert_int_equal(OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0), 1);
    assert_int_equal(OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, point_len), 1);
    assert_int_equal(OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_PRIV_KEY, secret), 1);
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
    EVP_PKEY *liar = key_from("EC", params);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(builder);
    BN_clear_free(secret);
    return liar;
}

/* Is a wrong signature from the token caught, with nothing in the output? */
static void test_wrong_signature(void **state)
{
    const uint8_t digest[32] = {0};
    struct sg_cades_params params = params_of(P256_KEY);
    _cleanup_(EVP_PKEY_freep) EVP_PKEY *liar = make_liar();
    _cleanup_(sg_buf_clear) struct sg_buf der = SG_BUF(SG_MIB);
    struct sg_err err;

    (void)state;
    params.key = liar;
    _cleanup_(sg_cades_signer_freep) struct sg_cades_signer *signer = make_signer(&params);
    assert_int_equal(sg_cades_sign_detached(signer, (struct sg_slice){digest, 32}, NOW, &der, &err), SG_E_TOKEN_FAILED);
    assert_int_equal(der.len, 0);
}

/* A file that grows, shrinks or is rewritten between opening and signing. */
static void test_input_changes(void **state)
{
    const struct sg_cades_params params = params_of(P256_KEY);
    _cleanup_(sg_cades_signer_freep) struct sg_cades_signer *signer = make_signer(&params);
    static const size_t new_lengths[] = {0, 999, 1001};
    static const uint8_t bytes[1001] = {0};
    uint8_t digest[EVP_MAX_MD_SIZE];
    size_t digest_len = 0;
    struct sg_err err;

    (void)state;
    for (size_t i = 0; i < sizeof(new_lengths) / sizeof(*new_lengths); i++) {
        _cleanup_(sg_input_freep) struct sg_input *input = NULL;
        _cleanup_(sg_outfile_freep) struct sg_outfile *file = NULL;

        write_file(fx.in_path, bytes, 1000);
        assert_ok(sg_input_open(fx.in_path, &input, &err), &err);
        assert_ok(sg_outfile_open(fx.out_path, SG_OUT_REPLACE, &file, &err), &err);
        assert_int_equal(truncate(fx.in_path, (off_t)new_lengths[i]), 0);
        assert_int_equal(sg_cades_digest_input(signer, input, digest, &digest_len, &err), SG_E_INPUT_CHANGED);
        assert_int_equal(sg_cades_sign_attached(signer, input, NOW, file, digest, &digest_len, &err),
                         SG_E_INPUT_CHANGED);
        assert_int_equal(digest_len, 0);
    }
}

/* A digest of another length than the signer's is refused. */
static void test_wrong_digest_length(void **state)
{
    const struct sg_cades_params params = params_of(P384_KEY);
    _cleanup_(sg_cades_signer_freep) struct sg_cades_signer *signer = make_signer(&params);
    _cleanup_(sg_buf_clear) struct sg_buf der = SG_BUF(SG_MIB);
    const uint8_t digest[32] = {0};

    (void)state;
    assert_int_equal(sg_cades_sign_detached(signer, (struct sg_slice){digest, 32}, NOW, &der, NULL), SG_E_INTERNAL);
    assert_int_equal(der.len, 0);
}

/* No room in the caller's buffer: an error, and the buffer as it was. */
static void test_no_room(void **state)
{
    const struct sg_cades_params params = params_of(P256_KEY);
    _cleanup_(sg_cades_signer_freep) struct sg_cades_signer *signer = make_signer(&params);
    _cleanup_(sg_buf_clear) struct sg_buf small = SG_BUF(600);
    const uint8_t digest[32] = {0};
    struct sg_err err;

    (void)state;
    assert_ok(sg_buf_append(&small, "kept", 4, &err), &err);
    assert_int_equal(sg_cades_sign_detached(signer, (struct sg_slice){digest, 32}, NOW, &small, NULL), SG_E_LIMIT);
    assert_int_equal(small.len, 4);
    assert_memory_equal(small.data, "kept", 4);
}

static void *sign_many(void *arg)
{
    const struct sg_cades_signer *signer = arg;
    uint8_t digest[EVP_MAX_MD_SIZE];
    size_t digest_len = 0;

    if (sg_digest(fx.libctx, "SHA256", content, digest, &digest_len, NULL) != SG_OK)
        return NULL;
    for (int i = 0; i < 20; i++) {
        _cleanup_(sg_buf_clear) struct sg_buf der = SG_BUF(SG_MIB);
        if (sg_cades_sign_detached(signer, (struct sg_slice){digest, digest_len}, NOW, &der, NULL) != SG_OK ||
            !openssl_verifies(fx.libctx, sg_buf_slice(&der), fx.root.cert, content, content))
            return NULL;
    }
    return arg;
}

/* One signer, several threads at once. */
static void test_threads(void **state)
{
    const struct sg_cades_params params = params_of(P256_KEY);
    _cleanup_(sg_cades_signer_freep) struct sg_cades_signer *signer = make_signer(&params);
    pthread_t threads[4];
    void *results[4] = {NULL};

    (void)state;
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, sign_many, signer), 0);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], &results[i]), 0);
    for (size_t i = 0; i < 4; i++)
        assert_ptr_equal(results[i], signer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_detached),
        cmocka_unit_test(test_attached),
        cmocka_unit_test(test_attached_head_grows),
        cmocka_unit_test(test_tampered),
        cmocka_unit_test(test_attributes),
        cmocka_unit_test(test_attached_equals_detached),
        cmocka_unit_test(test_chain),
        cmocka_unit_test(test_pss),
        cmocka_unit_test(test_digests),
        cmocka_unit_test(test_pss_restricted),
        cmocka_unit_test(test_wrong_keys),
        cmocka_unit_test(test_wrong_signature),
        cmocka_unit_test(test_input_changes),
        cmocka_unit_test(test_wrong_digest_length),
        cmocka_unit_test(test_no_room),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
