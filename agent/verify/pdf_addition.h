/* Whether one more signature or time-stamp would break those that a PDF has: asked before it is made. */
#pragma once

#include "formats/pdf_objects.h"

/* Two revisions of the file `name`, the later one still to be written. What our own judgement would forbid, whatever is
 * granted, is SG_E_POLICY. Fits sg_pades_compare (pades.h). */
SG_MUST_CHECK enum sg_rc sg_pdf_check_addition(const char *name, struct sg_pdf *before, struct sg_pdf *after,
                                               struct sg_err *err);
