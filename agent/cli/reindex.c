#include "cli/reindex.h"

#include "base/msg.h"
#include "verify/verify.h"

static enum sg_rc reindex(struct sg_app *app, struct sg_store *store, const struct sg_snapshot *snapshot, size_t index,
                          struct sg_err *err)
{
    struct sg_checked_crl crl = {0};
    struct sg_err why = {0};
    char hex[SG_SHA256_HEX];
    enum sg_rc rc = sg_crl_reindex(snapshot, index, app->libctx, &crl, &why);
    sg_hex(sg_snapshot_crl(snapshot, index)->sha256, SG_SHA256_LEN, hex);
    if (rc == SG_E_NO_MEMORY) {
        *err = why;
        return rc;
    }
    if (rc == SG_OK && crl.owner) {
        rc = sg_store_crl_index_put(store, &crl, err);
        if (rc == SG_OK)
            sg_log(&app->log, SG_LOG_INFO, _("Index of a revocation list made anew: %s"), hex);
    } else if (rc != SG_OK) {
        sg_log(&app->log, SG_LOG_WARNING, _("Revocation list that cannot be read: %s"), hex);
        rc = SG_OK;
    }
    sg_checked_crl_clear(&crl);
    return rc;
}

enum sg_rc sg_crls_reindex(struct sg_app *app, struct sg_store *store, struct sg_err *err)
{
    _cleanup_(sg_snapshot_freep) struct sg_snapshot *snapshot = NULL;
    OSSL_LIB_CTX *libctx = NULL;
    enum sg_rc rc = sg_app_libctx(app, &libctx, err);
    if (rc == SG_OK)
        rc = sg_snapshot_open(app->paths.state, libctx, &snapshot, err);
    if (rc == SG_E_STORE_DAMAGED)
        return SG_OK; /* whoever writes the store writes it anew */
    for (size_t i = 0; rc == SG_OK && i < sg_snapshot_crl_count(snapshot); i++)
        rc = reindex(app, store, snapshot, i, err);
    return rc;
}
