/* A large object on its way, in parts: what s3_multipart.c and s3_complete.c share. */
#pragma once

#include "sync/s3_private.h"

struct sg_s3_part {
    struct sg_storing *storing;
    uint64_t listed; /* its size, where an earlier attempt has sent it; else 0 */
};

struct sg_s3_parts {
    char *id;      /* "uploadId=...", as a URL has it */
    char *object;  /* the object's URL with that behind it */
    uint64_t size; /* of each part but the last */
    size_t count, next, running;
    struct sg_hash *whole; /* of all parts, in their order, as they are sent; NULL: it was checked before */
    struct sg_s3_part *parts;
    char (*etags)[SG_MAX_S3_ETAG]; /* "": not there */
    struct sg_err failed;          /* the first failure of a part; rc == SG_OK: none */
    struct sg_buf answer;          /* the XML that comes */
    struct sg_buf body;            /* the XML that is sent */
};

/* Sends a request whose answer goes to `answer`. */
void sg_s3_ask_for_xml(struct sg_storing *storing, struct sg_http_request *request, sg_storing_next *next);
/* The upload is over: its id is remembered no more. False: that failed, and the storing with it. */
bool sg_s3_forget_parts(struct sg_storing *storing);
/* Ends the upload for good, so that the next attempt begins anew; the storing fails with `failed`. */
void sg_s3_give_up(struct sg_storing *storing);
/* All parts are there. Makes the object of them, unless somebody else has made it meanwhile. */
void sg_s3_complete_if_absent(struct sg_storing *storing);
