/* Large objects, in parts: several under way at once, each with its digest, so that the server refuses one that was
 * damaged on its way; over TLS, which sees to that, without. The upload's id is remembered before the first part is
 * sent, and a later attempt asks which parts are there. Nothing of a body is held in memory. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/msg.h"
#include "sync/s3_parts.h"
#include "sync/s3_xml.h"

void sg_s3_parts_free(struct sg_s3_parts *parts)
{
    if (!parts)
        return;
    free(parts->id);
    free(parts->object);
    sg_hash_free(parts->whole);
    free(parts->parts);
    free(parts->etags);
    sg_buf_clear(&parts->answer);
    sg_buf_clear(&parts->body);
    free(parts);
}

static enum sg_rc new_parts(struct sg_storing *storing, struct sg_err *err)
{
    uint64_t least = (storing->size / SG_MAX_S3_PARTS / SG_MIB + 1) * SG_MIB;
    struct sg_s3_parts *parts = storing->parts = calloc(1, sizeof(*parts));
    if (!parts)
        return sg_fail_memory(err);
    parts->answer = (struct sg_buf)SG_BUF(SG_MAX_S3_ANSWER);
    parts->body = (struct sg_buf)SG_BUF(SG_MAX_S3_PARTS * SG_KIB);
    parts->size = least > SG_S3_PART ? least : SG_S3_PART;
    parts->count = (size_t)((storing->size + parts->size - 1) / parts->size);
    parts->parts = calloc(parts->count, sizeof(*parts->parts));
    parts->etags = calloc(parts->count, sizeof(*parts->etags));
    if (!parts->parts || !parts->etags)
        return sg_fail_memory(err);
    for (size_t i = 0; i < parts->count; i++)
        parts->parts[i].storing = storing;
    if (!storing->upload.unchecked)
        return SG_OK;
    return sg_hash_new(storing->upload.libctx, "SHA256", (struct sg_sink){0}, &parts->whole, err);
}

static uint64_t part_offset(const struct sg_storing *storing, size_t index)
{
    return index * storing->parts->size;
}

static uint64_t part_len(const struct sg_storing *storing, size_t index)
{
    uint64_t left = storing->size - part_offset(storing, index);
    return left < storing->parts->size ? left : storing->parts->size;
}

/* --- the upload's id ---------------------------------------------------------------------------------------------- */

/* It goes into URLs, and is whatever the server likes. */
static enum sg_rc set_id(struct sg_storing *storing, const char *id, struct sg_err *err)
{
    struct sg_s3_parts *parts = storing->parts;
    _cleanup_(sg_buf_clear) struct sg_buf query = SG_BUF(3 * SG_MAX_S3_UPLOAD_ID + SG_KIB);
    const char *text = NULL;
    enum sg_rc rc = sg_buf_printf(&query, err, "uploadId=");
    for (; rc == SG_OK && *id; id++)
        rc = isalnum((unsigned char)*id) || strchr("-._~", *id)
                 ? sg_buf_append(&query, id, 1, err)
                 : sg_buf_printf(&query, err, "%%%02X", (unsigned)(unsigned char)*id);
    if (rc == SG_OK)
        rc = sg_buf_text(&query, &text, err);
    if (rc != SG_OK)
        return rc;
    parts->id = strdup(text);
    return parts->id && asprintf(&parts->object, "%s?%s", storing->url, text) > 0 ? SG_OK : sg_fail_memory(err);
}

static enum sg_rc remember(struct sg_storing *storing, const char *id, struct sg_err *err)
{
    return sg_step_remember(storing->upload.store, storing->upload.step, id, err);
}

bool sg_s3_forget_parts(struct sg_storing *storing)
{
    struct sg_err err = {0};
    if (remember(storing, "", &err) == SG_OK)
        return true;
    sg_storing_fail(storing, &err);
    return false;
}

/* --- asking ------------------------------------------------------------------------------------------------------- */

static enum sg_rc into_answer(void *context, const uint8_t *data, size_t len, struct sg_err *err)
{
    struct sg_s3_parts *parts = context;
    return sg_buf_append(&parts->answer, data, len, err);
}

void sg_s3_ask_for_xml(struct sg_storing *storing, struct sg_http_request *request, sg_storing_next *next)
{
    storing->parts->answer.len = 0;
    request->answer = (struct sg_sink){into_answer, storing->parts};
    request->max_answer = SG_MAX_S3_ANSWER;
    sg_storing_go_on(storing, request, next);
}

/* --- giving up ---------------------------------------------------------------------------------------------------- */

/* 404: it is gone already. An id that could not be given up stays remembered, for the next attempt. */
static bool is_gone(const struct sg_http_answer *answer)
{
    return answer->status < 300 || answer->status == 404;
}

static void abort_upload(struct sg_storing *storing, sg_storing_next *next)
{
    const struct sg_http_request request = {.method = "DELETE", .url = storing->parts->object};
    sg_storing_go_on(storing, &request, next);
}

static void abandoned(struct sg_storing *storing, const struct sg_http_answer *answer, struct sg_slice error_body)
{
    (void)error_body;
    if (!is_gone(answer) || sg_s3_forget_parts(storing))
        sg_s3_confirm(storing);
}

static enum sg_rc recall(struct sg_storing *storing, struct sg_err *err)
{
    _cleanup_(freep) char *id = NULL;
    enum sg_rc rc = sg_step_recall(storing->upload.store, storing->upload.step, &id, err);
    if (rc != SG_OK || id[0] == '\0')
        return rc;
    return set_id(storing, id, err);
}

void sg_s3_abandon_parts(struct sg_storing *storing)
{
    struct sg_err err = {0};
    if (!storing->parts && (new_parts(storing, &err) != SG_OK || recall(storing, &err) != SG_OK))
        sg_storing_fail(storing, &err);
    else if (storing->parts->id)
        abort_upload(storing, abandoned);
    else
        sg_s3_confirm(storing);
}

static void gave_up(struct sg_storing *storing, const struct sg_http_answer *answer, struct sg_slice error_body)
{
    (void)error_body;
    if (!is_gone(answer) || sg_s3_forget_parts(storing))
        sg_storing_fail(storing, &storing->parts->failed);
}

void sg_s3_give_up(struct sg_storing *storing)
{
    abort_upload(storing, gave_up);
}

/* --- the parts ---------------------------------------------------------------------------------------------------- */

static enum sg_rc read_part(const struct sg_storing *storing, size_t index, struct sg_sink sink, struct sg_err *err)
{
    return sg_input_copy(storing->upload.bytes, part_offset(storing, index), part_len(storing, index), sink, err);
}

static enum sg_rc part_md5(const struct sg_storing *storing, size_t index, char out[2 * EVP_MAX_MD_SIZE + 1],
                           struct sg_err *err)
{
    _cleanup_(sg_hash_freep) struct sg_hash *hash = NULL;
    enum sg_rc rc = sg_hash_new(storing->upload.libctx, "MD5", (struct sg_sink){0}, &hash, err);
    if (rc == SG_OK)
        rc = read_part(storing, index, sg_hash_sink(hash), err);
    return rc == SG_OK ? sg_hash_end_hex(hash, out, err) : rc;
}

/* The part's digest for its request, and on the way that of the whole. */
static enum sg_rc digest_part(const struct sg_storing *storing, size_t index, bool sent,
                              char sha256[2 * EVP_MAX_MD_SIZE + 1], struct sg_err *err)
{
    _cleanup_(sg_hash_freep) struct sg_hash *hash = NULL;
    struct sg_hash *whole = storing->parts->whole;
    struct sg_sink sink = {0};
    enum sg_rc rc = SG_OK;
    if (sent && strncmp(storing->url, "https:", 6) != 0)
        rc = sg_hash_new(storing->upload.libctx, "SHA256", (struct sg_sink){0}, &hash, err);
    if (rc == SG_OK && hash)
        sink = sg_hash_sink(hash);
    if (rc == SG_OK && whole) {
        sg_hash_set_onward(whole, sink);
        sink = sg_hash_sink(whole);
    }
    if (rc == SG_OK && sink.write)
        rc = read_part(storing, index, sink, err);
    (void)strcpy(sha256, SG_S3_UNSIGNED);
    return rc == SG_OK && hash ? sg_hash_end_hex(hash, sha256, err) : rc;
}

/* Whether a part that is there is the one that would be sent. Its ETag is the MD5 of its bytes on most servers; where
 * it is something else, its size has to do, and what is read back in the end decides. */
static enum sg_rc is_there(const struct sg_storing *storing, size_t index, bool *ret, struct sg_err *err)
{
    char md5[2 * EVP_MAX_MD_SIZE + 1];
    const char *etag = storing->parts->etags[index];
    size_t quote = etag[0] == '"';
    size_t hex = strspn(etag + quote, "0123456789abcdef");
    *ret = storing->parts->parts[index].listed == part_len(storing, index);
    if (!*ret || hex != 32 || strlen(etag) != 32 + 2 * quote)
        return SG_OK;
    enum sg_rc rc = part_md5(storing, index, md5, err);
    *ret = rc == SG_OK && strncmp(etag + quote, md5, 32) == 0;
    return rc;
}

static enum sg_rc keep_etag(struct sg_s3_part *part, const struct sg_http_answer *answer, struct sg_err *err)
{
    struct sg_storing *storing = part->storing;
    const char *etag = sg_http_header(answer, "ETag");
    if (!etag || etag[0] == '\0' || strlen(etag) >= SG_MAX_S3_ETAG)
        return sg_fail(err, SG_E_BAD_ANSWER,
                       _("The target \"%s\" did not say what it stored of %s (ETag); it is tried again later."),
                       storing->upload.target->name, storing->url);
    (void)strcpy(storing->parts->etags[part - storing->parts->parts], etag);
    return SG_OK;
}

static void send_more(struct sg_storing *storing);

static void part_sent(void *context, const struct sg_http_answer *answer, struct sg_slice error_body,
                      const struct sg_err *err)
{
    struct sg_s3_part *part = context;
    struct sg_s3_parts *parts = part->storing->parts;
    struct sg_err failed = {0};
    parts->running--;
    if (err)
        failed = *err;
    else if (answer->status >= 300)
        (void)sg_target_fail(part->storing->upload.target, answer, error_body, &failed);
    else
        (void)keep_etag(part, answer, &failed);
    if (parts->failed.rc == SG_OK)
        parts->failed = failed;
    send_more(part->storing);
}

static enum sg_rc send_part(struct sg_storing *storing, size_t index, struct sg_err *err)
{
    _cleanup_(freep) char *url = NULL;
    char sha256[2 * EVP_MAX_MD_SIZE + 1], digest[SG_S3_DIGEST];
    bool there = false;
    enum sg_rc rc = is_there(storing, index, &there, err);
    if (rc == SG_OK)
        rc = digest_part(storing, index, !there, sha256, err);
    if (rc != SG_OK || there)
        return rc;
    if (asprintf(&url, "%s?partNumber=%zu&%s", storing->url, index + 1, storing->parts->id) < 0)
        return sg_fail_memory(err);
    const char *const headers[] = {sg_s3_digest(sha256, digest)};
    const struct sg_http_request request = {
        .method = "PUT",
        .url = url,
        .headers = headers,
        .header_count = 1,
        .body = storing->upload.bytes,
        .body_offset = part_offset(storing, index),
        .body_len = part_len(storing, index),
        .sends = storing->upload.sends,
        .flags = SG_HTTP_CONFIGURED,
        .access = &storing->upload.target->access,
        .done = part_sent,
        .context = &storing->parts->parts[index],
    };
    rc = sg_http_start(storing->upload.http, &request, err);
    storing->parts->running += rc == SG_OK;
    return rc;
}

/* As many as may be under way, then what comes behind the last of them. After a failure those under way may end, since
 * the next attempt finds them there. */
static void send_more(struct sg_storing *storing)
{
    struct sg_s3_parts *parts = storing->parts;
    while (parts->failed.rc == SG_OK && parts->running < SG_S3_PARALLEL && parts->next < parts->count)
        (void)!send_part(storing, parts->next++, &parts->failed);
    if (parts->running > 0)
        return;
    if (parts->failed.rc == SG_OK)
        sg_s3_complete_if_absent(storing);
    else
        sg_storing_fail(storing, &parts->failed);
}

/* --- beginning, or going on --------------------------------------------------------------------------------------- */

static enum sg_rc take_id(void *context, const char *parent, const char *name, const char *text, struct sg_err *err)
{
    char *id = context;
    (void)err;
    if (strcmp(parent, "InitiateMultipartUploadResult") == 0 && strcmp(name, "UploadId") == 0 &&
        strlen(text) <= SG_MAX_S3_UPLOAD_ID)
        (void)strcpy(id, text);
    return SG_OK;
}

static void begun(struct sg_storing *storing, const struct sg_http_answer *answer, struct sg_slice error_body)
{
    struct sg_err err = {0};
    char id[SG_MAX_S3_UPLOAD_ID + 1] = "";
    struct sg_slice xml = sg_buf_slice(&storing->parts->answer);
    if (answer->status >= 300)
        sg_storing_fail_answer(storing, answer, error_body);
    else if (sg_s3_xml_read(xml, take_id, id, NULL) != SG_OK || id[0] == '\0')
        sg_storing_fail_answer(storing, answer, xml);
    else if (remember(storing, id, &err) != SG_OK || set_id(storing, id, &err) != SG_OK)
        sg_storing_fail(storing, &err);
    else
        send_more(storing);
}

static void begin(struct sg_storing *storing)
{
    struct sg_err err = {0};
    _cleanup_(freep) char *url = NULL;
    if (asprintf(&url, "%s?uploads=", storing->url) < 0) {
        (void)sg_fail_memory(&err);
        sg_storing_fail(storing, &err);
        return;
    }
    struct sg_http_request request = {.method = "POST", .url = url};
    sg_s3_ask_for_xml(storing, &request, begun);
}

static void list(struct sg_storing *storing, uint64_t after);

static void take_listed(void *context, const struct sg_s3_listed *listed)
{
    struct sg_s3_parts *parts = context;
    if (listed->number > parts->count)
        return;
    parts->parts[listed->number - 1].listed = listed->size;
    (void)strcpy(parts->etags[listed->number - 1], listed->etag);
}

/* `parts->next` is where the list has come to, until it is whole. */
static void listed_page(struct sg_storing *storing, const struct sg_http_answer *answer)
{
    struct sg_s3_parts *parts = storing->parts;
    struct sg_slice xml = sg_buf_slice(&parts->answer);
    uint64_t next = 0;
    if (sg_s3_list_read(xml, take_listed, parts, &next, NULL) != SG_OK) {
        sg_storing_fail_answer(storing, answer, xml);
    } else if (next > parts->next && next < SG_MAX_S3_PARTS) {
        parts->next = (size_t)next;
        list(storing, next);
    } else {
        parts->next = 0;
        send_more(storing);
    }
}

static void listed_or_not(struct sg_storing *storing, const struct sg_http_answer *answer, struct sg_slice error_body)
{
    if (answer->status < 300) {
        listed_page(storing, answer);
    } else if (answer->status == 404 && !sg_s3_is(error_body, "NoSuchBucket")) {
        /* NoSuchUpload; Ceph says NoSuchKey */
        free(sg_steal(storing->parts->id));
        free(sg_steal(storing->parts->object));
        begin(storing);
    } else {
        sg_storing_fail_answer(storing, answer, error_body);
    }
}

static void list(struct sg_storing *storing, uint64_t after)
{
    struct sg_err err = {0};
    _cleanup_(freep) char *url = NULL;
    if (asprintf(&url, "%s?part-number-marker=%llu&%s", storing->url, (unsigned long long)after, storing->parts->id) <
        0) {
        (void)sg_fail_memory(&err);
        sg_storing_fail(storing, &err);
        return;
    }
    struct sg_http_request request = {.method = "GET", .url = url};
    sg_s3_ask_for_xml(storing, &request, listed_or_not);
}

void sg_s3_send_parts(struct sg_storing *storing)
{
    struct sg_err err = {0};
    if (new_parts(storing, &err) != SG_OK || recall(storing, &err) != SG_OK)
        sg_storing_fail(storing, &err);
    else if (storing->parts->id)
        list(storing, 0);
    else
        begin(storing);
}
