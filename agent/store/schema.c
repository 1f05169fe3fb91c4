/* The schema and its history: a list of steps, each applied in a transaction. `PRAGMA user_version` counts those that
 * have been; a store of a newer program is refused, not guessed at. */
#include "db.h"

#include <string.h>

#include "base/msg.h"

#define APPLICATION_ID 0x53474e54 /* "SGNT": file(1) and we know whose database it is */
#define APPLICATION_ID_TEXT "1397182036"

/* A step is never changed once it has been released: what comes next is a new step. */
static const char *const STEPS[] = {
    /* Which program made which version. No step changes this table: older programs read it to say what is newer. */
    "CREATE TABLE migration (version INTEGER PRIMARY KEY, program TEXT NOT NULL, time INTEGER NOT NULL) STRICT;"

    /* ledger.h says what is hashed. */
    "CREATE TABLE ledger ("
    "  number INTEGER PRIMARY KEY,"
    "  time INTEGER NOT NULL,"
    "  event TEXT NOT NULL,"
    "  code TEXT NOT NULL,"
    "  token TEXT NOT NULL,"
    "  key TEXT NOT NULL,"
    "  object TEXT NOT NULL,"
    "  detail TEXT NOT NULL,"
    "  previous BLOB NOT NULL,"
    "  hash BLOB NOT NULL"
    ") STRICT;"
    "CREATE INDEX ledger_time ON ledger (time);" /* sg_store_latest() */
    "CREATE TRIGGER ledger_append BEFORE INSERT ON ledger"
    "  WHEN NEW.number IS NOT (SELECT coalesce(max(number), 0) + 1 FROM ledger)"
    "  BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;"
    "CREATE TRIGGER ledger_update BEFORE UPDATE ON ledger"
    "  BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;"
    "CREATE TRIGGER ledger_delete BEFORE DELETE ON ledger"
    "  BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;"

    "CREATE TABLE anchor ("
    "  sha256 TEXT PRIMARY KEY,"
    "  certificate BLOB NOT NULL,"
    "  purposes INTEGER NOT NULL," /* enum sg_purpose */
    "  source TEXT NOT NULL,"
    "  added INTEGER NOT NULL"
    ") STRICT;"

    /* crls.c says what tells CRLs apart. */
    "CREATE TABLE crl ("
    "  issuer BLOB NOT NULL,"
    "  authority_key BLOB NOT NULL,"
    "  scope BLOB NOT NULL,"
    "  crl_number BLOB NOT NULL,"
    "  this_update INTEGER NOT NULL,"
    "  next_update INTEGER NOT NULL,"
    "  sha256 BLOB NOT NULL," /* names the file trust/crl/SHA256.crl */
    "  added INTEGER NOT NULL,"
    "  PRIMARY KEY (issuer, authority_key, scope)"
    ") STRICT;"

    /* Whether the snapshot has yet to be written (publish.c). */
    "CREATE TABLE trust (unpublished INTEGER NOT NULL) STRICT;"
    "INSERT INTO trust VALUES (0);"

    "CREATE TABLE document ("
    "  entry INTEGER PRIMARY KEY REFERENCES ledger (number),"
    "  input TEXT NOT NULL,"
    "  output TEXT NOT NULL,"
    "  digest_algorithm TEXT NOT NULL,"
    "  content_digest TEXT NOT NULL,"
    "  result_sha256 TEXT NOT NULL,"
    "  format TEXT NOT NULL,"
    "  key TEXT NOT NULL,"
    "  token TEXT NOT NULL,"
    "  custody TEXT NOT NULL,"
    "  claimed_time INTEGER NOT NULL,"
    "  clock_state TEXT NOT NULL,"
    "  remarks TEXT NOT NULL"
    ") STRICT;",

    /* What is asked of the ledger about tokens. Signatures, of which there are many, cost neither index anything. */
    "CREATE INDEX ledger_key ON ledger (key) WHERE event = 'keygen';"
    "CREATE INDEX ledger_token ON ledger (token) WHERE event NOT IN ('sign', 'sign-failed');"

    /* Certificates that were seen on a token, so that they can be revoked when it is lost. */
    "CREATE TABLE token_certificate ("
    "  token TEXT NOT NULL," /* serial */
    "  sha256 TEXT NOT NULL,"
    "  certificate BLOB NOT NULL,"
    "  PRIMARY KEY (token, sha256)"
    ") STRICT;",

    /* Lists that are provisioned, and the tokens made for their rows (provisioning.h). */
    "CREATE TABLE provisioning ("
    "  id INTEGER PRIMARY KEY,"
    "  csv_sha256 BLOB NOT NULL UNIQUE,"
    "  nonce BLOB NOT NULL,"
    "  begun INTEGER NOT NULL"
    ") STRICT;"
    "CREATE TABLE making ("
    "  id INTEGER PRIMARY KEY,"
    "  run INTEGER NOT NULL REFERENCES provisioning (id),"
    "  row INTEGER NOT NULL,"
    "  state INTEGER NOT NULL,"
    "  void INTEGER NOT NULL DEFAULT 0,"
    "  begun INTEGER NOT NULL,"
    "  changed INTEGER NOT NULL,"
    "  person TEXT NOT NULL,"
    "  label TEXT NOT NULL,"
    "  serial_before TEXT NOT NULL,"
    "  serial TEXT NOT NULL,"
    "  letter TEXT NOT NULL,"
    "  letter_sha256 TEXT NOT NULL,"
    "  escrow TEXT NOT NULL,"
    "  escrow_sha256 TEXT NOT NULL,"
    "  key_id TEXT NOT NULL,"
    "  spki_sha256 TEXT NOT NULL,"
    "  attributes TEXT NOT NULL,"
    "  basis TEXT NOT NULL,"
    "  csr_path TEXT NOT NULL,"
    "  certificate_sha256 TEXT NOT NULL,"
    "  csr BLOB NOT NULL"
    ") STRICT;"
    "CREATE UNIQUE INDEX making_row ON making (run, row) WHERE void = 0;",

    /* The outbox (outbox.h). What waits is found without a look at what is done. */
    "CREATE TABLE outbox ("
    "  document INTEGER PRIMARY KEY REFERENCES document (entry),"
    "  queued INTEGER NOT NULL,"
    "  level TEXT NOT NULL," /* the newest version */
    "  level_sha256 TEXT NOT NULL,"
    "  replaces TEXT NOT NULL,"
    "  placed INTEGER NOT NULL DEFAULT 0,"
    "  output_state INTEGER NOT NULL DEFAULT 0," /* enum sg_output_state */
    "  closed INTEGER NOT NULL DEFAULT 0,"
    "  forgotten INTEGER NOT NULL DEFAULT 0"
    ") STRICT;"
    "CREATE INDEX outbox_unplaced ON outbox (document) WHERE placed = 0;"
    "CREATE INDEX outbox_behind ON outbox (document) WHERE output_state = 3;"
    "CREATE INDEX outbox_kept ON outbox (closed) WHERE forgotten = 0;"
    "CREATE TABLE version ("
    "  document INTEGER NOT NULL REFERENCES outbox (document),"
    "  level TEXT NOT NULL,"
    "  sha256 TEXT NOT NULL,"
    "  size INTEGER NOT NULL,"
    "  tsa TEXT NOT NULL DEFAULT '',"
    "  time INTEGER NOT NULL DEFAULT 0,"
    "  PRIMARY KEY (document, level)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX version_sha256 ON version (sha256);"
    "CREATE TABLE step ("
    "  id INTEGER PRIMARY KEY,"
    "  document INTEGER NOT NULL REFERENCES outbox (document),"
    "  kind INTEGER NOT NULL,"            /* enum sg_step_kind */
    "  state INTEGER NOT NULL DEFAULT 0," /* enum sg_step_state */
    "  level TEXT NOT NULL,"
    "  sha256 TEXT NOT NULL,"
    "  sent_sha256 TEXT NOT NULL DEFAULT '',"
    "  target TEXT NOT NULL," /* '' of a time-stamp */
    "  since INTEGER NOT NULL,"
    "  attempts INTEGER NOT NULL DEFAULT 0,"
    "  last_attempt INTEGER NOT NULL DEFAULT 0,"
    "  next_attempt INTEGER NOT NULL,"
    "  finished INTEGER NOT NULL DEFAULT 0,"
    "  code TEXT NOT NULL DEFAULT '',"
    "  text TEXT NOT NULL DEFAULT '',"
    "  resume TEXT NOT NULL DEFAULT ''"
    ") STRICT;"
    "CREATE INDEX step_document ON step (document);"
    "CREATE INDEX step_waiting ON step (target, next_attempt) WHERE state = 0;"
    "CREATE INDEX step_sends ON step (sent_sha256) WHERE state = 0 AND sent_sha256 <> '';"
    "CREATE TABLE receipt ("
    "  step INTEGER PRIMARY KEY REFERENCES step (id),"
    "  target TEXT NOT NULL,"
    "  url TEXT NOT NULL,"
    "  sha256 TEXT NOT NULL,"
    "  size INTEGER NOT NULL,"
    "  stored INTEGER NOT NULL,"
    "  compared INTEGER NOT NULL,"
    "  status INTEGER NOT NULL,"
    "  etag TEXT NOT NULL,"
    "  version_id TEXT NOT NULL,"
    "  server_date TEXT NOT NULL,"
    "  was_there INTEGER NOT NULL"
    ") STRICT;",

    /* Statements about the ledger's head, and who has witnessed them (witness.h). A store is told from others by its
     * id. */
    "CREATE TABLE identity (id TEXT NOT NULL) STRICT;"
    "INSERT INTO identity VALUES (lower(hex(randomblob(16))));"
    "CREATE TABLE statement ("
    "  number INTEGER PRIMARY KEY REFERENCES ledger (number),"
    "  hash BLOB NOT NULL,"
    "  time INTEGER NOT NULL"
    ") STRICT;"
    "CREATE TABLE witness ("
    "  number INTEGER NOT NULL REFERENCES statement (number),"
    "  kind INTEGER NOT NULL," /* enum sg_witness_kind */
    "  name TEXT NOT NULL,"
    "  url TEXT NOT NULL,"
    "  time INTEGER NOT NULL,"
    "  token BLOB NOT NULL,"
    "  PRIMARY KEY (number, kind, name)"
    ") STRICT;"
    "CREATE TABLE witness_failure ("
    "  kind INTEGER NOT NULL,"
    "  name TEXT NOT NULL,"
    "  since INTEGER NOT NULL,"
    "  code TEXT NOT NULL,"
    "  text TEXT NOT NULL,"
    "  PRIMARY KEY (kind, name)"
    ") STRICT;",

    /* What an OCSP response says of one certificate (ocsps.c). */
    "CREATE TABLE ocsp ("
    "  cert_id BLOB PRIMARY KEY,"
    "  this_update INTEGER NOT NULL,"
    "  next_update INTEGER NOT NULL,"
    "  revoked INTEGER NOT NULL,"
    "  sha256 BLOB NOT NULL," /* names the file trust/ocsp/SHA256.ocsp */
    "  added INTEGER NOT NULL"
    ") STRICT;"

    /* Certificates that are no anchors: of signers, and what lies between them and an anchor (certificates.c). */
    "CREATE TABLE known_certificate ("
    "  sha256 TEXT PRIMARY KEY,"
    "  certificate BLOB NOT NULL,"
    "  helps INTEGER NOT NULL," /* of a CA: verification is offered it */
    "  source TEXT NOT NULL,"
    "  added INTEGER NOT NULL"
    ") STRICT;"

    /* What is fetched, from where, and how that went (pulls.h). */
    "CREATE TABLE pull ("
    "  kind TEXT NOT NULL,"
    "  url TEXT NOT NULL,"
    "  about TEXT NOT NULL,"
    "  etag TEXT NOT NULL,"
    "  last_modified TEXT NOT NULL,"
    "  last_success INTEGER NOT NULL,"
    "  last_attempt INTEGER NOT NULL,"
    "  next_attempt INTEGER NOT NULL,"
    "  good_until INTEGER NOT NULL,"
    "  failures INTEGER NOT NULL,"
    "  code TEXT NOT NULL,"
    "  text TEXT NOT NULL,"
    "  PRIMARY KEY (kind, url, about)"
    ") STRICT;"

    /* The list of anchors that is in force: one row, or none. */
    "CREATE TABLE anchor_list ("
    "  id INTEGER PRIMARY KEY CHECK (id = 1),"
    "  number INTEGER NOT NULL,"
    "  applied INTEGER NOT NULL,"
    "  sha256 TEXT NOT NULL,"
    "  configured TEXT NOT NULL,"
    "  pin TEXT NOT NULL,"
    "  release_version TEXT NOT NULL,"
    "  release_sha256 TEXT NOT NULL,"
    "  release_url TEXT NOT NULL"
    ") STRICT;",

    /* What is out of the ordinary, for overview.c. Each index has all that is asked of it, the column that it depends
     * on too, or SQLite would look at the table's rows. */
    "CREATE INDEX step_overview ON step (kind, target, code, since, next_attempt, state) WHERE state = 0;"
    "CREATE INDEX step_dropped ON step (state) WHERE state = 2;"
    "CREATE INDEX outbox_open ON outbox (closed) WHERE closed = 0;"
    "CREATE INDEX outbox_apart ON outbox (output_state, forgotten) WHERE output_state IN (1, 2);"
    "CREATE INDEX ledger_clock ON ledger (number) WHERE event = 'clock-differs';",

    /* What an anchor is limited to, as text (verify/anchor_limits.h). */
    "ALTER TABLE anchor ADD COLUMN limits TEXT NOT NULL DEFAULT '';",

    /* The list of files that the document was signed by, as its SHA-256 (sign --manifest). */
    "ALTER TABLE document ADD COLUMN manifest TEXT NOT NULL DEFAULT '';",

    /* In how many attempts something of what is uploaded may have been sent. */
    "ALTER TABLE step ADD COLUMN sent INTEGER NOT NULL DEFAULT 0; UPDATE step SET sent = attempts;",

    /* Entries about this computer's clock, as ledger_clock has those about signatures that waited for a time-stamp. */
    ("CREATE INDEX ledger_clock_state ON ledger (event, number) "
     "WHERE event IN ('clock-ahead', 'clock-right', 'clock-wrong');"),
};

#define NEWEST ((int64_t)(sizeof(STEPS) / sizeof(STEPS[0])))

/* These statements run once, or only in a store that is not up to date: they are not kept. */
static void statement_free(sqlite3_stmt *statement)
{
    (void)sqlite3_finalize(statement);
}
SG_DEFINE_CLEANUP(sqlite3_stmt, statement_free)

static enum sg_rc read_number(struct sg_store *store, const char *sql, int64_t *ret, struct sg_err *err)
{
    _cleanup_(statement_freep) sqlite3_stmt *statement = NULL;

    if (sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL) != SQLITE_OK || sqlite3_step(statement) != SQLITE_ROW)
        return sg_db_fail(store, err);
    *ret = sqlite3_column_int64(statement, 0);
    return SG_OK;
}

static enum sg_rc execute(struct sg_store *store, const char *sql, struct sg_err *err)
{
    return sqlite3_exec(store->db, sql, NULL, NULL, NULL) == SQLITE_OK ? SG_OK : sg_db_fail(store, err);
}

static enum sg_rc refuse_newer(struct sg_store *store, int64_t version, struct sg_err *err)
{
    _cleanup_(statement_freep) sqlite3_stmt *statement = NULL;
    const char *program = NULL;

    if (sqlite3_prepare_v2(store->db, "SELECT program FROM migration ORDER BY version DESC LIMIT 1", -1, &statement,
                           NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        program = (const char *)sqlite3_column_text(statement, 0);
    (void)sg_fail(err, SG_E_STORE_DAMAGED,
                  _("The store \"%s\" was made by a newer Signet (%s, schema %lld; this is %s, schema %lld). Use that "
                    "version or a later one."),
                  store->path, program ? program : "?", (long long)version, SG_VERSION, (long long)NEWEST);
    sg_err_file(err, store->path);
    return SG_E_STORE_DAMAGED;
}

static enum sg_rc check(struct sg_store *store, int64_t *ret_version, struct sg_err *err)
{
    int64_t application = 0, version = 0, objects = 0;

    enum sg_rc rc = read_number(store, "PRAGMA application_id", &application, err);
    if (rc == SG_OK)
        rc = read_number(store, "PRAGMA user_version", &version, err);
    if (rc == SG_OK)
        rc = read_number(store, "SELECT count(*) FROM sqlite_schema", &objects, err);
    if (rc != SG_OK)
        return rc;
    bool empty = application == 0 && version == 0 && objects == 0;
    if (!empty && application != APPLICATION_ID)
        return sg_db_damaged(store, _("it is a database of another program"), err);
    if (!empty && version <= 0)
        return sg_db_damaged(store, _("its schema has no version"), err);
    if (version > NEWEST)
        return refuse_newer(store, version, err);
    *ret_version = version;
    return SG_OK;
}

/* A savepoint, for the numbers to be of one moment: another process may be making the store just now. */
enum sg_rc sg_schema_check(struct sg_store *store, int64_t *ret_version, struct sg_err *err)
{
    enum sg_rc rc = execute(store, "SAVEPOINT schema_check", err);

    if (rc != SG_OK)
        return rc;
    rc = check(store, ret_version, err);
    (void)sqlite3_exec(store->db, "RELEASE schema_check", NULL, NULL, NULL); /* nothing was written */
    return rc;
}

static enum sg_rc record_step(struct sg_store *store, int64_t version, struct sg_err *err)
{
    _cleanup_(statement_freep) sqlite3_stmt *statement = NULL;

    if (sqlite3_prepare_v2(store->db, "INSERT INTO migration VALUES (?1, ?2, ?3)", -1, &statement, NULL) != SQLITE_OK ||
        sqlite3_bind_int64(statement, 1, version) != SQLITE_OK ||
        sqlite3_bind_text(statement, 2, SG_VERSION, -1, SQLITE_STATIC) != SQLITE_OK ||
        sqlite3_bind_int64(statement, 3, sg_clock_now(&store->clock)) != SQLITE_OK ||
        sqlite3_step(statement) != SQLITE_DONE)
        return sg_db_fail(store, err);
    return SG_OK;
}

/* Within a transaction. */
static enum sg_rc apply_step(struct sg_store *store, int64_t version, struct sg_err *err)
{
    char pragmas[96];

    enum sg_rc rc = execute(store, STEPS[version - 1], err);
    if (rc != SG_OK)
        return rc;
    rc = record_step(store, version, err);
    if (rc != SG_OK)
        return rc;
    /* PRAGMA takes no bound values. */
    (void)snprintf(pragmas, sizeof(pragmas),
                   "PRAGMA application_id = " APPLICATION_ID_TEXT "; PRAGMA user_version = %lld", (long long)version);
    return execute(store, pragmas, err);
}

enum sg_rc sg_schema_migrate(struct sg_store *store, int64_t version, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;

    while (rc == SG_OK && version < NEWEST) {
        rc = execute(store, "BEGIN IMMEDIATE", err);
        if (rc != SG_OK)
            return rc;
        /* Another process may have been quicker. */
        rc = sg_schema_check(store, &version, err);
        if (rc == SG_OK && version < NEWEST)
            rc = apply_step(store, ++version, err);
        if (rc == SG_OK)
            rc = execute(store, "COMMIT", err);
        if (rc != SG_OK)
            sg_store_rollback(store);
    }
    return rc;
}
