/* signet get: which version of which document is wanted, whether it comes from the store or, in signet-sync, from a
 * target. */
#pragma once

#include "base/crypto.h"
#include "cli/app.h"
#include "store/outbox.h"

extern const struct sg_option sg_get_options[];

/* The version that was named by its digest, else the newest. */
struct sg_wanted {
    const char *name; /* as given */
    int64_t document;
    char level[8];
    char sha256[SG_SHA256_HEX];
    int64_t size, forgotten;
    char *output; /* where it goes if nobody says otherwise: the file's own name, here; for the caller to free */
};

/* None, or several: as sg_documents_find(). */
SG_MUST_CHECK enum sg_rc sg_wanted_find(struct sg_app *app, struct sg_store *store, struct sg_wanted *wanted,
                                        struct sg_err *err);
/* It is at `path` now. */
SG_MUST_CHECK enum sg_rc sg_wanted_say(struct sg_app *app, const struct sg_wanted *wanted, const char *path,
                                       struct sg_err *err);
