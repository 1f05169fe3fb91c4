/* What a signature carries to be judged by later: is each time-stamp found to be over what it was made over, and over
 * nothing else? */
#include "evidence_file.h"

/* Which of the time-stamps fit, as text: "++-". */
static const char *fitting(const struct file *file)
{
    static char result[SG_MAX_EVIDENCE_TIMESTAMPS + 1];
    size_t count = sg_evidence_timestamp_count(file->evidence);
    for (size_t i = 0; i < count; i++)
        result[i] = fits(file, i) ? '+' : '-';
    result[count] = '\0';
    return result;
}

static void assert_fitting_without(const struct made *made, struct sg_slice object, const char *expected)
{
    struct file file = {.bytes = SG_BUF(16 * SG_MIB), .content = CONTENT};
    made_write(made, &file.bytes);
    made_tamper(&file.bytes, object);
    file_read(&file);
    assert_string_equal(fitting(&file), expected);
    file_clear(&file);
}

/* Each part of the signature changed in turn; `expected` has what fits then. */
struct change {
    struct sg_slice object;
    const char *expected;
};

static void assert_changes(const struct made *made, const char *unchanged, const char *other_content,
                           const struct change *changes, size_t count)
{
    struct file file = file_of(made);
    assert_string_equal(fitting(&file), unchanged);
    assert_int_equal(sg_evidence_malformed_count(file.evidence), 0);
    file.content = "Another content.";
    file_read(&file);
    assert_string_equal(fitting(&file), other_content);
    file_clear(&file);
    for (size_t i = 0; i < count; i++)
        assert_fitting_without(made, changes[i].object, changes[i].expected);
}

#define ASSERT_CHANGES(made, unchanged, other_content, ...)                                                            \
    assert_changes(made, unchanged, other_content, (const struct change[]){__VA_ARGS__},                               \
                   sizeof((const struct change[]){__VA_ARGS__}) / sizeof(struct change))

/* An unsigned attribute up to the end of that certificate in it: for a change of what no index is in. */
static struct sg_slice up_to_certificate(const struct made *made, size_t index, const X509 *cert)
{
    struct sg_slice whole = part(&made->unsigned_attrs, index);
    struct made_parts parts = {0};
    made_x509(&parts, cert);
    const uint8_t *at = memmem(whole.data, whole.len, parts.bufs[0].data, parts.bufs[0].len);
    assert_non_null(at);
    struct sg_slice cut = {whole.data, (size_t)(at - whole.data) + parts.bufs[0].len};
    made_clear_parts(&parts);
    return cut;
}

/* --- what each is over -------------------------------------------------------------------------------------------- */

static void test_signature_timestamp(void **state)
{
    struct made made;
    (void)state;
    sign(&made, true);
    made_signature_stamp(&made, &(struct made_stamp){.tsa = &tsa});
    made_signature_stamp(&made, &(struct made_stamp){.tsa = &other_tsa, .digest = "SHA512"});
    made_signature_stamp(&made, &(struct made_stamp){.tsa = &tsa, .odd = MADE_WRONG_IMPRINT});
    ASSERT_CHANGES(&made, "++-", "++-", {sg_buf_slice(&made.signature), "---"}, {part(&made.certificates, 0), "++-"},
                   {part(&made.unsigned_attrs, 0), "++-"});
    struct file file = file_of(&made);
    const struct sg_evidence_timestamp *second = sg_evidence_timestamp(file.evidence, 1);
    assert_int_equal(second->kind, SG_EVIDENCE_SIGNATURE);
    assert_int_equal(second->digest_nid, NID_sha512);
    assert_null(sg_evidence_timestamp(file.evidence, 3));
    struct sg_evidence_imprint none;
    assert_int_equal(sg_evidence_imprint(file.evidence, 3, NULL, NULL, &none, NULL), SG_E_INTERNAL);
    file_clear(&file);
    made_clear(&made);
}

static void test_content_timestamp(void **state)
{
    _cleanup_(sg_buf_clear) struct sg_buf attribute = SG_BUF(SG_MIB);
    int nids[4];
    struct made made;
    (void)state;
    made_content_stamp(libctx, &(struct made_stamp){.tsa = &tsa, .digest = "SHA384"}, text(CONTENT), &attribute);
    made_sign(
        &made, libctx,
        &(struct pki_cms){.signer = &signer, .content = text(CONTENT), .more_signed = {sg_buf_slice(&attribute)}});
    made_archive_stamp(&made, &(struct made_stamp){.tsa = &tsa});
    made_archive_stamp(&made, &(struct made_stamp){.tsa = &tsa, .digest = "SHA384"});
    ASSERT_CHANGES(&made, "+++", "---", {sg_buf_slice(&made.signature), "+--"}, {part(&made.unsigned_attrs, 0), "+--"});
    struct file file = file_of(&made);
    assert_int_equal(sg_evidence_timestamp(file.evidence, 0)->kind, SG_EVIDENCE_CONTENT);
    assert_int_equal(sg_evidence_digests(file.evidence, nids, 4), 2);
    assert_int_equal(nids[0], NID_sha384);
    assert_int_equal(nids[1], NID_sha256);
    assert_int_equal(sg_evidence_digests(file.evidence, nids, 1), 1);
    /* It is in the signed attributes: what covers them, covers it. */
    assert_true(sg_evidence_covers_timestamp(file.evidence, 1, 0));
    assert_false(sg_evidence_covers_timestamp(file.evidence, 0, 1));
    file_clear(&file);
    made_clear(&made);
}

static void test_archive_timestamps(void **state)
{
    struct made made;
    (void)state;
    for (int attached = 0; attached < 2; attached++) {
        lt(&made, attached);
        made_archive_stamp(&made, &(struct made_stamp){.tsa = &tsa, .time = PKI_NOW - 20 * PKI_DAY});
        made_certificate(&made, other_tsa.cert);
        made_crl(&made, late_crl);
        made_ocsp(&made, sg_buf_slice(&late_response));
        made_archive_stamp(&made,
                           &(struct made_stamp){.tsa = &other_tsa, .time = PKI_NOW - 10 * PKI_DAY, .digest = "SHA512"});
        /* The signature time-stamp stands first, then the two. */
        ASSERT_CHANGES(&made, "+++", "+--", {sg_buf_slice(&made.signature), "---"},
                       {part(&made.certificates, 0), "+--"}, {part(&made.certificates, 1), "+--"},
                       {part(&made.certificates, 2), "++-"}, {part(&made.revocations, 0), "+--"},
                       {part(&made.revocations, 1), "+--"}, {part(&made.revocations, 2), "+--"},
                       {part(&made.revocations, 3), "++-"}, {part(&made.revocations, 4), "++-"},
                       {part(&made.unsigned_attrs, 0), "+--"}, {part(&made.unsigned_attrs, 1), "+--"},
                       {part(&made.unsigned_attrs, 2), "++-"}, {up_to_certificate(&made, 1, tsa.cert), "++-"});
        made_clear(&made);
    }
}

/* OpenSSL takes each token for one over the imprint that is calculated here, made by the TSA that it says. */
static void test_openssl(void **state)
{
    struct made made;
    (void)state;
    lt(&made, true);
    made_archive_stamp(&made, &(struct made_stamp){.tsa = &tsa, .accuracy = 2, .carried = {ca.cert}});
    struct file file = file_of(&made);
    for (size_t i = 0; i < 2; i++) {
        struct sg_evidence_imprint imprint = imprint_of(&file, i);
        struct sg_slice der = sg_evidence_timestamp(file.evidence, i)->token;
        PKCS7 *token = d2i_PKCS7(NULL, &der.data, (long)der.len);
        TS_VERIFY_CTX *ctx = TS_VERIFY_CTX_new();
        X509_STORE *store = X509_STORE_new();
        assert_int_equal(X509_STORE_add_cert(store, root.cert), 1);
        assert_int_equal(X509_STORE_add_cert(store, ca.cert), 1);
        X509_VERIFY_PARAM_set_time(X509_STORE_get0_param(store), (time_t)PKI_NOW);
        (void)TS_VERIFY_CTX_set_store(ctx, store); /* owned from now on, as is the imprint */
        (void)TS_VERIFY_CTX_set_flags(ctx, TS_VFY_VERSION | TS_VFY_SIGNATURE | TS_VFY_SIGNER | TS_VFY_IMPRINT);
        (void)TS_VERIFY_CTX_set_imprint(ctx, OPENSSL_memdup(imprint.digest, imprint.len), (long)imprint.len);
        assert_int_equal(TS_RESP_verify_token(ctx, token), 1);
        imprint.digest[0] ^= 1;
        (void)TS_VERIFY_CTX_set_imprint(ctx, OPENSSL_memdup(imprint.digest, imprint.len), (long)imprint.len);
        assert_int_equal(TS_RESP_verify_token(ctx, token), 0);
        TS_VERIFY_CTX_free(ctx);
        PKCS7_free(token);
    }
    file_clear(&file);
    made_clear(&made);
}

/* The parts of the SignerInfo that are not its signature value: each octet of them. */
static void test_signed_part(void **state)
{
    struct made made;
    size_t changed = 0;
    (void)state;
    lt(&made, true);
    made_archive_stamp(&made, &(struct made_stamp){.tsa = &tsa});
    struct file file = file_of(&made);
    const uint8_t *start = sg_cms_signer(file.cms, 0)->signed_part.data;
    size_t len = sg_cms_signer(file.cms, 0)->signed_part.len;
    assert_memory_equal(start, made.signed_part.data, made.signed_part.len);
    assert_int_equal(len, made.signed_part.len);
    for (size_t i = 0; i < len; i++) {
        struct file twin = {.bytes = SG_BUF(16 * SG_MIB), .content = CONTENT};
        made_write(&made, &twin.bytes);
        uint8_t *at = memmem(twin.bytes.data, twin.bytes.len, made.signed_part.data, made.signed_part.len);
        at[i] ^= 1;
        assert_int_equal(sg_input_from_slice("test", sg_buf_slice(&twin.bytes), &twin.input, NULL), SG_OK);
        bool readable = sg_cms_read(twin.input, libctx, NULL, &twin.cms, NULL) == SG_OK;
        if (readable) {
            file_read(&twin);
            assert_string_equal(fitting(&twin) + 1, "-");
            changed++;
        }
        file_clear(&twin);
    }
    assert_true(changed > len / 2);
    file_clear(&file);
    made_clear(&made);
}

static void test_index_versions(void **state)
{
    static const unsigned odd[] = {0, MADE_INDEX_V1, MADE_INDEX_V2};
    static const char *const digests[] = {"SHA256", "SHA384", "SHA1"};
    struct made made;
    (void)state;
    for (size_t version = 0; version < 3; version++)
        for (size_t i = 0; i < 3; i++) {
            lt(&made, true);
            made_archive_stamp(&made, &(struct made_stamp){.tsa = &tsa, .digest = digests[i], .odd = odd[version]});
            ASSERT_CHANGES(&made, "++", "+-", {part(&made.unsigned_attrs, 0), "+-"},
                           {part(&made.revocations, 2), "+-"});
            made_clear(&made);
        }
}

/* An index that is not as it has to be: there is no imprint, and the reason is said. */
static void test_index_oddities(void **state)
{
    static const unsigned odd[] = {MADE_NO_INDEX, MADE_TWO_INDEXES, MADE_INDEX_TOO_MUCH, MADE_INDEX_SHA1};
    struct made made;
    (void)state;
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        lt(&made, true);
        made_archive_stamp(&made, &(struct made_stamp){.tsa = &tsa, .odd = odd[i]});
        struct file file = file_of(&made);
        struct sg_evidence_imprint imprint = imprint_of(&file, 1);
        assert_int_equal(imprint.len, 0);
        assert_non_null(imprint.why);
        assert_false(sg_evidence_covers_certificate(file.evidence, 1, signer.cert));
        assert_false(sg_evidence_covers_timestamp(file.evidence, 1, 0));
        file_clear(&file);
        made_clear(&made);
    }
}

/* A, made of all that came before it. */
static void archive(struct made *made, bool attached, unsigned odd)
{
    sign(made, attached);
    made_signature_stamp(made, &(struct made_stamp){.tsa = &tsa, .time = PKI_NOW - 30 * PKI_DAY});
    made_references(made, old_of());
    made_c_stamp(made, &(struct made_stamp){.tsa = &tsa, .time = PKI_NOW - 29 * PKI_DAY});
    made_references_stamp(made, &(struct made_stamp){.tsa = &tsa, .time = PKI_NOW - 28 * PKI_DAY});
    made_values(made, old_of());
    made_archive_stamp_v2(made, &(struct made_stamp){.tsa = &tsa, .time = PKI_NOW - 20 * PKI_DAY, .odd = odd});
    made_archive_stamp_v2(
        made, &(struct made_stamp){
                  .tsa = &other_tsa, .time = PKI_NOW - 10 * PKI_DAY, .digest = "SHA512", .carried = {root.cert}});
}

static void test_older_forms(void **state)
{
    enum { STAMP, CERT_REFS, REVOCATION_REFS, C_STAMP, REFS_STAMP, CERT_VALUES, REVOCATION_VALUES, FIRST, SECOND };
    struct made made;
    (void)state;
    for (int attached = 0; attached < 2; attached++)
        for (int i = 0; i < 2; i++) {
            archive(&made, attached, i ? MADE_NO_SET_HEADER : 0);
            ASSERT_CHANGES(
                &made, "+++++", attached ? "+++++" : "+++--", {sg_buf_slice(&made.signature), "--+--"},
                {part(&made.certificates, 1), "+++--"}, {part(&made.unsigned_attrs, STAMP), "+-+--"},
                {part(&made.unsigned_attrs, CERT_REFS), "+----"},
                {part(&made.unsigned_attrs, REVOCATION_REFS), "+----"}, {part(&made.unsigned_attrs, C_STAMP), "+++--"},
                {part(&made.unsigned_attrs, REFS_STAMP), "+++--"}, {part(&made.unsigned_attrs, CERT_VALUES), "+++--"},
                {part(&made.unsigned_attrs, REVOCATION_VALUES), "+++--"}, {part(&made.unsigned_attrs, FIRST), "++++-"},
                {part(&made.unsigned_attrs, SECOND), "+++++"});
            if (attached)
                assert_fitting_without(&made, text(CONTENT), "+++--");
            made_clear(&made);
        }
}

/* In BER: what is hashed is as it stands there. */
static void test_indefinite(void **state)
{
    struct made made;
    (void)state;
    for (int attached = 0; attached < 2; attached++) {
        lt(&made, attached);
        made.indefinite = true;
        made_archive_stamp(&made, &(struct made_stamp){.tsa = &tsa, .time = PKI_NOW - 20 * PKI_DAY});
        made_archive_stamp_v2(&made, &(struct made_stamp){.tsa = &tsa, .time = PKI_NOW - 10 * PKI_DAY});
        ASSERT_CHANGES(&made, "+++", attached ? "+-+" : "+--", {sg_buf_slice(&made.signature), "---"},
                       {part(&made.certificates, 1), "+--"}, {part(&made.revocations, 2), "+--"},
                       {part(&made.unsigned_attrs, 0), "+--"});
        made_clear(&made);
    }
}

/* Detached content that is not to be had: no imprint of what is over it. */
static void test_without_content(void **state)
{
    struct made made;
    struct sg_evidence_imprint imprint;
    (void)state;
    archive(&made, false, 0);
    made_archive_stamp(&made, &(struct made_stamp){.tsa = &tsa});
    struct file file = file_of(&made);
    sg_evidence_free(file.evidence);
    assert_int_equal(sg_evidence_read(file.cms, sg_cms_signer(file.cms, 0), libctx, &file.evidence, NULL), SG_OK);
    for (size_t i = 0; i < sg_evidence_timestamp_count(file.evidence); i++) {
        enum sg_evidence_kind kind = sg_evidence_timestamp(file.evidence, i)->kind;
        bool content = kind == SG_EVIDENCE_ARCHIVE_V2 || kind == SG_EVIDENCE_ARCHIVE_V3;
        assert_int_equal(sg_evidence_imprint(file.evidence, i, NULL, NULL, &imprint, NULL), SG_OK);
        assert_int_equal(imprint.len == 0, content);
    }
    file_clear(&file);
    made_clear(&made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_openssl),           cmocka_unit_test(test_signature_timestamp),
        cmocka_unit_test(test_content_timestamp), cmocka_unit_test(test_archive_timestamps),
        cmocka_unit_test(test_signed_part),       cmocka_unit_test(test_index_versions),
        cmocka_unit_test(test_index_oddities),    cmocka_unit_test(test_older_forms),
        cmocka_unit_test(test_indefinite),        cmocka_unit_test(test_without_content),
    };
    return cmocka_run_group_tests_name("formats/cades_evidence", tests, setup, teardown);
}
