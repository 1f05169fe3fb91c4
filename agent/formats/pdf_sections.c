/* A cross-reference section says once where an object is (ISO 32000-1 §7.5.4, §7.5.8.2): of two places for one number
 * one reader takes the first, and another the last. */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/msg.h"
#include "formats/pdf_private.h"

/* The numbers [first, first + count). */
struct run {
    int64_t first, count;
};

struct numbers {
    struct run *list;
    size_t count, room;
};

struct section {
    const struct sg_pdf *pdf;
    struct numbers all, used; /* of a hybrid: without the free entries of its table, which its stream repeats */
    /* Of a table, word by word. */
    char word[24];
    size_t len;
    unsigned expected; /* of a subsection's two numbers: how many are there */
    int64_t next;      /* the number of the next entry */
    uint64_t skipped;  /* words of entries that are still to come */
    bool done;
};

static enum sg_rc add(struct numbers *numbers, int64_t first, int64_t count, struct sg_err *err)
{
    if (numbers->count == numbers->room) {
        size_t room = numbers->room * 2 + 16;
        struct run *list = room <= 2 * SG_MAX_PDF_OBJECTS ? reallocarray(numbers->list, room, sizeof(*list)) : NULL;
        if (!list)
            return room <= 2 * SG_MAX_PDF_OBJECTS
                       ? sg_fail_memory(err)
                       : sg_fail(err, SG_E_LIMIT, "%s", _("A cross-reference section of the PDF has too many parts."));
        numbers->list = list;
        numbers->room = room;
    }
    numbers->list[numbers->count++] = (struct run){first, count};
    return SG_OK;
}

/* Another entry of a table that is in use. */
static enum sg_rc add_used(struct section *section, int64_t number, struct sg_err *err)
{
    struct run *last = section->used.count > 0 ? &section->used.list[section->used.count - 1] : NULL;
    if (!last || last->first + last->count != number)
        return add(&section->used, number, 1, err);
    last->count++;
    return SG_OK;
}

static enum sg_rc refuse_word(const struct section *section, struct sg_err *err)
{
    const char *name = sg_input_name(section->pdf->input);
    return sg_about(name, err,
                    sg_fail(err, SG_E_MALFORMED,
                            _("The PDF \"%s\" is broken: its cross-reference at octet %llu is not made of entries that "
                              "all readers take alike."),
                            name, (unsigned long long)section->pdf->startxref));
}

/* Of an entry's three words the last says whether it is in use. In front of all is "xref". */
static enum sg_rc take_entry_word(struct section *section, struct sg_err *err)
{
    section->skipped--;
    if (section->expected == 0)
        return strcmp(section->word, "xref") == 0 ? SG_OK : refuse_word(section, err);
    if (section->skipped % 3 != 0)
        return SG_OK;
    int64_t number = section->next++;
    if (strcmp(section->word, "f") == 0)
        return SG_OK;
    return strcmp(section->word, "n") == 0 ? add_used(section, number, err) : refuse_word(section, err);
}

static enum sg_rc take_word(struct section *section, struct sg_err *err)
{
    char *end = NULL;
    section->word[section->len] = '\0';
    section->len = 0;
    if (section->skipped > 0)
        return take_entry_word(section, err);
    if (section->expected % 2 == 0 && strncmp(section->word, "trailer", strlen("trailer")) == 0) {
        section->done = true;
        return SG_OK;
    }
    long long number = strtoll(section->word, &end, 10);
    if (*end != '\0' || section->word[0] < '0' || section->word[0] > '9' || number > SG_MAX_PDF_NUMBER)
        return refuse_word(section, err);
    section->expected++;
    if (section->expected % 2 == 1) {
        section->next = number;
        return add(&section->all, number, 0, err);
    }
    section->all.list[section->all.count - 1].count = number;
    section->skipped = 3 * (uint64_t)number;
    return SG_OK;
}

static enum sg_rc take_words(void *context, const uint8_t *data, size_t len, struct sg_err *err)
{
    struct section *section = context;
    enum sg_rc rc = SG_OK;
    for (size_t i = 0; rc == SG_OK && i < len && !section->done; i++) {
        if (!sg_pdf_is_space((char)data[i])) {
            section->word[section->len] = (char)data[i];
            section->len += section->len < sizeof(section->word) - 1;
        } else if (section->len > 0) {
            rc = take_word(section, err);
        }
    }
    return rc;
}

/* A piece at a time until "trailer". */
static enum sg_rc read_table(struct sg_pdf *pdf, struct section *section, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    section->skipped = 1; /* "xref" */
    for (uint64_t at = pdf->startxref; rc == SG_OK && !section->done && at < pdf->end; at += SG_SMALL_FILE) {
        uint64_t len = pdf->end - at < SG_SMALL_FILE ? pdf->end - at : SG_SMALL_FILE;
        rc = sg_input_copy(pdf->input, at, len, (struct sg_sink){take_words, section}, err);
    }
    return rc == SG_OK && !section->done ? refuse_word(section, err) : rc;
}

static enum sg_rc refuse_index(const struct sg_pdf *pdf, struct sg_err *err)
{
    const char *name = sg_input_name(pdf->input);
    return sg_about(
        name, err,
        sg_fail(err, SG_E_MALFORMED,
                _("The PDF \"%s\" is broken: the /Index of a cross-reference stream is no array of numbers."), name));
}

static enum sg_rc read_index(struct sg_pdf *pdf, const struct sg_pdf_value *stream, struct numbers *numbers,
                             struct sg_err *err)
{
    const struct sg_pdf_value *index = sg_pdf_get(stream, "Index"), *size = sg_pdf_get(stream, "Size");
    enum sg_rc rc = SG_OK;
    if (!index && size && size->type == SG_PDF_INTEGER)
        return add(numbers, 0, size->integer, err);
    if (!index || index->type != SG_PDF_ARRAY || index->count % 2 != 0)
        return refuse_index(pdf, err);
    for (size_t i = 0; i < index->count; i++)
        if (index->entries[i].value.type != SG_PDF_INTEGER || index->entries[i].value.integer < 0)
            return refuse_index(pdf, err);
    for (size_t i = 0; rc == SG_OK && i < index->count; i += 2)
        rc = add(numbers, index->entries[i].value.integer, index->entries[i + 1].value.integer, err);
    return rc;
}

/* What a hybrid's stream has may be free in its table (§7.5.8.4), and no more. */
static enum sg_rc read_hybrid(struct sg_pdf *pdf, struct section *section, struct sg_err *err)
{
    const struct sg_pdf_value *place = sg_pdf_get(pdf->trailer, "XRefStm"), *stream = NULL;
    if (place->type != SG_PDF_INTEGER || place->integer < 0)
        return refuse_index(pdf, err);
    enum sg_rc rc = pdf->module->dictionary(pdf, (uint64_t)place->integer, &stream, err);
    return rc == SG_OK ? read_index(pdf, stream, &section->used, err) : rc;
}

static int by_first(const void *a, const void *b)
{
    const struct run *x = a, *y = b;
    return (x->first > y->first) - (x->first < y->first);
}

static enum sg_rc refuse_repeated(const struct sg_pdf *pdf, struct numbers *numbers, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    if (numbers->count > 1)
        qsort(numbers->list, numbers->count, sizeof(*numbers->list), by_first);
    int64_t end = 0;
    for (size_t i = 0; rc == SG_OK && i < numbers->count; i++) {
        const struct run *run = &numbers->list[i];
        if (run->count == 0)
            continue;
        if (run->first < end)
            rc =
                sg_about(sg_input_name(pdf->input), err,
                         sg_fail(err, SG_E_MALFORMED,
                                 _("The PDF \"%s\" is broken: its cross-reference at octet %llu has object %lld more "
                                   "than once."),
                                 sg_input_name(pdf->input), (unsigned long long)pdf->startxref, (long long)run->first));
        else if (__builtin_add_overflow(run->first, run->count, &end))
            rc = refuse_index(pdf, err);
    }
    return rc;
}

enum sg_rc sg_pdf_check_section(struct sg_pdf *pdf, struct sg_err *err)
{
    struct section section = {.pdf = pdf};
    enum sg_rc rc = pdf->xref == SG_PDF_XREF_STREAM ? read_index(pdf, pdf->trailer, &section.all, err)
                                                    : read_table(pdf, &section, err);
    if (rc == SG_OK && pdf->xref == SG_PDF_XREF_HYBRID)
        rc = read_hybrid(pdf, &section, err);
    if (rc == SG_OK)
        rc = refuse_repeated(pdf, &section.all, err);
    if (rc == SG_OK)
        rc = refuse_repeated(pdf, &section.used, err);
    free(section.all.list);
    free(section.used.list);
    return rc;
}
