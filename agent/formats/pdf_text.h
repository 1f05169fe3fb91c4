/* Text strings of PDF (ISO 32000-1 §7.9.2.2, ISO 32000-2 §7.9.2.2). */
#pragma once

#include "base/buf.h"

/* As UTF-8, appended: from UTF-16BE or UTF-8 with a byte order mark, else from PDFDocEncoding. What stands for no
 * character becomes U+FFFD. */
SG_MUST_CHECK enum sg_rc sg_pdf_text_to_utf8(struct sg_slice text, struct sg_buf *out, struct sg_err *err);
