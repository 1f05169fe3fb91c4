/* Statements: all of the store's SQL stands here; values are always bound. SQLite's errors become ours. */
#include "db.h"

#include <errno.h>
#include <string.h>

#include "base/msg.h"
#include "base/utf8.h"

/* In the order of enum sg_making_text. */
#define MAKING_TEXTS                                                                                                   \
    "person, label, serial_before, serial, letter, letter_sha256, escrow, escrow_sha256, key_id, spki_sha256, "        \
    "attributes, basis, csr_path, certificate_sha256"

/* As outbox.c and steps.c read them. */
#define OUTBOX_ROWS                                                                                                    \
    "SELECT o.document, d.input, d.output, d.format, d.result_sha256, d.claimed_time, o.queued, o.level, "             \
    "o.level_sha256, o.placed, o.output_state, o.closed, o.forgotten, o.replaces, d.key "                              \
    "FROM outbox AS o JOIN document AS d ON d.entry = o.document "
/* CROSS: steps first, by their index, since few of many may be asked for. */
#define STEP_ROWS                                                                                                      \
    "SELECT s.id, s.document, s.kind, s.state, s.level, s.sha256, s.sent_sha256, s.target, d.output, s.since, "        \
    "s.attempts, s.last_attempt, s.next_attempt, s.code, s.text, s.sent "                                              \
    "FROM step AS s CROSS JOIN outbox AS o ON o.document = s.document JOIN document AS d ON d.entry = s.document "
/* What failed for want of a network, or of this computer; and what a person has to mend: the next try may be another's.
 */
#define FAILED_HERE                                                                                                    \
    "code IN ('network', 'timeout', 'captive-portal', 'disk-full', 'io', 'cannot-create', 'busy', 'no-memory')"
#define FAILED_BY_HAND                                                                                                 \
    "code IN ('no-module', 'module-failed', 'no-token', 'no-key', 'token-failed', 'token-timeout', "                   \
    "'module-crashed', 'tls', 'server-refused', 'pin-incorrect', 'pin-locked', 'pin-required', 'pin-final-try', "      \
    "'pin-interlock', 'pin-to-be-changed', 'policy', 'clock-wrong', 'config')"
/* A clock that has been set back left times that are still to come; `queued` is what else has one. */
#define RETRY_SOME(queued)                                                                                             \
    "SET next_attempt = ?1 WHERE next_attempt > ?1 AND (" queued "last_attempt > ?1 OR " FAILED_HERE                   \
    " OR (?2 AND " FAILED_BY_HAND "))"
#define PULL_STATE "etag, last_modified, last_success, last_attempt, next_attempt, good_until, failures, code, text"
#define LIST "number, applied, sha256, configured, pin, release_version, release_sha256, release_url"
/* An anchor that came with a list; a person's sources begin with another word. */
#define OF_LIST "source GLOB 'list [0-9]*'"

/* Entries about this computer's clock (clock_check.c); the second term is that of their index. */
#define CLOCK(state) "event = 'clock-" state "' AND event IN ('clock-ahead', 'clock-right', 'clock-wrong')"
#define LAST_CLOCK(state) "coalesce((SELECT max(number) FROM ledger WHERE " CLOCK(state) "), 0)"
#define CLOCK_IS_WRONG LAST_CLOCK("wrong") " > " LAST_CLOCK("right")

static const char *const SQL[SG_SQL_COUNT] = {
    /* IMMEDIATE: the write lock at once, so that the ledger's head stays what it is until the commit. */
    [SG_SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SG_SQL_COMMIT] = "COMMIT",
    [SG_SQL_LEDGER_HEAD] = "SELECT number, hash FROM ledger ORDER BY number DESC LIMIT 1",
    [SG_SQL_LEDGER_ADD] = "INSERT INTO ledger (number, time, event, code, token, key, object, detail, previous, hash) "
                          "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    [SG_SQL_LEDGER_READ] = "SELECT number, time, event, code, token, key, object, detail, previous, hash FROM ledger "
                           "WHERE number BETWEEN ?1 AND ?2 ORDER BY number",
    [SG_SQL_LEDGER_RANGE] = "SELECT coalesce((SELECT min(number) FROM ledger WHERE time >= ?1), 9223372036854775807), "
                            "coalesce((SELECT max(number) FROM ledger WHERE time < ?2), 0)",
    [SG_SQL_STORE_ID] = "SELECT id FROM identity",
    [SG_SQL_STATEMENT_NEWEST] = "SELECT number, hash, time, EXISTS (SELECT 1 FROM ledger "
                                "WHERE number > statement.number AND event <> 'witness-failed') "
                                "FROM statement ORDER BY number DESC LIMIT 1",
    [SG_SQL_STATEMENT_ADD] = "INSERT INTO statement (number, hash, time) VALUES (?1, ?2, ?3)",
    [SG_SQL_WITNESS_ADD] = "INSERT OR REPLACE INTO witness (number, kind, name, url, time, token) "
                           "VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    [SG_SQL_WITNESS_READ] = "SELECT number, hash, statement.time, kind, name, url, witness.time, token "
                            "FROM statement JOIN witness USING (number) WHERE number BETWEEN ?1 AND ?2 "
                            "ORDER BY number, kind, name",
    [SG_SQL_WITNESS_FAILED] = "INSERT INTO witness_failure (kind, name, since, code, text) VALUES (?1, ?2, ?3, ?4, ?5) "
                              "ON CONFLICT DO UPDATE SET code = excluded.code, text = excluded.text, "
                              "since = iif(code = excluded.code, since, excluded.since)",
    [SG_SQL_WITNESS_IS_FAILING] = "SELECT 1 FROM witness_failure WHERE kind = ?1 AND name = ?2 AND code = ?3",
    [SG_SQL_WITNESS_RECOVERED] = "DELETE FROM witness_failure WHERE kind = ?1 AND name = ?2",
    [SG_SQL_WITNESS_FAILURES] = "SELECT kind, name, since, code, text FROM witness_failure ORDER BY kind, name",
    [SG_SQL_CLOCK_IS_WRONG] = "SELECT " CLOCK_IS_WRONG,
    /* Each term is answered by a partial index. */
    [SG_SQL_OVERVIEW] =
        "SELECT (SELECT count(*) FROM outbox WHERE closed = 0), "
        "(SELECT count(*) FROM outbox WHERE placed = 0), "
        "(SELECT count(*) FROM outbox WHERE output_state = 1 AND output_state IN (1, 2) AND forgotten = 0), "
        "(SELECT count(*) FROM outbox WHERE output_state = 2 AND output_state IN (1, 2) AND forgotten = 0), "
        "(SELECT count(*) FROM step WHERE state = 2), "
        "(SELECT count(*) FROM ledger WHERE " CLOCK(
            "wrong") ") + "
                     "(SELECT count(*) FROM ledger WHERE " CLOCK(
                         "ahead") "), "
                                  "max(" LAST_CLOCK("wrong") ", " LAST_CLOCK(
                                      "ahead") "), " CLOCK_IS_WRONG ", "
                                               "(SELECT count(*) FROM ledger WHERE event = 'clock-differs'), "
                                               "(SELECT max(number) FROM ledger WHERE event = 'clock-differs'), "
                                               "(SELECT max(number) FROM ledger), (SELECT max(number) FROM witness)",
    [SG_SQL_OVERVIEW_BYTES] = "SELECT coalesce(sum(size), 0) FROM outbox JOIN version USING (document) "
                              "WHERE queued >= ?1",
    [SG_SQL_OVERVIEW_WAITING] =
        "SELECT kind, target, code, count, since, next, "
        "(SELECT text FROM step WHERE state = 0 AND kind = g.kind AND target = g.target AND code = g.code LIMIT 1) "
        "FROM (SELECT kind, target, code, count(*) AS count, min(since) AS since, min(next_attempt) AS next "
        "FROM step WHERE state = 0 GROUP BY kind, target, code LIMIT ?1) AS g",
    [SG_SQL_ANCHOR_PUT] = "INSERT INTO anchor (sha256, certificate, purposes, source, added, limits) "
                          "VALUES (?1, ?2, ?3, ?4, ?5, ?6) "
                          "ON CONFLICT (sha256) DO UPDATE SET purposes = excluded.purposes, limits = excluded.limits, "
                          "source = CASE WHEN " OF_LIST " THEN excluded.source ELSE source END",
    [SG_SQL_ANCHOR_REMOVE] = "DELETE FROM anchor WHERE sha256 = ?1",
    [SG_SQL_ANCHOR_ALL] = "SELECT certificate, purposes, source, added, limits FROM anchor ORDER BY sha256",
    [SG_SQL_CRL_GET] = "SELECT crl_number, this_update, sha256 FROM crl "
                       "WHERE issuer = ?1 AND authority_key = ?2 AND scope = ?3",
    [SG_SQL_CRL_PUT] = "INSERT OR REPLACE INTO crl "
                       "(issuer, authority_key, scope, crl_number, this_update, next_update, sha256, added) "
                       "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [SG_SQL_CRL_ALL] = "SELECT issuer, sha256, this_update, next_update FROM crl "
                       "ORDER BY issuer, authority_key, scope",
    [SG_SQL_OCSP_GET] = "SELECT this_update, revoked, sha256 FROM ocsp WHERE cert_id = ?1",
    [SG_SQL_OCSP_PUT] = "INSERT OR REPLACE INTO ocsp (cert_id, this_update, next_update, revoked, sha256, added) "
                        "VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    [SG_SQL_OCSP_ALL] = "SELECT cert_id, sha256, this_update, next_update FROM ocsp ORDER BY cert_id",
    [SG_SQL_CERTIFICATE_PUT] = "INSERT INTO known_certificate (sha256, certificate, helps, source, added) "
                               "VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
    [SG_SQL_CERTIFICATE_ALL] = "SELECT certificate FROM known_certificate ORDER BY sha256",
    [SG_SQL_HELPER_ALL] = "SELECT certificate FROM known_certificate WHERE helps ORDER BY sha256",
    [SG_SQL_PULL_GET] = "SELECT " PULL_STATE " FROM pull WHERE kind = ?1 AND url = ?2 AND about = ?3",
    [SG_SQL_PULL_PUT] = "INSERT OR REPLACE INTO pull (kind, url, about, " PULL_STATE ") "
                        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    [SG_SQL_PULLS_RETRY_SOME] = "UPDATE pull " RETRY_SOME(""),
    [SG_SQL_PULLS_RETRY] = "UPDATE pull SET next_attempt = ?1 WHERE next_attempt > ?1",
    [SG_SQL_PULL_FORGET] = "DELETE FROM pull WHERE kind = ?1 AND url = ?2 AND about = ?3",
    [SG_SQL_PULL_ALL] = "SELECT kind, url, about, " PULL_STATE " FROM pull ORDER BY kind, url, about",
    [SG_SQL_LIST_GET] = "SELECT " LIST " FROM anchor_list WHERE configured = ?1",
    [SG_SQL_LIST_PUT] = "INSERT OR REPLACE INTO anchor_list (id, " LIST ") VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [SG_SQL_ANCHOR_LISTED] = "SELECT sha256 FROM anchor WHERE " OF_LIST,
    [SG_SQL_ANCHOR_ORIGIN] = "SELECT " OF_LIST ", purposes, limits FROM anchor WHERE sha256 = ?1",
    [SG_SQL_DOCUMENT_ADD] = "INSERT INTO document (entry, input, output, digest_algorithm, content_digest, "
                            "result_sha256, format, key, token, custody, claimed_time, clock_state, remarks, manifest) "
                            "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
    [SG_SQL_DOCUMENT_ALL] = "SELECT output, digest_algorithm, content_digest, result_sha256, level_sha256 "
                            "FROM document LEFT JOIN outbox ON outbox.document = document.entry ORDER BY entry",
    [SG_SQL_UNPUBLISHED_GET] = "SELECT unpublished FROM trust",
    [SG_SQL_UNPUBLISHED_SET] = "UPDATE trust SET unpublished = ?1",
    /* More than the encoding adds to each. */
    [SG_SQL_TRUST_SIZE] =
        "SELECT (SELECT total(length(certificate) + length(source) + length(limits) + 128) FROM anchor) + "
        "(SELECT total(length(issuer) + 128) FROM crl) + "
        "(SELECT total(length(cert_id) + 128) FROM ocsp) + "
        "(SELECT total(length(certificate) + 16) FROM known_certificate WHERE helps)",
    [SG_SQL_LATEST] = "SELECT (SELECT max(time) FROM ledger), (SELECT max(this_update) FROM crl)",
    /* The terms on `event` are those of the indexes. */
    [SG_SQL_KEY_GENERATED] = "SELECT 1 FROM ledger WHERE key = ?1 AND event = 'keygen' LIMIT 1",
    [SG_SQL_TOKEN_KNOWN] = "SELECT 1 FROM ledger WHERE token = ?1 LIMIT 1",
    [SG_SQL_TOKEN_RETIRED] = "SELECT time FROM ledger "
                             "WHERE token = ?1 AND event NOT IN ('sign', 'sign-failed') AND event = 'retire' "
                             "ORDER BY number LIMIT 1",
    [SG_SQL_TOKEN_UNFINISHED] =
        "SELECT object, time FROM ledger AS begun "
        "WHERE token = ?1 AND event NOT IN ('sign', 'sign-failed') AND event = ?2 || '-begun' "
        "AND NOT EXISTS (SELECT 1 FROM ledger AS later WHERE later.token = ?1 "
        "AND later.event NOT IN ('sign', 'sign-failed') AND later.event IN (?2, ?2 || '-failed') "
        "AND later.number > begun.number AND later.object = begun.object) "
        "ORDER BY number LIMIT 1",
    [SG_SQL_TOKEN_CERTIFICATE_ADD] = "INSERT INTO token_certificate (token, sha256, certificate) VALUES (?1, ?2, ?3) "
                                     "ON CONFLICT DO NOTHING",
    [SG_SQL_TOKEN_CERTIFICATE_ALL] = "SELECT certificate FROM token_certificate WHERE token = ?1 ORDER BY sha256",
    [SG_SQL_RUN_GET] = "SELECT id, nonce, begun FROM provisioning WHERE csv_sha256 = ?1",
    [SG_SQL_RUN_ADD] = "INSERT INTO provisioning (csv_sha256, nonce, begun) VALUES (?1, ?2, ?3)",
    [SG_SQL_RUN_ALL] = "SELECT id, nonce, begun FROM provisioning ORDER BY id",
    [SG_SQL_MAKING_NEXT] = "SELECT coalesce(max(id), 0) + 1 FROM making",
    [SG_SQL_MAKING_ADD] = "INSERT INTO making (id, run, row, state, begun, changed, csr, " MAKING_TEXTS ") "
                          "VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, "
                          "?18, ?19, ?20)",
    [SG_SQL_MAKING_SET] = "UPDATE making SET (state, changed, csr, " MAKING_TEXTS ") = "
                          "(?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20) "
                          "WHERE id = ?1 AND run = ?2 AND row = ?3",
    [SG_SQL_MAKING_VOID] = "UPDATE making SET void = 1 WHERE id = ?1",
    [SG_SQL_MAKING_VOID_ROW] = "UPDATE making SET void = 1 WHERE run = ?1 AND row = ?2",
    [SG_SQL_MAKING_ALL] = "SELECT id, run, row, state, begun, changed, void, csr, " MAKING_TEXTS " FROM making "
                          "ORDER BY id",

    /* The outbox. Numbers of kinds and states: outbox.h. */
    [SG_SQL_OUTBOX_ADD] = "INSERT INTO outbox (document, queued, level, level_sha256, replaces) "
                          "VALUES (?1, ?2, ?3, ?4, ?5)",
    [SG_SQL_VERSION_ADD] = "INSERT INTO version (document, level, sha256, size, tsa, time) "
                           "VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    [SG_SQL_STEP_ADD] = "INSERT INTO step (document, kind, level, sha256, target, since, next_attempt) "
                        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)",
    [SG_SQL_OUTBOX_PLACED] = "UPDATE outbox SET placed = 1, output_state = ?2 WHERE document = ?1",
    [SG_SQL_STEP_DELETE] = "DELETE FROM step WHERE document = ?1",
    [SG_SQL_VERSION_DELETE] = "DELETE FROM version WHERE document = ?1",
    [SG_SQL_OUTBOX_DELETE] = "DELETE FROM outbox WHERE document = ?1",
    [SG_SQL_DOCUMENT_DELETE] = "DELETE FROM document WHERE entry = ?1",
    [SG_SQL_DOCUMENT_GET] = "SELECT input, token, key FROM document WHERE entry = ?1",
    [SG_SQL_OUTBOX_GET] = OUTBOX_ROWS "WHERE o.document = ?1",
    [SG_SQL_OUTBOX_APART] = OUTBOX_ROWS "WHERE o.output_state IN (1, 2) AND o.forgotten = 0 ORDER BY o.document DESC "
                                        "LIMIT ?1",
    [SG_SQL_OUTBOX_UNPLACED] = OUTBOX_ROWS "WHERE o.placed = 0 ORDER BY o.document",
    [SG_SQL_OUTBOX_BEHIND] = OUTBOX_ROWS "WHERE o.output_state = 3 AND o.placed = 1 ORDER BY o.document",
    [SG_SQL_OUTBOX_BY_PATH] = OUTBOX_ROWS "WHERE d.input = ?1 OR d.output = ?1 ORDER BY o.document",
    [SG_SQL_OUTBOX_BY_NAME] = OUTBOX_ROWS "WHERE substr(d.input, -length(?1) - 1) = '/' || ?1 "
                                          "OR substr(d.output, -length(?1) - 1) = '/' || ?1 ORDER BY o.document",
    [SG_SQL_OUTBOX_BY_SHA256] = OUTBOX_ROWS "WHERE o.document IN (SELECT document FROM version WHERE sha256 = ?1) "
                                            "ORDER BY o.document",
    [SG_SQL_VERSIONS_OF] = "SELECT level, sha256, size, tsa, time FROM version WHERE document = ?1 "
                           "ORDER BY level <> 'content', level",
    [SG_SQL_OUTBOX_CLOSE] = "UPDATE outbox SET closed = ?2 WHERE document = ?1 AND closed = 0 "
                            "AND NOT EXISTS (SELECT 1 FROM step WHERE document = ?1 AND state = 0)",
    [SG_SQL_OUTBOX_FORGET] = "UPDATE outbox SET forgotten = ?2 WHERE document = ?1 AND forgotten = 0",
    /* What is in its place, or at a target by a receipt: no copy goes that is the only one (sg_outbox_expire()). */
    [SG_SQL_OUTBOX_EXPIRED] =
        OUTBOX_ROWS "WHERE o.forgotten = 0 AND o.closed > 0 AND o.closed < ?1 AND o.placed = 1 "
                    "AND (o.output_state = 0 OR o.output_state IN (1, 2) AND EXISTS (SELECT 1 FROM step AS s "
                    "JOIN receipt AS r ON r.step = s.id WHERE s.document = o.document AND s.level = o.level)) "
                    "ORDER BY o.document",
    [SG_SQL_BLOB_NEEDED] = "SELECT EXISTS (SELECT 1 FROM version AS v JOIN outbox AS o ON o.document = v.document "
                           "WHERE v.sha256 = ?1 AND o.forgotten = 0) OR "
                           "EXISTS (SELECT 1 FROM step WHERE sent_sha256 = ?1 AND sent_sha256 <> '' AND state = 0)",
    [SG_SQL_STEPS_DUE] = STEP_ROWS "WHERE s.state = 0 AND s.target = ?1 AND s.next_attempt <= ?2 AND o.placed = 1 "
                                   "AND NOT (?4 AND s.level = 'B-B' AND d.format = 'PAdES' AND EXISTS ("
                                   "SELECT 1 FROM step AS t WHERE t.document = s.document AND t.kind = 1 "
                                   "AND t.state = 0 AND t.next_attempt <= ?2)) "
                                   "ORDER BY s.next_attempt, s.id LIMIT ?3",
    [SG_SQL_STEPS_OF] = STEP_ROWS "WHERE s.document = ?1 ORDER BY s.id",
    [SG_SQL_STEPS_WAITING] = STEP_ROWS "WHERE s.state = 0 ORDER BY s.document, s.id",
    /* Each target's first in turn: one look at the index each, however many wait. */
    [SG_SQL_STEPS_NEXT] =
        "WITH RECURSIVE waiting (target) AS ("
        "SELECT min(target) FROM step WHERE state = 0 UNION ALL "
        "SELECT (SELECT min(target) FROM step WHERE state = 0 AND target > waiting.target) FROM waiting "
        "WHERE waiting.target IS NOT NULL) "
        "SELECT min((SELECT min(next_attempt) FROM step "
        "WHERE state = 0 AND step.target = waiting.target AND next_attempt >= ?1)) FROM waiting",
    [SG_SQL_STEPS_COUNT_DUE] = "SELECT count(*) FROM step WHERE state = 0 AND next_attempt <= ?1",
    [SG_SQL_STEPS_SHORT] =
        "SELECT EXISTS (SELECT 1 FROM step AS s WHERE s.state = 0 AND s.target = ?1 "
        "AND (SELECT count(DISTINCT r.target) FROM step AS other JOIN receipt AS r ON r.step = other.id "
        "WHERE other.document = s.document AND other.level = s.level) < ?2)",
    [SG_SQL_STEPS_POSTPONE] = "UPDATE step SET code = ?3, text = ?4, next_attempt = ?5 "
                              "WHERE state = 0 AND target = ?1 AND next_attempt <= ?2",
    [SG_SQL_STEPS_RETRY_SOME] = "UPDATE step " RETRY_SOME("since > ?1 OR ") " AND state = 0",
    [SG_SQL_STEP_GET] = STEP_ROWS "WHERE s.id = ?1",
    [SG_SQL_STEP_BEGIN] = "UPDATE step SET attempts = attempts + 1, sent = sent + 1, last_attempt = ?2 "
                          "WHERE id = ?1 AND state = 0",
    [SG_SQL_STEP_UNSENT] = "UPDATE step SET sent = sent - 1 WHERE id = ?1 AND sent > 0",
    [SG_SQL_STEP_FAILED] = "UPDATE step SET code = ?2, text = ?3, next_attempt = ?4 WHERE id = ?1 AND state = 0",
    [SG_SQL_STEP_SENDS] = "UPDATE step SET sent_sha256 = ?2 WHERE id = ?1 AND state = 0",
    [SG_SQL_STEP_REMEMBER] = "UPDATE step SET resume = ?2 WHERE id = ?1 AND state = 0",
    [SG_SQL_STEP_RECALL] = "SELECT resume FROM step WHERE id = ?1",
    [SG_SQL_STEP_DONE] = "UPDATE step SET state = 1, finished = ?2, code = '', text = '', resume = '' WHERE id = ?1",
    [SG_SQL_STEPS_RETRY] = "UPDATE step SET next_attempt = ?2 WHERE state = 0 AND (?1 = 0 OR document = ?1)",
    [SG_SQL_STEPS_DROP] = "UPDATE step SET state = 2, finished = ?2, resume = '' "
                          "WHERE document = ?1 AND state = 0 AND (?3 = '' OR target = ?3)",
    [SG_SQL_RECEIPT_ADD] = "INSERT INTO receipt (step, target, url, sha256, size, stored, compared, status, etag, "
                           "version_id, server_date, was_there) "
                           "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    [SG_SQL_RECEIPTS_OF] = "SELECT r.step, s.level, r.target, r.url, r.sha256, r.size, r.stored, r.compared, "
                           "r.status, r.etag, r.version_id, r.server_date, r.was_there "
                           "FROM step AS s JOIN receipt AS r ON r.step = s.id WHERE s.document = ?1 ORDER BY s.id",
    /* Where the newest version goes, unless that was dropped, the next one goes too. */
    [SG_SQL_UPLOADS_ADD] = "INSERT INTO step (document, kind, level, sha256, target, since, next_attempt) "
                           "SELECT s.document, 2, ?2, ?3, s.target, ?4, ?4 FROM step AS s JOIN outbox AS o "
                           "ON o.document = s.document WHERE s.document = ?1 AND s.kind = 2 AND s.level = o.level "
                           "AND s.state <> 2 ORDER BY s.id",
    [SG_SQL_UPLOADS_INSTEAD] = "UPDATE step SET level = ?2, sha256 = ?3 WHERE document = ?1 AND kind = 2 AND state = 0 "
                               "AND level = (SELECT level FROM outbox WHERE outbox.document = ?1)",
    /* What was sent may have arrived, whatever was heard of it. */
    [SG_SQL_OUTBOX_DELIVERED] = "SELECT count(*) FROM step WHERE document = ?1 AND kind = 2 AND level <> 'content' "
                                "AND (sent > 0 OR state = 1)",
    [SG_SQL_OUTBOX_LEVEL] = "UPDATE outbox SET level = ?2, level_sha256 = ?3, output_state = 3 WHERE document = ?1",
};

/* --- errors ------------------------------------------------------------------------------------------------------- */

enum sg_rc sg_db_damaged(const struct sg_store *store, const char *what, struct sg_err *err)
{
    (void)sg_fail(err, SG_E_STORE_DAMAGED,
                  _("The store \"%s\" is damaged: %s. Keep a copy of it, then put back a backup, or move it away to "
                    "start a new one."),
                  store->path, what);
    sg_err_file(err, store->path);
    return SG_E_STORE_DAMAGED;
}

static enum sg_rc fail_by_code(const struct sg_store *store, int code, int errnum, struct sg_err *err)
{
    const char *path = store->path;

    if (errnum == ENOSPC || errnum == EDQUOT)
        code = SQLITE_FULL;
    if (code == SQLITE_IOERR_NOMEM)
        code = SQLITE_NOMEM;

    switch (code & 0xff) {
    case SQLITE_NOMEM:
        return sg_fail_memory(err);
    case SQLITE_FULL:
        return sg_fail(err, SG_E_DISK_FULL, _("The disk of the store \"%s\" is full. Make room, then try again."),
                       path);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
        return sg_fail(err, SG_E_BUSY,
                       _("Another program holds the store \"%s\". Wait until it is done, then try again."), path);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return sg_db_damaged(store, _("it is not a database that can be read"), err);
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
        return sg_fail(err, SG_E_CANNOT_CREATE,
                       _("The store \"%s\" cannot be written. Check who may write to it and to its folder."), path);
    case SQLITE_IOERR:
        return sg_fail(err, SG_E_IO,
                       _("The store \"%s\" could not be read or written. Check the disk, then try again."), path);
    default:
        return sg_fail(err, SG_E_INTERNAL, _("The store \"%s\" refused an operation. Please report this."), path);
    }
}

enum sg_rc sg_db_fail(const struct sg_store *store, struct sg_err *err)
{
    int code = sqlite3_extended_errcode(store->db);
    int errnum = (code & 0xff) == SQLITE_IOERR ? sqlite3_system_errno(store->db) : 0;
    enum sg_rc rc = fail_by_code(store, code, errnum, err);

    sg_err_file(err, store->path);
    sg_err_cause(err, "SQLite: %s (%d)", sqlite3_errmsg(store->db), code);
    return rc;
}

/* --- values ------------------------------------------------------------------------------------------------------- */

struct sg_value sg_value_integer(int64_t integer)
{
    return (struct sg_value){.type = SG_VALUE_INTEGER, .integer = integer};
}

struct sg_value sg_value_text(const char *text)
{
    return (struct sg_value){.type = SG_VALUE_TEXT, .bytes = {(const uint8_t *)text, strlen(text)}};
}

struct sg_value sg_value_blob(struct sg_slice bytes)
{
    return (struct sg_value){.type = SG_VALUE_BLOB, .bytes = bytes};
}

/* Length of what `text` starts with and needs no escape: ASCII as far as it goes, or one character; 0 if its first byte
 * must be escaped. */
static size_t plain_length(struct sg_slice text)
{
    uint32_t code_point;
    size_t len = 0;

    while (len < text.len && text.data[len] < 0x80 && text.data[len] != '\\')
        len++;
    if (len > 0 || text.data[0] == '\\')
        return len;
    return sg_utf8_next(text.data, text.len, &code_point);
}

static bool is_plain(struct sg_slice text)
{
    while (text.len > 0) {
        size_t len = plain_length(text);

        if (len == 0)
            return false;
        text.data += len;
        text.len -= len;
    }
    return true;
}

static size_t escape(struct sg_slice text, uint8_t *out)
{
    uint8_t *end = out;

    while (text.len > 0) {
        size_t len = plain_length(text);

        if (len > 0) {
            memcpy(end, text.data, len);
            end += len;
        } else {
            char hex[3];

            len = 1;
            sg_hex(text.data, 1, hex);
            memcpy(end, (const char[]){'\\', 'x', hex[0], hex[1]}, 4);
            end += 4;
        }
        text.data += len;
        text.len -= len;
    }
    return (size_t)(end - out);
}

/* A backslash in a column is always the first of four bytes that escape() wrote. */
static void unescape(char *text)
{
    char *end = text;

    while (*text) {
        uint8_t byte = 0;
        bool escaped =
            text[0] == '\\' && text[1] == 'x' && text[2] && sg_unhex((char[]){text[2], text[3], 0}, &byte, 1);

        *end++ = escaped ? (char)byte : *text;
        text += escaped ? 4 : 1;
    }
    *end = '\0';
}

enum sg_rc sg_values_escape(struct sg_value *values, size_t count, struct sg_buf *scratch, struct sg_err *err)
{
    size_t room = 0;
    uint8_t *out;

    for (size_t i = 0; i < count; i++)
        if (values[i].type == SG_VALUE_TEXT && !is_plain(values[i].bytes))
            room += 4 * values[i].bytes.len;
    if (room == 0)
        return SG_OK;

    enum sg_rc rc = sg_buf_extend(scratch, room, &out, err);
    if (rc != SG_OK)
        return rc;
    for (size_t i = 0; i < count; i++) {
        if (values[i].type != SG_VALUE_TEXT || is_plain(values[i].bytes))
            continue;
        values[i].bytes = (struct sg_slice){out, escape(values[i].bytes, out)};
        out += values[i].bytes.len;
    }
    return SG_OK;
}

/* --- statements --------------------------------------------------------------------------------------------------- */

static int bind(sqlite3_stmt *statement, int column, const struct sg_value *value)
{
    /* SQLite binds NULL for a NULL pointer, whatever the length. */
    const void *data = value->bytes.data ? value->bytes.data : (const void *)"";

    switch (value->type) {
    case SG_VALUE_INTEGER:
        return sqlite3_bind_int64(statement, column, value->integer);
    case SG_VALUE_TEXT:
        return sqlite3_bind_text64(statement, column, data, value->bytes.len, SQLITE_STATIC, SQLITE_UTF8);
    case SG_VALUE_BLOB:
        return sqlite3_bind_blob64(statement, column, data, value->bytes.len, SQLITE_STATIC);
    }
    return SQLITE_MISUSE;
}

void sg_rows_reset(sqlite3_stmt *rows)
{
    if (!rows)
        return;
    (void)sqlite3_reset(rows); /* repeats the error of the last step */
    (void)sqlite3_clear_bindings(rows);
}

enum sg_rc sg_db_query(struct sg_store *store, enum sg_sql which, const struct sg_value *values, size_t count,
                       sqlite3_stmt **ret, struct sg_err *err)
{
    sqlite3_stmt **kept = &store->statements[which];

    if (store->transaction == SG_TRANSACTION_BROKEN)
        return sg_fail(err, SG_E_INTERNAL, _("The store was used after an operation on it had failed."));
    if (!*kept && sqlite3_prepare_v3(store->db, SQL[which], -1, SQLITE_PREPARE_PERSISTENT, kept, NULL) != SQLITE_OK)
        return sg_db_fail(store, err);

    _cleanup_(sg_rows_resetp) sqlite3_stmt *rows = *kept;
    for (size_t i = 0; i < count; i++)
        if (bind(rows, (int)i + 1, &values[i]) != SQLITE_OK)
            return sg_db_fail(store, err);
    *ret = sg_steal(rows);
    return SG_OK;
}

enum sg_rc sg_db_next(struct sg_store *store, sqlite3_stmt *rows, bool *ret_row, struct sg_err *err)
{
    int code = sqlite3_step(rows);

    if (code != SQLITE_ROW && code != SQLITE_DONE)
        return sg_db_fail(store, err);
    *ret_row = code == SQLITE_ROW;
    return SG_OK;
}

enum sg_rc sg_db_run(struct sg_store *store, enum sg_sql which, const struct sg_value *values, size_t count,
                     struct sg_err *err)
{
    _cleanup_(sg_rows_resetp) sqlite3_stmt *rows = NULL;
    bool row;

    enum sg_rc rc = sg_db_query(store, which, values, count, &rows, err);
    if (rc != SG_OK)
        return rc;
    return sg_db_next(store, rows, &row, err);
}

enum sg_rc sg_db_walk(struct sg_store *store, enum sg_sql which, const struct sg_value *values, size_t count,
                      sg_row_fn *each, void *context, int64_t *ret_count, struct sg_err *err)
{
    _cleanup_(sg_rows_resetp) sqlite3_stmt *rows = NULL;
    bool row = true;

    *ret_count = 0;
    enum sg_rc rc = sg_db_query(store, which, values, count, &rows, err);
    while (rc == SG_OK) {
        rc = sg_db_next(store, rows, &row, err);
        if (rc != SG_OK || !row)
            return rc;
        ++*ret_count;
        rc = each(context, rows, err);
    }
    return rc;
}

struct sg_slice sg_db_bytes(sqlite3_stmt *rows, int column)
{
    const void *data = sqlite3_column_blob(rows, column);

    return (struct sg_slice){data, data ? (size_t)sqlite3_column_bytes(rows, column) : 0};
}

const char *sg_db_text(sqlite3_stmt *rows, int column)
{
    const unsigned char *text = sqlite3_column_text(rows, column);

    return text ? (const char *)text : "";
}

enum sg_rc sg_db_unescaped(sqlite3_stmt *rows, int column, char **ret, struct sg_err *err)
{
    char *text = strdup(sg_db_text(rows, column));

    if (!text)
        return sg_fail_memory(err);
    unescape(text);
    *ret = text;
    return SG_OK;
}
