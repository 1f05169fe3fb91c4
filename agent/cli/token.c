/* signet token list, token show: what is there. */
#include <string.h>

#include "base/crypto.h"
#include "base/msg.h"
#include "cli/commands.h"
#include "cli/login.h"
#include "cli/signing.h"
#include "cli/token_work.h"

static const char *pin_state_word(enum sg_pin_state state)
{
    static const char *const words[] = {
        [SG_PIN_OK] = "ok",         [SG_PIN_COUNT_LOW] = "count-low", [SG_PIN_FINAL_TRY] = "final-try",
        [SG_PIN_LOCKED] = "locked", [SG_PIN_NOT_SET] = "not-set",     [SG_PIN_TO_BE_CHANGED] = "to-be-changed"};

    return words[state];
}

static const char *pin_state_text(enum sg_pin_state state)
{
    switch (state) {
    case SG_PIN_OK:
        return _("no wrong PIN since the last right one");
    case SG_PIN_COUNT_LOW:
        return _("a wrong PIN was entered; few tries are left");
    case SG_PIN_FINAL_TRY:
        return _("only one try is left");
    case SG_PIN_LOCKED:
        return _("locked; the security officer can unblock it");
    case SG_PIN_NOT_SET:
        return _("not set yet");
    case SG_PIN_TO_BE_CHANGED:
        return _("has to be changed before it can be used");
    }
    return "";
}

/* The object that both commands print; `show` adds the keys. */
static json_t *token_json(const struct sg_token_info *info, const char *schema)
{
    return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:b, s:b, s:b, s:s, s:o}", "schema", schema, "uri",
                     sg_json_text(info->uri), "label", sg_json_text(info->label), "serial", sg_json_text(info->serial),
                     "manufacturer", sg_json_text(info->manufacturer), "model", sg_json_text(info->model), "module",
                     sg_json_text(info->module), "initialized", info->initialized, "login_required",
                     info->login_required, "pin_pad", info->pin_pad, "write_protected", info->write_protected, "pin",
                     pin_state_word(info->pin_state), "pin_as_of",
                     info->seen_at ? sg_json_time(info->seen_at) : json_null());
}

static enum sg_rc print_json(const struct sg_voice *voice, json_t *object, struct sg_err *err)
{
    return sg_json_print(voice, object) ? SG_OK : sg_fail_memory(err);
}

static void say_token(const struct sg_voice *voice, const struct sg_token_info *info)
{
    char seen_at[SG_TIME_TEXT], as_of[64] = "";

    if (info->seen_at)
        (void)snprintf(as_of, sizeof(as_of), _(", as of %s"), sg_time_text(info->seen_at, seen_at));
    sg_say(voice, "%s", info->label[0] ? info->label : _("(no label)"));
    sg_say(voice, "  %s", info->uri);
    if (info->serial[0])
        sg_say(voice, _("  serial %s, %s %s, module %s"), info->serial, info->manufacturer, info->model, info->module);
    else
        sg_say(voice, _("  %s %s, module %s"), info->manufacturer, info->model, info->module);
    if (!info->initialized)
        sg_say(voice, _("  not initialised"));
    else
        sg_say(voice, _("  PIN: %s%s%s"), pin_state_text(info->pin_state),
               info->pin_pad ? _("; entered on the reader") : "", as_of);
}

/* What only shows may be as old as the cards in the readers. */
static void choose_listing(struct sg_app *app, const struct sg_args *args)
{
    app->listing = sg_args_flag(args, "fresh") ? SG_LIST_AND_KEEP : SG_LIST_KEPT;
}

static const struct sg_option show_options[] = {
    {.name = "fresh", .help = N_("read cards anew, also those that nobody took out since they were read last")},
    {.name = NULL},
};

/* --- list ------------------------------------------------------------------------------------------------------------
 */

static enum sg_rc list(struct sg_app *app, struct sg_err *err)
{
    _cleanup_(sg_tokens_freep) struct sg_tokens *tokens = NULL;
    enum sg_rc rc = sg_app_tokens(app, &tokens, err);

    if (rc == SG_OK && sg_tokens_count(tokens) == 0)
        rc = sg_tokens_fail_none(tokens, NULL, err);
    for (size_t i = 0; rc == SG_OK && i < sg_tokens_count(tokens); i++) {
        const struct sg_token_info *info = sg_token_info(sg_tokens_get(tokens, i));
        if (app->voice.json)
            rc = print_json(&app->voice, token_json(info, "signet.token-list/1"), err);
        else
            say_token(&app->voice, info);
        sg_warn_few_tries(&app->voice, info);
    }
    return rc;
}

static int run_list(struct sg_app *app, const struct sg_args *args)
{
    struct sg_err err;

    choose_listing(app, args);
    return list(app, &err) == SG_OK ? 0 : sg_complain(&app->voice, &err);
}

const struct sg_command sg_command_token_list = {
    .name = "token",
    .sub = "list",
    .summary = N_("list the tokens that are there"),
    .arguments = "",
    .options = show_options,
    .run = run_list,
};

/* --- show ------------------------------------------------------------------------------------------------------------
 */

/* What `show` tells of a key. */
struct shown {
    const struct sg_key_info *info;
    char *subject, *issuer, *serial;
    char sha256[SG_SHA256_HEX];
    int64_t not_before, not_after;
    const char *custody; /* NULL: not logged in */
};

static void shown_clear(struct shown *shown)
{
    free(shown->subject);
    free(shown->issuer);
    free(shown->serial);
}

static enum sg_rc read_certificate(struct sg_app *app, struct shown *shown, struct sg_err *err)
{
    X509 *cert = shown->info->cert;

    if (!cert)
        return SG_OK;
    if (!sg_time_from_asn1(X509_get0_notBefore(cert), &shown->not_before) ||
        !sg_time_from_asn1(X509_get0_notAfter(cert), &shown->not_after))
        return sg_fail(err, SG_E_MALFORMED, _("The validity of the certificate of %s cannot be read."),
                       shown->info->uri);
    enum sg_rc rc = sg_cert_sha256(app->libctx, cert, shown->sha256, err);
    if (rc == SG_OK)
        rc = sg_name_text(X509_get_subject_name(cert), &shown->subject, err);
    if (rc == SG_OK)
        rc = sg_name_text(X509_get_issuer_name(cert), &shown->issuer, err);
    if (rc == SG_OK)
        rc = sg_serial_text(X509_get0_serialNumber(cert), &shown->serial, err);
    return rc;
}

/* After login. A value that can be read is refused whatever the attributes say. */
static enum sg_rc read_custody(struct sg_app *app, struct sg_store *store, struct sg_token_key *key,
                               struct shown *shown, struct sg_err *err)
{
    char spki[SG_SHA256_HEX];
    struct sg_custody_rules rules = {0};
    struct sg_err inspection;
    enum sg_rc rc = sg_custody_rules_for(app, store, key, spki, &rules, err);

    if (rc != SG_OK && rc != SG_E_NO_CERTIFICATE)
        return rc;
    if (sg_token_key_inspect(key, SG_FOR_ANYTHING, &inspection) == SG_OK)
        shown->custody = sg_custody_text(sg_custody_basis_of(&shown->info->attributes, &rules));
    else if (inspection.rc == SG_E_CUSTODY)
        shown->custody = sg_custody_text(SG_CUSTODY_REFUSED);
    return SG_OK;
}

static json_t *key_json(const struct shown *shown)
{
    const struct sg_key_info *info = shown->info;
    json_t *certificate = json_null();

    if (info->cert)
        certificate =
            json_pack("{s:o, s:o, s:s, s:s, s:o, s:o}", "subject", sg_json_text(shown->subject), "issuer",
                      sg_json_text(shown->issuer), "serial", shown->serial, "sha256", shown->sha256, "not_before",
                      sg_json_time(shown->not_before), "not_after", sg_json_time(shown->not_after));
    return json_pack("{s:o, s:s, s:i, s:s?, s:o, s:s, s:s?, s:o}", "uri", sg_json_text(info->uri), "type", info->type,
                     "bits", info->bits, "curve", info->curve, "label", sg_json_text(info->label), "id", info->id,
                     "custody", shown->custody, "certificate", certificate);
}

static void say_key(const struct sg_voice *voice, const struct shown *shown)
{
    const struct sg_key_info *info = shown->info;
    char from[SG_TIME_TEXT], to[SG_TIME_TEXT];

    sg_say(voice, _("  key %s, id %s: %s, %d bits"), info->label, info->id, info->curve ? info->curve : info->type,
           info->bits);
    sg_say(voice, "    %s", info->uri);
    if (info->cert) {
        sg_say(voice, _("    certificate of %s, issued by %s, serial %s"), shown->subject, shown->issuer,
               shown->serial);
        sg_say(voice, _("    from %s to %s, SHA-256 %s"), sg_time_text(shown->not_before, from),
               sg_time_text(shown->not_after, to), shown->sha256);
    } else {
        sg_say(voice, _("    no certificate on the token"));
    }
    sg_say(voice, _("    custody: %s"), shown->custody ? shown->custody : _("not logged in: unknown"));
}

/* `store` is there after login only. */
static enum sg_rc show_key(struct sg_app *app, struct sg_store *store, struct sg_token_key *key, json_t *keys,
                           struct sg_err *err)
{
    _cleanup_(shown_clear) struct shown shown = {.info = sg_token_key_info(key)};
    enum sg_rc rc = read_certificate(app, &shown, err);

    if (rc == SG_OK && store)
        rc = read_custody(app, store, key, &shown, err);
    if (rc != SG_OK)
        return rc;
    if (!app->voice.json)
        say_key(&app->voice, &shown);
    else if (json_array_append_new(keys, key_json(&shown)) != 0)
        return sg_fail_memory(err);
    return SG_OK;
}

static enum sg_rc show_token(struct sg_app *app, struct sg_store *store, struct sg_token *token,
                             const struct sg_key_list *list, struct sg_err *err)
{
    const struct sg_token_info *info = sg_token_info(token);
    _cleanup_(json_decrefp) json_t *object = token_json(info, "signet.token/1");
    json_t *keys = json_array();
    enum sg_rc rc = SG_OK;

    if (json_object_set_new(object, "keys", keys) != 0)
        return sg_fail_memory(err);
    if (!app->voice.json)
        say_token(&app->voice, info);
    sg_warn_few_tries(&app->voice, info);
    for (size_t i = 0; i < sg_key_list_count(list) && rc == SG_OK; i++) {
        struct sg_token_key *key = sg_key_list_get(list, i);
        if (sg_token_key_token(key) == token)
            rc = show_key(app, store, key, keys, err);
    }
    return rc == SG_OK ? print_json(&app->voice, sg_steal(object), err) : rc;
}

/* Initialised, and named by the URI that `list` prints, or by one that fits a key of it. */
static bool is_meant(struct sg_token *token, const struct sg_key_list *list, const char *uri)
{
    if (!uri || strcmp(sg_token_info(token)->uri, uri) == 0)
        return sg_token_info(token)->initialized;
    for (size_t i = 0; i < sg_key_list_count(list); i++)
        if (sg_token_key_token(sg_key_list_get(list, i)) == token)
            return true;
    return false;
}

/* A PIN is for one token, and is tried on no other. */
static enum sg_rc login_to_one(struct sg_app *app, const char *uri, struct sg_token *const *meant, size_t count,
                               struct sg_err *err)
{
    if (count > 1)
        return sg_fail(err, SG_E_USAGE, _("--pin-fd has the PIN of one token, and there are %zu; name it by its URI."),
                       count);
    return sg_app_login(app, meant[0], uri, err);
}

enum sg_rc sg_tokens_meant(struct sg_tokens *tokens, const char *uri, struct sg_token ***ret, size_t *ret_count,
                           struct sg_err *err)
{
    _cleanup_(sg_key_list_freep) struct sg_key_list *list = NULL;
    enum sg_rc rc = sg_keys_find(tokens, uri, &list, err);

    if (rc != SG_OK)
        return rc;
    _cleanup_(freep) struct sg_token **meant = calloc(sg_tokens_count(tokens) + 1, sizeof(struct sg_token *));
    size_t count = 0;
    if (!meant)
        return sg_fail_memory(err);
    for (size_t i = 0; i < sg_tokens_count(tokens); i++)
        if (is_meant(sg_tokens_get(tokens, i), list, uri))
            meant[count++] = sg_tokens_get(tokens, i);
    if (count == 0)
        return uri ? sg_fail(err, SG_E_NO_TOKEN, _("No token or key that is there fits %s."), uri)
                   : sg_tokens_fail_none(tokens, NULL, err);
    *ret = sg_steal(meant);
    *ret_count = count;
    return SG_OK;
}

static enum sg_rc show(struct sg_app *app, const char *uri, struct sg_err *err)
{
    _cleanup_(sg_tokens_freep) struct sg_tokens *tokens = NULL;
    _cleanup_(sg_key_list_freep) struct sg_key_list *list = NULL;
    _cleanup_(sg_store_freep) struct sg_store *store = NULL;
    _cleanup_(freep) struct sg_token **meant = NULL;
    size_t count = 0;
    enum sg_rc rc = sg_app_tokens(app, &tokens, err);

    if (rc == SG_OK)
        rc = sg_tokens_meant(tokens, uri, &meant, &count, err);
    if (rc == SG_OK && app->pin_fd >= 0) {
        rc = login_to_one(app, uri, meant, count, err);
        if (rc == SG_OK)
            rc = sg_app_store(app, &store, err); /* which keys the ledger saw being made */
    }
    if (rc == SG_OK) /* a login shows more */
        rc = sg_keys_find(tokens, uri, &list, err);
    for (size_t i = 0; i < count && rc == SG_OK; i++)
        rc = show_token(app, store, meant[i], list, err);
    return rc;
}

static int run_show(struct sg_app *app, const struct sg_args *args)
{
    struct sg_err err;
    const char *uri = sg_args_file_count(args) > 0 ? sg_args_file(args, 0) : NULL;

    choose_listing(app, args);
    return show(app, uri, &err) == SG_OK ? 0 : sg_complain(&app->voice, &err);
}

const struct sg_command sg_command_token_show = {
    .name = "token",
    .sub = "show",
    .summary = N_("show the keys and certificates on a token; with --pin-fd also in whose custody they are"),
    .arguments = "[URI]",
    .max_arguments = 1,
    .options = show_options,
    .takes_pin = true,
    .run = run_show,
};
