/* The verifier's inside: what the steps of a judgement share, and what they remember from file to file. */
#pragma once

#include <pthread.h>

#include "formats/cert_cache.h"
#include "verify/carried.h"
#include "verify/crypto.h"
#include "verify/path.h"
#include "verify/trust.h"
#include "verify/verdict.h"
#include "verify/verify.h"

#define SG_CACHE_BUCKETS 1024
#define SG_CACHE_ENTRIES 16384 /* then it starts anew */

struct sg_cache_entry;

struct sg_verifier {
    OSSL_LIB_CTX *libctx;
    EVP_MD *sha256; /* for keys, fetched once */
    struct sg_trust *trust;
    struct sg_cert_cache *certs; /* those that signatures carry */
    sg_kept_check kept_check;    /* of the signature that was checked last */
    enum sg_revocation_mode revocation;
    int64_t stale;
    int64_t now;                     /* when the verifier was made: one run, one time */
    int64_t at;                      /* judging time */
    int max_depth;                   /* -1: ours */
    X509_VERIFY_PARAM *base;         /* policies and flags; copied for each path */
    STACK_OF(ASN1_OBJECT) *policies; /* those of `base`; NULL: any */

    pthread_mutex_t lock; /* over the cache */
    struct sg_cache_entry *cache[SG_CACHE_BUCKETS];
    size_t cached;
};

/* A certificate to be judged, and what came along with it. */
struct sg_cert_request {
    X509 *cert;
    enum sg_cert_purpose purpose;
    int64_t at;                       /* when it is to be good */
    int64_t known_at;                 /* as of when revocation is to be known; 0: the verifier's time */
    unsigned *steps;                  /* work that may be spent on paths, at most SG_MAX_PATH_STEPS; counted down */
    const struct sg_carried *carried; /* NULL: nothing */
    const STACK_OF(X509) *proven;     /* were there at `at` for certain; NULL: what `at` is needs no proof */
    unsigned nesting;                 /* of a CRL's signer: judgements around this one */
};

/* X.509 certificate validation (EN 319 102-1 §5.2.6) of `cert`. Remembered: the same certificate with the same company
 * is judged once, unless the work ran out on the way. Merges what it finds into `judgement`. */
SG_MUST_CHECK enum sg_rc sg_judge_certificate(struct sg_verifier *verifier, const struct sg_cert_request *request,
                                              struct sg_judgement *judgement, struct sg_err *err);

/* Judges one candidate path (leaf first, anchor last) by OpenSSL and by our rules. */
struct sg_chain_request {
    struct sg_verifier *verifier;
    enum sg_cert_purpose purpose;
    int64_t at;
    int64_t known_at; /* as above */
    enum sg_revocation_mode revocation;
    const struct sg_anchor_limits *limits; /* of the path's anchor; NULL: none */
    const struct sg_carried *carried;      /* NULL: nothing */
    const STACK_OF(X509) *proven;          /* as above */
    unsigned *steps;
    unsigned nesting;
};

SG_MUST_CHECK enum sg_rc sg_judge_chain(const struct sg_chain_request *request, STACK_OF(X509) *path,
                                        struct sg_judgement *judgement, struct sg_err *err);

/* It is one certificate that is no CA's: trusted by itself, so that nothing can say whether it was revoked. */
bool sg_path_is_pinned(const STACK_OF(X509) *path);

/* What an anchor has to be for, so that a path of that purpose may end there: SG_PURPOSE_. */
unsigned sg_anchor_purposes(enum sg_cert_purpose purpose);

/* Whether keyUsage and extendedKeyUsage let a certificate serve the purpose; else what is wrong, untranslated. */
const char *sg_usage_problem(X509 *cert, enum sg_cert_purpose purpose);
/* Whether keyUsage lets it sign CRLs. */
bool sg_cert_may_sign_crls(X509 *cert);
/* Whether the extendedKeyUsage of a CA between leaf and anchor, if it has one, lets it issue for the purpose. */
const char *sg_usage_ca_problem(X509 *ca, enum sg_cert_purpose purpose);

/* The whole judgement without the cache: enumerates paths, and keeps the best. */
SG_MUST_CHECK enum sg_rc sg_judge_paths(struct sg_verifier *verifier, const struct sg_cert_request *request,
                                        enum sg_revocation_mode revocation, struct sg_judgement *judgement,
                                        struct sg_err *err);
