/* signet token delete: a key with its certificate, for good, when told twice. */
#include <stdint.h>
#include <string.h>

#include "base/limits.h"
#include "base/msg.h"
#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/keygen.h"
#include "cli/signing.h"

static const struct sg_option options[] = {
    {.name = "key", .argument = "URI", .help = N_("the key (RFC 7512)")},
    {.name = "yes", .help = N_("the first of two answers, where there is no terminal to ask on")},
    {.name = "really",
     .argument = "SERIAL/ID",
     .help = N_("the second: the token's serial and the key's id, as they are shown")},
    {.name = NULL},
};

/* --- which one ---------------------------------------------------------------------------------------------------- */

static enum sg_rc choose(const struct sg_token_work *work, const char *uri, struct sg_key_list **ret_list,
                         struct sg_err *err)
{
    _cleanup_(sg_key_list_freep) struct sg_key_list *list = NULL;
    _cleanup_(sg_key_list_freep) struct sg_key_list *same = NULL;
    enum sg_rc rc = sg_keys_find(work->tokens, uri, &list, err);

    if (rc != SG_OK)
        return rc;
    size_t count = sg_key_list_count(list);
    if (count == 0)
        rc = sg_fail(err, SG_E_NO_KEY, _("No key on the token fits %s; nothing was deleted."), uri);
    else if (count > 1)
        rc = sg_fail(err, SG_E_KEY_AMBIGUOUS, _("%zu keys fit %s; nothing was deleted. Name one by its own URI."),
                     count, uri);
    else if (!sg_token_key_info(sg_key_list_get(list, 0))->id[0])
        rc = sg_fail(err, SG_E_NOT_SERVED, "%s",
                     _("The key has no id by which it could be told from others; delete it with the token's own "
                       "program."));
    else
        rc = sg_token_work_keys(work, sg_token_key_info(sg_key_list_get(list, 0))->id, &same, err);
    if (rc == SG_OK && sg_key_list_count(same) != 1)
        rc = sg_fail(err, SG_E_KEY_AMBIGUOUS, "%s",
                     _("The token has several keys of this id, which would all be deleted; delete it with the token's "
                       "own program."));
    if (rc == SG_OK)
        *ret_list = sg_steal(list);
    else
        sg_app_about_token(err, work->info);
    return rc;
}

/* --- told twice --------------------------------------------------------------------------------------------------- */

static enum sg_rc subject_of(const struct sg_key_info *info, char **ret, struct sg_err *err)
{
    *ret = NULL;
    return info->cert ? sg_name_text(X509_get_subject_name(info->cert), ret, err) : SG_OK;
}

static enum sg_rc ask_twice(const struct sg_key_info *info, const char *subject, struct sg_err *err)
{
    static const char otherwise[] = N_("A key is deleted only when that is said twice: without a terminal, with --yes "
                                       "and --really SERIAL/ID.");
    _cleanup_(freep) char *question = NULL;

    if (!sg_has_terminal())
        return sg_fail(err, SG_E_NOT_CONFIRMED, "%s", _(otherwise));
    sg_ask_show(_("On the token %s (serial %s) this will be deleted for good:"), info->token->label,
                info->token->serial);
    sg_ask_show(_("  the key \"%s\", id %s, %s %d bits"), info->label, info->id, info->type, info->bits);
    sg_ask_show(_("  %s%s"), subject ? _("with the certificate of ") : _("which has no certificate"),
                subject ? subject : "");
    sg_ask_show("%s", _("Nothing can sign or decrypt with it any more; what was encrypted to it is lost."));
    enum sg_rc rc = sg_ask_yes(_("Delete it? [y/N]"), _(otherwise), err);
    if (rc != SG_OK)
        return rc;
    if (asprintf(&question, _("To make sure, type its id (%s):"), info->id) < 0) {
        question = NULL;
        return sg_fail_memory(err);
    }
    return sg_ask_word(question, info->id, err);
}

static enum sg_rc confirm(const struct sg_args *args, const struct sg_key_info *info, const char *subject,
                          struct sg_err *err)
{
    const char *really = sg_args_value(args, "really");
    _cleanup_(freep) char *meant = NULL;

    if (!sg_args_flag(args, "yes") && !really)
        return ask_twice(info, subject, err);
    if (!sg_args_flag(args, "yes") || !really)
        return sg_fail(err, SG_E_NOT_CONFIRMED, "%s",
                       _("A key is deleted only when that is said twice: --yes and --really belong together."));
    if (asprintf(&meant, "%s/%s", info->token->serial, info->id) < 0) {
        meant = NULL;
        return sg_fail_memory(err);
    }
    if (strcmp(meant, really) != 0)
        return sg_fail(err, SG_E_NOT_CONFIRMED, _("--really names %s, but the key is %s; nothing was deleted."), really,
                       meant);
    return SG_OK;
}

/* --- deleting ----------------------------------------------------------------------------------------------------- */

/* What failed half-way stays open in the ledger, and the next run looks. */
static enum sg_rc delete_key(const struct sg_token_work *work, const struct sg_key_info *info, const char *spki_sha256,
                             const char *detail, struct sg_err *err)
{
    uint8_t id[SG_MAX_KEY_ID];
    struct sg_provision what = {.step = SG_PROVISION_DELETE};
    struct sg_err failure = {0};

    if (!sg_key_id_parse(info->id, id, &what.id))
        return sg_fail(err, SG_E_LIMIT, _("The id of the key %s is too long."), info->uri);
    enum sg_rc rc = sg_token_work_begin(work, "delete", spki_sha256, info->id, detail, err);
    if (rc != SG_OK)
        return rc;
    enum sg_rc deleted = sg_token_provision(work->token, &what, &failure);
    if (deleted == SG_OK || sg_token_work_did_nothing(deleted))
        rc = sg_token_work_end(work, "delete", spki_sha256, info->id, detail, deleted == SG_OK ? NULL : &failure, err);
    if (rc == SG_OK && deleted != SG_OK && err)
        *err = failure;
    return rc == SG_OK ? deleted : rc;
}

static enum sg_rc report(const struct sg_token_work *work, const struct sg_key_info *info, const char *subject,
                         const char *spki_sha256, struct sg_err *err)
{
    sg_say(&work->app->voice, _("Deleted the key \"%s\" (id %s) from the token %s (serial %s)."), info->label, info->id,
           work->info->label, work->info->serial);
    json_t *object =
        json_pack("{s:s, s:o, s:o, s:o, s:s, s:s?, s:o, s:O}", "schema", "signet.token-delete/1", "token",
                  sg_token_work_json(work->info), "uri", sg_json_text(info->uri), "label", sg_json_text(info->label),
                  "id", info->id, "spki_sha256", spki_sha256[0] ? spki_sha256 : NULL, "subject", sg_json_text(subject),
                  "interrupted", work->interrupted);
    return sg_json_print(&work->app->voice, object) ? SG_OK : sg_fail_memory(err);
}

static enum sg_rc delete_it(struct sg_app *app, const struct sg_args *args, struct sg_err *err)
{
    _cleanup_(sg_token_work_clear) struct sg_token_work work = {0};
    _cleanup_(sg_key_list_freep) struct sg_key_list *list = NULL;
    _cleanup_(freep) char *subject = NULL;
    char spki_sha256[SG_SHA256_HEX] = "";
    const char *uri = sg_args_value(args, "key");

    if (!uri)
        return sg_fail(err, SG_E_USAGE, "%s",
                       _("Name the key with --key and its URI, which signet token show prints."));
    enum sg_rc rc = sg_token_work_open(app, uri, &work, err);
    if (rc == SG_OK)
        rc = choose(&work, uri, &list, err);
    if (rc != SG_OK)
        return rc;
    const struct sg_key_info *info = sg_token_key_info(sg_key_list_get(list, 0));
    rc = sg_key_sha256(app, sg_key_list_get(list, 0), spki_sha256, err);
    if (rc == SG_OK || rc == SG_E_NO_CERTIFICATE)
        rc = subject_of(info, &subject, err);
    if (rc == SG_OK)
        rc = confirm(args, info, subject, err);
    if (rc == SG_OK)
        rc = delete_key(&work, info, spki_sha256, subject ? subject : info->label, err);
    return rc == SG_OK ? report(&work, info, subject, spki_sha256, err) : rc;
}

static int run_delete(struct sg_app *app, const struct sg_args *args)
{
    struct sg_err err = {0};

    return delete_it(app, args, &err) == SG_OK ? 0 : sg_complain(&app->voice, &err);
}

const struct sg_command sg_command_token_delete = {
    .name = "token",
    .sub = "delete",
    .summary = N_("delete a key and its certificate from a token, when told twice"),
    .arguments = "",
    .options = options,
    .takes_pin = true,
    .run = run_delete,
};
