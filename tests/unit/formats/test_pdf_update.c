/* Is an update of a PDF exactly its objects, its section and its ending; and is what is not told? */
#include "pdf_make.h"

#include "base/limits.h"
#include "formats/pdf_update.h"

/* What is said of the octets behind the first revision; NULL: nothing. */
static char *check(struct making *m, size_t first_end)
{
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    _cleanup_(sg_pdf_freep) struct sg_pdf *before = NULL, *after = NULL;
    char *why = NULL;

    assert_int_equal(sg_input_from_slice("test.pdf", sg_buf_slice(&m->file), &input, NULL), SG_OK);
    assert_int_equal(sg_pdf_open(input, first_end, &before, NULL), SG_OK);
    assert_int_equal(sg_pdf_open(input, m->file.len, &after, NULL), SG_OK);
    assert_int_equal(sg_pdf_update_check(before, after, &why, NULL), SG_OK);
    sg_buf_clear(&m->file);
    return why;
}

/* `words` NULL: it is as it has to be. */
static void assert_said(char *why, const char *words)
{
    if (!words)
        assert_null(why);
    else if (!why || !strstr(why, words))
        fail_msg("\"%s\" does not say \"%s\"", why ? why : "", words);
    free(why);
}

#define NOWHERE "to which no cross-reference leads"
#define TWO_WAYS "in different ways"
#define WITHIN "may take for another object"

static void bodies(void **state)
{
    (void)state;
    static const struct {
        const char *front, *body, *words; /* `front` is no object's */
    } cases[] = {
        {"", "4 0 obj null endobj", NULL},
        {"\n% (a comment\r\n", "4 0 obj\n<< /A [(\\)endobj) <28>] /B#20 /Length >>\nendobj", NULL},
        {"", "4 0 obj << /Length 3 >> stream\n(%\nendstream endobj", NULL},
        {"", "4 0 obj << /Length 3 >> stream\r\n(%\n\r\n endstream\rendobj", NULL},
        {"", "4 0 obj (4 objects, +1 obj) endobj", NULL},
        {"5 0 obj null endobj\n", "4 0 obj null endobj", NOWHERE},
        {"null\n", "4 0 obj null endobj", NOWHERE},
        {"% 5 0 obj\n", "4 0 obj null endobj", WITHIN},
        {"", "4  0 obj null endobj", TWO_WAYS},
        {"", "4 0 obj << /A\v1 >> endobj", TWO_WAYS},
        {"", "4 0 obj (5 0 obj) endobj", WITHIN},
        {"", "4 0 obj (5\v%\n0\t%\nobj) endobj", WITHIN},
        {"", "4 0 obj (7 5 0obj) endobj", WITHIN},
        {"", "4 0 obj << /Length 8 >> stream\n 5 0 obj\nendstream endobj", WITHIN},
        {"", "4 0 obj << /Length 10 >> stream\nendstream\n\nendstream endobj", WITHIN},
        {"", "4 0 obj << /Type /XRef /Length 0 >> stream\n\nendstream endobj", "cross-reference to which nothing"},
        {"", "4 0 obj << /Type /ObjStm /N 1 /First 4 /Length 8 >> stream\n5 0 null\nendstream endobj", "Object 5"},
        {"", "4 0 obj << /Type /ObjStm /N 1 /First 0 /Length 8 >> stream\n5 0 null\nendstream endobj",
         "does not say what is in it"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct making m;
        make_begin(&m);
        make_page(&m);
        make_table(&m, "/Root 1 0 R");
        size_t first_end = m.file.len;
        make_text(&m, cases[i].front);
        m.offsets[4] = m.file.len;
        make_text(&m, cases[i].body);
        make_text(&m, "\n");
        make_table(&m, "/Root 1 0 R");
        assert_said(check(&m, first_end), cases[i].words);
    }
}

/* Tables and endings; "%06llu" is the offset of the object 4, and then that of the table. */
static void sections(void **state)
{
    (void)state;
    static const struct {
        const char *table, *ending, *words;
    } cases[] = {
        {"xref\n4 1\n0000%06llu 00000 n \ntrailer\n<<", "\nstartxref\n%llu\n%%%%EOF", NULL},
        {"xref\r\n4 1 \r\n0000%06llu 00000 n\r\n\r\ntrailer<<", " %% x\rstartxref\r%llu\r%%%%EOF\r\n \n", NULL},
        {"xref\n4 1\n0000%06llu 00000 n \r\n0 0\ntrailer <<", "startxref\n%llu\n%%%%EOF", TWO_WAYS},
        {"xref\n4 1\n0000%06llu 00000 n\ntrailer\n<<", "\nstartxref\n%llu\n%%%%EOF", TWO_WAYS},
        {"xref\n4  1\n0000%06llu 00000 n \ntrailer\n<<", "\nstartxref\n%llu\n%%%%EOF", TWO_WAYS},
        {"xref \n4 1\n0000%06llu 00000 n \ntrailer\n<<", "\nstartxref\n%llu\n%%%%EOF", TWO_WAYS},
        {"xref\n4 1\n0000%06llu 00000 n \ntrailer\n<<", "\nstartxref %llu\n%%%%EOF", TWO_WAYS},
        {"xref\n4 1\n0000%06llu 00000 n \ntrailer\n<<", "\nstartxref\n%llu\n\n%%%%EOF", TWO_WAYS},
        {"xref\n4 1\n0000%06llu 00000 n \ntrailer\n<< /A\v1", "\nstartxref\n%llu\n%%%%EOF", TWO_WAYS},
        {"xref\n4 1\n0000%06llu 00000 n \ntrailer\n<<", "\nnull\nstartxref\n%llu\n%%%%EOF", NOWHERE},
        {"xref\n4 1\n0000%06llu 00000 n \ntrailer\n<<", "\nstartxref\n%llu\n%%%%EOF\nx", "behind the end"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct making m;
        make_begin(&m);
        make_page(&m);
        make_table(&m, "/Root 1 0 R");
        unsigned long long previous = m.previous, first_end = m.file.len, table = 0;
        make_object(&m, 4, "null");
        table = m.file.len;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        assert_int_equal(sg_buf_printf(&m.file, NULL, cases[i].table, first_end), SG_OK);
        assert_int_equal(sg_buf_printf(&m.file, NULL, " /Root 1 0 R /Size %d /Prev %llu >>", MAX_MADE, previous),
                         SG_OK);
        assert_int_equal(sg_buf_printf(&m.file, NULL, cases[i].ending, table), SG_OK);
#pragma GCC diagnostic pop
        assert_said(check(&m, (size_t)first_end), cases[i].words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(bodies), cmocka_unit_test(sections)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
