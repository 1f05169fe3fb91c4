/* Opening the store, and its transactions. */
#include "db.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/msg.h"
#include "base/outfile.h"

#define BUSY_MS 5000
#define BUSY_STEP_MS 10
/* The write-ahead log is copied into the database when it has this many pages: at the end, or meanwhile. */
#define LOG_PAGES_AT_CLOSE 64
#define LOG_PAGES_MAX 1000

static enum sg_rc cannot_write(const struct sg_store *store, int errnum, struct sg_err *err)
{
    enum sg_rc rc = sg_fail_errno(err, SG_E_CANNOT_CREATE, errnum,
                                  _("The store \"%s\" cannot be written. Check who may write to it and to its folder."),
                                  store->path);

    sg_err_file(err, store->path);
    return rc;
}

/* Made here, for its mode: SQLite gives its other files the mode of the database. O_EXCL also because closing a file
 * that another connection of this process has open would drop that connection's POSIX locks. */
static enum sg_rc create_file(const struct sg_store *store, struct sg_err *err)
{
    _cleanup_(closep) int fd = open(store->path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

    return fd < 0 && errno != EEXIST ? cannot_write(store, errno, err) : SG_OK;
}

/* Changing the journal needs the database for itself, and is refused at once if another process is just opening it,
 * past SQLite's own waiting: so it is waited for here, and only here. */
static enum sg_rc use_wal(struct sg_store *store, struct sg_err *err)
{
    int code = SQLITE_BUSY;

    (void)sqlite3_busy_timeout(store->db, 0);
    for (int waited = 0; code == SQLITE_BUSY && waited <= BUSY_MS; waited += BUSY_STEP_MS) {
        code = sqlite3_exec(store->db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL) & 0xff;
        if (code == SQLITE_BUSY)
            (void)sqlite3_sleep(BUSY_STEP_MS);
    }
    if (code != SQLITE_OK || sqlite3_busy_timeout(store->db, BUSY_MS) != SQLITE_OK)
        return sg_db_fail(store, err);
    return SG_OK;
}

/* The last process to close a database copies its log into it and removes the log: several fsyncs for a program that
 * signs one file. So the log stays (SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE) until it has grown. The next to open the database
 * reads it, which is why it is kept short; and it is begun anew only when it was copied by the process that writes
 * next, which is why it is emptied at the end and not only copied. */
static void empty_log(struct sg_store *store)
{
    if (store->log_pages < LOG_PAGES_AT_CLOSE)
        return;
    (void)sqlite3_busy_timeout(store->db, 0); /* in use: the next time will do */
    (void)sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
}

static int committed(void *context, sqlite3 *db, const char *name, int pages)
{
    struct sg_store *store = context;

    store->log_pages = pages;
    if (pages >= LOG_PAGES_MAX)
        (void)sqlite3_wal_checkpoint_v2(db, name, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    return SQLITE_OK;
}

static enum sg_rc configure(struct sg_store *store, struct sg_err *err)
{
    sqlite3 *db = store->db;

    if (sqlite3_busy_timeout(db, BUSY_MS) != SQLITE_OK ||
        sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL) != SQLITE_OK ||
        sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL) != SQLITE_OK ||
        sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL) != SQLITE_OK ||
        sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL) != SQLITE_OK ||
        sqlite3_exec(db, "PRAGMA synchronous = FULL", NULL, NULL, NULL) != SQLITE_OK)
        return sg_db_fail(store, err);
    (void)sqlite3_wal_hook(db, committed, store);
    return SG_OK;
}

static enum sg_rc open_database(struct sg_store *store, struct sg_err *err)
{
    int64_t version;

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
    /* A file that may not be written is opened for reading. Better known now than when a signature is to be recorded.
     */
    if (sqlite3_db_readonly(store->db, "main") != 0)
        return cannot_write(store, EACCES, err);
    rc = configure(store, err);
    if (rc != SG_OK)
        return rc;
    rc = sg_schema_check(store, &version, err); /* before anything is written: it may be somebody else's */
    if (rc != SG_OK)
        return rc;
    rc = use_wal(store, err);
    if (rc != SG_OK)
        return rc;
    return sg_schema_migrate(store, version, err);
}

static enum sg_rc new_store(const char *state_folder, OSSL_LIB_CTX *libctx, const struct sg_clock *clock,
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
    *ret = sg_steal(store);
    return SG_OK;
}

enum sg_rc sg_store_open(const char *state_folder, OSSL_LIB_CTX *libctx, const struct sg_clock *clock,
                         struct sg_store **ret, struct sg_err *err)
{
    _cleanup_(sg_store_freep) struct sg_store *store = NULL;
    enum sg_rc rc = new_store(state_folder, libctx, clock, &store, err);

    if (rc == SG_OK)
        rc = open_database(store, err);
    if (rc == SG_OK)
        rc = sg_publish_if_needed(store, err);
    if (rc == SG_OK)
        *ret = sg_steal(store);
    return rc;
}

/* --- a copy ------------------------------------------------------------------------------------------------------- */

/* To read; its log is neither copied into it at the end nor removed. */
static enum sg_rc open_to_read(struct sg_store *store, struct sg_err *err)
{
    if (sqlite3_open_v2(store->path, &store->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
                        NULL) != SQLITE_OK ||
        sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL) != SQLITE_OK ||
        sqlite3_busy_timeout(store->db, BUSY_MS) != SQLITE_OK)
        return sg_db_fail(store, err);
    return SG_OK;
}

/* The store has a database in memory then, and what it had to read, if anything, is copied and closed. */
static enum sg_rc move_to_memory(struct sg_store *store, struct sg_err *err)
{
    sqlite3 *from = store->db;
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;

    store->db = NULL;
    int code = sqlite3_open_v2(":memory:", &store->db, flags, NULL);
    sqlite3_backup *backup = code == SQLITE_OK && from ? sqlite3_backup_init(store->db, "main", from, "main") : NULL;
    if (backup) {
        (void)sqlite3_backup_step(backup, -1);
        (void)sqlite3_backup_finish(backup); /* the error of either is left with the database in memory */
    }
    (void)sqlite3_close(from);
    return sqlite3_errcode(store->db) == SQLITE_OK ? SG_OK : sg_db_fail(store, err);
}

static enum sg_rc open_copy(struct sg_store *store, struct sg_err *err)
{
    int64_t version = 0;
    enum sg_rc rc = access(store->path, F_OK) == 0 || errno != ENOENT ? open_to_read(store, err) : SG_OK;

    if (rc == SG_OK)
        rc = move_to_memory(store, err);
    if (rc == SG_OK)
        rc = configure(store, err);
    if (rc == SG_OK)
        rc = sg_schema_check(store, &version, err);
    return rc == SG_OK ? sg_schema_migrate(store, version, err) : rc;
}

enum sg_rc sg_store_open_copy(const char *state_folder, OSSL_LIB_CTX *libctx, const struct sg_clock *clock,
                              struct sg_store **ret, struct sg_err *err)
{
    _cleanup_(sg_store_freep) struct sg_store *store = NULL;
    enum sg_rc rc = new_store(state_folder, libctx, clock, &store, err);

    if (rc == SG_OK)
        rc = open_copy(store, err);
    if (rc == SG_OK)
        *ret = sg_steal(store);
    return rc;
}

void sg_store_free(struct sg_store *store)
{
    if (!store)
        return;
    sg_store_rollback(store);
    for (size_t i = 0; i < SG_SQL_COUNT; i++)
        (void)sqlite3_finalize(store->statements[i]);
    empty_log(store);
    (void)sqlite3_close(store->db);
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

enum sg_rc sg_store_relax(struct sg_store *store, bool relaxed, struct sg_err *err)
{
    const char *sql = relaxed ? "PRAGMA synchronous = NORMAL" : "PRAGMA synchronous = FULL";

    return sqlite3_exec(store->db, sql, NULL, NULL, NULL) == SQLITE_OK ? SG_OK : sg_db_fail(store, err);
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
