/* The program signet-sync: what of `signet` needs a network. */
#include "base/limits.h"
#include "cli/copies.h"
#include "cli/program.h"
#include "cli/sync.h"
#include "cli/sync_due.h"
#include "cli/sync_get.h"
#include "cli/sync_run.h"

static enum sg_rc check_options(const struct sg_args *args, struct sg_err *err)
{
    size_t ways = sg_args_count(args, "once") + sg_args_count(args, "watch") + sg_args_count(args, "dry-run");

    if (ways > 1)
        return sg_fail(err, SG_E_USAGE, "%s", _("Of --once, --watch and --dry-run only one can be given."));
    return SG_OK;
}

static enum sg_rc prepare(struct sg_app *app, const struct sg_args *args, struct sg_sync_work *work, struct sg_err *err)
{
    enum sg_rc rc = check_options(args, err);

    if (rc == SG_OK && !sg_args_flag(args, "dry-run"))
        rc = sg_app_store(app, &work->store, err);
    if (rc == SG_OK)
        rc = sg_sync_targets_load(app, &work->targets, err);
    return rc;
}

static int work_on(struct sg_app *app, const struct sg_args *args, struct sg_sync_work *work)
{
    struct sg_err err;

    if (prepare(app, args, work, &err) != SG_OK)
        return sg_complain(&app->voice, &err);
    if (sg_args_flag(args, "dry-run"))
        return sg_sync_due(app, &work->targets);
    return sg_args_flag(args, "watch") ? sg_sync_watch(work) : sg_sync_once(work, false);
}

static int run(struct sg_app *app, const struct sg_args *args)
{
    struct sg_sync_work work = {.app = app,
                                .report = {.app = app, .targets = &work.targets},
                                .by_hand = !sg_args_flag(args, "once") && !sg_args_flag(args, "watch")};
    int status = work_on(app, args, &work);

    sg_sync_report_clear(&work.report);
    sg_sync_targets_clear(&work.targets);
    sg_store_free(work.store);
    return status;
}

static const struct sg_command sync_command = {
    .name = "sync",
    .summary = SG_SYNC_SUMMARY,
    .arguments = "",
    .options = sg_sync_options,
    .takes_pin = true,
    .run = run,
};

static const struct sg_command get_command = {
    .name = "get",
    .summary = N_("bring back a signed document from a target"),
    .arguments = "FILE|SHA256",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = sg_get_options,
    .takes_pin = true,
    .run = sg_sync_get,
};

int main(int argc, char **argv)
{
    static const struct sg_command *const commands[] = {&sync_command, &get_command, NULL};

    return sg_program_main(commands, argc, argv);
}
