#include "formats/pdf_objects.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/msg.h"
#include "formats/module.h"
#include "formats/pdf_private.h"

#pragma weak sg_pdf_module_table

#define HEADER "%PDF-"
#define HEADER_WITHIN 1024 /* octets (Annex H, implementation note 13, of the first editions; probing only) */
#define TAIL 1024          /* octets, among which the last "startxref" stands; qpdf looks at 30 more */

static enum sg_rc load(const struct sg_pdf_module **ret, struct sg_err *err)
{
    static sg_module_kept kept;
    const void *table = NULL;
    enum sg_rc rc = sg_module_table("signet-pdf.so", SG_PDF_MODULE_SYMBOL, &sg_pdf_module_table, &kept, &table, err);
    if (rc == SG_OK)
        *ret = table;
    return rc;
}

enum sg_rc sg_pdf_preload(struct sg_err *err)
{
    const struct sg_pdf_module *module = NULL;
    return load(&module, err);
}

/* A ZIP file or tar archive, which may have a PDF as it is in front. */
static bool is_archive(const char *head, size_t len)
{
    static const char zip[] = "PK\3\4", tar[] = "ustar"; /* APPNOTE.TXT 4.3.7; POSIX pax, ustar header block */
    const size_t tar_at = 257;

    return (len >= strlen(zip) && memcmp(head, zip, strlen(zip)) == 0) ||
           (len >= tar_at + strlen(tar) && memcmp(head + tar_at, tar, strlen(tar)) == 0);
}

enum sg_rc sg_pdf_probe(struct sg_input *input, bool *ret_is_pdf, struct sg_err *err)
{
    char head[HEADER_WITHIN + sizeof(HEADER) - 1];
    size_t n = 0;
    enum sg_rc rc = sg_input_read(input, 0, head, sizeof(head), &n, err);
    if (rc == SG_OK)
        *ret_is_pdf = !is_archive(head, n) && memmem(head, n, HEADER, strlen(HEADER)) != NULL;
    return rc;
}

/* --- the end of a file ----------------------------------------------------------------------------------------------
 */

bool sg_pdf_read_ending(const char *text, size_t len, uint64_t *ret_startxref, size_t *ret_len)
{
    size_t at = strlen("startxref"), first = 0;
    uint64_t number = 0;

    while (at < len && sg_pdf_is_space(text[at]))
        at++;
    for (first = at; at < len && at - first < 16 && text[at] >= '0' && text[at] <= '9'; at++)
        number = number * 10 + (uint64_t)(text[at] - '0');
    if (at == first)
        return false;
    while (at < len && sg_pdf_is_space(text[at]))
        at++;
    if (len - at < strlen("%%EOF") || memcmp(text + at, "%%EOF", strlen("%%EOF")) != 0)
        return false;
    *ret_startxref = number;
    *ret_len = at + strlen("%%EOF");
    return true;
}

static enum sg_rc find_startxref(struct sg_input *input, uint64_t end, uint64_t *ret, struct sg_err *err)
{
    char tail[TAIL];
    size_t n = 0, used = 0, len = end < TAIL ? (size_t)end : TAIL;
    const char *found = NULL;
    enum sg_rc rc = sg_input_read(input, end - len, tail, len, &n, err);
    if (rc != SG_OK)
        return rc;
    for (const char *p = tail; (p = memmem(p, n - (size_t)(p - tail), "startxref", strlen("startxref"))); p++)
        found = p;
    if (found && sg_pdf_read_ending(found, n - (size_t)(found - tail), ret, &used) && *ret < end)
        return SG_OK;
    const char *name = sg_input_name(input);
    return sg_about(
        name, err,
        sg_fail(err, SG_E_MALFORMED,
                _("The PDF \"%s\" is broken: no \"startxref\" that points into it, followed by \"%%%%EOF\", "
                  "ends its first %llu octets; it may be cut off."),
                name, (unsigned long long)end));
}

/* --- documents ------------------------------------------------------------------------------------------------------
 */

static enum sg_rc check_header(struct sg_input *input, uint64_t end, struct sg_err *err)
{
    const char *name = sg_input_name(input);
    char head[sizeof(HEADER) - 1];
    size_t n = 0;
    enum sg_rc rc = sg_input_read(input, 0, head, sizeof(head), &n, err);
    if (rc != SG_OK)
        return rc;
    if (n == sizeof(head) && end >= n && memcmp(head, HEADER, n) == 0 && end <= sg_input_size(input))
        return SG_OK;
    return sg_about(
        name, err,
        sg_fail(err, SG_E_MALFORMED, _("The PDF \"%s\" is broken: it does not begin with \"%s\"."), name, HEADER));
}

/* What stands where "startxref" points: a table, or the object that is a stream. */
static enum sg_rc find_kind(struct sg_input *input, uint64_t startxref, bool *ret_is_table, struct sg_err *err)
{
    char head[32];
    size_t n = 0, at = 0;
    enum sg_rc rc = sg_input_read(input, startxref, head, sizeof(head), &n, err);
    if (rc != SG_OK)
        return rc;
    while (at < n && sg_pdf_is_space(head[at]))
        at++;
    *ret_is_table = n - at >= strlen("xref") && memcmp(head + at, "xref", strlen("xref")) == 0;
    if (*ret_is_table || (at < n && head[at] >= '0' && head[at] <= '9'))
        return SG_OK;
    const char *name = sg_input_name(input);
    return sg_about(name, err,
                    sg_fail(err, SG_E_MALFORMED,
                            _("The PDF \"%s\" is broken: its \"startxref\" points to octet %llu, where no "
                              "cross-reference begins."),
                            name, (unsigned long long)startxref));
}

static enum sg_pdf_xref xref_of(const struct sg_pdf *pdf, bool is_table)
{
    if (!is_table)
        return SG_PDF_XREF_STREAM;
    return sg_pdf_get(pdf->trailer, "XRefStm") ? SG_PDF_XREF_HYBRID : SG_PDF_XREF_TABLE;
}

enum sg_rc sg_pdf_open(struct sg_input *input, uint64_t end, struct sg_pdf **ret, struct sg_err *err)
{
    _cleanup_(sg_pdf_freep) struct sg_pdf *pdf = NULL;
    const struct sg_pdf_module *module = NULL;
    uint64_t startxref = 0;
    bool is_table = false;
    enum sg_rc rc = check_header(input, end, err);
    if (rc == SG_OK)
        rc = find_startxref(input, end, &startxref, err);
    if (rc == SG_OK)
        rc = find_kind(input, startxref, &is_table, err);
    if (rc == SG_OK)
        rc = load(&module, err);
    if (rc == SG_OK)
        rc = module->open(input, end, &pdf, err);
    if (rc != SG_OK)
        return rc;
    pdf->startxref = startxref;
    pdf->xref = xref_of(pdf, is_table);
    if (pdf->count > 0 && pdf->places[pdf->count - 1].id.number > SG_MAX_PDF_NUMBER)
        rc = sg_about(sg_input_name(input), err,
                      sg_fail(err, SG_E_LIMIT, _("The PDF \"%s\" has an object with a number above %d."),
                              sg_input_name(input), SG_MAX_PDF_NUMBER));
    if (rc == SG_OK)
        rc = sg_pdf_check_section(pdf, err);
    if (rc == SG_OK)
        *ret = sg_steal(pdf);
    return rc;
}

void sg_pdf_free(struct sg_pdf *pdf)
{
    if (pdf)
        pdf->module->free(pdf);
}

const struct sg_pdf_value *sg_pdf_trailer(const struct sg_pdf *pdf)
{
    return pdf->trailer;
}

uint64_t sg_pdf_startxref(const struct sg_pdf *pdf)
{
    return pdf->startxref;
}

enum sg_pdf_xref sg_pdf_xref(const struct sg_pdf *pdf)
{
    return pdf->xref;
}

const struct sg_pdf_place *sg_pdf_places(const struct sg_pdf *pdf, size_t *ret_count)
{
    *ret_count = pdf->count;
    return pdf->places;
}

const struct sg_pdf_place *sg_pdf_place_of(const struct sg_pdf *pdf, int number)
{
    size_t low = 0, high = pdf->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (pdf->places[middle].id.number == number)
            return &pdf->places[middle];
        if (pdf->places[middle].id.number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* --- objects --------------------------------------------------------------------------------------------------------
 */

static bool is_same(const struct sg_pdf_place *a, const struct sg_pdf_place *b)
{
    return a && b && a->id.generation == b->id.generation && a->compressed == b->compressed && a->offset == b->offset &&
           a->index == b->index;
}

/* Whether the object, which both have at this place, ends within the earlier one: what reaches beyond it (a stream by
 * its /Length) is another object in each. */
static enum sg_rc is_within(const struct sg_pdf *older, struct sg_pdf *newer, struct sg_pdf_id id, bool *ret,
                            struct sg_err *err)
{
    uint64_t extent = SG_PDF_NO_OFFSET;
    enum sg_rc rc = newer->module->extent(newer, id, &extent, err);
    *ret = rc == SG_OK && extent <= older->end;
    return rc;
}

bool sg_pdf_has_reference(const struct sg_pdf_value *value)
{
    if (value->type == SG_PDF_REFERENCE)
        return true;
    for (size_t i = 0; i < value->count; i++)
        if (sg_pdf_has_reference(&value->entries[i].value))
            return true;
    return false;
}

/* The object stream, too, has to be the same, and to be read by what it says itself (§7.5.7): a reference in its
 * dictionary leads to what may have changed. /Extends is not followed. */
static enum sg_rc is_same_holder(struct sg_pdf *older, struct sg_pdf *newer, int number, bool *ret, struct sg_err *err)
{
    const struct sg_pdf_place *place = sg_pdf_place_of(older, number);
    const struct sg_pdf_value *holder = NULL;
    *ret = is_same(place, sg_pdf_place_of(newer, number)) && !place->compressed;
    if (!*ret)
        return SG_OK;
    enum sg_rc rc = is_within(older, newer, place->id, ret, err);
    if (rc == SG_OK && *ret)
        rc = newer->module->object(newer, place->id, &holder, err);
    for (size_t i = 0; rc == SG_OK && *ret && i < holder->count; i++)
        *ret = strcmp((const char *)holder->entries[i].key.data, "Extends") == 0 ||
               !sg_pdf_has_reference(&holder->entries[i].value);
    return rc;
}

enum sg_rc sg_pdf_same_place(struct sg_pdf *older, struct sg_pdf *newer, int number, bool *ret, struct sg_err *err)
{
    const struct sg_pdf_place *place = sg_pdf_place_of(older, number);
    bool shared = false;
    *ret = is_same(place, sg_pdf_place_of(newer, number));
    if (!*ret)
        return SG_OK;
    if (newer->newer) {
        /* Where all three have it at one place, the newest has read it. */
        enum sg_rc rc = sg_pdf_same_place(newer, newer->newer, number, &shared, err);
        if (rc != SG_OK)
            return rc;
    }
    struct sg_pdf *reader = shared ? newer->newer : newer;
    return place->compressed ? is_same_holder(older, reader, (int)place->offset, ret, err)
                             : is_within(older, reader, place->id, ret, err);
}

enum sg_rc sg_pdf_extent(struct sg_pdf *pdf, struct sg_pdf_id id, uint64_t *ret, struct sg_err *err)
{
    return pdf->module->extent(pdf, id, ret, err);
}

void sg_pdf_share(struct sg_pdf *pdf, struct sg_pdf *newer)
{
    pdf->newer = newer;
}

enum sg_rc sg_pdf_object(struct sg_pdf *pdf, struct sg_pdf_id id, const struct sg_pdf_value **ret, struct sg_err *err)
{
    bool shared = false;
    enum sg_rc rc = pdf->newer ? sg_pdf_same_place(pdf, pdf->newer, id.number, &shared, err) : SG_OK;
    if (rc != SG_OK)
        return rc;
    if (shared)
        pdf = pdf->newer;
    return pdf->module->object(pdf, id, ret, err);
}

enum sg_rc sg_pdf_stream(struct sg_pdf *pdf, struct sg_pdf_id id, bool decoded, struct sg_buf *out, struct sg_err *err)
{
    return pdf->module->stream(pdf, id, decoded, out, err);
}

enum sg_rc sg_pdf_resolve(struct sg_pdf *pdf, const struct sg_pdf_value *value, const struct sg_pdf_value **ret,
                          struct sg_err *err)
{
    if (value->type == SG_PDF_REFERENCE)
        return sg_pdf_object(pdf, value->id, ret, err);
    *ret = value;
    return SG_OK;
}

static int compare_key(const struct sg_slice *key, const char *name, size_t len)
{
    int order = memcmp(key->data, name, key->len < len ? key->len : len);
    return order != 0 ? order : (key->len > len) - (key->len < len);
}

const struct sg_pdf_value *sg_pdf_get(const struct sg_pdf_value *dictionary, const char *key)
{
    size_t low = 0, high = 0, len = strlen(key);
    if (dictionary && (dictionary->type == SG_PDF_DICTIONARY || dictionary->type == SG_PDF_STREAM))
        high = dictionary->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_key(&dictionary->entries[middle].key, key, len);
        if (order == 0)
            return &dictionary->entries[middle].value;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

enum sg_rc sg_pdf_find(struct sg_pdf *pdf, const struct sg_pdf_value *dictionary, const char *key,
                       const struct sg_pdf_value **ret, struct sg_err *err)
{
    const struct sg_pdf_value *value = sg_pdf_get(dictionary, key);
    enum sg_rc rc = value ? sg_pdf_resolve(pdf, value, &value, err) : SG_OK;
    if (rc == SG_OK)
        *ret = value && value->type != SG_PDF_NULL ? value : NULL;
    return rc;
}

enum sg_rc sg_pdf_inherit(struct sg_pdf *pdf, const struct sg_pdf_value *node, const char *key,
                          const struct sg_pdf_value **value, struct sg_err *err)
{
    const struct sg_pdf_value *own = NULL;
    enum sg_rc rc = sg_pdf_find(pdf, node, key, &own, err);
    if (rc == SG_OK && own)
        *value = own;
    return rc;
}

bool sg_pdf_is_name(const struct sg_pdf_value *value, const char *name)
{
    return value && value->type == SG_PDF_NAME && value->text.len == strlen(name) &&
           memcmp(value->text.data, name, value->text.len) == 0;
}

bool sg_pdf_number(const struct sg_pdf_value *value, double *ret)
{
    char text[64], *end = NULL;
    if (value->type == SG_PDF_INTEGER) {
        *ret = (double)value->integer;
        return true;
    }
    if (value->type != SG_PDF_REAL || value->text.len >= sizeof(text))
        return false;
    memcpy(text, value->text.data, value->text.len);
    text[value->text.len] = '\0';
    *ret = strtod(text, &end);
    return end != text && *end == '\0' && isfinite(*ret);
}

bool sg_pdf_same_number(const struct sg_pdf_value *a, const struct sg_pdf_value *b)
{
    double x = 0, y = 0;
    return sg_pdf_number(a, &x) && sg_pdf_number(b, &y) && !(x < y) && !(x > y);
}
