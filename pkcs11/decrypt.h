/* Decryption by token keys. Private to pkcs11/. */
#pragma once

#include "pkcs11/verbs.h"

/* The digests of RSAES-OAEP (RFC 4055 §2.1), SHA-1 first, which is its default. */
struct sg_oaep_digest {
    const char *name;
    CK_MECHANISM_TYPE mechanism;
    CK_RSA_PKCS_MGF_TYPE mgf;
};
extern const struct sg_oaep_digest sg_oaep_digests[SG_OAEP_DIGESTS];

/* Decrypts, or agrees on a secret, and records the outcome for sg_token_key_last_error(). The PIN is filled in here.
 * SG_E_DECRYPTION: the padding is wrong, which is the ciphertext's fault, and is not recorded. */
SG_MUST_CHECK enum sg_rc sg_key_decrypt(struct sg_token_key *key, struct sg_decrypt_input *input,
                                        struct sg_secret **ret);
