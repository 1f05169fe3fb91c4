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
/* A file that will be the blob of these bytes once it is committed (alone or in a group); it replaces one that is
 * there, which may be damaged. Its bytes are for the caller to write, and to have hashed. */
SG_MUST_CHECK enum sg_rc sg_blob_create(const char *state_folder, const char *sha256, struct sg_outfile **ret,
                                        struct sg_err *err);
/* Bytes in memory made a blob, durable when this returns. */
SG_MUST_CHECK enum sg_rc sg_blob_write(const char *state_folder, OSSL_LIB_CTX *libctx, struct sg_slice bytes,
                                       char ret_sha256[SG_SHA256_HEX], struct sg_err *err);
/* Removes it; not there: SG_OK. */
SG_MUST_CHECK enum sg_rc sg_blob_remove(const char *state_folder, const char *sha256, struct sg_err *err);
