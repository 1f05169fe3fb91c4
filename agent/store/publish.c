/* Publishing: what the store says becomes the snapshot that verification reads.
 *
 * All of it happens under the store's write lock, so that no publisher renames an older snapshot over a newer one, and
 * no file of revocation data is removed between being written and being named. A change of trust marks the store as
 * unpublished in its own transaction; a program that dies between that commit and the rename is made up for by the next
 * that opens the store. */
#include "db.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "base/msg.h"
#include "base/outfile.h"
#include "snapshot_format.h"

static void folder_close(DIR *folder)
{
    if (folder)
        (void)closedir(folder);
}
SG_DEFINE_CLEANUP(DIR, folder_close)

static enum sg_rc set_unpublished(struct sg_store *store, bool unpublished, struct sg_err *err)
{
    const struct sg_value value = sg_value_integer(unpublished);

    return sg_db_run(store, SG_SQL_UNPUBLISHED_SET, &value, 1, err);
}

/* A change that could be committed and never published would keep everybody out of the store. */
static enum sg_rc check_size(struct sg_store *store, struct sg_err *err)
{
    _cleanup_(sg_rows_resetp) sqlite3_stmt *rows = NULL;
    bool row;

    enum sg_rc rc = sg_db_query(store, SG_SQL_TRUST_SIZE, NULL, 0, &rows, err);
    if (rc != SG_OK)
        return rc;
    rc = sg_db_next(store, rows, &row, err);
    if (rc != SG_OK)
        return rc;
    if (sqlite3_column_int64(rows, 0) > (int64_t)SG_MAX_SNAPSHOT)
        return sg_fail(err, SG_E_LIMIT,
                       _("More is trusted than fits into a snapshot of %zu bytes. Remove what is not "
                         "needed (signet trust remove)."),
                       SG_MAX_SNAPSHOT);
    return SG_OK;
}

enum sg_rc sg_trust_changed(struct sg_store *store, struct sg_err *err)
{
    enum sg_rc rc = check_size(store, err);

    return rc == SG_OK ? set_unpublished(store, true, err) : rc;
}

static enum sg_rc collect_anchors(struct sg_store *store, SG_SNAPSHOT_DER *snapshot, struct sg_err *err)
{
    _cleanup_(sg_rows_resetp) sqlite3_stmt *rows = NULL;
    bool row = true;

    enum sg_rc rc = sg_db_query(store, SG_SQL_ANCHOR_ALL, NULL, 0, &rows, err);
    while (rc == SG_OK && row) {
        rc = sg_db_next(store, rows, &row, err);
        if (rc != SG_OK || !row)
            break;
        const struct sg_snapshot_anchor anchor = {
            .certificate = sg_db_bytes(rows, 0),
            .purposes = (unsigned)sqlite3_column_int64(rows, 1),
            .source = (const char *)sqlite3_column_text(rows, 2),
            .added = sqlite3_column_int64(rows, 3),
            .limits = (const char *)sqlite3_column_text(rows, 4),
        };
        if (!anchor.source || !anchor.limits || !sg_snapshot_der_add_anchor(snapshot, &anchor))
            rc = sg_fail_memory(err);
    }
    return rc;
}

static enum sg_rc collect_crls(struct sg_store *store, SG_SNAPSHOT_DER *snapshot, struct sg_err *err)
{
    _cleanup_(sg_rows_resetp) sqlite3_stmt *rows = NULL;
    bool row = true;

    enum sg_rc rc = sg_db_query(store, SG_SQL_CRL_ALL, NULL, 0, &rows, err);
    while (rc == SG_OK && row) {
        rc = sg_db_next(store, rows, &row, err);
        if (rc != SG_OK || !row)
            break;
        struct sg_snapshot_crl crl = {
            .issuer = sg_db_bytes(rows, 0),
            .this_update = sqlite3_column_int64(rows, 2),
            .next_update = sqlite3_column_int64(rows, 3),
        };
        struct sg_slice sha256 = sg_db_bytes(rows, 1);
        if (sha256.len != sizeof(crl.sha256))
            return sg_db_damaged(store, _("a CRL's digest is not one"), err);
        memcpy(crl.sha256, sha256.data, sizeof(crl.sha256));
        if (!sg_snapshot_der_add_crl(snapshot, &crl))
            rc = sg_fail_memory(err);
    }
    return rc;
}

static enum sg_rc collect_ocsps(struct sg_store *store, SG_SNAPSHOT_DER *snapshot, struct sg_err *err)
{
    _cleanup_(sg_rows_resetp) sqlite3_stmt *rows = NULL;
    bool row = true;

    enum sg_rc rc = sg_db_query(store, SG_SQL_OCSP_ALL, NULL, 0, &rows, err);
    while (rc == SG_OK && row) {
        rc = sg_db_next(store, rows, &row, err);
        if (rc != SG_OK || !row)
            break;
        struct sg_snapshot_ocsp ocsp = {
            .cert_id = sg_db_bytes(rows, 0),
            .this_update = sqlite3_column_int64(rows, 2),
            .next_update = sqlite3_column_int64(rows, 3),
        };
        struct sg_slice sha256 = sg_db_bytes(rows, 1);
        if (sha256.len != sizeof(ocsp.sha256))
            return sg_db_damaged(store, _("an OCSP response's digest is not one"), err);
        memcpy(ocsp.sha256, sha256.data, sizeof(ocsp.sha256));
        if (!sg_snapshot_der_add_ocsp(snapshot, &ocsp))
            rc = sg_fail_memory(err);
    }
    return rc;
}

static enum sg_rc collect_helpers(struct sg_store *store, SG_SNAPSHOT_DER *snapshot, struct sg_err *err)
{
    _cleanup_(sg_rows_resetp) sqlite3_stmt *rows = NULL;
    bool row = true;

    enum sg_rc rc = sg_db_query(store, SG_SQL_HELPER_ALL, NULL, 0, &rows, err);
    while (rc == SG_OK && row) {
        rc = sg_db_next(store, rows, &row, err);
        if (rc == SG_OK && row && !sg_snapshot_der_add_helper(snapshot, sg_db_bytes(rows, 0)))
            rc = sg_fail_memory(err);
    }
    return rc;
}

/* --- files that nothing names any more ---------------------------------------------------------------------------- */

static bool is_crl_of_new(const SG_SNAPSHOT_DER *snapshot, const uint8_t sha256[SG_SHA256_LEN])
{
    for (int i = 0; i < sk_SG_CRL_DER_num(snapshot->crls); i++)
        if (memcmp(ASN1_STRING_get0_data(sk_SG_CRL_DER_value(snapshot->crls, i)->sha256), sha256, SG_SHA256_LEN) == 0)
            return true;
    return false;
}

static bool is_crl_of_old(const struct sg_snapshot *snapshot, const uint8_t sha256[SG_SHA256_LEN])
{
    for (size_t i = 0; i < sg_snapshot_crl_count(snapshot); i++)
        if (memcmp(sg_snapshot_crl(snapshot, i)->sha256, sha256, SG_SHA256_LEN) == 0)
            return true;
    return false;
}

static bool is_ocsp_of_new(const SG_SNAPSHOT_DER *snapshot, const uint8_t sha256[SG_SHA256_LEN])
{
    for (int i = 0; i < sk_SG_OCSP_DER_num(snapshot->ocsps); i++)
        if (memcmp(ASN1_STRING_get0_data(sk_SG_OCSP_DER_value(snapshot->ocsps, i)->sha256), sha256, SG_SHA256_LEN) == 0)
            return true;
    return false;
}

static bool is_ocsp_of_old(const struct sg_snapshot *snapshot, const uint8_t sha256[SG_SHA256_LEN])
{
    for (size_t i = 0; i < sg_snapshot_ocsp_count(snapshot); i++)
        if (memcmp(sg_snapshot_ocsp(snapshot, i)->sha256, sha256, SG_SHA256_LEN) == 0)
            return true;
    return false;
}

/* What is kept of one kind: `trust/FOLDER/SHA256.SUFFIX`. */
struct kind {
    const char *folder, *suffix;
    bool (*of_new)(const SG_SNAPSHOT_DER *snapshot, const uint8_t sha256[SG_SHA256_LEN]);
    bool (*of_old)(const struct sg_snapshot *snapshot, const uint8_t sha256[SG_SHA256_LEN]);
};

static bool names_file(const struct kind *kind, const char *item, uint8_t sha256[SG_SHA256_LEN])
{
    char hex[SG_SHA256_HEX];

    if (strlen(item) != 2 * SG_SHA256_LEN + 1 + strlen(kind->suffix) || item[2 * SG_SHA256_LEN] != '.' ||
        strcmp(item + 2 * SG_SHA256_LEN + 1, kind->suffix) != 0)
        return false;
    memcpy(hex, item, 2 * SG_SHA256_LEN);
    hex[2 * SG_SHA256_LEN] = '\0';
    return sg_unhex(hex, sha256, SG_SHA256_LEN);
}

/* Whoever reads the snapshot that has just been replaced still needs its files: so those go one publication later. What
 * cannot be removed stays until the next time. */
static void remove_unnamed(const char *trust, const struct kind *kind, const struct sg_snapshot *old,
                           const SG_SNAPSHOT_DER *new)
{
    _cleanup_(folder_closep) DIR *folder = NULL;
    char path[PATH_MAX];
    const struct dirent *item;

    if (snprintf(path, sizeof(path), "%s/%s", trust, kind->folder) >= (int)sizeof(path))
        return;
    folder = opendir(path);
    while (folder && (item = readdir(folder))) {
        uint8_t sha256[SG_SHA256_LEN];

        if (names_file(kind, item->d_name, sha256) && !kind->of_new(new, sha256) && !kind->of_old(old, sha256))
            (void)unlinkat(dirfd(folder), item->d_name, 0);
    }
}

static void remove_all_unnamed(const char *trust, const struct sg_snapshot *old, const SG_SNAPSHOT_DER *new)
{
    static const struct kind kinds[] = {
        {"crl", "crl", is_crl_of_new, is_crl_of_old},
        {"crl", "index", is_crl_of_new, is_crl_of_old},
        {"ocsp", "ocsp", is_ocsp_of_new, is_ocsp_of_old},
    };

    for (size_t i = 0; i < SG_COUNT(kinds); i++)
        remove_unnamed(trust, &kinds[i], old, new);
}

/* --- the snapshot ------------------------------------------------------------------------------------------------- */

static enum sg_rc write_snapshot(const struct sg_store *store, const SG_SNAPSHOT_DER *snapshot, struct sg_err *err)
{
    _cleanup_(sg_snapshot_freep) struct sg_snapshot *old = NULL;
    _cleanup_(sg_buf_clear) struct sg_buf bytes = SG_BUF(SG_MAX_SNAPSHOT);
    _cleanup_(freep) char *trust = NULL;
    _cleanup_(freep) char *path = NULL;

    enum sg_rc rc = sg_snapshot_encode(snapshot, store->libctx, &bytes, err);
    if (rc != SG_OK)
        return rc;
    if (asprintf(&trust, "%s/trust", store->folder) < 0) {
        trust = NULL;
        return sg_fail_memory(err);
    }
    if (asprintf(&path, "%s/snapshot", trust) < 0) {
        path = NULL;
        return sg_fail_memory(err);
    }
    rc = sg_folder_make(trust, err);
    if (rc != SG_OK)
        return rc;
    /* The old one may be damaged, which is what writing it anew is for: then no file is removed. */
    bool readable = sg_snapshot_open(store->folder, store->libctx, &old, NULL) == SG_OK;
    rc = sg_file_write(path, sg_buf_slice(&bytes), SG_OUT_REPLACE | SG_OUT_PRIVATE, err);
    if (rc == SG_OK && readable)
        remove_all_unnamed(trust, old, snapshot);
    return rc;
}

static enum sg_rc publish(struct sg_store *store, struct sg_err *err)
{
    _cleanup_(sg_snapshot_der_freep) SG_SNAPSHOT_DER *snapshot = sg_snapshot_der_new();

    if (!snapshot)
        return sg_fail_memory(err);
    enum sg_rc rc = collect_anchors(store, snapshot, err);
    if (rc != SG_OK)
        return rc;
    rc = collect_crls(store, snapshot, err);
    if (rc != SG_OK)
        return rc;
    rc = collect_ocsps(store, snapshot, err);
    if (rc != SG_OK)
        return rc;
    rc = collect_helpers(store, snapshot, err);
    if (rc != SG_OK)
        return rc;
    rc = write_snapshot(store, snapshot, err);
    if (rc != SG_OK)
        return rc;
    return set_unpublished(store, false, err);
}

enum sg_rc sg_store_publish(struct sg_store *store, struct sg_err *err)
{
    struct sg_operation operation;

    if (store->transaction != SG_TRANSACTION_NONE)
        return sg_fail(err, SG_E_INTERNAL, _("Trust was to be published before the change was committed."));
    enum sg_rc rc = sg_operation_begin(&operation, store, err);
    if (rc != SG_OK)
        return rc;
    return sg_operation_end(&operation, publish(store, err), err);
}

enum sg_rc sg_publish_if_needed(struct sg_store *store, struct sg_err *err)
{
    _cleanup_(sg_rows_resetp) sqlite3_stmt *rows = NULL;
    bool row;

    enum sg_rc rc = sg_db_query(store, SG_SQL_UNPUBLISHED_GET, NULL, 0, &rows, err);
    if (rc != SG_OK)
        return rc;
    rc = sg_db_next(store, rows, &row, err);
    if (rc != SG_OK)
        return rc;
    bool needed = !row || sqlite3_column_int64(rows, 0) != 0;
    sg_rows_reset(sg_steal(rows));
    return needed ? sg_store_publish(store, err) : SG_OK;
}
