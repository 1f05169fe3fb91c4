/* Past signature validation (EN 319 102-1 §5.6.2.4): what fails as of now may have been good when it is proven to have
 * been there. */
#include "base/clock.h"
#include "base/msg.h"
#include "verify/past.h"
#include "verify/revocation.h"

/* What a proof of existence can mend; every other problem is one of all times. */
static const uint32_t mendable =
    SG_PROBLEM(SG_SEVERITY_NO_REVOCATION_DATA) | SG_PROBLEM(SG_SEVERITY_TRY_LATER) | SG_PROBLEM(SG_SEVERITY_ON_HOLD) |
    SG_PROBLEM(SG_SEVERITY_REVOCATION_OUT_OF_BOUNDS) | SG_PROBLEM(SG_SEVERITY_OUT_OF_BOUNDS_NOT_REVOKED) |
    SG_PROBLEM(SG_SEVERITY_OUT_OF_BOUNDS) | SG_PROBLEM(SG_SEVERITY_CA_OUT_OF_BOUNDS) |
    SG_PROBLEM(SG_SEVERITY_CRYPTO_CONSTRAINTS) | SG_PROBLEM(SG_SEVERITY_CHAIN_CRYPTO_CONSTRAINTS) |
    SG_PROBLEM(SG_SEVERITY_REVOKED) | SG_PROBLEM(SG_SEVERITY_CA_REVOKED);

static const uint32_t revoked =
    SG_PROBLEM(SG_SEVERITY_REVOKED) | SG_PROBLEM(SG_SEVERITY_ON_HOLD) | SG_PROBLEM(SG_SEVERITY_CA_REVOKED);

static enum sg_rc note_not_yet_valid(int64_t proven, struct sg_judgement *past, struct sg_err *err)
{
    char time[SG_TIME_TEXT];
    return sg_judgement_note(past, SG_SEVERITY_NOT_YET_VALID, SG_REASON_NOT_YET_VALID, err,
                             _("It was there at %s already, before the certificate was valid."),
                             sg_time_text(proven, time));
}

/* EN 319 102-1 §5.6.2.4.4 step 3: where in the certificate's validity the signature is proven to have been there. */
static enum sg_rc compare_times(const struct sg_judgement *current, int64_t proven, struct sg_judgement *past,
                                bool *ret_helps, struct sg_err *err)
{
    X509 *cert = current->verdict.signer;
    int64_t not_before, not_after;
    *ret_helps = true;
    if (!sg_time_from_asn1(X509_get0_notBefore(cert), &not_before) ||
        !sg_time_from_asn1(X509_get0_notAfter(cert), &not_after)) {
        *ret_helps = false;
        return SG_OK;
    }
    if (proven < not_before)
        return note_not_yet_valid(proven, past, err);
    if (proven <= not_after)
        return SG_OK;
    *ret_helps = (current->problems & revoked) != 0;
    return *ret_helps ? sg_judgement_note(past, SG_SEVERITY_OUT_OF_BOUNDS_NOT_REVOKED, SG_REASON_EXPIRED, err,
                                          _("It is proven to have been there only after the certificate had ended."))
                      : SG_OK;
}

/* What the sliding does not ask, since it is from later, or not proven to be from earlier: whatever says now that a
 * certificate was revoked by then, is believed. So is, for want of it, what cannot be read. */
static enum sg_rc may_be_revoked(const struct sg_past_request *request, const STACK_OF(X509) *path, int64_t proven,
                                 bool *ret, struct sg_err *err)
{
    struct sg_verifier *verifier = request->verifier;
    const struct sg_revocation_request revocation = {.libctx = verifier->libctx,
                                                     .trust = verifier->trust,
                                                     .carried = request->poes->carried,
                                                     .steps = request->steps,
                                                     .verifier = verifier,
                                                     .anchor = sk_X509_value(path, sk_X509_num(path) - 1),
                                                     .mode = verifier->revocation,
                                                     .at = proven,
                                                     .known_at = proven,
                                                     .now = request->poes->now,
                                                     .present = request->poes->now};
    bool revoked_then = false;
    enum sg_rc rc = SG_OK;
    for (int i = 0; rc == SG_OK && !revoked_then && i + 1 < sk_X509_num(path); i++) {
        struct sg_finding finding = {0};
        bool whole = false;
        rc = sg_revocation_find(&revocation, sk_X509_value(path, i), sk_X509_value(path, i + 1), &finding, &whole, err);
        revoked_then = !whole || finding.answer == SG_ANSWER_REVOKED || finding.answer == SG_ANSWER_ON_HOLD;
    }
    *ret = revoked_then;
    return rc;
}

enum sg_rc sg_past_signature_judge(const struct sg_past_request *request, const struct sg_judgement *current,
                                   int64_t proven, struct sg_judgement *past, bool *ret_helps, struct sg_err *err)
{
    _cleanup_(sg_judgement_clear) struct sg_judgement path;
    struct sg_slide slide = {0};
    *ret_helps = false;
    sg_judgement_init(&path);
    if (!current->verdict.signer || (current->problems & ~mendable) != 0)
        return SG_OK; /* EN 319 102-1 §5.6.2.4.4 step 6 */
    enum sg_rc rc = sg_past_certificate_judge(request, current->verdict.signer, &slide, &path, err);
    if (rc == SG_OK && path.severity != SG_SEVERITY_NONE)
        return sg_judgement_explain(past, &path, err); /* EN 319 102-1 §5.6.2.4.4 step 2 */
    if (rc != SG_OK || proven > slide.control_time)
        return rc; /* EN 319 102-1 §5.6.2.4.4 step 3 */
    bool revoked_then = false;
    if (request->verifier->revocation != SG_REVOCATION_NONE)
        rc = may_be_revoked(request, path.verdict.chain, proven, &revoked_then, err);
    if (rc == SG_OK && !revoked_then)
        rc = compare_times(current, proven, past, ret_helps, err);
    if (rc != SG_OK || !*ret_helps)
        return rc;
    /* EN 319 102-1 §5.6.2.4.4 steps 4 and 5: in `past`, algorithms were judged as of then; data was fresh enough until
     * the control time. Step 7: */
    if (!slide.leaf_in_bounds)
        rc = sg_judgement_note(past, SG_SEVERITY_REVOCATION_OUT_OF_BOUNDS, SG_REASON_NO_PROOF_OF_EXISTENCE, err,
                               _("What is known about the certificate's revocation is not proven to be from before the "
                                 "end of the CA's certificate."));
    return rc == SG_OK ? sg_judgement_merge(past, &path, err) : rc;
}
