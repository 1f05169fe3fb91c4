/* signet trust add --list: the signed list of anchors from a file, as sync fetches it from a URL. */
#include "base/input.h"
#include "base/limits.h"
#include "base/msg.h"
#include "cli/commands.h"
#include "cli/judging.h"
#include "cli/trust.h"
#include "store/pulls.h"
#include "verify/anchor_list.h"

static enum sg_rc read_list(struct sg_app *app, const char *path, struct sg_buf *bytes, struct sg_err *err)
{
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    OSSL_LIB_CTX *libctx = NULL;
    enum sg_rc rc = sg_app_libctx(app, &libctx, err);
    if (rc == SG_OK)
        rc = sg_input_open(path, &input, err);
    return rc == SG_OK ? sg_input_read_all(input, bytes, err) : rc;
}

static enum sg_rc apply_list(struct sg_app *app, const char *path, const char *configured, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf bytes = SG_BUF(SG_MAX_ANCHOR_LIST_FILE);
    _cleanup_(sg_snapshot_freep) struct sg_snapshot *snapshot = NULL;
    _cleanup_(sg_verifier_freep) struct sg_verifier *verifier = NULL;
    _cleanup_(sg_store_freep) struct sg_store *store = NULL;
    _cleanup_(sg_anchor_list_clear) struct sg_anchor_list list = {0};
    struct sg_kept_list kept;
    enum sg_rc rc = read_list(app, path, &bytes, err);
    if (rc == SG_OK)
        rc = sg_app_store(app, &store, err);
    if (rc == SG_OK)
        rc = sg_store_list_get(store, configured, &kept, err);
    if (rc == SG_OK)
        rc = sg_snapshot_open(app->paths.state, app->libctx, &snapshot, err);
    if (rc == SG_OK)
        rc = sg_judging_strict(app, snapshot, &verifier, err);
    if (rc == SG_OK)
        rc = sg_anchor_list_read(verifier, sg_buf_slice(&bytes), path, kept.pin, &list, err);
    if (rc == SG_OK)
        rc = sg_store_list_apply(store, configured, sg_buf_slice(&bytes), &list.terms, list.anchors.items,
                                 list.anchors.count, err);
    if (rc == SG_OK)
        rc = sg_store_publish(store, err);
    if (rc == SG_OK)
        sg_say(&app->voice, _("List of anchors number %lld is in force, with %zu anchors."),
               (long long)list.terms.number, list.anchors.count);
    for (size_t i = 0; rc == SG_OK && i < list.anchors.count; i++) {
        const struct sg_named_anchor *anchor = &list.anchors.items[i];
        rc = sg_trust_print_anchor(app, "listed", anchor->cert,
                                   &(struct sg_snapshot_anchor){.purposes = anchor->purposes,
                                                                .limits = anchor->limits,
                                                                .source = path,
                                                                .added = sg_clock_now(&app->clock)},
                                   err);
    }
    if (rc != SG_OK && err && !err->file[0])
        sg_err_file(err, path);
    return rc;
}

enum sg_rc sg_trust_add_list(struct sg_app *app, const struct sg_args *args, struct sg_err *err)
{
    const char *configured = sg_config_text(app->config, SG_KEY_TRUST_LIST_SIGNER);
    if (sg_args_file_count(args) > 0 || sg_args_flag(args, "crl") || sg_args_flag(args, "ocsp"))
        return sg_fail(err, SG_E_USAGE, _("--list stands alone: add the rest with another command."));
    if (!configured[0])
        return sg_fail(err, SG_E_CONFIG,
                       _("Nothing says who may sign the list of anchors: set [trust] list-signer to the SHA-256 of the "
                         "certificate, as the officer gives it to you."));
    return apply_list(app, sg_args_value(args, "list"), configured, err);
}
