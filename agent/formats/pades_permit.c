/* Whether the signatures that are there permit one more. */
#include "base/msg.h"
#include "formats/pades_private.h"
#include "formats/pdf_permissions.h"

/* Level `level` of the document, 0 where it has none. Where there is one, a field that comes to a page could hide what
 * was signed: our own verifier would not take it. */
static enum sg_rc check_level(const struct sg_pades_plan *plan, int level, struct sg_err *err)
{
    const char *name = plan->doc->name;
    const bool adds_visible = !plan->field && plan->params->look;

    if (level == 1)
        return sg_about(name, err,
                        sg_fail(err, SG_E_POLICY,
                                _("A signature in \"%s\" permits no changes, and one more would break it; sign another "
                                  "copy of the document."),
                                name));
    if (level > 0 && adds_visible)
        return sg_about(name, err,
                        sg_fail(err, SG_E_POLICY,
                                _("A signature in \"%s\" permits no new field that is seen; sign a field that was "
                                  "prepared for it, or invisibly."),
                                name));
    return SG_OK;
}

static enum sg_rc check_signed_field(const struct sg_pades_plan *plan, const struct sg_pades_field *field, int level,
                                     struct sg_err *err)
{
    const struct sg_pades_doc *doc = plan->doc;
    const struct sg_pdf_signature signature = {.field = field->id, .dictionary = field->value};
    bool locked = false;
    enum sg_rc rc = sg_pdf_limit_level(doc->pdf, &signature, &level, err);

    if (rc == SG_OK)
        rc = check_level(plan, level, err);
    if (rc == SG_OK)
        rc = sg_pdf_locks(doc->pdf, &signature, plan->name, &locked, err);
    if (rc == SG_OK && locked)
        rc = sg_about(doc->name, err,
                      sg_fail(err, SG_E_POLICY,
                              _("A signature in \"%s\" has locked the field \"%s\"; choose another field, or sign "
                                "another copy of the document."),
                              doc->name, plan->name));
    return rc;
}

enum sg_rc sg_pades_check_permitted(const struct sg_pades_plan *plan, struct sg_err *err)
{
    const struct sg_pades_doc *doc = plan->doc;
    bool is_signed = false;
    int level = 0;
    enum sg_rc rc = sg_pdf_certification(doc->pdf, &level, err);

    if (rc == SG_OK)
        rc = check_level(plan, level, err);
    if (rc == SG_OK && level > 0)
        is_signed = true;
    for (size_t i = 0; rc == SG_OK && i < doc->count; i++) {
        if (!sg_pades_is_signed(&doc->fields[i]))
            continue;
        is_signed = true;
        rc = check_signed_field(plan, &doc->fields[i], level, err);
    }
    if (rc == SG_OK && plan->params->certify && is_signed)
        rc = sg_about(doc->name, err,
                      sg_fail(err, SG_E_POLICY,
                              _("\"%s\" is signed already, and only the first signature can certify it; sign it "
                                "without a certification."),
                              doc->name));
    return rc;
}
