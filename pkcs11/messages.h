/* What the messages between a token host and its user say: the verbs of verbs.h as fields, both directions side by
 * side. A request is about a token or a key by the host's number for it (the message's subject).
 *
 *     verb          request                                    answer, after the outcome
 *     HELLO         version, module's path or ""               name and file of each module it has loaded
 *     START         name of one of them                        CK_INFO
 *     LIST          again                                      tokens
 *     STATE         -                                          present, flags
 *     MECHANISMS    -                                          mechanisms
 *     LOGIN         has a PIN; the PIN                         -
 *     RELEASE       -                                          -
 *     KEYS          CKA_ID or none                             keys
 *     CERTIFICATES  subject or none                            certificates
 *     INSPECT       CKA_ID, type, public key                   number, attributes, ways to sign
 *     SIGN          scheme, digest, message; the PIN           signature, the way to sign
 *     DECRYPT       scheme, digests, data; the PIN             the plaintext, as a secret
 *     PROVISION     step and what it needs; both PINs          the token
 *     READERS       -                                          whether PC/SC tells, and its readers
 *
 * Private to pkcs11/. */
#pragma once

#include "pkcs11/pcsc.h"
#include "pkcs11/verbs.h"
#include "pkcs11/wire.h"

enum sg_host_verb {
    SG_HOST_HELLO = 1,
    SG_HOST_START,
    SG_HOST_LIST,
    SG_HOST_STATE,
    SG_HOST_MECHANISMS,
    SG_HOST_LOGIN,
    SG_HOST_RELEASE,
    SG_HOST_KEYS,
    SG_HOST_CERTIFICATES,
    SG_HOST_INSPECT,
    SG_HOST_SIGN,
    SG_HOST_DECRYPT,
    SG_HOST_PROVISION,
    SG_HOST_READERS,
    SG_HOST_VERBS
};

/* What came of it: SG_OK, or the error with its sentence and cause. */
SG_MUST_CHECK bool sg_put_outcome(struct sg_buf *body, enum sg_rc rc, const struct sg_err *err);
enum sg_rc sg_get_outcome(struct sg_fields *fields, struct sg_err *err);

SG_MUST_CHECK bool sg_put_reader(struct sg_buf *body, const struct sg_reader *reader);
void sg_get_reader(struct sg_fields *fields, struct sg_reader *ret);

struct sg_listed_token {
    uint32_t number;
    CK_SLOT_ID slot;
    CK_SLOT_INFO slot_info;
    CK_TOKEN_INFO token_info;
};
SG_MUST_CHECK bool sg_put_token(struct sg_buf *body, uint32_t number, const struct sg_token *token);
void sg_get_token(struct sg_fields *fields, struct sg_listed_token *ret);

/* A key as `keys` of the verbs gives it. */
SG_MUST_CHECK bool sg_put_key(struct sg_buf *body, const struct sg_token_key *key);
SG_MUST_CHECK enum sg_rc sg_get_key(struct sg_fields *fields, struct sg_token *token, struct sg_token_key **ret,
                                    struct sg_err *err);

/* What tells a host which key is meant. */
SG_MUST_CHECK bool sg_put_key_identity(struct sg_buf *body, const struct sg_token_key *key);
SG_MUST_CHECK enum sg_rc sg_get_key_identity(struct sg_fields *fields, struct sg_token *token,
                                             struct sg_token_key **ret, struct sg_err *err);

/* What `inspect` finds out. */
SG_MUST_CHECK bool sg_put_inspection(struct sg_buf *body, const struct sg_token_key *key);
void sg_get_inspection(struct sg_fields *fields, struct sg_token_key *key);

SG_MUST_CHECK bool sg_put_certificate(struct sg_buf *body, X509 *cert);

SG_MUST_CHECK bool sg_put_sign_input(struct sg_buf *body, const struct sg_sign_input *input);
/* The slices are borrowed from the message. */
void sg_get_sign_input(struct sg_fields *fields, const struct sg_message *request, struct sg_sign_input *ret);
SG_MUST_CHECK bool sg_put_decrypt_input(struct sg_buf *body, const struct sg_decrypt_input *input);
void sg_get_decrypt_input(struct sg_fields *fields, const struct sg_message *request, struct sg_decrypt_input *ret);

SG_MUST_CHECK bool sg_put_provision(struct sg_buf *body, const struct sg_provision *what);
/* `label` has room for the longest that there may be. */
void sg_get_provision(struct sg_fields *fields, const struct sg_message *request, char label[SG_MAX_LABEL + 1],
                      struct sg_provision *ret);
