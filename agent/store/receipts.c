/* Steps that are done: the receipt of an upload, the version that a time-stamp made. */
#include "store/outbox.h"

#include <string.h>

#include "base/msg.h"
#include "store/steps.h"

/* --- uploads -------------------------------------------------------------------------------------------------------
 */

static enum sg_rc add_receipt(struct sg_store *store, int64_t step, const struct sg_receipt *receipt,
                              struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf scratch = SG_BUF(SG_MAX_ENTRY);
    struct sg_value values[] = {
        sg_value_integer(step),
        sg_value_text(receipt->target),
        sg_value_text(receipt->url),
        sg_value_text(receipt->sha256),
        sg_value_integer(receipt->size),
        sg_value_integer(receipt->stored),
        sg_value_integer(receipt->compared),
        sg_value_integer(receipt->status),
        sg_value_text(receipt->etag),
        sg_value_text(receipt->version_id),
        sg_value_text(receipt->server_date),
        sg_value_integer(receipt->was_there),
    };
    enum sg_rc rc = sg_values_escape(values, SG_COUNT(values), &scratch, err);

    return rc == SG_OK ? sg_db_run(store, SG_SQL_RECEIPT_ADD, values, SG_COUNT(values), err) : rc;
}

struct upload {
    struct sg_store *store;
    const struct sg_receipt *receipt;
};

static enum sg_rc finish_upload(void *context, const struct sg_step *step, struct sg_err *err)
{
    const struct upload *upload = context;
    const struct sg_receipt *receipt = upload->receipt;
    _cleanup_(freep) char *detail = NULL;

    if (step->kind != SG_STEP_UPLOAD)
        return sg_fail(err, SG_E_INTERNAL, _("A receipt came for a step that uploads nothing."));
    if (step->state == SG_STEP_DONE)
        return SG_OK;
    enum sg_rc rc = add_receipt(upload->store, step->id, receipt, err);
    if (rc == SG_OK)
        rc = sg_step_done(upload->store, step, err);
    if (rc == SG_OK)
        rc = sg_outbox_close_if_done(upload->store, step->document, err);
    if (rc != SG_OK)
        return rc;
    if (asprintf(&detail, "%s at %s, sha256 %s, read back: %s", step->level, receipt->target, receipt->sha256,
                 receipt->url) < 0) {
        detail = NULL;
        return sg_fail_memory(err);
    }
    return sg_ledger_add(upload->store, &(struct sg_ledger_entry){"uploaded", "", "", "", step->output, detail}, err);
}

enum sg_rc sg_step_uploaded(struct sg_store *store, int64_t step, const struct sg_receipt *receipt, struct sg_err *err)
{
    struct upload upload = {store, receipt};
    struct sg_operation operation;
    enum sg_rc rc = sg_operation_begin(&operation, store, err);

    return rc == SG_OK ? sg_operation_end(&operation, sg_step_get(store, step, finish_upload, &upload, err), err) : rc;
}

/* What the server said may be any bytes. */
static enum sg_rc read_receipt(sqlite3_stmt *row, int64_t document, sg_receipt_fn *each, void *context,
                               struct sg_err *err)
{
    _cleanup_(freep) char *url = NULL;
    _cleanup_(freep) char *etag = NULL;
    _cleanup_(freep) char *version_id = NULL;
    _cleanup_(freep) char *server_date = NULL;
    enum sg_rc rc = sg_db_unescaped(row, 3, &url, err);

    if (rc == SG_OK)
        rc = sg_db_unescaped(row, 9, &etag, err);
    if (rc == SG_OK)
        rc = sg_db_unescaped(row, 10, &version_id, err);
    if (rc == SG_OK)
        rc = sg_db_unescaped(row, 11, &server_date, err);
    if (rc != SG_OK)
        return rc;
    const struct sg_kept_receipt receipt = {.document = document,
                                            .step = sqlite3_column_int64(row, 0),
                                            .level = sg_db_text(row, 1),
                                            .receipt = {.target = sg_db_text(row, 2),
                                                        .url = url,
                                                        .sha256 = sg_db_text(row, 4),
                                                        .size = sqlite3_column_int64(row, 5),
                                                        .stored = sqlite3_column_int64(row, 6),
                                                        .compared = sqlite3_column_int64(row, 7),
                                                        .status = sqlite3_column_int(row, 8),
                                                        .etag = etag,
                                                        .version_id = version_id,
                                                        .server_date = server_date,
                                                        .was_there = sqlite3_column_int(row, 12) != 0}};
    return each(context, &receipt, err);
}

enum sg_rc sg_receipts_of(struct sg_store *store, int64_t document, sg_receipt_fn *each, void *context,
                          struct sg_err *err)
{
    _cleanup_(sg_rows_resetp) sqlite3_stmt *rows = NULL;
    const struct sg_value values[] = {sg_value_integer(document)};
    bool row = true;

    enum sg_rc rc = sg_db_query(store, SG_SQL_RECEIPTS_OF, values, SG_COUNT(values), &rows, err);
    while (rc == SG_OK) {
        rc = sg_db_next(store, rows, &row, err);
        if (rc != SG_OK || !row)
            return rc;
        rc = read_receipt(rows, document, each, context, err);
    }
    return rc;
}

/* --- time-stamps ---------------------------------------------------------------------------------------------------
 */

struct completion {
    struct sg_store *store;
    const struct sg_version *version;
    const struct sg_stamped *stamped;
};

/* They go where those of the version go that is the newest until then. */
static enum sg_rc add_uploads(struct sg_store *store, int64_t document, const struct sg_version *version,
                              struct sg_err *err)
{
    const struct sg_value values[] = {sg_value_integer(document), sg_value_text(version->level),
                                      sg_value_text(version->sha256), sg_value_integer(sg_clock_now(&store->clock))};

    return version->instead ? sg_db_run(store, SG_SQL_UPLOADS_INSTEAD, values, 3, err)
                            : sg_db_run(store, SG_SQL_UPLOADS_ADD, values, SG_COUNT(values), err);
}

static enum sg_rc add_version(const struct completion *completion, int64_t document, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf scratch = SG_BUF(SG_MAX_ENTRY);
    const struct sg_version *version = completion->version;
    struct sg_store *store = completion->store;
    const struct sg_value level[] = {sg_value_integer(document), sg_value_text(version->level),
                                     sg_value_text(version->sha256)};
    struct sg_value row[] = {sg_value_integer(document),
                             sg_value_text(version->level),
                             sg_value_text(version->sha256),
                             sg_value_integer(version->size),
                             sg_value_text(completion->stamped->tsa),
                             sg_value_integer(completion->stamped->time)};
    enum sg_rc rc = sg_values_escape(row, SG_COUNT(row), &scratch, err);

    if (rc == SG_OK)
        rc = sg_db_run(store, SG_SQL_VERSION_ADD, row, SG_COUNT(row), err);
    if (rc == SG_OK)
        rc = add_uploads(store, document, version, err);
    return rc == SG_OK ? sg_db_run(store, SG_SQL_OUTBOX_LEVEL, level, SG_COUNT(level), err) : rc;
}

static enum sg_rc compare_times(void *context, const struct sg_outbox_document *document, struct sg_err *err)
{
    const struct completion *completion = context;
    enum sg_rc rc = sg_clock_compare_claim(completion->store, document, completion->stamped, err);

    return rc == SG_OK ? sg_clock_compare(completion->store, completion->stamped, err) : rc;
}

static enum sg_rc finish_timestamp(void *context, const struct sg_step *step, struct sg_err *err)
{
    struct completion *completion = context;
    _cleanup_(freep) char *detail = NULL;
    char time[SG_TIME_TEXT];

    if (step->kind != SG_STEP_TIMESTAMP)
        return sg_fail(err, SG_E_INTERNAL, _("A time-stamp came for a step that asks for none."));
    if (step->state != SG_STEP_WAITING)
        return SG_OK;
    enum sg_rc rc = add_version(completion, step->document, err);
    if (rc == SG_OK)
        rc = sg_step_done(completion->store, step, err);
    if (rc == SG_OK)
        rc = sg_outbox_close_if_done(completion->store, step->document, err);
    if (rc != SG_OK)
        return rc;
    if (asprintf(&detail, "%s sha256 %s, by %s at %s", completion->version->level, completion->version->sha256,
                 completion->stamped->tsa, sg_time_text(completion->stamped->time, time)) < 0) {
        detail = NULL;
        return sg_fail_memory(err);
    }
    rc = sg_ledger_add(completion->store, &(struct sg_ledger_entry){"timestamped", "", "", "", step->output, detail},
                       err);
    return rc == SG_OK ? sg_outbox_get(completion->store, step->document, compare_times, completion, err) : rc;
}

enum sg_rc sg_step_timestamped(struct sg_store *store, int64_t step, const struct sg_version *version,
                               const struct sg_stamped *stamped, struct sg_err *err)
{
    struct completion completion = {store, version, stamped};
    struct sg_operation operation;
    enum sg_rc rc = sg_operation_begin(&operation, store, err);

    return rc == SG_OK ? sg_operation_end(&operation, sg_step_get(store, step, finish_timestamp, &completion, err), err)
                       : rc;
}
