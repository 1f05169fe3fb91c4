/* CRLs (RFC 5280 §5 and §6.3): full ones from the certificate's own issuer. What else there is (delta and indirect
 * CRLs, by reason) is told apart and not used. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <openssl/x509v3.h>

#include "base/crypto.h"
#include "base/err.h"
#include "verify/finding.h"

/* A CRL with what one pass over it shows. Made once, then read by several threads. */
struct sg_known_crl {
    X509_CRL *crl;
    int64_t this_update, next_update; /* SG_TIME_NONE if absent */
    int64_t expired_since;            /* expiredCertsOnCRL: lists what ended since then; SG_TIME_NONE if absent */
    ISSUING_DIST_POINT *scope;        /* NULL: everything of its issuer */
    const char *problem;              /* why it cannot be used, untranslated; NULL: it can */
    bool carried;                     /* by a signature: a stranger's */
    int64_t proven;                   /* by when it is proven to have been there; SG_TIME_NONE: by nothing */

    pthread_mutex_t lock; /* over the two below: checking the signature of a large CRL takes long */
    bool verified;
    uint8_t verified_key[SG_SHA256_LEN]; /* of the public key that it was checked with */
};

SG_MUST_CHECK enum sg_rc sg_known_crl_new(X509_CRL *crl, struct sg_known_crl **ret, struct sg_err *err);
void sg_known_crl_free(struct sg_known_crl *known);
SG_DEFINE_CLEANUP(struct sg_known_crl, sg_known_crl_free)

/* What the CRL says of `cert`, which `issuer` issued; `*ret_why`: why it does not count (untranslated). */
SG_MUST_CHECK enum sg_rc sg_known_crl_consult(struct sg_known_crl *known, const struct sg_revocation_request *request,
                                              X509 *cert, X509 *issuer, struct sg_finding *ret, const char **ret_why,
                                              struct sg_err *err);

/* Whether `issuer` signed this CRL, and may: NULL if so, else why not (untranslated). `steps` as above. */
SG_MUST_CHECK enum sg_rc sg_known_crl_check_issuer(struct sg_known_crl *known, OSSL_LIB_CTX *libctx, X509 *issuer,
                                                   int64_t at, unsigned *steps, const char **ret_why,
                                                   struct sg_err *err);
