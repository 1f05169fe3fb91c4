/* The steps of provisioning on a token of a module in this process. */
#include "base/msg.h"
#include "pkcs11/local.h"

enum sg_rc sg_local_provision(struct sg_token *token, const struct sg_provision *what, struct sg_err *err)
{
    (void)what;
    return sg_local_fail(token, CKR_FUNCTION_NOT_SUPPORTED, _("The token was not changed"), err);
}
