#include "formats/pdf_overlap.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "formats/pdf_private.h"
#include "formats/pdf_tokens.h"

/* --- outlines -------------------------------------------------------------------------------------------------------
 */

#define NOT_SAID (-1)

enum key { KEY_LENGTH, KEY_PREV, KEY_XREF_STREAM, KEY_OTHER };

/* What stands at one place: an object, or a table with its trailer. */
struct outline {
    struct sg_pdf *pdf;
    struct sg_pdf_reader *reader;
    int depth;        /* of arrays and dictionaries */
    uint64_t arrays;  /* which of these are arrays: the innermost is the lowest bit */
    bool is_section;  /* of the cross-reference: there alone /Prev and /XRefStm lead to others */
    bool is_trailer;  /* it ends with its dictionary */
    bool unclear;     /* it cannot be told how far it reaches */
    bool no_length;   /* it cannot, should it be a stream */
    bool wants_value; /* a key was read last */
    enum key key;
    int words; /* of that key's value, so far: "12", or "12 0 R" */
    int64_t numbers[2];
    int64_t values[KEY_OTHER]; /* the greatest, should there be several: readers take one or the other */
};

static enum key key_of(const struct outline *o, const char *name)
{
    if (strcmp(name, "Length") == 0)
        return KEY_LENGTH;
    if (o->is_section && strcmp(name, "Prev") == 0)
        return KEY_PREV;
    return o->is_section && strcmp(name, "XRefStm") == 0 ? KEY_XREF_STREAM : KEY_OTHER;
}

/* The value of the key is none that all take alike. */
static void doubt(struct outline *o)
{
    if (o->key == KEY_LENGTH)
        o->no_length = true;
    else
        o->unclear = true;
}

/* A length that stands elsewhere, as it is there in this revision. */
static void resolve(struct outline *o)
{
    struct sg_pdf_id id = {(int)o->numbers[0], (int)o->numbers[1]};
    const struct sg_pdf_value *value = NULL;
    if (o->key != KEY_LENGTH || o->numbers[0] > SG_MAX_PDF_NUMBER || o->numbers[1] > SG_MAX_PDF_NUMBER) {
        doubt(o);
        return;
    }
    o->reader->rc = sg_pdf_object(o->pdf, id, &value, o->reader->err);
    if (o->reader->rc != SG_OK || value->type != SG_PDF_INTEGER)
        doubt(o);
    else if (value->integer > o->values[KEY_LENGTH])
        o->values[KEY_LENGTH] = value->integer;
}

static void end_value(struct outline *o)
{
    if (o->key == KEY_OTHER)
        return;
    if (o->words == 3)
        resolve(o);
    else if (o->words != 1)
        doubt(o);
    else if (o->numbers[0] > o->values[o->key])
        o->values[o->key] = o->numbers[0];
    o->key = KEY_OTHER;
}

static void take_value(struct outline *o, enum sg_pdf_token token)
{
    char *end = NULL;
    const char *word = o->reader->word;
    bool fits = token == SG_PDF_TOKEN_WORD && o->words < 3;
    if (fits && o->words < 2)
        o->numbers[o->words] = strtoll(word, &end, 10);
    fits = fits && (o->words < 2 ? *end == '\0' && *word != '-' : strcmp(word, "R") == 0);
    if (!fits)
        doubt(o);
    o->words++;
}

/* Readers differ in what closes an array or a dictionary that is closed as the other. */
static void nest(struct outline *o, enum sg_pdf_token token)
{
    bool is_array = o->reader->word[0] == '[' || o->reader->word[0] == ']';
    if (token == SG_PDF_TOKEN_OPEN) {
        o->unclear |= ++o->depth > SG_MAX_PDF_DEPTH;
        o->arrays = o->arrays << 1 | is_array;
    } else if (token == SG_PDF_TOKEN_CLOSE) {
        o->unclear |= (o->arrays & 1) != is_array;
        o->arrays >>= 1;
        o->depth--;
    }
}

/* A token within the dictionary, of which the keys of the outermost count. */
static void take_inner(struct outline *o, enum sg_pdf_token token)
{
    if (o->depth == 1 && token == SG_PDF_TOKEN_NAME && !o->wants_value) {
        end_value(o);
        o->key = key_of(o, o->reader->word);
        o->words = 0;
        o->wants_value = true;
        return;
    }
    if (o->depth == 1 && o->key != KEY_OTHER && token != SG_PDF_TOKEN_CLOSE)
        take_value(o, token);
    if (o->depth == 1)
        o->wants_value = false;
    nest(o, token);
    if (o->depth == 0)
        end_value(o);
    o->unclear |= token == SG_PDF_TOKEN_WORD && strcmp(o->reader->word, "endobj") == 0;
}

/* Whether "endstream" stands, as the end of a word, at `from` or behind and in front of the limit. */
static bool has_end(struct sg_pdf_reader *r, uint64_t from)
{
    static const char word[] = "endstream";
    size_t matched = 0;
    r->at = from;
    while (matched < strlen(word) || sg_pdf_is_regular(sg_pdf_peek(r))) {
        int c = sg_pdf_next(r);
        if (c == SG_PDF_NOT_THERE)
            return false;
        matched = c == word[matched] ? matched + 1 : c == word[0] ? 1 : 0;
    }
    return true;
}

/* The line end behind "stream" is no part of its data. A reader that finds no "endstream" behind them looks for it. */
static bool is_stream_clear(struct outline *o)
{
    struct sg_pdf_reader *r = o->reader;
    uint64_t length = o->values[KEY_LENGTH] > 0 ? (uint64_t)o->values[KEY_LENGTH] : 0;
    if (sg_pdf_peek(r) == '\r')
        (void)sg_pdf_next(r);
    if (sg_pdf_peek(r) == '\n')
        (void)sg_pdf_next(r);
    return !o->no_length && r->at <= r->limit && length <= r->limit - r->at && has_end(r, r->at + length);
}

/* Whether what begins at `at` ends in front of the reader's limit. */
static bool is_clear(struct outline *o, uint64_t at)
{
    struct sg_pdf_reader *r = o->reader;
    for (r->at = at; !o->unclear;) {
        enum sg_pdf_token token = sg_pdf_take_token(r);
        if (token == SG_PDF_TOKEN_NONE)
            return false;
        if (o->depth > 0) {
            take_inner(o, token);
            if (o->depth == 0 && o->is_trailer)
                return !o->unclear;
        } else if (token == SG_PDF_TOKEN_OPEN) {
            nest(o, token);
        } else if (token == SG_PDF_TOKEN_WORD && strcmp(r->word, "endobj") == 0) {
            return true;
        } else if (token == SG_PDF_TOKEN_WORD && strcmp(r->word, "stream") == 0) {
            return is_stream_clear(o);
        } else if (token == SG_PDF_TOKEN_WORD && strcmp(r->word, "trailer") == 0) {
            o->is_trailer = true;
        } else if (token == SG_PDF_TOKEN_CLOSE) {
            return false;
        }
    }
    return false;
}

/* --- all of it ------------------------------------------------------------------------------------------------------
 */

struct search {
    struct sg_pdf *pdf;
    struct sg_pdf_reader reader;
    uint64_t from, to;
};

/* `ret` is filled in as far as it was read. */
static enum sg_rc check_place(struct search *search, uint64_t at, bool is_section, struct outline *ret, bool *ret_clear,
                              struct sg_err *err)
{
    struct sg_pdf_reader *r = &search->reader;
    *ret = (struct outline){.pdf = search->pdf,
                            .reader = r,
                            .is_section = is_section,
                            .key = KEY_OTHER,
                            .values = {NOT_SAID, NOT_SAID, NOT_SAID}};
    r->err = err;
    r->limit = at < search->from ? search->from : search->pdf->end;
    *ret_clear = (at < search->from || at >= search->to) && is_clear(ret, at);
    return r->rc;
}

/* From the newest on, as /Prev leads to them; a hybrid's stream beside its table. */
static enum sg_rc check_sections(struct search *search, bool *ret_clear, struct sg_err *err)
{
    struct outline outline;
    int64_t at = (int64_t)search->pdf->startxref, beside = NOT_SAID;
    enum sg_rc rc = SG_OK;
    *ret_clear = true;
    for (int i = 0; rc == SG_OK && *ret_clear && at != NOT_SAID; i++) {
        rc = check_place(search, (uint64_t)at, true, &outline, ret_clear, err);
        at = outline.values[KEY_PREV];
        beside = outline.values[KEY_XREF_STREAM];
        if (rc == SG_OK && *ret_clear && beside != NOT_SAID)
            rc = check_place(search, (uint64_t)beside, true, &outline, ret_clear, err);
        *ret_clear = *ret_clear && i < SG_MAX_PDF_ENDINGS;
    }
    return rc;
}

enum sg_rc sg_pdf_find_overlap(struct sg_pdf *pdf, int holder, uint64_t from, uint64_t to, struct sg_pdf_overlap *ret,
                               struct sg_err *err)
{
    struct search search = {.pdf = pdf, .from = from, .to = to};
    struct outline outline;
    bool clear = true;
    search.reader = (struct sg_pdf_reader){.input = pdf->input, .left = 4 * pdf->end + SG_MIB};
    *ret = (struct sg_pdf_overlap){0};
    enum sg_rc rc = check_sections(&search, &clear, err);
    for (size_t i = 0; rc == SG_OK && clear && i < pdf->count; i++) {
        const struct sg_pdf_place *place = &pdf->places[i];
        if (place->compressed || place->id.number == holder || place->offset >= to)
            continue;
        rc = check_place(&search, place->offset, false, &outline, &clear, err);
        ret->number = place->id.number;
    }
    ret->found = rc == SG_OK && !clear;
    return rc;
}
