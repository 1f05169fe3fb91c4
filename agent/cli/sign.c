/* signet sign: each FILE gets a signature beside it. */
#include <inttypes.h>
#include <string.h>

#include "base/msg.h"
#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/sign_jobs.h"

static const struct sg_option options[] = {
    {.name = "key",
     .argument = "URI",
     .help = N_("sign with this key (RFC 7512)"),
     .sets_key = true,
     .key = SG_KEY_SIGN_KEY},
    {.name = "format", .argument = "auto|cades", .help = N_("format of the signature (auto: CAdES in this version)")},
    {.name = "attached", .help = N_("put the content into the signature: FILE.p7m")},
    {.name = "output",
     .argument = "FILE",
     .help = N_("write the signature of the only input to FILE (-: stdout)"),
     .writes = true},
    {.name = "output-dir", .argument = "FOLDER", .help = N_("write the signatures into FOLDER")},
    {.name = "target",
     .argument = "NAME",
     .help = N_("have it stored at this target alone (repeatable; without it, at all of the configuration)"),
     .repeatable = true},
    {.name = "no-upload", .help = N_("have it stored nowhere")},
    {.name = "force", .help = N_("replace outputs that exist")},
    {.name = "allow-expired", .help = N_("sign though the certificate has ended")},
    {.name = "allow-not-yet-valid", .help = N_("sign though the certificate begins later")},
    {.name = "allow-wrong-usage", .help = N_("sign though the certificate is not for documents")},
    {.name = "yes", .help = N_("do not ask for confirmation")},
    {.name = NULL},
};

/* --- what was done --------------------------------------------------------------------------------------------------
 */

static json_t *warnings_json(const struct sg_signing *signing, const struct sg_sign_job *job)
{
    json_t *list = json_array();

    for (size_t i = 0; i < signing->warning_count; i++)
        (void)json_array_append_new(list, json_pack("{s:s, s:o}", "code", signing->warnings[i].code, "text",
                                                    sg_json_text(signing->warnings[i].text)));
    if (job->empty)
        (void)json_array_append_new(list,
                                    json_pack("{s:s, s:s}", "code", "empty-file", "text", _("The file is empty.")));
    return list;
}

static json_t *queued_json(const struct sg_sign_outbox *outbox)
{
    json_t *targets = json_array();

    for (size_t i = 0; i < outbox->target_count; i++)
        (void)json_array_append_new(targets, sg_json_text(outbox->targets[i]));
    return json_pack("{s:b, s:o}", "timestamp", outbox->timestamp, "targets", targets);
}

static json_t *job_json(const struct sg_sign_jobs *jobs, const struct sg_sign_job *job)
{
    const struct sg_signing *signing = jobs->signing;
    const struct sg_token_info *token = signing->info->token;

    return json_pack(
        "{s:s, s:o, s:o, s:s, s:b, s:s, s:{s:s, s:s}, s:{s:o, s:o, s:s, s:s}, s:{s:o, s:o}, s:s, s:o, s:o, s:o, s:o}",
        "schema", "signet.sign/1", "file", sg_json_text(job->input), "output", sg_json_text(job->output), "format",
        "CAdES", "attached", jobs->attached, "level", "B-B", "digest", "algorithm", signing->digest, "value",
        job->content_digest, "signer", "subject", sg_json_text(signing->subject), "issuer",
        sg_json_text(signing->issuer), "serial", signing->serial, "sha256", signing->cert_sha256, "token", "label",
        sg_json_text(token->label), "serial", sg_json_text(token->serial), "custody", sg_custody_text(signing->custody),
        "claimed_time", sg_json_time(job->claimed_time), "certificate_not_after", sg_json_time(signing->not_after),
        "queued", queued_json(&jobs->outbox), "warnings", warnings_json(signing, job));
}

static void say_job(const struct sg_sign_jobs *jobs, const struct sg_sign_job *job)
{
    const struct sg_voice *voice = &jobs->app->voice;
    struct sg_err err;

    if (job->err) {
        (void)sg_complain(voice, job->err);
    } else if (job->final && voice->json) {
        if (!sg_json_print(voice, job_json(jobs, job))) {
            (void)sg_fail_memory(&err);
            (void)sg_complain(voice, &err);
        }
    } else if (job->final) {
        sg_say(voice, _("Signed %s: %s"), job->input, job->output);
        if (job->empty)
            sg_warn(voice, "empty-file", _("%s is empty."), job->input);
    }
}

/* What holds for all of them, said once. */
static void say_who_and_what_next(const struct sg_sign_jobs *jobs, int64_t first, int64_t last)
{
    const struct sg_signing *signing = jobs->signing;
    const struct sg_voice *voice = &jobs->app->voice;
    char from[SG_TIME_TEXT], to[SG_TIME_TEXT], end[SG_TIME_TEXT];

    sg_say(voice, _("  by %s, with the key on the token %s (serial %s)"), signing->subject, signing->info->token->label,
           signing->info->token->serial);
    if (first == last)
        sg_say(voice, _("  at %s by this computer's clock"), sg_time_text(first, from));
    else
        sg_say(voice, _("  from %s to %s by this computer's clock"), sg_time_text(first, from), sg_time_text(last, to));
    sg_say(voice, jobs->attached ? _("  CAdES B-B, content attached; not time-stamped yet")
                                 : _("  CAdES B-B, detached: keep each file with its signature; not time-stamped yet"));
    if (last < signing->not_after)
        sg_say(
            voice,
            jobs->outbox.timestamp
                ? _("  still to be done online, by signet sync: a time-stamp, before the certificate ends at %s")
                : _("  still to be done online: a time-stamp and revocation data, before the certificate ends at %s"),
            sg_time_text(signing->not_after, end));
    for (size_t i = 0; i < jobs->outbox.target_count; i++)
        sg_say(voice, _("  still to be done online, by signet sync: storing at %s"), jobs->outbox.targets[i]);
}

/* The result of all; failures once more at the end where there are so many files that they have scrolled away. */
static int conclude(const struct sg_sign_jobs *jobs)
{
    const struct sg_voice *voice = &jobs->app->voice;
    size_t done = 0, failed = 0, untouched = 0;
    int64_t first = INT64_MAX, last = INT64_MIN;
    int status = 0;

    for (size_t i = 0; i < jobs->count; i++) {
        const struct sg_sign_job *job = &jobs->jobs[i];
        if (job->final) {
            done++;
            first = job->claimed_time < first ? job->claimed_time : first;
            last = job->claimed_time > last ? job->claimed_time : last;
        } else if (job->started) {
            failed++;
            status = sg_exit_worse(status, job->err ? sg_rc_exit(job->err->rc) : sg_rc_exit(SG_E_NO_MEMORY));
        } else {
            untouched++;
        }
    }
    if (done > 0)
        say_who_and_what_next(jobs, first, last);
    if (failed + untouched > 0 && jobs->count > 1 && !voice->json) {
        (void)fprintf(stderr, _("signet: %zu signed, %zu failed, %zu not begun\n"), done, failed, untouched);
        for (size_t i = 0; i < jobs->count; i++)
            if (jobs->jobs[i].err) {
                (void)fprintf(stderr, "  [%s] ", sg_rc_word(jobs->jobs[i].err->rc));
                sg_print_safely(stderr, jobs->jobs[i].input);
                (void)fputc('\n', stderr);
            }
    }
    return status;
}

/* --- before it -------------------------------------------------------------------------------------------------------
 */

static enum sg_rc check_format(const struct sg_args *args, struct sg_err *err)
{
    const char *format = sg_args_value(args, "format");

    if (!format || strcmp(format, "auto") == 0 || strcmp(format, "cades") == 0)
        return SG_OK;
    return sg_fail(err, SG_E_USAGE, _("This version has no format \"%s\"; it signs as cades, which auto is too."),
                   format);
}

/* Asks once, before the PIN. */
static enum sg_rc confirm(struct sg_app *app, const struct sg_args *args, const struct sg_sign_jobs *jobs,
                          struct sg_err *err)
{
    const char *mode = sg_config_text(app->config, SG_KEY_SIGN_CONFIRM);
    const size_t shown = 10;
    char question[64];

    if (sg_args_flag(args, "yes") || strcmp(mode, "never") == 0 || (strcmp(mode, "auto") == 0 && !sg_has_terminal()))
        return SG_OK;
    for (size_t i = 0; i < jobs->count && i < shown && sg_has_terminal(); i++)
        sg_ask_show("  %s", jobs->jobs[i].input);
    if (jobs->count > shown)
        sg_ask_show(_("  and %zu more"), jobs->count - shown);
    if (sg_has_terminal())
        sg_ask_show(_("to be signed by %s, with the key on the token %s"), jobs->signing->subject,
                    jobs->signing->info->token->label);
    (void)snprintf(question, sizeof(question), jobs->count == 1 ? _("Sign it? [y/N]") : _("Sign them? [y/N]"));
    return sg_ask_yes(question,
                      _("[sign] confirm = always wants a confirmation, and there is no terminal to ask on; use --yes."),
                      err);
}

/* All that comes before the first signature. */
static enum sg_rc prepare(struct sg_app *app, const struct sg_args *args, struct sg_sign_jobs *jobs,
                          struct sg_signing *signing, struct sg_err *err)
{
    const struct sg_signing_options allowed = {.allow_expired = sg_args_flag(args, "allow-expired"),
                                               .allow_not_yet_valid = sg_args_flag(args, "allow-not-yet-valid"),
                                               .allow_wrong_usage = sg_args_flag(args, "allow-wrong-usage")};
    enum sg_rc rc = sg_signing_choose(app, signing, err);

    if (rc == SG_OK)
        rc = sg_signing_check(app, &allowed, signing, err);
    if (rc == SG_OK)
        rc = confirm(app, args, jobs, err);
    if (rc == SG_OK)
        rc = sg_check_cancelled(err);
    return rc == SG_OK ? sg_signing_unlock(app, signing, err) : rc;
}

/* A key that could not be used is in the ledger too: once, for all the files. */
static int refuse(struct sg_app *app, const struct sg_sign_jobs *jobs, const struct sg_err *failure)
{
    struct sg_err err;
    int status = sg_signing_complain(app, jobs->signing, failure);
    _cleanup_(freep) char *object = NULL;
    enum sg_rc rc = jobs->count == 1 ? sg_sign_absolute(jobs->jobs[0].input, &object, &err) : SG_OK;

    if (rc == SG_OK)
        rc = sg_signing_record_failure(jobs->signing, object ? object : "", failure, &err);
    if (rc != SG_OK)
        status = sg_exit_worse(status, sg_complain(&app->voice, &err));
    return status;
}

static int sign(struct sg_app *app, const struct sg_args *args, struct sg_sign_jobs *jobs, struct sg_signing *signing)
{
    struct sg_err err;
    enum sg_rc rc = check_format(args, &err);

    if (rc == SG_OK)
        rc = sg_sign_jobs_plan(jobs, args, &err);
    if (rc == SG_OK)
        rc = sg_sign_outbox_plan(&jobs->outbox, app->config, args, &err);
    if (rc == SG_OK && strcmp(jobs->jobs[0].output, "-") == 0) {
        if (app->voice.json)
            rc = sg_fail(&err, SG_E_USAGE, "%s", _("--json and a signature on stdout do not go together."));
        app->voice.people = stderr;
    }
    if (rc == SG_OK)
        rc = sg_signing_open(app, signing, &err);
    if (rc == SG_OK)
        rc = sg_sign_outbox_open(app, signing->store, &jobs->outbox, &err);
    if (rc != SG_OK)
        return sg_complain(&app->voice, &err);
    if (prepare(app, args, jobs, signing, &err) != SG_OK)
        return refuse(app, jobs, &err);
    rc = sg_sign_jobs_run(jobs, say_job, &err);
    int status = conclude(jobs);
    if (rc != SG_OK && sg_rc_exit(rc) != status)
        status = sg_exit_worse(status, sg_complain(&app->voice, &err));
    return status;
}

static int run(struct sg_app *app, const struct sg_args *args)
{
    struct sg_signing signing = {0};
    struct sg_sign_jobs jobs = {.app = app,
                                .signing = &signing,
                                .attached = sg_args_flag(args, "attached"),
                                .replace = sg_args_flag(args, "force"),
                                .outbox = {.shared = -1}};
    int status = sign(app, args, &jobs, &signing);

    sg_sign_jobs_clear(&jobs);
    sg_sign_outbox_clear(&jobs.outbox);
    sg_signing_clear(&signing);
    return status;
}

const struct sg_command sg_command_sign = {
    .name = "sign",
    .summary = N_("sign files with a key on a token"),
    .arguments = "FILE...",
    .min_arguments = 1,
    .max_arguments = SIZE_MAX,
    .options = options,
    .takes_pin = true,
    .run = run,
};
