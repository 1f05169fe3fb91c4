/* Base64 as it comes in lines (RFC 2045 §6.8, RFC 7468 §3), decoded as it is read. Strict: letters of the alphabet and
 * blanks, nothing behind the padding. Private to formats/. */
#pragma once

#include "base/buf.h"
#include "base/input.h"

struct sg_base64;

/* What is decoded goes to `sink`, in large pieces. */
SG_MUST_CHECK enum sg_rc sg_base64_new(struct sg_sink sink, struct sg_base64 **ret, struct sg_err *err);
void sg_base64_free(struct sg_base64 *base64);
SG_DEFINE_CLEANUP(struct sg_base64, sg_base64_free)

/* A line, or a part of one, of any length; `*ret_right` is false if it is not Base64. */
SG_MUST_CHECK enum sg_rc sg_base64_text(struct sg_base64 *base64, struct sg_slice text, bool *ret_right,
                                        struct sg_err *err);
/* The end; `*ret_right` is false if it is cut short. */
SG_MUST_CHECK enum sg_rc sg_base64_end(struct sg_base64 *base64, bool *ret_right, struct sg_err *err);
