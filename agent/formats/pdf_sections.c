/* A cross-reference section says once where an object is (ISO 32000-1 §7.5.4, §7.5.8.2): of two places for one number
 * one reader takes the first, and another the last. */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/msg.h"
#include "formats/pdf_private.h"

/* A subsection: the numbers [first, first + count). */
struct subsection {
    int64_t first, count;
};

struct section {
    struct subsection *list;
    size_t count, room;
    /* Of a table, word by word. */
    char word[24];
    size_t len;
    unsigned expected; /* of a subsection's two numbers: how many are there */
    uint64_t skipped;  /* words of entries that are still to come */
    bool done;
};

static enum sg_rc add(struct section *section, int64_t first, int64_t count, struct sg_err *err)
{
    if (section->count == section->room) {
        size_t room = section->room * 2 + 16;
        struct subsection *list =
            room <= 2 * SG_MAX_PDF_OBJECTS ? reallocarray(section->list, room, sizeof(*list)) : NULL;
        if (!list)
            return room <= 2 * SG_MAX_PDF_OBJECTS
                       ? sg_fail_memory(err)
                       : sg_fail(err, SG_E_LIMIT, "%s", _("A cross-reference section of the PDF has too many parts."));
        section->list = list;
        section->room = room;
    }
    section->list[section->count++] = (struct subsection){first, count};
    return SG_OK;
}

static enum sg_rc take_word(struct section *section, struct sg_err *err)
{
    char *end = NULL;
    section->word[section->len] = '\0';
    section->len = 0;
    if (section->skipped > 0) {
        section->skipped--;
        return SG_OK;
    }
    long long number = strtoll(section->word, &end, 10);
    if (*end != '\0' || number < 0 || number > SG_MAX_PDF_NUMBER) {
        section->done = true; /* "trailer", or what qpdf has refused */
        return SG_OK;
    }
    section->expected++;
    if (section->expected % 2 == 1)
        return add(section, number, 0, err);
    section->list[section->count - 1].count = number;
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
    return rc;
}

static enum sg_rc read_index(struct sg_pdf *pdf, struct section *section, struct sg_err *err)
{
    const struct sg_pdf_value *index = sg_pdf_get(pdf->trailer, "Index");
    enum sg_rc rc = SG_OK;
    for (size_t i = 0; rc == SG_OK && index && index->type == SG_PDF_ARRAY && i + 1 < index->count; i += 2)
        rc = add(section, index->entries[i].value.integer, index->entries[i + 1].value.integer, err);
    return rc;
}

static int by_first(const void *a, const void *b)
{
    const struct subsection *x = a, *y = b;
    return (x->first > y->first) - (x->first < y->first);
}

enum sg_rc sg_pdf_check_section(struct sg_pdf *pdf, struct sg_err *err)
{
    struct section section = {0};
    enum sg_rc rc = pdf->xref == SG_PDF_XREF_STREAM ? read_index(pdf, &section, err) : read_table(pdf, &section, err);
    if (rc == SG_OK && section.count > 1)
        qsort(section.list, section.count, sizeof(*section.list), by_first);
    for (size_t i = 1; rc == SG_OK && i < section.count; i++) {
        const struct subsection *before = &section.list[i - 1];
        if (before->count > section.list[i].first - before->first && section.list[i].count > 0)
            rc = sg_about(sg_input_name(pdf->input), err,
                          sg_fail(err, SG_E_MALFORMED,
                                  _("The PDF \"%s\" is broken: its cross-reference at octet %llu has object %lld more "
                                    "than once."),
                                  sg_input_name(pdf->input), (unsigned long long)pdf->startxref,
                                  (long long)section.list[i].first));
    }
    free(section.list);
    return rc;
}
