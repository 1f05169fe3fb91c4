/* An upload under way: one request after the other, what is read back, and the receipt. */
#include <string.h>

#include "base/msg.h"
#include "sync/target_private.h"

/* --- life --------------------------------------------------------------------------------------------------------- */

enum sg_rc sg_storing_new(const struct sg_upload *upload, struct sg_storing **ret, struct sg_err *err)
{
    _cleanup_(sg_storing_freep) struct sg_storing *storing = calloc(1, sizeof(*storing));
    if (!storing)
        return sg_fail_memory(err);
    storing->upload = *upload;
    storing->size = sg_input_size(upload->bytes);
    enum sg_rc rc = sg_object_url(upload->target, upload->sha256, "", &storing->url, err);
    if (rc == SG_OK)
        *ret = sg_steal(storing);
    return rc;
}

void sg_storing_free(struct sg_storing *storing)
{
    if (!storing)
        return;
    sg_hash_free(storing->read);
    sg_s3_parts_free(storing->parts);
    free(storing->url);
    free(storing->temporary);
    free(storing->etag);
    free(storing->version_id);
    free(storing->server_date);
    free(storing);
}

void sg_storing_fail(struct sg_storing *storing, const struct sg_err *err)
{
    storing->upload.done(storing->upload.context, NULL, err);
    sg_storing_free(storing);
}

void sg_storing_fail_answer(struct sg_storing *storing, const struct sg_http_answer *answer, struct sg_slice error_body)
{
    struct sg_err err = {0};
    (void)sg_target_fail(storing->upload.target, answer, error_body, &err);
    sg_storing_fail(storing, &err);
}

static const char *or_nothing(const char *text)
{
    return text ? text : "";
}

void sg_storing_done(struct sg_storing *storing)
{
    struct sg_receipt *receipt = &storing->receipt;
    receipt->target = storing->upload.target->name;
    receipt->url = storing->url;
    receipt->sha256 = storing->upload.sha256;
    receipt->size = (int64_t)storing->size;
    receipt->etag = or_nothing(storing->etag);
    receipt->version_id = or_nothing(storing->version_id);
    receipt->server_date = or_nothing(storing->server_date);
    storing->upload.done(storing->upload.context, receipt, NULL);
    sg_storing_free(storing);
}

/* --- asking ------------------------------------------------------------------------------------------------------- */

static void answered(void *context, const struct sg_http_answer *answer, struct sg_slice error_body,
                     const struct sg_err *err)
{
    struct sg_storing *storing = context;
    if (err)
        sg_storing_fail(storing, err);
    else
        storing->next(storing, answer, error_body);
}

enum sg_rc sg_storing_ask(struct sg_storing *storing, const struct sg_http_request *request, sg_storing_next *next,
                          struct sg_err *err)
{
    struct sg_http_request whole = *request;
    whole.flags = SG_HTTP_CONFIGURED;
    whole.access = &storing->upload.target->access;
    whole.done = answered;
    whole.context = storing;
    storing->next = next;
    return sg_http_start(storing->upload.http, &whole, err);
}

enum sg_rc sg_storing_begin(const struct sg_upload *upload, sg_storing_next *next, struct sg_err *err)
{
    _cleanup_(sg_storing_freep) struct sg_storing *storing = NULL;
    enum sg_rc rc = sg_storing_new(upload, &storing, err);
    if (rc != SG_OK)
        return rc;
    struct sg_http_request head = {.method = "HEAD", .url = storing->url};
    rc = sg_storing_ask(storing, &head, next, err);
    if (rc == SG_OK)
        (void)sg_steal(storing);
    return rc;
}

void sg_storing_go_on(struct sg_storing *storing, const struct sg_http_request *request, sg_storing_next *next)
{
    struct sg_err err = {0};
    if (sg_storing_ask(storing, request, next, &err) != SG_OK)
        sg_storing_fail(storing, &err);
}

struct sg_http_request sg_storing_put(const struct sg_storing *storing, const char *url)
{
    return (struct sg_http_request){
        .method = "PUT",
        .url = url,
        .body = storing->upload.bytes,
        .body_len = storing->size,
        .sends = storing->upload.sends,
    };
}

/* --- reading back ------------------------------------------------------------------------------------------------- */

/* More than was stored need not be read to its end. */
static enum sg_rc take_read(void *context, const uint8_t *data, size_t len, struct sg_err *err)
{
    struct sg_storing *storing = context;
    (void)data;
    storing->read_len += len;
    if (storing->read_len <= storing->size)
        return SG_OK;
    return sg_storing_differs(storing, err);
}

void sg_storing_read_back(struct sg_storing *storing, const char *url, sg_storing_next *next)
{
    static const char *const headers[] = {"Cache-Control: no-cache", "Accept-Encoding: identity"};
    struct sg_err err = {0};
    storing->read_len = 0;
    sg_hash_free(sg_steal(storing->read));
    if (sg_hash_new(storing->upload.libctx, "SHA256", (struct sg_sink){take_read, storing}, &storing->read, &err) !=
        SG_OK) {
        sg_storing_fail(storing, &err);
        return;
    }
    struct sg_http_request request = {
        .method = "GET",
        .url = url,
        .headers = headers,
        .header_count = sizeof(headers) / sizeof(headers[0]),
        .answer = sg_hash_sink(storing->read),
        .max_answer = UINT64_MAX, /* take_read() has the limit */
    };
    sg_storing_go_on(storing, &request, next);
}

bool sg_storing_matches(struct sg_storing *storing, const struct sg_http_answer *answer, struct sg_err *err)
{
    char digest[SG_SHA256_HEX], what[SG_TARGET_WHAT];
    const struct sg_target *target = storing->upload.target;
    if (sg_hash_end_hex(storing->read, digest, err) != SG_OK)
        return false;
    storing->receipt.compared = sg_clock_now(storing->upload.clock);
    if (strcmp(digest, storing->upload.sha256) == 0)
        return true;
    if (answer->html)
        (void)sg_http_fail(answer, (struct sg_slice){0}, sg_target_what(target, what), err);
    else
        (void)sg_storing_differs(storing, err);
    return false;
}

enum sg_rc sg_storing_differs(const struct sg_storing *storing, struct sg_err *err)
{
    const char *target = storing->upload.target->name;
    if (!storing->receipt.was_there)
        return sg_fail(err, SG_E_BAD_ANSWER,
                       _("The target \"%s\" gives back other bytes than it was just given for %s; it is tried again "
                         "later."),
                       target, storing->url);
    return sg_fail(err, SG_E_TARGET_DIFFERS,
                   _("The target \"%s\" holds other bytes at %s than those that belong there, and nothing is written "
                     "over them. Who runs the target has to find out whose they are, and remove them."),
                   target, storing->url);
}

/* --- the receipt -------------------------------------------------------------------------------------------------- */

/* Only what is printable: it is shown, and signed by nobody. */
static void keep_header(const struct sg_http_answer *answer, const char *name, char **text)
{
    const char *value = sg_http_header(answer, name);
    size_t len = value ? strnlen(value, SG_MAX_RECEIPT_TEXT) : 0;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)value[i] < ' ' || (unsigned char)value[i] >= 0x7f)
            return;
    char *copy = len > 0 ? strndup(value, len) : NULL;
    if (!copy)
        return;
    free(*text);
    *text = copy;
}

void sg_storing_take(struct sg_storing *storing, const struct sg_http_answer *answer)
{
    storing->receipt.status = answer->status;
    storing->receipt.stored = sg_clock_now(storing->upload.clock);
    keep_header(answer, "ETag", &storing->etag);
    keep_header(answer, "x-amz-version-id", &storing->version_id);
    keep_header(answer, "Date", &storing->server_date);
}
