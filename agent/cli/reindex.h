/* Whoever writes the store makes good what is missing beside the CRLs that it keeps. */
#pragma once

#include "cli/app.h"
#include "store/store.h"

/* Writes the index of each CRL of the snapshot anew, if it is missing or damaged. A CRL that is damaged itself is left
 * as it is: verification says so. */
SG_MUST_CHECK enum sg_rc sg_crls_reindex(struct sg_app *app, struct sg_store *store, struct sg_err *err);
