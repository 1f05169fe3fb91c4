/* The files of one `signet sign`: what becomes of each, and how they go through. */
#pragma once

#include "base/crypto.h"
#include "base/outfile.h"
#include "cli/progress.h"
#include "cli/sign_format.h"
#include "cli/sign_outbox.h"
#include "cli/sign_pdf.h"
#include "cli/signing.h"
#include "formats/checksums.h"

/* What is odd about a file: said in its result, and recorded (sign_remarks.def). */
enum sg_sign_remark {
#define SG_REMARK(name, bit, code, text) SG_REMARK_##name = 1 << (bit),
#include "cli/sign_remarks.def"
#undef SG_REMARK
};

/* A signature of an earlier run, as the store has it. */
struct sg_sign_earlier {
    char digest_algorithm[16];
    char content_digest[2 * EVP_MAX_MD_SIZE + 1];
    char result[SG_SHA256_HEX], newest[SG_SHA256_HEX]; /* as it was made; as sync left it, or "" */
};

/* A file to be signed. */
struct sg_sign_input {
    const char *path;   /* as given; "-": stdin */
    const char *sha256; /* hex; that the manifest wants; NULL: there is none */
    bool is_pdf;        /* by its first octets */
};

struct sg_sign_job {
    struct sg_sign_input *inputs; /* one, but in a container */
    size_t input_count;
    const char *input; /* what it is about, in messages and records: the path of the input; of a container, its own */
    char *output;      /* "-": stdout */
    const struct sg_sign_format *format;
    struct sg_input *opened; /* an input that can be read only once, and was looked at; else NULL */

    struct sg_sign_earlier *earlier; /* --resume: `output` is there, as it was recorded; else NULL */
    bool skipped;                    /* and is this input's signature; or it is `left_out` */
    bool left_out;                   /* the input is itself such an output, of another job */

    struct sg_outfile *out;                       /* signed and not yet final */
    struct sg_err *err;                           /* why it failed; NULL: it did not */
    bool started;                                 /* somebody has looked at it */
    bool finished;                                /* and is done with it */
    bool final;                                   /* on disk and recorded */
    unsigned remarks;                             /* enum sg_sign_remark, ored */
    unsigned said;                                /* those of them that were said before it was signed */
    bool looked_into;                             /* for what is odd about a PDF */
    char content_digest[2 * EVP_MAX_MD_SIZE + 1]; /* hex */
    char result_sha256[SG_SHA256_HEX];
    int64_t claimed_time;

    struct sg_sign_copies copies;
    int64_t document; /* its number in the store, once it is recorded there; 0 before */
};

struct sg_sign_jobs {
    struct sg_app *app;
    const struct sg_signing *signing;
    bool replace, resume;
    struct sg_sign_pdf pdf;
    struct sg_sign_input *inputs;
    size_t input_count;
    struct sg_checksums manifest;        /* of --manifest; else empty */
    char manifest_sha256[SG_SHA256_HEX]; /* "": there is none */
    struct sg_sign_outbox outbox;
    struct sg_sign_job *jobs;
    size_t count;
    struct sg_progress *progress; /* while they are signed */
};

/* Reads the manifest, chooses each file's format and names the outputs: --output, or by the format, beside the input or
 * in --output-dir. The same output twice, or one that is an input, is SG_E_USAGE. */
SG_MUST_CHECK enum sg_rc sg_sign_jobs_plan(struct sg_sign_jobs *jobs, const struct sg_args *args, struct sg_err *err);
void sg_sign_jobs_clear(struct sg_sign_jobs *jobs);

/* A path as it will be found again whatever the working folder is then, and however it was spelled: its folder is
 * resolved, if it is there; "-" stays. Allocated. */
SG_MUST_CHECK enum sg_rc sg_sign_absolute(const char *path, char **ret, struct sg_err *err);

/* The SHA-256 (hex) of its bytes is the one that the manifest lists, which has to be there: else SG_E_CONTENT_DIFFERS.
 */
SG_MUST_CHECK enum sg_rc sg_sign_check_listed(const struct sg_sign_input *file, const char *sha256, struct sg_err *err);
/* What is odd about one of the job's inputs, if that is a PDF; also kept in the job. One that cannot be read has
 * nothing: why it cannot is said when it is to be signed as a PDF. */
unsigned sg_sign_pdf_remarks(struct sg_sign_job *job, const struct sg_sign_input *file);

/* --resume: finds out what is done already, and has not to be done again: whose output is there, as the store recorded
 * it, and of the input as it is now; and which inputs are such outputs themselves. */
SG_MUST_CHECK enum sg_rc sg_sign_jobs_survey(struct sg_sign_jobs *jobs, struct sg_err *err);

/* As many as there are processors, and no more than there are jobs. */
size_t sg_sign_threads(const struct sg_sign_jobs *jobs);

/* Signs one file into a file that is not final. Safe for several threads. */
SG_MUST_CHECK enum sg_rc sg_sign_one(const struct sg_sign_jobs *jobs, struct sg_sign_job *job, struct sg_err *err);

/* Signs all of them that are not skipped, on several threads, and makes them final in groups; each group is recorded in
 * one transaction. `done` is called for each job in the order given, once it is final, has failed, or is skipped.
 * Returns what ended it before the last file (the token, the store, a signal), else SG_OK; what happened to each file
 * is in its job. */
SG_MUST_CHECK enum sg_rc sg_sign_jobs_run(struct sg_sign_jobs *jobs,
                                          void (*done)(const struct sg_sign_jobs *jobs, const struct sg_sign_job *job),
                                          struct sg_err *err);

/* What the formats share. */

/* What OpenSSL passes on of a token's trouble is "it failed"; the token layer knows more. */
enum sg_rc sg_sign_token_error(const struct sg_sign_jobs *jobs, enum sg_rc rc, struct sg_err *err);

/* --- remarks ---------------------------------------------------------------------------------------------------------
 */

struct sg_sign_remark_text {
    unsigned bit;
    const char *code;
    const char *text; /* N_() */
};

/* NULL code ends them. */
extern const struct sg_sign_remark_text sg_sign_remark_texts[];
