/* Which kind a target is, and what reads objects back. */
#include "sync/target.h"

#include <string.h>

#include "base/msg.h"
#include "sync/target_private.h"

static enum sg_rc find_kind(const struct sg_target *target, const struct sg_target_kind **ret, struct sg_err *err)
{
    static const struct sg_target_kind *const kinds[] = {&sg_target_dav, &sg_target_put, &sg_target_s3};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(target->type, kinds[i]->type) == 0) {
            *ret = kinds[i];
            return SG_OK;
        }
    return sg_fail(err, SG_E_CONFIG, _("The target \"%s\" is of the type \"%s\", which is not known here."),
                   target->name, target->type);
}

enum sg_rc sg_upload_start(const struct sg_upload *upload, struct sg_err *err)
{
    const struct sg_target_kind *kind = NULL;
    enum sg_rc rc = find_kind(upload->target, &kind, err);
    return rc == SG_OK ? kind->upload(upload, err) : rc;
}

void sg_target_forget(struct sg_target *target)
{
    target->conditions = SG_CONDITIONS_UNKNOWN;
    target->created = 0;
}

bool sg_upload_checks(const struct sg_target *target, uint64_t size)
{
    return strcmp(target->type, sg_target_s3.type) == 0 && size > SG_S3_PART;
}

enum sg_rc sg_download_start(const struct sg_download *download, struct sg_err *err)
{
    const struct sg_target_kind *kind = NULL;
    enum sg_rc rc = find_kind(download->target, &kind, err);
    return rc == SG_OK ? kind->download(download, err) : rc;
}

enum sg_rc sg_object_url(const struct sg_target *target, const char *sha256, const char *suffix, char **ret,
                         struct sg_err *err)
{
    uint8_t digest[SG_SHA256_LEN];
    char *url = NULL;
    if (!sg_unhex(sha256, digest, sizeof(digest)))
        return sg_fail(err, SG_E_INTERNAL, "%s", _("An object of a target was to be named by what is no SHA-256."));
    if (asprintf(&url, "%s/%s%s", target->url, sha256, suffix) < 0)
        return sg_fail_memory(err);
    *ret = url;
    return SG_OK;
}

const char *sg_target_what(const struct sg_target *target, char out[SG_TARGET_WHAT])
{
    (void)snprintf(out, SG_TARGET_WHAT, _("The target \"%.100s\" did not do what was asked"), target->name);
    return out;
}

enum sg_rc sg_target_fail(const struct sg_target *target, const struct sg_http_answer *answer,
                          struct sg_slice error_body, struct sg_err *err)
{
    const struct sg_target_kind *kind = NULL;
    char what[SG_TARGET_WHAT];
    bool known = find_kind(target, &kind, NULL) == SG_OK && kind->fail;
    return (known ? kind->fail : sg_http_fail)(answer, error_body, sg_target_what(target, what), err);
}

/* --- download ----------------------------------------------------------------------------------------------------- */

struct reading {
    struct sg_download download;
    char *url;
    struct sg_hash *sha256;
};

static void reading_free(struct reading *reading)
{
    if (!reading)
        return;
    sg_hash_free(reading->sha256);
    free(reading->url);
    free(reading);
}
SG_DEFINE_CLEANUP(struct reading, reading_free)

static enum sg_rc judge(struct reading *reading, const struct sg_http_answer *answer, struct sg_slice error_body,
                        struct sg_err *err)
{
    const struct sg_target *target = reading->download.target;
    char digest[SG_SHA256_HEX];
    if (answer->status != 200)
        return sg_target_fail(target, answer, error_body, err);
    enum sg_rc rc = sg_hash_end_hex(reading->sha256, digest, err);
    if (rc != SG_OK)
        return rc;
    if (strcmp(digest, reading->download.sha256) == 0)
        return SG_OK;
    if (answer->html)
        return sg_target_fail(target, answer, error_body, err);
    return sg_fail(
        err, SG_E_TARGET_DIFFERS,
        _("What the target \"%s\" holds at %s is not what was stored there: its SHA-256 is %s. Do not use it, "
          "and tell who runs the target."),
        target->name, reading->url, digest);
}

static void reading_done(void *context, const struct sg_http_answer *answer, struct sg_slice error_body,
                         const struct sg_err *failed)
{
    _cleanup_(reading_freep) struct reading *reading = context;
    struct sg_err err = {0};
    if (!failed && judge(reading, answer, error_body, &err) != SG_OK)
        failed = &err;
    reading->download.done(reading->download.context, failed);
}

enum sg_rc sg_download_plain(const struct sg_download *download, struct sg_err *err)
{
    _cleanup_(reading_freep) struct reading *reading = calloc(1, sizeof(*reading));
    if (!reading)
        return sg_fail_memory(err);
    reading->download = *download;
    enum sg_rc rc = sg_object_url(download->target, download->sha256, "", &reading->url, err);
    if (rc == SG_OK)
        rc = sg_hash_new(download->libctx, "SHA256", download->sink, &reading->sha256, err);
    if (rc != SG_OK)
        return rc;
    struct sg_http_request request = {
        .method = "GET",
        .url = reading->url,
        .answer = sg_hash_sink(reading->sha256),
        .max_answer = download->max,
        .flags = SG_HTTP_CONFIGURED,
        .access = &download->target->access,
        .done = reading_done,
        .context = reading,
    };
    rc = sg_http_start(download->http, &request, err);
    if (rc == SG_OK)
        (void)sg_steal(reading);
    return rc;
}
