/* Is a list of checksums read as sha256sum writes it, and nothing else taken for one? */
#include "formats/checksums.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define DIGEST "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static enum sg_rc read_list(const char *text, size_t len, struct sg_checksums *ret)
{
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    struct sg_err err;

    assert_int_equal(sg_input_from_slice("list", (struct sg_slice){(const uint8_t *)text, len}, &input, &err), SG_OK);
    return sg_checksums_read(input, ret, &err);
}

static void test_lists(void **state)
{
    static const char text[] =
        DIGEST "  a\n" DIGEST " *b c\n\\" DIGEST "  d\\\\e\\nf\\r\n" DIGEST "  last line, no end";
    static const char upper[] = "00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF  a\n";
    static const char *const names[] = {"a", "b c", "d\\e\nf\r", "last line, no end"};
    struct sg_checksums list = {0};

    (void)state;
    assert_int_equal(read_list(text, sizeof(text) - 1, &list), SG_OK);
    assert_int_equal(list.count, 4);
    for (size_t i = 0; i < list.count; i++) {
        assert_string_equal(list.files[i].name, names[i]);
        assert_string_equal(list.files[i].sha256, DIGEST);
    }
    sg_checksums_clear(&list);
    assert_int_equal(read_list(upper, sizeof(upper) - 1, &list), SG_OK);
    assert_string_equal(list.files[0].sha256, DIGEST);
    sg_checksums_clear(&list);
}

static void test_none(void **state)
{
#define BAD(literal)                                                                                                   \
    {                                                                                                                  \
        literal, sizeof(literal) - 1                                                                                   \
    }
    static const struct {
        const char *text;
        size_t len;
    } bad[] = {
        BAD(""),
        BAD("\n"),
        BAD("\\"),
        BAD(DIGEST),
        BAD(DIGEST "  "),
        BAD(DIGEST " a"),
        BAD(DIGEST "\ta"),
        BAD(DIGEST " -a"),
        BAD("x" DIGEST "  a"),
        BAD("0" DIGEST "  a"),
        BAD("SHA256 (a) = " DIGEST),
        BAD(DIGEST "  a\0b"),
        BAD("\\" DIGEST "  a\\"),
        BAD("\\" DIGEST "  a\\x"),
        BAD(DIGEST "  a\n\n" DIGEST "  b"),
        BAD(DIGEST "  a\n# b\n"),
    };
    struct sg_checksums list = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(read_list(bad[i].text, bad[i].len, &list), SG_E_MALFORMED);
    assert_null(list.files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
