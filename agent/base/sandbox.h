/* What a process gives up before it reads what strangers made. A child that was forked from a process with one thread
 * enters its sandbox, reads the descriptors that it was left, and answers through one of them. Inside it there is
 *
 * - no file but those it has open and, where the caller names a folder, those below it, for reading (Landlock);
 * - no network, no program, no other process, no thread, no write but to the descriptor it answers by, no memory
 *   that can be executed: the kernel refuses every system call that judging does not need with EPERM (seccomp);
 * - no more memory and processor time than allowed (setrlimit), no core dump, no new privileges, and no life longer
 *   than its parent's.
 *
 * A file's existence and size can still be asked for (stat). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct sg_sandbox {
    pid_t parent;
    const int *keep; /* descriptors, ascending; all others are closed */
    size_t keep_count;
    int out;            /* the one of them that may be written to */
    const char *folder; /* whose files may be opened for reading; NULL: none. A folder that is not there has none */
    uint64_t memory;    /* bytes of addresses, beyond those that the process has when it enters */
    uint64_t seconds;   /* of processor time from now on */
};

/* What the kernel may lack. */
enum sg_sandbox_part { SG_SANDBOX_LANDLOCK = 1 << 0, SG_SANDBOX_SECCOMP = 1 << 1 };

/* The parts that this kernel lacks, or that this build knows no way to use; 0: none. */
unsigned sg_sandbox_missing(void);

/* For good. False, with errno set, where something could not be given up that `missing` (sg_sandbox_missing()'s answer)
 * does not excuse: the process must end then. */
__attribute__((warn_unused_result)) bool sg_sandbox_enter(const struct sg_sandbox *sandbox, unsigned missing);

/* Lowers a limit of this process (RLIMIT_...), soft and hard, to `most`; one that is lower already stays. False, with
 * errno set, if it could not be. */
__attribute__((warn_unused_result)) bool sg_limit_resource(int resource, uint64_t most);
