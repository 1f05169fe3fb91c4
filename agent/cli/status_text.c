/* The status for people: what is wrong or waiting first. */
#include <string.h>

#include "base/msg.h"
#include "cli/status.h"

/* --- what waits --------------------------------------------------------------------------------------------------- */

static void say_waiting(const struct sg_status *status, const struct sg_status_waiting *w)
{
    const struct sg_voice *voice = &status->app->voice;
    char since[SG_TIME_TEXT], next[SG_TIME_TEXT], span[SG_SPAN_TEXT];

    (void)sg_time_text(w->since, since);
    (void)sg_span_text(status->now - w->since, span);
    if (w->kind == SG_STEP_TIMESTAMP)
        sg_say(voice, _("%6lld  wait for a time-stamp, the first since %s (%s)"), (long long)w->count, since, span);
    else
        sg_say(voice, _("%6lld  wait to be stored at %s, the first since %s (%s)"), (long long)w->count, w->target,
               since, span);
    if (!w->known)
        sg_say(voice,
               _("        The configuration has no target %s any more: put it back, or give "
                 "these up: signet outbox drop --target %s."),
               w->target, w->target);
    if (w->code[0])
        sg_say(voice, _("        %s [%s]"), w->text, w->code);
    if (w->next == SG_STEP_NEVER)
        sg_say(voice, "%s", _("        It is not tried again by itself, but by signet outbox retry."));
    else if (w->next > status->now)
        sg_say(voice, _("        The next try is at %s."), sg_time_text(w->next, next));
    else
        sg_say(voice, "        %s", w->code[0] ? _("The next sync tries again.") : _("Not tried yet."));
}

/* Those that fail first. */
static void say_all_waiting(const struct sg_status *status)
{
    for (int failing = 1; failing >= 0; failing--)
        for (size_t i = 0; i < status->waiting_count; i++)
            if ((status->waiting[i].code[0] != '\0') == failing)
                say_waiting(status, &status->waiting[i]);
    if (status->waiting_count == 0)
        sg_say(&status->app->voice, "%s", _("Nothing waits."));
}

/* --- what is wrong ------------------------------------------------------------------------------------------------ */

static void say_documents(const struct sg_status *status)
{
    const struct sg_voice *voice = &status->app->voice;
    const struct sg_overview *o = &status->overview;

    if (o->unplaced > 0)
        sg_say(voice,
               _("Signed files that have not got their names yet, since signing was cut off: %lld. The next "
                 "sign or sync makes up for it."),
               (long long)o->unplaced);
    if (o->moved + o->changed > 0)
        sg_say(voice,
               _("Completed files that are kept in the store, since the signed file was moved or changed: %lld. "
                 "signet get brings them; signet forget ends this for those that you have:"),
               (long long)(o->moved + o->changed));
    for (size_t i = 0; i < status->apart_count; i++)
        sg_say(voice, "        %s (%s), %s", status->apart[i].output,
               status->apart[i].state == SG_OUTPUT_CHANGED ? _("changed") : _("moved or missing"),
               status->apart[i].sha256);
    if (o->moved + o->changed > SG_STATUS_APART)
        sg_say(voice, _("        and %lld more"), (long long)(o->moved + o->changed - SG_STATUS_APART));
    if (o->dropped > 0)
        sg_say(voice, _("Steps that were dropped, for reasons that the ledger has: %lld."), (long long)o->dropped);
}

static void say_clock(const struct sg_status *status)
{
    const struct sg_voice *voice = &status->app->voice;
    const struct sg_overview *o = &status->overview;
    char time[SG_TIME_TEXT];

    if (o->clock_wrong)
        sg_say(voice,
               _("This computer's clock is wrong, or was at the last time-stamp: %s. Set it right; the next time-stamp "
                 "shows whether it is."),
               status->clock.text);
    else if (status->clock.text)
        sg_say(voice, _("This computer's clock was more than five minutes wrong (%lld times, found last at %s): %s"),
               (long long)o->clock_differs, sg_time_text(status->clock.time, time), status->clock.text);
    if (status->late.text)
        sg_say(voice, _("Documents signed more than five minutes before their time-stamp: %lld, the last: %s"),
               (long long)o->late, status->late.text);
}

static void say_ledger(const struct sg_status *status)
{
    const struct sg_voice *voice = &status->app->voice;
    const struct sg_overview *o = &status->overview;
    int64_t rest = o->ledger_last - o->ledger_witnessed;
    char since[SG_TIME_TEXT];

    for (size_t i = 0; i < status->witness_count; i++) {
        const struct sg_status_witness *w = &status->witnesses[i];
        sg_say(voice, _("The ledger is not witnessed by %s since %s: %s [%s]"),
               w->kind == SG_WITNESS_TSA ? _("a time-stamp") : w->name, sg_time_text(w->since, since), w->text,
               w->code);
    }
    if (rest > 0 && (status->stamps || status->targets > 0))
        sg_say(voice, _("Entries of the ledger that nobody has witnessed yet: %lld of %lld."), (long long)rest,
               (long long)o->ledger_last);
}

static void say_revocation(const struct sg_status *status)
{
    const struct sg_voice *voice = &status->app->voice;
    char time[SG_TIME_TEXT];

    for (size_t i = 0; i < status->revocation_count; i++)
        if (status->revocation[i].next_update < status->now)
            sg_say(voice, _("The revocation list of %s should have been replaced at %s."), status->revocation[i].issuer,
                   sg_time_text(status->revocation[i].next_update, time));
    if (status->revocation_until != INT64_MAX && status->revocation_until >= status->now)
        sg_say(voice, _("All revocation lists here are good until %s."), sg_time_text(status->revocation_until, time));
    if (status->ocsp_count > 0 && status->ocsp_until != INT64_MAX)
        sg_say(voice, _("OCSP responses here: %zu, the first to be replaced at %s."), status->ocsp_count,
               sg_time_text(status->ocsp_until, time));
}

static void say_pulls(const struct sg_status *status)
{
    const struct sg_voice *voice = &status->app->voice;
    char next[SG_TIME_TEXT];

    for (size_t i = 0; i < status->pull_count; i++) {
        const struct sg_status_pull *pull = &status->pulls[i];
        sg_say(voice, _("Not fetched: %s (%s)"), pull->url, pull->kind);
        sg_say(voice, _("        %s [%s]"), pull->text, pull->code);
        sg_say(voice, _("        The next try is at %s."), sg_time_text(pull->next, next));
    }
}

/* --- what else there is to know ----------------------------------------------------------------------------------- */

static void say_level(const struct sg_status *status)
{
    const struct sg_voice *voice = &status->app->voice;
    const char *asked = sg_config_text(status->app->config, SG_KEY_SIGN_LEVEL);

    if (strcmp(asked, "B-B") == 0)
        return;
    if (!status->stamps)
        sg_say(voice, "%s", _("No time-stamp authority is configured: signatures stay at level B-B."));
    else if (strcmp(asked, "B-T") != 0)
        sg_say(voice, _("Signatures are brought to B-T, the highest level yet; [sign] level asks for %s."), asked);
}

static void say_list(const struct sg_status *status)
{
    const struct sg_voice *voice = &status->app->voice;
    const struct sg_kept_list *list = &status->list;
    char time[SG_TIME_TEXT];

    if (sg_status_has_release(status))
        sg_say(voice, _("There is a newer version of Signet: %s, at %s, SHA-256 %s."), list->release_version,
               list->release_url, list->release_sha256);
    if (list->number > 0)
        sg_say(voice, _("The list of anchors in force is number %lld, applied at %s."), (long long)list->number,
               sg_time_text(list->applied, time));
    else if (sg_config_text(status->app->config, SG_KEY_TRUST_LIST)[0])
        sg_say(voice, "%s", _("No list of anchors was applied yet."));
}

static void say_sync(const struct sg_status *status)
{
    const struct sg_voice *voice = &status->app->voice;
    char time[SG_TIME_TEXT];

    if (status->running)
        sg_say(voice, "%s", _("A sync is at work."));
    else if (sg_status_is_due(status))
        sg_say(voice, "%s", _("A sync is due: signet sync."));
    if (status->last_sync != INT64_MIN)
        sg_say(voice, _("The last sync was at %s."), sg_time_text(status->last_sync, time));
    else
        sg_say(voice, "%s", _("There was no sync yet."));
}

void sg_status_say(const struct sg_status *status)
{
    say_all_waiting(status);
    say_documents(status);
    say_clock(status);
    say_pulls(status);
    say_revocation(status);
    say_ledger(status);
    say_list(status);
    say_level(status);
    say_sync(status);
}
