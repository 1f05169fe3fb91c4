/* What the kinds of targets (target_*.c) share: one object stored, a request at a time. */
#pragma once

#include "base/hash.h"
#include "base/limits.h"
#include "sync/target.h"

/* One kind of target. */
struct sg_target_kind {
    const char *type;
    enum sg_rc (*upload)(const struct sg_upload *upload, struct sg_err *err);
    enum sg_rc (*download)(const struct sg_download *download, struct sg_err *err);
    /* As sg_http_fail(), where the server has more to say; NULL: it has not. */
    enum sg_rc (*fail)(const struct sg_http_answer *answer, struct sg_slice error_body, const char *what,
                       struct sg_err *err);
};

extern const struct sg_target_kind sg_target_dav, sg_target_put, sg_target_s3;

/* Of the object that holds the bytes with that SHA-256; allocated. SG_E_INTERNAL if it is none. */
SG_MUST_CHECK enum sg_rc sg_object_url(const struct sg_target *target, const char *sha256, const char *suffix,
                                       char **ret, struct sg_err *err);
/* What sg_http_fail() begins with; `room` for it. */
#define SG_TARGET_WHAT 256
const char *sg_target_what(const struct sg_target *target, char out[SG_TARGET_WHAT]);
/* What an answer is as an error, in the words of that kind of target. */
enum sg_rc sg_target_fail(const struct sg_target *target, const struct sg_http_answer *answer,
                          struct sg_slice error_body, struct sg_err *err);

/* A plain GET of the object: the download of targets that have nothing special about it. */
SG_MUST_CHECK enum sg_rc sg_download_plain(const struct sg_download *download, struct sg_err *err);

/* s3_multipart.c */
struct sg_s3_parts;
void sg_s3_parts_free(struct sg_s3_parts *parts);

/* --- an upload under way ------------------------------------------------------------------------------------------ */

struct sg_storing;
typedef void sg_storing_next(struct sg_storing *storing, const struct sg_http_answer *answer,
                             struct sg_slice error_body);

struct sg_storing {
    struct sg_upload upload;
    char *url;       /* of the object */
    char *temporary; /* where it is first; NULL: nowhere */
    uint64_t size;
    bool made_collection;
    bool in_parts; /* and so much is there already: */
    uint64_t offset;
    struct sg_s3_parts *parts; /* S3: of a large object; else NULL */
    sg_storing_next *next;     /* what the answer is for */
    struct sg_hash *read;      /* what is read back */
    uint64_t read_len;
    struct sg_receipt receipt; /* its texts are these: */
    char *etag, *version_id, *server_date;
    struct sg_err failed; /* what it will have failed with, when it is cleaned up */
};

SG_MUST_CHECK enum sg_rc sg_storing_new(const struct sg_upload *upload, struct sg_storing **ret, struct sg_err *err);
void sg_storing_free(struct sg_storing *storing);
SG_DEFINE_CLEANUP(struct sg_storing, sg_storing_free)

/* The next request; an answer, whatever its status, is for `next`, and no answer ends the upload. What is returned is
 * for the first request alone: later ones end the upload themselves (sg_storing_go_on()). */
SG_MUST_CHECK enum sg_rc sg_storing_ask(struct sg_storing *storing, const struct sg_http_request *request,
                                        sg_storing_next *next, struct sg_err *err);
/* An upload that begins with the question whether the object is there (HEAD). */
SG_MUST_CHECK enum sg_rc sg_storing_begin(const struct sg_upload *upload, sg_storing_next *next, struct sg_err *err);
void sg_storing_go_on(struct sg_storing *storing, const struct sg_http_request *request, sg_storing_next *next);
/* The bytes that are at `url` now, for sg_storing_matches(). Set `receipt.was_there` before, if somebody had stored
 * them already. */
void sg_storing_read_back(struct sg_storing *storing, const char *url, sg_storing_next *next);
SG_MUST_CHECK bool sg_storing_matches(struct sg_storing *storing, const struct sg_http_answer *answer,
                                      struct sg_err *err);
/* The request that sends the bytes. */
struct sg_http_request sg_storing_put(const struct sg_storing *storing, const char *url);

/* What of an answer the receipt keeps. */
void sg_storing_take(struct sg_storing *storing, const struct sg_http_answer *answer);
/* It ends: with an error, or with the receipt. Frees it. */
void sg_storing_fail(struct sg_storing *storing, const struct sg_err *err);
void sg_storing_fail_answer(struct sg_storing *storing, const struct sg_http_answer *answer,
                            struct sg_slice error_body);
void sg_storing_done(struct sg_storing *storing);
/* There are other bytes: SG_E_BAD_ANSWER if they were stored just now, SG_E_TARGET_DIFFERS if they were there before
 * (`receipt.was_there`). */
enum sg_rc sg_storing_differs(const struct sg_storing *storing, struct sg_err *err);
