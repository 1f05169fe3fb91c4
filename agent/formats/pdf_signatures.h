/* The signatures of a PDF (ISO 32000-1 §12.8, ISO 32000-2 §12.8): those that its AcroForm leads to, as their
 * dictionaries say it. Nothing is judged here. */
#pragma once

#include "formats/pdf_objects.h"

struct sg_pdf_signature {
    struct sg_pdf_id id;                   /* of the signature dictionary; number 0: it stands in its field */
    struct sg_pdf_id field;                /* of the field */
    const struct sg_pdf_value *dictionary; /* as old as the sg_pdf */
    char *name;                            /* the field's fully qualified name, fit to be printed */
    bool is_timestamp;                     /* of the whole document (ISO 32000-2 §12.8.5) */
    bool has_range;                        /* /ByteRange is four whole numbers, none of them negative */
    uint64_t range[4];                     /* offset and length of two parts */
    uint64_t contents;                     /* the offset of /Contents' "<"; SG_PDF_NO_OFFSET: it has none in the file */
    struct sg_slice cms;                   /* /Contents, with what fills it up */
    char *sub_filter;                      /* fit to be printed; "" where there is none */
    int64_t signing_time;                  /* /M; SG_TIME_NONE: there is none, or it is not of its form (§7.9.4) */
};

struct sg_pdf_signatures {
    struct sg_pdf_signature *list; /* as they stand in the file, the oldest first */
    size_t count;
};

/* Fields that are reached twice, or lie too deep, are SG_E_MALFORMED or SG_E_LIMIT. */
SG_MUST_CHECK enum sg_rc sg_pdf_signatures_read(struct sg_pdf *pdf, struct sg_pdf_signatures *ret, struct sg_err *err);
void sg_pdf_signatures_clear(struct sg_pdf_signatures *signatures);
