/* The ledger read, and its chain recomputed: from the store, or from an export of it, which needs no store.
 * docs/ledger.md is the format for whoever checks it with a program of their own.
 *
 *   hash = SHA-256( "signet.ledger/1"      15 bytes of ASCII
 *                   previous               32 bytes: the hash of the entry before; of the first, 32 zero bytes
 *                   number                 8 bytes: 1, 2, 3 without gaps
 *                   time                   8 bytes: seconds since 1970-01-01T00:00:00Z
 *                   for each of event, code, token, key, object, detail:
 *                       length             8 bytes: of what follows
 *                       text               as stored: UTF-8, what is not UTF-8 escaped (sg_values_escape()) )
 *
 * All numbers are big-endian, two's complement. So no two entries have the same input, and a changed, removed, inserted
 * or reordered entry breaks the chain. What the chain cannot show by itself: that its newest entries were cut off, or
 * that all of it was written anew by someone who can write the file. For that there are witnesses (witness.h). */
#pragma once

#include <openssl/types.h>

#include "base/crypto.h"
#include "store/store.h"

/* The texts of an entry, in the order in which they are hashed. */
enum sg_ledger_text {
    SG_LEDGER_EVENT,
    SG_LEDGER_CODE,
    SG_LEDGER_TOKEN,
    SG_LEDGER_KEY,
    SG_LEDGER_OBJECT,
    SG_LEDGER_DETAIL,
    SG_LEDGER_TEXTS
};

const char *sg_ledger_text_name(enum sg_ledger_text text); /* "event" ... "detail" */

/* An entry as it stands, whether it fits or not; everything is borrowed. */
struct sg_ledger_record {
    int64_t number, time;
    struct sg_slice texts[SG_LEDGER_TEXTS];
    struct sg_slice previous, hash; /* of a ledger that nobody changed: SG_SHA256_LEN */
};

/* Takes entries as they are read. Anything but SG_OK stops the reading. */
struct sg_ledger_reader {
    enum sg_rc (*take)(void *context, const struct sg_ledger_record *record, struct sg_err *err);
    void *context;
};

/* --- in the store ------------------------------------------------------------------------------------------------- */

/* Numbers of entries, both included; nothing is in it if `last` is less than `first`. */
struct sg_ledger_range {
    int64_t first, last;
};

#define SG_LEDGER_ALL ((struct sg_ledger_range){INT64_MIN, INT64_MAX})

/* From the first entry made at `since` or later to the last one made before `until`, with all that stands between,
 * since the clock may have been set back meanwhile. INT64_MIN, INT64_MAX: from the first, to the last. */
SG_MUST_CHECK enum sg_rc sg_ledger_find(struct sg_store *store, int64_t since, int64_t until,
                                        struct sg_ledger_range *ret, struct sg_err *err);
/* By number. The reader must not use the store. */
SG_MUST_CHECK enum sg_rc sg_ledger_read(struct sg_store *store, struct sg_ledger_range range,
                                        struct sg_ledger_reader reader, struct sg_err *err);

/* --- the chain ---------------------------------------------------------------------------------------------------- */

/* Recomputes what it is given, entry after entry. */
struct sg_ledger_chain {
    EVP_MD *sha256;
    EVP_MD_CTX *digest;
    int64_t next;                /* the number that the next entry must have */
    uint8_t hash[SG_SHA256_LEN]; /* of the entry before it */
    int64_t count;               /* entries taken */
    int64_t bad;                 /* number of the first that did not fit; 0: all did */
};

/* A chain that begins with entry 1. Cleared by sg_ledger_chain_clear() also after a failure. */
SG_MUST_CHECK enum sg_rc sg_ledger_chain_init(struct sg_ledger_chain *chain, OSSL_LIB_CTX *libctx, struct sg_err *err);
void sg_ledger_chain_clear(struct sg_ledger_chain *chain);
/* Before the first entry: the chain begins with this one, and what it says of the one before is believed. False: it
 * cannot be an entry. */
SG_MUST_CHECK bool sg_ledger_chain_begin_at(struct sg_ledger_chain *chain, const struct sg_ledger_record *record);
/* After the first that did not fit nothing is recomputed any more, only counted. */
SG_MUST_CHECK enum sg_rc sg_ledger_chain_take(struct sg_ledger_chain *chain, const struct sg_ledger_record *record,
                                              struct sg_err *err);
