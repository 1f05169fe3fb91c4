/* Whether the times of a signature's time-stamps can be true together (EN 319 102-1 §5.5.4 step 4 e, RFC 3161
 * §2.4.2). */
#include "base/clock.h"
#include "base/msg.h"
#include "verify/process.h"

/* What was stamped with another time-stamp in it, or over a signature that has one in it, is younger. */
static bool has_to_be_later(const struct sg_process *process, const struct sg_stamp *later,
                            const struct sg_stamp *earlier)
{
    bool later_content = sg_stamp_kind(process, later) == SG_EVIDENCE_CONTENT;
    bool earlier_content = sg_stamp_kind(process, earlier) == SG_EVIDENCE_CONTENT;
    if (later_content || earlier_content)
        return earlier_content && !later_content;
    return sg_evidence_covers_timestamp(process->evidence, later->index, earlier->index);
}

/* By the accuracy of both: later than it can have been. Who says none is not taken to be better than a second. */
static bool is_certainly_later(const struct sg_stamp *a, const struct sg_stamp *b)
{
    return a->earliest > b->time + 1;
}

static enum sg_rc check_pair(const struct sg_process *process, const struct sg_stamp *later,
                             const struct sg_stamp *earlier, struct sg_judgement *current, struct sg_err *err)
{
    char one[SG_TIME_TEXT], other[SG_TIME_TEXT];
    if (!sg_stamp_holds(later) || !sg_stamp_holds(earlier) || !has_to_be_later(process, later, earlier) ||
        !is_certainly_later(earlier, later))
        return SG_OK;
    return sg_judgement_note(current, SG_SEVERITY_TIMESTAMP_ORDER, SG_REASON_TIMESTAMP_ORDER, err,
                             _("A time-stamp of %s is over another that says it was made later, at %s."),
                             sg_time_text(later->told.time, one), sg_time_text(earlier->told.time, other));
}

enum sg_rc sg_process_stamp_order(const struct sg_process *process, struct sg_judgement *current, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    for (size_t i = 0; i < process->stamp_count; i++)
        for (size_t k = 0; rc == SG_OK && k < process->stamp_count; k++)
            if (i != k)
                rc = check_pair(process, &process->stamps[i], &process->stamps[k], current, err);
    return rc;
}
