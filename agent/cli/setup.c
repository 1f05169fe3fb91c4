/* signet setup: from a token to the first signature. */
#include <string.h>

#include "base/limits.h"
#include "base/msg.h"
#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/conf_edit.h"
#include "cli/pending.h"
#include "cli/profile.h"
#include "cli/timer.h"
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
    {.name = "enable-timer", .help = N_("have systemd run \"signet sync\" every half hour")},
    {.name = NULL},
};

struct setup {
    struct sg_app *app;
    const struct sg_args *args;
    struct sg_profile *profile; /* NULL: none */
    struct sg_signing signing;
    struct sg_pending pending; /* compared, and written at the end */
};

/* --- comparing ---------------------------------------------------------------------------------------------------- */

/* Shows what is to be compared, and asks. Whoever is asked is shown it, also with --json and --quiet. */
static enum sg_rc compare(struct setup *setup, const char *what, const char *subject, const char *sha256,
                          struct sg_err *err)
{
    const struct sg_voice *voice = &setup->app->voice;
    bool asked = !sg_args_flag(setup->args, "yes");

    sg_say(voice, "%s: %s", what, subject);
    sg_say(voice, "  SHA-256 %s", sha256);
    if (asked && (voice->json || voice->quiet)) {
        sg_ask_show("%s: %s", what, subject);
        sg_ask_show("  SHA-256 %s", sha256);
    }
    if (!asked)
        return SG_OK;
    return sg_ask_yes(_("Is this the SHA-256 that you were told? [y/N]"),
                      _("Somebody has to compare the SHA-256, and there is no terminal to ask on; use --yes if that "
                        "has been done."),
                      err);
}

/* --- with a profile ----------------------------------------------------------------------------------------------- */

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

static void show_limits(const struct sg_voice *voice, const char *limits)
{
    for (size_t line; (line = strcspn(limits, "\n")) > 0; limits += line + 1)
        sg_say(voice, "    %.*s", (int)line, limits);
}

static void show_profile(const struct setup *setup, const char *path)
{
    const struct sg_voice *voice = &setup->app->voice;

    sg_say(voice,
           json_object_size(setup->profile->config) > 0 ? _("The profile %s sets:")
                                                        : _("The profile %s sets nothing in the configuration."),
           path);
    show_config(voice, setup->profile->config);
    sg_say(voice, "%s",
           setup->pending.count > 0 ? _("It has these to be trusted:") : _("It has nothing to be trusted."));
    for (size_t i = 0; i < setup->pending.count; i++) {
        const struct sg_pending_anchor *anchor = &setup->pending.anchors[i];
        sg_say(voice, "  %s (%s%s%s)", anchor->subject, anchor->purposes & SG_PURPOSE_SIGN ? "sign" : "",
               anchor->purposes == SG_PURPOSES_ALL ? ", " : "",
               anchor->purposes & SG_PURPOSE_TIMESTAMP ? "timestamp" : "");
        show_limits(voice, anchor->limits);
        sg_say(voice, "    SHA-256 %s", anchor->sha256);
    }
}

/* Its anchors are vouched for by its signer, who is compared. What it configures is in force from here on, so that the
 * trial is of what will be. */
static enum sg_rc take_profile(struct setup *setup, const char *path, struct sg_err *err)
{
    char source[80];
    enum sg_rc rc = sg_profile_read(setup->app, path, &setup->profile, err);

    if (rc != SG_OK)
        return rc;
    const struct sg_profile *profile = setup->profile;
    (void)snprintf(source, sizeof(source), "profile %s", profile->signer_sha256);
    for (size_t i = 0; i < profile->anchors.count && rc == SG_OK; i++)
        rc = sg_pending_add(setup->app, profile->anchors.items[i].cert, profile->anchors.items[i].purposes,
                            profile->anchors.items[i].limits, source, &setup->pending, err);
    if (rc != SG_OK)
        return rc;
    show_profile(setup, path);
    rc = compare(setup, _("It is signed by"), profile->signer_subject, profile->signer_sha256, err);
    return rc == SG_OK ? sg_profile_apply(profile, path, setup->app->config, err) : rc;
}

/* --- the key ------------------------------------------------------------------------------------------------------ */

/* A key that signet.conf names and that is gone is what setup is for; one that the command line or a profile names is
 * meant as it is. */
static enum sg_rc find_key(struct setup *setup, struct sg_err *err)
{
    struct sg_signing *signing = &setup->signing;
    struct sg_config *config = setup->app->config;
    struct sg_err why;
    enum sg_rc rc = sg_signing_choose(setup->app, signing, &why);

    if (rc == SG_OK)
        return SG_OK;
    bool gone =
        rc == SG_E_NO_KEY || (rc == SG_E_NO_TOKEN && signing->tokens && sg_app_usable_tokens(signing->tokens) > 0);
    if (!gone || !sg_config_text(config, SG_KEY_SIGN_KEY)[0] ||
        sg_config_origin(config, SG_KEY_SIGN_KEY) >= SG_ORIGIN_ENVIRONMENT) {
        *err = why;
        return rc;
    }
    sg_signing_warn(setup->app, signing, "no-key", _("The key that %s names is not there (%s); another is chosen."),
                    sg_config_where(config, SG_KEY_SIGN_KEY), sg_config_text(config, SG_KEY_SIGN_KEY));
    sg_key_list_free(signing->keys);
    signing->keys = NULL;
    rc = sg_config_set(config, SG_KEY_SIGN_KEY, "", SG_ORIGIN_OPTION, "setup", err);
    return rc == SG_OK ? sg_signing_choose(setup->app, signing, err) : rc;
}

static enum sg_rc choose_key(struct setup *setup, struct sg_err *err)
{
    const struct sg_signing_options allowed = {.allow_changed = true};
    struct sg_signing *signing = &setup->signing;
    enum sg_rc rc = find_key(setup, err);

    if (rc == SG_OK)
        rc = sg_signing_check(setup->app, &allowed, signing, err);
    if (rc != SG_OK)
        return rc;
    sg_say(&setup->app->voice, _("Token: %s (serial %s)"), signing->info->token->label, signing->info->token->serial);
    sg_say(&setup->app->voice, _("Key: %s %d bits, %s"), signing->info->type, signing->info->bits, signing->info->uri);
    sg_say(&setup->app->voice, _("Its certificate: %s"), signing->subject);
    sg_say(&setup->app->voice, "  SHA-256 %s", signing->cert_sha256);
    return SG_OK;
}

/* --- its anchor --------------------------------------------------------------------------------------------------- */

/* The last of the key's issuers among `certs`, once it has been compared. */
static enum sg_rc offer_anchor(struct setup *setup, const STACK_OF(X509) *certs, struct sg_err *err)
{
    _cleanup_(sg_x509_stack_freep) STACK_OF(X509) *chain = sk_X509_new_null();
    const struct sg_signing *signing = &setup->signing;
    struct sg_pending *pending = &setup->pending;
    char source[128];

    if (!chain)
        return sg_fail_memory(err);
    enum sg_rc rc = sg_issuers_find(certs, signing->info->cert, true, chain, err);
    if (rc != SG_OK)
        return rc;
    if (setup->profile)
        sg_say(&setup->app->voice, "%s", _("No path leads from it to what the profile has to be trusted."));
    if (sk_X509_num(chain) == 0)
        return sg_fail(err, SG_E_NOT_TRUSTED,
                       _("No path leads from the certificate of %s to an anchor: its issuer, %s, is not on the token. "
                         "Get the certificate of that CA, add it with \"signet trust add\", and run setup again."),
                       signing->subject, signing->issuer);
    (void)snprintf(source, sizeof(source), "token %s", signing->info->token->serial);
    rc = sg_pending_add(setup->app, sk_X509_value(chain, sk_X509_num(chain) - 1), SG_PURPOSE_SIGN, NULL, source,
                        pending, err);
    if (rc != SG_OK)
        return rc;
    const struct sg_pending_anchor *offer = &pending->anchors[pending->count - 1];
    return compare(setup, _("The token has the certificate of the key's issuer"), offer->subject, offer->sha256, err);
}

/* Before a PIN is asked for: without a path to an anchor, what the token has is offered. */
static enum sg_rc find_anchor(struct setup *setup, struct sg_err *err)
{
    _cleanup_(sg_x509_stack_freep) STACK_OF(X509) *certs = sk_X509_new_null();
    _cleanup_(sg_pending_trust_clear) struct sg_pending_trust trust = {0};
    const struct sg_signing *signing = &setup->signing;
    bool has_path = false;

    if (!certs)
        return sg_fail_memory(err);
    enum sg_rc rc = sg_pending_trusted(setup->app, &setup->pending, SG_PURPOSE_SIGN, &trust, err);
    if (rc == SG_OK)
        rc = sg_token_certificates(sg_token_key_token(signing->token_key), NULL, certs, err);
    if (rc == SG_OK)
        rc = sg_trial_has_path(setup->app, signing, &trust, certs, &has_path, err);
    return rc == SG_OK && !has_path ? offer_anchor(setup, certs, err) : rc;
}

static enum sg_rc try_out(struct setup *setup, struct sg_trial *trial, struct sg_err *err)
{
    _cleanup_(sg_pending_trust_clear) struct sg_pending_trust trust = {0};
    enum sg_rc rc = sg_signing_unlock(setup->app, &setup->signing, err);

    if (rc == SG_OK)
        rc = sg_pending_trusted(setup->app, &setup->pending, SG_PURPOSE_SIGN, &trust, err);
    return rc == SG_OK ? sg_trial_run(setup->app, &setup->signing, &trust, trial, err) : rc;
}

/* --- the end: written when all has gone well ---------------------------------------------------------------------- */

/* What signet.conf will be: what the profile sets, and the key with its certificate. */
static enum sg_rc edit_config(const struct setup *setup, struct sg_buf *text, struct sg_err *err)
{
    const char *uri = setup->signing.info->uri, *sha256 = setup->signing.cert_sha256;
    enum sg_rc rc = setup->profile ? sg_profile_configure(setup->profile, text, err) : SG_OK;

    if (rc == SG_OK)
        rc = sg_conf_set(text, "sign", "key", &uri, 1, err);
    return rc == SG_OK ? sg_conf_set(text, "sign", "certificate", &sha256, 1, err) : rc;
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

/* The commit failed: the file becomes what it was. */
static void put_back(const struct setup *setup, const char *path, const struct sg_buf *before, bool existed)
{
    struct sg_err err;

    if (existed ? sg_conf_write(path, before, &err) != SG_OK : unlink(path) != 0)
        sg_log(&setup->app->log, SG_LOG_WARNING, _("%s has been changed already, and could not be put back."), path);
}

/* The file is written within the store's transaction, so that either is there with the other, or neither. */
static enum sg_rc write_all(struct setup *setup, const struct sg_buf *before, const struct sg_buf *after, bool existed,
                            struct sg_err *err)
{
    struct sg_store *store = setup->signing.store;
    const char *path = setup->app->paths.config_file;
    enum sg_rc rc = sg_store_begin(store, err);

    if (rc != SG_OK)
        return rc;
    rc = sg_pending_store(&setup->pending, store, err);
    if (rc == SG_OK)
        rc = record(setup, err);
    if (rc == SG_OK)
        rc = sg_conf_write(path, after, err);
    if (rc != SG_OK) {
        sg_store_rollback(store);
        return rc;
    }
    rc = sg_store_commit(store, err);
    if (rc != SG_OK) {
        put_back(setup, path, before, existed);
        return rc;
    }
    return sg_store_publish(store, err);
}

static enum sg_rc keep(struct setup *setup, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf before = SG_BUF(SG_MAX_CONFIG_FILE), after = SG_BUF(SG_MAX_CONFIG_FILE);
    const char *path = setup->app->paths.config_file;
    bool existed = access(path, F_OK) == 0;
    enum sg_rc rc = sg_conf_read(path, &before, err);

    if (rc == SG_OK)
        rc = sg_buf_append(&after, before.data, before.len, err);
    if (rc == SG_OK)
        rc = edit_config(setup, &after, err);
    if (rc == SG_OK)
        rc = sg_check_cancelled(err);
    if (rc == SG_OK)
        rc = write_all(setup, &before, &after, existed, err);
    for (size_t i = 0; i < setup->pending.count && rc == SG_OK; i++) {
        sg_say(&setup->app->voice, _("Trusted from now on: %s"), setup->pending.anchors[i].subject);
        sg_say(&setup->app->voice, "  SHA-256 %s", setup->pending.anchors[i].sha256);
    }
    return rc;
}

static json_t *anchors_json(const struct setup *setup)
{
    json_t *list = json_array();

    for (size_t i = 0; i < setup->pending.count; i++)
        (void)json_array_append_new(list, json_pack("{s:s, s:o}", "sha256", setup->pending.anchors[i].sha256, "subject",
                                                    sg_json_text(setup->pending.anchors[i].subject)));
    return list;
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
        json_pack("{s:s, s:o, s:{s:o, s:o, s:s, s:s}, s:s, s:o, s:s?, s:o, s:o}", "schema", "signet.setup/1", "key",
                  sg_json_text(signing->info->uri), "signer", "subject", sg_json_text(signing->subject), "issuer",
                  sg_json_text(signing->issuer), "serial", signing->serial, "sha256", signing->cert_sha256, "custody",
                  sg_custody_text(signing->custody), "anchors_added", anchors_json(setup), "profile_signer",
                  setup->profile ? setup->profile->signer_sha256 : NULL, "until", sg_json_time(trial->until),
                  "warnings", warnings_json(setup, trial));
    return sg_json_print(voice, object) ? SG_OK : sg_fail_memory(err);
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
    if (rc == SG_OK)
        rc = find_anchor(setup, err);
    if (rc == SG_OK)
        rc = sg_check_cancelled(err);
    if (rc == SG_OK)
        rc = try_out(setup, &trial, err);
    if (rc == SG_OK)
        rc = keep(setup, err);
    return rc == SG_OK ? say_ready(setup, &trial, err) : rc;
}

/* There is something to sync with. */
static bool has_servers(const struct sg_config *config)
{
    return sg_config_group(config, "target", 0) || sg_config_group(config, "tsa", 0);
}

/* Offered where somebody can be asked; --yes is about what is trusted, and starts nothing. */
static enum sg_rc offer_timer(const struct setup *setup, struct sg_err *err)
{
    const struct sg_voice *voice = &setup->app->voice;
    bool wanted = sg_args_flag(setup->args, "enable-timer");

    if (!wanted && (sg_args_flag(setup->args, "yes") || voice->json || !sg_has_terminal() ||
                    !has_servers(setup->app->config) || !sg_timer_is_possible()))
        return SG_OK;
    if (!wanted && sg_ask_yes(_("Deliver signed documents by itself, every half hour (signet-sync.timer)? [y/N]"), "",
                              NULL) != SG_OK)
        return SG_OK;
    enum sg_rc rc = sg_timer_enable(err);
    if (rc == SG_OK)
        sg_say(voice, "%s", _("From now on \"signet sync\" runs every half hour."));
    return rc;
}

static int run(struct sg_app *app, const struct sg_args *args)
{
    struct setup setup = {.app = app, .args = args};
    struct sg_err err, second;
    int status = 0;

    if (sg_signing_open(app, &setup.signing, &err) != SG_OK || set_up(&setup, &err) != SG_OK) {
        status = sg_signing_complain(app, &setup.signing, &err);
        if (setup.signing.store && sg_signing_record_failure(&setup.signing, "setup", &err, &second) != SG_OK)
            status = sg_exit_worse(status, sg_complain(&app->voice, &second));
    } else if (offer_timer(&setup, &err) != SG_OK) {
        status = sg_complain(&app->voice, &err);
    }
    sg_signing_clear(&setup.signing);
    sg_pending_clear(&setup.pending);
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
