/* The ledger: what was done with which key, each entry bound to the one before (ledger.h). */
#include "store/ledger.h"

#include <string.h>

#include "base/msg.h"
#include "db.h"

#define DOMAIN "signet.ledger/1"

const char *sg_ledger_text_name(enum sg_ledger_text text)
{
    static const char *const names[] = {
        [SG_LEDGER_EVENT] = "event", [SG_LEDGER_CODE] = "code",     [SG_LEDGER_TOKEN] = "token",
        [SG_LEDGER_KEY] = "key",     [SG_LEDGER_OBJECT] = "object", [SG_LEDGER_DETAIL] = "detail"};

    return names[text];
}

/* --- the hash ----------------------------------------------------------------------------------------------------- */

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

/* What follows the hash `previous`, which the entry itself may name another way. */
static enum sg_rc hash_entry(EVP_MD_CTX *digest, const EVP_MD *sha256, const uint8_t previous[SG_SHA256_LEN],
                             const struct sg_ledger_record *record, uint8_t hash[SG_SHA256_LEN], struct sg_err *err)
{
    bool ok = EVP_DigestInit_ex2(digest, sha256, NULL) == 1 && EVP_DigestUpdate(digest, DOMAIN, strlen(DOMAIN)) == 1 &&
              EVP_DigestUpdate(digest, previous, SG_SHA256_LEN) == 1 && add_number(digest, (uint64_t)record->number) &&
              add_number(digest, (uint64_t)record->time);

    for (size_t i = 0; ok && i < SG_LEDGER_TEXTS; i++)
        ok = add_number(digest, record->texts[i].len) &&
             EVP_DigestUpdate(digest, record->texts[i].data, record->texts[i].len) == 1;
    if (!ok || EVP_DigestFinal_ex(digest, hash, NULL) != 1)
        return sg_fail_ssl(err, SG_E_INTERNAL, _("The hash of a ledger entry could not be computed."));
    return SG_OK;
}

/* --- appending ---------------------------------------------------------------------------------------------------- */

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
    struct sg_ledger_record record = {.number = store->ledger_number + 1, .time = sg_clock_now(&store->clock)};
    uint8_t hash[SG_SHA256_LEN];
    struct sg_value values[] = {
        sg_value_integer(record.number),
        sg_value_integer(record.time),
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
    for (size_t i = 0; i < SG_LEDGER_TEXTS; i++)
        record.texts[i] = values[2 + i].bytes;
    rc = hash_entry(store->digest, store->sha256, store->ledger_hash, &record, hash, err);
    if (rc == SG_OK)
        rc = sg_db_run(store, SG_SQL_LEDGER_ADD, values, SG_COUNT(values), err);
    if (rc != SG_OK)
        return rc;
    store->ledger_number = record.number;
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

/* --- reading ------------------------------------------------------------------------------------------------------ */

enum sg_rc sg_ledger_find(struct sg_store *store, int64_t since, int64_t until, struct sg_ledger_range *ret,
                          struct sg_err *err)
{
    const struct sg_value values[] = {sg_value_integer(since), sg_value_integer(until)};
    _cleanup_(sg_rows_resetp) sqlite3_stmt *rows = NULL;
    bool row;

    enum sg_rc rc = sg_db_query(store, SG_SQL_LEDGER_RANGE, values, SG_COUNT(values), &rows, err);
    if (rc == SG_OK)
        rc = sg_db_next(store, rows, &row, err); /* one row always */
    if (rc == SG_OK)
        *ret = (struct sg_ledger_range){sqlite3_column_int64(rows, 0), sqlite3_column_int64(rows, 1)};
    return rc;
}

enum sg_rc sg_ledger_read(struct sg_store *store, struct sg_ledger_range range, struct sg_ledger_reader reader,
                          struct sg_err *err)
{
    const struct sg_value values[] = {sg_value_integer(range.first), sg_value_integer(range.last)};
    _cleanup_(sg_rows_resetp) sqlite3_stmt *rows = NULL;
    bool row = false;

    enum sg_rc rc = sg_db_query(store, SG_SQL_LEDGER_READ, values, SG_COUNT(values), &rows, err);
    if (rc == SG_OK)
        rc = sg_db_next(store, rows, &row, err);
    while (rc == SG_OK && row) {
        struct sg_ledger_record record = {.number = sqlite3_column_int64(rows, 0),
                                          .time = sqlite3_column_int64(rows, 1),
                                          .previous = sg_db_bytes(rows, 8),
                                          .hash = sg_db_bytes(rows, 9)};
        for (int i = 0; i < SG_LEDGER_TEXTS; i++)
            record.texts[i] = sg_db_bytes(rows, 2 + i);
        rc = reader.take(reader.context, &record, err);
        if (rc == SG_OK)
            rc = sg_db_next(store, rows, &row, err);
    }
    return rc;
}

/* --- the chain ---------------------------------------------------------------------------------------------------- */

enum sg_rc sg_ledger_chain_init(struct sg_ledger_chain *chain, OSSL_LIB_CTX *libctx, struct sg_err *err)
{
    *chain =
        (struct sg_ledger_chain){.sha256 = EVP_MD_fetch(libctx, "SHA256", NULL), .digest = EVP_MD_CTX_new(), .next = 1};
    if (!chain->sha256 || !chain->digest)
        return sg_fail_ssl(err, SG_E_INTERNAL, _("SHA-256 is not available."));
    return SG_OK;
}

void sg_ledger_chain_clear(struct sg_ledger_chain *chain)
{
    EVP_MD_CTX_free(sg_steal(chain->digest));
    EVP_MD_free(sg_steal(chain->sha256));
}

bool sg_ledger_chain_begin_at(struct sg_ledger_chain *chain, const struct sg_ledger_record *record)
{
    if (record->number < 1 || record->previous.len != SG_SHA256_LEN)
        return false;
    chain->next = record->number;
    if (record->number > 1)
        memcpy(chain->hash, record->previous.data, SG_SHA256_LEN);
    return true;
}

enum sg_rc sg_ledger_chain_take(struct sg_ledger_chain *chain, const struct sg_ledger_record *record,
                                struct sg_err *err)
{
    const struct sg_slice before = {chain->hash, SG_SHA256_LEN};
    uint8_t computed[SG_SHA256_LEN];

    chain->count++;
    if (chain->bad != 0)
        return SG_OK;
    enum sg_rc rc = hash_entry(chain->digest, chain->sha256, chain->hash, record, computed, err);
    if (rc != SG_OK)
        return rc;
    if (record->number != chain->next || !sg_slice_equal(record->previous, before) ||
        !sg_slice_equal(record->hash, (struct sg_slice){computed, SG_SHA256_LEN}))
        chain->bad = chain->next;
    memcpy(chain->hash, computed, SG_SHA256_LEN);
    chain->next++;
    return SG_OK;
}
