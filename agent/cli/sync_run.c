/* One run: the engine's questions answered from the configuration, the terminal and the tokens. */
#include "cli/sync_run.h"

#include "base/limits.h"
#include "base/msg.h"
#include "cli/reindex.h"
#include "store/snapshot.h"
#include "verify/verify.h"

#define BUDGETS 3 /* a server may cost so many timeouts of a run without a success */

static enum sg_rc open_target(void *context, struct sg_sync_target *target, struct sg_err *err)
{
    struct sg_sync_work *work = context;

    sg_progress_hide(&work->report.bar); /* there may be a question */
    return sg_sync_targets_open(&work->targets, target, err);
}

static void tell(void *context, const struct sg_sync_event *event)
{
    struct sg_sync_work *work = context;

    sg_sync_report_event(&work->report, event);
}

static void tell_pull(void *context, const struct sg_pull_event *event)
{
    struct sg_sync_work *work = context;

    sg_sync_report_pull(&work->report, event);
}

static void show(void *context, const struct sg_sync_progress *progress)
{
    struct sg_sync_work *work = context;

    sg_sync_report_progress(&work->report, progress);
}

static enum sg_rc may_go_on(void *context, struct sg_err *err)
{
    (void)context;
    if (!sg_signal_caught())
        return SG_OK;
    return sg_fail(err, SG_E_CANCELLED, "%s",
                   _("Stopped by a signal. What was done is kept; the next sync does the rest."));
}

struct sg_http_settings sg_sync_http(const struct sg_app *app)
{
    const char *ca_file = sg_config_text(app->config, SG_KEY_SYNC_CA_FILE);
    int64_t timeout = sg_config_seconds(app->config, SG_KEY_SYNC_TIMEOUT);

    return (struct sg_http_settings){.proxy = sg_config_text(app->config, SG_KEY_SYNC_PROXY),
                                     .ca_file = ca_file[0] ? ca_file : NULL,
                                     .private_addresses = sg_config_yes(app->config, SG_KEY_SYNC_PRIVATE),
                                     .timeout = timeout,
                                     .budget = BUDGETS * timeout,
                                     .parallel = SG_SYNC_PARALLEL,
                                     .log = &app->log};
}

/* What judges the answers: softly, since what is known of revocation may come with this very run. */
static enum sg_rc open_verifier(struct sg_app *app, OSSL_LIB_CTX *libctx, const struct sg_snapshot *snapshot,
                                struct sg_verifier **ret, struct sg_err *err)
{
    const struct sg_verifier_options options = {.libctx = libctx,
                                                .log = &app->log,
                                                .snapshot = snapshot,
                                                .revocation = SG_REVOCATION_SOFT,
                                                .stale = SG_MAX_DURATION,
                                                .at = SG_TIME_NONE,
                                                .clock = app->clock,
                                                .policy = {.max_depth = -1}};

    return sg_verifier_new(&options, ret, err);
}

static enum sg_rc run_engine(struct sg_sync_work *work, struct sg_sync_progress *ret, struct sg_err *err)
{
    _cleanup_(sg_snapshot_freep) struct sg_snapshot *snapshot = NULL;
    _cleanup_(sg_verifier_freep) struct sg_verifier *verifier = NULL;
    _cleanup_(freep) struct sg_tsa *tsas = NULL;
    struct sg_app *app = work->app;
    struct sg_sync sync = {.store = work->store,
                           .state_folder = app->paths.state,
                           .clock = &app->clock,
                           .log = &app->log,
                           .http = sg_sync_http(app),
                           .targets = work->targets.list,
                           .target_count = work->targets.count,
                           .list_url = sg_config_text(app->config, SG_KEY_TRUST_LIST),
                           .list_signer = sg_config_text(app->config, SG_KEY_TRUST_LIST_SIGNER),
                           .keep_copies = sg_config_seconds(app->config, SG_KEY_SYNC_KEEP_COPIES),
                           .by_hand = work->by_hand,
                           .open = open_target,
                           .tell = tell,
                           .tell_pull = tell_pull,
                           .show = show,
                           .may_go_on = may_go_on,
                           .context = work};
    enum sg_rc rc = sg_app_libctx(app, &sync.libctx, err);

    if (rc == SG_OK)
        rc = sg_crls_reindex(app, work->store, err);
    if (rc == SG_OK)
        rc = sg_snapshot_open(app->paths.state, sync.libctx, &snapshot, err);
    if (rc == SG_OK)
        rc = open_verifier(app, sync.libctx, snapshot, &verifier, err);
    if (rc == SG_OK)
        rc = sg_sync_tsas(app->config, &tsas, &sync.tsa_count, err);
    if (rc != SG_OK)
        return rc;
    sync.verifier = verifier;
    sync.tsas = tsas;
    sg_progress_begin(&work->report.bar, &app->voice, 0, 0);
    return sg_sync_run(&sync, ret, err);
}

int sg_sync_once(struct sg_sync_work *work, bool quietly)
{
    const struct sg_voice *voice = &work->app->voice;
    struct sg_sync_progress progress = {0};
    struct sg_err err, second;
    int waiting = 0, status = 0;
    enum sg_rc rc = run_engine(work, &progress, &err);

    sg_progress_hide(&work->report.bar);
    if (rc != SG_OK)
        status = sg_complain(voice, &err);
    if (rc == SG_E_BUSY)
        return status;
    if (sg_sync_report_end(&work->report, work->store, &progress, quietly, &waiting, &second) != SG_OK)
        waiting = sg_complain(voice, &second);
    return sg_exit_worse(status, waiting);
}
