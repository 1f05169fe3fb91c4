/* Targets: where signed documents are kept. One kind a file (target_dav.c, target_put.c, target_s3.c); each stores
 * bytes under the hex SHA-256 of those bytes, creating only, reads them back and compares. Twice is once. */
#pragma once

#include "store/outbox.h"
#include "sync/http.h"

/* Whether a server was seen to honour "If-None-Match: *" (target_put.c). */
enum sg_conditions { SG_CONDITIONS_UNKNOWN, SG_CONDITIONS_NOT_HONOURED, SG_CONDITIONS_HONOURED };

struct sg_target {
    const char *name;
    const char *type; /* "webdav", "put", "s3" */
    const char *url;  /* without a slash at the end */
    struct sg_http_access access;
    /* What this run has learned of it; zeroes when it begins. */
    enum sg_conditions conditions;
    unsigned created; /* objects, before the conditions were known */
};

struct sg_upload {
    struct sg_http *http;
    struct sg_target *target;
    struct sg_input *bytes; /* the blob; outlives the upload */
    char sha256[65];        /* of them, hex: the key */
    bool unchecked;         /* whether that is so is for the upload to see (sg_upload_checks()) */
    bool *sends;            /* becomes true before the first octet of them is sent; NULL: nobody asks */
    struct sg_store *store; /* for what has to be remembered to resume a large one */
    int64_t step;           /* 0: of none, as the ledger's head is; one at a time goes to a target, and it is small */
    const struct sg_clock *clock;
    OSSL_LIB_CTX *libctx;
    /* Called once. `err` NULL: the target holds exactly these bytes, and `receipt` is filled (borrowed). */
    void (*done)(void *context, const struct sg_receipt *receipt, const struct sg_err *err);
    void *context;
};

/* Starts storing. `upload` is copied. What is wrong at once is returned, and then nothing is called back. */
SG_MUST_CHECK enum sg_rc sg_upload_start(const struct sg_upload *upload, struct sg_err *err);

/* Before a run: what an earlier one has learned of a target may be so no more. */
void sg_target_forget(struct sg_target *target);

/* Whether storing so many bytes there compares them with their digest on the way, before there is an object. */
bool sg_upload_checks(const struct sg_target *target, uint64_t size);

/* Fetches the bytes with that SHA-256 into `sink` and compares; `done` with err NULL: they were right. */
struct sg_download {
    struct sg_http *http;
    const struct sg_target *target;
    char sha256[65];
    uint64_t max;
    struct sg_sink sink;
    OSSL_LIB_CTX *libctx;
    void (*done)(void *context, const struct sg_err *err);
    void *context;
};

SG_MUST_CHECK enum sg_rc sg_download_start(const struct sg_download *download, struct sg_err *err);
