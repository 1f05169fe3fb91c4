/* signet cert check, cert show. */
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>

#include "base/crypto.h"
#include "base/limits.h"
#include "base/msg.h"
#include "cli/commands.h"
#include "cli/judging.h"
#include "verify/report.h"

/* --- check -------------------------------------------------------------------------------------------------------- */

static const struct sg_option check_options[] = {
    {.name = "purpose", .argument = "any|sign|timestamp|ocsp|crl", .help = N_("what it is to be good for (any)")},
    SG_JUDGING_OPTIONS,
    {0},
};

static enum sg_rc purpose_of(const struct sg_args *args, enum sg_cert_purpose *ret, struct sg_err *err)
{
    static const char *const names[] = {[SG_CERT_ANY] = "any",
                                        [SG_CERT_SIGN] = "sign",
                                        [SG_CERT_TIMESTAMP] = "timestamp",
                                        [SG_CERT_OCSP] = "ocsp",
                                        [SG_CERT_CRL] = "crl"};
    const char *text = sg_args_value(args, "purpose");
    if (!text) {
        *ret = SG_CERT_ANY;
        return SG_OK;
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(text, names[i]) == 0) {
            *ret = (enum sg_cert_purpose)i;
            return SG_OK;
        }
    }
    return sg_fail(err, SG_E_USAGE, _("--purpose is any, sign, timestamp, ocsp or crl."));
}

static enum sg_rc check(struct sg_app *app, const struct sg_args *args, int *ret_status, struct sg_err *err)
{
    _cleanup_(sg_judging_clear) struct sg_judging judging = {0};
    _cleanup_(sg_x509_stack_freep) STACK_OF(X509) *certs = sk_X509_new_null();
    _cleanup_(sg_report_freep) struct sg_report *report = NULL;
    _cleanup_(sg_buf_clear) struct sg_buf text = SG_BUF(16 * SG_MIB);
    enum sg_cert_purpose purpose = SG_CERT_ANY;
    const char *path = sg_args_file(args, 0);
    const char *line = NULL;

    enum sg_rc rc = certs ? purpose_of(args, &purpose, err) : sg_fail_memory(err);
    if (rc == SG_OK)
        rc = sg_file_certs(app, path, certs, err);
    if (rc == SG_OK) /* a file may bring its own issuers along, behind the certificate */
        rc = sg_judging_init(app, args, certs, &judging, err);
    if (rc == SG_OK)
        rc = sg_cert_check(judging.verifier, path, sk_X509_value(certs, 0), purpose, &report, err);
    if (rc == SG_OK)
        rc = app->voice.json ? sg_report_cert_json(report, &text, err) : sg_report_cert_text(report, &text, err);
    if (rc == SG_OK)
        rc = sg_buf_text(&text, &line, err);
    if (rc != SG_OK)
        return rc;
    if (app->voice.json)
        puts(line);
    else
        sg_say_text(&app->voice, line);
    *ret_status = sg_report_exit(report);
    return SG_OK;
}

static int run_check(struct sg_app *app, const struct sg_args *args)
{
    struct sg_err err = {0};
    int status = 0;
    return check(app, args, &status, &err) == SG_OK ? status : sg_complain(&app->voice, &err);
}

const struct sg_command sg_command_cert_check = {
    .name = "cert",
    .sub = "check",
    .summary = N_("judge one certificate, without a network"),
    .arguments = "CERT",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = check_options,
    .run = run_check,
};

/* --- show --------------------------------------------------------------------------------------------------------- */

/* RFC 5280 §4.2.1.3, by bit. */
static const struct {
    uint32_t bit;
    const char *name;
} key_usages[] = {
    {KU_DIGITAL_SIGNATURE, "digitalSignature"},
    {KU_NON_REPUDIATION, "nonRepudiation"},
    {KU_KEY_ENCIPHERMENT, "keyEncipherment"},
    {KU_DATA_ENCIPHERMENT, "dataEncipherment"},
    {KU_KEY_AGREEMENT, "keyAgreement"},
    {KU_KEY_CERT_SIGN, "keyCertSign"},
    {KU_CRL_SIGN, "cRLSign"},
    {KU_ENCIPHER_ONLY, "encipherOnly"},
    {KU_DECIPHER_ONLY, "decipherOnly"},
};

/* Null where the extension is absent. */
static json_t *key_usage_json(X509 *cert)
{
    uint32_t usage = X509_get_key_usage(cert);
    if (usage == UINT32_MAX)
        return json_null();
    json_t *list = json_array();
    for (size_t i = 0; i < sizeof(key_usages) / sizeof(key_usages[0]); i++)
        if (usage & key_usages[i].bit)
            json_array_append_new(list, json_string(key_usages[i].name));
    return list;
}

static json_t *extended_key_usage_json(X509 *cert)
{
    EXTENDED_KEY_USAGE *usages = X509_get_ext_d2i(cert, NID_ext_key_usage, NULL, NULL);
    if (!usages)
        return json_null();
    json_t *list = json_array();
    for (int i = 0; i < sk_ASN1_OBJECT_num(usages); i++) {
        char text[128] = "";
        (void)OBJ_obj2txt(text, sizeof(text), sk_ASN1_OBJECT_value(usages, i), 0);
        json_array_append_new(list, sg_json_text(text));
    }
    EXTENDED_KEY_USAGE_free(usages);
    return list;
}

static json_t *asn1_time_json(const ASN1_TIME *time)
{
    int64_t when = 0;
    return sg_time_from_asn1(time, &when) ? sg_json_time(when) : json_null();
}

static enum sg_rc cert_json(struct sg_app *app, const char *path, X509 *cert, json_t **ret, struct sg_err *err)
{
    _cleanup_(freep) char *subject = NULL;
    _cleanup_(freep) char *issuer = NULL;
    _cleanup_(freep) char *serial = NULL;
    char sha256[SG_SHA256_HEX];
    enum sg_rc rc = sg_name_text(X509_get_subject_name(cert), &subject, err);
    if (rc == SG_OK)
        rc = sg_name_text(X509_get_issuer_name(cert), &issuer, err);
    if (rc == SG_OK)
        rc = sg_serial_text(X509_get0_serialNumber(cert), &serial, err);
    if (rc == SG_OK)
        rc = sg_cert_sha256(app->libctx, cert, sha256, err);
    if (rc != SG_OK)
        return rc;
    EVP_PKEY *key = X509_get0_pubkey(cert);
    json_t *object = json_pack(
        "{s:s, s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:b, s:o, s:o, s:b}", "schema", "signet.cert/1", "file",
        sg_json_text(path), "subject", sg_json_text(subject), "issuer", sg_json_text(issuer), "serial",
        sg_json_text(serial), "sha256", sha256, "not_before", asn1_time_json(X509_get0_notBefore(cert)), "not_after",
        asn1_time_json(X509_get0_notAfter(cert)), "key", sg_json_text(key ? EVP_PKEY_get0_type_name(key) : NULL),
        "bits", key ? json_integer(EVP_PKEY_get_bits(key)) : json_null(), "ca", X509_check_ca(cert) != 0, "key_usage",
        key_usage_json(cert), "extended_key_usage", extended_key_usage_json(cert), "may_sign", sg_cert_may_sign(cert));
    ERR_clear_error();
    if (!object)
        return sg_fail_memory(err);
    *ret = object;
    return SG_OK;
}

static const char *member(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "-";
}

/* "digitalSignature, nonRepudiation"; or what an absent extension means. */
static void say_list(const struct sg_voice *voice, const char *title, const json_t *list)
{
    char line[1024] = "";
    size_t used = 0;
    for (size_t i = 0; i < json_array_size(list) && used < sizeof(line) - 1; i++) {
        int n = snprintf(line + used, sizeof(line) - used, "%s%s", i > 0 ? ", " : "",
                         json_string_value(json_array_get(list, i)));
        used += n > 0 ? (size_t)n : 0;
    }
    sg_say(voice, "  %s%s", title, json_is_null(list) ? _("any (not said)") : line);
}

static void say_cert(const struct sg_voice *voice, const json_t *object)
{
    sg_say(voice, "%s", member(object, "subject"));
    sg_say(voice, _("  issued by   %s"), member(object, "issuer"));
    sg_say(voice, _("  serial      %s"), member(object, "serial"));
    sg_say(voice, _("  valid       %s to %s"), member(object, "not_before"), member(object, "not_after"));
    sg_say(voice, _("  key         %s, %lld bits"), member(object, "key"),
           (long long)json_integer_value(json_object_get(object, "bits")));
    say_list(voice, _("usage       "), json_object_get(object, "key_usage"));
    say_list(voice, _("extended    "), json_object_get(object, "extended_key_usage"));
    sg_say(voice, _("  documents   %s"),
           json_is_true(json_object_get(object, "may_sign")) ? _("may sign them") : _("may not sign them"));
    sg_say(voice, _("  SHA-256     %s"), member(object, "sha256"));
}

static enum sg_rc show_file(struct sg_app *app, const char *path, struct sg_err *err)
{
    _cleanup_(sg_x509_stack_freep) STACK_OF(X509) *certs = sk_X509_new_null();
    enum sg_rc rc = certs ? sg_file_certs(app, path, certs, err) : sg_fail_memory(err);
    for (int i = 0; rc == SG_OK && i < sk_X509_num(certs); i++) {
        json_t *object = NULL;
        rc = cert_json(app, path, sk_X509_value(certs, i), &object, err);
        if (rc != SG_OK)
            break;
        if (!app->voice.json)
            say_cert(&app->voice, object);
        if (!sg_json_print(&app->voice, object))
            rc = sg_fail_memory(err);
    }
    return rc;
}

static int run_show(struct sg_app *app, const struct sg_args *args)
{
    int status = 0;
    for (size_t i = 0; i < sg_args_file_count(args); i++) {
        struct sg_err err = {0};
        if (show_file(app, sg_args_file(args, i), &err) != SG_OK)
            status = sg_exit_worse(status, sg_complain(&app->voice, &err));
    }
    return status;
}

const struct sg_command sg_command_cert_show = {
    .name = "cert",
    .sub = "show",
    .summary = N_("show what certificates say"),
    .arguments = "FILE...",
    .min_arguments = 1,
    .max_arguments = SIZE_MAX,
    .run = run_show,
};
