/* signet get, forget: the copies that the store keeps of signed documents. */
#include <string.h>

#include "base/msg.h"
#include "cli/commands.h"
#include "cli/copies.h"
#include "cli/outbox_find.h"
#include "cli/sync.h"
#include "store/blobs.h"

/* --- get -----------------------------------------------------------------------------------------------------------
 */

const struct sg_option sg_get_options[] = {
    {.name = "output", .argument = "FILE", .help = N_("write it to FILE (-: stdout)"), .writes = true},
    {.name = "from", .argument = "NAME", .help = N_("fetch it from this target")},
    {.name = "force", .help = N_("replace the file if it exists")},
    {.name = NULL},
};

static enum sg_rc take_document(void *context, const struct sg_outbox_document *document, struct sg_err *err)
{
    struct sg_wanted *wanted = context;
    const char *slash = strrchr(document->output, '/');

    (void)snprintf(wanted->level, sizeof(wanted->level), "%s", document->level);
    (void)snprintf(wanted->sha256, sizeof(wanted->sha256), "%s", document->level_sha256);
    wanted->forgotten = document->forgotten;
    wanted->output = strdup(slash ? slash + 1 : document->output);
    return wanted->output ? SG_OK : sg_fail_memory(err);
}

static enum sg_rc take_version(void *context, const struct sg_version *version, struct sg_err *err)
{
    struct sg_wanted *wanted = context;

    (void)err;
    if (strcasecmp(version->sha256, wanted->name) == 0) {
        (void)snprintf(wanted->level, sizeof(wanted->level), "%s", version->level);
        (void)snprintf(wanted->sha256, sizeof(wanted->sha256), "%s", version->sha256);
    }
    if (strcmp(version->level, wanted->level) == 0)
        wanted->size = version->size;
    return SG_OK;
}

struct stored {
    const struct sg_wanted *wanted;
    bool found;
};

static enum sg_rc take_receipt(void *context, const struct sg_kept_receipt *kept, struct sg_err *err)
{
    struct stored *stored = context;

    (void)err;
    stored->found = stored->found || strcmp(kept->level, stored->wanted->level) == 0;
    return SG_OK;
}

static enum sg_rc check_kept(struct sg_store *store, const struct sg_wanted *wanted, struct sg_err *err)
{
    struct stored stored = {.wanted = wanted};
    char when[SG_TIME_TEXT];

    if (wanted->forgotten == 0)
        return SG_OK;
    enum sg_rc rc = sg_receipts_of(store, wanted->document, take_receipt, &stored, err);
    if (rc != SG_OK)
        return rc;
    return sg_about(wanted->name, err,
                    sg_fail(err, SG_E_NOT_FOUND,
                            stored.found ? _("The copies of \"%s\" are not kept here since %s. signet receipt shows "
                                             "which target has it, and signet get --from TARGET fetches it.")
                                         : _("The copies of \"%s\" are not kept here since %s, and no target has it by "
                                             "any receipt. Look for the signed file itself, where it was or was moved "
                                             "to, and in backups."),
                            wanted->name, sg_time_text(wanted->forgotten, when)));
}

static enum sg_rc write_copy(struct sg_app *app, const struct sg_args *args, const struct sg_wanted *wanted,
                             const char *path, struct sg_err *err)
{
    _cleanup_(sg_outfile_freep) struct sg_outfile *out = NULL;
    enum sg_rc rc = sg_outfile_open(path, sg_args_flag(args, "force") ? SG_OUT_REPLACE : 0, &out, err);

    if (rc == SG_OK)
        rc = sg_blob_copy(app->paths.state, app->libctx, wanted->sha256, out, err);
    return rc == SG_OK ? sg_outfile_commit(out, err) : rc;
}

enum sg_rc sg_wanted_find(struct sg_app *app, struct sg_store *store, struct sg_wanted *wanted, struct sg_err *err)
{
    _cleanup_(sg_documents_clear) struct sg_documents documents = {0};
    enum sg_rc rc = sg_documents_find(app, store, wanted->name, true, &documents, err);

    if (rc != SG_OK)
        return rc;
    wanted->document = documents.numbers[documents.count - 1];
    rc = sg_outbox_get(store, wanted->document, take_document, wanted, err);
    return rc == SG_OK ? sg_outbox_versions(store, wanted->document, take_version, wanted, err) : rc;
}

enum sg_rc sg_wanted_say(struct sg_app *app, const struct sg_wanted *wanted, const char *path, struct sg_err *err)
{
    if (strcmp(path, "-") == 0)
        app->voice.people = stderr;
    sg_say(&app->voice, _("%s: %s, SHA-256 %s"), path, wanted->level, wanted->sha256);
    if (app->voice.json &&
        !sg_json_print(&app->voice,
                       json_pack("{s:s, s:o, s:s, s:s, s:I}", "schema", "signet.get/1", "output", sg_json_text(path),
                                 "level", wanted->level, "sha256", wanted->sha256, "size", (json_int_t)wanted->size)))
        return sg_fail_memory(err);
    return SG_OK;
}

static enum sg_rc get(struct sg_app *app, const struct sg_args *args, struct sg_wanted *wanted, struct sg_err *err)
{
    _cleanup_(sg_store_freep) struct sg_store *store = NULL;
    const char *output = sg_args_value(args, "output");
    enum sg_rc rc = SG_OK;

    if (app->voice.json && output && strcmp(output, "-") == 0)
        rc = sg_fail(err, SG_E_USAGE, "%s", _("--json and a document on stdout do not go together."));
    if (rc == SG_OK)
        rc = sg_app_store(app, &store, err);
    if (rc == SG_OK)
        rc = sg_wanted_find(app, store, wanted, err);
    if (rc == SG_OK)
        rc = check_kept(store, wanted, err);
    if (rc != SG_OK)
        return rc;
    const char *path = output ? output : wanted->output;
    rc = write_copy(app, args, wanted, path, err);
    if (rc != SG_OK)
        return rc;
    return sg_wanted_say(app, wanted, path, err);
}

static int run_get(struct sg_app *app, const struct sg_args *args)
{
    struct sg_wanted wanted = {.name = sg_args_file(args, 0)};
    struct sg_err err;

    if (sg_args_value(args, "from"))
        return sg_app_become(app, SG_SYNC_PROGRAM);
    enum sg_rc rc = get(app, args, &wanted, &err);
    free(wanted.output);
    return rc == SG_OK ? 0 : sg_complain(&app->voice, &err);
}

const struct sg_command sg_command_get = {
    .name = "get",
    .summary = N_("bring back a signed document from its copy"),
    .arguments = "FILE|SHA256",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = sg_get_options,
    .run = run_get,
};

/* --- forget --------------------------------------------------------------------------------------------------------
 */

static enum sg_rc forget_all(struct sg_store *store, const struct sg_documents *documents, struct sg_err *err)
{
    enum sg_rc rc = sg_store_begin(store, err);

    for (size_t i = 0; i < documents->count && rc == SG_OK; i++)
        rc = sg_outbox_forget(store, documents->numbers[i], err);
    if (rc == SG_OK)
        rc = sg_store_commit(store, err);
    return rc;
}

static enum sg_rc forget(struct sg_app *app, const char *name, struct sg_err *err)
{
    _cleanup_(sg_store_freep) struct sg_store *store = NULL;
    _cleanup_(sg_documents_clear) struct sg_documents documents = {0};
    int64_t removed = 0;
    bool later = false;
    enum sg_rc rc = sg_app_store(app, &store, err);

    if (rc == SG_OK)
        rc = sg_documents_find(app, store, name, false, &documents, err);
    if (rc == SG_OK)
        rc = forget_all(store, &documents, err);
    if (rc == SG_OK)
        rc = sg_outbox_sweep(store, &removed, &later, err);
    if (rc != SG_OK)
        return rc;
    sg_say(&app->voice,
           later ? _("%s: its copies go with the next sync, since somebody is signing; its record stays")
                 : _("%s: its copies are gone; its record stays"),
           name);
    if (app->voice.json &&
        !sg_json_print(&app->voice, json_pack("{s:s, s:o, s:I, s:I, s:b}", "schema", "signet.forget/1", "file",
                                              sg_json_text(name), "documents", (json_int_t)documents.count, "removed",
                                              (json_int_t)removed, "later", later)))
        rc = sg_fail_memory(err);
    return rc;
}

static int run_forget(struct sg_app *app, const struct sg_args *args)
{
    struct sg_err err;
    int status = 0;

    for (size_t i = 0; i < sg_args_file_count(args); i++)
        if (forget(app, sg_args_file(args, i), &err) != SG_OK)
            status = sg_exit_worse(status, sg_complain(&app->voice, &err));
    return status;
}

const struct sg_command sg_command_forget = {
    .name = "forget",
    .summary = N_("remove the copies of a signed document that is stored and time-stamped"),
    .arguments = "FILE|SHA256...",
    .min_arguments = 1,
    .max_arguments = SIZE_MAX,
    .run = run_forget,
};
