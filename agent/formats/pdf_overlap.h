/* What of a PDF reaches into octets that a signature leaves out, and could be another tomorrow. */
#pragma once

#include "formats/pdf_objects.h"

struct sg_pdf_overlap {
    bool found;
    int number; /* of the object; 0: it is a cross-reference section or its trailer */
};

/* Looks for what `pdf` has in use, by its cross-reference, that does not certainly end before octet `from` or begin at
 * `to` or behind: objects (but for `holder`, in which these octets are a string), and the sections of the
 * cross-reference. How far an object reaches is found from its own octets, and a stream's /Length, without it being
 * kept: this can be asked of very many. What more than one reader could take another way counts as reaching too far. */
SG_MUST_CHECK enum sg_rc sg_pdf_find_overlap(struct sg_pdf *pdf, int holder, uint64_t from, uint64_t to,
                                             struct sg_pdf_overlap *ret, struct sg_err *err);
