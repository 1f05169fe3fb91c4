/* A group of signed files, recorded and made final together. */
#pragma once

#include "cli/sign_jobs.h"

struct sg_sign_group {
    struct sg_sign_job *jobs;
    size_t count;
    struct sg_outfile **outs; /* of those signed; room for `count` */
    struct sg_sign_job **of;  /* the job of each */
    size_t out_count;
};

/* Why a job failed; about its input, if about nothing else. */
void sg_sign_job_fail(struct sg_sign_job *job, const struct sg_err *err);

/* Records what was signed and what failed, in one transaction, and makes what was signed final: it is on record, and in
 * the outbox if there is one, before it has its name. If that fails, nothing of the group is final. */
SG_MUST_CHECK enum sg_rc sg_sign_group_finish(const struct sg_sign_jobs *jobs, struct sg_sign_group *group,
                                              struct sg_err *err);
/* After that: each of its signatures is a failure, which the next sg_sign_group_finish() records. */
void sg_sign_group_drop(struct sg_sign_group *group, const struct sg_err *why);
