#include "scratch.h"

#include "base/utf8.h"

static size_t next(const char *bytes, uint32_t *code_point)
{
    return sg_utf8_next((const uint8_t *)bytes, strlen(bytes), code_point);
}

/* Are the first and last code points of each length read as what they are? */
static void reads_well_formed(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        uint32_t code_point;
    } cases[] = {
        {"A", 0x41},
        {"\x7f", 0x7f},
        {"\xc2\x80", 0x80},
        {"\xdf\xbf", 0x7ff},
        {"\xe0\xa0\x80", 0x800},
        {"\xed\x9f\xbf", 0xd7ff},
        {"\xef\xbf\xbf", 0xffff},
        {"\xf0\x90\x80\x80", 0x10000},
        {"\xf4\x8f\xbf\xbf", 0x10ffff},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t code_point = 0;
        assert_int_equal(next(cases[i].bytes, &code_point), strlen(cases[i].bytes));
        assert_int_equal(code_point, cases[i].code_point);
    }
}

/* Is everything that RFC 3629 forbids refused: overlong, surrogate, too large, cut, out of place? */
static void refuses_ill_formed(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        "\x80",
        "\xc0\xaf",
        "\xc1\xbf",
        "\xe0\x80\xaf",
        "\xe0\x9f\xbf",
        "\xed\xa0\x80",
        "\xed\xbf\xbf",
        "\xf0\x80\x80\xaf",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xff",
        "\xc3",
        "\xc3(",
        "\xe2\x82",
        "\xe2\x28\xa1",
    };
    uint32_t code_point = 0;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(next(cases[i], &code_point), 0);
}

/* Is what steers a terminal, or hides and reorders text, told from what is shown? */
static void knows_what_prints(void **state)
{
    (void)state;
    static const char *const unsafe[] = {
        "\x1b[31m",     "a\nb",         "a\tb", "\x7f", "\xc2\x9b;1m", "\xe2\x80\xaegpj.exe",
        "\xe2\x80\x8b", "\xef\xbb\xbf", "\xff",
    };
    assert_true(sg_utf8_is_printable("Jürgen Großmann, 株式会社 €", strlen("Jürgen Großmann, 株式会社 €")));
    assert_true(sg_utf8_is_printable("", 0));
    for (size_t i = 0; i < sizeof(unsafe) / sizeof(unsafe[0]); i++)
        assert_false(sg_utf8_is_printable(unsafe[i], strlen(unsafe[i])));
    assert_false(sg_utf8_is_printable("a\0b", 3));
}

/* Does a cut text lose its last half of a character, and nothing else? */
static void cuts(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", ""},
        {"abc", "abc"},
        {"ab\xc3", "ab"},
        {"ab\xc3\xa4", "ab\xc3\xa4"},
        {"\xe2\x82", ""},
        {"a\xf0\x9d\x84", "a"},
        {"a\xf0\x9d\x84\x9e", "a\xf0\x9d\x84\x9e"},
        {"a\x80", "a\x80"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[16];
        (void)snprintf(text, sizeof(text), "%s", cases[i][0]);
        sg_utf8_cut(text);
        assert_string_equal(text, cases[i][1]);
    }
}

/* Is what would steer a terminal, or is no text, replaced, and all else left? */
static void appends_what_may_be_printed(void **state)
{
    (void)state;
    static const char text[] = "a\x1b[2J\xe2\x82\xac\xff\xe2\x80\xae.\0b";
    _cleanup_(sg_buf_clear) struct sg_buf out = SG_BUF(64);
    const char *printed = NULL;
    assert_int_equal(sg_utf8_append_printable(&out, text, sizeof text - 1, NULL), SG_OK);
    assert_int_equal(sg_buf_text(&out, &printed, NULL), SG_OK);
    assert_string_equal(printed, "a\xef\xbf\xbd[2J\xe2\x82\xac\xef\xbf\xbd\xef\xbf\xbd.\xef\xbf\xbd"
                                 "b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_well_formed),
        cmocka_unit_test(refuses_ill_formed),
        cmocka_unit_test(knows_what_prints),
        cmocka_unit_test(appends_what_may_be_printed),
        cmocka_unit_test(cuts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
