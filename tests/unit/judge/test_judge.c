/* Does whatever a file does to the process that judges it cost the answer about that file, and no other? A file is made
 * to do it by its name, in the wrapped sg_verify_file(); the product knows nothing of that. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "../verify/judging.h"

#include "base/limits.h"
#include "base/sandbox.h"
#include "base/sanitize.h"
#include "judge/judge.h"
#include "judge/message.h"
#include "verify/report_html.h"

enum sg_rc __real_sg_verify_file(struct sg_verifier *verifier, struct sg_input *signature, struct sg_input *content,
                                 struct sg_report **ret, struct sg_err *err);
enum sg_rc __wrap_sg_verify_file(struct sg_verifier *verifier, struct sg_input *signature, struct sg_input *content,
                                 struct sg_report **ret, struct sg_err *err);

/* --- what files do
 * ----------------------------------------------------------------------------------------------------- */

static void write_everywhere(const void *bytes, size_t len)
{
    for (int fd = 0; fd < 200; fd++)
        (void)!write(fd, bytes, len);
}

static void say_both(const char *text, const char *section, uint32_t file)
{
    const struct sg_message message = {
        .kind = SG_MESSAGE_REPORT, .file = file, .pieces = {slice_of(text), slice_of(section)}};
    for (int fd = 0; fd < 200; fd++)
        (void)sg_message_send(fd, &message);
}

static void say(const char *text, uint32_t file)
{
    say_both(text, "", file);
}

__attribute__((noreturn)) static void hang(void)
{
    for (;;)
        (void)sched_yield();
}

static enum sg_rc eat_memory(struct sg_err *err)
{
    for (size_t i = 0; !SG_SANITIZED && i < 1000; i++) {
        void *memory = malloc(64 * SG_MIB);
        if (!memory)
            return sg_fail_memory(err);
    }
    return sg_fail_memory(err);
}

static int64_t clock_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void spin_ms(int64_t ms)
{
    for (int64_t end = clock_ms() + ms; clock_ms() < end;)
        (void)sched_yield();
}

/* Where nothing is to end by its time, a machine that does much else has plenty of it. */
#define PATIENCE 600
#define HURRY 5                /* seconds that a file may take where one is to end by its time */
#define TALK_MS (HURRY * 3000) /* longer than that */
#define PAUSE_MS 50            /* shorter than the parent waits */

static const struct sg_message chatter = {
    .kind = SG_MESSAGE_LOG, .code = SG_LOG_INFO, .pieces = {{(const uint8_t *)"chatter", 7}}};

/* Says something for the log again and again. */
static void chat(int64_t pause_ms)
{
    for (int64_t end = clock_ms() + TALK_MS; clock_ms() < end; spin_ms(pause_ms))
        for (int fd = 0; fd < 200; fd++)
            (void)sg_message_send(fd, &chatter);
}

/* Says one thing, a byte at a time. */
static void drip(void)
{
    const uint32_t head[6] = {SG_MESSAGE_LOG, SG_LOG_INFO, 0, TALK_MS / PAUSE_MS};
    write_everywhere(head, sizeof head);
    for (size_t i = 0; i < TALK_MS / PAUSE_MS; i++) {
        write_everywhere("x", 1);
        spin_ms(PAUSE_MS);
    }
}

static bool hand_out(uint32_t kind, const void *bytes, size_t len)
{
    const struct sg_message message = {.kind = kind, .pieces = {{bytes, len}}};
    bool sent = false;
    for (int fd = 0; fd < 200; fd++)
        sent |= sg_message_send(fd, &message);
    return sent;
}

/* Takes more and more out of what is no container, until nobody listens. */
static void fill_disk(bool many)
{
    static const uint8_t bytes[SG_MESSAGE_DATA_MOST];
    bool heard = hand_out(SG_MESSAGE_FILE, "a", 1);
    while (heard)
        heard = many ? hand_out(SG_MESSAGE_FILE, "a/b", 3) : hand_out(SG_MESSAGE_DATA, bytes, sizeof bytes);
    hang();
}

enum sg_rc __wrap_sg_verify_file(struct sg_verifier *verifier, struct sg_input *signature, struct sg_input *content,
                                 struct sg_report **ret, struct sg_err *err)
{
    const char *name = sg_input_name(signature);
    if (strcmp(name, "crash") == 0)
        abort();
    if (strcmp(name, "exit") == 0)
        _exit(0);
    if (strcmp(name, "eat") == 0)
        return eat_memory(err);
    if (strcmp(name, "babble") == 0)
        write_everywhere("what nobody understands, and much of it", 40);
    if (strcmp(name, "steer") == 0)
        say("VALID: \x1b[2J\n", 0);
    if (strcmp(name, "overreach") == 0)
        say_both("VALID: overreach\n", "<section id=\"f2\"></section>\n", 0);
    if (strcmp(name, "no section") == 0)
        say("VALID: no section\n", 0);
    if (strcmp(name, "impostor") == 0)
        say("VALID: file-1\n", 0);
    if (strcmp(name, "second") == 0)
        say("VALID: second\n  as it was\nVALID: file-1\n", 0);
    if (strcmp(name, "impostor in JSON") == 0)
        say("{\"schema\":\"signet.verify/1\",\"file\":\"file-1\",\"format\":null,\"signatures\":[]}", 0);
    if (strcmp(name, "another") == 0)
        say("VALID: x\n", 99);
    if (strcmp(name, "chat") == 0)
        chat(PAUSE_MS);
    if (strcmp(name, "flood") == 0)
        chat(0);
    if (strcmp(name, "drip") == 0)
        drip();
    if (strcmp(name, "much") == 0 || strcmp(name, "many") == 0)
        fill_disk(strcmp(name, "many") == 0);
    for (int fd = 0; strcmp(name, "leave") == 0 && fd < 200; fd++)
        (void)close(fd);
    if (strcmp(name, "hang") == 0 || strcmp(name, "leave") == 0)
        hang();
    return __real_sg_verify_file(verifier, signature, content, ret, err);
}

/* --- the stage
 * --------------------------------------------------------------------------------------------------------- */

struct stage {
    struct world world;
    struct sg_buf cms; /* attached */
    struct sg_verifier *verifier;
    struct sg_log log;
    size_t logged, chattered;

    const char *fault; /* the name of the file ... */
    size_t at;         /* ... with this number */
    const char *path;  /* not NULL: every file is this one on disk */
    size_t count, answered;
    size_t cancel_after; /* answers */
    unsigned seconds;    /* that a file may take */
    enum sg_rc rcs[1000];
    int statuses[1000];
    bool json, html;
    enum sg_judge_extract extract;
    size_t files, names; /* handed out of containers */
    uint64_t bytes;
};

static void note_log(void *context, enum sg_log_level level, const char *text)
{
    struct stage *stage = context;
    stage->logged += level == SG_LOG_INFO && strncmp(text, "Revocation list used", 20) == 0;
    stage->chattered += strcmp(text, "chatter") == 0;
}

static int set_up(void **state)
{
    struct stage *stage = calloc(1, sizeof *stage);
    world_make(&stage->world);
    stage->cms = (struct sg_buf)SG_BUF(SG_MIB);
    world_sign(&stage->world, (struct pki_cms){.attached = true}, &stage->cms);
    stage->log = (struct sg_log){.handler = note_log, .context = stage};
    stage->world.options.log = &stage->log;
    assert_int_equal(world_verifier(&stage->world, &stage->verifier), SG_OK);
    stage->cancel_after = SIZE_MAX;
    stage->seconds = PATIENCE;
    *state = stage;
    return 0;
}

static int tear_down(void **state)
{
    struct stage *stage = *state;
    sg_verifier_free(stage->verifier);
    sg_buf_clear(&stage->cms);
    world_clear(&stage->world);
    free(stage);
    return 0;
}

static enum sg_rc open_one(void *context, size_t index, struct sg_judge_file *ret, struct sg_err *err)
{
    struct stage *stage = context;
    bool faulty = stage->fault && (index == stage->at || stage->at == SIZE_MAX);
    char name[32];
    (void)snprintf(name, sizeof name, "file-%zu", index);
    if (faulty && strcmp(stage->fault, "gone") == 0)
        return sg_input_open("/nowhere/at/all", &ret->named, err);
    if (stage->path)
        return sg_input_open(stage->path, &ret->named, err);
    return sg_input_from_slice(faulty ? stage->fault : name, sg_buf_slice(&stage->cms), &ret->named, err);
}

static void take_one(void *context, size_t index, const struct sg_judged *answer)
{
    struct stage *stage = context;
    char expected[64];
    assert_int_equal(index, stage->answered++);
    stage->rcs[index] = answer->rc;
    stage->statuses[index] = answer->status;
    if (answer->rc != SG_OK) {
        assert_int_equal(answer->err->rc, answer->rc);
        return;
    }
    if (stage->html)
        assert_true(sg_html_is_section(answer->section, index + 1));
    else
        assert_int_equal(answer->section.len, 0);
    (void)snprintf(expected, sizeof expected,
                   stage->json ? "{\"schema\":\"signet.verify/1\",\"file\":\"file-%zu\"" : "VALID: file-%zu\n", index);
    if (!stage->path)
        assert_memory_equal(answer->text.data, expected, strlen(expected));
}

static void begin_file(void *context, size_t index, struct sg_slice name)
{
    struct stage *stage = context;
    assert_int_equal(index, stage->at);
    stage->files++;
    stage->names += name.len;
}

static void go_on(void *context, size_t index, struct sg_slice bytes)
{
    struct stage *stage = context;
    assert_int_equal(index, stage->at);
    stage->bytes += bytes.len;
}

static struct stage *running; /* check_cancelled() has no context */

static enum sg_rc check_cancelled(struct sg_err *err)
{
    return running->answered >= running->cancel_after ? sg_fail(err, SG_E_CANCELLED, "enough") : SG_OK;
}

static enum sg_rc run(struct stage *stage, size_t count, unsigned jobs)
{
    struct sg_err err;
    const struct sg_judge judge = {.verifier = stage->verifier,
                                   .log = &stage->log,
                                   .json = stage->json,
                                   .html = stage->html,
                                   .jobs = jobs,
                                   .seconds = stage->seconds,
                                   .count = count,
                                   .context = stage,
                                   .open = open_one,
                                   .answered = take_one,
                                   .extract = stage->extract,
                                   .file_begins = begin_file,
                                   .file_goes_on = go_on,
                                   .check_cancelled = check_cancelled};
    running = stage;
    stage->answered = 0;
    enum sg_rc rc = sg_judge_run(&judge, &err);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child is left */
    assert_int_equal(errno, ECHILD);
    return rc;
}

/* --- the tests
 * --------------------------------------------------------------------------------------------------------- */

static void assert_all_valid_but(const struct stage *stage, size_t count, enum sg_rc expected)
{
    assert_int_equal(stage->answered, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(stage->rcs[i], i == stage->at ? expected : SG_OK);
        if (i != stage->at)
            assert_int_equal(stage->statuses[i], 0);
    }
}

/* Are all answered once, in their order, by one child after another or several at once, as text and as JSON? */
static void answers_in_order(void **state)
{
    struct stage *stage = *state;
    stage->at = SIZE_MAX;
    for (int json = 0; json <= 1; json++) {
        stage->json = json;
        for (unsigned jobs = 1; jobs <= 3; jobs += 2) {
            assert_int_equal(run(stage, 600, jobs), SG_OK);
            assert_all_valid_but(stage, 600, SG_OK);
        }
    }
    assert_int_equal(run(stage, 1, 4), SG_OK);
    assert_all_valid_but(stage, 1, SG_OK);
    assert_int_equal(run(stage, 0, 4), SG_OK);
    assert_int_equal(stage->answered, 0);
}

/* Whatever it does: an error for that file, and a verdict for every other one. */
static void one_costs_only_itself(void **state)
{
    static const char *const faults[] = {"crash", "exit", "eat", "babble", "steer", "another", "leave", "hang"};
    static const size_t places[] = {0, 77, 199};
    struct stage *stage = *state;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        for (size_t k = 0; k < (i < 2 ? 3U : 1U); k++) {
            stage->fault = faults[i];
            stage->seconds = strcmp(stage->fault, "hang") == 0 ? HURRY : PATIENCE;
            stage->at = places[i < 2 ? k : 1];
            assert_int_equal(run(stage, 200, 2), SG_OK);
            assert_all_valid_but(stage, 200, SG_E_JUDGE_FAILED);
        }
    }
}

/* A page has a section of each, and none that is another file's or not there. */
static void sections_are_of_their_files(void **state)
{
    static const char *const faults[] = {"overreach", "no section"};
    struct stage *stage = *state;
    stage->html = true;
    stage->at = SIZE_MAX;
    assert_int_equal(run(stage, 300, 3), SG_OK);
    assert_all_valid_but(stage, 300, SG_OK);
    stage->at = 0;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        stage->fault = faults[i];
        assert_int_equal(run(stage, 40, 1), SG_OK);
        assert_all_valid_but(stage, 40, SG_E_JUDGE_FAILED);
    }
}

/* Only an answer gives a child more time: not what it has to say for the log, and not a message that does not end. */
static void talk_buys_no_time(void **state)
{
    static const char *const faults[] = {"chat", "flood", "drip"};
    struct stage *stage = *state;
    stage->at = 0;
    stage->seconds = HURRY;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        stage->fault = faults[i];
        stage->chattered = 0;
        assert_int_equal(run(stage, 20, 1), SG_OK);
        assert_all_valid_but(stage, 20, SG_E_JUDGE_FAILED);
        assert_true(stage->chattered <= SG_MAX_JUDGING_LOG);
        assert_int_equal(stage->chattered > 0, strcmp(stage->fault, "drip") != 0);
    }
}

/* An answer names the file that it is about, and no other. */
static void none_speaks_of_another(void **state)
{
    static const char *const faults[] = {"impostor", "second", "impostor in JSON"};
    struct stage *stage = *state;
    stage->at = 0;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        stage->json = i == 2;
        stage->fault = faults[i];
        assert_int_equal(run(stage, 20, 1), SG_OK);
        assert_all_valid_but(stage, 20, SG_E_JUDGE_FAILED);
    }
}

/* Does a child that takes out of a file what cannot be in it reach the disk with no more than could be? */
static void the_disk_is_not_theirs(void **state)
{
    static const char *const faults[] = {"much", "many"};
    struct stage *stage = *state;
    stage->extract = SG_EXTRACT_ALL;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        stage->fault = faults[i];
        stage->files = stage->names = stage->bytes = 0;
        assert_int_equal(run(stage, 1, 1), SG_OK);
        assert_int_equal(stage->rcs[0], SG_E_JUDGE_FAILED);
        assert_true(stage->files >= 1 && stage->files <= stage->cms.len);
        assert_true(stage->names <= 2 * stage->cms.len);
        assert_true(stage->bytes <= stage->cms.len * SG_MAX_ZIP_RATIO + SG_MAX_ZIP_FREE);
        assert_true(i == 0 ? stage->bytes > SG_MAX_ZIP_FREE : stage->files > 100);
    }
    stage->extract = SG_EXTRACT_NONE; /* who was not asked for files hands out none */
    stage->files = 0;
    assert_int_equal(run(stage, 1, 1), SG_OK);
    assert_int_equal(stage->rcs[0], SG_E_JUDGE_FAILED);
    assert_int_equal(stage->files, 0);
}

static void all_of_them(void **state)
{
    struct stage *stage = *state;
    stage->fault = "crash";
    stage->at = SIZE_MAX;
    assert_int_equal(run(stage, 40, 2), SG_OK);
    assert_int_equal(stage->answered, 40);
    for (size_t i = 0; i < 40; i++)
        assert_int_equal(stage->rcs[i], SG_E_JUDGE_FAILED);
}

static void what_is_not_there_is_said(void **state)
{
    struct stage *stage = *state;
    stage->fault = "gone";
    stage->at = 5;
    assert_int_equal(run(stage, 40, 2), SG_OK);
    assert_all_valid_but(stage, 40, SG_E_NOT_FOUND);
    stage->at = SIZE_MAX;
    assert_int_equal(run(stage, 40, 2), SG_OK);
    for (size_t i = 0; i < 40; i++)
        assert_int_equal(stage->rcs[i], SG_E_NOT_FOUND);
}

/* A cancelled run ends at once, though a child hangs, and leaves none behind (run() looks). */
static void cancelling_ends_all(void **state)
{
    struct stage *stage = *state;
    struct timespec before, after;
    stage->fault = "hang";
    stage->at = 60;
    stage->cancel_after = 40;
    (void)clock_gettime(CLOCK_MONOTONIC, &before);
    assert_int_equal(run(stage, 200, 2), SG_E_CANCELLED);
    (void)clock_gettime(CLOCK_MONOTONIC, &after);
    assert_true(stage->answered < 200);
    assert_true(after.tv_sec - before.tv_sec < 30);
}

/* A file that is written to, or another one in its place, while it is judged: no verdict. */
static void changes_are_noticed(void **state)
{
    struct stage *stage = *state;
    char path[] = "/tmp/signet-judge-XXXXXX", other[64];
    _cleanup_(closep) int fd = mkstemp(path);
    assert_int_equal(write(fd, stage->cms.data, stage->cms.len), (ssize_t)stage->cms.len);
    stage->path = path;
    stage->at = SIZE_MAX;
    assert_int_equal(run(stage, 3, 1), SG_OK);
    assert_all_valid_but(stage, 3, SG_OK);

    pid_t writer = fork();
    assert_true(writer >= 0);
    if (writer == 0) {
        for (;;)
            if (pwrite(fd, stage->cms.data, stage->cms.len, 0) < 0 || sched_yield() < 0)
                _exit(1);
    }
    stage->answered = 0;
    struct sg_err err;
    const struct sg_judge judge = {.verifier = stage->verifier,
                                   .log = &stage->log,
                                   .jobs = 1,
                                   .seconds = PATIENCE,
                                   .count = 100,
                                   .context = stage,
                                   .open = open_one,
                                   .answered = take_one,
                                   .extract = stage->extract,
                                   .file_begins = begin_file,
                                   .file_goes_on = go_on,
                                   .check_cancelled = check_cancelled};
    enum sg_rc rc = sg_judge_run(&judge, &err);
    (void)kill(writer, SIGKILL);
    assert_int_equal(waitpid(writer, NULL, 0), writer);
    assert_int_equal(rc, SG_OK);
    size_t changed = 0;
    for (size_t i = 0; i < 100; i++)
        changed += stage->rcs[i] == SG_E_INPUT_CHANGED;
    assert_true(changed > 0);

    /* A FIFO under the name of what was opened. */
    (void)snprintf(other, sizeof other, "%s.fifo", path);
    struct sg_judge_file file = {0};
    assert_int_equal(open_one(stage, 0, &file, &err), SG_OK);
    assert_int_equal(mkfifo(other, 0600), 0);
    assert_int_equal(rename(other, path), 0);
    assert_int_equal(sg_input_check_unchanged(file.named, &err), SG_E_INPUT_CHANGED);
    sg_judge_file_clear(&file);
    (void)unlink(path);
}

/* With few descriptors batches are small, and nothing else changes. */
static void few_descriptors_are_enough(void **state)
{
    struct stage *stage = *state;
    struct rlimit before, few;
    char path[] = "/tmp/signet-judge-XXXXXX";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, stage->cms.data, stage->cms.len), (ssize_t)stage->cms.len);
    (void)close(fd);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        few = (struct rlimit){.rlim_cur = 50, .rlim_max = 50};
        stage->path = path;
        stage->at = SIZE_MAX;
        bool good = setrlimit(RLIMIT_NOFILE, &few) == 0 && run(stage, 300, 8) == SG_OK && stage->answered == 300;
        for (size_t i = 0; i < 300; i++)
            good = good && stage->rcs[i] == SG_OK;
        _exit(good ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    (void)unlink(path);
}

static void what_is_logged_reaches_the_parent(void **state)
{
    struct stage *stage = *state;
    stage->at = SIZE_MAX;
    assert_int_equal(run(stage, 10, 1), SG_OK);
    assert_true(stage->logged > 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(answers_in_order),    TEST(one_costs_only_itself),      TEST(sections_are_of_their_files),
        TEST(talk_buys_no_time),   TEST(none_speaks_of_another),     TEST(the_disk_is_not_theirs),
        TEST(all_of_them),         TEST(what_is_not_there_is_said),  TEST(cancelling_ends_all),
        TEST(changes_are_noticed), TEST(few_descriptors_are_enough), TEST(what_is_logged_reaches_the_parent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
