/* CAdES: beside its document, or with it inside. */
#include <string.h>

#include "base/limits.h"
#include "base/msg.h"
#include "cli/sign_jobs.h"
#include "formats/cades_parallel.h"

static enum sg_rc sign_attached(const struct sg_sign_jobs *jobs, struct sg_sign_job *job, struct sg_input *input,
                                struct sg_outfile *out, uint8_t *digest, size_t *ret_len, struct sg_err *err)
{
    return sg_sign_token_error(
        jobs, sg_cades_sign_attached(jobs->signing->signer, input, job->claimed_time, out, digest, ret_len, err), err);
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
                                struct sg_outfile *out, uint8_t *digest, size_t *ret_len, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf signature = SG_BUF(SG_MAX_CMS_REST);
    enum sg_rc rc = digest_content(jobs, job, input, digest, ret_len, err);

    if (rc == SG_OK)
        rc = sg_check_cancelled(err);
    if (rc == SG_OK)
        rc = sg_sign_token_error(jobs,
                                 sg_cades_sign_detached(jobs->signing->signer, (struct sg_slice){digest, *ret_len},
                                                        job->claimed_time, &signature, err),
                                 err);
    return rc == SG_OK ? sg_outfile_write(out, signature.data, signature.len, err) : rc;
}

/* The signature, or signatures, that are where the new one would be put: FILE.p7s, FILE.p7m. */
static enum sg_rc open_existing(const struct sg_sign_job *job, struct sg_input **ret, struct sg_err *err)
{
    _cleanup_(freep) char *path = NULL;

    if (asprintf(&path, "%s%s", job->input, job->format->ending) < 0) {
        path = NULL;
        return sg_fail_memory(err);
    }
    enum sg_rc rc = sg_input_open(path, ret, err);
    if (rc != SG_E_NOT_FOUND)
        return rc;
    return sg_about(
        path, err,
        sg_fail(err, SG_E_NOT_FOUND,
                _("There is no \"%s\" with signatures that one could be added to; sign without --add first."), path));
}

static enum sg_rc add_signature(const struct sg_sign_jobs *jobs, struct sg_sign_job *job, struct sg_input *input,
                                struct sg_outfile *out, uint8_t *digest, size_t *ret_len, struct sg_err *err)
{
    _cleanup_(sg_input_freep) struct sg_input *existing = NULL;
    enum sg_rc rc = open_existing(job, &existing, err);

    if (rc == SG_OK && job->format->detached && jobs->outbox.target_count > 0)
        rc = sg_sign_copy_content(jobs->app, input, "SHA256", &job->copies, digest, ret_len, err);
    if (rc != SG_OK)
        return rc;
    return sg_sign_token_error(jobs,
                               sg_cades_add_signer(jobs->signing->signer, existing, input, job->claimed_time,
                                                   sg_outfile_sink(out), digest, ret_len, err),
                               err);
}

enum sg_rc sg_sign_digest_fits(struct sg_input *input, struct sg_input *output, bool digest_fits, bool *ret,
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
    .is_of = sg_sign_digest_fits,
};

const struct sg_sign_format sg_sign_cades_attached = {
    .word = "cades",
    .name = "CAdES",
    .ending = ".p7m",
    .attached = true,
    .copies = true,
    .note = N_("CAdES B-B, content attached; not time-stamped yet"),
    .sign = sign_attached,
    .is_of = sg_sign_digest_fits,
};

const struct sg_sign_format sg_sign_cades_added = {
    .word = "cades",
    .name = "CAdES",
    .ending = ".p7s",
    .detached = true,
    .added = true,
    .note =
        N_("CAdES B-B, beside those that were there, detached: keep each file with its signatures; not time-stamped "
           "yet"),
    .sign = add_signature,
};

const struct sg_sign_format sg_sign_cades_added_attached = {
    .word = "cades",
    .name = "CAdES",
    .ending = ".p7m",
    .attached = true,
    .added = true,
    .note = N_("CAdES B-B, beside those that were there, content attached; not time-stamped yet"),
    .sign = add_signature,
};
