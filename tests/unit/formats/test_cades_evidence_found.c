/* What a signature carries to be judged by later: is all of it found, and known which time-stamp covers it? What is odd
 * is left out. */
#include "evidence_file.h"

/* --- what is found, and covered ----------------------------------------------------------------------------------- */

static bool has_certificate(const struct file *file, const X509 *cert)
{
    const STACK_OF(X509) *certs = sg_evidence_certificates(file->evidence);
    int found = 0;
    for (int i = 0; i < sk_X509_num(certs); i++)
        found += X509_cmp(sk_X509_value(certs, i), cert) == 0;
    assert_true(found < 2);
    return found == 1;
}

static size_t index_of_crl(const struct file *file, const X509_CRL *crl)
{
    struct made_parts parts = {0};
    made_x509_crl(&parts, crl);
    size_t i = 0;
    while (i < sg_evidence_crl_count(file->evidence) &&
           !sg_slice_equal(sg_evidence_crl(file->evidence, i), part(&parts, 0)))
        i++;
    made_clear_parts(&parts);
    assert_true(i < sg_evidence_crl_count(file->evidence));
    return i;
}

static size_t index_of_ocsp(const struct file *file, const struct sg_buf *whole)
{
    struct made_parts parts = {0};
    made_basic(&parts, sg_buf_slice(whole));
    size_t i = 0;
    while (i < sg_evidence_ocsp_count(file->evidence) &&
           !sg_slice_equal(sg_evidence_ocsp(file->evidence, i), part(&parts, 0)))
        i++;
    made_clear_parts(&parts);
    assert_true(i < sg_evidence_ocsp_count(file->evidence));
    return i;
}

static void test_found(void **state)
{
    struct made made;
    (void)state;
    lt(&made, true);
    made_crl(&made, ca_crl); /* twice */
    made_archive_stamp(&made, &(struct made_stamp){.tsa = &tsa,
                                                   .time = PKI_NOW - 20 * PKI_DAY,
                                                   .carried = {ca.cert},
                                                   .crls = {late_crl},
                                                   .ocsps = {sg_buf_slice(&late_response)}});
    made_archive_stamp(&made, &(struct made_stamp){.tsa = &other_tsa,
                                                   .values = {root.cert},
                                                   .time = PKI_NOW - 10 * PKI_DAY,
                                                   .odd = MADE_INDEX_NO_REVOCATIONS});
    struct file file = file_of(&made);
    assert_int_equal(sk_X509_num(sg_evidence_certificates(file.evidence)), 5);
    X509 *all[] = {signer.cert, ca.cert, tsa.cert, other_tsa.cert, root.cert};
    for (size_t i = 0; i < 5; i++)
        assert_true(has_certificate(&file, all[i]));
    assert_int_equal(sg_evidence_crl_count(file.evidence), 3);
    assert_int_equal(sg_evidence_ocsp_count(file.evidence), 2);
    assert_null(sg_evidence_crl(file.evidence, 3).data);
    assert_null(sg_evidence_ocsp(file.evidence, 2).data);

    /* The signature's: the signing certificate, by its hash in the signed attributes. */
    assert_true(sg_evidence_covers_certificate(file.evidence, 0, signer.cert));
    assert_false(sg_evidence_covers_certificate(file.evidence, 0, ca.cert));
    assert_false(sg_evidence_covers_certificate(file.evidence, 0, tsa.cert));
    assert_false(sg_evidence_covers_crl(file.evidence, 0, index_of_crl(&file, ca_crl)));
    /* The first archive-time-stamp's: what was there, with the certificates of the first token, and none of its own. */
    assert_true(sg_evidence_covers_certificate(file.evidence, 1, signer.cert));
    assert_true(sg_evidence_covers_certificate(file.evidence, 1, tsa.cert));
    assert_false(sg_evidence_covers_certificate(file.evidence, 1, other_tsa.cert));
    assert_false(sg_evidence_covers_certificate(file.evidence, 1, root.cert));
    assert_true(sg_evidence_covers_crl(file.evidence, 1, index_of_crl(&file, ca_crl)));
    assert_false(sg_evidence_covers_crl(file.evidence, 1, index_of_crl(&file, late_crl)));
    assert_true(sg_evidence_covers_ocsp(file.evidence, 1, index_of_ocsp(&file, &response)));
    assert_false(sg_evidence_covers_ocsp(file.evidence, 1, index_of_ocsp(&file, &late_response)));
    assert_true(sg_evidence_covers_timestamp(file.evidence, 1, 0));
    assert_false(sg_evidence_covers_timestamp(file.evidence, 1, 1));
    assert_false(sg_evidence_covers_timestamp(file.evidence, 1, 2));
    /* The second's: what the first token carries, but of the SignedData's revocation data none: its index lists none.
     */
    assert_true(sg_evidence_covers_crl(file.evidence, 2, index_of_crl(&file, late_crl)));
    assert_true(sg_evidence_covers_ocsp(file.evidence, 2, index_of_ocsp(&file, &late_response)));
    assert_false(sg_evidence_covers_crl(file.evidence, 2, index_of_crl(&file, ca_crl)));
    assert_false(sg_evidence_covers_ocsp(file.evidence, 2, index_of_ocsp(&file, &response)));
    assert_false(sg_evidence_covers_certificate(file.evidence, 2, root.cert));
    assert_true(sg_evidence_covers_timestamp(file.evidence, 2, 1));
    assert_false(sg_evidence_covers_timestamp(file.evidence, 3, 0));
    file_clear(&file);
    made_clear(&made);
}

static void test_found_in_older_forms(void **state)
{
    struct made made;
    (void)state;
    for (int sha1 = 0; sha1 < 2; sha1++) {
        struct made_old old = *old_of();
        old.digest = sha1 ? "SHA1" : "SHA384";
        sign(&made, true);
        made_signature_stamp(&made, &(struct made_stamp){.tsa = &tsa, .time = PKI_NOW - 30 * PKI_DAY});
        made_references(&made, &old);
        made_c_stamp(&made, &(struct made_stamp){.tsa = &tsa, .time = PKI_NOW - 29 * PKI_DAY});
        made_references_stamp(&made, &(struct made_stamp){.tsa = &tsa, .time = PKI_NOW - 28 * PKI_DAY});
        made_values(&made, &old);
        made_archive_stamp_v2(&made, &(struct made_stamp){.tsa = &other_tsa,
                                                          .time = PKI_NOW - 20 * PKI_DAY,
                                                          .values = {root.cert},
                                                          .crl_values = {late_crl}});
        struct file file = file_of(&made);
        assert_int_equal(sg_evidence_crl_count(file.evidence), 3);
        assert_int_equal(sg_evidence_ocsp_count(file.evidence), 1);
        assert_true(has_certificate(&file, root.cert));
        size_t c = find_kind(&file, SG_EVIDENCE_CADES_C), refs = find_kind(&file, SG_EVIDENCE_REFERENCES);
        size_t v2 = find_kind(&file, SG_EVIDENCE_ARCHIVE_V2);
        size_t crl = index_of_crl(&file, ca_crl), ocsp = index_of_ocsp(&file, &response);
        /* By their hashes, unless two things could be made to have the same. */
        assert_int_equal(sg_evidence_covers_certificate(file.evidence, c, root.cert), !sha1);
        assert_int_equal(sg_evidence_covers_crl(file.evidence, c, crl), !sha1);
        assert_int_equal(sg_evidence_covers_ocsp(file.evidence, c, ocsp), !sha1);
        assert_int_equal(sg_evidence_covers_crl(file.evidence, refs, crl), !sha1);
        assert_true(sg_evidence_covers_certificate(file.evidence, c, signer.cert));
        assert_false(sg_evidence_covers_certificate(file.evidence, refs, signer.cert));
        assert_true(sg_evidence_covers_timestamp(file.evidence, c, 0));
        assert_false(sg_evidence_covers_timestamp(file.evidence, refs, 0));
        /* By value. */
        assert_true(sg_evidence_covers_crl(file.evidence, v2, crl));
        assert_true(sg_evidence_covers_ocsp(file.evidence, v2, ocsp));
        assert_true(sg_evidence_covers_certificate(file.evidence, v2, root.cert));
        assert_true(sg_evidence_covers_timestamp(file.evidence, v2, c));
        assert_false(sg_evidence_covers_crl(file.evidence, v2, index_of_crl(&file, late_crl)));
        file_clear(&file);
        made_clear(&made);
    }
}

/* --- oddities ----------------------------------------------------------------------------------------------------- */

/* Of each attribute that is read one that is something else: left out, counted, and the rest is there. */
static void test_malformed(void **state)
{
    static const char *const types[] = {"1.2.840.113549.1.9.16.2.21", "1.2.840.113549.1.9.16.2.22",
                                        "1.2.840.113549.1.9.16.2.23", "1.2.840.113549.1.9.16.2.24"};
    static const uint8_t odd[] = {0x30, 0x05, 0x30, 0x03, 0x02, 0x01, 0x05};
    struct made made;
    (void)state;
    lt(&made, true);
    for (size_t i = 0; i < 4; i++)
        made_attribute(&made, types[i], (struct sg_slice){odd, sizeof odd});
    made_attribute(&made, "1.2.840.113549.1.9.16.2.14", (struct sg_slice){odd, sizeof odd}); /* no token */
    made_attribute(&made, "1.2.840.113549.1.9.16.2.27", (struct sg_slice){odd, sizeof odd});
    made_archive_stamp(&made, &(struct made_stamp){.tsa = &tsa});
    struct file file = file_of(&made);
    assert_int_equal(sg_evidence_malformed_count(file.evidence), 4);
    assert_int_equal(sg_evidence_timestamp_count(file.evidence), 4);
    assert_int_equal(sg_evidence_timestamp(file.evidence, 1)->digest_nid, NID_undef);
    assert_int_equal(imprint_of(&file, 1).len, 0);
    assert_int_equal(sg_evidence_timestamp(file.evidence, 2)->kind, SG_EVIDENCE_ARCHIVE_V1);
    assert_int_equal(imprint_of(&file, 2).len, 0);
    assert_true(fits(&file, 0));
    assert_true(fits(&file, 3));
    assert_int_equal(sg_evidence_crl_count(file.evidence), 2);
    file_clear(&file);
    made_clear(&made);
}

/* One time-stamp more than are read. */
static void test_limit(void **state)
{
    static const uint8_t odd[] = {0x30, 0x00};
    _cleanup_(sg_buf_clear) struct sg_buf set = SG_BUF(SG_MIB);
    struct sg_der der = {.out = &set};
    struct made made;
    (void)state;
    sign(&made, true);
    for (int i = 0; i <= SG_MAX_EVIDENCE_TIMESTAMPS; i++)
        sg_der_raw(&der, (struct sg_slice){odd, sizeof odd});
    made_attribute(&made, "1.2.840.113549.1.9.16.2.14", sg_buf_slice(&set));
    struct file file = file_of(&made);
    assert_int_equal(sg_evidence_timestamp_count(file.evidence), SG_MAX_EVIDENCE_TIMESTAMPS);
    assert_int_equal(sg_evidence_malformed_count(file.evidence), 1);
    file_clear(&file);
    made_clear(&made);
}

/* A SEQUENCE of so many copies. */
static void repeat(struct sg_buf *out, struct sg_slice member, size_t count)
{
    struct sg_der der = {.out = out};
    size_t sequence = sg_der_open(&der);
    for (size_t i = 0; i < count; i++)
        sg_der_raw(&der, member);
    sg_der_close(&der, sequence, SG_DER_SEQUENCE);
    assert_int_equal(der.rc, SG_OK);
}

/* More certificates, CRLs and references than are looked at: what is beyond is left out, and costs nothing. */
static void test_many(void **state)
{
    static const uint8_t no_certificate[] = {0x30, 0x03, 0x02, 0x01, 0x05};
    enum { MANY = SG_MAX_EVIDENCE_LOOKED_AT + 1000 };
    _cleanup_(sg_buf_clear) struct sg_buf values = SG_BUF(SG_MIB), crls = SG_BUF(SG_MIB), revocation = SG_BUF(SG_MIB);
    _cleanup_(sg_buf_clear) struct sg_buf reference = SG_BUF(SG_MIB), refs = SG_BUF(SG_MIB);
    struct sg_der der = {.out = &revocation}, reference_der = {.out = &reference}, crl_der = {.out = &crls};
    struct made made;
    (void)state;
    sign(&made, true);
    /* Other CRLs each, as far as anybody looks: a SEQUENCE that says it is one is shown. */
    size_t sequence = sg_der_open(&der), tagged = sg_der_open(&der), list = sg_der_open(&crl_der);
    for (int i = 0; i < 2 * SG_MAX_EVIDENCE_FOUND; i++)
        sg_der_raw(&crl_der, (struct sg_slice){(const uint8_t[]){0x30, 4, 2, 2, (uint8_t)(i / 256), (uint8_t)i}, 6});
    sg_der_close(&crl_der, list, SG_DER_SEQUENCE);
    sg_der_raw(&der, sg_buf_slice(&crls));
    sg_der_close(&der, tagged, SG_DER_CONTEXT(0));
    sg_der_close(&der, sequence, SG_DER_SEQUENCE);
    made_attribute(&made, "1.2.840.113549.1.9.16.2.24", sg_buf_slice(&revocation));
    repeat(&values, (struct sg_slice){no_certificate, sizeof no_certificate}, MANY);
    made_attribute(&made, "1.2.840.113549.1.9.16.2.23", sg_buf_slice(&values));
    size_t id = sg_der_open(&reference_der);
    made_other_hash(libctx, "SHA256", &values, &reference_der);
    sg_der_close(&reference_der, id, SG_DER_SEQUENCE);
    repeat(&refs, sg_buf_slice(&reference), SG_MAX_EVIDENCE_REFERENCES + 1000);
    made_attribute(&made, "1.2.840.113549.1.9.16.2.21", sg_buf_slice(&refs));
    struct file file = file_of(&made);
    assert_int_equal(sg_evidence_crl_count(file.evidence), SG_MAX_EVIDENCE_FOUND);
    assert_int_equal(sk_X509_num(sg_evidence_certificates(file.evidence)), 2);
    /* Those; what is referred to is not looked for where no time-stamp could cover it. */
    assert_int_equal(sg_evidence_malformed_count(file.evidence), MANY + SG_MAX_EVIDENCE_FOUND);
    file_clear(&file);
    made_clear(&made);
}

/* A signature without any. */
static void test_none(void **state)
{
    struct made made;
    int nids[4];
    (void)state;
    sign(&made, true);
    struct file file = file_of(&made);
    assert_int_equal(sg_evidence_timestamp_count(file.evidence), 0);
    assert_int_equal(sg_evidence_malformed_count(file.evidence), 0);
    assert_int_equal(sg_evidence_digests(file.evidence, nids, 4), 0);
    assert_null(sg_evidence_content(file.evidence).write);
    assert_int_equal(sk_X509_num(sg_evidence_certificates(file.evidence)), 2);
    file_clear(&file);
    made_clear(&made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_found),     cmocka_unit_test(test_found_in_older_forms),
        cmocka_unit_test(test_malformed), cmocka_unit_test(test_limit),
        cmocka_unit_test(test_many),      cmocka_unit_test(test_none),
    };
    return cmocka_run_group_tests_name("formats/cades_evidence_found", tests, setup, teardown);
}
