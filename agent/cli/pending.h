/* Anchors that are about to be added: they count in setup's trial, and for revocation data that comes with them, and
 * are written when that has gone well. */
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
    char *source;
};

struct sg_pending {
    struct sg_pending_anchor *anchors;
    size_t count;
};

/* `limits`: NULL for none. */
SG_MUST_CHECK enum sg_rc sg_pending_add(struct sg_app *app, X509 *cert, unsigned purposes, const char *limits,
                                        const char *source, struct sg_pending *pending, struct sg_err *err);
void sg_pending_clear(struct sg_pending *pending);

/* What would be trusted once they are added: the snapshot's anchors and these, each with its limits. */
struct sg_pending_trust {
    STACK_OF(X509) *anchors; /* may be none */
    char **limits;           /* as many */
};

/* Those of them that are for one of `purposes` at least. */
SG_MUST_CHECK enum sg_rc sg_pending_trusted(struct sg_app *app, const struct sg_pending *pending, unsigned purposes,
                                            struct sg_pending_trust *ret, struct sg_err *err);
void sg_pending_trust_clear(struct sg_pending_trust *trust);
/* Adds them to the store, within the caller's transaction. */
SG_MUST_CHECK enum sg_rc sg_pending_store(const struct sg_pending *pending, struct sg_store *store, struct sg_err *err);
