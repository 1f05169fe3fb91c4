/* Is what a child says taken only where it is whole, within limits, of a known kind, and fit to print? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/limits.h"
#include "judge/message.h"

#define HEAD (6 * sizeof(uint32_t))

static struct sg_slice slice_of(const char *text)
{
    return (struct sg_slice){(const uint8_t *)text, strlen(text)};
}

/* What stands in the pipe after `message` was sent. */
static struct sg_slice sent(const struct sg_message *message, uint8_t *room, size_t size)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_true(sg_message_send(ends[1], message));
    ssize_t n = read(ends[0], room, size);
    assert_true(n > 0);
    (void)close(ends[0]);
    (void)close(ends[1]);
    return (struct sg_slice){room, (size_t)n};
}

static enum sg_message_state state_of(uint32_t kind, uint32_t code, struct sg_slice piece, bool json)
{
    uint8_t room[4096];
    struct sg_message got;
    size_t len = 0;
    const struct sg_message message = {.kind = kind, .code = code, .file = 7, .pieces = {piece}};
    return sg_message_take(sent(&message, room, sizeof room), json, &got, &len);
}

static void test_what_is_sent_arrives(void **state)
{
    uint8_t room[4096];
    struct sg_message got;
    size_t len = 0;
    const struct sg_message message = {.kind = SG_MESSAGE_ERROR,
                                       .code = SG_E_MALFORMED,
                                       .file = 7,
                                       .pieces = {slice_of("broken"), slice_of("file"), slice_of("cause")}};
    (void)state;
    struct sg_slice bytes = sent(&message, room, sizeof room);
    assert_int_equal(bytes.len, HEAD + 15);
    for (size_t cut = 0; cut < bytes.len; cut++)
        assert_int_equal(sg_message_take((struct sg_slice){room, cut}, false, &got, &len), SG_MESSAGE_INCOMPLETE);
    assert_int_equal(sg_message_take(bytes, false, &got, &len), SG_MESSAGE_WHOLE);
    assert_int_equal(len, bytes.len);
    assert_int_equal(got.kind, SG_MESSAGE_ERROR);
    assert_int_equal(got.code, SG_E_MALFORMED);
    assert_int_equal(got.file, 7);
    for (size_t i = 0; i < SG_MESSAGE_PIECES; i++)
        assert_true(sg_slice_equal(got.pieces[i], message.pieces[i]));
}

static void test_codes_fit_their_kind(void **state)
{
    struct sg_slice text = slice_of("VALID: x\n");
    (void)state;
    for (uint32_t status = 0; status <= 2; status++)
        assert_int_equal(state_of(SG_MESSAGE_REPORT, status, text, false), SG_MESSAGE_WHOLE);
    assert_int_equal(state_of(SG_MESSAGE_REPORT, 3, text, false), SG_MESSAGE_BROKEN);
    assert_int_equal(state_of(SG_MESSAGE_REPORT, UINT32_MAX, text, false), SG_MESSAGE_BROKEN);
    assert_int_equal(state_of(SG_MESSAGE_ERROR, SG_OK, text, false), SG_MESSAGE_BROKEN);
    assert_int_equal(state_of(SG_MESSAGE_ERROR, SG_RC_COUNT, text, false), SG_MESSAGE_BROKEN);
    assert_int_equal(state_of(SG_MESSAGE_LOG, 3, slice_of("x"), false), SG_MESSAGE_BROKEN);
    assert_int_equal(state_of(SG_MESSAGE_LOG, 1, slice_of("x"), false), SG_MESSAGE_WHOLE);
    assert_int_equal(state_of(SG_MESSAGE_FILE, 0, slice_of("a/b.txt"), false), SG_MESSAGE_WHOLE);
    assert_int_equal(state_of(SG_MESSAGE_FILE, 1, slice_of("a"), false), SG_MESSAGE_BROKEN);
    assert_int_equal(state_of(SG_MESSAGE_FILE, 0, slice_of(""), false), SG_MESSAGE_BROKEN);
    assert_int_equal(state_of(SG_MESSAGE_FILE, 0, slice_of("a\nb"), false), SG_MESSAGE_BROKEN);
    assert_int_equal(state_of(SG_MESSAGE_DATA, 0, slice_of("any\x01\xff\n"), false), SG_MESSAGE_WHOLE);
    assert_int_equal(state_of(SG_MESSAGE_DATA, 0, slice_of(""), false), SG_MESSAGE_BROKEN);
    assert_int_equal(state_of(SG_MESSAGE_DATA + 1, 0, slice_of("x"), false), SG_MESSAGE_BROKEN);
}

static void test_only_what_is_fit_to_print(void **state)
{
    static const char *const good[] = {"VALID: x\n  signed by: CN=J\xc3\xbcrgen\n"};
    static const char *const bad[] = {"",     "\x1b[2J", "a\rb",         "a\tb",    "\x7f",
                                      "\xc3", "\xff",    "\xe2\x80\xae", "\xc2\x9b"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_int_equal(state_of(SG_MESSAGE_REPORT, 0, slice_of(good[i]), false), SG_MESSAGE_WHOLE);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(state_of(SG_MESSAGE_REPORT, 0, slice_of(bad[i]), false), SG_MESSAGE_BROKEN);
    assert_int_equal(state_of(SG_MESSAGE_REPORT, 0, (struct sg_slice){(const uint8_t *)"a\0b", 3}, false),
                     SG_MESSAGE_BROKEN);
    assert_int_equal(state_of(SG_MESSAGE_ERROR, SG_E_IO, (struct sg_slice){(const uint8_t *)"a\0b", 3}, false),
                     SG_MESSAGE_BROKEN);
    assert_int_equal(state_of(SG_MESSAGE_LOG, 1, slice_of("a\nb"), false), SG_MESSAGE_BROKEN);
}

static void test_json_is_one_line(void **state)
{
    static const char *const bad[] = {"{\"a\":1}\n{\"b\":1}", "{\n}", "[]", "x", "{\"a\":\"\x1b\"}"};
    (void)state;
    assert_int_equal(state_of(SG_MESSAGE_REPORT, 0, slice_of("{\"a\":\"\xe2\x80\xae\"}"), true), SG_MESSAGE_WHOLE);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(state_of(SG_MESSAGE_REPORT, 0, slice_of(bad[i]), true), SG_MESSAGE_BROKEN);
}

/* A length that cannot be is noticed at once, and not waited for. */
static void test_lengths_have_limits(void **state)
{
    uint32_t head[6] = {SG_MESSAGE_REPORT, 0, 0, SG_MAX_JUDGING_TEXT + 1, 0, 0};
    struct sg_message got;
    size_t len = 0;
    (void)state;
    const struct sg_slice bytes = {(const uint8_t *)head, sizeof head};
    assert_int_equal(sg_message_take(bytes, false, &got, &len), SG_MESSAGE_BROKEN);
    head[3] = SG_MAX_JUDGING_TEXT;
    assert_int_equal(sg_message_take(bytes, false, &got, &len), SG_MESSAGE_INCOMPLETE);
    head[4] = 1;
    assert_int_equal(sg_message_take(bytes, false, &got, &len), SG_MESSAGE_BROKEN);
    head[3] = UINT32_MAX;
    assert_int_equal(sg_message_take(bytes, false, &got, &len), SG_MESSAGE_BROKEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_sent_arrives),      cmocka_unit_test(test_codes_fit_their_kind),
        cmocka_unit_test(test_only_what_is_fit_to_print), cmocka_unit_test(test_json_is_one_line),
        cmocka_unit_test(test_lengths_have_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
