/* signet status --offline-for: does everything that is needed to sign last so long without a network? One line each. */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/limits.h"
#include "base/msg.h"
#include "cli/judging.h"
#include "cli/signing.h"
#include "cli/status.h"
#include "verify/ending.h"

#define MONTH ((int64_t)30 * 86400) /* over which it is looked how much is signed */
#define LOW_DISK (64 * SG_MIB)

enum lasting { LASTS, ENDS, UNKNOWN, WRONG };

static const char *const lasting_words[] = {[LASTS] = "ok", [ENDS] = "ends", [UNKNOWN] = "unknown", [WRONG] = "wrong"};

struct offline {
    struct sg_app *app;
    struct sg_signing signing;
    struct sg_status status;
    int64_t now, until;
    int64_t certificate_until; /* SG_TIME_NONE: not known */
    json_t *items;
    bool ends;
};

static void offline_clear(struct offline *offline)
{
    sg_status_clear(&offline->status);
    sg_signing_clear(&offline->signing);
    json_decref(offline->items);
}

/* `until` INT64_MAX: it does not end by itself. */
SG_PRINTF(6, 7)
static enum sg_rc find(struct offline *offline, const char *check, enum lasting lasting, int64_t until,
                       struct sg_err *err, const char *format, ...)
{
    char text[1024], time[SG_TIME_TEXT] = "-";
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (lasting == LASTS && until < offline->until)
        lasting = ENDS;
    offline->ends |= lasting != LASTS;
    if (until != INT64_MAX)
        (void)sg_time_text(until, time);
    sg_say(&offline->app->voice, "%-7s  %-11s  %-20s  %s", lasting_words[lasting], check, time, text);
    json_t *item = json_pack("{s:s, s:s, s:o, s:o}", "check", check, "result", lasting_words[lasting], "until",
                             until == INT64_MAX ? json_null() : sg_json_time(until), "text", sg_json_text(text));
    return item && json_array_append_new(offline->items, item) == 0 ? SG_OK : sg_fail_memory(err);
}

/* --- the card ----------------------------------------------------------------------------------------------------- */

static enum sg_rc look_at_pin(struct offline *offline, const struct sg_token_info *info, struct sg_err *err)
{
    static const char *const texts[] = {
        [SG_PIN_OK] = N_("No wrong PIN since the last right one."),
        [SG_PIN_COUNT_LOW] = N_("A wrong PIN was given, and few tries are left; the right one sets the count back."),
        [SG_PIN_FINAL_TRY] = N_("Only one try is left; make sure of the PIN, or have it unblocked."),
        [SG_PIN_LOCKED] = N_("Locked; the security officer can unblock it: signet token unblock."),
        [SG_PIN_NOT_SET] = N_("Not set yet; the security officer sets it: signet token unblock."),
        [SG_PIN_TO_BE_CHANGED] = N_("Has to be changed before it can be used: signet token pin."),
    };

    if (!info->login_required)
        return find(offline, "pin", LASTS, INT64_MAX, err, "%s", _("The token asks for none."));
    return find(offline, "pin", info->pin_state == SG_PIN_OK ? LASTS : WRONG, INT64_MAX, err, "%s",
                _(texts[info->pin_state]));
}

static enum sg_rc look_at_card(struct offline *offline, bool *ret_there, struct sg_err *err)
{
    struct sg_signing *signing = &offline->signing;
    struct sg_err why = {0};
    enum sg_rc rc = sg_signing_choose(offline->app, signing, &why);

    if (rc == SG_OK)
        rc = sg_refuse_retired(signing->store, signing->info->token, &why);
    *ret_there = rc == SG_OK;
    if (rc == SG_E_NO_MEMORY || rc == SG_E_CANCELLED || rc == SG_E_STORE_DAMAGED) {
        *err = why;
        return rc;
    }
    if (rc == SG_OK)
        rc = find(offline, "card", LASTS, INT64_MAX, err, _("%s (serial %s) is there, with its key."),
                  signing->info->token->label, signing->info->token->serial);
    else
        rc = find(offline, "card", WRONG, INT64_MAX, err, "%s", why.text);
    if (rc != SG_OK)
        return rc;
    return *ret_there ? look_at_pin(offline, signing->info->token, err)
                      : find(offline, "pin", UNKNOWN, INT64_MAX, err, "%s", _("There is no card to ask."));
}

/* --- its certificate, and what it rests on ------------------------------------------------------------------------ */

static enum sg_rc look_at_certificate(struct offline *offline, const STACK_OF(X509) *path, bool anchored,
                                      struct sg_err *err)
{
    struct sg_ending ending = sg_path_ending(path, anchored);
    _cleanup_(freep) char *subject = NULL;
    enum sg_rc rc = sg_name_text(X509_get_subject_name(ending.cert), &subject, err);

    if (rc != SG_OK)
        return rc;
    offline->certificate_until = ending.when;
    if (ending.when == SG_TIME_NONE)
        return find(offline, "certificate", WRONG, INT64_MAX, err,
                    _("The certificate of %s, or an algorithm in it, is not good."), subject);
    if (ending.of == SG_ENDING_CERTIFICATE)
        return find(offline, "certificate", LASTS, ending.when, err, _("The certificate of %s ends then."), subject);
    return find(offline, "certificate", LASTS, ending.when, err,
                _("The algorithm %s, in the certificate of %s, is trusted until then."), ending.algorithm, subject);
}

/* When the first of the data used has to be replaced, and what the configuration makes of that. */
static int64_t revocation_end(const struct offline *offline, const struct sg_verdict *verdict)
{
    const char *mode = sg_config_text(offline->app->config, SG_KEY_VERIFY_REVOCATION);
    int64_t until = INT64_MAX;

    for (size_t i = 0; i < verdict->revocation_count; i++)
        if (verdict->revocation[i].next_update != SG_TIME_NONE && verdict->revocation[i].next_update < until)
            until = verdict->revocation[i].next_update;
    if (until == INT64_MAX || strcmp(mode, "none") == 0)
        return INT64_MAX;
    return strcmp(mode, "soft") == 0 ? until + sg_config_seconds(offline->app->config, SG_KEY_VERIFY_STALE) : until;
}

static const char *why_not(const struct sg_verdict *verdict)
{
    return verdict->reason_count > 0 ? verdict->reasons[0].text : sg_indication_text(verdict->indication);
}

static enum sg_rc look_at_revocation(struct offline *offline, const struct sg_verdict *verdict, struct sg_err *err)
{
    int chain = sk_X509_num(verdict->chain);

    if (chain <= 0)
        return find(offline, "crls", UNKNOWN, INT64_MAX, err, "%s",
                    _("Without a path to an anchor nothing says whether the certificate is revoked."));
    if (verdict->indication != SG_TOTAL_PASSED)
        return find(offline, "crls", WRONG, INT64_MAX, err, "%s", why_not(verdict));
    if (verdict->revocation_count == 0)
        return find(offline, "crls", LASTS, INT64_MAX, err, "%s", _("No revocation data is asked for."));
    return find(offline, "crls", LASTS, revocation_end(offline, verdict), err, "%s",
                _("The first of the revocation lists has to be replaced then; signet sync does it."));
}

static enum sg_rc look_at_anchor(struct offline *offline, const struct sg_verdict *verdict, struct sg_err *err)
{
    int chain = sk_X509_num(verdict->chain);
    _cleanup_(freep) char *subject = NULL;
    int64_t not_after = SG_TIME_NONE;

    if (chain <= 0)
        return find(offline, "anchors", WRONG, INT64_MAX, err, "%s", why_not(verdict));
    X509 *anchor = sk_X509_value(verdict->chain, chain - 1);
    enum sg_rc rc = sg_name_text(X509_get_subject_name(anchor), &subject, err);
    if (rc != SG_OK)
        return rc;
    if (!sg_time_from_asn1(X509_get0_notAfter(anchor), &not_after))
        return find(offline, "anchors", UNKNOWN, INT64_MAX, err, _("The end of %s cannot be read."), subject);
    return find(offline, "anchors", LASTS, not_after, err, _("The anchor %s ends then."), subject);
}

static void free_borrowed(STACK_OF(X509) **certs)
{
    sk_X509_free(*certs);
}

static enum sg_rc look_at_path(struct offline *offline, const struct sg_args *args, struct sg_err *err)
{
    const struct sg_key_info *info = offline->signing.info;
    _cleanup_(sg_x509_stack_freep) STACK_OF(X509) *helpers = sk_X509_new_null();
    _cleanup_(free_borrowed) STACK_OF(X509) *alone = sk_X509_new_null();
    _cleanup_(sg_judging_clear) struct sg_judging judging = {0};
    _cleanup_(sg_report_freep) struct sg_report *report = NULL;

    if (!helpers || !alone || sk_X509_push(alone, info->cert) <= 0)
        return sg_fail_memory(err);
    enum sg_rc rc = sg_token_certificates(sg_token_key_token(offline->signing.token_key), NULL, helpers, err);
    if (rc == SG_OK)
        rc = sg_judging_init(offline->app, args, helpers, &judging, err);
    if (rc == SG_OK)
        rc = sg_cert_check(judging.verifier, info->uri, info->cert, SG_CERT_SIGN, &report, err);
    if (rc != SG_OK)
        return rc;
    const struct sg_verdict *verdict = &report->verdicts[0];
    bool anchored = sk_X509_num(verdict->chain) > 0;
    rc = look_at_certificate(offline, anchored ? verdict->chain : alone, anchored, err);
    if (rc == SG_OK)
        rc = look_at_revocation(offline, verdict, err);
    return rc == SG_OK ? look_at_anchor(offline, verdict, err) : rc;
}

static enum sg_rc no_path(struct offline *offline, struct sg_err *err)
{
    static const char *const checks[] = {"certificate", "crls", "anchors"};
    enum sg_rc rc = SG_OK;

    for (size_t i = 0; rc == SG_OK && i < sizeof(checks) / sizeof(checks[0]); i++)
        rc = find(offline, checks[i], UNKNOWN, INT64_MAX, err, "%s", _("There is no card to ask."));
    return rc;
}

/* --- the computer ------------------------------------------------------------------------------------------------- */

static enum sg_rc look_at_clock(struct offline *offline, struct sg_err *err)
{
    struct sg_clock_doubt doubt;
    char now[SG_TIME_TEXT], then[SG_TIME_TEXT];
    enum sg_rc rc = sg_clock_doubt(offline->signing.store, offline->now, &doubt, err);

    if (rc != SG_OK)
        return rc;
    if (doubt.what)
        return find(offline, "clock", WRONG, INT64_MAX, err, _("The clock says %s, but %s at %s."),
                    sg_time_text(offline->now, now), doubt.what, sg_time_text(doubt.then, then));
    if (offline->status.overview.clock_wrong)
        return find(offline, "clock", WRONG, INT64_MAX, err,
                    _("The clock says %s, and was wrong at the last time-stamp: %s. Set it right; the next time-stamp "
                      "shows whether it is."),
                    sg_time_text(offline->now, now), offline->status.clock.text);
    if (offline->status.clock.text)
        return find(offline, "clock", LASTS, INT64_MAX, err, _("The clock says %s. It was found wrong at %s: %s"),
                    sg_time_text(offline->now, now), sg_time_text(offline->status.clock.time, then),
                    offline->status.clock.text);
    return find(offline, "clock", LASTS, INT64_MAX, err, _("The clock says %s, and nothing contradicts it."),
                sg_time_text(offline->now, now));
}

/* As long as it lasts if as much is signed as in the last month. */
static enum sg_rc look_at_disk(struct offline *offline, struct sg_err *err)
{
    const char *folder = offline->app->paths.state;
    struct statvfs info;
    int64_t used = 0, until = INT64_MAX;
    enum sg_rc rc = sg_overview_bytes_since(offline->signing.store, offline->now - MONTH, &used, err);

    if (rc != SG_OK)
        return rc;
    if (statvfs(folder, &info) < 0)
        return sg_about(folder, err, sg_fail_errno(err, SG_E_IO, errno, _("\"%s\" could not be read."), folder));
    uint64_t room = (uint64_t)info.f_bavail * info.f_frsize;
    if (room < LOW_DISK)
        return find(offline, "disk", WRONG, INT64_MAX, err, _("Only %llu MiB are free where the store is; make room."),
                    (unsigned long long)(room / SG_MIB));
    double days = used > 0 ? (double)room / (double)used * 30 : 0;
    if (used > 0 && days < 36500)
        until = offline->now + (int64_t)(days * 86400);
    return find(offline, "disk", LASTS, until, err,
                _("%llu MiB are free where the store is; copies of what was signed in the last 30 days have %lld MiB."),
                (unsigned long long)(room / SG_MIB), (long long)(used / (int64_t)SG_MIB));
}

static enum sg_rc look_at_waiting(struct offline *offline, struct sg_err *err)
{
    int64_t stamps = 0, until = INT64_MAX;

    for (size_t i = 0; i < offline->status.waiting_count; i++)
        if (offline->status.waiting[i].kind == SG_STEP_TIMESTAMP)
            stamps += offline->status.waiting[i].count;
    if (offline->status.overview.open == 0)
        return find(offline, "waiting", LASTS, INT64_MAX, err, "%s", _("No document waits."));
    if (stamps == 0)
        return find(offline, "waiting", LASTS, INT64_MAX, err,
                    _("%lld documents wait to be stored; their copies stay here until they are."),
                    (long long)offline->status.overview.open);
    if (offline->certificate_until != SG_TIME_NONE)
        until = offline->certificate_until;
    return find(offline, "waiting", LASTS, until, err,
                _("%lld documents wait, %lld of them for a time-stamp, which has to come before the certificate ends."),
                (long long)offline->status.overview.open, (long long)stamps);
}

/* --- all together ------------------------------------------------------------------------------------------------- */

static enum sg_rc look(struct offline *offline, const struct sg_args *args, struct sg_err *err)
{
    bool there = false;
    enum sg_rc rc = look_at_card(offline, &there, err);

    if (rc == SG_OK)
        rc = there ? look_at_path(offline, args, err) : no_path(offline, err);
    if (rc == SG_OK)
        rc = look_at_clock(offline, err);
    if (rc == SG_OK)
        rc = look_at_disk(offline, err);
    return rc == SG_OK ? look_at_waiting(offline, err) : rc;
}

enum sg_rc sg_status_offline(struct sg_app *app, const struct sg_args *args, int64_t seconds, bool *ret_ends,
                             struct sg_err *err)
{
    _cleanup_(offline_clear) struct offline offline = {
        .app = app, .now = sg_clock_now(&app->clock), .certificate_until = SG_TIME_NONE, .items = json_array()};

    offline.until = offline.now + seconds;
    enum sg_rc rc = offline.items ? sg_signing_open(app, &offline.signing, err) : sg_fail_memory(err);
    if (rc == SG_OK)
        rc = sg_status_gather(app, offline.signing.store, &offline.status, err);
    if (rc == SG_OK)
        rc = look(&offline, args, err);
    if (rc != SG_OK)
        return rc;
    *ret_ends = offline.ends;
    json_t *object =
        json_pack("{s:s, s:o, s:o, s:b, s:O}", "schema", "signet.offline/1", "time", sg_json_time(offline.now), "until",
                  sg_json_time(offline.until), "lasts", !offline.ends, "items", offline.items);
    return sg_json_print(&app->voice, object) ? SG_OK : sg_fail_memory(err);
}
