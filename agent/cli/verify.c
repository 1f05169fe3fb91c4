/* signet verify: judges every signature in each file. Writes nothing but what --html names, and opens no connection;
 * what is in the files is read by children that cannot do either (judge/). */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/crypto.h"
#include "base/input.h"
#include "base/limits.h"
#include "base/msg.h"
#include "cli/commands.h"
#include "cli/extract.h"
#include "cli/judging.h"
#include "cli/progress.h"
#include "cli/verify_page.h"
#include "cli/verify_summary.h"
#include "judge/judge.h"
#include "verify/report.h"

static const struct sg_option options[] = {
    {.name = "content", .argument = "FILE", .help = N_("the detached content; for a single signature")},
    {.name = "recursive",
     .help = N_("look for what may be signed in folders: .p7s .p7m .pdf .asice .asics .sce .scs .eml")},
    {.name = "jobs", .argument = "N", .help = N_("judge with N processes (as many as there are processors)")},
    {.name = "html", .argument = "FILE", .writes = true, .help = N_("write the report as a page, too")},
    {.name = "force", .help = N_("replace a page that exists")},
    {.name = "extract",
     .argument = "FOLDER",
     .writes = true,
     .help = N_("take the files out of a container that a signature covers which passed, into a new folder")},
    {.name = "extract-all", .help = N_("with --extract: the others, too, whoever made them")},
    SG_JUDGING_OPTIONS,
    {0},
};

struct run {
    const struct sg_voice *voice;
    const char *content;
    struct sg_file_tree files;
    struct sg_progress progress;
    uint8_t *answers;           /* enum sg_file_answer, one a file */
    struct sg_extract *extract; /* NULL: nothing is to be taken out */
    enum sg_rc extract_rc;      /* what became of that, with `extract_err` */
    struct sg_err extract_err;
    struct sg_page *page; /* NULL: none is to be written */
    enum sg_rc page_rc;   /* what became of it, with `page_err` */
    struct sg_err page_err;
    int status;
};

/* --- the files -------------------------------------------------------------------------------------------------------
 */

static bool ends_in(const char *name, const char *ending)
{
    size_t len = strlen(name), tail = strlen(ending);

    return len > tail && strcasecmp(name + len - tail, ending) == 0;
}

static bool is_named_as_signature(const char *name)
{
    static const char *const endings[] = {".p7s", ".p7m", ".pdf", ".asice", ".asics", ".sce", ".scs", ".eml"};

    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
        if (ends_in(name, endings[i]))
            return true;
    return false;
}

static bool is_folder(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static enum sg_rc find_files(const struct sg_args *args, struct run *run, struct sg_err *err)
{
    bool recursive = sg_args_flag(args, "recursive");
    enum sg_rc rc = SG_OK;

    for (size_t i = 0; i < sg_args_file_count(args) && rc == SG_OK; i++) {
        const char *path = sg_args_file(args, i);

        if (recursive && is_folder(path))
            rc = sg_file_tree_walk(&run->files, path, is_named_as_signature, err);
        else
            rc = sg_file_tree_add(&run->files, path, err);
    }
    if (rc == SG_OK && run->content && run->files.count > 1)
        rc = sg_fail(err, SG_E_USAGE, _("--content belongs to one signature; %zu files were named."), run->files.count);
    if (rc == SG_OK && !(run->answers = calloc(run->files.count + 1, sizeof(*run->answers))))
        rc = sg_fail_memory(err);
    return rc;
}

/* What stands beside a file under a name that is made from its own, if anything does. */
static enum sg_rc open_beside(struct run *run, const struct sg_found_file *file, const char *path,
                              struct sg_input **ret, struct sg_err *err)
{
    struct sg_err why;
    enum sg_rc rc = sg_file_tree_open(&run->files, file, path, ret, &why);

    if (rc == SG_E_NOT_FOUND)
        return SG_OK;
    if (rc != SG_OK && err)
        *err = why;
    return rc;
}

/* `X` for `X.p7s`, and `X.p7s` for an `X` that may be none itself. */
static enum sg_rc open_companion(struct run *run, const struct sg_found_file *file, struct sg_judge_file *ret,
                                 struct sg_err *err)
{
    size_t len = strlen(file->path);
    bool is_signature = ends_in(file->path, ".p7s");
    _cleanup_(freep) char *path = NULL;

    if (strcmp(file->path, "-") == 0 || (file->below > 0 && !is_signature))
        return SG_OK;
    if (asprintf(&path, "%.*s%s", (int)(is_signature ? len - 4 : len), file->path, is_signature ? "" : ".p7s") < 0)
        return sg_fail_memory(err);
    return open_beside(run, file, path, is_signature ? &ret->content : &ret->signature, err);
}

static enum sg_rc open_file(void *context, size_t index, struct sg_judge_file *ret, struct sg_err *err)
{
    struct run *run = context;
    const struct sg_found_file *file = &run->files.files[index];
    enum sg_rc rc = sg_file_tree_open(&run->files, file, file->path, &ret->named, err);

    if (rc == SG_OK && run->content)
        return sg_input_open(run->content, &ret->content, err);
    return rc == SG_OK ? open_companion(run, file, ret, err) : rc;
}

/* --- the answers -----------------------------------------------------------------------------------------------------
 */

static int print_report(const struct run *run, const struct sg_judged *answer)
{
    if (run->voice->json || !run->voice->quiet)
        (void)fwrite(answer->text.data, 1, answer->text.len, run->voice->people);
    if (run->voice->json)
        (void)fputc('\n', run->voice->people);
    return answer->status;
}

static void add_to_page(struct run *run, size_t index, const struct sg_judged *answer)
{
    const char *file = run->files.files[index].path;

    if (!run->page || run->page_rc != SG_OK)
        return;
    run->page_rc = answer->rc == SG_OK ? sg_page_add(run->page, file, answer->status, answer->section, &run->page_err)
                                       : sg_page_add_failure(run->page, file, answer->err, &run->page_err);
}

/* With the answer all files have come. */
static void finish_extract(struct run *run)
{
    size_t files = 0;

    if (run->extract_rc == SG_OK)
        run->extract_rc = sg_extract_finish(run->extract, &files, &run->extract_err);
    if (run->extract_rc != SG_OK)
        run->status = sg_exit_worse(run->status, sg_complain(run->voice, &run->extract_err));
    else if (files == 0)
        sg_warn(run->voice, "nothing-extracted", "%s",
                _("Nothing was taken out of the container: no file of it is covered by a signature that passed."));
    else
        sg_say(run->voice, _("  %zu files were taken out of the container."), files);
}

static void begin_container_file(void *context, size_t index, struct sg_slice name)
{
    struct run *run = context;

    (void)index; /* there is one */
    sg_extract_file(run->extract, name);
}

static void take_container_bytes(void *context, size_t index, struct sg_slice bytes)
{
    struct run *run = context;

    (void)index;
    sg_extract_bytes(run->extract, bytes);
}

static void take_answer(void *context, size_t index, const struct sg_judged *answer)
{
    struct run *run = context;
    bool judged = answer->rc == SG_OK;

    sg_progress_hide(&run->progress);
    run->answers[index] = (uint8_t)(judged ? sg_report_answer(answer->status) : SG_FILE_NOT_JUDGED);
    run->status = sg_exit_worse(run->status, judged ? print_report(run, answer) : sg_complain(run->voice, answer->err));
    if (run->extract && judged)
        finish_extract(run);
    add_to_page(run, index, answer);
    sg_progress_show(&run->progress, index + 1);
}

/* --- the command -----------------------------------------------------------------------------------------------------
 */

static enum sg_rc read_jobs(const struct sg_args *args, unsigned *ret, struct sg_err *err)
{
    const char *text = sg_args_value(args, "jobs");
    cpu_set_t cpus;

    if (!text) {
        bool known = sched_getaffinity(0, sizeof(cpus), &cpus) == 0;
        *ret = known && CPU_COUNT(&cpus) > 0 ? (unsigned)CPU_COUNT(&cpus) : 1;
        return SG_OK;
    }
    char *end = NULL;
    long jobs = strtol(text, &end, 10);
    if (*text == '\0' || *end != '\0' || jobs < 1 || jobs > SG_MAX_JUDGING_JOBS)
        return sg_fail(err, SG_E_USAGE, _("--jobs wants a number from 1 to %d."), SG_MAX_JUDGING_JOBS);
    *ret = (unsigned)jobs;
    return SG_OK;
}

static enum sg_rc judge(struct sg_app *app, const struct sg_args *args, struct run *run, struct sg_err *err)
{
    _cleanup_(sg_judging_clear) struct sg_judging judging = {0};
    _cleanup_(freep) char *folder = NULL;
    struct sg_judge request = {.log = &app->log,
                               .json = app->voice.json,
                               .html = run->page != NULL,
                               .seconds = SG_JUDGING_SECONDS,
                               .count = run->files.count,
                               .context = run,
                               .open = open_file,
                               .answered = take_answer,
                               .extract = run->extract == NULL                ? SG_EXTRACT_NONE
                                          : sg_args_flag(args, "extract-all") ? SG_EXTRACT_ALL
                                                                              : SG_EXTRACT_PASSED,
                               .file_begins = begin_container_file,
                               .file_goes_on = take_container_bytes,
                               .check_cancelled = sg_check_cancelled};

    if (asprintf(&folder, "%s/trust", app->paths.state) < 0)
        return sg_fail_memory(err);
    request.folder = folder;
    enum sg_rc rc = read_jobs(args, &request.jobs, err);
    if (rc == SG_OK)
        rc = sg_judging_init(app, args, NULL, &judging, err);
    request.verifier = judging.verifier;
    sg_progress_begin(&run->progress, run->voice, 0, run->files.count);
    if (rc == SG_OK)
        rc = sg_judge_run(&request, err);
    sg_progress_hide(&run->progress);
    return rc;
}

/* Only when all files are in it: a page of some would be read as one of all. */
static int finish_page(struct run *run)
{
    if (run->page && run->page_rc == SG_OK)
        run->page_rc = sg_page_finish(run->page, &run->page_err);
    return run->page_rc == SG_OK ? run->status : sg_exit_worse(run->status, sg_complain(run->voice, &run->page_err));
}

static void run_clear(struct run *run)
{
    sg_page_free(run->page);
    sg_extract_free(run->extract);
    sg_file_tree_clear(&run->files);
    free(run->answers);
}

static enum sg_rc begin_extract(const struct sg_args *args, struct run *run, struct sg_err *err)
{
    const char *folder = sg_args_value(args, "extract");

    if (!folder)
        return sg_args_flag(args, "extract-all")
                   ? sg_fail(err, SG_E_USAGE, "%s", _("--extract-all belongs to --extract, which names the folder."))
                   : SG_OK;
    if (run->files.count != 1)
        return sg_fail(err, SG_E_USAGE, _("--extract takes files out of one container; %zu files were named."),
                       run->files.count);
    return sg_extract_begin(folder, &run->extract, err);
}

static int run_verify(struct sg_app *app, const struct sg_args *args)
{
    _cleanup_(run_clear) struct run run = {
        .voice = &app->voice, .content = sg_args_value(args, "content"), .files = SG_FILE_TREE};
    struct sg_err err = {0};

    enum sg_rc rc = sg_libctx_new_for_judging(&app->libctx, &err);
    if (rc == SG_OK)
        rc = find_files(args, &run, &err);
    if (rc == SG_OK)
        rc = sg_page_open(app, args, &run.page, &err);
    if (rc == SG_OK)
        rc = begin_extract(args, &run, &err);
    if (rc == SG_OK)
        rc = judge(app, args, &run, &err);
    if (rc != SG_OK)
        return sg_exit_worse(run.status, sg_complain(&app->voice, &err));
    if (run.files.count > 1)
        sg_verify_summary(&app->voice, &run.files, run.answers);
    return finish_page(&run);
}

const struct sg_command sg_command_verify = {
    .name = "verify",
    .summary = N_("judge the signatures in files, without a network"),
    .arguments = "FILE...",
    .min_arguments = 1,
    .max_arguments = SIZE_MAX,
    .options = options,
    .run = run_verify,
};
