/* The signed list of anchors: what it says replaces what the list before said, and nothing else. */
#include <string.h>

#include "base/msg.h"
#include "db.h"
#include "store/pulls.h"

static void copy(sqlite3_stmt *rows, int column, char *out, size_t size)
{
    struct sg_slice text = sg_db_bytes(rows, column);

    if (text.len > 0 && text.len < size)
        memcpy(out, text.data, text.len);
    out[text.len < size ? text.len : 0] = '\0';
}

enum sg_rc sg_store_list_get(struct sg_store *store, const char *configured, struct sg_kept_list *ret,
                             struct sg_err *err)
{
    _cleanup_(sg_rows_resetp) sqlite3_stmt *rows = NULL;
    const struct sg_value value = sg_value_text(configured);
    struct sg_kept_list list = {0};
    bool row;

    enum sg_rc rc = sg_db_query(store, SG_SQL_LIST_GET, &value, 1, &rows, err);
    if (rc == SG_OK)
        rc = sg_db_next(store, rows, &row, err);
    if (rc != SG_OK)
        return rc;
    (void)snprintf(list.configured, sizeof(list.configured), "%s", configured);
    (void)snprintf(list.pin, sizeof(list.pin), "%s", configured);
    if (row) {
        list.number = sqlite3_column_int64(rows, 0);
        list.applied = sqlite3_column_int64(rows, 1);
        copy(rows, 2, list.sha256, sizeof(list.sha256));
        copy(rows, 4, list.pin, sizeof(list.pin));
        copy(rows, 5, list.release_version, sizeof(list.release_version));
        copy(rows, 6, list.release_sha256, sizeof(list.release_sha256));
        copy(rows, 7, list.release_url, sizeof(list.release_url));
    }
    *ret = list;
    return SG_OK;
}

static enum sg_rc put(struct sg_store *store, const struct sg_kept_list *kept, const struct sg_list_terms *terms,
                      struct sg_err *err)
{
    const struct sg_value values[] = {
        sg_value_integer(terms->number),
        sg_value_integer(sg_clock_now(&store->clock)),
        sg_value_text(kept->sha256),
        sg_value_text(kept->configured),
        sg_value_text(kept->pin),
        sg_value_text(terms->release_version),
        sg_value_text(terms->release_sha256),
        sg_value_text(terms->release_url),
    };

    return sg_db_run(store, SG_SQL_LIST_PUT, values, SG_COUNT(values), err);
}

/* --- the anchors -------------------------------------------------------------------------------------------------- */

struct listed {
    const struct sg_named_anchor *anchors;
    size_t count;
};

static bool is_listed(const struct listed *listed, const char *sha256)
{
    for (size_t i = 0; i < listed->count; i++)
        if (strcmp(listed->anchors[i].sha256, sha256) == 0)
            return true;
    return false;
}

/* Collects first, texts of SG_SHA256_HEX bytes: rows are not removed while they are read. */
static enum sg_rc find_gone(struct sg_store *store, const struct listed *listed, struct sg_buf *gone,
                            struct sg_err *err)
{
    _cleanup_(sg_rows_resetp) sqlite3_stmt *rows = NULL;
    bool row = true;

    enum sg_rc rc = sg_db_query(store, SG_SQL_ANCHOR_LISTED, NULL, 0, &rows, err);
    while (rc == SG_OK) {
        char sha256[SG_SHA256_HEX] = "";

        rc = sg_db_next(store, rows, &row, err);
        if (rc != SG_OK || !row)
            break;
        copy(rows, 0, sha256, sizeof(sha256));
        if (!is_listed(listed, sha256))
            rc = sg_buf_append(gone, sha256, sizeof(sha256), err);
    }
    return rc;
}

static enum sg_rc remove_gone(struct sg_store *store, const struct listed *listed, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf gone = SG_BUF(SG_MIB);
    enum sg_rc rc = find_gone(store, listed, &gone, err);

    for (size_t at = 0; rc == SG_OK && at < gone.len; at += SG_SHA256_HEX)
        rc = sg_store_anchor_remove(store, (const char *)gone.data + at, err);
    return rc;
}

static const char *limits_of(const struct sg_named_anchor *anchor)
{
    return anchor->limits ? anchor->limits : "";
}

/* `*ret_wanted`: it is not there, or there by an earlier list for other purposes or with other limits. */
static enum sg_rc is_wanted(struct sg_store *store, const struct sg_named_anchor *anchor, bool *ret_wanted,
                            struct sg_err *err)
{
    const struct sg_value value = sg_value_text(anchor->sha256);
    _cleanup_(sg_rows_resetp) sqlite3_stmt *rows = NULL;
    bool row;

    enum sg_rc rc = sg_db_query(store, SG_SQL_ANCHOR_ORIGIN, &value, 1, &rows, err);
    if (rc == SG_OK)
        rc = sg_db_next(store, rows, &row, err);
    if (rc != SG_OK)
        return rc;
    const char *limits = row ? (const char *)sqlite3_column_text(rows, 2) : NULL;
    *ret_wanted = !row || (sqlite3_column_int64(rows, 0) != 0 && (sqlite3_column_int64(rows, 1) != anchor->purposes ||
                                                                  !limits || strcmp(limits, limits_of(anchor)) != 0));
    return SG_OK;
}

static enum sg_rc add_new(struct sg_store *store, const struct listed *listed, int64_t number, struct sg_err *err)
{
    char source[64];
    enum sg_rc rc = SG_OK;

    (void)snprintf(source, sizeof(source), "list %lld", (long long)number);
    for (size_t i = 0; rc == SG_OK && i < listed->count; i++) {
        const struct sg_named_anchor *anchor = &listed->anchors[i];
        bool wanted = false;

        rc = is_wanted(store, anchor, &wanted, err);
        if (rc == SG_OK && wanted)
            rc = sg_store_anchor_add(store, anchor->cert, anchor->purposes, limits_of(anchor), source, err);
    }
    return rc;
}

static enum sg_rc apply(struct sg_store *store, struct sg_kept_list *kept, const struct sg_list_terms *terms,
                        const struct listed *listed, struct sg_err *err)
{
    char detail[64];

    if (terms->number <= kept->number)
        return sg_fail(err, SG_E_POLICY,
                       _("The list of anchors has the number %lld, and number %lld is in force already. It was not "
                         "taken."),
                       (long long)terms->number, (long long)kept->number);
    if (terms->next_signer[0])
        memcpy(kept->pin, terms->next_signer, sizeof(kept->pin));
    enum sg_rc rc = remove_gone(store, listed, err);
    if (rc == SG_OK)
        rc = add_new(store, listed, terms->number, err);
    if (rc == SG_OK)
        rc = put(store, kept, terms, err);
    (void)snprintf(detail, sizeof(detail), "number %lld", (long long)terms->number);
    if (rc == SG_OK)
        rc = sg_ledger_add(store, &(struct sg_ledger_entry){"anchor-list", "", "", "", kept->sha256, detail}, err);
    return rc;
}

enum sg_rc sg_store_list_apply(struct sg_store *store, const char *configured, struct sg_slice file,
                               const struct sg_list_terms *terms, const struct sg_named_anchor *anchors, size_t count,
                               struct sg_err *err)
{
    const struct listed listed = {anchors, count};
    struct sg_operation operation;
    struct sg_kept_list kept;
    uint8_t digest[EVP_MAX_MD_SIZE];
    size_t len;

    enum sg_rc rc = sg_digest(store->libctx, "SHA256", file, digest, &len, err);
    if (rc == SG_OK)
        rc = sg_operation_begin(&operation, store, err);
    if (rc != SG_OK)
        return rc;
    rc = sg_store_list_get(store, configured, &kept, err);
    if (rc == SG_OK) {
        sg_hex(digest, SG_SHA256_LEN, kept.sha256);
        rc = apply(store, &kept, terms, &listed, err);
    }
    return sg_operation_end(&operation, rc, err);
}
