#include "formats/pdf_update.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/msg.h"
#include "formats/pdf_tokens.h"

struct update {
    struct sg_pdf *before, *after;
    struct sg_pdf_reader reader;
    const struct sg_pdf_place **places; /* of the objects that stand here, by offset */
    size_t count, taken;
    uint64_t beside;           /* where a hybrid's stream stands; SG_PDF_NO_OFFSET: it is none */
    uint64_t objects, streams; /* that were come across */
    bool has_section;
    char *why;
};

static enum sg_rc refuse(struct update *u, struct sg_err *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static enum sg_rc refuse(struct update *u, struct sg_err *err, const char *format, ...)
{
    va_list args;
    if (u->reader.rc != SG_OK) /* nothing could be read */
        return u->reader.rc;
    va_start(args, format);
    int n = vasprintf(&u->why, format, args);
    va_end(args);
    if (n >= 0)
        return SG_OK;
    u->why = NULL;
    return sg_fail_memory(err);
}

/* --- exactly these octets -------------------------------------------------------------------------------------------
 */

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static bool take_digits(struct sg_pdf_reader *r, int64_t *ret)
{
    int count = 0;
    for (*ret = 0; is_digit(sg_pdf_peek(r)) && count < 15; count++)
        *ret = *ret * 10 + (sg_pdf_next(r) - '0');
    return count > 0 && !is_digit(sg_pdf_peek(r));
}

static bool take_text(struct sg_pdf_reader *r, const char *text)
{
    while (*text && sg_pdf_peek(r) == *text) {
        (void)sg_pdf_next(r);
        text++;
    }
    return *text == '\0';
}

/* No comments. */
static void skip_blank(struct sg_pdf_reader *r)
{
    for (int c = sg_pdf_peek(r); c != SG_PDF_NOT_THERE && sg_pdf_is_space((char)c); c = sg_pdf_peek(r))
        (void)sg_pdf_next(r);
}

static bool take_line_end(struct sg_pdf_reader *r)
{
    bool has_return = take_text(r, "\r");
    return take_text(r, "\n") || has_return;
}

static bool take_word(struct sg_pdf_reader *r, const char *word)
{
    return sg_pdf_take_token(r) == SG_PDF_TOKEN_WORD && strcmp(r->word, word) == 0;
}

/* --- objects --------------------------------------------------------------------------------------------------------
 */

/* What is taken in front of this: a dictionary for a trailer; for an object all of it, or what is in front of its data.
 * Its last word is in the reader. */
static bool take_value(struct sg_pdf_reader *r, bool is_trailer, unsigned *ret_lengths)
{
    int depth = 0;
    for (;;) {
        enum sg_pdf_token token = sg_pdf_take_token(r);
        if (token == SG_PDF_TOKEN_NONE || token == SG_PDF_TOKEN_OTHER || r->vertical_tab)
            return false;
        depth += (token == SG_PDF_TOKEN_OPEN) - (token == SG_PDF_TOKEN_CLOSE);
        if (depth < 0)
            return false;
        if (depth == 0 && is_trailer)
            return token == SG_PDF_TOKEN_CLOSE;
        if (token == SG_PDF_TOKEN_WORD && (strcmp(r->word, "endobj") == 0 || strcmp(r->word, "stream") == 0))
            return depth == 0;
        *ret_lengths += depth == 1 && token == SG_PDF_TOKEN_NAME && strcmp(r->word, "Length") == 0;
    }
}

static enum sg_rc refuse_spelling(struct update *u, uint64_t at, struct sg_err *err)
{
    return refuse(u, err,
                  _("What was appended at octet %llu is written so that readers may take it in different ways."),
                  (unsigned long long)at);
}

/* A number of an object stream's head (§7.5.7). */
static bool take_number(const struct sg_buf *data, size_t end, size_t *at, int64_t *ret)
{
    size_t first = 0;
    while (*at < end && sg_pdf_is_space((char)data->data[*at]))
        (*at)++;
    first = *at;
    for (*ret = 0; *at < end && *at - first < 15 && is_digit(data->data[*at]); (*at)++)
        *ret = *ret * 10 + (data->data[*at] - '0');
    return *at > first;
}

static enum sg_rc check_head(struct update *u, const struct sg_buf *data, int holder, int64_t count, size_t end,
                             struct sg_err *err)
{
    size_t at = 0;
    for (int64_t i = 0; i < count; i++) {
        int64_t number = 0, offset = 0;
        if (!take_number(data, end, &at, &number) || !take_number(data, end, &at, &offset) ||
            number > SG_MAX_PDF_NUMBER)
            return refuse(u, err, _("The object stream %d does not say what is in it."), holder);
        const struct sg_pdf_place *place = sg_pdf_place_of(u->after, (int)number);
        if (!place || !place->compressed || place->offset != (uint64_t)holder || place->index != i)
            return refuse(u, err,
                          _("Object %d in the object stream %d was appended, and no cross-reference leads to it."),
                          (int)number, holder);
    }
    return SG_OK;
}

/* No object may wait in an object stream, either. */
static enum sg_rc check_packed(struct update *u, struct sg_pdf_id id, const struct sg_pdf_value *stream,
                               struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf data = SG_BUF(SG_MAX_PDF_COMPARED);
    const struct sg_pdf_value *count = NULL, *first = NULL;
    enum sg_rc rc = sg_pdf_find(u->after, stream, "N", &count, err);
    if (rc == SG_OK)
        rc = sg_pdf_find(u->after, stream, "First", &first, err);
    if (rc == SG_OK)
        rc = sg_pdf_stream(u->after, id, true, &data, err);
    if (rc != SG_OK)
        return rc;
    if (!count || count->type != SG_PDF_INTEGER || !first || first->type != SG_PDF_INTEGER || first->integer < 0 ||
        (uint64_t)first->integer > data.len)
        return refuse(u, err, _("The object stream %d does not say what is in it."), id.number);
    return check_head(u, &data, id.number, count->integer, (size_t)first->integer, err);
}

/* The streams that hold the file's own structure (§7.5.7, §7.5.8). */
static enum sg_rc check_kind(struct update *u, uint64_t at, struct sg_pdf_id id, const struct sg_pdf_value *stream,
                             struct sg_err *err)
{
    const struct sg_pdf_value *type = sg_pdf_get(stream, "Type"), *widths = sg_pdf_get(stream, "W");
    bool is_section = at == u->after->startxref || at == u->beside;
    if (is_section && (!widths || widths->type != SG_PDF_ARRAY || widths->count != 3))
        return refuse_spelling(u, at, err);
    if (!is_section && sg_pdf_is_name(type, "XRef"))
        return refuse(u, err, _("A cross-reference to which nothing leads was appended at octet %llu."),
                      (unsigned long long)at);
    u->has_section |= at == u->after->startxref;
    return sg_pdf_is_name(type, "ObjStm") ? check_packed(u, id, stream, err) : SG_OK;
}

static enum sg_rc take_data(struct update *u, uint64_t at, const struct sg_pdf_value *stream, struct sg_err *err)
{
    struct sg_pdf_reader *r = &u->reader;
    const struct sg_pdf_value *length = NULL;
    enum sg_rc rc = sg_pdf_find(u->after, stream, "Length", &length, err);
    if (rc != SG_OK)
        return rc;
    (void)take_text(r, "\r");
    if (!take_text(r, "\n") || !length || length->type != SG_PDF_INTEGER || length->integer < 0 ||
        (uint64_t)length->integer > r->limit - r->at)
        return refuse_spelling(u, at, err);
    r->at += (uint64_t)length->integer;
    r->left -= (uint64_t)length->integer;
    skip_blank(r);
    u->streams++;
    return take_word(r, "endstream") && take_word(r, "endobj") ? SG_OK : refuse_spelling(u, at, err);
}

/* `place` NULL: a section that is a stream, and not in itself. */
static enum sg_rc find_stream(struct update *u, uint64_t at, const struct sg_pdf_place *place,
                              const struct sg_pdf_value **ret, struct sg_err *err)
{
    if (place)
        return sg_pdf_object(u->after, place->id, ret, err);
    *ret = u->after->trailer;
    return at == u->after->startxref ? SG_OK : u->after->module->dictionary(u->after, at, ret, err);
}

static enum sg_rc take_stream(struct update *u, uint64_t at, const struct sg_pdf_place *place, struct sg_err *err)
{
    const struct sg_pdf_value *stream = NULL;
    enum sg_rc rc = find_stream(u, at, place, &stream, err);
    if (rc == SG_OK)
        rc = take_data(u, at, stream, err);
    if (rc == SG_OK && !u->why)
        rc = check_kind(u, at, place ? place->id : (struct sg_pdf_id){0}, stream, err);
    return rc;
}

/* `at`: the offset that leads here. */
static enum sg_rc take_object(struct update *u, uint64_t at, const struct sg_pdf_place *place, struct sg_err *err)
{
    struct sg_pdf_reader *r = &u->reader;
    int64_t number = 0, generation = 0;
    unsigned lengths = 0;
    bool has_header = take_digits(r, &number) && take_text(r, " ") && take_digits(r, &generation) &&
                      take_text(r, " obj") && !sg_pdf_is_regular(sg_pdf_peek(r));
    if (!has_header || (place && (number != place->id.number || generation != place->id.generation)) ||
        !take_value(r, false, &lengths))
        return refuse_spelling(u, at, err);
    u->objects++;
    if (strcmp(r->word, "stream") != 0)
        return SG_OK;
    return lengths == 1 ? take_stream(u, at, place, err) : refuse_spelling(u, at, err);
}

/* --- a table (§7.5.4), and what stands at the end (§7.5.5) ----------------------------------------------------------
 */

#define ENTRY_LEN 20

/* "nnnnnnnnnn ggggg n", and two octets that end the line. */
static bool take_entry(struct sg_pdf_reader *r, bool *ret_used)
{
    static const char form[] = "0000000000 00000 u";
    char entry[ENTRY_LEN];
    for (size_t i = 0; i < ENTRY_LEN; i++) {
        int c = sg_pdf_next(r);
        if (c == SG_PDF_NOT_THERE)
            return false;
        entry[i] = (char)c;
    }
    for (size_t i = 0; form[i]; i++)
        if (form[i] == '0' ? !is_digit(entry[i]) : form[i] == ' ' && entry[i] != ' ')
            return false;
    *ret_used = entry[17] == 'n';
    return (*ret_used || entry[17] == 'f') && (memcmp(entry + 18, " \r", 2) == 0 || memcmp(entry + 18, " \n", 2) == 0 ||
                                               memcmp(entry + 18, "\r\n", 2) == 0);
}

static enum sg_rc take_subsection(struct update *u, uint64_t at, struct sg_err *err)
{
    struct sg_pdf_reader *r = &u->reader;
    int64_t first = 0, count = 0;
    if (!take_digits(r, &first) || !take_text(r, " ") || !take_digits(r, &count))
        return refuse_spelling(u, at, err);
    (void)take_text(r, " ");
    if (!take_line_end(r))
        return refuse_spelling(u, at, err);
    for (int64_t i = 0; i < count; i++) {
        bool used = false;
        if (first + i > SG_MAX_PDF_NUMBER || !take_entry(r, &used))
            return refuse_spelling(u, at, err);
        if (!used && sg_pdf_place_of(u->before, (int)(first + i)) && sg_pdf_place_of(u->after, (int)(first + i)))
            return refuse(u, err, _("Object %d was hidden from readers that know no cross-reference streams."),
                          (int)(first + i));
    }
    return SG_OK;
}

static enum sg_rc take_table(struct update *u, struct sg_err *err)
{
    struct sg_pdf_reader *r = &u->reader;
    uint64_t at = r->at;
    unsigned lengths = 0;
    enum sg_rc rc = SG_OK;
    u->has_section = true;
    if (!take_text(r, "xref") || !take_line_end(r))
        return refuse_spelling(u, at, err);
    while (rc == SG_OK && !u->why && is_digit(sg_pdf_peek(r)))
        rc = take_subsection(u, at, err);
    if (rc != SG_OK || u->why)
        return rc;
    skip_blank(r);
    bool clear = sg_pdf_peek(r) == 't' && take_word(r, "trailer") && take_value(r, true, &lengths);
    return clear ? SG_OK : refuse_spelling(u, at, err);
}

static enum sg_rc take_ending(struct update *u, struct sg_err *err)
{
    struct sg_pdf_reader *r = &u->reader;
    uint64_t at = r->at;
    int64_t section = 0;
    bool clear = u->has_section && take_text(r, "startxref") && take_line_end(r) && take_digits(r, &section) &&
                 take_line_end(r) && take_text(r, "%%EOF");
    if (!clear || (uint64_t)section != u->after->startxref)
        return refuse_spelling(u, at, err);
    skip_blank(r);
    return r->at == r->limit ? SG_OK : refuse(u, err, "%s", _("Something stands behind the end of the file."));
}

/* --- all of it ------------------------------------------------------------------------------------------------------
 */

static int by_offset(const void *a, const void *b)
{
    const struct sg_pdf_place *x = *(const struct sg_pdf_place *const *)a, *y = *(const struct sg_pdf_place *const *)b;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

static enum sg_rc find_places(struct update *u, struct sg_err *err)
{
    const struct sg_pdf *after = u->after;
    for (int pass = 0; pass < 2; pass++) {
        u->count = 0;
        for (size_t i = 0; i < after->count; i++) {
            const struct sg_pdf_place *place = &after->places[i];
            if (place->compressed || place->offset < u->before->end)
                continue;
            if (pass == 1)
                u->places[u->count] = place;
            u->count++;
        }
        if (pass == 0 && !(u->places = reallocarray(NULL, u->count + 1, sizeof(struct sg_pdf_place *))))
            return sg_fail_memory(err);
    }
    if (u->count > 1)
        qsort(u->places, u->count, sizeof(struct sg_pdf_place *), by_offset);
    return SG_OK;
}

/* To what comes next; an offset may lead to the white space in front of it, which begins where is returned. */
static uint64_t skip_between(struct sg_pdf_reader *r)
{
    uint64_t from = r->at;
    skip_blank(r);
    if (sg_pdf_peek(r) != '%')
        return from;
    sg_pdf_skip_space(r);
    return r->at;
}

static bool is_within(uint64_t offset, uint64_t from, uint64_t to)
{
    return offset >= from && offset <= to;
}

static enum sg_rc walk(struct update *u, struct sg_err *err)
{
    const struct sg_pdf *after = u->after;
    enum sg_rc rc = SG_OK;
    while (rc == SG_OK && !u->why) {
        const struct sg_pdf_place *place = u->taken < u->count ? u->places[u->taken] : NULL;
        uint64_t from = skip_between(&u->reader), at = u->reader.at;
        if (place && is_within(place->offset, from, at)) {
            u->taken++;
            rc = take_object(u, place->offset, place, err);
        } else if (is_within(u->beside, from, at)) {
            rc = take_object(u, u->beside, NULL, err);
        } else if (is_within(after->startxref, from, at) && !u->has_section) {
            rc = after->xref == SG_PDF_XREF_STREAM ? take_object(u, after->startxref, NULL, err) : take_table(u, err);
        } else if (!place && sg_pdf_peek(&u->reader) == 's') {
            return take_ending(u, err);
        } else {
            return refuse(u, err, _("At octet %llu something was appended to which no cross-reference leads."),
                          (unsigned long long)at);
        }
    }
    return rc;
}

/* What a reader that looks for objects would find, whatever it stands in: a comment, a string, a stream's data. */
struct census {
    enum { NOTHING, FIRST, BEHIND_FIRST, SECOND, BEHIND_SECOND, O, OB } phase;
    bool comment;
    uint64_t last; /* eight octets */
    uint64_t objects, streams;
};

#define NDSTREAM UINT64_C(0x6e6473747265616d)

/* "N G obj", however its words are parted. */
static void look_for_object(struct census *census, uint8_t c)
{
    static const uint8_t digit[] = {FIRST, FIRST, SECOND, SECOND, SECOND, FIRST, FIRST};
    static const uint8_t blank[] = {NOTHING,       BEHIND_FIRST, BEHIND_FIRST, BEHIND_SECOND,
                                    BEHIND_SECOND, NOTHING,      NOTHING};
    if (census->comment)
        census->comment = c != '\r' && c != '\n';
    else if (is_digit(c))
        census->phase = digit[census->phase];
    else if (sg_pdf_is_space((char)c) || c == '\v' || c == '%') {
        census->phase = blank[census->phase];
        census->comment = c == '%' && census->phase != NOTHING;
    } else if ((census->phase == SECOND || census->phase == BEHIND_SECOND) && c == 'o')
        census->phase = O;
    else if (census->phase == O && c == 'b')
        census->phase = OB;
    else if ((census->phase != BEHIND_FIRST && census->phase != BEHIND_SECOND) || (c != '+' && c != '-')) {
        census->objects += census->phase == OB && c == 'j';
        census->phase = NOTHING;
    }
}

static enum sg_rc look(void *context, const uint8_t *data, size_t len, struct sg_err *err)
{
    struct census *census = context;
    (void)err;
    for (size_t i = 0; i < len; i++) {
        uint8_t first = (uint8_t)(census->last >> 56);
        look_for_object(census, data[i]);
        census->last = census->last << 8 | data[i];
        census->streams += census->last == NDSTREAM && first == 'e';
    }
    return SG_OK;
}

static enum sg_rc check_census(struct update *u, struct sg_err *err)
{
    struct census census = {0};
    uint64_t from = u->before->end;
    enum sg_rc rc = sg_input_copy(u->after->input, from, u->after->end - from, (struct sg_sink){look, &census}, err);
    if (rc != SG_OK || (census.objects == u->objects && census.streams == u->streams))
        return rc;
    return refuse(u, err, "%s", _("Something was appended within an object that readers may take for another object."));
}

/* An object with a number above /Size is missing for some readers (§7.5.5), until that is raised. */
static enum sg_rc check_size(struct update *u, struct sg_err *err)
{
    const struct sg_pdf_value *old = sg_pdf_get(u->before->trailer, "Size"),
                              *new = sg_pdf_get(u->after->trailer, "Size");
    int highest = u->before->count > 0 ? u->before->places[u->before->count - 1].id.number : 0;
    if (!old || old->type != SG_PDF_INTEGER || !new || new->type != SG_PDF_INTEGER || highest < old->integer ||
        new->integer <= old->integer)
        return SG_OK;
    return refuse(u, err,
                  _("Object %d, which was beyond /Size of the signed trailer, was brought into the file by that."),
                  highest);
}

static void update_clear(struct update *u)
{
    free(u->places);
    free(u->why);
}

enum sg_rc sg_pdf_update_check(struct sg_pdf *before, struct sg_pdf *after, char **ret_why, struct sg_err *err)
{
    _cleanup_(update_clear) struct update u = {.before = before, .after = after, .beside = SG_PDF_NO_OFFSET};
    const struct sg_pdf_value *beside = sg_pdf_get(after->trailer, "XRefStm");
    u.reader = (struct sg_pdf_reader){
        .input = after->input, .at = before->end, .limit = after->end, .left = after->end - before->end, .err = err};
    if (after->xref == SG_PDF_XREF_HYBRID && beside->type == SG_PDF_INTEGER && beside->integer >= 0)
        u.beside = (uint64_t)beside->integer;
    enum sg_rc rc = find_places(&u, err);
    if (rc == SG_OK)
        rc = check_size(&u, err);
    if (rc == SG_OK && !u.why)
        rc = walk(&u, err);
    if (rc == SG_OK && !u.why)
        rc = check_census(&u, err);
    if (rc == SG_OK && u.reader.rc != SG_OK)
        rc = u.reader.rc;
    if (rc == SG_OK)
        *ret_why = sg_steal(u.why);
    return rc;
}
