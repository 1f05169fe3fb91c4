/* What a sync says: each step as it is done or fails, how far it is, and at the end what waits for what. */
#pragma once

#include "cli/app.h"
#include "cli/progress.h"
#include "cli/sync_targets.h"

#define SG_SYNC_MAX_GROUPS 256

/* Steps that wait for the same, for the same reason. */
struct sg_sync_waiting {
    enum sg_step_kind kind;
    char *target, *code, *text;
    size_t count;
    int64_t since, next;
    bool no_matter; /* the target is not required, and all that waits is at as many others as [sync] quorum asks for */
};

struct sg_sync_report {
    struct sg_app *app;
    const struct sg_sync_targets *targets;
    struct sg_progress bar;
    struct sg_sync_waiting waiting[SG_SYNC_MAX_GROUPS];
    size_t waiting_count;
    size_t fetched, not_fetched; /* revocation data and the like */
};

/* For struct sg_sync. */
void sg_sync_report_event(struct sg_sync_report *report, const struct sg_sync_event *event);
void sg_sync_report_pull(struct sg_sync_report *report, const struct sg_pull_event *event);
void sg_sync_report_progress(struct sg_sync_report *report, const struct sg_sync_progress *progress);

/* The end: what was done, what waits. `*ret_status` is the exit status: of the worst reason for which something waits.
 * `quietly`: nothing is said of a run that did nothing. */
SG_MUST_CHECK enum sg_rc sg_sync_report_end(struct sg_sync_report *report, struct sg_store *store,
                                            const struct sg_sync_progress *progress, bool quietly, int *ret_status,
                                            struct sg_err *err);
void sg_sync_report_clear(struct sg_sync_report *report);
