/* One signature on the token: mechanisms, sessions, what came back. Private to pkcs11/. */
#pragma once

#include "pkcs11/internal.h"

#define SG_MAX_MESSAGE SG_MIB /* a message that the token has to hash itself, or (Ed25519) signs as it is */

/* The digests that we sign with; an index into sg_token_key.digests. */
struct sg_digest_info {
    const char *name;
    int nid;
    CK_MECHANISM_TYPE mechanism, mechanism_of[SG_SCHEMES]; /* the digest's own, and combined with each scheme */
    CK_RSA_PKCS_MGF_TYPE mgf;
    uint8_t prefix[19]; /* DigestInfo up to the digest (RFC 8017 §9.2, note 1) */
    size_t len;
};
const struct sg_digest_info *sg_digest_info(size_t index);
/* The index of OpenSSL's digest in the key's table; SG_DIGESTS if we do not sign with it. */
size_t sg_digest_index(const struct sg_token_key *key, const char *name);

struct sg_sign_input {
    enum sg_scheme scheme;
    size_t digest_index;     /* not for Ed25519 */
    struct sg_slice digest;  /* of the message, by that digest; not for Ed25519 */
    struct sg_slice message; /* {NULL, 0} if it was not kept */
    bool has_message;
};

/* Whether the message should be kept for this key: the token's raw mechanism is missing, or not yet known to work. */
bool sg_key_wants_message(const struct sg_token_key *key, enum sg_scheme scheme);
/* Signs and records the outcome for sg_token_key_last_error(). `out` has room for SG_MAX_SIGNATURE; ECDSA signatures
 * are DER (RFC 3279 §2.2.3). */
SG_MUST_CHECK enum sg_rc sg_key_sign(struct sg_token_key *key, const struct sg_sign_input *input, uint8_t *out,
                                     size_t *ret_len);
/* Prepares an inspected key for signing: digests, which mechanisms there are. */
SG_MUST_CHECK enum sg_rc sg_key_prepare(struct sg_token_key *key, struct sg_err *err);
