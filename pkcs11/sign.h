/* One signature on the token: mechanisms, sessions, what came back. Private to pkcs11/. */
#pragma once

#include "pkcs11/verbs.h"

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

/* The mechanism that signs a digest, or, for Ed25519, a message. */
CK_MECHANISM_TYPE sg_raw_mechanism(enum sg_scheme scheme);
/* Bytes of the modulus, or of the order of the curve's group. */
size_t sg_key_order_len(const struct sg_token_key *key);

/* Whether the message should be kept for this key: the token's raw mechanism is missing, or not yet known to work. */
bool sg_key_wants_message(const struct sg_token_key *key, enum sg_scheme scheme);
/* Signs and records the outcome for sg_token_key_last_error(). `out` has room for SG_MAX_SIGNATURE; ECDSA signatures
 * are DER (RFC 3279 §2.2.3). The PIN is filled in here. */
SG_MUST_CHECK enum sg_rc sg_key_sign(struct sg_token_key *key, struct sg_sign_input *input, uint8_t *out,
                                     size_t *ret_len);
/* Keeps the outcome of the calling thread's last use of the key; `err` is read unless `rc` is SG_OK. */
void sg_key_record(struct sg_token_key *key, enum sg_rc rc, const struct sg_err *err);
/* Prepares an inspected key for signing: digests, which mechanisms there are. */
SG_MUST_CHECK enum sg_rc sg_key_prepare(struct sg_token_key *key, struct sg_err *err);
