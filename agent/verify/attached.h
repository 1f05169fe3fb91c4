/* What an officer signed: an attached CMS with one signature, over a profile or a list of anchors. Who signed it is for
 * a person or a pinned digest to say: the signer need not chain to an anchor, since this is how anchors come. */
#pragma once

#include "base/buf.h"
#include "base/crypto.h"
#include "verify/verify.h"

struct sg_attached {
    struct sg_buf content;
    char signer_sha256[SG_SHA256_HEX];
    char *signer_subject;
};

/* Judges `bytes` and takes the content out of them, at most `max` of it; `name` is for messages, `what` what it should
 * be ("the profile", translated). A signature that is not intact, detached, none or several: SG_E_MALFORMED. */
SG_MUST_CHECK enum sg_rc sg_attached_read(struct sg_verifier *verifier, struct sg_slice bytes, const char *name,
                                          const char *what, size_t max, struct sg_attached *ret, struct sg_err *err);
void sg_attached_clear(struct sg_attached *attached);
