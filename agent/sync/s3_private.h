/* What target_s3.c and the s3_*.c share. */
#pragma once

#include "base/limits.h"
#include "sync/http.h"

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
/* sg_http_fail() for S3, whose answers say in XML what is wrong. `what` as there; `now` is what our clock says. */
enum sg_rc sg_s3_fail(const struct sg_http_answer *answer, struct sg_slice error_body, const char *what, int64_t now,
                      struct sg_err *err);
/* The same for an <Error> that came with the status 200. */
enum sg_rc sg_s3_fail_error(const struct sg_http_answer *answer, const struct sg_s3_error *error, const char *what,
                            int64_t now, struct sg_err *err);
/* True if the answer's error has this code. */
bool sg_s3_is(struct sg_slice error_body, const char *code);
/* RFC 9110 §5.6.7, the form that is sent: "Sun, 06 Nov 1994 08:49:37 GMT". */
SG_MUST_CHECK bool sg_s3_date(const char *text, int64_t *ret);
