/* The two ways in which signet-sync works: once, and as long as it is let. */
#pragma once

#include "cli/sync_report.h"

struct sg_sync_work {
    struct sg_app *app;
    struct sg_store *store;
    struct sg_sync_targets targets;
    struct sg_sync_report report;
    bool by_hand; /* no timer or watch started it */
};

/* HTTP as the configuration has it. */
struct sg_http_settings sg_sync_http(const struct sg_app *app);
/* One run, and what it says at its end. Returns the exit status. */
int sg_sync_once(struct sg_sync_work *work, bool quietly);
/* Runs whenever something is due, a network came, or `[sync] interval` has passed, until a signal ends it. */
int sg_sync_watch(struct sg_sync_work *work);
