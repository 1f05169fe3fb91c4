/* What came along with a signature: helping certificates and revocation data, made ready once. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "base/crypto.h"
#include "base/err.h"
#include "formats/cades_evidence.h"
#include "verify/known_crl.h"
#include "verify/known_ocsp.h"

struct sg_carried {
    const STACK_OF(X509) *certs; /* borrowed */
    struct sg_known_crl **crls;
    size_t crl_count;
    struct sg_known_ocsp **ocsps;
    size_t ocsp_count;
    size_t *crl_indexes, *ocsp_indexes; /* of each among the evidence's */
    bool left_out;                      /* some cannot be read, or are beyond SG_MAX_CARRIED_CRLS or ..._OCSPS */
    uint8_t digest[SG_SHA256_LEN];      /* of all but what is proven about them */
};

/* `evidence` has to outlive it. */
SG_MUST_CHECK enum sg_rc sg_carried_make(OSSL_LIB_CTX *libctx, const struct sg_evidence *evidence,
                                         struct sg_carried *ret, struct sg_err *err);
void sg_carried_clear(struct sg_carried *carried);
/* All of it, for a key by which a judgement is remembered. False: out of memory. */
bool sg_carried_hash(const struct sg_carried *carried, EVP_MD_CTX *ctx);
/* Whether it is among them. */
bool sg_certs_have(const STACK_OF(X509) *certs, const X509 *cert);
