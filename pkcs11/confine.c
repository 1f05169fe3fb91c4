#include "pkcs11/confine.h"

#include <errno.h>
#include <linux/close_range.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/sandbox.h"
#include "base/sanitize.h"

static const int programs[] = {SCMP_SYS(execve), SCMP_SYS(execveat)};
static const int refused[] = {
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(kcmp),
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),
    SCMP_SYS(setns),
    SCMP_SYS(unshare),
    SCMP_SYS(move_mount),
    SCMP_SYS(open_tree),
    SCMP_SYS(fsopen),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(reboot),
    SCMP_SYS(swapon),
    SCMP_SYS(swapoff),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(keyctl),
    SCMP_SYS(bpf),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(io_uring_enter),
    SCMP_SYS(io_uring_register),
    SCMP_SYS(acct),
    SCMP_SYS(settimeofday),
    SCMP_SYS(clock_settime),
    SCMP_SYS(sethostname),
    SCMP_SYS(setdomainname),
    SCMP_SYS(quotactl),
    SCMP_SYS(open_by_handle_at),
};

static bool refuse(scmp_filter_ctx filter, const int *calls, size_t count)
{
    bool done = true;
    for (size_t i = 0; done && i < count; i++)
        done = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), calls[i], 0) == 0;
    return done;
}

/* Where the kernel has no seccomp, the rest has to do. */
static bool refuse_calls(bool may_exec)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    bool done = filter && refuse(filter, refused, sizeof refused / sizeof *refused) &&
                (may_exec || refuse(filter, programs, sizeof programs / sizeof *programs));
    if (done)
        (void)seccomp_load(filter);
    seccomp_release(filter);
    return done;
}

bool sg_confine(unsigned first_unused, bool may_exec)
{
    if (close_range(first_unused, ~0U, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return false;
    if (!sg_limit_resource(RLIMIT_NOFILE, SG_MAX_HOST_FILES) ||
        !sg_limit_resource(RLIMIT_FSIZE, SG_MAX_HOST_FILE_SIZE) ||
        (!SG_SANITIZED && !sg_limit_resource(RLIMIT_AS, SG_MAX_HOST_MEMORY)))
        return false;
    return SG_SANITIZED || refuse_calls(may_exec);
}
