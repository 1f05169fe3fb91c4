#include "cli/verify_page.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/limits.h"
#include "base/msg.h"
#include "base/outfile.h"
#include "build.h"
#include "verify/report_html.h"

struct sg_page {
    struct sg_app *app;
    struct sg_outfile *out;
    struct sg_html_summary summary;
    struct sg_buf rows;
    size_t files;
    struct stat replaced; /* the file that --force lets it replace; st_nlink 0: none */
};

static bool is_replaced(const struct sg_page *page, const char *path)
{
    struct stat st;

    return page->replaced.st_nlink > 0 && stat(path, &st) == 0 && st.st_dev == page->replaced.st_dev &&
           st.st_ino == page->replaced.st_ino;
}

static enum sg_rc fail_replaced(const char *path, struct sg_err *err)
{
    return sg_about(path, err,
                    sg_fail(err, SG_E_USAGE, _("\"%s\" is itself read, and an input is never changed."), path));
}

/* What is judged by is an input like what is judged. */
static enum sg_rc check_options_stay(const struct sg_page *page, const struct sg_args *args, const char *path,
                                     struct sg_err *err)
{
    static const char *const inputs[] = {"content", "anchor", "intermediate", "crl", "ocsp"};

    for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++)
        for (size_t k = 0; k < sg_args_count(args, inputs[i]); k++)
            if (is_replaced(page, sg_args_item(args, inputs[i], k)))
                return fail_replaced(path, err);
    return SG_OK;
}

enum sg_rc sg_page_open(struct sg_app *app, const struct sg_args *args, struct sg_page **ret, struct sg_err *err)
{
    const char *path = sg_args_value(args, "html");
    bool force = sg_args_flag(args, "force");

    *ret = NULL;
    if (!path)
        return force ? sg_fail(err, SG_E_USAGE, "%s", _("--force is for the page that --html writes.")) : SG_OK;
    if (strcmp(path, "-") == 0) {
        if (app->voice.json)
            return sg_fail(err, SG_E_USAGE, "%s", _("--json and a page on stdout do not go together."));
        app->voice.people = stderr;
    }
    _cleanup_(sg_page_freep) struct sg_page *page = calloc(1, sizeof(*page));
    if (!page)
        return sg_fail_memory(err);
    page->app = app;
    page->rows = (struct sg_buf)SG_BUF(SG_MAX_HTML_SUMMARY);
    page->summary.made_at = sg_clock_now(&app->clock);
    if (!force || stat(path, &page->replaced) != 0)
        page->replaced = (struct stat){0};
    enum sg_rc rc = check_options_stay(page, args, path, err);
    if (rc == SG_OK)
        rc = sg_outfile_open(path, force ? SG_OUT_REPLACE : 0, &page->out, err);
    if (rc == SG_OK)
        *ret = sg_steal(page);
    return rc;
}

/* --force is not to cost a signature, or the document that it is over. */
static enum sg_rc check_input_stays(const struct sg_page *page, const char *file, struct sg_err *err)
{
    _cleanup_(freep) char *signature = NULL, *content = strdup(file);
    char *ending = content ? strrchr(content, '.') : NULL;

    if (!content || asprintf(&signature, "%s.p7s", file) < 0) {
        signature = NULL;
        return sg_fail_memory(err);
    }
    if (ending)
        *ending = '\0';
    if (!is_replaced(page, file) && !is_replaced(page, content) && !is_replaced(page, signature))
        return SG_OK;
    return fail_replaced(sg_outfile_path(page->out), err);
}

static enum sg_rc add_row(struct sg_page *page, const char *file, enum sg_file_answer answer, const char *why,
                          struct sg_err *err)
{
    enum sg_rc rc = check_input_stays(page, file, err);

    page->files++;
    page->summary.counts[answer]++;
    return rc == SG_OK ? sg_html_row(page->files, file, answer, why, &page->rows, err) : rc;
}

enum sg_rc sg_page_add(struct sg_page *page, const char *file, int status, struct sg_slice section, struct sg_err *err)
{
    enum sg_rc rc = add_row(page, file, sg_report_answer(status), NULL, err);

    return rc == SG_OK ? sg_outfile_write(page->out, section.data, section.len, err) : rc;
}

enum sg_rc sg_page_add_failure(struct sg_page *page, const char *file, const struct sg_err *why, struct sg_err *err)
{
    return add_row(page, file, SG_FILE_NOT_JUDGED, why->text, err);
}

/* The summary is known last and stands first. */
static enum sg_rc put_head(struct sg_page *page, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf head = SG_BUF(2 * SG_MAX_HTML_SUMMARY);
    OSSL_LIB_CTX *libctx = NULL;

    page->summary.rows = sg_buf_slice(&page->rows);
    enum sg_rc rc = sg_app_libctx(page->app, &libctx, err);
    if (rc == SG_OK)
        rc = sg_html_head(libctx, &page->summary, &head, err);
    if (rc == SG_OK)
        rc = sg_outfile_insert(page->out, 0, head.len, err);
    return rc == SG_OK ? sg_outfile_patch(page->out, 0, head.data, head.len, err) : rc;
}

enum sg_rc sg_page_finish(struct sg_page *page, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf end = SG_BUF(64 * SG_KIB);
    enum sg_rc rc = put_head(page, err);

    if (rc == SG_OK)
        rc = sg_html_end("signet " SG_VERSION, &end, err);
    if (rc == SG_OK)
        rc = sg_outfile_write(page->out, end.data, end.len, err);
    return rc == SG_OK ? sg_outfile_commit(page->out, err) : rc;
}

void sg_page_free(struct sg_page *page)
{
    if (!page)
        return;
    sg_outfile_free(page->out);
    sg_buf_clear(&page->rows);
    free(page);
}
