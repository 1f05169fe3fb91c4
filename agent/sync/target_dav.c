/* WebDAV (RFC 4918): the bytes go to a temporary name, are read back, and get their name by MOVE with Overwrite: F,
 * which creates only, also where If-None-Match is ignored. Under the name there is never anything but all of them.
 *
 * The temporary name is the store's own for this step, so that one which a killed run left behind is written over by
 * the next, and goes; what is of no step has one name for all, since the next run has other bytes of it. What is large
 * goes in parts (Content-Range in a PUT, RFC 9110 §14.5), and the next run goes on behind what it finds there; a server
 * that cannot do that gets it whole. */
#include <string.h>

#include "base/msg.h"
#include "store/witness.h"
#include "sync/target_private.h"

#define WHOLE "whole" /* remembered of a step: the server cannot take parts */

static void send_bytes(struct sg_storing *storing);

/* --- what ends it ------------------------------------------------------------------------------------------------- */

static void cleaned(struct sg_storing *storing, const struct sg_http_answer *answer, struct sg_slice error_body)
{
    (void)answer;
    (void)error_body;
    if (storing->failed.rc == SG_OK)
        sg_storing_done(storing);
    else
        sg_storing_fail(storing, &storing->failed);
}

static void clean_up(struct sg_storing *storing)
{
    struct sg_http_request request = {.method = "DELETE", .url = storing->temporary};
    sg_storing_go_on(storing, &request, cleaned);
}

/* Somebody was there before: with the same bytes, if all is well. */
static void existing_read(struct sg_storing *storing, const struct sg_http_answer *answer, struct sg_slice error_body)
{
    if (answer->status != 200) {
        sg_storing_fail_answer(storing, answer, error_body);
        return;
    }
    if (sg_storing_matches(storing, answer, &storing->failed))
        sg_storing_take(storing, answer);
    clean_up(storing);
}

/* --- one after the other ------------------------------------------------------------------------------------------ */

static void moved(struct sg_storing *storing, const struct sg_http_answer *answer, struct sg_slice error_body)
{
    if (answer->status == 412) {
        storing->receipt.was_there = true;
        sg_storing_read_back(storing, storing->url, existing_read);
    } else if (answer->status == 201 || answer->status == 204) {
        sg_storing_take(storing, answer);
        sg_storing_done(storing);
    } else {
        sg_storing_fail_answer(storing, answer, error_body);
    }
}

static void give_name(struct sg_storing *storing)
{
    struct sg_err err = {0};
    _cleanup_(freep) char *destination = NULL;
    if (asprintf(&destination, "Destination: %s", storing->url) < 0) {
        destination = NULL;
        (void)sg_fail_memory(&err);
        sg_storing_fail(storing, &err);
        return;
    }
    const char *const headers[] = {destination, "Overwrite: F"};
    struct sg_http_request request = {
        .method = "MOVE", .url = storing->temporary, .headers = headers, .header_count = 2};
    sg_storing_go_on(storing, &request, moved);
}

/* Parts that do not make the whole are not gone on with: next time, it goes whole. */
static void put_differs(struct sg_storing *storing)
{
    struct sg_err err = {0};
    const struct sg_upload *upload = &storing->upload;
    if (!storing->in_parts) {
        sg_storing_fail(storing, &storing->failed);
    } else if (sg_step_remember(upload->store, upload->step, WHOLE, &err) != SG_OK) {
        sg_storing_fail(storing, &err);
    } else {
        clean_up(storing);
    }
}

static void put_read(struct sg_storing *storing, const struct sg_http_answer *answer, struct sg_slice error_body)
{
    if (answer->status != 200) {
        sg_storing_fail_answer(storing, answer, error_body);
    } else if (sg_storing_matches(storing, answer, &storing->failed)) {
        sg_storing_take(storing, answer);
        give_name(storing);
    } else {
        put_differs(storing);
    }
}

static void collection_made(struct sg_storing *storing, const struct sg_http_answer *answer, struct sg_slice error_body)
{
    /* 405: somebody else made it meanwhile. Apache says 403 if that was at the same moment; where it means that it does
     * not allow it, the next PUT tells. */
    if (answer->status != 201 && answer->status != 405 && answer->status != 403) {
        sg_storing_fail_answer(storing, answer, error_body);
        return;
    }
    send_bytes(storing);
}

static void make_collection(struct sg_storing *storing)
{
    struct sg_err err = {0};
    _cleanup_(freep) char *url = NULL;
    storing->made_collection = true;
    if (asprintf(&url, "%s/", storing->upload.target->url) < 0) {
        url = NULL;
        (void)sg_fail_memory(&err);
        sg_storing_fail(storing, &err);
        return;
    }
    struct sg_http_request request = {.method = "MKCOL", .url = url};
    sg_storing_go_on(storing, &request, collection_made);
}

/* 404 and 409 by Apache and others, 500 by nginx. */
static bool lacks_collection(const struct sg_storing *storing, const struct sg_http_answer *answer)
{
    return !storing->made_collection && (answer->status == 404 || answer->status == 409 || answer->status == 500);
}

static bool took_it(const struct sg_http_answer *answer)
{
    return answer->status == 200 || answer->status == 201 || answer->status == 204;
}

static void put_answered(struct sg_storing *storing, const struct sg_http_answer *answer, struct sg_slice error_body)
{
    if (lacks_collection(storing, answer))
        make_collection(storing);
    else if (took_it(answer))
        sg_storing_read_back(storing, storing->temporary, put_read);
    else
        sg_storing_fail_answer(storing, answer, error_body);
}

/* --- in parts ----------------------------------------------------------------------------------------------------- */

static uint64_t part_len(const struct sg_storing *storing)
{
    uint64_t left = storing->size - storing->offset;
    return left < SG_PUT_PART ? left : SG_PUT_PART;
}

static void part_answered(struct sg_storing *storing, const struct sg_http_answer *answer, struct sg_slice error_body)
{
    bool cannot = answer->status == 400 || answer->status == 405 || answer->status == 416 || answer->status == 501;
    if (took_it(answer)) {
        storing->offset += part_len(storing);
        send_bytes(storing);
    } else if (cannot) {
        storing->in_parts = false;
        send_bytes(storing);
    } else {
        put_answered(storing, answer, error_body);
    }
}

static void send_part(struct sg_storing *storing)
{
    char range[128];
    const char *const headers[] = {range};
    unsigned long long begin = storing->offset, len = part_len(storing), size = storing->size;
    (void)snprintf(range, sizeof(range), "Content-Range: bytes %llu-%llu/%llu", begin, begin + len - 1, size);
    struct sg_http_request request = sg_storing_put(storing, storing->temporary);
    request.headers = headers;
    request.header_count = 1;
    request.body_offset = begin;
    request.body_len = len;
    sg_storing_go_on(storing, &request, part_answered);
}

static void send_bytes(struct sg_storing *storing)
{
    struct sg_http_request request = sg_storing_put(storing, storing->temporary);
    if (!storing->in_parts)
        sg_storing_go_on(storing, &request, put_answered);
    else if (storing->offset < storing->size)
        send_part(storing);
    else
        sg_storing_read_back(storing, storing->temporary, put_read);
}

/* What a run before this one sent is there. */
static void size_answered(struct sg_storing *storing, const struct sg_http_answer *answer, struct sg_slice error_body)
{
    const char *length = answer->status == 200 ? sg_http_header(answer, "Content-Length") : NULL;
    unsigned long long there = length ? strtoull(length, NULL, 10) : 0;
    (void)error_body;
    storing->offset = there <= storing->size ? there : 0;
    send_bytes(storing);
}

/* --- the kind ----------------------------------------------------------------------------------------------------- */

static enum sg_rc name_without_digest(struct sg_storing *storing, const char *id, struct sg_err *err)
{
    char *url = NULL;
    if (asprintf(&url, "%s/%s.part", storing->upload.target->url, id) < 0)
        return sg_fail_memory(err);
    storing->temporary = url;
    return SG_OK;
}

static enum sg_rc name_temporary(struct sg_storing *storing, struct sg_err *err)
{
    const struct sg_upload *upload = &storing->upload;
    char id[SG_STORE_ID], suffix[SG_STORE_ID + 32];
    enum sg_rc rc = sg_store_id(upload->store, id, err);
    if (rc != SG_OK)
        return rc;
    if (upload->step == 0)
        return name_without_digest(storing, id, err);
    (void)snprintf(suffix, sizeof(suffix), SG_STEP_PART, id, (long long)upload->step);
    return sg_object_url(upload->target, upload->sha256, suffix, &storing->temporary, err);
}

static enum sg_rc decide_parts(struct sg_storing *storing, struct sg_err *err)
{
    const struct sg_upload *upload = &storing->upload;
    _cleanup_(freep) char *remembered = NULL;
    if (storing->size <= SG_PUT_PART)
        return SG_OK;
    enum sg_rc rc = sg_step_recall(upload->store, upload->step, &remembered, err);
    if (rc == SG_OK)
        storing->in_parts = strcmp(remembered, WHOLE) != 0;
    return rc;
}

static enum sg_rc upload_dav(const struct sg_upload *upload, struct sg_err *err)
{
    _cleanup_(sg_storing_freep) struct sg_storing *storing = NULL;
    enum sg_rc rc = sg_storing_new(upload, &storing, err);
    if (rc == SG_OK)
        rc = name_temporary(storing, err);
    if (rc == SG_OK)
        rc = decide_parts(storing, err);
    if (rc != SG_OK)
        return rc;
    struct sg_http_request put = sg_storing_put(storing, storing->temporary);
    struct sg_http_request head = {.method = "HEAD", .url = storing->temporary};
    rc = storing->in_parts ? sg_storing_ask(storing, &head, size_answered, err)
                           : sg_storing_ask(storing, &put, put_answered, err);
    if (rc == SG_OK)
        (void)sg_steal(storing);
    return rc;
}

const struct sg_target_kind sg_target_dav = {"webdav", upload_dav, sg_download_plain, NULL};
