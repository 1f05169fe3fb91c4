/* Writing encrypted CMS: AuthEnvelopedData with AES-256-GCM (RFC 5083, RFC 5084). */
#pragma once

#include <stdbool.h>

#include <openssl/x509.h>

#include "base/buf.h"
#include "base/input.h"

/* Encrypts `content` (at most SG_MAX_ENCRYPTED_CONTENT) to each of `certs`, any one of which opens it: RSA with OAEP
 * and SHA-256, EC with ephemeral ECDH, SHA-256 and AES-256 key wrap. Appends to `out`. Validity and trust of the
 * certificates are for the caller to judge; one whose key usage forbids it is SG_E_CERT_WRONG_USAGE, a key that cannot
 * encrypt SG_E_UNSUPPORTED. DER. */
SG_MUST_CHECK enum sg_rc sg_cms_encrypt(OSSL_LIB_CTX *libctx, const STACK_OF(X509) *certs, struct sg_slice content,
                                        struct sg_buf *out, struct sg_err *err);

/* The same of content of any size, read and written as it goes: BER, whose lengths are indefinite. */
SG_MUST_CHECK enum sg_rc sg_cms_encrypt_stream(OSSL_LIB_CTX *libctx, const STACK_OF(X509) *certs,
                                               struct sg_input *content, struct sg_sink out, struct sg_err *err);

/* Whether the certificate's key usage lets it be encrypted to: keyEncipherment for RSA, keyAgreement for EC (RFC 4055
 * §1.2, RFC 5480 §3); what does not limit its use may both. */
bool sg_cert_may_encrypt(X509 *cert);
