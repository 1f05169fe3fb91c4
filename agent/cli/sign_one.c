/* One file: read, hashed, signed, written. */
#include <string.h>

#include "base/hash.h"
#include "base/input.h"
#include "base/limits.h"
#include "base/msg.h"
#include "cli/result_digest.h"
#include "cli/sign_jobs.h"

const struct sg_sign_remark_text sg_sign_remark_texts[] = {
#define SG_REMARK(name, bit, code, text) {SG_REMARK_##name, (code), (text)},
#include "cli/sign_remarks.def"
#undef SG_REMARK
    {0},
};

enum sg_rc sg_sign_token_error(const struct sg_sign_jobs *jobs, enum sg_rc rc, struct sg_err *err)
{
    enum sg_rc token = rc == SG_OK ? SG_OK : sg_token_key_last_error(jobs->signing->token_key, err);

    return token == SG_OK ? rc : token;
}

enum sg_rc sg_sign_check_listed(const struct sg_sign_input *file, const char *sha256, struct sg_err *err)
{
    if (strcmp(sha256, file->sha256) == 0)
        return SG_OK;
    return sg_about(file->path, err,
                    sg_fail(err, SG_E_CONTENT_DIFFERS,
                            _("\"%s\" is not the file that the manifest lists: its SHA-256 is %s there, and %s here. "
                              "It was not signed; find out which one is meant."),
                            file->path, file->sha256, sha256));
}

/* What was consented to is what is signed: the bytes are those that the manifest names, and sign() finds out whether
 * they are still the same when the signature is made. */
static enum sg_rc check_manifest(const struct sg_sign_jobs *jobs, const struct sg_sign_input *file,
                                 struct sg_input *input, struct sg_err *err)
{
    char sha256[SG_SHA256_HEX] = "";

    if (!file->sha256)
        return SG_OK;
    enum sg_rc rc = sg_sha256_input(jobs->app->libctx, input, (struct sg_sink){NULL, NULL}, sha256, err);
    return rc == SG_OK ? sg_sign_check_listed(file, sha256, err) : rc;
}

static enum sg_rc open_input(const struct sg_sign_jobs *jobs, struct sg_sign_job *job, struct sg_input **ret,
                             struct sg_err *err)
{
    _cleanup_(sg_input_freep) struct sg_input *input = sg_steal(job->opened);
    enum sg_rc rc = input ? SG_OK : sg_input_open(job->input, &input, err);

    if (rc == SG_OK)
        rc = check_manifest(jobs, &job->inputs[0], input, err);
    if (rc == SG_OK)
        *ret = sg_steal(input);
    return rc;
}

static enum sg_rc open_output(const struct sg_sign_jobs *jobs, const struct sg_sign_job *job, struct sg_outfile **ret,
                              struct sg_err *err)
{
    /* Two who add at once would each replace the other's signature: the second is to find that out. */
    const unsigned replace = SG_OUT_REPLACE | (job->format->added ? SG_OUT_SAME : 0u);
    enum sg_rc rc = sg_outfile_open(job->output, jobs->replace ? replace : 0, ret, err);

    if (rc != SG_E_OUTPUT_EXISTS || !(jobs->resume || job->format->added))
        return rc;
    if (job->format->added)
        return sg_about(
            job->output, err,
            sg_fail(err, SG_E_OUTPUT_EXISTS,
                    _("\"%s\" has the signatures that are there; --force puts all of them in its place, and "
                      "--output or --output-dir elsewhere."),
                    job->output));
    return sg_about(job->output, err,
                    sg_fail(err, SG_E_OUTPUT_EXISTS,
                            _("\"%s\" is there, but was not signed here from \"%s\" as it is now; look at it, then "
                              "remove it, or use --force."),
                            job->output, job->input));
}

/* By its format; the job gets the digests of what was signed and of what came of it. */
static enum sg_rc make(const struct sg_sign_jobs *jobs, struct sg_sign_job *job, struct sg_input *input,
                       struct sg_outfile *out, struct sg_err *err)
{
    _cleanup_(sg_result_digest_freep) struct sg_result_digest *result = NULL;
    const uint64_t expected = job->format->copies ? sg_input_size(input) : 0;
    uint8_t digest[EVP_MAX_MD_SIZE];
    size_t len = 0;
    enum sg_rc rc = sg_result_digest_start(jobs->app->libctx, out, expected, &result, err);

    if (rc == SG_OK)
        rc = job->format->sign(jobs, job, input, out, digest, &len, err);
    if (rc != SG_OK)
        return rc;
    sg_hex(digest, len, job->content_digest);
    return sg_result_digest_finish(result, job->result_sha256, err);
}

static enum sg_rc sign(const struct sg_sign_jobs *jobs, struct sg_sign_job *job, struct sg_input *input,
                       struct sg_outfile *out, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;

    job->remarks |= input && sg_input_size(input) == 0 ? SG_REMARK_EMPTY : 0;
    job->claimed_time = sg_clock_now(&jobs->app->clock);
    rc = make(jobs, job, input, out, err);
    if (rc == SG_OK && input && job->inputs[0].sha256)
        rc = sg_input_check_unchanged(input, err);
    if (rc == SG_OK && sg_sign_queues(&jobs->outbox))
        rc = sg_sign_copy_result(jobs->app, out, &job->copies, err);
    return rc;
}

enum sg_rc sg_sign_one(const struct sg_sign_jobs *jobs, struct sg_sign_job *job, struct sg_err *err)
{
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    _cleanup_(sg_outfile_freep) struct sg_outfile *out = NULL;
    enum sg_rc rc = sg_check_cancelled(err);

    if (rc == SG_OK && !job->format->by_path)
        rc = open_input(jobs, job, &input, err);
    if (rc == SG_OK)
        rc = open_output(jobs, job, &out, err);
    if (rc == SG_OK)
        rc = sign(jobs, job, input, out, err);
    if (rc == SG_OK)
        job->out = sg_steal(out);
    return rc;
}
