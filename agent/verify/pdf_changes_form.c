/* The form: which of its fields were filled in or signed, and whether new ones are signature fields (ISO 32000-1
 * §12.7). */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/msg.h"
#include "formats/pdf_text.h"
#include "verify/pdf_compare.h"

/* --- finding --------------------------------------------------------------------------------------------------------
 */

static enum sg_rc find_in(struct sg_pdf_comparison *c, const struct sg_pdf_value *fields, int depth, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    if (depth > SG_MAX_PDF_FIELD_DEPTH)
        return sg_fail(err, SG_E_LIMIT, _("The fields of the PDF's form are nested more than %d deep."),
                       SG_MAX_PDF_FIELD_DEPTH);
    for (size_t i = 0; rc == SG_OK && fields && fields->type == SG_PDF_ARRAY && i < fields->count; i++) {
        const struct sg_pdf_value *item = &fields->entries[i].value, *field = NULL, *kids = NULL;
        struct sg_pdf_mark *mark = item->type == SG_PDF_REFERENCE ? sg_pdf_mark_of(c, item->id) : NULL;
        if (!mark || mark->role != SG_PDF_ROLE_NONE)
            continue;
        rc = sg_pdf_object(c->before, item->id, &field, err);
        if (rc != SG_OK || field->type != SG_PDF_DICTIONARY)
            continue;
        mark->role = SG_PDF_ROLE_FIELD;
        rc = sg_pdf_find(c->before, field, "Kids", &kids, err);
        if (rc == SG_OK && kids)
            rc = find_in(c, kids, depth + 1, err);
    }
    return rc;
}

enum sg_rc sg_pdf_find_fields(struct sg_pdf_comparison *c, const struct sg_pdf_value *root, struct sg_err *err)
{
    const struct sg_pdf_value *form = NULL, *fields = NULL;
    enum sg_rc rc = sg_pdf_find(c->before, root, "AcroForm", &form, err);
    if (rc == SG_OK)
        rc = sg_pdf_find(c->before, form, "Fields", &fields, err);
    return rc == SG_OK ? find_in(c, fields, 0, err) : rc;
}

/* --- fields ---------------------------------------------------------------------------------------------------------
 */

/* What a step put into a field for a signature: a time-stamp of the document; what is one in part, as some have written
 * them; a signature. */
enum signing { SIGNING_NONE, SIGNING_STAMP, SIGNING_ODD_STAMP, SIGNING_SIGNATURE };

/* What a field has from those that it lies in. */
struct place {
    char *name;
    bool signs;                      /* is for a signature */
    bool fills;                      /* is to be filled in: a text, a button or a choice */
    bool valued;                     /* its value was changed */
    int64_t flags;                   /* /Ff */
    const struct sg_pdf_value *text; /* how text is drawn in it (/DA); NULL: as the form says */
    enum signing signing;            /* a new one, in an object of this number */
    int signature;
    int depth;
};

struct field {
    struct place place;
    struct sg_pdf_id id;
    const struct sg_pdf_value *before, *after;
    bool is_signed; /* it was, before */
    bool was_visible, visible;
    bool noted;
};

static enum sg_rc compare_fields(struct sg_pdf_comparison *c, const struct place *place,
                                 const struct sg_pdf_value *before, const struct sg_pdf_value *after,
                                 struct sg_err *err);
static enum sg_rc compare_new_field(struct sg_pdf_comparison *c, const struct place *parent, struct sg_pdf_id id,
                                    struct sg_err *err);

enum sg_rc sg_pdf_note_field(struct sg_pdf_comparison *c, const char *name, unsigned what, struct sg_err *err)
{
    struct sg_pdf_changes *changes = &c->changes;
    changes->what |= what;
    if (what == SG_PDF_CHANGE_EVIDENCE)
        return SG_OK;
    if (changes->count == changes->room) {
        size_t room = changes->room * 2 + 8;
        char **fields = reallocarray(changes->fields, room, sizeof(*fields));
        if (!fields)
            return sg_fail_memory(err);
        changes->fields = fields;
        changes->room = room;
    }
    if (!(changes->fields[changes->count] = strdup(name)))
        return sg_fail_memory(err);
    changes->count++;
    return SG_OK;
}

static enum sg_rc find_place(struct sg_pdf *pdf, const struct place *parent, const struct sg_pdf_value *field,
                             struct place *ret, struct sg_err *err)
{
    static const char *const filled[] = {"Tx", "Btn", "Ch", NULL};
    const struct sg_pdf_value *type = NULL, *partial = NULL, *text = NULL, *flags = NULL;
    enum sg_rc rc = sg_pdf_find(pdf, field, "FT", &type, err);
    if (rc == SG_OK)
        rc = sg_pdf_find(pdf, field, "T", &partial, err);
    if (rc == SG_OK)
        rc = sg_pdf_find(pdf, field, "DA", &text, err);
    if (rc == SG_OK)
        rc = sg_pdf_find(pdf, field, "Ff", &flags, err);
    if (rc == SG_OK)
        rc = sg_pdf_field_name(pdf, field, parent->name, &ret->name, err);
    if (rc != SG_OK)
        return rc;
    ret->signs = type ? sg_pdf_is_name(type, "Sig") : parent->signs;
    ret->fills = parent->fills && !type;
    for (size_t i = 0; filled[i]; i++)
        ret->fills |= sg_pdf_is_name(type, filled[i]);
    ret->text = text ? text : parent->text;
    ret->flags = flags && flags->type == SG_PDF_INTEGER ? flags->integer : parent->flags;
    /* What has no name of its own is a widget of the field above. */
    ret->signing = partial ? SIGNING_NONE : parent->signing;
    ret->signature = partial ? 0 : parent->signature;
    ret->depth = parent->depth + 1;
    return SG_OK;
}

/* A time-stamp of the document, a signature, or something else. */
static enum sg_rc kind_of_signature(struct sg_pdf_comparison *c, const struct sg_pdf_value *signature,
                                    enum signing *ret, struct sg_err *err)
{
    const struct sg_pdf_value *type = NULL, *sub_filter = NULL, *range = NULL;
    const struct sg_pdf_value *contents = sg_pdf_get(signature, "Contents");
    enum sg_rc rc = sg_pdf_find(c->after, signature, "Type", &type, err);
    if (rc == SG_OK)
        rc = sg_pdf_find(c->after, signature, "SubFilter", &sub_filter, err);
    if (rc == SG_OK)
        rc = sg_pdf_find(c->after, signature, "ByteRange", &range, err);
    if (rc != SG_OK || !range || range->type != SG_PDF_ARRAY || !contents || contents->type != SG_PDF_STRING)
        return rc;
    bool stamps = sg_pdf_is_name(sub_filter, "ETSI.RFC3161"), is_stamp = sg_pdf_is_name(type, "DocTimeStamp");
    if (stamps || is_stamp)
        *ret = stamps && is_stamp ? SIGNING_STAMP : SIGNING_ODD_STAMP;
    else if (sub_filter && (!type || sg_pdf_is_name(type, "Sig")))
        *ret = SIGNING_SIGNATURE;
    return SG_OK;
}

/* What the step put into the field's /V: an object of its own, which is no other field's. What stands in the field
 * itself counts as nothing: it permits no appearance. */
static enum sg_rc find_signing(struct sg_pdf_comparison *c, const struct sg_pdf_value *field, struct place *place,
                               struct sg_err *err)
{
    const struct sg_pdf_value *value = sg_pdf_get(field, "V"), *signature = NULL;
    if (!value || (value->type == SG_PDF_REFERENCE && value->id.number == place->signature))
        return SG_OK;
    place->signing = SIGNING_NONE;
    place->signature = 0;
    enum sg_rc rc = sg_pdf_resolve(c->after, value, &signature, err);
    if (rc != SG_OK || signature->type == SG_PDF_NULL)
        return rc;
    if (signature->type != SG_PDF_DICTIONARY)
        return sg_pdf_forbid(c, err, _("The field \"%.100s\", which is for a signature, got another value."),
                             place->name);
    if (value->type != SG_PDF_REFERENCE)
        return SG_OK;
    struct sg_pdf_mark *mark = sg_pdf_mark_of(c, value->id);
    if (!mark || mark->difference != SG_PDF_ADDED || mark->signs)
        return sg_pdf_forbid(c, err, _("The field \"%.100s\" got as its signature what is something else, too."),
                             place->name);
    mark->signs = true;
    place->signature = value->id.number;
    rc = kind_of_signature(c, signature, &place->signing, err);
    c->changes.signs |= place->signing != SIGNING_NONE;
    return rc;
}

/* What a field for a signature shows, or showed, is part of signing it: a time-stamp, which anybody can make, has no
 * verdict of its own. */
static enum sg_rc check_shown(struct sg_pdf_comparison *c, const struct field *field, const char *key,
                              struct sg_err *err)
{
    static const char *const seen[] = {"AP", "AS", "MK", "F", "DA", "Q", NULL};
    const struct place *place = &field->place;
    if (!place->signs || (!field->was_visible && !field->visible) || !sg_pdf_is_one_of(key, seen))
        return SG_OK;
    if (place->signing != SIGNING_SIGNATURE)
        return sg_pdf_forbid(c, err,
                             _("What the field \"%.100s\", which is for a signature, shows was changed, and it was not "
                               "signed with that."),
                             place->name);
    return sg_pdf_note_shown(c, place->signature, err);
}

#define READ_ONLY 1
#define PUSH_BUTTON 65536

/* What nobody who fills in the form draws anew (§12.7.3.1, §12.7.4.2.2): a button that is only pushed, and what is only
 * read, unless its value was calculated. */
static bool is_fixed(const struct place *place, const char *key)
{
    static const char *const drawn[] = {"AP", "AS", NULL};
    return !place->signs && sg_pdf_is_one_of(key, drawn) &&
           ((place->flags & PUSH_BUTTON) || ((place->flags & READ_ONLY) && !place->valued));
}

/* The keys that filling in a field, or signing it, may change (§12.7.3, §12.5.2). */
static enum sg_rc compare_filled(struct sg_pdf_comparison *c, struct field *field, const char *key,
                                 const struct sg_pdf_value *before, const struct sg_pdf_value *after,
                                 struct sg_err *err)
{
    bool changed = false;
    enum sg_rc rc = SG_OK;
    if (after && strcmp(key, "AP") == 0)
        rc = sg_pdf_permit_appearance(c, before, after, &changed, err);
    else
        rc = sg_pdf_permit_shown(c, after, &changed, err);
    if (rc != SG_OK || (!changed && sg_pdf_equal(before, after)))
        return rc;
    rc = check_shown(c, field, key, err);
    if (is_fixed(&field->place, key))
        c->changes.what |= SG_PDF_CHANGE_FIXED;
    if (rc != SG_OK || field->noted)
        return rc;
    if (field->place.signing == SIGNING_STAMP)
        return sg_pdf_note_field(c, field->place.name, SG_PDF_CHANGE_EVIDENCE, err);
    field->noted = true;
    return sg_pdf_note_field(c, field->place.name, SG_PDF_CHANGE_FORM, err);
}

static bool may_change(const struct field *field, const char *key)
{
    static const char *const filled[] = {"V", "AP", "AS", "M", "I", "RV", NULL};
    static const char *const signing[] = {"F", "DA", "Q", "MK", NULL}; /* another field could be hidden by them */
    const struct sg_pdf_value *kind = sg_pdf_get(field->before, "Subtype");
    if (field->is_signed || (kind && !sg_pdf_is_name(kind, "Widget"))) /* another annotation is no field */
        return false;
    if (sg_pdf_is_one_of(key, filled))
        return field->place.fills || field->place.signs;
    return field->place.signs && sg_pdf_is_one_of(key, signing);
}

static enum sg_rc compare_entry(struct sg_pdf_comparison *c, void *context, const char *key,
                                const struct sg_pdf_value *before, const struct sg_pdf_value *after, struct sg_err *err)
{
    struct field *field = context;
    if (strcmp(key, "Kids") == 0) {
        const struct sg_pdf_value *kids_before = NULL, *kids_after = NULL;
        enum sg_rc rc = sg_pdf_pair(c, before, after, &kids_before, &kids_after, err);
        return rc == SG_OK ? compare_fields(c, &field->place, kids_before, kids_after, err) : rc;
    }
    if (may_change(field, key))
        return compare_filled(c, field, key, before, after, err);
    return sg_pdf_strict(c, key, before, after, err);
}

/* A signature counts as one of the field's widgets, too. */
static enum sg_rc is_signed(struct sg_pdf_comparison *c, const struct sg_pdf_value *field, bool *ret,
                            struct sg_err *err)
{
    const struct sg_pdf_value *value = sg_pdf_get(field, "V"), *parent = NULL;
    enum sg_rc rc = SG_OK;
    if (!value && !sg_pdf_get(field, "FT"))
        rc = sg_pdf_find(c->before, field, "Parent", &parent, err);
    if (parent)
        value = sg_pdf_get(parent, "V");
    /* A reference to nothing is no signature. */
    *ret = value && (value->type != SG_PDF_REFERENCE || sg_pdf_place_of(c->before, value->id.number));
    return rc;
}

/* An appearance that came without a signature can hide what was signed: at once, or when a later step shows it. */
static enum sg_rc check_appearance(struct sg_pdf_comparison *c, const struct sg_pdf_value *field,
                                   const struct place *place, bool visible, struct sg_err *err)
{
    const struct sg_pdf_value *colours = NULL; /* /MK: readers draw a field that has no appearance (§12.5.6.19) */
    enum sg_rc rc = sg_pdf_find(c->after, field, "MK", &colours, err);
    bool drawn = sg_pdf_get(field, "AP") || (colours && colours->count > 0);
    if (rc != SG_OK || !drawn || (place->signing != SIGNING_NONE && !visible))
        return rc;
    if (place->signing == SIGNING_SIGNATURE)
        return visible ? sg_pdf_note_shown(c, place->signature, err) : SG_OK;
    return sg_pdf_forbid(c, err,
                         _("The field \"%.100s\" was added or shown after signing, with an appearance but without a "
                           "signature; it can hide what was signed."),
                         place->name);
}

/* A field for a signature that was there, and had none. */
static enum sg_rc look_at_unsigned(struct sg_pdf_comparison *c, struct field *field, struct sg_err *err)
{
    enum sg_rc rc = find_signing(c, field->after, &field->place, err);
    if (rc == SG_OK)
        rc = sg_pdf_is_visible(c->before, field->before, &field->was_visible, err);
    if (rc == SG_OK)
        rc = sg_pdf_is_visible(c->after, field->after, &field->visible, err);
    if (rc != SG_OK || field->was_visible || !field->visible)
        return rc;
    field->noted = true;
    rc = check_appearance(c, field->after, &field->place, true, err);
    return rc == SG_OK ? sg_pdf_note_field(c, field->place.name, SG_PDF_CHANGE_FORM | SG_PDF_CHANGE_VISIBLE_FIELD, err)
                       : rc;
}

/* Whether a field got another value, or has it from one that did. */
static bool got_value(struct sg_pdf_comparison *c, const struct place *parent, const struct field *field)
{
    const struct sg_pdf_value *before = sg_pdf_get(field->before, "V"), *after = sg_pdf_get(field->after, "V");
    const struct sg_pdf_mark *mark = after && after->type == SG_PDF_REFERENCE ? sg_pdf_mark_of(c, after->id) : NULL;
    if (!before && !after)
        return parent->valued;
    return !sg_pdf_equal(before, after) || (mark && mark->difference != SG_PDF_SAME);
}

static enum sg_rc compare_field(struct sg_pdf_comparison *c, const struct place *parent, struct sg_pdf_id id,
                                struct sg_err *err)
{
    struct sg_pdf_mark *mark = sg_pdf_mark_of(c, id);
    struct field field = {.id = id};
    if (mark && mark->role == SG_PDF_ROLE_NONE && mark->difference != SG_PDF_SAME)
        return compare_new_field(c, parent, id, err); /* the form led there before there was a field */
    if (!mark || mark->compared || mark->role != SG_PDF_ROLE_FIELD)
        return SG_OK;
    mark->compared = mark->explained = true;
    enum sg_rc rc = sg_pdf_object(c->before, id, &field.before, err);
    if (rc == SG_OK)
        rc = sg_pdf_object(c->after, id, &field.after, err);
    if (rc == SG_OK && field.after->type != SG_PDF_DICTIONARY)
        return sg_pdf_forbid(c, err, _("The field in object %d was taken away after signing."), id.number);
    if (rc == SG_OK)
        rc = find_place(c->before, parent, field.before, &field.place, err);
    field.place.valued = rc == SG_OK && got_value(c, parent, &field);
    if (rc == SG_OK && field.place.signs)
        rc = is_signed(c, field.before, &field.is_signed, err);
    if (rc == SG_OK && field.is_signed)
        field.place.signing = SIGNING_NONE;
    else if (rc == SG_OK && field.place.signs)
        rc = look_at_unsigned(c, &field, err);
    if (rc == SG_OK && !field.place.signs && !sg_pdf_get(field.before, "Kids") &&
        sg_pdf_is_redrawn(c, field.place.text))
        rc = sg_pdf_note_field(c, field.place.name, SG_PDF_CHANGE_FORM, err);
    if (rc == SG_OK) {
        (void)snprintf(c->where, sizeof(c->where), _("the field \"%.100s\""), field.place.name);
        rc = sg_pdf_each_key(c, field.before, field.after, compare_entry, &field, err);
    }
    free(field.place.name);
    return rc;
}

/* --- new fields -----------------------------------------------------------------------------------------------------
 */

/* An entry of a new field: all that a signature field needs, and nothing that acts or draws (§12.5.2, §12.5.6.19,
 * §12.7.3). What it is reset to (/DV) is what it has: some write the signature under both keys. */
static enum sg_rc compare_new_entry(struct sg_pdf_comparison *c, void *context, const char *key,
                                    const struct sg_pdf_value *before, const struct sg_pdf_value *after,
                                    struct sg_err *err)
{
    static const char *const known[] = {"Type", "Subtype", "FT", "T",  "TU",     "TM", "V",        "F",      "Ff",
                                        "Rect", "P",       "AP", "AS", "MK",     "M",  "NM",       "H",      "Lock",
                                        "SV",   "DA",      "DR", "Q",  "Parent", "BS", "Contents", "Border", NULL};
    const struct field *field = context;
    (void)before;
    if (strcmp(key, "Kids") == 0) {
        const struct sg_pdf_value *none = NULL, *kids = NULL;
        enum sg_rc rc = sg_pdf_pair(c, NULL, after, &none, &kids, err);
        return rc == SG_OK ? compare_fields(c, &field->place, NULL, kids, err) : rc;
    }
    if (strcmp(key, "DV") == 0 && sg_pdf_equal(after, sg_pdf_get(field->after, "V")))
        return SG_OK;
    if (!sg_pdf_is_one_of(key, known))
        return sg_pdf_forbid(c, err, _("A field with /%s was added after signing."), key);
    if (strcmp(key, "Subtype") == 0 && !sg_pdf_is_name(after, "Widget"))
        return sg_pdf_forbid(c, err, "%s", _("A field that is another annotation, too, was added after signing."));
    if (strcmp(key, "Parent") == 0)
        return SG_OK;
    return sg_pdf_permit(c, after, NULL, err);
}

static enum sg_rc compare_new_field(struct sg_pdf_comparison *c, const struct place *parent, struct sg_pdf_id id,
                                    struct sg_err *err)
{
    struct sg_pdf_mark *mark = sg_pdf_mark_of(c, id);
    const struct sg_pdf_value *field = NULL;
    struct place place = {0};
    unsigned what = SG_PDF_CHANGE_FORM;
    bool visible = false;
    if (!mark || mark->difference != SG_PDF_ADDED || mark->compared || mark->role != SG_PDF_ROLE_NONE ||
        parent->depth > SG_MAX_PDF_FIELD_DEPTH)
        return sg_pdf_forbid(c, err, _("Object %d was made a field of the form after signing."), id.number);
    mark->compared = mark->explained = true;
    mark->role = SG_PDF_ROLE_NEW_FIELD;
    enum sg_rc rc = sg_pdf_object(c->after, id, &field, err);
    if (rc == SG_OK)
        rc = find_place(c->after, parent, field, &place, err);
    if (rc == SG_OK && (!place.signs || field->type != SG_PDF_DICTIONARY))
        rc = sg_pdf_forbid(c, err, _("The field \"%.100s\", which is not for a signature, was added after signing."),
                           place.name);
    if (rc == SG_OK)
        rc = sg_pdf_is_visible(c->after, field, &visible, err);
    if (rc == SG_OK)
        rc = find_signing(c, field, &place, err);
    if (rc == SG_OK)
        rc = check_appearance(c, field, &place, visible, err);
    if (rc == SG_OK && place.signing == SIGNING_STAMP)
        what = SG_PDF_CHANGE_EVIDENCE;
    if (rc == SG_OK)
        rc = sg_pdf_note_field(c, place.name, visible ? SG_PDF_CHANGE_FORM | SG_PDF_CHANGE_VISIBLE_FIELD : what, err);
    struct field context = {.place = place, .after = field};
    if (rc == SG_OK)
        rc = sg_pdf_each_key(c, NULL, field, compare_new_entry, &context, err);
    free(place.name);
    return rc;
}

/* All that were there, in their order; those that came are new signature fields. */
static enum sg_rc compare_fields(struct sg_pdf_comparison *c, const struct place *place,
                                 const struct sg_pdf_value *before, const struct sg_pdf_value *after,
                                 struct sg_err *err)
{
    size_t i = 0, count = before && before->type == SG_PDF_ARRAY ? before->count : 0;
    enum sg_rc rc = SG_OK;
    for (size_t j = 0; rc == SG_OK && after && j < after->count && !c->changes.why; j++) {
        const struct sg_pdf_value *item = &after->entries[j].value;
        if (i < count && sg_pdf_equal(&before->entries[i].value, item)) {
            i++;
            rc = item->type == SG_PDF_REFERENCE ? compare_field(c, place, item->id, err)
                                                : sg_pdf_strict(c, "Fields", item, item, err);
        } else if (item->type == SG_PDF_REFERENCE) {
            rc = compare_new_field(c, place, item->id, err);
        } else {
            rc = sg_pdf_forbid(c, err, "%s", _("A field without an object of its own was added after signing."));
        }
    }
    if (rc == SG_OK && i < count)
        rc = sg_pdf_forbid(c, err, "%s", _("A field of the form was taken away after signing."));
    return rc;
}

/* --- the form -------------------------------------------------------------------------------------------------------
 */

static enum sg_rc compare_form_entry(struct sg_pdf_comparison *c, void *context, const char *key,
                                     const struct sg_pdf_value *before, const struct sg_pdf_value *after,
                                     struct sg_err *err)
{
    (void)context;
    (void)snprintf(c->where, sizeof(c->where), "%s", _("the form"));
    if (strcmp(key, "Fields") == 0) {
        const struct sg_pdf_value *a = NULL, *b = NULL;
        const struct place top = {.name = (char *)""};
        enum sg_rc rc = sg_pdf_pair(c, before, after, &a, &b, err);
        return rc == SG_OK ? compare_fields(c, &top, a, b, err) : rc;
    }
    if (strcmp(key, "SigFlags") == 0 && after && after->type == SG_PDF_INTEGER)
        return SG_OK;
    return sg_pdf_compare_default(c, key, before, after, err);
}

enum sg_rc sg_pdf_compare_form(struct sg_pdf_comparison *c, const struct sg_pdf_value *before,
                               const struct sg_pdf_value *after, struct sg_err *err)
{
    const struct sg_pdf_value *a = NULL, *b = NULL;
    enum sg_rc rc = sg_pdf_pair(c, before, after, &a, &b, err);
    if (rc == SG_OK && a && (!b || b->type != SG_PDF_DICTIONARY))
        return sg_pdf_forbid(c, err, "%s", _("The form was taken away after signing."));
    if (rc == SG_OK)
        rc = sg_pdf_find_defaults(c, a, b, err);
    return rc == SG_OK ? sg_pdf_each_key(c, a, b, compare_form_entry, NULL, err) : rc;
}
