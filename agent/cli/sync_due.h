/* signet sync --dry-run: what a sync would do now. */
#pragma once

#include "cli/sync_targets.h"

/* Tells it of a copy of the store, which goes through what a sync begins with; nothing is sent, and nothing on disk is
 * made or changed. Returns the exit status. */
int sg_sync_due(struct sg_app *app, const struct sg_sync_targets *targets);
