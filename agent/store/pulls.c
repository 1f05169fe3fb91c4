/* The journal of what is pulled. */
#include "store/pulls.h"

#include <string.h>

#include "base/msg.h"
#include "db.h"

static void copy(sqlite3_stmt *rows, int column, char *out, size_t size)
{
    struct sg_slice text = sg_db_bytes(rows, column);
    size_t len = text.len < size ? text.len : size - 1;

    if (len > 0)
        memcpy(out, text.data, len);
    out[len] = '\0';
}

/* The columns of `pull` behind its key. */
static void read_state(sqlite3_stmt *rows, int first, struct sg_pull_state *state)
{
    copy(rows, first, state->etag, sizeof(state->etag));
    copy(rows, first + 1, state->last_modified, sizeof(state->last_modified));
    state->last_success = sqlite3_column_int64(rows, first + 2);
    state->last_attempt = sqlite3_column_int64(rows, first + 3);
    state->next_attempt = sqlite3_column_int64(rows, first + 4);
    state->good_until = sqlite3_column_int64(rows, first + 5);
    state->failures = sqlite3_column_int64(rows, first + 6);
    copy(rows, first + 7, state->code, sizeof(state->code));
    copy(rows, first + 8, state->text, sizeof(state->text));
}

enum sg_rc sg_pull_get(struct sg_store *store, const struct sg_pull_key *key, struct sg_pull_state *ret,
                       struct sg_err *err)
{
    const struct sg_value values[] = {sg_value_text(key->kind), sg_value_text(key->url), sg_value_text(key->about)};
    _cleanup_(sg_rows_resetp) sqlite3_stmt *rows = NULL;
    bool row;

    enum sg_rc rc = sg_db_query(store, SG_SQL_PULL_GET, values, SG_COUNT(values), &rows, err);
    if (rc == SG_OK)
        rc = sg_db_next(store, rows, &row, err);
    if (rc != SG_OK)
        return rc;
    *ret = (struct sg_pull_state){0};
    if (row)
        read_state(rows, 0, ret);
    return SG_OK;
}

static enum sg_rc put(struct sg_store *store, const struct sg_pull_key *key, const struct sg_pull_state *state,
                      struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf scratch = SG_BUF(SG_MAX_ENTRY);
    struct sg_value values[] = {
        sg_value_text(key->kind),
        sg_value_text(key->url),
        sg_value_text(key->about),
        sg_value_text(state->etag),
        sg_value_text(state->last_modified),
        sg_value_integer(state->last_success),
        sg_value_integer(state->last_attempt),
        sg_value_integer(state->next_attempt),
        sg_value_integer(state->good_until),
        sg_value_integer(state->failures),
        sg_value_text(state->code),
        sg_value_text(state->text),
    };
    struct sg_pull_state before;

    enum sg_rc rc = sg_pull_get(store, key, &before, err);
    if (rc == SG_OK)
        rc = sg_values_escape(values, SG_COUNT(values), &scratch, err);
    if (rc == SG_OK)
        rc = sg_db_run(store, SG_SQL_PULL_PUT, values, SG_COUNT(values), err);
    if (rc == SG_OK && state->code[0] && strcmp(state->code, before.code) != 0)
        rc = sg_ledger_add(
            store, &(struct sg_ledger_entry){"sync-failed", state->code, "", key->about, key->url, state->text}, err);
    return rc;
}

enum sg_rc sg_pull_put(struct sg_store *store, const struct sg_pull_key *key, const struct sg_pull_state *state,
                       struct sg_err *err)
{
    struct sg_operation operation;

    enum sg_rc rc = sg_operation_begin(&operation, store, err);
    if (rc != SG_OK)
        return rc;
    return sg_operation_end(&operation, put(store, key, state, err), err);
}

enum sg_rc sg_pulls_retry_some(struct sg_store *store, int64_t now, bool mended, struct sg_err *err)
{
    const struct sg_value values[] = {sg_value_integer(now), sg_value_integer(mended)};

    return sg_db_run(store, SG_SQL_PULLS_RETRY_SOME, values, SG_COUNT(values), err);
}

enum sg_rc sg_pulls_retry(struct sg_store *store, struct sg_err *err)
{
    const struct sg_value values[] = {sg_value_integer(sg_clock_now(&store->clock))};

    return sg_db_run(store, SG_SQL_PULLS_RETRY, values, SG_COUNT(values), err);
}

enum sg_rc sg_pulls_each(struct sg_store *store,
                         enum sg_rc (*each)(void *context, const struct sg_pull_key *key,
                                            const struct sg_pull_state *state, struct sg_err *err),
                         void *context, struct sg_err *err)
{
    _cleanup_(sg_rows_resetp) sqlite3_stmt *rows = NULL;
    bool row = true;

    enum sg_rc rc = sg_db_query(store, SG_SQL_PULL_ALL, NULL, 0, &rows, err);
    while (rc == SG_OK) {
        struct sg_pull_state state = {0};

        rc = sg_db_next(store, rows, &row, err);
        if (rc != SG_OK || !row)
            break;
        const struct sg_pull_key key = {(const char *)sqlite3_column_text(rows, 0),
                                        (const char *)sqlite3_column_text(rows, 1),
                                        (const char *)sqlite3_column_text(rows, 2)};
        if (!key.kind || !key.url || !key.about)
            return sg_fail_memory(err);
        read_state(rows, 3, &state);
        rc = each(context, &key, &state, err);
    }
    return rc;
}

struct keeping {
    struct sg_store *store;
    bool (*is_wanted)(void *context, const struct sg_pull_key *key);
    void *context;
};

static enum sg_rc forget_unwanted(void *context, const struct sg_pull_key *key, const struct sg_pull_state *state,
                                  struct sg_err *err)
{
    const struct keeping *keeping = context;
    const struct sg_value values[] = {sg_value_text(key->kind), sg_value_text(key->url), sg_value_text(key->about)};

    (void)state;
    if (keeping->is_wanted(keeping->context, key))
        return SG_OK;
    return sg_db_run(keeping->store, SG_SQL_PULL_FORGET, values, SG_COUNT(values), err);
}

enum sg_rc sg_pulls_keep(struct sg_store *store, bool (*is_wanted)(void *context, const struct sg_pull_key *key),
                         void *context, struct sg_err *err)
{
    struct keeping keeping = {store, is_wanted, context};
    struct sg_operation operation;

    enum sg_rc rc = sg_operation_begin(&operation, store, err);
    return rc == SG_OK ? sg_operation_end(&operation, sg_pulls_each(store, forget_unwanted, &keeping, err), err) : rc;
}
