#include "cli/sign_outbox.h"

#include <string.h>

#include "base/hash.h"
#include "base/limits.h"
#include "base/msg.h"
#include "cli/output.h"
#include "store/blobs.h"
#include "store/outbox.h"

/* --- what is to be done --------------------------------------------------------------------------------------------
 */

static const char *target_name(const struct sg_config *config, size_t index)
{
    const struct sg_config *group = sg_config_group(config, "target", index);

    return group ? sg_config_group_name(group) : NULL;
}

static enum sg_rc no_such_target(const struct sg_config *config, const char *name, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf names = SG_BUF(SG_MAX_CONFIG_FILE);
    const char *known = NULL, *text = NULL;
    enum sg_rc rc = SG_OK;

    for (size_t i = 0; rc == SG_OK && (known = target_name(config, i)); i++)
        rc = sg_buf_printf(&names, err, "%s%s", i ? ", " : "", known);
    if (rc == SG_OK)
        rc = sg_buf_text(&names, &text, err);
    if (rc != SG_OK)
        return rc;
    if (names.len == 0)
        return sg_fail(err, SG_E_USAGE,
                       _("There is no target \"%s\": the configuration has no [target] section at all."), name);
    return sg_fail(err, SG_E_USAGE, _("There is no target \"%s\" in the configuration, which has: %s."), name, text);
}

static enum sg_rc add_target(struct sg_sign_outbox *outbox, const struct sg_config *config, const char *name,
                             struct sg_err *err)
{
    const char *known = NULL;

    for (size_t i = 0; i < outbox->target_count; i++)
        if (strcmp(outbox->targets[i], name) == 0)
            return SG_OK;
    for (size_t i = 0; (known = target_name(config, i)); i++)
        if (strcmp(known, name) == 0) {
            outbox->targets[outbox->target_count++] = known;
            return SG_OK;
        }
    return no_such_target(config, name, err);
}

enum sg_rc sg_sign_outbox_plan(struct sg_sign_outbox *outbox, const struct sg_config *config,
                               const struct sg_args *args, struct sg_err *err)
{
    size_t named = sg_args_count(args, "target");
    bool upload = !sg_args_flag(args, "no-upload");
    const char *name = NULL;
    enum sg_rc rc = SG_OK;

    if (named > 0 && !upload)
        return sg_fail(err, SG_E_USAGE, "%s", _("--target and --no-upload do not go together."));
    outbox->timestamp =
        sg_config_group(config, "tsa", 0) && strcmp(sg_config_text(config, SG_KEY_SIGN_LEVEL), "B-B") != 0;
    outbox->targets = calloc(SG_MAX_CONFIG_GROUPS, sizeof(*outbox->targets));
    if (!outbox->targets)
        return sg_fail_memory(err);
    for (size_t i = 0; i < named && rc == SG_OK; i++)
        rc = add_target(outbox, config, sg_args_item(args, "target", i), err);
    for (size_t i = 0; named == 0 && upload && rc == SG_OK && (name = target_name(config, i)); i++)
        rc = add_target(outbox, config, name, err);
    return rc;
}

void sg_sign_outbox_clear(struct sg_sign_outbox *outbox)
{
    closep(&outbox->shared);
    free(outbox->targets);
    outbox->targets = NULL;
    outbox->target_count = 0;
}

/* --- before the first file -----------------------------------------------------------------------------------------
 */

static void say_placed(void *context, const struct sg_outbox_document *document, enum sg_output_state state)
{
    const struct sg_app *app = context;

    if (state == SG_OUTPUT_CURRENT)
        sg_say(&app->voice, _("Put in its place, which an interrupted sign had left undone: %s"), document->output);
    else
        sg_warn(&app->voice, "not-placed",
                _("The file signed by an interrupted sign cannot be put at %s; it is in the store: signet get %s"),
                document->output, document->result_sha256);
}

static enum sg_rc place(struct sg_app *app, struct sg_store *store, struct sg_err *err)
{
    _cleanup_(closep) int alone = -1;
    enum sg_rc rc = sg_outbox_alone(store, &alone, err);

    /* Somebody is signing just now: the next one will do it. */
    return rc == SG_OK && alone >= 0 ? sg_outbox_place(store, say_placed, app, err) : rc;
}

enum sg_rc sg_sign_outbox_open(struct sg_app *app, struct sg_store *store, struct sg_sign_outbox *outbox,
                               struct sg_err *err)
{
    struct sg_err failure;

    if (place(app, store, &failure) != SG_OK)
        sg_warn(&app->voice, sg_rc_word(failure.rc), "%s", failure.text);
    return sg_sign_queues(outbox) ? sg_outbox_share(store, &outbox->shared, err) : SG_OK;
}

/* --- copies --------------------------------------------------------------------------------------------------------
 */

/* Content that is signed by SHA-256 is not hashed twice. */
enum sg_rc sg_sign_copy_content(const struct sg_app *app, struct sg_input *input, const char *digest_name,
                                struct sg_sign_copies *copies, uint8_t *digest, size_t *ret_len, struct sg_err *err)
{
    _cleanup_(sg_blob_freep) struct sg_blob *blob = NULL;
    _cleanup_(sg_hash_freep) struct sg_hash *other = NULL;
    const struct sg_sink nowhere = {NULL, NULL};
    bool same = strcmp(digest_name, "SHA256") == 0;
    enum sg_rc rc = sg_blob_begin(app->paths.state, app->libctx, &blob, err);

    if (rc == SG_OK && !same)
        rc = sg_hash_new(app->libctx, digest_name, nowhere, &other, err);
    if (rc == SG_OK)
        rc = sg_blob_take(blob, input, same ? nowhere : sg_hash_sink(other), err);
    if (rc == SG_OK && !same)
        rc = sg_hash_end(other, digest, ret_len, err);
    if (rc == SG_OK)
        rc = sg_blob_finish(blob, copies->content, err);
    if (rc != SG_OK)
        return rc;
    copies->content_size = (int64_t)sg_blob_size(blob);
    if (same && !sg_unhex(copies->content, digest, SG_SHA256_LEN))
        return sg_fail(err, SG_E_INTERNAL, "%s", _("A copy was named by what is not a SHA-256."));
    if (same)
        *ret_len = SG_SHA256_LEN;
    return SG_OK;
}

enum sg_rc sg_sign_copy_result(const struct sg_app *app, const struct sg_outfile *out, struct sg_sign_copies *copies,
                               struct sg_err *err)
{
    _cleanup_(sg_blob_freep) struct sg_blob *blob = NULL;
    enum sg_rc rc = sg_blob_begin(app->paths.state, app->libctx, &blob, err);

    if (rc == SG_OK)
        rc = sg_blob_take_output(blob, out, err);
    if (rc == SG_OK)
        rc = sg_blob_finish(blob, copies->result, err);
    if (rc == SG_OK)
        copies->result_size = (int64_t)sg_blob_size(blob);
    return rc;
}

enum sg_rc sg_sign_queue(const struct sg_sign_outbox *outbox, struct sg_store *store,
                         const struct sg_sign_copies *copies, const char *replaces, int64_t *ret_document,
                         struct sg_err *err)
{
    const struct sg_version versions[] = {
        {.level = SG_LEVEL_CONTENT, .sha256 = copies->content, .size = copies->content_size},
        {.level = SG_LEVEL_B_B, .sha256 = copies->result, .size = copies->result_size},
    };
    bool detached = copies->content[0] != '\0';
    const struct sg_outbox_request request = {.versions = detached ? versions : versions + 1,
                                              .version_count = detached ? 2 : 1,
                                              .timestamp = outbox->timestamp,
                                              .targets = outbox->targets,
                                              .target_count = outbox->target_count,
                                              .replaces = replaces};

    return sg_outbox_add(store, &request, ret_document, err);
}
