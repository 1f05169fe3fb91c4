/* signet receipt: where a signed document is kept, as it was proven by reading it back. */
#include <string.h>

#include "base/msg.h"
#include "base/outfile.h"
#include "cli/commands.h"
#include "cli/outbox_find.h"
#include "cli/outbox_show.h"

static const struct sg_option options[] = {
    {.name = "export",
     .argument = "FILE",
     .help = N_("write it as JSON, which can be checked without this computer"),
     .writes = true},
    {.name = "force", .help = N_("with --export: replace the file if it exists")},
    {.name = NULL},
};

static enum sg_rc export(const struct sg_args *args, const json_t *object, struct sg_err *err) {
    const char *path = sg_args_value(args, "export");
    _cleanup_(freep) char *text = json_dumps(object, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    _cleanup_(sg_outfile_freep) struct sg_outfile *out = NULL;

    if (!text) return sg_fail_memory(err);
    enum sg_rc rc = sg_outfile_open(path, sg_args_flag(args, "force") ? SG_OUT_REPLACE : 0, &out, err);
    if (rc == SG_OK) rc = sg_outfile_write(out, text, strlen(text), err);
    if (rc == SG_OK) rc = sg_outfile_write(out, "\n", 1, err);
    return rc == SG_OK ? sg_outfile_commit(out, err) : rc;
}

static enum sg_rc show(struct sg_app *app, const struct sg_args *args, struct sg_store *store, int64_t document,
                       bool *ret_complete, struct sg_err *err)
{
    const unsigned shown = SG_SHOW_VERSIONS | SG_SHOW_RECEIPTS | SG_SHOW_ALL;
    json_t *object = NULL;
    enum sg_rc rc = sg_outbox_show(app, store, document, shown, &object, ret_complete, err);

    if (rc != SG_OK)
        return rc;
    if (json_object_set_new(object, "schema", json_string("signet.receipt/1")) != 0 ||
        json_object_set_new(object, "complete", json_boolean(*ret_complete)) != 0)
        rc = sg_fail_memory(err);
    if (rc == SG_OK && sg_args_value(args, "export"))
        rc = export(args, object, err);
    if (rc == SG_OK && app->voice.json && !sg_json_print(&app->voice, json_incref(object)))
        rc = sg_fail_memory(err);
    json_decref(object);
    return rc;
}

/* The newest, where one file was signed again and again: it is what is there. */
static int run(struct sg_app *app, const struct sg_args *args)
{
    _cleanup_(sg_store_freep) struct sg_store *store = NULL;
    _cleanup_(sg_documents_clear) struct sg_documents documents = {0};
    bool complete = false;
    struct sg_err err;
    enum sg_rc rc = SG_OK;

    if (sg_args_value(args, "export") && strcmp(sg_args_value(args, "export"), "-") == 0)
        app->voice.people = stderr;
    if (app->voice.people == stderr && app->voice.json)
        rc = sg_fail(&err, SG_E_USAGE, "%s", _("--json and a receipt on stdout do not go together."));
    if (rc == SG_OK)
        rc = sg_app_store(app, &store, &err);
    if (rc == SG_OK)
        rc = sg_documents_find(app, store, sg_args_file(args, 0), false, &documents, &err);
    if (rc == SG_OK)
        rc = show(app, args, store, documents.numbers[documents.count - 1], &complete, &err);
    if (rc != SG_OK)
        return sg_complain(&app->voice, &err);
    return complete ? 0 : 1;
}

const struct sg_command sg_command_receipt = {
    .name = "receipt",
    .summary = N_("show where a signed document is kept"),
    .arguments = "FILE|SHA256",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = options,
    .run = run,
};
