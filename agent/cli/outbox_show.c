#include "cli/outbox_show.h"

#include <string.h>

#include "base/msg.h"
#include "cli/output.h"
#include "store/witness.h"

struct showing {
    const struct sg_app *app;
    const struct sg_voice *voice;
    char store_id[SG_STORE_ID];
    unsigned shown;
    json_t *object; /* NULL without --json */
    json_t *steps, *receipts, *versions;
    bool complete;
};

static enum sg_rc add(json_t *list, json_t *item, struct sg_err *err)
{
    return json_array_append_new(list, item) == 0 ? SG_OK : sg_fail_memory(err);
}

static const char *state_text(const struct sg_outbox_document *document)
{
    static const char *const TEXTS[] = {"current", "moved", "changed", "behind"};

    return document->placed ? TEXTS[document->output_state] : "not-placed";
}

static enum sg_rc show_head(void *context, const struct sg_outbox_document *document, struct sg_err *err)
{
    struct showing *showing = context;
    char time[SG_TIME_TEXT];

    sg_say(showing->voice, _("%s: %s %s, signed %s"), document->output, document->format, document->level,
           sg_time_text(document->claimed_time, time));
    if (document->forgotten != 0)
        sg_say(showing->voice, _("  its copies are not kept here since %s"), sg_time_text(document->forgotten, time));
    if (!showing->object)
        return SG_OK;
    json_t *head =
        json_pack("{s:I, s:o, s:o, s:s, s:s, s:s, s:o, s:o, s:s, s:o, s:o}", "document", (json_int_t)document->document,
                  "file", sg_json_text(document->input), "output", sg_json_text(document->output), "format",
                  document->format, "level", document->level, "sha256", document->level_sha256, "claimed_time",
                  sg_json_time(document->claimed_time), "queued", sg_json_time(document->queued), "output_state",
                  state_text(document), "closed", document->closed ? sg_json_time(document->closed) : json_null(),
                  "copies_removed", document->forgotten ? sg_json_time(document->forgotten) : json_null());
    bool done = head && json_object_update(showing->object, head) == 0;
    json_decref(head);
    return done ? SG_OK : sg_fail_memory(err);
}

/* --- steps ---------------------------------------------------------------------------------------------------------
 */

/* Whether somebody gave up what may lie half, or whole, at a WebDAV target, under this name: nothing goes there again
 * that would remove it. `*ret` is allocated; NULL: none. */
static enum sg_rc name_left(const struct showing *showing, const struct sg_step *step, char **ret, struct sg_err *err)
{
    const char *sha256 = step->sent_sha256[0] ? step->sent_sha256 : step->sha256;
    const struct sg_config *section = sg_config_group_named(showing->app->config, "target", step->target);

    if (step->kind != SG_STEP_UPLOAD || step->state != SG_STEP_DROPPED || !step->sent)
        return SG_OK;
    if (!section || strcmp(sg_config_text(section, SG_KEY_TARGET_TYPE), "webdav") != 0)
        return SG_OK;
    const char *url = sg_config_text(section, SG_KEY_TARGET_URL);
    bool slash = url[0] && url[strlen(url) - 1] == '/';
    if (asprintf(ret, "%s%s%s" SG_STEP_PART, url, slash ? "" : "/", sha256, showing->store_id, (long long)step->id) <
        0) {
        *ret = NULL;
        return sg_fail_memory(err);
    }
    return SG_OK;
}

static void say_step(const struct sg_voice *voice, const struct sg_step *step, const char *left)
{
    static const char *const STATES[] = {N_("waits"), N_("done"), N_("dropped")};
    char since[SG_TIME_TEXT], next[SG_TIME_TEXT];
    const char *state = _(STATES[step->state]);

    if (step->kind == SG_STEP_TIMESTAMP)
        sg_say(voice, _("  a time-stamp: %s, since %s"), state, sg_time_text(step->since, since));
    else
        sg_say(voice, _("  %s to be stored at %s: %s, since %s"), step->level, step->target, state,
               sg_time_text(step->since, since));
    if (step->state == SG_STEP_WAITING && step->next_attempt == SG_STEP_NEVER)
        sg_say(voice, _("    tried %lld times, and not again by itself: %s [%s]"), (long long)step->attempts,
               step->text, step->code);
    else if (step->state == SG_STEP_WAITING && step->code[0])
        sg_say(voice, _("    tried %lld times, again after %s: %s [%s]"), (long long)step->attempts,
               sg_time_text(step->next_attempt, next), step->text, step->code);
    if (left)
        sg_say(voice, _("    what was begun may lie there, for who runs the target to remove: %s"), left);
}

static json_t *error_json(const struct sg_step *step)
{
    return step->code[0] ? json_pack("{s:s, s:o}", "code", step->code, "text", sg_json_text(step->text)) : json_null();
}

static json_t *step_json(const struct sg_step *step, const char *left)
{
    static const char *const STATES[] = {"waiting", "done", "dropped"};

    return json_pack("{s:s, s:s, s:o, s:s, s:o, s:I, s:o, s:o, s:o, s:o}", "kind",
                     step->kind == SG_STEP_UPLOAD ? "upload" : "timestamp", "level", step->level, "target",
                     step->target[0] ? sg_json_text(step->target) : json_null(), "state", STATES[step->state], "since",
                     sg_json_time(step->since), "attempts", (json_int_t)step->attempts, "last_attempt",
                     step->last_attempt ? sg_json_time(step->last_attempt) : json_null(), "next_attempt",
                     sg_json_time_or_null(step->state == SG_STEP_WAITING ? step->next_attempt : SG_TIME_NONE), "error",
                     error_json(step), "left", sg_json_text(left));
}

static enum sg_rc show_step(void *context, const struct sg_step *step, struct sg_err *err)
{
    struct showing *showing = context;
    bool waits = step->state == SG_STEP_WAITING;
    _cleanup_(freep) char *left = NULL;

    showing->complete = showing->complete && step->state == SG_STEP_DONE;
    if (!(showing->shown & SG_SHOW_ALL) && !(waits && showing->shown & SG_SHOW_WAITING))
        return SG_OK;
    enum sg_rc rc = name_left(showing, step, &left, err);
    if (rc != SG_OK)
        return rc;
    say_step(showing->voice, step, left);
    return showing->object ? add(showing->steps, step_json(step, left), err) : SG_OK;
}

/* --- versions and receipts -----------------------------------------------------------------------------------------
 */

static enum sg_rc show_version(void *context, const struct sg_version *version, struct sg_err *err)
{
    struct showing *showing = context;
    char time[SG_TIME_TEXT];

    sg_say(showing->voice, _("  %s: %lld bytes, SHA-256 %s"), version->level, (long long)version->size,
           version->sha256);
    if (version->tsa[0])
        sg_say(showing->voice, _("    time-stamped by %s at %s"), version->tsa, sg_time_text(version->time, time));
    if (!showing->object)
        return SG_OK;
    json_t *timestamp = version->tsa[0] ? json_pack("{s:o, s:o}", "tsa", sg_json_text(version->tsa), "time",
                                                    sg_json_time(version->time))
                                        : json_null();
    return add(showing->versions,
               json_pack("{s:s, s:s, s:I, s:o}", "level", version->level, "sha256", version->sha256, "size",
                         (json_int_t)version->size, "timestamp", timestamp),
               err);
}

static json_t *receipt_json(const struct sg_kept_receipt *kept)
{
    const struct sg_receipt *receipt = &kept->receipt;

    return json_pack("{s:s, s:o, s:o, s:s, s:I, s:o, s:o, s:i, s:o, s:o, s:o, s:b}", "level", kept->level, "target",
                     sg_json_text(receipt->target), "url", sg_json_text(receipt->url), "sha256", receipt->sha256,
                     "size", (json_int_t)receipt->size, "stored", sg_json_time(receipt->stored), "compared",
                     sg_json_time(receipt->compared), "status", receipt->status, "etag", sg_json_text(receipt->etag),
                     "version_id", sg_json_text(receipt->version_id), "server_date", sg_json_text(receipt->server_date),
                     "was_there", receipt->was_there);
}

static enum sg_rc show_receipt(void *context, const struct sg_kept_receipt *kept, struct sg_err *err)
{
    struct showing *showing = context;
    const struct sg_receipt *receipt = &kept->receipt;
    char stored[SG_TIME_TEXT], compared[SG_TIME_TEXT];

    sg_say(showing->voice, _("  %s is kept at %s since %s: %s"), kept->level, receipt->target,
           sg_time_text(receipt->stored, stored), receipt->url);
    sg_say(showing->voice, _("    read back and compared %s: %lld bytes, SHA-256 %s"),
           sg_time_text(receipt->compared, compared), (long long)receipt->size, receipt->sha256);
    return showing->object ? add(showing->receipts, receipt_json(kept), err) : SG_OK;
}

/* --- all of it -----------------------------------------------------------------------------------------------------
 */

static enum sg_rc begin_json(struct showing *showing, struct sg_err *err)
{
    const struct {
        unsigned shown;
        const char *name;
        json_t **list;
    } LISTS[] = {{SG_SHOW_VERSIONS, "versions", &showing->versions},
                 {SG_SHOW_RECEIPTS, "receipts", &showing->receipts},
                 {SG_SHOW_WAITING | SG_SHOW_ALL, "steps", &showing->steps}};

    showing->object = json_object();
    for (size_t i = 0; i < sizeof(LISTS) / sizeof(LISTS[0]); i++) {
        if (!(showing->shown & LISTS[i].shown))
            continue;
        *LISTS[i].list = json_array();
        if (json_object_set_new(showing->object, LISTS[i].name, *LISTS[i].list) != 0)
            return sg_fail_memory(err);
    }
    return SG_OK;
}

enum sg_rc sg_outbox_show(struct sg_app *app, struct sg_store *store, int64_t document, unsigned shown,
                          json_t **ret_json, bool *ret_complete, struct sg_err *err)
{
    struct showing showing = {.app = app, .voice = &app->voice, .shown = shown, .complete = true};
    enum sg_rc rc = ret_json ? begin_json(&showing, err) : SG_OK;

    if (rc == SG_OK)
        rc = sg_store_id(store, showing.store_id, err);
    if (rc == SG_OK)
        rc = sg_outbox_get(store, document, show_head, &showing, err);
    if (rc == SG_OK && shown & SG_SHOW_VERSIONS)
        rc = sg_outbox_versions(store, document, show_version, &showing, err);
    if (rc == SG_OK && shown & SG_SHOW_RECEIPTS)
        rc = sg_receipts_of(store, document, show_receipt, &showing, err);
    if (rc == SG_OK)
        rc = sg_steps_of(store, document, show_step, &showing, err);
    if (rc == SG_OK && ret_json)
        *ret_json = json_incref(showing.object);
    if (rc == SG_OK && ret_complete)
        *ret_complete = showing.complete;
    json_decref(showing.object);
    return rc;
}
