#include "scratch.h"

#include "base/buf.h"

/* Does a buffer take exactly its limit and no byte more, and stay as it was when it refuses? */
static void grows_to_its_limit(void **state)
{
    (void)state;
    _cleanup_(sg_buf_clear) struct sg_buf buf = SG_BUF(10);
    struct sg_err err;
    const char *text = NULL;
    assert_ok(sg_buf_append(&buf, "01234", 5, &err));
    assert_ok(sg_buf_append(&buf, "56789", 5, &err));
    assert_int_equal(sg_buf_append(&buf, "x", 1, &err), SG_E_LIMIT);
    assert_int_equal(sg_buf_append(&buf, "x", SIZE_MAX, &err), SG_E_LIMIT);
    assert_ok(sg_buf_append(&buf, NULL, 0, &err));
    assert_ok(sg_buf_text(&buf, &text, &err));
    assert_string_equal(text, "0123456789");
    assert_int_equal(buf.len, 10);
    sg_buf_clear(&buf);
    assert_int_equal(buf.max, 10);
    assert_ok(sg_buf_append(&buf, "again", 5, &err));
}

/* Does text print in pieces, and is an empty buffer the empty text? */
static void prints(void **state)
{
    (void)state;
    _cleanup_(sg_buf_clear) struct sg_buf buf = SG_BUF(12);
    struct sg_err err;
    const char *text = NULL;
    assert_ok(sg_buf_text(&buf, &text, &err));
    assert_string_equal(text, "");
    for (int i = 0; i < 3; i++)
        assert_ok(sg_buf_printf(&buf, &err, "<%d%s>", i, "x"));
    assert_ok(sg_buf_text(&buf, &text, &err));
    assert_string_equal(text, "<0x><1x><2x>");
    assert_int_equal(sg_buf_printf(&buf, &err, "%c", 'y'), SG_E_LIMIT);
    assert_true(sg_slice_equal(sg_buf_slice(&buf), (struct sg_slice){(const uint8_t *)"<0x><1x><2x>", 12}));
}

/* Does room stay where its bytes are written, with many small growths? */
static void extends(void **state)
{
    (void)state;
    _cleanup_(sg_buf_clear) struct sg_buf buf = SG_BUF(100000);
    struct sg_err err;
    for (size_t i = 0; i < 100000; i++) {
        uint8_t *room = NULL;
        assert_ok(sg_buf_extend(&buf, 1, &room, &err));
        *room = (uint8_t)i;
    }
    for (size_t i = 0; i < 100000; i++)
        assert_int_equal(buf.data[i], (uint8_t)i);
}

/* Are slices compared by their bytes, and is "none" equal to the empty one? */
static void compares_slices(void **state)
{
    (void)state;
    const uint8_t a[] = {1, 2, 3}, b[] = {1, 2, 4};
    assert_true(sg_slice_equal((struct sg_slice){a, 2}, (struct sg_slice){b, 2}));
    assert_false(sg_slice_equal((struct sg_slice){a, 3}, (struct sg_slice){b, 3}));
    assert_false(sg_slice_equal((struct sg_slice){a, 2}, (struct sg_slice){a, 3}));
    assert_true(sg_slice_equal((struct sg_slice){NULL, 0}, (struct sg_slice){a, 0}));
}

/* Is hex read back, in either case, and refused when it is too short, too long or something else? */
static void reads_and_writes_hex(void **state)
{
    (void)state;
    char text[9];
    uint8_t bytes[4];
    sg_hex("\x00\x9f\xa0\xff", 4, text);
    assert_string_equal(text, "009fa0ff");
    assert_true(sg_unhex("009FA0ff", bytes, 4));
    assert_memory_equal(bytes, "\x00\x9f\xa0\xff", 4);
    assert_false(sg_unhex("009fa0f", bytes, 4));
    assert_false(sg_unhex("009fa0ff0", bytes, 4));
    assert_false(sg_unhex("009fa0fg", bytes, 4));
    assert_false(sg_unhex("", bytes, 4));
    assert_true(sg_unhex("", bytes, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_to_its_limit),
        cmocka_unit_test(prints),
        cmocka_unit_test(extends),
        cmocka_unit_test(compares_slices),
        cmocka_unit_test(reads_and_writes_hex),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
