/* Validation-time sliding (EN 319 102-1 §5.6.2.2): from the anchor down, back to when the path was last known to be
 * good. */
#include "base/clock.h"
#include "base/msg.h"
#include "verify/ending.h"
#include "verify/past.h"
#include "verify/revocation.h"

struct slide {
    const struct sg_past_request *request;
    X509 *anchor;
    int64_t control_time;
    bool leaf_in_bounds;
};

static enum sg_rc find(const struct slide *slide, X509 *cert, X509 *issuer, int64_t proven_by, struct sg_finding *ret,
                       struct sg_err *err)
{
    struct sg_verifier *verifier = slide->request->verifier;
    const struct sg_revocation_request revocation = {.libctx = verifier->libctx,
                                                     .trust = verifier->trust,
                                                     .carried = slide->request->poes->carried,
                                                     .steps = slide->request->steps,
                                                     .verifier = verifier,
                                                     .anchor = slide->anchor,
                                                     .mode = verifier->revocation,
                                                     .at = slide->control_time,
                                                     .known_at = slide->control_time,
                                                     .now = slide->control_time,
                                                     .present = slide->request->poes->now,
                                                     .proven_by = proven_by};
    bool whole = false;
    enum sg_rc rc = sg_revocation_find(&revocation, cert, issuer, ret, &whole, err);
    if (rc == SG_OK && !whole)
        *ret = (struct sg_finding){0};
    return rc;
}

static bool says_something(const struct sg_finding *finding)
{
    return finding->kind && finding->answer != SG_ANSWER_NOT_KNOWN &&
           finding->answer != SG_ANSWER_NOT_KNOWN_AFTER_EXPIRY;
}

/* EN 319 102-1 §5.6.2.2.4 step 2 a: data about the certificate from before the control time, and proven to have been
 * there by then. Of the leaf's, what was there while its issuer's certificate was valid goes first (§5.6.2.4.4). */
static enum sg_rc select_data(struct slide *slide, X509 *cert, X509 *issuer, bool leaf, struct sg_finding *ret,
                              struct sg_err *err)
{
    int64_t issuer_ends;
    bool ends_before = sg_time_from_asn1(X509_get0_notAfter(issuer), &issuer_ends) && issuer_ends < slide->control_time;
    enum sg_rc rc = SG_OK;
    *ret = (struct sg_finding){0};
    if (leaf && ends_before)
        rc = find(slide, cert, issuer, issuer_ends, ret, err);
    if (rc == SG_OK && leaf)
        slide->leaf_in_bounds = !ends_before || says_something(ret);
    if (rc == SG_OK && !says_something(ret))
        rc = find(slide, cert, issuer, slide->control_time, ret, err);
    return rc;
}

/* EN 319 102-1 §5.6.2.2.4 step 2 b: revoked, it was good before. Step 2 c: data is fresh enough, by our constraints,
 * until its nextUpdate (§5.2.5.4); what happened later is not known. */
static void slide_by_data(struct slide *slide, const struct sg_finding *finding)
{
    int64_t until = slide->control_time;
    if (finding->answer == SG_ANSWER_REVOKED || finding->answer == SG_ANSWER_ON_HOLD)
        until = finding->revoked_at == SG_TIME_NONE ? SG_TIME_NONE : finding->revoked_at - 1;
    else if (finding->answer == SG_ANSWER_STALE)
        until = finding->next_update == SG_TIME_NONE ? finding->this_update : finding->next_update;
    if (until < slide->control_time)
        slide->control_time = until;
}

static void last_until(const struct slide *slide, int64_t when, struct sg_judgement *judgement)
{
    if (when >= slide->request->poes->now) /* what has passed is not asked for */
        sg_judgement_lasts_until(judgement, when);
}

static void slide_by_algorithm(struct slide *slide, const struct sg_algorithm_answer *answer,
                               struct sg_judgement *judgement)
{
    if (answer->acceptable)
        last_until(slide, answer->until, judgement);
    else if (answer->until <= slide->control_time)
        slide->control_time = answer->until == SG_TIME_NONE ? SG_TIME_NONE : answer->until - 1;
}

/* EN 319 102-1 §5.6.2.2.4 step 2 d: back to when all algorithms of the certificate were reliable. Those of revocation
 * data are judged at the time for which it is proven, when it is selected. */
static void slide_by_algorithms(struct slide *slide, X509 *cert, struct sg_judgement *judgement)
{
    struct sg_algorithm_answer answer = sg_cert_key_answer(cert, slide->control_time);
    slide_by_algorithm(slide, &answer, judgement);
    answer = sg_cert_signature_answer(cert, slide->control_time);
    slide_by_algorithm(slide, &answer, judgement);
}

/* Data that is not proven to be older counts while it is fresh, and what signed it good. */
static void last_by_data(const struct slide *slide, const struct sg_finding *finding, X509 *issuer,
                         struct sg_judgement *judgement)
{
    int64_t issuer_ends;
    if (!says_something(finding) || finding->proven)
        return;
    last_until(slide, finding->next_update, judgement);
    last_until(slide, finding->signer_ends, judgement);
    if (sg_time_from_asn1(X509_get0_notAfter(issuer), &issuer_ends))
        last_until(slide, issuer_ends, judgement);
}

static enum sg_rc note_no_poe(X509 *cert, struct sg_judgement *judgement, struct sg_err *err)
{
    _cleanup_(freep) char *subject = NULL;
    enum sg_rc rc = sg_name_text(X509_get_subject_name(cert), &subject, err);
    if (rc == SG_OK)
        rc = sg_judgement_note(judgement, SG_SEVERITY_NO_POE, SG_REASON_NO_PROOF_OF_EXISTENCE, err,
                               _("Nothing proves that the certificate of %s, and what is known about its revocation, "
                                 "was there in time."),
                               subject);
    return rc;
}

static enum sg_rc slide_over(struct slide *slide, X509 *cert, X509 *issuer, bool leaf, struct sg_judgement *judgement,
                             struct sg_err *err)
{
    enum sg_revocation_mode mode = slide->request->verifier->revocation;
    int64_t proven = sg_poes_certificate(slide->request->poes, cert);
    struct sg_finding finding = {0};
    enum sg_rc rc = mode == SG_REVOCATION_NONE ? SG_OK : select_data(slide, cert, issuer, leaf, &finding, err);
    if (rc != SG_OK)
        return rc;
    bool missing = mode == SG_REVOCATION_HARD && !says_something(&finding);
    /* With a weak algorithm the certificate could have been made since. */
    if (missing || proven > slide->control_time || !sg_cert_signature_answer(cert, proven).acceptable)
        return note_no_poe(cert, judgement, err);
    slide_by_data(slide, &finding);
    slide_by_algorithms(slide, cert, judgement);
    last_by_data(slide, &finding, issuer, judgement);
    judgement->verdict.known_good = leaf && says_something(&finding);
    return says_something(&finding) ? sg_revocation_note_used(&finding, judgement, err) : SG_OK;
}

enum sg_rc sg_slide_time(const struct sg_past_request *request, const STACK_OF(X509) *path,
                         const struct sg_anchor_limits *limits, struct sg_slide *ret, struct sg_judgement *judgement,
                         struct sg_err *err)
{
    struct slide slide = {.request = request,
                          .anchor = sk_X509_value(path, sk_X509_num(path) - 1),
                          .control_time = request->poes->now,
                          .leaf_in_bounds = true};
    enum sg_rc rc = SG_OK;
    /* EN 319 102-1 §5.6.2.2.4 step 1: an anchor's sunset date. */
    if (limits && limits->not_after != SG_TIME_NONE && limits->not_after < slide.control_time)
        slide.control_time = limits->not_after;
    else if (limits)
        sg_judgement_lasts_until(judgement, limits->not_after);
    if (sg_path_is_pinned(path) && request->verifier->revocation == SG_REVOCATION_HARD)
        return note_no_poe(sk_X509_value(path, 0), judgement, err);
    for (int i = sk_X509_num(path) - 2; rc == SG_OK && i >= 0 && judgement->severity == SG_SEVERITY_NONE; i--)
        rc = slide_over(&slide, sk_X509_value(path, i), sk_X509_value(path, i + 1), i == 0, judgement, err);
    if (rc == SG_OK)
        *ret = (struct sg_slide){slide.control_time, slide.leaf_in_bounds};
    return rc;
}
