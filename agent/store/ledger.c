/* The ledger: what was done with which key, each entry bound to the one before.
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
 * that all of it was written anew by someone who can write the file. For that, the last hash must be kept elsewhere. */
#include "db.h"

#include <string.h>

#include "base/msg.h"

#define DOMAIN "signet.ledger/1"

enum { FIELDS = 6 }; /* event, code, token, key, object, detail */

static void put_be64(uint8_t out[8], uint64_t number)
{
    for (size_t i = 0; i < 8; i++)
        out[i] = (uint8_t)(number >> (56 - 8 * i));
}

static bool add_number(EVP_MD_CTX *digest, uint64_t number)
{
    uint8_t bytes[8];

    put_be64(bytes, number);
    return EVP_DigestUpdate(digest, bytes, sizeof(bytes)) == 1;
}

static bool hash_entry(struct sg_store *store, const uint8_t previous[SG_SHA256_LEN], int64_t number, int64_t time,
                       const struct sg_slice fields[FIELDS], uint8_t hash[SG_SHA256_LEN])
{
    EVP_MD_CTX *digest = store->digest;
    bool ok = EVP_DigestInit_ex2(digest, store->sha256, NULL) == 1 &&
              EVP_DigestUpdate(digest, DOMAIN, strlen(DOMAIN)) == 1 &&
              EVP_DigestUpdate(digest, previous, SG_SHA256_LEN) == 1 && add_number(digest, (uint64_t)number) &&
              add_number(digest, (uint64_t)time);

    for (size_t i = 0; ok && i < FIELDS; i++)
        ok = add_number(digest, fields[i].len) && EVP_DigestUpdate(digest, fields[i].data, fields[i].len) == 1;
    return ok && EVP_DigestFinal_ex(digest, hash, NULL) == 1;
}

static enum sg_rc fail_hash(struct sg_err *err)
{
    return sg_fail_ssl(err, SG_E_INTERNAL, _("The hash of a ledger entry could not be computed."));
}

enum sg_rc sg_ledger_head(struct sg_store *store, struct sg_err *err)
{
    _cleanup_(sg_rows_resetp) sqlite3_stmt *rows = NULL;
    bool row;

    enum sg_rc rc = sg_db_query(store, SG_SQL_LEDGER_HEAD, NULL, 0, &rows, err);
    if (rc != SG_OK)
        return rc;
    rc = sg_db_next(store, rows, &row, err);
    if (rc != SG_OK)
        return rc;

    store->ledger_number = 0;
    memset(store->ledger_hash, 0, sizeof(store->ledger_hash));
    if (!row)
        return SG_OK;
    struct sg_slice hash = sg_db_bytes(rows, 1);
    int64_t number = sqlite3_column_int64(rows, 0);
    if (number < 1 || number == INT64_MAX || hash.len != SG_SHA256_LEN)
        return sg_db_damaged(store, _("the last entry of its ledger is not one"), err);
    store->ledger_number = number;
    memcpy(store->ledger_hash, hash.data, SG_SHA256_LEN);
    return SG_OK;
}

enum sg_rc sg_ledger_add(struct sg_store *store, const struct sg_ledger_entry *entry, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf scratch = SG_BUF(SG_MAX_ENTRY);
    int64_t number = store->ledger_number + 1, time = sg_clock_now(&store->clock);
    uint8_t hash[SG_SHA256_LEN];
    struct sg_slice fields[FIELDS];
    struct sg_value values[] = {
        sg_value_integer(number),
        sg_value_integer(time),
        sg_value_text(entry->event),
        sg_value_text(entry->code),
        sg_value_text(entry->token),
        sg_value_text(entry->key),
        sg_value_text(entry->object),
        sg_value_text(entry->detail),
        sg_value_blob((struct sg_slice){store->ledger_hash, SG_SHA256_LEN}),
        sg_value_blob((struct sg_slice){hash, SG_SHA256_LEN}),
    };

    enum sg_rc rc = sg_values_escape(values, SG_COUNT(values), &scratch, err);
    if (rc != SG_OK)
        return rc;
    for (size_t i = 0; i < FIELDS; i++)
        fields[i] = values[2 + i].bytes;
    if (!hash_entry(store, store->ledger_hash, number, time, fields, hash))
        return fail_hash(err);
    rc = sg_db_run(store, SG_SQL_LEDGER_ADD, values, SG_COUNT(values), err);
    if (rc != SG_OK)
        return rc;
    store->ledger_number = number;
    memcpy(store->ledger_hash, hash, sizeof(hash));
    return SG_OK;
}

enum sg_rc sg_ledger_append(struct sg_store *store, const struct sg_ledger_entry *entry, struct sg_err *err)
{
    struct sg_operation operation;

    enum sg_rc rc = sg_operation_begin(&operation, store, err);
    if (rc != SG_OK)
        return rc;
    return sg_operation_end(&operation, sg_ledger_add(store, entry, err), err);
}

/* Whether the row is entry `number`, follows `hash`, and has the hash that it should; `hash` becomes its own. */
static enum sg_rc check_row(struct sg_store *store, sqlite3_stmt *row, int64_t number, uint8_t hash[SG_SHA256_LEN],
                            bool *ret_fits, struct sg_err *err)
{
    struct sg_slice fields[FIELDS];
    uint8_t computed[SG_SHA256_LEN];
    struct sg_slice previous = sg_db_bytes(row, 8), stored = sg_db_bytes(row, 9);

    for (int i = 0; i < FIELDS; i++)
        fields[i] = sg_db_bytes(row, 2 + i);
    if (!hash_entry(store, hash, number, sqlite3_column_int64(row, 1), fields, computed))
        return fail_hash(err);
    *ret_fits = sqlite3_column_int64(row, 0) == number &&
                sg_slice_equal(previous, (struct sg_slice){hash, SG_SHA256_LEN}) &&
                sg_slice_equal(stored, (struct sg_slice){computed, SG_SHA256_LEN});
    memcpy(hash, computed, SG_SHA256_LEN);
    return SG_OK;
}

enum sg_rc sg_ledger_check(struct sg_store *store, int64_t *ret_count, int64_t *ret_bad, struct sg_err *err)
{
    _cleanup_(sg_rows_resetp) sqlite3_stmt *rows = NULL;
    uint8_t hash[SG_SHA256_LEN] = {0};
    int64_t count = 0, bad = 0;

    enum sg_rc rc = sg_db_query(store, SG_SQL_LEDGER_ALL, NULL, 0, &rows, err);
    if (rc != SG_OK)
        return rc;
    for (;;) {
        bool row, fits = true;

        rc = sg_db_next(store, rows, &row, err);
        if (rc != SG_OK)
            return rc;
        if (!row)
            break;
        count++;
        if (bad == 0)
            rc = check_row(store, rows, count, hash, &fits, err);
        if (rc != SG_OK)
            return rc;
        if (!fits)
            bad = count;
    }
    *ret_count = count;
    *ret_bad = bad;
    return SG_OK;
}
