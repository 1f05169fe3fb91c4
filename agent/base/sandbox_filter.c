#include "base/sandbox_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/sanitize.h"

/* The numbers of system calls are those of one machine; others have no filter until somebody tries it there. */
#if defined(__x86_64__)
#define MACHINE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define MACHINE AUDIT_ARCH_AARCH64
#else
#define MACHINE 0
#endif

/* What judging needs, or the C library on its behalf. */
static const uint32_t harmless[] = {
    SYS_read,   SYS_pread64,       SYS_lseek,        SYS_fstat,           SYS_newfstatat,   SYS_close,
    SYS_munmap, SYS_mremap,        SYS_brk,          SYS_madvise,         SYS_fadvise64,    SYS_getrandom,
    SYS_futex,  SYS_clock_gettime, SYS_gettimeofday, SYS_rt_sigprocmask,  SYS_rt_sigreturn, SYS_sched_yield,
    SYS_getpid, SYS_gettid,        SYS_sysinfo,      SYS_restart_syscall, SYS_exit,         SYS_exit_group,
};

/* For a sanitizer, which looks at its own process and reports what it found. All that is relaxed for one stands here
 * and where SG_SANITIZED is in sandbox.c (stderr stays open, addresses have no limit). */
static const uint32_t for_sanitizer[] = {
    SYS_sigaltstack, SYS_rt_sigaction, SYS_getrusage, SYS_getrlimit, SYS_prlimit64, SYS_readlinkat, SYS_uname,
};

#define MAX_FILTER 160

struct program {
    struct sock_filter code[MAX_FILTER];
    unsigned short len;
};

/* One instruction. */
static void add(struct program *program, uint16_t code, uint32_t k, uint8_t if_true, uint8_t if_false)
{
    if (program->len < MAX_FILTER)
        program->code[program->len++] = (struct sock_filter)BPF_JUMP(code, k, if_true, if_false);
}

static void load(struct program *program, size_t offset)
{
    add(program, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void answer(struct program *program, uint32_t action)
{
    add(program, BPF_RET | BPF_K, action, 0, 0);
}

/* The lower half of an argument: descriptors are ints, and no flag that means anything is in the upper half. */
static size_t argument(unsigned index)
{
    const size_t low = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 0 : 4;
    return offsetof(struct seccomp_data, args) + index * sizeof(uint64_t) + low;
}

static void refuse(struct program *program)
{
    answer(program, SECCOMP_RET_ERRNO | EPERM);
}

/* The call's number is loaded, before and after. */
static void allow(struct program *program, uint32_t call)
{
    add(program, BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1);
    answer(program, SECCOMP_RET_ALLOW);
}

static void allow_all(struct program *program, const uint32_t *calls, size_t count)
{
    for (size_t i = 0; i < count; i++)
        allow(program, calls[i]);
}

/* Only if the argument has this value. */
static void allow_value(struct program *program, uint32_t call, unsigned index, uint32_t value)
{
    add(program, BPF_JMP | BPF_JEQ | BPF_K, call, 0, 4);
    load(program, argument(index));
    add(program, BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1);
    answer(program, SECCOMP_RET_ALLOW);
    refuse(program);
}

/* Only if none of these bits of the argument is set. */
static void allow_without(struct program *program, uint32_t call, unsigned index, uint32_t bits)
{
    add(program, BPF_JMP | BPF_JEQ | BPF_K, call, 0, 4);
    load(program, argument(index));
    add(program, BPF_JMP | BPF_JSET | BPF_K, bits, 1, 0);
    answer(program, SECCOMP_RET_ALLOW);
    refuse(program);
}

/* Nothing that is executed, and nothing that is written to a file by writing to memory. */
static void allow_mmap(struct program *program)
{
    add(program, BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 0, 8);
    load(program, argument(2));
    add(program, BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 5, 0);
    add(program, BPF_JMP | BPF_JSET | BPF_K, PROT_WRITE, 1, 0);
    answer(program, SECCOMP_RET_ALLOW);
    load(program, argument(3));
    add(program, BPF_JMP | BPF_JSET | BPF_K, MAP_SHARED, 1, 0);
    answer(program, SECCOMP_RET_ALLOW);
    refuse(program);
}

static void allow_special(struct program *program, int out, bool may_open)
{
    allow_value(program, SYS_write, 0, (uint32_t)out);
    allow_value(program, SYS_tgkill, 0, (uint32_t)getpid()); /* abort(3) */
    allow_without(program, SYS_mprotect, 2, PROT_EXEC);
    allow_mmap(program);
    if (may_open)
        allow_without(program, SYS_openat, 2, O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_PATH);
}

bool sg_sandbox_filter_known(void)
{
    return MACHINE != 0;
}

bool sg_sandbox_filter(int out, bool may_open)
{
    struct program program = {.len = 0};
    load(&program, offsetof(struct seccomp_data, arch));
    add(&program, BPF_JMP | BPF_JEQ | BPF_K, MACHINE, 1, 0);
    refuse(&program);
    load(&program, offsetof(struct seccomp_data, nr));
    allow_all(&program, harmless, sizeof harmless / sizeof *harmless);
    if (SG_SANITIZED) {
        add(&program, BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 0, 3);
        load(&program, argument(0));
        add(&program, BPF_JMP | BPF_JEQ | BPF_K, STDERR_FILENO, 0, 1);
        answer(&program, SECCOMP_RET_ALLOW);
        load(&program, offsetof(struct seccomp_data, nr));
        allow_all(&program, for_sanitizer, sizeof for_sanitizer / sizeof *for_sanitizer);
    }
    allow_special(&program, out, may_open);
    refuse(&program);
    const struct sock_fprog fprog = {.len = program.len, .filter = program.code};
    return program.len < MAX_FILTER && syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &fprog) == 0;
}
