/* Is each thing that a sandbox forbids refused, and what it allows still done? Each deed is tried by a child that
 * entered one, and its answer read from the one descriptor that it may write to. Where the kernel, or the place the
 * test runs in, lacks a part, what only that part forbids is left out, and the test says so. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <seccomp.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/sandbox.h"
#include "base/sanitize.h"

#define MIB ((uint64_t)1 << 20)

struct stage {
    char folder[64]; /* may be read */
    char inside[96], outside[64];
    int input, other; /* descriptors: left open, and not */
};

/* What a child does in its sandbox: 0, or the error number. */
typedef int (*deed_fn)(const struct stage *stage);

static int set_up(void **state)
{
    struct stage *stage = calloc(1, sizeof *stage);
    strcpy(stage->folder, "/tmp/signet-sandbox-XXXXXX");
    strcpy(stage->outside, "/tmp/signet-outside-XXXXXX");
    if (!mkdtemp(stage->folder))
        return -1;
    (void)snprintf(stage->inside, sizeof stage->inside, "%s/file", stage->folder);
    stage->input = open(stage->inside, O_RDWR | O_CREAT, 0600);
    stage->other = mkstemp(stage->outside);
    if (stage->input < 0 || stage->other < 0 || write(stage->input, "inside", 6) != 6 ||
        write(stage->other, "secret", 6) != 6)
        return -1;
    *state = stage;
    return 0;
}

static int tear_down(void **state)
{
    struct stage *stage = *state;
    (void)close(stage->input);
    (void)close(stage->other);
    (void)unlink(stage->inside);
    (void)rmdir(stage->folder);
    (void)unlink(stage->outside);
    free(stage);
    return 0;
}

static int order(int a, int b, int out[2])
{
    out[0] = a < b ? a : b;
    out[1] = a < b ? b : a;
    return 2;
}

/* The child's answer, -1 if it gave none; `ret_status` is waitpid's. */
static int in_sandbox(const struct stage *stage, deed_fn deed, bool with_folder, int *ret_status)
{
    int ends[2], answer = -1, keep[2];
    assert_int_equal(pipe(ends), 0);
    pid_t parent = getpid(), child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const struct sg_sandbox sandbox = {.parent = parent,
                                           .keep = keep,
                                           .keep_count = (size_t)order(stage->input, ends[1], keep),
                                           .out = ends[1],
                                           .folder = with_folder ? stage->folder : NULL,
                                           .memory = 256 * MIB,
                                           .seconds = 1};
        int result = sg_sandbox_enter(&sandbox, sg_sandbox_missing()) ? deed(stage) : 1000 + errno;
        (void)!write(ends[1], &result, sizeof result);
        _exit(0);
    }
    (void)close(ends[1]);
    if (read(ends[0], &answer, sizeof answer) != sizeof answer)
        answer = -1;
    (void)close(ends[0]);
    assert_int_equal(waitpid(child, ret_status, 0), child);
    return answer;
}

static int result_of(const struct stage *stage, deed_fn deed)
{
    int status = 0;
    return in_sandbox(stage, deed, true, &status);
}

/* --- what stays allowed
 * ------------------------------------------------------------------------------------------------ */

static int read_input(const struct stage *stage)
{
    char text[6];
    if (pread(stage->input, text, sizeof text, 0) != sizeof text || memcmp(text, "inside", sizeof text) != 0)
        return errno ? errno : EIO;
    struct stat st;
    return fstat(stage->input, &st) == 0 && st.st_size == 6 ? 0 : errno;
}

static int read_folder(const struct stage *stage)
{
    _cleanup_(closep) int fd = open(stage->inside, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    void *mapped = mmap(NULL, 6, PROT_READ, MAP_SHARED, fd, 0);
    return mapped != MAP_FAILED && memcmp(mapped, "inside", 6) == 0 ? 0 : EIO;
}

static int use_memory(const struct stage *stage)
{
    (void)stage;
    for (size_t size = 1; size < 64 * MIB; size *= 3) {
        _cleanup_(freep) char *memory = malloc(size);
        if (!memory)
            return ENOMEM;
        memset(memory, 1, size);
    }
    return 0;
}

static void test_judging_is_possible(void **state)
{
    assert_int_equal(result_of(*state, read_input), 0);
    assert_int_equal(result_of(*state, read_folder), 0);
    assert_int_equal(result_of(*state, use_memory), 0);
}

/* --- files
 * ------------------------------------------------------------------------------------------------------------- */

static int open_with(const char *path, int flags)
{
    _cleanup_(closep) int fd = open(path, flags, 0600);
    return fd < 0 ? errno : 0;
}

static int open_outside(const struct stage *stage)
{
    return open_with(stage->outside, O_RDONLY);
}

static int open_around(const struct stage *stage)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/../../etc/passwd", stage->folder);
    return open_with(path, O_RDONLY);
}

static int open_to_write(const struct stage *stage)
{
    return open_with(stage->inside, O_WRONLY);
}

static int open_both_ways(const struct stage *stage)
{
    return open_with(stage->inside, O_RDWR);
}

static int make_file(const struct stage *stage)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/new", stage->folder);
    return open_with(path, O_RDONLY | O_CREAT);
}

static int make_unnamed(const struct stage *stage)
{
    return open_with(stage->folder, O_TMPFILE | O_RDWR);
}

static int cut_file(const struct stage *stage)
{
    return open_with(stage->inside, O_RDONLY | O_TRUNC);
}

static int remove_file(const struct stage *stage)
{
    return unlink(stage->inside) == 0 ? 0 : errno;
}

static int rename_file(const struct stage *stage)
{
    return rename(stage->inside, stage->outside) == 0 ? 0 : errno;
}

static int make_folder(const struct stage *stage)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/new", stage->folder);
    return mkdir(path, 0700) == 0 ? 0 : errno;
}

static int write_input(const struct stage *stage)
{
    return pwrite(stage->input, "x", 1, 0) == 1 || write(stage->input, "x", 1) == 1 ? 0 : errno;
}

static int write_by_mapping(const struct stage *stage)
{
    return mmap(NULL, 6, PROT_READ | PROT_WRITE, MAP_SHARED, stage->input, 0) != MAP_FAILED ? 0 : errno;
}

static int cut_input(const struct stage *stage)
{
    return ftruncate(stage->input, 0) == 0 ? 0 : errno;
}

static int read_what_was_closed(const struct stage *stage)
{
    char byte;
    return pread(stage->other, &byte, 1, 0) == 1 ? 0 : errno;
}

/* Each is refused by both parts, but for what only one of them sees. */
static void test_files_are_out_of_reach(void **state)
{
    static const deed_fn refused[] = {open_to_write, open_both_ways,   make_file,   make_unnamed,
                                      cut_file,      remove_file,      rename_file, make_folder,
                                      write_input,   write_by_mapping, cut_input};
    if (!(sg_sandbox_missing() & SG_SANDBOX_SECCOMP))
        for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
            assert_int_equal(result_of(*state, refused[i]), EPERM);
    assert_int_equal(result_of(*state, read_what_was_closed), EBADF);
    if (sg_sandbox_missing() & SG_SANDBOX_LANDLOCK) {
        print_message("no Landlock here: reading other files is not refused\n");
        return;
    }
    assert_int_equal(result_of(*state, open_outside), EACCES);
    assert_int_equal(result_of(*state, open_around), EACCES);
}

static void test_no_folder_is_no_file(void **state)
{
    int status = 0;
    assert_int_not_equal(in_sandbox(*state, read_folder, false, &status), 0);
    assert_int_equal(in_sandbox(*state, read_input, false, &status), 0);
}

/* --- the network, programs, other processes
 * ---------------------------------------------------------------------------- */

static int make_socket(const struct stage *stage)
{
    (void)stage;
    return socket(AF_INET, SOCK_STREAM, 0) >= 0 ? 0 : errno;
}

static int make_unix_socket(const struct stage *stage)
{
    (void)stage;
    return socket(AF_UNIX, SOCK_STREAM, 0) >= 0 ? 0 : errno;
}

static int run_program(const struct stage *stage)
{
    char *const arguments[] = {"true", NULL};
    (void)stage;
    return execv("/bin/true", arguments) == 0 ? 0 : errno;
}

static int run_by_descriptor(const struct stage *stage)
{
    char *const arguments[] = {"true", NULL};
    return (int)(syscall(SYS_execveat, stage->input, "", arguments, arguments, AT_EMPTY_PATH) == 0 ? 0 : errno);
}

static int make_process(const struct stage *stage)
{
    (void)stage;
    pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
    if (child == 0)
        _exit(0);
    return child > 0 ? 0 : errno;
}

static int signal_parent(const struct stage *stage)
{
    (void)stage;
    return kill(getppid(), SIGCONT) == 0 ? 0 : errno;
}

static int thread_signal_parent(const struct stage *stage)
{
    (void)stage;
    return syscall(SYS_tgkill, 1, 1, SIGCONT) == 0 ? 0 : errno;
}

static int trace_parent(const struct stage *stage)
{
    (void)stage;
    return ptrace(PTRACE_ATTACH, 1, NULL, NULL) == 0 ? 0 : errno;
}

static int execute_memory(const struct stage *stage)
{
    (void)stage;
    return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED ? 0 : errno;
}

static int make_memory_executable(const struct stage *stage)
{
    (void)stage;
    void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return mprotect(memory, 4096, PROT_READ | PROT_EXEC) == 0 ? 0 : errno;
}

static int write_elsewhere(const struct stage *stage)
{
    (void)stage;
    return write(STDOUT_FILENO, "x", 1) == 1 ? 0 : errno;
}

static int raise_limit(const struct stage *stage)
{
    (void)stage;
    const struct rlimit all = {.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
    return setrlimit(RLIMIT_FSIZE, &all) == 0 ? 0 : errno;
}

static void test_nothing_else_is_reached(void **state)
{
    static const deed_fn refused[] = {make_socket,    make_unix_socket,       run_program,     run_by_descriptor,
                                      make_process,   trace_parent,           signal_parent,   thread_signal_parent,
                                      execute_memory, make_memory_executable, write_elsewhere, raise_limit};
    if (sg_sandbox_missing() & SG_SANDBOX_SECCOMP) {
        print_message("no seccomp here: system calls are not refused\n");
        return;
    }
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        assert_int_equal(result_of(*state, refused[i]), EPERM);
}

/* --- limits
 * ------------------------------------------------------------------------------------------------------------ */

static int eat_memory(const struct stage *stage)
{
    (void)stage;
    return mmap(NULL, 512 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED ? 0 : errno;
}

static int eat_time(const struct stage *stage)
{
    (void)stage;
    for (volatile unsigned long i = 0;; i++)
        ;
    return 0;
}

static int crash(const struct stage *stage)
{
    (void)stage;
    abort();
}

static void test_limits_hold(void **state)
{
    int status = 0;
    if (!SG_SANITIZED)
        assert_int_equal(result_of(*state, eat_memory), ENOMEM);
    assert_int_equal(in_sandbox(*state, eat_time, true, &status), -1);
    assert_true(WIFSIGNALED(status) && (WTERMSIG(status) == SIGXCPU || WTERMSIG(status) == SIGKILL));
    assert_int_equal(in_sandbox(*state, crash, true, &status), -1);
    assert_true(WIFSIGNALED(status));
    assert_false(WCOREDUMP(status));
}

/* --- its end, and kernels that lack something
 * --------------------------------------------------------------------------- */

__attribute__((noreturn)) static void wait_for_ever(void)
{
    for (;;)
        (void)sched_yield();
}

/* The child's parent is a process that ends once the child is in its sandbox: then the child ends too, and with it the
 * last writing end of `life`. */
static void test_ends_with_its_parent(void **state)
{
    int life[2], ready[2], keep[2];
    char byte;
    (void)state;
    assert_int_equal(pipe(life), 0);
    assert_int_equal(pipe(ready), 0);
    pid_t middle = fork();
    assert_true(middle >= 0);
    if (middle == 0) {
        pid_t parent = getpid();
        if (fork() == 0) {
            const struct sg_sandbox sandbox = {.parent = parent,
                                               .keep = keep,
                                               .keep_count = (size_t)order(life[1], ready[1], keep),
                                               .out = ready[1],
                                               .memory = 64 * MIB,
                                               .seconds = 60};
            if (sg_sandbox_enter(&sandbox, sg_sandbox_missing()) && write(ready[1], "i", 1) == 1)
                wait_for_ever();
            _exit(1);
        }
        _exit(read(ready[0], &byte, 1) == 1 ? 0 : 1);
    }
    int status = 0;
    (void)close(life[1]);
    (void)close(ready[1]);
    (void)close(ready[0]);
    assert_int_equal(waitpid(middle, &status, 0), middle);
    assert_int_equal(status, 0);
    assert_int_equal(read(life[0], &byte, 1), 0);
    (void)close(life[0]);
}

/* A kernel without Landlock, as far as this process can tell. */
static int without_landlock(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    int failed = !filter || seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SYS_landlock_create_ruleset, 0) != 0 ||
                 seccomp_load(filter) != 0;
    seccomp_release(filter);
    return failed;
}

static void test_what_is_missing_is_said(void **state)
{
    struct stage *stage = *state;
    int status = 0;
    if (sg_sandbox_missing() != 0) {
        print_message("this kernel lacks parts itself\n");
        return;
    }
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (without_landlock() != 0 || sg_sandbox_missing() != SG_SANDBOX_LANDLOCK)
            _exit(1);
        if (result_of(stage, open_to_write) != EPERM || result_of(stage, open_outside) != 0)
            _exit(2);
        /* What was there when it was asked for must not be gone when it is entered. */
        int keep = 1;
        const struct sg_sandbox sandbox = {
            .parent = getppid(), .keep = &keep, .keep_count = 1, .out = keep, .memory = 64 * MIB, .seconds = 1};
        _exit(sg_sandbox_enter(&sandbox, 0) ? 3 : 0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_judging_is_possible, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_files_are_out_of_reach, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_folder_is_no_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nothing_else_is_reached, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_limits_hold, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_ends_with_its_parent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_missing_is_said, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
