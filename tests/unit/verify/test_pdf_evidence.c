/* PAdES with time: document time-stamps as proofs of existence, and the DSS as evidence (EN 319 142-1 §5.4), from
 * chains that ended long ago; and each link missing, or made by somebody else. */
#include "archive.h"

#include "../formats/pdf_make.h"
#include "formats/pdf_dss.h"

#define RESERVED 16384 /* octets of a CMS */

/* --- PDFs, revision by revision ----------------------------------------------------------------------------------- */

struct pdf {
    OSSL_LIB_CTX *libctx;
    struct making m;
    int next; /* number of an object */
    struct sg_buf fields, certs, crls, ocsps;
    struct sg_slice around; /* a CRL whose stream is to reach over the next signature */
    size_t contents, range; /* of the newest signature: of its "<", and behind its "[0 " */
};

static void pdf_begin(struct pdf *pdf, OSSL_LIB_CTX *libctx)
{
    *pdf = (struct pdf){.libctx = libctx,
                        .next = 10,
                        .fields = SG_BUF(SG_KIB),
                        .certs = SG_BUF(SG_KIB),
                        .crls = SG_BUF(SG_KIB),
                        .ocsps = SG_BUF(SG_KIB)};
    make_begin(&pdf->m);
    make_object(&pdf->m, 2, "<< /Type /Pages /Kids [3 0 R] /Count 1 >>");
    make_object(&pdf->m, 3, "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] >>");
}

static void pdf_clear(struct pdf *pdf)
{
    sg_buf_clear(&pdf->m.file);
    sg_buf_clear(&pdf->fields);
    sg_buf_clear(&pdf->certs);
    sg_buf_clear(&pdf->crls);
    sg_buf_clear(&pdf->ocsps);
}

static const char *text_of(struct sg_buf *buf)
{
    const char *text = NULL;
    assert_int_equal(sg_buf_text(buf, &text, NULL), SG_OK);
    return text;
}

static void pdf_end_revision(struct pdf *pdf)
{
    _cleanup_(sg_buf_clear) struct sg_buf body = SG_BUF(SG_MIB);
    assert_int_equal(sg_buf_printf(&body, NULL,
                                   "<< /Type /Catalog /Pages 2 0 R /AcroForm << /SigFlags 3 /Fields [%s] >> /DSS << "
                                   "/Certs [%s] /CRLs [%s] /OCSPs [%s] >> >>",
                                   text_of(&pdf->fields), text_of(&pdf->certs), text_of(&pdf->crls),
                                   text_of(&pdf->ocsps)),
                     SG_OK);
    make_object(&pdf->m, 1, text_of(&body));
    make_table(&pdf->m, "/Root 1 0 R");
}

/* A stream of the DSS that is a CRL at its beginning, and goes on. Returns where its /Length stands. */
static size_t pdf_open_around(struct pdf *pdf)
{
    char *hex = malloc(2 * pdf->around.len + 1);
    assert_non_null(hex);
    sg_hex(pdf->around.data, pdf->around.len, hex);
    pdf->m.offsets[pdf->next] = pdf->m.file.len;
    assert_int_equal(sg_buf_printf(&pdf->m.file, NULL, "%d 0 obj\n<< /Filter /ASCIIHexDecode /Length ", pdf->next),
                     SG_OK);
    size_t at = pdf->m.file.len;
    assert_int_equal(sg_buf_printf(&pdf->m.file, NULL, "%8s >>\nstream\n%s>\n", "", hex), SG_OK);
    assert_int_equal(sg_buf_printf(&pdf->crls, NULL, "%d 0 R ", pdf->next++), SG_OK);
    free(hex);
    return at;
}

static void pdf_close_around(struct pdf *pdf, size_t at)
{
    char text[16];
    int n = snprintf(text, sizeof text, "%zu", pdf->m.file.len - at - strlen("12345678 >>\nstream\n"));
    memcpy(pdf->m.file.data + at, text, (size_t)n);
    make_text(&pdf->m, "\nendstream\nendobj\n");
}

/* A revision with an empty place for a signature of that kind. */
static void pdf_place(struct pdf *pdf, const char *kind)
{
    int field = pdf->next++, signature = pdf->next++;
    size_t around = 0;
    char text[256];
    (void)snprintf(text, sizeof text, "<< /FT /Sig /Subtype /Widget /T (S%d) /F 132 /Rect [0 0 0 0] /V %d 0 R >>",
                   field, signature);
    make_object(&pdf->m, field, text);
    assert_int_equal(sg_buf_printf(&pdf->fields, NULL, "%d 0 R ", field), SG_OK);
    if (pdf->around.data)
        around = pdf_open_around(pdf);
    pdf->m.offsets[signature] = pdf->m.file.len;
    assert_int_equal(sg_buf_printf(&pdf->m.file, NULL, "%d 0 obj\n<< %s /ByteRange [0 ", signature, kind), SG_OK);
    pdf->range = pdf->m.file.len;
    assert_int_equal(sg_buf_printf(&pdf->m.file, NULL, "%36s] /Contents ", ""), SG_OK);
    pdf->contents = pdf->m.file.len;
    assert_int_equal(sg_buf_printf(&pdf->m.file, NULL, "<%0*d> >>\nendobj\n", 2 * RESERVED, 0), SG_OK);
    if (pdf->around.data)
        pdf_close_around(pdf, around);
    pdf->around = (struct sg_slice){0};
    pdf_end_revision(pdf);
    size_t end = pdf->contents + 2 + 2 * RESERVED;
    int n = snprintf(text, sizeof text, "%zu %zu %zu", pdf->contents, end, pdf->m.file.len - end);
    memcpy(pdf->m.file.data + pdf->range, text, (size_t)n);
}

static void pdf_covered(const struct pdf *pdf, struct sg_buf *out)
{
    const struct sg_buf *file = &pdf->m.file;
    size_t end = pdf->contents + 2 + 2 * RESERVED;
    assert_int_equal(sg_buf_append(out, file->data, pdf->contents, NULL), SG_OK);
    assert_int_equal(sg_buf_append(out, file->data + end, file->len - end, NULL), SG_OK);
}

static void pdf_fill(struct pdf *pdf, const struct sg_buf *cms)
{
    char *hex = malloc(2 * cms->len + 1);
    assert_true(cms->len <= RESERVED);
    assert_non_null(hex);
    sg_hex(cms->data, cms->len, hex);
    memcpy(pdf->m.file.data + pdf->contents + 1, hex, 2 * cms->len);
    free(hex);
}

/* The scene's signer signs; `stamped`: the time of a signature-time-stamp; 0: none. */
static void pdf_sign(struct pdf *pdf, const struct scene *scene, int64_t stamped)
{
    _cleanup_(sg_buf_clear) struct sg_buf covered = SG_BUF(32 * SG_MIB), cms = SG_BUF(SG_MIB);
    struct made made;
    struct made_stamp stamp = by_tsa(scene, stamped);
    pdf_place(pdf, "/Type /Sig /Filter /Adobe.PPKLite /SubFilter /ETSI.CAdES.detached /M (D:20240101000000Z)");
    pdf_covered(pdf, &covered);
    made_sign(&made, pdf->libctx,
              &(struct pki_cms){.signer = &scene->world.signer,
                                .carried = {scene->world.ca.cert},
                                .content = sg_buf_slice(&covered)});
    if (stamped)
        made_signature_stamp(&made, &stamp);
    made_write(&made, &cms);
    made_clear(&made);
    pdf_fill(pdf, &cms);
}

static void pdf_stamp(struct pdf *pdf, const struct made_stamp *stamp)
{
    _cleanup_(sg_buf_clear) struct sg_buf covered = SG_BUF(32 * SG_MIB), token = SG_BUF(SG_MIB);
    pdf_place(pdf, "/Type /DocTimeStamp /Filter /Adobe.PPKLite /SubFilter /ETSI.RFC3161");
    pdf_covered(pdf, &covered);
    made_token(pdf->libctx, stamp, sg_buf_slice(&covered), NULL, (struct sg_slice){0}, &token);
    pdf_fill(pdf, &token);
}

/* A stream for the DSS; pdf_end_revision() writes what leads to it. */
static void pdf_stream(struct pdf *pdf, struct sg_buf *list, struct sg_slice data)
{
    pdf->m.offsets[pdf->next] = pdf->m.file.len;
    assert_int_equal(sg_buf_printf(&pdf->m.file, NULL, "%d 0 obj\n<< /Length %zu >>\nstream\n", pdf->next, data.len),
                     SG_OK);
    assert_int_equal(sg_buf_append(&pdf->m.file, data.data, data.len, NULL), SG_OK);
    make_text(&pdf->m, "\nendstream\nendobj\n");
    assert_int_equal(sg_buf_printf(list, NULL, "%d 0 R ", pdf->next++), SG_OK);
}

static void pdf_cert(struct pdf *pdf, X509 *cert)
{
    uint8_t *der = NULL;
    int len = i2d_X509(cert, &der);
    assert_true(len > 0);
    pdf_stream(pdf, &pdf->certs, (struct sg_slice){der, (size_t)len});
    OPENSSL_free(der);
}

static void pdf_crl(struct pdf *pdf, X509_CRL *crl)
{
    uint8_t *der = NULL;
    int len = i2d_X509_CRL(crl, &der);
    assert_true(len > 0);
    pdf_stream(pdf, &pdf->crls, (struct sg_slice){der, (size_t)len});
    OPENSSL_free(der);
}

static void pdf_expect(const struct scene *scene, struct pdf *pdf, struct expected expected)
{
    enum sg_rc rc;
    _cleanup_(sg_report_freep) struct sg_report *report =
        judge_bytes(&scene->world, sg_buf_slice(&pdf->m.file), NULL, &rc);
    assert_int_equal(rc, SG_OK);
    assert_int_equal(report->verdict_count, 1);
    assert_expected(&report->verdicts[0], &expected);
    pdf_clear(pdf);
}

/* --- chains that have ended --------------------------------------------------------------------------------------- */

/* What a test leaves out or makes otherwise; what is 0 is the ordinary thing. */
struct variant {
    bool no_signature_stamp, no_first, no_second, no_crls;
    bool ca_crl_after_first, ca_crl_at_the_end; /* instead of before the first document time-stamp */
    bool ca_crl_around_first;                   /* its stream reaches over what that leaves out of the file */
    bool together;                              /* the DSS is in the first document time-stamp's own revision */
    bool emptied;                               /* a last revision has a DSS with nothing in it */
    bool wrong_first, wrong_second;
    const struct pki_id *second_tsa; /* instead */
};

static void make(const struct archive *archive, const struct variant *variant, struct pdf *pdf)
{
    const struct scene *scene = &archive->scene;
    struct made_stamp first = by_tsa(scene, AGO(698));
    struct made_stamp second = {.tsa = variant->second_tsa ? variant->second_tsa : &archive->new_tsa,
                                .time = AGO(300),
                                .carried = {scene->tsa_ca.cert},
                                .odd = variant->wrong_second ? MADE_WRONG_IMPRINT : 0};
    uint8_t *der = NULL;
    first.odd = variant->wrong_first ? MADE_WRONG_IMPRINT : 0;
    pdf_begin(pdf, scene->world.libctx);
    pdf_sign(pdf, scene, variant->no_signature_stamp ? 0 : AGO(701));
    pdf_cert(pdf, scene->world.ca.cert);
    if (!variant->no_crls)
        pdf_crl(pdf, archive->root_crl);
    if (!variant->no_crls && !variant->ca_crl_after_first && !variant->ca_crl_at_the_end &&
        !variant->ca_crl_around_first)
        pdf_crl(pdf, archive->ca_crl);
    if (!variant->together || variant->no_first)
        pdf_end_revision(pdf);
    int len = variant->ca_crl_around_first ? i2d_X509_CRL(archive->ca_crl, &der) : 0;
    pdf->around = (struct sg_slice){der, (size_t)len};
    if (!variant->no_first)
        pdf_stamp(pdf, &first);
    OPENSSL_free(der);
    pdf_cert(pdf, scene->tsa_ca.cert);
    pdf_cert(pdf, scene->tsa.cert);
    pdf_crl(pdf, archive->tsa_ca_crl);
    pdf_crl(pdf, archive->late_root_crl);
    if (variant->ca_crl_after_first)
        pdf_crl(pdf, archive->ca_crl);
    pdf_end_revision(pdf);
    if (!variant->no_second)
        pdf_stamp(pdf, &second);
    if (variant->ca_crl_at_the_end)
        pdf_crl(pdf, archive->ca_crl);
    pdf->certs.len = variant->emptied ? 0 : pdf->certs.len;
    pdf->crls.len = variant->emptied ? 0 : pdf->crls.len;
    if (variant->ca_crl_at_the_end || variant->emptied)
        pdf_end_revision(pdf);
}

static void expect(const struct archive *archive, struct variant variant, struct expected expected)
{
    struct pdf pdf;
    make(archive, &variant, &pdf);
    pdf_expect(&archive->scene, &pdf, expected);
}

/* EN 319 102-1 §5.6.3.4 steps 2, 5, 6 and 7: from the newest document time-stamp back to the signature. */
static void all_proven(void **state)
{
    expect(*state, (struct variant){0},
           PASSED(.reason = "proven-before", .level = "B-LTA", NOW_IS(OUT_OF_BOUNDS_NO_POE), .best_time = AGO(701)));
    /* EN 319 142-1 §6.3: a document time-stamp is as good for B-T. */
    expect(*state, (struct variant){.no_signature_stamp = true},
           PASSED(.level = "B-LTA", NOW_IS(OUT_OF_BOUNDS_NO_POE), .best_time = AGO(698)));
    expect(*state, (struct variant){.together = true}, PASSED(.level = "B-LTA", NOW_IS(OUT_OF_BOUNDS_NO_POE)));
    /* What was in the DSS of a revision is there still, though a later one does not lead to it. */
    expect(*state, (struct variant){.emptied = true}, PASSED(.level = "B-LTA", NOW_IS(OUT_OF_BOUNDS_NO_POE)));
}

/* One link missing, or by somebody whom nobody trusts. */
static void links_missing(void **state)
{
    struct archive *archive = *state;
    struct pki_id own = made_tsa(archive->scene.world.libctx, NULL, &(struct pki_cert){.name = "Own TSA"});
    expect(archive, (struct variant){.no_first = true, .no_second = true},
           UNDECIDED(OUT_OF_BOUNDS_NO_POE, "ca-expired"));
    expect(archive, (struct variant){.no_second = true}, UNDECIDED(OUT_OF_BOUNDS_NO_POE, "ca-expired"));
    expect(archive, (struct variant){.no_first = true}, UNDECIDED(OUT_OF_BOUNDS_NO_POE, "ca-expired"));
    expect(archive, (struct variant){.wrong_first = true}, UNDECIDED(OUT_OF_BOUNDS_NO_POE, "timestamp-not-counted"));
    expect(archive, (struct variant){.wrong_second = true}, UNDECIDED(OUT_OF_BOUNDS_NO_POE, "timestamp-not-counted"));
    expect(archive, (struct variant){.second_tsa = &own}, UNDECIDED(OUT_OF_BOUNDS_NO_POE, "timestamp-not-counted"));
    expect(archive, (struct variant){.no_crls = true},
           UNDECIDED(OUT_OF_BOUNDS_NO_POE, "no-proof-of-existence", .level = "B-T"));
    pki_free(&own);
}

/* Evidence is proven by what is over the revision that it stands in, and by nothing before. */
static void evidence_of_later(void **state)
{
    struct archive *archive = *state;
    long_root_crl(archive, AGO(200));
    expect(archive, (struct variant){0}, PASSED(NOW_IS(OUT_OF_BOUNDS_NO_POE)));
    expect(archive, (struct variant){.ca_crl_after_first = true},
           UNDECIDED(REVOCATION_OUT_OF_BOUNDS_NO_POE, "no-proof-of-existence", .level = "B-LTA"));
    expect(archive, (struct variant){.ca_crl_at_the_end = true},
           UNDECIDED(OUT_OF_BOUNDS_NO_POE, "no-proof-of-existence", .level = "B-LT"));
    /* Nor by one that leaves some of its octets out: such a stream may not come after a signature. */
    expect(archive, (struct variant){.ca_crl_around_first = true}, FAILED(FORMAT_FAILURE, "pdf-changed"));
}

/* An octet of what was stamped is another: of the DSS, behind the signature. */
static void evidence_altered(void **state)
{
    const struct archive *archive = *state;
    uint8_t *der = NULL;
    int len = i2d_X509_CRL(archive->ca_crl, &der);
    struct pdf pdf;
    make(archive, &(struct variant){0}, &pdf);
    uint8_t *at = memmem(pdf.m.file.data, pdf.m.file.len, der, (size_t)len);
    assert_non_null(at);
    at[len - 1] ^= 1;
    OPENSSL_free(der);
    pdf_expect(&archive->scene, &pdf, UNDECIDED(OUT_OF_BOUNDS_NO_POE, "timestamp-not-counted"));
}

/* --- levels ------------------------------------------------------------------------------------------------------- */

/* What the DSS needs for all of the scene's chains. */
static void scene_dss(const struct scene *scene, struct pdf *pdf)
{
    const struct world *world = &scene->world;
    pdf_cert(pdf, world->ca.cert);
    pdf_cert(pdf, scene->tsa_ca.cert);
    pdf_cert(pdf, scene->tsa.cert);
    pdf_crl(pdf, world->root_crl);
    pdf_crl(pdf, world->ca_crl);
    pdf_crl(pdf, scene->tsa_crl);
}

/* EN 319 142-1 §6.3, table 1: B-T by a document time-stamp; B-LT by the DSS; B-LTA by one over that. The DSS alone is
 * enough to judge by: no other CRLs are known. */
static void levels(void **state)
{
    static const char *const names[] = {"B-B", "B-T", "B-LT", "B-LTA"};
    struct scene *scene = *state;
    for (int level = 0; level < 4; level++) {
        struct made_stamp first = by_tsa(scene, AGO(2)), second = by_tsa(scene, AGO(1));
        STACK_OF(X509_CRL) *known = scene->world.crls;
        struct pdf pdf;
        pdf_begin(&pdf, scene->world.libctx);
        pdf_sign(&pdf, scene, 0);
        if (level >= 1)
            pdf_stamp(&pdf, &first);
        if (level >= 2) {
            scene_dss(scene, &pdf);
            pdf_end_revision(&pdf);
            scene->world.crls = sk_X509_CRL_new_null();
        }
        if (level >= 3)
            pdf_stamp(&pdf, &second);
        pdf_expect(scene, &pdf, PASSED(.level = names[level], .best_time = level > 0 ? AGO(2) : PKI_NOW));
        if (level >= 2) {
            sk_X509_CRL_free(scene->world.crls);
            scene->world.crls = known;
        }
    }
}

/* A signature that is younger than the time-stamp has no proof by it. */
static void stamp_before_signature(void **state)
{
    struct scene *scene = *state;
    struct made_stamp stamp = by_tsa(scene, AGO(2));
    struct pdf pdf;
    pdf_begin(&pdf, scene->world.libctx);
    pdf_stamp(&pdf, &stamp);
    pdf_sign(&pdf, scene, 0);
    pdf_expect(scene, &pdf, PASSED(.level = "B-B", .best_time = PKI_NOW));
}

/* More than anybody needs is left out, and the signature judged all the same. */
static void evidence_limited(void **state)
{
    struct scene *scene = *state;
    uint8_t *much = calloc(1, SG_MAX_PDF_EVIDENCE + 1);
    struct pdf pdf;
    assert_non_null(much);
    pdf_begin(&pdf, scene->world.libctx);
    pdf_sign(&pdf, scene, 0);
    pdf_stream(&pdf, &pdf.certs, (struct sg_slice){much, SG_MAX_PDF_EVIDENCE + 1});
    scene_dss(scene, &pdf);
    pdf_stream(&pdf, &pdf.ocsps, slice_of("no response"));
    pdf_end_revision(&pdf);
    free(much);
    pdf_expect(scene, &pdf, PASSED(.reason = "certificates-unreadable", .level = "B-B"));
}

/* --- the DSS alone ------------------------------------------------------------------------------------------------ */

/* Reads the DSS from the newest revision on; `ends`: of each, from the oldest on. */
static void read_dss(const struct making *m, const size_t *ends, size_t count, struct sg_pdf_dss *dss)
{
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    _cleanup_(sg_pdf_freep) struct sg_pdf *newer = NULL;
    assert_int_equal(sg_input_from_slice("a.pdf", sg_buf_slice(&m->file), &input, NULL), SG_OK);
    for (size_t i = count; i-- > 0;) {
        struct sg_pdf *pdf = NULL;
        assert_int_equal(sg_pdf_open(input, ends[i], &pdf, NULL), SG_OK);
        assert_int_equal(sg_pdf_dss_read(dss, pdf, newer, i, NULL), SG_OK);
        sg_pdf_free(newer);
        newer = pdf;
    }
}

/* A stream that says itself how it is read was the same in the revision before; one that leads elsewhere for that, at
 * whatever depth, need not have been. */
static void evidence_read_by_more(void **state)
{
    (void)state;
    for (int elsewhere = 0; elsewhere < 2; elsewhere++) {
        _cleanup_(sg_pdf_dss_clear) struct sg_pdf_dss dss = {0};
        size_t ends[2];
        struct making m;
        make_begin(&m);
        make_object(&m, 1, "<< /Type /Catalog /Pages 2 0 R /DSS << /CRLs [4 0 R] >> >>");
        make_object(&m, 2, "<< /Type /Pages /Kids [] /Count 0 >>");
        make_object(&m, 4,
                    elsewhere ? "<< /Filter [/ASCIIHexDecode 5 0 R] /Length 5 >>\nstream\n3431>\nendstream"
                              : "<< /Filter [/ASCIIHexDecode /ASCIIHexDecode] /Length 5 >>\nstream\n3431>\nendstream");
        make_object(&m, 5, "/ASCII85Decode");
        make_table(&m, "/Root 1 0 R");
        ends[0] = m.file.len;
        make_object(&m, 5, "/ASCIIHexDecode");
        make_table(&m, "/Root 1 0 R");
        ends[1] = m.file.len;
        read_dss(&m, ends, 2, &dss);
        assert_true(dss.count >= 1);
        assert_int_equal(dss.items[0].der.len, 1);
        assert_int_equal(dss.items[0].der.data[0], 'A');
        assert_int_equal(dss.items[0].revision, elsewhere);
        sg_buf_clear(&m.file);
    }
}

/* What is no evidence is passed over, but not for ever: each of many in VRI leads to the same long list of it. */
static void evidence_listed_often(void **state)
{
    const size_t often = 512;
    _cleanup_(sg_buf_clear) struct sg_buf list = SG_BUF(SG_MIB), vri = SG_BUF(SG_MIB);
    _cleanup_(sg_pdf_dss_clear) struct sg_pdf_dss dss = {0};
    struct making m;
    (void)state;
    assert_int_equal(sg_buf_printf(&list, NULL, "<< /Cert ["), SG_OK);
    assert_int_equal(sg_buf_printf(&vri, NULL, "<< /Type /Catalog /Pages 2 0 R /DSS << /VRI <<"), SG_OK);
    for (size_t i = 0; i < often; i++) {
        assert_int_equal(sg_buf_printf(&list, NULL, " null"), SG_OK);
        assert_int_equal(sg_buf_printf(&vri, NULL, " /N%zu 4 0 R", i), SG_OK);
    }
    assert_int_equal(sg_buf_printf(&list, NULL, "] >>"), SG_OK);
    assert_int_equal(sg_buf_printf(&vri, NULL, " >> >> >>"), SG_OK);
    make_begin(&m);
    make_object(&m, 1, text_of(&vri));
    make_object(&m, 2, "<< /Type /Pages /Kids [] /Count 0 >>");
    make_object(&m, 4, text_of(&list));
    make_table(&m, "/Root 1 0 R");
    read_dss(&m, &m.file.len, 1, &dss);
    assert_true(often * often > SG_MAX_EVIDENCE_LOOKED_AT);
    assert_int_equal(dss.looked_at, SG_MAX_EVIDENCE_LOOKED_AT);
    assert_true(dss.left_out);
    assert_int_equal(dss.count, 0);
    sg_buf_clear(&m.file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ARCHIVE_TEST(all_proven),
        ARCHIVE_TEST(links_missing),
        ARCHIVE_TEST(evidence_of_later),
        ARCHIVE_TEST(evidence_altered),
        SCENE_TEST(levels),
        SCENE_TEST(stamp_before_signature),
        SCENE_TEST(evidence_limited),
        cmocka_unit_test(evidence_read_by_more),
        cmocka_unit_test(evidence_listed_often),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
