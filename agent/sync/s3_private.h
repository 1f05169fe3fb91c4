/* What target_s3.c and the s3_*.c share. */
#pragma once

#include "base/limits.h"
#include "sync/target_private.h"

/* --- s3_errors.c -------------------------------------------------------------------------------------------------- */

/* <Error> of an answer; what it does not have is "". Printable ASCII, whatever was sent. */
struct sg_s3_error {
    char code[64]; /* "NoSuchBucket" */
    char message[160];
    char request_id[96];
    char region[64]; /* that the bucket is in, where it was asked for in another */
};

/* Anything but an <Error> with a <Code>: SG_E_BAD_ANSWER. */
SG_MUST_CHECK enum sg_rc sg_s3_error_read(struct sg_slice xml, struct sg_s3_error *ret, struct sg_err *err);
/* sg_http_fail() for S3, whose answers say in XML what is wrong; `what` as there. */
enum sg_rc sg_s3_fail(const struct sg_http_answer *answer, struct sg_slice error_body, const char *what,
                      struct sg_err *err);
/* The same for an <Error> that came with the status 200. */
enum sg_rc sg_s3_fail_error(const struct sg_http_answer *answer, const struct sg_s3_error *error, const char *what,
                            struct sg_err *err);
/* True if the answer's error has this code. */
bool sg_s3_is(struct sg_slice error_body, const char *code);
/* RFC 9110 §5.6.7, the form that is sent: "Sun, 06 Nov 1994 08:49:37 GMT". */
SG_MUST_CHECK bool sg_s3_date(const char *text, int64_t *ret);

/* --- target_s3.c -------------------------------------------------------------------------------------------------- */

#define SG_S3_CREATE_ONLY "If-None-Match: *"
#define SG_S3_DIGEST (sizeof("x-amz-content-sha256: ") + SG_SHA256_HEX) /* room for that header */

#define SG_S3_UNSIGNED "UNSIGNED-PAYLOAD" /* instead of a digest */

/* The header with the digest of a request's body. Returns `out`. */
const char *sg_s3_digest(const char *sha256, char out[SG_S3_DIGEST]);
/* The object is there, whoever stored it: it is read back, and that is the end. */
void sg_s3_confirm(struct sg_storing *storing);

/* --- s3_multipart.c ----------------------------------------------------------------------------------------------- */

/* Sends the object in parts, going on where an earlier attempt stopped; then sg_s3_confirm(), or it failed. */
void sg_s3_send_parts(struct sg_storing *storing);
/* The object is there. What an earlier attempt has sent of it in parts is given up; then sg_s3_confirm(). */
void sg_s3_abandon_parts(struct sg_storing *storing);

/* --- s3_list.c ---------------------------------------------------------------------------------------------------- */

struct sg_s3_listed {
    uint64_t number, size;
    char etag[SG_MAX_S3_ETAG]; /* as the server gave it, with its quotes; never "" */
};

/* Calls `each` for each part that a page of ListParts has; what is no part is left out. `*ret_next` is the marker of
 * the next page, 0 if this was the last. No such list: SG_E_BAD_ANSWER. */
SG_MUST_CHECK enum sg_rc sg_s3_list_read(struct sg_slice xml, void (*each)(void *context, const struct sg_s3_listed *),
                                         void *context, uint64_t *ret_next, struct sg_err *err);
/* The body of CompleteMultipartUpload: parts 1 to `count`. */
SG_MUST_CHECK enum sg_rc sg_s3_list_write(const char (*etags)[SG_MAX_S3_ETAG], size_t count, struct sg_buf *out,
                                          struct sg_err *err);
