/* Is everything found that reaches into the octets that a signature leaves out, and nothing else? */
#include "pdf_make.h"

#include "base/limits.h"
#include "formats/pdf_overlap.h"

#define GAP "<AAAA>"
#define HOLDER 20
#define NOTHING (-1)

/* The number of what reaches into the gap. */
static void assert_found(struct making *m, int number)
{
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    _cleanup_(sg_pdf_freep) struct sg_pdf *pdf = NULL;
    struct sg_pdf_overlap overlap;
    const uint8_t *at = memmem(m->file.data, m->file.len, GAP, strlen(GAP));

    assert_non_null(at);
    assert_int_equal(sg_input_from_slice("test.pdf", sg_buf_slice(&m->file), &input, NULL), SG_OK);
    assert_int_equal(sg_pdf_open(input, m->file.len, &pdf, NULL), SG_OK);
    uint64_t from = (uint64_t)(at - m->file.data);
    assert_int_equal(sg_pdf_find_overlap(pdf, HOLDER, from, from + strlen(GAP), &overlap, NULL), SG_OK);
    assert_int_equal(overlap.found ? overlap.number : NOTHING, number);
    sg_buf_clear(&m->file);
}

/* Object 4 in front of the gap, and what may belong to it behind. */
static void begin_with(struct making *m, const char *front, const char *behind)
{
    make_begin(m);
    make_page(m);
    m->offsets[4] = m->file.len;
    make_text(m, front);
    make_object(m, HOLDER, "<< /Contents " GAP " >>");
    make_text(m, behind);
}

static void objects(void **state)
{
    (void)state;
    static const struct {
        const char *front, *behind;
        bool found;
    } cases[] = {
        {"4 0 obj 1 endobj\n", "", false},
        {"4 0 obj << /A [(\\() (()) <28> % (\n ] /B (endobj) /C#28 /Length >> endobj ", "", false},
        {"4 0 obj << /Length 2 >> stream\n(%\nendstream endobj\n", "", false},
        {"4 0 obj << /Length 9 >> stream\n(% \nendstream endobj\n", "", true}, /* some read on, if not ours */
        {"4 0 obj << /Length 5 0 R >> stream\r\n(%endstream endobj\n", "5 0 obj 2 endobj\n", false},
        {"4 0 obj << /A << /Length 999 >> /Length 2 >> stream\n(%\nendstream endobj\n", "", false},
        {"4 0 obj << /Length 2.0 >> stream\n(%\nendstream endobj\n", "", true},
        {"4 0 obj << /Length 99 >> stream\n(%\nendstream endobj\n", "", true},
        {"4 0 obj << /Length 2 /Length 99 >> stream\n(%\nendstream endobj\n", "", true},
        {"4 0 obj << /L#65ngth 99 >> stream\n(%\nendstream endobj\n", "", true},
        {"4 0 obj << /Length 0000000000000000000000000000099 >> stream\n(%\nendstream endobj\n", "", true},
        {"4 0 obj << /A 1 ] endobj ", " >> endobj\n", true},
        {"4 0 obj << /Length 5 0 R >> stream\n(%\nendstream endobj\n", "5 0 obj 99 endobj\n", true},
        {"4 0 obj << /Length 2 >> stream\n(%\nendstreams ", "\nendstream endobj\n", true},
        {"4 0 obj (\n", "\n) endobj\n", true},
        {"4 0 obj << /A (\\", "\n) >> endobj\n", true},
        {"4 0 obj << /A (\\)\n", "\n) >> endobj\n", true},
        {"4 0 obj [ endobj ", "] endobj\n", true},
        {"4 0 obj % endobj ", "1 endobj\n", true},
        {"4 0 obj <28 \n", "> endobj\n", true},
        {"4 0 obj null\n", "endobj\n", true},
        /* Keys of the cross-reference, in what is none of it: an outline item has /Prev. */
        {"4 0 obj << /Title (A) /Parent 2 0 R /Prev 5 0 R /Next 1 0 R >> endobj\n", "5 0 obj 2 endobj\n", false},
        {"4 0 obj << /S /Named /N /Prev /Prev (x) /XRefStm [/a] >> endobj\n", "", false},
        {"4 0 obj << /Prev 99999 /XRefStm 99999 >> endobj\n", "", false},
        {"4 0 obj << /Prev 5 0 R /Length 99 >> stream\n(%\nendstream endobj\n", "5 0 obj 2 endobj\n", true},
        {"4 0 obj << /Prev 5 0 R /A (\n", ") >> endobj\n", true},
        {"4 0 obj << /Length 99 /Prev 5 0 R /Length 2 >> stream\n(%\nendstream endobj\n", "5 0 obj 2 endobj\n", true},
        /* A length that is none matters where a stream hangs on it. */
        {"4 0 obj << /Length /Foo >> endobj\n", "", false},
        {"4 0 obj << /Length [1 2] /A 1 >> endobj\n", "", false},
        {"4 0 obj << /Length 12.5 /Width 3 >> endobj\n", "", false},
        {"4 0 obj << /Length 5 0 R >> endobj\n", "5 0 obj (x) endobj\n", false},
        {"4 0 obj << /Length 9999999 0 R >> endobj\n", "", false},
        {"4 0 obj << /Length /Foo >> stream\n(%\nendstream endobj\n", "", true},
        {"4 0 obj << /Length /Foo /Length 2 >> stream\n(%\nendstream endobj\n", "", true},
        {"4 0 obj << /Length 2 /Length [1 2] >> stream\n(%\nendstream endobj\n", "", true},
        {"4 0 obj << /Length 2 /Length -1 >> % of it\nstream\n(%\nendstream endobj\n", "", true},
        {"4 0 obj << /Length 5 0 R >> stream\n(%\nendstream endobj\n", "5 0 obj (x) endobj\n", true},
        {"4 0 obj << /Length 9999999 0 R >> stream\n(%\nendstream endobj\n", "", true},
        {"4 0 obj << /Length /Foo /A (\n", ") >> endobj\n", true},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct making m;
        begin_with(&m, cases[i].front, cases[i].behind);
        if (strncmp(cases[i].behind, "5 0 obj", 7) == 0)
            m.offsets[5] = m.file.len - strlen(cases[i].behind);
        make_table(&m, "/Root 1 0 R");
        assert_found(&m, cases[i].found ? 4 : NOTHING);
    }
}

/* An object begins there; it is in front of the gap, in the holder; or behind it. */
static void places(void **state)
{
    (void)state;
    static const struct {
        int from; /* the gap */
        bool found;
    } cases[] = {{-1, true}, {0, true}, {5, true}, {7, false}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct making m;
        begin_with(&m, "", "5 0 obj 1 endobj\n");
        const uint8_t *at = memmem(m.file.data, m.file.len, GAP, strlen(GAP));
        m.offsets[4] = (uint64_t)(at - m.file.data + cases[i].from);
        make_table(&m, "/Root 1 0 R");
        assert_found(&m, cases[i].found ? 4 : NOTHING);
    }
}

static void sections(void **state)
{
    (void)state;
    struct making m;

    make_begin(&m);
    make_page(&m);
    make_table(&m, "/Root 1 0 R % " GAP "\n");
    assert_found(&m, 0);

    make_begin(&m);
    make_page(&m);
    make_xref_stream(&m, 5, 0, 0, "/Root 1 0 R % " GAP "\n");
    assert_found(&m, 0);

    /* An older one. */
    make_begin(&m);
    make_page(&m);
    make_table(&m, "/Root 1 0 R % " GAP "\n");
    make_object(&m, 4, "1");
    make_xref_stream(&m, 5, 0, 0, "/Root 1 0 R");
    assert_found(&m, 0);

    /* An older one, of a file whose other objects have /Prev as well. */
    make_begin(&m);
    make_page(&m);
    make_object(&m, 4, "<< /Title (A) /Prev 3 0 R >>");
    make_table(&m, "/Root 1 0 R % " GAP "\n");
    make_object(&m, 6, "<< /Title (B) /Prev 4 0 R >>");
    make_table(&m, "/Root 1 0 R");
    assert_found(&m, 0);

    /* One in front, and one behind. */
    make_begin(&m);
    make_page(&m);
    make_xref_stream(&m, 5, 0, 0, "/Root 1 0 R");
    make_object(&m, HOLDER, "<< /Contents " GAP " >>");
    make_table(&m, "/Root 1 0 R");
    assert_found(&m, NOTHING);
}

/* Each of very many reads all that is behind it: that has an end. */
static void effort(void **state)
{
    (void)state;
    struct making m;

    make_begin(&m);
    make_page(&m);
    for (int i = 4; i < HOLDER; i++) {
        m.offsets[i] = m.file.len;
        make_text(&m, "1 1\n");
    }
    for (size_t i = 0; i < SG_IO_BUFFER; i++)
        make_text(&m, "% nothing of it\n\n");
    make_text(&m, "endobj\n");
    make_object(&m, HOLDER, "<< /Contents " GAP " >>");
    make_table(&m, "/Root 1 0 R");
    assert_found(&m, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects),
        cmocka_unit_test(places),
        cmocka_unit_test(sections),
        cmocka_unit_test(effort),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
