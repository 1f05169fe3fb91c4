/* The revisions of a PDF (ISO 32000-1 §7.5.6): prefixes of the file, each a whole file by itself. */
#pragma once

#include "formats/pdf_objects.h"

struct sg_pdf_revision {
    uint64_t section;    /* where its newest cross-reference section begins */
    uint64_t end_of_eof; /* behind its "%%EOF" */
    uint64_t end;        /* and behind the line end there, if there is one */
    struct sg_pdf *pdf;  /* open; NULL: the newest one, or there is much of it (SG_MAX_PDF_KEPT) */
};

struct sg_pdf_revisions {
    struct sg_pdf_revision *list; /* the oldest first; at least one */
    size_t count;
    uint64_t *ranges; /* where "/ByteRange" stands in the file: each may be a signature's, or be made to look like one
                       */
    size_t range_count;
};

/* Those that the newest cross-reference section of `pdf`, which is all of `input`, leads to through /Prev. */
SG_MUST_CHECK enum sg_rc sg_pdf_revisions_read(struct sg_pdf *pdf, struct sg_input *input, struct sg_pdf_revisions *ret,
                                               struct sg_err *err);
void sg_pdf_revisions_clear(struct sg_pdf_revisions *revisions);
