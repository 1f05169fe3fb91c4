#include <libintl.h>
#include <locale.h>
#include <malloc.h>
#include <string.h>

#include "base/msg.h"
#include "build.h"
#include "cli/app.h"
#include "cli/program.h"

/* An error of the command line is said the way that was asked for, though the line could not be parsed. */
static bool wants_json(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--json") == 0)
            return true;
    return false;
}

static int run_command(const struct sg_request *request, char **argv)
{
    struct sg_app app = {.voice = {.people = stdout}, .argv = argv, .pin_fd = -1};
    struct sg_err err;
    int status = 0;

    sg_signals_catch();
    if (sg_app_init(&app, request->args, &err) != SG_OK ||
        (request->command->takes_pin && sg_secrets_init(&err) != SG_OK))
        status = sg_complain(&app.voice, &err);
    else
        status = request->command->run(&app, request->args);
    if (sg_output_finish(&err) != SG_OK) {
        app.voice.json = false; /* it was stdout that failed */
        status = sg_exit_worse(status, sg_complain(&app.voice, &err));
    }
    sg_app_clear(&app);
    return status;
}

static int answer(const struct sg_command *const *commands, const struct sg_request *request, char **argv)
{
    struct sg_voice voice = {.people = stdout};
    struct sg_err err;

    if (request->version)
        sg_say(&voice, "signet %s", SG_VERSION);
    else if (request->help)
        sg_help(commands, request);
    else
        return run_command(request, argv);
    return sg_output_finish(&err) == SG_OK ? 0 : sg_complain(&voice, &err);
}

int sg_program_main(const struct sg_command *const *commands, int argc, char **argv)
{
    struct sg_request request = {0};
    struct sg_err err;

    (void)mallopt(M_TOP_PAD, 1 << 20); /* memory is asked for in few steps: a short run asks hundreds of times else */
    (void)setlocale(LC_CTYPE, "");
    (void)setlocale(LC_MESSAGES, "");
    sg_text_init();
    if (sg_request_parse(commands, argc, argv, &request, &err) != SG_OK) {
        const struct sg_voice voice = {.json = wants_json(argc, argv), .people = stdout};
        return sg_complain(&voice, &err);
    }
    int status = answer(commands, &request, argv);
    sg_args_free(request.args);
    /* Ended by a signal: so that whoever started us sees it as such (a shell's loop stops at Ctrl-C). */
    if (sg_signal_caught()) {
        (void)signal(sg_signal_caught(), SIG_DFL);
        (void)raise(sg_signal_caught());
    }
    return status;
}
