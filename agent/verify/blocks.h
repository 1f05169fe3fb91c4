/* What the building blocks of EN 319 102-1 §5.2 for one signature hand to each other. */
#pragma once

#include "verify/crypto.h"
#include "verify/signature.h"
#include "verify/signer.h"

/* A certificate that may be the signer's. */
struct sg_candidate {
    X509 *cert;   /* NULL: there is none; borrowed */
    bool matches; /* the signing-certificate attributes name it, or there are none */
    bool limited; /* not checked: the work that may be spent on the file is spent */
    enum sg_signature_answer answer;
};

/* Identification of the signing certificate (signing_cert.c): among those that came along, then the helping ones.
 * `*ret_along`: it came along. */
SG_MUST_CHECK enum sg_rc sg_signing_cert_find(const struct sg_signature_request *request,
                                              const struct sg_signer *signer, struct sg_candidate *ret, bool *ret_along,
                                              struct sg_err *err);

/* Validation context initialization (signature_policy.c): a signature policy that the signature names. */
SG_MUST_CHECK enum sg_rc sg_signature_policy_check(const struct sg_signer *signer, struct sg_judgement *judgement,
                                                   struct sg_err *err);

/* Cryptographic verification (signature_value.c). The value against the candidate's key: fills `answer` and
 * `limited`. */
SG_MUST_CHECK enum sg_rc sg_signature_value_try(const struct sg_signature_request *request,
                                                const struct sg_signer *signer, struct sg_candidate *candidate,
                                                struct sg_err *err);
/* The content and the value, with what was found. `*ret_intact`: both are right. */
SG_MUST_CHECK enum sg_rc sg_signature_value_check(const struct sg_signature_request *request,
                                                  const struct sg_signer *signer, const struct sg_candidate *found,
                                                  bool *ret_intact, struct sg_judgement *judgement, struct sg_err *err);

/* Signature acceptance (acceptance.c), at `request->at`. */
SG_MUST_CHECK enum sg_rc sg_signature_accept(const struct sg_signature_request *request, const struct sg_signer *signer,
                                             struct sg_judgement *judgement, struct sg_err *err);
