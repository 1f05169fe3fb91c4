/* Steps of the outbox: which are due, and the journal of what becomes of them. */
#include "store/outbox.h"

#include <string.h>

#include "base/msg.h"
#include "store/steps.h"

/* --- reading -------------------------------------------------------------------------------------------------------
 */

struct step_reader {
    sg_step_fn *each;
    void *context;
};

static enum sg_rc read_step(void *context, sqlite3_stmt *row, struct sg_err *err)
{
    const struct step_reader *reader = context;
    _cleanup_(freep) char *output = NULL;
    _cleanup_(freep) char *text = NULL;
    enum sg_rc rc = sg_db_unescaped(row, 8, &output, err);

    if (rc == SG_OK)
        rc = sg_db_unescaped(row, 14, &text, err);
    if (rc != SG_OK)
        return rc;
    const struct sg_step step = {.id = sqlite3_column_int64(row, 0),
                                 .document = sqlite3_column_int64(row, 1),
                                 .kind = (enum sg_step_kind)sqlite3_column_int(row, 2),
                                 .state = (enum sg_step_state)sqlite3_column_int(row, 3),
                                 .level = sg_db_text(row, 4),
                                 .sha256 = sg_db_text(row, 5),
                                 .sent_sha256 = sg_db_text(row, 6),
                                 .target = sg_db_text(row, 7),
                                 .output = output,
                                 .since = sqlite3_column_int64(row, 9),
                                 .attempts = sqlite3_column_int64(row, 10),
                                 .last_attempt = sqlite3_column_int64(row, 11),
                                 .next_attempt = sqlite3_column_int64(row, 12),
                                 .code = sg_db_text(row, 13),
                                 .text = text,
                                 .sent = sqlite3_column_int64(row, 15) != 0};
    return reader->each(reader->context, &step, err);
}

static enum sg_rc walk(struct sg_store *store, enum sg_sql which, const struct sg_value *values, size_t count,
                       sg_step_fn *each, void *context, int64_t *ret_count, struct sg_err *err)
{
    struct step_reader reader = {each, context};

    return sg_db_walk(store, which, values, count, read_step, &reader, ret_count, err);
}

enum sg_rc sg_steps_due(struct sg_store *store, const char *target, int64_t now, bool stamps_first, size_t limit,
                        sg_step_fn *each, void *context, struct sg_err *err)
{
    const struct sg_value values[] = {sg_value_text(target ? target : ""), sg_value_integer(now),
                                      sg_value_integer(limit < INT64_MAX ? (int64_t)limit : INT64_MAX),
                                      sg_value_integer(stamps_first)};
    int64_t count = 0;

    return walk(store, SG_SQL_STEPS_DUE, values, SG_COUNT(values), each, context, &count, err);
}

enum sg_rc sg_steps_of(struct sg_store *store, int64_t document, sg_step_fn *each, void *context, struct sg_err *err)
{
    const struct sg_value values[] = {sg_value_integer(document)};
    int64_t count = 0;

    return walk(store, SG_SQL_STEPS_OF, values, SG_COUNT(values), each, context, &count, err);
}

enum sg_rc sg_steps_waiting(struct sg_store *store, sg_step_fn *each, void *context, struct sg_err *err)
{
    int64_t count = 0;

    return walk(store, SG_SQL_STEPS_WAITING, NULL, 0, each, context, &count, err);
}

/* The only column of the only row; `none` for NULL. */
static enum sg_rc read_number_of(struct sg_store *store, enum sg_sql which, const struct sg_value *values, size_t count,
                                 int64_t none, int64_t *ret, struct sg_err *err)
{
    _cleanup_(sg_rows_resetp) sqlite3_stmt *rows = NULL;
    bool row = false;

    enum sg_rc rc = sg_db_query(store, which, values, count, &rows, err);
    if (rc == SG_OK)
        rc = sg_db_next(store, rows, &row, err);
    if (rc == SG_OK)
        *ret = row && sqlite3_column_type(rows, 0) != SQLITE_NULL ? sqlite3_column_int64(rows, 0) : none;
    return rc;
}

static enum sg_rc read_number(struct sg_store *store, enum sg_sql which, int64_t argument, int64_t none, int64_t *ret,
                              struct sg_err *err)
{
    const struct sg_value values[] = {sg_value_integer(argument)};

    return read_number_of(store, which, values, SG_COUNT(values), none, ret, err);
}

enum sg_rc sg_steps_next(struct sg_store *store, int64_t from, int64_t *ret, struct sg_err *err)
{
    return read_number(store, SG_SQL_STEPS_NEXT, from, INT64_MAX, ret, err);
}

enum sg_rc sg_steps_count_due(struct sg_store *store, int64_t now, size_t *ret, struct sg_err *err)
{
    int64_t count = 0;
    enum sg_rc rc = read_number(store, SG_SQL_STEPS_COUNT_DUE, now, 0, &count, err);

    if (rc == SG_OK)
        *ret = (size_t)count;
    return rc;
}

enum sg_rc sg_steps_short(struct sg_store *store, const char *target, int64_t quorum, bool *ret, struct sg_err *err)
{
    const struct sg_value values[] = {sg_value_text(target), sg_value_integer(quorum)};
    int64_t some = 0;
    enum sg_rc rc = read_number_of(store, SG_SQL_STEPS_SHORT, values, SG_COUNT(values), 0, &some, err);

    if (rc == SG_OK)
        *ret = some != 0;
    return rc;
}

enum sg_rc sg_outbox_delivered(struct sg_store *store, int64_t document, bool *ret, struct sg_err *err)
{
    int64_t count = 0;
    enum sg_rc rc = read_number(store, SG_SQL_OUTBOX_DELIVERED, document, 0, &count, err);

    if (rc == SG_OK)
        *ret = count > 0;
    return rc;
}

enum sg_rc sg_step_get(struct sg_store *store, int64_t step, sg_step_fn *each, void *context, struct sg_err *err)
{
    const struct sg_value values[] = {sg_value_integer(step)};
    int64_t count = 0;
    enum sg_rc rc = walk(store, SG_SQL_STEP_GET, values, SG_COUNT(values), each, context, &count, err);

    return rc == SG_OK && count == 0 ? sg_fail(err, SG_E_NOT_FOUND, _("The outbox has no step %lld."), (long long)step)
                                     : rc;
}

/* --- journal -------------------------------------------------------------------------------------------------------
 */

const char *sg_step_name(const struct sg_step *step, char out[SG_STEP_NAME])
{
    if (step->kind == SG_STEP_TIMESTAMP)
        (void)snprintf(out, SG_STEP_NAME, "time-stamp");
    else
        (void)snprintf(out, SG_STEP_NAME, "upload of %s to %s", step->level, step->target);
    return out;
}

enum sg_rc sg_step_begin(struct sg_store *store, int64_t step, struct sg_err *err)
{
    const struct sg_value values[] = {sg_value_integer(step), sg_value_integer(sg_clock_now(&store->clock))};

    return sg_db_run(store, SG_SQL_STEP_BEGIN, values, SG_COUNT(values), err);
}

enum sg_rc sg_step_unsent(struct sg_store *store, int64_t step, struct sg_err *err)
{
    const struct sg_value value = sg_value_integer(step);

    return sg_db_run(store, SG_SQL_STEP_UNSENT, &value, 1, err);
}

struct failure {
    struct sg_store *store;
    const struct sg_err *why;
    int64_t next;
};

static enum sg_rc fail_step(void *context, const struct sg_step *step, struct sg_err *err)
{
    const struct failure *failure = context;
    _cleanup_(sg_buf_clear) struct sg_buf scratch = SG_BUF(SG_MAX_ENTRY);
    const char *code = sg_rc_word(failure->why->rc);
    struct sg_value values[] = {sg_value_integer(step->id), sg_value_text(code), sg_value_text(failure->why->text),
                                sg_value_integer(failure->next)};
    char name[SG_STEP_NAME], detail[SG_STEP_NAME + sizeof(failure->why->text)];
    bool told = strcmp(step->code, code) == 0;

    if (step->state != SG_STEP_WAITING)
        return SG_OK;
    enum sg_rc rc = sg_values_escape(values, SG_COUNT(values), &scratch, err);
    if (rc == SG_OK)
        rc = sg_db_run(failure->store, SG_SQL_STEP_FAILED, values, SG_COUNT(values), err);
    if (rc != SG_OK || told)
        return rc;
    (void)snprintf(detail, sizeof(detail), "%s: %s", sg_step_name(step, name), failure->why->text);
    return sg_ledger_add(failure->store, &(struct sg_ledger_entry){"sync-failed", code, "", "", step->output, detail},
                         err);
}

enum sg_rc sg_step_failed(struct sg_store *store, int64_t step, const struct sg_err *why, int64_t next,
                          struct sg_err *err)
{
    struct failure failure = {store, why, next};
    struct sg_operation operation;
    enum sg_rc rc = sg_operation_begin(&operation, store, err);

    return rc == SG_OK ? sg_operation_end(&operation, sg_step_get(store, step, fail_step, &failure, err), err) : rc;
}

enum sg_rc sg_steps_postpone(struct sg_store *store, const char *target, int64_t now, const struct sg_err *why,
                             int64_t next, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf scratch = SG_BUF(SG_MAX_ENTRY);
    struct sg_value values[] = {sg_value_text(target ? target : ""), sg_value_integer(now),
                                sg_value_text(sg_rc_word(why->rc)), sg_value_text(why->text), sg_value_integer(next)};
    enum sg_rc rc = sg_values_escape(values, SG_COUNT(values), &scratch, err);

    return rc == SG_OK ? sg_db_run(store, SG_SQL_STEPS_POSTPONE, values, SG_COUNT(values), err) : rc;
}

enum sg_rc sg_steps_retry_some(struct sg_store *store, int64_t now, bool mended, struct sg_err *err)
{
    const struct sg_value values[] = {sg_value_integer(now), sg_value_integer(mended)};

    return sg_db_run(store, SG_SQL_STEPS_RETRY_SOME, values, SG_COUNT(values), err);
}

enum sg_rc sg_step_sends(struct sg_store *store, int64_t step, const char *sent_sha256, struct sg_err *err)
{
    const struct sg_value values[] = {sg_value_integer(step), sg_value_text(sent_sha256)};

    return sg_db_run(store, SG_SQL_STEP_SENDS, values, SG_COUNT(values), err);
}

enum sg_rc sg_step_remember(struct sg_store *store, int64_t step, const char *resume, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf scratch = SG_BUF(SG_MAX_ENTRY);
    struct sg_value values[] = {sg_value_integer(step), sg_value_text(resume)};
    enum sg_rc rc = sg_values_escape(values, SG_COUNT(values), &scratch, err);

    return rc == SG_OK ? sg_db_run(store, SG_SQL_STEP_REMEMBER, values, SG_COUNT(values), err) : rc;
}

enum sg_rc sg_step_recall(struct sg_store *store, int64_t step, char **ret, struct sg_err *err)
{
    _cleanup_(sg_rows_resetp) sqlite3_stmt *rows = NULL;
    const struct sg_value values[] = {sg_value_integer(step)};
    bool row = false;

    enum sg_rc rc = sg_db_query(store, SG_SQL_STEP_RECALL, values, SG_COUNT(values), &rows, err);
    if (rc == SG_OK)
        rc = sg_db_next(store, rows, &row, err);
    return rc == SG_OK ? sg_db_unescaped(rows, 0, ret, err) : rc; /* no row: "" */
}

enum sg_rc sg_step_done(struct sg_store *store, const struct sg_step *step, struct sg_err *err)
{
    const struct sg_value values[] = {sg_value_integer(step->id), sg_value_integer(sg_clock_now(&store->clock))};

    return sg_db_run(store, SG_SQL_STEP_DONE, values, SG_COUNT(values), err);
}

/* --- what a person asks for ----------------------------------------------------------------------------------------
 */

enum sg_rc sg_outbox_retry(struct sg_store *store, int64_t document, int64_t *ret_count, struct sg_err *err)
{
    const struct sg_value values[] = {sg_value_integer(document), sg_value_integer(sg_clock_now(&store->clock))};
    enum sg_rc rc = sg_db_run(store, SG_SQL_STEPS_RETRY, values, SG_COUNT(values), err);

    if (rc == SG_OK)
        *ret_count = sqlite3_changes64(store->db);
    return rc;
}

/* What is dropped, and of which document, as the ledger says it. */
struct drop {
    const char *target;
    struct sg_buf detail;
    char *output;
    int64_t count;
};

static enum sg_rc note_drop(void *context, const struct sg_step *step, struct sg_err *err)
{
    struct drop *drop = context;
    char name[SG_STEP_NAME];

    if (step->state != SG_STEP_WAITING || (drop->target && strcmp(step->target, drop->target) != 0))
        return SG_OK;
    if (!drop->output && !(drop->output = strdup(step->output)))
        return sg_fail_memory(err);
    drop->count++;
    return sg_buf_printf(&drop->detail, err, "; %s", sg_step_name(step, name));
}

static enum sg_rc drop_steps(struct sg_store *store, int64_t document, const char *reason, struct drop *drop,
                             struct sg_err *err)
{
    const struct sg_value values[] = {sg_value_integer(document), sg_value_integer(sg_clock_now(&store->clock)),
                                      sg_value_text(drop->target ? drop->target : "")};
    const char *detail = NULL;
    enum sg_rc rc = sg_buf_printf(&drop->detail, err, "%s", reason);

    if (rc == SG_OK)
        rc = sg_steps_of(store, document, note_drop, drop, err);
    if (rc != SG_OK || drop->count == 0)
        return rc;
    rc = sg_buf_text(&drop->detail, &detail, err);
    if (rc == SG_OK)
        rc = sg_db_run(store, SG_SQL_STEPS_DROP, values, SG_COUNT(values), err);
    if (rc == SG_OK)
        rc = sg_outbox_close_if_done(store, document, err);
    if (rc != SG_OK)
        return rc;
    return sg_ledger_add(store, &(struct sg_ledger_entry){"dropped", "", "", "", drop->output, detail}, err);
}

enum sg_rc sg_outbox_drop(struct sg_store *store, int64_t document, const char *target, const char *reason,
                          int64_t *ret_count, struct sg_err *err)
{
    struct drop drop = {.target = target, .detail = SG_BUF(SG_MAX_ENTRY)};
    struct sg_operation operation;
    enum sg_rc rc = sg_operation_begin(&operation, store, err);

    if (rc == SG_OK)
        rc = sg_operation_end(&operation, drop_steps(store, document, reason, &drop, err), err);
    if (rc == SG_OK)
        *ret_count = drop.count;
    sg_buf_clear(&drop.detail);
    free(drop.output);
    return rc;
}
