/* The formats that sign makes: how each names its file, signs, and is recorded. */
#pragma once

#include "base/input.h"
#include "base/outfile.h"

struct sg_sign_jobs;
struct sg_sign_job;

struct sg_sign_format {
    const char *word;      /* of --format */
    const char *name;      /* in JSON, the store and the ledger: "CAdES" */
    const char *ending;    /* of the file that is made: ".p7s" */
    const char *gives_way; /* the ending of the input that it takes the place of: ".pdf"; NULL: none does */
    bool attached;         /* CAdES with the content in it: --attached */
    bool detached;         /* the content stays apart, and goes to a target with its signature */
    const char *note;      /* N_(): what the file is, for people */
    /* Signs one job into `out`, and says in the job what was signed and what came of it. Safe for several threads. */
    enum sg_rc (*sign)(const struct sg_sign_jobs *jobs, struct sg_sign_job *job, struct sg_input *input,
                       struct sg_outfile *out, struct sg_err *err);
    /* Whether the signed file `output` is of `input`, by what was recorded of it, whose digest is the input's or not.
     */
    enum sg_rc (*is_of)(struct sg_input *input, struct sg_input *output, bool digest_fits, bool *ret,
                        struct sg_err *err);
};

extern const struct sg_sign_format sg_sign_cades, sg_sign_cades_attached;

/* Of all that there are; NULL ends them. */
extern const struct sg_sign_format *const sg_sign_formats[];
