/* Documents signed, and the latest times that the store knows of. */
#include "db.h"

/* The ledger's entry holds the digests, so that the chain says what was signed and not only that something was. */
static enum sg_rc append_entry(struct sg_store *store, const struct sg_document *document, struct sg_err *err)
{
    _cleanup_(freep) char *detail = NULL;

    if (asprintf(&detail, "%s %s; result sha256 %s, %s; custody %s; clock %s%s%s%s%s", document->digest_algorithm,
                 document->content_digest, document->result_sha256, document->format, document->custody,
                 document->clock_state, document->remarks[0] ? "; " : "", document->remarks,
                 document->manifest ? "; manifest sha256 " : "", document->manifest ? document->manifest : "") < 0) {
        detail = NULL;
        return sg_fail_memory(err);
    }
    return sg_ledger_add(
        store, &(struct sg_ledger_entry){"sign", "", document->token, document->key, document->input, detail}, err);
}

/* The row of the entry just made. */
static enum sg_rc insert_row(struct sg_store *store, const struct sg_document *document, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf scratch = SG_BUF(SG_MAX_ENTRY);
    struct sg_value values[] = {
        sg_value_integer(store->ledger_number),   sg_value_text(document->input),
        sg_value_text(document->output),          sg_value_text(document->digest_algorithm),
        sg_value_text(document->content_digest),  sg_value_text(document->result_sha256),
        sg_value_text(document->format),          sg_value_text(document->key),
        sg_value_text(document->token),           sg_value_text(document->custody),
        sg_value_integer(document->claimed_time), sg_value_text(document->clock_state),
        sg_value_text(document->remarks),         sg_value_text(document->manifest ? document->manifest : ""),
    };

    enum sg_rc rc = sg_values_escape(values, SG_COUNT(values), &scratch, err);
    if (rc != SG_OK)
        return rc;
    return sg_db_run(store, SG_SQL_DOCUMENT_ADD, values, SG_COUNT(values), err);
}

enum sg_rc sg_store_document_add(struct sg_store *store, const struct sg_document *document, struct sg_err *err)
{
    struct sg_operation operation;

    enum sg_rc rc = sg_operation_begin(&operation, store, err);
    if (rc != SG_OK)
        return rc;
    rc = append_entry(store, document, err);
    if (rc == SG_OK)
        rc = insert_row(store, document, err);
    return sg_operation_end(&operation, rc, err);
}

int64_t sg_store_document_number(const struct sg_store *store)
{
    return store->ledger_number;
}

struct signed_reader {
    sg_signed_file_fn *each;
    void *context;
};

static enum sg_rc read_signed(void *context, sqlite3_stmt *row, struct sg_err *err)
{
    const struct signed_reader *reader = context;
    _cleanup_(freep) char *output = NULL;
    enum sg_rc rc = sg_db_unescaped(row, 0, &output, err);

    if (rc != SG_OK)
        return rc;
    const struct sg_signed_file file = {.output = output,
                                        .digest_algorithm = sg_db_text(row, 1),
                                        .content_digest = sg_db_text(row, 2),
                                        .result_sha256 = sg_db_text(row, 3),
                                        .newest_sha256 = sg_db_text(row, 4)};
    return reader->each(reader->context, &file, err);
}

enum sg_rc sg_store_documents(struct sg_store *store, sg_signed_file_fn *each, void *context, struct sg_err *err)
{
    struct signed_reader reader = {each, context};
    int64_t count = 0;

    return sg_db_walk(store, SG_SQL_DOCUMENT_ALL, NULL, 0, read_signed, &reader, &count, err);
}

static int64_t time_or_min(sqlite3_stmt *row, int column)
{
    return sqlite3_column_type(row, column) == SQLITE_NULL ? INT64_MIN : sqlite3_column_int64(row, column);
}

enum sg_rc sg_store_latest(struct sg_store *store, int64_t *ret_record, int64_t *ret_crl, struct sg_err *err)
{
    _cleanup_(sg_rows_resetp) sqlite3_stmt *rows = NULL;
    bool row;

    enum sg_rc rc = sg_db_query(store, SG_SQL_LATEST, NULL, 0, &rows, err);
    if (rc != SG_OK)
        return rc;
    rc = sg_db_next(store, rows, &row, err); /* one row always, of two numbers or NULLs */
    if (rc != SG_OK)
        return rc;
    *ret_record = time_or_min(rows, 0);
    *ret_crl = time_or_min(rows, 1);
    return SG_OK;
}
