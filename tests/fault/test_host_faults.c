/* A module that misbehaves in a token host: whatever it does, and in whichever function, costs the operation alone. It
 * ends in time with a sentence, the next one works, and nobody else notices. */
#include "softhsm.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "base/sanitize.h"
#include "fake_shared.h"
#include "whole_way.h"

/* A host with a sanitizer takes a second to start on a busy machine, and more on one that is busier. */
#define SHORT_MS (SG_SANITIZED ? 3000 : 500)
#define LONG_MS 20000
#define SEEDS (SG_SANITIZED ? 3U : 20U)
#define RESTARTS (SG_SANITIZED ? 20 : 200)

static struct fake_control *fake;
static struct softhsm hsm; /* the neighbour */

/* --- modules in hosts --------------------------------------------------------------------------------------------- */

static double now_s(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void pause_10_ms(void)
{
    (void)nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
}

struct limits {
    int64_t call_ms, sign_ms, idle_ms;
};
static const struct limits patient = {LONG_MS, LONG_MS, 0};

static enum sg_rc open_modules(size_t count, struct limits limits, struct sg_tokens **ret, struct sg_err *err)
{
    static const char *const modules[] = {FAKE_MODULE, SOFTHSM_MODULE};
    const struct sg_tokens_options options = {.modules = modules,
                                              .module_count = count,
                                              .libctx = libctx,
                                              .host = TOKEN_HOST,
                                              .runtime = hsm.folder,
                                              .timeout_ms = limits.call_ms,
                                              .sign_timeout_ms = limits.sign_ms,
                                              .idle_ms = limits.idle_ms};
    return sg_tokens_open(&options, ret, err);
}

static struct sg_tokens *must_open(size_t count, struct limits limits)
{
    struct sg_tokens *tokens = NULL;
    struct sg_err err = {0};
    if (open_modules(count, limits, &tokens, &err) != SG_OK)
        fail_msg("%s [%s]", err.text, err.cause);
    return tokens;
}

/* --- what must hold after each deed ------------------------------------------------------------------------------- */

static void be_good(void)
{
    fake->deed = FAKE_FAILS;
    fake->fail_at = 0;
    fake->each = false;
    fake->only[0] = '\0';
    fake->lie = FAKE_HONEST;
}

static void plan(enum fake_deed deed, const char *only, unsigned nth)
{
    be_good();
    fake->calls = 0;
    fake->where[0] = '\0';
    (void)snprintf(fake->only, sizeof fake->only, "%s", only);
    fake->deed = deed;
    fake->fail_at = nth;
}

static void no_process_is_left(void)
{
    int status = 0;
    assert_int_equal(waitpid(-1, &status, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

static void must(enum sg_rc rc, const struct sg_err *err)
{
    if (rc != SG_OK)
        fail_msg("after %s: %s: %s [%s]", fake->where, sg_rc_word(rc), err->text, err->cause);
}

/* What was lost with the first error, if nobody listened to that (C_GetMechanismList is a help only), is one too. */
static void is_said(enum sg_rc rc, enum sg_rc wanted, const struct sg_err *err)
{
    if (rc == SG_E_TOKEN_FAILED && strstr(err->text, "had to be stopped"))
        wanted = rc;
    if (rc != wanted || err->rc != rc)
        fail_msg("in %s: %s, not %s: %s [%s]", fake->where, sg_rc_word(rc), sg_rc_word(wanted), err->text, err->cause);
    if (!strstr(err->text, "fake_module") || err->token[0] == '\0')
        fail_msg("in %s: it is not said of which module and token: %s (%s)", fake->where, err->text, err->token);
}

/* A PIN that was on its way may have been refused: nobody knows, and the interlock says so until it is cleared. */
static void works_again(struct sg_tokens *tokens)
{
    struct sg_err err = {0};
    be_good();
    must(sg_tokens_refresh(tokens, &err), &err);
    must(sg_token_pin_clear(fake_token(tokens), &err), &err);
    must(use(tokens, &err), &err);
}

/* The whole way with the planned deed in it, and then without. False: the deed had no occasion. */
static bool suffer(struct limits limits, enum sg_rc wanted, double within)
{
    _cleanup_(sg_tokens_freep) struct sg_tokens *tokens = NULL;
    struct sg_err err = {.tries_left = -1};
    double began = now_s();
    enum sg_rc rc = open_modules(1, limits, &tokens, &err);
    if (rc == SG_OK) {
        began = now_s();
        rc = use(tokens, &err);
    }
    if (fake->where[0] == '\0') { /* not on the way: perhaps at the end */
        assert_int_equal(rc, SG_OK);
        sg_tokens_free(sg_steal(tokens));
        no_process_is_left();
        return fake->where[0] != '\0';
    }
    double took = now_s() - began;
    is_said(rc, wanted, &err);
    if (took > within)
        fail_msg("in %s: it took %.1f s", fake->where, took);
    if (!tokens) {
        be_good();
        tokens = must_open(1, patient);
    }
    works_again(tokens);
    sg_tokens_free(sg_steal(tokens));
    no_process_is_left();
    return true;
}

/* --- dying and hanging -------------------------------------------------------------------------------------------- */

/* In every call of the whole way, from C_Initialize to C_Finalize. */
static void test_each_call_crashes(void **state)
{
    (void)state;
    unsigned nth = 1;
    for (plan(FAKE_SEGFAULTS, "", nth); suffer(patient, SG_E_MODULE_CRASHED, 10); plan(FAKE_SEGFAULTS, "", nth))
        nth += SG_SANITIZED ? 5 : 1;
    assert_in_range(nth, 60, 1000);
}

/* However a process can end: also with 0, as a host does that has nothing to do. */
static void test_each_function_ends_it(void **state)
{
    (void)state;
    static const enum fake_deed deeds[] = {FAKE_EXITS, FAKE_ABORTS};
    for (size_t i = 0; i < FUNCTIONS; i++) {
        plan(deeds[i % 2], functions[i], 1);
        assert_true(suffer(patient, SG_E_MODULE_CRASHED, 10));
    }
}

static void test_each_function_hangs(void **state)
{
    (void)state;
    for (size_t i = 0; i < FUNCTIONS; i++) {
        /* The request that makes a key may take ten times as long; a session is closed there first. */
        bool keygen = strcmp(functions[i], "C_GenerateKeyPair") == 0 || strcmp(functions[i], "C_CloseSession") == 0;
        double within = (keygen ? 10 : 1) * SHORT_MS / 1000.0 + 5;
        plan(FAKE_HANGS, functions[i], 1);
        assert_true(suffer((struct limits){SHORT_MS, SHORT_MS, 0}, SG_E_TOKEN_TIMEOUT, within));
    }
}

/* A PIN goes to the token once, also when nobody can tell what became of it. */
static void test_pin_is_sent_once(void **state)
{
    (void)state;
    static const enum fake_deed deeds[] = {FAKE_SEGFAULTS, FAKE_EXITS, FAKE_HANGS};
    for (size_t i = 0; i < sizeof deeds / sizeof *deeds; i++) {
        _cleanup_(sg_tokens_freep) struct sg_tokens *tokens = must_open(1, (struct limits){SHORT_MS, SHORT_MS, 0});
        struct sg_err err = {0};
        plan(deeds[i], "C_Login", 1);
        fake->logins = 0;
        assert_int_not_equal(login(tokens, &err), SG_OK);
        assert_int_equal(fake->logins, 1);
        be_good();
        assert_int_equal(login(tokens, &err), SG_E_PIN_INTERLOCK);
        assert_int_equal(fake->logins, 1);
        works_again(tokens);
    }
}

/* --- garbage ------------------------------------------------------------------------------------------------------ */

/* Lengths, counts, handles, values and texts from a seed, in each function: an error, or what is right none the less;
 * never the end of the host, since its own code is what reads them. */
static void test_garbage(void **state)
{
    (void)state;
    for (size_t i = 0; i < FUNCTIONS; i++) {
        for (unsigned seed = 1; seed <= SEEDS; seed++) {
            _cleanup_(sg_tokens_freep) struct sg_tokens *tokens = NULL;
            struct sg_err err = {.tries_left = -1};
            plan(FAKE_GARBLES, functions[i], 0);
            fake->each = true;
            fake->seed = seed * 0x9e3779b97f4a7c15U;
            enum sg_rc rc = open_modules(1, patient, &tokens, &err);
            if (rc == SG_OK)
                rc = use(tokens, &err);
            if (rc == SG_E_MODULE_CRASHED || rc == SG_E_TOKEN_TIMEOUT || rc == SG_E_INTERNAL ||
                (rc != SG_OK && err.text[0] == '\0'))
                fail_msg("%s, seed %u: %s: %s [%s]", functions[i], seed, sg_rc_word(rc), err.text, err.cause);
            assert_string_equal(fake->where, functions[i]);
            be_good();
        }
    }
}

static void test_lies(void **state)
{
    (void)state;
    for (int lie = FAKE_HONEST + 1; lie < FAKE_LIES; lie++) {
        _cleanup_(sg_tokens_freep) struct sg_tokens *tokens = must_open(1, patient);
        struct sg_err err = {0};
        fake->lie = (enum fake_lie)lie;
        enum sg_rc rc = use(tokens, &err);
        if (lie == FAKE_MECHANISM_COUNT || lie == FAKE_PLAINTEXT_WRONG) /* a help only; not to be seen here */
            assert_int_equal(rc, SG_OK);
        else if (rc == SG_OK || rc == SG_E_MODULE_CRASHED || rc == SG_E_TOKEN_TIMEOUT || err.text[0] == '\0')
            fail_msg("lie %d: %s: %s", lie, sg_rc_word(rc), err.text);
        works_again(tokens);
    }
}

/* --- a host that is the module's own ------------------------------------------------------------------------------ */

/* The module shares the host's memory and descriptors: it closes them, speaks half a message on them, says that it only
 * waits, cuts the shared page away. */
static void test_hostile_host(void **state)
{
    (void)state;
    static const struct {
        enum fake_deed deed;
        int64_t sign_ms;
        enum sg_rc rc;
    } cases[] = {{FAKE_CLOSES, SHORT_MS, SG_E_TOKEN_TIMEOUT},
                 {FAKE_SPEAKS, SHORT_MS, SG_E_TOKEN_TIMEOUT},
                 {FAKE_CUTS, SHORT_MS, SG_E_TOKEN_TIMEOUT},
                 {FAKE_DAWDLES, 40, SG_E_TOKEN_TIMEOUT}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        _cleanup_(sg_tokens_freep) struct sg_tokens *tokens =
            must_open(1, (struct limits){LONG_MS, cases[i].sign_ms, 0});
        _cleanup_(close_key) struct opened ec = {0};
        struct sg_err err = {0};
        must(login(tokens, &err), &err);
        must(find_key(tokens, EC_KEY, &ec, &err), &err);
        plan(cases[i].deed, "C_Sign", 1);
        double began = now_s();
        is_said(sign(ec.key, ec.pkey, &err), cases[i].rc, &err);
        assert_true(now_s() - began < 10);
        be_good();
        must(login(tokens, &err), &err);
    }
}

/* --- others ------------------------------------------------------------------------------------------------------- */

/* The other module's login and key are as they were, and it is not kept waiting. */
static void test_neighbour(void **state)
{
    (void)state;
    static const enum fake_deed deeds[] = {FAKE_SEGFAULTS, FAKE_HANGS, FAKE_EXITS};
    _cleanup_(sg_tokens_freep) struct sg_tokens *tokens = must_open(2, (struct limits){LONG_MS, SHORT_MS, 0});
    _cleanup_(close_key) struct opened own = {0};
    struct sg_err err = {0};
    hsm.tokens = tokens;
    softhsm_login(&hsm, "neighbour");
    hsm.tokens = NULL;
    assert_int_equal(find_key(tokens, "pkcs11:token=neighbour;type=private", &own, &err), SG_OK);
    for (size_t i = 0; i < sizeof deeds / sizeof *deeds; i++) {
        plan(deeds[i], "C_Sign", 1);
        must(login(tokens, &err), &err);
        enum sg_rc rc = use_keys(tokens, &err);
        is_said(rc, deeds[i] == FAKE_HANGS ? SG_E_TOKEN_TIMEOUT : SG_E_MODULE_CRASHED, &err);
        must(sign(own.key, own.pkey, &err), &err);
        be_good();
        must(login(tokens, &err), &err);
        must(use_keys(tokens, &err), &err);
        must(sign(own.key, own.pkey, &err), &err);
    }
}

struct work {
    struct sg_tokens *tokens;
    struct opened *opened;
    pthread_t thread;
    unsigned good, bad;
};

static void *sign_often(void *context)
{
    struct work *work = context;
    for (int i = 0; i < 20; i++) {
        struct sg_err err = {0};
        enum sg_rc rc = sign(work->opened->key, work->opened->pkey, &err);
        if (rc == SG_OK)
            work->good++;
        else if (rc == SG_E_MODULE_CRASHED || rc == SG_E_TOKEN_TIMEOUT || rc == SG_E_TOKEN_FAILED)
            work->bad++;
    }
    return NULL;
}

/* Eight threads sign; one call dies or hangs: each gets an error or a right signature, and none hangs. */
static void test_threads(void **state)
{
    (void)state;
    static const enum fake_deed deeds[] = {FAKE_SEGFAULTS, FAKE_HANGS};
    for (size_t d = 0; d < sizeof deeds / sizeof *deeds; d++) {
        _cleanup_(sg_tokens_freep) struct sg_tokens *tokens = must_open(1, (struct limits){LONG_MS, SHORT_MS, 0});
        _cleanup_(close_key) struct opened ec = {0};
        struct work works[8];
        struct sg_err err = {0};
        unsigned good = 0, bad = 0;
        must(login(tokens, &err), &err);
        must(find_key(tokens, EC_KEY, &ec, &err), &err);
        plan(deeds[d], "C_Sign", 60);
        for (size_t i = 0; i < 8; i++) {
            works[i] = (struct work){.tokens = tokens, .opened = &ec};
            assert_int_equal(pthread_create(&works[i].thread, NULL, sign_often, &works[i]), 0);
        }
        for (size_t i = 0; i < 8; i++) {
            assert_int_equal(pthread_join(works[i].thread, NULL), 0);
            assert_int_equal(works[i].good + works[i].bad, 20);
            good += works[i].good;
            bad += works[i].bad;
        }
        assert_in_range(good, 50, deeds[d] == FAKE_HANGS ? 159 : 60 + 8);
        assert_in_range(bad, 1, 160);
        works_again(tokens);
    }
    no_process_is_left();
}

/* --- killed ------------------------------------------------------------------------------------------------------- */

static void wait_until_in(const char *function)
{
    for (int i = 0; i < 1000 && strcmp(fake->where, function) != 0; i++)
        pause_10_ms();
    assert_string_equal(fake->where, function);
}

static void *kill_in_sign(void *context)
{
    double *at = context;
    wait_until_in("C_Sign");
    *at = now_s();
    (void)kill(fake->pid, SIGKILL);
    return NULL;
}

/* SIGKILL during a signature: an error at once, not when its time is over, and the next command works. */
static void test_killed_while_signing(void **state)
{
    (void)state;
    _cleanup_(sg_tokens_freep) struct sg_tokens *tokens = must_open(1, patient);
    _cleanup_(close_key) struct opened ec = {0};
    struct sg_err err = {0};
    pthread_t killer;
    double at = 0;
    must(login(tokens, &err), &err);
    must(find_key(tokens, EC_KEY, &ec, &err), &err);
    plan(FAKE_HANGS, "C_Sign", 1);
    assert_int_equal(pthread_create(&killer, NULL, kill_in_sign, &at), 0);
    enum sg_rc rc = sign(ec.key, ec.pkey, &err);
    double took = now_s();
    assert_int_equal(pthread_join(killer, NULL), 0);
    is_said(rc, SG_E_MODULE_CRASHED, &err);
    assert_non_null(strstr(err.cause, "signal 9"));
    assert_true(took - at < LONG_MS / 4000.0);
    /* What the key was opened for is gone, and it is said so; a new login and all is well. */
    assert_int_equal(sign(ec.key, ec.pkey, &err), SG_E_TOKEN_FAILED);
    works_again(tokens);
}

static bool is_gone_or_zombie(pid_t pid)
{
    siginfo_t info = {0};
    if (kill(pid, 0) < 0 && errno == ESRCH)
        return true;
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid;
}

static void wait_for_end(pid_t pid)
{
    for (int i = 0; i < 2000 && !is_gone_or_zombie(pid); i++)
        pause_10_ms();
    assert_true(is_gone_or_zombie(pid));
}

/* Killed while it rests, with nobody logged in: nothing was lost, and nothing is said. */
static void test_killed_at_rest(void **state)
{
    (void)state;
    _cleanup_(sg_tokens_freep) struct sg_tokens *tokens = must_open(1, patient);
    struct sg_err err = {0};
    pid_t first = fake->pid;
    assert_int_equal(kill(first, SIGKILL), 0);
    wait_for_end(first);
    works_again(tokens);
    must(sg_tokens_refresh(tokens, &err), &err);
    assert_int_not_equal(fake->pid, first);
}

/* A host that has nothing to do ends by itself, and is not missed; one with a login stays. */
static void test_rest(void **state)
{
    (void)state;
    _cleanup_(sg_tokens_freep) struct sg_tokens *tokens = must_open(1, (struct limits){LONG_MS, LONG_MS, 100});
    struct sg_err err = {0};
    for (int i = 0; i < 3; i++) {
        pid_t before = fake->pid;
        wait_for_end(before);
        if (i == 1) /* it does not even finish well */
            plan(FAKE_SEGFAULTS, "C_Finalize", 1);
        must(sg_tokens_refresh(tokens, &err), &err);
        assert_int_not_equal(fake->pid, before);
    }
    be_good();
    must(login(tokens, &err), &err);
    pid_t pid = fake->pid;
    for (int i = 0; i < 50; i++) {
        pause_10_ms();
        assert_false(is_gone_or_zombie(pid));
    }
    works_again(tokens);
}

/* A program that is killed takes its hosts along, also one whose module hangs at that moment and wants no signals. */
static void test_user_is_killed(void **state)
{
    (void)state;
    static const char *const moments[] = {"", "C_Sign", "C_GetAttributeValue"};
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
    for (size_t i = 0; i < sizeof moments / sizeof *moments; i++) {
        int status = 0;
        fake->pid = 0;
        plan(FAKE_HANGS, moments[i], moments[i][0] ? 1 : 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            struct sg_err err = {0};
            struct sg_tokens *tokens = must_open(1, patient);
            (void)(moments[i][0] ? use(tokens, &err) : login(tokens, &err));
            (void)strcpy(fake->where, "done");
            for (;;)
                (void)pause();
        }
        wait_until_in(moments[i][0] ? moments[i] : "done");
        pid_t host = fake->pid;
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        wait_for_end(host);
        assert_int_equal(waitpid(host, &status, 0), host);
        no_process_is_left();
    }
    be_good();
}

/* --- what a host has and may -------------------------------------------------------------------------------------- */

static size_t count_descriptors(pid_t pid, const char *unwanted)
{
    char path[64], target[256];
    size_t count = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *folder = opendir(path);
    assert_non_null(folder);
    for (const struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
        if (entry->d_name[0] == '.')
            continue;
        ssize_t len = readlinkat(dirfd(folder), entry->d_name, target, sizeof target - 1);
        assert_true(len >= 0);
        target[len] = '\0';
        assert_null(strstr(target, unwanted));
        count++;
    }
    assert_int_equal(closedir(folder), 0);
    return count;
}

/* A host has the page, its channels, and what its module opens; nothing of ours, nor another host's. */
static void test_descriptors(void **state)
{
    (void)state;
    char path[128];
    (void)snprintf(path, sizeof path, "%s/secret", hsm.folder);
    FILE *secret = fopen(path, "w");
    assert_non_null(secret);
    assert_int_equal(fcntl(fileno(secret), F_SETFD, 0), 0); /* not even closed when a program is started */
    _cleanup_(sg_tokens_freep) struct sg_tokens *tokens = must_open(2, patient);
    assert_true(sg_tokens_count(tokens) > 0);
    size_t channels = (size_t)sysconf(_SC_NPROCESSORS_ONLN);
    size_t most = 3 + 1 + (channels < SG_MAX_THREADS ? channels : SG_MAX_THREADS);
    assert_in_range(count_descriptors(fake->pid, path), most - 1, most);
    assert_int_equal(fclose(secret), 0);
}

/* Nor do restarts leave any behind in us. */
static void test_restarts(void **state)
{
    (void)state;
    _cleanup_(sg_tokens_freep) struct sg_tokens *tokens = must_open(1, patient);
    struct sg_err err = {0};
    size_t before = 0;
    for (int i = 0; i < RESTARTS; i++) {
        must(login(tokens, &err), &err);
        assert_int_equal(kill(fake->pid, SIGKILL), 0);
        wait_for_end(fake->pid);
        must(sg_tokens_refresh(tokens, &err), &err);
        if (i == 0)
            before = count_descriptors(getpid(), "nothing");
    }
    assert_int_equal(count_descriptors(getpid(), "nothing"), before);
}

/* No core, not dumpable, no other programs, no look into other processes; and limits. A sanitizer needs some of that.
 */
static void test_confinement(void **state)
{
    (void)state;
    if (SG_SANITIZED)
        skip();
    plan(FAKE_ESCAPES, "C_GetInfo", 1);
    memset(fake->escapes, 0xff, sizeof fake->escapes);
    _cleanup_(sg_tokens_freep) struct sg_tokens *tokens = must_open(1, patient);
    struct rlimit limit = {0};
    assert_string_equal(fake->where, "C_GetInfo");
    for (int i = 0; i < FAKE_ESCAPE_WAYS; i++)
        assert_int_equal(fake->escapes[i], EPERM);
    assert_int_equal(prlimit(fake->pid, RLIMIT_NOFILE, NULL, &limit), 0);
    assert_in_range(limit.rlim_max, 1, SG_MAX_HOST_FILES);
    assert_int_equal(prlimit(fake->pid, RLIMIT_AS, NULL, &limit), 0);
    assert_in_range(limit.rlim_max, 1, SG_MAX_HOST_MEMORY);
    assert_int_equal(prlimit(fake->pid, RLIMIT_FSIZE, NULL, &limit), 0);
    assert_in_range(limit.rlim_max, 1, SG_MAX_HOST_FILE_SIZE);
    works_again(tokens);
}

/* --- all together ------------------------------------------------------------------------------------------------- */

static int setup_group(void **state)
{
    (void)state;
    fake = fake_control_share();
    if (!fake || sg_libctx_new(&libctx, NULL) != SG_OK)
        return -1;
    *fake = (struct fake_control){.lists_raw = true, .serves_raw = true};
    softhsm_folder(&hsm);
    softhsm_add_token("neighbour");
    softhsm_keygen("neighbour", "EC:prime256v1", "01", "own");
    return 0;
}

static int teardown_group(void **state)
{
    (void)state;
    softhsm_remove(&hsm);
    OSSL_LIB_CTX_free(libctx);
    return 0;
}

static int setup(void **state)
{
    (void)state;
    be_good();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_each_call_crashes, setup),
        cmocka_unit_test_setup(test_each_function_ends_it, setup),
        cmocka_unit_test_setup(test_each_function_hangs, setup),
        cmocka_unit_test_setup(test_pin_is_sent_once, setup),
        cmocka_unit_test_setup(test_garbage, setup),
        cmocka_unit_test_setup(test_lies, setup),
        cmocka_unit_test_setup(test_hostile_host, setup),
        cmocka_unit_test_setup(test_neighbour, setup),
        cmocka_unit_test_setup(test_threads, setup),
        cmocka_unit_test_setup(test_killed_while_signing, setup),
        cmocka_unit_test_setup(test_killed_at_rest, setup),
        cmocka_unit_test_setup(test_rest, setup),
        cmocka_unit_test_setup(test_user_is_killed, setup),
        cmocka_unit_test_setup(test_descriptors, setup),
        cmocka_unit_test_setup(test_restarts, setup),
        cmocka_unit_test_setup(test_confinement, setup),
    };
    return cmocka_run_group_tests(tests, setup_group, teardown_group);
}
