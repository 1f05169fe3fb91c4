/* What a field shows: its appearance (ISO 32000-1 §12.5.5), and whether anybody sees it (§12.5.3). */
#include <stdlib.h>
#include <string.h>

#include "base/msg.h"
#include "verify/pdf_compare.h"

bool sg_pdf_is_one_of(const char *key, const char *const *keys)
{
    for (size_t i = 0; keys[i]; i++)
        if (strcmp(key, keys[i]) == 0)
            return true;
    return false;
}

enum sg_rc sg_pdf_note_shown(struct sg_pdf_comparison *c, int signature, struct sg_err *err)
{
    struct sg_pdf_changes *changes = &c->changes;
    if (changes->shown_count > 0 && changes->shown[changes->shown_count - 1] == signature)
        return SG_OK;
    if (changes->shown_count == changes->shown_room) {
        size_t room = changes->shown_room * 2 + 8;
        int *shown = reallocarray(changes->shown, room, sizeof(*shown));
        if (!shown)
            return sg_fail_memory(err);
        changes->shown = shown;
        changes->shown_room = room;
    }
    changes->shown[changes->shown_count++] = signature;
    return SG_OK;
}

/* A dictionary of appearances, or of states: an object of its own may be written anew, and so may what it holds. */
static enum sg_rc look_into(struct sg_pdf_comparison *c, const struct sg_pdf_value *after,
                            const struct sg_pdf_value **ret, bool *ret_changed, struct sg_err *err)
{
    const struct sg_pdf_value *none = NULL;
    const struct sg_pdf_mark *mark = after->type == SG_PDF_REFERENCE ? sg_pdf_mark_of(c, after->id) : NULL;
    *ret_changed = mark && mark->difference != SG_PDF_SAME;
    return sg_pdf_pair(c, NULL, after, &none, ret, err);
}

/* What one of the appearances is: a stream, or one for each state of the field. */
static enum sg_rc permit_one_appearance(struct sg_pdf_comparison *c, const struct sg_pdf_value *after,
                                        bool *ret_changed, struct sg_err *err)
{
    const struct sg_pdf_value *states = NULL;
    enum sg_rc rc = sg_pdf_resolve(c->after, after, &states, err);
    if (rc != SG_OK || states->type != SG_PDF_DICTIONARY)
        return rc == SG_OK ? sg_pdf_permit_shown(c, after, ret_changed, err) : rc;
    rc = look_into(c, after, &states, ret_changed, err);
    for (size_t i = 0; rc == SG_OK && i < states->count; i++) {
        bool changed = false;
        rc = sg_pdf_permit_shown(c, &states->entries[i].value, &changed, err);
        *ret_changed |= changed;
    }
    return rc;
}

enum sg_rc sg_pdf_permit_appearance(struct sg_pdf_comparison *c, const struct sg_pdf_value *before,
                                    const struct sg_pdf_value *after, bool *ret_changed, struct sg_err *err)
{
    static const char *const kinds[] = {"N", "R", "D", NULL};
    const struct sg_pdf_value *appearance = NULL;
    struct sg_pdf_mark *mark = before && before->type == SG_PDF_REFERENCE ? sg_pdf_mark_of(c, before->id) : NULL;
    if (mark && !sg_pdf_equal(before, after))
        mark->replaced = true;
    enum sg_rc rc = look_into(c, after, &appearance, ret_changed, err);
    if (rc == SG_OK && (!appearance || appearance->type != SG_PDF_DICTIONARY))
        return sg_pdf_forbid(c, err, _("/AP of %s became no dictionary."), c->where);
    for (size_t i = 0; rc == SG_OK && i < appearance->count; i++) {
        bool changed = false;
        if (!sg_pdf_is_one_of((const char *)appearance->entries[i].key.data, kinds))
            return sg_pdf_forbid(c, err, _("/AP of %s got an unknown entry."), c->where);
        rc = permit_one_appearance(c, &appearance->entries[i].value, &changed, err);
        *ret_changed |= changed;
    }
    return rc;
}

#define HIDDEN 2
#define PRINT 4
#define NO_VIEW 32
#define TOGGLE_NO_VIEW 256

enum sg_rc sg_pdf_is_visible(struct sg_pdf *pdf, const struct sg_pdf_value *field, bool *ret, struct sg_err *err)
{
    const struct sg_pdf_value *rect = NULL, *flags = NULL;
    enum sg_rc rc = sg_pdf_find(pdf, field, "Rect", &rect, err);
    if (rc == SG_OK)
        rc = sg_pdf_find(pdf, field, "F", &flags, err);
    if (rc != SG_OK)
        return rc;
    int64_t bits = flags && flags->type == SG_PDF_INTEGER ? flags->integer : 0;
    bool hidden = (bits & HIDDEN) || ((bits & NO_VIEW) && !(bits & (PRINT | TOGGLE_NO_VIEW)));
    *ret = rect && !hidden;
    if (!*ret || rect->type != SG_PDF_ARRAY || rect->count != 4)
        return SG_OK;
    *ret = !sg_pdf_same_number(&rect->entries[0].value, &rect->entries[2].value) ||
           !sg_pdf_same_number(&rect->entries[1].value, &rect->entries[3].value);
    return SG_OK;
}
