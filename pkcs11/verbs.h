/* The verbs: what the token layer asks of a module. A module is either in this process (local_*.c calls its C_
 * functions) or in a process of its own, its host (remote.c sends the verb there, where the local ones do it). What is
 * above them (token.h) does not know which. They are coarse, so that one costs one message. Private to pkcs11/.
 *
 * What a verb gives back is hostile until checked, wherever it came from: a host is as good as the module in it. */
#pragma once

#include "pkcs11/internal.h"
#include "pkcs11/provision.h"

/* What may change of a token while we use it. */
struct sg_token_state {
    bool present;   /* the same token, by label and serial, is in its slot */
    CK_FLAGS flags; /* of CK_TOKEN_INFO, if present */
};

/* --- signing ------------------------------------------------------------------------------------------------------ */

struct sg_sign_input {
    enum sg_scheme scheme;
    size_t digest_index;     /* not for Ed25519 */
    struct sg_slice digest;  /* of the message, by that digest; not for Ed25519 */
    struct sg_slice message; /* {NULL, 0} if it was not kept */
    bool has_message;
    const struct sg_secret *pin; /* for a key with CKA_ALWAYS_AUTHENTICATE; NULL: the PIN pad */
};

/* --- decrypting --------------------------------------------------------------------------------------------------- */

enum sg_decrypt_scheme {
    SG_DECRYPT_PKCS1, /* RSAES-PKCS1-v1_5: the message */
    SG_DECRYPT_OAEP,  /* RSAES-OAEP without a label: the message */
    SG_DECRYPT_RAW,   /* RSA without padding: as many bytes as the modulus has */
    SG_DECRYPT_ECDH,  /* the shared secret's x coordinate (SEC 1 §3.3.1) */
    SG_DECRYPT_SCHEMES
};

#define SG_OAEP_DIGESTS 5 /* SHA-1, SHA-224, SHA-256, SHA-384, SHA-512 */

struct sg_decrypt_input {
    enum sg_decrypt_scheme scheme;
    size_t digest_index, mgf_index; /* of OAEP: which of these */
    struct sg_slice data;           /* the ciphertext; for ECDH the other's point, uncompressed (SEC 1 §2.3.3) */
    const struct sg_secret *pin;    /* as in sg_sign_input */
};

/* --- all ---------------------------------------------------------------------------------------------------------- */

struct sg_verbs {
    /* Loads it where that was not done yet, and C_Initialize. */
    enum sg_rc (*start)(struct sg_tokens *tokens, struct sg_module *module, struct sg_err *err);
    void (*stop)(struct sg_module *module);
    /* Lets it begin to end; of what is not to be asked of it any more only stop() is left. NULL: it does not. */
    void (*dismiss)(struct sg_module *module);
    /* Lists the module's slots: tokens not known yet are added to `tokens`, known ones get their present state, those
     * that are gone are marked so. `again`: after a pause, and with the module started anew where that helps. */
    enum sg_rc (*list)(struct sg_tokens *tokens, struct sg_module *module, bool again, struct sg_err *err);
    enum sg_rc (*state)(struct sg_token *token, struct sg_token_state *ret, struct sg_err *err);
    enum sg_rc (*mechanisms)(struct sg_token *token, CK_MECHANISM_TYPE **ret, size_t *ret_count, struct sg_err *err);
    /* One C_Login. Refused: SG_E_PIN_INCORRECT or SG_E_PIN_LOCKED, and nothing else has these codes. */
    enum sg_rc (*login)(struct sg_token *token, const struct sg_secret *pin, struct sg_err *err);
    /* Logs out and closes what is open. */
    void (*release)(struct sg_token *token);
    /* Appends the token's keys to `list`; with an `id`, those that have it. */
    enum sg_rc (*keys)(struct sg_token *token, struct sg_slice id, struct sg_key_list *list, struct sg_err *err);
    /* Appends; `subject` is DER, {NULL, 0} for all. */
    enum sg_rc (*certificates)(struct sg_token *token, struct sg_slice subject, STACK_OF(X509) *certs,
                               struct sg_err *err);
    /* As sg_token_key_inspect(): fills the key's attributes, handle and raw mechanisms. */
    enum sg_rc (*inspect)(struct sg_token_key *key, struct sg_err *err);
    /* The signature as the token gave it; `out` has room for SG_MAX_SIGNATURE. */
    enum sg_rc (*sign)(struct sg_token_key *key, const struct sg_sign_input *input, uint8_t *out, size_t *ret_len,
                       struct sg_err *err);
    enum sg_rc (*decrypt)(struct sg_token_key *key, const struct sg_decrypt_input *input, struct sg_secret **ret,
                          struct sg_err *err);
    enum sg_rc (*provision)(struct sg_token *token, const struct sg_provision *what, struct sg_err *err);
};

extern const struct sg_verbs sg_local_verbs, sg_remote_verbs;

static inline const struct sg_verbs *sg_token_verbs(const struct sg_token *token)
{
    return sg_token_module(token)->verbs;
}
