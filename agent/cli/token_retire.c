/* signet token retire: a token that is lost. It is refused from now on, and the CA gets a request to revoke. */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/crypto.h"
#include "base/input.h"
#include "base/limits.h"
#include "base/msg.h"
#include "base/outfile.h"
#include "cli/app.h"
#include "cli/commands.h"
#include "formats/pem.h"

static const struct sg_option options[] = {
    {.name = "reason",
     .argument = "REASON",
     .help = N_("keyCompromise (lost, stolen), affiliationChanged, superseded, cessationOfOperation, certificateHold, "
                "privilegeWithdrawn or unspecified")},
    {.name = "certificate",
     .argument = "FILE",
     .help = N_("certificates of the token that are not known here (repeatable)"),
     .repeatable = true},
    {.name = "output-dir", .argument = "FOLDER", .help = N_("write the revocation request into FOLDER")},
    {.name = "force", .help = N_("replace a request that exists")},
    {.name = NULL},
};

/* RFC 5280 §5.3.1, without what is for CAs. */
static const char *const reasons[] = {"unspecified",          "keyCompromise",   "affiliationChanged", "superseded",
                                      "cessationOfOperation", "certificateHold", "privilegeWithdrawn"};

struct retirement {
    struct sg_store *store;
    const char *serial, *reason;
    int64_t time;
    bool again; /* it had been retired before */
    STACK_OF(X509) *certs;
    json_t *list;       /* what is asked of the CA, a certificate each */
    struct sg_buf text; /* the same for people */
    char *text_path, *json_path;
};

static void retirement_clear(struct retirement *r)
{
    sg_store_free(r->store);
    sg_x509_stack_free(r->certs);
    json_decref(r->list);
    sg_buf_clear(&r->text);
    free(r->text_path);
    free(r->json_path);
}

static enum sg_rc parse(const struct sg_args *args, struct retirement *r, struct sg_err *err)
{
    const char *reason = sg_args_value(args, "reason");

    r->serial = sg_args_file(args, 0);
    for (size_t i = 0; reason && i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (strcmp(reason, reasons[i]) == 0)
            r->reason = reasons[i];
    if (!r->reason)
        return sg_fail(err, SG_E_USAGE, "%s",
                       _("Say with --reason why: keyCompromise (lost, stolen), affiliationChanged, superseded, "
                         "cessationOfOperation, certificateHold, privilegeWithdrawn or unspecified."));
    return SG_OK;
}

/* --- which certificates ------------------------------------------------------------------------------------------- */

static void drop_doubles(STACK_OF(X509) *certs)
{
    for (int i = 0; i < sk_X509_num(certs); i++)
        for (int j = sk_X509_num(certs) - 1; j > i; j--)
            if (X509_cmp(sk_X509_value(certs, i), sk_X509_value(certs, j)) == 0)
                X509_free(sk_X509_delete(certs, j));
}

/* A serial with a slip of the finger in it would retire nothing, and the lost token would go on signing. */
static enum sg_rc check_known(struct retirement *r, const struct sg_args *args, struct sg_err *err)
{
    bool known = false;
    enum sg_rc rc = sg_store_token_known(r->store, r->serial, &known, err);

    if (rc == SG_OK && !known && !sg_args_flag(args, "certificate"))
        rc =
            sg_fail(err, SG_E_NOT_FOUND,
                    _("Nothing is recorded here of a token with the serial %s. Check the serial; if the token was only "
                      "used elsewhere, give its certificates with --certificate."),
                    r->serial);
    return rc;
}

static enum sg_rc collect(struct sg_app *app, const struct sg_args *args, struct retirement *r, struct sg_err *err)
{
    OSSL_LIB_CTX *libctx = NULL;
    enum sg_rc rc = r->certs && r->list ? sg_app_libctx(app, &libctx, err) : sg_fail_memory(err);

    for (size_t i = 0; rc == SG_OK && i < sg_args_count(args, "certificate"); i++) {
        _cleanup_(sg_input_freep) struct sg_input *input = NULL;
        rc = sg_input_open(sg_args_item(args, "certificate", i), &input, err);
        if (rc == SG_OK)
            rc = sg_certs_read(input, libctx, r->certs, err);
    }
    if (rc == SG_OK)
        rc = sg_store_token_certificates(r->store, r->serial, r->certs, err);
    if (rc == SG_OK)
        drop_doubles(r->certs);
    return rc;
}

/* --- the request -------------------------------------------------------------------------------------------------- */

static enum sg_rc add_certificate(struct sg_app *app, struct retirement *r, X509 *cert, struct sg_err *err)
{
    _cleanup_(freep) char *issuer = NULL;
    _cleanup_(freep) char *subject = NULL;
    _cleanup_(freep) char *serial = NULL;
    char sha256[SG_SHA256_HEX];
    enum sg_rc rc = sg_cert_sha256(app->libctx, cert, sha256, err);

    if (rc == SG_OK)
        rc = sg_name_text(X509_get_issuer_name(cert), &issuer, err);
    if (rc == SG_OK)
        rc = sg_name_text(X509_get_subject_name(cert), &subject, err);
    if (rc == SG_OK)
        rc = sg_serial_text(X509_get0_serialNumber(cert), &serial, err);
    if (rc == SG_OK)
        rc = sg_buf_printf(&r->text, err, "\nissuer   %s\nserial   %s\nsubject  %s\nsha256   %s\nreason   %s\n", issuer,
                           serial, subject, sha256, r->reason);
    if (rc != SG_OK)
        return rc;
    json_t *object = json_pack("{s:o, s:s, s:o, s:s}", "issuer", sg_json_text(issuer), "serial", serial, "subject",
                               sg_json_text(subject), "sha256", sha256);
    return json_array_append_new(r->list, object) == 0 ? SG_OK : sg_fail_memory(err);
}

static enum sg_rc make_request(struct sg_app *app, struct retirement *r, struct sg_err *err)
{
    char time[SG_TIME_TEXT];
    enum sg_rc rc =
        sg_buf_printf(&r->text, err,
                      _("Request to revoke certificates\n\nThe token with the serial %s was retired at %s.\nThe CA is "
                        "asked to revoke these certificates, whose private keys are on it:\n"),
                      r->serial, sg_time_text(r->time, time));

    for (int i = 0; rc == SG_OK && i < sk_X509_num(r->certs); i++)
        rc = add_certificate(app, r, sk_X509_value(r->certs, i), err);
    return rc;
}

/* A serial is the module's word, and no path: what is not plain in it stands as "_". */
static enum sg_rc name_files(const struct sg_args *args, struct retirement *r, struct sg_err *err)
{
    const char *folder = sg_args_value(args, "output-dir");
    char plain[65] = "";

    for (size_t i = 0; r->serial[i] && i + 1 < sizeof(plain); i++) {
        char c = r->serial[i];
        bool keep = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-';
        plain[i] = keep ? c : '_';
    }
    if (!folder)
        folder = ".";
    if (asprintf(&r->text_path, "%s/revoke-%s.txt", folder, plain) < 0) {
        r->text_path = NULL;
        return sg_fail_memory(err);
    }
    if (asprintf(&r->json_path, "%s/revoke-%s.json", folder, plain) < 0) {
        r->json_path = NULL;
        return sg_fail_memory(err);
    }
    return SG_OK;
}

static json_t *request_json(const struct retirement *r)
{
    return json_pack("{s:s, s:o, s:s, s:o, s:O}", "schema", "signet.revocation-request/1", "token",
                     sg_json_text(r->serial), "reason", r->reason, "time", sg_json_time(r->time), "certificates",
                     r->list);
}

static enum sg_rc write_request(const struct sg_args *args, const struct retirement *r, struct sg_err *err)
{
    unsigned flags = sg_args_flag(args, "force") ? SG_OUT_REPLACE : 0;
    _cleanup_(json_decrefp) json_t *object = request_json(r);
    _cleanup_(freep) char *json = object ? json_dumps(object, JSON_INDENT(2)) : NULL;

    if (!json)
        return sg_fail_memory(err);
    enum sg_rc rc = sg_file_write(r->text_path, sg_buf_slice(&r->text), flags, err);
    if (rc == SG_OK)
        rc = sg_file_write(r->json_path, (struct sg_slice){(const uint8_t *)json, strlen(json)}, flags, err);
    return rc;
}

/* --- the command -------------------------------------------------------------------------------------------------- */

/* Recorded first: that nobody signs with it any more must not wait for a disk that is full. */
static enum sg_rc record(struct sg_app *app, struct retirement *r, struct sg_err *err)
{
    int64_t before = INT64_MIN;
    enum sg_rc rc = sg_store_token_retired(r->store, r->serial, &before, err);

    if (rc != SG_OK)
        return rc;
    r->again = before != INT64_MIN;
    r->time = r->again ? before : sg_clock_now(&app->clock);
    if (r->again)
        return SG_OK;
    const struct sg_ledger_entry entry = {
        .event = "retire", .code = "", .token = r->serial, .key = "", .object = r->reason, .detail = ""};
    return sg_ledger_append(r->store, &entry, err);
}

static enum sg_rc report(const struct sg_app *app, const struct retirement *r, struct sg_err *err)
{
    const struct sg_voice *voice = &app->voice;
    char time[SG_TIME_TEXT];

    sg_say(voice,
           r->again ? _("The token with the serial %s was retired at %s already.")
                    : _("The token with the serial %s is retired since %s; nothing is signed with it any more."),
           r->serial, sg_time_text(r->time, time));
    if (sk_X509_num(r->certs) == 0)
        sg_warn(voice, "no-certificates", "%s",
                _("No certificate of the token is known here; name them with --certificate, or tell the CA yourself."));
    sg_say(voice, _("  request to revoke %d certificates, for the CA: %s and %s"), sk_X509_num(r->certs), r->text_path,
           r->json_path);
    json_t *object =
        json_pack("{s:s, s:o, s:s, s:o, s:b, s:[o, o], s:O}", "schema", "signet.token-retire/1", "token",
                  sg_json_text(r->serial), "reason", r->reason, "time", sg_json_time(r->time), "again", r->again,
                  "files", sg_json_text(r->text_path), sg_json_text(r->json_path), "certificates", r->list);
    return sg_json_print(voice, object) ? SG_OK : sg_fail_memory(err);
}

static enum sg_rc retire(struct sg_app *app, const struct sg_args *args, struct sg_err *err)
{
    _cleanup_(retirement_clear) struct retirement r = {
        .certs = sk_X509_new_null(), .list = json_array(), .text = SG_BUF(SG_MAX_CERT_FILE)};
    enum sg_rc rc = parse(args, &r, err);

    if (rc == SG_OK)
        rc = sg_app_store(app, &r.store, err);
    if (rc == SG_OK)
        rc = check_known(&r, args, err);
    if (rc == SG_OK)
        rc = collect(app, args, &r, err);
    if (rc == SG_OK)
        rc = record(app, &r, err);
    if (rc == SG_OK)
        rc = make_request(app, &r, err);
    if (rc == SG_OK)
        rc = name_files(args, &r, err);
    if (rc == SG_OK)
        rc = write_request(args, &r, err);
    return rc == SG_OK ? report(app, &r, err) : rc;
}

static int run_retire(struct sg_app *app, const struct sg_args *args)
{
    struct sg_err err = {0};

    return retire(app, args, &err) == SG_OK ? 0 : sg_complain(&app->voice, &err);
}

const struct sg_command sg_command_token_retire = {
    .name = "token",
    .sub = "retire",
    .summary = N_("record that a token is lost, and write the request to revoke its certificates"),
    .arguments = "SERIAL",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = options,
    .run = run_retire,
};
