/* One SignerInfo, by the validation process for basic signatures (EN 319 102-1 §5.3): a document's, or a time-stamp
 * token's (§5.4, which is the same with a TSA as the signer). */
#pragma once

#include "formats/cms.h"
#include "verify/content.h"
#include "verify/verifier.h"

struct sg_signature_request {
    struct sg_verifier *verifier;
    const struct sg_cms *cms;
    const struct sg_signer_info *si; /* of `cms` */
    const struct sg_content *content;
    const struct sg_carried *carried;
    enum sg_cert_purpose purpose; /* SG_CERT_SIGN or SG_CERT_TIMESTAMP */
    int64_t at;                   /* certificates and algorithms are to be good then */
    int64_t known_at;             /* as sg_cert_request has it; 0: the verifier's time */
    int64_t claimed_time;         /* what the format says in place of the attribute signing-time; 0: nothing */
    const STACK_OF(X509) *proven; /* as sg_cert_request has it */
    bool past;                    /* the certificate is not judged: past.h does that */
    bool countersignature;        /* of a SignerInfo's signature value, which is its content (RFC 5652 §11.4) */
    unsigned *steps;              /* work that may be spent; counted down */
};

/* Fills the verdict in `judgement` but for `id`. */
SG_MUST_CHECK enum sg_rc sg_signature_judge(const struct sg_signature_request *request, struct sg_judgement *judgement,
                                            struct sg_err *err);
