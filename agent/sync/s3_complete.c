/* The end of a large object: its parts become one. */
#include <string.h>

#include "base/msg.h"
#include "sync/s3_parts.h"
#include "sync/s3_xml.h"

static void complete(struct sg_storing *storing, bool create_only);

static enum sg_rc is_result(void *context, const char *parent, const char *name, const char *text, struct sg_err *err)
{
    bool *result = context;
    (void)text;
    (void)err;
    *result = parent[0] == '\0' && strcmp(name, "CompleteMultipartUploadResult") == 0;
    return SG_OK;
}

/* 200 is said before the server knows whether it will work: an <Error> may follow. */
static enum sg_rc judge_completed(struct sg_storing *storing, const struct sg_http_answer *answer, struct sg_err *err)
{
    struct sg_slice xml = sg_buf_slice(&storing->parts->answer);
    const struct sg_target *target = storing->upload.target;
    struct sg_s3_error error;
    char what[SG_TARGET_WHAT];
    bool result = false;
    if (sg_s3_xml_read(xml, is_result, &result, NULL) == SG_OK && result)
        return SG_OK;
    if (sg_s3_error_read(xml, &error, NULL) == SG_OK)
        return sg_s3_fail_error(answer, &error, sg_target_what(target, what), err);
    return sg_target_fail(target, answer, xml, err);
}

static void completed(struct sg_storing *storing, const struct sg_http_answer *answer)
{
    struct sg_err err = {0};
    if (judge_completed(storing, answer, &err) != SG_OK) {
        sg_storing_fail(storing, &err);
    } else if (sg_s3_forget_parts(storing)) {
        sg_storing_take(storing, answer);
        sg_s3_confirm(storing);
    }
}

/* Of these parts the server makes no object (400), or it has not got them: the next attempt begins anew. */
static void completed_or_not(struct sg_storing *storing, const struct sg_http_answer *answer,
                             struct sg_slice error_body)
{
    if (answer->status < 300) {
        completed(storing, answer);
    } else if (answer->status == 400 || sg_s3_is(error_body, "NoSuchUpload")) {
        (void)sg_target_fail(storing->upload.target, answer, error_body, &storing->parts->failed);
        sg_s3_give_up(storing);
    } else {
        sg_storing_fail_answer(storing, answer, error_body);
    }
}

static void created_or_not(struct sg_storing *storing, const struct sg_http_answer *answer, struct sg_slice error_body)
{
    if (answer->status == 412) {
        storing->receipt.was_there = true;
        sg_s3_abandon_parts(storing);
    } else if (answer->status == 501) {
        complete(storing, false);
    } else {
        completed_or_not(storing, answer, error_body);
    }
}

static enum sg_rc write_body(struct sg_storing *storing, char sha256[2 * EVP_MAX_MD_SIZE + 1], struct sg_err *err)
{
    struct sg_s3_parts *parts = storing->parts;
    uint8_t digest[EVP_MAX_MD_SIZE];
    size_t len = 0;
    parts->body.len = 0;
    enum sg_rc rc = sg_s3_list_write((const char(*)[SG_MAX_S3_ETAG])parts->etags, parts->count, &parts->body, err);
    if (rc == SG_OK)
        rc = sg_digest(storing->upload.libctx, "SHA256", sg_buf_slice(&parts->body), digest, &len, err);
    if (rc == SG_OK)
        sg_hex(digest, len, sha256);
    return rc;
}

static void complete(struct sg_storing *storing, bool create_only)
{
    struct sg_err err = {0};
    char sha256[2 * EVP_MAX_MD_SIZE + 1], digest[SG_S3_DIGEST];
    if (write_body(storing, sha256, &err) != SG_OK) {
        sg_storing_fail(storing, &err);
        return;
    }
    const char *const headers[] = {sg_s3_digest(sha256, digest), SG_S3_CREATE_ONLY};
    struct sg_http_request request = {
        .method = "POST",
        .url = storing->parts->object,
        .headers = headers,
        .header_count = create_only ? 2 : 1,
        .body_bytes = sg_buf_slice(&storing->parts->body),
    };
    sg_s3_ask_for_xml(storing, &request, create_only ? created_or_not : completed_or_not);
}

/* What is wrong must not become an object, which the target keeps for good. */
static bool is_right(struct sg_storing *storing, struct sg_err *err)
{
    char digest[SG_SHA256_HEX];
    const char *path = sg_input_name(storing->upload.bytes);
    if (!storing->parts->whole)
        return true;
    if (sg_hash_end_hex(storing->parts->whole, digest, err) != SG_OK)
        return false;
    if (strcmp(digest, storing->upload.sha256) == 0)
        return true;
    (void)sg_about(path, err,
                   sg_fail(err, SG_E_STORE_DAMAGED,
                           _("The copy \"%s\" is damaged: its bytes are not those that its name tells."), path));
    return false;
}

/* Many servers know conditions for objects in one piece alone; another may have been faster meanwhile. */
static void still_absent(struct sg_storing *storing, const struct sg_http_answer *answer, struct sg_slice error_body)
{
    (void)error_body;
    storing->receipt.was_there = answer->status == 200;
    if (storing->receipt.was_there)
        sg_s3_abandon_parts(storing);
    else
        complete(storing, true);
}

void sg_s3_complete_if_absent(struct sg_storing *storing)
{
    if (!is_right(storing, &storing->parts->failed)) {
        sg_s3_give_up(storing);
        return;
    }
    struct sg_http_request request = {.method = "HEAD", .url = storing->url};
    sg_storing_go_on(storing, &request, still_absent);
}
