/* What the ledger knows of tokens and their keys, and the certificates seen on them. */
#include "db.h"

#include <string.h>

#include "base/msg.h"

/* A statement about one token or key; `values` and `scratch` have to outlive the rows. */
static enum sg_rc ask(struct sg_store *store, enum sg_sql which, struct sg_value *values, size_t count,
                      struct sg_buf *scratch, sqlite3_stmt **ret, bool *ret_row, struct sg_err *err)
{
    _cleanup_(sg_rows_resetp) sqlite3_stmt *rows = NULL;

    enum sg_rc rc = sg_values_escape(values, count, scratch, err);
    if (rc == SG_OK)
        rc = sg_db_query(store, which, values, count, &rows, err);
    if (rc == SG_OK)
        rc = sg_db_next(store, rows, ret_row, err);
    if (rc == SG_OK)
        *ret = sg_steal(rows);
    return rc;
}

static enum sg_rc is_there(struct sg_store *store, enum sg_sql which, const char *text, bool *ret, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf scratch = SG_BUF(SG_MAX_ENTRY);
    _cleanup_(sg_rows_resetp) sqlite3_stmt *rows = NULL;
    struct sg_value values[] = {sg_value_text(text)};

    return ask(store, which, values, SG_COUNT(values), &scratch, &rows, ret, err);
}

enum sg_rc sg_store_key_generated(struct sg_store *store, const char *spki_sha256, bool *ret, struct sg_err *err)
{
    return is_there(store, SG_SQL_KEY_GENERATED, spki_sha256, ret, err);
}

enum sg_rc sg_store_token_known(struct sg_store *store, const char *token, bool *ret, struct sg_err *err)
{
    return is_there(store, SG_SQL_TOKEN_KNOWN, token, ret, err);
}

enum sg_rc sg_store_token_retired(struct sg_store *store, const char *token, int64_t *ret, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf scratch = SG_BUF(SG_MAX_ENTRY);
    _cleanup_(sg_rows_resetp) sqlite3_stmt *rows = NULL;
    struct sg_value values[] = {sg_value_text(token)};
    bool row = false;

    enum sg_rc rc = ask(store, SG_SQL_TOKEN_RETIRED, values, SG_COUNT(values), &scratch, &rows, &row, err);
    if (rc == SG_OK)
        *ret = row ? sqlite3_column_int64(rows, 0) : INT64_MIN;
    return rc;
}

enum sg_rc sg_store_token_unfinished(struct sg_store *store, const char *token, const char *event, char **ret_object,
                                     int64_t *ret_time, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf scratch = SG_BUF(SG_MAX_ENTRY);
    _cleanup_(sg_rows_resetp) sqlite3_stmt *rows = NULL;
    struct sg_value values[] = {sg_value_text(token), sg_value_text(event)};
    bool row = false;

    enum sg_rc rc = ask(store, SG_SQL_TOKEN_UNFINISHED, values, SG_COUNT(values), &scratch, &rows, &row, err);
    if (rc != SG_OK)
        return rc;
    char *object = NULL;
    if (row) {
        struct sg_slice text = sg_db_bytes(rows, 0);
        object = strndup((const char *)text.data, text.len);
        if (!object)
            return sg_fail_memory(err);
        *ret_time = sqlite3_column_int64(rows, 1);
    }
    *ret_object = object;
    return SG_OK;
}

/* --- certificates ------------------------------------------------------------------------------------------------- */

enum sg_rc sg_store_token_certificate_add(struct sg_store *store, const char *token, const X509 *cert,
                                          struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf scratch = SG_BUF(SG_MAX_ENTRY);
    _cleanup_(OPENSSL_freep) unsigned char *der = NULL;
    char sha256[SG_SHA256_HEX];
    int len = i2d_X509(cert, &der);

    if (len <= 0)
        return sg_fail_ssl(err, SG_E_INTERNAL, _("A certificate cannot be encoded."));
    enum sg_rc rc = sg_cert_sha256(store->libctx, cert, sha256, err);
    struct sg_value texts[] = {sg_value_text(token), sg_value_text(sha256)};
    if (rc == SG_OK)
        rc = sg_values_escape(texts, SG_COUNT(texts), &scratch, err);
    if (rc != SG_OK)
        return rc;
    const struct sg_value values[] = {texts[0], texts[1], sg_value_blob((struct sg_slice){der, (size_t)len})};
    return sg_db_run(store, SG_SQL_TOKEN_CERTIFICATE_ADD, values, SG_COUNT(values), err);
}

enum sg_rc sg_store_token_certificates(struct sg_store *store, const char *token, STACK_OF(X509) *certs,
                                       struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf scratch = SG_BUF(SG_MAX_ENTRY);
    struct sg_value values[] = {sg_value_text(token)};

    enum sg_rc rc = sg_values_escape(values, SG_COUNT(values), &scratch, err);
    return rc == SG_OK ? sg_db_certificates(store, SG_SQL_TOKEN_CERTIFICATE_ALL, values, SG_COUNT(values), certs, err)
                       : rc;
}
