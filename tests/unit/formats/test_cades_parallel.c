/* Does a signature that is added to others leave them and all else as it was, and do all of them hold by OpenSSL? */
#include "signed_files.h"

#include <openssl/pem.h>

#include "formats/cades_parallel.h"
#include "formats/cms.h"
#include "formats/der.h"

static int setup(void **state)
{
    (void)state;
    return signed_files_setup(CMS_NOCERTS);
}

static enum sg_rc try_add(struct sg_slice der, const struct identity *id, const char *digest_name,
                          struct sg_slice content, struct sg_slice *ret)
{
    _cleanup_(sg_cades_signer_freep) struct sg_cades_signer *signer = signer_of(id, digest_name);
    _cleanup_(sg_input_freep) struct sg_input *existing = input_of(der);
    _cleanup_(sg_input_freep) struct sg_input *input = content.data ? input_of(content) : NULL;
    _cleanup_(sg_outfile_freep) struct sg_outfile *out = NULL;
    _cleanup_(sg_buf_clear) struct sg_buf bytes = SG_BUF(4 * SG_MIB);
    uint8_t digest[EVP_MAX_MD_SIZE], expected[EVP_MAX_MD_SIZE];
    size_t len = 0, expected_len = 0;
    struct sg_err err = {0};

    assert_ok(sg_outfile_open(fx.path, SG_OUT_REPLACE, &out, &err), &err);
    enum sg_rc rc = sg_cades_add_signer(signer, existing, input, NOW, sg_outfile_sink(out), digest, &len, &err);
    if (rc != SG_OK) {
        assert_int_equal(err.rc, rc);
        assert_true(strlen(err.text) > 0);
        assert_int_equal(sg_outfile_size(out), 0);
        return rc;
    }
    assert_ok(sg_digest(fx.libctx, sg_cades_digest_name(signer), whole_content(), expected, &expected_len, &err), &err);
    assert_slice_equal((struct sg_slice){digest, len}, (struct sg_slice){expected, expected_len});
    assert_ok(sg_outfile_commit(out, &err), &err);
    read_file(fx.path, &bytes);
    *ret = slice(bytes.data, bytes.len);
    return SG_OK;
}

static struct sg_slice add(struct sg_slice der, const struct identity *id, struct sg_slice content)
{
    struct sg_slice after = {0};

    assert_int_equal(try_add(der, id, NULL, content, &after), SG_OK);
    return after;
}

static bool verifies(struct sg_slice der, bool detached)
{
    const struct sg_slice none = {0};
    return openssl_verifies(fx.libctx, der, fx.root.cert, detached ? whole_content() : none, whole_content());
}

static struct sg_cms *parse(struct sg_input *input)
{
    struct sg_cms *cms = NULL;
    struct sg_err err;

    assert_ok(sg_cms_read(input, fx.libctx, NULL, &cms, &err), &err);
    return cms;
}

/* All of `before` is in `after`, in its order, and `added` others. */
static void assert_within(const struct sg_slice *before, size_t before_count, const struct sg_slice *after,
                          size_t after_count, size_t added)
{
    size_t found = 0;

    assert_int_equal(after_count, before_count + added);
    for (size_t i = 0; i < after_count && found < before_count; i++)
        found += sg_slice_equal(before[found], after[i]);
    assert_int_equal(found, before_count);
}

static size_t encodings(const struct sg_cms *cms, struct sg_slice infos[SG_MAX_SIGNERS])
{
    for (size_t i = 0; i < sg_cms_signer_count(cms); i++)
        infos[i] = sg_cms_signer(cms, i)->encoding;
    return sg_cms_signer_count(cms);
}

static void assert_same_content(struct sg_cms *before, struct sg_cms *after)
{
    _cleanup_(sg_buf_clear) struct sg_buf b = SG_BUF(SG_MIB);
    _cleanup_(sg_buf_clear) struct sg_buf a = SG_BUF(SG_MIB);

    assert_int_equal(sg_cms_encapsulated(before, sink_to(&b), NULL), SG_OK);
    assert_int_equal(sg_cms_encapsulated(after, sink_to(&a), NULL), SG_OK);
    assert_slice_equal(sg_buf_slice(&b), sg_buf_slice(&a));
}

/* One more SignerInfo, so many more certificates, and all else as it was. */
static void assert_only_added(struct sg_slice before, struct sg_slice after, size_t certificates)
{
    _cleanup_(sg_input_freep) struct sg_input *before_input = input_of(before);
    _cleanup_(sg_input_freep) struct sg_input *after_input = input_of(after);
    _cleanup_(sg_cms_freep) struct sg_cms *b = parse(before_input);
    _cleanup_(sg_cms_freep) struct sg_cms *a = parse(after_input);
    const struct sg_cms_wire *b_wire = sg_cms_wire(b), *a_wire = sg_cms_wire(a);
    struct sg_slice b_infos[SG_MAX_SIGNERS], a_infos[SG_MAX_SIGNERS];
    size_t b_count = encodings(b, b_infos), a_count = encodings(a, a_infos);

    assert_within(b_infos, b_count, a_infos, a_count, 1);
    assert_within(b_wire->certificate_choices, b_wire->certificate_choice_count, a_wire->certificate_choices,
                  a_wire->certificate_choice_count, certificates);
    assert_slice_equal(b_wire->crls, a_wire->crls);
    assert_same_content(b, a);
    assert_int_equal(before.data[1] == 0x80, after.data[1] == 0x80);
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

/* With a bit of it changed. */
static struct sg_slice with_byte(struct sg_slice bytes, size_t at)
{
    struct sg_slice copy = slice(bytes.data, bytes.len);

    ((uint8_t *)copy.data)[at] ^= 1;
    return copy;
}

/* To what we signed: it stays DER, and is good; a byte changed in either signature, it is not. */
static void test_ours(void **state)
{
    (void)state;
    struct sg_slice both = add(fx.detached, &fx.second, whole_content());
    assert_only_added(fx.detached, both, 1);
    assert_der(both);
    assert_true(verifies(both, true));

    struct sg_slice three = add(both, &fx.third, whole_content());
    assert_only_added(both, three, 1);
    assert_der(three);
    assert_true(verifies(three, true));
    _cleanup_(sg_input_freep) struct sg_input *input = input_of(three);
    _cleanup_(sg_cms_freep) struct sg_cms *cms = parse(input);
    struct sg_slice infos[SG_MAX_SIGNERS];
    assert_int_equal(encodings(cms, infos), 3);
    for (size_t i = 0; i < 3; i++) { /* the last octet of each signature value */
        const uint8_t *info = memmem(three.data, three.len, infos[i].data, infos[i].len);
        assert_false(verifies(with_byte(three, (size_t)(info - three.data) + infos[i].len - 1), true));
    }
}

static void test_attached(void **state)
{
    (void)state;
    struct sg_slice both = add(fx.attached, &fx.second, NONE);
    assert_only_added(fx.attached, both, 1);
    assert_der(both);
    assert_true(verifies(both, false));
    /* With the file beside it, too. */
    assert_true(verifies(add(fx.attached, &fx.second, whole_content()), false));
    ((uint8_t *)both.data)[1000] ^= 1;
    assert_false(verifies(both, false));
}

/* BER with indefinite lengths, as OpenSSL streams it, keeps them. */
static void test_streamed(void **state)
{
    (void)state;
    assert_int_equal(fx.ber_attached.data[1], 0x80);
    struct sg_slice both = add(fx.ber_attached, &fx.second, NONE);
    assert_only_added(fx.ber_attached, both, 1);
    assert_true(verifies(both, false));

    /* One that carried no certificates has some, and so those who verify need the others'. */
    struct sg_slice three = add(fx.ber_detached, &fx.third, whole_content());
    assert_only_added(fx.ber_detached, three, 1);
    assert_false(verifies(three, true));
    struct sg_slice more = add(add(three, &fx.first, whole_content()), &fx.second, whole_content());
    assert_true(verifies(more, true));
}

/* What is there already is not added again: the certificate, and the digest algorithm. */
static void test_twice(void **state)
{
    (void)state;
    struct sg_slice again = add(fx.detached, &fx.first, whole_content());
    assert_only_added(fx.detached, again, 0);
    assert_der(again);
    assert_true(verifies(again, true));

    /* Another digest is one more digest algorithm. */
    struct sg_slice other = {0};
    assert_int_equal(try_add(fx.detached, &fx.first, "SHA512", whole_content(), &other), SG_OK);
    assert_int_equal(other.len, again.len + 32 + 13);
    assert_der(other);
    assert_true(verifies(other, true));
}

/* SignerInfos that do not stand as DER wants stay where they are, and the new one goes behind. */
static void test_unsorted(void **state)
{
    struct sg_slice both = add(fx.detached, &fx.third, whole_content());
    _cleanup_(sg_input_freep) struct sg_input *input = input_of(both);
    _cleanup_(sg_cms_freep) struct sg_cms *cms = parse(input);
    struct sg_slice infos[SG_MAX_SIGNERS];

    (void)state;
    assert_int_equal(encodings(cms, infos), 2);
    assert_int_equal(infos[0].len, infos[1].len);
    struct sg_slice swapped = JOIN(((struct sg_slice){both.data, both.len - 2 * infos[0].len}), infos[1], infos[0]);
    assert_true(verifies(swapped, true));
    struct sg_slice three = add(swapped, &fx.second, whole_content());
    assert_only_added(swapped, three, 1);
    assert_true(verifies(three, true));
    struct sg_slice kept = JOIN(infos[1], infos[0]);
    const uint8_t *place = memmem(three.data, three.len, kept.data, kept.len);
    assert_non_null(place);
    assert_true(place + kept.len < three.data + three.len);
}

static void assert_refused(struct sg_slice der, struct sg_slice content, enum sg_rc why)
{
    struct sg_slice after = {0};

    assert_int_equal(try_add(der, &fx.second, NULL, content, &after), why);
}

/* Whoever adds a signature believes that it is of what the others are of. */
static void test_other_content(void **state)
{
    struct sg_slice other = with_byte(whole_content(), CONTENT_LEN / 2);

    (void)state;
    assert_refused(fx.detached, other, SG_E_POLICY);
    assert_refused(fx.ber_detached, other, SG_E_POLICY);
    assert_refused(fx.attached, other, SG_E_POLICY);
    assert_refused(with_byte(fx.attached, 1000), NONE, SG_E_POLICY);
}

static void test_refused(void **state)
{
    static const char data_oid[] = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";
    struct sg_slice typed = slice(fx.detached.data, fx.detached.len);
    uint8_t *type = memmem(typed.data, typed.len, data_oid, sizeof data_oid - 1);
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;

    (void)state;
    assert_refused(fx.detached, NONE, SG_E_USAGE);
    assert_true(PEM_write_bio(bio, "CMS", "", fx.detached.data, (long)fx.detached.len) > 0);
    long len = BIO_get_mem_data(bio, &text);
    assert_refused((struct sg_slice){(uint8_t *)text, (size_t)len}, whole_content(), SG_E_USAGE);
    BIO_free(bio);
    assert_refused(whole_content(), whole_content(), SG_E_MALFORMED);
    for (size_t cut = 1; cut < fx.detached.len; cut += 37)
        assert_refused((struct sg_slice){fx.detached.data, fx.detached.len - cut}, whole_content(), SG_E_MALFORMED);
    type[8] = 5;
    assert_refused(typed, whole_content(), SG_E_UNSUPPORTED);
}

/* As many signatures as there may be, and no more. */
static void test_limit(void **state)
{
    struct sg_slice der = fx.detached;
    _cleanup_(sg_input_freep) struct sg_input *input = input_of(fx.detached);
    _cleanup_(sg_cms_freep) struct sg_cms *cms = parse(input);
    struct sg_slice info = sg_cms_signer(cms, 0)->encoding, infos = tlv(0x31, info);
    struct sg_slice head = {der.data, der.len - infos.len};

    (void)state;
    /* In BER: only the length of the last element is to be exchanged. */
    struct sg_slice inner = {0};
    const uint8_t *at = head.data;
    for (int level = 0; level < 3; level++) {
        long len = 0;
        int tag = 0, class = 0;
        (void)ASN1_get_object(&at, &len, &tag, &class, (long)der.len);
        if (level == 0)
            at += 11; /* signedData */
    }
    inner = (struct sg_slice){at, (size_t)(head.data + head.len - at)};
    for (size_t count = SG_MAX_SIGNERS - 1; count <= SG_MAX_SIGNERS; count++) {
        struct sg_slice signed_data = tlv(0x30, JOIN(inner, tlv(0x31, repeat(info, count))));
        der = tlv(0x30, JOIN(hex("06092a864886f70d010702"), tlv(0xa0, signed_data)));
        if (count == SG_MAX_SIGNERS)
            assert_refused(der, whole_content(), SG_E_LIMIT);
        else
            assert_only_added(der, add(der, &fx.second, whole_content()), 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_ours, clear),     cmocka_unit_test_teardown(test_attached, clear),
        cmocka_unit_test_teardown(test_streamed, clear), cmocka_unit_test_teardown(test_twice, clear),
        cmocka_unit_test_teardown(test_unsorted, clear), cmocka_unit_test_teardown(test_other_content, clear),
        cmocka_unit_test_teardown(test_refused, clear),  cmocka_unit_test_teardown(test_limit, clear),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
