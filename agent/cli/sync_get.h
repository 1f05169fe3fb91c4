/* signet get --from TARGET. */
#pragma once

#include "cli/options.h"

/* Returns the exit status. */
int sg_sync_get(struct sg_app *app, const struct sg_args *args);
