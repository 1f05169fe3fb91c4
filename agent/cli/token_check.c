/* signet token check: whether a token and its keys are as they should be, and until when. */
#include "cli/token_check.h"

#include <string.h>

#include "base/crypto.h"
#include "base/msg.h"
#include "cli/commands.h"
#include "cli/login.h"
#include "cli/token_work.h"
#include "store/snapshot.h"

struct token_check {
    struct sg_app *app;
    struct sg_store *store;
    struct sg_snapshot *snapshot;
    struct sg_tokens *tokens;
    const char *uri; /* NULL: all tokens */
};

static void token_check_clear(struct token_check *check)
{
    sg_tokens_free(check->tokens);
    sg_snapshot_free(check->snapshot);
    sg_store_free(check->store);
}

/* --- the token ---------------------------------------------------------------------------------------------------- */

static enum sg_rc check_retired(const struct token_check *check, const struct sg_token_info *info,
                                struct sg_findings *findings, bool *ret_retired, struct sg_err *err)
{
    int64_t when = INT64_MIN;
    char time[SG_TIME_TEXT];
    enum sg_rc rc = sg_store_token_retired(check->store, info->serial, &when, err);

    if (rc != SG_OK)
        return rc;
    *ret_retired = when != INT64_MIN;
    if (*ret_retired)
        sg_find(findings, SG_CHECK_RETIRED, SG_FOUND_WRONG,
                _("The token was retired at %s, and its keys are not used; bring it to the security officer."),
                sg_time_text(when, time));
    else
        sg_find(findings, SG_CHECK_RETIRED, SG_FOUND_OK, "%s", _("The token was not retired on this computer."));
    return SG_OK;
}

/* `before` the login, which sets the count of wrong PINs back. */
static void check_pin(enum sg_pin_state before, bool logged_in, struct sg_findings *findings)
{
    static const char *const texts[] = {
        [SG_PIN_COUNT_LOW] = N_("A wrong PIN was given; few tries are left. The right one sets the count back."),
        [SG_PIN_FINAL_TRY] = N_("Only one try is left; make sure of the PIN, or have it unblocked."),
        [SG_PIN_LOCKED] = N_("Locked; the security officer can unblock it: signet token unblock."),
        [SG_PIN_NOT_SET] = N_("Not set yet; the security officer sets it: signet token unblock."),
        [SG_PIN_TO_BE_CHANGED] = N_("Has to be changed before it can be used: signet token pin."),
    };
    bool spent = before == SG_PIN_COUNT_LOW || before == SG_PIN_FINAL_TRY;

    if (before == SG_PIN_OK)
        sg_find(findings, SG_CHECK_PIN, SG_FOUND_OK, "%s", _("No wrong PIN since the last right one."));
    else if (spent && logged_in)
        sg_find(findings, SG_CHECK_PIN, SG_FOUND_OK, "%s",
                _("A wrong PIN was given before; the right one has set the count back now."));
    else
        sg_find(findings, SG_CHECK_PIN, SG_FOUND_WRONG, "%s", _(texts[before]));
}

/* What keeps a PIN from the token is a finding; a wrong PIN, or a token that fails, ends the command. */
static bool is_finding(enum sg_rc rc)
{
    return rc == SG_E_PIN_REQUIRED || rc == SG_E_PIN_LOCKED || rc == SG_E_PIN_FINAL_TRY || rc == SG_E_PIN_INTERLOCK ||
           rc == SG_E_PIN_TO_BE_CHANGED;
}

/* A token that was retired gets no PIN: it may be somebody else's by now. */
static enum sg_rc log_in(const struct token_check *check, struct sg_token *token, bool retired,
                         struct sg_findings *findings, bool *ret_logged_in, struct sg_err *err)
{
    const struct sg_token_info *info = sg_token_info(token);
    enum sg_pin_state before = info->pin_state;
    struct sg_err why;
    enum sg_rc rc = SG_E_POLICY;

    if (retired)
        (void)sg_fail(&why, rc, "%s", _("Retired."));
    else if (info->login_required && before == SG_PIN_NOT_SET)
        rc = sg_fail(&why, SG_E_PIN_REQUIRED, "%s", _("The token has no PIN yet."));
    else
        rc = sg_app_login(check->app, token, check->uri, &why);
    if (rc != SG_OK && !retired && !is_finding(rc)) {
        *err = why;
        return rc;
    }
    *ret_logged_in = rc == SG_OK;
    if (info->login_required)
        check_pin(rc == SG_E_PIN_TO_BE_CHANGED ? SG_PIN_TO_BE_CHANGED : before, rc == SG_OK, findings);
    if (rc != SG_OK)
        sg_find(findings, SG_CHECK_NOT_CHECKED, SG_FOUND_UNKNOWN,
                _("Whether the token keeps its private keys and whether they work was not checked, since nobody logged "
                  "in: %s"),
                why.text);
    return SG_OK;
}

/* --- its keys ----------------------------------------------------------------------------------------------------- */

static enum sg_rc make_verifier(const struct token_check *check, STACK_OF(X509) *helpers, struct sg_verifier **ret,
                                struct sg_err *err)
{
    const struct sg_verifier_options options = {.libctx = check->app->libctx,
                                                .log = &check->app->log,
                                                .snapshot = check->snapshot,
                                                .intermediates = helpers,
                                                .revocation = SG_REVOCATION_HARD,
                                                .at = SG_TIME_NONE,
                                                .clock = check->app->clock,
                                                .policy = {.max_depth = -1}};

    return sg_verifier_new(&options, ret, err);
}

/* What is about the key; a token that is gone, or a module that does not answer, ends the command. */
static bool is_about_key(enum sg_rc rc)
{
    return rc == SG_E_CUSTODY || rc == SG_E_NO_KEY || rc == SG_E_KEY_AMBIGUOUS || rc == SG_E_TOKEN_FAILED;
}

/* All of them, before the first is used. */
static enum sg_rc inspect(struct sg_key_check *keys, size_t count, struct sg_err *err)
{
    for (size_t i = 0; i < count; i++) {
        struct sg_err *inspection = &keys[i].inspection;
        if (sg_token_key_inspect(keys[i].key, SG_FOR_ANYTHING, inspection) == SG_OK)
            *inspection = (struct sg_err){.rc = SG_OK};
        else if (!is_about_key(inspection->rc)) {
            *err = *inspection;
            return err->rc;
        }
    }
    return SG_OK;
}

/* Says what was found of them, or appends it to `list`. */
static enum sg_rc tell_key(const struct sg_key_check *key, const struct sg_voice *voice, json_t *list,
                           enum sg_found *worst, struct sg_err *err)
{
    if (key->findings.worst > *worst)
        *worst = key->findings.worst;
    sg_key_check_say(key, voice);
    return json_array_append_new(list, sg_key_check_json(key)) == 0 ? SG_OK : sg_fail_memory(err);
}

static enum sg_rc check_keys(const struct token_check *check, struct sg_key_check *keys, size_t count, bool logged_in,
                             json_t *list, enum sg_found *worst, struct sg_err *err)
{
    enum sg_rc rc = logged_in ? inspect(keys, count, err) : SG_OK;

    for (size_t i = 0; rc == SG_OK && i < count; i++) {
        rc = sg_key_check_run(&keys[i], err);
        if (rc == SG_OK)
            rc = tell_key(&keys[i], &check->app->voice, list, worst, err);
        sg_key_check_clear(&keys[i]);
        if (rc == SG_OK)
            rc = sg_check_cancelled(err);
    }
    return rc;
}

/* The token's keys among those in `found`. */
static enum sg_rc gather(const struct token_check *check, struct sg_token *token, const struct sg_key_list *found,
                         struct sg_verifier *verifier, bool logged_in, struct sg_key_check **ret, size_t *ret_count,
                         struct sg_err *err)
{
    struct sg_key_check *keys = calloc(sg_key_list_count(found) + 1, sizeof(*keys));
    size_t count = 0;

    if (!keys)
        return sg_fail_memory(err);
    for (size_t i = 0; i < sg_key_list_count(found); i++) {
        struct sg_token_key *key = sg_key_list_get(found, i);
        if (sg_token_key_token(key) == token)
            keys[count++] = (struct sg_key_check){.app = check->app,
                                                  .store = check->store,
                                                  .verifier = verifier,
                                                  .key = key,
                                                  .info = sg_token_key_info(key),
                                                  .logged_in = logged_in};
    }
    *ret = keys;
    *ret_count = count;
    return SG_OK;
}

/* --- all together ------------------------------------------------------------------------------------------------- */

static void find_no_key(const struct token_check *check, bool logged_in, struct sg_findings *findings)
{
    if (!logged_in)
        sg_find(findings, SG_CHECK_KEYS, SG_FOUND_UNKNOWN, "%s", _("No such key can be seen without the PIN."));
    else if (check->uri)
        sg_find(findings, SG_CHECK_KEYS, SG_FOUND_WRONG,
                _("The token has no key that fits %s; signet token show lists what there is, and signet token keygen "
                  "makes one."),
                check->uri);
    else
        sg_find(findings, SG_CHECK_KEYS, SG_FOUND_WRONG, "%s",
                _("The token has no key; signet token keygen makes one."));
}

/* A login shows more keys than were there before. */
static enum sg_rc look(const struct token_check *check, struct sg_token *token, bool logged_in,
                       struct sg_findings *findings, json_t *list, enum sg_found *worst, struct sg_err *err)
{
    _cleanup_(sg_x509_stack_freep) STACK_OF(X509) *helpers = sk_X509_new_null();
    _cleanup_(sg_verifier_freep) struct sg_verifier *verifier = NULL;
    _cleanup_(sg_key_list_freep) struct sg_key_list *found = NULL;
    _cleanup_(freep) struct sg_key_check *keys = NULL;
    size_t count = 0;
    enum sg_rc rc = helpers ? sg_keys_find(check->tokens, check->uri, &found, err) : sg_fail_memory(err);

    if (rc == SG_OK)
        rc = sg_token_certificates(token, NULL, helpers, err);
    if (rc == SG_OK)
        rc = make_verifier(check, helpers, &verifier, err);
    if (rc == SG_OK)
        rc = gather(check, token, found, verifier, logged_in, &keys, &count, err);
    if (rc != SG_OK)
        return rc;
    if (count == 0)
        find_no_key(check, logged_in, findings);
    *worst = findings->worst;
    sg_findings_say(findings, &check->app->voice, "  ");
    return check_keys(check, keys, count, logged_in, list, worst, err);
}

static enum sg_rc check_token(const struct token_check *check, struct sg_token *token, enum sg_found *worst,
                              struct sg_err *err)
{
    const struct sg_token_info *info = sg_token_info(token);
    const struct sg_voice *voice = &check->app->voice;
    _cleanup_(sg_findings_clear) struct sg_findings findings = {0};
    _cleanup_(json_decrefp) json_t *list = json_array();
    bool retired = false, logged_in = false;
    enum sg_found of_token = SG_FOUND_OK;
    enum sg_rc rc = list ? sg_findings_init(&findings, err) : sg_fail_memory(err);

    if (rc == SG_OK)
        rc = check_retired(check, info, &findings, &retired, err);
    if (rc == SG_OK)
        rc = log_in(check, token, retired, &findings, &logged_in, err);
    if (rc != SG_OK)
        return rc;
    sg_say(voice, _("%s (serial %s)"), info->label[0] ? info->label : _("(no label)"), info->serial);
    rc = look(check, token, logged_in, &findings, list, &of_token, err);
    if (rc == SG_OK && findings.incomplete)
        rc = sg_fail_memory(err);
    if (rc != SG_OK)
        return rc;
    if (of_token > *worst)
        *worst = of_token;
    json_t *object = json_pack("{s:s, s:o, s:o, s:b, s:s, s:O, s:O}", "schema", "signet.token-check/1", "uri",
                               sg_json_text(info->uri), "token", sg_token_work_json(info), "logged_in", logged_in,
                               "result", sg_found_text(of_token), "findings", findings.list, "keys", list);
    return sg_json_print(voice, object) ? SG_OK : sg_fail_memory(err);
}

/* Also one token of which no key can be seen yet. */
static enum sg_rc find_tokens(const struct token_check *check, struct sg_token ***ret, size_t *ret_count,
                              struct sg_err *err)
{
    enum sg_rc rc = sg_tokens_meant(check->tokens, check->uri, ret, ret_count, err);

    if (rc != SG_E_NO_TOKEN || !check->uri)
        return rc;
    struct sg_token **one = calloc(1, sizeof(*one));
    if (!one)
        return sg_fail_memory(err);
    rc = sg_token_find(check->tokens, check->uri, one, err);
    if (rc != SG_OK) {
        free(one);
        return rc;
    }
    *ret = one;
    *ret_count = 1;
    return SG_OK;
}

static enum sg_rc check_all(struct token_check *check, enum sg_found *worst, struct sg_err *err)
{
    _cleanup_(freep) struct sg_token **meant = NULL;
    size_t count = 0;
    enum sg_rc rc = sg_app_store(check->app, &check->store, err);

    if (rc == SG_OK)
        rc = sg_snapshot_open(check->app->paths.state, check->app->libctx, &check->snapshot, err);
    if (rc == SG_OK)
        rc = sg_app_tokens(check->app, &check->tokens, err);
    if (rc == SG_OK)
        rc = find_tokens(check, &meant, &count, err);
    if (rc == SG_OK && count > 1 && check->app->pin_fd >= 0)
        rc = sg_fail(err, SG_E_USAGE, _("--pin-fd has the PIN of one token, and there are %zu; name it by its URI."),
                     count);
    for (size_t i = 0; rc == SG_OK && i < count; i++)
        rc = check_token(check, meant[i], worst, err);
    return rc;
}

static int run(struct sg_app *app, const struct sg_args *args)
{
    _cleanup_(token_check_clear) struct token_check check = {
        .app = app, .uri = sg_args_file_count(args) > 0 ? sg_args_file(args, 0) : NULL};
    enum sg_found worst = SG_FOUND_OK;
    struct sg_err err;

    if (check_all(&check, &worst, &err) != SG_OK)
        return sg_complain(&app->voice, &err);
    return worst == SG_FOUND_OK ? 0 : 1;
}

const struct sg_command sg_command_token_check = {
    .name = "token",
    .sub = "check",
    .summary = N_("check a token's keys and certificates, try them, and say until when they are good"),
    .arguments = "[URI]",
    .max_arguments = 1,
    .takes_pin = true,
    .run = run,
};
