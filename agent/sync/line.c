/* The uploads to one target, or the time-stamps: some at once, in the order in which they became due. */
#include <string.h>

#include "sync/run.h"

void sg_job_free(struct sg_job *job)
{
    if (!job)
        return;
    sg_input_free(job->bytes);
    free(job->level);
    free(job->output);
    free(job);
}

void sg_line_init(struct sg_line *line, struct sg_run *run, struct sg_sync_target *target)
{
    size_t parallel = run->sync->http.parallel;

    *line = (struct sg_line){
        .run = run, .target = target, .at_once = parallel < SG_SYNC_MAX_AT_ONCE ? parallel : SG_SYNC_MAX_AT_ONCE};
    if (target)
        sg_target_forget(&target->target);
}

static enum sg_rc mark_unsent(const struct sg_line *line, struct sg_err *err)
{
    struct sg_store *store = line->run->sync->store;
    enum sg_rc rc = sg_store_begin(store, err);

    if (rc != SG_OK)
        return rc;
    for (size_t i = line->first; i < line->count && rc == SG_OK; i++)
        rc = sg_step_unsent(store, line->begun[i]->step, err);
    if (rc == SG_OK)
        return sg_store_commit(store, err);
    sg_store_rollback(store);
    return rc;
}

/* What was begun and not started stays due, and delivered nothing. */
static enum sg_rc drop_begun(struct sg_line *line, struct sg_err *err)
{
    enum sg_rc rc = line->first < line->count ? mark_unsent(line, err) : SG_OK;

    while (line->first < line->count)
        sg_job_free(line->begun[line->first++]);
    line->first = line->count = 0;
    return rc;
}

void sg_line_clear(struct sg_line *line)
{
    struct sg_err why;

    if (drop_begun(line, &why) != SG_OK) /* then it counts as delivered: that is safe */
        sg_log(line->run->sync->log, SG_LOG_WARNING, "%s", why.text);
    for (size_t i = 0; i < line->at_once; i++)
        sg_job_free(sg_steal(line->under_way[i]));
    line->busy = 0;
}

/* As the store has it. */
static const char *target_name(const struct sg_line *line)
{
    return line->target ? line->target->target.name : NULL;
}

bool sg_line_is_idle(const struct sg_line *line)
{
    return line->busy == 0 && (line->left || (line->exhausted && line->first == line->count));
}

/* --- what is due ---------------------------------------------------------------------------------------------------
 */

static bool is_under_way(const struct sg_line *line, int64_t step)
{
    for (size_t i = 0; i < line->at_once; i++)
        if (line->under_way[i] && line->under_way[i]->step == step)
            return true;
    return false;
}

static enum sg_rc take_due(void *context, const struct sg_step *step, struct sg_err *err)
{
    struct sg_line *line = context;

    if (line->count == SG_SYNC_BATCH || is_under_way(line, step->id))
        return SG_OK;
    _cleanup_(sg_job_freep) struct sg_job *job = calloc(1, sizeof(*job));
    if (!job || !(job->level = strdup(step->level)) || !(job->output = strdup(step->output)))
        return sg_fail_memory(err);
    job->line = line;
    job->step = step->id;
    job->document = step->document;
    job->attempts = step->attempts + 1;
    (void)snprintf(job->sha256, sizeof(job->sha256), "%s", step->sha256);
    (void)snprintf(job->sent_sha256, sizeof(job->sent_sha256), "%s", step->sent_sha256);
    line->begun[line->count++] = sg_steal(job);
    return SG_OK;
}

/* One transaction: what is due next is begun. */
static enum sg_rc begin_batch(struct sg_line *line, struct sg_err *err)
{
    struct sg_store *store = line->run->sync->store;
    enum sg_rc rc = sg_store_begin(store, err);

    for (size_t i = 0; i < line->count && rc == SG_OK; i++)
        rc = sg_step_begin(store, line->begun[i]->step, err);
    if (rc == SG_OK)
        return sg_store_commit(store, err);
    sg_store_rollback(store);
    return rc;
}

/* As long as TSAs are asked. */
static bool stamps_first(const struct sg_run *run)
{
    return run->tsas && !run->lines[run->line_count - 1].left;
}

/* Outcomes are written first: what is done must not come again. */
static enum sg_rc take_batch(struct sg_line *line, struct sg_err *err)
{
    const struct sg_sync *sync = line->run->sync;
    enum sg_rc rc = sg_journal_write(line->run, err);

    line->first = line->count = 0;
    if (rc == SG_OK)
        rc = sg_steps_due(sync->store, target_name(line), sg_clock_now(sync->clock), stamps_first(line->run),
                          SG_SYNC_BATCH + line->busy, take_due, line, err);
    if (rc != SG_OK)
        return rc;
    line->exhausted = line->count == 0;
    return line->exhausted ? SG_OK : begin_batch(line, err);
}

/* --- what becomes of one -------------------------------------------------------------------------------------------
 */

enum blame { BLAME_NOBODY, BLAME_DOCUMENT, BLAME_ANSWER, BLAME_SERVER };

/* Whom a failure tells of: nobody, this document alone, perhaps the server, or all that goes there. */
static enum blame blame(enum sg_rc rc)
{
    int status = sg_rc_exit(rc);

    switch (rc) {
    case SG_E_CANCELLED:
        return BLAME_NOBODY;
    case SG_E_TARGET_DIFFERS:
    case SG_E_INPUT_CHANGED:
        return BLAME_DOCUMENT;
    case SG_E_SERVER_FAILED:
    case SG_E_SERVER_REFUSED:
    case SG_E_BAD_ANSWER:
        return BLAME_ANSWER;
    default:
        return status == 65 || status == 66 || status == 73 || status == 74 ? BLAME_DOCUMENT : BLAME_SERVER;
    }
}

/* The server, or the way to it, is at fault: whatever else waits for it waits until then too, with the same reason, and
 * without an attempt of its own. */
static enum sg_rc leave(struct sg_line *line, const struct sg_err *why, int64_t next, struct sg_err *err)
{
    const struct sg_sync *sync = line->run->sync;
    enum sg_rc rc = sg_journal_write(line->run, err); /* the failure itself has its own time */

    line->left = true;
    if (rc == SG_OK)
        rc = drop_begun(line, err);
    if (rc != SG_OK)
        return rc;
    return sg_steps_postpone(sync->store, target_name(line), sg_clock_now(sync->clock), why, next, err);
}

static bool is_hopeless(const struct sg_line *line, enum blame whose)
{
    size_t enough = whose == BLAME_ANSWER ? SG_SYNC_IN_A_ROW : line->succeeded ? line->at_once : 1;

    return whose > BLAME_DOCUMENT && line->in_a_row >= enough;
}

/* What the document's own bytes do not let be done comes no other way the next time, unless by a newer version of this
 * program: a person has to look at it. */
static int64_t next_try(const struct sg_line *line, const struct sg_job *job, const struct sg_err *why)
{
    if (!line->target && blame(why->rc) == BLAME_DOCUMENT && sg_rc_exit(why->rc) == 65)
        return SG_STEP_NEVER;
    return sg_sync_next_try(sg_clock_now(line->run->sync->clock), job->attempts);
}

/* Cancelled: the next run does it. */
static enum sg_rc forget(const struct sg_line *line, struct sg_job *job, struct sg_err *err)
{
    enum sg_rc rc = job->sent ? SG_OK : sg_step_unsent(line->run->sync->store, job->step, err);

    sg_job_free(job);
    return rc;
}

static enum sg_rc take_failure(struct sg_line *line, struct sg_job *job, const struct sg_err *why, struct sg_err *err)
{
    enum blame whose = blame(why->rc);
    int64_t next = next_try(line, job, why);

    if (whose == BLAME_NOBODY)
        return forget(line, job, err);
    line->in_a_row += whose > BLAME_DOCUMENT;
    enum sg_rc rc = sg_journal_failed(line->run, job, why, next, err);
    return rc == SG_OK && !line->left && is_hopeless(line, whose) ? leave(line, why, next, err) : rc;
}

/* The job is no longer under way. */
static struct sg_run *end(struct sg_job *job)
{
    struct sg_line *line = job->line;

    line->under_way[job->slot] = NULL;
    line->busy--;
    line->run->progress.under_way--;
    sg_input_free(sg_steal(job->bytes));
    return line->run;
}

static void succeed(struct sg_line *line)
{
    line->succeeded = true;
    line->in_a_row = 0;
}

/* A failure of ours ends the run. */
static void keep_failure(struct sg_run *run, enum sg_rc rc)
{
    if (rc != SG_OK && run->rc == SG_OK)
        run->rc = rc;
}

/* Whether the target is about to get these bytes by another upload. Both would find nothing there, and would store
 * twice what is one object, so that this one waits; what is encrypted is another object each time. */
static bool has_twin_under_way(const struct sg_line *line, const struct sg_job *job)
{
    if (!line->target || line->target->encrypt_to || job->there)
        return false;
    for (size_t i = 0; i < line->at_once; i++)
        if (line->under_way[i] && strcmp(line->under_way[i]->sha256, job->sha256) == 0)
            return true;
    return false;
}

/* Those that waited for it find it there, all at once. */
static void free_twins(struct sg_line *line, const struct sg_job *job)
{
    for (size_t i = line->first; i < line->count; i++)
        line->begun[i]->there = line->begun[i]->there || strcmp(line->begun[i]->sha256, job->sha256) == 0;
}

static void uploaded(void *context, const struct sg_receipt *receipt, const struct sg_err *why)
{
    struct sg_job *job = context;
    struct sg_line *line = job->line;
    struct sg_run *run = end(job);

    if (!why) {
        succeed(line);
        free_twins(line, job);
    }
    keep_failure(run,
                 why ? take_failure(line, job, why, &run->err) : sg_journal_uploaded(run, job, receipt, &run->err));
}

static void completed(void *context, const struct sg_completed *what, const struct sg_err *why)
{
    struct sg_job *job = context;
    struct sg_line *line = job->line;
    struct sg_run *run = end(job);

    if (!why)
        succeed(line);
    keep_failure(run, why ? take_failure(line, job, why, &run->err) : sg_journal_completed(run, job, what, &run->err));
}

/* --- starting ------------------------------------------------------------------------------------------------------
 */

static size_t free_slot(const struct sg_line *line)
{
    size_t slot = 0;

    while (line->under_way[slot])
        slot++;
    return slot;
}

enum sg_rc sg_line_open(struct sg_line *line, struct sg_err *err)
{
    const struct sg_sync *sync = line->run->sync;
    enum sg_rc rc = line->open ? SG_OK : sync->open(sync->context, line->target, err);

    line->open = rc == SG_OK;
    return rc;
}

static enum sg_rc start_upload(struct sg_line *line, struct sg_job *job, struct sg_err *err)
{
    const struct sg_sync *sync = line->run->sync;
    struct sg_upload upload = {.http = line->run->http,
                               .target = &line->target->target,
                               .bytes = job->bytes,
                               .unchecked = job->unchecked,
                               .sends = &job->sent,
                               .store = sync->store,
                               .step = job->step,
                               .clock = sync->clock,
                               .libctx = sync->libctx,
                               .done = uploaded,
                               .context = job};

    (void)snprintf(upload.sha256, sizeof(upload.sha256), "%s",
                   line->target->encrypt_to ? job->sent_sha256 : job->sha256);
    return sg_upload_start(&upload, err);
}

static enum sg_rc begin_upload(struct sg_line *line, struct sg_job *job, struct sg_err *err)
{
    enum sg_rc rc = sg_line_open(line, err);

    if (rc == SG_OK)
        rc = sg_copy_open(line->run, job, err);
    return rc == SG_OK ? start_upload(line, job, err) : rc;
}

static enum sg_rc begin_timestamp(struct sg_line *line, struct sg_job *job, struct sg_err *err)
{
    const struct sg_sync *sync = line->run->sync;
    const struct sg_completion completion = {.tsas = line->run->tsas,
                                             .store = sync->store,
                                             .state_folder = sync->state_folder,
                                             .libctx = sync->libctx,
                                             .document = job->document,
                                             .done = completed,
                                             .context = job};
    enum sg_rc rc = sg_run_share(line->run, err);

    if (rc == SG_OK)
        rc = sg_completion_start(&completion, err);
    return rc == SG_E_STORE_DAMAGED && sg_copy_restore(line->run, job) ? sg_completion_start(&completion, err) : rc;
}

static enum sg_rc start(struct sg_line *line, struct sg_job *job, struct sg_err *err)
{
    struct sg_err why;
    enum sg_rc rc = line->target ? begin_upload(line, job, &why) : begin_timestamp(line, job, &why);

    if (rc != SG_OK)
        return take_failure(line, job, &why, err);
    job->slot = free_slot(line);
    line->under_way[job->slot] = job;
    line->busy++;
    line->run->progress.under_way++;
    return SG_OK;
}

/* The next that can be started; NULL: none, or those that are left wait for one that is under way. */
static struct sg_job *next_begun(struct sg_line *line)
{
    for (size_t i = line->first; i < line->count; i++) {
        struct sg_job *job = line->begun[i];
        if (has_twin_under_way(line, job))
            continue;
        line->begun[i] = line->begun[line->first];
        line->begun[line->first++] = NULL;
        return job;
    }
    return NULL;
}

enum sg_rc sg_line_move(struct sg_line *line, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;

    while (rc == SG_OK && !line->left && line->busy < line->at_once) {
        if (line->first == line->count && (line->exhausted || (rc = take_batch(line, err)) != SG_OK))
            break;
        struct sg_job *job = next_begun(line);
        if (job)
            rc = start(line, job, err);
        else if (line->first < line->count)
            break;
    }
    return rc;
}
