/* signet token import: certificates onto the token that has their key. */
#include <stdint.h>

#include "base/input.h"
#include "base/msg.h"
#include "cli/commands.h"
#include "cli/import.h"
#include "formats/pem.h"

static const struct sg_option options[] = {
    {.name = "token", .argument = "URI", .help = N_("the token (RFC 7512), where there are several")},
    {.name = NULL},
};

static enum sg_rc read_file(struct sg_app *app, const char *path, struct sg_import *import, struct sg_err *err)
{
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    _cleanup_(sg_x509_stack_freep) STACK_OF(X509) *certs = sk_X509_new_null();
    enum sg_rc rc = certs ? sg_input_open(path, &input, err) : sg_fail_memory(err);

    if (rc == SG_OK)
        rc = sg_certs_read(input, app->libctx, certs, err);
    for (int i = 0; rc == SG_OK && i < sk_X509_num(certs); i++)
        rc = sg_import_add(app, sk_X509_value(certs, i), path, import, err);
    return rc;
}

static enum sg_rc read_files(struct sg_app *app, const struct sg_args *args, struct sg_import *import,
                             struct sg_err *err)
{
    OSSL_LIB_CTX *libctx = NULL;
    enum sg_rc rc = sg_app_libctx(app, &libctx, err);

    for (size_t i = 0; rc == SG_OK && i < sg_args_file_count(args); i++)
        rc = read_file(app, sg_args_file(args, i), import, err);
    return rc;
}

static enum sg_rc report(const struct sg_token_work *work, const struct sg_import_item *item, struct sg_err *err)
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
    _cleanup_(sg_import_clear) struct sg_import import = {0};
    _cleanup_(sg_key_list_freep) struct sg_key_list *keys = NULL;
    enum sg_rc rc = read_files(app, args, &import, err);

    if (rc == SG_OK)
        rc = sg_token_work_open(app, sg_args_value(args, "token"), &work, err);
    if (rc == SG_OK)
        rc = sg_token_work_keys(&work, NULL, &keys, err);
    if (rc == SG_OK)
        rc = sg_import_sort_out(&work, keys, &import, err);
    for (size_t i = 0; rc == SG_OK && i < import.count; i++) {
        rc = sg_import_put(&work, &import.items[i], err);
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
