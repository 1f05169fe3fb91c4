/* Certificates that are known and no anchors. From those of signers, and of the CAs between them and an anchor, follows
 * what has to be fetched; those of CAs help verification to build paths. */
#include "db.h"

#include <openssl/x509v3.h>

#include "base/msg.h"

static enum sg_rc put(struct sg_store *store, X509 *cert, struct sg_slice der, const char *source, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf scratch = SG_BUF(SG_MAX_ENTRY);
    char sha256[SG_SHA256_HEX];
    bool helps = X509_check_ca(cert) > 0;

    enum sg_rc rc = sg_cert_sha256(store->libctx, cert, sha256, err);
    if (rc != SG_OK)
        return rc;
    struct sg_value values[] = {sg_value_text(sha256), sg_value_blob(der), sg_value_integer(helps),
                                sg_value_text(source), sg_value_integer(sg_clock_now(&store->clock))};
    rc = sg_values_escape(values, SG_COUNT(values), &scratch, err);
    if (rc == SG_OK)
        rc = sg_db_run(store, SG_SQL_CERTIFICATE_PUT, values, SG_COUNT(values), err);
    if (rc == SG_OK && helps && sqlite3_changes(store->db) > 0)
        rc = sg_trust_changed(store, err);
    return rc;
}

enum sg_rc sg_store_certificate_add(struct sg_store *store, X509 *cert, const char *source, struct sg_err *err)
{
    _cleanup_(OPENSSL_freep) unsigned char *der = NULL;
    struct sg_operation operation;
    int len = i2d_X509(cert, &der);

    if (len < 0)
        return sg_fail_ssl(err, SG_E_MALFORMED, _("The certificate cannot be encoded."));
    if ((size_t)len > SG_MAX_CERTIFICATE)
        return sg_fail(err, SG_E_LIMIT, _("The certificate is larger than %zu bytes."), SG_MAX_CERTIFICATE);
    enum sg_rc rc = sg_operation_begin(&operation, store, err);
    if (rc != SG_OK)
        return rc;
    return sg_operation_end(&operation, put(store, cert, (struct sg_slice){der, (size_t)len}, source, err), err);
}

static enum sg_rc take_certificate(struct sg_store *store, struct sg_slice der, STACK_OF(X509) *certs,
                                   struct sg_err *err)
{
    const unsigned char *at = der.data;
    _cleanup_(X509_freep) X509 *cert = X509_new_ex(store->libctx, NULL);

    if (!cert)
        return sg_fail_memory(err);
    if (!d2i_X509(&cert, &at, (long)der.len) || at != der.data + der.len)
        return sg_db_damaged(store, _("a certificate in it cannot be read"), err);
    if (sk_X509_push(certs, cert) <= 0)
        return sg_fail_memory(err);
    (void)sg_steal(cert);
    return SG_OK;
}

enum sg_rc sg_db_certificates(struct sg_store *store, enum sg_sql which, const struct sg_value *values, size_t count,
                              STACK_OF(X509) *certs, struct sg_err *err)
{
    _cleanup_(sg_rows_resetp) sqlite3_stmt *rows = NULL;
    bool row = true;

    enum sg_rc rc = sg_db_query(store, which, values, count, &rows, err);
    while (rc == SG_OK && row) {
        rc = sg_db_next(store, rows, &row, err);
        if (rc == SG_OK && row)
            rc = take_certificate(store, sg_db_bytes(rows, 0), certs, err);
    }
    return rc;
}

enum sg_rc sg_store_certificates(struct sg_store *store, STACK_OF(X509) *certs, struct sg_err *err)
{
    return sg_db_certificates(store, SG_SQL_CERTIFICATE_ALL, NULL, 0, certs, err);
}
