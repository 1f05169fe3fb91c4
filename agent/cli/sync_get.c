/* A document fetched from a target, checked against its digest, and written where it is wanted. */
#include "cli/sync_get.h"

#include <string.h>

#include "base/msg.h"
#include "base/outfile.h"
#include "cli/copies.h"
#include "cli/sync_run.h"

struct getting {
    struct sg_app *app;
    struct sg_store *store;
    struct sg_sync_targets targets;
    const struct sg_target *target;
    struct sg_wanted wanted;
    char kept_sha256[SG_SHA256_HEX]; /* of what the target holds: another's if it was encrypted */
    bool over;
    enum sg_rc rc;
    struct sg_err err;
};

static enum sg_rc take_receipt(void *context, const struct sg_kept_receipt *kept, struct sg_err *err)
{
    struct getting *getting = context;

    (void)err;
    if (strcmp(kept->receipt.target, getting->target->name) == 0 && strcmp(kept->level, getting->wanted.level) == 0)
        (void)snprintf(getting->kept_sha256, sizeof(getting->kept_sha256), "%s", kept->receipt.sha256);
    return SG_OK;
}

/* What the target is asked for: what the receipt says that it holds; a digest that is not known here, as it is. */
static enum sg_rc find(struct getting *getting, struct sg_err *err)
{
    struct sg_wanted *wanted = &getting->wanted;
    uint8_t digest[SG_SHA256_LEN];
    enum sg_rc rc = sg_wanted_find(getting->app, getting->store, wanted, err);

    if (rc == SG_E_NOT_FOUND && sg_unhex(wanted->name, digest, sizeof(digest))) {
        sg_hex(digest, sizeof(digest), wanted->sha256);
        memcpy(getting->kept_sha256, wanted->sha256, sizeof(wanted->sha256));
        wanted->output = strdup(wanted->sha256);
        return wanted->output ? SG_OK : sg_fail_memory(err);
    }
    if (rc == SG_OK)
        rc = sg_receipts_of(getting->store, wanted->document, take_receipt, getting, err);
    if (rc == SG_OK && !getting->kept_sha256[0])
        rc = sg_fail(err, SG_E_NOT_FOUND,
                     _("The target \"%s\" holds no %s of \"%s\" by any receipt; \"signet receipt\" shows who does."),
                     getting->target->name, wanted->level, wanted->name);
    return rc;
}

static enum sg_rc find_target(struct getting *getting, const char *name, struct sg_err *err)
{
    struct sg_sync_target *target = sg_sync_targets_find(&getting->targets, name);

    if (!target)
        return sg_fail(err, SG_E_USAGE, _("The configuration has no target \"%s\"."), name);
    getting->target = &target->target;
    return sg_sync_targets_open(&getting->targets, target, err);
}

static void done(void *context, const struct sg_err *err)
{
    struct getting *getting = context;

    getting->over = true;
    if (err) {
        getting->err = *err;
        getting->rc = err->rc;
    }
}

/* Into `out`, which gets its name only if the bytes are right. */
static enum sg_rc fetch(struct getting *getting, struct sg_outfile *out, struct sg_err *err)
{
    _cleanup_(sg_http_freep) struct sg_http *http = NULL;
    const struct sg_http_settings settings = sg_sync_http(getting->app);
    enum sg_rc rc = sg_http_new(&settings, &http, err);
    struct sg_download download = {.http = http,
                                   .target = getting->target,
                                   .max = UINT64_MAX,
                                   .sink = sg_outfile_sink(out),
                                   .libctx = getting->app->libctx,
                                   .done = done,
                                   .context = getting};

    memcpy(download.sha256, getting->kept_sha256, sizeof(download.sha256));
    if (rc == SG_OK)
        rc = sg_download_start(&download, err);
    while (rc == SG_OK && !getting->over) {
        rc = sg_check_cancelled(err);
        if (rc == SG_OK)
            rc = sg_http_run(http, 1000, -1, err);
    }
    if (rc == SG_OK && getting->rc != SG_OK) {
        *err = getting->err;
        rc = getting->rc;
    }
    return rc;
}

static enum sg_rc write_it(struct getting *getting, const char *path, bool replace, struct sg_err *err)
{
    _cleanup_(sg_outfile_freep) struct sg_outfile *out = NULL;
    enum sg_rc rc = sg_outfile_open(path, replace ? SG_OUT_REPLACE : 0, &out, err);

    if (rc == SG_OK)
        rc = fetch(getting, out, err);
    if (rc != SG_OK)
        return rc;
    getting->wanted.size = (int64_t)sg_outfile_size(out);
    return sg_outfile_commit(out, err);
}

static enum sg_rc get(struct getting *getting, const struct sg_args *args, struct sg_err *err)
{
    const char *output = sg_args_value(args, "output");
    const struct sg_wanted *wanted = &getting->wanted;
    enum sg_rc rc = sg_app_store(getting->app, &getting->store, err);

    if (rc == SG_OK)
        rc = sg_sync_targets_load(getting->app, &getting->targets, err);
    if (rc == SG_OK)
        rc = find_target(getting, sg_args_value(args, "from"), err);
    if (rc == SG_OK)
        rc = find(getting, err);
    const char *path = output ? output : wanted->output;
    if (rc == SG_OK)
        rc = write_it(getting, path, sg_args_flag(args, "force"), err);
    if (rc != SG_OK)
        return rc;
    if (strcmp(wanted->sha256, getting->kept_sha256) != 0)
        sg_say(&getting->app->voice, _("%s is encrypted, as it was sent; \"signet decrypt\" opens it."), path);
    memcpy(getting->wanted.sha256, getting->kept_sha256, sizeof(getting->kept_sha256));
    return sg_wanted_say(getting->app, wanted, path, err);
}

int sg_sync_get(struct sg_app *app, const struct sg_args *args)
{
    struct getting getting = {.app = app, .targets = {.app = app}, .wanted = {.name = sg_args_file(args, 0)}};
    struct sg_err err;
    int status = get(&getting, args, &err) == SG_OK ? 0 : sg_complain(&app->voice, &err);

    free(getting.wanted.output);
    sg_sync_targets_clear(&getting.targets);
    sg_store_free(getting.store);
    return status;
}
