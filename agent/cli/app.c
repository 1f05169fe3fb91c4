#include "cli/app.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/crypto.h"
#include "base/msg.h"

static volatile sig_atomic_t signal_caught;

static void on_signal(int number)
{
    signal_caught = number;
}

void sg_signals_catch(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    /* No SA_RESTART, so that waiting ends; SA_RESETHAND, so that a second signal ends even a module that hangs. */
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    struct sigaction before;

    (void)sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN) /* nohup(1) */
            (void)sigaction(numbers[i], &action, NULL);
    /* What cannot be written is an error, as a full disk is: EPIPE, EFBIG. */
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN);
}

int sg_signal_caught(void)
{
    return signal_caught;
}

enum sg_rc sg_check_cancelled(struct sg_err *err)
{
    if (signal_caught)
        return sg_fail(err, SG_E_CANCELLED, "%s", _("Stopped by a signal; what was not finished is not there."));
    return SG_OK;
}

static void log_to_stderr(void *context, enum sg_log_level level, const char *text)
{
    const struct sg_voice *voice = context;

    if (voice->verbose || level == SG_LOG_WARNING)
        sg_note(voice, text);
}

enum sg_rc sg_app_fd(const struct sg_args *args, const char *name, int *ret, struct sg_err *err)
{
    const char *text = sg_args_value(args, name);
    char *end = NULL;

    *ret = -1;
    if (!text)
        return SG_OK;
    errno = 0;
    long fd = strtol(text, &end, 10);
    if (errno || end == text || *end || text[0] == '-' || fd < 0 || fd > INT_MAX)
        return sg_fail(err, SG_E_USAGE, _("--%s wants the number of a file descriptor, not \"%s\"."), name, text);
    if (fd == STDIN_FILENO && sg_args_read_stdin(args))
        return sg_fail(err, SG_E_USAGE,
                       _("--%s 0 reads the PIN from standard input, and so would \"-\"; give one of them another way."),
                       name);
    if (read((int)fd, &(char){0}, 0) < 0) /* reads nothing, but tells whether there is something to read from */
        return sg_fail_errno(err, SG_E_USAGE, errno, _("--%s %ld: that descriptor is not open for reading."), name, fd);
    *ret = (int)fd;
    return SG_OK;
}

/* SIGNET_MODULE holds paths with colons between them. */
static enum sg_rc configure_from_environment(struct sg_config *config, struct sg_err *err)
{
    const char *modules = getenv("SIGNET_MODULE");
    char *rest = NULL;

    if (!modules || !modules[0])
        return SG_OK;
    _cleanup_(freep) char *copy = strdup(modules);
    if (!copy)
        return sg_fail_memory(err);
    enum sg_rc rc = SG_OK;
    for (char *path = strtok_r(copy, ":", &rest); path && rc == SG_OK; path = strtok_r(NULL, ":", &rest))
        rc = sg_config_set(config, SG_KEY_TOKEN_MODULES, path, SG_ORIGIN_ENVIRONMENT, "SIGNET_MODULE", err);
    return rc;
}

static void tell_files(const struct sg_log *log, const struct sg_config_files *files)
{
    const char *const paths[] = {files->policy, files->system, files->user};

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        if (paths[i] && access(paths[i], F_OK) == 0)
            sg_log(log, SG_LOG_INFO, _("Configuration read: %s"), paths[i]);
}

static enum sg_rc configure(struct sg_app *app, const struct sg_args *args, struct sg_err *err)
{
    _cleanup_(sg_config_freep) struct sg_config *config = NULL;
    const struct sg_config_files files = {
        .system = app->paths.system_file, .user = app->paths.config_file, .policy = app->paths.policy_file};
    enum sg_rc rc = sg_config_load(&files, &config, err);

    if (rc == SG_OK)
        rc = configure_from_environment(config, err);
    if (rc == SG_OK)
        rc = sg_args_configure(args, config, err);
    if (rc == SG_OK)
        rc = sg_config_apply_policy(config, err);
    if (rc != SG_OK)
        return rc;
    tell_files(&app->log, &files);
    app->config = sg_steal(config);
    return SG_OK;
}

enum sg_rc sg_app_init(struct sg_app *app, const struct sg_args *args, struct sg_err *err)
{
    app->voice.json = sg_args_flag(args, "json");
    app->voice.quiet = sg_args_flag(args, "quiet");
    app->voice.verbose = sg_args_flag(args, "verbose");
    app->log = (struct sg_log){.handler = log_to_stderr, .context = &app->voice};
    app->clock = sg_clock_system();
    app->use_last_try = sg_args_flag(args, "use-last-try");
    enum sg_rc rc = sg_app_fd(args, "pin-fd", &app->pin_fd, err);
    if (rc == SG_OK)
        rc = sg_paths_find(&app->paths, err);
    return rc == SG_OK ? configure(app, args, err) : rc;
}

void sg_app_clear(struct sg_app *app)
{
    sg_config_free(sg_steal(app->config));
    sg_paths_clear(&app->paths);
    OSSL_LIB_CTX_free(sg_steal(app->libctx));
}

enum sg_rc sg_app_libctx(struct sg_app *app, OSSL_LIB_CTX **ret, struct sg_err *err)
{
    enum sg_rc rc = app->libctx ? SG_OK : sg_libctx_new(&app->libctx, err);

    if (rc == SG_OK)
        *ret = app->libctx;
    return rc;
}

enum sg_rc sg_app_store(struct sg_app *app, struct sg_store **ret, struct sg_err *err)
{
    OSSL_LIB_CTX *libctx = NULL;
    enum sg_rc rc = sg_app_libctx(app, &libctx, err);

    return rc == SG_OK ? sg_store_open(app->paths.state, libctx, &app->clock, ret, err) : rc;
}

enum sg_rc sg_app_tokens(struct sg_app *app, struct sg_tokens **ret, struct sg_err *err)
{
    size_t count = sg_config_count(app->config, SG_KEY_TOKEN_MODULES);
    _cleanup_(freep) const char **modules = calloc(count + 1, sizeof(*modules));
    _cleanup_(freep) char *host = NULL;
    OSSL_LIB_CTX *libctx = NULL;

    if (!modules || asprintf(&host, "%s/signet-token-host", app->paths.libexec) < 0)
        return sg_fail_memory(err);
    bool apart = strcmp(sg_config_text(app->config, SG_KEY_TOKEN_ISOLATION), "process") == 0;
    for (size_t i = 0; i < count; i++)
        modules[i] = sg_config_item(app->config, SG_KEY_TOKEN_MODULES, i);
    enum sg_rc rc = sg_app_libctx(app, &libctx, err);
    if (rc != SG_OK)
        return rc;
    const struct sg_tokens_options options = {.modules = modules,
                                              .module_count = count,
                                              .libctx = libctx,
                                              .log = &app->log,
                                              .runtime = app->paths.runtime,
                                              .host = apart ? host : NULL,
                                              .listing = app->listing,
                                              .timeout_ms = 1000 * sg_config_seconds(app->config, SG_KEY_TOKEN_TIMEOUT),
                                              .sign_timeout_ms =
                                                  1000 * sg_config_seconds(app->config, SG_KEY_TOKEN_SIGN_TIMEOUT)};
    return sg_tokens_open(&options, ret, err);
}

void sg_app_about_token(struct sg_err *err, const struct sg_token_info *info)
{
    char name[sizeof(err->token)];

    (void)snprintf(name, sizeof(name), "%s (%s)", info->label, info->serial);
    sg_err_token(err, name);
}

size_t sg_app_usable_tokens(const struct sg_tokens *tokens)
{
    size_t count = 0;

    for (size_t i = 0; i < sg_tokens_count(tokens); i++)
        count += sg_token_info(sg_tokens_get(tokens, i))->initialized;
    return count;
}
