/* A trial page: signed in memory and judged, as the first document will be. */
#pragma once

#include "cli/signing.h"

struct sg_trial {
    int64_t until;           /* the first end among the certificates of its path */
    bool revocation_missing; /* which is said, and does not fail it */
    char missing[512];       /* why, if so */
};

/* Intact, with a path to an anchor of the snapshot: SG_OK. Else SG_E_POLICY with the reasons. */
SG_MUST_CHECK enum sg_rc sg_trial_run(struct sg_app *app, const struct sg_signing *signing, struct sg_trial *ret,
                                      struct sg_err *err);
