#include "verify/pdf_changes.h"

#include <stdlib.h>
#include <string.h>

#include "base/msg.h"
#include "formats/pdf_update.h"
#include "verify/pdf_compare.h"

/* --- which objects differ -------------------------------------------------------------------------------------------
 */

/* The two kinds of streams that hold the file's own structure (§7.5.7, §7.5.8). */
static enum sg_rc is_structure(struct sg_pdf_comparison *c, struct sg_pdf_id id, bool *ret, struct sg_err *err)
{
    const struct sg_pdf_value *value = NULL;
    enum sg_rc rc = sg_pdf_object(c->after, id, &value, err);
    if (rc == SG_OK)
        *ret = value->type == SG_PDF_STREAM && (sg_pdf_is_name(sg_pdf_get(value, "Type"), "XRef") ||
                                                sg_pdf_is_name(sg_pdf_get(value, "Type"), "ObjStm"));
    return rc;
}

static enum sg_rc mark_differences(struct sg_pdf_comparison *c, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    for (size_t i = 0; rc == SG_OK && i < c->count; i++) {
        const int number = c->numbers[i];
        const struct sg_pdf_place *a = sg_pdf_place_of(c->before, number), *b = sg_pdf_place_of(c->after, number);
        struct sg_pdf_mark *mark = &c->marks[i];
        bool equal = false, same = false;
        /* What cannot be read is no error as long as nothing leads there. */
        if (a && b && sg_pdf_same_place(c->before, c->after, number, &same, NULL) == SG_E_MALFORMED)
            same = true;
        if (same)
            continue;
        mark->difference = a ? SG_PDF_CHANGED : SG_PDF_ADDED;
        if (a && b && a->id.generation == b->id.generation)
            rc = sg_pdf_object_equal(c, a->id, &equal, err);
        if (equal)
            mark->difference = SG_PDF_SAME;
        if (rc == SG_OK && b)
            rc = is_structure(c, b->id, &mark->explained, err);
    }
    return rc;
}

/* --- from the trailer on --------------------------------------------------------------------------------------------
 */

/* Long-term evidence (EN 319 142-1 §5.4.2). */
static enum sg_rc compare_evidence(struct sg_pdf_comparison *c, const struct sg_pdf_value *before,
                                   const struct sg_pdf_value *after, struct sg_err *err)
{
    bool changed = false;
    if (!after)
        return sg_pdf_forbid(c, err, _("/%s of the catalog was taken away after signing."), "DSS");
    enum sg_rc rc = sg_pdf_permit(c, after, &changed, err);
    if (changed || !sg_pdf_equal(before, after))
        c->changes.what |= SG_PDF_CHANGE_EVIDENCE;
    return rc;
}

static enum sg_rc compare_root_entry(struct sg_pdf_comparison *c, void *context, const char *key,
                                     const struct sg_pdf_value *before, const struct sg_pdf_value *after,
                                     struct sg_err *err)
{
    static const struct {
        const char *key;
        enum sg_rc (*compare)(struct sg_pdf_comparison *c, const struct sg_pdf_value *before,
                              const struct sg_pdf_value *after, struct sg_err *err);
    } rules[] = {
        {"AcroForm", sg_pdf_compare_form},     {"DSS", compare_evidence},
        {"Metadata", sg_pdf_compare_metadata}, {"Extensions", sg_pdf_compare_extensions},
        {"Version", sg_pdf_compare_version},
    };
    (void)context;
    (void)snprintf(c->where, sizeof(c->where), "%s", _("the catalog"));
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (strcmp(key, rules[i].key) == 0)
            return rules[i].compare(c, before, after, err);
    return sg_pdf_strict(c, key, before, after, err);
}

static enum sg_rc compare_trailer_entry(struct sg_pdf_comparison *c, void *context, const char *key,
                                        const struct sg_pdf_value *before, const struct sg_pdf_value *after,
                                        struct sg_err *err)
{
    static const char *const own[] = {"Size",  "Prev",   "XRefStm", "ID",          "Type", "W",
                                      "Index", "Length", "Filter",  "DecodeParms", "DL",   "Root"};
    (void)context;
    (void)snprintf(c->where, sizeof(c->where), "%s", _("the trailer"));
    /* Some readers take what has a higher number for missing (§7.5.5). */
    if (strcmp(key, "Size") == 0 && before && (!after || after->integer < before->integer))
        return sg_pdf_forbid(c, err, "%s", _("The trailer says that the file has fewer objects than before."));
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (strcmp(key, own[i]) == 0)
            return SG_OK;
    if (strcmp(key, "Info") == 0)
        return sg_pdf_compare_info(c, before, after, err);
    return sg_pdf_strict(c, key, before, after, err);
}

static enum sg_rc compare_roots(struct sg_pdf_comparison *c, struct sg_err *err)
{
    const struct sg_pdf_value *a = sg_pdf_get(sg_pdf_trailer(c->before), "Root");
    const struct sg_pdf_value *b = sg_pdf_get(sg_pdf_trailer(c->after), "Root");
    const struct sg_pdf_value *before = NULL, *after = NULL;
    struct sg_pdf_mark *mark = a && a->type == SG_PDF_REFERENCE ? sg_pdf_mark_of(c, a->id) : NULL;
    if (!mark || !sg_pdf_equal(a, b))
        return sg_pdf_forbid(c, err, "%s", _("The catalog was exchanged after signing."));
    mark->role = SG_PDF_ROLE_ROOT;
    enum sg_rc rc = sg_pdf_pair(c, a, b, &before, &after, err);
    if (rc == SG_OK && (!before || !after))
        return sg_pdf_forbid(c, err, "%s", _("The catalog was taken away after signing."));
    if (rc == SG_OK)
        rc = sg_pdf_find_pages(c, before, err);
    if (rc == SG_OK)
        rc = sg_pdf_find_fields(c, before, err);
    if (rc == SG_OK)
        rc = sg_pdf_each_key(c, before, after, compare_root_entry, NULL, err);
    return rc == SG_OK ? sg_pdf_compare_pages(c, err) : rc;
}

/* Queues what a value refers to, once each. */
static void reach(struct sg_pdf_comparison *c, const struct sg_pdf_value *value)
{
    if (value->type == SG_PDF_REFERENCE) {
        struct sg_pdf_mark *mark = sg_pdf_mark_of(c, value->id);
        if (mark && !mark->reached)
            c->queue[c->queued++] = value->id.number;
        if (mark)
            mark->reached = true;
    }
    for (size_t i = 0; i < value->count; i++)
        reach(c, &value->entries[i].value);
}

/* What stands where nothing leads is inert, as long as the cross-reference is taken in one way (pdf_update.h). */
static enum sg_rc mark_reached(struct sg_pdf_comparison *c, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    reach(c, sg_pdf_trailer(c->after));
    while (rc == SG_OK && c->queued > 0) {
        const struct sg_pdf_place *place = sg_pdf_place_of(c->after, c->queue[--c->queued]);
        const struct sg_pdf_value *value = NULL;
        if (!place)
            continue;
        rc = sg_pdf_object(c->after, place->id, &value, err);
        if (rc == SG_OK)
            reach(c, value);
    }
    return rc;
}

static enum sg_rc forbid_unexplained(struct sg_pdf_comparison *c, size_t index, struct sg_err *err)
{
    const struct sg_pdf_mark *mark = &c->marks[index];
    const int number = c->numbers[index];
    if (mark->replaced && mark->strict)
        return sg_pdf_forbid(
            c, err, _("Object %d, which is shown in a field and elsewhere, was replaced in the field."), number);
    if (mark->difference == SG_PDF_SAME || mark->explained || (mark->difference == SG_PDF_ADDED && !mark->reached))
        return SG_OK;
    if (!sg_pdf_place_of(c->after, number))
        return sg_pdf_forbid(c, err, _("Object %d was taken away after signing."), number);
    if (mark->difference == SG_PDF_ADDED)
        return sg_pdf_forbid(c, err, _("Object %d, which no rule permits, was added after signing."), number);
    return sg_pdf_forbid(c, err, _("Object %d was changed after signing."), number);
}

/* What no rule has come across. */
static enum sg_rc forbid_rest(struct sg_pdf_comparison *c, struct sg_err *err)
{
    bool added = false;
    enum sg_rc rc = SG_OK;
    for (size_t i = 0; i < c->count; i++)
        added |= c->marks[i].difference == SG_PDF_ADDED && !c->marks[i].explained;
    if (added && !c->changes.why)
        rc = mark_reached(c, err);
    for (size_t i = 0; rc == SG_OK && i < c->count && !c->changes.why; i++)
        rc = forbid_unexplained(c, i, err);
    return rc;
}

/* The numbers of both, each once, with a blank mark. */
static enum sg_rc make_marks(struct sg_pdf_comparison *c, struct sg_err *err)
{
    size_t a_count = 0, b_count = 0, a = 0, b = 0;
    const struct sg_pdf_place *before = sg_pdf_places(c->before, &a_count), *after = sg_pdf_places(c->after, &b_count);
    size_t room = a_count + b_count + 1;
    c->numbers = reallocarray(NULL, room, sizeof(*c->numbers));
    c->marks = calloc(room, sizeof(*c->marks));
    c->queue = reallocarray(NULL, room, sizeof(*c->queue));
    if (!c->numbers || !c->marks || !c->queue)
        return sg_fail_memory(err);
    while (a < a_count || b < b_count) {
        bool from_a = b == b_count || (a < a_count && before[a].id.number <= after[b].id.number);
        int number = from_a ? before[a++].id.number : after[b++].id.number;
        if (number > 0 && (c->count == 0 || c->numbers[c->count - 1] != number))
            c->numbers[c->count++] = number;
    }
    return SG_OK;
}

static void comparison_clear(struct sg_pdf_comparison *c)
{
    free(c->numbers);
    free(c->marks);
    free(c->queue);
    sg_pdf_changes_clear(&c->changes);
}

enum sg_rc sg_pdf_compare(struct sg_pdf *before, struct sg_pdf *after, struct sg_pdf_changes *ret, struct sg_err *err)
{
    _cleanup_(comparison_clear) struct sg_pdf_comparison c = {.before = before, .after = after};
    enum sg_rc rc = make_marks(&c, err);
    if (rc == SG_OK)
        rc = mark_differences(&c, err);
    if (rc == SG_OK)
        rc = compare_roots(&c, err);
    if (rc == SG_OK)
        rc = sg_pdf_each_key(&c, sg_pdf_trailer(before), sg_pdf_trailer(after), compare_trailer_entry, NULL, err);
    if (rc == SG_OK)
        rc = forbid_rest(&c, err);
    if (rc == SG_OK)
        rc = sg_pdf_check_company(&c, err);
    if (rc == SG_OK && !c.changes.why)
        rc = sg_pdf_update_check(before, after, &c.changes.why, err);
    if (rc != SG_OK)
        return rc;
    *ret = c.changes;
    c.changes = (struct sg_pdf_changes){0};
    return SG_OK;
}

void sg_pdf_changes_clear(struct sg_pdf_changes *changes)
{
    for (size_t i = 0; i < changes->count; i++)
        free(changes->fields[i]);
    free(changes->fields);
    free(changes->shown);
    free(changes->why);
    *changes = (struct sg_pdf_changes){0};
}
