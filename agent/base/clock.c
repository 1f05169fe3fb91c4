#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/limits.h"
#include "base/msg.h"

#define YEAR_0000 INT64_C(-62167219200) /* 0000-01-01T00:00:00Z */
#define YEAR_9999 INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

static int64_t system_now(void *context)
{
    (void)context;
    return (int64_t)time(NULL);
}

static int64_t fixed_now(void *context)
{
    return *(const int64_t *)context;
}

struct sg_clock sg_clock_system(void)
{
    return (struct sg_clock){.now = system_now};
}

struct sg_clock sg_clock_fixed(const int64_t *when)
{
    return (struct sg_clock){.now = fixed_now, .context = (void *)when};
}

int64_t sg_clock_now(const struct sg_clock *clock)
{
    return clock->now(clock->context);
}

int64_t sg_monotonic_ms(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Over zeros. A report has many times in it, and printf() takes ten times as long. */
static void put_number(char *out, int digits, int value)
{
    for (int i = digits - 1; i >= 0; i--, value /= 10)
        out[i] = (char)('0' + value % 10);
}

const char *sg_span_text(int64_t seconds, char out[SG_SPAN_TEXT])
{
    int64_t minutes = seconds < 0 ? 0 : (seconds + 30) / 60, hours = (minutes + 30) / 60;

    if (hours >= 48)
        (void)snprintf(out, SG_SPAN_TEXT, _("%lld days"), (long long)((hours + 12) / 24));
    else if (minutes >= 120)
        (void)snprintf(out, SG_SPAN_TEXT, _("%lld hours"), (long long)hours);
    else
        (void)snprintf(out, SG_SPAN_TEXT, _("%lld minutes"), (long long)minutes);
    return out;
}

const char *sg_time_text(int64_t when, char out[SG_TIME_TEXT])
{
    time_t t = when < YEAR_0000 ? YEAR_0000 : when > YEAR_9999 ? YEAR_9999 : when;
    struct tm tm = {0};
    if (!gmtime_r(&t, &tm))
        tm = (struct tm){.tm_year = 70, .tm_mday = 1};
    static const char zeros[] = "0000-00-00T00:00:00Z";
    memcpy(out, zeros, sizeof zeros);
    put_number(out, 4, tm.tm_year + 1900);
    put_number(out + 5, 2, tm.tm_mon + 1);
    put_number(out + 8, 2, tm.tm_mday);
    put_number(out + 11, 2, tm.tm_hour);
    put_number(out + 14, 2, tm.tm_min);
    put_number(out + 17, 2, tm.tm_sec);
    return out;
}

/* Takes exactly `digits` digits off `*text`. */
static bool take_number(const char **text, int digits, int *ret)
{
    int value = 0;
    for (int i = 0; i < digits; i++) {
        char c = (*text)[i];
        if (c < '0' || c > '9')
            return false;
        value = value * 10 + (c - '0');
    }
    *text += digits;
    *ret = value;
    return true;
}

static bool take_char(const char **text, char c)
{
    if (**text != c)
        return false;
    (*text)++;
    return true;
}

static int days_of_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

/* RFC 3339 full-date */
static bool take_date(const char **text, struct tm *tm)
{
    int year = 0, month = 0, day = 0;
    if (!take_number(text, 4, &year) || !take_char(text, '-') || !take_number(text, 2, &month) ||
        !take_char(text, '-') || !take_number(text, 2, &day))
        return false;
    if (month < 1 || month > 12 || day < 1 || day > days_of_month(year, month))
        return false;
    tm->tm_year = year - 1900;
    tm->tm_mon = month - 1;
    tm->tm_mday = day;
    return true;
}

/* RFC 3339 partial-time; the fraction is dropped. */
static bool take_time(const char **text, struct tm *tm)
{
    if (!take_number(text, 2, &tm->tm_hour) || !take_char(text, ':') || !take_number(text, 2, &tm->tm_min) ||
        !take_char(text, ':') || !take_number(text, 2, &tm->tm_sec))
        return false;
    if (tm->tm_hour > 23 || tm->tm_min > 59 || tm->tm_sec > 60)
        return false;
    if (take_char(text, '.')) {
        size_t digits = strspn(*text, "0123456789");
        *text += digits;
        return digits > 0;
    }
    return true;
}

/* RFC 3339 time-offset, as seconds to take off the local time. */
static bool take_offset(const char **text, int *ret)
{
    if (take_char(text, 'Z') || take_char(text, 'z')) {
        *ret = 0;
        return true;
    }
    int sign = **text == '-' ? -1 : 1, hours = 0, minutes = 0;
    if (!take_char(text, '+') && !take_char(text, '-'))
        return false;
    if (!take_number(text, 2, &hours) || !take_char(text, ':') || !take_number(text, 2, &minutes) || hours > 23 ||
        minutes > 59)
        return false;
    *ret = sign * (hours * 3600 + minutes * 60);
    return true;
}

static bool parse_time(const char *text, int64_t *ret)
{
    struct tm tm = {0};
    int offset = 0;
    if (!take_date(&text, &tm))
        return false;
    if (*text != '\0') {
        if (!take_char(&text, 'T') && !take_char(&text, 't'))
            return false;
        if (!take_time(&text, &tm) || !take_offset(&text, &offset) || *text != '\0')
            return false;
    }
    bool leap_second = tm.tm_sec == 60;
    int64_t when = (int64_t)timegm(&tm) - offset;
    /* RFC 3339 §5.7: second 60 stands only at the end of a UTC day. It counts as the second after it. */
    if ((leap_second && when % 86400 != 0) || when < YEAR_0000 || when > YEAR_9999)
        return false;
    *ret = when;
    return true;
}

enum sg_rc sg_time_parse(const char *text, int64_t *ret, struct sg_err *err)
{
    if (parse_time(text, ret))
        return SG_OK;
    return sg_fail(err, SG_E_USAGE, _("\"%s\" is not a time; write one as 2026-11-21T23:02:51Z or 2026-11-21."), text);
}

bool sg_time_from_asn1(const ASN1_TIME *time, int64_t *ret)
{
    struct tm tm = {0};
    if (!time || ASN1_TIME_to_tm(time, &tm) != 1)
        return false;
    *ret = (int64_t)timegm(&tm);
    return true;
}

enum sg_rc sg_duration_parse(const char *text, int64_t *ret, struct sg_err *err)
{
    int64_t value = 0, unit = 1;
    const char *p = text;
    for (; *p >= '0' && *p <= '9' && value <= SG_MAX_DURATION; p++)
        value = value * 10 + (*p - '0');
    bool valid = p > text;
    switch (*p) {
    case 'd':
        unit = 86400;
        break;
    case 'h':
        unit = 3600;
        break;
    case 'm':
        unit = 60;
        break;
    case 's':
    case '\0':
        break;
    default:
        valid = false;
    }
    if (!valid || (*p != '\0' && p[1] != '\0') || value > SG_MAX_DURATION / unit)
        return sg_fail(err, SG_E_USAGE, _("\"%s\" is not a duration; write one as 7d, 12h, 30m or 45s."), text);
    *ret = value * unit;
    return SG_OK;
}
