/* Does adding an unsigned attribute leave every other byte as it was, and the signature good? */
#include "signed_files.h"

#include "formats/cms.h"
#include "formats/cms_augment.h"
#include "formats/der.h"

static int setup(void **state)
{
    (void)state;
    return signed_files_setup(0);
}

/* An attribute of a type of nobody's, whose value is `len` times `octet`. */
static struct sg_slice attribute(size_t len, uint8_t octet)
{
    return tlv(0x30, JOIN(hex("06 03 2a 03 04"), tlv(0x31, tlv(0x04, repeat(slice(&octet, 1), len)))));
}

static enum sg_rc try_add(struct sg_slice der, size_t signer, struct sg_slice attr, struct sg_slice *ret)
{
    _cleanup_(sg_input_freep) struct sg_input *input = input_of(der);
    _cleanup_(sg_outfile_freep) struct sg_outfile *out = NULL;
    _cleanup_(sg_buf_clear) struct sg_buf bytes = SG_BUF(4 * SG_MIB);
    struct sg_err err = {0};

    assert_ok(sg_outfile_open(fx.path, SG_OUT_REPLACE, &out, &err), &err);
    const enum sg_rc rc = sg_cms_add_unsigned(input, signer, attr, sg_outfile_sink(out), &err);
    if (rc != SG_OK) {
        assert_int_equal(err.rc, rc);
        assert_true(strlen(err.text) > 0);
        return rc;
    }
    assert_ok(sg_outfile_commit(out, &err), &err);
    read_file(fx.path, &bytes);
    *ret = slice(bytes.data, bytes.len);
    return SG_OK;
}

static struct sg_slice add(struct sg_slice der, size_t signer, struct sg_slice attr)
{
    struct sg_slice after = {0};

    assert_int_equal(try_add(der, signer, attr, &after), SG_OK);
    return after;
}

/* One element at `p`, read by OpenSSL's own header parser: its header's and whole length, an indefinite one's too. */
struct element {
    uint8_t tag;
    bool indefinite;
    size_t header;
    size_t len;
};

static struct element element_at(struct sg_slice bytes)
{
    const uint8_t *p = bytes.data;
    long len = 0;
    int tag = 0;
    int class = 0;

    const int flags = ASN1_get_object(&p, &len, &tag, &class, (long)bytes.len);
    assert_false(flags & 0x80);
    struct element e = {.tag = bytes.data[0], .indefinite = flags & 1, .header = (size_t)(p - bytes.data)};
    e.len = e.header + (size_t)len;
    if (e.indefinite) {
        e.len = e.header;
        while (bytes.data[e.len] != 0 || bytes.data[e.len + 1] != 0)
            e.len += element_at((struct sg_slice){bytes.data + e.len, bytes.len - e.len}).len;
        e.len += 2;
    }
    return e;
}

static struct sg_slice behind(struct sg_slice bytes, size_t n)
{
    return (struct sg_slice){bytes.data + n, bytes.len - n};
}

/* The bytes of `after` are those of `before` but for `added`, once, and the definite lengths around it. */
static size_t count_added(struct sg_slice before, struct sg_slice after, struct sg_slice added)
{
    size_t count = 0;

    while (after.len > 0) {
        const struct element a = element_at(after);
        const struct sg_slice whole_a = {after.data, a.len};
        const struct element b = before.len > 0 ? element_at(before) : (struct element){0};
        if (before.len > 0 && sg_slice_equal((struct sg_slice){before.data, b.len}, whole_a)) {
            before = behind(before, b.len);
        } else if (sg_slice_equal(whole_a, added)) {
            count++;
        } else {
            assert_true(before.len > 0);
            assert_int_equal(b.tag, a.tag);
            assert_true(a.tag & 0x20);
            assert_int_equal(b.indefinite, a.indefinite);
            const size_t eoc = a.indefinite ? 2 : 0;
            count += count_added((struct sg_slice){before.data + b.header, b.len - b.header - eoc},
                                 (struct sg_slice){after.data + a.header, a.len - a.header - eoc}, added);
            before = behind(before, b.len);
        }
        after = behind(after, a.len);
    }
    assert_int_equal(before.len, 0);
    return count;
}

static void assert_only_added(struct sg_slice before, struct sg_slice after, struct sg_slice attr, bool first)
{
    assert_int_equal(count_added(before, after, first ? tlv(0xa1, attr) : attr), 1);
}

static void assert_der(struct sg_slice der)
{
    uint8_t *again = NULL;
    CMS_ContentInfo *cms = parse_cms(fx.libctx, der);

    assert_non_null(cms);
    const int len = i2d_CMS_ContentInfo(cms, &again);
    assert_slice_equal(der, slice(again, (size_t)len));
    OPENSSL_free(again);
    CMS_ContentInfo_free(cms);
}

static bool verifies(struct sg_slice der, bool detached)
{
    const struct sg_slice none = {0};
    return openssl_verifies(fx.libctx, der, fx.root.cert, detached ? whole_content() : none, whole_content());
}

/* To a signature of ours, with attributes of every size at which a length grows. */
static void test_first_attribute(void **state)
{
    static const size_t lengths[] = {0, 1, 100, 130, 255, 256, 70000};

    (void)state;
    for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
        const struct sg_slice attr = attribute(lengths[i], 0x55);
        const struct sg_slice one = add(fx.detached, 0, attr);
        assert_only_added(fx.detached, one, attr, true);
        assert_der(one);
        assert_true(verifies(one, true));

        const struct sg_slice other = add(fx.attached, 0, attr);
        assert_only_added(fx.attached, other, attr, true);
        assert_der(other);
        assert_true(verifies(other, false));
    }
}

/* A tampered twin: what did not verify does not verify afterwards. */
static void test_tampered(void **state)
{
    const struct sg_slice tampered = slice(fx.attached.data, fx.attached.len);

    (void)state;
    ((uint8_t *)tampered.data)[1000] ^= 1;
    assert_false(verifies(tampered, false));
    assert_false(verifies(add(tampered, 0, attribute(10, 1)), false));
}

/* More attributes, before, between and behind those that are there: each in the place that DER gives it. */
static void test_sorted_place(void **state)
{
    static const uint8_t orders[][4] = {{1, 2, 3, 4}, {4, 3, 2, 1}, {2, 4, 1, 3}, {2, 2, 1, 2}};

    (void)state;
    for (size_t i = 0; i < sizeof(orders) / sizeof(*orders); i++) {
        struct sg_slice der = fx.detached;
        for (size_t j = 0; j < 4; j++) {
            const struct sg_slice attr = attribute(9, orders[i][j]);
            const struct sg_slice after = add(der, 0, attr);
            if (i < 3) /* of two that are equal it cannot be said which was added */
                assert_only_added(der, after, attr, j == 0);
            assert_der(after);
            der = after;
        }
        assert_true(verifies(der, true));
    }
}

/* Where the attributes do not stand as DER wants, they stay so and the new one goes behind. */
static void test_unsorted_place(void **state)
{
    const struct sg_slice low = attribute(9, 1);
    const struct sg_slice high = attribute(9, 9);
    struct sg_slice der = add(add(fx.detached, 0, low), 0, high);
    uint8_t *unsorted = memmem(der.data, der.len, low.data, low.len);

    (void)state;
    assert_non_null(unsorted);
    memcpy(unsorted, high.data, high.len);
    memcpy(unsorted + high.len, low.data, low.len);
    const struct sg_slice middle = attribute(9, 5);
    const struct sg_slice after = add(der, 0, middle);
    assert_only_added(der, after, middle, false);
    const struct sg_slice end = JOIN(high, low, middle);
    assert_memory_equal(after.data + after.len - end.len, end.data, end.len);
    assert_true(verifies(after, true));
}

/* BER with indefinite lengths, as OpenSSL streams it: attached, and detached by two signers, of whom only one changes.
 */
static void test_streamed(void **state)
{
    const struct sg_slice attr = attribute(300, 0x33);

    (void)state;
    assert_int_equal(fx.ber_attached.data[1], 0x80);
    assert_true(verifies(fx.ber_attached, false));
    struct sg_slice after = add(fx.ber_attached, 0, attr);
    assert_only_added(fx.ber_attached, after, attr, true);
    assert_true(verifies(after, false));

    for (size_t signer = 0; signer < 2; signer++) {
        after = add(fx.ber_detached, signer, attr);
        assert_only_added(fx.ber_detached, after, attr, true);
        assert_true(verifies(after, true));
        CMS_ContentInfo *cms = parse_cms(fx.libctx, after);
        STACK_OF(CMS_SignerInfo) *infos = CMS_get0_SignerInfos(cms);
        for (int i = 0; i < 2; i++)
            assert_int_equal(CMS_unsigned_get_attr_count(sk_CMS_SignerInfo_value(infos, i)),
                             (size_t)i == signer ? 1 : -1);
        CMS_ContentInfo_free(cms);
    }
}

/* The last element at each of `depth` levels, with an indefinite length: ContentInfo, content, SignedData, signerInfos,
 * SignerInfo, unsignedAttrs. */
static struct sg_slice make_indefinite(struct sg_slice der, int depth)
{
    if (depth == 0)
        return der;
    const struct element e = element_at(der);
    assert_int_equal(e.len, der.len);
    assert_false(e.indefinite);
    size_t last = e.header;
    size_t next = last;
    while (next < der.len) {
        last = next;
        next += element_at(behind(der, next)).len;
    }
    return indefinite(e.tag, JOIN((struct sg_slice){der.data + e.header, last - e.header},
                                  make_indefinite(behind(der, last), depth - 1)));
}

/* Indefinite lengths all the way down to, and into, unsignedAttrs. */
static void test_indefinite_around(void **state)
{
    const struct sg_slice low = attribute(9, 1);
    const struct sg_slice high = attribute(200, 9);
    const struct sg_slice first = add(fx.detached, 0, low);

    (void)state;
    for (int depth = 1; depth <= 5; depth++) {
        const struct sg_slice der = make_indefinite(fx.detached, depth);
        const struct sg_slice after = add(der, 0, high);
        assert_only_added(der, after, high, true);
        assert_true(verifies(after, true));
    }
    for (int depth = 1; depth <= 6; depth++) {
        const struct sg_slice der = make_indefinite(first, depth);
        assert_only_added(der, add(der, 0, high), high, false);
        assert_only_added(der, add(der, 0, attribute(2, 2)), attribute(2, 2), false);
        assert_true(verifies(add(der, 0, high), true));
    }
}

/* A length longer than it has to be, which BER allows, is written anew as short as can be; nothing else changes. */
static void test_long_length(void **state)
{
    const struct element e = element_at(fx.detached);
    const size_t len = fx.detached.len - e.header;
    const uint8_t header[] = {0x30, 0x86, 0, 0, 0, 0, (uint8_t)(len >> 8), (uint8_t)len};
    const struct sg_slice der = JOIN(slice(header, sizeof(header)), behind(fx.detached, e.header));
    const struct sg_slice attr = attribute(9, 1);

    (void)state;
    const struct sg_slice after = add(der, 0, attr);
    assert_only_added(der, after, attr, true);
    assert_slice_equal(after, add(fx.detached, 0, attr));
}

/* The signature over the signed attributes as on the wire, by our own reader. */
static bool wire_verifies(struct sg_slice der)
{
    _cleanup_(sg_input_freep) struct sg_input *input = input_of(der);
    _cleanup_(sg_cms_freep) struct sg_cms *cms = NULL;
    _cleanup_(sg_buf_clear) struct sg_buf bytes = SG_BUF(SG_MIB);
    _cleanup_(EVP_MD_CTX_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    struct sg_err err;

    assert_ok(sg_cms_read(input, fx.libctx, NULL, &cms, &err), &err);
    const struct sg_signer_info *si = sg_cms_signer(cms, 0);
    assert_ok(sg_signer_info_to_be_signed(si, false, &bytes, &err), &err);
    assert_int_equal(EVP_DigestVerifyInit_ex(ctx, NULL, "SHA256", fx.libctx, NULL, fx.first.key, NULL), 1);
    const int good = EVP_DigestVerify(ctx, si->signature.data, si->signature.len, bytes.data, bytes.len);
    ERR_clear_error();
    return good == 1;
}

/* Another program signed its attributes in an order that is not DER's: they keep it, and the signature stays good. */
static void test_unsorted_signed_attrs(void **state)
{
    const struct sg_slice content_type = hex("30 18 0609 2a864886f70d010903 310b 0609 2a864886f70d010701");
    const struct sg_slice digest =
        tlv(0x30, JOIN(hex("0609 2a864886f70d010904"), tlv(0x31, tlv(0x04, repeat(hex("ab"), 32)))));
    const struct sg_slice attrs = JOIN(digest, content_type);
    const struct sg_slice sha256 = hex("30 0b 0609 608648016503040201");
    uint8_t signature[SG_MAX_SIGNATURE];
    size_t len = sizeof(signature);
    uint8_t *name = NULL;
    uint8_t *serial = NULL;

    (void)state;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    const struct sg_slice signed_bytes = tlv(0x31, attrs);
    assert_int_equal(EVP_DigestSignInit_ex(ctx, NULL, "SHA256", fx.libctx, NULL, fx.first.key, NULL), 1);
    assert_int_equal(EVP_DigestSign(ctx, signature, &len, signed_bytes.data, signed_bytes.len), 1);
    EVP_MD_CTX_free(ctx);
    const int name_len = i2d_X509_NAME(X509_get_issuer_name(fx.first.cert), &name);
    const int serial_len = i2d_ASN1_INTEGER(X509_get0_serialNumber(fx.first.cert), &serial);
    const struct sg_slice sid = tlv(0x30, JOIN(slice(name, (size_t)name_len), slice(serial, (size_t)serial_len)));
    OPENSSL_free(name);
    OPENSSL_free(serial);
    const struct sg_slice signer_info =
        tlv(0x30, JOIN(hex("020101"), sid, sha256, tlv(0xa0, attrs), hex("300d 0609 2a864886f70d010101 0500"),
                       tlv(0x04, slice(signature, len))));
    const struct sg_slice signed_data =
        tlv(0x30, JOIN(hex("020101"), tlv(0x31, sha256), hex("300b 0609 2a864886f70d010701"), tlv(0x31, signer_info)));
    const struct sg_slice der = tlv(0x30, JOIN(hex("0609 2a864886f70d010702"), tlv(0xa0, signed_data)));

    assert_true(wire_verifies(der));
    const struct sg_slice attr = attribute(50, 1);
    const struct sg_slice after = add(der, 0, attr);
    assert_only_added(der, after, attr, true);
    assert_true(wire_verifies(after));

    uint8_t *place = memmem(after.data, after.len, signature, len);
    assert_non_null(place);
    place[0] ^= 1;
    assert_false(wire_verifies(after));
}

/* What is not a signature, or not all of one. */
static void test_malformed(void **state)
{
    const struct sg_slice attr = attribute(9, 1);
    const struct sg_slice cases[] = {
        NONE,
        hex("00"),
        hex("3000"),
        hex("3080 0000"),
        JOIN(fx.detached, hex("00")),
        JOIN(fx.ber_attached, hex("0000")),
        tlv(0x30, JOIN(hex("0609 2a864886f70d010703"), tlv(0xa0, hex("3000")))), /* enveloped data */
        slice("just a text", 11),
    };
    struct sg_slice after = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        assert_int_equal(try_add(cases[i], 0, attr, &after), SG_E_MALFORMED);
    for (size_t len = 0; len < fx.detached.len; len++)
        assert_int_equal(try_add(slice(fx.detached.data, len), 0, attr, &after), SG_E_MALFORMED);
    assert_null(after.data);
}

/* PEM, a signer that is not there, what is not an attribute in DER, one attribute too many. */
static void test_refused(void **state)
{
    const struct sg_slice attr = attribute(0, 0);
    const struct sg_slice pem = slice("-----BEGIN CMS-----\nMAA=\n-----END CMS-----\n", 43);
    const struct sg_slice not_attributes[] = {
        NONE,
        hex("3000"),
        hex("3005 06032a0304"),
        hex("3007 06032a0304 3100"),
        hex("3009 06032a0304 3102 0500 00"),
        hex("3080 06032a0304 3102 0500 0000"),
        hex("300b 06032a0304 3180 0500 0000"),
        hex("300d 06032a0304 3106 3080 0500 0000"),
    };
    struct sg_slice der = fx.detached;
    struct sg_slice after = {0};

    (void)state;
    assert_int_equal(try_add(pem, 0, attr, &after), SG_E_USAGE);
    assert_int_equal(try_add(fx.detached, 1, attr, &after), SG_E_USAGE);
    for (size_t i = 0; i < sizeof(not_attributes) / sizeof(*not_attributes); i++)
        assert_int_equal(try_add(fx.detached, 0, not_attributes[i], &after), SG_E_MALFORMED);

    for (size_t i = 0; i < SG_MAX_ATTRIBUTES; i++)
        der = add(der, 0, attr);
    assert_int_equal(try_add(der, 0, attr, &after), SG_E_LIMIT);
    assert_true(wire_verifies(der));
    assert_null(after.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_first_attribute, clear),
        cmocka_unit_test_teardown(test_tampered, clear),
        cmocka_unit_test_teardown(test_sorted_place, clear),
        cmocka_unit_test_teardown(test_unsorted_place, clear),
        cmocka_unit_test_teardown(test_streamed, clear),
        cmocka_unit_test_teardown(test_indefinite_around, clear),
        cmocka_unit_test_teardown(test_long_length, clear),
        cmocka_unit_test_teardown(test_unsorted_signed_attrs, clear),
        cmocka_unit_test_teardown(test_malformed, clear),
        cmocka_unit_test_teardown(test_refused, clear),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
