/* Witnesses of the ledger: what others hold that says how it was.
 *
 * A statement says which entry was the ledger's last, and its hash, which binds all before it. Its SHA-256 is
 * time-stamped and its bytes are stored at each target, so that the ledger up to there can no longer be cut off,
 * written anew or put back as it was before without it showing. In exactly these bytes (no white space, no line end),
 * so that they can be made again from what the store keeps of them:
 *
 *   {"schema":"signet.ledger-head/1","store":"ID","number":N,"hash":"HEX","time":"2026-11-26T01:30:00Z"} */
#pragma once

#include "store/ledger.h"

#define SG_STORE_ID 33 /* 32 hex digits: chosen at random when the store was made */

struct sg_statement {
    char store[SG_STORE_ID];
    int64_t number; /* of the last entry */
    uint8_t hash[SG_SHA256_LEN];
    int64_t time; /* when it was made, by this computer's clock */
};

#define SG_MAX_STATEMENT 256

/* Appends its bytes. */
SG_MUST_CHECK enum sg_rc sg_statement_write(const struct sg_statement *statement, struct sg_buf *out,
                                            struct sg_err *err);
/* Other bytes than such a statement has: SG_E_MALFORMED, naming `name`. */
SG_MUST_CHECK enum sg_rc sg_statement_read(const char *name, struct sg_slice bytes, struct sg_statement *ret,
                                           struct sg_err *err);
/* Of its bytes: what is time-stamped, and under which it is stored. */
SG_MUST_CHECK enum sg_rc sg_statement_sha256(const struct sg_statement *statement, OSSL_LIB_CTX *libctx,
                                             uint8_t out[SG_SHA256_LEN], struct sg_err *err);

/* --- in the store ------------------------------------------------------------------------------------------------- */

SG_MUST_CHECK enum sg_rc sg_store_id(struct sg_store *store, char out[SG_STORE_ID], struct sg_err *err);

/* The statement that is to be witnessed: a new one if the ledger has grown since the last was made, else the last.
 * Entries about witnesses that could not be had ("witness-failed") do not count, or there would be no end of it.
 * `*ret_any` is false if the ledger is empty. */
SG_MUST_CHECK enum sg_rc sg_witness_begin(struct sg_store *store, struct sg_statement *ret, bool *ret_any,
                                          struct sg_err *err);

enum sg_witness_kind { SG_WITNESS_TSA = 1, SG_WITNESS_TARGET = 2 };

struct sg_witness {
    struct sg_statement statement;
    enum sg_witness_kind kind;
    const char *name;      /* of a target's section; of a TSA: which one */
    const char *url;       /* of the object at a target; of a TSA "" */
    int64_t time;          /* a TSA's genTime; when the target's copy was compared */
    struct sg_slice token; /* the time-stamp, DER */
};

/* It is witnessed. */
SG_MUST_CHECK enum sg_rc sg_witness_add(struct sg_store *store, const struct sg_witness *witness, struct sg_err *err);
/* It could not be had from this one; of TSAs, from none. In the ledger when its code is another than that of the
 * failure before. */
SG_MUST_CHECK enum sg_rc sg_witness_failed(struct sg_store *store, enum sg_witness_kind kind, const char *name,
                                           const struct sg_err *why, struct sg_err *err);

/* Forgets the failures of those that are asked no longer. */
SG_MUST_CHECK enum sg_rc sg_witness_failures_keep(struct sg_store *store,
                                                  bool (*is_asked)(void *context, enum sg_witness_kind kind,
                                                                   const char *name),
                                                  void *context, struct sg_err *err);

/* Takes witnesses by number; what it is given is borrowed. Anything but SG_OK stops the reading. */
struct sg_witness_reader {
    enum sg_rc (*take)(void *context, const struct sg_witness *witness, struct sg_err *err);
    void *context;
};

/* Those of statements about entries in the range. The reader must not use the store. */
SG_MUST_CHECK enum sg_rc sg_witness_read(struct sg_store *store, struct sg_ledger_range range,
                                         struct sg_witness_reader reader, struct sg_err *err);
