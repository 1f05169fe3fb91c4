/* What the signatures of a PDF permit those who come later: by a certification (DocMDP, ISO 32000-1 §12.8.2.2), and by
 * locks of fields (FieldMDP, §12.8.2.4; /Lock, §12.7.4.5). Who signs asks here, and so does who verifies. What cannot
 * be understood permits nothing. */
#pragma once

#include "formats/pdf_signatures.h"

/* /P of DocMDP's parameters or of a lock: 1 to 3; `otherwise` where there is none. What is none of them is 1. */
SG_MUST_CHECK enum sg_rc sg_pdf_level(struct sg_pdf *pdf, const struct sg_pdf_value *dictionary, int otherwise,
                                      int *ret, struct sg_err *err);
/* The level of access that the document's certification (table 254) grants: 1 to 3; 0: it has none. */
SG_MUST_CHECK enum sg_rc sg_pdf_certification(struct sg_pdf *pdf, int *ret, struct sg_err *err);
/* Makes `*level`, as of sg_pdf_certification(), as strict as a signature's own DocMDP and /P of its locks (ISO 32000-2,
 * tables 237 and 258): 1 or 2. Of the signature only `dictionary` and `field` are asked for, here and below. */
SG_MUST_CHECK enum sg_rc sg_pdf_limit_level(struct sg_pdf *pdf, const struct sg_pdf_signature *signature, int *level,
                                            struct sg_err *err);
/* Whether a signature locks the field of that name, as of sg_pdf_field_name(), or one that it lies in, or one in it,
 * which could have its value from it. A name in which U+FFFD stands, here or in the lock, is locked. */
SG_MUST_CHECK enum sg_rc sg_pdf_locks(struct sg_pdf *pdf, const struct sg_pdf_signature *signature, const char *name,
                                      bool *ret, struct sg_err *err);
/* The same of several, each lock being read once: one of them that is locked; NULL: none is. */
SG_MUST_CHECK enum sg_rc sg_pdf_find_locked(struct sg_pdf *pdf, const struct sg_pdf_signature *signature,
                                            const char *const *names, size_t count, const char **ret,
                                            struct sg_err *err);
