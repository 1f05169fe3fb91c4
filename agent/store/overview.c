#include "store/overview.h"

#include "db.h"

enum sg_rc sg_overview_read(struct sg_store *store, struct sg_overview *ret, struct sg_err *err)
{
    _cleanup_(sg_rows_resetp) sqlite3_stmt *rows = NULL;
    bool row = false;

    enum sg_rc rc = sg_db_query(store, SG_SQL_OVERVIEW, NULL, 0, &rows, err);
    if (rc == SG_OK)
        rc = sg_db_next(store, rows, &row, err); /* one row always */
    if (rc != SG_OK)
        return rc;
    *ret = (struct sg_overview){.open = sqlite3_column_int64(rows, 0),
                                .unplaced = sqlite3_column_int64(rows, 1),
                                .moved = sqlite3_column_int64(rows, 2),
                                .changed = sqlite3_column_int64(rows, 3),
                                .dropped = sqlite3_column_int64(rows, 4),
                                .clock_differs = sqlite3_column_int64(rows, 5),
                                .clock_entry = sqlite3_column_int64(rows, 6),
                                .clock_wrong = sqlite3_column_int(rows, 7) != 0,
                                .late = sqlite3_column_int64(rows, 8),
                                .late_entry = sqlite3_column_int64(rows, 9),
                                .ledger_last = sqlite3_column_int64(rows, 10),
                                .ledger_witnessed = sqlite3_column_int64(rows, 11)};
    return SG_OK;
}

enum sg_rc sg_overview_bytes_since(struct sg_store *store, int64_t since, int64_t *ret, struct sg_err *err)
{
    const struct sg_value values[] = {sg_value_integer(since)};
    _cleanup_(sg_rows_resetp) sqlite3_stmt *rows = NULL;
    bool row = false;

    enum sg_rc rc = sg_db_query(store, SG_SQL_OVERVIEW_BYTES, values, SG_COUNT(values), &rows, err);
    if (rc == SG_OK)
        rc = sg_db_next(store, rows, &row, err); /* one row always */
    if (rc == SG_OK)
        *ret = sqlite3_column_int64(rows, 0);
    return rc;
}

enum sg_rc sg_overview_waiting(struct sg_store *store,
                               enum sg_rc (*each)(void *context, const struct sg_waiting *waiting, struct sg_err *err),
                               void *context, struct sg_err *err)
{
    const struct sg_value values[] = {sg_value_integer(SG_MAX_WAITING)};
    _cleanup_(sg_rows_resetp) sqlite3_stmt *rows = NULL;
    bool row = true;

    enum sg_rc rc = sg_db_query(store, SG_SQL_OVERVIEW_WAITING, values, SG_COUNT(values), &rows, err);
    while (rc == SG_OK) {
        _cleanup_(freep) char *text = NULL;
        rc = sg_db_next(store, rows, &row, err);
        if (rc != SG_OK || !row)
            return rc;
        rc = sg_db_unescaped(rows, 6, &text, err);
        if (rc != SG_OK)
            return rc;
        const struct sg_waiting waiting = {.kind = (enum sg_step_kind)sqlite3_column_int(rows, 0),
                                           .target = sg_db_text(rows, 1),
                                           .code = sg_db_text(rows, 2),
                                           .count = sqlite3_column_int64(rows, 3),
                                           .since = sqlite3_column_int64(rows, 4),
                                           .next = sqlite3_column_int64(rows, 5),
                                           .text = text};
        rc = each(context, &waiting, err);
    }
    return rc;
}

enum sg_rc sg_overview_witness_failures(struct sg_store *store,
                                        enum sg_rc (*each)(void *context, const struct sg_witness_failure *failure,
                                                           struct sg_err *err),
                                        void *context, struct sg_err *err)
{
    _cleanup_(sg_rows_resetp) sqlite3_stmt *rows = NULL;
    bool row = true;

    enum sg_rc rc = sg_db_query(store, SG_SQL_WITNESS_FAILURES, NULL, 0, &rows, err);
    while (rc == SG_OK) {
        _cleanup_(freep) char *text = NULL;
        rc = sg_db_next(store, rows, &row, err);
        if (rc != SG_OK || !row)
            return rc;
        rc = sg_db_unescaped(rows, 4, &text, err);
        if (rc != SG_OK)
            return rc;
        const struct sg_witness_failure failure = {.kind = (enum sg_witness_kind)sqlite3_column_int(rows, 0),
                                                   .name = sg_db_text(rows, 1),
                                                   .since = sqlite3_column_int64(rows, 2),
                                                   .code = sg_db_text(rows, 3),
                                                   .text = text};
        rc = each(context, &failure, err);
    }
    return rc;
}
