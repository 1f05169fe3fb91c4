#include "formats/pdf_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/limits.h"
#include "base/utf8.h"

#define REPLACEMENT 0xfffd
#define REPLACEMENT_UTF8 "\xef\xbf\xbd"

/* --- texts ----------------------------------------------------------------------------------------------------------
 */

/* PDFDocEncoding (§D.3) where it is not Latin-1. */
static const uint16_t low[] = {0x02d8, 0x02c7, 0x02c6, 0x02d9, 0x02dd, 0x02db, 0x02da, 0x02dc}; /* from 0x18 */
static const uint16_t high[] = {
    0x2022, 0x2020, 0x2021, 0x2026, 0x2014, 0x2013, 0x0192, 0x2044, 0x2039, /* from 0x80 */
    0x203a, 0x2212, 0x2030, 0x201e, 0x201c, 0x201d, 0x2018, 0x2019, 0x201a, 0x2122, 0xfb01,      0xfb02,
    0x0141, 0x0152, 0x0160, 0x0178, 0x017d, 0x0131, 0x0142, 0x0153, 0x0161, 0x017e, REPLACEMENT, 0x20ac};

static uint32_t from_pdf_doc(uint8_t c)
{
    if (c >= 0x18 && c < 0x18 + sizeof(low) / sizeof(*low))
        return low[c - 0x18];
    if (c >= 0x80 && c < 0x80 + sizeof(high) / sizeof(*high))
        return high[c - 0x80];
    return c == 0x7f || c == 0xad || c == 0 ? REPLACEMENT : c;
}

static enum sg_rc append_utf8(struct sg_buf *out, uint32_t c, struct sg_err *err)
{
    uint8_t bytes[4];
    size_t len = 0;

    if (c < 0x80) {
        bytes[len++] = (uint8_t)c;
    } else if (c < 0x800) {
        bytes[len++] = (uint8_t)(0xc0 | c >> 6);
        bytes[len++] = (uint8_t)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        bytes[len++] = (uint8_t)(0xe0 | c >> 12);
        bytes[len++] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        bytes[len++] = (uint8_t)(0x80 | (c & 0x3f));
    } else {
        bytes[len++] = (uint8_t)(0xf0 | c >> 18);
        bytes[len++] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
        bytes[len++] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        bytes[len++] = (uint8_t)(0x80 | (c & 0x3f));
    }
    return sg_buf_append(out, bytes, len, err);
}

/* The code point at `text`, and how many octets it takes. */
static uint32_t next_utf16(struct sg_slice text, size_t *ret_len)
{
    *ret_len = text.len < 2 ? text.len : 2;
    if (text.len < 2)
        return REPLACEMENT;
    const uint32_t unit = (uint32_t)text.data[0] << 8 | text.data[1];
    if (unit < 0xd800 || unit > 0xdfff)
        return unit;
    if (unit > 0xdbff || text.len < 4 || (text.data[2] & 0xfc) != 0xdc)
        return REPLACEMENT;
    *ret_len = 4;
    return 0x10000 + ((unit & 0x3ff) << 10) + ((uint32_t)(text.data[2] & 3) << 8 | text.data[3]);
}

static uint32_t next_utf8(struct sg_slice text, size_t *ret_len)
{
    uint32_t code_point = REPLACEMENT;
    const size_t len = sg_utf8_next(text.data, text.len, &code_point);

    *ret_len = len > 0 ? len : 1;
    return len > 0 ? code_point : REPLACEMENT;
}

static bool begins_with(struct sg_slice text, const char *mark)
{
    return text.len >= strlen(mark) && memcmp(text.data, mark, strlen(mark)) == 0;
}

enum sg_rc sg_pdf_text_to_utf8(struct sg_slice text, struct sg_buf *out, struct sg_err *err)
{
    const bool utf16 = begins_with(text, "\xfe\xff");
    const bool utf8 = begins_with(text, "\xef\xbb\xbf");
    enum sg_rc rc = SG_OK;

    for (size_t i = utf16 ? 2 : utf8 ? 3 : 0, n = 1; rc == SG_OK && i < text.len; i += n) {
        const struct sg_slice rest = {text.data + i, text.len - i};
        const uint32_t c = utf16 ? next_utf16(rest, &n) : utf8 ? next_utf8(rest, &n) : from_pdf_doc(rest.data[0]);
        rc = append_utf8(out, c, err);
    }
    return rc;
}

enum sg_rc sg_pdf_text_printable(const struct sg_pdf_value *value, char **ret, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf text = SG_BUF(SG_MAX_PDF_NAME_TEXT);
    _cleanup_(sg_buf_clear) struct sg_buf shown = SG_BUF(SG_MAX_PDF_NAME_TEXT);
    const char *found = "";
    enum sg_rc rc = SG_OK;

    if (value && (value->type == SG_PDF_NAME || value->type == SG_PDF_STRING))
        rc = sg_pdf_text_to_utf8(value->text, &text, err);
    if (rc == SG_OK)
        rc = sg_utf8_append_printable(&shown, text.data, text.len, err);
    if (rc == SG_OK)
        rc = sg_buf_text(&shown, &found, err);
    if (rc == SG_OK && !(*ret = strdup(found)))
        rc = sg_fail_memory(err);
    return rc;
}

bool sg_pdf_text_is_telling(const char *text)
{
    return sg_utf8_is_printable(text, strlen(text)) && !strstr(text, REPLACEMENT_UTF8);
}

enum sg_rc sg_pdf_field_name(struct sg_pdf *pdf, const struct sg_pdf_value *field, const char *parent, char **ret,
                             struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf name = SG_BUF(SG_MAX_PDF_NAME_TEXT);
    _cleanup_(freep) char *own = NULL;
    const struct sg_pdf_value *partial = NULL;
    const char *whole = "";
    enum sg_rc rc = sg_pdf_find(pdf, field, "T", &partial, err);

    if (rc == SG_OK)
        rc = sg_pdf_text_printable(partial, &own, err);
    if (rc != SG_OK)
        return rc;
    const char *shown = partial && partial->type != SG_PDF_STRING ? REPLACEMENT_UTF8 : own;
    rc = sg_buf_printf(&name, err, "%s%s%s", parent, *parent && *shown ? "." : "", shown);
    if (rc == SG_OK)
        rc = sg_buf_text(&name, &whole, err);
    if (rc == SG_OK && !(*ret = strdup(whole)))
        rc = sg_fail_memory(err);
    return rc;
}

/* --- dates ----------------------------------------------------------------------------------------------------------
 */

/* `digits` of them at `*at`; `missing` where the string ends. */
static bool take_number(struct sg_slice string, size_t *at, size_t digits, int missing, int *ret)
{
    int number = 0;
    if (*at >= string.len) {
        *ret = missing;
        return true;
    }
    for (size_t i = 0; i < digits; i++, (*at)++) {
        if (*at >= string.len || string.data[*at] < '0' || string.data[*at] > '9')
            return false;
        number = number * 10 + (string.data[*at] - '0');
    }
    *ret = number;
    return true;
}

/* O HH ' mm: what is to be taken off. */
static bool take_zone(struct sg_slice string, size_t at, int *ret_seconds)
{
    int hours = 0, minutes = 0;
    *ret_seconds = 0;
    if (at >= string.len || string.data[at] == 'Z')
        return true;
    int sign = string.data[at] == '+' ? 1 : string.data[at] == '-' ? -1 : 0;
    at++;
    if (sign == 0 || !take_number(string, &at, 2, 0, &hours))
        return false;
    if (at < string.len && string.data[at] == '\'')
        at++;
    if (!take_number(string, &at, 2, 0, &minutes) || hours > 23 || minutes > 59)
        return false;
    *ret_seconds = sign * (hours * 3600 + minutes * 60);
    return true;
}

bool sg_pdf_date(struct sg_slice string, int64_t *ret)
{
    struct tm tm = {0};
    size_t at = string.len >= 2 && memcmp(string.data, "D:", 2) == 0 ? 2 : 0;
    int year = 0, month = 0, zone = 0;

    if (at + 4 > string.len || !take_number(string, &at, 4, 0, &year) || !take_number(string, &at, 2, 1, &month) ||
        !take_number(string, &at, 2, 1, &tm.tm_mday) || !take_number(string, &at, 2, 0, &tm.tm_hour))
        return false;
    /* Minutes and seconds may be left out before a zone. */
    bool zoned = at < string.len && (string.data[at] < '0' || string.data[at] > '9');
    if (!zoned && !take_number(string, &at, 2, 0, &tm.tm_min))
        return false;
    zoned = at < string.len && (string.data[at] < '0' || string.data[at] > '9');
    if (!zoned && !take_number(string, &at, 2, 0, &tm.tm_sec))
        return false;
    if (month < 1 || month > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_hour > 23 || tm.tm_min > 59 ||
        tm.tm_sec > 59 || !take_zone(string, at, &zone))
        return false;
    tm.tm_year = year - 1900;
    tm.tm_mon = month - 1;
    *ret = (int64_t)timegm(&tm) - zone;
    return true;
}
