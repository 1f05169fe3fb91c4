/* What came along with a signature: helping certificates and CRLs, made ready once for all signers of the file. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "base/crypto.h"
#include "base/err.h"
#include "verify/known_crl.h"
#include "verify/known_ocsp.h"

struct sg_carried {
    const STACK_OF(X509) *certs; /* borrowed */
    struct sg_known_crl **crls;
    size_t crl_count;
    struct sg_known_ocsp **ocsps; /* owned, likewise */
    size_t ocsp_count;
    bool crls_left_out; /* beyond SG_MAX_CARRIED_CRLS, or unreadable */
    uint8_t digest[SG_SHA256_LEN];
};

SG_MUST_CHECK enum sg_rc sg_carried_make(OSSL_LIB_CTX *libctx, const STACK_OF(X509) *certs,
                                         const STACK_OF(X509_CRL) *crls, struct sg_carried *ret, struct sg_err *err);
void sg_carried_clear(struct sg_carried *carried);
