/* Objects in an S3 bucket, each under the hex SHA-256 of its bytes: asked for, created only, read back.
 *
 * Where a server does not know "If-None-Match: *" (501), or ignores it (Ceph 16 does in a bucket that keeps versions),
 * this is safe all the same: since the key is the digest of the bytes, two writers of one key write the same bytes, and
 * the later replaces them by themselves. What could be wrong then is only that a bucket with versions keeps two that
 * are alike. That is why it is asked first whether the object is there: without the condition, two versions come only
 * of two writers in the same moment. */
#include <stdio.h>
#include <string.h>

#include "sync/s3_private.h"

const char *sg_s3_digest(const char *sha256, char out[SG_S3_DIGEST])
{
    (void)snprintf(out, SG_S3_DIGEST, "x-amz-content-sha256: %s", sha256);
    return out;
}

/* --- reading back ------------------------------------------------------------------------------------------------- */

static void read_answered(struct sg_storing *storing, const struct sg_http_answer *answer, struct sg_slice error_body)
{
    struct sg_err err = {0};
    if (!storing->etag) /* else the answer that stored it has told what there is */
        sg_storing_take(storing, answer);
    if (answer->status != 200)
        sg_storing_fail_answer(storing, answer, error_body);
    else if (sg_storing_matches(storing, answer, &err))
        sg_storing_done(storing);
    else
        sg_storing_fail(storing, &err);
}

void sg_s3_confirm(struct sg_storing *storing)
{
    sg_storing_read_back(storing, storing->url, read_answered);
}

/* --- in one piece ------------------------------------------------------------------------------------------------- */

static void put(struct sg_storing *storing, bool create_only);

static void stored_or_not(struct sg_storing *storing, const struct sg_http_answer *answer, struct sg_slice error_body)
{
    if (answer->status >= 300) {
        sg_storing_fail_answer(storing, answer, error_body);
        return;
    }
    sg_storing_take(storing, answer);
    sg_s3_confirm(storing);
}

static void created_or_not(struct sg_storing *storing, const struct sg_http_answer *answer, struct sg_slice error_body)
{
    if (answer->status == 412) {
        storing->receipt.was_there = true;
        sg_s3_confirm(storing);
    } else if (answer->status == 501) {
        put(storing, false);
    } else {
        stored_or_not(storing, answer, error_body);
    }
}

static void put(struct sg_storing *storing, bool create_only)
{
    char digest[SG_S3_DIGEST];
    const char *const headers[] = {sg_s3_digest(storing->upload.sha256, digest), SG_S3_CREATE_ONLY};
    struct sg_http_request request = sg_storing_put(storing, storing->url);
    size_t first = storing->size == 0; /* nothing has a digest that is known */
    request.headers = headers + first;
    request.header_count = 1 - first + create_only;
    sg_storing_go_on(storing, &request, create_only ? created_or_not : stored_or_not);
}

/* --- the whole ---------------------------------------------------------------------------------------------------- */

/* Any answer but "it is there" is left to that to the PUT, which says in words what is wrong. */
static void there_or_not(struct sg_storing *storing, const struct sg_http_answer *answer, struct sg_slice error_body)
{
    bool large = storing->size > SG_S3_PART;
    (void)error_body;
    storing->receipt.was_there = answer->status == 200;
    if (answer->status == 200 && large) {
        sg_s3_abandon_parts(storing);
    } else if (answer->status == 200) {
        sg_s3_confirm(storing);
    } else if (large) {
        sg_s3_send_parts(storing);
    } else {
        put(storing, true);
    }
}

static enum sg_rc upload_s3(const struct sg_upload *upload, struct sg_err *err)
{
    return sg_storing_begin(upload, there_or_not, err);
}

const struct sg_target_kind sg_target_s3 = {"s3", upload_s3, sg_download_plain, sg_s3_fail};
