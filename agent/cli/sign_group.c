/* Recording a group and making it final.
 *
 * The files get their names after the commit of the transaction that records them: a file that is there is on record,
 * whenever the program is killed. What is recorded and has no name yet has a copy on disk, if there is an outbox, so
 * that the next one can finish it (sg_outbox_place()), and sync sends nothing that has not been placed; without one
 * there is no file, and the record says only that the key was used. */
#include "cli/sign_group.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/limits.h"
#include "base/msg.h"
#include "store/blobs.h"
#include "store/outbox.h"

void sg_sign_job_fail(struct sg_sign_job *job, const struct sg_err *err)
{
    if (!job->err)
        job->err = malloc(sizeof(*job->err));
    if (!job->err)
        return; /* the job is not final, which says that it failed */
    *job->err = *err;
    if (!err->file[0])
        sg_err_file(job->err, job->input);
}

/* --- recording -----------------------------------------------------------------------------------------------------
 */

/* Where a path's folder is, without links and ".."; false: it is not there, or its name too long. */
static bool resolve_folder(const char *path, size_t len, char real[PATH_MAX])
{
    char folder[PATH_MAX] = ".";

    if (len >= sizeof(folder))
        return false;
    if (len > 0)
        *(char *)mempcpy(folder, path, len) = '\0';
    return realpath(folder, real) != NULL;
}

enum sg_rc sg_sign_absolute(const char *path, char **ret, struct sg_err *err)
{
    const char *slash = strrchr(path, '/');
    size_t len = slash ? (size_t)(slash - path) + 1 : 0;
    char folder[PATH_MAX] = "";
    int written = -1;

    if (strcmp(path, "-") == 0)
        written = asprintf(ret, "-");
    else if (resolve_folder(path, len, folder))
        written = asprintf(ret, "%s/%s", strcmp(folder, "/") == 0 ? "" : folder, path + len);
    else if (path[0] == '/')
        written = asprintf(ret, "%s", path);
    else if (!getcwd(folder, sizeof(folder)))
        return sg_fail_errno(err, SG_E_NOT_FOUND, errno, "%s", _("The working folder is not there any more."));
    else
        written = asprintf(ret, "%s/%s", folder, path);
    if (written < 0) {
        *ret = NULL;
        return sg_fail_memory(err);
    }
    return SG_OK;
}

/* The codes of what was allowed, and of what is odd: "certificate-expired, empty-file". */
static enum sg_rc remarks_of(const struct sg_signing *signing, const struct sg_sign_job *job, struct sg_buf *out,
                             const char **ret, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;

    for (size_t i = 0; i < signing->warning_count && rc == SG_OK; i++)
        rc = sg_buf_printf(out, err, "%s%s", out->len ? ", " : "", signing->warnings[i].code);
    for (const struct sg_sign_remark_text *remark = sg_sign_remark_texts; remark->code && rc == SG_OK; remark++)
        if (job->remarks & remark->bit)
            rc = sg_buf_printf(out, err, "%s%s", out->len ? ", " : "", remark->code);
    return rc == SG_OK ? sg_buf_text(out, ret, err) : rc;
}

static enum sg_rc record_document(const struct sg_sign_jobs *jobs, const struct sg_sign_job *job, struct sg_err *err)
{
    const struct sg_signing *signing = jobs->signing;
    _cleanup_(sg_buf_clear) struct sg_buf remarks = SG_BUF(4 * SG_KIB);
    _cleanup_(freep) char *input = NULL, *output = NULL;
    struct sg_document document = {.digest_algorithm = signing->digest,
                                   .content_digest = job->content_digest,
                                   .result_sha256 = job->result_sha256,
                                   .format = job->format->name,
                                   .key = signing->cert_sha256,
                                   .token = signing->info->token->serial,
                                   .custody = sg_custody_text(signing->custody),
                                   .claimed_time = job->claimed_time,
                                   .clock_state = signing->clock_state,
                                   .manifest = jobs->manifest_sha256[0] ? jobs->manifest_sha256 : NULL};
    enum sg_rc rc = sg_sign_absolute(job->input, &input, err);

    if (rc == SG_OK)
        rc = sg_sign_absolute(job->output, &output, err);
    if (rc == SG_OK)
        rc = remarks_of(signing, job, &remarks, &document.remarks, err);
    if (rc != SG_OK)
        return rc;
    document.input = input;
    document.output = output;
    return sg_store_document_add(signing->store, &document, err);
}

static enum sg_rc record_failure(const struct sg_sign_jobs *jobs, struct sg_sign_job *job, struct sg_err *err)
{
    _cleanup_(freep) char *object = NULL;

    if (job->document != 0)
        return sg_outbox_withdraw(jobs->signing->store, job->document, job->err, err);
    enum sg_rc rc = sg_sign_absolute(job->input, &object, err);
    return rc == SG_OK ? sg_signing_record_failure(jobs->signing, object, job->err, err) : rc;
}

static enum sg_rc record_job(const struct sg_sign_jobs *jobs, struct sg_sign_job *job, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;

    if (job->err)
        return record_failure(jobs, job, err);
    if (!job->out)
        return SG_OK;
    rc = record_document(jobs, job, err);
    if (rc == SG_OK && sg_sign_queues(&jobs->outbox))
        return sg_sign_queue(&jobs->outbox, jobs->signing->store, &job->copies, sg_outfile_replaces(job->out),
                             &job->document, err);
    job->document = rc == SG_OK ? sg_store_document_number(jobs->signing->store) : 0;
    return rc;
}

/* Begins the transaction, and leaves it open. */
static enum sg_rc record_group(const struct sg_sign_jobs *jobs, struct sg_sign_group *group, struct sg_err *err)
{
    enum sg_rc rc = sg_store_begin(jobs->signing->store, err);

    for (size_t i = 0; i < group->count && rc == SG_OK; i++)
        rc = record_job(jobs, &group->jobs[i], err);
    if (rc == SG_OK && group->out_count > 0)
        rc = sg_check_cancelled(err);
    return rc;
}

/* --- making final --------------------------------------------------------------------------------------------------
 */

/* What is final has its bytes on disk, then its record, then its name. */
static enum sg_rc commit_record(const struct sg_sign_jobs *jobs, struct sg_sign_group *group, bool queued,
                                struct sg_err *err)
{
    size_t failed = 0;
    enum sg_rc rc = queued ? sg_blobs_sync_with(jobs->app->paths.state, group->outs, group->out_count, err)
                           : sg_outfile_sync_group(group->outs, group->out_count, NULL, &failed, err);

    if (rc == SG_OK)
        rc = record_group(jobs, group, err);
    if (rc == SG_OK)
        rc = sg_store_commit(jobs->signing->store, err);
    for (size_t i = 0; i < group->out_count && rc != SG_OK; i++)
        group->of[i]->document = 0;
    return rc;
}

static enum sg_rc mark_placed(const struct sg_sign_jobs *jobs, const struct sg_sign_group *group)
{
    struct sg_store *store = jobs->signing->store;
    enum sg_rc rc = sg_store_begin(store, NULL);

    for (size_t i = 0; i < group->out_count && rc == SG_OK; i++)
        rc = sg_outbox_placed(store, group->of[i]->document, SG_OUTPUT_CURRENT, NULL);
    if (rc == SG_OK)
        rc = sg_store_commit(store, NULL);
    if (rc != SG_OK)
        sg_store_rollback(store);
    return rc;
}

/* The files are where they belong; whoever looks for some that are not finds that out again. */
static enum sg_rc note_placed(const struct sg_sign_jobs *jobs, const struct sg_sign_group *group, struct sg_err *err)
{
    struct sg_store *store = jobs->signing->store;

    if (sg_store_relax(store, true, NULL) == SG_OK && mark_placed(jobs, group) != SG_OK)
        sg_note(&jobs->app->voice, _("the outbox could not note that the signed files are in their places"));
    return sg_store_relax(store, false, err);
}

static enum sg_rc finish(const struct sg_sign_jobs *jobs, struct sg_sign_group *group, struct sg_err *err)
{
    bool queued = group->out_count > 0 && sg_sign_queues(&jobs->outbox);
    size_t failed = 0;
    enum sg_rc rc = commit_record(jobs, group, queued, err);

    if (rc == SG_OK)
        rc = sg_outfile_commit_group(group->outs, group->out_count, &failed, err);
    return rc == SG_OK && queued ? note_placed(jobs, group, err) : rc;
}

static void collect(struct sg_sign_group *group)
{
    group->out_count = 0;
    for (size_t i = 0; i < group->count; i++) {
        if (!group->jobs[i].out)
            continue;
        group->outs[group->out_count] = group->jobs[i].out;
        group->of[group->out_count++] = &group->jobs[i];
    }
}

/* Not of a group that was signed before. */
static bool has_news(const struct sg_sign_group *group)
{
    for (size_t i = 0; i < group->count; i++)
        if (group->jobs[i].out || group->jobs[i].err)
            return true;
    return false;
}

enum sg_rc sg_sign_group_finish(const struct sg_sign_jobs *jobs, struct sg_sign_group *group, struct sg_err *err)
{
    collect(group);
    if (!has_news(group))
        return SG_OK;
    enum sg_rc rc = finish(jobs, group, err);

    if (rc != SG_OK)
        sg_store_rollback(jobs->signing->store);
    for (size_t i = 0; i < group->out_count; i++)
        group->of[i]->final = rc == SG_OK;
    return rc;
}

void sg_sign_group_drop(struct sg_sign_group *group, const struct sg_err *why)
{
    for (size_t i = 0; i < group->out_count; i++) {
        sg_sign_job_fail(group->of[i], why);
        sg_outfile_free(sg_steal(group->of[i]->out));
    }
    group->out_count = 0;
}
