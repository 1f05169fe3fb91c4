/* signet trust add: anchors and revocation data enter when a person, a digest or an anchor vouches for them. Each
 * change is in the ledger, and a new snapshot is published for verification to read. */
#include <string.h>

#include "base/crypto.h"
#include "base/limits.h"
#include "base/msg.h"
#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/judging.h"
#include "cli/pending.h"
#include "cli/reindex.h"
#include "cli/trust.h"
#include "formats/pem.h"

static const struct sg_option add_options[] = {
    {.name = "purpose", .argument = "sign,timestamp", .help = N_("what the anchors may vouch for (both)")},
    SG_LIMIT_OPTIONS,
    {.name = "sha256", .argument = "HEX", .repeatable = true, .help = N_("accept the certificate with this SHA-256")},
    {.name = "yes", .help = N_("accept all of them")},
    {.name = "crl", .argument = "FILE", .repeatable = true, .help = N_("put a revocation list in")},
    {.name = "ocsp", .argument = "FILE", .repeatable = true, .help = N_("put an OCSP response in")},
    {.name = "list", .argument = "FILE", .help = N_("apply the signed list of anchors, alone")},
    {.name = "intermediate",
     .argument = "FILE",
     .repeatable = true,
     .help = N_("certificates between an anchor and the issuer of a revocation list or of what a response is about")},
    {0},
};

/* Shows one certificate and finds out whether the person accepts it. */
static enum sg_rc accept_anchor(const struct sg_args *args, const char *path, const struct sg_pending_anchor *anchor,
                                struct sg_err *err)
{
    size_t given = sg_args_count(args, "sha256");
    if (!sg_cert_is_ca(anchor->cert))
        return sg_about(path, err,
                        sg_fail(err, SG_E_MALFORMED,
                                _("%s is not the certificate of a CA (its basic constraints do not say so), so it "
                                  "cannot be a trust anchor."),
                                anchor->subject));
    for (size_t i = 0; i < given; i++) {
        char wanted[SG_SHA256_HEX];
        enum sg_rc rc = sg_trust_sha256(sg_args_item(args, "sha256", i), wanted, err);
        if (rc != SG_OK || strcmp(wanted, anchor->sha256) == 0)
            return rc;
    }
    if (given > 0)
        return sg_about(path, err,
                        sg_fail(err, SG_E_NOT_CONFIRMED,
                                _("%s has the SHA-256 %s, which is none of those given by --sha256."), anchor->subject,
                                anchor->sha256));
    if (sg_args_flag(args, "yes"))
        return SG_OK;
    enum sg_rc rc = sg_trust_show(anchor->subject, anchor->sha256, anchor->purposes, anchor->limits, err);
    if (rc != SG_OK)
        return rc;
    return sg_ask_yes(_("Is this the SHA-256 that you were given for it, and do you trust it?"),
                      _("Nobody can be asked here: give --sha256 with the value you expect, or --yes."), err);
}

/* What is to be added. */
struct additions {
    struct sg_pending anchors;
    unsigned purposes; /* of all of them */
    struct sg_buf limits_text;
    const char *limits; /* ditto: the text in `limits_text` */
    struct sg_crl_files crls;
    struct sg_checked_crl *checked; /* of each CRL, once it is checked */
    struct sg_ocsp_files ocsps;
    struct sg_ocsp_facts *facts; /* of each OCSP response: what counts in it */
};

static void additions_clear(struct additions *add)
{
    sg_pending_clear(&add->anchors);
    sg_buf_clear(&add->limits_text);
    for (size_t i = 0; add->checked && i < add->crls.count; i++)
        sg_checked_crl_clear(&add->checked[i]);
    free(add->checked);
    sg_crl_files_clear(&add->crls);
    for (size_t i = 0; add->facts && i < add->ocsps.count; i++)
        sg_ocsp_facts_clear(&add->facts[i]);
    free(add->facts);
    sg_ocsp_files_clear(&add->ocsps);
}

/* Reads the anchors of one file and has each accepted. */
static enum sg_rc read_anchors(struct sg_app *app, const struct sg_args *args, const char *path, struct additions *add,
                               struct sg_err *err)
{
    _cleanup_(sg_x509_stack_freep) STACK_OF(X509) *certs = sk_X509_new_null();
    _cleanup_(freep) char *source = NULL;
    if (!certs || asprintf(&source, "file %s", path) < 0) {
        source = NULL;
        return sg_fail_memory(err);
    }
    enum sg_rc rc = sg_file_certs(app, path, certs, err);
    for (int i = 0; rc == SG_OK && i < sk_X509_num(certs); i++) {
        rc = sg_pending_add(app, sk_X509_value(certs, i), add->purposes, add->limits, source, &add->anchors, err);
        if (rc == SG_OK)
            rc = accept_anchor(args, path, &add->anchors.anchors[add->anchors.count - 1], err);
    }
    return rc;
}

/* What revocation data is checked by: anchors, stored or just accepted, and what leads to them. */
struct checking {
    struct sg_pending_trust trust;
    STACK_OF(X509) *intermediates;
    struct sg_verifier *verifier;
};

static void checking_clear(struct checking *checking)
{
    sg_verifier_free(checking->verifier);
    sg_x509_stack_free(checking->intermediates);
    sg_pending_trust_clear(&checking->trust);
}

static enum sg_rc push_parsed(struct sg_app *app, struct sg_slice der, STACK_OF(X509) *certs, struct sg_err *err)
{
    X509 *cert = NULL;
    enum sg_rc rc = sg_cert_parse(der, app->libctx, &cert, err);
    if (rc == SG_OK && sk_X509_push(certs, cert) == 0) {
        X509_free(cert);
        rc = sg_fail_memory(err);
    }
    return rc;
}

/* What an anchor is for does not count, as revocation data is about any certificate; what it is limited to does. */
static enum sg_rc checking_begin(struct sg_app *app, const struct sg_args *args, const struct additions *add,
                                 struct checking *checking, struct sg_err *err)
{
    _cleanup_(sg_snapshot_freep) struct sg_snapshot *snapshot = NULL;
    checking->intermediates = sk_X509_new_null();
    enum sg_rc rc = checking->intermediates ? SG_OK : sg_fail_memory(err);
    if (rc == SG_OK)
        rc = sg_pending_trusted(app, &add->anchors, SG_PURPOSES_ALL, &checking->trust, err);
    if (rc == SG_OK)
        rc = sg_option_certs(app, args, "intermediate", checking->intermediates, err);
    if (rc == SG_OK)
        rc = sg_snapshot_open(app->paths.state, app->libctx, &snapshot, err);
    for (size_t i = 0; rc == SG_OK && i < sg_snapshot_helper_count(snapshot); i++)
        rc = push_parsed(app, sg_snapshot_helper(snapshot, i), checking->intermediates, err);
    struct sg_verifier_options options = {
        .libctx = app->libctx,
        .anchors = checking->trust.anchors,
        .anchor_limits = checking->trust.limits,
        .intermediates = checking->intermediates,
        .revocation = SG_REVOCATION_NONE,
        .at = SG_TIME_NONE,
        .clock = app->clock,
        .policy = {.max_depth = -1},
    };
    return rc == SG_OK ? sg_verifier_new(&options, &checking->verifier, err) : rc;
}

/* A CRL enters only if an anchor vouches for its issuer. */
static enum sg_rc check_crls(const struct checking *checking, struct additions *add, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    add->checked = calloc(add->crls.count + 1, sizeof(*add->checked));
    if (!add->checked)
        return sg_fail_memory(err);
    for (size_t i = 0; rc == SG_OK && i < add->crls.count; i++) {
        rc = sg_crl_check(checking->verifier, &add->crls.places[i], &add->checked[i], err);
        if (rc != SG_OK)
            sg_err_file(err, add->crls.paths[i]);
    }
    return rc;
}

/* An OCSP response likewise, for the CA whose certificates it is about. */
static enum sg_rc check_ocsps(const struct checking *checking, struct additions *add, struct sg_err *err)
{
    _cleanup_(sg_x509_stack_freep) STACK_OF(X509) *issuers = X509_chain_up_ref(checking->trust.anchors);
    add->facts = calloc(add->ocsps.count + 1, sizeof(*add->facts));
    if (!issuers || !add->facts ||
        !X509_add_certs(issuers, checking->intermediates, X509_ADD_FLAG_UP_REF | X509_ADD_FLAG_NO_DUP))
        return sg_fail_memory(err);
    enum sg_rc rc = SG_OK;
    for (size_t i = 0; rc == SG_OK && i < add->ocsps.count; i++) {
        rc = sg_ocsp_check(checking->verifier, add->ocsps.responses[i], issuers, NULL, &add->facts[i], err);
        if (rc != SG_OK)
            sg_err_file(err, add->ocsps.paths[i]);
    }
    return rc;
}

static enum sg_rc check_revocation_data(struct sg_app *app, const struct sg_args *args, struct additions *add,
                                        struct sg_err *err)
{
    _cleanup_(checking_clear) struct checking checking = {0};
    if (add->crls.count == 0 && add->ocsps.count == 0)
        return SG_OK;
    enum sg_rc rc = checking_begin(app, args, add, &checking, err);
    if (rc == SG_OK)
        rc = check_crls(&checking, add, err);
    return rc == SG_OK ? check_ocsps(&checking, add, err) : rc;
}

static enum sg_rc store_all(struct sg_store *store, const struct additions *add, struct sg_err *err)
{
    enum sg_rc rc = sg_store_begin(store, err);
    if (rc == SG_OK)
        rc = sg_pending_store(&add->anchors, store, err);
    for (size_t i = 0; rc == SG_OK && i < add->crls.count; i++)
        rc = sg_store_crl_add(store, &add->checked[i], err);
    for (size_t i = 0; rc == SG_OK && i < add->ocsps.count; i++) {
        rc = sg_store_ocsp_add(store, add->ocsps.responses[i], add->facts[i].facts, add->facts[i].count, err);
        if (rc != SG_OK)
            sg_err_file(err, add->ocsps.paths[i]);
    }
    if (rc == SG_OK)
        rc = sg_store_commit(store, err);
    else
        sg_store_rollback(store);
    if (rc == SG_OK)
        rc = sg_store_publish(store, err);
    return rc;
}

static enum sg_rc print_crl_added(struct sg_app *app, const struct sg_checked_crl *crl, struct sg_err *err)
{
    const uint8_t *at = crl->issuer.data;
    _cleanup_(X509_NAME_freep) X509_NAME *name = d2i_X509_NAME(NULL, &at, (long)crl->issuer.len);
    _cleanup_(freep) char *issuer = NULL;
    char sha256[SG_SHA256_HEX], until[SG_TIME_TEXT] = "-";
    enum sg_rc rc = sg_name_text(name, &issuer, err);
    if (rc != SG_OK)
        return rc;
    sg_hex(crl->sha256, SG_SHA256_LEN, sha256);
    int64_t next_update = crl->next_update == INT64_MAX ? SG_TIME_NONE : crl->next_update;
    sg_say(&app->voice,
           crl->delta ? _("Delta revocation list of %s, good until %s") : _("Revocation list of %s, good until %s"),
           issuer, next_update == SG_TIME_NONE ? until : sg_time_text(next_update, until));
    return sg_trust_print_item(&app->voice, "added",
                               &(struct sg_trust_item){.kind = "crl",
                                                       .sha256 = sha256,
                                                       .subject = issuer,
                                                       .added = sg_clock_now(&app->clock),
                                                       .not_after = SG_TIME_NONE,
                                                       .this_update = crl->this_update,
                                                       .next_update = next_update},
                               err);
}

static enum sg_rc print_ocsp_added(struct sg_app *app, struct sg_slice response, const struct sg_ocsp_facts *facts,
                                   struct sg_err *err)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    char sha256[2 * EVP_MAX_MD_SIZE + 1];
    size_t len = 0;
    enum sg_rc rc = sg_digest(app->libctx, "SHA256", response, digest, &len, err);
    if (rc == SG_OK)
        sg_hex(digest, len, sha256);
    for (size_t i = 0; rc == SG_OK && i < facts->count; i++) {
        const struct sg_ocsp_fact *fact = &facts->facts[i];
        rc = sg_trust_print_ocsp(app, "added", sha256,
                                 &(struct sg_snapshot_ocsp){.cert_id = fact->cert_id,
                                                            .this_update = fact->this_update,
                                                            .next_update = fact->next_update},
                                 sg_clock_now(&app->clock), err);
    }
    return rc;
}

static enum sg_rc print_all(struct sg_app *app, const struct additions *add, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    for (size_t i = 0; rc == SG_OK && i < add->anchors.count; i++)
        rc = sg_trust_print_anchor(app, "added", add->anchors.anchors[i].cert,
                                   &(struct sg_snapshot_anchor){.purposes = add->purposes,
                                                                .limits = add->limits,
                                                                .source = add->anchors.anchors[i].source,
                                                                .added = sg_clock_now(&app->clock)},
                                   err);
    for (size_t i = 0; rc == SG_OK && i < add->crls.count; i++)
        rc = print_crl_added(app, &add->checked[i], err);
    for (size_t i = 0; rc == SG_OK && i < add->ocsps.count; i++)
        rc = print_ocsp_added(app, add->ocsps.responses[i], &add->facts[i], err);
    return rc;
}

static enum sg_rc add(struct sg_app *app, const struct sg_args *args, struct sg_err *err)
{
    _cleanup_(sg_store_freep) struct sg_store *store = NULL;
    _cleanup_(additions_clear) struct additions add = {.limits_text = SG_BUF(SG_MAX_ANCHOR_LIMITS)};
    OSSL_LIB_CTX *libctx = NULL;
    if (sg_args_file_count(args) == 0 && !sg_args_flag(args, "crl") && !sg_args_flag(args, "ocsp"))
        return sg_fail(err, SG_E_USAGE,
                       _("Name a file of certificates to trust, or revocation data with --crl or --ocsp."));
    enum sg_rc rc = sg_trust_purposes(args, &add.purposes, err);
    if (rc == SG_OK)
        rc = sg_trust_limits_given(args, &add.limits_text, err);
    if (rc == SG_OK)
        rc = sg_buf_text(&add.limits_text, &add.limits, err);
    for (size_t i = 0; rc == SG_OK && i < sg_args_count(args, "sha256"); i++)
        rc = sg_trust_sha256(sg_args_item(args, "sha256", i), (char[SG_SHA256_HEX]){0}, err);
    if (rc == SG_OK)
        rc = sg_app_libctx(app, &libctx, err);
    if (rc == SG_OK)
        rc = sg_option_crls(args, &add.crls, err);
    if (rc == SG_OK)
        rc = sg_option_ocsps(args, &add.ocsps, err);
    for (size_t i = 0; rc == SG_OK && i < sg_args_file_count(args); i++)
        rc = read_anchors(app, args, sg_args_file(args, i), &add, err);
    if (rc == SG_OK)
        rc = check_revocation_data(app, args, &add, err);
    if (rc == SG_OK)
        rc = sg_app_store(app, &store, err);
    if (rc == SG_OK)
        rc = sg_crls_reindex(app, store, err);
    if (rc == SG_OK)
        rc = store_all(store, &add, err);
    if (rc == SG_OK)
        rc = print_all(app, &add, err);
    return rc;
}

static int run_add(struct sg_app *app, const struct sg_args *args)
{
    struct sg_err err = {0};
    enum sg_rc rc = sg_args_flag(args, "list") ? sg_trust_add_list(app, args, &err) : add(app, args, &err);
    return rc == SG_OK ? 0 : sg_complain(&app->voice, &err);
}

const struct sg_command sg_command_trust_add = {
    .name = "trust",
    .sub = "add",
    .summary = N_("trust CA certificates; put revocation data in"),
    .arguments = "[FILE...]",
    .max_arguments = SIZE_MAX,
    .options = add_options,
    .run = run_add,
};
