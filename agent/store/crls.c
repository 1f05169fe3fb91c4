/* CRLs: what tells them apart and which is newer stands in SQLite, their DER and its index in files.
 *
 * A CRL takes the place of an older one of the same issuer and scope. The issuer is a name and a key
 * (authorityKeyIdentifier, RFC 5280 §5.2.1): a CA that changes its key, or another of the same name, publishes beside
 * it, not over it. The scope is the issuingDistributionPoint (§5.2.5); a delta CRL of it is beside the complete one. */
#include "db.h"

#include <string.h>

#include "base/msg.h"
#include "base/outfile.h"

#define MAX_SCOPE (SG_MAX_CRL_PART + 1)

/* The column that tells scopes apart: what is in front of a delta's is no DER of a SEQUENCE. */
static enum sg_rc scope_key(const struct sg_checked_crl *crl, struct sg_buf *out, struct sg_err *err)
{
    enum sg_rc rc = crl->delta ? sg_buf_append(out, "d", 1, err) : SG_OK;

    return rc == SG_OK ? sg_buf_append(out, crl->scope.data, crl->scope.len, err) : rc;
}

/* RFC 5280 §5.2.3: numbers only grow; where there is none, thisUpdate must do. */
static bool is_older(const struct sg_checked_crl *crl, struct sg_slice number, int64_t this_update)
{
    if (crl->number.len > 0 && number.len == crl->number.len && memcmp(crl->number.data, number.data, number.len) < 0)
        return true;
    return crl->this_update < this_update;
}

/* `*ret_same`: it is there already. */
static enum sg_rc compare(struct sg_store *store, const struct sg_checked_crl *crl, struct sg_slice scope,
                          const char *issuer, bool *ret_same, struct sg_err *err)
{
    const struct sg_value values[] = {sg_value_blob(crl->issuer), sg_value_blob(crl->authority_key),
                                      sg_value_blob(scope)};
    _cleanup_(sg_rows_resetp) sqlite3_stmt *rows = NULL;
    bool row;

    enum sg_rc rc = sg_db_query(store, SG_SQL_CRL_GET, values, SG_COUNT(values), &rows, err);
    if (rc != SG_OK)
        return rc;
    rc = sg_db_next(store, rows, &row, err);
    if (rc != SG_OK)
        return rc;
    bool same = row && sg_slice_equal(sg_db_bytes(rows, 2), (struct sg_slice){crl->sha256, SG_SHA256_LEN});
    int64_t this_update = row ? sqlite3_column_int64(rows, 1) : 0;
    if (row && !same && is_older(crl, sg_db_bytes(rows, 0), this_update)) {
        char ours[SG_TIME_TEXT], theirs[SG_TIME_TEXT];

        return sg_fail(
            err, SG_E_POLICY,
            crl->this_update < this_update
                ? _("The CRL of \"%s\" from %s is older than the one in the store, from %s. It was not taken.")
                : _("The CRL of \"%s\" from %s has a lower number than the one in the store, from %s. It was "
                    "not taken."),
            issuer, sg_time_text(crl->this_update, theirs), sg_time_text(this_update, ours));
    }
    *ret_same = same;
    return SG_OK;
}

/* --- files -------------------------------------------------------------------------------------------------------- */

static enum sg_rc open_file(const struct sg_store *store, const uint8_t sha256[SG_SHA256_LEN], const char *suffix,
                            struct sg_outfile **ret, struct sg_err *err)
{
    _cleanup_(freep) char *folder = NULL;
    _cleanup_(freep) char *path = NULL;
    char hex[SG_SHA256_HEX];

    sg_hex(sha256, SG_SHA256_LEN, hex);
    if (asprintf(&folder, "%s/trust/crl", store->folder) < 0) {
        folder = NULL;
        return sg_fail_memory(err);
    }
    if (asprintf(&path, "%s/%s.%s", folder, hex, suffix) < 0) {
        path = NULL;
        return sg_fail_memory(err);
    }
    enum sg_rc rc = sg_folder_make(folder, err);
    return rc == SG_OK ? sg_outfile_open(path, SG_OUT_REPLACE | SG_OUT_PRIVATE, ret, err) : rc;
}

static enum sg_rc write_der(const struct sg_store *store, const struct sg_checked_crl *crl, struct sg_err *err)
{
    _cleanup_(sg_outfile_freep) struct sg_outfile *out = NULL;

    enum sg_rc rc = open_file(store, crl->sha256, "crl", &out, err);
    if (rc == SG_OK)
        rc = sg_input_copy(crl->der, crl->der_offset, crl->der_len, sg_outfile_sink(out), err);
    if (rc == SG_OK)
        rc = sg_input_check_unchanged(crl->der, err); /* since it was checked */
    return rc == SG_OK ? sg_outfile_commit(out, err) : rc;
}

static enum sg_rc write_index(const struct sg_store *store, const struct sg_checked_crl *crl, struct sg_err *err)
{
    _cleanup_(sg_outfile_freep) struct sg_outfile *out = NULL;

    enum sg_rc rc = open_file(store, crl->sha256, "index", &out, err);
    for (size_t i = 0; rc == SG_OK && i < SG_COUNT(crl->index); i++)
        rc = sg_outfile_write(out, crl->index[i].data, crl->index[i].len, err);
    return rc == SG_OK ? sg_outfile_commit(out, err) : rc;
}

/* --- adding ------------------------------------------------------------------------------------------------------- */

static enum sg_rc record(struct sg_store *store, const struct sg_checked_crl *crl, struct sg_slice scope,
                         const char *issuer, struct sg_err *err)
{
    _cleanup_(freep) char *detail = NULL;
    char this_update[SG_TIME_TEXT], hex[SG_SHA256_HEX];
    const struct sg_value values[] = {
        sg_value_blob(crl->issuer),
        sg_value_blob(crl->authority_key),
        sg_value_blob(scope),
        sg_value_blob(crl->number),
        sg_value_integer(crl->this_update),
        sg_value_integer(crl->next_update),
        sg_value_blob((struct sg_slice){crl->sha256, SG_SHA256_LEN}),
        sg_value_integer(sg_clock_now(&store->clock)),
    };

    if (asprintf(&detail, "%s; of %s", issuer, sg_time_text(crl->this_update, this_update)) < 0) {
        detail = NULL;
        return sg_fail_memory(err);
    }
    sg_hex(crl->sha256, SG_SHA256_LEN, hex);
    enum sg_rc rc = sg_db_run(store, SG_SQL_CRL_PUT, values, SG_COUNT(values), err);
    if (rc == SG_OK)
        rc = sg_ledger_add(store, &(struct sg_ledger_entry){"crl-add", "", "", "", hex, detail}, err);
    if (rc == SG_OK)
        rc = sg_trust_changed(store, err);
    return rc;
}

/* The files are there before the row that names them is committed, and are written while the write lock is held, which
 * keeps a publisher from removing them as ones that nothing names. What is there already is written again: it may have
 * been lost. */
static enum sg_rc add(struct sg_store *store, const struct sg_checked_crl *crl, const char *issuer, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf scope = SG_BUF(MAX_SCOPE);
    bool same = false;

    enum sg_rc rc = scope_key(crl, &scope, err);
    if (rc == SG_OK)
        rc = compare(store, crl, sg_buf_slice(&scope), issuer, &same, err);
    if (rc == SG_OK)
        rc = write_der(store, crl, err);
    if (rc == SG_OK)
        rc = write_index(store, crl, err);
    if (rc != SG_OK || same)
        return rc;
    return record(store, crl, sg_buf_slice(&scope), issuer, err);
}

enum sg_rc sg_store_crl_add(struct sg_store *store, const struct sg_checked_crl *crl, struct sg_err *err)
{
    const uint8_t *at = crl->issuer.data;
    _cleanup_(X509_NAME_freep) X509_NAME *name = d2i_X509_NAME(NULL, &at, (long)crl->issuer.len);
    _cleanup_(freep) char *issuer = NULL;
    struct sg_operation operation;

    if (!name)
        return sg_fail_ssl(err, SG_E_MALFORMED, _("The name of a CRL's issuer cannot be read."));
    enum sg_rc rc = sg_name_text(name, &issuer, err);
    if (rc == SG_OK)
        rc = sg_operation_begin(&operation, store, err);
    if (rc != SG_OK)
        return rc;
    return sg_operation_end(&operation, add(store, crl, issuer, err), err);
}

enum sg_rc sg_store_crl_index_put(struct sg_store *store, const struct sg_checked_crl *crl, struct sg_err *err)
{
    struct sg_operation operation;

    enum sg_rc rc = sg_operation_begin(&operation, store, err);
    if (rc != SG_OK)
        return rc;
    return sg_operation_end(&operation, write_index(store, crl, err), err);
}
