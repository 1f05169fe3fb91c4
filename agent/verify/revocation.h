/* Revocation: what CRLs and OCSP responses, stored, named or carried, say of a certificate, and what that means for the
 * verdict. */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "verify/finding.h"
#include "verify/verdict.h"

/* Notes in `judgement` what is known about `cert`, which `issuer` issued. `*ret_good`: known not to be revoked. */
SG_MUST_CHECK enum sg_rc sg_revocation_judge(const struct sg_revocation_request *request, X509 *cert, X509 *issuer,
                                             bool is_leaf, struct sg_judgement *judgement, bool *ret_good,
                                             struct sg_err *err);

/* The best of what the sources say of it, with nothing noted; no `ret->kind`: they say nothing. `*ret_whole`: all of
 * them were asked. One that cannot be read, or for which no work is left, may say something else. */
SG_MUST_CHECK enum sg_rc sg_revocation_find(const struct sg_revocation_request *request, X509 *cert, X509 *issuer,
                                            struct sg_finding *ret, bool *ret_whole, struct sg_err *err);

/* Notes as used what was found, which is of some `kind`. */
SG_MUST_CHECK enum sg_rc sg_revocation_note_used(const struct sg_finding *finding, struct sg_judgement *judgement,
                                                 struct sg_err *err);

/* Why a responder's certificate, which `issuer` issued, does not count for its revocation; NULL: it does. `*ret_doubt`:
 * it is not known to be revoked, nor not to be. By CRLs alone: else a responder would vouch for itself. `*ret_as_of`:
 * how old the CRL is; SG_TIME_NONE if none was used. */
SG_MUST_CHECK enum sg_rc sg_revocation_judge_responder(const struct sg_revocation_request *request, X509 *responder,
                                                       X509 *issuer, int64_t *ret_as_of, const char **ret_doubt,
                                                       const char **ret_why, struct sg_err *err);
