/* signet decrypt: the content of a file that was encrypted to a key on a token. */
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "base/crypto.h"
#include "base/msg.h"
#include "base/outfile.h"
#include "cli/app.h"
#include "cli/commands.h"
#include "cli/recipient.h"
#include "cli/sign_jobs.h"

static const struct sg_option options[] = {
    {.name = "key",
     .argument = "URI",
     .help = N_("decrypt with this key (RFC 7512), and not with the one that a recipient names")},
    {.name = "output", .argument = "FILE", .help = N_("write the content to FILE (-: stdout)"), .writes = true},
    {.name = "force", .help = N_("replace an output that exists")},
    {.name = NULL},
};

struct decryption {
    const char *file;
    char *output;
    struct sg_input *input;
    struct sg_envelope *envelope;
    struct sg_outfile *out;
    struct sg_store *store;
    struct sg_tokens *tokens;
    const char *uri; /* --key, or NULL */
    struct sg_key_list *keys;
    struct sg_token_key *token_key;
    const struct sg_key_info *info; /* of it; NULL until it is chosen */
    EVP_PKEY *key;
    char cert_sha256[SG_SHA256_HEX];
    char *subject, *issuer, *serial;
};

static void decryption_clear(struct decryption *d)
{
    EVP_PKEY_free(d->key);
    sg_key_list_free(d->keys);
    sg_tokens_free(d->tokens);
    sg_store_free(d->store);
    sg_outfile_free(d->out);
    sg_envelope_free(d->envelope);
    sg_input_free(d->input);
    free(d->output);
    free(d->subject);
    free(d->issuer);
    free(d->serial);
}

/* --- where to ----------------------------------------------------------------------------------------------------- */

/* FILE without what says that it is encrypted. */
static enum sg_rc name_output(const char *file, char **ret, struct sg_err *err)
{
    static const char *const endings[] = {".p7m", ".p7e", ".cms"};
    const size_t len = strlen(file), ending_len = strlen(endings[0]);
    size_t kept = 0;

    if (strcmp(file, "-") == 0)
        kept = len;
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
        if (len > ending_len && file[len - ending_len - 1] != '/' && strcmp(file + len - ending_len, endings[i]) == 0)
            kept = len - ending_len;
    if (kept == 0)
        return sg_about(file, err,
                        sg_fail(err, SG_E_USAGE,
                                _("\"%s\" does not end with .p7m, .p7e or .cms; say with --output where the content is "
                                  "to go."),
                                file));
    *ret = strndup(file, kept);
    return *ret ? SG_OK : sg_fail_memory(err);
}

/* Only --force could replace the input; without it the kernel refuses a name that is taken. */
static enum sg_rc check_input_stays(const struct decryption *d, struct sg_err *err)
{
    struct stat in, out;

    if (strcmp(d->file, "-") == 0 || strcmp(d->output, "-") == 0 || stat(d->file, &in) != 0 ||
        stat(d->output, &out) != 0 || in.st_dev != out.st_dev || in.st_ino != out.st_ino)
        return SG_OK;
    return sg_about(
        d->output, err,
        sg_fail(err, SG_E_USAGE, _("\"%s\" is itself to be decrypted, and an input is never changed."), d->output));
}

static enum sg_rc plan(struct sg_app *app, const struct sg_args *args, struct decryption *d, struct sg_err *err)
{
    const char *output = sg_args_value(args, "output");

    d->file = sg_args_file(args, 0);
    if (!output) {
        enum sg_rc rc = name_output(d->file, &d->output, err);
        if (rc != SG_OK)
            return rc;
    } else if (!(d->output = strdup(output))) {
        return sg_fail_memory(err);
    }
    if (strcmp(d->output, "-") == 0) {
        if (app->voice.json)
            return sg_fail(err, SG_E_USAGE, "%s", _("--json and content on stdout do not go together."));
        app->voice.people = stderr;
    }
    return check_input_stays(d, err);
}

/* --- which key ---------------------------------------------------------------------------------------------------- */

static enum sg_rc no_key(const struct decryption *d, const char *uri, struct sg_err *err)
{
    if (sg_app_usable_tokens(d->tokens) == 0)
        return sg_tokens_fail_none(d->tokens, NULL, err);
    if (uri)
        return sg_fail(
            err, SG_E_NO_KEY,
            _("\"%s\" is not encrypted to the certificate of a key that fits %s; leave --key out, or ask the "
              "sender to encrypt it to that certificate."),
            d->file, uri);
    return sg_fail(
        err, SG_E_NO_KEY,
        _("\"%s\" is not encrypted to the certificate of any key on the tokens that are there; insert another "
          "token, or ask the sender to encrypt it to your certificate."),
        d->file);
}

static enum sg_rc choose(struct sg_app *app, const struct sg_args *args, struct decryption *d, struct sg_err *err)
{
    const char *uri = d->uri = sg_args_value(args, "key");
    enum sg_rc rc = sg_recipient_find(d->tokens, uri, d->envelope, &d->keys, &d->token_key, err);

    if (rc == SG_OK && !d->token_key)
        rc = sg_about(d->file, err, no_key(d, uri, err));
    if (rc != SG_OK)
        return rc;
    d->info = sg_token_key_info(d->token_key);
    sg_log(&app->log, SG_LOG_INFO, _("Key %s, whose certificate a recipient names"), d->info->uri);
    rc = sg_cert_sha256(app->libctx, d->info->cert, d->cert_sha256, err);
    if (rc == SG_OK)
        rc = sg_name_text(X509_get_subject_name(d->info->cert), &d->subject, err);
    if (rc == SG_OK)
        rc = sg_name_text(X509_get_issuer_name(d->info->cert), &d->issuer, err);
    if (rc == SG_OK)
        rc = sg_serial_text(X509_get0_serialNumber(d->info->cert), &d->serial, err);
    return rc;
}

/* --- doing it ----------------------------------------------------------------------------------------------------- */

/* The plaintext has no name until all of it is right. What OpenSSL passes on of a token's trouble is "it failed"; the
 * token layer knows more. */
static enum sg_rc decrypt(struct decryption *d, struct sg_err *err)
{
    enum sg_rc rc = sg_envelope_decrypt(d->envelope, d->key, d->info->cert, sg_outfile_sink(d->out), err);
    enum sg_rc token = rc == SG_OK ? SG_OK : sg_token_key_last_error(d->token_key, err);

    return token == SG_OK ? rc : token;
}

/* Every use of a key is in the ledger. */
static enum sg_rc record(struct decryption *d, const struct sg_err *failure, struct sg_err *err)
{
    _cleanup_(freep) char *object = NULL;
    enum sg_rc rc = sg_sign_absolute(d->file, &object, err);
    const struct sg_ledger_entry entry = {.event = failure ? "decrypt-failed" : "decrypt",
                                          .code = failure ? sg_rc_word(failure->rc) : "",
                                          .token = d->info->token->serial,
                                          .key = d->cert_sha256,
                                          .object = object ? object : "",
                                          .detail = failure ? failure->text : ""};

    return rc == SG_OK ? sg_ledger_append(d->store, &entry, err) : rc;
}

/* Once the key is chosen: what fails from here on is recorded, too. */
static enum sg_rc use_key(struct sg_app *app, struct decryption *d, struct sg_err *err)
{
    struct sg_err other;
    enum sg_rc rc = sg_recipient_unlock(app, d->token_key, d->uri, &d->key, err);

    if (rc == SG_OK)
        rc = sg_check_cancelled(err);
    if (rc == SG_OK)
        rc = decrypt(d, err);
    if (rc != SG_OK) {
        if (record(d, err, &other) != SG_OK)
            (void)sg_complain(&app->voice, &other);
        return rc;
    }
    rc = record(d, NULL, err);
    return rc == SG_OK ? sg_outfile_commit(d->out, err) : rc;
}

static enum sg_rc run_all(struct sg_app *app, const struct sg_args *args, struct decryption *d, struct sg_err *err)
{
    const unsigned flags = SG_OUT_PRIVATE | (sg_args_flag(args, "force") ? SG_OUT_REPLACE : 0);
    OSSL_LIB_CTX *libctx = NULL;
    enum sg_rc rc = plan(app, args, d, err);

    if (rc == SG_OK)
        rc = sg_app_libctx(app, &libctx, err);
    if (rc == SG_OK)
        rc = sg_input_open(d->file, &d->input, err);
    if (rc == SG_OK)
        rc = sg_envelope_read(d->input, libctx, &d->envelope, err);
    if (rc == SG_OK)
        rc = sg_outfile_open(d->output, flags, &d->out, err);
    if (rc == SG_OK)
        rc = sg_app_store(app, &d->store, err);
    if (rc == SG_OK)
        rc = sg_app_tokens(app, &d->tokens, err);
    if (rc == SG_OK)
        rc = choose(app, args, d, err);
    return rc == SG_OK ? use_key(app, d, err) : rc;
}

/* --- what was done ------------------------------------------------------------------------------------------------ */

static json_t *result_json(const struct decryption *d)
{
    const struct sg_token_info *token = d->info->token;

    return json_pack("{s:s, s:o, s:o, s:b, s:s, s:I, s:{s:o, s:o, s:s, s:s}, s:{s:o, s:o}}", "schema",
                     "signet.decrypt/1", "file", sg_json_text(d->file), "output", sg_json_text(d->output),
                     "authenticated", sg_envelope_is_authenticated(d->envelope), "cipher",
                     sg_envelope_cipher(d->envelope), "size", (json_int_t)sg_outfile_size(d->out), "recipient",
                     "subject", sg_json_text(d->subject), "issuer", sg_json_text(d->issuer), "serial", d->serial,
                     "sha256", d->cert_sha256, "token", "label", sg_json_text(token->label), "serial",
                     sg_json_text(token->serial));
}

static void say_result(const struct sg_app *app, const struct decryption *d)
{
    const struct sg_voice *voice = &app->voice;
    const struct sg_token_info *token = d->info->token;

    sg_say(voice, _("Decrypted %s: %s"), d->file, d->output);
    sg_say(voice, _("  by the key of %s on the token %s (serial %s)"), d->subject, token->label, token->serial);
    if (sg_envelope_is_authenticated(d->envelope))
        sg_say(voice, _("  %s: its tag proves the content unchanged, but not who sent it"),
               sg_envelope_cipher(d->envelope));
    else
        sg_say(voice, _("  %s: nothing proves the content unchanged; a signature in it would"),
               sg_envelope_cipher(d->envelope));
}

static int run(struct sg_app *app, const struct sg_args *args)
{
    _cleanup_(decryption_clear) struct decryption d = {0};
    struct sg_err err;

    if (run_all(app, args, &d, &err) != SG_OK)
        return sg_complain(&app->voice, &err);
    say_result(app, &d);
    if (app->voice.json && !sg_json_print(&app->voice, result_json(&d))) {
        (void)sg_fail_memory(&err);
        return sg_complain(&app->voice, &err);
    }
    return 0;
}

const struct sg_command sg_command_decrypt = {
    .name = "decrypt",
    .summary = N_("decrypt a file with a key on a token"),
    .arguments = "FILE",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = options,
    .takes_pin = true,
    .run = run,
};
