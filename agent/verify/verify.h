/* Judging signatures and certificates offline (EN 319 102-1). Opens no connection, writes nothing, and fails closed:
 * what is not proven is not PASSED. A signature that is bad is a successful call that returns a verdict; an error is
 * what kept us from judging. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/x509v3.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/input.h"
#include "base/limits.h"
#include "base/log.h"
#include "formats/crl.h"
#include "store/snapshot.h"

/* --- verdicts ----------------------------------------------------------------------------------------------------- */

enum sg_indication {
    SG_TOTAL_PASSED,
    SG_TOTAL_FAILED,
    SG_INDETERMINATE
}; /* for a certificate: PASSED, FAILED, INDETERMINATE */

/* EN 319 102-1 §5.1.3 table 6; the words of sg_sub_indication_text(). */
enum sg_sub_indication {
    SG_SUB_NONE,
    SG_SUB_FORMAT_FAILURE,
    SG_SUB_HASH_FAILURE,
    SG_SUB_SIG_CRYPTO_FAILURE,
    SG_SUB_REVOKED,
    SG_SUB_EXPIRED,
    SG_SUB_NOT_YET_VALID,
    SG_SUB_NO_SIGNING_CERTIFICATE_FOUND,
    SG_SUB_NO_CERTIFICATE_CHAIN_FOUND,
    SG_SUB_CERTIFICATE_CHAIN_GENERAL_FAILURE,
    SG_SUB_CHAIN_CONSTRAINTS_FAILURE,
    SG_SUB_OUT_OF_BOUNDS_NO_POE,
    SG_SUB_OUT_OF_BOUNDS_NOT_REVOKED,
    SG_SUB_REVOKED_NO_POE,
    SG_SUB_REVOKED_CA_NO_POE,
    SG_SUB_TRY_LATER,
    SG_SUB_REVOCATION_OUT_OF_BOUNDS_NO_POE,
    SG_SUB_CRYPTO_CONSTRAINTS_FAILURE,
    SG_SUB_CRYPTO_CONSTRAINTS_FAILURE_NO_POE,
    SG_SUB_SIG_CONSTRAINTS_FAILURE,
    SG_SUB_SIGNED_DATA_NOT_FOUND,
    SG_SUB_POLICY_PROCESSING_ERROR,
    SG_SUB_SIGNATURE_POLICY_NOT_AVAILABLE,
    SG_SUB_TIMESTAMP_ORDER_FAILURE,
    SG_SUB_NO_POE,
};

struct sg_conclusion {
    enum sg_indication indication;
    enum sg_sub_indication sub_indication;
};

const char *sg_indication_text(enum sg_indication indication);
const char *sg_sub_indication_text(enum sg_sub_indication sub); /* NULL for SG_SUB_NONE */

struct sg_reason {
    const char *code; /* stable word: "content-changed", "no-path", ...; docs/errors.md lists them */
    char *text;       /* a sentence for a person */
};

struct sg_revocation_used {
    const char *kind; /* "crl", "ocsp" */
    char *issuer;
    int64_t this_update, next_update; /* SG_TIME_NONE if absent */
    const char *status;               /* "good", "revoked", "on-hold", "stale", "unknown" */
    int64_t revoked_at;               /* SG_TIME_NONE: it is not, or it is not known when */
    const char *reason;               /* "keyCompromise", ... (RFC 5280 §5.3.1); NULL: none is given */
};

struct sg_timestamp;

/* Of a file in a container. */
struct sg_file_digest {
    int nid; /* NID_undef: none */
    size_t len;
    uint8_t value[EVP_MAX_MD_SIZE];
};

/* What was found about one signature, or one certificate (`intact`, digest and times of signing do not apply). */
struct sg_verdict {
    char *id; /* "1", "2", ... */
    enum sg_indication indication;
    enum sg_sub_indication sub_indication;
    struct sg_conclusion
        now; /* as of the judging time: differs from the two above where a proven earlier time decides */
    bool intact;
    const char *level;   /* "B-B", "B-T", "B-LT", "B-LTA" or NULL */
    char *covers;        /* "whole file", "revision 1 of 2" */
    const char *changes; /* what came after the revision that it covers: "none", "permitted", "forbidden"; NULL: not a
                            PDF's */
    char **files;        /* of a container: the names of the files that it covers */
    struct sg_file_digest *file_digests; /* by which each of them was found to be what was signed */
    size_t file_count;
    X509 *signer;          /* NULL if not found */
    const char *digest;    /* "sha256"; NULL if unknown */
    const char *algorithm; /* "rsa-pkcs1", "rsa-pss", "ecdsa", "ed25519", "dsa", "ed448", "other" */
    int64_t claimed_time, best_time, as_of, good_until; /* SG_TIME_NONE if not known */
    STACK_OF(X509) *chain;                              /* signer first, anchor last; empty if none was found */
    struct sg_revocation_used *revocation;
    size_t revocation_count;
    bool known_good; /* it is known that the signer's certificate was not revoked when it had to be good */
    struct sg_reason *reasons;
    size_t reason_count;
    char **policies; /* OIDs of the valid policies (certificates only) */
    size_t policy_count;
    struct sg_timestamp *timestamps;
    size_t timestamp_count;
};

/* What was found about a time-stamp. */
struct sg_timestamp {
    const char *kind;          /* "signature": of a signature value; "archive", "content", "references",
                                * "references-only": without the signature; "document": of a PDF */
    int64_t time;              /* genTime without its fraction; SG_TIME_NONE: it cannot be read */
    int64_t fraction;          /* the microseconds that `time` lacks, rounded up */
    int64_t accuracy;          /* microseconds; -1: the token does not say */
    int64_t earliest, latest;  /* the limits of when it was made, by both; SG_TIME_NONE: likewise */
    bool proves;               /* something about the signature: it holds, is over it or what is in it, and none of the
                                * others contradicts its time */
    char *serial;              /* hex; NULL: it cannot be read */
    struct sg_verdict verdict; /* `signer` is the TSA's certificate; no level, times of signing or time-stamps */
};

void sg_timestamp_clear(struct sg_timestamp *timestamp);

struct sg_report {
    OSSL_LIB_CTX *libctx; /* the verifier's; must outlive the report */
    char *file;
    int64_t at;         /* judging time */
    const char *format; /* "CAdES", ...; NULL: no signature, or a format that we do not know */
    struct sg_verdict *verdicts;
    size_t verdict_count;
    char **uncovered; /* of a container: the names of the files that no signature covers */
    size_t uncovered_count;
};

void sg_report_free(struct sg_report *report);
SG_DEFINE_CLEANUP(struct sg_report, sg_report_free)

/* --- the verifier: what is trusted and known, and the rules; made once for many files; safe for several threads ----
 */

enum sg_revocation_mode { SG_REVOCATION_NONE, SG_REVOCATION_SOFT, SG_REVOCATION_HARD };

struct sg_policy_options {       /* RFC 5280 §6.1.1 (c) to (g); all absent: any-policy, nothing required */
    const char *const *policies; /* OIDs or "any" */
    size_t policy_count;
    bool explicit_policy, inhibit_mapping, inhibit_any_policy;
    int max_depth; /* -1: ours */
};

struct sg_verifier_options {
    OSSL_LIB_CTX *libctx;
    const struct sg_log *log;           /* may be NULL; borrowed */
    const struct sg_snapshot *snapshot; /* may be NULL; borrowed */
    STACK_OF(X509) *anchors;            /* --anchor: if any, only these count, not the snapshot's */
    char *const *anchor_limits;      /* of each of those, as the snapshot has them; NULL: none of them has any; borrowed
                                      * until the verifier is made */
    STACK_OF(X509) *intermediates;   /* --intermediate: untrusted helpers */
    const struct sg_crl_place *crls; /* --crl, beside the snapshot's; borrowed until the verifier is made */
    size_t crl_count;
    const struct sg_slice *ocsps; /* --ocsp, likewise: DER of OCSP responses; borrowed until the verifier is made */
    size_t ocsp_count;
    enum sg_revocation_mode revocation;
    int64_t stale; /* soft: how long after nextUpdate data is still used, seconds */
    int64_t at;    /* judge as of this time; SG_TIME_NONE: the clock's now */
    struct sg_clock clock;
    struct sg_policy_options policy;
};

struct sg_verifier;

SG_MUST_CHECK enum sg_rc sg_verifier_new(const struct sg_verifier_options *options, struct sg_verifier **ret,
                                         struct sg_err *err);
void sg_verifier_free(struct sg_verifier *verifier);
SG_DEFINE_CLEANUP(struct sg_verifier, sg_verifier_free)
/* For a process that forks several children to judge in: does ahead, with what is trusted alone, what each of them
 * would have to do at first. */
void sg_verifier_warm_up(struct sg_verifier *verifier);

/* Judges every signature in `signature`. `content` is the detached content, NULL if there is none to be had. No
 * signature, or a format that we do not know: a report without verdicts. A recognised container that is broken:
 * SG_E_MALFORMED or SG_E_LIMIT. */
SG_MUST_CHECK enum sg_rc sg_verify_file(struct sg_verifier *verifier, struct sg_input *signature,
                                        struct sg_input *content, struct sg_report **ret, struct sg_err *err);

/* Who takes files out of a container: each begins, comes in pieces, and ends with the next one's begin, or with all.
 * Anything but SG_OK stops it. */
struct sg_extraction {
    enum sg_rc (*begin)(void *context, const char *name, struct sg_err *err);
    enum sg_rc (*write)(void *context, const uint8_t *data, size_t len, struct sg_err *err);
    void *context;
};

/* Hands out the files of a container that a signature covers which is TOTAL-PASSED in `report`, which is of this
 * `file`; or all of them, whoever signed them. Those that are covered are hashed again: what is not what was judged is
 * SG_E_INPUT_CHANGED. A file that is no container: SG_E_USAGE. */
SG_MUST_CHECK enum sg_rc sg_verify_extract(struct sg_input *file, const struct sg_report *report, bool all,
                                           const struct sg_extraction *to, struct sg_err *err);

/* Loads what judging this file will need (formats/module.h), by a look at how it begins, for who forks to judge. What
 * cannot be loaded is said by the judgement. */
void sg_verify_preload(struct sg_input *signature);

/* A TimeStampToken, and what it ought to be of. */
struct sg_timestamp_request {
    const char *kind;        /* a literal */
    struct sg_slice token;   /* DER */
    struct sg_slice data;    /* what was stamped: the token says by which digest. None: `sha256` */
    struct sg_slice sha256;  /* the digest of what was stamped: then the token has to be by SHA-256 */
    struct sg_slice imprint; /* the same, by the token's own digest algorithm */
    struct sg_slice nonce;   /* that was asked with: a positive number, its highest octet first. None: any */
    const char *policy;      /* that was asked for: an OID in numbers. NULL or "": any */
};

/* Judges a time-stamp offline (EN 319 102-1 §5.4): the token's form, that it is of this and what was asked for, the
 * TSA's signature and its certificate at genTime, for time-stamps alone. What is known about revocation counts up to
 * the verifier's time. A token that is bad is a verdict. Clear `ret` with sg_timestamp_clear(). */
SG_MUST_CHECK enum sg_rc sg_timestamp_judge(struct sg_verifier *verifier, const struct sg_timestamp_request *request,
                                            struct sg_timestamp *ret, struct sg_err *err);
/* Why it does not hold, in one line: its reasons' sentences. Appends. */
SG_MUST_CHECK enum sg_rc sg_timestamp_why(const struct sg_timestamp *timestamp, struct sg_buf *out, struct sg_err *err);

enum sg_cert_purpose { SG_CERT_ANY, SG_CERT_SIGN, SG_CERT_TIMESTAMP, SG_CERT_OCSP, SG_CERT_CRL };

/* Judges one certificate; the report holds one verdict, its format is NULL. */
SG_MUST_CHECK enum sg_rc sg_cert_check(struct sg_verifier *verifier, const char *file, X509 *cert,
                                       enum sg_cert_purpose purpose, struct sg_report **ret, struct sg_err *err);

/* A CRL that may enter the snapshot: its issuer is found with a path to an anchor and its signature is right. Complete
 * or delta, and of whatever scope. */
SG_MUST_CHECK enum sg_rc sg_crl_check(struct sg_verifier *verifier, const struct sg_crl_place *place,
                                      struct sg_checked_crl *ret, struct sg_err *err);
/* Whose CRLs may speak of `cert`: its issuer's, and those that its distribution points name (cRLIssuer). The names are
 * borrowed from `cert` and `*points`, to be freed with it. Returns their count. */
size_t sg_crl_issuer_names(X509 *cert, CRL_DIST_POINTS **points, const X509_NAME *names[SG_MAX_CRL_ISSUER_NAMES]);
/* Makes the index of the snapshot's CRL number `index` anew, if it is missing or damaged; if it is right,
 * `ret->owner` is NULL. */
SG_MUST_CHECK enum sg_rc sg_crl_reindex(const struct sg_snapshot *snapshot, size_t index, OSSL_LIB_CTX *libctx,
                                        struct sg_checked_crl *ret, struct sg_err *err);
void sg_checked_crl_clear(struct sg_checked_crl *crl);

/* An OCSP response that may enter the snapshot: of its answers those that count, about certificates of `issuers`, each
 * with a path to an anchor, and signed by that CA or its responder. None does: SG_E_POLICY, saying why. */
struct sg_ocsp_facts {
    struct sg_ocsp_fact *facts;
    size_t count;
};

/* What a response has to be the answer to. */
struct sg_ocsp_question {
    X509 *cert, *issuer;
    struct sg_slice nonce; /* a response that has none may answer it all the same (RFC 6960 §4.4.1) */
};

/* `asked`: only its issuer counts, and only what is said of its certificate; NULL: nothing was asked. */
SG_MUST_CHECK enum sg_rc sg_ocsp_check(struct sg_verifier *verifier, struct sg_slice response,
                                       const STACK_OF(X509) *issuers, const struct sg_ocsp_question *asked,
                                       struct sg_ocsp_facts *ret, struct sg_err *err);
void sg_ocsp_facts_clear(struct sg_ocsp_facts *facts);

/* Whether the names, identifiers and usage of the two fit, and the signature. */
bool sg_cert_is_issued_by(X509 *cert, X509 *issuer);

/* Whether basicConstraints say that it is a CA's (RFC 5280 §4.2.1.9): only then can it be an anchor of others. */
bool sg_cert_is_ca(X509 *cert);

/* Whether a key may sign documents with this certificate: keyUsage absent, digitalSignature or nonRepudiation; not a
 * CA-only certificate. */
bool sg_cert_may_sign(X509 *cert);
