#include "cli/import.h"

#include "base/limits.h"
#include "base/msg.h"
#include "cli/keygen.h"
#include "cli/signing.h"

void sg_import_clear(struct sg_import *import)
{
    for (size_t i = 0; i < import->count; i++)
        free(import->items[i].subject);
    free(import->items);
    sg_x509_stack_free(import->certs);
    *import = (struct sg_import){0};
}

static bool is_known(const struct sg_import *import, const X509 *cert)
{
    for (size_t i = 0; i < import->count; i++)
        if (X509_cmp(import->items[i].cert, cert) == 0)
            return true;
    return false;
}

/* A reference to it among `certs`. */
static enum sg_rc keep(struct sg_import *import, X509 *cert, struct sg_err *err)
{
    if (!import->certs)
        import->certs = sk_X509_new_null();
    if (!import->certs || X509_up_ref(cert) != 1)
        return sg_fail_memory(err);
    if (sk_X509_push(import->certs, cert) > 0)
        return SG_OK;
    X509_free(cert);
    return sg_fail_memory(err);
}

enum sg_rc sg_import_add(struct sg_app *app, X509 *cert, const char *file, struct sg_import *import, struct sg_err *err)
{
    struct sg_import_item item = {.cert = cert, .file = file};

    if (is_known(import, cert))
        return SG_OK;
    struct sg_import_item *grown = reallocarray(import->items, import->count + 1, sizeof(*grown));
    if (!grown)
        return sg_fail_memory(err);
    import->items = grown;
    enum sg_rc rc = sg_cert_sha256(app->libctx, cert, item.sha256, err);
    if (rc == SG_OK)
        rc = keep(import, cert, err);
    if (rc == SG_OK)
        rc = sg_name_text(X509_get_subject_name(cert), &item.subject, err);
    if (rc == SG_OK)
        import->items[import->count++] = item;
    return rc;
}

/* --- whose it is -------------------------------------------------------------------------------------------------- */

static void find_keys(const struct sg_key_list *keys, struct sg_import *import)
{
    for (size_t i = 0; i < import->count; i++)
        for (size_t j = 0; j < sg_key_list_count(keys); j++)
            if (sg_token_key_fits(sg_key_list_get(keys, j), import->items[i].cert))
                import->items[i].key = sg_key_list_get(keys, j);
}

/* By name and signature: sg_issuers_find(). */
static enum sg_rc find_issuers(struct sg_import *import, struct sg_err *err)
{
    for (size_t i = 0; i < import->count; i++) {
        _cleanup_(sg_x509_stack_freep) STACK_OF(X509) *chain = sk_X509_new_null();
        if (!import->items[i].key)
            continue;
        enum sg_rc rc =
            chain ? sg_issuers_find(import->certs, import->items[i].cert, true, chain, err) : sg_fail_memory(err);
        if (rc != SG_OK)
            return rc;
        for (size_t j = 0; j < import->count; j++)
            for (int k = 0; k < sk_X509_num(chain); k++)
                import->items[j].issuer |= sk_X509_value(chain, k) == import->items[j].cert;
    }
    return SG_OK;
}

/* Everything is looked at before anything is written. */
static enum sg_rc refuse_strangers(const struct sg_token_work *work, const struct sg_import *import, struct sg_err *err)
{
    for (size_t i = 0; i < import->count; i++) {
        const struct sg_import_item *item = &import->items[i];
        if (item->key || item->issuer)
            continue;
        (void)sg_fail(err, SG_E_NO_KEY,
                      _("The certificate of %s belongs to no key on the token, and is no issuer of one that does; "
                        "nothing was written. Check that it is the right token and the right file."),
                      item->subject);
        sg_err_file(err, item->file);
        sg_app_about_token(err, work->info);
        return SG_E_NO_KEY;
    }
    return SG_OK;
}

static enum sg_rc find_there(const struct sg_token_work *work, struct sg_import *import, struct sg_err *err)
{
    _cleanup_(sg_x509_stack_freep) STACK_OF(X509) *there = sk_X509_new_null();
    enum sg_rc rc = there ? sg_token_certificates(work->token, NULL, there, err) : sg_fail_memory(err);

    for (size_t i = 0; rc == SG_OK && i < import->count; i++)
        for (int j = 0; j < sk_X509_num(there); j++)
            import->items[i].there |= X509_cmp(import->items[i].cert, sk_X509_value(there, j)) == 0;
    return rc;
}

enum sg_rc sg_import_sort_out(const struct sg_token_work *work, const struct sg_key_list *keys,
                              struct sg_import *import, struct sg_err *err)
{
    find_keys(keys, import);
    enum sg_rc rc = find_issuers(import, err);

    if (rc == SG_OK)
        rc = refuse_strangers(work, import, err);
    return rc == SG_OK ? find_there(work, import, err) : rc;
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

static enum sg_rc put(const struct sg_token_work *work, const struct sg_import_item *item, struct sg_err *err)
{
    const struct sg_key_info *info = item->key ? sg_token_key_info(item->key) : NULL;
    _cleanup_(OPENSSL_freep) unsigned char *der = NULL;
    uint8_t id[SG_MAX_KEY_ID];
    int len = i2d_X509(item->cert, &der);
    struct sg_provision what = {.step = SG_PROVISION_IMPORT,
                                .label = info && info->label[0] ? info->label : item->subject,
                                .certificate = {der, len > 0 ? (size_t)len : 0}};

    if (len <= 0)
        return sg_fail_memory(err);
    if (info && info->id[0] && !sg_key_id_parse(info->id, id, &what.id))
        return sg_fail(err, SG_E_LIMIT, _("The id of the key %s is too long."), info->uri);
    return sg_token_provision(work->token, &what, err);
}

/* The certificate is remembered before it is on the token, so that none is ever there that could not be revoked. */
enum sg_rc sg_import_put(const struct sg_token_work *work, const struct sg_import_item *item, struct sg_err *err)
{
    const char *id = item->key ? sg_token_key_info(item->key)->id : "";
    enum sg_rc rc =
        item->key ? sg_store_token_certificate_add(work->store, work->info->serial, item->cert, err) : SG_OK;

    if (rc != SG_OK || item->there)
        return rc;
    rc = put(work, item, err);
    if (rc != SG_OK)
        return sg_about(item->file, err, rc);
    return sg_token_work_end(work, "import", item->sha256, id, item->subject, NULL, err);
}
