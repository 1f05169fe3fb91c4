#include "cli/sign_report.h"

#include "base/msg.h"

/* --- one file --------------------------------------------------------------------------------------------------------
 */

static json_t *warnings_json(const struct sg_signing *signing, const struct sg_sign_job *job)
{
    json_t *list = json_array();

    for (size_t i = 0; i < signing->warning_count; i++)
        (void)json_array_append_new(list, json_pack("{s:s, s:o}", "code", signing->warnings[i].code, "text",
                                                    sg_json_text(signing->warnings[i].text)));
    for (const struct sg_sign_remark_text *remark = sg_sign_remark_texts; remark->code; remark++)
        if (job->remarks & remark->bit)
            (void)json_array_append_new(list, json_pack("{s:s, s:s}", "code", remark->code, "text", _(remark->text)));
    return list;
}

static json_t *queued_json(const struct sg_sign_outbox *outbox)
{
    json_t *targets = json_array();

    for (size_t i = 0; i < outbox->target_count; i++)
        (void)json_array_append_new(targets, sg_json_text(outbox->targets[i]));
    return json_pack("{s:b, s:o}", "timestamp", outbox->timestamp, "targets", targets);
}

static json_t *files_json(const struct sg_sign_job *job)
{
    json_t *files = json_array();

    for (size_t i = 0; i < job->input_count; i++)
        (void)json_array_append_new(files, sg_json_text(job->inputs[i].path));
    return files;
}

static json_t *job_json(const struct sg_sign_jobs *jobs, const struct sg_sign_job *job)
{
    const struct sg_signing *signing = jobs->signing;
    const struct sg_token_info *token = signing->info->token;
    bool several = job->input_count > 1;

    return json_pack(
        "{s:s, s:o, s:o, s:o, s:s, s:b, s:s, s:{s:s, s:s}, s:{s:o, s:o, s:s, s:s}, s:{s:o, s:o}, s:s, s:o, "
        "s:o, s:s?, s:o, s:o}",
        "schema", "signet.sign/1", "file", sg_json_text(several ? NULL : job->input), "files",
        several ? files_json(job) : json_null(), "output", sg_json_text(job->output), "format", job->format->name,
        "attached", job->format->attached, "level", "B-B", "digest", "algorithm", signing->digest, "value",
        job->content_digest, "signer", "subject", sg_json_text(signing->subject), "issuer",
        sg_json_text(signing->issuer), "serial", signing->serial, "sha256", signing->cert_sha256, "token", "label",
        sg_json_text(token->label), "serial", sg_json_text(token->serial), "custody", sg_custody_text(signing->custody),
        "claimed_time", sg_json_time(job->claimed_time), "certificate_not_after", sg_json_time(signing->not_after),
        "manifest", jobs->manifest_sha256[0] ? jobs->manifest_sha256 : NULL, "queued", queued_json(&jobs->outbox),
        "warnings", warnings_json(signing, job));
}

static json_t *skipped_json(const struct sg_sign_job *job)
{
    return json_pack("{s:s, s:o, s:o}", "schema", "signet.sign-skipped/1", "file", sg_json_text(job->input), "output",
                     sg_json_text(job->left_out ? NULL : job->output));
}

void sg_sign_say_remarks(const struct sg_voice *voice, const char *path, unsigned remarks)
{
    for (const struct sg_sign_remark_text *remark = sg_sign_remark_texts; remark->code; remark++)
        if (remarks & remark->bit)
            sg_warn(voice, remark->code, "%s: %s", path, _(remark->text));
}

void sg_sign_say_job(const struct sg_sign_jobs *jobs, const struct sg_sign_job *job)
{
    const struct sg_voice *voice = &jobs->app->voice;
    struct sg_err err;

    if (job->err) {
        (void)sg_complain(voice, job->err);
    } else if ((job->final || job->skipped) && voice->json) {
        if (!sg_json_print(voice, job->final ? job_json(jobs, job) : skipped_json(job))) {
            (void)sg_fail_memory(&err);
            (void)sg_complain(voice, &err);
        }
    } else if (job->final) {
        if (job->input_count > 1)
            sg_say(voice, _("Signed %zu files together: %s"), job->input_count, job->output);
        else
            sg_say(voice, _("Signed %s: %s"), job->input, job->output);
        sg_sign_say_remarks(voice, job->input, job->remarks & ~job->said);
    } else if (job->skipped && !job->left_out) {
        sg_say(voice, _("Signed before %s: %s"), job->input, job->output);
    }
}

/* --- all of them
 * ------------------------------------------------------------------------------------------------------
 */

struct tally {
    size_t done, failed, skipped, left_out, untouched;
    int64_t first, last; /* claimed times of those done */
    int status;
};

static void count_job(struct tally *tally, const struct sg_sign_job *job)
{
    if (job->final) {
        tally->done++;
        tally->first = job->claimed_time < tally->first ? job->claimed_time : tally->first;
        tally->last = job->claimed_time > tally->last ? job->claimed_time : tally->last;
    } else if (job->left_out) {
        tally->left_out++;
    } else if (job->skipped) {
        tally->skipped++;
    } else if (job->started) {
        tally->failed++;
        tally->status = sg_exit_worse(tally->status, sg_rc_exit(job->err ? job->err->rc : SG_E_NO_MEMORY));
    } else {
        tally->untouched++;
    }
}

/* What the files are, each format once. */
static void say_formats(const struct sg_sign_jobs *jobs)
{
    for (const struct sg_sign_format *const *format = sg_sign_formats; *format; format++)
        for (size_t i = 0; i < jobs->count; i++)
            if (jobs->jobs[i].final && jobs->jobs[i].format == *format) {
                sg_say(&jobs->app->voice, "  %s", _((*format)->note));
                break;
            }
}

static void say_what_next(const struct sg_sign_jobs *jobs, int64_t last)
{
    const struct sg_signing *signing = jobs->signing;
    const struct sg_voice *voice = &jobs->app->voice;
    char end[SG_TIME_TEXT];

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

/* What holds for all of them, said once. */
static void say_who_and_when(const struct sg_sign_jobs *jobs, const struct tally *tally)
{
    const struct sg_signing *signing = jobs->signing;
    const struct sg_voice *voice = &jobs->app->voice;
    char from[SG_TIME_TEXT], to[SG_TIME_TEXT];

    sg_say(voice, _("  by %s, with the key on the token %s (serial %s)"), signing->subject, signing->info->token->label,
           signing->info->token->serial);
    if (tally->first == tally->last)
        sg_say(voice, _("  at %s by this computer's clock"), sg_time_text(tally->first, from));
    else
        sg_say(voice, _("  from %s to %s by this computer's clock"), sg_time_text(tally->first, from),
               sg_time_text(tally->last, to));
    say_formats(jobs);
    say_what_next(jobs, tally->last);
}

static void list_failures(const struct sg_sign_jobs *jobs, const struct tally *tally)
{
    if (jobs->resume)
        (void)fprintf(stderr, _("signet: %zu signed, %zu signed before, %zu failed, %zu not begun\n"), tally->done,
                      tally->skipped, tally->failed, tally->untouched);
    else
        (void)fprintf(stderr, _("signet: %zu signed, %zu failed, %zu not begun\n"), tally->done, tally->failed,
                      tally->untouched);
    for (size_t i = 0; i < jobs->count; i++)
        if (jobs->jobs[i].err) {
            (void)fprintf(stderr, "  [%s] ", sg_rc_word(jobs->jobs[i].err->rc));
            sg_print_safely(stderr, jobs->jobs[i].input);
            (void)fputc('\n', stderr);
        }
}

int sg_sign_conclude(const struct sg_sign_jobs *jobs)
{
    struct tally tally = {.first = INT64_MAX, .last = INT64_MIN};

    for (size_t i = 0; i < jobs->count; i++)
        count_job(&tally, &jobs->jobs[i]);
    if (tally.left_out > 0)
        sg_say(&jobs->app->voice, _("Left out %zu, which an earlier run made of the others"), tally.left_out);
    if (tally.done > 0)
        say_who_and_when(jobs, &tally);
    if (tally.failed + tally.untouched > 0 && jobs->count > 1 && !jobs->app->voice.json)
        list_failures(jobs, &tally);
    return tally.status;
}
