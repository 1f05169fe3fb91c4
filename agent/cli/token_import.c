/* signet token import: certificates onto the token that has their key. */
#include <stdint.h>
#include <string.h>

#include "base/input.h"
#include "base/limits.h"
#include "base/msg.h"
#include "cli/commands.h"
#include "cli/keygen.h"
#include "cli/signing.h"
#include "formats/pem.h"

static const struct sg_option options[] = {
    {.name = "token", .argument = "URI", .help = N_("the token (RFC 7512), where there are several")},
    {.name = NULL},
};

/* One certificate of the files. */
struct item {
    X509 *cert; /* of `certs` */
    const char *file;
    struct sg_token_key *key; /* whose certificate it is */
    bool issuer;              /* it leads from such a one towards the root */
    bool there;               /* on the token already */
    char sha256[SG_SHA256_HEX];
    char *subject;
};

struct import {
    STACK_OF(X509) *certs;
    struct item *items; /* one for each of `certs` */
    size_t count;
};

static void import_clear(struct import *import)
{
    for (size_t i = 0; i < import->count; i++)
        free(import->items[i].subject);
    free(import->items);
    sg_x509_stack_free(import->certs);
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

static bool is_known(const struct import *import, const X509 *cert)
{
    for (size_t i = 0; i < import->count; i++)
        if (X509_cmp(import->items[i].cert, cert) == 0)
            return true;
    return false;
}

static enum sg_rc take(struct sg_app *app, X509 *cert, const char *file, struct import *import, struct sg_err *err)
{
    struct item item = {.cert = cert, .file = file};

    if (is_known(import, cert))
        return SG_OK;
    struct item *grown = reallocarray(import->items, import->count + 1, sizeof(*grown));
    if (!grown)
        return sg_fail_memory(err);
    import->items = grown;
    enum sg_rc rc = sg_cert_sha256(app->libctx, cert, item.sha256, err);
    if (rc == SG_OK)
        rc = sg_name_text(X509_get_subject_name(cert), &item.subject, err);
    if (rc == SG_OK)
        import->items[import->count++] = item;
    return rc;
}

static enum sg_rc read_files(struct sg_app *app, const struct sg_args *args, struct import *import, struct sg_err *err)
{
    OSSL_LIB_CTX *libctx = NULL;
    enum sg_rc rc = import->certs ? sg_app_libctx(app, &libctx, err) : sg_fail_memory(err);

    for (size_t i = 0; rc == SG_OK && i < sg_args_file_count(args); i++) {
        _cleanup_(sg_input_freep) struct sg_input *input = NULL;
        int before = sk_X509_num(import->certs);
        rc = sg_input_open(sg_args_file(args, i), &input, err);
        if (rc == SG_OK)
            rc = sg_certs_read(input, libctx, import->certs, err);
        for (int j = before; rc == SG_OK && j < sk_X509_num(import->certs); j++)
            rc = take(app, sk_X509_value(import->certs, j), sg_args_file(args, i), import, err);
    }
    return rc;
}

/* --- whose it is -------------------------------------------------------------------------------------------------- */

static void find_keys(const struct sg_key_list *keys, struct import *import)
{
    for (size_t i = 0; i < import->count; i++)
        for (size_t j = 0; j < sg_key_list_count(keys); j++)
            if (sg_token_key_fits(sg_key_list_get(keys, j), import->items[i].cert))
                import->items[i].key = sg_key_list_get(keys, j);
}

/* By name and signature: sg_issuers_find(). */
static enum sg_rc find_issuers(struct import *import, struct sg_err *err)
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
static enum sg_rc refuse_strangers(const struct sg_token_work *work, const struct import *import, struct sg_err *err)
{
    for (size_t i = 0; i < import->count; i++) {
        const struct item *item = &import->items[i];
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

static enum sg_rc find_there(const struct sg_token_work *work, struct import *import, struct sg_err *err)
{
    _cleanup_(sg_x509_stack_freep) STACK_OF(X509) *there = sk_X509_new_null();
    enum sg_rc rc = there ? sg_token_certificates(work->token, NULL, there, err) : sg_fail_memory(err);

    for (size_t i = 0; rc == SG_OK && i < import->count; i++)
        for (int j = 0; j < sk_X509_num(there); j++)
            import->items[i].there |= X509_cmp(import->items[i].cert, sk_X509_value(there, j)) == 0;
    return rc;
}

static enum sg_rc sort_out(const struct sg_token_work *work, const struct sg_key_list *keys, struct import *import,
                           struct sg_err *err)
{
    find_keys(keys, import);
    enum sg_rc rc = find_issuers(import, err);

    if (rc == SG_OK)
        rc = refuse_strangers(work, import, err);
    return rc == SG_OK ? find_there(work, import, err) : rc;
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

static enum sg_rc put(const struct sg_token_work *work, const struct item *item, struct sg_err *err)
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
static enum sg_rc import_one(const struct sg_token_work *work, const struct item *item, struct sg_err *err)
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

static enum sg_rc report(const struct sg_token_work *work, const struct item *item, struct sg_err *err)
{
    const struct sg_voice *voice = &work->app->voice;
    const char *id = item->key ? sg_token_key_info(item->key)->id : NULL;

    if (item->there)
        sg_say(voice, _("The certificate of %s is on the token already."), item->subject);
    else if (item->key)
        sg_say(voice, _("Put the certificate of %s beside its key (id %s)."), item->subject, id);
    else
        sg_say(voice, _("Put the certificate of the issuer %s on the token."), item->subject);
    json_t *object =
        json_pack("{s:s, s:o, s:o, s:s, s:o, s:s, s:s?, s:s, s:O}", "schema", "signet.token-import/1", "token",
                  sg_token_work_json(work->info), "file", sg_json_text(item->file), "sha256", item->sha256, "subject",
                  sg_json_text(item->subject), "role", item->key ? "key" : "issuer", "id", id, "state",
                  item->there ? "there" : "written", "interrupted", work->interrupted);
    return sg_json_print(voice, object) ? SG_OK : sg_fail_memory(err);
}

static enum sg_rc import(struct sg_app *app, const struct sg_args *args, struct sg_err *err)
{
    _cleanup_(sg_token_work_clear) struct sg_token_work work = {0};
    _cleanup_(import_clear) struct import import = {.certs = sk_X509_new_null()};
    _cleanup_(sg_key_list_freep) struct sg_key_list *keys = NULL;
    enum sg_rc rc = read_files(app, args, &import, err);

    if (rc == SG_OK)
        rc = sg_token_work_open(app, sg_args_value(args, "token"), &work, err);
    if (rc == SG_OK)
        rc = sg_token_work_keys(&work, NULL, &keys, err);
    if (rc == SG_OK)
        rc = sort_out(&work, keys, &import, err);
    for (size_t i = 0; rc == SG_OK && i < import.count; i++) {
        rc = import_one(&work, &import.items[i], err);
        if (rc == SG_OK)
            rc = report(&work, &import.items[i], err);
    }
    return rc;
}

static int run_import(struct sg_app *app, const struct sg_args *args)
{
    struct sg_err err = {0};

    return import(app, args, &err) == SG_OK ? 0 : sg_complain(&app->voice, &err);
}

const struct sg_command sg_command_token_import = {
    .name = "token",
    .sub = "import",
    .summary = N_("put certificates on the token that has their key"),
    .arguments = "FILE...",
    .min_arguments = 1,
    .max_arguments = SIZE_MAX,
    .options = options,
    .takes_pin = true,
    .run = run_import,
};
