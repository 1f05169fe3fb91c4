/* Certificate requests: PKCS#10 (RFC 2986). */
#pragma once

#include "base/buf.h"
#include "formats/name.h"

struct sg_csr_input {
    OSSL_LIB_CTX *libctx;
    EVP_PKEY *key;             /* signs the request: one key use */
    const char *subject;       /* RFC 4514 */
    const char *const *emails; /* subjectAltName: an rfc822Name each */
    size_t email_count;
    bool pss;      /* RSA: sign with PSS though the key could do otherwise */
    bool decrypts; /* the key usage asked for: keyEncipherment or keyAgreement; else digitalSignature and
                    * nonRepudiation */
};

/* Appends the request's DER to `out`, after its signature was checked. */
SG_MUST_CHECK enum sg_rc sg_csr_make(const struct sg_csr_input *input, struct sg_buf *out, struct sg_err *err);
