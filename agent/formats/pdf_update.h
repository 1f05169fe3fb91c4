/* What a revision appended to a PDF (ISO 32000-1 §7.5.6), octet by octet. A reader that finds the cross-reference
 * broken makes one of what it comes across in the file: so of what stands in an update nothing may be spelled in a way
 * that one reader takes and another does not, and no body may lie there to which nothing leads. */
#pragma once

#include "formats/pdf_objects.h"

/* Whether the octets from the end of `before` to that of `after`, which is one revision later, are exactly the objects
 * that the newest section of `after` has there, that section (§7.5.4, §7.5.8) and its ending (§7.5.5), with white space
 * and comments in between; and that no table says of an object of `before` that it is free which a hybrid's stream has
 * in use (§7.5.8.4). `*ret_why` stays NULL if they are; else it is a sentence, to be freed. Takes time in proportion to
 * these octets. */
SG_MUST_CHECK enum sg_rc sg_pdf_update_check(struct sg_pdf *before, struct sg_pdf *after, char **ret_why,
                                             struct sg_err *err);
