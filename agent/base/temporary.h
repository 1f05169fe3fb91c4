/* Temporary files that have no name, so that nothing is left behind however the program ends. */
#pragma once

#include "base/err.h"

/* Opens one for reading and writing, mode 0600, in $TMPDIR or /tmp. */
SG_MUST_CHECK enum sg_rc sg_temporary_open(int *ret_fd, struct sg_err *err);
