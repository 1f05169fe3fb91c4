/* Anchors that are about to be added: they count in setup's trial, and are written when that has gone well. */
#pragma once

#include <stddef.h>

#include "base/crypto.h"
#include "cli/app.h"

struct sg_pending_anchor {
    X509 *cert;
    unsigned purposes;
    char *limits; /* as in the snapshot; "": none */
    char sha256[SG_SHA256_HEX];
    char *subject;
    char source[128];
};

struct sg_pending {
    struct sg_pending_anchor *anchors;
    size_t count;
};

/* `limits`: NULL for none. */
SG_MUST_CHECK enum sg_rc sg_pending_add(struct sg_app *app, X509 *cert, unsigned purposes, const char *limits,
                                        const char *source, struct sg_pending *pending, struct sg_err *err);
void sg_pending_clear(struct sg_pending *pending);

/* What would be trusted for signing once they are added: the snapshot's anchors and these. NULL if there are none
 * pending, so that the snapshot counts as it is. */
SG_MUST_CHECK enum sg_rc sg_pending_trusted(struct sg_app *app, const struct sg_pending *pending, STACK_OF(X509) **ret,
                                            struct sg_err *err);
/* Adds them to the store, within the caller's transaction. */
SG_MUST_CHECK enum sg_rc sg_pending_store(const struct sg_pending *pending, struct sg_store *store, struct sg_err *err);
