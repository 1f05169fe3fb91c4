/* A judging child, from both sides. Private to judge/. */
#pragma once

#include <sys/types.h>

#include "base/limits.h"
#include "judge/judge.h"

/* Files that are judged by one child, or by several where one failed at one of them. */
struct sg_batch {
    size_t first, count;
    struct sg_judge_file files[SG_MAX_JUDGING_BATCH];
    bool answered[SG_MAX_JUDGING_BATCH];
};

struct sg_child {
    pid_t pid; /* 0: none */
    int fd;    /* where it answers */
};

/* How long a file may take, in milliseconds. */
int64_t sg_judge_time_for(const struct sg_judge *judge, const struct sg_judge_file *file);

/* Starts a child that judges those of the batch that are not answered. `missing`: what the kernel lacks for its sandbox
 * (base/sandbox.h). */
SG_MUST_CHECK enum sg_rc sg_child_start(const struct sg_judge *judge, const struct sg_batch *batch, unsigned missing,
                                        struct sg_child *ret, struct sg_err *err);

enum sg_child_end {
    SG_CHILD_ENDED,  /* by itself, whyever */
    SG_CHILD_LATE,   /* it took too long */
    SG_CHILD_BROKEN, /* what it said is no answer */
    SG_CHILD_CANCELLED
};

/* Ends the child, if it did not end by itself. Fills `err` with SG_E_JUDGE_FAILED about `name`, for the case that an
 * answer was still wanted. */
void sg_child_stop(struct sg_child *child, enum sg_child_end end, const char *name, struct sg_err *err);
