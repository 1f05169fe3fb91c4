/* The validation process for signatures with time and with long-term validation material (EN 319 102-1 §5.5). */
#include "base/clock.h"
#include "base/msg.h"
#include "verify/process.h"

/* EN 319 102-1 §5.5.4 step 2: what an earlier time can mend. Not that a CA has ended since, or an algorithm of a
 * certificate (step 10): what they vouch for could have been made since, revocation data too. Nor, unless find_proven()
 * has what it issued, what is wrong with a CA's revocation as of now. All others hang on the signature's value and on
 * the signer's certificate: to have one that is younger than the value and says it were older takes a CA's key. */
static const uint32_t mendable = SG_PROBLEM(SG_SEVERITY_TRY_LATER) | SG_PROBLEM(SG_SEVERITY_ON_HOLD) |
                                 SG_PROBLEM(SG_SEVERITY_OUT_OF_BOUNDS_NOT_REVOKED) |
                                 SG_PROBLEM(SG_SEVERITY_OUT_OF_BOUNDS) | SG_PROBLEM(SG_SEVERITY_NO_REVOCATION_DATA) |
                                 SG_PROBLEM(SG_SEVERITY_CRYPTO_CONSTRAINTS) | SG_PROBLEM(SG_SEVERITY_REVOKED) |
                                 SG_PROBLEM(SG_SEVERITY_CA_REVOKED);

/* EN 319 102-1 §5.5.4 steps 1 and 3: best-signature-time. `*ret`: what proves it; NULL: nothing does. */
static int64_t best_time(const struct sg_process *process, const struct sg_stamp **ret)
{
    int64_t best = process->request->at;
    *ret = NULL;
    for (size_t i = 0; i < process->stamp_count; i++) {
        const struct sg_stamp *stamp = &process->stamps[i];
        if (!stamp->holds_now || !sg_stamp_is_of_signature(process, stamp) || stamp->time >= best)
            continue;
        best = stamp->time;
        *ret = stamp;
    }
    return best;
}

/* EN 319 102-1 §5.5.4 step 4: before the certificate was valid. */
static bool is_too_early(const struct sg_judgement *current, int64_t best)
{
    X509 *cert = current->verdict.signer;
    int64_t not_before;
    return cert && sg_time_from_asn1(X509_get0_notBefore(cert), &not_before) && best < not_before;
}

/* EN 319 102-1 §5.5.4 step 4 a iii: proven only after the end, and revoked after that. */
static bool ended_before(const struct sg_judgement *current, int64_t best)
{
    X509 *cert = current->verdict.signer;
    int64_t not_after;
    return (current->problems & SG_PROBLEM(SG_SEVERITY_REVOKED)) && best < current->signer_revoked_at &&
           sg_time_from_asn1(X509_get0_notAfter(cert), &not_after) && best > not_after;
}

/* The certificates that were there at that time: what a time-stamp is over; and the signer's, if the signed attributes
 * have its hash. Without it anybody's old value is right over anything under a key that is calculated to fit, and a
 * stolen CA's key certifies that. With it, the key would have to be known before the hash of what it is calculated
 * from; one that fits any content is not checked with (sg_key_checkable()). */
static enum sg_rc find_proven(const struct sg_process *process, const struct sg_judgement *current, int64_t best,
                              STACK_OF(X509) *ret, struct sg_err *err)
{
    const STACK_OF(X509) *certs = sg_evidence_certificates(process->evidence);
    if (current->names_signer && !sk_X509_push(ret, current->verdict.signer))
        return sg_fail_memory(err);
    for (size_t i = 0; i < process->stamp_count; i++) {
        const struct sg_stamp *stamp = &process->stamps[i];
        for (int k = 0; stamp->holds_now && stamp->time <= best && k < sk_X509_num(certs); k++)
            if (sg_evidence_covers_certificate(process->evidence, stamp->index, sk_X509_value(certs, k)) &&
                !sk_X509_push(ret, sk_X509_value(certs, k)))
                return sg_fail_memory(err);
    }
    return SG_OK;
}

/* Why the time-stamp does not help, though it holds. */
static enum sg_rc explain(const struct sg_judgement *then, bool proven, struct sg_judgement *judgement,
                          struct sg_err *err)
{
    if (proven || !(then->problems & SG_PROBLEM(SG_SEVERITY_CA_REVOKED)))
        return SG_OK;
    return sg_judgement_note(judgement, SG_SEVERITY_NONE, SG_REASON_NO_PROOF_OF_EXISTENCE, err,
                             _("The time-stamp is of the signature, which does not name its certificate: whoever has "
                               "the CA's key could have made that since."));
}

static enum sg_rc note_too_early(int64_t best, struct sg_judgement *judgement, struct sg_err *err)
{
    char time[SG_TIME_TEXT];
    return sg_judgement_note(judgement, SG_SEVERITY_NOT_YET_VALID, SG_REASON_NOT_YET_VALID, err,
                             _("It was there at %s already, before the certificate was valid."),
                             sg_time_text(best, time));
}

enum sg_rc sg_process_replace(struct sg_judgement *judgement, struct sg_judgement *then, int64_t proven,
                              int64_t good_until, struct sg_err *err)
{
    char time[SG_TIME_TEXT];
    const struct sg_conclusion now = sg_judgement_conclusion(judgement->severity);
    const char *sub = sg_sub_indication_text(now.sub_indication);
    enum sg_rc rc = sg_judgement_note(then, SG_SEVERITY_NONE, SG_REASON_PROVEN_BEFORE, err,
                                      _("It counts as of %s: time-stamps prove that it was there then. As of now it "
                                        "would be %s."),
                                      sg_time_text(proven, time), sub ? sub : "?");
    if (rc != SG_OK)
        return rc;
    then->verdict.now = now;
    then->verdict.best_time = proven;
    then->verdict.good_until = good_until;
    struct sg_judgement replaced = *judgement;
    *judgement = *then;
    *then = replaced;
    return SG_OK;
}

static void free_borrowed(STACK_OF(X509) **certs)
{
    sk_X509_free(*certs);
}

/* Until when the answer at the proven time is the same: while the proof holds, and what no earlier time mends. What has
 * passed already is not asked for. */
static int64_t proof_ends(const struct sg_process *process, const struct sg_stamp *proof,
                          const struct sg_judgement *judgement, const struct sg_judgement *then)
{
    const int64_t ends[] = {judgement->lasts_until, then->lasts_until};
    int64_t first = proof->current.verdict.good_until;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (ends[i] >= process->request->at && ends[i] < first)
            first = ends[i];
    return first;
}

/* EN 319 102-1 §5.5.4 steps 4 to 10: everything once more, as of the time that is proven; what is known about
 * revocation has to be fresh enough for that (step 6), and what signed it good now. */
static enum sg_rc judge_at(const struct sg_process *process, int64_t best, const struct sg_stamp *proof,
                           struct sg_judgement *judgement, struct sg_err *err)
{
    _cleanup_(sg_judgement_clear) struct sg_judgement then;
    _cleanup_(free_borrowed) STACK_OF(X509) *proven = sk_X509_new_null();
    struct sg_signature_request request = *process->request;
    request.at = request.known_at = best;
    request.proven = proven;
    sg_judgement_init(&then);
    enum sg_rc rc = proven ? find_proven(process, judgement, best, proven, err) : sg_fail_memory(err);
    if (rc == SG_OK)
        rc = sg_signature_judge(&request, &then, err);
    if (rc == SG_OK && then.severity == SG_SEVERITY_NONE) {
        sg_judgement_as_of(&then, proof->current.verdict.as_of);
        return sg_process_replace(judgement, &then, best, proof_ends(process, proof, judgement, &then), err);
    }
    if (rc == SG_OK && ended_before(judgement, best)) {
        sg_judgement_mitigate(judgement, SG_SEVERITY_REVOKED, SG_SEVERITY_OUT_OF_BOUNDS_NOT_REVOKED);
        sg_judgement_mitigate(judgement, SG_SEVERITY_OUT_OF_BOUNDS, SG_SEVERITY_OUT_OF_BOUNDS_NOT_REVOKED);
    }
    return rc == SG_OK ? explain(&then, sk_X509_num(proven) > 0, judgement, err) : rc;
}

enum sg_rc sg_process_time(const struct sg_process *process, struct sg_judgement *judgement, struct sg_err *err)
{
    const struct sg_stamp *proof;
    int64_t best = best_time(process, &proof);
    if (judgement->problems & SG_PROBLEM(SG_SEVERITY_TIMESTAMP_ORDER))
        return SG_OK; /* there is a wrong clock among them: nothing is proven */
    judgement->verdict.best_time = best;
    if (best >= process->request->at || (judgement->problems & ~mendable) != 0)
        return SG_OK;
    if (is_too_early(judgement, best))
        return note_too_early(best, judgement, err);
    return judgement->severity == SG_SEVERITY_NONE ? SG_OK : judge_at(process, best, proof, judgement, err);
}
