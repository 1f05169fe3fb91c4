/* What the catalog and the trailer say about a PDF: who wrote it when, its title, its version. No reader draws that on
 * a page, but it shows the title; so it may change only as those who sign, stamp, add evidence or fill in a form have
 * to write it. */
#include <string.h>

#include "base/msg.h"
#include "verify/pdf_compare.h"

/* --- metadata (ISO 32000-1 §14.3) -----------------------------------------------------------------------------------
 */

/* Writers note themselves and the time with each update. */
static enum sg_rc compare_info_entry(struct sg_pdf_comparison *c, void *context, const char *key,
                                     const struct sg_pdf_value *before, const struct sg_pdf_value *after,
                                     struct sg_err *err)
{
    static const char *const written[] = {"ModDate", "Producer", NULL};
    bool changed = false, is_text = after && after->type == SG_PDF_STRING;
    enum sg_rc rc = sg_pdf_permit(c, after, &changed, err);
    (void)context;
    if (changed || !sg_pdf_equal(before, after))
        c->changes.what |= is_text && sg_pdf_is_one_of(key, written) ? SG_PDF_CHANGE_WRITER : SG_PDF_CHANGE_METADATA;
    return rc;
}

enum sg_rc sg_pdf_compare_info(struct sg_pdf_comparison *c, const struct sg_pdf_value *before,
                               const struct sg_pdf_value *after, struct sg_err *err)
{
    const struct sg_pdf_value *a = NULL, *b = NULL;
    enum sg_rc rc = sg_pdf_pair(c, before, after, &a, &b, err);
    if (rc == SG_OK && (a || b) && (!b || b->type != SG_PDF_DICTIONARY))
        return sg_pdf_forbid(c, err, "%s",
                             _("/Info of the trailer was taken away after signing, or is no dictionary."));
    return rc == SG_OK ? sg_pdf_each_key(c, a, b, compare_info_entry, NULL, err) : rc;
}

enum sg_rc sg_pdf_compare_metadata(struct sg_pdf_comparison *c, const struct sg_pdf_value *before,
                                   const struct sg_pdf_value *after, struct sg_err *err)
{
    bool changed = false;
    if (!after)
        return sg_pdf_forbid(c, err, _("/%s of the catalog was taken away after signing."), "Metadata");
    enum sg_rc rc = sg_pdf_permit(c, after, &changed, err);
    if (changed || !sg_pdf_equal(before, after))
        c->changes.what |= SG_PDF_CHANGE_METADATA;
    return rc;
}

/* --- version and extensions (§7.12; ISO 32000-2 §7.12) --------------------------------------------------------------
 */

/* "1.7": the two digits. 0: it is none. */
static int version_of(const struct sg_pdf_value *value)
{
    const uint8_t *text = value && value->type == SG_PDF_NAME && value->text.len == 3 ? value->text.data : NULL;
    if (!text || text[0] < '1' || text[0] > '9' || text[1] != '.' || text[2] < '0' || text[2] > '9')
        return 0;
    return (text[0] - '0') * 10 + text[2] - '0';
}

static bool is_raised(const struct sg_pdf_value *before, const struct sg_pdf_value *after)
{
    if (after->type == SG_PDF_INTEGER)
        return before->type == SG_PDF_INTEGER && after->integer >= before->integer;
    return version_of(before) > 0 && version_of(after) >= version_of(before);
}

enum sg_rc sg_pdf_compare_version(struct sg_pdf_comparison *c, const struct sg_pdf_value *before,
                                  const struct sg_pdf_value *after, struct sg_err *err)
{
    if (sg_pdf_equal(before, after))
        return sg_pdf_strict(c, "Version", before, after, err);
    if (!after || version_of(after) == 0 || (before && !is_raised(before, after)))
        return sg_pdf_forbid(c, err, "%s", _("/Version of the catalog became another that is not higher."));
    c->changes.what |= SG_PDF_CHANGE_VERSION;
    return SG_OK;
}

/* Of the extensions of one developer: what was there stays, or is raised. */
static enum sg_rc compare_extension_entry(struct sg_pdf_comparison *c, void *context, const char *key,
                                          const struct sg_pdf_value *before, const struct sg_pdf_value *after,
                                          struct sg_err *err)
{
    static const char *const raised[] = {"BaseVersion", "ExtensionLevel", NULL};
    (void)context;
    if (before &&
        (!after || sg_pdf_equal(before, after) || !sg_pdf_is_one_of(key, raised) || !is_raised(before, after)))
        return sg_pdf_strict(c, key, before, after, err);
    c->changes.what |= SG_PDF_CHANGE_VERSION;
    return before ? SG_OK : sg_pdf_permit(c, after, NULL, err);
}

/* Several extensions of one developer (ISO 32000-2): those that were there, in their order, and more. */
static enum sg_rc compare_list(struct sg_pdf_comparison *c, const struct sg_pdf_value *before,
                               const struct sg_pdf_value *after, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    for (size_t i = 0; rc == SG_OK && i < before->count; i++)
        rc = sg_pdf_strict(c, "Extensions", &before->entries[i].value,
                           i < after->count ? &after->entries[i].value : NULL, err);
    for (size_t i = before->count; rc == SG_OK && i < after->count; i++) {
        c->changes.what |= SG_PDF_CHANGE_VERSION;
        rc = sg_pdf_permit(c, &after->entries[i].value, NULL, err);
    }
    return rc;
}

static enum sg_rc compare_developer(struct sg_pdf_comparison *c, void *context, const char *key,
                                    const struct sg_pdf_value *before, const struct sg_pdf_value *after,
                                    struct sg_err *err)
{
    const struct sg_pdf_value *a = NULL, *b = NULL;
    if (!before)
        return compare_extension_entry(c, context, key, before, after, err);
    enum sg_rc rc = sg_pdf_pair(c, before, after, &a, &b, err);
    if (rc == SG_OK && a && b && a->type == SG_PDF_DICTIONARY && b->type == SG_PDF_DICTIONARY)
        return sg_pdf_each_key(c, a, b, compare_extension_entry, NULL, err);
    if (rc == SG_OK && a && b && a->type == SG_PDF_ARRAY && b->type == SG_PDF_ARRAY)
        return compare_list(c, a, b, err);
    return rc == SG_OK ? sg_pdf_strict(c, key, before, after, err) : rc;
}

enum sg_rc sg_pdf_compare_extensions(struct sg_pdf_comparison *c, const struct sg_pdf_value *before,
                                     const struct sg_pdf_value *after, struct sg_err *err)
{
    const struct sg_pdf_value *a = NULL, *b = NULL;
    enum sg_rc rc = sg_pdf_pair(c, before, after, &a, &b, err);
    if (rc == SG_OK && (a || b) && (!b || b->type != SG_PDF_DICTIONARY))
        return sg_pdf_strict(c, "Extensions", before, after, err);
    return rc == SG_OK ? sg_pdf_each_key(c, a, b, compare_developer, NULL, err) : rc;
}

/* --- what it comes with ---------------------------------------------------------------------------------------------
 */

enum sg_rc sg_pdf_check_company(struct sg_pdf_comparison *c, struct sg_err *err)
{
    const unsigned what = c->changes.what;
    const bool accompanied = c->changes.signs || (what & SG_PDF_CHANGE_EVIDENCE);
    const bool added_to = what & (SG_PDF_CHANGE_FORM | SG_PDF_CHANGE_ANNOTATION); /* where that is granted */
    if ((what & SG_PDF_CHANGE_METADATA) && !c->changes.signs)
        return sg_pdf_forbid(c, err, "%s",
                             _("The title or other metadata of the document was changed, and nothing was signed or "
                               "time-stamped with that."));
    if ((what & SG_PDF_CHANGE_WRITER) && !accompanied && !added_to)
        return sg_pdf_forbid(c, err, "%s",
                             _("The document's /Producer or /ModDate was changed, and nothing that may be added to it "
                               "came with that."));
    if ((what & SG_PDF_CHANGE_VERSION) && !accompanied)
        return sg_pdf_forbid(c, err, "%s",
                             _("The document's /Version or /Extensions were changed, and neither evidence nor a "
                               "signature or time-stamp came with that."));
    return SG_OK;
}
