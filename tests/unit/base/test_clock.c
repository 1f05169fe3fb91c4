#include "scratch.h"

#include <time.h>

#include "base/clock.h"

static void assert_time(const char *text, int64_t expected)
{
    int64_t when = -1;
    struct sg_err err;
    assert_ok(sg_time_parse(text, &when, &err));
    if (when != expected)
        fail_msg("%s is %lld, not %lld", text, (long long)when, (long long)expected);
}

/* Are all forms of RFC 3339 read? */
static void reads_times(void **state)
{
    (void)state;
    assert_time("1970-01-01T00:00:00Z", 0);
    assert_time("2026-11-21", 1795219200);
    assert_time("2026-11-21T23:02:51Z", 1795302171);
    assert_time("2026-11-21t23:02:51z", 1795302171);
    assert_time("2026-11-21T23:02:51.999999999999Z", 1795302171);
    assert_time("2026-11-22T00:02:51+01:00", 1795302171);
    assert_time("2026-11-21T17:32:51-05:30", 1795302171);
    assert_time("2024-02-29T12:00:00Z", 1709208000);
    assert_time("2000-02-29", 951782400);
    assert_time("1969-12-31T23:59:59Z", -1);
    assert_time("0000-01-01T00:00:00Z", INT64_C(-62167219200));
    assert_time("9999-12-31T23:59:59Z", INT64_C(253402300799));
    /* A leap second, in UTC and as a clock in India shows it. */
    assert_time("2016-12-31T23:59:60Z", 1483228800);
    assert_time("2017-01-01T05:29:60+05:30", 1483228800);
}

/* Is everything else refused, and the output then untouched? */
static void refuses_other_times(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "now",
        "2026",
        "2026-11",
        "2026-11-21T",
        "2026-11-21T23:02",
        "2026-11-21T23:02:51",
        "2026-11-21 23:02:51Z",
        "2026-13-01",
        "2026-00-01",
        "2026-11-31",
        "2026-11-00",
        "2023-02-29",
        "1900-02-29",
        "2100-02-29",
        "2026-11-21T24:00:00Z",
        "2026-11-21T23:60:00Z",
        "2026-11-21T23:02:61Z",
        "2026-11-21T12:00:60Z",
        "2026-11-21T23:02:51.Z",
        "2026-11-21T23:02:51Zx",
        "2026-11-21T23:02:51+0100",
        "2026-11-21T23:02:51+24:00",
        "2026-11-21T23:02:51+01:60",
        "2026-11-21T23:02:51 01:00",
        "26-11-21",
        "02026-11-21",
        "-2026-11-21",
        "2026-11-21Z",
        " 2026-11-21",
        "2026-11-21 ",
        "2026-1-21",
        "+026-11-21",
        "0000-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "2026-11-21T-1:02:51Z",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int64_t when = 42;
        struct sg_err err;
        if (sg_time_parse(bad[i], &when, &err) != SG_E_USAGE)
            fail_msg("\"%s\" was read as %lld", bad[i], (long long)when);
        assert_int_equal(when, 42);
        assert_non_null(strstr(err.text, bad[i]));
    }
}

/* Does every written time read back as itself, over all leap years, and is what cannot be written kept in bounds? */
static void writes_times(void **state)
{
    (void)state;
    char text[SG_TIME_TEXT];
    assert_string_equal(sg_time_text(1795302171, text), "2026-11-21T23:02:51Z");
    assert_string_equal(sg_time_text(INT64_MIN, text), "0000-01-01T00:00:00Z");
    assert_string_equal(sg_time_text(INT64_MAX, text), "9999-12-31T23:59:59Z");
    for (int64_t when = INT64_C(-62167219200); when <= INT64_C(253402300799); when += INT64_C(86399) * 61)
        assert_time(sg_time_text(when, text), when);
}

/* Do certificates' two forms of time read, and broken ones not? */
static void reads_asn1_times(void **state)
{
    (void)state;
    _cleanup_(ASN1_TIME_freep) ASN1_TIME *time = ASN1_TIME_new();
    int64_t when = 42;
    assert_non_null(time);
    assert_int_equal(ASN1_TIME_set_string(time, "491231235959Z"), 1);
    assert_true(sg_time_from_asn1(time, &when));
    assert_int_equal(when, 2524607999);
    assert_int_equal(ASN1_TIME_set_string(time, "20500101000000Z"), 1);
    assert_true(sg_time_from_asn1(time, &when));
    assert_int_equal(when, 2524608000);
    assert_int_equal(ASN1_STRING_set(time, "20501301000000Z", -1), 1);
    assert_false(sg_time_from_asn1(time, &when));
    assert_false(sg_time_from_asn1(NULL, &when));
    assert_int_equal(when, 2524608000);
}

/* Are durations read in each unit, and refused when they are something else or without end? */
static void reads_durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t seconds;
    } good[] = {{"7d", 604800}, {"12h", 43200}, {"30m", 1800},         {"45s", 45},
                {"90", 90},     {"0", 0},       {"36500d", 3153600000}};
    static const char *const bad[] = {"",
                                      "d",
                                      "-1d",
                                      "+1d",
                                      "1.5h",
                                      "1w",
                                      "7 d",
                                      " 7d",
                                      "7dd",
                                      "7d ",
                                      "0x7",
                                      "7D",
                                      "36501d",
                                      "99999999999999999999",
                                      "9223372036854775807d"};
    struct sg_err err;
    int64_t seconds = 0;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_ok(sg_duration_parse(good[i].text, &seconds, &err));
        assert_int_equal(seconds, good[i].seconds);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (sg_duration_parse(bad[i], &seconds, &err) != SG_E_USAGE)
            fail_msg("\"%s\" was read", bad[i]);
    assert_int_equal(seconds, 3153600000);
}

/* Is a span rounded, and in the unit that a person would take? */
static void says_spans(void **state)
{
    static const struct {
        int64_t seconds;
        const char *text;
    } cases[] = {{-5, "0 minutes"},     {29, "0 minutes"},
                 {330, "6 minutes"},    {7169, "119 minutes"},
                 {7170, "2 hours"},     {21605, "6 hours"},
                 {170969, "47 hours"},  {170970, "2 days"},
                 {6 * 86400, "6 days"}, {INT64_C(86400) * 36500, "36500 days"}};
    char text[SG_SPAN_TEXT];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_string_equal(sg_span_text(cases[i].seconds, text), cases[i].text);
}

/* Does a test choose the day, and does the system's clock go with the system's? */
static void clocks(void **state)
{
    (void)state;
    int64_t day = 1795302171;
    struct sg_clock fixed = sg_clock_fixed(&day), system = sg_clock_system();
    assert_int_equal(sg_clock_now(&fixed), 1795302171);
    day += 86400;
    assert_int_equal(sg_clock_now(&fixed), 1795302171 + 86400);
    int64_t before = time(NULL), now = sg_clock_now(&system);
    assert_in_range(now, before, before + 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_times),      cmocka_unit_test(refuses_other_times), cmocka_unit_test(writes_times),
        cmocka_unit_test(reads_asn1_times), cmocka_unit_test(reads_durations),     cmocka_unit_test(clocks),
        cmocka_unit_test(says_spans),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
