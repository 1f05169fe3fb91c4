#include "cli/sync.h"

#include "base/msg.h"
#include "cli/app.h"
#include "cli/commands.h"

const struct sg_option sg_sync_options[] = {
    {.name = "once", .help = N_("do what is due by its time, and end: for timers")},
    {.name = "watch", .help = N_("stay, and do what becomes due: by its time, or when a network comes")},
    {.name = "dry-run", .help = N_("tell what would be done; send nothing, write nothing")},
    {.name = NULL},
};

static int run(struct sg_app *app, const struct sg_args *args)
{
    (void)args;
    return sg_app_become(app, SG_SYNC_PROGRAM);
}

const struct sg_command sg_command_sync = {
    .name = "sync",
    .summary = SG_SYNC_SUMMARY,
    .arguments = "",
    .options = sg_sync_options,
    .run = run,
};
