/* Logging in to a token of a module in this process. */
#include "base/msg.h"
#include "pkcs11/local.h"

#define LOGIN_ATTEMPTS 10
#define RETRY_PAUSE_MS 10 /* doubled each time: at most 5110 ms in all */

/* Whether the answer to a PIN says that it is wrong, whatever is wrong with it. */
static bool is_refused(CK_RV rv)
{
    return rv == CKR_PIN_INCORRECT || rv == CKR_PIN_INVALID || rv == CKR_PIN_LEN_RANGE || rv == CKR_PIN_LOCKED;
}

/* Answers that SoftHSM gives while another process writes its token file at the same moment. None of them says
 * anything about the PIN, so that the same PIN may be given again. */
static bool is_race(const struct sg_token *token, CK_USER_TYPE user, CK_RV rv)
{
    if (!sg_token_module(token)->softhsm)
        return false;
    switch (rv) {
    case CKR_USER_PIN_NOT_INITIALIZED:
        return user == CKU_SO || (token->token_info.flags & CKF_USER_PIN_INITIALIZED);
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

static CK_RV try_login(struct sg_token *token, CK_USER_TYPE user, CK_FLAGS flags, const struct sg_secret *pin,
                       CK_SESSION_HANDLE *ret)
{
    CK_SESSION_HANDLE session = 0;
    CK_RV rv = sg_token_functions(token)->C_OpenSession(token->slot, CKF_SERIAL_SESSION | flags, NULL, NULL, &session);
    if (rv != CKR_OK)
        return rv;
    rv = sg_token_functions(token)->C_Login(session, user, pin ? pin->bytes : NULL, pin ? pin->len : 0);
    if (rv == CKR_USER_ALREADY_LOGGED_IN)
        rv = CKR_OK;
    if (rv == CKR_OK)
        *ret = session;
    else
        (void)sg_token_functions(token)->C_CloseSession(session);
    return rv;
}

CK_RV sg_local_log_in(struct sg_token *token, CK_USER_TYPE user, CK_FLAGS flags, const struct sg_secret *pin,
                      CK_SESSION_HANDLE *ret)
{
    CK_RV rv = try_login(token, user, flags, pin, ret);
    for (int attempt = 1; attempt < LOGIN_ATTEMPTS && is_race(token, user, rv); attempt++) {
        sg_pause_ms(RETRY_PAUSE_MS << (attempt - 1));
        if (attempt > 1)
            (void)sg_local_restart(token->tokens, sg_token_module(token));
        rv = try_login(token, user, flags, pin, ret);
    }
    return rv;
}

static enum sg_rc fail_so_locked(struct sg_token *token, CK_RV rv, struct sg_err *err)
{
    (void)sg_fail(err, SG_E_PIN_LOCKED, "%s",
                  _("The security officer's PIN is locked after too many wrong ones. Its keys still work with the user "
                    "PIN, but nobody can unblock that any more; see its maker's documentation for a reset."));
    sg_err_token(err, token->name);
    sg_err_cause(err, "%s (0x%lx)", sg_ck_name(rv), rv);
    return SG_E_PIN_LOCKED;
}

enum sg_rc sg_local_fail_login(struct sg_token *token, CK_USER_TYPE user, CK_RV rv, struct sg_err *err)
{
    bool so = user == CKU_SO;
    if (so && rv == CKR_PIN_LOCKED)
        return fail_so_locked(token, rv, err);
    if (is_refused(rv))
        return sg_fail_ck(err, rv, token->name,
                          so ? _("The token refused the security officer's PIN") : _("The token refused the PIN"));
    return sg_local_fail(
        token, rv, so ? _("The security officer cannot log in to the token") : _("The token cannot be logged in to"),
        err);
}

enum sg_rc sg_local_login(struct sg_token *token, const struct sg_secret *pin, struct sg_err *err)
{
    CK_SESSION_HANDLE session = 0;
    CK_RV rv = sg_local_log_in(token, CKU_USER, 0, pin, &session);
    if (rv != CKR_OK)
        return sg_local_fail_login(token, CKU_USER, rv, err);
    token->login_session = session;
    token->logged_in = true;
    return SG_OK;
}

CK_RV sg_local_reauthenticate(struct sg_token *token, CK_SESSION_HANDLE session, const struct sg_secret *pin)
{
    if (!pin && !token->info.pin_pad)
        return CKR_USER_NOT_LOGGED_IN;
    return sg_token_functions(token)->C_Login(session, CKU_CONTEXT_SPECIFIC, pin ? pin->bytes : NULL,
                                              pin ? pin->len : 0);
}
