/* signet verify: judges every signature in each file. Writes nothing but what --html names, and opens no connection. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "base/input.h"
#include "base/limits.h"
#include "base/msg.h"
#include "cli/commands.h"
#include "cli/judging.h"
#include "cli/verify_page.h"
#include "formats/cms.h"
#include "verify/report.h"
#include "verify/report_html.h"

static const struct sg_option options[] = {
    {.name = "content", .argument = "FILE", .help = N_("the detached content; for a single signature")},
    {.name = "html", .argument = "FILE", .writes = true, .help = N_("write the report as a page, too")},
    {.name = "force", .help = N_("replace a page that exists")},
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

#define WINDOW 256 /* answers kept at most */

/* The answer about one file, kept until those before it are printed. */
struct answer {
    bool ready;
    enum sg_rc rc;
    int status;            /* if rc is SG_OK */
    struct sg_buf text;    /* ditto */
    struct sg_buf section; /* ditto: for the page, if there is to be one */
    struct sg_err err;     /* else */
};

struct run {
    const struct sg_voice *voice;
    struct sg_verifier *verifier;
    const struct sg_args *args;
    const char *content;
    struct sg_page *page; /* NULL: none is to be written */
    enum sg_rc page_rc;   /* what became of it, with `page_err` */
    struct sg_err page_err;

    pthread_mutex_t lock;
    pthread_cond_t printed_more;
    size_t next, printed, count; /* files taken, answered, and all of them */
    struct answer answers[WINDOW];
    int status;
    bool cancelled;
};

static enum sg_rc write_report(const struct run *run, const struct sg_report *report, const struct pair *pair,
                               size_t index, struct answer *answer)
{
    const char *content = pair->content ? sg_input_name(pair->content) : NULL;
    enum sg_rc rc = run->voice->json ? sg_report_json(report, &answer->text, &answer->err)
                                     : sg_report_text(report, content, &answer->text, &answer->err);
    if (rc == SG_OK && run->page)
        rc = sg_report_html(report, content, index + 1, &answer->section, &answer->err);
    return rc;
}

static void judge(const struct run *run, size_t index, struct answer *answer)
{
    const char *path = sg_args_file(run->args, index);
    _cleanup_(pair_clear) struct pair pair = {0};
    _cleanup_(sg_report_freep) struct sg_report *report = NULL;
    enum sg_rc rc = sg_check_cancelled(&answer->err);
    if (rc == SG_OK)
        rc = pair_open(path, run->content, &pair, &answer->err);
    if (rc == SG_OK)
        rc = sg_verify_file(run->verifier, pair.signature, pair.content, &report, &answer->err);
    if (rc == SG_OK)
        rc = write_report(run, report, &pair, index, answer);
    if (rc == SG_OK)
        answer->status = sg_report_exit(report);
    answer->rc = rc;
}

static int print_answer(const struct sg_voice *voice, struct answer *answer)
{
    const char *text = NULL;
    if (answer->rc == SG_OK)
        answer->rc = sg_buf_text(&answer->text, &text, &answer->err);
    if (answer->rc != SG_OK)
        return sg_complain(voice, &answer->err);
    if (voice->json)
        puts(text);
    else
        sg_say_text(voice, text);
    return answer->status;
}

/* --- many files: judged by several threads, answered in their order --------------------------------------------------
 */

/* Takes the next file, as soon as there is room for its answer; false when there is none. */
static bool take(struct run *run, size_t *ret)
{
    while (!run->cancelled && run->next < run->count && run->next - run->printed >= WINDOW)
        (void)pthread_cond_wait(&run->printed_more, &run->lock);
    if (run->cancelled || run->next == run->count)
        return false;
    *ret = run->next++;
    run->answers[*ret % WINDOW] = (struct answer){.text = SG_BUF(64 * SG_MIB), .section = SG_BUF(SG_MAX_HTML_SECTION)};
    return true;
}

static void add_to_page(struct run *run, const struct answer *answer)
{
    const char *file = sg_args_file(run->args, run->printed);
    if (!run->page || run->page_rc != SG_OK)
        return;
    run->page_rc = answer->rc == SG_OK
                       ? sg_page_add(run->page, file, answer->status, sg_buf_slice(&answer->section), &run->page_err)
                       : sg_page_add_failure(run->page, file, &answer->err, &run->page_err);
}

static void print_ready(struct run *run)
{
    for (; run->printed < run->next && run->answers[run->printed % WINDOW].ready; run->printed++) {
        struct answer *answer = &run->answers[run->printed % WINDOW];
        if (!run->cancelled)
            run->status = sg_exit_worse(run->status, print_answer(run->voice, answer));
        add_to_page(run, answer);
        run->cancelled |= answer->rc == SG_E_CANCELLED;
        answer->ready = false;
        sg_buf_clear(&answer->text);
        sg_buf_clear(&answer->section);
    }
    (void)pthread_cond_broadcast(&run->printed_more);
}

static void *work(void *context)
{
    struct run *run = context;
    size_t index = 0;
    (void)pthread_mutex_lock(&run->lock);
    while (take(run, &index)) {
        struct answer *answer = &run->answers[index % WINDOW];
        (void)pthread_mutex_unlock(&run->lock);
        judge(run, index, answer);
        (void)pthread_mutex_lock(&run->lock);
        answer->ready = true;
        print_ready(run);
    }
    (void)pthread_mutex_unlock(&run->lock);
    return NULL;
}

/* This thread works too, so that it is enough where no other can be started. */
static void work_together(struct run *run)
{
    pthread_t helpers[SG_MAX_THREADS];
    size_t started = 0;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    while (started < SG_MAX_THREADS && (long)started + 1 < cores && started + 1 < run->count &&
           pthread_create(&helpers[started], NULL, work, run) == 0)
        started++;
    (void)work(run);
    for (size_t i = 0; i < started; i++)
        (void)pthread_join(helpers[i], NULL);
}

/* A page of some of the files only would be read as one of all. */
static int finish_page(struct run *run)
{
    if (!run->page || run->cancelled)
        return run->status;
    if (run->page_rc == SG_OK)
        run->page_rc = sg_page_finish(run->page, &run->page_err);
    return run->page_rc == SG_OK ? run->status : sg_exit_worse(run->status, sg_complain(run->voice, &run->page_err));
}

static int run(struct sg_app *app, const struct sg_args *args)
{
    _cleanup_(sg_judging_clear) struct sg_judging judging = {0};
    struct sg_err err = {0};
    _cleanup_(freep) struct run *all = calloc(1, sizeof(*all));
    if (!all) {
        (void)sg_fail_memory(&err);
        return sg_complain(&app->voice, &err);
    }
    all->voice = &app->voice;
    all->args = args;
    all->count = sg_args_file_count(args);
    all->content = sg_args_value(args, "content");
    if (all->content && all->count > 1) {
        (void)sg_fail(&err, SG_E_USAGE, _("--content belongs to one signature; %zu files were named."), all->count);
        return sg_complain(&app->voice, &err);
    }
    _cleanup_(sg_page_freep) struct sg_page *page = NULL;
    if (sg_page_open(app, args, &page, &err) != SG_OK)
        return sg_complain(&app->voice, &err);
    all->page = page;
    sg_crypto_without_ciphers();
    if (sg_judging_init(app, args, NULL, &judging, &err) != SG_OK)
        return sg_complain(&app->voice, &err);
    all->verifier = judging.verifier;
    (void)pthread_mutex_init(&all->lock, NULL);
    (void)pthread_cond_init(&all->printed_more, NULL);
    work_together(all);
    (void)pthread_cond_destroy(&all->printed_more);
    (void)pthread_mutex_destroy(&all->lock);
    return finish_page(all);
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
