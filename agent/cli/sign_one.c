/* One file: read, hashed, signed, written. */
#include <string.h>

#include "base/input.h"
#include "base/limits.h"
#include "base/msg.h"
#include "cli/result_digest.h"
#include "cli/sign_jobs.h"

/* What OpenSSL passes on of a token's trouble is "it failed"; the token layer knows more. */
static enum sg_rc token_error(const struct sg_sign_jobs *jobs, enum sg_rc rc, struct sg_err *err)
{
    enum sg_rc token = rc == SG_OK ? SG_OK : sg_token_key_last_error(jobs->signing->token_key, err);

    return token == SG_OK ? rc : token;
}

static enum sg_rc sha256_of(const struct sg_sign_jobs *jobs, struct sg_slice bytes, char out[SG_SHA256_HEX],
                            struct sg_err *err)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    size_t len = 0;
    enum sg_rc rc = sg_digest(jobs->app->libctx, "SHA256", bytes, digest, &len, err);

    if (rc == SG_OK)
        sg_hex(digest, SG_SHA256_LEN, out);
    return rc;
}

static enum sg_rc sign_attached(const struct sg_sign_jobs *jobs, struct sg_sign_job *job, struct sg_input *input,
                                struct sg_outfile *out, struct sg_err *err)
{
    _cleanup_(sg_result_digest_freep) struct sg_result_digest *result = NULL;
    uint8_t digest[EVP_MAX_MD_SIZE];
    size_t len = 0;
    enum sg_rc rc = sg_result_digest_start(jobs->app->libctx, out, sg_input_size(input), &result, err);

    if (rc != SG_OK)
        return rc;
    rc = token_error(
        jobs, sg_cades_sign_attached(jobs->signing->signer, input, job->claimed_time, out, digest, &len, err), err);
    if (rc != SG_OK)
        return rc;
    sg_hex(digest, len, job->content_digest);
    return sg_result_digest_finish(result, job->result_sha256, err);
}

/* A target keeps the content with its signature. */
static enum sg_rc digest_content(const struct sg_sign_jobs *jobs, struct sg_sign_job *job, struct sg_input *input,
                                 uint8_t *digest, size_t *ret_len, struct sg_err *err)
{
    const struct sg_cades_signer *signer = jobs->signing->signer;

    if (jobs->outbox.target_count == 0)
        return sg_cades_digest_input(signer, input, digest, ret_len, err);
    return sg_sign_copy_content(jobs->app, input, sg_cades_digest_name(signer), &job->copies, digest, ret_len, err);
}

static enum sg_rc sign_detached(const struct sg_sign_jobs *jobs, struct sg_sign_job *job, struct sg_input *input,
                                struct sg_outfile *out, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf signature = SG_BUF(SG_MAX_CMS_REST);
    uint8_t digest[EVP_MAX_MD_SIZE];
    size_t len = 0;
    enum sg_rc rc = digest_content(jobs, job, input, digest, &len, err);

    if (rc == SG_OK)
        rc = sg_check_cancelled(err);
    if (rc != SG_OK)
        return rc;
    sg_hex(digest, len, job->content_digest);
    rc = token_error(jobs,
                     sg_cades_sign_detached(jobs->signing->signer, (struct sg_slice){digest, len}, job->claimed_time,
                                            &signature, err),
                     err);
    if (rc == SG_OK)
        rc = sha256_of(jobs, sg_buf_slice(&signature), job->result_sha256, err);
    if (rc == SG_OK)
        rc = sg_outfile_write(out, signature.data, signature.len, err);
    return rc == SG_OK ? sg_outfile_flush(out, err) : rc;
}

enum sg_rc sg_sign_one(const struct sg_sign_jobs *jobs, struct sg_sign_job *job, struct sg_err *err)
{
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    _cleanup_(sg_outfile_freep) struct sg_outfile *out = NULL;
    enum sg_rc rc = sg_check_cancelled(err);

    if (rc == SG_OK)
        rc = sg_input_open(job->input, &input, err);
    if (rc == SG_OK)
        rc = sg_outfile_open(job->output, jobs->replace ? SG_OUT_REPLACE : 0, &out, err);
    if (rc != SG_OK)
        return rc;
    job->empty = sg_input_size(input) == 0;
    job->claimed_time = sg_clock_now(&jobs->app->clock);
    rc = (jobs->attached ? sign_attached : sign_detached)(jobs, job, input, out, err);
    if (rc == SG_OK && sg_sign_queues(&jobs->outbox))
        rc = sg_sign_copy_result(jobs->app, out, &job->copies, err);
    if (rc == SG_OK)
        job->out = sg_steal(out);
    return rc;
}
