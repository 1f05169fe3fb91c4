/* What is sent: blobs, what they are encrypted to, and blobs made again from the user's files. */
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/msg.h"
#include "formats/cms_encrypt.h"
#include "store/blobs.h"
#include "sync/run.h"

static enum sg_rc has_digest(const struct sg_sync *sync, struct sg_input *input, const char *sha256, bool *ret,
                             struct sg_err *err)
{
    char digest[SG_SHA256_HEX];
    enum sg_rc rc = sg_sha256_input(sync->libctx, input, (struct sg_sink){0}, digest, err);

    if (rc == SG_OK)
        *ret = strcmp(digest, sha256) == 0;
    return rc;
}

/* --- made again from the user's files ------------------------------------------------------------------------------
 */

struct files {
    char *input, *output;
    char newest[SG_SHA256_HEX]; /* the newest version */
};

static void files_clear(struct files *files)
{
    free(files->input);
    free(files->output);
}

static enum sg_rc take_names(void *context, const struct sg_outbox_document *document, struct sg_err *err)
{
    struct files *files = context;

    files->input = strdup(document->input);
    files->output = strdup(document->output);
    (void)snprintf(files->newest, sizeof(files->newest), "%s", document->level_sha256);
    return files->input && files->output ? SG_OK : sg_fail_memory(err);
}

/* Whether the file has the blob's bytes, which then are a blob again. */
static enum sg_rc restore_from(const struct sg_sync *sync, const char *path, const char *sha256, bool *ret,
                               struct sg_err *err)
{
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    _cleanup_(sg_blob_freep) struct sg_blob *blob = NULL;
    char made[SG_SHA256_HEX];

    *ret = false;
    if (sg_input_open(path, &input, NULL) != SG_OK || has_digest(sync, input, sha256, ret, NULL) != SG_OK || !*ret)
        return SG_OK;
    enum sg_rc rc = sg_blob_begin(sync->state_folder, sync->libctx, &blob, err);
    if (rc == SG_OK)
        rc = sg_blob_take(blob, input, (struct sg_sink){0}, err);
    if (rc == SG_OK)
        rc = sg_blob_finish(blob, made, err);
    if (rc == SG_OK)
        rc = sg_blobs_sync(sync->state_folder, err);
    *ret = rc == SG_OK && strcmp(made, sha256) == 0; /* it may have been changed just now */
    return rc;
}

/* `sha256` NULL: of the newest version. */
static enum sg_rc restore(struct sg_run *run, int64_t document, const char *sha256, bool *ret, struct sg_err *err)
{
    _cleanup_(files_clear) struct files files = {0};
    const struct sg_sync *sync = run->sync;
    enum sg_rc rc = sg_outbox_get(sync->store, document, take_names, &files, err);
    const char *wanted = sha256 ? sha256 : files.newest;

    if (rc == SG_OK)
        rc = sg_run_share(run, err);
    if (rc == SG_OK)
        rc = restore_from(sync, files.output, wanted, ret, err);
    if (rc == SG_OK && !*ret)
        rc = restore_from(sync, files.input, wanted, ret, err);
    if (rc == SG_OK && *ret)
        sg_log(sync->log, SG_LOG_INFO, _("The copy %s was made again from the user's file."), wanted);
    return rc;
}

bool sg_copy_restore(struct sg_run *run, struct sg_job *job)
{
    bool restored = false;
    struct sg_err err;

    return restore(run, job->document, NULL, &restored, &err) == SG_OK && restored;
}

/* Opens the blob, and checks its bytes: what is wrong must not reach a target, which keeps it for good. */
static enum sg_rc open_checked(const struct sg_sync *sync, const char *sha256, struct sg_input **ret,
                               struct sg_err *err)
{
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    _cleanup_(freep) char *path = NULL;
    bool right = false;
    enum sg_rc rc = sg_blob_open(sync->state_folder, sha256, &input, err);

    if (rc == SG_OK)
        rc = has_digest(sync, input, sha256, &right, err);
    if (rc != SG_OK)
        return rc;
    if (right) {
        *ret = sg_steal(input);
        return SG_OK;
    }
    rc = sg_blob_path(sync->state_folder, sha256, &path, err);
    if (rc != SG_OK)
        return rc;
    return sg_about(path, err,
                    sg_fail(err, SG_E_STORE_DAMAGED,
                            _("The copy \"%s\" is damaged: its bytes are not those that its name tells."), path));
}

static enum sg_rc open_version(struct sg_run *run, const struct sg_job *job, struct sg_input **ret, struct sg_err *err)
{
    const struct sg_sync *sync = run->sync;
    struct sg_err second;
    bool restored = false;
    enum sg_rc rc = open_checked(sync, job->sha256, ret, err);

    if (rc != SG_E_STORE_DAMAGED || restore(run, job->document, job->sha256, &restored, &second) != SG_OK || !restored)
        return rc;
    return open_checked(sync, job->sha256, ret, err);
}

/* --- encrypted -----------------------------------------------------------------------------------------------------
 */

/* Made once, and remembered before it is sent: a repeat must send the same bytes. */
static enum sg_rc encrypt(struct sg_run *run, const STACK_OF(X509) *certs, struct sg_job *job, struct sg_err *err)
{
    const struct sg_sync *sync = run->sync;
    _cleanup_(sg_input_freep) struct sg_input *plain = NULL;
    _cleanup_(sg_blob_freep) struct sg_blob *blob = NULL;
    enum sg_rc rc = open_version(run, job, &plain, err);

    if (rc == SG_OK)
        rc = sg_run_share(run, err);
    if (rc == SG_OK)
        rc = sg_blob_begin(sync->state_folder, sync->libctx, &blob, err);
    if (rc == SG_OK)
        rc = sg_cms_encrypt_stream(sync->libctx, certs, plain, sg_blob_sink(blob), err);
    if (rc == SG_OK)
        rc = sg_blob_finish(blob, job->sent_sha256, err);
    if (rc == SG_OK)
        rc = sg_blobs_sync(sync->state_folder, err);
    return rc == SG_OK ? sg_step_sends(sync->store, job->step, job->sent_sha256, err) : rc;
}

/* --- to be sent ----------------------------------------------------------------------------------------------------
 */

/* What the upload checks itself is read once less. If it turns out to be damaged, the next attempt is not the first. */
static bool open_unchecked(const struct sg_sync *sync, struct sg_job *job, const char *sha256)
{
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;

    if (job->attempts > 1 || sg_blob_open(sync->state_folder, sha256, &input, NULL) != SG_OK)
        return false;
    job->unchecked = sg_upload_checks(&job->line->target->target, sg_input_size(input));
    if (job->unchecked)
        job->bytes = sg_steal(input);
    return job->unchecked;
}

enum sg_rc sg_copy_open(struct sg_run *run, struct sg_job *job, struct sg_err *err)
{
    const struct sg_sync *sync = run->sync;
    const STACK_OF(X509) *certs = job->line->target->encrypt_to;
    enum sg_rc rc = SG_OK;

    if (!certs)
        return open_unchecked(sync, job, job->sha256) ? SG_OK : open_version(run, job, &job->bytes, err);
    if (job->sent_sha256[0] && open_checked(sync, job->sent_sha256, &job->bytes, err) == SG_OK)
        return SG_OK;
    rc = encrypt(run, certs, job, err);
    if (rc != SG_OK || open_unchecked(sync, job, job->sent_sha256))
        return rc;
    return open_checked(sync, job->sent_sha256, &job->bytes, err);
}
