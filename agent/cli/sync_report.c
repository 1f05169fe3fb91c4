#include "cli/sync_report.h"

#include <inttypes.h>
#include <string.h>

#include "base/msg.h"

/* --- a step --------------------------------------------------------------------------------------------------------
 */

static const char *step_word(enum sg_sync_did what)
{
    static const char *const words[] = {
        [SG_SYNC_PLACED] = "place", [SG_SYNC_TIMESTAMPED] = "timestamp", [SG_SYNC_UPLOADED] = "upload"};

    return words[what];
}

static json_t *error_json(const struct sg_err *err)
{
    if (!err)
        return json_null();
    return json_pack("{s:s, s:o, s:b}", "code", sg_rc_word(err->rc), "text", sg_json_text(err->text), "retry",
                     sg_rc_retry(err->rc));
}

static json_t *event_json(const struct sg_sync_event *event)
{
    const struct sg_receipt *receipt = event->receipt;

    return json_pack("{s:s, s:s, s:o, s:s, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o}", "schema", "signet.sync-step/1",
                     "step", step_word(event->what), "file", sg_json_text(event->output), "level", event->level,
                     "server", sg_json_text(event->server[0] ? event->server : NULL), "done", event->err == NULL, "url",
                     sg_json_text(receipt ? receipt->url : NULL), "sha256",
                     sg_json_text(receipt ? receipt->sha256 : NULL), "size",
                     receipt ? json_integer(receipt->size) : json_null(), "kept", sg_json_text(event->kept), "error",
                     error_json(event->err), "next_try", sg_json_time_or_null(event->err ? event->next : SG_TIME_NONE));
}

static void say_failure(const struct sg_voice *voice, const struct sg_sync_event *event)
{
    char next[SG_TIME_TEXT];

    (void)fputs("signet: ", stderr);
    sg_print_safely(stderr, event->output);
    (void)fputs(": ", stderr);
    sg_print_safely(stderr, event->err->text);
    if (event->next == SG_STEP_NEVER)
        (void)fprintf(stderr, _(" [%s] It is not tried again by itself.\n"), sg_rc_word(event->err->rc));
    else
        (void)fprintf(stderr, _(" [%s] Next try after %s.\n"), sg_rc_word(event->err->rc),
                      sg_time_text(event->next, next));
    if (event->err->cause[0] && voice->verbose) {
        (void)fputs(_("  cause: "), stderr);
        sg_print_safely(stderr, event->err->cause);
        (void)fputc('\n', stderr);
    }
}

static void say_done(const struct sg_voice *voice, const struct sg_sync_event *event)
{
    switch (event->what) {
    case SG_SYNC_PLACED:
        sg_say(voice, _("Put in its place, which a sign that was stopped had not done: %s"), event->output);
        break;
    case SG_SYNC_TIMESTAMPED:
        sg_say(voice, _("Time-stamped by %s: %s"), event->server, event->output);
        if (event->kept)
            sg_say(voice, _("  kept in the store, since that file is gone or another one by now: signet get %s"),
                   event->kept);
        break;
    case SG_SYNC_UPLOADED:
        sg_say(voice, _("In %s (%s): %s"), event->server, event->level, event->output);
        break;
    }
}

void sg_sync_report_event(struct sg_sync_report *report, const struct sg_sync_event *event)
{
    const struct sg_voice *voice = &report->app->voice;

    sg_progress_hide(&report->bar);
    if (voice->json)
        (void)sg_json_print(voice, event_json(event)); /* no memory for it: the summary counts it all the same */
    else if (event->err)
        say_failure(voice, event);
    else
        say_done(voice, event);
}

static json_t *pull_json(const struct sg_pull_event *event)
{
    return json_pack("{s:s, s:s, s:o, s:b, s:o, s:o}", "schema", "signet.sync-pull/1", "kind",
                     sg_pull_kind_word(event->kind), "url", sg_json_text(event->url), "changed", event->changed,
                     "error", error_json(event->err), "next_try", sg_json_time(event->next));
}

void sg_sync_report_pull(struct sg_sync_report *report, const struct sg_pull_event *event)
{
    const struct sg_voice *voice = &report->app->voice;

    sg_progress_hide(&report->bar);
    report->fetched += event->changed;
    report->not_fetched += event->err != NULL;
    if (voice->json)
        (void)sg_json_print(voice, pull_json(event)); /* no memory for it: the summary counts it all the same */
    else if (event->err)
        sg_warn(voice, sg_rc_word(event->err->rc), "%s: %s", event->url, event->err->text);
    else if (event->changed)
        sg_say(voice, _("Fetched: %s"), event->url);
}

void sg_sync_report_progress(struct sg_sync_report *report, const struct sg_sync_progress *progress)
{
    sg_progress_show_transfers(&report->bar, progress->done + progress->failed, progress->known, progress->under_way,
                               progress->bytes);
}

/* --- what waits ----------------------------------------------------------------------------------------------------
 */

static struct sg_sync_waiting *group_of(struct sg_sync_report *report, const struct sg_step *step)
{
    for (size_t i = 0; i < report->waiting_count; i++) {
        struct sg_sync_waiting *group = &report->waiting[i];
        if (group->kind == step->kind && strcmp(group->target, step->target) == 0 &&
            strcmp(group->code, step->code) == 0)
            return group;
    }
    return NULL;
}

static enum sg_rc add_group(struct sg_sync_report *report, const struct sg_step *step, struct sg_err *err)
{
    struct sg_sync_waiting *group = &report->waiting[report->waiting_count];

    if (report->waiting_count == SG_SYNC_MAX_GROUPS)
        return SG_OK;
    *group = (struct sg_sync_waiting){.kind = step->kind,
                                      .target = strdup(step->target),
                                      .code = strdup(step->code),
                                      .text = strdup(step->text),
                                      .since = INT64_MAX,
                                      .next = INT64_MAX};
    report->waiting_count++;
    return group->target && group->code && group->text ? SG_OK : sg_fail_memory(err);
}

static enum sg_rc count_step(void *context, const struct sg_step *step, struct sg_err *err)
{
    struct sg_sync_report *report = context;
    enum sg_rc rc = group_of(report, step) ? SG_OK : add_group(report, step, err);
    struct sg_sync_waiting *group = rc == SG_OK ? group_of(report, step) : NULL;

    if (!group)
        return rc;
    group->count++;
    group->since = step->since < group->since ? step->since : group->since;
    group->next = step->next_attempt < group->next ? step->next_attempt : group->next;
    return SG_OK;
}

void sg_sync_report_clear(struct sg_sync_report *report)
{
    for (size_t i = 0; i < report->waiting_count; i++) {
        free(report->waiting[i].target);
        free(report->waiting[i].code);
        free(report->waiting[i].text);
    }
    report->waiting_count = 0;
}

static bool is_required(const struct sg_app *app, const char *target)
{
    const struct sg_config *section = sg_config_group_named(app->config, "target", target);

    return !section || sg_config_yes(section, SG_KEY_TARGET_REQUIRED);
}

/* What waits for a target with `required = no` is no failure while enough others have it. */
static enum sg_rc weigh(const struct sg_app *app, struct sg_store *store, struct sg_sync_waiting *group,
                        struct sg_err *err)
{
    bool is_short = true;
    enum sg_rc rc = SG_OK;

    if (group->kind == SG_STEP_UPLOAD && !is_required(app, group->target))
        rc = sg_steps_short(store, group->target, sg_config_number(app->config, SG_KEY_SYNC_QUORUM), &is_short, err);
    group->no_matter = !is_short;
    return rc;
}

static enum sg_rc count_waiting(struct sg_sync_report *report, struct sg_store *store, struct sg_err *err)
{
    sg_sync_report_clear(report);
    enum sg_rc rc = sg_steps_waiting(store, count_step, report, err);

    for (size_t i = 0; i < report->waiting_count && rc == SG_OK; i++)
        rc = weigh(report->app, store, &report->waiting[i], err);
    return rc;
}

/* What the configuration does not know cannot be tried. */
static bool is_unknown(const struct sg_sync_report *report, const struct sg_sync_waiting *group)
{
    return group->kind == SG_STEP_UPLOAD ? !sg_sync_targets_find(report->targets, group->target)
                                         : !sg_config_group(report->app->config, "tsa", 0);
}

/* Why the group waits, and the exit status of that. */
static const char *reason(const struct sg_sync_report *report, const struct sg_sync_waiting *group,
                          const char **ret_code, int *ret_status)
{
    enum sg_rc rc = group->code[0] ? sg_rc_of(group->code) : SG_E_CANCELLED;
    const char *text = group->code[0] ? group->text : _("It was not tried yet.");

    if (is_unknown(report, group)) {
        rc = SG_E_CONFIG;
        text = group->kind == SG_STEP_UPLOAD ? _("The configuration has no such target; add it, or drop these uploads "
                                                 "with \"signet outbox drop\".")
                                             : _("The configuration has no time-stamp authority; add one ([tsa], "
                                                 "signet.conf(5)).");
    }
    *ret_code = group->code[0] || is_unknown(report, group) ? sg_rc_word(rc) : "";
    *ret_status = group->no_matter ? 0 : sg_rc_exit(rc);
    return text;
}

static json_t *group_json(const struct sg_sync_report *report, const struct sg_sync_waiting *group, int *status)
{
    const char *code = NULL;
    int own = 0;
    const char *text = reason(report, group, &code, &own);

    *status = sg_exit_worse(*status, own);
    return json_pack("{s:s, s:o, s:I, s:o, s:o, s:o, s:o}", "step",
                     group->kind == SG_STEP_UPLOAD ? "upload" : "timestamp", "server",
                     sg_json_text(group->target[0] ? group->target : NULL), "count", (json_int_t)group->count, "since",
                     sg_json_time(group->since), "code", sg_json_text(code[0] ? code : NULL), "text",
                     sg_json_text(text), "next_try", sg_json_time_or_null(group->next));
}

static void say_group(const struct sg_sync_report *report, const struct sg_sync_waiting *group, int *status)
{
    const struct sg_voice *voice = &report->app->voice;
    const char *code = NULL;
    int own = 0;
    char since[SG_TIME_TEXT], next[SG_TIME_TEXT];
    const char *text = reason(report, group, &code, &own);

    *status = sg_exit_worse(*status, own);
    if (group->kind == SG_STEP_UPLOAD)
        sg_say(voice, _("Waiting for %s: %zu, since %s. %s%s%s%s"), group->target, group->count,
               sg_time_text(group->since, since), text, code[0] ? " [" : "", code, code[0] ? "]" : "");
    else
        sg_say(voice, _("Waiting for a time-stamp: %zu, since %s. %s%s%s%s"), group->count,
               sg_time_text(group->since, since), text, code[0] ? " [" : "", code, code[0] ? "]" : "");
    if (group->next == SG_STEP_NEVER)
        sg_say(voice, "%s", _("  not tried again by itself, but by signet outbox retry"));
    else
        sg_say(voice, _("  next try after %s"), sg_time_text(group->next, next));
}

static enum sg_rc print_json(const struct sg_sync_report *report, const struct sg_sync_progress *progress, int *status,
                             struct sg_err *err)
{
    json_t *list = json_array();

    for (size_t i = 0; i < report->waiting_count; i++)
        (void)json_array_append_new(list, group_json(report, &report->waiting[i], status));
    json_t *object =
        json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:o}", "schema", "signet.sync/1", "done", (json_int_t)progress->done,
                  "failed", (json_int_t)progress->failed, "bytes", (json_int_t)progress->bytes, "fetched",
                  (json_int_t)report->fetched, "not_fetched", (json_int_t)report->not_fetched, "waiting", list);
    return sg_json_print(&report->app->voice, object) ? SG_OK : sg_fail_memory(err);
}

static void say_sum(const struct sg_sync_report *report, const struct sg_sync_progress *progress)
{
    const struct sg_voice *voice = &report->app->voice;

    if (progress->done + progress->failed + report->fetched + report->not_fetched > 0)
        sg_say(voice, _("Done: %zu; failed: %zu."), progress->done, progress->failed);
    else if (report->waiting_count > 0)
        sg_say(voice, "%s",
               _("Nothing is due; what waits is tried when its time comes, or at once: signet outbox retry"));
    else
        sg_say(voice, "%s", _("Nothing was to be done."));
}

enum sg_rc sg_sync_report_end(struct sg_sync_report *report, struct sg_store *store,
                              const struct sg_sync_progress *progress, bool quietly, int *ret_status,
                              struct sg_err *err)
{
    const struct sg_voice *voice = &report->app->voice;
    enum sg_rc rc = count_waiting(report, store, err);
    int status = 0;

    sg_progress_hide(&report->bar);
    if (rc != SG_OK)
        return rc;
    *ret_status = 0;
    if (quietly && progress->done + progress->failed == 0)
        return SG_OK;
    if (voice->json) {
        rc = print_json(report, progress, &status, err);
    } else {
        say_sum(report, progress);
        for (size_t i = 0; i < report->waiting_count; i++)
            say_group(report, &report->waiting[i], &status);
    }
    *ret_status = status;
    return rc;
}
