/* Judging the past (EN 319 102-1 §5.6.2): was a certificate good, and a signature by it, when it is proven to have
 * been there? */
#pragma once

#include <stdint.h>

#include "verify/anchor_limits.h"
#include "verify/poe.h"
#include "verify/verifier.h"

struct sg_past_request {
    struct sg_verifier *verifier;
    const struct sg_poes *poes;
    enum sg_cert_purpose purpose;
    unsigned *steps;
};

/* What the validation-time sliding process found out about a path. */
struct sg_slide {
    int64_t control_time; /* the path was good, and known to be, at this time and before */
    /* EN 319 102-1 §5.6.2.4.4 step 1: revocation data about the leaf is proven to have been there while the certificate
     * that it was issued by was valid */
    bool leaf_in_bounds;
};

/* Validation-time sliding (sliding.c, EN 319 102-1 §5.6.2.2) of a path, leaf first, anchor last, which has these limits
 * (NULL: none). Notes the revocation data that was used, and SG_SEVERITY_NO_POE where none is proven to have been there
 * in time. */
SG_MUST_CHECK enum sg_rc sg_slide_time(const struct sg_past_request *request, const STACK_OF(X509) *path,
                                       const struct sg_anchor_limits *limits, struct sg_slide *ret,
                                       struct sg_judgement *judgement, struct sg_err *err);

/* Past certificate validation (past_certificate.c, EN 319 102-1 §5.6.2.1). Merges chain and revocation data, or the
 * problem, into `judgement`; `ret` counts where none is noted. */
SG_MUST_CHECK enum sg_rc sg_past_certificate_judge(const struct sg_past_request *request, X509 *cert,
                                                   struct sg_slide *ret, struct sg_judgement *judgement,
                                                   struct sg_err *err);

/* Past signature validation (past_signature.c, EN 319 102-1 §5.6.2.4) of what was judged as of now to be `current`, by
 * the certificate in its verdict. `proven`: when the signature value is proven to have been there at the latest. In
 * `past` there is the whole again but for the certificate, as of that time; the answer is merged into it. Where the
 * past does not help, `*ret_helps` is false, and the answer is the current one still; `past` says why, as remarks. */
SG_MUST_CHECK enum sg_rc sg_past_signature_judge(const struct sg_past_request *request,
                                                 const struct sg_judgement *current, int64_t proven,
                                                 struct sg_judgement *past, bool *ret_helps, struct sg_err *err);
