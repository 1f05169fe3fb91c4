/* Logging in. A PIN that was refused is never given to the token again, and the last try is left to the user. */
#include <string.h>

#include "base/msg.h"
#include "pkcs11/internal.h"

#define LOGIN_ATTEMPTS 6
#define RETRY_PAUSE_MS 10 /* doubled each time: at most 310 ms in all */

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

bool sg_pin_refused(CK_RV rv)
{
    return rv == CKR_PIN_INCORRECT || rv == CKR_PIN_INVALID || rv == CKR_PIN_LEN_RANGE || rv == CKR_PIN_LOCKED;
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

static void refresh_flags(struct sg_token *token)
{
    CK_TOKEN_INFO info = {0};
    if (sg_token_functions(token)->C_GetTokenInfo(token->slot, &info) == CKR_OK)
        sg_token_update(token, &info);
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

static enum sg_rc fail_pin(struct sg_token *token, CK_RV rv, struct sg_err *err)
{
    refresh_flags(token);
    if (rv == CKR_PIN_LOCKED || token->info.pin_state == SG_PIN_LOCKED)
        return fail_locked(token, err);
    (void)sg_fail_ck(err, rv, token->name, _("The token refused the PIN"));
    if (err && token->info.pin_state == SG_PIN_FINAL_TRY)
        err->tries_left = 1;
    return SG_E_PIN_INCORRECT;
}

/* Answers that SoftHSM gives while another process writes its token file at the same moment. None of them says
 * anything about the PIN, so that the same PIN may be given again. */
static bool is_race(const struct sg_token *token, CK_RV rv)
{
    if (!token->tokens->modules[token->module].softhsm)
        return false;
    switch (rv) {
    case CKR_USER_PIN_NOT_INITIALIZED:
        return token->token_info.flags & CKF_USER_PIN_INITIALIZED;
    case CKR_GENERAL_ERROR:
    case CKR_FUNCTION_FAILED:
    case CKR_DEVICE_ERROR:
    case CKR_TOKEN_NOT_PRESENT:
    case CKR_TOKEN_NOT_RECOGNIZED:
    case CKR_SLOT_ID_INVALID:
    case CKR_SESSION_HANDLE_INVALID:
    case CKR_OBJECT_HANDLE_INVALID:
        return true;
    default:
        return false;
    }
}

static CK_RV try_login(struct sg_token *token, const struct sg_secret *pin)
{
    CK_FUNCTION_LIST *f = sg_token_functions(token);
    CK_SESSION_HANDLE session = 0;
    CK_RV rv = f->C_OpenSession(token->slot, CKF_SERIAL_SESSION, NULL, NULL, &session);
    if (rv != CKR_OK)
        return rv;
    rv = f->C_Login(session, CKU_USER, pin ? pin->bytes : NULL, pin ? pin->len : 0);
    if (rv == CKR_USER_ALREADY_LOGGED_IN)
        rv = CKR_OK;
    if (rv != CKR_OK) {
        (void)f->C_CloseSession(session);
        return rv;
    }
    token->login_session = session;
    token->logged_in = true;
    return CKR_OK;
}

enum sg_rc sg_token_login(struct sg_token *token, const struct sg_secret *pin, struct sg_err *err)
{
    if (sg_token_open_to_us(token) && token->info.initialized)
        return SG_OK;
    refresh_flags(token);
    enum sg_rc rc = may_try(token, pin, err);
    if (rc != SG_OK)
        return rc;

    _cleanup_(sg_secret_freep) struct sg_secret *kept = NULL;
    if (pin) {
        rc = copy_secret(pin, &kept, err);
        if (rc != SG_OK)
            return rc;
    }
    CK_RV rv = try_login(token, pin);
    for (int attempt = 1; attempt < LOGIN_ATTEMPTS && is_race(token, rv); attempt++) {
        sg_pause_ms(RETRY_PAUSE_MS << (attempt - 1));
        if (attempt > 1)
            sg_module_restart(token->tokens, &token->tokens->modules[token->module]);
        rv = try_login(token, pin);
    }
    if (sg_pin_refused(rv)) {
        sg_token_refuse_pin(token, sg_steal(kept));
        return fail_pin(token, rv, err);
    }
    if (rv != CKR_OK)
        return sg_fail_ck(err, rv, token->name, _("The token cannot be logged in to"));
    token->pin = sg_steal(kept);
    sg_token_forget_refused(token);
    return SG_OK;
}
