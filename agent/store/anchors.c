/* Anchors: the certificates that are trusted, and for what. */
#include "db.h"

#include <string.h>

#include "base/msg.h"

static const char *purposes_text(unsigned purposes)
{
    switch (purposes) {
    case SG_PURPOSE_SIGN:
        return "sign";
    case SG_PURPOSE_TIMESTAMP:
        return "timestamp";
    default:
        return "sign,timestamp";
    }
}

static enum sg_rc put_anchor(struct sg_store *store, const char *sha256, struct sg_slice der, unsigned purposes,
                             const char *limits, const char *source, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf scratch = SG_BUF(SG_MAX_ENTRY);
    struct sg_value values[] = {
        sg_value_text(sha256),
        sg_value_blob(der),
        sg_value_integer(purposes),
        sg_value_text(source),
        sg_value_integer(sg_clock_now(&store->clock)),
        sg_value_text(limits),
    };

    enum sg_rc rc = sg_values_escape(values, SG_COUNT(values), &scratch, err);
    if (rc != SG_OK)
        return rc;
    return sg_db_run(store, SG_SQL_ANCHOR_PUT, values, SG_COUNT(values), err);
}

/* "email:example.com" and the like on one line. */
static char *limits_text(const char *limits)
{
    char *text = NULL;
    size_t len = strlen(limits);

    if (len == 0)
        return strdup("");
    if (asprintf(&text, "; %.*s", (int)len - 1, limits) < 0)
        return NULL;
    for (char *c = text; *c; c++)
        if (*c == '\n')
            *c = ';';
    return text;
}

static enum sg_rc append_added(struct sg_store *store, const X509 *cert, const char *sha256, unsigned purposes,
                               const char *limits, const char *source, struct sg_err *err)
{
    _cleanup_(freep) char *subject = NULL;
    _cleanup_(freep) char *limited = limits_text(limits);
    _cleanup_(freep) char *detail = NULL;

    if (!limited)
        return sg_fail_memory(err);
    enum sg_rc rc = sg_name_text(X509_get_subject_name(cert), &subject, err);
    if (rc != SG_OK)
        return rc;
    if (asprintf(&detail, "%s; for %s; from %s%s", subject, purposes_text(purposes), source, limited) < 0) {
        detail = NULL;
        return sg_fail_memory(err);
    }
    return sg_ledger_add(store, &(struct sg_ledger_entry){"trust-add", "", "", "", sha256, detail}, err);
}

enum sg_rc sg_store_anchor_add(struct sg_store *store, const X509 *cert, unsigned purposes, const char *limits,
                               const char *source, struct sg_err *err)
{
    _cleanup_(OPENSSL_freep) unsigned char *der = NULL;
    char sha256[SG_SHA256_HEX];
    struct sg_operation operation;

    if (purposes == 0 || (purposes & ~(unsigned)SG_PURPOSES_ALL) != 0)
        return sg_fail(err, SG_E_INTERNAL, _("A trusted certificate needs a purpose."));
    int len = i2d_X509(cert, &der);
    if (len < 0)
        return sg_fail_ssl(err, SG_E_MALFORMED, _("The certificate cannot be encoded."));
    if ((size_t)len > SG_MAX_CERTIFICATE)
        return sg_fail(err, SG_E_LIMIT, _("The certificate is larger than %zu bytes."), SG_MAX_CERTIFICATE);
    enum sg_rc rc = sg_cert_sha256(store->libctx, cert, sha256, err);
    if (rc != SG_OK)
        return rc;

    rc = sg_operation_begin(&operation, store, err);
    if (rc != SG_OK)
        return rc;
    rc = put_anchor(store, sha256, (struct sg_slice){der, (size_t)len}, purposes, limits, source, err);
    if (rc == SG_OK)
        rc = append_added(store, cert, sha256, purposes, limits, source, err);
    if (rc == SG_OK)
        rc = sg_trust_changed(store, err);
    return sg_operation_end(&operation, rc, err);
}

static enum sg_rc remove_anchor(struct sg_store *store, const char *sha256, struct sg_err *err)
{
    const struct sg_value value = sg_value_text(sha256);
    const struct sg_ledger_entry entry = {"trust-remove", "", "", "", sha256, ""};

    enum sg_rc rc = sg_db_run(store, SG_SQL_ANCHOR_REMOVE, &value, 1, err);
    if (rc != SG_OK)
        return rc;
    if (sqlite3_changes(store->db) == 0)
        return sg_fail(err, SG_E_NOT_FOUND, _("No trusted certificate has the SHA-256 \"%s\"."), sha256);
    rc = sg_ledger_add(store, &entry, err);
    if (rc != SG_OK)
        return rc;
    return sg_trust_changed(store, err);
}

enum sg_rc sg_store_anchor_remove(struct sg_store *store, const char *sha256_hex, struct sg_err *err)
{
    uint8_t digest[SG_SHA256_LEN];
    char sha256[SG_SHA256_HEX];
    struct sg_operation operation;

    if (!sg_unhex(sha256_hex, digest, sizeof(digest)))
        return sg_fail(err, SG_E_NOT_FOUND, _("\"%s\" is not a SHA-256 (64 hexadecimal digits)."), sha256_hex);
    sg_hex(digest, sizeof(digest), sha256); /* in lower case */

    enum sg_rc rc = sg_operation_begin(&operation, store, err);
    if (rc != SG_OK)
        return rc;
    return sg_operation_end(&operation, remove_anchor(store, sha256, err), err);
}
