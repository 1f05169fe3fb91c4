#include "cli/token_work.h"

#include <string.h>

#include "base/limits.h"
#include "base/msg.h"
#include "cli/signing.h"

json_t *sg_token_work_json(const struct sg_token_info *info)
{
    return json_pack("{s:o, s:o}", "label", sg_json_text(info->label), "serial", sg_json_text(info->serial));
}

void sg_token_work_clear(struct sg_token_work *work)
{
    json_decref(work->interrupted);
    sg_tokens_free(work->tokens);
    sg_store_free(work->store);
    *work = (struct sg_token_work){0};
}

/* --- keys --------------------------------------------------------------------------------------------------------- */

enum sg_rc sg_token_work_keys(const struct sg_token_work *work, const char *id, struct sg_key_list **ret,
                              struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf uri = SG_BUF(SG_MAX_URI + 1);
    const char *text = NULL;
    enum sg_rc rc = sg_buf_printf(&uri, err, "%s", work->info->uri);

    if (rc == SG_OK && id)
        rc = sg_buf_printf(&uri, err, ";id=");
    for (size_t i = 0; rc == SG_OK && id && i < strlen(id) / 2; i++)
        rc = sg_buf_printf(&uri, err, "%%%.2s", id + 2 * i);
    if (rc == SG_OK)
        rc = sg_buf_text(&uri, &text, err);
    return rc == SG_OK ? sg_keys_find(work->tokens, text, ret, err) : rc;
}

/* --- the ledger --------------------------------------------------------------------------------------------------- */

static enum sg_rc record(const struct sg_token_work *work, const char *event, const char *suffix,
                         const struct sg_ledger_entry *rest, struct sg_err *err)
{
    char name[32];
    struct sg_ledger_entry entry = *rest;

    (void)snprintf(name, sizeof(name), "%s%s", event, suffix);
    entry.event = name;
    entry.token = work->info->serial;
    return sg_ledger_append(work->store, &entry, err);
}

enum sg_rc sg_token_work_begin(const struct sg_token_work *work, const char *event, const char *spki_sha256,
                               const char *id, const char *detail, struct sg_err *err)
{
    const struct sg_ledger_entry entry = {.code = "", .key = spki_sha256, .object = id, .detail = detail};

    return record(work, event, "-begun", &entry, err);
}

enum sg_rc sg_token_work_end(const struct sg_token_work *work, const char *event, const char *spki_sha256,
                             const char *id, const char *detail, const struct sg_err *failure, struct sg_err *err)
{
    const struct sg_ledger_entry entry = {.code = failure ? sg_rc_word(failure->rc) : "",
                                          .key = spki_sha256,
                                          .object = id,
                                          .detail = failure ? failure->text : detail};

    return record(work, event, failure ? "-failed" : "", &entry, err);
}

bool sg_token_work_did_nothing(enum sg_rc rc)
{
    switch (rc) {
    case SG_E_USAGE:
    case SG_E_KEY_EXISTS:
    case SG_E_KEY_AMBIGUOUS:
    case SG_E_NO_KEY:
    case SG_E_NOT_SERVED:
    case SG_E_PIN_REQUIRED:
    case SG_E_POLICY:
        return true;
    default:
        return false;
    }
}

/* --- what was interrupted ----------------------------------------------------------------------------------------- */

/* A run that was killed, or a token that was pulled, between the two entries. */
struct interruption {
    const char *event; /* "keygen" or "delete" */
    char *id;
    int64_t time;
    bool key_there;
};

static const char *state_of(const struct interruption *found)
{
    bool keygen = strcmp(found->event, "keygen") == 0;

    if (found->key_there)
        return keygen
                   ? _("the token has a key of this id, which was not checked; it is not taken for one that was made "
                       "here. Delete it with signet token delete, and make another")
                   : _("the token still has a key of this id, or a part of it; repeat signet token delete");
    return keygen ? _("the token has no key of this id") : _("the token has no key of this id any more");
}

static enum sg_rc tell(struct sg_token_work *work, const struct interruption *found, struct sg_err *err)
{
    char time[SG_TIME_TEXT];
    json_t *object = json_pack("{s:s, s:s, s:o, s:b}", "what", found->event, "id", found->id, "begun",
                               sg_json_time(found->time), "key_there", found->key_there);

    sg_warn(&work->app->voice, "interrupted", _("A \"%s\" of the id %s was interrupted at %s: %s."), found->event,
            found->id, sg_time_text(found->time, time), state_of(found));
    return json_array_append_new(work->interrupted, object) == 0 ? SG_OK : sg_fail_memory(err);
}

/* The outcome that an interrupted run did not record. A key that is there after an interrupted "keygen" may be one that
 * somebody else put there since: it is no key that we saw being made. */
static enum sg_rc settle_one(struct sg_token_work *work, struct interruption *found, struct sg_err *err)
{
    _cleanup_(sg_key_list_freep) struct sg_key_list *keys = NULL;
    struct sg_err failure = {0};
    enum sg_rc rc = sg_token_work_keys(work, found->id, &keys, err);

    if (rc != SG_OK)
        return rc;
    found->key_there = sg_key_list_count(keys) > 0;
    (void)sg_fail(&failure, SG_E_CANCELLED, _("Interrupted: %s."), state_of(found));
    bool done = strcmp(found->event, "delete") == 0 && !found->key_there;
    rc = sg_token_work_end(work, found->event, "", found->id, failure.text, done ? NULL : &failure, err);
    return rc == SG_OK ? tell(work, found, err) : rc;
}

static enum sg_rc settle(struct sg_token_work *work, struct sg_err *err)
{
    static const char *const events[] = {"keygen", "delete"};
    enum sg_rc rc = SG_OK;

    for (size_t i = 0; rc == SG_OK && i < sizeof(events) / sizeof(events[0]);) {
        struct interruption found = {.event = events[i]};
        rc = sg_store_token_unfinished(work->store, work->info->serial, events[i], &found.id, &found.time, err);
        if (rc == SG_OK && found.id)
            rc = settle_one(work, &found, err);
        else
            i++;
        free(found.id);
    }
    return rc;
}

/* --- opening ------------------------------------------------------------------------------------------------------ */

enum sg_rc sg_token_work_open(struct sg_app *app, const char *uri, struct sg_token_work *work, struct sg_err *err)
{
    *work = (struct sg_token_work){.app = app, .interrupted = json_array()};
    enum sg_rc rc = work->interrupted ? sg_app_store(app, &work->store, err) : sg_fail_memory(err);

    if (rc == SG_OK)
        rc = sg_app_tokens(app, &work->tokens, err);
    if (rc == SG_OK)
        rc = sg_token_find(work->tokens, uri, &work->token, err);
    if (rc != SG_OK)
        return rc;
    work->info = sg_token_info(work->token);
    rc = sg_refuse_retired(work->store, work->info, err);
    if (rc == SG_OK)
        rc = sg_app_login(app, work->token, err);
    return rc == SG_OK ? settle(work, err) : rc;
}
