#include "formats/mime_private.h"

#include <string.h>

struct sg_mime_lines {
    struct sg_input *input;
    uint64_t offset; /* in the input, of the window's end */
    size_t at, len;  /* of what is unread in the window */
    size_t number;   /* of the line read last */
    uint8_t head[SG_MAX_MIME_LINE];
    uint8_t window[SG_IO_BUFFER];
};

enum sg_rc sg_mime_lines_new(struct sg_input *input, uint64_t offset, struct sg_mime_lines **ret, struct sg_err *err)
{
    struct sg_mime_lines *lines = malloc(sizeof *lines);
    if (!lines)
        return sg_fail_memory(err);
    lines->input = input;
    lines->offset = offset;
    lines->at = lines->len = lines->number = 0;
    *ret = lines;
    return SG_OK;
}

void sg_mime_lines_free(struct sg_mime_lines *lines)
{
    free(lines);
}

uint64_t sg_mime_lines_place(const struct sg_mime_lines *lines)
{
    return lines->offset - lines->len;
}

/* Moves what is unread to the window's front and reads on behind it. */
static enum sg_rc fill(struct sg_mime_lines *lines, struct sg_err *err)
{
    size_t got = 0;

    memmove(lines->window, lines->window + lines->at, lines->len);
    lines->at = 0;
    enum sg_rc rc = sg_input_read(lines->input, lines->offset, lines->window + lines->len,
                                  sizeof lines->window - lines->len, &got, err);
    if (rc != SG_OK)
        return rc;
    lines->len += got;
    lines->offset += got;
    return SG_OK;
}

static const uint8_t *find_newline(const struct sg_mime_lines *lines)
{
    return memchr(lines->window + lines->at, '\n', lines->len);
}

/* Over the first `len` octets of the window. */
static void pass(struct sg_mime_lines *lines, size_t len)
{
    lines->at += len;
    lines->len -= len;
}

/* A line that does not fit the window: over all of it but for its last octet and its newline, if it has one. */
static enum sg_rc pass_long(struct sg_mime_lines *lines, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    const uint8_t *newline = NULL;

    while (rc == SG_OK && !newline && lines->offset < sg_input_size(lines->input)) {
        pass(lines, lines->len - 1);
        rc = fill(lines, err);
        newline = find_newline(lines);
    }
    return rc;
}

enum sg_rc sg_mime_lines_next(struct sg_mime_lines *lines, struct sg_mime_line *ret, bool *ret_more, struct sg_err *err)
{
    struct sg_mime_line line = {.start = sg_mime_lines_place(lines)};
    enum sg_rc rc = SG_OK;

    if (!find_newline(lines))
        rc = fill(lines, err);
    if (rc != SG_OK || lines->len == 0) {
        *ret_more = false;
        return rc;
    }
    line.text.data = lines->window + lines->at;
    if (!find_newline(lines)) {
        memcpy(lines->head, line.text.data, lines->len < sizeof lines->head ? lines->len : sizeof lines->head);
        line.text.data = lines->head;
        rc = pass_long(lines, err);
        if (rc != SG_OK)
            return rc;
    }
    const uint8_t *newline = find_newline(lines);
    size_t last = newline ? (size_t)(newline - (lines->window + lines->at)) : lines->len; /* octets before it */
    line.line_break = newline ? 1 : 0;
    if (newline && last > 0 && newline[-1] == '\r')
        line.line_break = 2;
    pass(lines, last + (newline ? 1 : 0));
    line.end = sg_mime_lines_place(lines);
    line.number = ++lines->number;

    uint64_t len = line.end - line.start - line.line_break;
    line.whole = len <= SG_MAX_MIME_LINE;
    line.text.len = line.whole ? (size_t)len : SG_MAX_MIME_LINE;
    *ret = line;
    *ret_more = true;
    return SG_OK;
}
