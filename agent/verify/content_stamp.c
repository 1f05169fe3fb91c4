/* What a content-time-stamp proves (EN 319 102-1 §5.3.4): the content was there when it was made, and the signature is
 * over the time-stamp, so it is younger. Where the certificate was not good any more by then, no proof can help. */
#include "base/clock.h"
#include "base/msg.h"
#include "verify/algorithms.h"
#include "verify/blocks.h"
#include "verify/process.h"

static const uint32_t ended = SG_PROBLEM(SG_SEVERITY_OUT_OF_BOUNDS) | SG_PROBLEM(SG_SEVERITY_OUT_OF_BOUNDS_NOT_REVOKED);

/* The lower limit of when the last of those that hold was made; SG_TIME_NONE: there is none. */
static int64_t not_before(const struct sg_process *process)
{
    int64_t latest = SG_TIME_NONE;
    for (size_t i = 0; i < process->stamp_count; i++) {
        const struct sg_stamp *stamp = &process->stamps[i];
        if (stamp->holds_now && sg_stamp_kind(process, stamp) == SG_EVIDENCE_CONTENT && stamp->earliest > latest)
            latest = stamp->earliest;
    }
    return latest;
}

/* EN 319 102-1 §5.3.4 step 6: an algorithm of what is signed that was not reliable any more. */
static bool was_weak(const struct sg_signer_info *si, int64_t when)
{
    struct sg_signature_method method;
    if (!sg_algorithm_digest(OBJ_obj2nid(si->digest_algorithm->algorithm), when).acceptable)
        return true;
    return sg_signature_method_read(si->signature_algorithm, &method) && method.digest != NID_undef &&
           !sg_algorithm_digest(method.digest, when).acceptable;
}

/* EN 319 102-1 §5.3.4 step 5: what the certificate was by then. */
static enum sg_rc check_cert(int64_t when, struct sg_judgement *current, struct sg_err *err)
{
    char time[SG_TIME_TEXT];
    int64_t not_after;
    enum sg_rc rc = SG_OK;
    (void)sg_time_text(when, time);
    if ((current->problems & SG_PROBLEM(SG_SEVERITY_REVOKED)) && when > current->signer_revoked_at)
        rc = sg_judgement_note(current, SG_SEVERITY_REVOKED_PROVEN, SG_REASON_PROVEN_AFTER, err,
                               _("It was signed after %s, when the certificate had been revoked."), time);
    if (rc == SG_OK && (current->problems & ended) &&
        sg_time_from_asn1(X509_get0_notAfter(current->verdict.signer), &not_after) && when > not_after)
        rc = sg_judgement_note(current, SG_SEVERITY_EXPIRED_PROVEN, SG_REASON_PROVEN_AFTER, err,
                               _("It was signed after %s, when the certificate had ended."), time);
    return rc;
}

enum sg_rc sg_process_content_stamps(const struct sg_process *process, struct sg_judgement *current, struct sg_err *err)
{
    int64_t when = not_before(process);
    char time[SG_TIME_TEXT];
    if (when == SG_TIME_NONE || !current->verdict.signer)
        return SG_OK;
    enum sg_rc rc = check_cert(when, current, err);
    if (rc == SG_OK && (current->problems & SG_PROBLEM(SG_SEVERITY_CRYPTO_CONSTRAINTS)) &&
        was_weak(process->request->si, when))
        rc = sg_judgement_note(current, SG_SEVERITY_CRYPTO_CONSTRAINTS_PROVEN, SG_REASON_PROVEN_AFTER, err,
                               _("It was signed after %s, with an algorithm that was not trusted any more."),
                               sg_time_text(when, time));
    return rc;
}
