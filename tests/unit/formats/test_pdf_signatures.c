/* Are a PDF's signatures found where its form leads to them, with what their dictionaries say, and its revisions? */
#include "pdf_make.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/sanitize.h"
#include "formats/pdf_permissions.h"
#include "formats/pdf_revisions.h"
#include "formats/pdf_text.h"

struct opened {
    struct sg_input *input;
    struct sg_pdf *pdf;
};

static struct opened open_made(const struct making *m)
{
    struct opened o = {0};
    assert_int_equal(sg_input_from_slice("test.pdf", sg_buf_slice(&m->file), &o.input, NULL), SG_OK);
    assert_int_equal(sg_pdf_open(o.input, m->file.len, &o.pdf, NULL), SG_OK);
    return o;
}

static void close_made(struct opened *o, struct making *m)
{
    sg_pdf_free(o->pdf);
    sg_input_free(o->input);
    sg_buf_clear(&m->file);
}

static void make_form(struct making *m, const char *fields)
{
    char form[256];
    make_begin(m);
    make_object(m, 1, "<< /Type /Catalog /Pages 2 0 R /AcroForm 4 0 R /Perms << /DocMDP 6 0 R >> >>");
    make_object(m, 2, "<< /Type /Pages /Kids [3 0 R] /Count 1 >>");
    make_object(m, 3, "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] >>");
    assert_true(snprintf(form, sizeof(form), "<< /Fields [%s] >>", fields) < (int)sizeof(form));
    make_object(m, 4, form);
}

static void signatures_are_as_their_dictionaries(void **state)
{
    (void)state;
    struct sg_pdf_signatures found = {0};
    struct making m;
    bool locked = false;
    int level = -1;

    make_form(&m, "5 0 R 8 0 R");
    make_object(&m, 5, "<< /T (Outer) /Kids [7 0 R] >>");
    make_object(&m, 6,
                "<< /Type /Sig /SubFilter /ETSI.CAdES.detached /ByteRange [0 10 20 30] /Contents <AB00> "
                "/M (D:20261126103000+01'00') /Reference [<< /TransformMethod /DocMDP /TransformParams << /P 2 >> >> "
                "<< /TransformMethod /FieldMDP /TransformParams << /Action /Include /Fields [(a)] >> >>] >>");
    make_object(&m, 7, "<< /T (Inner) /FT /Sig /Parent 5 0 R /V 6 0 R /Kids [10 0 R] >>");
    make_object(&m, 10, "<< /Subtype /Widget /Parent 7 0 R /V 6 0 R >>"); /* the same signature once more */
    make_object(&m, 8,
                "<< /T <FEFF00E9> /FT /Sig /V << /Type /DocTimeStamp /ByteRange [0 -1 2 3] /Contents 9 0 R >> >>");
    make_object(&m, 9, "<00>");
    make_table(&m, "/Root 1 0 R");
    struct opened o = open_made(&m);
    assert_int_equal(sg_pdf_signatures_read(o.pdf, &found, NULL), SG_OK);
    assert_int_equal(found.count, 2);

    const struct sg_pdf_signature *signature = &found.list[0];
    assert_string_equal(signature->name, "Outer.Inner");
    assert_string_equal(signature->sub_filter, "ETSI.CAdES.detached");
    assert_true(signature->id.number == 6 && signature->field.number == 7 && !signature->is_timestamp);
    assert_true(signature->has_range && signature->range[3] == 30);
    assert_memory_equal(m.file.data + signature->contents, "<AB00>", 6);
    assert_int_equal(signature->cms.len, 2);
    assert_int_equal(signature->signing_time, 1795685400);
    assert_int_equal(sg_pdf_locks(o.pdf, signature, "a.b", &locked, NULL), SG_OK);
    assert_true(locked);
    assert_int_equal(sg_pdf_locks(o.pdf, signature, "ab", &locked, NULL), SG_OK);
    assert_false(locked);

    /* What is not as it has to be is not taken for it. */
    signature = &found.list[1];
    assert_string_equal(signature->name, "\xC3\xA9");
    assert_true(signature->is_timestamp && !signature->has_range && signature->id.number == 0);
    assert_true(signature->contents == SG_PDF_NO_OFFSET && signature->cms.len == 0);
    assert_true(signature->signing_time == SG_TIME_NONE);
    assert_int_equal(sg_pdf_certification(o.pdf, &level, NULL), SG_OK);
    assert_int_equal(level, 2);
    sg_pdf_signatures_clear(&found);
    close_made(&o, &m);
}

static void a_circle_of_fields_is_refused(void **state)
{
    (void)state;
    struct sg_pdf_signatures found = {0};
    struct making m;

    make_form(&m, "5 0 R");
    make_object(&m, 5, "<< /T (a) /Kids [6 0 R] >>");
    make_object(&m, 6, "<< /T (b) /Kids [5 0 R] >>");
    make_table(&m, "/Root 1 0 R");
    struct opened o = open_made(&m);
    assert_int_equal(sg_pdf_signatures_read(o.pdf, &found, NULL), SG_E_MALFORMED);
    close_made(&o, &m);
}

static void dates(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool good;
        int64_t when;
    } cases[] = {{"D:19700101000001Z", true, 1},
                 {"D:1970", true, 0},
                 {"D:19700101010000+01'00'", true, 0},
                 {"19700101000000-00'30", true, 1800},
                 {"D:19701301000000Z", false, 0},
                 {"D:197001010000x", false, 0},
                 {"", false, 0}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sg_slice text = {(const uint8_t *)cases[i].text, strlen(cases[i].text)};
        int64_t when = -1;
        assert_true(sg_pdf_date(text, &when) == cases[i].good);
        assert_int_equal(when, cases[i].good ? cases[i].when : -1);
    }
}

/* Each revision is opened, so that many cost their square: some hundreds are ordinary, and more than the limit is
 * refused. */
static void revisions_have_a_limit(void **state)
{
    (void)state;
    static const size_t counts[] = {300, SG_MAX_PDF_REVISIONS, SG_MAX_PDF_REVISIONS + 1};

    for (size_t i = SG_SANITIZED ? 2 : 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        struct sg_pdf_revisions revisions = {0};
        struct sg_err err = {0};
        struct making m;

        make_begin(&m);
        make_page(&m);
        for (size_t n = 0; n < counts[i]; n++) {
            make_object(&m, 4, "(again)");
            make_table(&m, "/Root 1 0 R");
        }
        struct opened o = open_made(&m);
        enum sg_rc rc = sg_pdf_revisions_read(o.pdf, o.input, &revisions, &err);
        assert_int_equal(rc, counts[i] <= SG_MAX_PDF_REVISIONS ? SG_OK : SG_E_LIMIT);
        assert_int_equal(revisions.count, rc == SG_OK ? counts[i] : 0);
        sg_pdf_revisions_clear(&revisions);
        close_made(&o, &m);
    }
}

/* An end that no chain leads to is none: what looks like one in a string; and what a later table skips. */
static void revisions_are_those_of_the_chain(void **state)
{
    (void)state;
    struct sg_pdf_revisions revisions = {0};
    struct making m;
    size_t ends[2];

    make_begin(&m);
    make_page(&m);
    make_object(&m, 4, "(startxref 9 %%EOF /ByteRange)");
    make_table(&m, "/Root 1 0 R");
    uint64_t first = m.previous;
    ends[0] = m.file.len;
    make_object(&m, 4, "(skipped)");
    make_table(&m, "/Root 1 0 R");
    m.previous = first;
    make_object(&m, 4, "(last)");
    make_table(&m, "/Root 1 0 R");
    ends[1] = m.file.len;
    make_text(&m, "\n");
    struct opened o = open_made(&m);
    assert_int_equal(sg_pdf_revisions_read(o.pdf, o.input, &revisions, NULL), SG_OK);
    assert_int_equal(revisions.count, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(revisions.list[i].end, ends[i]);
        assert_int_equal(revisions.list[i].end_of_eof, ends[i] - 1);
    }
    assert_int_equal(revisions.list[0].section, first);
    assert_int_equal(revisions.range_count, 1);
    sg_pdf_revisions_clear(&revisions);
    close_made(&o, &m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signatures_are_as_their_dictionaries),
        cmocka_unit_test(a_circle_of_fields_is_refused),
        cmocka_unit_test(dates),
        cmocka_unit_test(revisions_are_those_of_the_chain),
        cmocka_unit_test(revisions_have_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
