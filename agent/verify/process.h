/* The validation processes that count with time (EN 319 102-1 §5.5 and §5.6.3), on what a signature carries. */
#pragma once

#include "verify/past.h"
#include "verify/poe.h"
#include "verify/signature.h"

/* A time-stamp of the signature. */
struct sg_stamp {
    size_t index;                 /* among the evidence's */
    struct sg_timestamp told;     /* what it says; its verdict is filled in at the end */
    struct sg_judgement current;  /* §5.4, as of now */
    struct sg_judgement past;     /* as of the time by which it is proven to have been there, where that helps */
    int64_t time;                 /* what it proves: made at that time or before; SG_TIME_NONE: nothing */
    int64_t earliest;             /* made then or after; likewise */
    bool holds_now, holds_proven; /* by `current`; by `past` */
};

struct sg_process {
    const struct sg_signature_request *request; /* as of now */
    const struct sg_evidence *evidence;
    struct sg_poes poes;
    struct sg_stamp *stamps; /* in the order of the evidence */
    size_t stamp_count;
    bool limited; /* there are more */
};

/* Judges all time-stamps as of now (stamps.c). `carried` is of `evidence`, as is the request's. */
SG_MUST_CHECK enum sg_rc sg_process_make(const struct sg_signature_request *request, const struct sg_evidence *evidence,
                                         struct sg_carried *carried, struct sg_process *ret, struct sg_err *err);
void sg_process_clear(struct sg_process *process);
bool sg_stamp_holds(const struct sg_stamp *stamp);
enum sg_evidence_kind sg_stamp_kind(const struct sg_process *process, const struct sg_stamp *stamp);
/* It is what makes a B-B a B-T (EN 319 122-1 §6.3; EN 319 142-1 §6.3: a document time-stamp as well). */
bool sg_stamp_is_of_signature(const struct sg_process *process, const struct sg_stamp *stamp);
/* Judges one of them anew, as of `at`, without the TSA's certificate. */
SG_MUST_CHECK enum sg_rc sg_stamp_judge_past(const struct sg_process *process, struct sg_stamp *stamp, int64_t at,
                                             struct sg_err *err);
/* Hands the time-stamps over to the verdict, with why those that do not hold do not. */
SG_MUST_CHECK enum sg_rc sg_process_hand_over(struct sg_process *process, struct sg_judgement *answer,
                                              struct sg_err *err);

/* What content-time-stamps prove about a signature that is judged as of now: that it is younger than they are
 * (content_stamp.c, §5.3.4). */
SG_MUST_CHECK enum sg_rc sg_process_content_stamps(const struct sg_process *process, struct sg_judgement *current,
                                                   struct sg_err *err);
/* Whether the times of those that hold contradict each other (stamp_order.c, §5.5.4 step 4 e). */
SG_MUST_CHECK enum sg_rc sg_process_stamp_order(const struct sg_process *process, struct sg_judgement *current,
                                                struct sg_err *err);

/* Signatures with time (process_time.c, §5.5): makes of the judgement as of now the answer. */
SG_MUST_CHECK enum sg_rc sg_process_time(const struct sg_process *process, struct sg_judgement *judgement,
                                         struct sg_err *err);
/* Signatures with archive time-stamps (process_archive.c, §5.6.3): likewise, after that. */
SG_MUST_CHECK enum sg_rc sg_process_archive(struct sg_process *process, struct sg_judgement *judgement,
                                            struct sg_err *err);

/* The level of a signature that is a B-B, by what it carries and what of it holds (level.c, EN 319 122-1 §6, EN 319
 * 142-1 §6). */
SG_MUST_CHECK enum sg_rc sg_process_level(const struct sg_process *process, const struct sg_judgement *answer,
                                          const char **ret, struct sg_err *err);

/* What was judged as of the time `proven` takes the place of what was judged as of now; that, and what the answer as
 * of now is, is said. `good_until`: the proof's. */
SG_MUST_CHECK enum sg_rc sg_process_replace(struct sg_judgement *judgement, struct sg_judgement *then, int64_t proven,
                                            int64_t good_until, struct sg_err *err);
