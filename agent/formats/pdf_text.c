#include "formats/pdf_text.h"

#include <stdbool.h>
#include <string.h>

#include "base/utf8.h"

#define REPLACEMENT 0xfffd

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
