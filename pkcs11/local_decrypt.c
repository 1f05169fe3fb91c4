/* Decryption by a token of a module in this process. */
#include "base/msg.h"
#include "pkcs11/local.h"

enum sg_rc sg_local_decrypt(struct sg_token_key *key, const struct sg_decrypt_input *input, struct sg_secret **ret,
                            struct sg_err *err)
{
    (void)input;
    (void)ret;
    return sg_local_fail(key->token, CKR_FUNCTION_NOT_SUPPORTED, _("The token did not decrypt"), err);
}
