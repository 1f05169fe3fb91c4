/* Which statements about the ledger's head were made, and who has witnessed them. */
#include "store/witness.h"

#include <string.h>

#include "base/msg.h"
#include "db.h"
#include "store/overview.h"

/* --- the store's id ----------------------------------------------------------------------------------------------- */

enum sg_rc sg_store_id(struct sg_store *store, char out[SG_STORE_ID], struct sg_err *err)
{
    _cleanup_(sg_rows_resetp) sqlite3_stmt *rows = NULL;
    bool row = false;

    enum sg_rc rc = sg_db_query(store, SG_SQL_STORE_ID, NULL, 0, &rows, err);
    if (rc == SG_OK)
        rc = sg_db_next(store, rows, &row, err);
    if (rc != SG_OK)
        return rc;
    struct sg_slice id = row ? sg_db_bytes(rows, 0) : (struct sg_slice){0};
    if (id.len != SG_STORE_ID - 1 || memchr(id.data, '\0', id.len))
        return sg_db_damaged(store, _("it has no id"), err);
    memcpy(out, id.data, id.len);
    out[id.len] = '\0';
    return SG_OK;
}

/* --- statements --------------------------------------------------------------------------------------------------- */

/* Columns 0 to 2 of a row: number, hash, time. */
static enum sg_rc take_statement(struct sg_store *store, sqlite3_stmt *row, struct sg_statement *statement,
                                 struct sg_err *err)
{
    struct sg_slice hash = sg_db_bytes(row, 1);

    if (hash.len != SG_SHA256_LEN)
        return sg_db_damaged(store, _("a statement about its ledger has no hash"), err);
    statement->number = sqlite3_column_int64(row, 0);
    memcpy(statement->hash, hash.data, SG_SHA256_LEN);
    statement->time = sqlite3_column_int64(row, 2);
    return SG_OK;
}

static enum sg_rc newest_statement(struct sg_store *store, struct sg_statement *statement, bool *ret_any,
                                   bool *ret_grown, struct sg_err *err)
{
    _cleanup_(sg_rows_resetp) sqlite3_stmt *rows = NULL;

    enum sg_rc rc = sg_db_query(store, SG_SQL_STATEMENT_NEWEST, NULL, 0, &rows, err);
    if (rc == SG_OK)
        rc = sg_db_next(store, rows, ret_any, err);
    if (rc != SG_OK || !*ret_any) {
        *ret_grown = true;
        return rc;
    }
    *ret_grown = sqlite3_column_int64(rows, 3) != 0;
    return take_statement(store, rows, statement, err);
}

static enum sg_rc add_statement(struct sg_store *store, struct sg_statement *statement, struct sg_err *err)
{
    statement->number = store->ledger_number;
    memcpy(statement->hash, store->ledger_hash, SG_SHA256_LEN);
    statement->time = sg_clock_now(&store->clock);
    const struct sg_value values[] = {sg_value_integer(statement->number),
                                      sg_value_blob((struct sg_slice){statement->hash, SG_SHA256_LEN}),
                                      sg_value_integer(statement->time)};
    return sg_db_run(store, SG_SQL_STATEMENT_ADD, values, SG_COUNT(values), err);
}

static enum sg_rc begin(struct sg_store *store, struct sg_statement *statement, bool *ret_any, struct sg_err *err)
{
    bool any = false, grown = false;

    enum sg_rc rc = sg_store_id(store, statement->store, err);
    if (rc == SG_OK)
        rc = newest_statement(store, statement, &any, &grown, err);
    if (rc == SG_OK && grown && store->ledger_number > 0)
        rc = add_statement(store, statement, err);
    *ret_any = any || store->ledger_number > 0;
    return rc;
}

enum sg_rc sg_witness_begin(struct sg_store *store, struct sg_statement *ret, bool *ret_any, struct sg_err *err)
{
    struct sg_statement statement = {0};
    struct sg_operation operation;
    bool any = false;

    enum sg_rc rc = sg_operation_begin(&operation, store, err);
    if (rc != SG_OK)
        return rc;
    rc = sg_operation_end(&operation, begin(store, &statement, &any, err), err);
    if (rc == SG_OK) {
        *ret = statement;
        *ret_any = any;
    }
    return rc;
}

/* --- witnesses ---------------------------------------------------------------------------------------------------- */

/* Of TSAs any is as good as another: they fail together, and one that answers makes up for the others. */
static struct sg_value failing_name(enum sg_witness_kind kind, const char *name)
{
    return sg_value_text(kind == SG_WITNESS_TSA ? "" : name);
}

static enum sg_rc add(struct sg_store *store, const struct sg_witness *witness, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf scratch = SG_BUF(SG_MAX_ENTRY);
    struct sg_value values[] = {sg_value_integer(witness->statement.number),
                                sg_value_integer((int64_t)witness->kind),
                                sg_value_text(witness->name),
                                sg_value_text(witness->url),
                                sg_value_integer(witness->time),
                                sg_value_blob(witness->token)};
    const struct sg_value who[] = {values[1], failing_name(witness->kind, witness->name)};

    enum sg_rc rc = sg_values_escape(values, SG_COUNT(values), &scratch, err);
    if (rc == SG_OK)
        rc = sg_db_run(store, SG_SQL_WITNESS_ADD, values, SG_COUNT(values), err);
    return rc == SG_OK ? sg_db_run(store, SG_SQL_WITNESS_RECOVERED, who, SG_COUNT(who), err) : rc;
}

enum sg_rc sg_witness_add(struct sg_store *store, const struct sg_witness *witness, struct sg_err *err)
{
    struct sg_operation operation;

    enum sg_rc rc = sg_operation_begin(&operation, store, err);
    return rc == SG_OK ? sg_operation_end(&operation, add(store, witness, err), err) : rc;
}

static enum sg_rc is_repeated(struct sg_store *store, enum sg_witness_kind kind, const char *name, const char *code,
                              bool *ret, struct sg_err *err)
{
    const struct sg_value values[] = {sg_value_integer((int64_t)kind), failing_name(kind, name), sg_value_text(code)};
    _cleanup_(sg_rows_resetp) sqlite3_stmt *rows = NULL;

    enum sg_rc rc = sg_db_query(store, SG_SQL_WITNESS_IS_FAILING, values, SG_COUNT(values), &rows, err);
    return rc == SG_OK ? sg_db_next(store, rows, ret, err) : rc;
}

static enum sg_rc fail(struct sg_store *store, enum sg_witness_kind kind, const char *name, const struct sg_err *why,
                       struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf scratch = SG_BUF(SG_MAX_ENTRY);
    const char *code = sg_rc_word(why->rc);
    struct sg_value values[] = {sg_value_integer((int64_t)kind), failing_name(kind, name),
                                sg_value_integer(sg_clock_now(&store->clock)), sg_value_text(code),
                                sg_value_text(why->text)};
    bool repeated = false;

    enum sg_rc rc = sg_values_escape(values, SG_COUNT(values), &scratch, err);
    if (rc == SG_OK)
        rc = is_repeated(store, kind, name, code, &repeated, err);
    if (rc == SG_OK)
        rc = sg_db_run(store, SG_SQL_WITNESS_FAILED, values, SG_COUNT(values), err);
    if (rc != SG_OK || repeated)
        return rc;
    return sg_ledger_add(store, &(struct sg_ledger_entry){"witness-failed", code, "", "", name, why->text}, err);
}

enum sg_rc sg_witness_failed(struct sg_store *store, enum sg_witness_kind kind, const char *name,
                             const struct sg_err *why, struct sg_err *err)
{
    struct sg_operation operation;

    enum sg_rc rc = sg_operation_begin(&operation, store, err);
    return rc == SG_OK ? sg_operation_end(&operation, fail(store, kind, name, why, err), err) : rc;
}

struct keeping {
    struct sg_store *store;
    bool (*is_asked)(void *context, enum sg_witness_kind kind, const char *name);
    void *context;
};

static enum sg_rc forget_unasked(void *context, const struct sg_witness_failure *failure, struct sg_err *err)
{
    const struct keeping *keeping = context;
    const struct sg_value values[] = {sg_value_integer((int64_t)failure->kind), sg_value_text(failure->name)};

    if (keeping->is_asked(keeping->context, failure->kind, failure->name))
        return SG_OK;
    return sg_db_run(keeping->store, SG_SQL_WITNESS_RECOVERED, values, SG_COUNT(values), err);
}

enum sg_rc sg_witness_failures_keep(struct sg_store *store,
                                    bool (*is_asked)(void *context, enum sg_witness_kind kind, const char *name),
                                    void *context, struct sg_err *err)
{
    struct keeping keeping = {store, is_asked, context};
    struct sg_operation operation;

    enum sg_rc rc = sg_operation_begin(&operation, store, err);
    if (rc != SG_OK)
        return rc;
    return sg_operation_end(&operation, sg_overview_witness_failures(store, forget_unasked, &keeping, err), err);
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

static enum sg_rc take_witness(struct sg_store *store, sqlite3_stmt *row, const char *id,
                               struct sg_witness_reader reader, struct sg_err *err)
{
    struct sg_witness witness = {.kind = (enum sg_witness_kind)sqlite3_column_int64(row, 3),
                                 .name = sg_db_text(row, 4),
                                 .url = sg_db_text(row, 5),
                                 .time = sqlite3_column_int64(row, 6),
                                 .token = sg_db_bytes(row, 7)};

    memcpy(witness.statement.store, id, SG_STORE_ID);
    enum sg_rc rc = take_statement(store, row, &witness.statement, err);
    if (rc == SG_OK && witness.kind != SG_WITNESS_TSA && witness.kind != SG_WITNESS_TARGET)
        rc = sg_db_damaged(store, _("a witness of its ledger is of no known kind"), err);
    return rc == SG_OK ? reader.take(reader.context, &witness, err) : rc;
}

enum sg_rc sg_witness_read(struct sg_store *store, struct sg_ledger_range range, struct sg_witness_reader reader,
                           struct sg_err *err)
{
    const struct sg_value values[] = {sg_value_integer(range.first), sg_value_integer(range.last)};
    _cleanup_(sg_rows_resetp) sqlite3_stmt *rows = NULL;
    char id[SG_STORE_ID] = "";
    bool row = false;

    enum sg_rc rc = sg_store_id(store, id, err);
    if (rc == SG_OK)
        rc = sg_db_query(store, SG_SQL_WITNESS_READ, values, SG_COUNT(values), &rows, err);
    if (rc == SG_OK)
        rc = sg_db_next(store, rows, &row, err);
    while (rc == SG_OK && row) {
        rc = take_witness(store, rows, id, reader, err);
        if (rc == SG_OK)
            rc = sg_db_next(store, rows, &row, err);
    }
    return rc;
}
