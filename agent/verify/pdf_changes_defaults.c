/* What the form gives to fields that have none of their own (ISO 32000-1 §12.7.2, table 218): how text is drawn (/DA),
 * and with which resources (/DR); and whether readers are to draw all of them anew (/NeedAppearances). By these a field
 * can come to show something else without being changed itself. */
#include <string.h>

#include "base/limits.h"
#include "verify/pdf_compare.h"

static const char *const categories[SG_PDF_CATEGORIES] = {"ColorSpace", "ExtGState",  "Font",   "Pattern",
                                                          "Shading",    "Properties", "XObject"};

static enum sg_rc find_resources(struct sg_pdf *pdf, const struct sg_pdf_value *form, const struct sg_pdf_value **ret,
                                 struct sg_err *err)
{
    const struct sg_pdf_value *resources = NULL;
    enum sg_rc rc = sg_pdf_find(pdf, form, "DR", &resources, err);
    for (size_t i = 0; rc == SG_OK && i < SG_PDF_CATEGORIES; i++)
        rc = sg_pdf_find(pdf, resources, categories[i], &ret[i], err);
    return rc;
}

static enum sg_rc find_need(struct sg_pdf *pdf, const struct sg_pdf_value *form, bool *ret, struct sg_err *err)
{
    const struct sg_pdf_value *need = NULL;
    enum sg_rc rc = sg_pdf_find(pdf, form, "NeedAppearances", &need, err);
    *ret = rc == SG_OK && need && (need->type != SG_PDF_BOOLEAN || need->boolean);
    return rc;
}

enum sg_rc sg_pdf_find_defaults(struct sg_pdf_comparison *c, const struct sg_pdf_value *before,
                                const struct sg_pdf_value *after, struct sg_err *err)
{
    struct sg_pdf_defaults *defaults = &c->defaults;
    const struct sg_pdf_value *text = NULL;
    bool needed = false, needs = false;
    enum sg_rc rc = sg_pdf_find(c->before, before, "DA", &defaults->text, err);
    if (rc == SG_OK)
        rc = sg_pdf_find(c->after, after, "DA", &text, err);
    if (rc == SG_OK)
        rc = find_need(c->before, before, &needed, err);
    if (rc == SG_OK)
        rc = find_need(c->after, after, &needs, err);
    if (rc == SG_OK)
        rc = find_resources(c->before, before, defaults->resources, err);
    if (rc == SG_OK)
        rc = find_resources(c->after, after, defaults->new_resources, err);
    defaults->text_came = text && !defaults->text;
    defaults->redraws = needed != needs;
    return rc;
}

/* Whether the form has a resource of that name which it had not. */
static bool resource_came(const struct sg_pdf_defaults *defaults, const char *name)
{
    for (size_t i = 0; i < SG_PDF_CATEGORIES; i++)
        if (sg_pdf_get(defaults->new_resources[i], name) && !sg_pdf_get(defaults->resources[i], name))
            return true;
    return false;
}

/* Whether what draws text names a resource that came. What is too long or written with escapes (§7.3.5) could. */
static bool names_new(const struct sg_pdf_defaults *defaults, struct sg_slice text)
{
    char name[SG_MAX_PDF_DEFAULT_TEXT + 1];
    if (text.len > SG_MAX_PDF_DEFAULT_TEXT || memchr(text.data, '#', text.len))
        return true;
    for (size_t at = 0; at < text.len; at++) {
        size_t len = 0;
        if (text.data[at] != '/')
            continue;
        while (at + 1 + len < text.len && text.data[at + 1 + len] > ' ' &&
               !strchr("()<>[]{}/%", text.data[at + 1 + len]))
            len++;
        memcpy(name, text.data + at + 1, len);
        name[len] = '\0';
        if (resource_came(defaults, name))
            return true;
    }
    return false;
}

bool sg_pdf_is_redrawn(const struct sg_pdf_comparison *c, const struct sg_pdf_value *text)
{
    const struct sg_pdf_defaults *defaults = &c->defaults;
    if (!text)
        text = defaults->text;
    if (defaults->redraws || !text)
        return defaults->redraws || defaults->text_came;
    return text->type != SG_PDF_STRING || names_new(defaults, text->text);
}

/* --- the form's own entries -----------------------------------------------------------------------------------------
 */

/* One of the categories of default resources: those that were there have to stay. */
static enum sg_rc compare_resource(struct sg_pdf_comparison *c, void *context, const char *key,
                                   const struct sg_pdf_value *before, const struct sg_pdf_value *after,
                                   struct sg_err *err)
{
    (void)context;
    return before ? sg_pdf_strict(c, key, before, after, err) : sg_pdf_permit(c, after, NULL, err);
}

static enum sg_rc compare_category(struct sg_pdf_comparison *c, void *context, const char *key,
                                   const struct sg_pdf_value *before, const struct sg_pdf_value *after,
                                   struct sg_err *err)
{
    const struct sg_pdf_value *a = NULL, *b = NULL;
    (void)context;
    if (!before)
        return sg_pdf_permit(c, after, NULL, err);
    enum sg_rc rc = sg_pdf_pair(c, before, after, &a, &b, err);
    if (rc == SG_OK && a && b && a->type == SG_PDF_DICTIONARY && b->type == SG_PDF_DICTIONARY)
        return sg_pdf_each_key(c, a, b, compare_resource, NULL, err);
    return rc == SG_OK ? sg_pdf_strict(c, key, a, b, err) : rc;
}

enum sg_rc sg_pdf_compare_default(struct sg_pdf_comparison *c, const char *key, const struct sg_pdf_value *before,
                                  const struct sg_pdf_value *after, struct sg_err *err)
{
    if (strcmp(key, "DR") == 0) {
        const struct sg_pdf_value *a = NULL, *b = NULL;
        enum sg_rc rc = sg_pdf_pair(c, before, after, &a, &b, err);
        return rc == SG_OK ? sg_pdf_each_key(c, a, b, compare_category, NULL, err) : rc;
    }
    if (strcmp(key, "DA") == 0 && !before && after && after->type == SG_PDF_STRING)
        return SG_OK;
    if (strcmp(key, "NeedAppearances") == 0 && (!after || (after->type == SG_PDF_BOOLEAN && !after->boolean)))
        return SG_OK;
    return sg_pdf_strict(c, key, before, after, err);
}
