/* Does what we encrypt open with each recipient's key, as OpenSSL and we read it, and with no other? */
#include "envelope.h"
#include "formats/cms_encrypt.h"

static OSSL_LIB_CTX *libctx;
static struct recipient rsa, p256, p521, other, signing_rsa, signing_ec, ed25519;

static int setup(void **state)
{
    struct sg_err err;

    (void)state;
    if (sg_secrets_init(&err) != SG_OK || sg_libctx_new(&libctx, &err) != SG_OK)
        return -1;
    rsa = make_recipient(libctx, NULL, "critical,keyEncipherment");
    p256 = make_recipient(libctx, "P-256", "critical,keyAgreement");
    p521 = make_recipient(libctx, "P-521", NULL);
    other = make_recipient(libctx, NULL, NULL);
    signing_rsa = make_recipient(libctx, NULL, "critical,digitalSignature,nonRepudiation");
    signing_ec = make_recipient(libctx, "P-256", "critical,digitalSignature");
    ed25519 = make_recipient(libctx, "P-256", NULL);
    EVP_PKEY *key = EVP_PKEY_Q_keygen(libctx, NULL, "ED25519");
    assert_int_equal(X509_set_pubkey(ed25519.cert, key), 1);
    EVP_PKEY_free(key);
    return 0;
}

static int teardown(void **state)
{
    struct recipient *const each[] = {&rsa, &p256, &p521, &other, &signing_rsa, &signing_ec, &ed25519};

    (void)state;
    arena_clear();
    for (size_t i = 0; i < sizeof each / sizeof each[0]; i++)
        recipient_clear(each[i]);
    OSSL_LIB_CTX_free(libctx);
    return 0;
}

static enum sg_rc encrypt(const struct recipient *const *to, size_t count, struct sg_slice content, struct sg_buf *out)
{
    STACK_OF(X509) *certs = sk_X509_new_null();

    for (size_t i = 0; i < count; i++)
        assert_true(sk_X509_push(certs, to[i]->cert) > 0);
    enum sg_rc rc = sg_cms_encrypt(libctx, certs, content, out, NULL);
    sk_X509_free(certs);
    return rc;
}

static void test_opens_for_each_recipient_and_no_other(void **state)
{
    const struct recipient *const to[] = {&rsa, &p256, &p521};
    const struct sg_slice contents[] = {slice("The PIN is 271828.", 18), NONE, repeat(slice("x", 1), SG_MIB)};

    (void)state;
    for (size_t c = 0; c < 3; c++) {
        _cleanup_(sg_buf_clear) struct sg_buf out = SG_BUF(2 * SG_MIB);
        _cleanup_(sg_buf_clear) struct sg_buf plain = SG_BUF(2 * SG_MIB);
        assert_int_equal(encrypt(to, 3, contents[c], &out), SG_OK);
        for (size_t i = 0; i < 3; i++) {
            assert_true(openssl_decrypts(libctx, sg_buf_slice(&out), to[i], contents[c]));
            assert_int_equal(we_decrypt(libctx, sg_buf_slice(&out), to[i], &plain, NULL), SG_OK);
            assert_slice_equal(sg_buf_slice(&plain), contents[c]);
        }
        assert_false(openssl_decrypts(libctx, sg_buf_slice(&out), &other, contents[c]));
        assert_int_equal(we_decrypt(libctx, sg_buf_slice(&out), &other, &plain, NULL), SG_E_NO_KEY);
        out.data[out.len - 1] ^= 1; /* of the tag */
        assert_false(openssl_decrypts(libctx, sg_buf_slice(&out), &rsa, contents[c]));
        assert_int_equal(we_decrypt(libctx, sg_buf_slice(&out), &rsa, &plain, NULL), SG_E_DECRYPTION);
    }
}

static enum sg_rc stop_writing(void *context, const uint8_t *data, size_t len, struct sg_err *err)
{
    (void)context;
    (void)data;
    (void)len;
    return sg_fail(err, SG_E_DISK_FULL, "full");
}

static enum sg_rc encrypt_stream(const struct recipient *to, struct sg_slice content, struct sg_sink sink)
{
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    STACK_OF(X509) *certs = sk_X509_new_null();

    assert_true(sk_X509_push(certs, to->cert) > 0);
    assert_int_equal(sg_input_from_slice("content", content, &input, NULL), SG_OK);
    enum sg_rc rc = sg_cms_encrypt_stream(libctx, certs, input, sink, NULL);
    sk_X509_free(certs);
    return rc;
}

static void test_what_is_encrypted_as_it_goes_opens_too(void **state)
{
    const struct sg_slice contents[] = {slice("a page", 6), NONE, repeat(slice("x", 1), 3 * SG_MIB + 1)};

    (void)state;
    for (size_t c = 0; c < 3; c++) {
        _cleanup_(sg_buf_clear) struct sg_buf out = SG_BUF(4 * SG_MIB);
        _cleanup_(sg_buf_clear) struct sg_buf plain = SG_BUF(4 * SG_MIB);
        assert_int_equal(encrypt_stream(&p256, contents[c], sg_buf_sink(&out)), SG_OK);
        assert_true(openssl_decrypts(libctx, sg_buf_slice(&out), &p256, contents[c]));
        assert_int_equal(we_decrypt(libctx, sg_buf_slice(&out), &p256, &plain, NULL), SG_OK);
        assert_slice_equal(sg_buf_slice(&plain), contents[c]);
        assert_int_equal(we_decrypt(libctx, sg_buf_slice(&out), &other, &plain, NULL), SG_E_NO_KEY);
        assert_true(out.len > 100);
        out.data[out.len - 10] ^= 1; /* of the tag, before the ends of what is around it */
        assert_false(openssl_decrypts(libctx, sg_buf_slice(&out), &p256, contents[c]));
        assert_int_not_equal(we_decrypt(libctx, sg_buf_slice(&out), &p256, &plain, NULL), SG_OK);
    }
    assert_int_equal(encrypt_stream(&p256, contents[2], (struct sg_sink){stop_writing, NULL}), SG_E_DISK_FULL);
    assert_int_equal(encrypt_stream(&signing_ec, contents[0], (struct sg_sink){stop_writing, NULL}),
                     SG_E_CERT_WRONG_USAGE);
}

/* Whether the DER of this OBJECT IDENTIFIER is in the bytes. */
static bool holds(const struct sg_buf *bytes, int nid)
{
    const ASN1_OBJECT *object = OBJ_nid2obj(nid);
    return memmem(bytes->data, bytes->len, OBJ_get0_data(object), OBJ_length(object)) != NULL;
}

static void test_algorithms_are_the_ones_that_we_say(void **state)
{
    const struct recipient *const to[] = {&rsa, &p256};
    _cleanup_(sg_buf_clear) struct sg_buf out = SG_BUF(SG_MIB);
    const int nids[] = {NID_id_smime_ct_authEnvelopedData,       NID_aes_256_gcm,   NID_rsaesOaep, NID_sha256,
                        NID_dhSinglePass_stdDH_sha256kdf_scheme, NID_id_aes256_wrap};

    (void)state;
    assert_int_equal(encrypt(to, 2, slice("x", 1), &out), SG_OK);
    for (size_t i = 0; i < sizeof nids / sizeof nids[0]; i++)
        assert_true(holds(&out, nids[i]));
    assert_false(holds(&out, NID_sha1));
}

static void test_certificates_that_are_not_for_it(void **state)
{
    const struct {
        const struct recipient *to;
        enum sg_rc expected;
    } cases[] = {
        {&signing_rsa, SG_E_CERT_WRONG_USAGE}, {&signing_ec, SG_E_CERT_WRONG_USAGE}, {&ed25519, SG_E_UNSUPPORTED}};
    _cleanup_(sg_buf_clear) struct sg_buf out = SG_BUF(SG_MIB);

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct recipient *const to[] = {&rsa, cases[i].to};
        assert_int_equal(encrypt(to, 2, slice("x", 1), &out), cases[i].expected);
        assert_int_equal(out.len, 0);
    }
}

static void test_limits(void **state)
{
    const struct recipient *many[SG_MAX_RECIPIENTS + 1];
    _cleanup_(sg_buf_clear) struct sg_buf out = SG_BUF(2 * SG_MIB);

    (void)state;
    for (size_t i = 0; i < SG_MAX_RECIPIENTS + 1; i++)
        many[i] = &rsa;
    assert_int_equal(encrypt(many, SG_MAX_RECIPIENTS, slice("x", 1), &out), SG_OK);
    assert_int_equal(encrypt(many, SG_MAX_RECIPIENTS + 1, slice("x", 1), &out), SG_E_LIMIT);
    assert_int_equal(encrypt(many, 0, slice("x", 1), &out), SG_E_LIMIT);
    assert_int_equal(encrypt(many, 1, repeat(slice("x", 1), SG_MAX_ENCRYPTED_CONTENT + 1), &out), SG_E_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_opens_for_each_recipient_and_no_other),
        cmocka_unit_test(test_what_is_encrypted_as_it_goes_opens_too),
        cmocka_unit_test(test_algorithms_are_the_ones_that_we_say),
        cmocka_unit_test(test_certificates_that_are_not_for_it),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
