/* The XML of S3's answers, read with libxml2: strict, without DTD, entities or network, and within limits. */
#pragma once

#include "base/buf.h"
#include "base/err.h"

/* Called when an element ends, inner ones first: its local name and its parent's ("" for the root), and the text
 * directly in it, without the white space around it. Borrowed. Anything but SG_OK ends the reading. */
typedef enum sg_rc sg_s3_element_fn(void *context, const char *parent, const char *name, const char *text,
                                    struct sg_err *err);

/* Not well-formed, with a DTD, deeper than SG_MAX_S3_DEPTH or with a text over SG_MAX_S3_TEXT: SG_E_BAD_ANSWER; then
 * `each` may have been called for what came before. */
SG_MUST_CHECK enum sg_rc sg_s3_xml_read(struct sg_slice xml, sg_s3_element_fn *each, void *context, struct sg_err *err);
