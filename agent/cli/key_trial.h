/* Whether a token's key works, tried on a constant text that nobody wants. After sg_token_key_inspect(). */
#pragma once

#include "cli/app.h"

/* Signs it, and verifies the signature with the public key beside it. One key use. */
SG_MUST_CHECK enum sg_rc sg_key_try_signature(struct sg_app *app, struct sg_token_key *key, struct sg_err *err);
/* Encrypts it to the key's certificate, and has it decrypted by the token. One key use. A certificate that may not be
 * encrypted to: SG_E_CERT_WRONG_USAGE. */
SG_MUST_CHECK enum sg_rc sg_key_try_decryption(struct sg_app *app, struct sg_token_key *key, struct sg_err *err);
