#include "judge/judge.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/msg.h"
#include "base/sandbox.h"
#include "judge/allowance.h"
#include "judge/child.h"
#include "judge/message.h"
#include "verify/report.h"
#include "verify/report_html.h"

#define SLICE_MS 250   /* how long a signal may go unnoticed */
#define OTHER_FILES 40 /* descriptors for all but the children's files */
#define FEW 16         /* files that are not worth a second child */
#define MANY_LEFT 32   /* files that keep a child busy for longer than a moment */
#define READ_SIZE (64 * SG_KIB)

struct answer {
    bool ready;
    enum sg_rc rc;
    int status;
    struct sg_buf text, section;
    struct sg_err *err; /* if `rc` is not SG_OK */
};

/* A place for one child at a time, and the batch that it judges. */
struct place {
    struct sg_child child;
    struct sg_batch batch;
    size_t at;                     /* the file of the batch whose answer is expected */
    int64_t left_ms;               /* for it */
    size_t logged;                 /* messages for the log about it */
    struct sg_allowance allowance; /* what may be taken out of it */
    struct sg_buf in;              /* what the child said and is no whole message yet */
};

struct run {
    const struct sg_judge *judge;
    unsigned missing; /* what the kernel lacks */
    struct place *places;
    size_t place_count, batch_size;
    size_t opened, delivered; /* files: the first of which this is not so */
    size_t held;              /* bytes of answers that wait for others */
    int64_t clock_ms;         /* up to when time was counted */
    struct answer answers[SG_JUDGING_AHEAD];
};

void sg_judge_file_clear(struct sg_judge_file *file)
{
    sg_input_free(file->named);
    sg_input_free(file->content);
    sg_input_free(file->signature);
    *file = (struct sg_judge_file){0};
}

/* --- answers --------------------------------------------------------------------------------------------------------
 */

static struct answer *answer_of(struct run *run, size_t index)
{
    return &run->answers[index % SG_JUDGING_AHEAD];
}

static void answer_error(struct run *run, size_t index, const struct sg_err *err)
{
    struct answer *answer = answer_of(run, index);
    answer->ready = true;
    answer->rc = err->rc;
    answer->err = malloc(sizeof *answer->err);
    if (answer->err)
        *answer->err = *err;
}

static void deliver(struct run *run)
{
    for (; run->delivered < run->opened && answer_of(run, run->delivered)->ready; run->delivered++) {
        struct answer *answer = answer_of(run, run->delivered);
        struct sg_err none; /* no memory for the right one */
        if (answer->rc != SG_OK && !answer->err)
            answer->rc = sg_fail_memory(&none);
        const struct sg_judged judged = {.rc = answer->rc,
                                         .status = answer->status,
                                         .text = sg_buf_slice(&answer->text),
                                         .section = sg_buf_slice(&answer->section),
                                         .err = answer->err ? answer->err : &none};
        run->judge->answered(run->judge->context, run->delivered, &judged);
        run->held -= answer->text.len + answer->section.len;
        sg_buf_clear(&answer->text);
        sg_buf_clear(&answer->section);
        free(answer->err);
        *answer = (struct answer){0};
    }
}

/* --- batches --------------------------------------------------------------------------------------------------------
 */

static uint64_t bytes_of(const struct sg_judge_file *file)
{
    return (file->named ? sg_input_size(file->named) : 0) + (file->content ? sg_input_size(file->content) : 0) +
           (file->signature ? sg_input_size(file->signature) : 0);
}

/* All places get some of what is left. */
static size_t next_batch_size(const struct run *run)
{
    size_t left = run->judge->count - run->opened, share = left / (2 * run->place_count) + 1;
    size_t size = share < FEW ? FEW : share < run->batch_size ? share : run->batch_size;
    size_t room = SG_JUDGING_AHEAD - (run->opened - run->delivered);
    size = size < run->batch_size ? size : run->batch_size;
    size = size < room ? size : room;
    return size < left ? size : left;
}

/* Opens files up to one that makes them many bytes. */
static enum sg_rc open_batch(struct run *run, struct sg_batch *batch, struct sg_err *err)
{
    uint64_t bytes = 0;
    size_t wanted = next_batch_size(run);
    batch->first = run->opened;
    batch->count = 0;
    while (batch->count < wanted && bytes < SG_LARGE_FILE) {
        enum sg_rc rc = run->judge->check_cancelled(err);
        if (rc != SG_OK)
            return rc;
        struct sg_judge_file *file = &batch->files[batch->count];
        struct sg_err why;
        *file = (struct sg_judge_file){0};
        *answer_of(run, run->opened) =
            (struct answer){.text = SG_BUF(SG_MAX_JUDGING_TEXT), .section = SG_BUF(SG_MAX_JUDGING_TEXT)};
        rc = run->judge->open(run->judge->context, run->opened, file, &why);
        if (rc != SG_OK)
            sg_judge_file_clear(file);
        if (rc == SG_E_CANCELLED) {
            if (err)
                *err = why;
            return rc;
        }
        if (rc != SG_OK)
            answer_error(run, run->opened, &why);
        else
            sg_verify_preload(file->named);
        bytes += bytes_of(file);
        batch->answered[batch->count++] = rc != SG_OK;
        run->opened++;
    }
    return SG_OK;
}

static void clear_batch(struct sg_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        sg_judge_file_clear(&batch->files[i]);
    batch->count = 0;
}

/* --- places ---------------------------------------------------------------------------------------------------------
 */

static void expect_next(struct run *run, struct place *place)
{
    while (place->at < place->batch.count && place->batch.answered[place->at])
        place->at++;
    place->logged = 0;
    if (place->at == place->batch.count)
        return;
    place->left_ms = sg_judge_time_for(run->judge, &place->batch.files[place->at]);
    sg_allowance_begin(&place->allowance, bytes_of(&place->batch.files[place->at]));
}

static void answered(struct place *place)
{
    place->batch.answered[place->at] = true;
    sg_judge_file_clear(&place->batch.files[place->at]);
}

static void give_up(struct run *run, struct place *place, const struct sg_err *err)
{
    answer_error(run, place->batch.first + place->at, err);
    answered(place);
}

/* Sets a child to what is left of the batch; if none can be started, that costs the next file, and so on. */
static void start(struct run *run, struct place *place)
{
    struct sg_err err;
    place->at = 0;
    place->in.len = 0;
    for (expect_next(run, place); place->at < place->batch.count; expect_next(run, place)) {
        if (sg_child_start(run->judge, &place->batch, run->missing, &place->child, &err) == SG_OK)
            return;
        sg_err_file(&err, sg_input_name(place->batch.files[place->at].named));
        give_up(run, place, &err);
    }
    clear_batch(&place->batch);
}

/* The child's end, which costs the file that it was at, if it had not done them all. */
static void stop(struct run *run, struct place *place, enum sg_child_end end)
{
    struct sg_err err;
    bool done = place->at == place->batch.count;
    const char *name = done ? "" : sg_input_name(place->batch.files[place->at].named);
    sg_child_stop(&place->child, end, name, &err);
    if (!done)
        give_up(run, place, &err);
    start(run, place);
}

/* Whether the files that it read are what their names still say is for the parent to find out. */
static enum sg_rc check_names(const struct sg_judge_file *file, struct sg_err *err)
{
    struct sg_input *const inputs[] = {file->named, file->content, file->signature};
    enum sg_rc rc = SG_OK;
    for (size_t i = 0; rc == SG_OK && i < sizeof inputs / sizeof *inputs; i++)
        if (inputs[i])
            rc = sg_input_check_unchanged(inputs[i], err);
    return rc;
}

static void copy_piece(char *out, size_t size, struct sg_slice piece)
{
    size_t len = piece.len < size ? piece.len : size - 1;
    if (len > 0)
        memcpy(out, piece.data, len);
    out[len] = '\0';
}

static void take_error(struct run *run, size_t index, const struct sg_message *message)
{
    struct sg_err err = {.rc = (enum sg_rc)message->code, .tries_left = -1};
    copy_piece(err.text, sizeof err.text, message->pieces[0]);
    copy_piece(err.file, sizeof err.file, message->pieces[1]);
    copy_piece(err.cause, sizeof err.cause, message->pieces[2]);
    answer_error(run, index, &err);
}

static void take_report(struct run *run, size_t index, const struct sg_message *message)
{
    struct answer *answer = answer_of(run, index);
    struct sg_err err;
    if (sg_buf_append(&answer->text, message->pieces[0].data, message->pieces[0].len, &err) != SG_OK ||
        sg_buf_append(&answer->section, message->pieces[1].data, message->pieces[1].len, &err) != SG_OK) {
        sg_buf_clear(&answer->text);
        answer_error(run, index, &err);
        return;
    }
    answer->status = (int)message->code;
    answer->ready = true;
    run->held += answer->text.len + answer->section.len;
}

/* What is beyond the limit is left out, and the first time this is said. */
static void take_log(const struct run *run, struct place *place, const struct sg_message *message)
{
    char text[SG_MESSAGE_LOG_ROOM];
    copy_piece(text, sizeof text, message->pieces[0]);
    if (place->logged < SG_MAX_JUDGING_LOG)
        sg_log(run->judge->log, (enum sg_log_level)message->code, "%s", text);
    else if (place->logged == SG_MAX_JUDGING_LOG)
        sg_log(run->judge->log, SG_LOG_INFO, _("There is more to say about \"%s\", which is left out."),
               sg_input_name(place->batch.files[place->at].named));
    place->logged++;
}

/* What reaches beyond the file's own section of the page is no answer about the file. */
static bool has_its_section(const struct run *run, size_t index, const struct sg_message *message)
{
    if (message->kind != SG_MESSAGE_REPORT)
        return true;
    return run->judge->html ? sg_html_is_section(message->pieces[1], index + 1) : message->pieces[1].len == 0;
}

static bool is_about(const struct run *run, const struct sg_input *file, struct sg_slice report)
{
    if (!file)
        return false;
    const char *name = sg_input_name(file);
    return run->judge->json ? sg_report_json_is_about(report, name) : sg_report_text_is_about(report, name);
}

/* Nor is what names another file than the one named, or the signature that goes with it. */
static bool has_its_name(const struct run *run, const struct sg_judge_file *file, const struct sg_message *message)
{
    return message->kind != SG_MESSAGE_REPORT || is_about(run, file->named, message->pieces[0]) ||
           is_about(run, file->signature, message->pieces[0]);
}

/* Nor is more than the file can hold. */
static bool take_file(const struct run *run, struct place *place, const struct sg_message *message)
{
    const struct sg_judge *judge = run->judge;
    const size_t index = place->batch.first + place->at;
    const struct sg_slice piece = message->pieces[0];
    const bool begins = message->kind == SG_MESSAGE_FILE;
    if (judge->extract == SG_EXTRACT_NONE || !(begins ? sg_allowance_take_file(&place->allowance, piece.len)
                                                      : sg_allowance_take_bytes(&place->allowance, piece.len)))
        return false;
    if (begins)
        judge->file_begins(judge->context, index, piece);
    else
        judge->file_goes_on(judge->context, index, piece);
    return true;
}

/* False if it is not about the file that the child was at. */
static bool take_message(struct run *run, struct place *place, const struct sg_message *message)
{
    if (place->at == place->batch.count || message->file != place->at)
        return false;
    size_t index = place->batch.first + place->at;
    if (message->kind == SG_MESSAGE_LOG) {
        take_log(run, place, message);
        return true;
    }
    if (message->kind == SG_MESSAGE_FILE || message->kind == SG_MESSAGE_DATA)
        return take_file(run, place, message);
    struct sg_err err;
    const struct sg_judge_file *file = &place->batch.files[place->at];
    if (!has_its_section(run, index, message) || !has_its_name(run, file, message))
        return false;
    if (check_names(file, &err) != SG_OK)
        answer_error(run, index, &err);
    else if (message->kind == SG_MESSAGE_ERROR)
        take_error(run, index, message);
    else
        take_report(run, index, message);
    answered(place);
    expect_next(run, place);
    return true;
}

/* False if what the child said is no message. */
static bool take_all(struct run *run, struct place *place)
{
    struct sg_slice rest = sg_buf_slice(&place->in);
    enum sg_message_state state = SG_MESSAGE_WHOLE;
    while (state == SG_MESSAGE_WHOLE) {
        struct sg_message message;
        size_t len = 0;
        state = sg_message_take(rest, run->judge->json, &message, &len);
        if (state == SG_MESSAGE_WHOLE && !take_message(run, place, &message))
            state = SG_MESSAGE_BROKEN;
        rest.data += len;
        rest.len -= len;
    }
    memmove(place->in.data, rest.data, rest.len);
    place->in.len = rest.len;
    return state != SG_MESSAGE_BROKEN;
}

static void hear(struct run *run, struct place *place)
{
    uint8_t *room = NULL;
    size_t before = place->in.len;
    if (sg_buf_extend(&place->in, READ_SIZE, &room, NULL) != SG_OK) {
        stop(run, place, SG_CHILD_BROKEN);
        return;
    }
    ssize_t n = read(place->child.fd, room, READ_SIZE);
    place->in.len = before + (n > 0 ? (size_t)n : 0);
    if (n > 0 && !take_all(run, place))
        stop(run, place, SG_CHILD_BROKEN);
    else if (n == 0 || (n < 0 && errno != EINTR))
        stop(run, place, SG_CHILD_ENDED);
}

/* --- the run --------------------------------------------------------------------------------------------------------
 */

static bool is_first(const struct run *run, const struct place *place)
{
    return place->batch.first <= run->delivered && run->delivered < place->batch.first + place->batch.count;
}

/* What passed since this was asked last, but no more than a slice, even if this process was stopped meanwhile. No
 * moment is lost between two calls: children that speak all the time keep each of them short. */
static int64_t passed_ms(struct run *run)
{
    int64_t before = run->clock_ms;
    run->clock_ms = sg_monotonic_ms();
    return run->clock_ms - before < SLICE_MS ? run->clock_ms - before : SLICE_MS;
}

/* Waits for any child; while too much is held, for the one that everything waits for. */
static void wait_for_children(struct run *run, struct pollfd *polled)
{
    bool only_first = run->held > SG_JUDGING_HELD;
    for (size_t i = 0; i < run->place_count; i++) {
        const struct place *place = &run->places[i];
        bool heard = place->child.pid != 0 && (!only_first || is_first(run, place));
        polled[i] = (struct pollfd){.fd = heard ? place->child.fd : -1, .events = POLLIN};
    }
    if (poll(polled, run->place_count, SLICE_MS) < 0)
        for (size_t i = 0; i < run->place_count; i++)
            polled[i].revents = 0;
}

/* While there is much to do, answers gather for a moment: to be woken for each costs more than to read it. */
static void let_gather(const struct run *run)
{
    const struct timespec moment = {.tv_nsec = 1000000};
    for (size_t i = 0; i < run->place_count; i++)
        if (run->places[i].child.pid == 0 || run->places[i].at + MANY_LEFT > run->places[i].batch.count)
            return;
    (void)nanosleep(&moment, NULL);
}

/* Only an answer gives a child new time (expect_next); whatever else it says does not stop the clock. */
static void hear_children(struct run *run)
{
    struct pollfd polled[SG_MAX_JUDGING_JOBS];
    let_gather(run);
    wait_for_children(run, polled);
    int64_t passed = passed_ms(run);
    for (size_t i = 0; i < run->place_count; i++) {
        struct place *place = &run->places[i];
        if (polled[i].fd < 0)
            continue;
        place->left_ms -= passed;
        if (polled[i].revents != 0)
            hear(run, place);
        if (place->child.pid != 0 && place->left_ms <= 0)
            stop(run, place, SG_CHILD_LATE);
    }
}

/* A batch of which no file could be opened needs no child. */
static enum sg_rc fill_places(struct run *run, struct sg_err *err)
{
    for (size_t i = 0; i < run->place_count; i++) {
        struct place *place = &run->places[i];
        while (place->child.pid == 0 && next_batch_size(run) > 0) {
            enum sg_rc rc = open_batch(run, &place->batch, err);
            if (rc != SG_OK)
                return rc;
            start(run, place);
            deliver(run);
        }
    }
    return SG_OK;
}

static enum sg_rc run_all(struct run *run, struct sg_err *err)
{
    run->clock_ms = sg_monotonic_ms();
    while (run->delivered < run->judge->count) {
        enum sg_rc rc = fill_places(run, err);
        if (rc == SG_OK)
            rc = run->judge->check_cancelled(err);
        if (rc != SG_OK)
            return rc;
        deliver(run);
        if (run->delivered < run->judge->count)
            hear_children(run);
        deliver(run);
    }
    return SG_OK;
}

/* Each place holds two descriptors a file, as a rule, and a pipe. All places together hold half of the files that may
 * be ahead, so that none waits for room that the others took. */
static void share_descriptors(struct run *run)
{
    size_t share = SG_JUDGING_AHEAD / 2 / run->place_count;
    size_t most = share < SG_MAX_JUDGING_BATCH ? share : SG_MAX_JUDGING_BATCH;
    struct rlimit limit = {.rlim_cur = 1024, .rlim_max = 1024};
    rlim_t wanted = run->place_count * (2 * most + 2) + OTHER_FILES;
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < wanted) {
        limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    size_t spare = limit.rlim_cur > OTHER_FILES + 4 ? (size_t)limit.rlim_cur - OTHER_FILES : 4;
    while (run->place_count > 1 && spare / run->place_count < 4)
        run->place_count--;
    size_t fits = (spare / run->place_count - 2) / 2;
    run->batch_size = fits < most ? fits : most;
}

static void tell_missing(const struct run *run)
{
    if (run->missing & SG_SANDBOX_LANDLOCK)
        sg_log(run->judge->log, SG_LOG_WARNING, "%s",
               _("This kernel has no Landlock: a file that takes over the process that judges it could read other "
                 "files."));
    if (run->missing & SG_SANDBOX_SECCOMP)
        sg_log(
            run->judge->log, SG_LOG_WARNING, "%s",
            _("This kernel has no seccomp: a file that takes over the process that judges it could use the network."));
}

static void run_clear(struct run *run)
{
    struct sg_err err;
    for (size_t i = 0; run->places && i < run->place_count; i++) {
        if (run->places[i].child.pid != 0)
            sg_child_stop(&run->places[i].child, SG_CHILD_CANCELLED, "", &err);
        clear_batch(&run->places[i].batch);
        sg_buf_clear(&run->places[i].in);
    }
    for (size_t i = 0; i < SG_JUDGING_AHEAD; i++) {
        sg_buf_clear(&run->answers[i].text);
        sg_buf_clear(&run->answers[i].section);
        free(run->answers[i].err);
    }
    free(run->places);
    free(run);
}
SG_DEFINE_CLEANUP(struct run, run_clear)

enum sg_rc sg_judge_run(const struct sg_judge *judge, struct sg_err *err)
{
    struct run *fresh = calloc(1, sizeof *fresh);
    if (!fresh)
        return sg_fail_memory(err);
    _cleanup_(run_clearp) struct run *run = fresh;
    run->judge = judge;
    run->missing = sg_sandbox_missing();
    run->place_count = judge->jobs < SG_MAX_JUDGING_JOBS ? judge->jobs : SG_MAX_JUDGING_JOBS;
    share_descriptors(run);
    run->places = calloc(run->place_count, sizeof *run->places);
    if (!run->places)
        return sg_fail_memory(err);
    for (size_t i = 0; i < run->place_count; i++)
        run->places[i].in.max = SG_MAX_JUDGING_TEXT + 2 * READ_SIZE;
    tell_missing(run);
    if (judge->count > FEW)
        sg_verifier_warm_up(judge->verifier);
    return run_all(run, err);
}
