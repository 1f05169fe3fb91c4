/* Digests of the signed content, one pass for all algorithms that the signers and their time-stamps name. */
#pragma once

#include <stdbool.h>

#include <openssl/evp.h>

#include "base/buf.h"
#include "base/input.h"
#include "formats/cades_evidence.h"
#include "formats/cms.h"

#define SG_MAX_CONTENT_DIGESTS 16

struct sg_content_digest {
    int nid;
    uint8_t value[EVP_MAX_MD_SIZE];
    size_t len;
    EVP_MD_CTX *ctx; /* while hashing */
};

struct sg_content {
    bool present; /* there is content: attached, or given */
    bool differs; /* it is attached, and the file given with it is another one */
    struct sg_content_digest digests[SG_MAX_CONTENT_DIGESTS];
    size_t count;
};

/* What the signers' evidence wants of the content besides; NULL: nothing. */
struct sg_content_evidence {
    struct sg_evidence *const *each; /* may be NULL in places */
    size_t count;
};

/* Hashes what `cms` is over: the attached content, else `detached` (NULL: not to be had). */
SG_MUST_CHECK enum sg_rc sg_content_hash(struct sg_cms *cms, const struct sg_source *detached,
                                         const struct sg_content_evidence *evidence, OSSL_LIB_CTX *libctx,
                                         struct sg_content *ret, struct sg_err *err);
/* The same for one SignerInfo, of what is not the content of a CMS. `evidence` is its own. */
SG_MUST_CHECK enum sg_rc sg_content_hash_for(const struct sg_signer_info *si, struct sg_evidence *evidence,
                                             const struct sg_source *what, OSSL_LIB_CTX *libctx, struct sg_content *ret,
                                             struct sg_err *err);
/* The digest by that algorithm; {NULL, 0} if there is no content or the algorithm is not known. */
struct sg_slice sg_content_digest(const struct sg_content *content, int nid);
/* The same for sg_evidence_imprint(): `context` is the sg_content. */
struct sg_slice sg_content_digest_for(void *context, int nid);
