/* The run: one thread that starts what is due, moves the transfers on, and writes down what became of them. */
#include "sync/sync.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/msg.h"
#include "base/outfile.h"
#include "sync/run.h"

#define SHOW_MS 100
#define LOOK_MS 3000 /* what has become due meanwhile is looked for so often */

/* --- one at a time -------------------------------------------------------------------------------------------------
 */

/* A lock that can be asked about without being taken (fcntl(2), F_OFD_GETLK): `signet status` does. */
static enum sg_rc lock(const char *state_folder, int *ret, struct sg_err *err)
{
    _cleanup_(freep) char *path = NULL;
    _cleanup_(closep) int fd = -1;
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    if (asprintf(&path, "%s/sync.lock", state_folder) < 0) {
        path = NULL; /* asprintf(3) leaves it undefined */
        return sg_fail_memory(err);
    }
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return sg_about(path, err, sg_fail_errno(err, SG_E_CANNOT_CREATE, errno, _("\"%s\" cannot be created."), path));
    if (fcntl(fd, F_OFD_SETLK, &whole) < 0 && (errno == EAGAIN || errno == EACCES))
        return sg_about(
            path, err,
            sg_fail(err, SG_E_BUSY, "%s",
                    _("Another \"signet sync\" is at work; it takes up what has become due since it began, too.")));
    *ret = sg_steal_fd(&fd);
    return SG_OK;
}

/* When the last sync ended: `signet status` says it. Before the first end the file is empty. */
static void note_end(int locked)
{
    if (ftruncate(locked, 1) == 0)
        (void)futimens(locked, NULL);
}

/* --- before and after ----------------------------------------------------------------------------------------------
 */

static void tell_placed(void *context, const struct sg_outbox_document *document, enum sg_output_state state)
{
    const struct sg_sync *sync = context;
    const struct sg_sync_event event = {
        .what = SG_SYNC_PLACED, .output = document->output, .level = document->level, .server = ""};

    if (state == SG_OUTPUT_CURRENT)
        sync->tell(sync->context, &event);
}

/* What a sign or sync that was killed left behind: signed files without their place, or older than their newest
 * version. While somebody signs, the former is for the next run; and what cannot be written keeps nothing else from
 * being sent.
 */
static enum sg_rc tidy(const struct sg_sync *sync, struct sg_err *err)
{
    _cleanup_(closep) int alone = -1;
    struct sg_err why;
    enum sg_rc rc = sg_outbox_alone(sync->store, &alone, err);

    if (rc != SG_OK)
        return rc;
    if (alone >= 0 && sg_outbox_place(sync->store, tell_placed, (void *)(uintptr_t)sync, &why) != SG_OK)
        sg_log(sync->log, SG_LOG_WARNING, "%s", why.text);
    sg_sync_renew(sync);
    return SG_OK;
}

/* Whether there is a network now, and room on the disk, costs one try a server to find out; and so does whether a
 * person has done what the error asked for. */
static enum sg_rc retry(const struct sg_sync *sync, struct sg_err *err)
{
    int64_t now = sg_clock_now(sync->clock);
    enum sg_rc rc = sg_steps_retry_some(sync->store, now, sync->by_hand, err);

    return rc == SG_OK ? sg_pulls_retry_some(sync->store, now, sync->by_hand, err) : rc;
}

static enum sg_rc sweep(const struct sg_sync *sync, struct sg_err *err)
{
    int64_t removed = 0;
    bool later = false; /* somebody is signing: the next run does it */
    enum sg_rc rc = sg_outbox_sweep(sync->store, &removed, &later, err);

    if (rc == SG_OK && removed > 0)
        sg_log(sync->log, SG_LOG_INFO, _("Copies removed, since nothing needs them any more: %lld"),
               (long long)removed);
    return rc;
}

static enum sg_rc count_known(struct sg_run *run, struct sg_err *err)
{
    struct sg_sync_progress *progress = &run->progress;
    size_t count = 0;
    enum sg_rc rc = sg_steps_count_due(run->sync->store, sg_clock_now(run->sync->clock), &count, err);

    run->looked_ms = sg_monotonic_ms();
    progress->known = progress->done + progress->failed + count;
    return rc;
}

enum sg_rc sg_run_share(struct sg_run *run, struct sg_err *err)
{
    return run->shared >= 0 ? SG_OK : sg_outbox_share(run->sync->store, &run->shared, err);
}

void sg_run_more(struct sg_run *run)
{
    for (size_t i = 0; i < run->line_count; i++)
        run->lines[i].exhausted = false;
}

/* --- the loop ------------------------------------------------------------------------------------------------------
 */

/* An outcome that is not written down may bring more to do: a version that was completed has to be uploaded. */
static bool is_idle(const struct sg_run *run)
{
    for (size_t i = 0; i < run->line_count; i++)
        if (!sg_line_is_idle(&run->lines[i]))
            return false;
    return run->pulled && sg_http_pending(run->http) == 0 && sg_journal_due_ms(run->journal) < 0;
}

static enum sg_rc move_lines(struct sg_run *run, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;

    for (size_t i = 0; i < run->line_count && rc == SG_OK; i++)
        rc = sg_line_move(&run->lines[i], err);
    return rc;
}

/* Moves transfers until one ends, a group has to be written, or it is time to show how far it is. */
static enum sg_rc move_transfers(struct sg_run *run, struct sg_err *err)
{
    int due = sg_journal_due_ms(run->journal);
    if (due >= 0 && sg_http_pending(run->http) == 0)
        return sg_journal_write(run, err); /* there is nothing to wait for */
    enum sg_rc rc = sg_http_run(run->http, due >= 0 && due < SHOW_MS ? due : SHOW_MS, -1, err);

    if (rc == SG_OK && run->rc != SG_OK) {
        *err = run->err;
        rc = run->rc;
    }
    return rc == SG_OK && sg_journal_due_ms(run->journal) == 0 ? sg_journal_write(run, err) : rc;
}

/* A server that takes its time is no reason for a document that is signed meanwhile to wait: the run is the only one.
 */
static enum sg_rc look_again(struct sg_run *run, struct sg_err *err)
{
    if (sg_monotonic_ms() - run->looked_ms < LOOK_MS)
        return SG_OK;
    sg_run_more(run);
    return count_known(run, err);
}

static enum sg_rc work(struct sg_run *run, struct sg_err *err)
{
    const struct sg_sync *sync = run->sync;
    enum sg_rc rc = move_lines(run, err);

    while (rc == SG_OK && !is_idle(run)) {
        sync->show(sync->context, &run->progress);
        rc = sync->may_go_on(sync->context, err);
        if (rc == SG_OK)
            rc = move_transfers(run, err);
        if (rc == SG_OK)
            rc = look_again(run, err);
        if (rc == SG_OK)
            rc = move_lines(run, err);
    }
    return rc;
}

/* --- fetching, beside it -------------------------------------------------------------------------------------------
 */

static void pulled(void *context, const struct sg_pull_result *result)
{
    struct sg_run *run = context;

    run->pulled = true;
    if (result->err)
        sg_log(run->sync->log, SG_LOG_WARNING, "%s", result->err->text);
}

static void tell_pull(void *context, const struct sg_pull_event *event)
{
    const struct sg_run *run = context;

    run->sync->tell_pull(run->sync->context, event);
}

static enum sg_rc start_pull(struct sg_run *run, struct sg_err *err)
{
    const struct sg_sync *sync = run->sync;
    const struct sg_pull_options options = {.store = sync->store,
                                            .http = run->http,
                                            .libctx = sync->libctx,
                                            .state_folder = sync->state_folder,
                                            .clock = sync->clock,
                                            .list_url = sync->list_url,
                                            .list_signer = sync->list_signer,
                                            .tell = tell_pull,
                                            .done = pulled,
                                            .context = run};

    return sg_pull_start(&options, &run->pull, err);
}

/* --- the ledger's head, at the end ---------------------------------------------------------------------------------
 */

static enum sg_rc open_witness(void *context, size_t index, struct sg_target **ret, struct sg_err *err)
{
    const struct sg_run *run = context;
    struct sg_line *line = &run->lines[index];

    if (line->left && !line->succeeded) /* it was found out already that it does not answer */
        return sg_fail(err, SG_E_NETWORK, _("The target \"%s\" was not asked: it had failed before."),
                       line->target->target.name);
    enum sg_rc rc = sg_line_open(line, err);
    if (rc == SG_OK)
        *ret = &line->target->target;
    return rc;
}

static enum sg_rc have_witnessed(struct sg_run *run, struct sg_err *err)
{
    const struct sg_sync *sync = run->sync;
    const struct sg_witnessing_options options = {.store = sync->store,
                                                  .http = run->http,
                                                  .tsas = run->tsas,
                                                  .targets = run->target_names,
                                                  .target_count = sync->target_count,
                                                  .open = open_witness,
                                                  .context = run,
                                                  .clock = sync->clock,
                                                  .libctx = sync->libctx};
    enum sg_rc rc = sg_journal_write(run, err);

    if (rc == SG_OK)
        rc = sg_witnessing_start(&options, &run->witnessing, err);
    while (rc == SG_OK && !sg_witnessing_is_over(run->witnessing)) {
        sync->show(sync->context, &run->progress);
        rc = sync->may_go_on(sync->context, err);
        if (rc == SG_OK)
            rc = sg_http_run(run->http, SHOW_MS, -1, err);
    }
    return rc == SG_OK ? sg_witnessing_result(run->witnessing, err) : rc;
}

/* --- all of it -----------------------------------------------------------------------------------------------------
 */

/* What was done is written down also where the run ends early. */
static enum sg_rc finish(struct sg_run *run, enum sg_rc rc, struct sg_err *err)
{
    struct sg_err second;

    sg_http_free(sg_steal(run->http)); /* what is under way calls back first, cancelled */
    enum sg_rc written = sg_journal_write(run, rc == SG_OK ? err : &second);
    for (size_t i = 0; i < run->line_count; i++)
        sg_line_clear(&run->lines[i]);
    sg_journal_clear(run->journal);
    sg_witnessing_free(sg_steal(run->witnessing));
    sg_pull_free(sg_steal(run->pull));
    sg_tsas_free(sg_steal(run->tsas));
    closep(&run->shared);
    return rc == SG_OK ? written : rc;
}

static void init_lines(struct sg_run *run)
{
    const struct sg_sync *sync = run->sync;

    for (size_t i = 0; i < sync->target_count; i++) {
        sg_line_init(&run->lines[i], run, &sync->targets[i]);
        run->target_names[i] = sync->targets[i].target.name;
    }
    run->line_count = sync->target_count;
    if (sync->tsa_count > 0)
        sg_line_init(&run->lines[run->line_count++], run, NULL);
}

static enum sg_rc run_all(struct sg_run *run, struct sg_err *err)
{
    const struct sg_sync *sync = run->sync;
    enum sg_rc rc = sg_http_new(&sync->http, &run->http, err);
    const struct sg_tsas_options options = {.http = run->http,
                                            .verifier = sync->verifier,
                                            .clock = sync->clock,
                                            .libctx = sync->libctx,
                                            .tsas = sync->tsas,
                                            .count = sync->tsa_count};

    init_lines(run);
    if (rc == SG_OK && sync->tsa_count > 0)
        rc = sg_tsas_new(&options, &run->tsas, err);
    if (rc == SG_OK)
        rc = start_pull(run, err);
    if (rc == SG_OK)
        rc = work(run, err);
    if (rc == SG_OK)
        rc = have_witnessed(run, err);
    return finish(run, rc, err);
}

enum sg_rc sg_sync_run(const struct sg_sync *sync, struct sg_sync_progress *ret, struct sg_err *err)
{
    _cleanup_(freep) struct sg_line *lines = calloc(sync->target_count + 1, sizeof(*lines));
    _cleanup_(freep) struct sg_journal *journal = calloc(1, sizeof(*journal));
    _cleanup_(freep) const char **names = calloc(sync->target_count + 1, sizeof(*names));
    _cleanup_(closep) int locked = -1;
    struct sg_run run = {.sync = sync, .lines = lines, .journal = journal, .target_names = names, .shared = -1};

    if (!lines || !journal || !names)
        return sg_fail_memory(err);
    enum sg_rc rc = lock(sync->state_folder, &locked, err);
    if (rc == SG_OK)
        rc = tidy(sync, err);
    if (rc == SG_OK)
        rc = sg_outbox_expire(sync->store, sg_clock_now(sync->clock) - sync->keep_copies, err);
    if (rc == SG_OK)
        rc = retry(sync, err);
    if (rc == SG_OK)
        rc = count_known(&run, err);
    if (rc == SG_OK)
        rc = run_all(&run, err);
    if (rc == SG_OK)
        rc = sweep(sync, err);
    if (rc == SG_OK)
        note_end(locked);
    *ret = run.progress;
    return rc;
}
