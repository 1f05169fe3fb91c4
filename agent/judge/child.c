#include "judge/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/msg.h"
#include "base/sandbox.h"
#include "base/utf8.h"
#include "formats/cms.h"
#include "judge/message.h"
#include "verify/report.h"
#include "verify/report_html.h"

/* Exit statuses of a child. */
#define NOT_CONFINED 71
#define OUT_OF_MEMORY 72

/* --- the parent's side ----------------------------------------------------------------------------------------------
 */

static uint64_t size_of(const struct sg_input *input)
{
    return input ? sg_input_size(input) : 0;
}

static uint64_t seconds_for(const struct sg_judge *judge, const struct sg_judge_file *file)
{
    uint64_t bytes = size_of(file->named) + size_of(file->content) + size_of(file->signature);
    return judge->seconds + bytes / SG_JUDGING_RATE;
}

int64_t sg_judge_time_for(const struct sg_judge *judge, const struct sg_judge_file *file)
{
    uint64_t seconds = seconds_for(judge, file);
    return (int64_t)(seconds < INT32_MAX ? seconds : INT32_MAX) * 1000;
}

static void explain_status(int status, const char *name, struct sg_err *err)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == OUT_OF_MEMORY) {
        (void)sg_fail(
            err, SG_E_JUDGE_FAILED,
            _("\"%s\" was not judged: it takes more memory than one file may have. Nothing is known about it."), name);
        return;
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_CONFINED) {
        (void)sg_fail(err, SG_E_JUDGE_FAILED,
                      _("\"%s\" was not judged: the process to do it in could not be locked up."), name);
        return;
    }
    (void)sg_fail(
        err, SG_E_JUDGE_FAILED,
        _("\"%s\" was not judged: the process that read it crashed or was stopped. Nothing is known about it, and "
          "it may have been made to do this."),
        name);
    if (WIFSIGNALED(status))
        sg_err_cause(err, "signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        sg_err_cause(err, "exit status %d", WEXITSTATUS(status));
}

void sg_child_stop(struct sg_child *child, enum sg_child_end end, const char *name, struct sg_err *err)
{
    int status = 0;
    closep(&child->fd);
    /* Who closed the pipe may linger; one that is ending keeps its status. */
    (void)kill(child->pid, SIGKILL);
    while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
        ;
    child->pid = 0;
    if (end == SG_CHILD_LATE)
        (void)sg_fail(
            err, SG_E_JUDGE_FAILED,
            _("\"%s\" was not judged: it took longer than one file may, and was given up. Nothing is known about "
              "it."),
            name);
    else if (end == SG_CHILD_BROKEN)
        (void)sg_fail(err, SG_E_JUDGE_FAILED,
                      _("\"%s\" was not judged: the process that read it gave an answer that is none. Nothing is known "
                        "about it, and it may have been made to do this."),
                      name);
    else
        explain_status(status, name, err);
    sg_err_file(err, name);
}

/* --- the child's side -----------------------------------------------------------------------------------------------
 */

struct inside {
    const struct sg_judge *judge;
    int out;
    size_t first; /* of the batch */
    uint32_t at;  /* the file of the batch */
};

/* What has changed meanwhile, the parent notices (judge.c: check_names). */
static enum sg_rc leave_to_parent(const struct sg_judge_file *file, struct sg_err *err)
{
    struct sg_input *const inputs[] = {file->named, file->content, file->signature};
    enum sg_rc rc = SG_OK;
    for (size_t i = 0; rc == SG_OK && i < sizeof inputs / sizeof *inputs; i++)
        if (inputs[i])
            rc = sg_input_watched(inputs[i], err);
    return rc;
}

/* Finds out which of the two is the signature. */
static enum sg_rc pair(struct sg_judge_file *file, struct sg_input **ret_signature, struct sg_input **ret_content,
                       struct sg_err *err)
{
    bool is_cms = true;
    enum sg_rc rc = file->signature ? sg_cms_probe(file->named, &is_cms, err) : SG_OK;
    if (rc != SG_OK)
        return rc;
    *ret_signature = is_cms ? file->named : file->signature;
    *ret_content = is_cms ? file->content : file->named;
    return SG_OK;
}

static enum sg_rc write_report(const struct sg_judge *judge, const struct sg_report *report, const char *content,
                               size_t number, struct sg_buf *text, struct sg_buf *section, struct sg_err *err)
{
    enum sg_rc rc = judge->json ? sg_report_json(report, text, err) : sg_report_text(report, content, text, err);
    return rc == SG_OK && judge->html ? sg_report_html(report, content, number, section, err) : rc;
}

static enum sg_rc cannot_send(struct sg_err *err)
{
    return sg_fail(err, SG_E_INTERNAL, "%s", _("The files of the container cannot be handed on."));
}

static enum sg_rc send_name(void *context, const char *name, struct sg_err *err)
{
    const struct inside *inside = context;
    const struct sg_message message = {
        .kind = SG_MESSAGE_FILE, .file = inside->at, .pieces = {{(const uint8_t *)name, strlen(name)}}};
    return sg_message_send(inside->out, &message) ? SG_OK : cannot_send(err);
}

static enum sg_rc send_bytes(void *context, const uint8_t *data, size_t len, struct sg_err *err)
{
    const struct inside *inside = context;
    bool sent = true;
    while (sent && len > 0) {
        size_t some = len < SG_MESSAGE_DATA_MOST ? len : SG_MESSAGE_DATA_MOST;
        sent = sg_message_send(
            inside->out, &(struct sg_message){.kind = SG_MESSAGE_DATA, .file = inside->at, .pieces = {{data, some}}});
        data += some;
        len -= some;
    }
    return sent ? SG_OK : cannot_send(err);
}

static enum sg_rc extract(const struct inside *inside, struct sg_input *file, const struct sg_report *report,
                          struct sg_err *err)
{
    const enum sg_judge_extract which = inside->judge->extract;
    const struct sg_extraction to = {send_name, send_bytes, (void *)inside};
    return which == SG_EXTRACT_NONE ? SG_OK : sg_verify_extract(file, report, which == SG_EXTRACT_ALL, &to, err);
}

static enum sg_rc judge_file(const struct inside *inside, struct sg_judge_file *file, int *ret_status,
                             struct sg_buf *text, struct sg_buf *section, struct sg_err *err)
{
    const struct sg_judge *judge = inside->judge;
    const size_t number = inside->first + inside->at + 1; /* the file's among all, from 1 */
    struct sg_input *signature = NULL, *content = NULL;
    _cleanup_(sg_report_freep) struct sg_report *report = NULL;
    enum sg_rc rc = leave_to_parent(file, err);
    if (rc == SG_OK)
        rc = pair(file, &signature, &content, err);
    if (rc == SG_OK)
        rc = sg_verify_file(judge->verifier, signature, content, &report, err);
    if (rc == SG_OK)
        rc = extract(inside, signature, report, err);
    if (rc == SG_OK)
        rc = write_report(judge, report, content ? sg_input_name(content) : NULL, number, text, section, err);
    if (rc == SG_OK)
        *ret_status = sg_report_exit(report);
    return rc;
}

static struct sg_slice slice_of(const char *text)
{
    return (struct sg_slice){(const uint8_t *)text, strlen(text)};
}

static bool send_error(const struct inside *inside, const char *name, struct sg_err *err)
{
    if (err->rc == SG_E_CANNOT_CREATE) /* which is what base/input wants for so much */
        (void)sg_fail(
            err, SG_E_LIMIT,
            _("\"%s\" holds a signature as text (PEM, or Base64 in a message) of more than %zu MiB; turn it into DER."),
            name, SG_SPOOL_MEMORY / SG_MIB);
    return sg_message_send(
        inside->out, &(struct sg_message){.kind = SG_MESSAGE_ERROR,
                                          .code = err->rc,
                                          .file = inside->at,
                                          .pieces = {slice_of(err->text), slice_of(err->file), slice_of(err->cause)}});
}

static bool judge_and_answer(const struct inside *inside, struct sg_judge_file *file)
{
    _cleanup_(sg_buf_clear) struct sg_buf text = SG_BUF(SG_MAX_JUDGING_TEXT / 2);
    _cleanup_(sg_buf_clear) struct sg_buf section = SG_BUF(SG_MAX_JUDGING_TEXT / 2);
    struct sg_err err;
    int status = 0;
    enum sg_rc rc = judge_file(inside, file, &status, &text, &section, &err);
    if (rc == SG_E_NO_MEMORY)
        _exit(OUT_OF_MEMORY);
    if (rc != SG_OK)
        return send_error(inside, sg_input_name(file->named), &err);
    return sg_message_send(inside->out, &(struct sg_message){.kind = SG_MESSAGE_REPORT,
                                                             .code = (uint32_t)status,
                                                             .file = inside->at,
                                                             .pieces = {sg_buf_slice(&text), sg_buf_slice(&section)}});
}

static void log_to_parent(void *context, enum sg_log_level level, const char *text)
{
    const struct inside *inside = context;
    _cleanup_(sg_buf_clear) struct sg_buf clean = SG_BUF(3 * 1024);
    if (sg_utf8_append_printable(&clean, text, strlen(text), NULL) != SG_OK)
        return;
    (void)sg_message_send(
        inside->out, &(struct sg_message){
                         .kind = SG_MESSAGE_LOG, .code = level, .file = inside->at, .pieces = {sg_buf_slice(&clean)}});
}

static void keep(const struct sg_input *input, int *fds, size_t *count)
{
    if (input && sg_input_fd(input) >= 0)
        fds[(*count)++] = sg_input_fd(input);
}

static int compare_fds(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b; /* neither is negative */
}

static bool confine(const struct sg_judge *judge, const struct sg_batch *batch, pid_t parent, int out, unsigned missing)
{
    int fds[3 * SG_MAX_JUDGING_BATCH + 1];
    struct sg_sandbox sandbox = {
        .parent = parent, .keep = fds, .out = out, .folder = judge->folder, .memory = SG_JUDGING_MEMORY};
    fds[sandbox.keep_count++] = out;
    for (size_t i = 0; i < batch->count; i++) {
        const struct sg_judge_file *file = &batch->files[i];
        if (batch->answered[i])
            continue;
        keep(file->named, fds, &sandbox.keep_count);
        keep(file->content, fds, &sandbox.keep_count);
        keep(file->signature, fds, &sandbox.keep_count);
        sandbox.seconds += seconds_for(judge, file);
    }
    qsort(fds, sandbox.keep_count, sizeof *fds, compare_fds);
    return sg_sandbox_enter(&sandbox, missing);
}

/* The parent alone decides what a signal from the terminal ends. */
static void ignore_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        (void)signal(numbers[i], SIG_IGN);
}

__attribute__((noreturn)) static void judge_batch(const struct sg_judge *judge, const struct sg_batch *batch,
                                                  pid_t parent, int out, unsigned missing)
{
    struct inside inside = {.judge = judge, .out = out, .first = batch->first};
    ignore_signals();
    if (!confine(judge, batch, parent, out, missing))
        _exit(NOT_CONFINED);
    *judge->log = (struct sg_log){.handler = judge->log->handler ? log_to_parent : NULL, .context = &inside};
    for (; inside.at < batch->count; inside.at++) {
        struct sg_judge_file file = batch->files[inside.at];
        if (batch->answered[inside.at])
            continue;
        bool answered = judge_and_answer(&inside, &file);
        sg_judge_file_clear(&file);
        if (!answered)
            _exit(1);
    }
    _exit(0); /* what the parent has, it frees */
}

enum sg_rc sg_child_start(const struct sg_judge *judge, const struct sg_batch *batch, unsigned missing,
                          struct sg_child *ret, struct sg_err *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return sg_fail_errno(err, SG_E_JUDGE_FAILED, errno, "%s", _("No process can be started to judge in."));
    pid_t parent = getpid(), child = fork();
    if (child == 0)
        judge_batch(judge, batch, parent, ends[1], missing);
    int errnum = errno;
    (void)close(ends[1]);
    if (child < 0) {
        (void)close(ends[0]);
        return sg_fail_errno(err, SG_E_JUDGE_FAILED, errnum, "%s", _("No process can be started to judge in."));
    }
    *ret = (struct sg_child){.pid = child, .fd = ends[0]};
    return SG_OK;
}
