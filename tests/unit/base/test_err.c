#include "scratch.h"

#include <errno.h>

#include <openssl/err.h>

/* Is every code in the table, with a word of its own and an exit status of sysexits(3)? */
static void every_code_has_a_word_and_a_status(void **state)
{
    (void)state;
    assert_string_equal(sg_rc_word(SG_OK), "ok");
    assert_int_equal(sg_rc_exit(SG_OK), 0);
    for (int i = 1; i < SG_RC_COUNT; i++) {
        assert_non_null(sg_rc_word((enum sg_rc)i));
        assert_in_range(sg_rc_exit((enum sg_rc)i), 64, 78);
        for (int j = 0; j < i; j++)
            assert_string_not_equal(sg_rc_word((enum sg_rc)i), sg_rc_word((enum sg_rc)j));
    }
    assert_string_equal(sg_rc_word(SG_E_PIN_INCORRECT), "pin-incorrect");
    assert_int_equal(sg_rc_exit(SG_E_PIN_INCORRECT), 77);
    assert_false(sg_rc_retry(SG_E_PIN_INCORRECT));
    assert_true(sg_rc_retry(SG_E_BUSY));
    assert_string_equal(sg_rc_word(SG_RC_COUNT), "internal");
}

/* Does a failure fill the struct, and forget what was there? */
static void fail_fills_and_clears(void **state)
{
    (void)state;
    struct sg_err err = {.rc = SG_E_IO, .file = "old", .token = "old", .cause = "old", .tries_left = 2};
    assert_int_equal(sg_fail(&err, SG_E_NOT_FOUND, "no %s, %d times", "file", 3), SG_E_NOT_FOUND);
    assert_int_equal(err.rc, SG_E_NOT_FOUND);
    assert_string_equal(err.text, "no file, 3 times");
    assert_string_equal(err.file, "");
    assert_string_equal(err.token, "");
    assert_string_equal(err.cause, "");
    assert_int_equal(err.tries_left, -1);
    /* A part of the struct itself may be an argument. */
    assert_int_equal(sg_fail(&err, SG_E_IO, "again: %s", err.text), SG_E_IO);
    assert_string_equal(err.text, "again: no file, 3 times");
}

/* May every function be called without a struct? */
static void null_is_allowed(void **state)
{
    (void)state;
    assert_int_equal(sg_fail(NULL, SG_E_IO, "%s", "x"), SG_E_IO);
    assert_int_equal(sg_fail_errno(NULL, SG_E_IO, ENOSPC, "%s", "x"), SG_E_DISK_FULL);
    assert_int_equal(sg_fail_ssl(NULL, SG_E_MALFORMED, "%s", "x"), SG_E_MALFORMED);
    assert_int_equal(sg_fail_memory(NULL), SG_E_NO_MEMORY);
    sg_err_file(NULL, "x");
    sg_err_token(NULL, "x");
    sg_err_cause(NULL, "%s", "x");
    assert_int_equal(sg_about("x", NULL, SG_E_IO), SG_E_IO);
}

/* Is a full disk told apart from other failures of a write? */
static void errno_gives_code_and_cause(void **state)
{
    (void)state;
    struct sg_err err;
    assert_int_equal(sg_fail_errno(&err, SG_E_IO, EIO, "x"), SG_E_IO);
    assert_string_equal(err.cause, strerror(EIO));
    assert_int_equal(sg_fail_errno(&err, SG_E_IO, ENOSPC, "x"), SG_E_DISK_FULL);
    assert_int_equal(err.rc, SG_E_DISK_FULL);
    assert_int_equal(sg_fail_errno(&err, SG_E_CANNOT_CREATE, EDQUOT, "x"), SG_E_DISK_FULL);
    assert_int_equal(sg_fail_errno(&err, SG_E_CANNOT_CREATE, EFBIG, "x"), SG_E_DISK_FULL);
}

/* Does OpenSSL's queue become the cause, whole, and is it empty afterwards? */
static void ssl_queue_is_taken(void **state)
{
    (void)state;
    struct sg_err err;
    ERR_clear_error();
    ERR_raise_data(ERR_LIB_X509, ERR_R_MALLOC_FAILURE, "the first");
    ERR_raise_data(ERR_LIB_X509, ERR_R_INTERNAL_ERROR, "the second");
    assert_int_equal(sg_fail_ssl(&err, SG_E_INTERNAL, "broken"), SG_E_INTERNAL);
    assert_non_null(strstr(err.cause, "the first; "));
    assert_non_null(strstr(err.cause, "the second"));
    assert_int_equal(ERR_peek_error(), 0);
    for (int i = 0; i < 12; i++)
        ERR_raise_data(ERR_LIB_X509, ERR_R_INTERNAL_ERROR, "%0100d", i);
    assert_int_equal(sg_fail_ssl(&err, SG_E_INTERNAL, "broken"), SG_E_INTERNAL);
    assert_int_equal(strlen(err.cause), sizeof(err.cause) - 1);
    assert_int_equal(ERR_peek_error(), 0);
    assert_int_equal(sg_fail_ssl(&err, SG_E_INTERNAL, "broken"), SG_E_INTERNAL);
    assert_string_equal(err.cause, "");
}

/* Is what does not fit cut before a character, never within one? */
static void cuts_between_characters(void **state)
{
    (void)state;
    struct sg_err err = {0};
    char text[2048], expected[sizeof(err.token)];
    for (size_t width = 1; width <= 4; width++)
        for (size_t lead = 0; lead < 4; lead++) {
            static const char *const characters[] = {"a", "ä", "€", "𝄞"};
            size_t len = lead;
            memset(text, 'x', lead);
            for (; len + width < sizeof(text); len += width)
                memcpy(text + len, characters[width - 1], width);
            text[len] = '\0';
            size_t kept = lead + (sizeof(err.token) - 1 - lead) / width * width;
            memcpy(expected, text, kept);
            expected[kept] = '\0';
            sg_err_token(&err, text);
            assert_string_equal(err.token, expected);
            sg_err_cause(&err, "%s", text);
            assert_string_equal(err.cause, expected);
            assert_int_equal(sg_fail(&err, SG_E_IO, "%s", text), SG_E_IO);
            assert_int_equal(strlen(err.text), lead + (sizeof(err.text) - 1 - lead) / width * width);
        }
    sg_err_file(&err, NULL);
    assert_string_equal(err.file, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_has_a_word_and_a_status),
        cmocka_unit_test(fail_fills_and_clears),
        cmocka_unit_test(null_is_allowed),
        cmocka_unit_test(errno_gives_code_and_cause),
        cmocka_unit_test(ssl_queue_is_taken),
        cmocka_unit_test(cuts_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
