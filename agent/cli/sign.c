/* signet sign: each FILE gets a signature beside it. */
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "base/limits.h"
#include "base/msg.h"
#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/sign_report.h"

static const struct sg_option options[] = {
    {.name = "key",
     .argument = "URI",
     .help = N_("sign with this key (RFC 7512)"),
     .sets_key = true,
     .key = SG_KEY_SIGN_KEY},
    {.name = "format",
     .argument = "FORMAT",
     .help = N_("auto (PAdES for a PDF, else CAdES), cades, pades, asic-e or asic-s")},
    {.name = "attached", .help = N_("CAdES: put the content into the signature, FILE.p7m")},
    {.name = "add",
     .help = N_("add to the signatures that are there: FILE.p7s, (--attached) FILE.p7m, or in the container FILE")},
    SG_SIGN_PDF_OPTIONS,
    {.name = "output",
     .argument = "FILE",
     .help = N_("write the signature of the only input, or the container, to FILE (-: stdout)"),
     .writes = true},
    {.name = "output-dir", .argument = "FOLDER", .help = N_("write the signatures into FOLDER")},
    {.name = "target",
     .argument = "NAME",
     .help = N_("have it stored at this target alone (repeatable; without it, at all of the configuration)"),
     .repeatable = true},
    {.name = "no-upload", .help = N_("have it stored nowhere")},
    {.name = "manifest",
     .argument = "FILE",
     .help = N_("sign what this list of SHA-256 and names has (as sha256sum writes it), and nothing else")},
    {.name = "resume", .help = N_("leave what an earlier run has signed")},
    {.name = "force", .help = N_("replace outputs that exist")},
    {.name = "allow-expired", .help = N_("sign though the certificate has ended")},
    {.name = "allow-not-yet-valid", .help = N_("sign though the certificate begins later")},
    {.name = "allow-wrong-usage", .help = N_("sign though the certificate is not for documents")},
    {.name = "yes", .help = N_("do not ask for confirmation")},
    {.name = NULL},
};

/* --- before it -------------------------------------------------------------------------------------------------------
 */

/* On the terminal, where a question follows; else where results go. */
static SG_PRINTF(3, 4) void show(const struct sg_voice *voice, bool asking, const char *format, ...)
{
    _cleanup_(freep) char *line = NULL;
    va_list args;

    va_start(args, format);
    if (vasprintf(&line, format, args) < 0)
        line = NULL;
    va_end(args);
    if (line && asking)
        sg_ask_show("%s", line);
    else if (line)
        sg_say(voice, "%s", line);
}

static void show_input(const struct sg_voice *voice, bool asking, const struct sg_sign_input *input)
{
    show(voice, asking, "  %s%s%s", input->sha256 ? input->sha256 : "", input->sha256 ? "  " : "", input->path);
}

/* What is to be signed: all of a manifest, for which it is consented to; else of many files the first ones and the
 * last. */
static void show_jobs(const struct sg_sign_jobs *jobs, bool asking)
{
    const struct sg_voice *voice = &jobs->app->voice;
    const struct sg_sign_input *last = NULL;
    const size_t shown = jobs->manifest_sha256[0] ? SIZE_MAX : SG_MAX_SHOWN_FILES;
    size_t pending = 0;

    for (size_t i = 0; i < jobs->input_count; i++) {
        if (jobs->count == jobs->input_count && jobs->jobs[i].skipped)
            continue;
        last = &jobs->inputs[i];
        if (pending++ < shown)
            show_input(voice, asking, last);
    }
    if (pending > shown) {
        show(voice, asking, _("  and %zu more, the last of which is"), pending - shown);
        show_input(voice, asking, last);
    }
    if (pending < jobs->input_count)
        show(voice, asking, _("%zu more were signed before, or were made by that"), jobs->input_count - pending);
}

static void show_manifest(const struct sg_sign_jobs *jobs, const char *manifest, bool asking)
{
    const struct sg_voice *voice = &jobs->app->voice;
    uint64_t bytes = 0;
    struct stat st;

    for (size_t i = 0; i < jobs->input_count; i++)
        bytes += stat(jobs->inputs[i].path, &st) == 0 && S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
    show(voice, asking, _("%zu files of %.1f MB in all, each of which is listed with its SHA-256 in %s,"),
         jobs->input_count, (double)bytes / 1e6, manifest);
    show(voice, asking, _("whose own SHA-256 is %s"), jobs->manifest_sha256);
}

/* What in the PDFs might make them show something else: before anybody says yes to them, and before the first signature
 * where nobody is asked. They are told by what they are, whatever the format of the signature. */
static enum sg_rc show_remarks(const struct sg_sign_jobs *jobs, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;

    for (size_t i = 0; i < jobs->count && rc == SG_OK; i++) {
        struct sg_sign_job *job = &jobs->jobs[i];

        for (size_t k = 0; k < job->input_count && rc == SG_OK && !job->skipped; k++) {
            sg_sign_say_remarks(&jobs->app->voice, job->inputs[k].path, sg_sign_pdf_remarks(job, &job->inputs[k]));
            rc = sg_check_cancelled(err);
        }
        job->said = job->remarks;
    }
    return rc;
}

/* A manifest is consented to, by a person or by --yes, whatever the configuration says of other files. */
static bool is_asked(const struct sg_app *app, const struct sg_args *args)
{
    const char *mode = sg_config_text(app->config, SG_KEY_SIGN_CONFIRM);

    if (sg_args_flag(args, "yes"))
        return false;
    if (sg_args_value(args, "manifest") || strcmp(mode, "always") == 0)
        return true;
    return strcmp(mode, "auto") == 0 && sg_has_terminal();
}

/* Says what is to be known of the files, and asks once, before the PIN. */
static enum sg_rc confirm(struct sg_app *app, const struct sg_args *args, const struct sg_sign_jobs *jobs,
                          struct sg_err *err)
{
    const char *manifest = sg_args_value(args, "manifest");
    bool asking = is_asked(app, args);

    if (asking || manifest)
        show_jobs(jobs, asking);
    if (manifest)
        show_manifest(jobs, manifest, asking);
    enum sg_rc rc = show_remarks(jobs, err);
    if (rc != SG_OK || !asking)
        return rc;
    sg_ask_show(_("to be signed by %s, with the key on the token %s"), jobs->signing->subject,
                jobs->signing->info->token->label);
    return sg_ask_yes(jobs->input_count == 1 ? _("Sign it? [y/N]") : _("Sign them? [y/N]"),
                      manifest ? _("What a manifest lists is signed once somebody has consented, and there is no "
                                   "terminal to ask on; use --yes.")
                               : _("[sign] confirm = always wants a confirmation, and there is no terminal to ask on; "
                                   "use --yes."),
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

static void plan_preload(const struct sg_sign_jobs *jobs, struct sg_signing *signing)
{
    for (size_t i = 0; i < jobs->count && !signing->preload; i++)
        signing->preload = jobs->jobs[i].format->preload;
}

/* Then no key is needed. */
static bool all_skipped(const struct sg_sign_jobs *jobs)
{
    for (size_t i = 0; i < jobs->count; i++)
        if (!jobs->jobs[i].skipped)
            return false;
    return true;
}

static int sign(struct sg_app *app, const struct sg_args *args, struct sg_sign_jobs *jobs, struct sg_signing *signing)
{
    struct sg_err err;
    enum sg_rc rc = sg_sign_jobs_plan(jobs, args, &err);

    if (rc == SG_OK)
        rc = sg_sign_outbox_plan(&jobs->outbox, app->config, args, &err);
    if (rc == SG_OK && strcmp(jobs->jobs[0].output, "-") == 0) {
        if (app->voice.json)
            rc = sg_fail(&err, SG_E_USAGE, "%s", _("--json and a signature on stdout do not go together."));
        app->voice.people = stderr;
    }
    if (rc == SG_OK) {
        plan_preload(jobs, signing);
        rc = sg_signing_open(app, signing, &err);
    }
    if (rc == SG_OK)
        rc = sg_sign_outbox_open(app, signing->store, &jobs->outbox, &err);
    if (rc == SG_OK && jobs->resume)
        rc = sg_sign_jobs_survey(jobs, &err);
    if (rc != SG_OK)
        return sg_complain(&app->voice, &err);
    if (!all_skipped(jobs) && prepare(app, args, jobs, signing, &err) != SG_OK)
        return refuse(app, jobs, &err);
    rc = sg_sign_jobs_run(jobs, sg_sign_say_job, &err);
    int status = sg_sign_conclude(jobs);
    if (rc != SG_OK && sg_rc_exit(rc) != status)
        status = sg_exit_worse(status, sg_complain(&app->voice, &err));
    return status;
}

static int run(struct sg_app *app, const struct sg_args *args)
{
    struct sg_signing signing = {0};
    struct sg_sign_jobs jobs = {.app = app,
                                .signing = &signing,
                                .replace = sg_args_flag(args, "force"),
                                .resume = sg_args_flag(args, "resume"),
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
    .min_arguments = 0, /* with --manifest */
    .max_arguments = SIZE_MAX,
    .options = options,
    .takes_pin = true,
    .run = run,
};
