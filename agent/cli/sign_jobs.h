/* The files of one `signet sign`: what becomes of each, and how they go through. */
#pragma once

#include "base/crypto.h"
#include "base/outfile.h"
#include "cli/sign_outbox.h"
#include "cli/signing.h"

struct sg_sign_job {
    const char *input; /* as given; "-": stdin */
    char *output;      /* "-": stdout */

    struct sg_outfile *out; /* signed and not yet final */
    struct sg_err *err;     /* why it failed; NULL: it did not */
    bool started;           /* somebody has looked at it */
    bool final;             /* on disk and recorded */
    bool empty;
    char content_digest[2 * EVP_MAX_MD_SIZE + 1]; /* hex */
    char result_sha256[SG_SHA256_HEX];
    int64_t claimed_time;

    struct sg_sign_copies copies;
    int64_t document; /* its number in the outbox, once it is committed there; 0 before */
};

struct sg_sign_jobs {
    struct sg_app *app;
    const struct sg_signing *signing;
    bool attached;
    bool replace;
    struct sg_sign_outbox outbox;
    struct sg_sign_job *jobs;
    size_t count;
};

/* Names the outputs: --output, or the input's name and ".p7s" (".p7m" attached) beside it or in `folder`. The same
 * output twice, or one that is an input, is SG_E_USAGE. */
SG_MUST_CHECK enum sg_rc sg_sign_jobs_plan(struct sg_sign_jobs *jobs, const struct sg_args *args, struct sg_err *err);
void sg_sign_jobs_clear(struct sg_sign_jobs *jobs);

/* A path as it will be found again whatever the working folder is then; "-" stays. Allocated. */
SG_MUST_CHECK enum sg_rc sg_sign_absolute(const char *path, char **ret, struct sg_err *err);

/* Signs one file into a file that is not final. Safe for several threads. */
SG_MUST_CHECK enum sg_rc sg_sign_one(const struct sg_sign_jobs *jobs, struct sg_sign_job *job, struct sg_err *err);

/* Signs all of them, on several threads, and makes them final in groups; each group is recorded in one transaction.
 * `done` is called for each job in the order given, once it is final or has failed. Returns what ended it before the
 * last file (the token, the store, a signal), else SG_OK; what happened to each file is in its job. */
SG_MUST_CHECK enum sg_rc sg_sign_jobs_run(struct sg_sign_jobs *jobs,
                                          void (*done)(const struct sg_sign_jobs *jobs, const struct sg_sign_job *job),
                                          struct sg_err *err);
