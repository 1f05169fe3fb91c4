#include <openssl/provider.h>

#include "base/crypto.h"
#include "formats/pem.h"
#include "identity.h"

static OSSL_LIB_CTX *libctx;
static struct identity alice;

static enum sg_rc decode(struct sg_slice bytes, struct sg_buf *out, bool *ret_is_pem)
{
    _cleanup_(sg_input_freep) struct sg_input *input = input_of(bytes);
    _cleanup_(sg_input_freep) struct sg_input *decoded = NULL;

    enum sg_rc rc = sg_pem_decode(input, &decoded, NULL);
    if (rc == SG_OK && decoded) {
        assert_string_equal(sg_input_name(decoded), "test");
        rc = sg_input_read_all(decoded, out, NULL);
    }
    *ret_is_pem = decoded != NULL;
    return rc;
}

static void assert_decodes(struct sg_slice bytes, struct sg_slice expected)
{
    _cleanup_(sg_buf_clear) struct sg_buf out = SG_BUF(SG_MIB);
    bool is_pem = false;

    assert_int_equal(decode(bytes, &out, &is_pem), SG_OK);
    assert_true(is_pem);
    assert_slice_equal(sg_buf_slice(&out), expected);
}

static void assert_refused(struct sg_slice bytes)
{
    _cleanup_(sg_buf_clear) struct sg_buf out = SG_BUF(SG_MIB);
    bool is_pem = false;

    assert_int_equal(decode(bytes, &out, &is_pem), SG_E_MALFORMED);
}

static struct sg_slice some_bytes(size_t len)
{
    uint8_t *bytes = room(len);
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(i * 31 + i / 255);
    return (struct sg_slice){.data = bytes, .len = len};
}

/* Does PEM as OpenSSL writes it come back, for every length around a line, and longer than any buffer? */
static void test_decode(void **state)
{
    (void)state;
    for (size_t len = 1; len < 200; len++)
        assert_decodes(pem("CMS", some_bytes(len)), some_bytes(len));
    assert_decodes(pem("CMS", some_bytes(500000)), some_bytes(500000));
    arena_clear();
}

/* Are the liberties taken that RFC 7468 §2 and §3 allow a parser: blanks, line ends, line lengths? */
static void test_liberties(void **state)
{
    struct sg_slice abc = text("abc"), more = text("abcabc");
    (void)state;

    assert_decodes(text("-----BEGIN CMS-----\nYWJj\n-----END CMS-----"), abc);
    assert_decodes(text("\r\n \t\n-----BEGIN CMS-----  \r\n Y W\tJj \r\n\r\n-----END CMS-----\r\n"), abc);
    assert_decodes(text("-----BEGIN CMS-----\nYW\nJjYW\nJj\n-----END CMS-----\n\n \t\n"), more);
    assert_decodes(text("-----BEGIN CMS-----\n-----END CMS-----\n"), NONE);

    struct sg_slice one_line =
        JOIN(text("-----BEGIN CMS-----\n"), repeat(text("YWJj"), 30001), text("\n-----END CMS-----"));
    assert_decodes(one_line, repeat(abc, 30001));
    arena_clear();
}

/* Is a block refused that is cut short, that holds something other than Base64, or that is not all of the file? */
static void test_damaged(void **state)
{
    struct sg_slice whole = pem("CMS", some_bytes(100));
    static const char *const bad[] = {
        "-----BEGIN CMS-----\nYWJj\n",
        "-----BEGIN CMS-----\nYWJj\n-----END PKCS7-----\n",
        "-----BEGIN CMS-----\nYWJj\n-----END CMS----\n",
        "-----BEGIN CMS-----\nYWJ\n-----END CMS-----\n",
        "-----BEGIN CMS-----\nYW-j\n-----END CMS-----\n",
        "-----BEGIN CMS-----\nYW%j\n-----END CMS-----\n",
        "-----BEGIN CMS-----\nYQ==YWJj\n-----END CMS-----\n",
        "-----BEGIN CMS-----\nYQ==\nYWJj\n-----END CMS-----\n",
        "-----BEGIN CMS-----\nY===\n-----END CMS-----\n",
        "-----BEGIN CMS-----\nProc-Type: 4,ENCRYPTED\n\nYWJj\n-----END CMS-----\n",
        "-----BEGIN CMS-----\n-----BEGIN CMS-----\nYWJj\n-----END CMS-----\n",
        "-----BEGIN CMS-----\nYWJj\n-----END CMS-----\nand text",
        "-----BEGIN CMS-----\nYWJj\n-----END CMS-----\n-----BEGIN CMS-----\nYWJj\n-----END CMS-----\n",
    };
    (void)state;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_refused(text(bad[i]));
    /* 20 octets of BEGIN line, and up to the last dash of END. */
    for (size_t len = 20; len < whole.len - 1; len++)
        assert_refused(slice(whole.data, len));
    arena_clear();
}

/* Is only that taken for PEM which begins with a BEGIN line? */
static void test_not_pem(void **state)
{
    static const char *const others[] = {
        "",
        "\n\n",
        "hello\n-----BEGIN CMS-----\nYWJj\n-----END CMS-----\n",
        "-----BEGIN CMS----\nYWJj\n",
        "-----BEGIN -----\nYWJj\n",
        " -----BEGIN CMS-----\nYWJj\n",
        "-----BEGIN CMS----- and so on\nYWJj\n",
        "-----BEGIN 0123456789012345678901234567890123456789012345678901234567890123456789-----\n",
        "%PDF-1.7\n",
        "0\x82\x01",
    };
    _cleanup_(sg_buf_clear) struct sg_buf out = SG_BUF(SG_MIB);
    bool is_pem = true;
    (void)state;

    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        assert_int_equal(decode(text(others[i]), &out, &is_pem), SG_OK);
        assert_false(is_pem);
    }
    assert_int_equal(decode(JOIN(repeat(text("\n"), 1000000), pem("CMS", text("a"))), &out, &is_pem), SG_OK);
    assert_false(is_pem);
    arena_clear();
}

static enum sg_rc read_certs(struct sg_slice bytes, int *ret_count)
{
    _cleanup_(sg_input_freep) struct sg_input *input = input_of(bytes);
    _cleanup_(sg_x509_stack_freep) STACK_OF(X509) *certs = sk_X509_new_null();
    struct sg_err err = {0};

    enum sg_rc rc = sg_certs_read(input, libctx, certs, &err);
    *ret_count = sk_X509_num(certs);
    for (int i = 0; i < *ret_count; i++)
        assert_int_equal(X509_cmp(sk_X509_value(certs, i), alice.cert), 0);
    if (rc != SG_OK) {
        assert_int_equal(*ret_count, 0);
        assert_string_equal(err.file, "test");
    }
    return rc;
}

/* Are a file's certificates all read, and is it all or nothing? */
static void test_certs(void **state)
{
    struct sg_slice der = cert_der(alice.cert), block = pem("CERTIFICATE", der);
    struct sg_slice key = pem("PRIVATE KEY", text("never decoded")), broken = pem("CERTIFICATE", slice(der.data, 99));
    int count = 0;
    (void)state;

    assert_int_equal(read_certs(der, &count), SG_OK);
    assert_int_equal(count, 1);
    assert_int_equal(read_certs(JOIN(text("0 s:CN = Alice\n"), block, key, text("text\n"), block), &count), SG_OK);
    assert_int_equal(count, 2);
    assert_int_equal(read_certs(repeat(block, SG_MAX_CERTIFICATES), &count), SG_OK);
    assert_int_equal(count, SG_MAX_CERTIFICATES);

    assert_int_equal(read_certs(repeat(block, SG_MAX_CERTIFICATES + 1), &count), SG_E_LIMIT);
    assert_int_equal(read_certs(JOIN(block, broken), &count), SG_E_MALFORMED);
    assert_int_equal(read_certs(JOIN(block, slice(block.data, block.len / 2)), &count), SG_E_MALFORMED);
    assert_int_equal(read_certs(JOIN(der, hex("00")), &count), SG_E_MALFORMED);
    assert_int_equal(read_certs(pem("CERTIFICATE", JOIN(der, hex("00"))), &count), SG_E_MALFORMED);
    assert_int_equal(read_certs(slice(der.data, der.len - 1), &count), SG_E_MALFORMED);
    assert_int_equal(read_certs(tlv(0x30, hex("0500")), &count), SG_E_MALFORMED);
    assert_int_equal(read_certs(key, &count), SG_E_MALFORMED);
    assert_int_equal(read_certs(NONE, &count), SG_E_MALFORMED);
    assert_int_equal(read_certs(tlv(0x30, repeat(hex("0500"), SG_MAX_CERTIFICATE / 2)), &count), SG_E_LIMIT);
    assert_int_equal(read_certs(repeat(text("\n"), SG_MAX_CERT_FILE + 1), &count), SG_E_LIMIT);
    arena_clear();
}

/* Does a certificate's key live in our library context? */
static void test_library_context(void **state)
{
    struct sg_slice der = cert_der(alice.cert);
    _cleanup_(X509_freep) X509 *cert = NULL;
    (void)state;

    assert_int_equal(sg_cert_parse(der, libctx, &cert, NULL), SG_OK);
    OSSL_PROVIDER *ours = OSSL_PROVIDER_load(libctx, "default");
    assert_ptr_equal(EVP_PKEY_get0_provider(X509_get0_pubkey(cert)), ours);
    OSSL_PROVIDER_unload(ours);
    arena_clear();
}

static int set_up(void **state)
{
    (void)state;
    alice = make_identity("Alice", 1, true);
    return sg_libctx_new(&libctx, NULL) == SG_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    free_identity(&alice);
    OSSL_LIB_CTX_free(libctx);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decode),  cmocka_unit_test(test_liberties), cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_not_pem), cmocka_unit_test(test_certs),     cmocka_unit_test(test_library_context),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
