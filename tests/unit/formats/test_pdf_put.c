/* Is every value written so that it is read as the same, and no octet of it as something else? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "formats/pdf_put.h"
#include "formats/pdf_text.h"

static struct sg_slice slice(const char *text)
{
    return (struct sg_slice){(const uint8_t *)text, strlen(text)};
}

#define assert_put(expected, call)                                                                                     \
    do {                                                                                                               \
        _cleanup_(sg_buf_clear) struct sg_buf out = SG_BUF(SG_MIB);                                                    \
        struct sg_pdf_put put = {.out = &out};                                                                         \
        const char *text_ = NULL;                                                                                      \
        call;                                                                                                          \
        assert_int_equal(put.rc, SG_OK);                                                                               \
        assert_int_equal(sg_buf_text(&out, &text_, NULL), SG_OK);                                                      \
        assert_string_equal(text_, expected);                                                                          \
    } while (0)

static struct sg_pdf_value name_of(const char *text)
{
    return (struct sg_pdf_value){.type = SG_PDF_NAME, .text = slice(text)};
}

static struct sg_pdf_value number_of(int64_t number)
{
    return (struct sg_pdf_value){.type = SG_PDF_INTEGER, .integer = number};
}

static void names(void **state)
{
    (void)state;
    assert_put("/Sig", sg_pdf_put_name(&put, slice("Sig")));
    assert_put("/a#20b#2fc#23#28", sg_pdf_put_name(&put, slice("a b/c#(")));
    assert_put("/#c3#bc#0a", sg_pdf_put_name(&put, slice("ü\n")));
    assert_put("/", sg_pdf_put_name(&put, slice("")));
}

static void strings(void **state)
{
    static const uint8_t octets[] = {0, 0xff, '>'};

    (void)state;
    assert_put("(plain)", sg_pdf_put_string(&put, slice("plain")));
    assert_put("(a\\(b\\)c\\\\)", sg_pdf_put_string(&put, slice("a(b)c\\")));
    assert_put("()", sg_pdf_put_string(&put, slice("")));
    assert_put("<00ff3e>", sg_pdf_put_string(&put, (struct sg_slice){octets, sizeof(octets)}));
    assert_put("<610d62>", sg_pdf_put_string(&put, slice("a\rb"))); /* a reader would make a line feed of it */
}

static void texts(void **state)
{
    (void)state;
    assert_put("(Ada)", sg_pdf_put_text(&put, "Ada"));
    assert_put("<feff00fc>", sg_pdf_put_text(&put, "ü"));
    assert_put("<feff738b>", sg_pdf_put_text(&put, "王"));
    assert_put("<feffd83dde00>", sg_pdf_put_text(&put, "\xf0\x9f\x98\x80"));

    _cleanup_(sg_buf_clear) struct sg_buf out = SG_BUF(SG_MIB);
    struct sg_pdf_put put = {.out = &out};
    sg_pdf_put_text(&put, "\xc3(");
    assert_int_equal(put.rc, SG_E_USAGE);
}

static void dates(void **state)
{
    (void)state;
    assert_put("(D:20260921141320+00'00')", sg_pdf_put_date(&put, 1790000000));
}

static void values(void **state)
{
    const struct sg_pdf_value reference = {.type = SG_PDF_REFERENCE, .id = {12, 3}};
    const struct sg_pdf_value real = {.type = SG_PDF_REAL, .text = slice("-1.50")};
    const struct sg_pdf_value yes = {.type = SG_PDF_BOOLEAN, .boolean = true};
    const struct sg_pdf_value null = {.type = SG_PDF_NULL};
    const struct sg_pdf_entry elements[] = {{.value = reference}, {.value = real}, {.value = yes}, {.value = null}};
    const struct sg_pdf_value array = {.type = SG_PDF_ARRAY, .entries = elements, .count = 4};
    const struct sg_pdf_entry entries[] = {{slice("A b"), array}, {slice("N"), number_of(-7)}};
    const struct sg_pdf_value dictionary = {.type = SG_PDF_DICTIONARY, .entries = entries, .count = 2};

    (void)state;
    assert_put("<</A#20b [12 3 R -1.50 true null]/N -7>>", sg_pdf_put_value(&put, &dictionary));
    assert_put("[12 3 R -1.50 true null 5 0 R]", sg_pdf_put_longer(&put, &array, (struct sg_pdf_id){5, 0}));
    assert_put("[5 0 R]", sg_pdf_put_longer(&put, NULL, (struct sg_pdf_id){5, 0}));
}

static void changes(void **state)
{
    const struct sg_pdf_entry entries[] = {
        {slice("A"), number_of(1)}, {slice("B"), name_of("x")}, {slice("C"), number_of(3)}};
    const struct sg_pdf_value dictionary = {.type = SG_PDF_DICTIONARY, .entries = entries, .count = 3};
    const struct sg_pdf_change list[] = {
        {"A", slice("9")}, {"C", {NULL, 0}}, {"D", slice("(new)")}, {"A", slice("8")}, {"E", {NULL, 0}}};

    (void)state;
    assert_put("<</B /x/D (new)/A 8>>", sg_pdf_put_changed(&put, &dictionary, list, 5));
    assert_put("<</D (new)/A 8>>", sg_pdf_put_changed(&put, NULL, list, 5));
}

/* A value that is nested without end is refused, and not followed until the stack is gone. */
static void depth(void **state)
{
    static struct sg_pdf_value arrays[SG_MAX_PDF_DEPTH + 2];
    static struct sg_pdf_entry entries[SG_MAX_PDF_DEPTH + 2];
    _cleanup_(sg_buf_clear) struct sg_buf out = SG_BUF(SG_MIB);
    struct sg_pdf_put put = {.out = &out};

    (void)state;
    for (size_t i = SG_MAX_PDF_DEPTH + 2; i-- > 0;) {
        arrays[i] = (struct sg_pdf_value){.type = SG_PDF_ARRAY, .entries = &entries[i], .count = 1};
        entries[i].value = i == SG_MAX_PDF_DEPTH + 1 ? number_of(1) : arrays[i + 1];
    }
    sg_pdf_put_value(&put, &arrays[0]);
    assert_int_equal(put.rc, SG_E_LIMIT);
    out.len = 0;
    put.rc = SG_OK;
    sg_pdf_put_value(&put, &arrays[2]);
    assert_int_equal(put.rc, SG_OK);
}

static void assert_utf8(const char *octets, size_t len, const char *expected)
{
    _cleanup_(sg_buf_clear) struct sg_buf out = SG_BUF(SG_MIB);
    const char *text = NULL;

    assert_int_equal(sg_pdf_text_to_utf8((struct sg_slice){(const uint8_t *)octets, len}, &out, NULL), SG_OK);
    assert_int_equal(sg_buf_text(&out, &text, NULL), SG_OK);
    assert_string_equal(text, expected);
}

static void texts_are_read(void **state)
{
    (void)state;
    assert_utf8("Ada", 3, "Ada");
    assert_utf8("\xfc\x80\xa0\x18", 4, "ü•€˘"); /* PDFDocEncoding */
    assert_utf8("\xfe\xff\x00\xfc\x73\x8b\xd8\x3d\xde\x00", 10, "ü王\xf0\x9f\x98\x80");
    assert_utf8("\xef\xbb\xbf\xc3\xbc", 5, "ü");
    assert_utf8("\xfe\xff\xd8\x3d\x00", 5, "\xef\xbf\xbd\xef\xbf\xbd"); /* half a pair, half a unit */
    assert_utf8("\xef\xbb\xbf\xc3", 4, "\xef\xbf\xbd");
    assert_utf8("", 0, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),  cmocka_unit_test(strings), cmocka_unit_test(texts), cmocka_unit_test(dates),
        cmocka_unit_test(values), cmocka_unit_test(changes), cmocka_unit_test(depth), cmocka_unit_test(texts_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
