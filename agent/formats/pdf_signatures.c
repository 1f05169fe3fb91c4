#include "formats/pdf_signatures.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/msg.h"
#include "formats/pdf_text.h"

struct walk {
    struct sg_pdf *pdf;
    struct sg_pdf_signatures found;
    size_t room, fields, max; /* `max`: the highest object number */
    uint8_t *visited;         /* by object number */
};

static enum sg_rc read_range(struct sg_pdf *pdf, struct sg_pdf_signature *signature, struct sg_err *err)
{
    const struct sg_pdf_value *range = NULL;
    enum sg_rc rc = sg_pdf_find(pdf, signature->dictionary, "ByteRange", &range, err);
    signature->has_range = rc == SG_OK && range && range->type == SG_PDF_ARRAY && range->count == 4;
    for (size_t i = 0; signature->has_range && i < 4; i++) {
        const struct sg_pdf_value *number = &range->entries[i].value;
        signature->has_range = number->type == SG_PDF_INTEGER && number->integer >= 0;
        signature->range[i] = signature->has_range ? (uint64_t)number->integer : 0;
    }
    return rc;
}

static enum sg_rc read_signature(struct sg_pdf *pdf, struct sg_pdf_signature *signature, struct sg_err *err)
{
    const struct sg_pdf_value *dictionary = signature->dictionary, *contents = sg_pdf_get(dictionary, "Contents");
    const struct sg_pdf_value *type = NULL, *sub_filter = NULL, *date = NULL;
    enum sg_rc rc = sg_pdf_find(pdf, dictionary, "Type", &type, err);
    if (rc == SG_OK)
        rc = sg_pdf_find(pdf, dictionary, "SubFilter", &sub_filter, err);
    if (rc == SG_OK)
        rc = sg_pdf_find(pdf, dictionary, "M", &date, err);
    if (rc == SG_OK)
        rc = sg_pdf_text_printable(sub_filter, &signature->sub_filter, err);
    if (rc == SG_OK)
        rc = read_range(pdf, signature, err);
    if (rc != SG_OK)
        return rc;
    signature->is_timestamp = sg_pdf_is_name(type, "DocTimeStamp") || sg_pdf_is_name(sub_filter, "ETSI.RFC3161");
    /* It has to stand in the dictionary itself, for the gap in what is signed is there. */
    bool direct = contents && contents->type == SG_PDF_STRING;
    signature->contents = direct ? contents->offset : SG_PDF_NO_OFFSET;
    signature->cms = direct ? contents->text : (struct sg_slice){NULL, 0};
    if (!date || date->type != SG_PDF_STRING || !sg_pdf_date(date->text, &signature->signing_time))
        signature->signing_time = SG_TIME_NONE;
    return SG_OK;
}

static void signature_clear(struct sg_pdf_signature *signature)
{
    free(signature->name);
    free(signature->sub_filter);
}

/* A widget below its field may repeat what that says (§12.7.4.1). */
static bool is_repeated(const struct walk *walk, const struct sg_pdf_value *value, const char *name)
{
    for (size_t i = 0; value->type == SG_PDF_REFERENCE && i < walk->found.count; i++) {
        const struct sg_pdf_signature *other = &walk->found.list[i];
        if (other->id.number == value->id.number && strcmp(other->name, name) == 0)
            return true;
    }
    return false;
}

static enum sg_rc add(struct walk *walk, struct sg_pdf_id field, const struct sg_pdf_value *value, const char *name,
                      struct sg_err *err)
{
    struct sg_pdf_signature signature = {.field = field};
    enum sg_rc rc = sg_pdf_resolve(walk->pdf, value, &signature.dictionary, err);
    if (rc != SG_OK || signature.dictionary->type != SG_PDF_DICTIONARY)
        return rc;
    if (walk->found.count >= SG_MAX_PDF_SIGNATURES)
        return sg_fail(err, SG_E_LIMIT, _("The PDF has more than %d signatures."), SG_MAX_PDF_SIGNATURES);
    if (value->type == SG_PDF_REFERENCE)
        signature.id = value->id;
    if (!(signature.name = strdup(name)))
        return sg_fail_memory(err);
    rc = read_signature(walk->pdf, &signature, err);
    if (rc == SG_OK && walk->found.count == walk->room) {
        size_t room = walk->room * 2 + 8;
        struct sg_pdf_signature *list = reallocarray(walk->found.list, room, sizeof(*list));
        if (list) {
            walk->found.list = list;
            walk->room = room;
        } else {
            rc = sg_fail_memory(err);
        }
    }
    if (rc == SG_OK)
        walk->found.list[walk->found.count++] = signature;
    else
        signature_clear(&signature);
    return rc;
}

static enum sg_rc mark_visited(struct walk *walk, struct sg_pdf_id id, struct sg_err *err)
{
    if (id.number < 0 || (size_t)id.number > walk->max)
        return SG_OK;
    if (walk->visited[id.number])
        return sg_fail(err, SG_E_MALFORMED,
                       _("The PDF is broken: its form leads to the field in object %d more than once."), id.number);
    walk->visited[id.number] = 1;
    return SG_OK;
}

static enum sg_rc walk_fields(struct walk *walk, const struct sg_pdf_value *fields, const char *parent,
                              bool parent_signs, int depth, struct sg_err *err);

static enum sg_rc walk_field(struct walk *walk, struct sg_pdf_id id, const struct sg_pdf_value *field,
                             const char *parent, bool parent_signs, int depth, struct sg_err *err)
{
    const struct sg_pdf_value *type = NULL, *kids = NULL, *value = sg_pdf_get(field, "V");
    _cleanup_(freep) char *name = NULL;
    enum sg_rc rc = sg_pdf_field_name(walk->pdf, field, parent, &name, err);
    if (rc == SG_OK)
        rc = sg_pdf_find(walk->pdf, field, "FT", &type, err);
    if (rc == SG_OK)
        rc = sg_pdf_find(walk->pdf, field, "Kids", &kids, err);
    bool signs = type ? sg_pdf_is_name(type, "Sig") : parent_signs;
    if (rc == SG_OK && signs && value && !is_repeated(walk, value, name))
        rc = add(walk, id, value, name, err);
    if (rc == SG_OK && kids)
        rc = walk_fields(walk, kids, name, signs, depth + 1, err);
    return rc;
}

static enum sg_rc walk_fields(struct walk *walk, const struct sg_pdf_value *fields, const char *parent,
                              bool parent_signs, int depth, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    if (depth > SG_MAX_PDF_FIELD_DEPTH)
        return sg_fail(err, SG_E_LIMIT, _("The fields of the PDF's form are nested more than %d deep."),
                       SG_MAX_PDF_FIELD_DEPTH);
    for (size_t i = 0; rc == SG_OK && fields->type == SG_PDF_ARRAY && i < fields->count; i++) {
        const struct sg_pdf_value *item = &fields->entries[i].value, *field = NULL;
        struct sg_pdf_id id = item->type == SG_PDF_REFERENCE ? item->id : (struct sg_pdf_id){0, 0};
        if (++walk->fields > SG_MAX_PDF_FIELDS)
            return sg_fail(err, SG_E_LIMIT, _("The PDF's form has more than %d fields."), SG_MAX_PDF_FIELDS);
        if (id.number > 0)
            rc = mark_visited(walk, id, err);
        if (rc == SG_OK)
            rc = sg_pdf_resolve(walk->pdf, item, &field, err);
        if (rc == SG_OK && field->type == SG_PDF_DICTIONARY)
            rc = walk_field(walk, id, field, parent, parent_signs, depth, err);
    }
    return rc;
}

static int by_place(const void *a, const void *b)
{
    const struct sg_pdf_signature *x = a, *y = b;
    return (x->contents > y->contents) - (x->contents < y->contents);
}

enum sg_rc sg_pdf_signatures_read(struct sg_pdf *pdf, struct sg_pdf_signatures *ret, struct sg_err *err)
{
    const struct sg_pdf_value *root = NULL, *form = NULL, *fields = NULL;
    struct walk walk = {.pdf = pdf};
    size_t count = 0;
    const struct sg_pdf_place *places = sg_pdf_places(pdf, &count);
    enum sg_rc rc = sg_pdf_find(pdf, sg_pdf_trailer(pdf), "Root", &root, err);
    if (rc == SG_OK)
        rc = sg_pdf_find(pdf, root, "AcroForm", &form, err);
    if (rc == SG_OK)
        rc = sg_pdf_find(pdf, form, "Fields", &fields, err);
    if (rc != SG_OK)
        return rc;
    walk.max = count > 0 ? (size_t)places[count - 1].id.number : 0;
    if (!(walk.visited = calloc(walk.max + 1, 1)))
        return sg_fail_memory(err);
    if (fields)
        rc = walk_fields(&walk, fields, "", false, 0, err);
    free(walk.visited);
    if (walk.found.count > 0)
        qsort(walk.found.list, walk.found.count, sizeof(*walk.found.list), by_place);
    if (rc == SG_OK)
        *ret = walk.found;
    else
        sg_pdf_signatures_clear(&walk.found);
    return rc;
}

void sg_pdf_signatures_clear(struct sg_pdf_signatures *signatures)
{
    for (size_t i = 0; i < signatures->count; i++)
        signature_clear(&signatures->list[i]);
    free(signatures->list);
    *signatures = (struct sg_pdf_signatures){0};
}
