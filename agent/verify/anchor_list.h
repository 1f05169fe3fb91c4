/* The signed list of anchors, `signet.anchors/1` (docs/schema): what an officer publishes for many machines. */
#pragma once

#include "verify/anchor_json.h"
#include "verify/attached.h"

struct sg_anchor_list {
    struct sg_list_terms terms;
    struct sg_named_anchors anchors;
};

/* The JSON alone: nothing but what the schema has. SG_E_MALFORMED saying what is wrong. */
SG_MUST_CHECK enum sg_rc sg_anchor_list_parse(struct sg_slice json, OSSL_LIB_CTX *libctx, struct sg_anchor_list *ret,
                                              struct sg_err *err);
/* The signed list. `signer` is the SHA-256 of the certificate that has to have signed it: SG_E_POLICY if another did.
 * `name` is for messages. */
SG_MUST_CHECK enum sg_rc sg_anchor_list_read(struct sg_verifier *verifier, struct sg_slice bytes, const char *name,
                                             const char *signer, struct sg_anchor_list *ret, struct sg_err *err);
void sg_anchor_list_clear(struct sg_anchor_list *list);
