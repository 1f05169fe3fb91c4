/* The token key that opens an envelope. */
#pragma once

#include "cli/app.h"
#include "formats/cms_envelope.h"
#include "officer/letters.h"

/* Of the keys that fit `uri` (NULL: all), the first whose certificate a recipient names: any of them opens it. None:
 * `*ret` is NULL. */
SG_MUST_CHECK enum sg_rc sg_recipient_find(struct sg_tokens *tokens, const char *uri,
                                           const struct sg_envelope *envelope, struct sg_key_list **ret_list,
                                           struct sg_token_key **ret, struct sg_err *err);
/* Logs in to its token, and opens it for decryption. */
SG_MUST_CHECK enum sg_rc sg_recipient_unlock(struct sg_app *app, struct sg_token_key *key, const char *uri,
                                             EVP_PKEY **ret, struct sg_err *err);

/* Opens an escrow with the key of an officer whose token is there, and records that. */
SG_MUST_CHECK enum sg_rc sg_escrow_open(struct sg_app *app, struct sg_store *store, struct sg_tokens *tokens,
                                        const char *file, struct sg_escrow *ret, struct sg_err *err);
