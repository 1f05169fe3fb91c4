/* The validation process for signatures that provide long term availability and integrity of validation material
 * (EN 319 102-1 §5.6.3). */
#include <stdlib.h>

#include "verify/process.h"

static bool is_archive(enum sg_evidence_kind kind)
{
    return kind == SG_EVIDENCE_ARCHIVE_V1 || kind == SG_EVIDENCE_ARCHIVE_V2 || kind == SG_EVIDENCE_ARCHIVE_V3 ||
           kind == SG_EVIDENCE_DOCUMENT;
}

/* EN 319 102-1 §5.6.3.4 step 3: whether there is anything that could help. */
static bool has_archive(const struct sg_process *process)
{
    for (size_t i = 0; i < process->stamp_count; i++)
        if (is_archive(sg_stamp_kind(process, &process->stamps[i])))
            return true;
    return false;
}

/* EN 319 102-1 §5.6.3.4 step 5 c: whether it was good when a later one proves that it was there. `*ret_helps`: that is
 * known, whatever the answer is. */
static enum sg_rc ask_past(struct sg_process *process, struct sg_stamp *stamp, bool *ret_helps, struct sg_err *err)
{
    const struct sg_past_request request = {.verifier = process->request->verifier,
                                            .poes = &process->poes,
                                            .purpose = SG_CERT_TIMESTAMP,
                                            .steps = process->request->steps};
    int64_t proven = process->poes.timestamps[stamp->index];
    *ret_helps = false;
    if (proven >= process->poes.now)
        return SG_OK;
    enum sg_rc rc = sg_stamp_judge_past(process, stamp, proven, err);
    if (rc == SG_OK && stamp->past.severity == SG_SEVERITY_NONE)
        rc = sg_past_signature_judge(&request, &stamp->current, proven, &stamp->past, ret_helps, err);
    stamp->holds_proven = *ret_helps && stamp->past.severity == SG_SEVERITY_NONE;
    return rc;
}

/* One that does not hold as of now. */
static enum sg_rc judge_past(struct sg_process *process, struct sg_stamp *stamp, struct sg_err *err)
{
    bool helps;
    enum sg_rc rc = ask_past(process, stamp, &helps, err);
    return rc == SG_OK && !helps ? sg_judgement_explain(&stamp->current, &stamp->past, err) : rc;
}

static int newest_first(const void *a, const void *b)
{
    const struct sg_stamp *one = *(struct sg_stamp *const *)a, *other = *(struct sg_stamp *const *)b;
    if (one->time != other->time)
        return one->time < other->time ? 1 : -1;
    return one->index < other->index ? 1 : -1;
}

/* EN 319 102-1 §5.6.3.4 step 5: from the newest on; each that holds proves what it is over. */
static enum sg_rc extract_poes(struct sg_process *process, struct sg_err *err)
{
    struct sg_stamp **sorted = calloc(process->stamp_count, sizeof *sorted);
    enum sg_rc rc = SG_OK;
    if (!sorted)
        return sg_fail_memory(err);
    for (size_t i = 0; i < process->stamp_count; i++)
        sorted[i] = &process->stamps[i];
    qsort(sorted, process->stamp_count, sizeof *sorted, newest_first);
    for (size_t i = 0; rc == SG_OK && i < process->stamp_count; i++) {
        if (!sorted[i]->holds_now)
            rc = judge_past(process, sorted[i], err);
        if (rc == SG_OK && sg_stamp_holds(sorted[i]))
            sg_poes_extract(&process->poes, sorted[i]->index, sorted[i]->time);
    }
    free(sorted);
    return rc;
}

/* Whether the answer may rest on it: on one of the content it does not, nor on one of the signature that is there later
 * than the proof of that. */
static bool is_proof(const struct sg_process *process, const struct sg_stamp *stamp)
{
    enum sg_evidence_kind kind = sg_stamp_kind(process, stamp);
    return sg_stamp_holds(stamp) && kind != SG_EVIDENCE_CONTENT &&
           (kind != SG_EVIDENCE_SIGNATURE || stamp->time == process->poes.signature);
}

/* Until when it proves what it does: by itself, or longer, once it has ended, by the later one that it is proven by. */
static enum sg_rc ask_end(struct sg_process *process, struct sg_stamp *stamp, int64_t *ret, struct sg_err *err)
{
    bool helps;
    enum sg_rc rc = stamp->holds_now ? ask_past(process, stamp, &helps, err) : SG_OK;
    *ret = stamp->holds_now ? stamp->current.verdict.good_until : SG_TIME_NONE;
    if (rc != SG_OK || !stamp->holds_proven)
        return rc;
    if (stamp->past.lasts_until == SG_TIME_NONE)
        *ret = INT64_MAX;
    else if (stamp->past.lasts_until > *ret)
        *ret = stamp->past.lasts_until;
    return SG_OK;
}

/* Until when all that the answer rests on is proven, without another time-stamp, and as of when that is known. */
static enum sg_rc rest_on_proofs(struct sg_process *process, struct sg_judgement *then, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    for (size_t i = 0; rc == SG_OK && i < process->stamp_count; i++) {
        struct sg_stamp *stamp = &process->stamps[i];
        int64_t end;
        if (!is_proof(process, stamp))
            continue;
        rc = ask_end(process, stamp, &end, err);
        if (rc != SG_OK)
            return rc;
        sg_judgement_lasts_until(then, end);
        sg_judgement_as_of(then, (stamp->holds_now ? &stamp->current : &stamp->past)->verdict.as_of);
    }
    return rc;
}

/* EN 319 102-1 §5.6.3.4 step 7; and step 9, signature acceptance at the proven time. */
static enum sg_rc judge_signature(struct sg_process *process, struct sg_judgement *judgement, struct sg_err *err)
{
    const struct sg_past_request request = {.verifier = process->request->verifier,
                                            .poes = &process->poes,
                                            .purpose = process->request->purpose,
                                            .steps = process->request->steps};
    _cleanup_(sg_judgement_clear) struct sg_judgement then;
    struct sg_signature_request signature = *process->request;
    int64_t proven = process->poes.signature;
    bool helps = false;
    sg_judgement_init(&then);
    signature.at = proven;
    signature.past = true;
    enum sg_rc rc = sg_signature_judge(&signature, &then, err);
    if (rc == SG_OK && then.severity == SG_SEVERITY_NONE)
        rc = sg_past_signature_judge(&request, judgement, proven, &then, &helps, err);
    if (rc != SG_OK)
        return rc;
    if (!helps)
        return sg_judgement_explain(judgement, &then, err);
    if (then.severity == SG_SEVERITY_NONE) {
        rc = rest_on_proofs(process, &then, err);
        return rc == SG_OK ? sg_process_replace(judgement, &then, proven, then.lasts_until, err) : rc;
    }
    return sg_judgement_settle(judgement, &then, err);
}

/* What is proven has its effect. */
static enum sg_rc use_proofs(struct sg_process *process, struct sg_judgement *judgement, struct sg_err *err)
{
    if (process->poes.signature < judgement->verdict.best_time)
        judgement->verdict.best_time = process->poes.signature; /* EN 319 102-1 §5.6.3.4 step 6 */
    return judgement->severity == SG_SEVERITY_NONE ? SG_OK : judge_signature(process, judgement, err);
}

enum sg_rc sg_process_archive(struct sg_process *process, struct sg_judgement *judgement, struct sg_err *err)
{
    if (!has_archive(process))
        return SG_OK;
    enum sg_rc rc = extract_poes(process, err);
    if (rc == SG_OK)
        rc = sg_process_stamp_order(process, judgement, err); /* once more, with those that are proven */
    if (judgement->problems & SG_PROBLEM(SG_SEVERITY_TIMESTAMP_ORDER))
        judgement->verdict.best_time = process->request->at; /* nothing is proven */
    else if (rc == SG_OK && process->poes.signature < process->poes.now)
        return use_proofs(process, judgement, err);
    return rc;
}
