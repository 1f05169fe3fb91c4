/* CAdES: beside its document, or with it inside. */
#include <string.h>

#include "base/limits.h"
#include "base/msg.h"
#include "cli/result_digest.h"
#include "cli/sign_jobs.h"

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
    rc = sg_sign_token_error(
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
    rc = sg_sign_token_error(jobs,
                             sg_cades_sign_detached(jobs->signing->signer, (struct sg_slice){digest, len},
                                                    job->claimed_time, &signature, err),
                             err);
    if (rc == SG_OK)
        rc = sha256_of(jobs, sg_buf_slice(&signature), job->result_sha256, err);
    if (rc == SG_OK)
        rc = sg_outfile_write(out, signature.data, signature.len, err);
    return rc == SG_OK ? sg_outfile_flush(out, err) : rc;
}

/* The content's digest is what was recorded of it. */
static enum sg_rc is_of(struct sg_input *input, struct sg_input *output, bool digest_fits, bool *ret,
                        struct sg_err *err)
{
    (void)input;
    (void)output;
    (void)err;
    *ret = digest_fits;
    return SG_OK;
}

const struct sg_sign_format sg_sign_cades = {
    .word = "cades",
    .name = "CAdES",
    .ending = ".p7s",
    .detached = true,
    .note = N_("CAdES B-B, detached: keep each file with its signature; not time-stamped yet"),
    .sign = sign_detached,
    .is_of = is_of,
};

const struct sg_sign_format sg_sign_cades_attached = {
    .word = "cades",
    .name = "CAdES",
    .ending = ".p7m",
    .attached = true,
    .note = N_("CAdES B-B, content attached; not time-stamped yet"),
    .sign = sign_attached,
    .is_of = is_of,
};
