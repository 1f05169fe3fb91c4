/* For tests: a fake module's control in memory that token hosts share, since they inherit the environment. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fake_module.h"

/* NULL if it cannot be made. It goes with the process; its file is gone at once, but for the environment's sake it is
 * named by the descriptor. */
static inline struct fake_control *fake_control_share(void)
{
    char path[64];
    int fd = memfd_create("fake-control", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, sizeof(struct fake_control)) < 0)
        return NULL;
    (void)snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)getpid(), fd);
    void *shared = mmap(NULL, sizeof(struct fake_control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return shared == MAP_FAILED || setenv("FAKE_CONTROL", path, 1) != 0 ? NULL : shared;
}
