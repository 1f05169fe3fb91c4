#include "cli/sync_due.h"

#include <string.h>

#include "base/msg.h"
#include "cli/output.h"
#include "store/snapshot.h"
#include "store/witness.h"
#include "sync/pull.h"

struct due {
    struct sg_app *app;
    const struct sg_sync_targets *targets;
    struct sg_store *store;
    OSSL_LIB_CTX *libctx;
    bool has_tsa;
    int64_t now;
    size_t steps, others;
    size_t later; /* steps that wait for their time */
    int64_t next; /* when the first of those is due */
};

/* What would be done with what. */
struct deed {
    const char *step, *file, *level, *server; /* NULL: there is none */
    int64_t due;
};

static enum sg_rc print_json(const struct due *due, const struct deed *deed, struct sg_err *err)
{
    json_t *object = json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}", "schema", "signet.sync-due/1", "step", deed->step,
                               "file", sg_json_text(deed->file), "level", sg_json_text(deed->level), "server",
                               sg_json_text(deed->server), "due", sg_json_time(deed->due));

    return sg_json_print(&due->app->voice, object) ? SG_OK : sg_fail_memory(err);
}

/* --- documents -----------------------------------------------------------------------------------------------------
 */

static enum sg_rc say_step(void *context, const struct sg_step *step, struct sg_err *err)
{
    struct due *due = context;
    const struct sg_voice *voice = &due->app->voice;
    bool upload = step->kind == SG_STEP_UPLOAD;

    if (upload ? !sg_sync_targets_find(due->targets, step->target) : !due->has_tsa)
        return SG_OK;
    if (step->next_attempt > due->now) {
        due->later++;
        due->next = step->next_attempt < due->next ? step->next_attempt : due->next;
        return SG_OK;
    }
    due->steps++;
    if (voice->json)
        return print_json(due,
                          &(struct deed){upload ? "upload" : "timestamp", step->output, step->level,
                                         upload ? step->target : NULL, step->next_attempt},
                          err);
    if (upload)
        sg_say(voice, _("Would bring to %s (%s): %s"), step->target, step->level, step->output);
    else
        sg_say(voice, _("Would have time-stamped: %s"), step->output);
    return SG_OK;
}

/* --- what is fetched -----------------------------------------------------------------------------------------------
 */

static enum sg_rc say_pull(struct due *due, const struct sg_pull_item *item, struct sg_err *err)
{
    const struct sg_voice *voice = &due->app->voice;

    due->others++;
    if (voice->json)
        return print_json(due,
                          &(struct deed){.step = "fetch",
                                         .server = item->url,
                                         .due = item->state.last_attempt == 0 ? due->now : item->state.next_attempt},
                          err);
    sg_say(voice, _("Would fetch (%s): %s"), sg_pull_kind_word(item->kind), item->url);
    return SG_OK;
}

static enum sg_rc say_pulls(struct due *due, struct sg_err *err)
{
    _cleanup_(sg_snapshot_freep) struct sg_snapshot *snapshot = NULL;
    _cleanup_(sg_pull_plan_clear) struct sg_pull_plan plan = {0};
    const char *list = sg_config_text(due->app->config, SG_KEY_TRUST_LIST);
    enum sg_rc rc = sg_snapshot_open(due->app->paths.state, due->libctx, &snapshot, err);

    if (rc == SG_OK)
        rc = sg_pull_plan_make(due->store, snapshot, due->libctx, list, due->now, &plan, err);
    for (size_t i = 0; i < plan.count && rc == SG_OK; i++)
        if (sg_pull_is_due(&plan.items[i], due->now))
            rc = say_pull(due, &plan.items[i], err);
    return rc;
}

/* --- the ledger's head ---------------------------------------------------------------------------------------------
 */

struct heads {
    const char *target; /* NULL: a TSA */
    bool found;
};

static enum sg_rc take_witness(void *context, const struct sg_witness *witness, struct sg_err *err)
{
    struct heads *heads = context;
    bool same = heads->target ? witness->kind == SG_WITNESS_TARGET && strcmp(witness->name, heads->target) == 0
                              : witness->kind == SG_WITNESS_TSA;

    (void)err;
    heads->found = heads->found || same;
    return SG_OK;
}

/* Each step that is done makes the ledger grow. */
static enum sg_rc say_head(struct due *due, int64_t number, const char *target, struct sg_err *err)
{
    const struct sg_voice *voice = &due->app->voice;
    struct heads heads = {.target = target};
    enum sg_rc rc = sg_witness_read(due->store, (struct sg_ledger_range){number, number},
                                    (struct sg_witness_reader){take_witness, &heads}, err);

    if (rc != SG_OK || (heads.found && due->steps == 0))
        return rc;
    due->others++;
    if (voice->json)
        return print_json(due, &(struct deed){.step = "witness", .server = target, .due = due->now}, err);
    if (target)
        sg_say(voice, _("Would bring to %s: the ledger's head"), target);
    else
        sg_say(voice, "%s", _("Would have time-stamped: the ledger's head"));
    return SG_OK;
}

static enum sg_rc say_heads(struct due *due, struct sg_err *err)
{
    struct sg_statement statement = {0};
    bool any = false;
    enum sg_rc rc = sg_witness_begin(due->store, &statement, &any, err);

    if (rc == SG_OK && any && due->has_tsa)
        rc = say_head(due, statement.number, NULL, err);
    for (size_t i = 0; rc == SG_OK && any && i < due->targets->count; i++)
        rc = say_head(due, statement.number, due->targets->list[i].target.name, err);
    return rc;
}

/* --- all of it -----------------------------------------------------------------------------------------------------
 */

static void say_rest(const struct due *due)
{
    const struct sg_voice *voice = &due->app->voice;
    char next[SG_TIME_TEXT];

    if (due->steps + due->others == 0)
        sg_say(voice, "%s", _("Nothing would be done."));
    if (due->later > 0 && due->next == SG_STEP_NEVER)
        sg_say(voice, _("Not before \"signet outbox retry\": %zu more"), due->later);
    else if (due->later > 0)
        sg_say(voice, _("Not before %s, or \"signet outbox retry\": %zu more"), sg_time_text(due->next, next),
               due->later);
}

static enum sg_rc tell(struct due *due, struct sg_err *err)
{
    enum sg_rc rc = sg_app_libctx(due->app, &due->libctx, err);

    if (rc == SG_OK)
        rc = sg_store_open_copy(due->app->paths.state, due->libctx, &due->app->clock, &due->store, err);
    if (rc == SG_OK)
        rc = sg_steps_retry_some(due->store, due->now, true, err);
    if (rc == SG_OK)
        rc = sg_pulls_retry_some(due->store, due->now, true, err);
    if (rc == SG_OK)
        rc = sg_steps_waiting(due->store, say_step, due, err);
    if (rc == SG_OK)
        rc = say_pulls(due, err);
    if (rc == SG_OK)
        rc = say_heads(due, err);
    if (rc == SG_OK)
        say_rest(due);
    return rc;
}

int sg_sync_due(struct sg_app *app, const struct sg_sync_targets *targets)
{
    struct due due = {.app = app,
                      .targets = targets,
                      .has_tsa = sg_config_group(app->config, "tsa", 0) != NULL,
                      .now = sg_clock_now(&app->clock),
                      .next = INT64_MAX};
    struct sg_err err;
    int status = tell(&due, &err) == SG_OK ? 0 : sg_complain(&app->voice, &err);

    sg_store_free(due.store);
    return status;
}
