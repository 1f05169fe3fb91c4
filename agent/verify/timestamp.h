/* Time-stamp tokens (RFC 3161, RFC 5816), inside: verify.h has what others see. */
#pragma once

#include "verify/signature.h"
#include "verify/verify.h"

struct sg_timestamp_context {
    struct sg_verifier *verifier;
    unsigned *steps;                         /* work that may be spent; counted down */
    int64_t at;                              /* when TSA and algorithms are to be good; SG_TIME_NONE: at genTime */
    bool past;                               /* as sg_signature_request has it */
    bool imprint_unknown;                    /* what it is over cannot be calculated, and that has been said */
    const struct sg_carried *carried;        /* NULL: what the token carries itself, and: */
    const struct sg_evidence_beside *beside; /* what stands in a file beside it; NULL: nothing */
};

/* Judges a token into a blank `judgement`, and puts what it says into `timestamp`, but for the verdict: time, accuracy
 * and serial stay as they are where it cannot be read. */
SG_MUST_CHECK enum sg_rc sg_timestamp_judge_within(const struct sg_timestamp_context *context,
                                                   const struct sg_timestamp_request *request,
                                                   struct sg_timestamp *timestamp, struct sg_judgement *judgement,
                                                   struct sg_err *err);
