#include "verify/pdf_addition.h"

#include "base/msg.h"
#include "verify/pdf_changes.h"

enum sg_rc sg_pdf_check_addition(const char *name, struct sg_pdf *before, struct sg_pdf *after, struct sg_err *err)
{
    struct sg_pdf_changes changes = {0};
    enum sg_rc rc = sg_pdf_compare(before, after, &changes, err);

    if (rc == SG_OK && changes.why)
        rc = sg_about(name, err,
                      sg_fail(err, SG_E_POLICY,
                              _("One more signature or time-stamp would break what \"%s\" has: %s Sign a copy of the "
                                "document that has none yet."),
                              name, changes.why));
    sg_pdf_changes_clear(&changes);
    return rc;
}
