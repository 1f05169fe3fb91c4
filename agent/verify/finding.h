/* What one source of revocation data, a CRL or an OCSP response, says of a certificate: the same few answers, whatever
 * the source. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "verify/verify.h"

struct sg_trust;
struct sg_carried;
struct sg_verifier;

/* What a certificate is judged with. */
struct sg_revocation_request {
    OSSL_LIB_CTX *libctx;
    struct sg_trust *trust;
    const struct sg_carried *carried; /* what came with the signature; NULL: nothing */
    unsigned *steps;                  /* work left; counted down */
    enum sg_revocation_mode mode;     /* hard or soft */
    int64_t stale;
    int64_t at;       /* when the certificate is to be good */
    int64_t known_at; /* as of when that is to be known: later than `at` where `at` is in the past for a time-stamp */
    int64_t now;      /* no source is from later than this */
    struct sg_verifier *verifier; /* judges whoever signed a CRL in the issuer's place; NULL: nobody else may */
    X509 *anchor;                 /* of the path that the certificate is on; with `verifier` */
    unsigned nesting;             /* judgements around this one, each of a CRL's signer */
    /* Where proofs of existence count. What signed a source has to be good when judging takes place, unless the source
     * is proven to be older. */
    int64_t present;   /* when judging takes place, later than `at` where that is in the past; 0: `at` */
    int64_t proven_by; /* only sources that are proven to have been there by then count; 0: all */
    bool carried_only; /* what is stored or named does not count */
    bool proves_time; /* `at` is what the certificate's key says itself: it counts only while the key is in its hands */
};

enum sg_answer {
    SG_ANSWER_NOT_KNOWN,
    SG_ANSWER_NOT_KNOWN_AFTER_EXPIRY, /* the source is from after the certificate's end, and need not know it any more
                                       */
    SG_ANSWER_GOOD,
    SG_ANSWER_REVOKED_LATER, /* than the judging time */
    SG_ANSWER_STALE,
    SG_ANSWER_ON_HOLD,
    SG_ANSWER_REVOKED
};

struct sg_finding {
    enum sg_answer answer;
    const char *kind;                 /* "crl", "ocsp"; NULL: no source says anything */
    const X509_NAME *issuer;          /* who signed the source; borrowed from it */
    int64_t this_update, next_update; /* SG_TIME_NONE if absent */
    int64_t signer_ends;              /* until when its signer, if that is no CA on the path, and its digest are good;
                                       * SG_TIME_NONE or INT64_MAX: no end */
    int64_t signer_as_of;             /* as of when it is known that the signer is not revoked; likewise */
    int64_t fresh_at;                 /* not stale if it is from then or later */
    int64_t revoked_at;               /* SG_TIME_NONE: it is not, or it is not known when */
    long reason;                      /* of that: one of CRL_REASON_; negative: none is given */
    bool proven;                      /* the source is proven to have been there before `present` */
};

/* `proven`: by when the source is proven to have been there; SG_TIME_NONE: by nothing, so that it is at `present`. */
bool sg_finding_is_proven(const struct sg_revocation_request *request, int64_t proven);
/* Whether it is proven to be older than `present`. */
bool sg_finding_is_older(const struct sg_revocation_request *request, int64_t proven);
/* When the source's signature and what it is signed by have to be good. */
int64_t sg_finding_good_at(const struct sg_revocation_request *request, int64_t proven);

/* When data about the certificate has to be the present one. */
int64_t sg_finding_fresh_at(const struct sg_revocation_request *request, X509 *cert);
/* Whether it is not known to be the present one then. */
bool sg_finding_is_stale(const struct sg_finding *finding);
/* Not revoked, as far as the source says. */
void sg_finding_set_good(struct sg_finding *finding);
/* `when` is SG_TIME_NONE if it cannot be read, which counts as long ago; `reason` is one of CRL_REASON_, -1 if none is
 * given. */
void sg_finding_set_revoked(struct sg_finding *finding, int64_t when, long reason,
                            const struct sg_revocation_request *request);
/* Revoked or on hold. */
bool sg_finding_is_bad(const struct sg_finding *finding);
/* Of two findings the newer counts; but once revoked is revoked, whatever another says. */
bool sg_finding_is_better(const struct sg_finding *a, const struct sg_finding *b);
/* The name of the reason (RFC 5280 §5.3.1); NULL: none is given. */
const char *sg_finding_reason(const struct sg_finding *finding);
/* As the reports say it: "good", "revoked", ... */
const char *sg_finding_word(const struct sg_finding *finding);
