/* An input file: random access, bounded memory, and the memory of which file it was.
 *
 * Whatever cannot seek (a pipe, "-") is first spooled, to memory and, once it is large, to an unlinked temporary file,
 * so that readers may go back. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"

struct sg_input;

/* Opens `path` ("-": stdin). Missing: SG_E_NOT_FOUND; folder: SG_E_IS_FOLDER; no permission: SG_E_NOT_READABLE. A
 * signal whose handler does not restart calls ends the waiting for a pipe: SG_E_CANCELLED. */
SG_MUST_CHECK enum sg_rc sg_input_open(const char *path, struct sg_input **ret, struct sg_err *err);
/* The same where nobody named the file: a regular one, or SG_E_NOT_READABLE, and never a wait. `folder` -1: `path` as
 * it is. Else a path below that folder, which no link and no ".." leads out of. `name` is the whole path. */
SG_MUST_CHECK enum sg_rc sg_input_open_file(int folder, const char *path, const char *name, struct sg_input **ret,
                                            struct sg_err *err);
/* Over bytes in memory that the caller keeps. `name` is for messages. */
SG_MUST_CHECK enum sg_rc sg_input_from_slice(const char *name, struct sg_slice bytes, struct sg_input **ret,
                                             struct sg_err *err);
/* What `front` would be with more bytes behind it; both are the caller's, and have to outlive it. */
SG_MUST_CHECK enum sg_rc sg_input_joined(struct sg_input *front, struct sg_slice behind, struct sg_input **ret,
                                         struct sg_err *err);
/* An empty input to fill with sg_input_append() (decoded PEM, for one) and then read. */
SG_MUST_CHECK enum sg_rc sg_input_spool(const char *name, struct sg_input **ret, struct sg_err *err);
SG_MUST_CHECK enum sg_rc sg_input_append(struct sg_input *input, const void *data, size_t len, struct sg_err *err);
void sg_input_free(struct sg_input *input);
SG_DEFINE_CLEANUP(struct sg_input, sg_input_free)

const char *sg_input_name(const struct sg_input *input); /* the path as given, or what it is called since */
/* Messages call it so from now on: by the file that a person knows, of which it is a copy. */
SG_MUST_CHECK enum sg_rc sg_input_call(struct sg_input *input, const char *name, struct sg_err *err);
uint64_t sg_input_size(const struct sg_input *input);
int sg_input_fd(const struct sg_input *input); /* for sg_outfile_clone(); -1: the bytes are in memory */

/* Reads up to `len` bytes at `offset`; `*ret_read` is less only at the end of the file. Safe from several threads. */
SG_MUST_CHECK enum sg_rc sg_input_read(struct sg_input *input, uint64_t offset, void *out, size_t len, size_t *ret_read,
                                       struct sg_err *err);
/* All of it into `buf`; more than `buf->max` is SG_E_LIMIT. */
SG_MUST_CHECK enum sg_rc sg_input_read_all(struct sg_input *input, struct sg_buf *buf, struct sg_err *err);
/* SG_E_INPUT_CHANGED if size, modification time or identity of the file differ from when it was opened. */
SG_MUST_CHECK enum sg_rc sg_input_check_unchanged(struct sg_input *input, struct sg_err *err);
/* For a process that may not look names up: whether the file changes is asked by another one, which opened it, and not
 * here. A small file is read at once. */
SG_MUST_CHECK enum sg_rc sg_input_watched(struct sg_input *input, struct sg_err *err);

/* Takes bytes as they are read: content into a digest, a file, both. Anything but SG_OK stops the reading. */
struct sg_sink {
    enum sg_rc (*write)(void *context, const uint8_t *data, size_t len, struct sg_err *err);
    void *context;
};
struct sg_sink sg_buf_sink(struct sg_buf *buf);       /* appends */
struct sg_sink sg_input_sink(struct sg_input *input); /* appends to what sg_input_spool() made */

/* Streams [offset, offset + len) into `sink`, SG_IO_BUFFER at a time. Ends early: SG_E_INPUT_CHANGED. */
SG_MUST_CHECK enum sg_rc sg_input_copy(struct sg_input *input, uint64_t offset, uint64_t len, struct sg_sink sink,
                                       struct sg_err *err);

/* Bytes that are no file of their own (what a signature in a PDF covers, a file in a container): each call streams all
 * of them into `sink`. */
struct sg_source {
    enum sg_rc (*stream)(void *context, struct sg_sink sink, struct sg_err *err);
    void *context;
};

/* A whole input, which must not change meanwhile; it is the context. */
struct sg_source sg_input_source(struct sg_input *input);
