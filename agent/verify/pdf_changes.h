/* What an incremental update did to a PDF: revision against revision, object by object. Additions that ISO 32000-2
 * §12.8.2.2 and EN 319 142-1 foresee have rules; all else is forbidden. docs/verification.md lists the rules. */
#pragma once

#include "formats/pdf_objects.h"

/* What is permitted only by some. */
enum sg_pdf_change {
    SG_PDF_CHANGE_EVIDENCE = 1,      /* DSS, VRI, document time-stamps: always permitted */
    SG_PDF_CHANGE_FORM = 2,          /* a field was filled in, or signed */
    SG_PDF_CHANGE_VISIBLE_FIELD = 4, /* a signature field that is seen came to a page */
    SG_PDF_CHANGE_ANNOTATION = 8,
    SG_PDF_CHANGE_METADATA = 16, /* /Info, XMP: the title and the like; with a signature or time-stamp */
    SG_PDF_CHANGE_WRITER = 32,   /* who wrote the file, and when: with whatever is permitted */
    SG_PDF_CHANGE_VERSION = 64,  /* /Version and /Extensions were raised: with evidence, too */
    SG_PDF_CHANGE_FIXED = 128    /* the look of a field that nobody fills in; with SG_PDF_CHANGE_FORM */
};

struct sg_pdf_changes {
    unsigned what; /* sg_pdf_change, together */
    bool signs;    /* a signature or a time-stamp of the document came into a field */
    char *why;     /* forbidden, whatever is granted: a sentence; NULL: it is not */
    char **fields; /* the names of those that were filled in or signed */
    size_t count, room;
    int *shown; /* the numbers of signatures with which something came to be seen: permitted only if each is one */
    size_t shown_count, shown_room;
};

/* Two revisions of one file, one behind the other. A broken one is an error. */
SG_MUST_CHECK enum sg_rc sg_pdf_compare(struct sg_pdf *before, struct sg_pdf *after, struct sg_pdf_changes *ret,
                                        struct sg_err *err);
void sg_pdf_changes_clear(struct sg_pdf_changes *changes);
