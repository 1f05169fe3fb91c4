/* signet token pin, token unblock: the user's PIN, by the user and by the security officer. */
#include <string.h>

#include "base/msg.h"
#include "cli/commands.h"
#include "cli/login.h"
#include "cli/recipient.h"
#include "cli/token_work.h"

struct change {
    struct sg_app *app;
    struct sg_token *token;
    const struct sg_token_info *info;
    enum sg_provision_step step;
    bool have_new; /* also where it is entered on a PIN pad, and NULL */
    struct sg_secret *new_pin;
};

static bool same(const struct sg_secret *a, const struct sg_secret *b)
{
    return a && b && a->len == b->len && CRYPTO_memcmp(a->bytes, b->bytes, a->len) == 0;
}

/* "NAME of the token LABEL (serial SERIAL)" */
static enum sg_rc name_pin(const char *name, const struct sg_token_info *info, char **ret, struct sg_err *err)
{
    if (asprintf(ret, _("%s of the token %s (serial %s)"), name, info->label, info->serial) >= 0)
        return SG_OK;
    *ret = NULL; /* asprintf(3) leaves it undefined */
    return sg_fail_memory(err);
}

/* The new PIN is asked for once, whichever PIN that proves the right to it has to be asked for again. */
static enum sg_rc send_change(void *context, const struct sg_secret *pin, const struct sg_pin_origin *origin,
                              struct sg_err *err)
{
    struct change *change = context;
    enum sg_rc rc = SG_OK;

    if (!change->have_new) {
        _cleanup_(freep) char *for_what = NULL;
        rc = name_pin(_("New PIN"), change->info, &for_what, err);
        if (rc == SG_OK)
            rc = sg_app_new_pin(change->app, change->info, change->app->pin_fd, for_what, &change->new_pin, err);
        if (rc != SG_OK)
            return rc;
        change->have_new = true;
    }
    if (change->step == SG_PROVISION_PIN && same(pin, change->new_pin))
        return sg_fail(err, SG_E_POLICY, "%s", _("The new PIN is the old one; nothing was changed."));
    const struct sg_provision what = {.step = change->step, .pin = pin, .origin = *origin, .new_pin = change->new_pin};
    return sg_token_provision(change->token, &what, err);
}

/* --- what both share ---------------------------------------------------------------------------------------------- */

struct work {
    struct sg_app *app;
    struct sg_store *store;
    struct sg_tokens *tokens;
    struct sg_token *token;
    const struct sg_token_info *info;
};

static void work_clear(struct work *work)
{
    sg_tokens_free(work->tokens);
    sg_store_free(work->store);
}

/* The store first: what cannot be recorded is not done. */
static enum sg_rc open_tokens(struct work *work, struct sg_err *err)
{
    enum sg_rc rc = sg_app_store(work->app, &work->store, err);

    return rc == SG_OK ? sg_app_tokens(work->app, &work->tokens, err) : rc;
}

static enum sg_rc open_work(const char *uri, struct work *work, struct sg_err *err)
{
    enum sg_rc rc = open_tokens(work, err);

    if (rc == SG_OK)
        rc = sg_token_find(work->tokens, uri, &work->token, err);
    if (rc == SG_OK)
        work->info = sg_token_info(work->token);
    return rc;
}

static enum sg_rc record(const struct work *work, const char *event, const char *code, const char *detail,
                         struct sg_err *err)
{
    const struct sg_ledger_entry entry = {.event = event,
                                          .code = code,
                                          .token = work->info->serial,
                                          .key = "",
                                          .object = work->info->label,
                                          .detail = detail};

    return sg_ledger_append(work->store, &entry, err);
}

/* Records what came of it, and says it but for the sentence. */
static int finish(const struct work *work, const char *what, const char *event, enum sg_rc rc, struct sg_err *err)
{
    const struct sg_voice *voice = &work->app->voice;
    struct sg_err second;
    int status = 0;

    if (rc != SG_OK) {
        char failed[64];
        status = sg_complain(voice, err);
        (void)snprintf(failed, sizeof(failed), "%s-failed", event);
        if (work->info && record(work, failed, sg_rc_word(rc), err->text, &second) != SG_OK)
            status = sg_exit_worse(status, sg_complain(voice, &second));
        return status;
    }
    if (record(work, event, "", "", err) != SG_OK)
        status = sg_complain(voice, err);
    json_t *object = json_pack("{s:s, s:s, s:o}", "schema", "signet.token-pin/1", "done", what, "token",
                               sg_token_work_json(work->info));
    if (status == 0 && !sg_json_print(voice, object))
        status = (sg_fail_memory(err), sg_complain(voice, err));
    return status;
}

static const char *uri_of(const struct sg_args *args)
{
    return sg_args_file_count(args) > 0 ? sg_args_file(args, 0) : NULL;
}

/* --- token pin ---------------------------------------------------------------------------------------------------- */

static enum sg_rc change_pin(const struct work *work, const char *uri, struct sg_err *err)
{
    struct change change = {.app = work->app, .token = work->token, .info = work->info, .step = SG_PROVISION_PIN};
    _cleanup_(freep) char *for_what = NULL;

    if (work->info->pin_state == SG_PIN_NOT_SET)
        return sg_fail(err, SG_E_PIN_REQUIRED, "%s",
                       _("The token has no PIN yet; the security officer sets the first: signet token unblock."));
    sg_warn_few_tries(&work->app->voice, work->info);
    enum sg_rc rc = name_pin(_("Present PIN"), work->info, &for_what, err);
    if (rc != SG_OK)
        return rc;
    const struct sg_pin_use use = {.token = work->token,
                                   .role = SG_PIN_USER,
                                   .fd = work->app->pin_fd,
                                   .uri = uri,
                                   .for_what = for_what,
                                   .send = send_change,
                                   .context = &change};
    rc = sg_app_send_pin(work->app, &use, err);
    sg_secret_free(change.new_pin);
    return rc;
}

static int run_pin(struct sg_app *app, const struct sg_args *args)
{
    _cleanup_(work_clear) struct work work = {.app = app};
    struct sg_err err;
    bool clear = sg_args_flag(args, "clear");
    enum sg_rc rc = open_work(uri_of(args), &work, &err);

    if (rc == SG_OK)
        rc = clear ? sg_token_pin_clear(work.token, &err) : change_pin(&work, uri_of(args), &err);
    int status =
        clear ? finish(&work, "cleared", "pin-cleared", rc, &err) : finish(&work, "changed", "pin-changed", rc, &err);
    if (status == 0 && clear)
        sg_say(&app->voice, _("PINs that nobody types are sent to the token %s (serial %s) again."), work.info->label,
               work.info->serial);
    else if (status == 0)
        sg_say(&app->voice, _("The PIN of the token %s (serial %s) is changed."), work.info->label, work.info->serial);
    return status;
}

static const struct sg_option pin_options[] = {
    {.name = "clear",
     .help =
         N_("do not change it, but let PINs that nobody types be sent again after a wrong one: the cause was found")},
    {.name = NULL},
};

const struct sg_command sg_command_token_pin = {
    .name = "token",
    .sub = "pin",
    .summary = N_("change the user's PIN; --pin-fd has the old and the new one, a line each"),
    .arguments = "[URI]",
    .max_arguments = 1,
    .options = pin_options,
    .takes_pin = true,
    .run = run_pin,
};

/* --- token unblock ------------------------------------------------------------------------------------------------ */

static enum sg_rc unblock(const struct work *work, int so_pin_fd, struct sg_err *err)
{
    struct change change = {.app = work->app, .token = work->token, .info = work->info, .step = SG_PROVISION_UNBLOCK};
    _cleanup_(freep) char *for_what = NULL;
    enum sg_rc rc = name_pin(_("SO PIN or PUK"), work->info, &for_what, err);

    if (rc != SG_OK)
        return rc;
    const struct sg_pin_use use = {.token = work->token,
                                   .role = SG_PIN_SO,
                                   .fd = so_pin_fd,
                                   .for_what = for_what,
                                   .send = send_change,
                                   .context = &change};
    rc = sg_app_send_pin(work->app, &use, err);
    sg_secret_free(change.new_pin);
    return rc;
}

/* The token that an escrow is of, and no other: a wrong SO PIN would cost it a try. */
static enum sg_rc find_escrowed(struct work *work, const struct sg_escrow *escrow, struct sg_err *err)
{
    for (size_t i = 0; i < sg_tokens_count(work->tokens); i++) {
        struct sg_token *token = sg_tokens_get(work->tokens, i);
        const struct sg_token_info *info = sg_token_info(token);
        if (!info->present || strcmp(info->serial, escrow->serial) != 0 || strcmp(info->label, escrow->label) != 0)
            continue;
        work->token = token;
        work->info = info;
        return SG_OK;
    }
    return sg_fail(err, SG_E_NO_TOKEN,
                   _("The escrow is of the token %s (serial %s) for %s, which is not there; insert it."), escrow->label,
                   escrow->serial, escrow->person);
}

static enum sg_rc unblock_escrowed(struct work *work, const char *file, struct sg_err *err)
{
    _cleanup_(sg_escrow_clear) struct sg_escrow escrow = {0};
    struct change change = {.app = work->app, .step = SG_PROVISION_UNBLOCK};
    struct sg_pin_origin origin = {0};
    enum sg_rc rc = open_tokens(work, err);

    if (rc == SG_OK)
        rc = sg_escrow_open(work->app, work->store, work->tokens, file, &escrow, err);
    if (rc == SG_OK)
        rc = find_escrowed(work, &escrow, err);
    change.token = work->token;
    change.info = work->info;
    if (rc == SG_OK)
        rc = sg_token_pin_ready(work->token, SG_PIN_SO, &origin, err);
    if (rc == SG_OK)
        rc = send_change(&change, escrow.so_pin, &origin, err);
    sg_secret_free(change.new_pin);
    return rc;
}

static enum sg_rc unblock_by(const struct sg_args *args, struct work *work, struct sg_err *err)
{
    const char *escrow = sg_args_value(args, "escrow");
    int so_pin_fd = -1;

    if (escrow && (sg_args_flag(args, "so-pin-fd") || uri_of(args)))
        return sg_fail(err, SG_E_USAGE, "%s",
                       _("--escrow has the SO PIN and says which token it is of; leave --so-pin-fd and the URI out."));
    if (escrow)
        return unblock_escrowed(work, escrow, err);
    enum sg_rc rc = sg_app_fd(args, "so-pin-fd", &so_pin_fd, err);
    if (rc == SG_OK)
        rc = open_work(uri_of(args), work, err);
    return rc == SG_OK ? unblock(work, so_pin_fd, err) : rc;
}

static int run_unblock(struct sg_app *app, const struct sg_args *args)
{
    _cleanup_(work_clear) struct work work = {.app = app};
    struct sg_err err;
    enum sg_rc rc = unblock_by(args, &work, &err);
    int status = finish(&work, "unblocked", "pin-unblocked", rc, &err);

    if (status == 0)
        sg_say(&app->voice, _("The token %s (serial %s) has its new PIN."), work.info->label, work.info->serial);
    return status;
}

static const struct sg_option unblock_options[] = {
    {.name = "so-pin-fd", .argument = "N", .help = N_("read the SO PIN or PUK from file descriptor N, as --pin-fd")},
    {.name = "escrow",
     .argument = "FILE",
     .help =
         N_("take the SO PIN from this escrow, which an officer's token opens; --pin-fd has the officer's PIN first")},
    {.name = NULL},
};

const struct sg_command sg_command_token_unblock = {
    .name = "token",
    .sub = "unblock",
    .summary = N_("set the user's PIN anew as the security officer; --pin-fd has the new one"),
    .arguments = "[URI]",
    .max_arguments = 1,
    .options = unblock_options,
    .takes_pin = true,
    .run = run_unblock,
};
