/* The time-stamps of a signature: judged one by one, and handed over to its verdict. */
#include <stdlib.h>

#include "base/limits.h"
#include "base/msg.h"
#include "formats/name.h"
#include "verify/process.h"
#include "verify/timestamp.h"

static const char *kind_word(enum sg_evidence_kind kind)
{
    switch (kind) {
    case SG_EVIDENCE_CONTENT:
        return "content";
    case SG_EVIDENCE_SIGNATURE:
        return "signature";
    case SG_EVIDENCE_CADES_C:
        return "references";
    case SG_EVIDENCE_REFERENCES:
        return "references-only";
    case SG_EVIDENCE_DOCUMENT:
        return "document";
    default:
        return "archive";
    }
}

/* EN 319 102-1 §5.5.4 step 3 a. What cannot be calculated is not what was stamped. */
static enum sg_rc judge(const struct sg_process *process, struct sg_stamp *stamp, struct sg_timestamp_context *context,
                        struct sg_judgement *judgement, struct sg_err *err)
{
    struct sg_evidence_imprint imprint = {0};
    enum sg_rc rc = sg_evidence_imprint(process->evidence, stamp->index, sg_content_digest_for,
                                        (void *)process->request->content, &imprint, err);
    if (rc != SG_OK)
        return rc;
    context->imprint_unknown = imprint.len == 0;
    if (context->imprint_unknown)
        rc = sg_judgement_note(judgement, SG_SEVERITY_SIG_CONSTRAINTS, SG_REASON_TIMESTAMP_IMPRINT, err,
                               _("What the time-stamp is over cannot be calculated. %s"), _(imprint.why));
    const struct sg_timestamp_request request = {.kind = stamp->told.kind,
                                                 .token = sg_evidence_timestamp(process->evidence, stamp->index)->token,
                                                 .imprint = {imprint.digest, imprint.len}};
    return rc == SG_OK ? sg_timestamp_judge_within(context, &request, &stamp->told, judgement, err) : rc;
}

/* RFC 3161 §2.4.2: genTime and its accuracy give an upper limit of when the token was made, and a lower one. Each is a
 * whole second on the safe side. */
static void set_limits(struct sg_stamp *stamp)
{
    const struct sg_timestamp *told = &stamp->told;
    int64_t accuracy = told->accuracy > 0 ? told->accuracy : 0;
    if (told->time == SG_TIME_NONE)
        return;
    stamp->time = told->time + (told->fraction + accuracy + 999999) / 1000000;
    stamp->earliest = told->time - (accuracy + 999999) / 1000000;
}

static enum sg_rc judge_now(const struct sg_process *process, size_t index, struct sg_stamp *stamp, struct sg_err *err)
{
    const struct sg_signature_request *request = process->request;
    struct sg_timestamp_context context = {
        .verifier = request->verifier, .steps = request->steps, .at = request->at, .carried = process->poes.carried};
    *stamp = (struct sg_stamp){.index = index, .time = SG_TIME_NONE, .earliest = SG_TIME_NONE};
    stamp->told = (struct sg_timestamp){
        .kind = kind_word(sg_evidence_timestamp(process->evidence, index)->kind), .time = SG_TIME_NONE, .accuracy = -1};
    sg_judgement_init(&stamp->current);
    sg_judgement_init(&stamp->past);
    enum sg_rc rc = judge(process, stamp, &context, &stamp->current, err);
    if (rc == SG_OK && stamp->told.time > request->at)
        rc = sg_judgement_note(&stamp->current, SG_SEVERITY_SIG_CONSTRAINTS, SG_REASON_TIMESTAMP_FUTURE, err,
                               _("The time-stamp is from the future."));
    set_limits(stamp);
    stamp->holds_now = stamp->current.severity == SG_SEVERITY_NONE && stamp->time != SG_TIME_NONE;
    return rc;
}

enum sg_rc sg_process_make(const struct sg_signature_request *request, const struct sg_evidence *evidence,
                           struct sg_carried *carried, struct sg_process *ret, struct sg_err *err)
{
    struct sg_process process = {.request = request, .evidence = evidence};
    size_t count = sg_evidence_timestamp_count(evidence);
    process.limited = count > SG_MAX_TIMESTAMPS;
    if (process.limited)
        count = SG_MAX_TIMESTAMPS;
    enum sg_rc rc = sg_poes_make(evidence, carried, request->at, &process.poes, err);
    if (rc == SG_OK && !(process.stamps = calloc(count ? count : 1, sizeof *process.stamps)))
        rc = sg_fail_memory(err);
    for (size_t i = 0; rc == SG_OK && i < count; i++)
        rc = judge_now(&process, i, &process.stamps[process.stamp_count++], err);
    if (rc == SG_OK)
        *ret = process;
    else
        sg_process_clear(&process);
    return rc;
}

void sg_process_clear(struct sg_process *process)
{
    for (size_t i = 0; i < process->stamp_count; i++) {
        sg_timestamp_clear(&process->stamps[i].told);
        sg_judgement_clear(&process->stamps[i].current);
        sg_judgement_clear(&process->stamps[i].past);
    }
    free(process->stamps);
    sg_poes_clear(&process->poes);
    *process = (struct sg_process){0};
}

bool sg_stamp_holds(const struct sg_stamp *stamp)
{
    return stamp->holds_now || stamp->holds_proven;
}

enum sg_evidence_kind sg_stamp_kind(const struct sg_process *process, const struct sg_stamp *stamp)
{
    return sg_evidence_timestamp(process->evidence, stamp->index)->kind;
}

bool sg_stamp_is_of_signature(const struct sg_process *process, const struct sg_stamp *stamp)
{
    enum sg_evidence_kind kind = sg_stamp_kind(process, stamp);
    return kind == SG_EVIDENCE_SIGNATURE || kind == SG_EVIDENCE_DOCUMENT;
}

enum sg_rc sg_stamp_judge_past(const struct sg_process *process, struct sg_stamp *stamp, int64_t at, struct sg_err *err)
{
    struct sg_timestamp_context context = {.verifier = process->request->verifier,
                                           .steps = process->request->steps,
                                           .at = at,
                                           .past = true,
                                           .carried = process->poes.carried};
    sg_judgement_clear(&stamp->past);
    return judge(process, stamp, &context, &stamp->past, err);
}

/* --- into the verdict --------------------------------------------------------------------------------------------- */

static enum sg_rc note_not_counted(const struct sg_timestamp *timestamp, struct sg_judgement *answer,
                                   struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf why = SG_BUF(SG_MIB);
    _cleanup_(freep) char *tsa = NULL;
    X509 *cert = timestamp->verdict.signer;
    const char *text = NULL;
    enum sg_rc rc = cert ? sg_name_text(X509_get_subject_name(cert), &tsa, err) : SG_OK;
    if (rc == SG_OK)
        rc = sg_timestamp_why(timestamp, &why, err);
    if (rc == SG_OK)
        rc = sg_buf_text(&why, &text, err);
    if (rc == SG_OK)
        rc = sg_judgement_note(answer, SG_SEVERITY_NONE, SG_REASON_TIMESTAMP_NOT_COUNTED, err,
                               _("A time-stamp by %s does not count. %s"), tsa ? tsa : "?", text);
    return rc;
}

/* Those over the references alone can be copied from an older signature; where times contradict each other there is a
 * wrong clock among them, and nothing is proven. */
static bool proves(const struct sg_process *process, const struct sg_stamp *stamp, const struct sg_judgement *answer)
{
    return sg_stamp_holds(stamp) && sg_stamp_kind(process, stamp) != SG_EVIDENCE_REFERENCES &&
           !(answer->problems & SG_PROBLEM(SG_SEVERITY_TIMESTAMP_ORDER));
}

/* The judgement that counts, as the token's verdict. */
static void settle(struct sg_stamp *stamp)
{
    struct sg_judgement *judgement = stamp->holds_now || !stamp->holds_proven ? &stamp->current : &stamp->past;
    struct sg_conclusion now = sg_judgement_conclusion(stamp->current.severity);
    stamp->told.verdict = judgement->verdict;
    stamp->told.verdict.now = now;
    stamp->told.latest = stamp->time;
    stamp->told.earliest = stamp->earliest;
    sg_judgement_init(judgement);
}

enum sg_rc sg_process_hand_over(struct sg_process *process, struct sg_judgement *answer, struct sg_err *err)
{
    struct sg_verdict *verdict = &answer->verdict;
    enum sg_rc rc = SG_OK;
    if (process->stamp_count == 0)
        return SG_OK;
    verdict->timestamps = calloc(process->stamp_count, sizeof *verdict->timestamps);
    if (!verdict->timestamps)
        return sg_fail_memory(err);
    for (size_t i = 0; rc == SG_OK && i < process->stamp_count; i++) {
        struct sg_stamp *stamp = &process->stamps[i];
        bool holds = sg_stamp_holds(stamp);
        stamp->told.proves = proves(process, stamp, answer);
        settle(stamp);
        if (!holds)
            rc = note_not_counted(&stamp->told, answer, err);
        verdict->timestamps[verdict->timestamp_count++] = stamp->told;
        stamp->told = (struct sg_timestamp){0};
    }
    if (rc == SG_OK && process->limited)
        rc = sg_judgement_note(answer, SG_SEVERITY_NONE, SG_REASON_TIMESTAMPS_LIMIT, err,
                               _("The signature has more than %d time-stamps; no more were looked at."),
                               SG_MAX_TIMESTAMPS);
    return rc;
}
