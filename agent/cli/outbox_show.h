/* A document of the outbox as it is shown: to people, and as JSON. */
#pragma once

#include <jansson.h>

#include "cli/app.h"
#include "store/outbox.h"

enum sg_outbox_shown {
    SG_SHOW_WAITING = 1 << 0,  /* steps that wait */
    SG_SHOW_ALL = 1 << 1,      /* steps of every state */
    SG_SHOW_RECEIPTS = 1 << 2, /* where it is kept */
    SG_SHOW_VERSIONS = 1 << 3,
};

/* Says it, and gives what a JSON object has of it, for the caller to complete. `*ret_complete`: every step is done, so
 * that each version is kept at each target. Either may be NULL. */
SG_MUST_CHECK enum sg_rc sg_outbox_show(struct sg_app *app, struct sg_store *store, int64_t document, unsigned shown,
                                        json_t **ret_json, bool *ret_complete, struct sg_err *err);
