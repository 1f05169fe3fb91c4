/* Logging in to a token of a module in this process. */
#include "base/msg.h"
#include "pkcs11/local.h"

#define LOGIN_ATTEMPTS 6
#define RETRY_PAUSE_MS 10 /* doubled each time: at most 310 ms in all */

/* Whether the answer to C_Login says that the PIN is wrong, whatever is wrong with it. */
static bool is_refused(CK_RV rv)
{
    return rv == CKR_PIN_INCORRECT || rv == CKR_PIN_INVALID || rv == CKR_PIN_LEN_RANGE || rv == CKR_PIN_LOCKED;
}

/* Answers that SoftHSM gives while another process writes its token file at the same moment. None of them says
 * anything about the PIN, so that the same PIN may be given again. */
static bool is_race(const struct sg_token *token, CK_RV rv)
{
    if (!sg_token_module(token)->softhsm)
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
    CK_SESSION_HANDLE session = 0;
    CK_RV rv = sg_token_functions(token)->C_OpenSession(token->slot, CKF_SERIAL_SESSION, NULL, NULL, &session);
    if (rv != CKR_OK)
        return rv;
    rv = sg_token_functions(token)->C_Login(session, CKU_USER, pin ? pin->bytes : NULL, pin ? pin->len : 0);
    if (rv == CKR_USER_ALREADY_LOGGED_IN)
        rv = CKR_OK;
    if (rv != CKR_OK) {
        (void)sg_token_functions(token)->C_CloseSession(session);
        return rv;
    }
    token->login_session = session;
    token->logged_in = true;
    return CKR_OK;
}

enum sg_rc sg_local_login(struct sg_token *token, const struct sg_secret *pin, struct sg_err *err)
{
    CK_RV rv = try_login(token, pin);
    for (int attempt = 1; attempt < LOGIN_ATTEMPTS && is_race(token, rv); attempt++) {
        sg_pause_ms(RETRY_PAUSE_MS << (attempt - 1));
        if (attempt > 1)
            (void)sg_local_restart(token->tokens, sg_token_module(token));
        rv = try_login(token, pin);
    }
    if (rv == CKR_OK)
        return SG_OK;
    return is_refused(rv) ? sg_fail_ck(err, rv, token->name, _("The token refused the PIN"))
                          : sg_local_fail(token, rv, _("The token cannot be logged in to"), err);
}

CK_RV sg_local_reauthenticate(struct sg_token *token, CK_SESSION_HANDLE session, const struct sg_secret *pin)
{
    if (!pin && !token->info.pin_pad)
        return CKR_USER_NOT_LOGGED_IN;
    return sg_token_functions(token)->C_Login(session, CKU_CONTEXT_SPECIFIC, pin ? pin->bytes : NULL,
                                              pin ? pin->len : 0);
}
