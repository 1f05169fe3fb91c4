/* OCSP responses (RFC 6960): basic ones, signed by the certificate's own issuer or by a responder that it named itself
 * (§4.2.2.2). A response speaks of a certificate by a CertID, whose three parts are all compared. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <openssl/ocsp.h>

#include "base/buf.h"
#include "base/crypto.h"
#include "base/err.h"
#include "verify/crypto.h"
#include "verify/finding.h"

/* Made once, then read by several threads. */
struct sg_known_ocsp {
    struct sg_buf bytes;   /* the BasicOCSPResponse without its certificates */
    struct sg_slice tbs;   /* what is signed, in `bytes` */
    OCSP_BASICRESP *basic; /* of `bytes` */
    STACK_OF(X509) *certs; /* that came with it: perhaps the responder's */
    int64_t produced_at;   /* SG_TIME_NONE if it cannot be read */
    int64_t proven;        /* by when it is proven to have been there; SG_TIME_NONE: by nothing */
    const char *problem;   /* why it cannot be used, untranslated; NULL: it can */

    pthread_mutex_t lock;          /* over `checked` */
    struct sg_checked_key checked; /* of the bits of a public key */
};

/* From an OCSPResponse. No such thing, an error instead of an answer (§4.2.1), or another type: SG_E_MALFORMED. */
SG_MUST_CHECK enum sg_rc sg_known_ocsp_new(struct sg_slice der, OSSL_LIB_CTX *libctx, struct sg_known_ocsp **ret,
                                           struct sg_err *err);
/* From a BasicOCSPResponse by itself, as revocation-values have it (EN 319 122-1 Annex A.1.3). */
SG_MUST_CHECK enum sg_rc sg_known_ocsp_new_basic(struct sg_slice basic, OSSL_LIB_CTX *libctx,
                                                 struct sg_known_ocsp **ret, struct sg_err *err);
void sg_known_ocsp_free(struct sg_known_ocsp *known);
SG_DEFINE_CLEANUP(struct sg_known_ocsp, sg_known_ocsp_free)

/* What the response says of `cert`, which `issuer` issued. `*ret_why`: why it does not count (untranslated). If it does
 * not speak of the certificate, there is neither that nor a `ret->kind`. */
SG_MUST_CHECK enum sg_rc sg_known_ocsp_consult(struct sg_known_ocsp *known, const struct sg_revocation_request *request,
                                               X509 *cert, X509 *issuer, struct sg_finding *ret, const char **ret_why,
                                               struct sg_err *err);

/* One of its answers, by itself. */
struct sg_ocsp_answer {
    const OCSP_CERTID *id;
    int status;                       /* V_OCSP_CERTSTATUS_* */
    long reason;                      /* one of CRL_REASON_; -1: none is given */
    int64_t this_update, next_update; /* SG_TIME_NONE if absent */
    int64_t revoked_at, archive_cutoff;
    const char *problem; /* why it cannot be used, untranslated; NULL: it can */
    bool early;          /* by our clock it is from the future, and that is the problem: bad news still counts */
};

int sg_known_ocsp_count(const struct sg_known_ocsp *known);
/* `now`: no answer is from later. */
struct sg_ocsp_answer sg_known_ocsp_answer(const struct sg_known_ocsp *known, int index, int64_t now);
/* Whether `issuer` is the one that a CertID speaks of, by both digests; `name` is its name as the certificates that it
 * issued have it. */
SG_MUST_CHECK enum sg_rc sg_ocsp_id_is_of(const OCSP_CERTID *id, const X509_NAME *name, const X509 *issuer,
                                          OSSL_LIB_CTX *libctx, bool *ret, struct sg_err *err);
bool sg_ocsp_id_has_serial(const OCSP_CERTID *id, const ASN1_INTEGER *serial);
/* Whether its nonce is this one, or it has none (RFC 6960 §4.4.1: a responder need not take part). */
bool sg_known_ocsp_has_nonce(const struct sg_known_ocsp *known, struct sg_slice nonce);
/* Who signed it for `issuer`, borrowed; no certificate: nobody who may, and `*ret_why` (untranslated) says why. */
struct sg_ocsp_signer {
    X509 *cert;
    int64_t as_of; /* how old that is by which it is known not to be revoked; SG_TIME_NONE: nobody had to be asked */
    const char *problem; /* why what it signed counts as far as it is bad news (untranslated); NULL: in full */
};

SG_MUST_CHECK enum sg_rc sg_known_ocsp_signer(struct sg_known_ocsp *known, const struct sg_revocation_request *request,
                                              X509 *issuer, struct sg_ocsp_signer *ret, const char **ret_why,
                                              struct sg_err *err);
