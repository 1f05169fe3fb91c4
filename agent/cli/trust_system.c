/* signet trust import-system: the machine's CA bundle, on request and after a look at it. What the machine distrusts is
 * never taken, nor what it trusts for other things alone; nothing that is trusted already is changed. */
#include <string.h>

#include "base/crypto.h"
#include "base/limits.h"
#include "base/msg.h"
#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/trust.h"
#include "pkcs11/system_trust.h"
#include "verify/anchor_limits.h"

static const struct sg_option import_options[] = {
    {.name = "purpose", .argument = "sign,timestamp", .help = N_("take them for no more than this (both)")},
    SG_LIMIT_OPTIONS,
    {.name = "sha256",
     .argument = "HEX",
     .repeatable = true,
     .help = N_("take the certificate with this SHA-256 alone")},
    {.name = "yes", .help = N_("take all of them")},
    {0},
};

/* One that is offered, with what the machine says of it. */
struct offer {
    X509 *cert; /* borrowed */
    unsigned purposes;
    struct sg_buf text; /* its limits */
    const char *limits;
    char sha256[SG_SHA256_HEX];
    char *subject;
};

struct offers {
    struct offer *items;
    size_t count;
};

static void offers_clear(struct offers *offers)
{
    for (size_t i = 0; i < offers->count; i++) {
        sg_buf_clear(&offers->items[i].text);
        free(offers->items[i].subject);
    }
    free(offers->items);
}

static bool is_named(const struct sg_args *args, const char *sha256)
{
    char wanted[SG_SHA256_HEX];
    size_t count = sg_args_count(args, "sha256");
    for (size_t i = 0; i < count; i++)
        if (sg_trust_sha256(sg_args_item(args, "sha256", i), wanted, NULL) == SG_OK && strcmp(wanted, sha256) == 0)
            return true;
    return count == 0;
}

static bool is_trusted(const struct sg_snapshot *snapshot, X509 *cert)
{
    uint8_t *der = NULL;
    int len = i2d_X509(cert, &der);
    bool found = false;
    for (size_t i = 0; len > 0 && !found && i < sg_snapshot_anchor_count(snapshot); i++)
        found = sg_slice_equal(sg_snapshot_anchor(snapshot, i)->certificate, (struct sg_slice){der, (size_t)len});
    OPENSSL_free(der);
    return found;
}

/* Options first; then what the machine says, if that is earlier. */
static enum sg_rc set_limits(const struct sg_args *args, const struct sg_system_cert *cert, struct offer *offer,
                             struct sg_err *err)
{
    _cleanup_(sg_anchor_limits_freep) struct sg_anchor_limits *given = NULL;
    char time[SG_TIME_TEXT];
    enum sg_rc rc = sg_trust_limits_given(args, &offer->text, err);
    if (rc == SG_OK)
        rc = sg_buf_text(&offer->text, &offer->limits, err);
    if (rc == SG_OK)
        rc = sg_anchor_limits_parse(offer->limits, &given, err);
    bool has_end = given && given->not_after != SG_TIME_NONE;
    if (rc != SG_OK || cert->until == INT64_MAX || (has_end && given->not_after <= cert->until))
        return rc;
    if (has_end)
        return sg_fail(err, SG_E_USAGE, _("This machine trusts %s no longer than %s: --not-after is later."),
                       offer->subject, sg_time_text(cert->until, time));
    rc = sg_anchor_limit_add("not-after", sg_time_text(cert->until, time), &offer->text, err);
    return rc == SG_OK ? sg_buf_text(&offer->text, &offer->limits, err) : rc;
}

static const char *problem_of(const struct sg_system_cert *cert, unsigned purposes)
{
    if (cert->unusable)
        return cert->unusable;
    if (!sg_cert_is_ca(cert->cert))
        return N_("its basic constraints do not say that it is a CA's");
    return purposes ? NULL : N_("this machine does not trust it for this purpose");
}

static enum sg_rc consider(struct sg_app *app, const struct sg_args *args, const struct sg_snapshot *snapshot,
                           const struct sg_system_cert *cert, unsigned wanted, struct offers *offers,
                           struct sg_err *err)
{
    struct offer *offer = &offers->items[offers->count];
    *offer = (struct offer){.cert = cert->cert, .text = SG_BUF(SG_MAX_ANCHOR_LIMITS)};
    offer->purposes = wanted & ((cert->mail ? SG_PURPOSE_SIGN : 0U) | (cert->timestamps ? SG_PURPOSE_TIMESTAMP : 0U));
    const char *problem = problem_of(cert, offer->purposes);
    enum sg_rc rc = sg_cert_sha256(app->libctx, cert->cert, offer->sha256, err);
    if (rc != SG_OK || !is_named(args, offer->sha256) || is_trusted(snapshot, cert->cert))
        return rc;
    offers->count++; /* to be cleared */
    rc = sg_name_text(X509_get_subject_name(cert->cert), &offer->subject, err);
    if (rc == SG_OK && !problem)
        rc = set_limits(args, cert, offer, err);
    if (rc == SG_OK && problem) {
        sg_say(&app->voice, _("Not taken: %s: %s."), offer->subject, _(problem));
        free(offer->subject);
        offers->count--;
    }
    return rc;
}

static enum sg_rc collect(struct sg_app *app, const struct sg_args *args, const struct sg_system_certs *certs,
                          struct offers *offers, struct sg_err *err)
{
    _cleanup_(sg_snapshot_freep) struct sg_snapshot *snapshot = NULL;
    unsigned wanted = 0;
    offers->items = calloc(certs->count + 1, sizeof(*offers->items));
    enum sg_rc rc = offers->items ? sg_trust_purposes(args, &wanted, err) : sg_fail_memory(err);
    for (size_t i = 0; rc == SG_OK && i < sg_args_count(args, "sha256"); i++)
        rc = sg_trust_sha256(sg_args_item(args, "sha256", i), (char[SG_SHA256_HEX]){0}, err);
    if (rc == SG_OK)
        rc = sg_snapshot_open(app->paths.state, app->libctx, &snapshot, err);
    for (size_t i = 0; rc == SG_OK && i < certs->count; i++)
        rc = consider(app, args, snapshot, &certs->items[i], wanted, offers, err);
    return rc;
}

/* All of them are shown, and asked about once. */
static enum sg_rc accept(const struct sg_args *args, const struct offers *offers, struct sg_err *err)
{
    _cleanup_(freep) char *question = NULL;
    enum sg_rc rc = SG_OK;
    if (sg_args_flag(args, "yes") || sg_args_flag(args, "sha256"))
        return SG_OK;
    for (size_t i = 0; rc == SG_OK && i < offers->count; i++) {
        const struct offer *offer = &offers->items[i];
        rc = sg_trust_show(offer->subject, offer->sha256, offer->purposes, offer->limits, err);
    }
    if (rc != SG_OK)
        return rc;
    if (asprintf(&question, _("Do you trust these %zu certificates, as this machine does?"), offers->count) < 0) {
        question = NULL;
        return sg_fail_memory(err);
    }
    return sg_ask_yes(question, _("Nobody can be asked here: give --sha256 with those that you want, or --yes."), err);
}

static enum sg_rc store_all(struct sg_app *app, const struct offers *offers, struct sg_err *err)
{
    _cleanup_(sg_store_freep) struct sg_store *store = NULL;
    enum sg_rc rc = sg_app_store(app, &store, err);
    if (rc == SG_OK)
        rc = sg_store_begin(store, err);
    for (size_t i = 0; rc == SG_OK && i < offers->count; i++)
        rc = sg_store_anchor_add(store, offers->items[i].cert, offers->items[i].purposes, offers->items[i].limits,
                                 "system", err);
    if (rc == SG_OK)
        rc = sg_store_commit(store, err);
    if (rc == SG_OK)
        rc = sg_store_publish(store, err);
    for (size_t i = 0; rc == SG_OK && i < offers->count; i++)
        rc = sg_trust_print_anchor(app, "added", offers->items[i].cert,
                                   &(struct sg_snapshot_anchor){.purposes = offers->items[i].purposes,
                                                                .limits = offers->items[i].limits,
                                                                .source = "system",
                                                                .added = sg_clock_now(&app->clock)},
                                   err);
    return rc;
}

static enum sg_rc import(struct sg_app *app, const struct sg_args *args, struct sg_err *err)
{
    _cleanup_(sg_system_certs_clear) struct sg_system_certs certs = {0};
    _cleanup_(offers_clear) struct offers offers = {0};
    OSSL_LIB_CTX *libctx = NULL;
    enum sg_rc rc = sg_app_libctx(app, &libctx, err);
    if (rc == SG_OK)
        rc = sg_system_trust_read(libctx, &certs, err);
    if (rc == SG_OK)
        rc = collect(app, args, &certs, &offers, err);
    if (rc == SG_OK && offers.count == 0) {
        sg_say(&app->voice, _("This machine's CA bundle has nothing to be added."));
        return SG_OK;
    }
    if (rc == SG_OK)
        rc = accept(args, &offers, err);
    return rc == SG_OK ? store_all(app, &offers, err) : rc;
}

static int run_import(struct sg_app *app, const struct sg_args *args)
{
    struct sg_err err = {0};
    return import(app, args, &err) == SG_OK ? 0 : sg_complain(&app->voice, &err);
}

const struct sg_command sg_command_trust_import_system = {
    .name = "trust",
    .sub = "import-system",
    .summary = N_("trust what this machine's CA bundle has for people's signatures"),
    .arguments = "",
    .options = import_options,
    .run = run_import,
};
