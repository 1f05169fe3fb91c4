/* What the fake module does when it is told to do worse than to fail. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake_private.h"

#define FIRST_FD 3 /* of a token host: the clocks' page; the channels come next */
#define LAST_FD 64

struct fake_control *control;

static _Thread_local bool garbling;
static uint64_t random_state;

extern struct fake_control fake_control;

__attribute__((constructor)) static void find_control(void)
{
    const char *path = getenv("FAKE_CONTROL");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *shared = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    control = shared == MAP_FAILED ? &fake_control : shared;
    if (fd >= 0)
        (void)close(fd);
    control->pid = getpid();
}

/* --- garbage ------------------------------------------------------------------------------------------------------ */

/* xorshift64 (Marsaglia, 2003). */
static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

void garble(void *data, size_t len)
{
    unsigned char *bytes = data;
    if (!garbling || next_random() % 2 == 0)
        return;
    for (size_t i = 0; i < len; i++) {
        if (next_random() % 4 != 0)
            bytes[i] = (unsigned char)next_random();
    }
}

void garble_count(CK_ULONG *number)
{
    if (!garbling)
        return;
    switch (next_random() % 5) {
    case 0:
        *number = next_random();
        break;
    case 1:
        *number = next_random() % 100;
        break;
    case 2:
        *number += 1;
        break;
    case 3:
        *number = CK_UNAVAILABLE_INFORMATION;
        break;
    default:
        break;
    }
}

/* --- out of its process ------------------------------------------------------------------------------------------- */

static int result_of(long returned)
{
    return returned < 0 ? errno : 0;
}

static int try_exec(void)
{
    int status = 0;
    pid_t child = fork();
    if (child < 0)
        return errno;
    if (child == 0) {
        (void)execl("/bin/true", "true", (char *)NULL);
        _exit(errno);
    }
    return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : EINVAL;
}

static int try_read_memory(pid_t pid)
{
    char byte = 0;
    struct iovec own = {&byte, 1}, theirs = {(void *)(uintptr_t)control, 1};
    return result_of(process_vm_readv(pid, &own, 1, &theirs, 1, 0));
}

static void try_escapes(void)
{
    struct rlimit core = {0};
    control->escapes[FAKE_EXEC] = try_exec();
    control->escapes[FAKE_PTRACE] = result_of(ptrace(PTRACE_SEIZE, getppid(), NULL, NULL));
    control->escapes[FAKE_READ_MEMORY] = try_read_memory(getppid());
    control->escapes[FAKE_UNSHARE] = result_of(unshare(CLONE_NEWNS));
    control->escapes[FAKE_CORE] = getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_max == 0 ? EPERM : 0;
    control->escapes[FAKE_DUMPABLE] = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 ? EPERM : 0;
}

/* --- one deed ----------------------------------------------------------------------------------------------------- */

__attribute__((noreturn)) static void hang(void)
{
    for (;;)
        (void)pause();
}

/* A sanitizer has handlers of its own, which report instead of dying. */
__attribute__((noreturn)) static void die_of(int signal_number)
{
    (void)signal(signal_number, SIG_DFL);
    (void)raise(signal_number);
    _exit(1);
}

static void on_all_descriptors(void (*what)(int fd))
{
    for (int fd = FIRST_FD; fd < LAST_FD; fd++)
        what(fd);
}

static void close_it(int fd)
{
    (void)close(fd);
}

static void speak(int fd)
{
    (void)!write(fd, "sgt1\n\n", 6);
}

/* As struct sg_host_clocks has it. */
__attribute__((noreturn)) static void dawdle(void)
{
    _Atomic int64_t *clocks = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, FIRST_FD, 0);
    for (size_t i = 0; clocks != MAP_FAILED && i < 16; i++)
        clocks[i] = -1;
    hang();
}

static CK_RV do_it(void)
{
    switch (control->deed) {
    case FAKE_FAILS:
        return control->fail_with;
    case FAKE_SEGFAULTS:
        die_of(SIGSEGV);
    case FAKE_ABORTS:
        die_of(SIGABRT);
    case FAKE_EXITS:
        _exit(0);
    case FAKE_HANGS:
        hang();
    case FAKE_GARBLES:
        garbling = true;
        return CKR_OK;
    case FAKE_CLOSES:
        on_all_descriptors(close_it);
        hang();
    case FAKE_SPEAKS:
        on_all_descriptors(speak);
        hang();
    case FAKE_DAWDLES:
        dawdle();
    case FAKE_CUTS:
        (void)!ftruncate(FIRST_FD, 0);
        hang();
    case FAKE_ESCAPES:
        try_escapes();
        return CKR_OK;
    case FAKE_DEEDS:
        break;
    }
    return CKR_OK;
}

CK_RV called(const char *name)
{
    (void)pthread_mutex_lock(&lock);
    garbling = false;
    bool counts = !control->only[0] || strcmp(control->only, name) == 0;
    bool now = counts && (++control->calls == control->fail_at || control->each);
    if (now) {
        control->failed = name;
        (void)strncpy(control->where, name, sizeof control->where - 1);
        if (random_state == 0 || control->calls <= 1)
            random_state = control->seed | 1;
    }
    (void)pthread_mutex_unlock(&lock);
    return now ? do_it() : CKR_OK;
}
