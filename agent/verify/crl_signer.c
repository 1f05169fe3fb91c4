/* Who may have signed a CRL: RFC 5280 §6.3.3 (f) and (g). */
#include "base/clock.h"
#include "base/limits.h"
#include "base/msg.h"
#include "verify/algorithms.h"
#include "verify/known_crl.h"
#include "verify/verifier.h"

const char *sg_crl_signer_problem(X509 *signer)
{
    return sg_cert_may_sign_crls(signer) ? NULL : N_("its issuer's certificate is not allowed to sign CRLs");
}

/* --- the signature ------------------------------------------------------------------------------------------------ */

static enum sg_rc key_digest(OSSL_LIB_CTX *libctx, const X509 *cert, uint8_t digest[EVP_MAX_MD_SIZE],
                             struct sg_err *err)
{
    _cleanup_(OPENSSL_freep) uint8_t *der = NULL;
    size_t digest_len;
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
    if (len <= 0)
        return sg_fail_memory(err);
    return sg_digest(libctx, "SHA256", (struct sg_slice){der, (size_t)len}, digest, &digest_len, err);
}

/* A right answer is remembered, and costs nothing more; what a stranger's CRL costs, or a key that does not fit, comes
 * off the work: a file may bring many of both. */
static enum sg_rc check_signature(struct sg_known_crl *known, OSSL_LIB_CTX *libctx, EVP_PKEY *key, unsigned *steps,
                                  bool *ret_right, struct sg_err *err)
{
    const struct sg_crl_head *head = known->head;
    struct sg_signed_bytes over = {.data = sg_buf_slice(&head->tbs)};
    enum sg_signature_answer answer = SG_SIGNATURE_UNSUPPORTED;
    if (head->tbs_digest_len > 0)
        over = (struct sg_signed_bytes){.hash = {head->tbs_digest, head->tbs_digest_len}};
    *ret_right = false;
    if (!key || !sg_key_checkable(key) || *steps == 0 || (!over.hash.data && !over.data.data))
        return SG_OK;
    enum sg_rc rc =
        sg_signature_check(libctx, NULL, &known->method, key, over, sg_buf_slice(&head->signature), &answer, err);
    if (rc != SG_OK)
        return rc;
    *ret_right = answer == SG_SIGNATURE_RIGHT;
    if (known->carried || !*ret_right)
        (void)sg_spend(steps, sg_algorithm_cost(key) + (unsigned)(head->tbs.len / SG_BYTES_PER_STEP));
    return SG_OK;
}

static enum sg_rc check_value(struct sg_known_crl *known, OSSL_LIB_CTX *libctx, X509 *signer, unsigned *steps,
                              const char **ret_why, struct sg_err *err)
{
    uint8_t key[EVP_MAX_MD_SIZE];
    bool right = false;
    *ret_why = known->method_known ? NULL : N_("it is signed with an algorithm that is not known here");
    if (*ret_why)
        return SG_OK;
    enum sg_rc rc = key_digest(libctx, signer, key, err);
    if (rc != SG_OK || sg_checked_key_is(&known->checked, &known->lock, key))
        return rc;
    rc = check_signature(known, libctx, X509_get0_pubkey(signer), steps, &right, err);
    if (rc == SG_OK && right)
        sg_checked_key_set(&known->checked, &known->lock, key);
    else if (rc == SG_OK)
        *ret_why = N_("it is signed by another key");
    return rc;
}

static const char *digest_problem(const struct sg_known_crl *known, int64_t at)
{
    return known->method.digest == NID_undef || sg_algorithm_digest(known->method.digest, at).acceptable
               ? NULL
               : N_("it is signed with a digest that is no longer trusted");
}

enum sg_rc sg_known_crl_check_key(struct sg_known_crl *known, OSSL_LIB_CTX *libctx, X509 *signer, int64_t at,
                                  unsigned *steps, const char **ret_why, struct sg_err *err)
{
    enum sg_rc rc = check_value(known, libctx, signer, steps, ret_why, err);
    if (rc == SG_OK && !*ret_why)
        *ret_why = digest_problem(known, at);
    return rc;
}

/* --- a signer that is not on the path ----------------------------------------------------------------------------- */

/* With no other problem than these a signer is the right one. It may be that its certificate has ended, or that nothing
 * says whether it has been revoked; the key of one that is known to be may be in any hands. */
static const uint32_t doubts = SG_PROBLEM(SG_SEVERITY_NO_REVOCATION_DATA) | SG_PROBLEM(SG_SEVERITY_TRY_LATER) |
                               SG_PROBLEM(SG_SEVERITY_OUT_OF_BOUNDS_NOT_REVOKED) |
                               SG_PROBLEM(SG_SEVERITY_OUT_OF_BOUNDS) | SG_PROBLEM(SG_SEVERITY_CA_OUT_OF_BOUNDS);

/* (f): its path has to be right as well, and to lead to the same anchor. */
static enum sg_rc judge_path(const struct sg_revocation_request *request, X509 *signer, struct sg_crl_signer *ret,
                             const char **ret_why, struct sg_err *err)
{
    _cleanup_(sg_judgement_clear) struct sg_judgement judgement;
    sg_judgement_init(&judgement);
    const struct sg_cert_request asked = {.cert = signer,
                                          .purpose = SG_CERT_CRL,
                                          .at = request->at,
                                          .known_at = request->known_at,
                                          .steps = request->steps,
                                          .carried = request->carried,
                                          .nesting = request->nesting + 1};
    enum sg_rc rc = sg_judge_paths(request->verifier, &asked, request->mode, &judgement, err);
    if (rc != SG_OK)
        return rc;
    const STACK_OF(X509) *chain = judgement.verdict.chain;
    X509 *anchor = sk_X509_num(chain) > 0 ? sk_X509_value(chain, sk_X509_num(chain) - 1) : NULL;
    if ((judgement.problems & ~doubts) != 0 || !anchor)
        *ret_why = N_("the certificate of its signer is not good, or has no path to an anchor");
    else if (X509_cmp(anchor, request->anchor) != 0)
        *ret_why = N_("the certificate of its signer leads to another anchor than the certificate in question");
    else if (judgement.problems != 0)
        ret->problem = N_("the certificate of its signer has ended, or may have been revoked");
    ret->as_of = judgement.verdict.as_of;
    ret->good_until = judgement.verdict.good_until;
    return SG_OK;
}

/* `*ret_why` is why there is none yet; one that counts in full is better than one that does not. */
static enum sg_rc try_signer(struct sg_known_crl *known, const struct sg_revocation_request *request, X509 *candidate,
                             X509 *issuer, X509 *judged, struct sg_crl_signer *ret, const char **ret_why,
                             struct sg_err *err)
{
    struct sg_crl_signer found = {.problem = digest_problem(known, sg_finding_good_at(request, known->proven)),
                                  .as_of = SG_TIME_NONE,
                                  .good_until = SG_TIME_NONE};
    const char *why = NULL;
    if (X509_cmp(candidate, issuer) == 0)
        return SG_OK;
    enum sg_rc rc = check_value(known, request->libctx, candidate, request->steps, &why, err);
    if (rc != SG_OK || why)
        return rc; /* of another key: not worth a word */
    why = sg_crl_signer_problem(candidate);
    if (!why && (!judged || X509_cmp(candidate, judged) != 0)) /* else it is being judged just now */
        rc = judge_path(request, candidate, &found, &why, err);
    if (rc == SG_OK && !why && (*ret_why || !found.problem))
        *ret = found;
    if (*ret_why)
        *ret_why = why;
    return rc;
}

/* Other certificates of the CRL issuer's name: a CA may sign CRLs with another key, or be an issuer of CRLs alone. */
static enum sg_rc find_signer(struct sg_known_crl *known, const struct sg_revocation_request *request, X509 *issuer,
                              X509 *judged, struct sg_crl_signer *ret, const char **ret_why, struct sg_err *err)
{
    const STACK_OF(X509) *carried = request->carried ? request->carried->certs : NULL;
    unsigned left = SG_MAX_SIGNER_CANDIDATES;
    enum sg_rc rc = SG_OK;
    for (size_t cursor = 0; rc == SG_OK && (*ret_why || ret->problem) && left > 0; left--) {
        struct sg_trusted trusted = {0};
        rc = sg_trust_next(request->trust, known->issuer, &cursor, &trusted, err);
        if (rc != SG_OK || !trusted.cert)
            break;
        rc = try_signer(known, request, trusted.cert, issuer, judged, ret, ret_why, err);
    }
    for (int i = 0; rc == SG_OK && (*ret_why || ret->problem) && left > 0 && i < sk_X509_num(carried); i++) {
        X509 *candidate = sk_X509_value(carried, i);
        if (X509_NAME_cmp(X509_get_subject_name(candidate), known->issuer) != 0)
            continue;
        left--;
        rc = try_signer(known, request, candidate, issuer, judged, ret, ret_why, err);
    }
    return rc;
}

enum sg_rc sg_known_crl_check_signer(struct sg_known_crl *known, const struct sg_revocation_request *request,
                                     X509 *issuer, X509 *judged, struct sg_crl_signer *ret, const char **ret_why,
                                     struct sg_err *err)
{
    const char *why = N_("the certificate of its issuer is not here");
    bool nested = !request->verifier || request->nesting >= SG_MAX_CRL_SIGNER_NESTING;
    struct sg_crl_signer signer = {.as_of = SG_TIME_NONE, .good_until = SG_TIME_NONE};
    enum sg_rc rc = SG_OK;
    if (X509_NAME_cmp(known->issuer, X509_get_subject_name(issuer)) == 0) {
        rc = check_value(known, request->libctx, issuer, request->steps, &why, err);
        if (!why)
            signer.problem = digest_problem(known, sg_finding_good_at(request, known->proven));
        if (!why && !signer.problem)
            signer.problem = sg_crl_signer_problem(issuer); /* another certificate of that key may allow it */
    }
    if (rc == SG_OK && (why || signer.problem) && !nested)
        rc = find_signer(known, request, issuer, judged, &signer, &why, err);
    int64_t weak_from =
        known->method.digest == NID_undef ? INT64_MAX : sg_algorithm_digest(known->method.digest, 0).until;
    if (signer.good_until == SG_TIME_NONE || weak_from < signer.good_until)
        signer.good_until = weak_from;
    *ret = signer;
    *ret_why = why;
    return rc;
}
