/* signet trust list, remove, export: what this computer trusts. */
#include <stdio.h>
#include <string.h>

#include <openssl/ocsp.h>
#include <openssl/pem.h>

#include "base/crypto.h"
#include "base/msg.h"
#include "base/outfile.h"
#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/trust.h"
#include "formats/pem.h"

static json_t *purposes_json(unsigned purposes)
{
    if (purposes == 0)
        return json_null();
    json_t *list = json_array();
    if (purposes & SG_PURPOSE_SIGN)
        json_array_append_new(list, json_string("sign"));
    if (purposes & SG_PURPOSE_TIMESTAMP)
        json_array_append_new(list, json_string("timestamp"));
    return list;
}

enum sg_rc sg_trust_print_item(const struct sg_voice *voice, const char *action, const struct sg_trust_item *item,
                               struct sg_err *err)
{
    if (!voice->json)
        return SG_OK;
    json_t *object =
        json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "schema", "signet.trust/1", "action",
                  action, "kind", item->kind, "sha256", item->sha256, "subject", sg_json_text(item->subject),
                  "purposes", purposes_json(item->purposes), "limits", sg_trust_limits_json(item->limits), "source",
                  sg_json_text(item->source), "added", sg_json_time_or_null(item->added), "not_after",
                  sg_json_time_or_null(item->not_after), "this_update", sg_json_time_or_null(item->this_update),
                  "next_update", sg_json_time_or_null(item->next_update));
    return sg_json_print(voice, object) ? SG_OK : sg_fail_memory(err);
}

static const char *purposes_text(unsigned purposes)
{
    if (purposes == SG_PURPOSE_SIGN)
        return _("signatures");
    return purposes == SG_PURPOSE_TIMESTAMP ? _("time-stamps") : _("signatures and time-stamps");
}

enum sg_rc sg_trust_show(const char *subject, const char *sha256, unsigned purposes, const char *limits,
                         struct sg_err *err)
{
    _cleanup_(freep) char *limited = NULL;
    enum sg_rc rc = sg_trust_limits_text(limits, &limited, err);
    if (rc != SG_OK)
        return rc;
    sg_ask_show("%s", subject);
    sg_ask_show(_("  SHA-256 %s"), sha256);
    sg_ask_show(_("  to be trusted for %s"), purposes_text(purposes));
    if (*limited)
        sg_ask_show(_("  limited to %s"), limited);
    return SG_OK;
}

int64_t sg_trust_time(const ASN1_TIME *time)
{
    int64_t when = SG_TIME_NONE;
    return time && sg_time_from_asn1(time, &when) ? when : SG_TIME_NONE;
}

enum sg_rc sg_trust_print_anchor(struct sg_app *app, const char *action, X509 *cert,
                                 const struct sg_snapshot_anchor *anchor, struct sg_err *err)
{
    _cleanup_(freep) char *subject = NULL, *limits = NULL;
    char sha256[SG_SHA256_HEX], until[SG_TIME_TEXT] = "-";
    enum sg_rc rc = sg_name_text(X509_get_subject_name(cert), &subject, err);
    if (rc == SG_OK)
        rc = sg_cert_sha256(app->libctx, cert, sha256, err);
    if (rc == SG_OK)
        rc = sg_trust_limits_text(anchor->limits ? anchor->limits : "", &limits, err);
    if (rc != SG_OK)
        return rc;
    int64_t not_after = sg_trust_time(X509_get0_notAfter(cert));
    sg_say(&app->voice, "%s", subject);
    sg_say(&app->voice, _("  trusted for %s, from %s, ends %s"), purposes_text(anchor->purposes), anchor->source,
           not_after == SG_TIME_NONE ? until : sg_time_text(not_after, until));
    if (*limits)
        sg_say(&app->voice, _("  limited to %s"), limits);
    sg_say(&app->voice, "  SHA-256 %s", sha256);
    return sg_trust_print_item(&app->voice, action,
                               &(struct sg_trust_item){.kind = "anchor",
                                                       .sha256 = sha256,
                                                       .subject = subject,
                                                       .source = anchor->source,
                                                       .limits = anchor->limits,
                                                       .purposes = anchor->purposes,
                                                       .added = anchor->added,
                                                       .not_after = not_after,
                                                       .this_update = SG_TIME_NONE,
                                                       .next_update = SG_TIME_NONE},
                               err);
}

static void cert_id_free(OCSP_CERTID **id)
{
    OCSP_CERTID_free(*id);
}

/* A CertID tells the certificate by its serial number and by digests that nobody can read. */
enum sg_rc sg_trust_print_ocsp(struct sg_app *app, const char *action, const char *sha256,
                               const struct sg_snapshot_ocsp *ocsp, int64_t added, struct sg_err *err)
{
    const uint8_t *at = ocsp->cert_id.data;
    _cleanup_(cert_id_free) OCSP_CERTID *id = d2i_OCSP_CERTID(NULL, &at, (long)ocsp->cert_id.len);
    _cleanup_(freep) char *serial = NULL, *subject = NULL;
    ASN1_INTEGER *number = NULL;
    char from[SG_TIME_TEXT], until[SG_TIME_TEXT];
    if (!id || !OCSP_id_get0_info(NULL, NULL, NULL, &number, id))
        return sg_fail_ssl(err, SG_E_STORE_DAMAGED, _("An OCSP response is about a certificate that is not named."));
    enum sg_rc rc = sg_serial_text(number, &serial, err);
    if (rc == SG_OK && asprintf(&subject, "serial %s", serial) < 0) {
        subject = NULL;
        rc = sg_fail_memory(err);
    }
    if (rc != SG_OK)
        return rc;
    sg_say(&app->voice, _("OCSP response about the certificate with serial number %s"), serial);
    sg_say(&app->voice, _("  of %s, good until %s"), sg_time_text(ocsp->this_update, from),
           ocsp->next_update == INT64_MAX ? "-" : sg_time_text(ocsp->next_update, until));
    sg_say(&app->voice, "  SHA-256 %s", sha256);
    return sg_trust_print_item(&app->voice, action,
                               &(struct sg_trust_item){.kind = "ocsp",
                                                       .sha256 = sha256,
                                                       .subject = subject,
                                                       .added = added,
                                                       .not_after = SG_TIME_NONE,
                                                       .this_update = ocsp->this_update,
                                                       .next_update = ocsp->next_update},
                               err);
}

/* --- digests ------------------------------------------------------------------------------------------------------ */

enum sg_rc sg_trust_sha256(const char *given, char out[SG_SHA256_HEX], struct sg_err *err)
{
    uint8_t digest[SG_SHA256_LEN];
    char plain[SG_SHA256_HEX] = "";
    size_t len = 0;
    for (const char *at = given; *at && len < SG_SHA256_HEX; at++)
        if (*at != ':' && ++len < SG_SHA256_HEX)
            plain[len - 1] = *at;
    if (len != SG_SHA256_HEX - 1 || !sg_unhex(plain, digest, sizeof(digest)))
        return sg_fail(err, SG_E_USAGE,
                       _("\"%s\" is not a SHA-256: that is 64 hexadecimal digits, with colons or without."), given);
    sg_hex(digest, sizeof(digest), out); /* in lower case */
    return SG_OK;
}

/* --- remove ------------------------------------------------------------------------------------------------------- */

static enum sg_rc remove_all(struct sg_app *app, const struct sg_args *args, struct sg_err *err)
{
    _cleanup_(sg_store_freep) struct sg_store *store = NULL;
    size_t count = sg_args_file_count(args);
    _cleanup_(freep) char(*sha256)[SG_SHA256_HEX] = calloc(count, sizeof(*sha256));
    enum sg_rc rc = sha256 ? SG_OK : sg_fail_memory(err);
    for (size_t i = 0; rc == SG_OK && i < count; i++)
        rc = sg_trust_sha256(sg_args_file(args, i), sha256[i], err);
    if (rc == SG_OK)
        rc = sg_app_store(app, &store, err);
    if (rc == SG_OK)
        rc = sg_store_begin(store, err);
    for (size_t i = 0; rc == SG_OK && i < count; i++)
        rc = sg_store_anchor_remove(store, sha256[i], err);
    if (rc == SG_OK)
        rc = sg_store_commit(store, err);
    if (rc == SG_OK)
        rc = sg_store_publish(store, err);
    for (size_t i = 0; rc == SG_OK && i < count; i++) {
        sg_say(&app->voice, _("No longer trusted: %s"), sha256[i]);
        rc = sg_trust_print_item(&app->voice, "removed",
                                 &(struct sg_trust_item){.kind = "anchor",
                                                         .sha256 = sha256[i],
                                                         .added = SG_TIME_NONE,
                                                         .not_after = SG_TIME_NONE,
                                                         .this_update = SG_TIME_NONE,
                                                         .next_update = SG_TIME_NONE},
                                 err);
    }
    return rc;
}

static int run_remove(struct sg_app *app, const struct sg_args *args)
{
    struct sg_err err = {0};
    return remove_all(app, args, &err) == SG_OK ? 0 : sg_complain(&app->voice, &err);
}

const struct sg_command sg_command_trust_remove = {
    .name = "trust",
    .sub = "remove",
    .summary = N_("stop trusting an anchor"),
    .arguments = "SHA256...",
    .min_arguments = 1,
    .max_arguments = SIZE_MAX,
    .run = run_remove,
};

/* --- list --------------------------------------------------------------------------------------------------------- */

static enum sg_rc print_stored(struct sg_app *app, const char *action, const struct sg_snapshot_anchor *anchor,
                               struct sg_err *err)
{
    _cleanup_(X509_freep) X509 *cert = NULL;
    enum sg_rc rc = sg_cert_parse(anchor->certificate, app->libctx, &cert, err);
    if (rc == SG_OK)
        rc = sg_trust_print_anchor(app, action, cert, anchor, err);
    return rc;
}

static enum sg_rc list_crl(struct sg_app *app, const struct sg_snapshot_crl *crl, struct sg_err *err)
{
    const uint8_t *at = crl->issuer.data;
    _cleanup_(X509_NAME_freep) X509_NAME *name = d2i_X509_NAME(NULL, &at, (long)crl->issuer.len);
    _cleanup_(freep) char *issuer = NULL;
    char sha256[SG_SHA256_HEX], from[SG_TIME_TEXT], until[SG_TIME_TEXT];
    if (!name)
        return sg_fail_ssl(err, SG_E_STORE_DAMAGED, _("The snapshot names a revocation list without an issuer."));
    enum sg_rc rc = sg_name_text(name, &issuer, err);
    if (rc != SG_OK)
        return rc;
    sg_hex(crl->sha256, sizeof(crl->sha256), sha256);
    sg_say(&app->voice, _("Revocation list of %s"), issuer);
    sg_say(&app->voice, _("  of %s, good until %s"), sg_time_text(crl->this_update, from),
           crl->next_update == INT64_MAX ? "-" : sg_time_text(crl->next_update, until));
    sg_say(&app->voice, "  SHA-256 %s", sha256);
    return sg_trust_print_item(&app->voice, "listed",
                               &(struct sg_trust_item){.kind = "crl",
                                                       .sha256 = sha256,
                                                       .subject = issuer,
                                                       .added = SG_TIME_NONE,
                                                       .not_after = SG_TIME_NONE,
                                                       .this_update = crl->this_update,
                                                       .next_update = crl->next_update},
                               err);
}

static enum sg_rc list_ocsp(struct sg_app *app, const struct sg_snapshot_ocsp *ocsp, struct sg_err *err)
{
    char sha256[SG_SHA256_HEX];
    sg_hex(ocsp->sha256, sizeof(ocsp->sha256), sha256);
    return sg_trust_print_ocsp(app, "listed", sha256, ocsp, SG_TIME_NONE, err);
}

static enum sg_rc open_snapshot(struct sg_app *app, struct sg_snapshot **ret, struct sg_err *err)
{
    OSSL_LIB_CTX *libctx = NULL;
    enum sg_rc rc = sg_app_libctx(app, &libctx, err);
    return rc == SG_OK ? sg_snapshot_open(app->paths.state, libctx, ret, err) : rc;
}

static int run_list(struct sg_app *app, const struct sg_args *args)
{
    (void)args;
    _cleanup_(sg_snapshot_freep) struct sg_snapshot *snapshot = NULL;
    struct sg_err err = {0};
    enum sg_rc rc = open_snapshot(app, &snapshot, &err);
    for (size_t i = 0; rc == SG_OK && i < sg_snapshot_anchor_count(snapshot); i++)
        rc = print_stored(app, "listed", sg_snapshot_anchor(snapshot, i), &err);
    for (size_t i = 0; rc == SG_OK && i < sg_snapshot_crl_count(snapshot); i++)
        rc = list_crl(app, sg_snapshot_crl(snapshot, i), &err);
    for (size_t i = 0; rc == SG_OK && i < sg_snapshot_ocsp_count(snapshot); i++)
        rc = list_ocsp(app, sg_snapshot_ocsp(snapshot, i), &err);
    if (rc == SG_OK && sg_snapshot_anchor_count(snapshot) == 0)
        sg_say(
            &app->voice, "%s",
            sg_snapshot_crl_count(snapshot) > 0
                ? _("No anchor is trusted, so the revocation lists are of no use: signet trust add FILE puts one in.")
                : _("Nothing is trusted yet: signet trust add FILE puts an anchor in."));
    return rc == SG_OK ? 0 : sg_complain(&app->voice, &err);
}

const struct sg_command sg_command_trust_list = {
    .name = "trust",
    .sub = "list",
    .summary = N_("list anchors, revocation lists and OCSP responses"),
    .arguments = "",
    .run = run_list,
};

/* --- export ------------------------------------------------------------------------------------------------------- */

static const struct sg_option export_options[] = {
    {.name = "output", .argument = "FILE", .help = N_("the file to write (standard output)"), .writes = true},
    {.name = "force", .help = N_("replace the output if it exists")},
    {0},
};

static enum sg_rc export_anchors(struct sg_app *app, const struct sg_args *args, struct sg_err *err)
{
    _cleanup_(sg_snapshot_freep) struct sg_snapshot *snapshot = NULL;
    _cleanup_(sg_outfile_freep) struct sg_outfile *out = NULL;
    _cleanup_(BIO_free_allp) BIO *pem = BIO_new(BIO_s_mem());
    const char *path = sg_args_value(args, "output");
    char *text = NULL;
    if (!path)
        path = "-";
    if (app->voice.json && strcmp(path, "-") == 0)
        return sg_fail(err, SG_E_USAGE, "%s",
                       _("--json has stdout for itself: name a file for the PEM with --output."));
    enum sg_rc rc = pem ? open_snapshot(app, &snapshot, err) : sg_fail_memory(err);
    for (size_t i = 0; rc == SG_OK && i < sg_snapshot_anchor_count(snapshot); i++) {
        struct sg_slice der = sg_snapshot_anchor(snapshot, i)->certificate;
        if (!PEM_write_bio(pem, PEM_STRING_X509, "", der.data, (long)der.len))
            rc = sg_fail_memory(err);
    }
    if (rc == SG_OK)
        rc = sg_outfile_open(path, sg_args_flag(args, "force") ? SG_OUT_REPLACE : 0, &out, err);
    if (rc == SG_OK) {
        long len = BIO_get_mem_data(pem, &text);
        rc = sg_outfile_write(out, text, len > 0 ? (size_t)len : 0, err);
    }
    if (rc == SG_OK)
        rc = sg_outfile_commit(out, err);
    for (size_t i = 0; rc == SG_OK && app->voice.json && i < sg_snapshot_anchor_count(snapshot); i++)
        rc = print_stored(app, "exported", sg_snapshot_anchor(snapshot, i), err);
    if (rc == SG_OK && sg_snapshot_anchor_count(snapshot) == 0)
        sg_note(&app->voice, _("Nothing is trusted, so nothing was exported."));
    return rc;
}

static int run_export(struct sg_app *app, const struct sg_args *args)
{
    struct sg_err err = {0};
    return export_anchors(app, args, &err) == SG_OK ? 0 : sg_complain(&app->voice, &err);
}

const struct sg_command sg_command_trust_export = {
    .name = "trust",
    .sub = "export",
    .summary = N_("write the anchors as PEM"),
    .arguments = "",
    .options = export_options,
    .run = run_export,
};
