/* PINs given to a token: whether one may be, what comes of it, and logging in. */
#include <string.h>

#include "base/msg.h"
#include "pkcs11/cache.h"
#include "pkcs11/verbs.h"

static enum sg_rc fail(struct sg_token *token, struct sg_err *err, enum sg_rc rc, const char *text)
{
    (void)sg_fail(err, rc, "%s", text);
    sg_err_token(err, token->name);
    return rc;
}

static enum sg_rc fail_tries(struct sg_token *token, struct sg_err *err, enum sg_rc rc, int tries, const char *text)
{
    (void)fail(token, err, rc, text);
    if (err)
        err->tries_left = tries;
    return rc;
}

static enum sg_rc fail_locked(struct sg_token *token, enum sg_pin_role role, struct sg_err *err)
{
    return fail_tries(token, err, SG_E_PIN_LOCKED, 0,
                      role == SG_PIN_USER
                          ? _("The token's PIN is locked after too many wrong ones; the security officer can unblock "
                              "it with the SO PIN or PUK: signet token unblock.")
                          : _("The token's SO PIN is locked after too many wrong ones; nobody can unblock that one. "
                              "Where the token's maker offers no way, it has to be replaced."));
}

static enum sg_rc fail_final_try(struct sg_token *token, enum sg_pin_role role, struct sg_err *err)
{
    return fail_tries(token, err, SG_E_PIN_FINAL_TRY, 1,
                      role == SG_PIN_USER
                          ? _("One more wrong PIN locks the token, so nothing was sent; if you are sure of the PIN, "
                              "say so with --use-last-try, or have it unblocked: signet token unblock.")
                          : _("One more wrong SO PIN locks the token for good, so nothing was sent; if you are sure of "
                              "it, say so with --use-last-try."));
}

static enum sg_rc fail_to_be_changed(struct sg_token *token, struct sg_err *err)
{
    return fail(token, err, SG_E_PIN_TO_BE_CHANGED,
                _("The token's PIN is for the first use only, or has run out; change it first: signet token pin."));
}

static enum sg_pin_state state_of(const struct sg_token *token, enum sg_pin_role role)
{
    return role == SG_PIN_USER ? token->info.pin_state : token->info.so_pin_state;
}

static bool must_change(const struct sg_token *token)
{
    return token->token_info.flags & CKF_USER_PIN_TO_BE_CHANGED;
}

/* The interlock is not held: a removal may clear it. */
static enum sg_rc fail_gone(struct sg_token *token, struct sg_err *err)
{
    sg_token_gone(token);
    return fail(token, err, SG_E_NO_TOKEN,
                _("The token was taken out, or another one is in its place; insert it again and repeat the command."));
}

/* The token's present flags, and that it is still the one that was seen. The interlock is not held. */
static enum sg_rc refresh(struct sg_token *token, struct sg_err *err)
{
    struct sg_token_state state = {0};
    enum sg_rc rc = sg_token_verbs(token)->state(token, &state, err);
    if (rc != SG_OK)
        return rc;
    if (!state.present)
        return fail_gone(token, err);
    sg_token_set_flags(token, state.flags);
    return SG_OK;
}

/* --- the interlock ------------------------------------------------------------------------------------------------ */

static enum sg_rc take(struct sg_token *token, enum sg_pin_role role, struct sg_interlock *ret, struct sg_err *err)
{
    char name[SG_INTERLOCK_NAME];
    if (!token->tokens->runtime)
        return sg_fail(err, SG_E_INTERNAL, "%s", _("There is no folder for the record of wrong PINs."));
    sg_token_interlock(token, role, name);
    enum sg_rc rc = sg_interlock_take(token->tokens->runtime, name, ret, err);
    if (rc != SG_OK)
        sg_err_token(err, token->name);
    return rc;
}

enum sg_rc sg_token_pin_clear(struct sg_token *token, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    for (enum sg_pin_role role = SG_PIN_USER; rc == SG_OK && role <= SG_PIN_SO; role++) {
        struct sg_interlock lock = {.fd = -1};
        rc = take(token, role, &lock, err);
        if (rc == SG_OK)
            sg_interlock_clear(&lock);
        if (rc == SG_OK && sg_interlock_is_set(&lock))
            rc = fail(token, err, SG_E_IO, _("The record of wrong PINs cannot be written."));
        sg_interlock_release(&lock);
    }
    return rc;
}

enum sg_rc sg_token_pin_ready(struct sg_token *token, enum sg_pin_role role, struct sg_pin_origin *origin,
                              struct sg_err *err)
{
    struct sg_interlock lock = {.fd = -1};
    enum sg_rc rc = refresh(token, err);
    if (rc == SG_OK && state_of(token, role) == SG_PIN_LOCKED)
        return fail_locked(token, role, err);
    if (rc == SG_OK && state_of(token, role) == SG_PIN_FINAL_TRY && !origin->use_last_try)
        return fail_final_try(token, role, err);
    if (rc == SG_OK)
        rc = take(token, role, &lock, err);
    if (rc == SG_OK)
        origin->asked_at = lock.record.refused;
    sg_interlock_release(&lock);
    return rc;
}

/* --- one try ------------------------------------------------------------------------------------------------------ */

/* What can be refused without asking anybody. */
static enum sg_rc check_pin(const struct sg_pin_try *try, struct sg_err *err)
{
    struct sg_token *token = try->token;
    if (try->pin && try->pin->len == 0)
        return fail(token, err, SG_E_PIN_REQUIRED, _("The PIN is empty; nothing was tried."));
    if (try->pin && try->pin->len > SG_MAX_PIN)
        return fail(token, err, SG_E_PIN_REQUIRED, _("The PIN is too long; nothing was tried."));
    return SG_OK;
}

/* A PIN pad is used by one person at a time, since the interlock is held meanwhile: who types there knows what the pad
 * said last. */
static enum sg_rc check_interlock(const struct sg_pin_try *try, struct sg_err *err)
{
    const struct sg_interlock *lock = &try->interlock;
    if (!try->pin)
        return SG_OK;
    if (try->origin.typed && lock->record.refused != try->origin.asked_at)
        return fail(try->token, err, SG_E_PIN_INTERLOCK,
                    _("The token refused a PIN of another program since you were asked for yours, which was therefore "
                      "not sent; check it, and repeat the command."));
    if (try->origin.typed || !sg_interlock_is_set(lock))
        return SG_OK;
    (void)sg_fail(
        err, SG_E_PIN_INTERLOCK,
        _("The token refused a PIN before (process %ld gave it), so that none is sent that nobody typed; enter "
          "it at a terminal, or find the cause and use signet token pin --clear."),
        lock->record.pid);
    sg_err_token(err, try->token->name);
    return SG_E_PIN_INTERLOCK;
}

/* With the interlock held, no other program of ours changes what the token says now. */
static enum sg_rc may_try(const struct sg_pin_try *try, struct sg_err *err)
{
    enum sg_pin_state state = state_of(try->token, try->role);
    if (!try->pin && !try->token->info.pin_pad)
        return fail(try->token, err, SG_E_PIN_REQUIRED,
                    _("The token wants its PIN; give it on a terminal or with --pin-fd."));
    if (state == SG_PIN_LOCKED)
        return fail_locked(try->token, try->role, err);
    if (try->role == SG_PIN_USER && must_change(try->token) && !try->changes)
        return fail_to_be_changed(try->token, err);
    enum sg_rc rc = check_interlock(try, err);
    if (rc == SG_OK && state == SG_PIN_FINAL_TRY && !try->origin.use_last_try)
        return fail_final_try(try->token, try->role, err);
    return rc;
}

enum sg_rc sg_pin_try_begin(struct sg_pin_try *try, struct sg_err *err)
{
    struct sg_token_state state = {0};
    enum sg_rc rc = check_pin(try, err);
    try->interlock = (struct sg_interlock){.fd = -1};
    if (rc == SG_OK)
        rc = take(try->token, try->role, &try->interlock, err);
    if (rc != SG_OK)
        return rc;
    rc = sg_token_verbs(try->token)->state(try->token, &state, err);
    if (rc == SG_OK && state.present) {
        sg_token_set_flags(try->token, state.flags);
        rc = may_try(try, err);
        if (rc == SG_OK)
            rc = sg_interlock_mark(&try->interlock, err);
        if (rc == SG_OK)
            return SG_OK;
    }
    sg_interlock_release(&try->interlock);
    return rc == SG_OK ? fail_gone(try->token, err) : rc;
}

/* Whether the PIN may have been refused without our hearing of it: the module crashed, hung, or was left alone. At a
 * PIN pad, "cancelled" is what the person said. */
static bool is_unknown(const struct sg_pin_try *try, enum sg_rc rc)
{
    return rc == SG_E_TOKEN_TIMEOUT || rc == SG_E_MODULE_CRASHED || (rc == SG_E_CANCELLED && try->pin);
}

static bool is_refused(enum sg_rc rc)
{
    return rc == SG_E_PIN_INCORRECT || rc == SG_E_PIN_LOCKED;
}

/* A PIN was refused: `err` says so, and what the token now says of the tries that are left is added. */
static enum sg_rc explain_refusal(struct sg_token *token, enum sg_pin_role role, enum sg_rc rc, struct sg_err *err)
{
    (void)refresh(token, NULL);
    if (rc == SG_E_PIN_LOCKED || state_of(token, role) == SG_PIN_LOCKED)
        return fail_locked(token, role, err);
    if (err && state_of(token, role) == SG_PIN_FINAL_TRY)
        err->tries_left = 1;
    return rc;
}

enum sg_rc sg_pin_try_end(struct sg_pin_try *try, enum sg_rc rc, struct sg_err *err)
{
    if (rc == SG_OK)
        sg_interlock_clear(&try->interlock);
    else if (!is_refused(rc) && !is_unknown(try, rc))
        sg_interlock_take_back(&try->interlock);
    sg_interlock_release(&try->interlock);
    if (rc == SG_E_NO_TOKEN)
        (void)refresh(try->token, NULL);
    if (is_refused(rc) || is_unknown(try, rc) || (rc == SG_OK && state_of(try->token, try->role) != SG_PIN_OK))
        sg_cache_outdate(try->token->tokens->runtime);
    return is_refused(rc) ? explain_refusal(try->token, try->role, rc, err) : rc;
}

/* --- logging in --------------------------------------------------------------------------------------------------- */

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

/* Some tokens say only to who is logged in that the PIN has to be changed. */
static enum sg_rc check_change(struct sg_token *token, struct sg_err *err)
{
    enum sg_rc rc = refresh(token, err);
    if (rc == SG_OK && must_change(token))
        rc = fail_to_be_changed(token, err);
    if (rc == SG_OK)
        return SG_OK;
    sg_token_verbs(token)->release(token);
    token->logged_in = false;
    return rc;
}

enum sg_rc sg_token_login(struct sg_token *token, const struct sg_secret *pin, const struct sg_pin_origin *origin,
                          struct sg_err *err)
{
    _cleanup_(sg_secret_freep) struct sg_secret *kept = NULL;
    struct sg_pin_try try = {.token = token, .role = SG_PIN_USER, .pin = pin};
    if (origin)
        try.origin = *origin;
    if (sg_token_open_to_us(token) && token->info.initialized)
        return SG_OK;
    if (!token->info.initialized)
        return fail(token, err, SG_E_NO_TOKEN, _("The token is blank; it has to be initialised before it can sign."));
    enum sg_rc rc = pin ? copy_secret(pin, &kept, err) : SG_OK;
    if (rc == SG_OK)
        rc = sg_pin_try_begin(&try, err);
    if (rc == SG_OK)
        rc = sg_pin_try_end(&try, sg_token_verbs(token)->login(token, pin, err), err);
    if (rc != SG_OK)
        return rc;
    token->logged_in = true;
    rc = check_change(token, err);
    if (rc != SG_OK)
        return rc;
    sg_secret_free(token->pin); /* of a login that was lost */
    token->pin = sg_steal(kept);
    token->use_last_try = try.origin.use_last_try;
    return SG_OK;
}

/* --- before each signature ---------------------------------------------------------------------------------------- */

static enum sg_rc begin_reauthentication(struct sg_token *token, struct sg_pin_try *try, struct sg_err *err)
{
    if (!token->pin && !token->info.pin_pad) /* it was wiped: see sg_token_key_open() */
        return fail(token, err, SG_E_PIN_REQUIRED, _("The token wants its PIN before each signature."));
    *try = (struct sg_pin_try){.token = token, .role = SG_PIN_USER, .pin = token->pin};
    /* Not every module sees that the login set the tries back. */
    try->origin.use_last_try = token->use_last_try;
    return sg_pin_try_begin(try, err);
}

enum sg_rc sg_token_reauthenticate_begin(struct sg_token *token, struct sg_pin_try *try, struct sg_err *err)
{
    (void)pthread_mutex_lock(&token->reauthentication);
    enum sg_rc rc = begin_reauthentication(token, try, err);
    if (rc != SG_OK)
        (void)pthread_mutex_unlock(&token->reauthentication);
    return rc;
}

enum sg_rc sg_token_reauthenticate_end(struct sg_pin_try *try, enum sg_rc rc, struct sg_err *err)
{
    rc = sg_pin_try_end(try, rc, err);
    if (is_refused(rc))
        sg_secret_free(sg_steal(try->token->pin)); /* never again, in any thread */
    (void)pthread_mutex_unlock(&try->token->reauthentication);
    return rc;
}
