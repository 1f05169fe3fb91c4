/* A trial page: signed in memory and judged, as the first document will be. */
#pragma once

#include "cli/pending.h"
#include "cli/signing.h"

struct sg_trial {
    int64_t until;           /* the first end among the certificates of its path */
    bool revocation_missing; /* which is said, and does not fail it */
    char missing[512];       /* why, if so */
};

/* Whether a path leads from the key's certificate to an anchor, with the help of `helpers`, and revocation aside.
 * The anchors of `trust` are those that count. */
SG_MUST_CHECK enum sg_rc sg_trial_has_path(struct sg_app *app, const struct sg_signing *signing,
                                           const struct sg_pending_trust *trust, STACK_OF(X509) *helpers, bool *ret,
                                           struct sg_err *err);
/* Intact, with a good path to one of its anchors (as above): SG_OK. Else SG_E_NOT_TRUSTED with the reason. */
SG_MUST_CHECK enum sg_rc sg_trial_run(struct sg_app *app, const struct sg_signing *signing,
                                      const struct sg_pending_trust *trust, struct sg_trial *ret, struct sg_err *err);
