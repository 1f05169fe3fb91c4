/* Copies that the outbox needs until every receipt is there: `blobs/HEX`, named by the SHA-256 of their bytes, mode
 * 0600. A reflink where the file system has them, else a real copy; never a hard link, since people change their files.
 */
#pragma once

#include <stdint.h>

#include "base/crypto.h"
#include "base/err.h"
#include "base/input.h"
#include "base/outfile.h"
#include "store/store.h"

/* The path of a blob, whether it is there or not. Allocated. `sha256` is 64 hex digits, else SG_E_INTERNAL. */
SG_MUST_CHECK enum sg_rc sg_blob_path(const char *state_folder, const char *sha256, char **ret, struct sg_err *err);
/* The blob for reading: SG_E_STORE_DAMAGED, naming it, if it is not there. That its bytes are right is checked by who
 * reads them. */
SG_MUST_CHECK enum sg_rc sg_blob_open(const char *state_folder, const char *sha256, struct sg_input **ret,
                                      struct sg_err *err);
/* A blob in the making: whoever makes some shares the outbox meanwhile (sg_outbox_share()). */
struct sg_blob;

SG_MUST_CHECK enum sg_rc sg_blob_begin(const char *state_folder, OSSL_LIB_CTX *libctx, struct sg_blob **ret,
                                       struct sg_err *err);
/* Bytes are appended through it. */
struct sg_sink sg_blob_sink(struct sg_blob *blob);
/* All of the input's bytes become those of the blob, which has none yet: the blocks are shared where the file system
 * can do that, and each byte is read once. `also` takes them too, unless its `write` is NULL. */
SG_MUST_CHECK enum sg_rc sg_blob_take(struct sg_blob *blob, struct sg_input *input, struct sg_sink also,
                                      struct sg_err *err);
/* Likewise all of a file that is written and flushed. */
SG_MUST_CHECK enum sg_rc sg_blob_take_output(struct sg_blob *blob, const struct sg_outfile *out, struct sg_err *err);
uint64_t sg_blob_size(const struct sg_blob *blob);
/* Gives it its name, and says which. It may be there already: then that one stays if its bytes are right, and is
 * replaced if they are not. It is not on disk before sg_blobs_sync(). */
SG_MUST_CHECK enum sg_rc sg_blob_finish(struct sg_blob *blob, char ret_sha256[SG_SHA256_HEX], struct sg_err *err);
void sg_blob_free(struct sg_blob *blob); /* one that is not finished is gone */
SG_DEFINE_CLEANUP(struct sg_blob, sg_blob_free)
/* All blobs that were finished are on disk when this returns. */
SG_MUST_CHECK enum sg_rc sg_blobs_sync(const char *state_folder, struct sg_err *err);
/* And, by the same waiting, the bytes of these files. */
SG_MUST_CHECK enum sg_rc sg_blobs_sync_with(const char *state_folder, struct sg_outfile *const *outs, size_t count,
                                            struct sg_err *err);

/* Bytes in memory made a blob, on disk when this returns. */
SG_MUST_CHECK enum sg_rc sg_blob_write(const char *state_folder, OSSL_LIB_CTX *libctx, struct sg_slice bytes,
                                       char ret_sha256[SG_SHA256_HEX], struct sg_err *err);
/* The blob's bytes into a file that is still empty: shared where the file system can do that, and checked. Others than
 * its name says: SG_E_STORE_DAMAGED. */
SG_MUST_CHECK enum sg_rc sg_blob_copy(const char *state_folder, OSSL_LIB_CTX *libctx, const char *sha256,
                                      struct sg_outfile *out, struct sg_err *err);
/* Removes it; not there: SG_OK. */
SG_MUST_CHECK enum sg_rc sg_blob_remove(const char *state_folder, const char *sha256, struct sg_err *err);
