#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/msg.h"
#include "formats/base64.h"
#include "formats/pem_reader.h"

#define WINDOW (8 * SG_KIB)

struct sg_pem_reader {
    struct sg_input *input;
    uint64_t offset;  /* in the input, of the window's end */
    size_t at, len;   /* of what is unread in the window */
    bool within_line; /* the last piece did not end its line */
    uint8_t window[WINDOW];
};

/* A line, or a part of one that is longer than the window. */
struct piece {
    struct sg_slice text; /* without the line's end and the blanks before it */
    bool whole;
};

static enum sg_rc damaged(const struct sg_pem_reader *reader, const char *reason, struct sg_err *err)
{
    enum sg_rc rc =
        sg_fail(err, SG_E_MALFORMED, _("The PEM text in \"%s\" is damaged: %s. Get a fresh copy of the file."),
                sg_input_name(reader->input), reason);
    sg_err_file(err, sg_input_name(reader->input));
    return rc;
}

enum sg_rc sg_pem_reader_new(struct sg_input *input, struct sg_pem_reader **ret, struct sg_err *err)
{
    struct sg_pem_reader *reader = malloc(sizeof *reader);
    if (!reader)
        return sg_fail_memory(err);
    memset(reader, 0, offsetof(struct sg_pem_reader, window));
    reader->input = input;
    *ret = reader;
    return SG_OK;
}

void sg_pem_reader_free(struct sg_pem_reader *reader)
{
    free(reader);
}

/* Moves what is unread to the window's front and reads on behind it. */
static enum sg_rc fill(struct sg_pem_reader *reader, size_t *ret_got, struct sg_err *err)
{
    memmove(reader->window, reader->window + reader->at, reader->len);
    reader->at = 0;
    enum sg_rc rc =
        sg_input_read(reader->input, reader->offset, reader->window + reader->len, WINDOW - reader->len, ret_got, err);
    if (rc != SG_OK)
        return rc;
    reader->len += *ret_got;
    reader->offset += *ret_got;
    return SG_OK;
}

static struct sg_slice without_blanks_behind(const uint8_t *text, size_t len)
{
    while (len > 0 && strchr(" \t\r\n", text[len - 1]) && text[len - 1] != '\0')
        len--;
    return (struct sg_slice){.data = text, .len = len};
}

static enum sg_rc next_piece(struct sg_pem_reader *reader, struct piece *ret, bool *ret_more, struct sg_err *err)
{
    const uint8_t *newline = memchr(reader->window + reader->at, '\n', reader->len);
    if (!newline) {
        size_t got = 0;
        enum sg_rc rc = fill(reader, &got, err);
        if (rc != SG_OK)
            return rc;
        newline = memchr(reader->window, '\n', reader->len);
    }
    const uint8_t *start = reader->window + reader->at;
    size_t len = newline ? (size_t)(newline - start) + 1 : reader->len;
    if (len == 0) {
        *ret_more = false;
        return SG_OK;
    }
    /* Without a newline it is the file's last line, or a part of a long one. */
    bool ends = newline || reader->offset == sg_input_size(reader->input);
    *ret = (struct piece){.text = without_blanks_behind(start, len), .whole = ends && !reader->within_line};
    reader->within_line = !ends;
    reader->at += len;
    reader->len -= len;
    *ret_more = true;
    return SG_OK;
}

/* "-----BEGIN CMS-----" for `word` "BEGIN": the label (RFC 7468 §2). One that is too long is none. */
static bool is_boundary(const struct piece *piece, const char *word, char label[SG_PEM_LABEL])
{
    char start[32];
    int start_len = snprintf(start, sizeof start, "-----%s ", word);
    const size_t before = (size_t)start_len, behind = 5;
    const struct sg_slice *text = &piece->text;

    if (!piece->whole || text->len < before + behind || memcmp(text->data, start, before) != 0 ||
        memcmp(text->data + text->len - behind, "-----", behind) != 0)
        return false;
    size_t len = text->len - before - behind;
    if (len == 0 || len >= SG_PEM_LABEL || memchr(text->data + before, '\0', len))
        return false;
    memcpy(label, text->data + before, len);
    label[len] = '\0';
    return true;
}

enum sg_rc sg_pem_next(struct sg_pem_reader *reader, char label[SG_PEM_LABEL], bool *ret_more, struct sg_err *err)
{
    struct piece piece;
    bool more = true;

    for (;;) {
        enum sg_rc rc = next_piece(reader, &piece, &more, err);
        if (rc != SG_OK)
            return rc;
        if (!more || is_boundary(&piece, "BEGIN", label)) {
            *ret_more = more;
            return SG_OK;
        }
    }
}

enum sg_rc sg_pem_block(struct sg_pem_reader *reader, const char *label, struct sg_sink sink, struct sg_err *err)
{
    _cleanup_(sg_base64_freep) struct sg_base64 *base64 = NULL;
    char end[SG_PEM_LABEL];
    struct piece piece;
    bool more = true, right = true;

    enum sg_rc rc = sg_base64_new(sink, &base64, err);
    while (rc == SG_OK) {
        rc = next_piece(reader, &piece, &more, err);
        if (rc == SG_OK && !more)
            return damaged(reader, _("a block has no END line"), err);
        if (rc == SG_OK && is_boundary(&piece, "END", end))
            break;
        if (rc == SG_OK)
            rc = sg_base64_text(base64, piece.text, &right, err);
        if (rc == SG_OK && !right)
            return damaged(reader, _("a line is not Base64"), err);
    }
    if (rc == SG_OK && strcmp(end, label) != 0)
        return damaged(reader, _("a block's END line does not match its BEGIN line"), err);
    if (rc == SG_OK)
        rc = sg_base64_end(base64, &right, err);
    if (rc == SG_OK && !right)
        return damaged(reader, _("a block is cut short"), err);
    return rc;
}

/* Goes to the block that the input begins with; `label` is "" if it does not begin with one. */
static enum sg_rc first_block(struct sg_pem_reader *reader, char label[SG_PEM_LABEL], struct sg_err *err)
{
    struct piece piece = {0};
    bool more = true;
    char found[SG_PEM_LABEL] = "";

    /* White space beyond the first window is not looked through: this is asked of every file. */
    while (more && piece.text.len == 0 && reader->offset <= WINDOW) {
        enum sg_rc rc = next_piece(reader, &piece, &more, err);
        if (rc != SG_OK)
            return rc;
    }
    if (more && !is_boundary(&piece, "BEGIN", found))
        found[0] = '\0';
    memcpy(label, found, sizeof found);
    return SG_OK;
}

enum sg_rc sg_pem_label(struct sg_input *input, char label[SG_PEM_LABEL], struct sg_err *err)
{
    _cleanup_(sg_pem_reader_freep) struct sg_pem_reader *reader = NULL;

    enum sg_rc rc = sg_pem_reader_new(input, &reader, err);
    return rc == SG_OK ? first_block(reader, label, err) : rc;
}

/* Text or blocks behind the one that is read would be content that nobody judged. */
static enum sg_rc nothing_behind(struct sg_pem_reader *reader, struct sg_err *err)
{
    for (;;) {
        struct piece piece = {0};
        bool more = true;
        enum sg_rc rc = next_piece(reader, &piece, &more, err);
        if (rc != SG_OK || !more)
            return rc;
        if (piece.text.len > 0)
            return damaged(reader, _("there is more behind the END line"), err);
    }
}

enum sg_rc sg_pem_decode(struct sg_input *input, struct sg_input **ret, struct sg_err *err)
{
    _cleanup_(sg_pem_reader_freep) struct sg_pem_reader *reader = NULL;
    _cleanup_(sg_input_freep) struct sg_input *decoded = NULL;
    char label[SG_PEM_LABEL];

    enum sg_rc rc = sg_pem_reader_new(input, &reader, err);
    if (rc == SG_OK)
        rc = first_block(reader, label, err);
    if (rc == SG_OK && label[0] != '\0')
        rc = sg_input_spool(sg_input_name(input), &decoded, err);
    if (rc == SG_OK && decoded)
        rc = sg_pem_block(reader, label, sg_input_sink(decoded), err);
    if (rc == SG_OK && decoded)
        rc = nothing_behind(reader, err);
    if (rc != SG_OK)
        return rc;
    *ret = sg_steal(decoded);
    return SG_OK;
}
