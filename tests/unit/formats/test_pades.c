/* Is what is signed of a PDF all of it but the gap, by every kind of key, with the room for it exact, and is nothing
 * that was there changed? What other programs say of the result: tests/integration/test_pades*.sh. */
#include <stdio.h>

#include "base/limits.h"
#include "every_key.h"
#include "formats/pades.h"
#include "formats/pades_stamp.h"
#include "formats/pdf_objects.h"
#include "pdf_make.h"

static struct sg_cades_signer *make_signer(int key)
{
    struct sg_cades_signer *signer = NULL;
    struct sg_err err;
    const struct sg_cades_params params = {
        .libctx = fx.libctx, .key = fx.keys[key].key, .cert = fx.keys[key].cert, .leave_out_signing_time = true};

    assert_ok(sg_cades_signer_new(&params, &signer, &err), &err);
    return signer;
}

static enum sg_rc sign_to(const struct sg_pades_params *params, struct sg_slice pdf, struct sg_buf *ret,
                          struct sg_buf *digest, struct sg_err *err)
{
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    _cleanup_(sg_outfile_freep) struct sg_outfile *out = NULL;
    uint8_t md[EVP_MAX_MD_SIZE];
    size_t len = 0;

    write_file(fx.in_path, pdf.data, pdf.len);
    assert_int_equal(sg_input_open(fx.in_path, &input, err), SG_OK);
    assert_int_equal(sg_outfile_open(fx.out_path, SG_OUT_REPLACE, &out, err), SG_OK);
    enum sg_rc rc = sg_pades_sign(params, input, out, md, &len, err);
    if (rc != SG_OK)
        return rc;
    assert_int_equal(sg_outfile_commit(out, err), SG_OK);
    read_file(fx.out_path, ret);
    return sg_buf_append(digest, md, len, err);
}

/* /ByteRange as it is written last in the file. */
static void read_byte_range(const struct sg_buf *file, unsigned long range[4])
{
    static const char key[] = "/ByteRange [";
    const uint8_t *last = NULL;
    const uint8_t *p = file->data;

    while ((p = memmem(p, file->len - (size_t)(p - file->data), key, strlen(key))))
        last = p++;
    assert_non_null(last);
    assert_int_equal(
        sscanf((const char *)last, "/ByteRange [%lu %lu %lu %lu]", &range[0], &range[1], &range[2], &range[3]), 4);
}

/* The CMS in the gap, its reserve cut off, and what it is over. */
static void take_apart(const struct sg_buf *file, struct sg_buf *cms, struct sg_buf *content, size_t *ret_room)
{
    unsigned long range[4];
    uint8_t *room = NULL;

    read_byte_range(file, range);
    assert_int_equal(range[0], 0);
    assert_int_equal(range[2] + range[3], file->len);
    assert_int_equal(file->data[range[1]], '<');
    assert_int_equal(file->data[range[2] - 1], '>');
    const size_t digits = range[2] - range[1] - 2;
    assert_int_equal(digits % 2, 0);
    *ret_room = digits / 2;
    assert_int_equal(sg_buf_extend(cms, digits / 2, &room, NULL), SG_OK);
    char *hex = strndup((const char *)file->data + range[1] + 1, digits);
    assert_true(sg_unhex(hex, room, digits / 2));
    free(hex);
    const uint8_t *p = cms->data;
    CMS_ContentInfo *parsed = d2i_CMS_ContentInfo(NULL, &p, (long)cms->len);
    assert_non_null(parsed);
    CMS_ContentInfo_free(parsed);
    const size_t len = (size_t)(p - cms->data);
    for (size_t i = len; i < cms->len; i++)
        assert_int_equal(cms->data[i], 0);
    cms->len = len;
    assert_int_equal(sg_buf_append(content, file->data, range[1], NULL), SG_OK);
    assert_int_equal(sg_buf_append(content, file->data + range[2], range[3], NULL), SG_OK);
}

static void assert_no_signing_time(const struct sg_buf *cms)
{
    CMS_ContentInfo *parsed = parse_cms(fx.libctx, sg_buf_slice(cms));
    const CMS_SignerInfo *info = sk_CMS_SignerInfo_value(CMS_get0_SignerInfos(parsed), 0);

    assert_int_equal(CMS_signed_get_attr_by_NID(info, NID_pkcs9_signingTime, -1), -1);
    assert_true(CMS_signed_get_attr_by_NID(info, NID_id_smime_aa_signingCertificateV2, -1) >= 0);
    CMS_ContentInfo_free(parsed);
}

static void check_key(int key, struct sg_slice pdf)
{
    _cleanup_(sg_cades_signer_freep) struct sg_cades_signer *signer = make_signer(key);
    _cleanup_(sg_buf_clear) struct sg_buf file = SG_BUF(SG_MIB), cms = SG_BUF(SG_MIB), content = SG_BUF(SG_MIB);
    _cleanup_(sg_buf_clear) struct sg_buf digest = SG_BUF(SG_KIB);
    const struct sg_pades_params params = {.signer = signer, .reserve = 100, .signing_time = NOW};
    uint8_t expected[EVP_MAX_MD_SIZE];
    size_t expected_len = 0;
    size_t room = 0;
    struct sg_err err;

    assert_ok(sign_to(&params, pdf, &file, &digest, &err), &err);
    assert_true(file.len > pdf.len);
    assert_memory_equal(file.data, pdf.data, pdf.len);
    take_apart(&file, &cms, &content, &room);

    /* ECDSA's values vary by some octets. */
    const bool varies = sg_cades_scheme(signer) == SG_SCHEME_ECDSA;
    assert_true(room - 100 >= cms.len);
    assert_true(room - 100 - cms.len <= (varies ? 16 : 0));

    assert_ok(sg_digest(fx.libctx, sg_cades_digest_name(signer), sg_buf_slice(&content), expected, &expected_len, &err),
              &err);
    assert_true(sg_slice_equal(sg_buf_slice(&digest), (struct sg_slice){expected, expected_len}));
    assert_no_signing_time(&cms);
    if (key == ED25519_KEY)
        return; /* which OpenSSL has not in CMS */
    assert_true(openssl_verifies(fx.libctx, sg_buf_slice(&cms), fx.root.cert, sg_buf_slice(&content),
                                 (struct sg_slice){NULL, 0}));
    content.data[pdf.len / 2] ^= 1;
    assert_false(openssl_verifies(fx.libctx, sg_buf_slice(&cms), fx.root.cert, sg_buf_slice(&content),
                                  (struct sg_slice){NULL, 0}));
}

static void every_kind_of_key(void **state)
{
    struct making m;

    (void)state;
    make_begin(&m);
    make_page(&m);
    make_table(&m, "/Root 1 0 R");
    for (int key = 0; key < KEY_COUNT; key++)
        check_key(key, sg_buf_slice(&m.file));
    sg_buf_clear(&m.file);
}

/* A stream follows a stream, also where the page is in an object stream. */
static void cross_reference_streams(void **state)
{
    struct making m;

    (void)state;
    make_begin(&m);
    make_object(&m, 1, "<< /Type /Catalog /Pages 2 0 R >>");
    make_object(&m, 2, "<< /Type /Pages /Kids [3 0 R] /Count 1 >>");
    make_object(&m, 4,
                "<< /Type /ObjStm /N 1 /First 4 /Length 60 >>\nstream\n"
                "3 0 << /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] >> \nendstream");
    make_xref_stream(&m, 7, 3, 4, "/Root 1 0 R");
    check_key(P256_KEY, sg_buf_slice(&m.file));
    sg_buf_clear(&m.file);
}

/* The update is read back: its entries are what was asked for, and what was there is still there. */
static void the_update_is_read_back(void **state)
{
    _cleanup_(sg_cades_signer_freep) struct sg_cades_signer *signer = make_signer(P256_KEY);
    _cleanup_(sg_buf_clear) struct sg_buf file = SG_BUF(SG_MIB), digest = SG_BUF(SG_KIB);
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    _cleanup_(sg_pdf_freep) struct sg_pdf *pdf = NULL;
    const struct sg_pades_params params = {
        .signer = signer, .field = "Freigabe", .reason = "Gel\xc3\xb6st", .certify = 2, .signing_time = NOW};
    const struct sg_pdf_value *value = NULL;
    struct making m;
    struct sg_err err;

    (void)state;
    make_begin(&m);
    make_object(&m, 1, "<< /Type /Catalog /Pages 2 0 R /Lang (de) /Perms << /Other 3 0 R >> >>");
    make_object(&m, 2, "<< /Type /Pages /Kids [3 0 R] /Count 1 >>");
    make_object(&m, 3, "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] /Annots [4 0 R] >>");
    make_object(&m, 4, "<< /Type /Annot /Subtype /Text /Rect [0 0 9 9] /Contents (note) >>");
    make_table(&m, "/Root 1 0 R");
    assert_ok(sign_to(&params, sg_buf_slice(&m.file), &file, &digest, &err), &err);
    sg_buf_clear(&m.file);

    assert_ok(sg_input_from_slice("out.pdf", sg_buf_slice(&file), &input, &err), &err);
    assert_ok(sg_pdf_open(input, file.len, &pdf, &err), &err);
    const struct sg_pdf_value *catalog = NULL;
    assert_ok(sg_pdf_find(pdf, sg_pdf_trailer(pdf), "Root", &catalog, &err), &err);
    assert_ok(sg_pdf_find(pdf, catalog, "Lang", &value, &err), &err);
    assert_memory_equal(value->text.data, "de", 2);
    const struct sg_pdf_value *permissions = NULL, *form = NULL, *fields = NULL, *field = NULL, *signature = NULL;
    assert_ok(sg_pdf_find(pdf, catalog, "Perms", &permissions, &err), &err);
    assert_non_null(sg_pdf_get(permissions, "Other"));
    assert_ok(sg_pdf_find(pdf, catalog, "AcroForm", &form, &err), &err);
    assert_int_equal(sg_pdf_get(form, "SigFlags")->integer, 3);
    assert_ok(sg_pdf_find(pdf, form, "Fields", &fields, &err), &err);
    assert_int_equal(fields->count, 1);
    assert_ok(sg_pdf_resolve(pdf, &fields->entries[0].value, &field, &err), &err);
    assert_memory_equal(sg_pdf_get(field, "T")->text.data, "Freigabe", 8);
    assert_int_equal(sg_pdf_get(field, "F")->integer & 4, 4);
    assert_int_equal(sg_pdf_get(field, "V")->id.number, sg_pdf_get(permissions, "DocMDP")->id.number);
    assert_ok(sg_pdf_find(pdf, field, "V", &signature, &err), &err);
    assert_true(sg_pdf_is_name(sg_pdf_get(signature, "SubFilter"), "ETSI.CAdES.detached"));
    value = sg_pdf_get(signature, "Reason");
    assert_int_equal(value->text.len, 14); /* UTF-16 with its mark */
    assert_null(sg_pdf_get(signature, "Location"));
    assert_ok(sg_pdf_object(pdf, (struct sg_pdf_id){3, 0}, &value, &err), &err);
    assert_int_equal(sg_pdf_get(value, "Annots")->count, 2);
    assert_int_equal(sg_pdf_get(value, "Annots")->entries[0].value.id.number, 4);
}

/* A document time-stamp of the file; what is in its room is of no account here. */
static enum sg_rc stamp_to(struct sg_slice pdf, sg_pades_compare *compare, struct sg_buf *ret, struct sg_err *err)
{
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    _cleanup_(sg_pades_stamp_freep) struct sg_pades_stamp *stamp = NULL;
    const struct sg_slice token = {(const uint8_t *)"0", 1};
    uint8_t sha256[32];

    assert_int_equal(sg_input_from_slice("in.pdf", pdf, &input, err), SG_OK);
    enum sg_rc rc = sg_pades_stamp_begin(fx.libctx, input, 1024, compare, &stamp, sha256, err);
    return rc == SG_OK ? sg_pades_stamp_finish(stamp, token, sg_buf_sink(ret), err) : rc;
}

/* The lowest number of an object that came to the file. */
static int first_new(const struct sg_buf *file)
{
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    _cleanup_(sg_pdf_freep) struct sg_pdf *pdf = NULL;
    size_t count = 0, i = 0;
    struct sg_err err;

    assert_ok(sg_input_from_slice("out.pdf", sg_buf_slice(file), &input, &err), &err);
    assert_ok(sg_pdf_open(input, file->len, &pdf, &err), &err);
    const struct sg_pdf_place *places = sg_pdf_places(pdf, &count);
    while (i < count && places[i].id.number < MAX_MADE)
        i++;
    assert_true(i < count);
    return places[i].id.number;
}

static void make_with(struct making *m, const char *object, const char *extra)
{
    make_begin(m);
    make_page(m);
    make_object(m, 4, object);
    make_table(m, extra);
}

/* A reference that leads nowhere (§7.3.10) leads nowhere afterwards, too, or who compares the two takes it for a
 * change. One that is far off does not make the file's numbers great. */
static void numbers_that_are_referred_to(void **state)
{
    static const struct {
        const char *references, *extra;
        int first;
    } cases[] = {
        {"1", "/Root 1 0 R", 64},
        {"[64 0 R]", "/Root 1 0 R", 65},
        {"[<< /A [64 0 R << /B 66 3 R >>] >> 30 0 R]", "/Root 1 0 R", 67},
        {"[66 0 R]", "/Root 1 0 R /X [64 0 R]", 67},
        {"[64 0 R 321 0 R 3000000 0 R 8388607 0 R 9000000 0 R]", "/Root 1 0 R", 65},
        {"[64 0 R 320 0 R 3000000 0 R 8388607 0 R 9000000 0 R]", "/Root 1 0 R", 321},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        _cleanup_(sg_cades_signer_freep) struct sg_cades_signer *signer = make_signer(P256_KEY);
        _cleanup_(sg_buf_clear) struct sg_buf file = SG_BUF(SG_MIB), stamped = SG_BUF(SG_MIB), digest = SG_BUF(SG_KIB);
        const struct sg_pades_params params = {.signer = signer, .signing_time = NOW};
        struct making m;
        struct sg_err err;

        make_with(&m, cases[i].references, cases[i].extra);
        assert_ok(sign_to(&params, sg_buf_slice(&m.file), &file, &digest, &err), &err);
        assert_int_equal(first_new(&file), cases[i].first);
        assert_ok(stamp_to(sg_buf_slice(&m.file), NULL, &stamped, &err), &err);
        assert_int_equal(first_new(&stamped), cases[i].first);
        sg_buf_clear(&m.file);
    }
}

/* A number in every 256 is referred to: up to the last one that matters, or but for that. */
static void no_number_is_left(void **state)
{
    (void)state;
    for (int last = 1; last >= 0; last--) {
        _cleanup_(sg_buf_clear) struct sg_buf references = SG_BUF(SG_MIB), stamped = SG_BUF(SG_MIB);
        const int end = MAX_MADE + SG_MAX_PDF_NUMBERS_PASSED - (last ? 0 : SG_MAX_PDF_UPDATE_OBJECTS);
        struct making m;
        struct sg_err err;

        for (int i = MAX_MADE; i < end; i += SG_MAX_PDF_UPDATE_OBJECTS)
            assert_int_equal(sg_buf_printf(&references, NULL, "%s%d 0 R", i == MAX_MADE ? "[" : " ", i), SG_OK);
        assert_int_equal(sg_buf_append(&references, "]", 2, NULL), SG_OK);
        make_with(&m, (const char *)references.data, "/Root 1 0 R");
        assert_int_equal(stamp_to(sg_buf_slice(&m.file), NULL, &stamped, &err), last ? SG_E_MALFORMED : SG_OK);
        if (!last)
            assert_int_equal(first_new(&stamped), end - SG_MAX_PDF_UPDATE_OBJECTS + 1);
        sg_buf_clear(&m.file);
    }
}

/* The later one is the file with the update behind it. */
static enum sg_rc refuse_more(const char *name, struct sg_pdf *before, struct sg_pdf *after, struct sg_err *err)
{
    size_t count = 0, more = 0;

    (void)sg_pdf_places(before, &count);
    (void)sg_pdf_places(after, &more);
    assert_true(more > count);
    assert_int_equal(sg_pdf_get(sg_pdf_trailer(after), "Prev")->integer, (int64_t)sg_pdf_startxref(before));
    return sg_fail(err, SG_E_POLICY, "%s was signed", name);
}

/* Who compares is asked where something was signed before, and what it refuses is not done. */
static void who_compares_is_asked(void **state)
{
    _cleanup_(sg_cades_signer_freep) struct sg_cades_signer *signer = make_signer(P256_KEY);
    _cleanup_(sg_buf_clear) struct sg_buf file = SG_BUF(SG_MIB), more = SG_BUF(SG_MIB), digest = SG_BUF(SG_KIB);
    const struct sg_pades_params params = {.signer = signer, .signing_time = NOW, .compare = refuse_more};
    struct making m;
    struct sg_err err;

    (void)state;
    make_with(&m, "null", "/Root 1 0 R");
    assert_ok(stamp_to(sg_buf_slice(&m.file), refuse_more, &more, &err), &err);
    assert_ok(sign_to(&params, sg_buf_slice(&m.file), &file, &digest, &err), &err);
    assert_int_equal(sign_to(&params, sg_buf_slice(&file), &more, &digest, &err), SG_E_POLICY);
    assert_int_equal(stamp_to(sg_buf_slice(&file), refuse_more, &more, &err), SG_E_POLICY);
    assert_string_equal(err.text, "in.pdf was signed");
    sg_buf_clear(&m.file);
}

static void assert_refused(const char *catalog, const char *more, struct sg_pades_params params, enum sg_rc expected)
{
    _cleanup_(sg_cades_signer_freep) struct sg_cades_signer *signer = make_signer(P256_KEY);
    _cleanup_(sg_buf_clear) struct sg_buf file = SG_BUF(4 * SG_MIB), digest = SG_BUF(SG_KIB);
    struct making m;
    struct sg_err err = {0};

    params.signer = signer;
    make_begin(&m);
    make_object(&m, 1, catalog);
    make_object(&m, 2, "<< /Type /Pages /Kids [3 0 R] /Count 1 >>");
    make_object(&m, 3, "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] >>");
    make_object(&m, 4, more);
    make_object(&m, 5, "<< /FT /Sig /T (Done) /V 6 0 R >>");
    make_object(&m, 6, "<< /Type /Sig /Reference [<< /TransformMethod /DocMDP /TransformParams << /P 2 >> >>] >>");
    make_table(&m, "/Root 1 0 R");
    assert_int_equal(sign_to(&params, sg_buf_slice(&m.file), &file, &digest, &err), expected);
    assert_int_equal(err.rc, expected);
    sg_buf_clear(&m.file);
}

#define FORM "<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [4 0 R] >> >>"
#define FIELD_MDP(parameters)                                                                                          \
    "<< /FT /Sig /T (B) /V << /Reference [<< /TransformMethod /FieldMDP /TransformParams << " parameters " >> >>] >> " \
    ">>"
#define SIGNED_BEFORE "<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [5 0 R 4 0 R] >> >>"

static void what_is_refused(void **state)
{
    const struct sg_pades_params plain = {.signing_time = NOW};
    const struct sg_pades_params certifying = {.signing_time = NOW, .certify = 1};
    const struct sg_pdf_look look = {0};
    const struct sg_pades_params seen = {.signing_time = NOW, .field = "New", .rect = {10, 10, 100, 50}, .look = &look};

    (void)state;
    /* The twin of what follows is fine: a field, and a signature before it that permits signing. */
    assert_refused(FORM, "<< /FT /Sig /T (A) >>", certifying, SG_OK);
    assert_refused(SIGNED_BEFORE, "<< /FT /Sig /T (A) >>", plain, SG_OK);
    assert_refused(SIGNED_BEFORE, "<< /FT /Sig /T (A) >>", certifying, SG_E_POLICY);
    assert_refused("<< /Type /Catalog /Pages 2 0 R /Perms << /DocMDP 6 0 R >> >>", "null", certifying, SG_E_POLICY);

    /* What is locked by a signature, and how little is understood of it, is not signed. */
    assert_refused(SIGNED_BEFORE, "<< /FT /Sig /T (B) /V << /Reference 7 0 R >> >>", plain, SG_OK);
    assert_refused(FORM, "<< /FT /Sig /T (B) /V << /Reference (x) >> >>", plain, SG_E_POLICY);
    assert_refused(FORM,
                   "<< /FT /Sig /T (B) /V << /Reference [<< /TransformMethod /FieldMDP /TransformParams << /Action "
                   "/Sometimes >> >>] >> >>",
                   plain, SG_E_POLICY);
    assert_refused(
        FORM,
        "<< /FT /Sig /T (B) /V << /Reference [<< /TransformMethod /DocMDP /TransformParams << /P 7 >> >>] >> "
        ">>",
        plain, SG_E_POLICY);
    assert_refused(FORM, FIELD_MDP("/Action /Include /Fields [(x)] /P 3"), plain, SG_OK);
    assert_refused(FORM, FIELD_MDP("/Action /Include /Fields [(x)] /P 1"), plain, SG_E_POLICY);
    assert_refused(FORM, FIELD_MDP("/Action /Include /Fields [(x)] /P (3)"), plain, SG_E_POLICY);
    assert_refused(FORM, FIELD_MDP("/Action /Exclude /Fields [(Signature1)]"), plain, SG_OK);
    assert_refused(FORM, FIELD_MDP("/Action /Exclude /Fields [(Signature1) <7f>]"), plain, SG_E_POLICY);
    assert_refused("<< /Type /Catalog /Pages 2 0 R /Perms << /DocMDP 4 0 R >> >>", "<< /Type /Sig >>", plain,
                   SG_E_POLICY);

    /* A new field that is seen. */
    assert_refused(SIGNED_BEFORE, "<< /FT /Sig /T (A) >>", seen, SG_E_POLICY);
    assert_refused(FORM, FIELD_MDP("/Action /Include /Fields [(x)] /P 2"), seen, SG_E_POLICY);

    /* What is broken. */
    assert_refused(FORM, "(no field)", plain, SG_E_MALFORMED);
    assert_refused(FORM, "<< /FT /Sig /T 5 >>", plain, SG_E_MALFORMED);
    assert_refused(FORM, "<< /FT /Sig /T (A) /Kids 3 >>", plain, SG_E_MALFORMED);
    assert_refused("<< /Type /Catalog /Pages 2 0 R /AcroForm [] >>", "null", plain, SG_E_MALFORMED);
    assert_refused("<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields 1 >> >>", "null", plain, SG_E_MALFORMED);
    assert_refused("<< /Type /Catalog /Pages << /Kids [] >> >>", "null", plain, SG_E_MALFORMED);
    assert_refused("<< /Type /Catalog >>", "null", plain, SG_E_MALFORMED);
    assert_refused("[]", "null", plain, SG_E_MALFORMED);
}

/* 16 each: four of them are as deep as what a dictionary has may be nested, which is one more. */
#define OPEN "[[[[[[[[[[[[[[[["
#define SHUT "]]]]]]]]]]]]]]]]"

/* What the verifier would take for something that reaches into the signature (test_pdf_overlap.c) is not signed, and
 * gets no time-stamp; its twin does. */
static void what_may_reach_into_the_signature(void **state)
{
    static const struct {
        const char *object, *extra;
        enum sg_rc expected;
    } cases[] = {
        {"<< /Length 1 >>\nstream\nx\nendstream", "/Root 1 0 R", SG_OK},
        {"<< /Length 0000000000000000000000000000001 >>\nstream\nx\nendstream", "/Root 1 0 R", SG_E_MALFORMED},
        {"<< /Length /None /Prev 2 0 R /XRefStm /A >>", "/Root 1 0 R /X " OPEN OPEN OPEN SHUT SHUT SHUT, SG_OK},
        {"null", "/Root 1 0 R /X " OPEN OPEN OPEN OPEN SHUT SHUT SHUT SHUT, SG_E_MALFORMED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        _cleanup_(sg_cades_signer_freep) struct sg_cades_signer *signer = make_signer(P256_KEY);
        _cleanup_(sg_buf_clear) struct sg_buf file = SG_BUF(SG_MIB), stamped = SG_BUF(SG_MIB), digest = SG_BUF(SG_KIB);
        const struct sg_pades_params params = {.signer = signer, .signing_time = NOW};
        struct making m;
        struct sg_err err;

        make_with(&m, cases[i].object, cases[i].extra);
        assert_int_equal(sign_to(&params, sg_buf_slice(&m.file), &file, &digest, &err), cases[i].expected);
        assert_int_equal(stamp_to(sg_buf_slice(&m.file), NULL, &stamped, &err), cases[i].expected);
        if (cases[i].expected != SG_OK)
            assert_non_null(strstr(err.text, "may reach into a signature"));
        sg_buf_clear(&m.file);
    }
}

static void options_have_limits(void **state)
{
    (void)state;
    assert_refused(FORM, "null", (struct sg_pades_params){.certify = 4}, SG_E_USAGE);
    assert_refused(FORM, "null", (struct sg_pades_params){.reserve = SG_MAX_PDF_RESERVE + 1}, SG_E_USAGE);
    assert_refused(FORM, "null", (struct sg_pades_params){.reserve = SG_MAX_PDF_RESERVE}, SG_OK);
    assert_refused(FORM, "null", (struct sg_pades_params){.field = ""}, SG_E_USAGE);
    assert_refused(FORM, "null", (struct sg_pades_params){.field = "a.b"}, SG_E_USAGE);
    assert_refused(FORM, "null", (struct sg_pades_params){.field = "a\nb"}, SG_E_USAGE);
    assert_refused(FORM, "null", (struct sg_pades_params){.reason = "\xff"}, SG_E_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_key),
        cmocka_unit_test(cross_reference_streams),
        cmocka_unit_test(the_update_is_read_back),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(numbers_that_are_referred_to),
        cmocka_unit_test(no_number_is_left),
        cmocka_unit_test(who_compares_is_asked),
        cmocka_unit_test(what_may_reach_into_the_signature),
        cmocka_unit_test(options_have_limits),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
