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

/* EN 319 102-1 §5.6.3.4 step 5 c: one that does not hold as of now may have been good when a later one proves it. */
static enum sg_rc judge_past(struct sg_process *process, struct sg_stamp *stamp, struct sg_err *err)
{
    const struct sg_past_request request = {.verifier = process->request->verifier,
                                            .poes = &process->poes,
                                            .purpose = SG_CERT_TIMESTAMP,
                                            .steps = process->request->steps};
    int64_t proven = process->poes.timestamps[stamp->index];
    bool helps = false;
    if (proven >= process->poes.now)
        return SG_OK;
    enum sg_rc rc = sg_stamp_judge_past(process, stamp, proven, err);
    if (rc == SG_OK && stamp->past.severity == SG_SEVERITY_NONE)
        rc = sg_past_signature_judge(&request, &stamp->current, proven, &stamp->past, &helps, err);
    stamp->holds_proven = helps && stamp->past.severity == SG_SEVERITY_NONE;
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

/* Until when the newest proof itself holds, without another. */
static int64_t good_until(const struct sg_process *process)
{
    int64_t latest = SG_TIME_NONE;
    for (size_t i = 0; i < process->stamp_count; i++) {
        const struct sg_stamp *stamp = &process->stamps[i];
        if (stamp->holds_now && stamp->current.verdict.good_until > latest)
            latest = stamp->current.verdict.good_until;
    }
    return latest;
}

/* EN 319 102-1 §5.6.3.4 step 7; and step 9, signature acceptance at the proven time. */
static enum sg_rc judge_signature(const struct sg_process *process, struct sg_judgement *judgement, struct sg_err *err)
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
    if (then.severity == SG_SEVERITY_NONE)
        return sg_process_replace(judgement, &then, proven, good_until(process), err);
    return sg_judgement_settle(judgement, &then, err);
}

enum sg_rc sg_process_archive(struct sg_process *process, struct sg_judgement *judgement, struct sg_err *err)
{
    if (!has_archive(process))
        return SG_OK;
    enum sg_rc rc = extract_poes(process, err);
    if (rc == SG_OK)
        rc = sg_process_stamp_order(process, judgement, err); /* once more, with those that are proven */
    if (rc != SG_OK || process->poes.signature >= process->poes.now ||
        (judgement->problems & SG_PROBLEM(SG_SEVERITY_TIMESTAMP_ORDER)))
        return rc;
    if (process->poes.signature < judgement->verdict.best_time)
        judgement->verdict.best_time = process->poes.signature; /* EN 319 102-1 §5.6.3.4 step 6 */
    return judgement->severity == SG_SEVERITY_NONE ? SG_OK : judge_signature(process, judgement, err);
}
