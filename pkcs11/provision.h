/* What an officer does to a token: initialise it, give it PINs, make keys, put certificates on it, delete. Each is one
 * step on the token and nothing else; what is recorded and in which order things are done is for the caller.
 *
 * A PIN that is NULL is entered on the reader's PIN pad. A step that the module does not serve (OpenSC cannot make keys
 * on PIV cards) is SG_E_NOT_SERVED, saying which program can. */
#pragma once

#include "pkcs11/token.h"

enum sg_provision_step {
    SG_PROVISION_INIT,    /* C_InitToken: all that was on the token is gone */
    SG_PROVISION_UNBLOCK, /* C_InitPIN by the security officer: a first or new user PIN */
    SG_PROVISION_PIN,     /* C_SetPIN by the user */
    SG_PROVISION_SO_PIN,  /* C_SetPIN by the security officer */
    SG_PROVISION_KEYGEN,  /* after login: a key pair, made on the token */
    SG_PROVISION_IMPORT,  /* a certificate; before login too, where the token lets that: else SG_E_PIN_REQUIRED */
    SG_PROVISION_DELETE,  /* after login: all objects with a CKA_ID */
    SG_PROVISION_STEPS
};

enum sg_key_kind {
    SG_RSA_2048,
    SG_RSA_3072,
    SG_RSA_4096,
    SG_EC_P256,
    SG_EC_P384,
    SG_EC_P521,
    SG_ED25519,
    SG_KEY_KINDS
};
const char *sg_key_kind_text(enum sg_key_kind kind); /* "rsa-2048" ... "p-256" ... "ed25519" */
bool sg_key_kind_parse(const char *text, enum sg_key_kind *ret);

struct sg_provision {
    enum sg_provision_step step;
    const struct sg_secret *pin;     /* that proves who is asking: SO PIN of INIT, UNBLOCK, SO_PIN; user PIN of PIN */
    struct sg_pin_origin origin;     /* of `pin` */
    const struct sg_secret *new_pin; /* of UNBLOCK, PIN, SO_PIN */
    const char *label;               /* of INIT (at most 32 bytes), KEYGEN, IMPORT */
    struct sg_slice id;              /* CKA_ID of KEYGEN, IMPORT, DELETE */
    enum sg_key_kind kind;           /* of KEYGEN */
    enum sg_key_purpose purpose;     /* of KEYGEN: sensitive, never extractable, for one purpose alone */
    struct sg_slice certificate;     /* of IMPORT: DER */
};

/* A wrong PIN is SG_E_PIN_INCORRECT as in sg_token_login(), and the token's interlock holds here too (the SO PIN has
 * one of its own). UNBLOCK clears the user's; INIT, after which all PINs are new, both. INIT leaves the token logged
 * out, with its present label and serial in sg_token_info(). */
SG_MUST_CHECK enum sg_rc sg_token_provision(struct sg_token *token, const struct sg_provision *what,
                                            struct sg_err *err);
