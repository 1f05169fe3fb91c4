/* The program signet-sync: what of `signet` needs a network. */
#include "cli/program.h"
#include "cli/sync.h"

static int run(struct sg_app *app, const struct sg_args *args)
{
    (void)app;
    (void)args;
    return 0;
}

static const struct sg_command sync_command = {
    .name = "sync",
    .summary = SG_SYNC_SUMMARY,
    .arguments = "",
    .options = sg_sync_options,
    .takes_pin = true,
    .run = run,
};

int main(int argc, char **argv)
{
    static const struct sg_command *const commands[] = {&sync_command, NULL};

    return sg_program_main(commands, argc, argv);
}
