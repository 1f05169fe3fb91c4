/* SHA-256 of a large output file, reckoned by a thread that follows the one that writes it. */
#pragma once

#include "base/crypto.h"
#include "base/outfile.h"

struct sg_result_digest;

/* Begins to follow `out`, which is to be written from its start, and outlives this. `expected`: so many octets that do
 * not change any more once they are written, but for its head; what comes after them, and all of a small file, is
 * hashed in the end. */
SG_MUST_CHECK enum sg_rc sg_result_digest_start(OSSL_LIB_CTX *libctx, struct sg_outfile *out, uint64_t expected,
                                                struct sg_result_digest **ret, struct sg_err *err);
/* After the last write: what is left, and the digest as hex. */
SG_MUST_CHECK enum sg_rc sg_result_digest_finish(struct sg_result_digest *digest, char hex[SG_SHA256_HEX],
                                                 struct sg_err *err);
void sg_result_digest_free(struct sg_result_digest *digest);
SG_DEFINE_CLEANUP(struct sg_result_digest, sg_result_digest_free)
