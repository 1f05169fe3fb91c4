/* A PIN from pinentry, by libassuan. All memory of libassuan's, the line that brings the PIN among it, is in the secure
 * heap; it is wiped when it is freed. */
#include <assuan.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/msg.h"
#include "pkcs11/pin.h"

#define KILL_AFTER_MS 1000 /* for a dialogue that does not end when it is told to */
#define POLL_MS 10

/* --- what libassuan is given ------------------------------------------------------------------------------------- */

static void *secure_malloc(size_t size)
{
    return CRYPTO_secure_malloc(size, __FILE__, __LINE__);
}

static void secure_free(void *pointer)
{
    CRYPTO_secure_free(pointer, __FILE__, __LINE__); /* which wipes */
}

static void *secure_realloc(void *pointer, size_t size)
{
    void *grown = secure_malloc(size);
    if (grown && pointer) {
        size_t had = CRYPTO_secure_actual_size(pointer);
        memcpy(grown, pointer, had < size ? had : size);
        secure_free(pointer);
    }
    return grown;
}

/* Not longer than the deadline, and not after a signal. */
static ssize_t read_in_time(assuan_context_t ctx, assuan_fd_t fd, void *buffer, size_t size)
{
    const int64_t *deadline = assuan_get_pointer(ctx);
    int64_t left = *deadline - sg_monotonic_ms();
    struct pollfd input = {.fd = fd, .events = POLLIN};
    int ready = poll(&input, 1, left > 0 ? (int)left : 0);
    if (ready > 0)
        return read(fd, buffer, size);
    errno = ready == 0 ? ETIMEDOUT : ECANCELED;
    return -1;
}

/* Its pipes are closed by now, at which it ends; if it does not, it is made to. */
static pid_t wait_in_time(assuan_context_t ctx, pid_t pid, int nowait, int *status, int options)
{
    const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
    pid_t ended = 0;
    if (nowait)
        return __assuan_waitpid(ctx, pid, nowait, status, options);
    for (int waited = 0; waited < KILL_AFTER_MS; waited += POLL_MS) {
        ended = waitpid(pid, status, options | WNOHANG);
        if (ended != 0)
            return ended;
        (void)nanosleep(&pause, NULL);
    }
    (void)kill(pid, SIGKILL);
    while ((ended = waitpid(pid, status, options)) < 0 && errno == EINTR) {
    }
    return ended;
}

static struct assuan_malloc_hooks malloc_hooks = {secure_malloc, secure_realloc, secure_free};
static struct assuan_system_hooks system_hooks = {.version = ASSUAN_SYSTEM_HOOKS_VERSION,
                                                  .usleep = __assuan_usleep,
                                                  .pipe = __assuan_pipe,
                                                  .close = __assuan_close,
                                                  .read = read_in_time,
                                                  .write = __assuan_write,
                                                  .recvmsg = __assuan_recvmsg,
                                                  .sendmsg = __assuan_sendmsg,
                                                  .spawn = __assuan_spawn,
                                                  .waitpid = wait_in_time,
                                                  .socketpair = __assuan_socketpair,
                                                  .socket = __assuan_socket,
                                                  .connect = __assuan_connect};

static void assuan_releasep(assuan_context_t *ctx)
{
    if (*ctx)
        assuan_release(*ctx);
    *ctx = NULL;
}

/* In the child: what we ignore, it need not. */
static void before_exec(void *context, int reserved)
{
    (void)context;
    (void)reserved;
    (void)signal(SIGPIPE, SIG_DFL);
    (void)signal(SIGXFSZ, SIG_DFL);
}

/* --- the dialogue ------------------------------------------------------------------------------------------------- */

static enum sg_rc fail(gpg_error_t failure, struct sg_err *err)
{
    switch (gpg_err_code(failure)) {
    case GPG_ERR_CANCELED:
    case GPG_ERR_FULLY_CANCELED:
    case GPG_ERR_ECANCELED:
        return sg_fail(err, SG_E_CANCELLED, "%s", _("The PIN was not given; nothing was done."));
    case GPG_ERR_TIMEOUT:
    case GPG_ERR_ETIMEDOUT:
        return sg_fail(err, SG_E_CANCELLED, "%s", _("No PIN was entered in time; nothing was done."));
    case GPG_ERR_ENOMEM:
        return sg_fail_memory(err);
    default:
        (void)sg_fail(
            err, SG_E_PIN_REQUIRED, "%s",
            _("The token wants its PIN, and pinentry cannot ask for it; see [token] pinentry, or give it with "
              "--pin-fd."));
        sg_err_cause(err, "%s", gpg_strerror(failure));
        return SG_E_PIN_REQUIRED;
    }
}

/* One line; what the protocol would take for its own is escaped, and what does not fit is cut. */
static gpg_error_t say(assuan_context_t ctx, const char *command, const char *text)
{
    char line[ASSUAN_LINELENGTH];
    size_t used = (size_t)snprintf(line, sizeof line, "%s", command);
    if (text)
        line[used++] = ' ';
    for (; text && *text && used + 4 < sizeof line; text++) {
        bool plain = *text != '%' && (unsigned char)*text >= ' ' && *text != 0x7f;
        int len = snprintf(line + used, sizeof line - used, plain ? "%c" : "%%%02X", (unsigned char)*text);
        used += (size_t)len;
    }
    line[used] = '\0';
    return assuan_transact(ctx, line, NULL, NULL, NULL, NULL, NULL, NULL);
}

/* Not every pinentry knows every option, nor has to. */
static void set_option(assuan_context_t ctx, const char *name, const char *value)
{
    char option[256];
    if (!value || !value[0])
        return;
    (void)snprintf(option, sizeof option, "%s=%s", name, value);
    (void)say(ctx, "OPTION", option);
}

static gpg_error_t describe(assuan_context_t ctx, const struct sg_pin_dialogue *dialogue)
{
    char seconds[16];
    (void)snprintf(seconds, sizeof seconds, "%d", SG_PINENTRY_TIMEOUT);
    set_option(ctx, "ttyname", getenv("GPG_TTY"));
    set_option(ctx, "ttytype", getenv("TERM"));
    set_option(ctx, "lc-ctype", getenv("LC_ALL") ? getenv("LC_ALL") : getenv("LC_CTYPE"));
    (void)say(ctx, "SETTIMEOUT", seconds);
    (void)say(ctx, "SETTITLE", "Signet");
    gpg_error_t failure = say(ctx, "SETDESC", dialogue->text);
    if (!failure)
        failure = say(ctx, "SETPROMPT", _("PIN:"));
    if (!failure && dialogue->problem)
        failure = say(ctx, "SETERROR", dialogue->problem);
    return failure;
}

static gpg_error_t take(void *context, const void *data, size_t len)
{
    struct sg_secret *pin = context;
    if (len > pin->capacity - pin->len)
        return gpg_error(GPG_ERR_TOO_LARGE);
    memcpy(pin->bytes + pin->len, data, len);
    pin->len += len;
    return 0;
}

static gpg_error_t ask(assuan_context_t ctx, const char *program, const struct sg_pin_dialogue *dialogue,
                       struct sg_secret *pin)
{
    const char *argv[] = {program, NULL};
    gpg_error_t failure = assuan_pipe_connect(ctx, program, argv, NULL, before_exec, NULL, 0);
    if (!failure)
        failure = describe(ctx, dialogue);
    if (failure)
        return failure;
    assuan_begin_confidential(ctx);
    failure = assuan_transact(ctx, "GETPIN", take, pin, NULL, NULL, NULL, NULL);
    assuan_end_confidential(ctx);
    return failure;
}

/* --- the program -------------------------------------------------------------------------------------------------- */

/* libassuan wants a path. */
static enum sg_rc find_program(const char *name, char **ret, struct sg_err *err)
{
    const char *path = getenv("PATH");
    if (strchr(name, '/'))
        path = "";
    for (const char *at = path ? path : "/usr/bin:/bin"; at;) {
        size_t len = strcspn(at, ":");
        _cleanup_(freep) char *program = NULL;
        if (asprintf(&program, "%.*s%s%s", (int)len, at, len > 0 ? "/" : "", name) < 0) {
            program = NULL;
            return sg_fail_memory(err);
        }
        if (program[0] == '/' && access(program, X_OK) == 0) {
            *ret = sg_steal(program);
            return SG_OK;
        }
        at = at[len] ? at + len + 1 : NULL;
    }
    return sg_fail(err, SG_E_PIN_REQUIRED,
                   _("The token wants its PIN, and the program “%s” that would ask for it cannot be found; install "
                     "pinentry, see [token] pinentry, or give the PIN with --pin-fd."),
                   name);
}

bool sg_pin_has_dialogue(void)
{
    static const char *const names[] = {"WAYLAND_DISPLAY", "DISPLAY", "GPG_TTY"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = getenv(names[i]);
        if (value && value[0])
            return true;
    }
    return false;
}

enum sg_rc sg_pin_from_pinentry(const struct sg_pin_dialogue *dialogue, struct sg_secret **ret, struct sg_err *err)
{
    /* A little later than pinentry itself, which then says why. */
    int64_t deadline = sg_monotonic_ms() + (SG_PINENTRY_TIMEOUT + 5) * 1000;
    _cleanup_(sg_secret_freep) struct sg_secret *pin = NULL;
    _cleanup_(freep) char *program = NULL;
    _cleanup_(assuan_releasep) assuan_context_t ctx = NULL;
    enum sg_rc rc = find_program(dialogue->program, &program, err);
    if (rc == SG_OK)
        rc = sg_secret_new(SG_MAX_PIN, &pin, err);
    if (rc != SG_OK)
        return rc;
    gpg_error_t failure = assuan_new_ext(&ctx, GPG_ERR_SOURCE_DEFAULT, &malloc_hooks, NULL, NULL);
    if (failure)
        return fail(failure, err);
    assuan_ctx_set_system_hooks(ctx, &system_hooks);
    assuan_set_pointer(ctx, &deadline);
    failure = ask(ctx, program, dialogue, pin);
    if (failure)
        return fail(failure, err);
    if (pin->len == 0)
        return sg_fail(err, SG_E_PIN_REQUIRED, "%s", _("No PIN was given."));
    if (memchr(pin->bytes, '\0', pin->len))
        return sg_fail(err, SG_E_PIN_REQUIRED, "%s", _("The PIN has a NUL byte in it; give it as plain text."));
    *ret = sg_steal(pin);
    return SG_OK;
}
