#include "base/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/sandbox_filter.h"
#include "base/sanitize.h"

/* --- files: Landlock ------------------------------------------------------------------------------------------------
 */

/* linux/landlock.h as of ABI 6, which is newer than the headers that we are built with. */
struct ruleset {
    uint64_t fs, net, scoped;
};

struct __attribute__((packed)) beneath {
    uint64_t allowed;
    int32_t folder;
};

#define READ_FILE (1ULL << 2)
#define RULE_BENEATH 1
#define ASK_VERSION (1U << 0)

static long landlock_abi(void)
{
    return syscall(SYS_landlock_create_ruleset, NULL, 0, ASK_VERSION);
}

/* All that this kernel can refuse. */
static struct ruleset everything(long abi, size_t *ret_size)
{
    struct ruleset all = {.fs = (1ULL << 13) - 1}; /* from EXECUTE to MAKE_SYM */
    *ret_size = sizeof all.fs;
    if (abi >= 2)
        all.fs |= 1ULL << 13; /* REFER */
    if (abi >= 3)
        all.fs |= 1ULL << 14; /* TRUNCATE */
    if (abi >= 5)
        all.fs |= 1ULL << 15; /* IOCTL_DEV */
    if (abi >= 4) {
        all.net = (1ULL << 2) - 1; /* BIND_TCP, CONNECT_TCP */
        *ret_size += sizeof all.net;
    }
    if (abi >= 6) {
        all.scoped = (1ULL << 2) - 1; /* ABSTRACT_UNIX_SOCKET, SIGNAL */
        *ret_size += sizeof all.scoped;
    }
    return all;
}

static bool allow_folder(int ruleset, const char *path)
{
    int folder = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return errno == ENOENT || errno == ENOTDIR || errno == EACCES;
    const struct beneath rule = {.allowed = READ_FILE, .folder = folder};
    bool done = syscall(SYS_landlock_add_rule, ruleset, RULE_BENEATH, &rule, 0) == 0;
    (void)close(folder);
    return done;
}

static bool confine_files(const char *folder)
{
    size_t size = 0;
    const struct ruleset all = everything(landlock_abi(), &size);
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &all, size, 0);
    if (ruleset < 0)
        return false;
    bool done = (!folder || allow_folder(ruleset, folder)) && syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
    (void)close(ruleset);
    return done;
}

/* --- what the kernel has --------------------------------------------------------------------------------------------
 */

static bool has_seccomp(void)
{
    const uint32_t action = SECCOMP_RET_ERRNO;
    return sg_sandbox_filter_known() && syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

unsigned sg_sandbox_missing(void)
{
    unsigned missing = landlock_abi() >= 1 ? 0 : SG_SANDBOX_LANDLOCK;
    return has_seccomp() ? missing : missing | SG_SANDBOX_SECCOMP;
}

/* --- the rest -------------------------------------------------------------------------------------------------------
 */

/* Between two that stay lies nothing, most often. */
static bool close_others(const struct sg_sandbox *sandbox)
{
    unsigned next = SG_SANITIZED ? STDERR_FILENO + 1 : 0; /* a sanitizer reports there */
    bool done = true;
    for (size_t i = 0; done && i < sandbox->keep_count; i++) {
        unsigned kept = (unsigned)sandbox->keep[i];
        done = next >= kept || close_range(next, kept - 1, 0) == 0;
        next = kept + 1 > next ? kept + 1 : next;
    }
    return done && close_range(next, ~0U, 0) == 0;
}

bool sg_limit_resource(int resource, uint64_t most)
{
    struct rlimit now;
    if (getrlimit((__rlimit_resource_t)resource, &now) < 0)
        return false;
    rlim_t value = now.rlim_max < most ? now.rlim_max : most;
    return setrlimit((__rlimit_resource_t)resource, &(struct rlimit){.rlim_cur = value, .rlim_max = value}) == 0;
}

/* Bytes of addresses that the process has; 0 if they cannot be told. */
static uint64_t addresses(void)
{
    char text[64] = "";
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    unsigned long pages = 0;
    if (read(fd, text, sizeof text - 1) <= 0 || sscanf(text, "%lu", &pages) != 1)
        pages = 0;
    (void)close(fd);
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t seconds_used(void)
{
    struct rusage used;
    return getrusage(RUSAGE_SELF, &used) == 0 ? (uint64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) : 0;
}

static bool limit_all(const struct sg_sandbox *sandbox)
{
    /* A sanitizer maps terabytes. */
    return (SG_SANITIZED || sg_limit_resource(RLIMIT_AS, addresses() + sandbox->memory)) &&
           sg_limit_resource(RLIMIT_CPU, seconds_used() + sandbox->seconds + 1) && sg_limit_resource(RLIMIT_CORE, 0) &&
           sg_limit_resource(RLIMIT_FSIZE, 0) && sg_limit_resource(RLIMIT_NPROC, 0);
}

/* Ends with its parent, even one that has ended by now. */
static bool end_with(pid_t parent)
{
    return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 && getppid() == parent;
}

bool sg_sandbox_enter(const struct sg_sandbox *sandbox, unsigned missing)
{
    if (!end_with(sandbox->parent) || !close_others(sandbox) || !limit_all(sandbox))
        return false;
    /* RLIMIT_CORE does not hold a core dump back that goes to a program. */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return false;
    if (!(missing & SG_SANDBOX_LANDLOCK) && !confine_files(sandbox->folder))
        return false;
    return (missing & SG_SANDBOX_SECCOMP) || sg_sandbox_filter(sandbox->out, sandbox->folder != NULL);
}
