/* Documents of the outbox: queued, placed, found, closed. Their steps: steps.c; what was sent: receipts.c. */
#include "store/outbox.h"

#include <string.h>

#include "base/msg.h"
#include "store/overview.h"
#include "store/steps.h"

static enum sg_rc no_document(int64_t document, struct sg_err *err)
{
    return sg_fail(err, SG_E_NOT_FOUND, _("The outbox has no document %lld."), (long long)document);
}

/* --- queueing ------------------------------------------------------------------------------------------------------
 */

static enum sg_rc add_document(struct sg_store *store, int64_t document, const struct sg_outbox_request *request,
                               struct sg_err *err)
{
    const struct sg_version *signature = &request->versions[request->version_count - 1];
    const struct sg_value values[] = {sg_value_integer(document), sg_value_integer(sg_clock_now(&store->clock)),
                                      sg_value_text(signature->level), sg_value_text(signature->sha256),
                                      sg_value_text(request->replaces ? request->replaces : "")};

    return sg_db_run(store, SG_SQL_OUTBOX_ADD, values, SG_COUNT(values), err);
}

static enum sg_rc add_step(struct sg_store *store, int64_t document, enum sg_step_kind kind, const char *level,
                           const char *sha256, const char *target, struct sg_err *err)
{
    const struct sg_value values[] = {sg_value_integer(document), sg_value_integer(kind),
                                      sg_value_text(level),       sg_value_text(sha256),
                                      sg_value_text(target),      sg_value_integer(sg_clock_now(&store->clock))};

    return sg_db_run(store, SG_SQL_STEP_ADD, values, SG_COUNT(values), err);
}

static enum sg_rc add_version(struct sg_store *store, int64_t document, const struct sg_outbox_request *request,
                              const struct sg_version *version, struct sg_err *err)
{
    const struct sg_value values[] = {sg_value_integer(document),
                                      sg_value_text(version->level),
                                      sg_value_text(version->sha256),
                                      sg_value_integer(version->size),
                                      sg_value_text(""),
                                      sg_value_integer(0)};
    enum sg_rc rc = sg_db_run(store, SG_SQL_VERSION_ADD, values, SG_COUNT(values), err);

    for (size_t i = 0; i < request->target_count && rc == SG_OK; i++)
        rc = add_step(store, document, SG_STEP_UPLOAD, version->level, version->sha256, request->targets[i], err);
    return rc;
}

static enum sg_rc add(struct sg_store *store, int64_t document, const struct sg_outbox_request *request,
                      struct sg_err *err)
{
    enum sg_rc rc = add_document(store, document, request, err);

    for (size_t i = 0; i < request->version_count && rc == SG_OK; i++)
        rc = add_version(store, document, request, &request->versions[i], err);
    if (rc == SG_OK && request->timestamp)
        rc = add_step(store, document, SG_STEP_TIMESTAMP, SG_LEVEL_B_T, "", "", err);
    return rc;
}

enum sg_rc sg_outbox_add(struct sg_store *store, const struct sg_outbox_request *request, int64_t *ret_document,
                         struct sg_err *err)
{
    struct sg_operation operation;
    int64_t document = sg_store_document_number(store);

    if (store->transaction == SG_TRANSACTION_NONE || request->version_count == 0)
        return sg_fail(err, SG_E_INTERNAL, _("A document was to be queued that is not being recorded."));
    enum sg_rc rc = sg_operation_begin(&operation, store, err);
    if (rc == SG_OK)
        rc = sg_operation_end(&operation, add(store, document, request, err), err);
    if (rc == SG_OK)
        *ret_document = document;
    return rc;
}

enum sg_rc sg_outbox_placed(struct sg_store *store, int64_t document, enum sg_output_state state, struct sg_err *err)
{
    const struct sg_value values[] = {sg_value_integer(document), sg_value_integer(state)};

    return sg_db_run(store, SG_SQL_OUTBOX_PLACED, values, SG_COUNT(values), err);
}

/* The entry says what the document's row said of it. */
static enum sg_rc record_failure(struct sg_store *store, int64_t document, const struct sg_err *why, struct sg_err *err)
{
    _cleanup_(sg_rows_resetp) sqlite3_stmt *rows = NULL;
    _cleanup_(freep) char *input = NULL;
    const struct sg_value values[] = {sg_value_integer(document)};
    bool row = false;

    enum sg_rc rc = sg_db_query(store, SG_SQL_DOCUMENT_GET, values, SG_COUNT(values), &rows, err);
    if (rc == SG_OK)
        rc = sg_db_next(store, rows, &row, err);
    if (rc == SG_OK && !row)
        rc = no_document(document, err);
    if (rc == SG_OK)
        rc = sg_db_unescaped(rows, 0, &input, err);
    if (rc != SG_OK)
        return rc;
    const struct sg_ledger_entry entry = {.event = "sign-failed",
                                          .code = sg_rc_word(why->rc),
                                          .token = sg_db_text(rows, 1),
                                          .key = sg_db_text(rows, 2),
                                          .object = input,
                                          .detail = why->text};
    return sg_ledger_add(store, &entry, err);
}

static enum sg_rc withdraw(struct sg_store *store, int64_t document, const struct sg_err *why, struct sg_err *err)
{
    static const enum sg_sql DELETIONS[] = {SG_SQL_STEP_DELETE, SG_SQL_VERSION_DELETE, SG_SQL_OUTBOX_DELETE,
                                            SG_SQL_DOCUMENT_DELETE};
    const struct sg_value values[] = {sg_value_integer(document)};
    enum sg_rc rc = record_failure(store, document, why, err);

    for (size_t i = 0; i < SG_COUNT(DELETIONS) && rc == SG_OK; i++)
        rc = sg_db_run(store, DELETIONS[i], values, SG_COUNT(values), err);
    return rc;
}

enum sg_rc sg_outbox_withdraw(struct sg_store *store, int64_t document, const struct sg_err *why, struct sg_err *err)
{
    struct sg_operation operation;
    enum sg_rc rc = sg_operation_begin(&operation, store, err);

    return rc == SG_OK ? sg_operation_end(&operation, withdraw(store, document, why, err), err) : rc;
}

/* --- reading -------------------------------------------------------------------------------------------------------
 */

struct document_reader {
    sg_outbox_document_fn *each;
    void *context;
};

static enum sg_rc read_document(void *context, sqlite3_stmt *row, struct sg_err *err)
{
    const struct document_reader *reader = context;
    _cleanup_(freep) char *input = NULL;
    _cleanup_(freep) char *output = NULL;
    enum sg_rc rc = sg_db_unescaped(row, 1, &input, err);

    if (rc == SG_OK)
        rc = sg_db_unescaped(row, 2, &output, err);
    if (rc != SG_OK)
        return rc;
    const struct sg_outbox_document document = {.document = sqlite3_column_int64(row, 0),
                                                .input = input,
                                                .output = output,
                                                .format = sg_db_text(row, 3),
                                                .result_sha256 = sg_db_text(row, 4),
                                                .claimed_time = sqlite3_column_int64(row, 5),
                                                .queued = sqlite3_column_int64(row, 6),
                                                .level = sg_db_text(row, 7),
                                                .level_sha256 = sg_db_text(row, 8),
                                                .placed = sqlite3_column_int(row, 9) != 0,
                                                .output_state = (enum sg_output_state)sqlite3_column_int(row, 10),
                                                .closed = sqlite3_column_int64(row, 11),
                                                .forgotten = sqlite3_column_int64(row, 12),
                                                .replaces = sg_db_text(row, 13),
                                                .key = sg_db_text(row, 14)};
    return reader->each(reader->context, &document, err);
}

static enum sg_rc walk(struct sg_store *store, enum sg_sql which, const struct sg_value *values, size_t count,
                       sg_outbox_document_fn *each, void *context, int64_t *ret_count, struct sg_err *err)
{
    struct document_reader reader = {each, context};

    return sg_db_walk(store, which, values, count, read_document, &reader, ret_count, err);
}

enum sg_rc sg_outbox_get(struct sg_store *store, int64_t document, sg_outbox_document_fn *each, void *context,
                         struct sg_err *err)
{
    const struct sg_value values[] = {sg_value_integer(document)};
    int64_t count = 0;
    enum sg_rc rc = walk(store, SG_SQL_OUTBOX_GET, values, SG_COUNT(values), each, context, &count, err);

    return rc == SG_OK && count == 0 ? no_document(document, err) : rc;
}

enum sg_rc sg_outbox_unplaced(struct sg_store *store, sg_outbox_document_fn *each, void *context, struct sg_err *err)
{
    int64_t count = 0;

    return walk(store, SG_SQL_OUTBOX_UNPLACED, NULL, 0, each, context, &count, err);
}

enum sg_rc sg_outbox_behind(struct sg_store *store, sg_outbox_document_fn *each, void *context, struct sg_err *err)
{
    int64_t count = 0;

    return walk(store, SG_SQL_OUTBOX_BEHIND, NULL, 0, each, context, &count, err);
}

enum sg_rc sg_overview_apart(struct sg_store *store, int64_t limit, sg_outbox_document_fn *each, void *context,
                             struct sg_err *err)
{
    const struct sg_value values[] = {sg_value_integer(limit)};
    int64_t count = 0;

    return walk(store, SG_SQL_OUTBOX_APART, values, SG_COUNT(values), each, context, &count, err);
}

/* Lower case, as the store has it; false if `name` is no SHA-256. */
static bool as_sha256(const char *name, char hex[SG_SHA256_HEX])
{
    uint8_t digest[SG_SHA256_LEN];

    if (!sg_unhex(name, digest, sizeof(digest)))
        return false;
    sg_hex(digest, sizeof(digest), hex);
    return true;
}

enum sg_rc sg_outbox_find(struct sg_store *store, const char *name, sg_outbox_document_fn *each, void *context,
                          struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf scratch = SG_BUF(SG_MAX_ENTRY);
    char hex[SG_SHA256_HEX];
    bool digest = as_sha256(name, hex);
    enum sg_sql which = digest              ? SG_SQL_OUTBOX_BY_SHA256
                        : strchr(name, '/') ? SG_SQL_OUTBOX_BY_PATH
                                            : SG_SQL_OUTBOX_BY_NAME;
    struct sg_value values[] = {sg_value_text(digest ? hex : name)};
    int64_t count = 0;

    enum sg_rc rc = sg_values_escape(values, SG_COUNT(values), &scratch, err);
    return rc == SG_OK ? walk(store, which, values, SG_COUNT(values), each, context, &count, err) : rc;
}

enum sg_rc sg_outbox_versions(struct sg_store *store, int64_t document, sg_version_fn *each, void *context,
                              struct sg_err *err)
{
    _cleanup_(sg_rows_resetp) sqlite3_stmt *rows = NULL;
    const struct sg_value values[] = {sg_value_integer(document)};
    bool row = true;

    enum sg_rc rc = sg_db_query(store, SG_SQL_VERSIONS_OF, values, SG_COUNT(values), &rows, err);
    while (rc == SG_OK) {
        rc = sg_db_next(store, rows, &row, err);
        if (rc != SG_OK || !row)
            return rc;
        const struct sg_version version = {.level = sg_db_text(rows, 0),
                                           .sha256 = sg_db_text(rows, 1),
                                           .size = sqlite3_column_int64(rows, 2),
                                           .tsa = sg_db_text(rows, 3),
                                           .time = sqlite3_column_int64(rows, 4)};
        rc = each(context, &version, err);
    }
    return rc;
}

/* --- the end -------------------------------------------------------------------------------------------------------
 */

enum sg_rc sg_outbox_close_if_done(struct sg_store *store, int64_t document, struct sg_err *err)
{
    const struct sg_value values[] = {sg_value_integer(document), sg_value_integer(sg_clock_now(&store->clock))};

    return sg_db_run(store, SG_SQL_OUTBOX_CLOSE, values, SG_COUNT(values), err);
}

/* Its copies go with the next sweep. */
static enum sg_rc let_go(struct sg_store *store, const struct sg_outbox_document *document, const char *event,
                         struct sg_err *err)
{
    const struct sg_value values[] = {sg_value_integer(document->document),
                                      sg_value_integer(sg_clock_now(&store->clock))};

    if (document->forgotten != 0)
        return SG_OK;
    enum sg_rc rc = sg_db_run(store, SG_SQL_OUTBOX_FORGET, values, SG_COUNT(values), err);
    if (rc != SG_OK)
        return rc;
    return sg_ledger_add(store, &(struct sg_ledger_entry){event, "", "", "", document->output, document->level_sha256},
                         err);
}

static enum sg_rc forget(void *context, const struct sg_outbox_document *document, struct sg_err *err)
{
    if (document->closed == 0)
        return sg_about(document->output, err,
                        sg_fail(err, SG_E_POLICY,
                                _("\"%s\" is still waiting to be time-stamped or stored, and its copies are needed "
                                  "for that. Run signet sync, or drop what waits: signet outbox drop."),
                                document->output));
    return let_go(context, document, "forgotten", err);
}

enum sg_rc sg_outbox_forget(struct sg_store *store, int64_t document, struct sg_err *err)
{
    struct sg_operation operation;
    enum sg_rc rc = sg_operation_begin(&operation, store, err);

    return rc == SG_OK ? sg_operation_end(&operation, sg_outbox_get(store, document, forget, store, err), err) : rc;
}

static enum sg_rc note(void *context, const struct sg_outbox_document *document, struct sg_err *err)
{
    return sg_buf_append(context, &document->document, sizeof(document->document), err);
}

static enum sg_rc expire(void *context, const struct sg_outbox_document *document, struct sg_err *err)
{
    return let_go(context, document, "expired", err);
}

static enum sg_rc expire_all(struct sg_store *store, const struct sg_buf *documents, struct sg_err *err)
{
    struct sg_operation operation;
    enum sg_rc rc = sg_operation_begin(&operation, store, err);

    if (rc != SG_OK)
        return rc;
    for (size_t at = 0; at < documents->len && rc == SG_OK; at += sizeof(int64_t)) {
        int64_t document;
        memcpy(&document, documents->data + at, sizeof(document));
        rc = sg_outbox_get(store, document, expire, store, err);
    }
    return sg_operation_end(&operation, rc, err);
}

enum sg_rc sg_outbox_expire(struct sg_store *store, int64_t before, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf documents = SG_BUF(SG_MAX_CRL_FILE); /* int64_t each */
    const struct sg_value values[] = {sg_value_integer(before)};
    int64_t count = 0;
    enum sg_rc rc = walk(store, SG_SQL_OUTBOX_EXPIRED, values, SG_COUNT(values), note, &documents, &count, err);

    return rc == SG_OK && count > 0 ? expire_all(store, &documents, err) : rc;
}
