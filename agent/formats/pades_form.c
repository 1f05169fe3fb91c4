/* The interactive form of a PDF: its fields. */
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/msg.h"
#include "base/utf8.h"
#include "formats/pades_private.h"
#include "formats/pdf_text.h"

struct walk {
    struct sg_pades_doc *doc;
    size_t capacity; /* of doc->fields */
    size_t nodes;
    struct sg_err *err;
};

/* What a field has from those above it (§12.7.3.1, §12.7.3.2). */
struct inherited {
    const char *name;
    const struct sg_pdf_value *type;
    const struct sg_pdf_value *value;
};

enum sg_rc sg_pades_broken(const struct sg_pades_doc *doc, const char *what, struct sg_err *err)
{
    return sg_about(doc->name, err, sg_fail(err, SG_E_MALFORMED, _("\"%s\" is a broken PDF: %s"), doc->name, what));
}

void sg_pades_choices_add(struct sg_pades_choices *choices, const char *text)
{
    char shown[SG_MAX_PDF_CHOICE + 1];
    const size_t used = strlen(choices->text);
    char *end = choices->text + used;
    const char *comma = choices->count > 0 ? ", " : "";

    (void)snprintf(shown, sizeof(shown), "%s", text);
    sg_utf8_cut(shown);
    if (choices->count < SG_MAX_PDF_CHOICES)
        (void)snprintf(end, sizeof(choices->text) - used, "%s\"%s%s\"", comma, shown,
                       strlen(shown) < strlen(text) ? "..." : "");
    else if (choices->count == SG_MAX_PDF_CHOICES)
        (void)snprintf(end, sizeof(choices->text) - used, "%s", _(" and more"));
    choices->count++;
}

bool sg_pades_is_signed(const struct sg_pades_field *field)
{
    return field->is_signature && field->value;
}

static enum sg_rc add_field(struct walk *walk, struct sg_pades_field field)
{
    struct sg_pades_doc *doc = walk->doc;

    if (doc->count == walk->capacity) {
        const size_t capacity = walk->capacity > 0 ? 2 * walk->capacity : 16;
        struct sg_pades_field *fields = realloc(doc->fields, capacity * sizeof(*fields));
        if (!fields)
            return sg_fail_memory(walk->err);
        doc->fields = fields;
        walk->capacity = capacity;
    }
    field.name = strdup(field.name);
    if (!field.name)
        return sg_fail_memory(walk->err);
    doc->fields[doc->count++] = field;
    return SG_OK;
}

/* Its whole name; what is no text cannot be told from another. */
static enum sg_rc name_field(const struct walk *walk, const struct sg_pdf_value *dictionary, const char *parent,
                             char **ret)
{
    const struct sg_pdf_value *own = NULL;
    enum sg_rc rc = sg_pdf_find(walk->doc->pdf, dictionary, "T", &own, walk->err);

    if (rc == SG_OK && own && own->type != SG_PDF_STRING)
        rc = sg_pades_broken(walk->doc, _("a field's name is no text."), walk->err);
    return rc == SG_OK ? sg_pdf_field_name(walk->doc->pdf, dictionary, parent, ret, walk->err) : rc;
}

/* Whether those below are fields, and not the widgets of this one: they have names. */
static enum sg_rc has_fields(const struct walk *walk, const struct sg_pdf_value *kids, bool *ret)
{
    const struct sg_pdf_value *kid = NULL;
    const struct sg_pdf_value *name = NULL;
    enum sg_rc rc = SG_OK;

    *ret = false;
    for (size_t i = 0; kids && i < kids->count && rc == SG_OK && !*ret; i++) {
        rc = sg_pdf_resolve(walk->doc->pdf, &kids->entries[i].value, &kid, walk->err);
        if (rc == SG_OK)
            rc = sg_pdf_find(walk->doc->pdf, kid, "T", &name, walk->err);
        *ret = rc == SG_OK && name;
    }
    return rc;
}

static struct sg_pdf_id id_of(const struct sg_pdf_value *value)
{
    return value->type == SG_PDF_REFERENCE ? value->id : (struct sg_pdf_id){0};
}

static enum sg_rc find_widget(const struct walk *walk, const struct sg_pdf_value *kids, struct sg_pades_field *field)
{
    if (!kids && sg_pdf_is_name(sg_pdf_get(field->dictionary, "Subtype"), "Widget")) {
        field->widget_id = field->id;
        field->widget = field->dictionary;
    } else if (kids && kids->count == 1) {
        field->widget_id = id_of(&kids->entries[0].value);
        return sg_pdf_resolve(walk->doc->pdf, &kids->entries[0].value, &field->widget, walk->err);
    }
    return SG_OK;
}

static enum sg_rc visit(struct walk *walk, const struct sg_pdf_value *node, struct inherited from, unsigned depth);

static enum sg_rc visit_all(struct walk *walk, const struct sg_pdf_value *nodes, struct inherited from, unsigned depth)
{
    enum sg_rc rc = SG_OK;

    if (depth > SG_MAX_PDF_FIELD_DEPTH)
        return sg_pades_broken(walk->doc, _("its fields go round in a circle, or are nested too deep."), walk->err);
    for (size_t i = 0; nodes && i < nodes->count && rc == SG_OK; i++)
        rc = visit(walk, &nodes->entries[i].value, from, depth);
    return rc;
}

static enum sg_rc find_array(const struct walk *walk, const struct sg_pdf_value *dictionary, const char *key,
                             const struct sg_pdf_value **ret)
{
    enum sg_rc rc = sg_pdf_find(walk->doc->pdf, dictionary, key, ret, walk->err);

    if (rc == SG_OK && *ret && (*ret)->type != SG_PDF_ARRAY)
        rc = sg_pades_broken(walk->doc, _("what lists its fields is no array."), walk->err);
    return rc;
}

static enum sg_rc visit(struct walk *walk, const struct sg_pdf_value *node, struct inherited from, unsigned depth)
{
    _cleanup_(freep) char *name = NULL;
    struct sg_pades_field field = {.id = id_of(node)};
    const struct sg_pdf_value *kids = NULL;
    bool inner = false;

    if (++walk->nodes > SG_MAX_PDF_FIELDS)
        return sg_fail(walk->err, SG_E_LIMIT, _("\"%s\" has more than %d fields."), walk->doc->name, SG_MAX_PDF_FIELDS);
    enum sg_rc rc = sg_pdf_resolve(walk->doc->pdf, node, &field.dictionary, walk->err);
    if (rc != SG_OK || field.dictionary->type == SG_PDF_NULL)
        return rc;
    if (field.dictionary->type != SG_PDF_DICTIONARY)
        return sg_pades_broken(walk->doc, _("a field is no dictionary."), walk->err);
    rc = name_field(walk, field.dictionary, from.name, &name);
    if (rc == SG_OK)
        rc = sg_pdf_inherit(walk->doc->pdf, field.dictionary, "FT", &from.type, walk->err);
    if (rc == SG_OK)
        rc = sg_pdf_inherit(walk->doc->pdf, field.dictionary, "V", &from.value, walk->err);
    if (rc == SG_OK)
        rc = find_array(walk, field.dictionary, "Kids", &kids);
    if (rc == SG_OK)
        rc = has_fields(walk, kids, &inner);
    if (rc != SG_OK)
        return rc;
    from.name = name;
    if (inner)
        return visit_all(walk, kids, from, depth + 1);
    field.name = name; /* add_field() keeps a copy */
    field.is_signature = sg_pdf_is_name(from.type, "Sig");
    field.value = from.value;
    rc = find_widget(walk, kids, &field);
    return rc == SG_OK ? add_field(walk, field) : rc;
}

static enum sg_rc find_catalog(struct sg_pades_doc *doc, struct sg_err *err)
{
    const struct sg_pdf_value *root = sg_pdf_get(sg_pdf_trailer(doc->pdf), "Root");

    if (!root || root->type != SG_PDF_REFERENCE)
        return sg_pades_broken(doc, _("its trailer names no catalog."), err);
    doc->catalog_id = root->id;
    enum sg_rc rc = sg_pdf_resolve(doc->pdf, root, &doc->catalog, err);
    if (rc == SG_OK && doc->catalog->type != SG_PDF_DICTIONARY)
        rc = sg_pades_broken(doc, _("its catalog is no dictionary."), err);
    return rc;
}

enum sg_rc sg_pades_doc_read(struct sg_pdf *pdf, const char *name, struct sg_pades_doc *ret, struct sg_err *err)
{
    struct sg_pades_doc doc = {.pdf = pdf, .name = name};
    struct walk walk = {.doc = &doc, .err = err};
    const struct sg_pdf_value *fields = NULL;
    enum sg_rc rc = find_catalog(&doc, err);

    if (rc == SG_OK)
        rc = sg_pdf_find(pdf, doc.catalog, "AcroForm", &doc.form, err);
    if (rc == SG_OK && doc.form && doc.form->type != SG_PDF_DICTIONARY)
        rc = sg_pades_broken(&doc, _("its form is no dictionary."), err);
    if (rc == SG_OK && doc.form)
        rc = find_array(&walk, doc.form, "Fields", &fields);
    if (rc == SG_OK)
        rc = visit_all(&walk, fields, (struct inherited){.name = ""}, 0);
    if (rc == SG_OK)
        *ret = doc;
    else
        sg_pades_doc_clear(&doc);
    return rc;
}

void sg_pades_doc_clear(struct sg_pades_doc *doc)
{
    for (size_t i = 0; i < doc->count; i++)
        free(doc->fields[i].name);
    free(doc->fields);
    *doc = (struct sg_pades_doc){0};
}
