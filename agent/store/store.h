/* The store: SQLite (WAL, synchronous=FULL) in `store.db`, with migrations. Anchors, CRLs, the ledger, documents
 * signed. Verification never opens it; it reads the snapshot that the store writes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "store/snapshot.h"

/* Used by one thread at a time; other threads and processes have their own. */
struct sg_store;

/* Opens FOLDER/store.db, making it (0700, 0600) and bringing its schema up to date; a newer schema: SG_E_STORE_DAMAGED
 * saying so. Another process holds it for longer than a bounded wait: SG_E_BUSY. */
SG_MUST_CHECK enum sg_rc sg_store_open(const char *state_folder, OSSL_LIB_CTX *libctx, const struct sg_clock *clock,
                                       struct sg_store **ret, struct sg_err *err);
/* A copy of it in memory, as it is now and with the schema brought up to date, or an empty one if there is none: what
 * is changed in it is lost, and on disk nothing is made or changed. Not to be published. */
SG_MUST_CHECK enum sg_rc sg_store_open_copy(const char *state_folder, OSSL_LIB_CTX *libctx,
                                            const struct sg_clock *clock, struct sg_store **ret, struct sg_err *err);
void sg_store_free(struct sg_store *store);
SG_DEFINE_CLEANUP(struct sg_store, sg_store_free)

/* One transaction, for what belongs together. Everything below may be called inside or outside one; not nested. A store
 * that is freed, or a commit that fails, rolls back. */
SG_MUST_CHECK enum sg_rc sg_store_begin(struct sg_store *store, struct sg_err *err);
SG_MUST_CHECK enum sg_rc sg_store_commit(struct sg_store *store, struct sg_err *err);
void sg_store_rollback(struct sg_store *store);
/* While it is relaxed, a commit survives the end of this program, but not yet that of the machine: it does not wait for
 * the disk. The first commit after that waits for all of them. Outside a transaction. */
SG_MUST_CHECK enum sg_rc sg_store_relax(struct sg_store *store, bool relaxed, struct sg_err *err);

/* --- anchors and CRLs: each change is in the ledger, and sg_store_publish() writes the snapshot ------------------ */

/* `limits`: text that verify/anchor_limits.h has checked; "": none. Again: purposes and limits are replaced. */
SG_MUST_CHECK enum sg_rc sg_store_anchor_add(struct sg_store *store, const X509 *cert, unsigned purposes,
                                             const char *limits, const char *source, struct sg_err *err);
SG_MUST_CHECK enum sg_rc sg_store_anchor_remove(struct sg_store *store, const char *sha256_hex,
                                                struct sg_err *err); /* not there: SG_E_NOT_FOUND */
/* A CRL whose signature the caller has checked, with its index. One older than what is there from the same issuer (name
 * and key) and scope does not replace it: SG_E_POLICY, saying so. A delta CRL is kept beside the complete one. */
SG_MUST_CHECK enum sg_rc sg_store_crl_add(struct sg_store *store, const struct sg_checked_crl *crl, struct sg_err *err);
/* Writes only its index, for a CRL of the store whose index was lost. */
SG_MUST_CHECK enum sg_rc sg_store_crl_index_put(struct sg_store *store, const struct sg_checked_crl *crl,
                                                struct sg_err *err);
/* An OCSP response whose signature the caller has checked, with those of its answers that count. One that is older than
 * what is there about the same certificate, or takes a revocation back, does not replace it: SG_E_POLICY, saying so. */
SG_MUST_CHECK enum sg_rc sg_store_ocsp_add(struct sg_store *store, struct sg_slice response,
                                           const struct sg_ocsp_fact *facts, size_t count, struct sg_err *err);
/* Writes the snapshot and renames it into place. Call after the commit; if the program dies in between, the next
 * sg_store_open() makes up for it. */
SG_MUST_CHECK enum sg_rc sg_store_publish(struct sg_store *store, struct sg_err *err);

/* --- certificates that are no anchors: of signers, and of the CAs between them and an anchor ---------------------- */

/* Remembers a certificate; `source` says where it is from ("signer", "token", "aia URL"). That of a CA is offered to
 * verification as a helper, which vouches for nothing: publish it. One that is there already stays as it is. */
SG_MUST_CHECK enum sg_rc sg_store_certificate_add(struct sg_store *store, X509 *cert, const char *source,
                                                  struct sg_err *err);
/* Appends them all. */
SG_MUST_CHECK enum sg_rc sg_store_certificates(struct sg_store *store, STACK_OF(X509) *certs, struct sg_err *err);

/* --- the ledger: hash-chained, append only ------------------------------------------------------------------------ */

struct sg_ledger_entry {
    /* "pin-changed", "pin-unblocked", "token-initialised" and the same with "-failed", "pin-cleared", "sign",
     * "sign-failed", "decrypt", "decrypt-failed", "check", "check-failed", "trust-add", "trust-remove", "crl-add",
     * "ocsp-add", "anchor-list", "setup", "import", "retire"; "keygen-begun", then "keygen" or "keygen-failed", and
     * likewise "delete"; of the outbox "uploaded", "timestamped", "clock-differs", "clock-ahead", "clock-wrong",
     * "clock-right", "sync-failed", "dropped", "forgotten", "expired" */
    const char *event;
    const char *code;   /* of a failure: its stable word; else "" */
    const char *token;  /* serial, or "" */
    const char *key;    /* SHA-256 of the certificate (of "keygen", "delete": of the SPKI), hex, or "" */
    const char *object; /* what it was about: a path, an anchor's SHA-256, a key's CKA_ID in hex */
    const char *detail; /* a sentence, or "" */
};

/* Each entry is numbered, timed, and holds the SHA-256 of the one before (ledger.h). */
SG_MUST_CHECK enum sg_rc sg_ledger_append(struct sg_store *store, const struct sg_ledger_entry *entry,
                                          struct sg_err *err);

/* --- documents signed --------------------------------------------------------------------------------------------- */

struct sg_document {
    const char *input, *output;   /* absolute paths */
    const char *digest_algorithm; /* "sha256" */
    const char *content_digest;   /* hex, of the original, by that algorithm */
    const char *result_sha256;    /* hex, of the signed file */
    const char *format;           /* "CAdES", "PAdES", "ASiC-E", "ASiC-S" */
    const char *key;              /* SHA-256 of the certificate, hex */
    const char *token;            /* serial */
    const char *custody;          /* basis */
    int64_t claimed_time;
    const char *clock_state; /* "ok", or what was wrong: "before-build", "before-last-record", "before-crl" */
    const char *remarks;     /* "allowed: expired certificate", ...; or "" */
    const char *manifest;    /* hex, the SHA-256 of the list that it was signed by; NULL: there was none */
};

/* Records the document and its "sign" ledger entry. */
SG_MUST_CHECK enum sg_rc sg_store_document_add(struct sg_store *store, const struct sg_document *document,
                                               struct sg_err *err);
/* The number of the document just recorded, in the same transaction: its ledger entry's. */
int64_t sg_store_document_number(const struct sg_store *store);

/* Of a document, what tells whether a file is its signed one. Borrowed. */
struct sg_signed_file {
    const char *output;
    const char *digest_algorithm, *content_digest, *result_sha256; /* as above */
    const char *newest_sha256; /* of what sync has made of it, hex; "": it was not queued */
};

/* All documents, in the order in which they were signed. Anything but SG_OK from `each`, which must not use the store,
 * ends the walk. */
typedef enum sg_rc sg_signed_file_fn(void *context, const struct sg_signed_file *file, struct sg_err *err);
SG_MUST_CHECK enum sg_rc sg_store_documents(struct sg_store *store, sg_signed_file_fn *each, void *context,
                                            struct sg_err *err);

/* --- tokens --------------------------------------------------------------------------------------------------------
 *
 * Of a key that is made or deleted the ledger has two entries: "...-begun" before the token is asked, and the outcome
 * after. So a run that was killed in between is known. A token is named by its serial, a key by the SHA-256 of its SPKI
 * in hex. */

/* Whether the ledger has the making of this key. */
SG_MUST_CHECK enum sg_rc sg_store_key_generated(struct sg_store *store, const char *spki_sha256, bool *ret,
                                                struct sg_err *err);
/* Whether the ledger names the token at all. */
SG_MUST_CHECK enum sg_rc sg_store_token_known(struct sg_store *store, const char *token, bool *ret, struct sg_err *err);
/* When it was retired first; INT64_MIN: it was not. */
SG_MUST_CHECK enum sg_rc sg_store_token_retired(struct sg_store *store, const char *token, int64_t *ret,
                                                struct sg_err *err);
/* The first `event` ("keygen") on the token that was begun and has no outcome: its entry's object, for the caller to
 * free, and time. NULL: there is none. */
SG_MUST_CHECK enum sg_rc sg_store_token_unfinished(struct sg_store *store, const char *token, const char *event,
                                                   char **ret_object, int64_t *ret_time, struct sg_err *err);
/* Remembers a certificate that is on the token, for the day when it has to be revoked. */
SG_MUST_CHECK enum sg_rc sg_store_token_certificate_add(struct sg_store *store, const char *token, const X509 *cert,
                                                        struct sg_err *err);
/* Appends those remembered. */
SG_MUST_CHECK enum sg_rc sg_store_token_certificates(struct sg_store *store, const char *token, STACK_OF(X509) *certs,
                                                     struct sg_err *err);

/* --- the clock ---------------------------------------------------------------------------------------------------- */

/* The latest time the store knows of: of its records, and of a CRL's thisUpdate. INT64_MIN if there is none. */
SG_MUST_CHECK enum sg_rc sg_store_latest(struct sg_store *store, int64_t *ret_record, int64_t *ret_crl,
                                         struct sg_err *err);
