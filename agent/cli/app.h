/* What every command runs with: where things are, how to speak, when to stop. */
#pragma once

#include <signal.h>
#include <stdbool.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/err.h"
#include "base/log.h"
#include "base/secret.h"
#include "cli/options.h"
#include "cli/output.h"
#include "pkcs11/token.h"
#include "store/store.h"

struct sg_app {
    struct sg_voice voice;
    char **argv;             /* the command line, for sg_app_become() */
    int pin_fd;              /* -1: none was given */
    bool use_last_try;       /* --use-last-try */
    bool unattended;         /* nobody is asked for a PIN; false unless a command sets it */
    enum sg_listing listing; /* of sg_app_tokens(); LIVE unless a command sets it */
    struct sg_log log;
    struct sg_clock clock;
    struct sg_paths paths;
    struct sg_config *config; /* files, environment, options and policy applied */
    OSSL_LIB_CTX *libctx;     /* NULL until sg_app_libctx(), or `verify`, which makes one for judging */
};

/* Reads the configuration and the common options. What it has made is freed by sg_app_clear() also after a failure. */
SG_MUST_CHECK enum sg_rc sg_app_init(struct sg_app *app, const struct sg_args *args, struct sg_err *err);
void sg_app_clear(struct sg_app *app);

/* The library context; made by the first call, since `--help` has no time for it. */
SG_MUST_CHECK enum sg_rc sg_app_libctx(struct sg_app *app, OSSL_LIB_CTX **ret, struct sg_err *err);
SG_MUST_CHECK enum sg_rc sg_app_store(struct sg_app *app, struct sg_store **ret, struct sg_err *err);
/* The tokens of the modules that the configuration names, else p11-kit's. */
SG_MUST_CHECK enum sg_rc sg_app_tokens(struct sg_app *app, struct sg_tokens **ret, struct sg_err *err);
/* The token in an error, as the token layer names it too: "label (serial)". */
void sg_app_about_token(struct sg_err *err, const struct sg_token_info *info);
/* How many of them are initialised: an empty slot of SoftHSM is a token of no use yet. */
size_t sg_app_usable_tokens(const struct sg_tokens *tokens);
/* Goes on as another program of ours, with the same command line and descriptors; a failure is said, and its exit
 * status returned. A PIN that --pin-fd gives must not have been read yet. */
int sg_app_become(const struct sg_app *app, const char *program);
/* The file descriptor that --NAME gives, -1 if it is not given. Not a number, or not open for reading: SG_E_USAGE. */
SG_MUST_CHECK enum sg_rc sg_app_fd(const struct sg_args *args, const char *name, int *ret, struct sg_err *err);

/* SIGINT, SIGTERM and SIGHUP set a flag that is looked at between steps; a second one kills. SIGPIPE and SIGXFSZ are
 * ignored. */
void sg_signals_catch(void);
/* The signal that came, or 0. */
int sg_signal_caught(void);
/* SG_E_CANCELLED if one came. */
SG_MUST_CHECK enum sg_rc sg_check_cancelled(struct sg_err *err);
