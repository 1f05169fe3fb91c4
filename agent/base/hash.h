/* Digests of bytes as they go by. */
#pragma once

#include "base/crypto.h"
#include "base/input.h"

struct sg_hash;

/* `digest` as for EVP_MD_fetch ("SHA256"). `onward` takes the bytes too, unless its `write` is NULL. */
SG_MUST_CHECK enum sg_rc sg_hash_new(OSSL_LIB_CTX *libctx, const char *digest, struct sg_sink onward,
                                     struct sg_hash **ret, struct sg_err *err);
struct sg_sink sg_hash_sink(struct sg_hash *hash);
void sg_hash_set_onward(struct sg_hash *hash, struct sg_sink onward);
/* Of all that came; once. `out` has room for EVP_MAX_MD_SIZE. */
SG_MUST_CHECK enum sg_rc sg_hash_end(struct sg_hash *hash, uint8_t *out, size_t *ret_len, struct sg_err *err);
/* The same as lower-case hex, of a digest that is no longer than a SHA-256. */
SG_MUST_CHECK enum sg_rc sg_hash_end_hex(struct sg_hash *hash, char out[SG_SHA256_HEX], struct sg_err *err);
void sg_hash_free(struct sg_hash *hash);
SG_DEFINE_CLEANUP(struct sg_hash, sg_hash_free)

/* SHA-256 of a whole input, as lower-case hex. */
SG_MUST_CHECK enum sg_rc sg_sha256_input(OSSL_LIB_CTX *libctx, struct sg_input *input, struct sg_sink onward,
                                         char out[SG_SHA256_HEX], struct sg_err *err);
