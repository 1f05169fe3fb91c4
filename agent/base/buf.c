#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/msg.h"

#define LEAST_GROWN 1024 /* bytes that a buffer has once it has grown */

bool sg_slice_equal(struct sg_slice a, struct sg_slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

void sg_buf_clear(struct sg_buf *buf)
{
    free(buf->data);
    *buf = (struct sg_buf){.max = buf->max};
}

/* Room for `len` more bytes and a NUL behind them. */
static enum sg_rc reserve(struct sg_buf *buf, size_t len, struct sg_err *err)
{
    if (buf->max < buf->len || len > buf->max - buf->len)
        return sg_fail(err, SG_E_LIMIT, _("There is more data than the limit of %zu bytes allows."), buf->max);
    size_t needed = 0, doubled = 0;
    if (__builtin_add_overflow(buf->len + len, 1, &needed))
        return sg_fail_memory(err);
    if (needed <= buf->capacity)
        return SG_OK;
    /* Doubling keeps many small growths cheap; it ends at the limit. */
    if (__builtin_mul_overflow(buf->capacity, 2, &doubled))
        doubled = 0;
    if (buf->capacity > 0 && doubled < LEAST_GROWN)
        doubled = LEAST_GROWN;
    if (doubled > needed)
        needed = doubled - 1 <= buf->max ? doubled : buf->max + 1;
    uint8_t *data = realloc(buf->data, needed);
    if (!data)
        return sg_fail_memory(err);
    buf->data = data;
    buf->capacity = needed;
    return SG_OK;
}

enum sg_rc sg_buf_extend(struct sg_buf *buf, size_t len, uint8_t **ret_room, struct sg_err *err)
{
    enum sg_rc rc = reserve(buf, len, err);
    if (rc != SG_OK)
        return rc;
    *ret_room = buf->data + buf->len;
    buf->len += len;
    return SG_OK;
}

enum sg_rc sg_buf_append(struct sg_buf *buf, const void *data, size_t len, struct sg_err *err)
{
    uint8_t *room = NULL;
    enum sg_rc rc = sg_buf_extend(buf, len, &room, err);
    if (rc == SG_OK && len > 0)
        memcpy(room, data, len);
    return rc;
}

enum sg_rc sg_buf_printf(struct sg_buf *buf, struct sg_err *err, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    /* As most often, there is room for it. */
    size_t room = buf->capacity - buf->len;
    int n = vsnprintf(room > 0 ? (char *)buf->data + buf->len : NULL, room, format, args);
    va_end(args);
    enum sg_rc rc = SG_OK;
    if (n < 0)
        rc = sg_fail(err, SG_E_INTERNAL, "%s", _("A text could not be formatted."));
    else if ((size_t)n >= room || (size_t)n > buf->max - buf->len) {
        rc = reserve(buf, (size_t)n, err);
        if (rc == SG_OK)
            (void)vsnprintf((char *)buf->data + buf->len, (size_t)n + 1, format, again);
    }
    va_end(again);
    buf->len += rc == SG_OK ? (size_t)n : 0;
    return rc;
}

enum sg_rc sg_buf_text(struct sg_buf *buf, const char **ret_text, struct sg_err *err)
{
    enum sg_rc rc = reserve(buf, 0, err);
    if (rc != SG_OK)
        return rc;
    buf->data[buf->len] = '\0';
    *ret_text = (const char *)buf->data;
    return SG_OK;
}

struct sg_slice sg_buf_slice(const struct sg_buf *buf)
{
    return (struct sg_slice){.data = buf->data, .len = buf->len};
}

void sg_hex(const void *data, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *bytes = data;
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 0x0f];
    }
    out[2 * len] = '\0';
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool sg_unhex(const char *hex, uint8_t *out, size_t len)
{
    if (strlen(hex) != 2 * len)
        return false;
    for (size_t i = 0; i < len; i++) {
        int high = hex_value(hex[2 * i]), low = hex_value(hex[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}
