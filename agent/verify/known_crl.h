/* CRLs (RFC 5280 §5 and §6.3): complete ones and deltas, direct and indirect, for all or for some reasons and
 * distribution points; of the store, named, or carried by a signature. One is its index, by which a certificate is
 * looked up, and what its extensions say. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <openssl/x509v3.h>

#include "base/crypto.h"
#include "base/err.h"
#include "formats/crl_index.h"
#include "verify/crypto.h"
#include "verify/finding.h"

/* RFC 5280 §5.2.3: at most 20 octets. Padded, so that numbers compare as bytes. */
enum { SG_CRL_NUMBER = 20 };

/* Made once, then read by several threads. */
struct sg_known_crl {
    struct sg_crl_index *index; /* under the lock, for sg_known_crl_look_up() */
    const struct sg_crl_head *head;
    X509_NAME *issuer;
    X509_NAME **listed; /* whose certificates are listed, by the numbers of the index; NULL: it cannot be read */
    size_t listed_count;
    struct sg_signature_method method;
    bool method_known;
    int64_t this_update, next_update; /* SG_TIME_NONE if absent */
    int64_t expired_since;            /* expiredCertsOnCRL: lists what ended since then; SG_TIME_NONE if absent */
    STACK_OF(X509_EXTENSION) *extensions;
    ISSUING_DIST_POINT *scope; /* NULL: everything of its issuer */
    bool has_number, is_delta;
    uint8_t number[SG_CRL_NUMBER], base[SG_CRL_NUMBER]; /* cRLNumber, BaseCRLNumber */
    const char *problem;                                /* why it cannot be used, untranslated; NULL: it can */
    bool carried;                                       /* by a signature: a stranger's */
    int64_t proven; /* by when it is proven to have been there; SG_TIME_NONE: by nothing */
    char *der_path; /* to make the index anew; NULL: that is in memory */

    pthread_mutex_t lock;          /* over what follows, and `index` */
    bool rebuilt;                  /* the index was missing or damaged, and is made from the DER */
    struct sg_crl_index *replaced; /* others may still read in it */
    struct sg_checked_key checked; /* of a SubjectPublicKeyInfo */
};

/* Reads and indexes it. */
SG_MUST_CHECK enum sg_rc sg_known_crl_read(const struct sg_crl_place *place, OSSL_LIB_CTX *libctx,
                                           struct sg_known_crl **ret, struct sg_err *err);
/* One of the store, by its index or, where that is missing or damaged, by its DER; neither is right:
 * SG_E_STORE_DAMAGED. */
SG_MUST_CHECK enum sg_rc sg_known_crl_open(const char *index_path, const char *der_path,
                                           const uint8_t sha256[SG_SHA256_LEN], OSSL_LIB_CTX *libctx,
                                           struct sg_known_crl **ret, struct sg_err *err);
/* The same by its DER alone. */
SG_MUST_CHECK enum sg_rc sg_known_crl_rebuild(const char *der_path, const uint8_t sha256[SG_SHA256_LEN],
                                              OSSL_LIB_CTX *libctx, struct sg_known_crl **ret, struct sg_err *err);
void sg_known_crl_free(struct sg_known_crl *known);
SG_DEFINE_CLEANUP(struct sg_known_crl, sg_known_crl_free)

/* Value of an extension; {NULL, 0}: it is not there. */
struct sg_slice sg_known_crl_extension(const struct sg_known_crl *known, int nid);
/* Whether base and delta make a complete CRL together (§5.2.4). */
bool sg_known_crl_combine(const struct sg_known_crl *base, const struct sg_known_crl *delta);
/* What is listed about a certificate. An index that is missing or turns out to be damaged is made anew, which
 * `*ret_rebuilt` tells; SG_E_STORE_DAMAGED: that cannot be. */
SG_MUST_CHECK enum sg_rc sg_known_crl_look_up(struct sg_known_crl *known, OSSL_LIB_CTX *libctx, X509 *cert,
                                              struct sg_crl_hit *ret, bool *ret_rebuilt, struct sg_err *err);

/* --- crl_scope.c -------------------------------------------------------------------------------------------------- */

/* ReasonFlags (§4.2.1.13): bit N of the flags is bit N here. */
#define SG_ALL_REASONS 0x1feU

/* For which reasons the CRL speaks of `cert` (§6.3.3 (b) to (e)); 0: for none, and `*ret_why` (untranslated) why. */
unsigned sg_known_crl_reasons(const struct sg_known_crl *known, X509 *cert, const char **ret_why);

/* --- crl_signer.c ------------------------------------------------------------------------------------------------- */

/* Whether the key of `signer` signed this CRL, with algorithms that are good at `at`: NULL if so, else why not
 * (untranslated). `steps`: work left, counted down. */
SG_MUST_CHECK enum sg_rc sg_known_crl_check_key(struct sg_known_crl *known, OSSL_LIB_CTX *libctx, X509 *signer,
                                                int64_t at, unsigned *steps, const char **ret_why, struct sg_err *err);
/* Who signed this CRL, for a certificate that `issuer` issued (§6.3.3 (f), (g)): that issuer, or another of the CRL
 * issuer's name whose path leads to the same anchor. `judged` (or NULL) is the certificate in question where that is
 * itself a CRL's signer: an issuer of CRLs alone is spoken of by no other CRL than its own. Bad news counts even from
 * one that good news is not taken from: else a good word from elsewhere would win over a revocation that is known. */
struct sg_crl_signer {
    const char *problem; /* why what it signed counts as far as it is bad news (untranslated); NULL: in full */
    int64_t as_of;       /* of its own path; SG_TIME_NONE: it is the issuer, whose path is judged elsewhere */
    int64_t good_until;  /* likewise, and when the CRL's digest is not trusted any more; INT64_MAX: no end */
};

SG_MUST_CHECK enum sg_rc sg_known_crl_check_signer(struct sg_known_crl *known,
                                                   const struct sg_revocation_request *request, X509 *issuer,
                                                   X509 *judged, struct sg_crl_signer *ret, const char **ret_why,
                                                   struct sg_err *err);
/* Why its certificate may not sign CRLs (untranslated); NULL: it may. */
const char *sg_crl_signer_problem(X509 *signer);
