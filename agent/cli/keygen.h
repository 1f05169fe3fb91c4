/* A key pair made on a token, looked at afterwards, and recorded: what "generated" custody rests on. */
#pragma once

#include "cli/token_work.h"

struct sg_keygen {
    enum sg_key_kind kind;
    enum sg_key_purpose purpose;
    const char *label;
    const char *id; /* CKA_ID, lower-case hex */
};

/* The ledger gets "keygen-begun", the token makes the key, which is read back (its attributes, its private value, which
 * must not be readable, and a test signature), and the ledger gets "keygen". A key that is not as it was asked for is
 * deleted again: SG_E_CUSTODY. `*ret_list` holds the key and nothing else. */
SG_MUST_CHECK enum sg_rc sg_keygen(struct sg_token_work *work, const struct sg_keygen *what,
                                   struct sg_key_list **ret_list, char ret_spki_sha256[SG_SHA256_HEX],
                                   struct sg_err *err);
/* "sign", "decrypt" */
const char *sg_key_purpose_text(enum sg_key_purpose purpose);
bool sg_key_purpose_parse(const char *text, enum sg_key_purpose *ret);
/* Hex of 1 to SG_MAX_KEY_ID bytes into their slice; false: it is not. */
#define SG_MAX_KEY_ID 32
SG_MUST_CHECK bool sg_key_id_parse(const char *hex, uint8_t out[SG_MAX_KEY_ID], struct sg_slice *ret);
