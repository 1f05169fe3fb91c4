#include "formats/pdf_write.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>

#include "base/limits.h"
#include "base/msg.h"

#define ID_LEN 16                             /* octets of a half of /ID (§14.4) */
#define MAX_TABLE_OFFSET UINT64_C(9999999999) /* a table's entries have ten digits (§7.5.4) */

/* An object of the update. */
struct place {
    struct sg_pdf_id id;
    uint64_t offset;
};

struct sg_pdf_update {
    struct sg_pdf *pdf;
    const char *name; /* of the file */
    uint64_t base;
    struct sg_buf bytes;
    struct sg_pdf_put put; /* into `bytes` */
    struct place places[SG_MAX_PDF_UPDATE_OBJECTS];
    size_t count;
    int next; /* number that no object has, and that none refers to */
};

/* Which numbers from `first` on are referred to. */
struct referred {
    int64_t first;
    bool noted[SG_MAX_PDF_NUMBERS_PASSED];
};

static void note_references(const struct sg_pdf_value *value, struct referred *referred)
{
    const int64_t at = value->id.number - referred->first;

    if (value->type == SG_PDF_REFERENCE && at >= 0 && at < SG_MAX_PDF_NUMBERS_PASSED)
        referred->noted[at] = true;
    for (size_t i = 0; i < value->count; i++)
        note_references(&value->entries[i].value, referred);
}

/* What a reference leads to that leads nowhere is null (§7.3.10), and stays so: an object of that number would be a
 * change of what an earlier signature covers. Gives the first from which on as many numbers are free as an update may
 * take, or one that is too high. */
static enum sg_rc pass_referred(struct sg_pdf *pdf, int64_t *next, struct sg_err *err)
{
    _cleanup_(freep) struct referred *referred = calloc(1, sizeof(*referred));
    const struct sg_pdf_value *value = NULL;
    size_t count = 0, at = 0;
    const struct sg_pdf_place *places = sg_pdf_places(pdf, &count);
    enum sg_rc rc = SG_OK;

    if (!referred)
        return sg_fail_memory(err);
    referred->first = *next;
    note_references(sg_pdf_trailer(pdf), referred);
    for (size_t i = 0; rc == SG_OK && i < count; i++) {
        rc = sg_pdf_object(pdf, places[i].id, &value, err);
        if (rc == SG_OK)
            note_references(value, referred);
    }
    for (size_t i = 0; i < SG_MAX_PDF_NUMBERS_PASSED && i < at + SG_MAX_PDF_UPDATE_OBJECTS; i++)
        if (referred->noted[i])
            at = i + 1;
    *next += at + SG_MAX_PDF_UPDATE_OBJECTS <= SG_MAX_PDF_NUMBERS_PASSED ? (int64_t)at : SG_MAX_PDF_NUMBER;
    return rc;
}

/* /Size may be wrong; what is above it is passed over as well. */
static enum sg_rc find_next_number(struct sg_pdf_update *update, struct sg_err *err)
{
    size_t count = 0;
    const struct sg_pdf_place *places = sg_pdf_places(update->pdf, &count);
    const struct sg_pdf_value *size = sg_pdf_get(sg_pdf_trailer(update->pdf), "Size");
    int64_t next = size && size->type == SG_PDF_INTEGER ? size->integer : 0;

    if (count > 0 && next <= places[count - 1].id.number)
        next = (int64_t)places[count - 1].id.number + 1;
    enum sg_rc rc = next > 0 ? pass_referred(update->pdf, &next, err) : SG_OK;
    if (rc != SG_OK)
        return rc;
    if (next < 1 || next > SG_MAX_PDF_NUMBER - SG_MAX_PDF_UPDATE_OBJECTS)
        return sg_about(update->name, err,
                        sg_fail(err, SG_E_MALFORMED,
                                _("\"%s\" is a broken PDF: its trailer has no usable /Size, or its objects leave no "
                                  "numbers for new ones."),
                                update->name));
    update->next = (int)next;
    return SG_OK;
}

/* An update begins on a line of its own. */
static enum sg_rc end_last_line(struct sg_pdf_update *update, struct sg_input *input, struct sg_err *err)
{
    uint8_t last = '\n';
    size_t len = 0;
    enum sg_rc rc = update->base > 0 ? sg_input_read(input, update->base - 1, &last, 1, &len, err) : SG_OK;

    if (rc == SG_OK && last != '\n' && last != '\r')
        rc = sg_buf_append(&update->bytes, "\n", 1, err);
    return rc;
}

enum sg_rc sg_pdf_update_new(struct sg_pdf *pdf, struct sg_input *input, struct sg_pdf_update **ret, struct sg_err *err)
{
    _cleanup_(sg_pdf_update_freep) struct sg_pdf_update *update = calloc(1, sizeof(*update));

    if (!update)
        return sg_fail_memory(err);
    update->pdf = pdf;
    update->name = sg_input_name(input);
    update->base = sg_input_size(input);
    update->bytes.max = SG_MAX_PDF_UPDATE;
    update->put.out = &update->bytes;
    enum sg_rc rc = find_next_number(update, err);
    if (rc == SG_OK)
        rc = end_last_line(update, input, err);
    if (rc == SG_OK)
        *ret = sg_steal(update);
    return rc;
}

void sg_pdf_update_free(struct sg_pdf_update *update)
{
    if (!update)
        return;
    sg_buf_clear(&update->bytes);
    free(update);
}

struct sg_pdf_id sg_pdf_update_new_id(struct sg_pdf_update *update)
{
    return (struct sg_pdf_id){.number = update->next++};
}

uint64_t sg_pdf_update_base(const struct sg_pdf_update *update)
{
    return update->base;
}

struct sg_buf *sg_pdf_update_bytes(struct sg_pdf_update *update)
{
    return &update->bytes;
}

/* Keeps the places sorted, as a cross-reference section wants them. */
static enum sg_rc add_place(struct sg_pdf_update *update, struct sg_pdf_id id, struct sg_err *err)
{
    size_t at = update->count;

    if (at == SG_MAX_PDF_UPDATE_OBJECTS)
        return sg_fail(err, SG_E_LIMIT, _("Signing \"%s\" would change more than %d of its objects."), update->name,
                       SG_MAX_PDF_UPDATE_OBJECTS);
    while (at > 0 && update->places[at - 1].id.number >= id.number)
        at--;
    if (at < update->count && update->places[at].id.number == id.number)
        return sg_about(update->name, err,
                        sg_fail(err, SG_E_MALFORMED,
                                _("\"%s\" is a broken PDF: its object %d is used as two different things."),
                                update->name, id.number));
    memmove(update->places + at + 1, update->places + at, (update->count - at) * sizeof(*update->places));
    update->places[at] = (struct place){.id = id, .offset = update->base + update->bytes.len};
    update->count++;
    return SG_OK;
}

struct sg_pdf_put *sg_pdf_update_begin(struct sg_pdf_update *update, struct sg_pdf_id id, struct sg_err *err)
{
    update->put.err = err;
    if (update->put.rc == SG_OK)
        update->put.rc = add_place(update, id, err);
    sg_pdf_put_format(&update->put, "%d %d obj\n", id.number, id.generation);
    return &update->put;
}

void sg_pdf_update_stream(struct sg_pdf_update *update, struct sg_slice data)
{
    sg_pdf_put_format(&update->put, "\nstream\n");
    sg_pdf_put_raw(&update->put, data);
    sg_pdf_put_format(&update->put, "\nendstream");
}

enum sg_rc sg_pdf_update_end(struct sg_pdf_update *update)
{
    sg_pdf_put_format(&update->put, "\nendobj\n");
    return update->put.rc;
}

/* /ID: the first half is the file's for ever, the second this revision's (§14.4). */
static enum sg_rc make_id(const struct sg_pdf_update *update, struct sg_buf *out, struct sg_err *err)
{
    struct sg_pdf_put put = {.out = out, .err = err};
    const struct sg_pdf_value *id = NULL;
    uint8_t random[ID_LEN];

    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return sg_fail_errno(err, SG_E_INTERNAL, errno, "%s", _("The system has no random numbers."));
    enum sg_rc rc = sg_pdf_find(update->pdf, sg_pdf_trailer(update->pdf), "ID", &id, err);
    if (rc != SG_OK)
        return rc;
    const bool has_first = id && id->type == SG_PDF_ARRAY && id->count == 2 &&
                           id->entries[0].value.type == SG_PDF_STRING && id->entries[0].value.text.len > 0;
    const struct sg_slice second = {random, sizeof(random)};
    sg_pdf_put_format(&put, "[");
    sg_pdf_put_string(&put, has_first ? id->entries[0].value.text : second);
    sg_pdf_put_string(&put, second);
    sg_pdf_put_format(&put, "]");
    return put.rc;
}

/* The newest trailer's entries (§7.5.6: all of them), without what speaks of its own section. `more`: entries that a
 * cross-reference stream has beside them. */
static void put_trailer(struct sg_pdf_update *update, struct sg_slice id, const struct sg_pdf_change *more,
                        size_t more_count)
{
    char size[32];
    char prev[32];
    struct sg_pdf_change changes[16] = {{.key = "XRefStm"}, {.key = "Type"},        {.key = "W"},      {.key = "Index"},
                                        {.key = "Filter"},  {.key = "DecodeParms"}, {.key = "Length"}, {.key = "DL"}};
    size_t count = 8;

    const int size_len = snprintf(size, sizeof(size), "%d", update->next);
    const int prev_len = snprintf(prev, sizeof(prev), "%" PRIu64, sg_pdf_startxref(update->pdf));
    changes[count++] = (struct sg_pdf_change){"Size", {(const uint8_t *)size, (size_t)size_len}};
    changes[count++] = (struct sg_pdf_change){"Prev", {(const uint8_t *)prev, (size_t)prev_len}};
    changes[count++] = (struct sg_pdf_change){"ID", id};
    for (size_t i = 0; i < more_count; i++)
        changes[count++] = more[i];
    sg_pdf_put_changed(&update->put, sg_pdf_trailer(update->pdf), changes, count);
}

/* The objects from `first` on that have consecutive numbers: a subsection. */
static size_t run_length(const struct sg_pdf_update *update, size_t first)
{
    size_t n = 1;

    while (first + n < update->count && update->places[first + n].id.number == update->places[first].id.number + (int)n)
        n++;
    return n;
}

static enum sg_rc put_table(struct sg_pdf_update *update, struct sg_slice id)
{
    if (update->base + update->bytes.len > MAX_TABLE_OFFSET)
        return sg_fail(update->put.err, SG_E_LIMIT,
                       _("\"%s\" is too large for the cross-reference table that it has; have it written anew."),
                       update->name);
    sg_pdf_put_format(&update->put, "xref\n");
    for (size_t i = 0, n = 0; i < update->count; i += n) {
        n = run_length(update, i);
        sg_pdf_put_format(&update->put, "%d %zu\n", update->places[i].id.number, n);
        for (size_t j = i; j < i + n; j++)
            sg_pdf_put_format(&update->put, "%010" PRIu64 " %05d n \n", update->places[j].offset,
                              update->places[j].id.generation);
    }
    sg_pdf_put_format(&update->put, "trailer\n");
    put_trailer(update, id, NULL, 0);
    return update->put.rc;
}

/* Fields of one, eight and two octets (§7.5.8.2), not compressed: there are few. */
static void put_stream_entries(const struct sg_pdf_update *update, struct sg_pdf_put *index, struct sg_pdf_put *data)
{
    for (size_t i = 0, n = 0; i < update->count; i += n) {
        n = run_length(update, i);
        sg_pdf_put_format(index, "%s%d %zu", i > 0 ? " " : "", update->places[i].id.number, n);
    }
    for (size_t i = 0; i < update->count; i++) {
        uint8_t entry[11] = {1};
        for (size_t j = 0; j < 8; j++)
            entry[1 + j] = (uint8_t)(update->places[i].offset >> (56 - 8 * j));
        entry[9] = (uint8_t)(update->places[i].id.generation >> 8);
        entry[10] = (uint8_t)update->places[i].id.generation;
        sg_pdf_put_raw(data, (struct sg_slice){entry, sizeof(entry)});
    }
}

static struct sg_slice text_slice(const char *text)
{
    return (struct sg_slice){(const uint8_t *)text, strlen(text)};
}

static enum sg_rc put_stream(struct sg_pdf_update *update, struct sg_slice id, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf index = SG_BUF(SG_MAX_PDF_UPDATE);
    _cleanup_(sg_buf_clear) struct sg_buf data = SG_BUF(SG_MAX_PDF_UPDATE);
    struct sg_pdf_put index_put = {.out = &index, .err = err};
    struct sg_pdf_put data_put = {.out = &data, .err = err};
    char length[32];

    (void)sg_pdf_update_begin(update, sg_pdf_update_new_id(update), err);
    sg_pdf_put_format(&index_put, "[");
    put_stream_entries(update, &index_put, &data_put);
    sg_pdf_put_format(&index_put, "]");
    if (index_put.rc != SG_OK || data_put.rc != SG_OK)
        return index_put.rc != SG_OK ? index_put.rc : data_put.rc;
    (void)snprintf(length, sizeof(length), "%zu", data.len);
    const struct sg_pdf_change more[] = {{"Type", text_slice("/XRef")},
                                         {"W", text_slice("[1 8 2]")},
                                         {"Index", sg_buf_slice(&index)},
                                         {"Length", text_slice(length)}};
    put_trailer(update, id, more, sizeof(more) / sizeof(*more));
    sg_pdf_update_stream(update, sg_buf_slice(&data));
    return sg_pdf_update_end(update);
}

enum sg_rc sg_pdf_update_finish(struct sg_pdf_update *update, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf id = SG_BUF(SG_MAX_PDF_UPDATE);
    const uint64_t startxref = update->base + update->bytes.len;

    update->put.err = err;
    enum sg_rc rc = update->put.rc;
    if (rc == SG_OK)
        rc = make_id(update, &id, err);
    if (rc != SG_OK)
        return rc;
    /* A hybrid file's table names the stream that goes with it, and is reached by /Prev. */
    rc = sg_pdf_xref(update->pdf) == SG_PDF_XREF_STREAM ? put_stream(update, sg_buf_slice(&id), err)
                                                        : put_table(update, sg_buf_slice(&id));
    sg_pdf_put_format(&update->put, "\nstartxref\n%" PRIu64 "\n%%%%EOF\n", startxref);
    return rc == SG_OK ? update->put.rc : rc;
}
