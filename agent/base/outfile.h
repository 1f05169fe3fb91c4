/* Output files that are whole or not there.
 *
 * A file is written without a name (O_TMPFILE; where the file system has none, under a temporary name that is removed),
 * and gets its name only when all of it is on disk. So nothing partial is left behind by an error, a signal or a power
 * cut. Nothing is overwritten unless the caller says so, and that is checked by the kernel when the name is given, not
 * before. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"

struct sg_outfile;

enum sg_outfile_flags {
    SG_OUT_REPLACE = 1 << 0, /* an existing file of that name is replaced (atomically); else SG_E_OUTPUT_EXISTS */
    SG_OUT_PRIVATE = 1 << 1, /* mode 0600; else 0666 less the umask */
    SG_OUT_SAME = 1 << 2,    /* ... and it is the one that was there at first; another by then is SG_E_INPUT_CHANGED */
};

/* Starts a file that will be `path` ("-": stdout, written at commit). Checks at once that the name is free. */
SG_MUST_CHECK enum sg_rc sg_outfile_open(const char *path, unsigned flags, struct sg_outfile **ret, struct sg_err *err);
const char *sg_outfile_path(const struct sg_outfile *out);
/* Another name than at first, in the same folder, for a file that has none yet. */
SG_MUST_CHECK enum sg_rc sg_outfile_rename(struct sg_outfile *out, const char *path, struct sg_err *err);
/* An existing file is replaced after all. */
void sg_outfile_replace(struct sg_outfile *out);
/* Which file SG_OUT_REPLACE is about, as sg_file_identity() has it; "": there was none. */
const char *sg_outfile_replaces(const struct sg_outfile *out);
SG_MUST_CHECK enum sg_rc sg_outfile_write(struct sg_outfile *out, const void *data, size_t len, struct sg_err *err);
/* Overwrites bytes already written (a header whose lengths are known only at the end). */
SG_MUST_CHECK enum sg_rc sg_outfile_patch(struct sg_outfile *out, uint64_t offset, const void *data, size_t len,
                                          struct sg_err *err);
/* Makes room for `len` bytes before `offset` by moving what follows (slow, rare; memory bounded). What is in the room
 * is for sg_outfile_patch() to say. */
SG_MUST_CHECK enum sg_rc sg_outfile_insert(struct sg_outfile *out, uint64_t offset, size_t len, struct sg_err *err);
/* Hands what is still in memory to the kernel. Commit does it; doing it before, in the thread that wrote the file,
 * leaves less to do to the one that commits a group. */
SG_MUST_CHECK enum sg_rc sg_outfile_flush(struct sg_outfile *out, struct sg_err *err);
uint64_t sg_outfile_size(const struct sg_outfile *out);
struct sg_sink;
struct sg_sink sg_outfile_sink(struct sg_outfile *out);

/* Makes a file that is still empty share the blocks of the open file `fd`: it is a copy at once, and stays one whatever
 * becomes of the other. False: the file system cannot do that, or not between these two. */
bool sg_outfile_clone(struct sg_outfile *out, int fd);
int sg_outfile_fd(const struct sg_outfile *out); /* for that; -1 never */

/* For a second thread that follows the one that writes: how much the kernel has by now, which is what may be read back.
 * Bytes that are patched or moved later are for the two to agree on. */
uint64_t sg_outfile_flushed(const struct sg_outfile *out);
SG_MUST_CHECK enum sg_rc sg_outfile_read(const struct sg_outfile *out, uint64_t offset, uint8_t *data, size_t len,
                                         struct sg_err *err);
/* Bytes that the kernel has begin to go to disk, so that the fsync of the commit has less to wait for. A help only. */
void sg_outfile_begin_writeback(const struct sg_outfile *out, uint64_t offset, uint64_t len);

/* Gives the file its name and leaves it to the caller to bring both to disk. */
SG_MUST_CHECK enum sg_rc sg_outfile_name(struct sg_outfile *out, struct sg_err *err);
/* Brings the bytes of a group to disk, as sg_outfile_commit_group() does, which then has only the names to do; with
 * them all that is on the file system of `folder`, unless that is NULL. */
SG_MUST_CHECK enum sg_rc sg_outfile_sync_group(struct sg_outfile *const *outs, size_t count, const char *folder,
                                               size_t *ret_failed, struct sg_err *err);
/* fsync, name, fsync of the folder. The file is final when this returns SG_OK. */
SG_MUST_CHECK enum sg_rc sg_outfile_commit(struct sg_outfile *out, struct sg_err *err);
/* Makes a group final together: one syncfs a file system, names, one fsync a folder. If one of them fails, the names
 * already given are taken back, `*ret_failed` is its index and nothing is final. A file that was replaced is there
 * again then: it was kept under a hidden name. Where the file system has no hard links, it could not be kept, and the
 * new file stays: there would be neither. */
SG_MUST_CHECK enum sg_rc sg_outfile_commit_group(struct sg_outfile *const *outs, size_t count, size_t *ret_failed,
                                                 struct sg_err *err);
/* Closes; what was not committed, or was replaced, is gone. */
void sg_outfile_free(struct sg_outfile *out);
SG_DEFINE_CLEANUP(struct sg_outfile, sg_outfile_free)

/* Says of a file whether it is still the same, unwritten: device, inode, size and time. "" if there is none. Returns
 * `out`. */
#define SG_FILE_IDENTITY 96
const char *sg_file_identity(const char *path, char out[SG_FILE_IDENTITY]);

/* A small file in one call. */
SG_MUST_CHECK enum sg_rc sg_file_write(const char *path, struct sg_slice bytes, unsigned flags, struct sg_err *err);
/* mkdir -p with mode 0700 for what it makes, fsynced. */
SG_MUST_CHECK enum sg_rc sg_folder_make(const char *path, struct sg_err *err);
