/* What a signature carries to be judged by later. Is each time-stamp found to be over what it was made over, and over
 * nothing else? Is all found that is carried, and known which time-stamp covers it? What is odd is left out. */
#include "../../support/evidence_maker_older.h"

#include <openssl/ts.h>

#include "formats/cades_evidence.h"

#define CONTENT "The quick brown fox jumps over the lazy dog."

static OSSL_LIB_CTX *libctx;
static struct pki_id root, ca, signer, tsa, other_tsa;
static X509_CRL *root_crl, *ca_crl, *late_crl;
static struct sg_buf response = SG_BUF(SG_MIB), late_response = SG_BUF(SG_MIB);

static struct sg_slice text(const char *words)
{
    return (struct sg_slice){(const uint8_t *)words, strlen(words)};
}

static int setup(void **state)
{
    (void)state;
    assert_int_equal(sg_libctx_new(&libctx, NULL), SG_OK);
    root = pki_issue(libctx, NULL, &(struct pki_cert){.name = "Root", .ca = true});
    ca = pki_issue(libctx, &root, &(struct pki_cert){.name = "CA", .ca = true});
    signer = pki_issue(libctx, &ca, &(struct pki_cert){.name = "Alice"});
    tsa = made_tsa(libctx, &ca, &(struct pki_cert){.name = "TSA"});
    other_tsa = made_tsa(libctx, &root, &(struct pki_cert){.name = "Another TSA"});
    root_crl = pki_crl(libctx, &root, &(struct pki_crl){0});
    ca_crl = pki_crl(libctx, &ca, &(struct pki_crl){0});
    late_crl = pki_crl(libctx, &ca, &(struct pki_crl){.this_update = PKI_NOW - 3600});
    pki_ocsp(libctx, &(struct pki_ocsp){.cert = signer.cert, .issuer = &ca}, &response);
    pki_ocsp(libctx, &(struct pki_ocsp){.cert = tsa.cert, .issuer = &ca, .odd = PKI_OCSP_BY_KEY}, &late_response);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    pki_free(&root);
    pki_free(&ca);
    pki_free(&signer);
    pki_free(&tsa);
    pki_free(&other_tsa);
    X509_CRL_free(root_crl);
    X509_CRL_free(ca_crl);
    X509_CRL_free(late_crl);
    sg_buf_clear(&response);
    sg_buf_clear(&late_response);
    OSSL_LIB_CTX_free(libctx);
    return 0;
}

/* --- a file, read ------------------------------------------------------------------------------------------------- */

struct file {
    struct sg_buf bytes;
    struct sg_input *input;
    struct sg_cms *cms;
    struct sg_evidence *evidence;
    const char *content; /* that is taken for the one that was signed */
};

static void file_clear(struct file *file)
{
    sg_evidence_free(file->evidence);
    sg_cms_free(file->cms);
    sg_input_free(file->input);
    sg_buf_clear(&file->bytes);
}

/* Reads what stands in `bytes`, anew. */
static void file_read(struct file *file)
{
    sg_evidence_free(file->evidence);
    sg_cms_free(file->cms);
    sg_input_free(file->input);
    file->evidence = NULL;
    file->cms = NULL;
    assert_int_equal(sg_input_from_slice("test", sg_buf_slice(&file->bytes), &file->input, NULL), SG_OK);
    assert_int_equal(sg_cms_read(file->input, libctx, NULL, &file->cms, NULL), SG_OK);
    assert_int_equal(sg_evidence_read(file->cms, sg_cms_signer(file->cms, 0), libctx, &file->evidence, NULL), SG_OK);
    struct sg_sink sink = sg_evidence_content(file->evidence);
    if (sink.write)
        assert_int_equal(sink.write(sink.context, text(file->content).data, text(file->content).len, NULL), SG_OK);
}

static struct file file_of(const struct made *made)
{
    struct file file = {.bytes = SG_BUF(16 * SG_MIB), .content = CONTENT};
    made_write(made, &file.bytes);
    file_read(&file);
    return file;
}

static struct sg_slice digest_of_content(void *context, int nid)
{
    static uint8_t hash[EVP_MAX_MD_SIZE];
    size_t len = 0;
    assert_int_equal(sg_digest(libctx, OBJ_nid2sn(nid), text(context), hash, &len, NULL), SG_OK);
    return (struct sg_slice){hash, len};
}

static struct sg_evidence_imprint imprint_of(const struct file *file, size_t timestamp)
{
    struct sg_evidence_imprint imprint = {0};
    assert_int_equal(
        sg_evidence_imprint(file->evidence, timestamp, digest_of_content, (void *)file->content, &imprint, NULL),
        SG_OK);
    assert_true((imprint.len == 0) == (imprint.why != NULL));
    return imprint;
}

/* Whether the token's own imprint, read by OpenSSL, is that. */
static bool fits(const struct file *file, size_t timestamp)
{
    struct sg_evidence_imprint imprint = imprint_of(file, timestamp);
    struct sg_slice token = sg_evidence_timestamp(file->evidence, timestamp)->token;
    PKCS7 *pkcs7 = d2i_PKCS7(NULL, &token.data, (long)token.len);
    TS_TST_INFO *info = pkcs7 ? PKCS7_to_TS_TST_INFO(pkcs7) : NULL;
    assert_non_null(info);
    const ASN1_OCTET_STRING *stamped = TS_MSG_IMPRINT_get_msg(TS_TST_INFO_get_msg_imprint(info));
    bool same = sg_slice_equal((struct sg_slice){imprint.digest, imprint.len},
                               (struct sg_slice){ASN1_STRING_get0_data(stamped), (size_t)ASN1_STRING_length(stamped)});
    TS_TST_INFO_free(info);
    PKCS7_free(pkcs7);
    return same;
}

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

static struct sg_slice part(const struct made_parts *parts, size_t index)
{
    assert_true(index < parts->count);
    return sg_buf_slice(&parts->bufs[index]);
}

/* The time-stamp of that kind, the first from `*from` on. */
static size_t find_kind(const struct file *file, enum sg_evidence_kind kind)
{
    for (size_t i = 0; i < sg_evidence_timestamp_count(file->evidence); i++)
        if (sg_evidence_timestamp(file->evidence, i)->kind == kind)
            return i;
    fail();
    return 0;
}

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

static void sign(struct made *made, bool attached)
{
    made_sign(
        made, libctx,
        &(struct pki_cms){.signer = &signer, .content = text(CONTENT), .attached = attached, .carried = {ca.cert}});
}

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

static void lt(struct made *made, bool attached)
{
    sign(made, attached);
    made_signature_stamp(made, &(struct made_stamp){.tsa = &tsa, .time = PKI_NOW - 30 * PKI_DAY});
    made_crl(made, ca_crl);
    made_crl(made, root_crl);
    made_ocsp(made, sg_buf_slice(&response));
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

static const struct made_old *old_of(void)
{
    static struct made_old old;
    old = (struct made_old){
        .certs = {ca.cert, root.cert}, .crls = {ca_crl, root_crl}, .ocsps = {sg_buf_slice(&response)}};
    return &old;
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
        cmocka_unit_test(test_openssl),
        cmocka_unit_test(test_signature_timestamp),
        cmocka_unit_test(test_content_timestamp),
        cmocka_unit_test(test_archive_timestamps),
        cmocka_unit_test(test_signed_part),
        cmocka_unit_test(test_index_versions),
        cmocka_unit_test(test_index_oddities),
        cmocka_unit_test(test_older_forms),
        cmocka_unit_test(test_indefinite),
        cmocka_unit_test(test_without_content),
        cmocka_unit_test(test_found),
        cmocka_unit_test(test_found_in_older_forms),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_none),
    };
    return cmocka_run_group_tests_name("formats/cades_evidence", tests, setup, teardown);
}
