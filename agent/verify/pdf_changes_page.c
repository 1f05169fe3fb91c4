/* The pages: nothing of them may change but that annotations come to them (ISO 32000-1 §7.7.3, §12.5). */
#include <string.h>

#include "base/limits.h"
#include "base/msg.h"
#include "verify/pdf_compare.h"

/* --- finding --------------------------------------------------------------------------------------------------------
 */

static enum sg_rc find_page(struct sg_pdf_comparison *c, const struct sg_pdf_value *item, int depth, struct sg_err *err)
{
    const struct sg_pdf_value *node = NULL, *kids = NULL;
    struct sg_pdf_mark *mark = item->type == SG_PDF_REFERENCE ? sg_pdf_mark_of(c, item->id) : NULL;
    if (!mark)
        return SG_OK;
    if (mark->role != SG_PDF_ROLE_NONE || depth > SG_MAX_PDF_DEPTH)
        return sg_fail(err, SG_E_MALFORMED,
                       _("The PDF is broken: its pages lead to object %d more than once, or in a circle."),
                       item->id.number);
    mark->role = SG_PDF_ROLE_PAGES;
    enum sg_rc rc = sg_pdf_object(c->before, item->id, &node, err);
    if (rc == SG_OK)
        rc = sg_pdf_find(c->before, node, "Kids", &kids, err);
    if (rc == SG_OK && !kids && node->type == SG_PDF_DICTIONARY)
        mark->role = SG_PDF_ROLE_PAGE;
    for (size_t i = 0; rc == SG_OK && kids && i < kids->count; i++)
        rc = find_page(c, &kids->entries[i].value, depth + 1, err);
    return rc;
}

enum sg_rc sg_pdf_find_pages(struct sg_pdf_comparison *c, const struct sg_pdf_value *root, struct sg_err *err)
{
    const struct sg_pdf_value *pages = sg_pdf_get(root, "Pages");
    return pages ? find_page(c, pages, 0, err) : SG_OK;
}

/* --- annotations ----------------------------------------------------------------------------------------------------
 */

/* Comments that hide nothing and act nowhere. Others (free text, stamps, redactions, drawings) can cover what was
 * signed, and so can an appearance of their own. */
static enum sg_rc compare_new_annotation(struct sg_pdf_comparison *c, const struct sg_pdf_value *item,
                                         struct sg_err *err)
{
    static const char *const kinds[] = {"Text", "Popup", "Highlight", "Underline", "Squiggly", "StrikeOut"};
    /* /BM: how it is blended with what it lies on; a mark could then cover that (ISO 32000-2 §12.5.2) */
    static const char *const own[] = {"AP", "A", "AA", "BM", NULL};
    const struct sg_pdf_value *annotation = NULL, *kind = NULL;
    bool comments = false;
    enum sg_rc rc = sg_pdf_resolve(c->after, item, &annotation, err);
    if (rc == SG_OK)
        rc = sg_pdf_find(c->after, annotation, "Subtype", &kind, err);
    if (rc != SG_OK)
        return rc;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        comments |= sg_pdf_is_name(kind, kinds[i]);
    if (!comments)
        return sg_pdf_forbid(c, err, _("An annotation that can hide what was signed was added to %s."), c->where);
    for (size_t i = 0; i < annotation->count; i++)
        if (sg_pdf_is_one_of((const char *)annotation->entries[i].key.data, own))
            return sg_pdf_forbid(
                c, err,
                _("An annotation with an appearance or an action of its own was added to %s; it can hide "
                  "what was signed."),
                c->where);
    struct sg_pdf_mark *mark = item->type == SG_PDF_REFERENCE ? sg_pdf_mark_of(c, item->id) : NULL;
    if (mark && mark->difference != SG_PDF_ADDED)
        return sg_pdf_forbid(c, err, _("Object %d was made an annotation of %s after signing."), item->id.number,
                             c->where);
    c->changes.what |= SG_PDF_CHANGE_ANNOTATION;
    return sg_pdf_permit(c, item, NULL, err);
}

/* A field's widget that the form does not lead to: readers draw it all the same. Its name cannot be told, so that it is
 * locked wherever a field is. */
static enum sg_rc look_at_stray(struct sg_pdf_comparison *c, const struct sg_pdf_value *item, struct sg_err *err)
{
    const struct sg_pdf_value *annotation = NULL, *type = NULL, *text = NULL;
    const struct sg_pdf_mark *mark = item->type == SG_PDF_REFERENCE ? sg_pdf_mark_of(c, item->id) : NULL;
    if (mark && mark->role == SG_PDF_ROLE_FIELD)
        return SG_OK;
    enum sg_rc rc = sg_pdf_resolve(c->before, item, &annotation, err);
    if (rc == SG_OK)
        rc = sg_pdf_find(c->before, annotation, "FT", &type, err);
    if (rc == SG_OK)
        rc = sg_pdf_find(c->before, annotation, "DA", &text, err);
    if (rc != SG_OK || !sg_pdf_is_name(sg_pdf_get(annotation, "Subtype"), "Widget") || sg_pdf_is_name(type, "Sig") ||
        !sg_pdf_is_redrawn(c, text))
        return rc;
    return sg_pdf_note_field(c, "\xef\xbf\xbd", SG_PDF_CHANGE_FORM, err);
}

static enum sg_rc compare_annotations(struct sg_pdf_comparison *c, const struct sg_pdf_value *before,
                                      const struct sg_pdf_value *after, struct sg_err *err)
{
    const struct sg_pdf_value *a = NULL, *b = NULL;
    size_t i = 0;
    enum sg_rc rc = sg_pdf_pair(c, before, after, &a, &b, err);
    size_t count = a && a->type == SG_PDF_ARRAY ? a->count : 0;
    for (size_t j = 0; rc == SG_OK && b && b->type == SG_PDF_ARRAY && j < b->count; j++) {
        const struct sg_pdf_value *item = &b->entries[j].value;
        struct sg_pdf_mark *mark = item->type == SG_PDF_REFERENCE ? sg_pdf_mark_of(c, item->id) : NULL;
        if (i < count && sg_pdf_equal(&a->entries[i].value, item)) {
            i++;
            rc = sg_pdf_strict(c, "Annots", item, item, err);
            if (rc == SG_OK)
                rc = look_at_stray(c, item, err);
        } else if (!mark || mark->role != SG_PDF_ROLE_NEW_FIELD) {
            rc = compare_new_annotation(c, item, err);
        }
    }
    if (rc == SG_OK && i < count)
        rc = sg_pdf_forbid(c, err, _("An annotation was taken from %s after signing."), c->where);
    return rc;
}

/* --- pages ----------------------------------------------------------------------------------------------------------
 */

static enum sg_rc compare_entry(struct sg_pdf_comparison *c, void *context, const char *key,
                                const struct sg_pdf_value *before, const struct sg_pdf_value *after, struct sg_err *err)
{
    (void)context;
    if (strcmp(key, "Annots") == 0)
        return compare_annotations(c, before, after, err);
    return sg_pdf_strict(c, key, before, after, err);
}

enum sg_rc sg_pdf_compare_pages(struct sg_pdf_comparison *c, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    for (size_t i = 0; rc == SG_OK && i < c->count && !c->changes.why; i++) {
        const struct sg_pdf_value *before = NULL, *after = NULL;
        const struct sg_pdf_place *place = sg_pdf_place_of(c->before, c->numbers[i]);
        if (c->marks[i].role != SG_PDF_ROLE_PAGE || !place)
            continue;
        (void)snprintf(c->where, sizeof(c->where), _("the page in object %d"), c->numbers[i]);
        c->marks[i].explained = true;
        rc = sg_pdf_object(c->before, place->id, &before, err);
        if (rc == SG_OK)
            rc = sg_pdf_object(c->after, place->id, &after, err);
        if (rc == SG_OK && after->type != SG_PDF_DICTIONARY)
            rc = sg_pdf_forbid(c, err, _("The page in object %d was taken away after signing."), c->numbers[i]);
        if (rc == SG_OK)
            rc = sg_pdf_each_key(c, before, after, compare_entry, NULL, err);
    }
    return rc;
}
