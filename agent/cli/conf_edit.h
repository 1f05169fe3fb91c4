/* Changing the user's signet.conf: one key at a time, every other line as it was. */
#pragma once

#include "base/buf.h"
#include "base/err.h"

/* The file's text, appended to `text`; none if there is no file. */
SG_MUST_CHECK enum sg_rc sg_conf_read(const char *path, struct sg_buf *text, struct sg_err *err);
/* Replaces the lines of `name` in [section] by one for each value, or adds them. A value that would not be read back as
 * it is, is SG_E_CONFIG. */
SG_MUST_CHECK enum sg_rc sg_conf_set(struct sg_buf *text, const char *section, const char *name,
                                     const char *const *values, size_t count, struct sg_err *err);
/* Writes it whole or not at all; through a symbolic link, into the file that it names. */
SG_MUST_CHECK enum sg_rc sg_conf_write(const char *path, const struct sg_buf *text, struct sg_err *err);
