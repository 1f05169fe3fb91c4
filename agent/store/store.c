/* Opening the store, and its transactions. */
#include "db.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/msg.h"
#include "base/outfile.h"

#define BUSY_MS 5000
/* Pages in the write-ahead log that make a commit copy them into the database; see configure(). */
#define CHECKPOINT_PAGES 256

/* Made here, for its mode: SQLite gives its other files the mode of the database. O_EXCL also because closing a file
 * that another connection of this process has open would drop that connection's POSIX locks. */
static enum sg_rc create_file(const struct sg_store *store, struct sg_err *err)
{
    _cleanup_(closep) int fd = open(store->path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0 && errno != EEXIST) {
        enum sg_rc rc =
            sg_fail_errno(err, SG_E_CANNOT_CREATE, errno,
                          _("The store \"%s\" cannot be made. Check who may write to its folder."), store->path);
        sg_err_file(err, store->path);
        return rc;
    }
    return SG_OK;
}

/* Changing the journal needs the database for itself and is refused at once if another process is just opening it, past
 * SQLite's own waiting: so it is waited for here. */
static int use_wal(sqlite3 *db)
{
    int code = SQLITE_BUSY;

    for (int waited = 0; code == SQLITE_BUSY && waited <= BUSY_MS; waited += 10) {
        code = sqlite3_exec(db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL) & 0xff;
        if (code == SQLITE_BUSY)
            (void)sqlite3_sleep(10);
    }
    return code;
}

static enum sg_rc configure(struct sg_store *store, struct sg_err *err)
{
    sqlite3 *db = store->db;

    /* The last process to close a database copies its log into it and removes the log: several fsyncs for a program
     * that signs one file. The log stays instead, and is copied when it has grown. It is read at the next opening, so
     * it is kept short. */
    if (sqlite3_busy_timeout(db, BUSY_MS) != SQLITE_OK ||
        sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL) != SQLITE_OK ||
        sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL) != SQLITE_OK ||
        sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL) != SQLITE_OK ||
        sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL) != SQLITE_OK ||
        sqlite3_wal_autocheckpoint(db, CHECKPOINT_PAGES) != SQLITE_OK || use_wal(db) != SQLITE_OK ||
        sqlite3_exec(db, "PRAGMA synchronous = FULL", NULL, NULL, NULL) != SQLITE_OK)
        return sg_db_fail(store, err);
    return SG_OK;
}

static enum sg_rc open_database(struct sg_store *store, struct sg_err *err)
{
    enum sg_rc rc = sg_folder_make(store->folder, err);
    if (rc != SG_OK)
        return rc;
    rc = create_file(store, err);
    if (rc != SG_OK)
        return rc;
    /* On failure there is still a connection, which has the error; NULL is out of memory, and SQLite's functions for
     * errors say so of NULL. A connection is used by one thread at a time. */
    if (sqlite3_open_v2(store->path, &store->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
                        NULL) != SQLITE_OK)
        return sg_db_fail(store, err);
    rc = configure(store, err);
    if (rc != SG_OK)
        return rc;
    return sg_schema_update(store, err);
}

enum sg_rc sg_store_open(const char *state_folder, OSSL_LIB_CTX *libctx, const struct sg_clock *clock,
                         struct sg_store **ret, struct sg_err *err)
{
    _cleanup_(sg_store_freep) struct sg_store *store = calloc(1, sizeof(*store));
    if (!store)
        return sg_fail_memory(err);
    store->libctx = libctx;
    store->clock = *clock;
    store->folder = strdup(state_folder);
    if (!store->folder)
        return sg_fail_memory(err);
    if (asprintf(&store->path, "%s/store.db", state_folder) < 0) {
        store->path = NULL;
        return sg_fail_memory(err);
    }
    store->sha256 = EVP_MD_fetch(libctx, "SHA256", NULL);
    store->digest = EVP_MD_CTX_new();
    if (!store->sha256 || !store->digest)
        return sg_fail_ssl(err, SG_E_INTERNAL, _("SHA-256 is not available."));

    enum sg_rc rc = open_database(store, err);
    if (rc != SG_OK)
        return rc;
    rc = sg_publish_if_needed(store, err);
    if (rc != SG_OK)
        return rc;
    *ret = sg_steal(store);
    return SG_OK;
}

void sg_store_free(struct sg_store *store)
{
    if (!store)
        return;
    for (size_t i = 0; i < SG_SQL_COUNT; i++)
        (void)sqlite3_finalize(store->statements[i]);
    (void)sqlite3_close(store->db); /* rolls back */
    EVP_MD_CTX_free(store->digest);
    EVP_MD_free(store->sha256);
    free(store->path);
    free(store->folder);
    free(store);
}

/* --- transactions ------------------------------------------------------------------------------------------------- */

enum sg_rc sg_store_begin(struct sg_store *store, struct sg_err *err)
{
    if (store->transaction != SG_TRANSACTION_NONE)
        return sg_fail(err, SG_E_INTERNAL, _("A transaction of the store was begun within another."));
    enum sg_rc rc = sg_db_run(store, SG_SQL_BEGIN, NULL, 0, err);
    if (rc != SG_OK)
        return rc;
    store->transaction = SG_TRANSACTION_OPEN;
    rc = sg_ledger_head(store, err);
    if (rc != SG_OK)
        sg_store_rollback(store);
    return rc;
}

enum sg_rc sg_store_commit(struct sg_store *store, struct sg_err *err)
{
    enum sg_rc rc = store->transaction == SG_TRANSACTION_NONE
                        ? sg_fail(err, SG_E_INTERNAL, _("There is no transaction of the store to commit."))
                        : sg_db_run(store, SG_SQL_COMMIT, NULL, 0, err); /* refuses a broken one */
    if (rc != SG_OK)
        sg_store_rollback(store);
    else
        store->transaction = SG_TRANSACTION_NONE;
    return rc;
}

void sg_store_rollback(struct sg_store *store)
{
    /* SQLite may have rolled back by itself: then this says so, and there is nothing to do. */
    (void)sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    store->transaction = SG_TRANSACTION_NONE;
}

enum sg_rc sg_operation_begin(struct sg_operation *operation, struct sg_store *store, struct sg_err *err)
{
    bool own = store->transaction == SG_TRANSACTION_NONE;
    enum sg_rc rc = own ? sg_store_begin(store, err) : SG_OK;

    *operation = (struct sg_operation){store, own, sqlite3_total_changes64(store->db)};
    return rc;
}

enum sg_rc sg_operation_end(struct sg_operation *operation, enum sg_rc rc, struct sg_err *err)
{
    struct sg_store *store = operation->store;

    if (operation->own && rc == SG_OK)
        return sg_store_commit(store, err);
    if (operation->own)
        sg_store_rollback(store);
    else if (rc != SG_OK &&
             (sqlite3_total_changes64(store->db) != operation->changes || sqlite3_get_autocommit(store->db)))
        store->transaction = SG_TRANSACTION_BROKEN;
    return rc;
}
