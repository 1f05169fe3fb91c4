/* `verify --extract`: files of a container, written into a folder that is new, and there whole or not at all.
 *
 * They come from a judging child, which may be in the hands of the file that it judges. So the names are checked here
 * again, and nothing is written but below a folder that was just made, which nobody else may enter and in which there
 * is no link to follow. It gets its name once all is on disk and the child has answered. */
#pragma once

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"

struct sg_extract;

/* `folder` may not be there yet: SG_E_OUTPUT_EXISTS. */
SG_MUST_CHECK enum sg_rc sg_extract_begin(const char *folder, struct sg_extract **ret, struct sg_err *err);
/* The next file, and its next bytes. What goes wrong is told by sg_extract_finish(). */
void sg_extract_file(struct sg_extract *extract, struct sg_slice name);
void sg_extract_bytes(struct sg_extract *extract, struct sg_slice bytes);
/* All have come. Without a file there is no folder: `*ret_files` is 0. */
SG_MUST_CHECK enum sg_rc sg_extract_finish(struct sg_extract *extract, size_t *ret_files, struct sg_err *err);
/* Without sg_extract_finish() nothing is left behind. */
void sg_extract_free(struct sg_extract *extract);
SG_DEFINE_CLEANUP(struct sg_extract, sg_extract_free)
