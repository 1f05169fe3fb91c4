#include "base/csv.h"

#include <string.h>

#include "base/msg.h"
#include "base/utf8.h"

static const char BYTE_ORDER_MARK[] = "\xef\xbb\xbf";

/* --- reading ------------------------------------------------------------------------------------------------------ */

static enum sg_rc check_text(struct sg_slice file, struct sg_err *err)
{
    size_t line = 1;

    for (size_t at = 0; at < file.len;) {
        uint32_t c = 0;
        size_t len = sg_utf8_next(file.data + at, file.len - at, &c);

        if (len == 0 || c == 0)
            return sg_fail(err, SG_E_MALFORMED, _("line %zu: this is not text in UTF-8; save the list as UTF-8."),
                           line);
        line += c == '\n';
        at += len;
    }
    return SG_OK;
}

enum sg_rc sg_csv_open(struct sg_slice file, struct sg_csv *ret, struct sg_err *err)
{
    size_t mark = strlen(BYTE_ORDER_MARK);
    enum sg_rc rc = check_text(file, err);

    if (rc != SG_OK)
        return rc;
    if (file.len >= mark && memcmp(file.data, BYTE_ORDER_MARK, mark) == 0) {
        file.data += mark;
        file.len -= mark;
    }
    char *text = malloc(file.len + 1); /* a NUL for each comma, and one for the end */
    if (!text)
        return sg_fail_memory(err);
    *ret = (struct sg_csv){.rest = file, .line = 1, .text = text};
    return SG_OK;
}

void sg_csv_clear(struct sg_csv *csv)
{
    free(sg_steal(csv->text));
}

/* The byte at the front; -1 at the end. */
static int peek(const struct sg_csv *csv)
{
    return csv->rest.len > 0 ? csv->rest.data[0] : -1;
}

static char take(struct sg_csv *csv)
{
    char c = (char)csv->rest.data[0];

    csv->line += c == '\n';
    csv->rest.data++;
    csv->rest.len--;
    return c;
}

static bool take_if(struct sg_csv *csv, const char *text)
{
    size_t len = strlen(text);

    if (csv->rest.len < len || memcmp(csv->rest.data, text, len) != 0)
        return false;
    while (len-- > 0)
        (void)take(csv);
    return true;
}

static bool at_line_end(const struct sg_csv *csv)
{
    int c = peek(csv);

    return c < 0 || c == '\n' || (c == '\r' && csv->rest.len > 1 && csv->rest.data[1] == '\n');
}

static enum sg_rc bad(const struct sg_csv *csv, size_t field, const char *what, struct sg_err *err)
{
    return sg_fail(err, SG_E_MALFORMED, _("line %zu, column %zu: %s."), csv->line, field + 1, what);
}

/* Behind the opening quote. */
static enum sg_rc read_quoted(struct sg_csv *csv, size_t field, char **at, struct sg_err *err)
{
    size_t begun = csv->line;

    for (;;) {
        if (peek(csv) < 0)
            return sg_fail(err, SG_E_MALFORMED, _("line %zu, column %zu: the quote that begins here has no end."),
                           begun, field + 1);
        char c = take(csv);
        if (c == '"' && !take_if(csv, "\""))
            break;
        *(*at)++ = c;
    }
    return at_line_end(csv) || peek(csv) == ',' ? SG_OK
                                                : bad(csv, field, _("there is text behind the closing quote"), err);
}

static enum sg_rc read_plain(struct sg_csv *csv, size_t field, char **at, struct sg_err *err)
{
    while (!at_line_end(csv) && peek(csv) != ',') {
        char c = take(csv);
        if (c == '"')
            return bad(csv, field, _("there is a quote inside a field; quote the whole field and double the quote"),
                       err);
        if (c == '\r')
            return bad(csv, field, _("there is a carriage return inside a line"), err);
        *(*at)++ = c;
    }
    return SG_OK;
}

enum sg_rc sg_csv_next(struct sg_csv *csv, bool *ret_more, struct sg_err *err)
{
    size_t count = 0;
    char *at = csv->text;
    enum sg_rc rc = SG_OK;

    *ret_more = false;
    if (peek(csv) < 0)
        return SG_OK;
    csv->record_line = csv->line;
    do {
        if (count == SG_MAX_CSV_FIELDS)
            return sg_fail(err, SG_E_LIMIT, _("line %zu: more than %d columns."), csv->line, SG_MAX_CSV_FIELDS);
        csv->fields[count] = at;
        rc = take_if(csv, "\"") ? read_quoted(csv, count, &at, err) : read_plain(csv, count, &at, err);
        *at++ = '\0';
        count++;
    } while (rc == SG_OK && take_if(csv, ","));
    if (rc != SG_OK)
        return rc;
    if (!take_if(csv, "\r\n"))
        (void)take_if(csv, "\n");
    *ret_more = true;
    if (csv->count == 0)
        csv->count = count;
    if (count != csv->count)
        return sg_fail(err, SG_E_MALFORMED, _("line %zu: this line has %zu columns, and the first has %zu."),
                       csv->record_line, count, csv->count);
    return SG_OK;
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

static bool at_line_start(const struct sg_buf *out)
{
    return out->len == 0 || out->data[out->len - 1] == '\n';
}

enum sg_rc sg_csv_put(struct sg_buf *out, const char *field, struct sg_err *err)
{
    bool quoted = strpbrk(field, ",\"\r\n") != NULL || (field[0] == '\0' && at_line_start(out));
    enum sg_rc rc = at_line_start(out) ? SG_OK : sg_buf_append(out, ",", 1, err);

    if (rc == SG_OK && !quoted)
        return sg_buf_append(out, field, strlen(field), err);
    if (rc == SG_OK)
        rc = sg_buf_append(out, "\"", 1, err);
    for (; rc == SG_OK && *field; field++)
        rc = *field == '"' ? sg_buf_append(out, "\"\"", 2, err) : sg_buf_append(out, field, 1, err);
    return rc == SG_OK ? sg_buf_append(out, "\"", 1, err) : rc;
}

enum sg_rc sg_csv_put_end(struct sg_buf *out, struct sg_err *err)
{
    return sg_buf_append(out, "\r\n", 2, err);
}
