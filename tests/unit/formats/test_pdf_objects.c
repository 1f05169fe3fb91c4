/* Are the objects of a PDF read as they are, of each form, and is everything refused that would have to be guessed? */
#include "pdf_make.h"

#include <zlib.h>

#include "base/limits.h"
#include "base/sanitize.h"

static enum sg_rc open_made(const struct making *m, struct sg_input **ret_input, struct sg_pdf **ret,
                            struct sg_err *err)
{
    assert_int_equal(sg_input_from_slice("test.pdf", sg_buf_slice(&m->file), ret_input, NULL), SG_OK);
    return sg_pdf_open(*ret_input, m->file.len, ret, err);
}

/* Opening, or reading object `number`, is refused with `rc`, and the error names the file. */
static void assert_refused(struct making *m, int number, enum sg_rc rc)
{
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    _cleanup_(sg_pdf_freep) struct sg_pdf *pdf = NULL;
    const struct sg_pdf_value *value = NULL;
    struct sg_err err = {0};
    enum sg_rc got = open_made(m, &input, &pdf, &err);

    if (got == SG_OK)
        got = sg_pdf_object(pdf, (struct sg_pdf_id){number, 0}, &value, &err);
    assert_int_equal(got, rc);
    assert_int_equal(err.rc, rc);
    assert_string_equal(err.file, "test.pdf");
    sg_buf_clear(&m->file);
}

static void values_are_as_written(void **state)
{
    (void)state;
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    _cleanup_(sg_pdf_freep) struct sg_pdf *pdf = NULL;
    const struct sg_pdf_value *object = NULL, *value = NULL;
    struct making m;

    make_begin(&m);
    make_page(&m);
    make_object(&m, 4,
                "<< /B true /I -12 /R 1.50 /N /a#20b /S (x\\)y) /H <00fF> /A [1 [2] null 3 0 R] /Z null /Ref 6 0 R "
                "/D << /K 3 0 R >> >>");
    make_table(&m, "/Root 1 0 R");
    assert_int_equal(open_made(&m, &input, &pdf, NULL), SG_OK);
    assert_int_equal(sg_pdf_xref(pdf), SG_PDF_XREF_TABLE);
    assert_int_equal(sg_pdf_startxref(pdf), m.previous);
    assert_int_equal(sg_pdf_get(sg_pdf_trailer(pdf), "Root")->id.number, 1);

    assert_int_equal(sg_pdf_object(pdf, (struct sg_pdf_id){4, 0}, &object, NULL), SG_OK);
    assert_int_equal(object->type, SG_PDF_DICTIONARY);
    assert_int_equal(object->count, 9); /* without the null */
    assert_true(sg_pdf_get(object, "B")->boolean);
    assert_int_equal(sg_pdf_get(object, "I")->integer, -12);
    assert_memory_equal(sg_pdf_get(object, "R")->text.data, "1.50", 4);
    assert_true(sg_pdf_is_name(sg_pdf_get(object, "N"), "a b"));
    assert_false(sg_pdf_is_name(sg_pdf_get(object, "N"), "a b "));
    assert_false(sg_pdf_is_name(sg_pdf_get(object, "S"), "x)y"));
    value = sg_pdf_get(object, "S");
    assert_int_equal(value->text.len, 3);
    assert_memory_equal(value->text.data, "x)y", 3);
    value = sg_pdf_get(object, "H");
    assert_memory_equal(value->text.data, "\x00\xff", 2);
    assert_memory_equal(m.file.data + value->offset, "<00fF>", 6);
    value = sg_pdf_get(object, "A");
    assert_memory_equal(m.file.data + value->offset, "[1 [2]", 6);
    assert_int_equal(value->count, 4);
    assert_int_equal(value->entries[1].value.entries[0].value.integer, 2);
    assert_int_equal(value->entries[2].value.type, SG_PDF_NULL);
    assert_int_equal(value->entries[3].value.type, SG_PDF_REFERENCE);
    assert_null(sg_pdf_get(object, "Z"));
    assert_null(sg_pdf_get(value, "Z"));
    assert_null(sg_pdf_get(NULL, "Z"));

    /* A reference to nothing is null, which is no entry. */
    assert_int_equal(sg_pdf_find(pdf, object, "Ref", &value, NULL), SG_OK);
    assert_null(value);
    assert_int_equal(sg_pdf_resolve(pdf, sg_pdf_get(object, "Ref"), &value, NULL), SG_OK);
    assert_int_equal(value->type, SG_PDF_NULL);
    assert_int_equal(sg_pdf_object(pdf, (struct sg_pdf_id){4, 1}, &value, NULL), SG_OK);
    assert_int_equal(value->type, SG_PDF_NULL); /* another generation */
    sg_buf_clear(&m.file);
}

static void a_revision_is_a_prefix(void **state)
{
    (void)state;
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    _cleanup_(sg_pdf_freep) struct sg_pdf *pdf = NULL, *first = NULL;
    const struct sg_pdf_value *value = NULL;
    struct making m;
    size_t count = 0;

    make_begin(&m);
    make_page(&m);
    make_object(&m, 4, "(old)");
    make_table(&m, "/Root 1 0 R");
    size_t end = m.file.len;
    make_object(&m, 4, "(new)");
    make_table(&m, "/Root 1 0 R");
    assert_int_equal(open_made(&m, &input, &pdf, NULL), SG_OK);
    assert_int_equal(sg_pdf_open(input, end, &first, NULL), SG_OK);
    assert_int_equal(sg_pdf_object(pdf, (struct sg_pdf_id){4, 0}, &value, NULL), SG_OK);
    assert_memory_equal(value->text.data, "new", 3);
    assert_int_equal(sg_pdf_object(first, (struct sg_pdf_id){4, 0}, &value, NULL), SG_OK);
    assert_memory_equal(value->text.data, "old", 3);
    const struct sg_pdf_place *places = sg_pdf_places(pdf, &count);
    assert_int_equal(count, 4);
    assert_int_equal(places[3].id.number, 4);
    assert_false(places[3].compressed);
    assert_true(places[3].offset >= end);
    sg_buf_clear(&m.file);
}

static void object_streams_and_data(void **state)
{
    (void)state;
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    _cleanup_(sg_pdf_freep) struct sg_pdf *pdf = NULL;
    _cleanup_(sg_buf_clear) struct sg_buf data = SG_BUF(16), small = SG_BUF(3);
    const struct sg_pdf_value *value = NULL;
    struct making m;
    struct sg_err err = {0};
    size_t count = 0;

    make_begin(&m);
    make_page(&m);
    make_object(&m, 4, "<< /Type /ObjStm /N 1 /First 4 /Length 17 >>\nstream\n6 0 << /A (in) >>\nendstream");
    make_object(&m, 5, "<< /Length 4 /Filter /ASCIIHexDecode >>\nstream\n414>\nendstream");
    make_xref_stream(&m, 7, 6, 4, "/Root 1 0 R");
    assert_int_equal(open_made(&m, &input, &pdf, NULL), SG_OK);
    assert_int_equal(sg_pdf_xref(pdf), SG_PDF_XREF_STREAM);
    assert_int_equal(sg_pdf_object(pdf, (struct sg_pdf_id){6, 0}, &value, NULL), SG_OK);
    assert_memory_equal(sg_pdf_get(value, "A")->text.data, "in", 2);
    assert_true(sg_pdf_get(value, "A")->offset == SG_PDF_NO_OFFSET);
    const struct sg_pdf_place *places = sg_pdf_places(pdf, &count);
    assert_true(count == 7 && places[5].compressed && places[5].offset == 4 && places[5].index == 0);

    assert_int_equal(sg_pdf_object(pdf, (struct sg_pdf_id){5, 0}, &value, NULL), SG_OK);
    assert_int_equal(value->type, SG_PDF_STREAM);
    assert_memory_equal(m.file.data + value->offset, "<< /Length", 10);
    assert_int_equal(sg_pdf_stream(pdf, (struct sg_pdf_id){5, 0}, true, &data, NULL), SG_OK);
    assert_int_equal(data.len, 2);
    assert_memory_equal(data.data, "A@", 2);
    sg_buf_clear(&data);
    assert_int_equal(sg_pdf_stream(pdf, (struct sg_pdf_id){5, 0}, false, &data, NULL), SG_OK);
    assert_int_equal(data.len, 4);
    assert_int_equal(sg_pdf_stream(pdf, (struct sg_pdf_id){5, 0}, false, &small, &err), SG_E_LIMIT);
    assert_int_equal(sg_pdf_stream(pdf, (struct sg_pdf_id){3, 0}, false, &data, &err), SG_E_MALFORMED);
    sg_buf_clear(&m.file);
}

/* What object 6 is, if the object stream 4 has these octets: an integer; -1: it is refused. */
static int64_t read_packed(const char *dictionary, const char *data, size_t len, int holder, unsigned index)
{
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    _cleanup_(sg_pdf_freep) struct sg_pdf *pdf = NULL;
    const struct sg_pdf_value *value = NULL;
    struct making m;

    make_begin(&m);
    make_page(&m);
    m.index = index;
    m.offsets[4] = m.file.len;
    assert_int_equal(
        sg_buf_printf(&m.file, NULL, "4 0 obj\n<< /Type /ObjStm %s /Length %zu >>\nstream\n", dictionary, len), SG_OK);
    assert_int_equal(sg_buf_append(&m.file, data, len, NULL), SG_OK);
    make_text(&m, "\nendstream\nendobj\n");
    make_xref_stream(&m, 7, 6, holder, "/Root 1 0 R");
    assert_int_equal(open_made(&m, &input, &pdf, NULL), SG_OK);
    enum sg_rc rc = sg_pdf_object(pdf, (struct sg_pdf_id){6, 0}, &value, NULL);
    int64_t found = rc == SG_OK && value->type == SG_PDF_INTEGER ? value->integer : -1;
    assert_true(rc == SG_OK || rc == SG_E_MALFORMED);
    assert_true(rc == SG_OK || sg_pdf_object(pdf, (struct sg_pdf_id){6, 0}, &value, NULL) == SG_E_MALFORMED);
    sg_buf_clear(&m.file);
    return found;
}

static void an_object_is_where_both_say_that_it_is(void **state)
{
    static const struct {
        const char *dictionary, *data;
        unsigned index;
        int64_t found;
    } cases[] = {
        {"/N 1 /First 4", "6 0 12", 0, 12},
        {"/N 2 /First 8", "9 0 6 2 5 12", 1, 12},
        {"/N 2 /First 8", "9 0 6 2 5 12", 0, -1}, /* at another index */
        {"/N 2 /First 8", "9 0 6 2 5 12", 2, -1},
        {"/N 2 /First 8", "9 0 8 2 5 12", 1, -1}, /* not there */
        {"/N 2 /First 8", "6 0 6 2 5 12", 0, -1}, /* twice */
        {"/N 2 /First 8", "6 0 6 2 5 12", 1, -1},
        {"/N 2 /First 8", "6 3 9 0 5  12", 0, -1}, /* not in their order */
        {"/N 2 /First 8", "6 0 9 1 12 5", 0, -1},  /* the next one begins within it */
        {"/N 2 /First 8", "6 0 9 3 12 5", 0, 12},
        {"/N 2 /First 8", "6 0 9 5 12 % 5", 0, 12},
        {"/N 2 /First 8", "6 0 9 5 12 x 5", 0, -1},
        {"/N 2 /First 8", "6 0 9 3 12 0 R", 0, -1},
        {"/N 1 /First 4", "6 0 12 5", 0, -1},
        {"/N 1 /First 4", "6 9 12", 0, -1}, /* behind the end */
        {"/N 1 /First 4", "6 2 12", 0, -1},
        {"/N 1 /First 3", "6 0 12", 0, 12},
        {"/N 1 /First 3", "6 01", 0, -1},   /* the numbers reach into the objects */
        {"/N 2 /First 4", "6 0 12", 0, -1}, /* fewer are there */
        {"/N 2 /First 8", "6 0     12", 0, -1},
        {"/N 1 /First 9", "6 0 12", 0, -1},
        {"/N -1 /First 4", "6 0 12", 0, -1},
        {"/N 1 /First -4", "6 0 12", 0, -1},
        {"/N 1.0 /First 4", "6 0 12", 0, -1},
        {"/First 4", "6 0 12", 0, -1},
        {"/N 1 /First 12", "99999999999 12", 0, -1},
        {"/N 0 /First 0", "", 0, -1},
        {"/N 1 /First 4 /Filter /ASCIIHexDecode", "362030203132>", 0, 12},
        {"/N 1 /First 4 /Filter /DCTDecode", "6 0 12", 0, -1},
        {"/N 1 /First 4 /Type /XObject", "6 0 12", 0, -1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t found = read_packed(cases[i].dictionary, cases[i].data, strlen(cases[i].data), 4, cases[i].index);
        if (found != cases[i].found)
            print_error("case %zu: \"%s\" gives %lld\n", i, cases[i].data, (long long)found);
        assert_true(found == cases[i].found);
    }
    assert_true(read_packed("/N 2 /First 8", "6 0 9 4 12\0\0 5", 14, 4, 0) == 12);
    assert_true(read_packed("/N 1 /First 4", "6 0 12", 6, 3, 0) == -1);  /* a page */
    assert_true(read_packed("/N 1 /First 4", "6 0 12", 6, 6, 0) == -1);  /* itself */
    assert_true(read_packed("/N 1 /First 4", "6 0 12", 6, 60, 0) == -1); /* nothing */
}

static void what_would_be_guessed_is_refused(void **state)
{
    (void)state;
    struct making m;

    make_begin(&m);
    make_page(&m);
    make_table(&m, "/Root 1 0 R");
    m.file.len -= 8; /* "%%EOF" is gone */
    assert_refused(&m, 1, SG_E_MALFORMED);

    make_begin(&m);
    make_page(&m);
    m.offsets[3]++; /* points into the object */
    make_table(&m, "/Root 1 0 R");
    assert_refused(&m, 3, SG_E_MALFORMED);

    make_begin(&m);
    make_page(&m);
    m.previous = 9; /* no section stands there */
    make_table(&m, "/Root 1 0 R");
    assert_refused(&m, 1, SG_E_MALFORMED);

    make_begin(&m);
    make_page(&m);
    make_object(&m, 4, "<< /A 1 /A 2 >>"); /* which of them? */
    make_table(&m, "/Root 1 0 R");
    assert_refused(&m, 4, SG_E_MALFORMED);

    make_begin(&m);
    make_page(&m);
    make_object(&m, 4, "5 0 R"); /* an object that is a reference */
    make_object(&m, 5, "4 0 R");
    make_table(&m, "/Root 1 0 R");
    assert_refused(&m, 4, SG_E_MALFORMED);

    make_begin(&m);
    make_page(&m);
    make_object(&m, 4, "<< /Length 10000000000 >>\nstream\nabc\nendstream");
    make_table(&m, "/Root 1 0 R");
    assert_refused(&m, 4, SG_E_MALFORMED);

    make_begin(&m);
    make_text(&m, "junk");
    m.file.data[0] = ' ';
    make_page(&m);
    make_table(&m, "/Root 1 0 R");
    assert_refused(&m, 1, SG_E_MALFORMED);
}

static void limits_hold(void **state)
{
    (void)state;
    char deep[2 * (SG_MAX_PDF_DEPTH + 2) + 1];
    struct making m;

    memset(deep, '[', SG_MAX_PDF_DEPTH + 2);
    memset(deep + SG_MAX_PDF_DEPTH + 2, ']', SG_MAX_PDF_DEPTH + 2);
    deep[sizeof(deep) - 1] = '\0';
    make_begin(&m);
    make_page(&m);
    make_object(&m, 4, deep);
    make_table(&m, "/Root 1 0 R");
    assert_refused(&m, 4, SG_E_LIMIT);
}

/* The octets of `data`, compressed, are its new ones. */
static void deflated(struct sg_buf *data)
{
    uLongf len = compressBound(data->len);
    uint8_t *out = malloc(len);

    assert_non_null(out);
    assert_int_equal(compress2(out, &len, data->data, data->len, 9), Z_OK);
    sg_buf_clear(data);
    assert_int_equal(sg_buf_append(data, out, len, NULL), SG_OK);
    free(out);
}

/* Object 6 is null, in front of `blanks` blanks, in the object stream 4. */
static void make_inflating(struct making *m, size_t blanks)
{
    struct sg_buf data = SG_BUF(SG_MAX_PDF_MEMORY);
    uint8_t *filler = malloc(blanks);

    assert_non_null(filler);
    memset(filler, ' ', blanks);
    assert_int_equal(sg_buf_append(&data, "6 0 null ", 9, NULL), SG_OK);
    assert_int_equal(sg_buf_append(&data, filler, blanks, NULL), SG_OK);
    free(filler);
    deflated(&data);
    deflated(&data);
    make_begin(m);
    make_page(m);
    m->offsets[4] = m->file.len;
    assert_int_equal(sg_buf_printf(&m->file, NULL,
                                   "4 0 obj\n<< /Type /ObjStm /N 1 /First 4 /Filter [/FlateDecode /FlateDecode] "
                                   "/Length %zu >>\nstream\n",
                                   data.len),
                     SG_OK);
    assert_int_equal(sg_buf_append(&m->file, data.data, data.len, NULL), SG_OK);
    make_text(m, "\nendstream\nendobj\n");
    make_xref_stream(m, 7, 6, 4, "/Root 1 0 R");
    sg_buf_clear(&data);
}

/* What is inflated and parsed has a limit of memory, which ends that document and no other. */
static void memory_has_a_limit(void **state)
{
    (void)state;
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    _cleanup_(sg_pdf_freep) struct sg_pdf *pdf = NULL;
    const struct sg_pdf_value *value = NULL;
    struct making m, good;
    struct sg_err err = {0};

    if (SG_SANITIZED) /* there, what operator new gives is the sanitizer's */
        skip();
    make_inflating(&good, 16 * SG_MIB);
    assert_int_equal(open_made(&good, &input, &pdf, NULL), SG_OK);
    make_inflating(&m, SG_PDF_MEMORY_FREE + 16 * SG_MIB);
    assert_true(m.file.len < 8 * SG_KIB);
    assert_refused(&m, 6, SG_E_LIMIT);
    assert_int_equal(sg_pdf_object(pdf, (struct sg_pdf_id){6, 0}, &value, &err), SG_OK);
    assert_int_equal(value->type, SG_PDF_NULL);
    sg_buf_clear(&good.file);
}

static void encrypted_is_unsupported(void **state)
{
    (void)state;
    struct making m;

    make_begin(&m);
    make_page(&m);
    make_object(&m, 4, "<< /Filter /Adobe.PubSec /SubFilter /adbe.pkcs7.s5 /V 4 /R 4 >>");
    make_table(&m, "/Root 1 0 R /Encrypt 4 0 R /ID [<00><00>]");
    assert_refused(&m, 1, SG_E_UNSUPPORTED);
}

static void probing(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_pdf;
    } cases[] = {{"%PDF-1.4\n", true}, {"junk %PDF-", true}, {"%PDF", false}, {"", false}, {"PK\003\004", false}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        _cleanup_(sg_input_freep) struct sg_input *input = NULL;
        struct sg_slice bytes = {(const uint8_t *)cases[i].text, strlen(cases[i].text)};
        bool is_pdf = !cases[i].is_pdf;
        assert_int_equal(sg_input_from_slice("test", bytes, &input, NULL), SG_OK);
        assert_int_equal(sg_pdf_probe(input, &is_pdf, NULL), SG_OK);
        assert_true(is_pdf == cases[i].is_pdf);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_as_written),
        cmocka_unit_test(a_revision_is_a_prefix),
        cmocka_unit_test(object_streams_and_data),
        cmocka_unit_test(an_object_is_where_both_say_that_it_is),
        cmocka_unit_test(what_would_be_guessed_is_refused),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(memory_has_a_limit),
        cmocka_unit_test(encrypted_is_unsupported),
        cmocka_unit_test(probing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
