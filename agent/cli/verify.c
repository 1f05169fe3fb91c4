/* signet verify: judges every signature in each file. Writes nothing and opens no connection. */
#include <stdio.h>
#include <string.h>

#include "base/input.h"
#include "base/limits.h"
#include "base/msg.h"
#include "cli/commands.h"
#include "cli/judging.h"
#include "formats/cms.h"
#include "verify/report.h"

static const struct sg_option options[] = {
    {.name = "content", .argument = "FILE", .help = N_("the detached content; for a single signature")},
    SG_JUDGING_OPTIONS,
    {0},
};

/* A signature and the content that goes with it. */
struct pair {
    struct sg_input *signature;
    struct sg_input *content; /* NULL: attached, or not to be had */
};

static void pair_clear(struct pair *pair)
{
    sg_input_free(pair->signature);
    sg_input_free(pair->content);
}

/* "X.p7s" gives "X"; NULL if the name has no such ending. Allocated. */
static char *name_of_content(const char *path)
{
    size_t len = strlen(path);
    if (len <= 4 || strcmp(path + len - 4, ".p7s") != 0)
        return NULL;
    return strndup(path, len - 4);
}

/* Opens `path` if it is there; NULL in `*ret` if it is not. */
static enum sg_rc open_if_there(const char *path, struct sg_input **ret, struct sg_err *err)
{
    if (!path || access(path, F_OK) != 0) {
        *ret = NULL;
        return SG_OK;
    }
    return sg_input_open(path, ret, err);
}

/* Finds `X` for `X.p7s`, and `X.p7s` for an `X` that is not itself a signature. */
static enum sg_rc pair_open(const char *path, const char *content, struct pair *pair, struct sg_err *err)
{
    enum sg_rc rc = sg_input_open(path, &pair->signature, err);
    if (rc == SG_OK && content)
        return sg_input_open(content, &pair->content, err);
    bool is_cms = false;
    if (rc == SG_OK)
        rc = sg_cms_probe(pair->signature, &is_cms, err);
    if (rc != SG_OK || strcmp(path, "-") == 0)
        return rc;

    if (is_cms) {
        _cleanup_(freep) char *name = name_of_content(path);
        return open_if_there(name, &pair->content, err);
    }
    _cleanup_(freep) char *name = NULL;
    if (asprintf(&name, "%s.p7s", path) < 0)
        return sg_fail_memory(err);
    struct sg_input *signature = NULL;
    rc = open_if_there(name, &signature, err);
    if (rc == SG_OK && signature) {
        pair->content = pair->signature;
        pair->signature = signature;
    }
    return rc;
}

static enum sg_rc print_report(const struct sg_voice *voice, const struct sg_report *report, const struct pair *pair,
                               struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf text = SG_BUF(64 * SG_MIB);
    enum sg_rc rc = voice->json
                        ? sg_report_json(report, &text, err)
                        : sg_report_text(report, pair->content ? sg_input_name(pair->content) : NULL, &text, err);
    const char *line = NULL;
    if (rc == SG_OK)
        rc = sg_buf_text(&text, &line, err);
    if (rc != SG_OK)
        return rc;
    if (voice->json)
        puts(line);
    else
        sg_say_text(voice, line);
    return SG_OK;
}

static enum sg_rc verify_file(struct sg_app *app, struct sg_verifier *verifier, const char *path, const char *content,
                              int *ret_status, struct sg_err *err)
{
    _cleanup_(pair_clear) struct pair pair = {0};
    _cleanup_(sg_report_freep) struct sg_report *report = NULL;
    enum sg_rc rc = pair_open(path, content, &pair, err);
    if (rc == SG_OK)
        rc = sg_verify_file(verifier, pair.signature, pair.content, &report, err);
    if (rc == SG_OK)
        rc = print_report(&app->voice, report, &pair, err);
    if (rc == SG_OK)
        *ret_status = sg_report_exit(report);
    return rc;
}

static int run(struct sg_app *app, const struct sg_args *args)
{
    _cleanup_(sg_judging_clear) struct sg_judging judging = {0};
    struct sg_err err = {0};
    const char *content = sg_args_value(args, "content");
    size_t count = sg_args_file_count(args);
    if (content && count > 1) {
        (void)sg_fail(&err, SG_E_USAGE, _("--content belongs to one signature; %zu files were named."), count);
        return sg_complain(&app->voice, &err);
    }
    if (sg_judging_init(app, args, NULL, &judging, &err) != SG_OK)
        return sg_complain(&app->voice, &err);

    int status = 0;
    for (size_t i = 0; i < count; i++) {
        int one = 0;
        enum sg_rc rc = sg_check_cancelled(&err);
        if (rc == SG_OK)
            rc = verify_file(app, judging.verifier, sg_args_file(args, i), content, &one, &err);
        if (rc != SG_OK)
            one = sg_complain(&app->voice, &err);
        status = sg_exit_worse(status, one);
        if (rc == SG_E_CANCELLED)
            break;
    }
    return status;
}

const struct sg_command sg_command_verify = {
    .name = "verify",
    .summary = N_("judge the signatures in files, without a network"),
    .arguments = "FILE...",
    .min_arguments = 1,
    .max_arguments = SIZE_MAX,
    .options = options,
    .run = run,
};
