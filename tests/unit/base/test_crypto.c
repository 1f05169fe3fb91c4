#include "scratch.h"

#include <openssl/decoder.h>
#include <openssl/x509.h>

#include "base/crypto.h"

SG_DEFINE_CLEANUP(OSSL_DECODER_CTX, OSSL_DECODER_CTX_free)

static OSSL_LIB_CTX *libctx;

static int make_libctx(void **state)
{
    (void)state;
    return sg_libctx_new(&libctx, NULL) == SG_OK ? 0 : -1;
}

static int free_libctx(void **state)
{
    (void)state;
    OSSL_LIB_CTX_free(libctx);
    return 0;
}

/* Does the context have `default`, and still when another provider joins it? */
static void has_the_default_provider(void **state)
{
    (void)state;
    assert_int_equal(OSSL_PROVIDER_available(libctx, "default"), 1);
    OSSL_PROVIDER *other = OSSL_PROVIDER_load(libctx, "null");
    assert_non_null(other);
    _cleanup_(EVP_MD_freep) EVP_MD *md = EVP_MD_fetch(libctx, "SHA512", NULL);
    assert_non_null(md);
    assert_int_equal(OSSL_PROVIDER_unload(other), 1);
}

/* EVP_PKEY_Q_keygen() does not know RSA-PSS. */
static EVP_PKEY *make_key(const char *type)
{
    _cleanup_(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(libctx, type, NULL);
    EVP_PKEY *key = NULL;
    assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
    if (strcmp(type, "EC") == 0)
        assert_int_equal(EVP_PKEY_CTX_set_group_name(ctx, "P-256"), 1);
    assert_int_equal(EVP_PKEY_keygen(ctx, &key), 1);
    return key;
}

static EVP_PKEY *decode(OSSL_LIB_CTX *in, struct sg_slice der)
{
    EVP_PKEY *key = NULL;
    _cleanup_(OSSL_DECODER_CTX_freep) OSSL_DECODER_CTX *ctx =
        OSSL_DECODER_CTX_new_for_pkey(&key, "DER", NULL, NULL, EVP_PKEY_KEYPAIR, in, NULL);
    if (ctx)
        (void)OSSL_DECODER_from_data(ctx, &der.data, &der.len);
    return key;
}

/* A certificate of the context, with the key in it. */
static X509 *certify(OSSL_LIB_CTX *in, EVP_PKEY *key)
{
    _cleanup_(X509_freep) X509 *made = X509_new_ex(libctx, NULL);
    _cleanup_(OPENSSL_freep) uint8_t *der = NULL;
    X509 *cert = X509_new_ex(in, NULL);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(made), 0));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(made), 3600));
    assert_int_equal(X509_set_pubkey(made, key), 1);
    const EVP_MD *digest = EVP_PKEY_is_a(key, "ED25519") || EVP_PKEY_is_a(key, "ED448") ? NULL : EVP_sha256();
    assert_true(X509_sign(made, key, digest) > 0);
    int len = i2d_X509(made, &der);
    const uint8_t *at = der;
    assert_true(len > 0);
    assert_non_null(d2i_X509(&cert, &at, len));
    return cert;
}

/* Does the context for judging know the keys of certificates, and a signature that is none, but no private key? */
static void judges_by_certificates_alone(void **state)
{
    (void)state;
    static const char *const types[] = {"RSA", "RSA-PSS", "EC", "ED25519", "ED448"};
    _cleanup_(OSSL_LIB_CTX_freep) OSSL_LIB_CTX *judging = NULL;
    struct sg_err err;
    assert_ok(sg_libctx_new_for_judging(&judging, &err));
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        _cleanup_(EVP_PKEY_freep) EVP_PKEY *key = make_key(types[i]), *other = make_key(types[i]);
        _cleanup_(X509_freep) X509 *cert = certify(judging, key);
        EVP_PKEY *read = X509_get0_pubkey(cert);
        assert_non_null(read);
        assert_true(EVP_PKEY_is_a(read, types[i]));
        assert_int_equal(EVP_PKEY_get_bits(read), EVP_PKEY_get_bits(key));
        assert_int_equal(X509_verify(cert, read), 1);
        _cleanup_(X509_freep) X509 *wrong = certify(judging, other);
        assert_int_not_equal(X509_verify(cert, X509_get0_pubkey(wrong)), 1);

        _cleanup_(OPENSSL_freep) uint8_t *der = NULL;
        int len = i2d_PrivateKey(key, &der);
        assert_true(len > 0);
        struct sg_slice secret = {der, (size_t)len};
        _cleanup_(EVP_PKEY_freep) EVP_PKEY *usual = decode(libctx, secret);
        assert_non_null(usual);
        assert_null(decode(judging, secret));
    }
}

/* Is a digest right (FIPS 180-4's example), of nothing too, and an unknown one an error? */
static void digests(void **state)
{
    (void)state;
    uint8_t out[EVP_MAX_MD_SIZE];
    char hex[2 * EVP_MAX_MD_SIZE + 1];
    size_t len = 0;
    struct sg_err err;
    assert_ok(sg_digest(libctx, "SHA256", (struct sg_slice){(const uint8_t *)"abc", 3}, out, &len, &err));
    assert_int_equal(len, SG_SHA256_LEN);
    sg_hex(out, len, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_ok(sg_digest(libctx, "SHA256", (struct sg_slice){0}, out, &len, &err));
    sg_hex(out, len, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_int_equal(sg_digest(libctx, "ROT13", (struct sg_slice){0}, out, &len, &err), SG_E_INTERNAL);
    assert_string_not_equal(err.cause, "");
    assert_int_equal(len, SG_SHA256_LEN);
}

/* Is a certificate's digest that of its DER, and another after a change? */
static void digests_certificates(void **state)
{
    (void)state;
    struct sg_err err;
    _cleanup_(EVP_PKEY_freep) EVP_PKEY *key = EVP_PKEY_Q_keygen(libctx, NULL, "EC", "P-256");
    _cleanup_(X509_freep) X509 *cert = X509_new_ex(libctx, NULL);
    _cleanup_(EVP_MD_freep) EVP_MD *md = EVP_MD_fetch(libctx, "SHA256", NULL);
    assert_non_null(key);
    assert_non_null(cert);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(cert), 7), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(cert), 0));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(cert), 3600));
    assert_int_equal(X509_set_pubkey(cert, key), 1);
    assert_true(X509_sign(cert, key, md) > 0);

    char ours[SG_SHA256_HEX], theirs[SG_SHA256_HEX], other[SG_SHA256_HEX];
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    assert_ok(sg_cert_sha256(libctx, cert, ours, &err));
    assert_int_equal(X509_digest(cert, md, digest, &len), 1);
    sg_hex(digest, len, theirs);
    assert_string_equal(ours, theirs);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(cert), 8), 1);
    assert_true(X509_sign(cert, key, md) > 0);
    assert_ok(sg_cert_sha256(libctx, cert, other, &err));
    assert_string_not_equal(ours, other);
}

static void assert_name(int type, const char *value, int len, const char *expected)
{
    _cleanup_(X509_NAME_freep) X509_NAME *name = X509_NAME_new();
    _cleanup_(freep) char *text = NULL;
    struct sg_err err;
    assert_int_equal(X509_NAME_add_entry_by_txt(name, "C", MBSTRING_ASC, (const uint8_t *)"DE", -1, -1, 0), 1);
    /* A type that is no MBSTRING_ is taken with its bytes as they are, right or wrong. */
    assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", type, (const uint8_t *)value, len, -1, 0), 1);
    assert_ok(sg_name_text(name, &text, &err));
    assert_string_equal(text, expected);
}

/* Are names as RFC 4514 writes them, in UTF-8, and harmless on a terminal whatever a certificate says? */
static void writes_names(void **state)
{
    (void)state;
    assert_name(MBSTRING_UTF8, "Jürgen Groß", -1, "CN=Jürgen Groß,C=DE");
    assert_name(MBSTRING_UTF8, "Doe, John + \"J\" <x>; #\\", -1, "CN=Doe\\, John \\+ \\\"J\\\" \\<x\\>\\; #\\\\,C=DE");
    assert_name(MBSTRING_UTF8, " #a ", -1, "CN=\\ #a\\ ,C=DE");
    assert_name(V_ASN1_UTF8STRING, "a\0b", 3, "CN=a\\00b,C=DE");
    assert_name(V_ASN1_UTF8STRING, "\x1b[2J\r\n", -1, "CN=\\1B[2J\\0D\\0A,C=DE");
    assert_name(V_ASN1_UTF8STRING, "\xc2\x9bJ", -1, "CN=\\C2\\9BJ,C=DE");
    assert_name(V_ASN1_UTF8STRING, "a\xe2\x80\xaez", -1, "CN=a\\E2\\80\\AEz,C=DE");
    assert_name(V_ASN1_UTF8STRING, "a\xff\xc3", 3, "CN=a\\FF\\C3,C=DE");
    /* Half of a surrogate pair is no character: the DER of all values, in hex. */
    assert_name(V_ASN1_BMPSTRING, "\0a\xd8\x00\0b", 6, "CN=#1E060061D8000062,C=#13024445");
    /* Latin-1 in a T61String, 16 bits in a BMPString. */
    assert_name(V_ASN1_T61STRING, "J\xfcrgen", -1, "CN=Jürgen,C=DE");
    assert_name(V_ASN1_BMPSTRING, "\0J\0\xfc\x20\xac", 6, "CN=Jü€,C=DE");
}

/* Is the empty name the empty text? */
static void writes_the_empty_name(void **state)
{
    (void)state;
    _cleanup_(X509_NAME_freep) X509_NAME *name = X509_NAME_new();
    _cleanup_(freep) char *text = NULL;
    struct sg_err err;
    assert_ok(sg_name_text(name, &text, &err));
    assert_string_equal(text, "");
}

/* Are serial numbers lower-case hex in whole octets, of any size and sign? */
static void writes_serials(void **state)
{
    (void)state;
    static const struct {
        const char *der;
        long len;
        const char *text;
    } cases[] = {
        {"\x02\x01\x00", 3, "00"},
        {"\x02\x01\x0a", 3, "0a"},
        {"\x02\x02\x00\xff", 4, "ff"},
        {"\x02\x02\x12\x34", 4, "1234"},
        {"\x02\x01\xff", 3, "-01"},
        {"\x02\x02\xff\x00", 4, "-0100"},
        {"\x02\x03\x01\x00\x00", 5, "010000"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const uint8_t *der = (const uint8_t *)cases[i].der;
        _cleanup_(ASN1_INTEGER_freep) ASN1_INTEGER *serial = d2i_ASN1_INTEGER(NULL, &der, cases[i].len);
        _cleanup_(freep) char *text = NULL;
        struct sg_err err;
        assert_non_null(serial);
        assert_ok(sg_serial_text(serial, &text, &err));
        assert_string_equal(text, cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_the_default_provider),
        cmocka_unit_test(judges_by_certificates_alone),
        cmocka_unit_test(digests),
        cmocka_unit_test(digests_certificates),
        cmocka_unit_test(writes_names),
        cmocka_unit_test(writes_the_empty_name),
        cmocka_unit_test(writes_serials),
    };
    return cmocka_run_group_tests(tests, make_libctx, free_libctx);
}
