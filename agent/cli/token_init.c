/* signet token init: a token is made empty, gets a label, and its two PINs. */
#include <string.h>

#include "base/msg.h"
#include "base/utf8.h"
#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/login.h"
#include "cli/token_work.h"

#define MAX_LABEL 32 /* bytes: what CK_TOKEN_INFO has room for */

struct init {
    struct sg_app *app;
    const struct sg_args *args;
    const char *label;
    int so_pin_fd;
    struct sg_store *store;
    struct sg_tokens *tokens;
    struct sg_token *token;
    const struct sg_token_info *info;
    bool blank;                /* before */
    bool done;                 /* it has the new label */
    struct sg_secret *so_pin;  /* these two: NULL for the PIN pad */
    struct sg_secret *new_pin; /* the user's */
};

static void init_clear(struct init *init)
{
    sg_secret_free(init->so_pin);
    sg_secret_free(init->new_pin);
    sg_tokens_free(init->tokens);
    sg_store_free(init->store);
}

/* --- which -------------------------------------------------------------------------------------------------------- */

static enum sg_rc parse(struct init *init, struct sg_err *err)
{
    init->label = sg_args_value(init->args, "label");
    if (!init->label)
        return sg_fail(err, SG_E_USAGE, "%s", _("A token has to have a name: --label L."));
    size_t len = strlen(init->label);
    if (len == 0 || len > MAX_LABEL || !sg_utf8_is_printable(init->label, len))
        return sg_fail(err, SG_E_USAGE, _("A token's label has 1 to %d bytes of printable text."), MAX_LABEL);
    return sg_app_fd(init->args, "so-pin-fd", &init->so_pin_fd, err);
}

static enum sg_rc find(struct init *init, struct sg_err *err)
{
    const char *named = sg_args_file_count(init->args) > 0 ? sg_args_file(init->args, 0) : NULL;
    _cleanup_(freep) char *by_slot = NULL;

    if (named && named[0] && strspn(named, "0123456789") == strlen(named)) {
        if (asprintf(&by_slot, "pkcs11:slot-id=%s", named) < 0) {
            by_slot = NULL; /* asprintf(3) leaves it undefined */
            return sg_fail_memory(err);
        }
        named = by_slot;
    }
    enum sg_rc rc = sg_app_store(init->app, &init->store, err);
    if (rc == SG_OK)
        rc = sg_app_tokens(init->app, &init->tokens, err);
    if (rc == SG_OK)
        rc = sg_token_find_to_initialise(init->tokens, named, &init->token, err);
    if (rc != SG_OK)
        return rc;
    init->info = sg_token_info(init->token);
    init->blank = !init->info->initialized;
    return SG_OK;
}

/* --- what is lost ------------------------------------------------------------------------------------------------- */

static enum sg_rc show_losses(const struct init *init, struct sg_err *err)
{
    _cleanup_(sg_key_list_freep) struct sg_key_list *list = NULL;
    enum sg_rc rc = sg_keys_find(init->tokens, init->info->uri, &list, err);

    if (rc != SG_OK)
        return rc;
    sg_ask_show(
        _("All that is on the token %s (serial %s) will be lost for good: its PIN, certificates and keys, among "
          "them those that show only after a login. Without it one can see:"),
        init->info->label, init->info->serial);
    for (size_t i = 0; i < sg_key_list_count(list); i++) {
        const struct sg_key_info *key = sg_token_key_info(sg_key_list_get(list, i));
        sg_ask_show(_("  the key \"%s\", id %s, %s %d bits%s"), key->label, key->id, key->type, key->bits,
                    key->cert ? _(", with a certificate") : "");
    }
    if (sg_key_list_count(list) == 0)
        sg_ask_show("%s", _("  no key"));
    return SG_OK;
}

/* A blank token has nothing to lose. */
static enum sg_rc confirm(const struct init *init, struct sg_err *err)
{
    _cleanup_(freep) char *question = NULL;

    if (init->blank || sg_args_flag(init->args, "yes"))
        return SG_OK;
    if (!sg_has_terminal())
        return sg_fail(err, SG_E_NOT_CONFIRMED,
                       _("All that is on the token %s (serial %s) would be lost; without a terminal to ask on, say so "
                         "with --yes."),
                       init->info->label, init->info->serial);
    enum sg_rc rc = show_losses(init, err);
    if (rc != SG_OK)
        return rc;
    if (asprintf(&question, _("To go on, type the token's present label (%s):"), init->info->label) < 0) {
        question = NULL; /* asprintf(3) leaves it undefined */
        return sg_fail_memory(err);
    }
    return sg_ask_word(question, init->info->label, err);
}

/* --- doing it ----------------------------------------------------------------------------------------------------- */

static enum sg_rc copy_pin(const struct sg_secret *pin, struct sg_secret **ret, struct sg_err *err)
{
    _cleanup_(sg_secret_freep) struct sg_secret *copy = NULL;
    enum sg_rc rc = pin ? sg_secret_new(pin->len, &copy, err) : SG_OK;

    if (rc != SG_OK)
        return rc;
    if (pin) {
        memcpy(copy->bytes, pin->bytes, pin->len);
        copy->len = pin->len;
    }
    sg_secret_free(*ret);
    *ret = sg_steal(copy);
    return SG_OK;
}

/* Both PINs are known before anything is lost. Asked for again after a wrong SO PIN, the user's is kept. */
static enum sg_rc send_init(void *context, const struct sg_secret *pin, const struct sg_pin_origin *origin,
                            struct sg_err *err)
{
    struct init *init = context;
    const struct sg_provision what = {.step = SG_PROVISION_INIT, .pin = pin, .origin = *origin, .label = init->label};
    enum sg_rc rc = init->new_pin ? SG_OK
                                  : sg_app_new_pin(init->app, init->info, init->app->pin_fd, _("The user's first PIN"),
                                                   &init->new_pin, err);

    if (rc == SG_OK)
        rc = copy_pin(pin, &init->so_pin, err);
    if (rc == SG_OK)
        rc = sg_token_provision(init->token, &what, err);
    init->done = rc == SG_OK;
    return rc;
}

/* A blank token takes the SO PIN that it is given; another has to be shown the one that it has. */
static enum sg_rc initialise(struct init *init, struct sg_err *err)
{
    const struct sg_pin_use use = {.token = init->token,
                                   .role = SG_PIN_SO,
                                   .fd = init->so_pin_fd,
                                   .for_what = _("The token's present SO PIN"),
                                   .send = send_init,
                                   .context = init};

    if (!init->blank)
        return sg_app_send_pin(init->app, &use, err);
    _cleanup_(sg_secret_freep) struct sg_secret *so_pin = NULL;
    enum sg_rc rc = sg_app_new_pin(init->app, init->info, init->so_pin_fd, _("The new SO PIN"), &so_pin, err);
    return rc == SG_OK ? send_init(init, so_pin, &(struct sg_pin_origin){0}, err) : rc;
}

static enum sg_rc set_user_pin(struct init *init, struct sg_err *err)
{
    const struct sg_provision what = {.step = SG_PROVISION_UNBLOCK, .pin = init->so_pin, .new_pin = init->new_pin};

    return sg_token_provision(init->token, &what, err);
}

static enum sg_rc record(const struct init *init, const struct sg_err *failure, struct sg_err *err)
{
    const struct sg_ledger_entry entry = {.event = failure ? "token-initialised-failed" : "token-initialised",
                                          .code = failure ? sg_rc_word(failure->rc) : "",
                                          .token = init->info->serial,
                                          .key = "",
                                          .object = init->label,
                                          .detail = failure ? failure->text : ""};

    return sg_ledger_append(init->store, &entry, err);
}

static enum sg_rc report(const struct init *init, struct sg_err *err)
{
    const struct sg_voice *voice = &init->app->voice;

    sg_say(voice, _("The token %s (serial %s) is initialised, and has its SO PIN and the user's."), init->info->label,
           init->info->serial);
    sg_say(voice, "  %s", init->info->uri);
    json_t *object = json_pack("{s:s, s:o, s:o}", "schema", "signet.token-init/1", "token",
                               sg_token_work_json(init->info), "uri", sg_json_text(init->info->uri));
    return sg_json_print(voice, object) ? SG_OK : sg_fail_memory(err);
}

static enum sg_rc run_steps(struct init *init, struct sg_err *err)
{
    enum sg_rc rc = initialise(init, err);

    if (rc == SG_OK)
        rc = set_user_pin(init, err);
    if (rc != SG_OK && init->done)
        sg_warn(&init->app->voice, "no-user-pin", "%s",
                _("The token is initialised, but has no user PIN yet: signet token unblock sets it."));
    return rc;
}

static int run_init(struct sg_app *app, const struct sg_args *args)
{
    _cleanup_(init_clear) struct init init = {.app = app, .args = args};
    struct sg_err err, second;
    enum sg_rc rc = parse(&init, &err);

    if (rc == SG_OK)
        rc = find(&init, &err);
    if (rc == SG_OK)
        rc = confirm(&init, &err);
    if (rc != SG_OK)
        return sg_complain(&app->voice, &err);
    rc = run_steps(&init, &err);
    enum sg_rc recorded = record(&init, rc == SG_OK ? NULL : &err, &second);
    if (rc == SG_OK)
        rc = report(&init, &err);
    int status = rc == SG_OK ? 0 : sg_complain(&app->voice, &err);
    return recorded == SG_OK ? status : sg_exit_worse(status, sg_complain(&app->voice, &second));
}

static const struct sg_option options[] = {
    {.name = "label", .argument = "L", .help = N_("the token's new label, at most 32 bytes")},
    {.name = "so-pin-fd", .argument = "N", .help = N_("read the SO PIN from file descriptor N, as --pin-fd")},
    {.name = "yes", .help = N_("do not ask whether all that is on the token may be lost")},
    {.name = NULL},
};

const struct sg_command sg_command_token_init = {
    .name = "token",
    .sub = "init",
    .summary = N_("make a token empty and give it a label, an SO PIN and a user PIN (--pin-fd)"),
    .arguments = "[URI|SLOT]",
    .max_arguments = 1,
    .options = options,
    .takes_pin = true,
    .run = run_init,
};
