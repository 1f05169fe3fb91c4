/* signet token csr: a certificate request by a token's key; or its public key, where the key cannot sign one. */
#include <stdint.h>
#include <string.h>

#include <openssl/pem.h>

#include "base/limits.h"
#include "base/msg.h"
#include "base/outfile.h"
#include "cli/commands.h"
#include "cli/keygen.h"
#include "cli/signing.h"
#include "formats/csr.h"

static const struct sg_option options[] = {
    {.name = "key", .argument = "URI", .help = N_("the key (RFC 7512), where there are several")},
    {.name = "subject", .argument = "DN", .help = N_("the name to certify (RFC 4514): CN=Ada Lovelace,O=Example,C=GB")},
    {.name = "email",
     .argument = "ADDRESS",
     .help = N_("an e-mail address to certify (repeatable)"),
     .repeatable = true},
    {.name = "public-key", .help = N_("write the public key instead, for a key that cannot sign")},
    {.name = "output", .argument = "FILE", .help = N_("write to FILE (-, or none: stdout)"), .writes = true},
    {.name = "force", .help = N_("replace an output that exists")},
    {.name = NULL},
};

/* --- the key ------------------------------------------------------------------------------------------------------ */

/* With a URI, the one key that it fits; else the only key, or the only one that has no certificate yet. */
static enum sg_rc choose(const struct sg_token_work *work, const char *uri, struct sg_key_list **ret_list,
                         struct sg_token_key **ret, struct sg_err *err)
{
    _cleanup_(sg_key_list_freep) struct sg_key_list *list = NULL;
    struct sg_token_key *found = NULL;
    size_t without = 0;
    enum sg_rc rc = sg_keys_find(work->tokens, uri ? uri : work->info->uri, &list, err);

    if (rc != SG_OK)
        return rc;
    size_t count = sg_key_list_count(list);
    for (size_t i = 0; i < count; i++) {
        struct sg_token_key *key = sg_key_list_get(list, i);
        without += !sg_token_key_info(key)->cert;
        if (!found || !sg_token_key_info(key)->cert)
            found = key;
    }
    if (count == 0)
        rc =
            sg_fail(err, SG_E_NO_KEY, "%s", _("The token has no such key; \"signet token show\" lists what there is."));
    else if (count > 1 && (uri || without != 1))
        rc = sg_fail(err, SG_E_KEY_AMBIGUOUS,
                     _("%zu keys could be meant; name one with --key and its URI, which signet token show prints."),
                     count);
    if (rc != SG_OK) {
        sg_app_about_token(err, work->info);
        return rc;
    }
    *ret_list = sg_steal(list);
    *ret = found;
    return SG_OK;
}

/* --- what is written ---------------------------------------------------------------------------------------------- */

static enum sg_rc append_pem(const char *label, struct sg_slice der, struct sg_buf *out, struct sg_err *err)
{
    _cleanup_(BIO_free_allp) BIO *memory = BIO_new(BIO_s_mem());
    char *text = NULL;

    if (!memory || PEM_write_bio(memory, label, "", der.data, (long)der.len) <= 0)
        return sg_fail_memory(err);
    long len = BIO_get_mem_data(memory, &text);
    return sg_buf_append(out, text, (size_t)len, err);
}

static enum sg_rc make_request(struct sg_app *app, const struct sg_args *args, struct sg_token_key *key,
                               struct sg_buf *out, struct sg_err *err)
{
    const struct sg_key_info *info = sg_token_key_info(key);
    size_t count = sg_args_count(args, "email");
    _cleanup_(freep) const char **emails = calloc(count + 1, sizeof(*emails));
    _cleanup_(EVP_PKEY_freep) EVP_PKEY *opened = NULL;
    _cleanup_(sg_buf_clear) struct sg_buf der = SG_BUF(SG_MAX_CERTIFICATE);

    if (!emails)
        return sg_fail_memory(err);
    for (size_t i = 0; i < count; i++)
        emails[i] = sg_args_item(args, "email", i);
    enum sg_rc rc = sg_token_key_open(key, &opened, err);
    if (rc != SG_OK)
        return rc;
    const struct sg_csr_input input = {.libctx = app->libctx,
                                       .key = opened,
                                       .subject = sg_args_value(args, "subject"),
                                       .emails = emails,
                                       .email_count = count,
                                       .pss = info->pss_only,
                                       .decrypts =
                                           info->attributes.decrypt == SG_YES || info->attributes.derive == SG_YES};
    rc = sg_csr_make(&input, &der, err);
    if (rc != SG_OK) {
        enum sg_rc token = sg_token_key_last_error(key, err);
        return token == SG_OK ? rc : token;
    }
    return append_pem("CERTIFICATE REQUEST", sg_buf_slice(&der), out, err);
}

static enum sg_rc make_public(struct sg_token_key *key, struct sg_buf *out, struct sg_err *err)
{
    _cleanup_(OPENSSL_freep) unsigned char *der = NULL;
    EVP_PKEY *pub = sg_token_key_public(key);
    int len = pub ? i2d_PUBKEY(pub, &der) : 0;

    if (len <= 0)
        return sg_fail_ssl(err, SG_E_NO_CERTIFICATE, _("The token does not show the public part of its key %s."),
                           sg_token_key_info(key)->uri);
    return append_pem("PUBLIC KEY", (struct sg_slice){der, (size_t)len}, out, err);
}

/* A request is signed by its key (RFC 2986 §4.2). */
static enum sg_rc check_can_sign(const struct sg_key_info *info, struct sg_err *err)
{
    if (info->attributes.sign != SG_NO)
        return SG_OK;
    (void)sg_fail(
        err, SG_E_NOT_SERVED,
        _("The key “%s” (id %s) only decrypts, so that it cannot sign a request. Write its public key with "
          "--public-key; the CA then has to make sure in another way that the key is there, as by sending the "
          "certificate encrypted to it (RFC 4211 §4.2)."),
        info->label, info->id);
    sg_app_about_token(err, info->token);
    return SG_E_NOT_SERVED;
}

/* --- the command -------------------------------------------------------------------------------------------------- */

static enum sg_rc check_arguments(const struct sg_app *app, const struct sg_args *args, struct sg_err *err)
{
    const char *subject = sg_args_value(args, "subject"), *output = sg_args_value(args, "output");
    _cleanup_(X509_NAME_freep) X509_NAME *name = NULL;

    if (app->voice.json && (!output || strcmp(output, "-") == 0))
        return sg_fail(err, SG_E_USAGE, "%s", _("With --json the request needs a file: name it with --output."));
    if (sg_args_flag(args, "public-key")) {
        if (subject || sg_args_flag(args, "email"))
            return sg_fail(err, SG_E_USAGE, "%s", _("A public key alone has neither --subject nor --email."));
        return SG_OK;
    }
    if (!subject)
        return sg_fail(err, SG_E_USAGE, "%s", _("Say with --subject whom the certificate is for."));
    for (size_t i = 0; i < sg_args_count(args, "email"); i++)
        if (!sg_email_is_plain(sg_args_item(args, "email", i)))
            return sg_fail(err, SG_E_USAGE, _("\"%s\" is not an e-mail address."), sg_args_item(args, "email", i));
    enum sg_rc rc = sg_name_parse(subject, &name, err);
    if (rc == SG_E_MALFORMED && err)
        err->rc = rc = SG_E_USAGE; /* it is no file that is wrong */
    return rc;
}

static enum sg_rc report(const struct sg_token_work *work, const struct sg_args *args, const struct sg_key_info *info,
                         const char *spki_sha256, struct sg_err *err)
{
    const struct sg_voice *voice = &work->app->voice;
    const char *output = sg_args_value(args, "output");
    bool public_key = sg_args_flag(args, "public-key");
    json_t *emails = json_array();

    for (size_t i = 0; i < sg_args_count(args, "email"); i++)
        (void)json_array_append_new(emails, sg_json_text(sg_args_item(args, "email", i)));
    if (output && strcmp(output, "-") != 0)
        sg_say(voice, public_key ? _("Wrote the public key of %s: %s") : _("Wrote the certificate request of %s: %s"),
               info->uri, output);
    if (public_key)
        sg_warn(voice, "no-proof", "%s",
                _("A public key alone does not prove that its private key is there; the CA has to see to that."));
    json_t *object =
        json_pack("{s:s, s:o, s:o, s:s, s:s, s:b, s:o, s:o, s:o, s:O}", "schema", "signet.token-csr/1", "token",
                  sg_token_work_json(work->info), "uri", sg_json_text(info->uri), "id", info->id, "spki_sha256",
                  spki_sha256, "signed", !public_key, "subject", sg_json_text(sg_args_value(args, "subject")), "emails",
                  emails, "output", sg_json_text(output ? output : "-"), "interrupted", work->interrupted);
    return sg_json_print(voice, object) ? SG_OK : sg_fail_memory(err);
}

static enum sg_rc write_out(struct sg_app *app, const struct sg_args *args, struct sg_token_key *key,
                            struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf pem = SG_BUF(2 * SG_MAX_CERTIFICATE);
    const char *output = sg_args_value(args, "output");
    bool public_key = sg_args_flag(args, "public-key");
    enum sg_rc rc = sg_token_key_inspect(key, SG_FOR_ANYTHING, err);

    if (rc == SG_OK && !public_key)
        rc = check_can_sign(sg_token_key_info(key), err);
    if (rc == SG_OK)
        rc = public_key ? make_public(key, &pem, err) : make_request(app, args, key, &pem, err);
    if (rc == SG_OK)
        rc = sg_file_write(output ? output : "-", sg_buf_slice(&pem), sg_args_flag(args, "force") ? SG_OUT_REPLACE : 0,
                           err);
    return rc;
}

static enum sg_rc csr(struct sg_app *app, const struct sg_args *args, struct sg_err *err)
{
    _cleanup_(sg_token_work_clear) struct sg_token_work work = {0};
    _cleanup_(sg_key_list_freep) struct sg_key_list *list = NULL;
    const char *output = sg_args_value(args, "output");
    struct sg_token_key *key = NULL;
    char spki_sha256[SG_SHA256_HEX];
    enum sg_rc rc = check_arguments(app, args, err);

    if (!output || strcmp(output, "-") == 0)
        app->voice.people = stderr;
    if (rc == SG_OK)
        rc = sg_token_work_open(app, sg_args_value(args, "key"), &work, err);
    if (rc == SG_OK)
        rc = choose(&work, sg_args_value(args, "key"), &list, &key, err);
    if (rc == SG_OK)
        rc = write_out(app, args, key, err);
    if (rc == SG_OK)
        rc = sg_key_sha256(app, key, spki_sha256, err);
    return rc == SG_OK ? report(&work, args, sg_token_key_info(key), spki_sha256, err) : rc;
}

static int run_csr(struct sg_app *app, const struct sg_args *args)
{
    struct sg_err err = {0};

    return csr(app, args, &err) == SG_OK ? 0 : sg_complain(&app->voice, &err);
}

const struct sg_command sg_command_token_csr = {
    .name = "token",
    .sub = "csr",
    .summary = N_("write a certificate request, signed by a token's key"),
    .arguments = "",
    .options = options,
    .takes_pin = true,
    .run = run_csr,
};
