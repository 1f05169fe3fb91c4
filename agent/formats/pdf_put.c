#include "formats/pdf_put.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/limits.h"
#include "base/msg.h"
#include "base/utf8.h"

void sg_pdf_put_raw(struct sg_pdf_put *put, struct sg_slice bytes)
{
    if (put->rc == SG_OK)
        put->rc = sg_buf_append(put->out, bytes.data, bytes.len, put->err);
}

void sg_pdf_put_format(struct sg_pdf_put *put, const char *format, ...)
{
    char text[256];
    va_list args;

    va_start(args, format);
    const int len = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (put->rc == SG_OK && (len < 0 || (size_t)len >= sizeof(text)))
        put->rc = sg_fail(put->err, SG_E_INTERNAL, "%s", _("A text could not be formatted."));
    sg_pdf_put_raw(put, (struct sg_slice){(const uint8_t *)text, (size_t)len});
}

/* §7.2.2: neither white space nor a delimiter, and (§7.3.5) between "!" and "~". */
static bool is_regular(uint8_t c)
{
    return c > ' ' && c <= '~' && !strchr("()<>[]{}/%#", c);
}

void sg_pdf_put_name(struct sg_pdf_put *put, struct sg_slice name)
{
    sg_pdf_put_format(put, "/");
    for (size_t i = 0; i < name.len; i++)
        sg_pdf_put_format(put, is_regular(name.data[i]) ? "%c" : "#%02x", name.data[i]);
}

static bool is_printable(struct sg_slice octets)
{
    for (size_t i = 0; i < octets.len; i++)
        if (octets.data[i] < ' ' || octets.data[i] > '~')
            return false;
    return true;
}

static void put_hex(struct sg_pdf_put *put, struct sg_slice octets)
{
    uint8_t *room = NULL;

    if (put->rc == SG_OK)
        put->rc = sg_buf_extend(put->out, 2 * octets.len + 2, &room, put->err);
    if (put->rc != SG_OK)
        return;
    room[0] = '<';
    sg_hex(octets.data, octets.len, (char *)room + 1);
    room[2 * octets.len + 1] = '>'; /* in the place of the NUL */
}

void sg_pdf_put_string(struct sg_pdf_put *put, struct sg_slice octets)
{
    if (!is_printable(octets)) {
        put_hex(put, octets);
        return;
    }
    sg_pdf_put_format(put, "(");
    for (size_t i = 0; i < octets.len; i++)
        sg_pdf_put_format(put, strchr("()\\", octets.data[i]) ? "\\%c" : "%c", octets.data[i]);
    sg_pdf_put_format(put, ")");
}

static enum sg_rc append_utf16(struct sg_buf *out, uint32_t code_point, struct sg_err *err)
{
    uint8_t *room = NULL;
    enum sg_rc rc = sg_buf_extend(out, code_point > 0xffff ? 4 : 2, &room, err);

    if (rc != SG_OK)
        return rc;
    if (code_point > 0xffff) {
        const uint32_t high = 0xd800 + ((code_point - 0x10000) >> 10);
        *room++ = (uint8_t)(high >> 8);
        *room++ = (uint8_t)high;
        code_point = 0xdc00 + (code_point & 0x3ff);
    }
    room[0] = (uint8_t)(code_point >> 8);
    room[1] = (uint8_t)code_point;
    return SG_OK;
}

static enum sg_rc to_utf16(const char *text, struct sg_buf *out, struct sg_err *err)
{
    const uint8_t *p = (const uint8_t *)text;
    enum sg_rc rc = append_utf16(out, 0xfeff, err);

    for (size_t left = strlen(text), n = 0; rc == SG_OK && left > 0; p += n, left -= n) {
        uint32_t code_point = 0;
        n = sg_utf8_next(p, left, &code_point);
        if (n == 0)
            return sg_fail(err, SG_E_USAGE, "%s", _("A text for the signature is not UTF-8."));
        rc = append_utf16(out, code_point, err);
    }
    return rc;
}

void sg_pdf_put_text(struct sg_pdf_put *put, const char *text)
{
    _cleanup_(sg_buf_clear) struct sg_buf utf16 = SG_BUF(SG_MAX_PDF_TEXT);
    const struct sg_slice ascii = {(const uint8_t *)text, strlen(text)};

    if (is_printable(ascii)) {
        sg_pdf_put_string(put, ascii);
        return;
    }
    if (put->rc == SG_OK)
        put->rc = to_utf16(text, &utf16, put->err);
    put_hex(put, sg_buf_slice(&utf16));
}

void sg_pdf_put_date(struct sg_pdf_put *put, int64_t time)
{
    const time_t seconds = (time_t)time;
    struct tm tm = {0};
    char text[64];

    if (put->rc == SG_OK &&
        (!gmtime_r(&seconds, &tm) || strftime(text, sizeof(text), "(D:%Y%m%d%H%M%S+00'00')", &tm) == 0))
        put->rc = sg_fail(put->err, SG_E_INTERNAL, "%s", _("A time could not be formatted."));
    if (put->rc == SG_OK)
        sg_pdf_put_format(put, "%s", text);
}

void sg_pdf_put_reference(struct sg_pdf_put *put, struct sg_pdf_id id)
{
    sg_pdf_put_format(put, "%d %d R", id.number, id.generation);
}

static void put_nested(struct sg_pdf_put *put, const struct sg_pdf_value *value, unsigned depth);

static void put_entries(struct sg_pdf_put *put, const struct sg_pdf_value *value, unsigned depth)
{
    for (size_t i = 0; i < value->count && put->rc == SG_OK; i++) {
        if (value->type == SG_PDF_ARRAY) {
            sg_pdf_put_format(put, "%s", i > 0 ? " " : "");
        } else {
            sg_pdf_put_name(put, value->entries[i].key);
            sg_pdf_put_format(put, " ");
        }
        put_nested(put, &value->entries[i].value, depth + 1);
    }
}

static void put_nested(struct sg_pdf_put *put, const struct sg_pdf_value *value, unsigned depth)
{
    if (put->rc == SG_OK && depth > SG_MAX_PDF_DEPTH)
        put->rc = sg_fail(put->err, SG_E_LIMIT, _("An object is nested deeper than %d levels."), SG_MAX_PDF_DEPTH);
    if (put->rc != SG_OK)
        return;
    switch (value->type) {
    case SG_PDF_NULL:
        sg_pdf_put_format(put, "null");
        break;
    case SG_PDF_BOOLEAN:
        sg_pdf_put_format(put, "%s", value->boolean ? "true" : "false");
        break;
    case SG_PDF_INTEGER:
        sg_pdf_put_format(put, "%" PRId64, value->integer);
        break;
    case SG_PDF_REAL:
        sg_pdf_put_raw(put, value->text);
        break;
    case SG_PDF_NAME:
        sg_pdf_put_name(put, value->text);
        break;
    case SG_PDF_STRING:
        sg_pdf_put_string(put, value->text);
        break;
    case SG_PDF_REFERENCE:
        sg_pdf_put_reference(put, value->id);
        break;
    case SG_PDF_ARRAY:
        sg_pdf_put_format(put, "[");
        put_entries(put, value, depth);
        sg_pdf_put_format(put, "]");
        break;
    case SG_PDF_DICTIONARY:
    case SG_PDF_STREAM:
        sg_pdf_put_format(put, "<<");
        put_entries(put, value, depth);
        sg_pdf_put_format(put, ">>");
        break;
    }
}

void sg_pdf_put_value(struct sg_pdf_put *put, const struct sg_pdf_value *value)
{
    put_nested(put, value, 0);
}

static bool is_changed(struct sg_slice key, const struct sg_pdf_change *changes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (sg_slice_equal(key, (struct sg_slice){(const uint8_t *)changes[i].key, strlen(changes[i].key)}))
            return true;
    return false;
}

void sg_pdf_put_changed(struct sg_pdf_put *put, const struct sg_pdf_value *dictionary,
                        const struct sg_pdf_change *changes, size_t count)
{
    sg_pdf_put_format(put, "<<");
    for (size_t i = 0; dictionary && i < dictionary->count; i++) {
        const struct sg_pdf_entry *entry = &dictionary->entries[i];
        if (is_changed(entry->key, changes, count))
            continue;
        sg_pdf_put_name(put, entry->key);
        sg_pdf_put_format(put, " ");
        put_nested(put, &entry->value, 1);
    }
    for (size_t i = 0; i < count; i++) {
        const struct sg_slice key = {(const uint8_t *)changes[i].key, strlen(changes[i].key)};
        if (!changes[i].text.data || is_changed(key, changes + i + 1, count - i - 1))
            continue;
        sg_pdf_put_name(put, key);
        sg_pdf_put_format(put, " ");
        sg_pdf_put_raw(put, changes[i].text);
    }
    sg_pdf_put_format(put, ">>");
}

void sg_pdf_put_longer(struct sg_pdf_put *put, const struct sg_pdf_value *array, struct sg_pdf_id element)
{
    sg_pdf_put_format(put, "[");
    if (array)
        put_entries(put, array, 0);
    sg_pdf_put_format(put, "%s", array && array->count > 0 ? " " : "");
    sg_pdf_put_reference(put, element);
    sg_pdf_put_format(put, "]");
}
