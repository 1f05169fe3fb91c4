/* Anchors as profiles and lists of anchors write them: objects of a certificate in base64, its purposes and limits. */
#pragma once

#include <jansson.h>

#include "store/snapshot.h"

struct sg_named_anchors {
    struct sg_named_anchor *items;
    size_t count;
};

/* Reads a JSON array of at most `max`, all of CAs. What is wrong with it is SG_E_MALFORMED, or SG_E_LIMIT of a
 * certificate. */
SG_MUST_CHECK enum sg_rc sg_anchors_from_json(const json_t *list, size_t max, OSSL_LIB_CTX *libctx,
                                              struct sg_named_anchors *ret, struct sg_err *err);
void sg_named_anchors_clear(struct sg_named_anchors *anchors);
