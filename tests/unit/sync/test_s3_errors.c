/* What S3 answers in XML: is it understood where it is sound, and refused where it is not? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sync/s3_private.h"
#include "sync/s3_xml.h"

static struct sg_slice text(const char *xml)
{
    return (struct sg_slice){(const uint8_t *)xml, strlen(xml)};
}

/* --- errors ------------------------------------------------------------------------------------------------------- */

static void assert_error(const char *xml, const char *code, const char *message, const char *request_id)
{
    struct sg_s3_error error;
    assert_int_equal(sg_s3_error_read(text(xml), &error, NULL), SG_OK);
    assert_string_equal(error.code, code);
    assert_string_equal(error.message, message);
    assert_string_equal(error.request_id, request_id);
}

static void refuse(const char *xml)
{
    struct sg_s3_error error = {.code = "untouched"};
    struct sg_err err = {0};
    assert_int_equal(sg_s3_error_read(text(xml), &error, &err), SG_E_BAD_ANSWER);
    assert_true(err.text[0] != '\0');
    assert_string_equal(error.code, "untouched");
}

static void test_errors_are_read(void **state)
{
    (void)state;
    assert_error("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>NoSuchBucket</Code><Message></Message>"
                 "<BucketName>b</BucketName><RequestId>tx1</RequestId><HostId>h</HostId></Error>",
                 "NoSuchBucket", "", "tx1");
    assert_error("<Error><Message>a &lt; b</Message><Code>\n  AccessDenied </Code></Error>", "AccessDenied", "a < b",
                 "");
    assert_error("<Error xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><!-- x --><Code><![CDATA[SlowDown]]></Code>"
                 "</Error>",
                 "SlowDown", "", "");
    /* Only what is directly in <Error>. */
    assert_error("<Error><Inner><Code>Other</Code></Inner><Code>Mine</Code></Error>", "Mine", "", "");
}

static void test_a_message_holds_nothing_that_a_terminal_obeys(void **state)
{
    (void)state;
    assert_error("<Error><Code>A&#10;B</Code><Message>\xc2\x9b[31mred &#9;tab</Message></Error>", "AB", "[31mred tab",
                 "");
}

static void test_long_texts_are_cut_or_refused(void **state)
{
    char xml[SG_MAX_S3_TEXT + 100];
    char message[SG_MAX_S3_TEXT + 2];
    struct sg_s3_error error;
    (void)state;
    memset(message, 'm', sizeof(message));
    message[SG_MAX_S3_TEXT] = '\0';
    (void)snprintf(xml, sizeof(xml), "<Error><Code>C</Code><Message>%s</Message></Error>", message);
    assert_int_equal(sg_s3_error_read(text(xml), &error, NULL), SG_OK);
    assert_int_equal(strlen(error.message), sizeof(error.message) - 1);
    message[SG_MAX_S3_TEXT] = 'm';
    message[SG_MAX_S3_TEXT + 1] = '\0';
    (void)snprintf(xml, sizeof(xml), "<Error><Code>C</Code><Message>%s</Message></Error>", message);
    refuse(xml);
}

static void test_what_is_no_error_is_refused(void **state)
{
    (void)state;
    refuse("");
    refuse("<Error/>");
    refuse("<Error><Code></Code></Error>");
    refuse("<Error><Code>NoSuchBucket</Code>");
    refuse("<Error><Code>NoSuchBucket</Error></Code>");
    refuse("<Error><Code>NoSuchBucket</Code></Error><Error/>");
    refuse("<Other><Code>NoSuchBucket</Code></Other>");
    refuse("<html><body>Log in</body></html>");
    refuse("{\"Code\": \"NoSuchBucket\"}");
    refuse("<a><a><a><a><a><a><a><a><a></a></a></a></a></a></a></a></a></a>");
    refuse("<Error><Code>\xff</Code></Error>");
}

/* Neither declared entities nor files of this machine become text. */
static void test_dtds_are_refused(void **state)
{
    (void)state;
    refuse("<!DOCTYPE Error><Error><Code>C</Code></Error>");
    refuse("<!DOCTYPE Error [<!ENTITY a \"aaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]><Error><Code>&b;</Code></Error>");
    refuse("<!DOCTYPE Error [<!ENTITY f SYSTEM \"file:///etc/passwd\">]><Error><Code>&f;</Code></Error>");
    refuse("<!DOCTYPE Error SYSTEM \"http://127.0.0.1:1/x.dtd\"><Error><Code>C</Code></Error>");
    refuse("<Error><Code>&undeclared;</Code></Error>");
    refuse("<?php x?><Error><Code>C</Code></Error>");
}

static void test_codes_are_told_apart(void **state)
{
    (void)state;
    assert_true(sg_s3_is(text("<Error><Code>NoSuchUpload</Code></Error>"), "NoSuchUpload"));
    assert_false(sg_s3_is(text("<Error><Code>NoSuchUploads</Code></Error>"), "NoSuchUpload"));
    assert_false(sg_s3_is(text("NoSuchUpload"), "NoSuchUpload"));
}

/* --- elements ----------------------------------------------------------------------------------------------------- */

static enum sg_rc note(void *context, const char *parent, const char *name, const char *value, struct sg_err *err)
{
    (void)err;
    char *out = context;
    size_t len = strlen(out);
    (void)snprintf(out + len, 256 - len, "%s/%s=%s;", parent, name, value);
    return strcmp(value, "stop") == 0 ? SG_E_CANCELLED : SG_OK;
}

static void test_elements_come_as_they_end(void **state)
{
    char seen[256] = "";
    (void)state;
    assert_int_equal(sg_s3_xml_read(text("<l> <p><n>1</n><e>\"x\"</e></p> <p/></l>"), note, seen, NULL), SG_OK);
    assert_string_equal(seen, "p/n=1;p/e=\"x\";l/p=;l/p=;/l=;");
}

static void test_the_reader_can_stop(void **state)
{
    char seen[256] = "";
    (void)state;
    assert_int_equal(sg_s3_xml_read(text("<l><a>stop</a><b>1</b></l>"), note, seen, NULL), SG_E_CANCELLED);
    assert_string_equal(seen, "l/a=stop;");
}

/* --- dates -------------------------------------------------------------------------------------------------------- */

static void test_dates(void **state)
{
    int64_t when = 0;
    (void)state;
    assert_true(sg_s3_date("Sun, 06 Nov 1994 08:49:37 GMT", &when));
    assert_int_equal(when, 784111777);
    assert_false(sg_s3_date("Sunday, 06-Nov-94 08:49:37 GMT", &when));
    assert_false(sg_s3_date("Sun, 06 Nov 1994 08:49:37 CET", &when));
    assert_false(sg_s3_date("Sun, 06 Nov 1994 08:49:37 GMT+1", &when));
    assert_false(sg_s3_date("Sun, 06 ovD 1994 08:49:37 GMT", &when));
    assert_false(sg_s3_date("", &when));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errors_are_read),
        cmocka_unit_test(test_a_message_holds_nothing_that_a_terminal_obeys),
        cmocka_unit_test(test_long_texts_are_cut_or_refused),
        cmocka_unit_test(test_what_is_no_error_is_refused),
        cmocka_unit_test(test_dtds_are_refused),
        cmocka_unit_test(test_codes_are_told_apart),
        cmocka_unit_test(test_elements_come_as_they_end),
        cmocka_unit_test(test_the_reader_can_stop),
        cmocka_unit_test(test_dates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
