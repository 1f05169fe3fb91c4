/* Text strings and dates of PDF (ISO 32000-1 §7.9.2.2, §7.9.4; ISO 32000-2 §7.9.2.2). */
#pragma once

#include "formats/pdf_objects.h"

/* As UTF-8, appended: from UTF-16BE or UTF-8 with a byte order mark, else from PDFDocEncoding. What stands for no
 * character becomes U+FFFD. */
SG_MUST_CHECK enum sg_rc sg_pdf_text_to_utf8(struct sg_slice text, struct sg_buf *out, struct sg_err *err);
/* A text or a name, to be freed; "" if `value` (or NULL) is neither. What may not be printed becomes U+FFFD. */
SG_MUST_CHECK enum sg_rc sg_pdf_text_printable(const struct sg_pdf_value *value, char **ret, struct sg_err *err);
/* Whether nothing became U+FFFD, so that equal texts were equal before. */
bool sg_pdf_text_is_telling(const char *text);
/* A field's fully qualified name (§12.7.3.2), fit to be printed, to be freed: that of the field above it ("": none),
 * and its own, if it has one, which is U+FFFD where it is no text. */
SG_MUST_CHECK enum sg_rc sg_pdf_field_name(struct sg_pdf *pdf, const struct sg_pdf_value *field, const char *parent,
                                           char **ret, struct sg_err *err);
/* A date, in seconds since 1970; without a zone it is taken for UTC. */
SG_MUST_CHECK bool sg_pdf_date(struct sg_slice string, int64_t *ret);
