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

/* Appends a text string (§7.9.2.2: UTF-16BE, UTF-8, or PDFDocEncoding). What may not be printed becomes U+FFFD. */
SG_MUST_CHECK enum sg_rc sg_pdf_text(struct sg_slice string, struct sg_buf *out, struct sg_err *err);
/* A date (§7.9.4), in seconds since 1970; without a zone it is taken for UTC. */
SG_MUST_CHECK bool sg_pdf_date(struct sg_slice string, int64_t *ret);

/* The level of access that the document's certification (§12.8.2.2, table 254) grants: 1 to 3; 0: it has none. What is
 * there and cannot be understood is 1. */
SG_MUST_CHECK enum sg_rc sg_pdf_certification(struct sg_pdf *pdf, int *ret, struct sg_err *err);
/* Whether FieldMDP's parameters (table 256) or a lock (table 233), by their /Action and /Fields, lock the field of that
 * name. What cannot be understood locks; so does a name in which U+FFFD stands, here or there. */
SG_MUST_CHECK enum sg_rc sg_pdf_lock_holds(struct sg_pdf *pdf, const struct sg_pdf_value *lock, const char *name,
                                           bool *ret, struct sg_err *err);
/* Whether a signature locks the field of that name (§12.8.2.4: FieldMDP of the signature; §12.7.4.5: Lock of its
 * field). What cannot be understood locks. */
SG_MUST_CHECK enum sg_rc sg_pdf_locks(struct sg_pdf *pdf, const struct sg_pdf_signature *signature, const char *name,
                                      bool *ret, struct sg_err *err);
/* Makes `*level`, as of sg_pdf_certification(), as strict as /P of the signature's locks (ISO 32000-2, tables 237 and
 * 258): 1 or 2. What is there and cannot be understood is 1. */
SG_MUST_CHECK enum sg_rc sg_pdf_limit_by_lock(struct sg_pdf *pdf, const struct sg_pdf_signature *signature, int *level,
                                              struct sg_err *err);
