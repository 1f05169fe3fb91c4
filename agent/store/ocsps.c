/* OCSP responses: what they say of which certificate stands in SQLite, their DER in files.
 *
 * A response answers about one certificate or several. What it says of one takes the place of what an older one said of
 * it; a CertID by another digest is another row, since only verify/ can tell that it is about the same certificate. */
#include "db.h"

#include <string.h>

#include "base/msg.h"
#include "base/outfile.h"

struct response {
    struct sg_slice der;
    uint8_t sha256[SG_SHA256_LEN];
    char hex[SG_SHA256_HEX];
};

/* `*ret_same`: it is there already. */
static enum sg_rc compare(struct sg_store *store, const struct response *response, const struct sg_ocsp_fact *fact,
                          bool *ret_same, struct sg_err *err)
{
    const struct sg_value value = sg_value_blob(fact->cert_id);
    _cleanup_(sg_rows_resetp) sqlite3_stmt *rows = NULL;
    char ours[SG_TIME_TEXT], theirs[SG_TIME_TEXT];
    bool row;

    enum sg_rc rc = sg_db_query(store, SG_SQL_OCSP_GET, &value, 1, &rows, err);
    if (rc != SG_OK)
        return rc;
    rc = sg_db_next(store, rows, &row, err);
    if (rc != SG_OK)
        return rc;
    *ret_same = row && sg_slice_equal(sg_db_bytes(rows, 2), (struct sg_slice){response->sha256, SG_SHA256_LEN});
    if (!row || *ret_same)
        return SG_OK;
    if (fact->this_update < sqlite3_column_int64(rows, 0))
        return sg_fail(err, SG_E_POLICY,
                       _("The OCSP response from %s is older than the one in the store about the same certificate, "
                         "from %s. It was not taken."),
                       sg_time_text(fact->this_update, theirs), sg_time_text(sqlite3_column_int64(rows, 0), ours));
    if (sqlite3_column_int64(rows, 1) != 0 && !fact->revoked)
        return sg_fail(err, SG_E_POLICY,
                       _("The OCSP response from %s takes back that a certificate is revoked, which the one in the "
                         "store says. It was not taken; ask the CA."),
                       sg_time_text(fact->this_update, theirs));
    return SG_OK;
}

static enum sg_rc write_file(const struct sg_store *store, const struct response *response, struct sg_err *err)
{
    _cleanup_(freep) char *folder = NULL;
    _cleanup_(freep) char *path = NULL;

    if (asprintf(&folder, "%s/trust/ocsp", store->folder) < 0) {
        folder = NULL;
        return sg_fail_memory(err);
    }
    if (asprintf(&path, "%s/%s.ocsp", folder, response->hex) < 0) {
        path = NULL;
        return sg_fail_memory(err);
    }
    enum sg_rc rc = sg_folder_make(folder, err);
    if (rc != SG_OK)
        return rc;
    return sg_file_write(path, response->der, SG_OUT_REPLACE | SG_OUT_PRIVATE, err);
}

static enum sg_rc put(struct sg_store *store, const struct response *response, const struct sg_ocsp_fact *fact,
                      struct sg_err *err)
{
    const struct sg_value values[] = {
        sg_value_blob(fact->cert_id),
        sg_value_integer(fact->this_update),
        sg_value_integer(fact->next_update),
        sg_value_integer(fact->revoked),
        sg_value_blob((struct sg_slice){response->sha256, SG_SHA256_LEN}),
        sg_value_integer(sg_clock_now(&store->clock)),
    };

    return sg_db_run(store, SG_SQL_OCSP_PUT, values, SG_COUNT(values), err);
}

static enum sg_rc record(struct sg_store *store, const struct response *response, int64_t this_update, size_t count,
                         struct sg_err *err)
{
    char detail[64 + SG_TIME_TEXT], time[SG_TIME_TEXT];

    (void)snprintf(detail, sizeof(detail), "%zu; of %s", count, sg_time_text(this_update, time));
    enum sg_rc rc = sg_ledger_add(store, &(struct sg_ledger_entry){"ocsp-add", "", "", "", response->hex, detail}, err);
    if (rc == SG_OK)
        rc = sg_trust_changed(store, err);
    return rc;
}

/* All of its answers or none. The file is there before a row names it, as with CRLs. */
static enum sg_rc add(struct sg_store *store, const struct response *response, const struct sg_ocsp_fact *facts,
                      size_t count, struct sg_err *err)
{
    size_t fresh = 0;
    enum sg_rc rc = SG_OK;

    for (size_t i = 0; rc == SG_OK && i < count; i++) {
        bool same = false;

        rc = compare(store, response, &facts[i], &same, err);
        fresh += !same;
    }
    if (rc == SG_OK)
        rc = write_file(store, response, err);
    for (size_t i = 0; rc == SG_OK && fresh > 0 && i < count; i++)
        rc = put(store, response, &facts[i], err);
    if (rc == SG_OK && fresh > 0)
        rc = record(store, response, facts[0].this_update, count, err);
    return rc;
}

enum sg_rc sg_store_ocsp_add(struct sg_store *store, struct sg_slice der, const struct sg_ocsp_fact *facts,
                             size_t count, struct sg_err *err)
{
    struct response response = {.der = der};
    struct sg_operation operation;
    uint8_t digest[EVP_MAX_MD_SIZE];
    size_t digest_len;

    if (count == 0)
        return sg_fail(err, SG_E_INTERNAL, _("An OCSP response without an answer was to be kept."));
    enum sg_rc rc = sg_digest(store->libctx, "SHA256", der, digest, &digest_len, err);
    if (rc != SG_OK)
        return rc;
    memcpy(response.sha256, digest, SG_SHA256_LEN);
    sg_hex(response.sha256, SG_SHA256_LEN, response.hex);
    rc = sg_operation_begin(&operation, store, err);
    if (rc != SG_OK)
        return rc;
    return sg_operation_end(&operation, add(store, &response, facts, count, err), err);
}
