/* Reading encrypted CMS: EnvelopedData (RFC 5652 §6) and AuthEnvelopedData with AES-GCM (RFC 5083, RFC 5084). DER, BER
 * and PEM. Content is never held: it is decrypted as it is read, and may be of any size.
 *
 * Recipients are named by certificate. RSA: OAEP (RFC 3560), and PKCS#1 v1.5; EC: ECDH on P-256, P-384 and P-521 with
 * an ephemeral key of the sender's (RFC 5753). Recipients of another kind are skipped. */
#pragma once

#include <stdbool.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/input.h"

struct sg_envelope;

/* Parses all but the content. `input` must outlive the result. Not CMS, truncated, bytes behind it: SG_E_MALFORMED;
 * over a limit: SG_E_LIMIT. A content cipher that is not read here, or only recipients of other kinds, which the text
 * then names: SG_E_UNSUPPORTED. */
SG_MUST_CHECK enum sg_rc sg_envelope_read(struct sg_input *input, OSSL_LIB_CTX *libctx, struct sg_envelope **ret,
                                          struct sg_err *err);
void sg_envelope_free(struct sg_envelope *envelope);
SG_DEFINE_CLEANUP(struct sg_envelope, sg_envelope_free)

/* Whether a tag proves the content unchanged (AuthEnvelopedData). It never says who the sender was. */
bool sg_envelope_is_authenticated(const struct sg_envelope *envelope);
const char *sg_envelope_cipher(const struct sg_envelope *envelope); /* of the content: "AES-256-GCM" */
/* A recipient is named by this certificate. */
bool sg_envelope_names(const struct sg_envelope *envelope, X509 *cert);

/* Decrypts the content into `plain` with `key`, which belongs to `cert` and may live on a token: one key use. What
 * `plain` gets may be used only once this returns SG_OK; until then nothing says that it is right.
 *
 * SG_E_DECRYPTION: not for this key, or changed. A content key in PKCS#1 v1.5 that does not unwrap is replaced by a
 * random one, so that the end of the content is where it fails, as if that had been changed (RFC 3218 §2.3.2); a token
 * that failed looks the same there, and its own last error is what to ask. No recipient named by `cert`: SG_E_NO_KEY.
 * Its algorithm is not read here: SG_E_UNSUPPORTED. The secure heap must be set up (base/secret.h). */
SG_MUST_CHECK enum sg_rc sg_envelope_decrypt(struct sg_envelope *envelope, EVP_PKEY *key, X509 *cert,
                                             struct sg_sink plain, struct sg_err *err);
