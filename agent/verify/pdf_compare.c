#include "verify/pdf_compare.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/msg.h"
#include "base/utf8.h"

static int compare_number(const void *a, const void *b)
{
    const int *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

struct sg_pdf_mark *sg_pdf_mark_of(struct sg_pdf_comparison *c, struct sg_pdf_id id)
{
    const int *found =
        c->count > 0 ? bsearch(&id.number, c->numbers, c->count, sizeof(*c->numbers), compare_number) : NULL;
    return found ? &c->marks[found - c->numbers] : NULL;
}

enum sg_rc sg_pdf_forbid(struct sg_pdf_comparison *c, struct sg_err *err, const char *format, ...)
{
    va_list args;
    if (c->changes.why)
        return SG_OK;
    va_start(args, format);
    int n = vasprintf(&c->changes.why, format, args);
    va_end(args);
    if (n >= 0)
        return SG_OK;
    c->changes.why = NULL;
    return sg_fail_memory(err);
}

/* --- values ---------------------------------------------------------------------------------------------------------
 */

static bool entries_equal(const struct sg_pdf_value *a, const struct sg_pdf_value *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (!sg_slice_equal(a->entries[i].key, b->entries[i].key) ||
            !sg_pdf_equal(&a->entries[i].value, &b->entries[i].value))
            return false;
    return true;
}

bool sg_pdf_equal(const struct sg_pdf_value *a, const struct sg_pdf_value *b)
{
    if (!a || !b || a->type != b->type)
        return !a && !b;
    switch (a->type) {
    case SG_PDF_NULL:
        return true;
    case SG_PDF_BOOLEAN:
        return a->boolean == b->boolean;
    case SG_PDF_INTEGER:
        return a->integer == b->integer;
    case SG_PDF_REAL:
    case SG_PDF_NAME:
    case SG_PDF_STRING:
        return sg_slice_equal(a->text, b->text);
    case SG_PDF_ARRAY:
    case SG_PDF_DICTIONARY:
    case SG_PDF_STREAM:
        return entries_equal(a, b);
    case SG_PDF_REFERENCE:
        return a->id.number == b->id.number && a->id.generation == b->id.generation;
    }
    return false;
}

static enum sg_rc data_equal(struct sg_pdf_comparison *c, struct sg_pdf_id id, bool *ret, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf a = SG_BUF(SG_MAX_PDF_COMPARED), b = SG_BUF(SG_MAX_PDF_COMPARED);
    enum sg_rc rc = sg_pdf_stream(c->before, id, false, &a, err);
    if (rc == SG_OK)
        rc = sg_pdf_stream(c->after, id, false, &b, err);
    *ret = rc == SG_OK && sg_slice_equal(sg_buf_slice(&a), sg_buf_slice(&b));
    return rc == SG_E_LIMIT ? SG_OK : rc; /* then it counts as changed */
}

enum sg_rc sg_pdf_object_equal(struct sg_pdf_comparison *c, struct sg_pdf_id id, bool *ret, struct sg_err *err)
{
    const struct sg_pdf_value *before = NULL, *after = NULL;
    enum sg_rc rc = sg_pdf_object(c->before, id, &before, err);
    if (rc == SG_OK)
        rc = sg_pdf_object(c->after, id, &after, err);
    if (rc != SG_OK)
        return rc;
    *ret = sg_pdf_equal(before, after);
    return *ret && before->type == SG_PDF_STREAM ? data_equal(c, id, ret, err) : SG_OK;
}

/* --- what has no rule -----------------------------------------------------------------------------------------------
 */

static bool is_one_of(const char *key, const char *const *keys)
{
    for (size_t i = 0; keys[i]; i++)
        if (strcmp(key, keys[i]) == 0)
            return true;
    return false;
}

/* Whether something may refer to an object that is compared by its own rule. A page's only rule is for its annotations,
 * which mean nothing to any other use of it; a field could stand in for something else, and be changed as that. */
static bool is_link(uint8_t role, const char *key)
{
    static const char *const to_root[] = {"Data", NULL};
    static const char *const to_field[] = {"Fields", "Kids", "Annots", "Parent", "Obj", "CO", NULL};
    switch (role) {
    case SG_PDF_ROLE_PAGE:
        return true;
    case SG_PDF_ROLE_ROOT:
        return is_one_of(key, to_root);
    case SG_PDF_ROLE_FIELD:
        return is_one_of(key, to_field);
    default:
        return false;
    }
}

/* The /Type of an object, or what it is, fit to be printed. */
static enum sg_rc describe(struct sg_pdf_comparison *c, struct sg_pdf_id id, char *out, size_t size, struct sg_err *err)
{
    const struct sg_pdf_value *value = NULL;
    _cleanup_(sg_buf_clear) struct sg_buf text = SG_BUF(4 * SG_KIB);
    const char *shown = "";
    enum sg_rc rc = sg_pdf_object(c->before, id, &value, err);
    if (rc == SG_OK && value->type == SG_PDF_NULL)
        rc = sg_pdf_object(c->after, id, &value, err);
    const struct sg_pdf_value *type = rc == SG_OK ? sg_pdf_get(value, "Type") : NULL;
    if (type && type->type == SG_PDF_NAME && type->text.len < 64)
        rc = sg_utf8_append_printable(&text, type->text.data, type->text.len, err);
    else if (rc == SG_OK && value->type == SG_PDF_STREAM)
        rc = sg_buf_printf(&text, err, "%s", _("a stream"));
    if (rc == SG_OK)
        rc = sg_buf_text(&text, &shown, err);
    if (rc == SG_OK && snprintf(out, size, "%s%s%s", *shown ? " (" : "", shown, *shown ? ")" : "") >= (int)size)
        sg_utf8_cut(out);
    return rc;
}

static enum sg_rc forbid_object(struct sg_pdf_comparison *c, struct sg_pdf_id id, struct sg_err *err)
{
    char what[128];
    enum sg_rc rc = describe(c, id, what, sizeof(what), err);
    return rc == SG_OK ? sg_pdf_forbid(c, err, _("Object %d%s, which %s leads to, was changed after signing."),
                                       id.number, what, c->where)
                       : rc;
}

static enum sg_rc strict_reference(struct sg_pdf_comparison *c, const char *key, struct sg_pdf_id id,
                                   struct sg_err *err)
{
    struct sg_pdf_mark *mark = sg_pdf_mark_of(c, id);
    if (!mark || mark->strict || is_link(mark->role, key))
        return SG_OK;
    mark->strict = true;
    if (mark->difference != SG_PDF_SAME)
        return forbid_object(c, id, err);
    c->queue[c->queued++] = id.number;
    return SG_OK;
}

/* Queues what a value refers to. */
static enum sg_rc strict_value(struct sg_pdf_comparison *c, const char *key, const struct sg_pdf_value *value,
                               struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    if (value->type == SG_PDF_REFERENCE)
        return strict_reference(c, key, value->id, err);
    bool keyed = value->type == SG_PDF_DICTIONARY || value->type == SG_PDF_STREAM;
    for (size_t i = 0; rc == SG_OK && i < value->count; i++)
        rc = strict_value(c, keyed ? (const char *)value->entries[i].key.data : key, &value->entries[i].value, err);
    return rc;
}

static enum sg_rc walk_queue(struct sg_pdf_comparison *c, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    while (rc == SG_OK && c->queued > 0 && !c->changes.why) {
        const struct sg_pdf_place *place = sg_pdf_place_of(c->before, c->queue[--c->queued]);
        const struct sg_pdf_value *value = NULL;
        if (!place)
            continue;
        rc = sg_pdf_object(c->before, place->id, &value, err);
        if (rc == SG_OK)
            rc = strict_value(c, "", value, err);
    }
    c->queued = 0;
    return rc;
}

/* Another reference: the same under another number, if what it leads to is written alike. */
static enum sg_rc was_renumbered(struct sg_pdf_comparison *c, const struct sg_pdf_value *before,
                                 const struct sg_pdf_value *after, bool *ret, struct sg_err *err)
{
    const struct sg_pdf_value *a = NULL, *b = NULL;
    const struct sg_pdf_mark *mark = sg_pdf_mark_of(c, after->id);
    *ret = false;
    if (mark && mark->difference == SG_PDF_CHANGED)
        return SG_OK;
    enum sg_rc rc = sg_pdf_resolve(c->before, before, &a, err);
    if (rc == SG_OK)
        rc = sg_pdf_resolve(c->after, after, &b, err);
    if (rc != SG_OK || a->type == SG_PDF_STREAM || !sg_pdf_equal(a, b))
        return rc;
    *ret = true;
    rc = sg_pdf_pair(c, before, after, &a, &b, err);
    return rc == SG_OK && a ? strict_value(c, "", a, err) : rc;
}

static bool is_compound(const struct sg_pdf_value *value)
{
    return value->type == SG_PDF_ARRAY || value->type == SG_PDF_DICTIONARY;
}

static enum sg_rc strict_pair(struct sg_pdf_comparison *c, const char *key, const struct sg_pdf_value *before,
                              const struct sg_pdf_value *after, bool *ret, struct sg_err *err);

/* What stood in an array or a dictionary itself, and now in an object of its own, as some writers do to each dictionary
 * of an array. Each step goes deeper into the object that `before` stands in, so this comes to an end; the other way
 * round would not. */
static enum sg_rc was_moved_out(struct sg_pdf_comparison *c, const char *key, const struct sg_pdf_value *before,
                                const struct sg_pdf_value *after, bool *ret, struct sg_err *err)
{
    const struct sg_pdf_value *a = NULL, *b = NULL;
    const struct sg_pdf_mark *mark = sg_pdf_mark_of(c, after->id);
    *ret = mark && mark->difference != SG_PDF_CHANGED && mark->role == SG_PDF_ROLE_NONE;
    enum sg_rc rc = *ret ? sg_pdf_pair(c, before, after, &a, &b, err) : SG_OK;
    return *ret && rc == SG_OK ? strict_pair(c, key, a, b, ret, err) : rc;
}

/* `*ret`: the two are alike. */
static enum sg_rc strict_pair(struct sg_pdf_comparison *c, const char *key, const struct sg_pdf_value *before,
                              const struct sg_pdf_value *after, bool *ret, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    *ret = true;
    if (sg_pdf_equal(before, after))
        return before ? strict_value(c, key, before, err) : SG_OK;
    if (before && after && is_compound(before) && after->type == SG_PDF_REFERENCE)
        return was_moved_out(c, key, before, after, ret, err);
    *ret = before && after && before->type == after->type && before->count == after->count;
    if (*ret && before->type == SG_PDF_REFERENCE)
        return was_renumbered(c, before, after, ret, err);
    *ret = *ret && is_compound(before);
    for (size_t i = 0; rc == SG_OK && *ret && i < before->count; i++) {
        const struct sg_pdf_entry *a = &before->entries[i], *b = &after->entries[i];
        *ret = sg_slice_equal(a->key, b->key);
        if (*ret)
            rc = strict_pair(c, before->type == SG_PDF_ARRAY ? key : (const char *)a->key.data, &a->value, &b->value,
                             ret, err);
    }
    return rc;
}

enum sg_rc sg_pdf_strict(struct sg_pdf_comparison *c, const char *key, const struct sg_pdf_value *before,
                         const struct sg_pdf_value *after, struct sg_err *err)
{
    bool alike = false;
    if (c->changes.why)
        return SG_OK;
    enum sg_rc rc = strict_pair(c, key, before, after, &alike, err);
    if (rc == SG_OK && !alike && !before)
        return sg_pdf_forbid(c, err, _("/%s of %s was added after signing."), key, c->where);
    if (rc == SG_OK && !alike && !after)
        return sg_pdf_forbid(c, err, _("/%s of %s was taken away after signing."), key, c->where);
    if (rc == SG_OK && !alike)
        return sg_pdf_forbid(c, err, _("/%s of %s was changed after signing."), key, c->where);
    return rc == SG_OK ? walk_queue(c, err) : rc;
}

/* --- what has one ---------------------------------------------------------------------------------------------------
 */

/* What an object leads to, which is as it was. */
static enum sg_rc hold(struct sg_pdf_comparison *c, struct sg_pdf_id id, struct sg_pdf_mark *mark, struct sg_err *err)
{
    const struct sg_pdf_value *value = NULL;
    if (mark->held)
        return SG_OK;
    mark->held = true;
    enum sg_rc rc = sg_pdf_object(c->before, id, &value, err);
    if (rc == SG_OK)
        rc = strict_value(c, "", value, err);
    return rc == SG_OK ? walk_queue(c, err) : rc;
}

static enum sg_rc permit(struct sg_pdf_comparison *c, const struct sg_pdf_value *after, bool shown, int depth,
                         bool *changed, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    if (depth > SG_MAX_PDF_PERMITTED_DEPTH)
        return sg_pdf_forbid(c, err, _("What was added to %s is nested too deeply."), c->where);
    if (after->type == SG_PDF_REFERENCE) {
        struct sg_pdf_mark *mark = sg_pdf_mark_of(c, after->id);
        if (!mark || mark->role != SG_PDF_ROLE_NONE)
            return SG_OK;
        if (mark->difference == SG_PDF_SAME)
            return shown ? hold(c, after->id, mark, err) : SG_OK;
        *changed = true;
        if (mark->explained)
            return SG_OK;
        mark->explained = true;
        rc = sg_pdf_object(c->after, after->id, &after, err);
        if (rc != SG_OK)
            return rc;
        depth++;
    }
    for (size_t i = 0; rc == SG_OK && i < after->count; i++)
        rc = permit(c, &after->entries[i].value, shown, depth, changed, err);
    return rc;
}

enum sg_rc sg_pdf_permit(struct sg_pdf_comparison *c, const struct sg_pdf_value *after, bool *ret_changed,
                         struct sg_err *err)
{
    bool changed = false;
    enum sg_rc rc = after ? permit(c, after, false, 0, &changed, err) : SG_OK;
    if (ret_changed)
        *ret_changed = changed;
    return rc;
}

enum sg_rc sg_pdf_permit_shown(struct sg_pdf_comparison *c, const struct sg_pdf_value *after, bool *ret_changed,
                               struct sg_err *err)
{
    *ret_changed = false;
    return after ? permit(c, after, true, 0, ret_changed, err) : SG_OK;
}

enum sg_rc sg_pdf_pair(struct sg_pdf_comparison *c, const struct sg_pdf_value *before, const struct sg_pdf_value *after,
                       const struct sg_pdf_value **ret_before, const struct sg_pdf_value **ret_after,
                       struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    *ret_before = *ret_after = NULL;
    if (before)
        rc = sg_pdf_resolve(c->before, before, ret_before, err);
    if (rc == SG_OK && after)
        rc = sg_pdf_resolve(c->after, after, ret_after, err);
    struct sg_pdf_mark *mark = after && after->type == SG_PDF_REFERENCE ? sg_pdf_mark_of(c, after->id) : NULL;
    if (mark && mark->difference != SG_PDF_SAME)
        mark->explained = true;
    if (*ret_before && (*ret_before)->type == SG_PDF_NULL)
        *ret_before = NULL;
    if (*ret_after && (*ret_after)->type == SG_PDF_NULL)
        *ret_after = NULL;
    return rc;
}

enum sg_rc sg_pdf_each_key(struct sg_pdf_comparison *c, const struct sg_pdf_value *before,
                           const struct sg_pdf_value *after, sg_pdf_compare_key *compare, void *context,
                           struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    for (size_t i = 0; rc == SG_OK && before && i < before->count && !c->changes.why; i++) {
        const char *key = (const char *)before->entries[i].key.data;
        rc = compare(c, context, key, &before->entries[i].value, sg_pdf_get(after, key), err);
    }
    for (size_t i = 0; rc == SG_OK && after && i < after->count && !c->changes.why; i++) {
        const char *key = (const char *)after->entries[i].key.data;
        if (!sg_pdf_get(before, key))
            rc = compare(c, context, key, NULL, &after->entries[i].value, err);
    }
    return rc;
}
