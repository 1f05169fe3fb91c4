/* What the files of this folder share: the open store, statements with their values, transactions. The only header that
 * sees SQLite. */
#pragma once

#include <sqlite3.h>

#include <openssl/evp.h>

#include "base/crypto.h"
#include "base/limits.h"
#include "store/store.h"

/* Every statement that is run more than once, prepared on first use and kept. */
enum sg_sql {
    SG_SQL_BEGIN,
    SG_SQL_COMMIT,
    SG_SQL_LEDGER_HEAD,
    SG_SQL_LEDGER_ADD,
    SG_SQL_LEDGER_READ,
    SG_SQL_LEDGER_RANGE,
    SG_SQL_STORE_ID,
    SG_SQL_STATEMENT_NEWEST,
    SG_SQL_STATEMENT_ADD,
    SG_SQL_WITNESS_ADD,
    SG_SQL_WITNESS_READ,
    SG_SQL_WITNESS_FAILED,
    SG_SQL_WITNESS_IS_FAILING,
    SG_SQL_WITNESS_RECOVERED,
    SG_SQL_WITNESS_FAILURES,
    SG_SQL_CLOCK_IS_WRONG,
    SG_SQL_OVERVIEW,
    SG_SQL_OVERVIEW_BYTES,
    SG_SQL_OVERVIEW_WAITING,
    SG_SQL_ANCHOR_PUT,
    SG_SQL_ANCHOR_REMOVE,
    SG_SQL_ANCHOR_ALL,
    SG_SQL_CRL_GET,
    SG_SQL_CRL_PUT,
    SG_SQL_CRL_ALL,
    SG_SQL_OCSP_GET,
    SG_SQL_OCSP_PUT,
    SG_SQL_OCSP_ALL,
    SG_SQL_CERTIFICATE_PUT,
    SG_SQL_CERTIFICATE_ALL,
    SG_SQL_HELPER_ALL,
    SG_SQL_PULL_GET,
    SG_SQL_PULL_PUT,
    SG_SQL_PULLS_RETRY_SOME,
    SG_SQL_PULLS_RETRY,
    SG_SQL_PULL_FORGET,
    SG_SQL_PULL_ALL,
    SG_SQL_LIST_GET,
    SG_SQL_LIST_PUT,
    SG_SQL_ANCHOR_LISTED,
    SG_SQL_ANCHOR_ORIGIN,
    SG_SQL_DOCUMENT_ADD,
    SG_SQL_DOCUMENT_ALL,
    SG_SQL_UNPUBLISHED_GET,
    SG_SQL_UNPUBLISHED_SET,
    SG_SQL_TRUST_SIZE,
    SG_SQL_LATEST,
    SG_SQL_KEY_GENERATED,
    SG_SQL_TOKEN_KNOWN,
    SG_SQL_TOKEN_RETIRED,
    SG_SQL_TOKEN_UNFINISHED,
    SG_SQL_TOKEN_CERTIFICATE_ADD,
    SG_SQL_TOKEN_CERTIFICATE_ALL,
    SG_SQL_RUN_GET,
    SG_SQL_RUN_ADD,
    SG_SQL_RUN_ALL,
    SG_SQL_MAKING_NEXT,
    SG_SQL_MAKING_ADD,
    SG_SQL_MAKING_SET,
    SG_SQL_MAKING_VOID,
    SG_SQL_MAKING_VOID_ROW,
    SG_SQL_MAKING_ALL,
    SG_SQL_OUTBOX_ADD,
    SG_SQL_VERSION_ADD,
    SG_SQL_STEP_ADD,
    SG_SQL_OUTBOX_PLACED,
    SG_SQL_STEP_DELETE,
    SG_SQL_VERSION_DELETE,
    SG_SQL_OUTBOX_DELETE,
    SG_SQL_DOCUMENT_DELETE,
    SG_SQL_DOCUMENT_GET,
    SG_SQL_OUTBOX_GET,
    SG_SQL_OUTBOX_APART,
    SG_SQL_OUTBOX_UNPLACED,
    SG_SQL_OUTBOX_BEHIND,
    SG_SQL_OUTBOX_BY_PATH,
    SG_SQL_OUTBOX_BY_NAME,
    SG_SQL_OUTBOX_BY_SHA256,
    SG_SQL_VERSIONS_OF,
    SG_SQL_OUTBOX_CLOSE,
    SG_SQL_OUTBOX_FORGET,
    SG_SQL_OUTBOX_EXPIRED,
    SG_SQL_BLOB_NEEDED,
    SG_SQL_STEPS_DUE,
    SG_SQL_STEPS_OF,
    SG_SQL_STEPS_WAITING,
    SG_SQL_STEPS_NEXT,
    SG_SQL_STEPS_COUNT_DUE,
    SG_SQL_STEPS_SHORT,
    SG_SQL_STEPS_POSTPONE,
    SG_SQL_STEPS_RETRY_SOME,
    SG_SQL_STEP_GET,
    SG_SQL_STEP_BEGIN,
    SG_SQL_STEP_UNSENT,
    SG_SQL_STEP_FAILED,
    SG_SQL_STEP_SENDS,
    SG_SQL_STEP_REMEMBER,
    SG_SQL_STEP_RECALL,
    SG_SQL_STEP_DONE,
    SG_SQL_STEPS_RETRY,
    SG_SQL_STEPS_DROP,
    SG_SQL_RECEIPT_ADD,
    SG_SQL_RECEIPTS_OF,
    SG_SQL_UPLOADS_ADD,
    SG_SQL_UPLOADS_INSTEAD,
    SG_SQL_OUTBOX_DELIVERED,
    SG_SQL_OUTBOX_LEVEL,
    SG_SQL_COUNT
};

enum sg_transaction {
    SG_TRANSACTION_NONE,
    SG_TRANSACTION_OPEN,
    SG_TRANSACTION_BROKEN, /* part of an operation is missing: it can only be rolled back */
};

struct sg_store {
    sqlite3 *db;
    sqlite3_stmt *statements[SG_SQL_COUNT];
    char *folder; /* the state folder */
    char *path;   /* of store.db */
    OSSL_LIB_CTX *libctx;
    struct sg_clock clock;
    EVP_MD *sha256;
    EVP_MD_CTX *digest; /* the ledger's, used again for each entry */
    int log_pages;      /* in the write-ahead log after the last commit */
    enum sg_transaction transaction;
    int64_t ledger_number; /* the ledger's last entry, while a transaction is open; 0: none */
    uint8_t ledger_hash[SG_SHA256_LEN];
};

/* Fills `err` from what SQLite said last. */
enum sg_rc sg_db_fail(const struct sg_store *store, struct sg_err *err);
/* The store is not as Signet left it; `what` says how. */
enum sg_rc sg_db_damaged(const struct sg_store *store, const char *what, struct sg_err *err);

/* --- statements --------------------------------------------------------------------------------------------------- */

struct sg_value {
    enum { SG_VALUE_INTEGER, SG_VALUE_TEXT, SG_VALUE_BLOB } type;
    int64_t integer;
    struct sg_slice bytes; /* borrowed until the statement is done */
};

/* The escaped texts of one record together. */
#define SG_MAX_ENTRY (256 * SG_KIB)

#define SG_COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct sg_value sg_value_integer(int64_t integer);
struct sg_value sg_value_text(const char *text);
struct sg_value sg_value_blob(struct sg_slice bytes);

/* Columns of text hold UTF-8, but a path is any bytes. Replaces each text that needs it by one in which a byte that is
 * not part of well-formed UTF-8, and a backslash, stands as `\xNN`. `scratch` keeps the new texts. */
SG_MUST_CHECK enum sg_rc sg_values_escape(struct sg_value *values, size_t count, struct sg_buf *scratch,
                                          struct sg_err *err);

/* Runs a statement that returns no rows. */
SG_MUST_CHECK enum sg_rc sg_db_run(struct sg_store *store, enum sg_sql which, const struct sg_value *values,
                                   size_t count, struct sg_err *err);
/* Starts one that does; its values must outlive it. Hold it with _cleanup_(sg_rows_resetp). */
SG_MUST_CHECK enum sg_rc sg_db_query(struct sg_store *store, enum sg_sql which, const struct sg_value *values,
                                     size_t count, sqlite3_stmt **ret, struct sg_err *err);
SG_MUST_CHECK enum sg_rc sg_db_next(struct sg_store *store, sqlite3_stmt *rows, bool *ret_row, struct sg_err *err);
/* Runs a statement and calls `each` with every row; anything but SG_OK from it ends the walk. `*ret_count` is how many
 * rows there were up to then. */
typedef enum sg_rc sg_row_fn(void *context, sqlite3_stmt *row, struct sg_err *err);
SG_MUST_CHECK enum sg_rc sg_db_walk(struct sg_store *store, enum sg_sql which, const struct sg_value *values,
                                    size_t count, sg_row_fn *each, void *context, int64_t *ret_count,
                                    struct sg_err *err);
void sg_rows_reset(sqlite3_stmt *rows);
SG_DEFINE_CLEANUP(sqlite3_stmt, sg_rows_reset)
/* A text or blob of the current row, until the next step; {NULL, 0} for NULL and "". */
struct sg_slice sg_db_bytes(sqlite3_stmt *rows, int column);
/* A text of the current row, until the next step; "" for NULL. */
const char *sg_db_text(sqlite3_stmt *rows, int column);
/* The same as it was before sg_values_escape(). Allocated. */
SG_MUST_CHECK enum sg_rc sg_db_unescaped(sqlite3_stmt *rows, int column, char **ret, struct sg_err *err);

/* --- transactions ------------------------------------------------------------------------------------------------- */

/* The part of a transaction that one operation is: the caller's transaction, or one of its own if there is none. */
struct sg_operation {
    struct sg_store *store;
    bool own;
    int64_t changes; /* rows changed before it began */
};

SG_MUST_CHECK enum sg_rc sg_operation_begin(struct sg_operation *operation, struct sg_store *store, struct sg_err *err);
/* Commits its own transaction if `rc` is SG_OK and rolls it back if not; returns `rc`, or why the commit failed. In the
 * caller's transaction, a failure that left part of the operation behind breaks the transaction. */
SG_MUST_CHECK enum sg_rc sg_operation_end(struct sg_operation *operation, enum sg_rc rc, struct sg_err *err);

/* --- the folder's other files ------------------------------------------------------------------------------------- */

/* Whether the database is ours, and how many steps of the schema's history it has; 0: it is empty (schema.c). */
SG_MUST_CHECK enum sg_rc sg_schema_check(struct sg_store *store, int64_t *ret_version, struct sg_err *err);
/* Applies the steps after `version`. */
SG_MUST_CHECK enum sg_rc sg_schema_migrate(struct sg_store *store, int64_t version, struct sg_err *err);
/* sg_ledger_append() within an operation (ledger.c). The head is read when a transaction begins. */
SG_MUST_CHECK enum sg_rc sg_ledger_head(struct sg_store *store, struct sg_err *err);
SG_MUST_CHECK enum sg_rc sg_ledger_add(struct sg_store *store, const struct sg_ledger_entry *entry, struct sg_err *err);
/* Appends the certificates of a statement's first column (certificates.c). */
SG_MUST_CHECK enum sg_rc sg_db_certificates(struct sg_store *store, enum sg_sql which, const struct sg_value *values,
                                            size_t count, STACK_OF(X509) *certs, struct sg_err *err);
/* The snapshot no longer says what the store says, until the next sg_store_publish(). What would not fit into one is
 * SG_E_LIMIT (publish.c). */
SG_MUST_CHECK enum sg_rc sg_trust_changed(struct sg_store *store, struct sg_err *err);
SG_MUST_CHECK enum sg_rc sg_publish_if_needed(struct sg_store *store, struct sg_err *err);
