/* signet outbox list, retry, drop: what waits for a network, by hand. */
#include <string.h>

#include "base/msg.h"
#include "cli/commands.h"
#include "cli/outbox_find.h"
#include "cli/outbox_show.h"
#include "store/pulls.h"

/* --- which ---------------------------------------------------------------------------------------------------------
 */

static enum sg_rc add_waiting(void *context, const struct sg_step *step, struct sg_err *err)
{
    struct sg_documents *documents = context;

    if (documents->count > 0 && documents->numbers[documents->count - 1] == step->document)
        return SG_OK;
    return sg_documents_add(documents, step->document, err);
}

/* Those that are named; if none is, those with something waiting. */
static enum sg_rc find_named(struct sg_app *app, struct sg_store *store, const struct sg_args *args,
                             struct sg_documents *documents, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;

    if (sg_args_file_count(args) == 0)
        return sg_steps_waiting(store, add_waiting, documents, err);
    for (size_t i = 0; i < sg_args_file_count(args) && rc == SG_OK; i++) {
        struct sg_documents found = {0};
        rc = sg_documents_find(app, store, sg_args_file(args, i), false, &found, err);
        for (size_t j = 0; j < found.count && rc == SG_OK; j++)
            rc = sg_documents_add(documents, found.numbers[j], err);
        sg_documents_clear(&found);
    }
    return rc;
}

/* --- what is done with each ----------------------------------------------------------------------------------------
 */

struct verb {
    const char *action;
    unsigned shown;
    enum sg_rc (*change)(const struct sg_args *args, struct sg_store *store, int64_t document, int64_t *ret_count,
                         struct sg_err *err);                          /* NULL: nothing */
    enum sg_rc (*besides)(struct sg_store *store, struct sg_err *err); /* where none is named; NULL: nothing */
};

static enum sg_rc retry(const struct sg_args *args, struct sg_store *store, int64_t document, int64_t *ret_count,
                        struct sg_err *err)
{
    (void)args;
    return sg_outbox_retry(store, document, ret_count, err);
}

static enum sg_rc drop(const struct sg_args *args, struct sg_store *store, int64_t document, int64_t *ret_count,
                       struct sg_err *err)
{
    return sg_outbox_drop(store, document, sg_args_value(args, "target"), sg_args_value(args, "reason"), ret_count,
                          err);
}

/* All that was named in one transaction, or none. */
static enum sg_rc change_all(const struct verb *verb, const struct sg_args *args, struct sg_store *store,
                             const struct sg_documents *documents, int64_t *counts, struct sg_err *err)
{
    enum sg_rc rc = sg_store_begin(store, err);

    for (size_t i = 0; i < documents->count && rc == SG_OK; i++)
        rc = verb->change(args, store, documents->numbers[i], &counts[i], err);
    if (rc == SG_OK && verb->besides && sg_args_file_count(args) == 0)
        rc = verb->besides(store, err);
    return rc == SG_OK ? sg_store_commit(store, err) : rc;
}

/* One line of JSON: what is shown of the document, and what was done. */
static enum sg_rc show(struct sg_app *app, struct sg_store *store, const struct verb *verb, int64_t document,
                       int64_t changed, struct sg_err *err)
{
    json_t *object = NULL;
    enum sg_rc rc = sg_outbox_show(app, store, document, verb->shown, app->voice.json ? &object : NULL, NULL, err);

    if (rc != SG_OK || !object)
        return rc;
    json_t *done = json_pack("{s:s, s:s, s:I}", "schema", "signet.outbox/1", "action", verb->action, "changed",
                             (json_int_t)changed);
    if (!done || json_object_update(object, done) != 0 || !sg_json_print(&app->voice, json_incref(object)))
        rc = sg_fail_memory(err);
    json_decref(done);
    json_decref(object);
    return rc;
}

static enum sg_rc work(struct sg_app *app, const struct sg_args *args, const struct verb *verb, struct sg_err *err)
{
    _cleanup_(sg_store_freep) struct sg_store *store = NULL;
    _cleanup_(sg_documents_clear) struct sg_documents documents = {0};
    _cleanup_(freep) int64_t *counts = NULL;
    enum sg_rc rc = sg_app_store(app, &store, err);

    if (rc == SG_OK)
        rc = find_named(app, store, args, &documents, err);
    if (rc == SG_OK && !(counts = calloc(documents.count + 1, sizeof(*counts))))
        rc = sg_fail_memory(err);
    if (rc == SG_OK && verb->change)
        rc = change_all(verb, args, store, &documents, counts, err);
    if (rc == SG_OK && documents.count == 0)
        sg_say(&app->voice, "%s", _("Nothing waits."));
    for (size_t i = 0; i < documents.count && rc == SG_OK; i++)
        rc = show(app, store, verb, documents.numbers[i], counts[i], err);
    return rc;
}

static int run(struct sg_app *app, const struct sg_args *args, const struct verb *verb)
{
    struct sg_err err;

    return work(app, args, verb, &err) == SG_OK ? 0 : sg_complain(&app->voice, &err);
}

/* --- the commands --------------------------------------------------------------------------------------------------
 */

static int run_list(struct sg_app *app, const struct sg_args *args)
{
    bool named = sg_args_file_count(args) > 0;

    return run(app, args,
               &(struct verb){"list", SG_SHOW_RECEIPTS | (named ? SG_SHOW_ALL : SG_SHOW_WAITING), NULL, NULL});
}

static int run_retry(struct sg_app *app, const struct sg_args *args)
{
    int status = run(app, args, &(struct verb){"retry", SG_SHOW_WAITING, retry, sg_pulls_retry});

    if (status == 0)
        sg_say(&app->voice, "%s", _("What waits is due now: signet sync"));
    return status;
}

/* What was sent cannot be called back, so it is shown where it is. */
static int run_drop(struct sg_app *app, const struct sg_args *args)
{
    const char *reason = sg_args_value(args, "reason");
    struct sg_err err;

    if (!reason || reason[0] == '\0') {
        (void)sg_fail(&err, SG_E_USAGE, "%s",
                      _("Dropping needs --reason TEXT: it is recorded, for who asks later why this was not stored."));
        return sg_complain(&app->voice, &err);
    }
    int status = run(app, args, &(struct verb){"drop", SG_SHOW_RECEIPTS | SG_SHOW_ALL, drop, NULL});
    if (status == 0)
        sg_say(&app->voice, "%s", _("What was sent before stays where it is kept; nothing is removed there."));
    return status;
}

static const struct sg_option drop_options[] = {
    {.name = "reason", .argument = "TEXT", .help = N_("why, for the ledger")},
    {.name = "target", .argument = "NAME", .help = N_("only what is to be stored at this target")},
    {.name = NULL},
};

const struct sg_command sg_command_outbox_list = {
    .name = "outbox",
    .sub = "list",
    .summary = N_("show what signed documents still wait for, and why"),
    .arguments = "[FILE|SHA256]...",
    .max_arguments = SIZE_MAX,
    .run = run_list,
};

const struct sg_command sg_command_outbox_retry = {
    .name = "outbox",
    .sub = "retry",
    .summary = N_("have the next sync try it, whenever it would be tried again"),
    .arguments = "[FILE|SHA256]...",
    .max_arguments = SIZE_MAX,
    .run = run_retry,
};

const struct sg_command sg_command_outbox_drop = {
    .name = "outbox",
    .sub = "drop",
    .summary = N_("give up what a signed document waits for"),
    .arguments = "FILE|SHA256...",
    .min_arguments = 1,
    .max_arguments = SIZE_MAX,
    .options = drop_options,
    .run = run_drop,
};
