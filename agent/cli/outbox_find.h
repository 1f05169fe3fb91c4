/* The documents of the outbox that a person means by a FILE or a digest. */
#pragma once

#include "base/buf.h"
#include "cli/app.h"
#include "store/outbox.h"

/* Numbers of documents, the oldest first. */
struct sg_documents {
    int64_t *numbers;
    size_t count;
};

void sg_documents_clear(struct sg_documents *documents);
SG_MUST_CHECK enum sg_rc sg_documents_add(struct sg_documents *documents, int64_t number, struct sg_err *err);

/* By the path of the original or of the signed file, by the bytes of a file that is there under another name, by a
 * SHA-256, or by a file's name alone. Several are documents of one path, signed again and again; documents of several
 * paths are SG_E_USAGE, with the paths, unless it was named by the SHA-256 of `bytes` that are all that is wanted.
 * None: SG_E_NOT_FOUND. */
SG_MUST_CHECK enum sg_rc sg_documents_find(struct sg_app *app, struct sg_store *store, const char *name, bool bytes,
                                           struct sg_documents *ret, struct sg_err *err);
