/* Time-stamp tokens (RFC 3161, RFC 5816), inside: verify.h has what others see. */
#pragma once

#include "verify/signature.h"
#include "verify/verify.h"

/* sg_timestamp_judge() within the work that is left. */
SG_MUST_CHECK enum sg_rc sg_timestamp_judge_within(struct sg_verifier *verifier,
                                                   const struct sg_timestamp_request *request, unsigned *steps,
                                                   struct sg_timestamp *ret, struct sg_err *err);

/* Judges the signature-time-stamps (EN 319 122-1 §5.3) of a signature that has been judged, and puts them into its
 * verdict. One that passes makes a B-B a B-T, and gives the best time; all else of the verdict stays as it is. */
SG_MUST_CHECK enum sg_rc sg_signature_timestamps(const struct sg_signature_request *request,
                                                 struct sg_judgement *judgement, struct sg_err *err);
