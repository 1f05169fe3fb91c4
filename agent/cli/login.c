#include "cli/login.h"

#include <string.h>

#include "base/limits.h"
#include "base/msg.h"
#include "cli/ask.h"
#include "pkcs11/pin.h"

#define LAST_TRY_WORDS N_("use the last try")

const char *sg_few_tries_text(void)
{
    return _("A wrong PIN was given to the token; few tries are left.");
}

void sg_warn_few_tries(const struct sg_voice *voice, const struct sg_token_info *info)
{
    const char *text = info->pin_state == SG_PIN_COUNT_LOW   ? sg_few_tries_text()
                       : info->pin_state == SG_PIN_FINAL_TRY ? _("One more wrong PIN locks the token.")
                                                             : NULL;

    if (text)
        sg_warn(voice, "pin-count-low", "%s (%s): %s", info->label, info->serial, text);
}

/* --- where from --------------------------------------------------------------------------------------------------- */

/* Asks a person, on the terminal or, where there is none, in a dialogue. */
static enum sg_rc ask_person(const struct sg_app *app, const char *for_what, const char *problem,
                             struct sg_secret **ret, struct sg_err *err)
{
    const char *pinentry = sg_config_text(app->config, SG_KEY_TOKEN_PINENTRY);
    _cleanup_(freep) char *prompt = NULL;

    if (!sg_has_terminal() && pinentry[0] && sg_pin_has_dialogue()) {
        const struct sg_pin_dialogue dialogue = {.program = pinentry, .text = for_what, .problem = problem};
        return sg_pin_from_pinentry(&dialogue, ret, err);
    }
    if (asprintf(&prompt, "%s: ", for_what) < 0) {
        prompt = NULL; /* asprintf(3) leaves it undefined */
        return sg_fail_memory(err);
    }
    if (problem)
        sg_ask_show("%s", problem);
    return sg_pin_from_terminal(prompt, ret, err);
}

/* NULL with SG_OK: the PIN pad, or a URI that says nothing of a PIN. */
static enum sg_rc get_pin(const struct sg_app *app, const struct sg_pin_use *use, const char *problem,
                          struct sg_secret **ret, bool *ret_typed, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;

    *ret_typed = false;
    if (use->fd >= 0)
        return sg_pin_from_fd(use->fd, ret, err);
    if (use->uri && use->uri[0])
        rc = sg_pin_from_uri(use->uri, ret, err);
    if (rc != SG_OK || *ret)
        return rc;
    if (app->unattended)
        return sg_fail(err, SG_E_PIN_REQUIRED, _("%s: nobody is there to be asked; give it with --pin-fd."),
                       use->for_what);
    *ret_typed = true;
    if (!sg_token_info(use->token)->pin_pad)
        return ask_person(app, use->for_what, problem, ret, err);
    if (problem)
        sg_ask_show("%s", problem);
    sg_ask_show(_("Enter it on the reader: %s"), use->for_what);
    return SG_OK;
}

/* --- what it costs ------------------------------------------------------------------------------------------------ */

/* The last try, for who says so in words that name the risk, on a terminal; `err` has what else to do. */
static enum sg_rc ask_consent(const struct sg_pin_use *use, struct sg_pin_origin *origin, struct sg_err *err)
{
    const struct sg_token_info *info = sg_token_info(use->token);
    _cleanup_(freep) char *question = NULL;

    if (use->fd >= 0 || !sg_has_terminal())
        return SG_E_PIN_FINAL_TRY;
    if (asprintf(&question,
                 use->role == SG_PIN_USER
                     ? _("The token %s (serial %s) has one try left: if this PIN is wrong too, it locks, and only the "
                         "security officer can unblock it.\nTo go on, type \"%s\":")
                     : _("The token %s (serial %s) has one try left: if this SO PIN is wrong too, it locks for good."
                         "\nTo go on, type \"%s\":"),
                 info->label, info->serial, _(LAST_TRY_WORDS)) < 0) {
        question = NULL; /* asprintf(3) leaves it undefined */
        return sg_fail_memory(err);
    }
    enum sg_rc rc = sg_ask_word(question, _(LAST_TRY_WORDS), err);
    if (rc == SG_E_NOT_CONFIRMED) /* without what was typed, which may be the PIN */
        return sg_fail(err, rc, "%s", _("Not confirmed; no PIN was sent."));
    origin->use_last_try = rc == SG_OK;
    return rc == SG_OK ? sg_token_pin_ready(use->token, use->role, origin, err) : rc;
}

static enum sg_pin_state state_of(const struct sg_pin_use *use)
{
    const struct sg_token_info *info = sg_token_info(use->token);

    return use->role == SG_PIN_USER ? info->pin_state : info->so_pin_state;
}

/* Whether the person may be asked again, and what to say then. At a PIN pad somebody has to be there to read it. */
static bool may_ask_again(const struct sg_pin_use *use, enum sg_rc rc, const char **ret_problem)
{
    bool refused = rc == SG_E_PIN_INCORRECT;

    if (!refused && rc != SG_E_PIN_INTERLOCK)
        return false;
    *ret_problem = !refused ? _("Another program gave the token a wrong PIN meanwhile, so yours was not sent.")
                   : state_of(use) == SG_PIN_COUNT_LOW ? _("That was wrong; few tries are left.")
                                                       : _("That was wrong.");
    return !sg_token_info(use->token)->pin_pad ||
           sg_ask_yes(_("The PIN was wrong. Try again on the reader? [y/N]"), "", NULL) == SG_OK;
}

static bool same(const struct sg_secret *a, const struct sg_secret *b)
{
    return a && b && a->len == b->len && CRYPTO_memcmp(a->bytes, b->bytes, a->len) == 0;
}

enum sg_rc sg_app_send_pin(struct sg_app *app, const struct sg_pin_use *use, struct sg_err *err)
{
    _cleanup_(sg_secret_freep) struct sg_secret *refused = NULL;
    const char *problem = NULL;

    for (;;) {
        _cleanup_(sg_secret_freep) struct sg_secret *pin = NULL;
        struct sg_pin_origin origin = {.use_last_try = app->use_last_try};
        enum sg_rc rc = sg_token_pin_ready(use->token, use->role, &origin, err);
        if (rc == SG_E_PIN_FINAL_TRY)
            rc = ask_consent(use, &origin, err);
        if (rc == SG_OK)
            rc = get_pin(app, use, problem, &pin, &origin.typed, err);
        if (rc == SG_OK)
            rc = sg_check_cancelled(err);
        if (rc != SG_OK)
            return rc;
        if (same(pin, refused)) {
            problem = _("That is the one that was wrong; it was not sent again.");
            continue;
        }
        rc = use->send(use->context, pin, &origin, err);
        if (!origin.typed || !may_ask_again(use, rc, &problem))
            return rc;
        sg_secret_free(refused);
        refused = rc == SG_E_PIN_INCORRECT ? sg_steal(pin) : NULL;
    }
}

static enum sg_rc send_login(void *context, const struct sg_secret *pin, const struct sg_pin_origin *origin,
                             struct sg_err *err)
{
    return sg_token_login(context, pin, origin, err);
}

enum sg_rc sg_app_login(struct sg_app *app, struct sg_token *token, const char *uri, struct sg_err *err)
{
    const struct sg_token_info *info = sg_token_info(token);
    _cleanup_(freep) char *for_what = NULL;

    if (!info->login_required)
        return SG_OK;
    if (asprintf(&for_what, _("PIN of the token %s (serial %s)"), info->label, info->serial) < 0) {
        for_what = NULL; /* asprintf(3) leaves it undefined */
        return sg_fail_memory(err);
    }
    const struct sg_pin_use use = {.token = token,
                                   .role = SG_PIN_USER,
                                   .fd = app->pin_fd,
                                   .uri = uri,
                                   .for_what = for_what,
                                   .send = send_login,
                                   .context = token};
    return sg_app_send_pin(app, &use, err);
}

/* --- a new one ---------------------------------------------------------------------------------------------------- */

static enum sg_rc check_length(const struct sg_token_info *info, const struct sg_secret *pin, struct sg_err *err)
{
    if (info->max_pin == 0 || (pin->len >= info->min_pin && pin->len <= info->max_pin))
        return SG_OK;
    return sg_fail(err, SG_E_POLICY, _("The token takes PINs of %zu to %zu characters; nothing was sent."),
                   info->min_pin, info->max_pin);
}

static enum sg_rc ask_twice(const struct sg_app *app, const struct sg_token_info *info, const char *for_what,
                            struct sg_secret **ret, struct sg_err *err)
{
    _cleanup_(freep) char *again = NULL;
    const char *problem = NULL;

    if (asprintf(&again, _("%s, once more"), for_what) < 0) {
        again = NULL; /* asprintf(3) leaves it undefined */
        return sg_fail_memory(err);
    }
    for (;;) {
        _cleanup_(sg_secret_freep) struct sg_secret *first = NULL, *second = NULL;
        struct sg_err failure;
        enum sg_rc rc = ask_person(app, for_what, problem, &first, err);
        if (rc == SG_OK && check_length(info, first, &failure) != SG_OK) {
            sg_ask_show("%s", failure.text);
            problem = _("That one is too short or too long for the token.");
            continue;
        }
        if (rc == SG_OK)
            rc = ask_person(app, again, NULL, &second, err);
        if (rc == SG_OK)
            rc = sg_check_cancelled(err);
        if (rc != SG_OK)
            return rc;
        if (same(first, second)) {
            *ret = sg_steal(first);
            return SG_OK;
        }
        problem = _("The two are not the same.");
    }
}

enum sg_rc sg_app_new_pin(struct sg_app *app, const struct sg_token_info *info, int fd, const char *for_what,
                          struct sg_secret **ret, struct sg_err *err)
{
    _cleanup_(sg_secret_freep) struct sg_secret *pin = NULL;
    enum sg_rc rc = SG_OK;

    if (fd >= 0)
        rc = sg_pin_from_fd(fd, &pin, err);
    else if (!info->pin_pad)
        return ask_twice(app, info, for_what, ret, err);
    if (rc == SG_OK && pin)
        rc = check_length(info, pin, err);
    if (rc == SG_OK)
        *ret = sg_steal(pin);
    return rc;
}
