/* Logging in. A PIN that was refused is never given to the token again, and the last try is left to the user. */
#include <string.h>

#include "base/msg.h"
#include "pkcs11/verbs.h"

static enum sg_rc fail(struct sg_token *token, struct sg_err *err, enum sg_rc rc, const char *text)
{
    (void)sg_fail(err, rc, "%s", text);
    sg_err_token(err, token->name);
    return rc;
}

static enum sg_rc fail_locked(struct sg_token *token, struct sg_err *err)
{
    (void)fail(token, err, SG_E_PIN_LOCKED,
               _("The token's PIN is locked after too many wrong ones; the security officer can unblock it with the SO "
                 "PIN or PUK."));
    if (err)
        err->tries_left = 0;
    return SG_E_PIN_LOCKED;
}

static bool same(const struct sg_secret *a, const struct sg_secret *b)
{
    return a && b && a->len == b->len && CRYPTO_memcmp(a->bytes, b->bytes, a->len) == 0;
}

static enum sg_rc copy_secret(const struct sg_secret *from, struct sg_secret **ret, struct sg_err *err)
{
    _cleanup_(sg_secret_freep) struct sg_secret *copy = NULL;
    enum sg_rc rc = sg_secret_new(from->len, &copy, err);
    if (rc != SG_OK)
        return rc;
    memcpy(copy->bytes, from->bytes, from->len);
    copy->len = from->len;
    *ret = sg_steal(copy);
    return SG_OK;
}

void sg_token_refuse_pin(struct sg_token *token, struct sg_secret *pin)
{
    if (!pin)
        return;
    struct sg_secret **place = &token->refused_pins[token->refused_count++ % SG_REFUSED_PINS];
    sg_secret_free(*place);
    *place = pin;
}

void sg_token_forget_refused(struct sg_token *token)
{
    for (size_t i = 0; i < SG_REFUSED_PINS; i++)
        sg_secret_free(sg_steal(token->refused_pins[i]));
    token->refused_count = 0;
}

static bool was_refused(const struct sg_token *token, const struct sg_secret *pin)
{
    bool refused = false;
    for (size_t i = 0; i < SG_REFUSED_PINS; i++)
        refused = refused || same(pin, token->refused_pins[i]);
    return refused;
}

/* The token's present flags, and that it is still the one that was seen. */
static enum sg_rc refresh(struct sg_token *token, struct sg_err *err)
{
    struct sg_token_state state = {0};
    enum sg_rc rc = sg_token_verbs(token)->state(token, &state, err);
    if (rc != SG_OK)
        return rc;
    if (!state.present) {
        token->info.present = false;
        return fail(
            token, err, SG_E_NO_TOKEN,
            _("The token was taken out, or another one is in its place; insert it again and repeat the command."));
    }
    sg_token_set_flags(token, state.flags);
    return SG_OK;
}

/* What can be refused without asking the token. */
static enum sg_rc may_try(struct sg_token *token, const struct sg_secret *pin, struct sg_err *err)
{
    if (!token->info.initialized)
        return fail(token, err, SG_E_NO_TOKEN, _("The token is blank; it has to be initialised before it can sign."));
    if (pin && pin->len == 0)
        return fail(token, err, SG_E_PIN_REQUIRED, _("The PIN is empty; nothing was tried."));
    if (pin && pin->len > SG_MAX_PIN)
        return fail(token, err, SG_E_PIN_REQUIRED, _("The PIN is too long; nothing was tried."));
    if (!pin && !token->info.pin_pad)
        return fail(token, err, SG_E_PIN_REQUIRED,
                    _("The token wants its PIN; give it on a terminal or with --pin-fd."));
    if (was_refused(token, pin))
        return fail(token, err, SG_E_PIN_INCORRECT,
                    _("The token has refused this PIN already; it was not tried again."));
    if (token->info.pin_state == SG_PIN_LOCKED)
        return fail_locked(token, err);
    if (token->info.pin_state == SG_PIN_FINAL_TRY) {
        (void)fail(token, err, SG_E_POLICY,
                   _("The token has one try left before its PIN locks, and Signet does not spend it; log in once with "
                     "the token's own program, which sets the counter back, or have the PIN unblocked."));
        if (err)
            err->tries_left = 1;
        return SG_E_POLICY;
    }
    return SG_OK;
}

/* A PIN was refused: `err` says so, and what the token now says of the tries that are left is added. */
static enum sg_rc explain_refusal(struct sg_token *token, enum sg_rc rc, struct sg_err *err)
{
    (void)refresh(token, NULL);
    if (rc == SG_E_PIN_LOCKED || token->info.pin_state == SG_PIN_LOCKED)
        return fail_locked(token, err);
    if (err && token->info.pin_state == SG_PIN_FINAL_TRY)
        err->tries_left = 1;
    return rc;
}

enum sg_rc sg_token_login(struct sg_token *token, const struct sg_secret *pin, struct sg_err *err)
{
    if (sg_token_open_to_us(token) && token->info.initialized)
        return SG_OK;
    enum sg_rc rc = refresh(token, err);
    if (rc == SG_OK)
        rc = may_try(token, pin, err);
    if (rc != SG_OK)
        return rc;

    _cleanup_(sg_secret_freep) struct sg_secret *kept = NULL;
    if (pin) {
        rc = copy_secret(pin, &kept, err);
        if (rc != SG_OK)
            return rc;
    }
    rc = sg_token_verbs(token)->login(token, pin, err);
    if (rc == SG_E_PIN_INCORRECT || rc == SG_E_PIN_LOCKED) {
        sg_token_refuse_pin(token, sg_steal(kept));
        return explain_refusal(token, rc, err);
    }
    if (rc != SG_OK)
        return rc;
    token->logged_in = true;
    token->pin = sg_steal(kept);
    sg_token_forget_refused(token);
    return SG_OK;
}

/* --- before each signature ---------------------------------------------------------------------------------------- */

enum sg_rc sg_token_reauthenticate_begin(struct sg_token *token, const struct sg_secret **ret_pin, struct sg_err *err)
{
    if (token->refused_count > 0)
        return fail(token, err, SG_E_PIN_INCORRECT, _("The token has refused the PIN; it was not tried again."));
    if (!token->pin && !token->info.pin_pad) /* it was wiped: see sg_token_key_open() */
        return fail(token, err, SG_E_PIN_REQUIRED, _("The token wants its PIN before each signature."));
    *ret_pin = token->pin;
    return SG_OK;
}

enum sg_rc sg_token_reauthenticate_end(struct sg_token *token, enum sg_rc rc, struct sg_err *err)
{
    if (rc != SG_E_PIN_INCORRECT && rc != SG_E_PIN_LOCKED)
        return rc;
    sg_token_refuse_pin(token, sg_steal(token->pin)); /* never again, in any thread */
    return explain_refusal(token, rc, err);
}
