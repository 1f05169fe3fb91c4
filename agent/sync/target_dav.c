/* WebDAV (RFC 4918): the bytes go to a temporary name, are read back, and get their name by MOVE with Overwrite: F,
 * which creates only, also where If-None-Match is ignored. Under the name there is never anything but all of them.
 *
 * The temporary name is the store's own for this step, so that one which a killed run left behind is written over by
 * the next, and goes. */
#include <string.h>

#include "base/msg.h"
#include "store/witness.h"
#include "sync/target_private.h"

static void put_answered(struct sg_storing *storing, const struct sg_http_answer *answer, struct sg_slice error_body);

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

static void put_read(struct sg_storing *storing, const struct sg_http_answer *answer, struct sg_slice error_body)
{
    struct sg_err err = {0};
    if (answer->status != 200) {
        sg_storing_fail_answer(storing, answer, error_body);
    } else if (sg_storing_matches(storing, answer, &err)) {
        sg_storing_take(storing, answer);
        give_name(storing);
    } else {
        sg_storing_fail(storing, &err);
    }
}

static void collection_made(struct sg_storing *storing, const struct sg_http_answer *answer, struct sg_slice error_body)
{
    /* 405: somebody else made it meanwhile. */
    if (answer->status != 201 && answer->status != 405) {
        sg_storing_fail_answer(storing, answer, error_body);
        return;
    }
    struct sg_http_request request = sg_storing_put(storing, storing->temporary);
    sg_storing_go_on(storing, &request, put_answered);
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

static void put_answered(struct sg_storing *storing, const struct sg_http_answer *answer, struct sg_slice error_body)
{
    /* 404 and 409 by Apache and others, 500 by nginx. */
    bool no_collection = answer->status == 404 || answer->status == 409 || answer->status == 500;
    if (no_collection && !storing->made_collection)
        make_collection(storing);
    else if (answer->status == 200 || answer->status == 201 || answer->status == 204)
        sg_storing_read_back(storing, storing->temporary, put_read);
    else
        sg_storing_fail_answer(storing, answer, error_body);
}

/* --- the kind ----------------------------------------------------------------------------------------------------- */

static enum sg_rc name_temporary(struct sg_storing *storing, struct sg_err *err)
{
    const struct sg_upload *upload = &storing->upload;
    char id[SG_STORE_ID], suffix[SG_STORE_ID + 32];
    enum sg_rc rc = sg_store_id(upload->store, id, err);
    if (rc != SG_OK)
        return rc;
    (void)snprintf(suffix, sizeof(suffix), ".%s-%lld.part", id, (long long)upload->step);
    return sg_object_url(upload->target, upload->sha256, suffix, &storing->temporary, err);
}

static enum sg_rc upload_dav(const struct sg_upload *upload, struct sg_err *err)
{
    _cleanup_(sg_storing_freep) struct sg_storing *storing = NULL;
    enum sg_rc rc = sg_storing_new(upload, &storing, err);
    if (rc == SG_OK)
        rc = name_temporary(storing, err);
    if (rc != SG_OK)
        return rc;
    struct sg_http_request request = sg_storing_put(storing, storing->temporary);
    rc = sg_storing_ask(storing, &request, put_answered, err);
    if (rc == SG_OK)
        (void)sg_steal(storing);
    return rc;
}

const struct sg_target_kind sg_target_dav = {"webdav", upload_dav, sg_download_plain, NULL};
