/* SHA-256 of bytes as they go by. */
#pragma once

#include "base/crypto.h"
#include "base/input.h"

struct sg_sha256;

/* `onward` takes the bytes too, unless its `write` is NULL. */
SG_MUST_CHECK enum sg_rc sg_sha256_new(OSSL_LIB_CTX *libctx, struct sg_sink onward, struct sg_sha256 **ret,
                                       struct sg_err *err);
struct sg_sink sg_sha256_sink(struct sg_sha256 *sha256);
void sg_sha256_set_onward(struct sg_sha256 *sha256, struct sg_sink onward);
/* Of all that came, as lower-case hex; once. */
SG_MUST_CHECK enum sg_rc sg_sha256_end(struct sg_sha256 *sha256, char out[SG_SHA256_HEX], struct sg_err *err);
void sg_sha256_free(struct sg_sha256 *sha256);
SG_DEFINE_CLEANUP(struct sg_sha256, sg_sha256_free)

/* Of a whole input. */
SG_MUST_CHECK enum sg_rc sg_sha256_input(OSSL_LIB_CTX *libctx, struct sg_input *input, struct sg_sink onward,
                                         char out[SG_SHA256_HEX], struct sg_err *err);
