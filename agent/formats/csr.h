/* Certificate requests: PKCS#10 (RFC 2986). */
#pragma once

#include "base/buf.h"
#include "formats/name.h"

struct sg_csr_input {
    OSSL_LIB_CTX *libctx;
    EVP_PKEY *key;       /* signs the request: one key use */
    const char *subject; /* RFC 4514 */
    const char *email;   /* subjectAltName rfc822Name; NULL: none */
    bool decrypts;       /* the key usage asked for: keyEncipherment or keyAgreement; else digitalSignature and
                          * nonRepudiation */
};

/* Appends the request's DER to `out`, after its signature was checked. */
SG_MUST_CHECK enum sg_rc sg_csr_make(const struct sg_csr_input *input, struct sg_buf *out, struct sg_err *err);
