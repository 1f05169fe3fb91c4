/* The status as JSON: signet.status/1. */
#include "cli/status.h"

static json_t *text_or_null(const char *text)
{
    return sg_json_text(text && text[0] ? text : NULL);
}

/* An item that could not be made makes the whole list fail. */
static bool append(json_t *list, json_t *item)
{
    return item && json_array_append_new(list, item) == 0;
}

static json_t *waiting_json(const struct sg_status *status)
{
    _cleanup_(json_decrefp) json_t *list = json_array();

    for (size_t i = 0; list && i < status->waiting_count; i++) {
        const struct sg_status_waiting *w = &status->waiting[i];
        if (!append(list, json_pack("{s:s, s:o, s:b, s:I, s:o, s:o, s:o, s:o}", "kind",
                                    w->kind == SG_STEP_TIMESTAMP ? "timestamp" : "upload", "target",
                                    text_or_null(w->target), "configured", w->known, "count", (json_int_t)w->count,
                                    "since", sg_json_time(w->since), "next", sg_json_time_or_null(w->next), "code",
                                    text_or_null(w->code), "text", text_or_null(w->text))))
            return NULL;
    }
    return sg_steal(list);
}

static json_t *apart_json(const struct sg_status *status)
{
    _cleanup_(json_decrefp) json_t *list = json_array();

    for (size_t i = 0; list && i < status->apart_count; i++)
        if (!append(list, json_pack("{s:o, s:s, s:s}", "file", sg_json_text(status->apart[i].output), "state",
                                    status->apart[i].state == SG_OUTPUT_CHANGED ? "changed" : "moved", "sha256",
                                    status->apart[i].sha256)))
            return NULL;
    return sg_steal(list);
}

static json_t *witnesses_json(const struct sg_status *status)
{
    _cleanup_(json_decrefp) json_t *list = json_array();

    for (size_t i = 0; list && i < status->witness_count; i++) {
        const struct sg_status_witness *w = &status->witnesses[i];
        if (!append(list, json_pack("{s:s, s:o, s:o, s:s, s:o}", "kind", w->kind == SG_WITNESS_TSA ? "tsa" : "target",
                                    "name", text_or_null(w->name), "since", sg_json_time(w->since), "code", w->code,
                                    "text", sg_json_text(w->text))))
            return NULL;
    }
    return sg_steal(list);
}

static json_t *revocation_json(const struct sg_status *status)
{
    _cleanup_(json_decrefp) json_t *list = json_array();

    for (size_t i = 0; list && i < status->revocation_count; i++) {
        const struct sg_status_revocation *r = &status->revocation[i];
        if (!append(list, json_pack("{s:o, s:o, s:o}", "issuer", sg_json_text(r->issuer), "this_update",
                                    sg_json_time(r->this_update), "next_update", sg_json_time_or_null(r->next_update))))
            return NULL;
    }
    return sg_steal(list);
}

static json_t *pulls_json(const struct sg_status *status)
{
    _cleanup_(json_decrefp) json_t *list = json_array();

    for (size_t i = 0; list && i < status->pull_count; i++) {
        const struct sg_status_pull *pull = &status->pulls[i];
        if (!append(list, json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "kind", sg_json_text(pull->kind), "url",
                                    sg_json_text(pull->url), "last_success",
                                    pull->last_success ? sg_json_time(pull->last_success) : json_null(), "next",
                                    sg_json_time(pull->next), "code", sg_json_text(pull->code), "text",
                                    sg_json_text(pull->text))))
            return NULL;
    }
    return sg_steal(list);
}

static json_t *list_json(const struct sg_status *status)
{
    const struct sg_kept_list *list = &status->list;
    if (list->number == 0)
        return json_null();
    json_t *release = sg_status_has_release(status)
                          ? json_pack("{s:o, s:o, s:o}", "version", sg_json_text(list->release_version), "url",
                                      text_or_null(list->release_url), "sha256", text_or_null(list->release_sha256))
                          : json_null();
    return json_pack("{s:I, s:o, s:o}", "number", (json_int_t)list->number, "applied", sg_json_time(list->applied),
                     "release", release);
}

static json_t *entry_time(const struct sg_status_entry *entry)
{
    return entry->text ? sg_json_time(entry->time) : json_null();
}

static json_t *clock_json(const struct sg_status *status)
{
    const struct sg_overview *o = &status->overview;

    return json_pack("{s:b, s:I, s:o, s:o, s:{s:I, s:o, s:o}}", "wrong", o->clock_wrong, "differences",
                     (json_int_t)o->clock_differs, "last", entry_time(&status->clock), "text",
                     sg_json_text(status->clock.text), "late", "documents", (json_int_t)o->late, "last",
                     entry_time(&status->late), "text", sg_json_text(status->late.text));
}

enum sg_rc sg_status_print_json(const struct sg_status *status, struct sg_err *err)
{
    const struct sg_overview *o = &status->overview;

    if (!status->app->voice.json)
        return SG_OK;
    json_t *object = json_pack(
        "{s:s, s:o, s:{s:b, s:b, s:o, s:o}, s:{s:I, s:I, s:I, s:I, s:o}, s:o, s:I, s:o, "
        "s:{s:I, s:I, s:I, s:o}, s:{s:o, s:o, s:I, s:o}, s:o, s:o, s:{s:s, s:s}}",
        "schema", "signet.status/1", "time", sg_json_time(status->now), "sync", "running", status->running, "due",
        sg_status_is_due(status), "last", sg_json_time_or_null(status->last_sync), "next",
        sg_json_time_or_null(status->next), "documents", "open", (json_int_t)o->open, "unplaced",
        (json_int_t)o->unplaced, "moved", (json_int_t)o->moved, "changed", (json_int_t)o->changed, "apart",
        apart_json(status), "waiting", waiting_json(status), "dropped", (json_int_t)o->dropped, "clock",
        clock_json(status), "ledger", "entries", (json_int_t)o->ledger_last, "witnessed",
        (json_int_t)o->ledger_witnessed, "unwitnessed", (json_int_t)(o->ledger_last - o->ledger_witnessed), "failures",
        witnesses_json(status), "revocation", "good_until", sg_json_time_or_null(status->revocation_until), "data",
        revocation_json(status), "ocsp_responses", (json_int_t)status->ocsp_count, "ocsp_good_until",
        sg_json_time_or_null(status->ocsp_until), "pulls", pulls_json(status), "anchor_list", list_json(status),
        "level", "asked", sg_config_text(status->app->config, SG_KEY_SIGN_LEVEL), "reached", sg_status_level(status));
    return sg_json_print(&status->app->voice, object) ? SG_OK : sg_fail_memory(err);
}
