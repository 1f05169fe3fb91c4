/* signet setup: from a token to the first signature. */
#include <string.h>

#include "base/limits.h"
#include "base/msg.h"
#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/conf_edit.h"
#include "cli/profile.h"
#include "cli/trial.h"
#include "store/snapshot.h"

static const struct sg_option options[] = {
    {.name = "profile", .argument = "FILE", .help = N_("take configuration and anchors from an officer's profile")},
    {.name = "key",
     .argument = "URI",
     .help = N_("set up this key (RFC 7512)"),
     .sets_key = true,
     .key = SG_KEY_SIGN_KEY},
    {.name = "yes", .help = N_("take what is shown to be right, without a question")},
    {.name = NULL},
};

struct setup {
    struct sg_app *app;
    const struct sg_args *args;
    struct sg_profile *profile; /* NULL: none */
    struct sg_signing signing;
    json_t *anchors; /* added: [{sha256, subject}] */
};

/* --- comparing, and anchors ------------------------------------------------------------------------------------------
 */

/* Shows what is to be compared, and asks. */
static enum sg_rc compare(struct setup *setup, const char *what, const char *subject, const char *sha256,
                          struct sg_err *err)
{
    sg_say(&setup->app->voice, "%s: %s", what, subject);
    sg_say(&setup->app->voice, "  SHA-256 %s", sha256);
    if (sg_args_flag(setup->args, "yes"))
        return SG_OK;
    return sg_ask_yes(_("Is this the SHA-256 that you were told? [y/N]"),
                      _("Somebody has to compare the SHA-256, and there is no terminal to ask on; use --yes if that "
                        "has been done."),
                      err);
}

static enum sg_rc add_anchor(struct setup *setup, const X509 *cert, const char *sha256, unsigned purposes,
                             const char *source, struct sg_err *err)
{
    _cleanup_(freep) char *subject = NULL;
    enum sg_rc rc = sg_name_text(X509_get_subject_name(cert), &subject, err);

    if (rc == SG_OK)
        rc = sg_store_anchor_add(setup->signing.store, cert, purposes, source, err);
    if (rc != SG_OK)
        return rc;
    sg_say(&setup->app->voice, _("Trusted from now on: %s"), subject);
    sg_say(&setup->app->voice, "  SHA-256 %s", sha256);
    json_t *added = json_pack("{s:s, s:o}", "sha256", sha256, "subject", sg_json_text(subject));
    return json_array_append_new(setup->anchors, added) == 0 ? SG_OK : sg_fail_memory(err);
}

/* --- with a profile --------------------------------------------------------------------------------------------------
 */

static void show_config(const struct sg_voice *voice, json_t *config)
{
    const char *section = NULL, *name = NULL;
    json_t *keys = NULL, *value = NULL;

    json_object_foreach(config, section, keys)
    {
        json_object_foreach(keys, name, value)
        {
            _cleanup_(freep) char *text = json_dumps(value, JSON_ENCODE_ANY);
            sg_say(voice, "  [%s] %s = %s", section, name, text ? text : "");
        }
    }
}

/* Vouched for by the profile's signer, who has been compared. */
static enum sg_rc profile_anchors(struct setup *setup, struct sg_err *err)
{
    char source[80];
    enum sg_rc rc = sg_store_begin(setup->signing.store, err);

    (void)snprintf(source, sizeof(source), "profile %s", setup->profile->signer_sha256);
    for (size_t i = 0; i < setup->profile->anchor_count && rc == SG_OK; i++) {
        const struct sg_profile_anchor *anchor = &setup->profile->anchors[i];
        rc = add_anchor(setup, anchor->cert, anchor->sha256, anchor->purposes, source, err);
    }
    if (rc == SG_OK)
        rc = sg_store_commit(setup->signing.store, err);
    if (rc != SG_OK) {
        sg_store_rollback(setup->signing.store);
        return rc;
    }
    return sg_store_publish(setup->signing.store, err);
}

static enum sg_rc profile_config(struct setup *setup, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf text = SG_BUF(SG_MAX_CONFIG_FILE);
    const char *path = setup->app->paths.config_file;
    enum sg_rc rc = sg_conf_read(path, &text, err);

    if (rc == SG_OK)
        rc = sg_profile_configure(setup->profile, &text, err);
    if (rc == SG_OK)
        rc = sg_conf_write(path, &text, err);
    return rc == SG_OK ? sg_app_reconfigure(setup->app, setup->args, err) : rc;
}

static enum sg_rc take_profile(struct setup *setup, const char *path, struct sg_err *err)
{
    enum sg_rc rc = sg_profile_read(setup->app, path, &setup->profile, err);

    if (rc != SG_OK)
        return rc;
    sg_say(&setup->app->voice, _("The profile %s sets:"), path);
    show_config(&setup->app->voice, setup->profile->config);
    rc = compare(setup, _("It is signed by"), setup->profile->signer_subject, setup->profile->signer_sha256, err);
    if (rc == SG_OK)
        rc = profile_anchors(setup, err);
    return rc == SG_OK ? profile_config(setup, err) : rc;
}

/* --- without: what the token has
 * --------------------------------------------------------------------------------------- */

static bool is_anchor(const struct sg_snapshot *snapshot, X509 *cert)
{
    _cleanup_(OPENSSL_freep) unsigned char *der = NULL;
    int len = i2d_X509(cert, &der);

    for (size_t i = 0; len > 0 && i < sg_snapshot_anchor_count(snapshot); i++)
        if (sg_slice_equal(sg_snapshot_anchor(snapshot, i)->certificate, (struct sg_slice){der, (size_t)len}))
            return true;
    return false;
}

/* The last of the key's issuers on the token, unless one of them is trusted already; NULL if there is none. */
static enum sg_rc find_offer(struct setup *setup, STACK_OF(X509) *certs, STACK_OF(X509) *chain, X509 **ret,
                             struct sg_err *err)
{
    _cleanup_(sg_snapshot_freep) struct sg_snapshot *snapshot = NULL;
    struct sg_signing *signing = &setup->signing;
    enum sg_rc rc = sg_token_certificates(sg_token_key_token(signing->token_key), NULL, certs, err);

    if (rc == SG_OK)
        rc = sg_issuers_find(certs, signing->info->cert, true, chain, err);
    if (rc == SG_OK)
        rc = sg_snapshot_open(setup->app->paths.state, setup->app->libctx, &snapshot, err);
    if (rc != SG_OK)
        return rc;
    X509 *offer = sk_X509_num(chain) > 0 ? sk_X509_value(chain, sk_X509_num(chain) - 1) : NULL;
    for (int i = 0; i < sk_X509_num(chain); i++)
        if (is_anchor(snapshot, sk_X509_value(chain, i)))
            offer = NULL;
    *ret = offer;
    return SG_OK;
}

static enum sg_rc offer_anchor(struct setup *setup, struct sg_err *err)
{
    _cleanup_(sg_x509_stack_freep) STACK_OF(X509) *certs = sk_X509_new_null();
    _cleanup_(sg_x509_stack_freep) STACK_OF(X509) *chain = sk_X509_new_null();
    _cleanup_(freep) char *subject = NULL;
    char sha256[SG_SHA256_HEX], source[128];
    X509 *offer = NULL;

    if (!certs || !chain)
        return sg_fail_memory(err);
    enum sg_rc rc = find_offer(setup, certs, chain, &offer, err);
    if (rc != SG_OK || !offer)
        return rc;
    (void)snprintf(source, sizeof(source), "token %s", setup->signing.info->token->serial);
    rc = sg_cert_sha256(setup->app->libctx, offer, sha256, err);
    if (rc == SG_OK)
        rc = sg_name_text(X509_get_subject_name(offer), &subject, err);
    if (rc == SG_OK)
        rc = compare(setup, _("The token has the certificate of the key's issuer"), subject, sha256, err);
    if (rc == SG_OK)
        rc = add_anchor(setup, offer, sha256, SG_PURPOSE_SIGN, source, err);
    return rc == SG_OK ? sg_store_publish(setup->signing.store, err) : rc;
}

/* --- the trial, and the end
 * -------------------------------------------------------------------------------------------- */

static enum sg_rc write_key(struct setup *setup, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf text = SG_BUF(SG_MAX_CONFIG_FILE);
    const char *path = setup->app->paths.config_file, *uri = setup->signing.info->uri;
    enum sg_rc rc = sg_conf_read(path, &text, err);

    if (rc == SG_OK)
        rc = sg_conf_set(&text, "sign", "key", &uri, 1, err);
    return rc == SG_OK ? sg_conf_write(path, &text, err) : rc;
}

static enum sg_rc record(struct setup *setup, struct sg_err *err)
{
    const struct sg_ledger_entry entry = {.event = "setup",
                                          .code = "",
                                          .token = setup->signing.info->token->serial,
                                          .key = setup->signing.cert_sha256,
                                          .object = setup->signing.info->uri,
                                          .detail = "a trial page was signed and judged"};

    return sg_ledger_append(setup->signing.store, &entry, err);
}

static json_t *warnings_json(const struct setup *setup, const struct sg_trial *trial)
{
    json_t *list = json_array();

    for (size_t i = 0; i < setup->signing.warning_count; i++)
        (void)json_array_append_new(list, json_pack("{s:s, s:o}", "code", setup->signing.warnings[i].code, "text",
                                                    sg_json_text(setup->signing.warnings[i].text)));
    if (trial->revocation_missing)
        (void)json_array_append_new(
            list, json_pack("{s:s, s:o}", "code", "revocation-missing", "text", sg_json_text(trial->missing)));
    return list;
}

static enum sg_rc say_ready(struct setup *setup, const struct sg_trial *trial, struct sg_err *err)
{
    const struct sg_voice *voice = &setup->app->voice;
    const struct sg_signing *signing = &setup->signing;
    char until[SG_TIME_TEXT];

    if (trial->revocation_missing)
        sg_warn(voice, "revocation-missing", "%s", trial->missing);
    sg_say(voice, _("Ready: \"signet sign\" signs as %s, until %s."), signing->subject,
           sg_time_text(trial->until, until));
    if (!voice->json)
        return SG_OK;
    json_t *object =
        json_pack("{s:s, s:o, s:{s:o, s:o, s:s, s:s}, s:s, s:O, s:s?, s:o, s:o}", "schema", "signet.setup/1", "key",
                  sg_json_text(signing->info->uri), "signer", "subject", sg_json_text(signing->subject), "issuer",
                  sg_json_text(signing->issuer), "serial", signing->serial, "sha256", signing->cert_sha256, "custody",
                  sg_custody_text(signing->custody), "anchors_added", setup->anchors, "profile_signer",
                  setup->profile ? setup->profile->signer_sha256 : NULL, "until", sg_json_time(trial->until),
                  "warnings", warnings_json(setup, trial));
    return sg_json_print(voice, object) ? SG_OK : sg_fail_memory(err);
}

static enum sg_rc choose_key(struct setup *setup, struct sg_err *err)
{
    const struct sg_signing_options nothing_allowed = {0};
    struct sg_signing *signing = &setup->signing;
    enum sg_rc rc = sg_signing_choose(setup->app, signing, err);

    if (rc == SG_OK)
        rc = sg_signing_check(setup->app, &nothing_allowed, signing, err);
    if (rc != SG_OK)
        return rc;
    sg_say(&setup->app->voice, _("Token: %s (serial %s)"), signing->info->token->label, signing->info->token->serial);
    sg_say(&setup->app->voice, _("Key: %s %d bits, %s"), signing->info->type, signing->info->bits, signing->info->uri);
    sg_say(&setup->app->voice, _("Its certificate: %s"), signing->subject);
    sg_say(&setup->app->voice, "  SHA-256 %s", signing->cert_sha256);
    return SG_OK;
}

static enum sg_rc set_up(struct setup *setup, struct sg_err *err)
{
    const char *path = sg_args_value(setup->args, "profile");
    struct sg_trial trial = {0};
    enum sg_rc rc = path ? take_profile(setup, path, err) : SG_OK;

    if (rc == SG_OK && path) { /* which may have named other modules */
        sg_signing_clear(&setup->signing);
        rc = sg_signing_open(setup->app, &setup->signing, err);
    }
    if (rc == SG_OK)
        rc = choose_key(setup, err);
    if (rc == SG_OK && !path)
        rc = offer_anchor(setup, err);
    if (rc == SG_OK)
        rc = sg_check_cancelled(err);
    if (rc == SG_OK)
        rc = sg_signing_unlock(setup->app, &setup->signing, err);
    if (rc == SG_OK)
        rc = sg_trial_run(setup->app, &setup->signing, &trial, err);
    if (rc == SG_OK)
        rc = record(setup, err);
    if (rc == SG_OK)
        rc = sg_check_cancelled(err);
    if (rc == SG_OK)
        rc = write_key(setup, err);
    return rc == SG_OK ? say_ready(setup, &trial, err) : rc;
}

static int run(struct sg_app *app, const struct sg_args *args)
{
    _cleanup_(json_decrefp) json_t *anchors = json_array();
    struct setup setup = {.app = app, .args = args, .anchors = anchors};
    struct sg_err err, second;
    int status = 0;

    if (sg_signing_open(app, &setup.signing, &err) != SG_OK || set_up(&setup, &err) != SG_OK) {
        status = sg_complain(&app->voice, &err);
        if (setup.signing.store && sg_signing_record_failure(&setup.signing, "setup", &err, &second) != SG_OK)
            status = sg_exit_worse(status, sg_complain(&app->voice, &second));
    }
    sg_signing_clear(&setup.signing);
    sg_profile_free(setup.profile);
    return status;
}

const struct sg_command sg_command_setup = {
    .name = "setup",
    .summary = N_("find the token, choose the key, trust its anchor, and try it all"),
    .arguments = "",
    .options = options,
    .takes_pin = true,
    .run = run,
};
