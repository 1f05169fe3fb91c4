/* Outcomes go to the store in groups: an fsync for each of ten thousand would take longer than sending them. */
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/msg.h"
#include "store/blobs.h"
#include "sync/run.h"

#define FIRST_WAIT 60
#define LONGEST_WAIT (6 * 3600)

int64_t sg_sync_next_try(int64_t now, int64_t attempts)
{
    int64_t wait = FIRST_WAIT;
    uint32_t chance = 0;

    for (int64_t i = 1; i < attempts && wait < LONGEST_WAIT; i++)
        wait *= 2;
    if (wait > LONGEST_WAIT)
        wait = LONGEST_WAIT;
    if (getrandom(&chance, sizeof(chance), GRND_NONBLOCK) < 0)
        chance = 0; /* many agents may ask at once: no harm to us */
    return now + wait * 3 / 4 + (int64_t)(chance % (uint32_t)(wait / 2 + 1));
}

static const char *keep(char **at, const char *text)
{
    const char *kept = *at;

    *at = stpcpy(*at, text) + 1;
    return kept;
}

static enum sg_rc copy_receipt(struct sg_outcome *outcome, const struct sg_receipt *receipt, struct sg_err *err)
{
    size_t size = strlen(receipt->target) + strlen(receipt->url) + strlen(receipt->sha256) + strlen(receipt->etag) +
                  strlen(receipt->version_id) + strlen(receipt->server_date) + 6;
    char *at = outcome->texts = malloc(size);

    if (!at)
        return sg_fail_memory(err);
    outcome->receipt = *receipt;
    outcome->receipt.target = keep(&at, receipt->target);
    outcome->receipt.url = keep(&at, receipt->url);
    outcome->receipt.sha256 = keep(&at, receipt->sha256);
    outcome->receipt.etag = keep(&at, receipt->etag);
    outcome->receipt.version_id = keep(&at, receipt->version_id);
    outcome->receipt.server_date = keep(&at, receipt->server_date);
    return SG_OK;
}

static void outcome_clear(struct sg_outcome *outcome)
{
    sg_job_free(outcome->job);
    free(outcome->texts);
    free(outcome->err);
    *outcome = (struct sg_outcome){0};
}

void sg_journal_clear(struct sg_journal *journal)
{
    for (size_t i = 0; i < journal->count; i++)
        outcome_clear(&journal->outcomes[i]);
    journal->count = 0;
}

/* A place for one more outcome, which has the job already. */
static enum sg_rc next_place(struct sg_run *run, struct sg_job *job, struct sg_outcome **ret, struct sg_err *err)
{
    struct sg_journal *journal = run->journal;
    enum sg_rc rc = journal->count == SG_SYNC_GROUP ? sg_journal_write(run, err) : SG_OK;

    if (rc != SG_OK) {
        sg_job_free(job);
        return rc;
    }
    if (journal->count == 0)
        journal->oldest_ms = sg_monotonic_ms();
    *ret = &journal->outcomes[journal->count++];
    **ret = (struct sg_outcome){.job = job};
    return SG_OK;
}

enum sg_rc sg_journal_uploaded(struct sg_run *run, struct sg_job *job, const struct sg_receipt *receipt,
                               struct sg_err *err)
{
    struct sg_outcome *outcome = NULL;
    enum sg_rc rc = next_place(run, job, &outcome, err);

    if (rc == SG_OK)
        rc = copy_receipt(outcome, receipt, err);
    if (rc != SG_OK && outcome)
        outcome_clear(&run->journal->outcomes[--run->journal->count]);
    return rc;
}

static enum sg_rc copy_completed(struct sg_outcome *outcome, const struct sg_completed *completed, struct sg_err *err)
{
    size_t size =
        strlen(completed->version.level) + strlen(completed->version.sha256) + strlen(completed->stamped.tsa) + 3;
    char *at = outcome->texts = malloc(size);

    if (!at)
        return sg_fail_memory(err);
    outcome->completed = *completed;
    outcome->completed.version.level = keep(&at, completed->version.level);
    outcome->completed.version.sha256 = keep(&at, completed->version.sha256);
    outcome->completed.stamped.tsa = keep(&at, completed->stamped.tsa);
    return SG_OK;
}

enum sg_rc sg_journal_completed(struct sg_run *run, struct sg_job *job, const struct sg_completed *completed,
                                struct sg_err *err)
{
    struct sg_outcome *outcome = NULL;
    enum sg_rc rc = next_place(run, job, &outcome, err);

    if (rc == SG_OK)
        rc = copy_completed(outcome, completed, err);
    if (rc != SG_OK && outcome)
        outcome_clear(&run->journal->outcomes[--run->journal->count]);
    return rc;
}

enum sg_rc sg_journal_failed(struct sg_run *run, struct sg_job *job, const struct sg_err *why, int64_t next,
                             struct sg_err *err)
{
    struct sg_outcome *outcome = NULL;
    enum sg_rc rc = next_place(run, job, &outcome, err);

    if (rc == SG_OK && !(outcome->err = malloc(sizeof(*outcome->err))))
        rc = sg_fail_memory(err);
    if (rc != SG_OK) {
        if (outcome)
            outcome_clear(&run->journal->outcomes[--run->journal->count]);
        return rc;
    }
    *outcome->err = *why;
    outcome->next = next;
    return SG_OK;
}

int sg_journal_due_ms(const struct sg_journal *journal)
{
    int64_t left = journal->oldest_ms + SG_SYNC_GROUP_MS - sg_monotonic_ms();

    return journal->count == 0 ? -1 : left > 0 ? (int)left : 0;
}

static bool is_completion(const struct sg_outcome *outcome)
{
    return !outcome->err && !outcome->job->line->target;
}

static enum sg_rc write_failure(struct sg_store *store, const struct sg_outcome *outcome, struct sg_err *err)
{
    const struct sg_job *job = outcome->job;
    enum sg_rc rc = sg_step_failed(store, job->step, outcome->err, outcome->next, err);

    return rc == SG_OK && !job->sent ? sg_step_unsent(store, job->step, err) : rc;
}

static enum sg_rc write_one(struct sg_store *store, const struct sg_outcome *outcome, struct sg_err *err)
{
    const struct sg_completed *completed = &outcome->completed;

    if (outcome->err)
        return write_failure(store, outcome, err);
    if (is_completion(outcome))
        return sg_step_timestamped(store, outcome->job->step, &completed->version, &completed->stamped, err);
    return sg_step_uploaded(store, outcome->job->step, &outcome->receipt, err);
}

static enum sg_rc write_group(struct sg_store *store, const struct sg_journal *journal, struct sg_err *err)
{
    enum sg_rc rc = sg_store_begin(store, err);

    if (rc != SG_OK)
        return rc;
    for (size_t i = 0; i < journal->count && rc == SG_OK; i++)
        rc = write_one(store, &journal->outcomes[i], err);
    if (rc == SG_OK)
        return sg_store_commit(store, err);
    sg_store_rollback(store);
    return rc;
}

static enum sg_rc look_whether_kept(void *context, const struct sg_outbox_document *document, struct sg_err *err)
{
    bool *kept = context;

    (void)err;
    *kept = document->output_state == SG_OUTPUT_MOVED || document->output_state == SG_OUTPUT_CHANGED;
    return SG_OK;
}

/* After its place was looked at. */
static bool is_kept(const struct sg_run *run, int64_t document)
{
    bool kept = false;
    struct sg_err why;

    if (sg_outbox_get(run->sync->store, document, look_whether_kept, &kept, &why) != SG_OK)
        sg_log(run->sync->log, SG_LOG_WARNING, "%s", why.text);
    return kept;
}

static void tell(struct sg_run *run, const struct sg_outcome *outcome)
{
    const struct sg_job *job = outcome->job;
    const struct sg_sync_target *target = job->line->target;
    struct sg_sync_event event = {.what = target ? SG_SYNC_UPLOADED : SG_SYNC_TIMESTAMPED,
                                  .output = job->output,
                                  .level = job->level,
                                  .server = target ? target->target.name : "",
                                  .err = outcome->err,
                                  .next = outcome->next};

    run->progress.failed += outcome->err != NULL;
    run->progress.done += outcome->err == NULL;
    if (is_completion(outcome)) {
        event.server = outcome->completed.stamped.tsa;
        event.kept = is_kept(run, job->document) ? outcome->completed.version.sha256 : NULL;
    } else if (!outcome->err) {
        event.receipt = &outcome->receipt;
        run->progress.bytes += (uint64_t)outcome->receipt.size;
    }
    run->sync->tell(run->sync->context, &event);
}

static void tell_behind(void *context, const struct sg_outbox_document *document, enum sg_output_state state)
{
    const struct sg_sync *sync = context;

    if (state == SG_OUTPUT_BEHIND)
        sg_log(
            sync->log, SG_LOG_WARNING,
            _("\"%s\" cannot be replaced by its completed version, which is in the store; the next sync tries again."),
            document->output);
}

void sg_sync_renew(const struct sg_sync *sync)
{
    struct sg_err why;

    if (sg_outbox_renew(sync->store, tell_behind, (void *)(uintptr_t)sync, &why) != SG_OK)
        sg_log(sync->log, SG_LOG_WARNING, "%s", why.text);
}

enum sg_rc sg_journal_write(struct sg_run *run, struct sg_err *err)
{
    const struct sg_sync *sync = run->sync;
    struct sg_journal *journal = run->journal;
    bool completed = false, stamped = false;

    for (size_t i = 0; i < journal->count; i++) {
        completed = completed || is_completion(&journal->outcomes[i]);
        stamped = stamped || !journal->outcomes[i].job->line->target;
    }
    if (journal->count == 0)
        return SG_OK;
    enum sg_rc rc = completed ? sg_blobs_sync(sync->state_folder, err) : SG_OK;
    if (rc == SG_OK)
        rc = write_group(sync->store, journal, err);
    if (rc == SG_OK && completed)
        sg_sync_renew(sync);
    for (size_t i = 0; i < journal->count && rc == SG_OK; i++)
        tell(run, &journal->outcomes[i]);
    if (rc == SG_OK && stamped)
        sg_run_more(run); /* a new version is to be stored, or the one that waited for that */
    sg_journal_clear(journal);
    return rc;
}
