#include "base/utf8.h"

#include <string.h>

static bool is_continuation(uint8_t byte)
{
    return (byte & 0xc0) == 0x80;
}

/* Length that the first byte announces; 0 for a byte that starts nothing. */
static size_t announced_length(uint8_t first)
{
    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first <= 0xdf)
        return 2;
    if (first >= 0xe0 && first <= 0xef)
        return 3;
    if (first >= 0xf0 && first <= 0xf4)
        return 4;
    return 0;
}

size_t sg_utf8_next(const uint8_t *data, size_t len, uint32_t *ret_code_point)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    static const uint8_t first_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};

    size_t n = len > 0 ? announced_length(data[0]) : 0;
    if (n == 0 || n > len)
        return 0;
    uint32_t code_point = data[0] & first_bits[n];
    for (size_t i = 1; i < n; i++) {
        if (!is_continuation(data[i]))
            return 0;
        code_point = code_point << 6 | (data[i] & 0x3f);
    }
    /* RFC 3629 §3: neither overlong forms nor surrogates nor anything beyond U+10FFFF. */
    if (code_point < smallest[n] || code_point > 0x10ffff || (code_point >= 0xd800 && code_point <= 0xdfff))
        return 0;
    *ret_code_point = code_point;
    return n;
}

bool sg_utf8_printable(uint32_t code_point)
{
    static const struct {
        uint32_t first, last;
    } unprintable[] = {
        {0x00, 0x1f},       /* C0 controls */
        {0x7f, 0x9f},       /* DEL and the C1 controls */
        {0xad, 0xad},       /* soft hyphen */
        {0x061c, 0x061c},   /* Arabic letter mark */
        {0x200b, 0x200f},   /* zero widths, direction marks */
        {0x2028, 0x202e},   /* line and paragraph separators, direction overrides */
        {0x2060, 0x206f},   /* word joiner, direction isolates */
        {0xfeff, 0xfeff},   /* byte order mark */
        {0xfff9, 0xfffb},   /* interlinear annotations */
        {0xe0000, 0xe0fff}, /* tags */
    };

    for (size_t i = 0; i < sizeof(unprintable) / sizeof(unprintable[0]); i++)
        if (code_point >= unprintable[i].first && code_point <= unprintable[i].last)
            return false;
    return true;
}

bool sg_utf8_is_printable(const char *text, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i += n) {
        uint32_t code_point = 0;
        n = sg_utf8_next((const uint8_t *)text + i, len - i, &code_point);
        if (n == 0 || !sg_utf8_printable(code_point))
            return false;
    }
    return true;
}

/* Of the text's beginning: octets that are ASCII and printable, which most of most texts is. */
static size_t plain_length(const uint8_t *data, size_t len)
{
    size_t n = 0;
    while (n < len && data[n] >= 0x20 && data[n] < 0x7f)
        n++;
    return n;
}

enum sg_rc sg_utf8_append_printable(struct sg_buf *out, const void *text, size_t len, struct sg_err *err)
{
    const uint8_t *p = text;
    enum sg_rc rc = SG_OK;
    while (rc == SG_OK && len > 0) {
        uint32_t code_point = 0;
        size_t n = plain_length(p, len);
        bool plain = n > 0;
        if (!plain)
            n = sg_utf8_next(p, len, &code_point);
        if (plain || (n > 0 && sg_utf8_printable(code_point)))
            rc = sg_buf_append(out, p, n, err);
        else
            rc = sg_buf_append(out, "\xef\xbf\xbd", 3, err);
        n = n ? n : 1;
        p += n;
        len -= n;
    }
    return rc;
}

void sg_utf8_cut(char *text)
{
    size_t len = strlen(text), tail = 0;
    while (tail < len && tail < 3 && is_continuation((uint8_t)text[len - 1 - tail]))
        tail++;
    if (tail < len && announced_length((uint8_t)text[len - 1 - tail]) > tail + 1)
        text[len - 1 - tail] = '\0';
}
