/* What became of the files of one `signet sign`, for people and as JSON. */
#pragma once

#include "cli/sign_jobs.h"

/* One file: final, failed or skipped. */
void sg_sign_say_job(const struct sg_sign_jobs *jobs, const struct sg_sign_job *job);
/* What is odd about a file (enum sg_sign_remark, ored), as warnings. */
void sg_sign_say_remarks(const struct sg_voice *voice, const char *path, unsigned remarks);
/* All of them, and the failures once more where there are so many files that they have scrolled away. Returns the exit
 * status. */
int sg_sign_conclude(const struct sg_sign_jobs *jobs);
