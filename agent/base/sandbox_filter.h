/* The system calls that a process in a sandbox may make (seccomp). Private to base/sandbox.c. */
#pragma once

#include <stdbool.h>

/* Whether there is a filter for this machine's system calls. */
bool sg_sandbox_filter_known(void);
/* From now on every system call but those of the table is refused with EPERM. Writing only to `out`; opening files, for
 * reading, only if `may_open`. Wants no_new_privs. False with errno set. */
bool sg_sandbox_filter(int out, bool may_open);
