/* What the files of the outbox share. */
#pragma once

#include "store/db.h"
#include "store/outbox.h"

/* One step. Not there: SG_E_NOT_FOUND. */
SG_MUST_CHECK enum sg_rc sg_step_get(struct sg_store *store, int64_t step, sg_step_fn *each, void *context,
                                     struct sg_err *err);
SG_MUST_CHECK enum sg_rc sg_step_done(struct sg_store *store, const struct sg_step *step, struct sg_err *err);
/* A document is closed once none of its steps waits. */
SG_MUST_CHECK enum sg_rc sg_outbox_close_if_done(struct sg_store *store, int64_t document, struct sg_err *err);

/* What the time that the document's signature claims is, beside that of its time-stamp: "clock-differs" in the ledger
 * if it is more than SG_CLOCK_TOLERANCE before it, "clock-ahead" if it is so far behind. */
SG_MUST_CHECK enum sg_rc sg_clock_compare_claim(struct sg_store *store, const struct sg_outbox_document *document,
                                                const struct sg_stamped *stamped, struct sg_err *err);

#define SG_STEP_NAME 320

/* "upload of B-T to archive", as the ledger has it. Returns `out`. */
const char *sg_step_name(const struct sg_step *step, char out[SG_STEP_NAME]);
