/* The outbox: what a signed document still needs, kept until it has it.
 *
 * A document (a row of `document`) that sync looks after has versions, each a blob (blobs.h): its content where the
 * signature is detached, the signature as it was made (B-B), and each level that it was brought to since. Steps say
 * what is to be done: bring it to B-T; store one blob at one target. A step is waiting, done or dropped, and does no
 * harm when it is done twice. A document is closed when none of its steps waits. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/crypto.h"
#include "base/err.h"
#include "store/store.h"

#define SG_LEVEL_CONTENT "content"

enum sg_step_kind { SG_STEP_TIMESTAMP = 1, SG_STEP_UPLOAD = 2 };
enum sg_step_state { SG_STEP_WAITING = 0, SG_STEP_DONE = 1, SG_STEP_DROPPED = 2 };
/* What became of the signed file at its place in the user's folder when a version was completed. */
enum sg_output_state { SG_OUTPUT_CURRENT, SG_OUTPUT_MOVED, SG_OUTPUT_CHANGED };

struct sg_version {
    const char *level;  /* SG_LEVEL_CONTENT, "B-B", "B-T" */
    const char *sha256; /* hex; the blob */
    int64_t size;
};

/* What sign asks for. */
struct sg_outbox_request {
    const struct sg_version *versions; /* content (if detached), and the signature */
    size_t version_count;
    bool timestamp;             /* bring it to B-T */
    const char *const *targets; /* names of the configuration's sections */
    size_t target_count;
};

/* Queues the document just recorded by sg_store_document_add(), in the same transaction. `*ret_document` is its number.
 * It is not placed until sg_outbox_placed(). */
SG_MUST_CHECK enum sg_rc sg_outbox_add(struct sg_store *store, const struct sg_outbox_request *request,
                                       int64_t *ret_document, struct sg_err *err);
/* The signed file has its name. */
SG_MUST_CHECK enum sg_rc sg_outbox_placed(struct sg_store *store, int64_t document, struct sg_err *err);
/* It could not get one, and its signature is none: the document is taken back, with a "sign-failed" entry of `why`. */
SG_MUST_CHECK enum sg_rc sg_outbox_withdraw(struct sg_store *store, int64_t document, const struct sg_err *why,
                                            struct sg_err *err);

/* --- reading: each walks rows in order; the callback's struct is borrowed, and anything but SG_OK ends the walk
 * ------- */

struct sg_outbox_document {
    int64_t document; /* number: its ledger entry's */
    const char *input, *output;
    const char *format;
    const char *result_sha256; /* of the signed file as sign made it */
    int64_t claimed_time, queued;
    const char *level, *level_sha256; /* the newest version */
    bool placed;
    enum sg_output_state output_state;
    int64_t closed; /* 0: steps are waiting */
};

struct sg_step {
    int64_t id, document;
    enum sg_step_kind kind;
    enum sg_step_state state;
    const char *level;       /* timestamp: that it leads to; upload: of the version */
    const char *sha256;      /* upload: the version's blob */
    const char *sent_sha256; /* upload to a target with encrypt-to: the blob that is sent; "": not made yet */
    const char *target;      /* upload; else "" */
    const char *output;      /* of the document, for messages */
    int64_t since;           /* when it was queued */
    int64_t attempts, last_attempt, next_attempt;
    const char *code, *text; /* of the last failure; "" if there was none */
};

typedef enum sg_rc sg_outbox_document_fn(void *context, const struct sg_outbox_document *document, struct sg_err *err);
typedef enum sg_rc sg_step_fn(void *context, const struct sg_step *step, struct sg_err *err);

/* One document. Not there: SG_E_NOT_FOUND. */
SG_MUST_CHECK enum sg_rc sg_outbox_get(struct sg_store *store, int64_t document, sg_outbox_document_fn *each,
                                       void *context, struct sg_err *err);
/* Documents that are not placed. */
SG_MUST_CHECK enum sg_rc sg_outbox_unplaced(struct sg_store *store, sg_outbox_document_fn *each, void *context,
                                            struct sg_err *err);
/* Documents by what a person names them with: a path (of the original or the signed file), a file's name, or a SHA-256
 * of one of their versions. */
SG_MUST_CHECK enum sg_rc sg_outbox_find(struct sg_store *store, const char *name, sg_outbox_document_fn *each,
                                        void *context, struct sg_err *err);
SG_MUST_CHECK enum sg_rc sg_outbox_versions(struct sg_store *store, int64_t document,
                                            enum sg_rc (*each)(void *context, const struct sg_version *version,
                                                               struct sg_err *err),
                                            void *context, struct sg_err *err);
/* The waiting steps that are due by `now`, the longest waiting first, at most `limit`, with an id above none in hand:
 * the engine asks again when it has done some. `target`: only uploads to it; NULL: only time-stamps. */
SG_MUST_CHECK enum sg_rc sg_steps_due(struct sg_store *store, const char *target, int64_t now, size_t limit,
                                      sg_step_fn *each, void *context, struct sg_err *err);
/* All steps of a document (0: of every document), waiting or not. */
SG_MUST_CHECK enum sg_rc sg_steps_of(struct sg_store *store, int64_t document, sg_step_fn *each, void *context,
                                     struct sg_err *err);
/* When the next waiting step is due; INT64_MAX: none waits. */
SG_MUST_CHECK enum sg_rc sg_steps_next(struct sg_store *store, int64_t *ret, struct sg_err *err);

/* --- journal: what sync does, inside or outside a transaction -------------------------------------------------------
 */

/* It is about to be tried: one more attempt, which counts whatever becomes of it. */
SG_MUST_CHECK enum sg_rc sg_step_begin(struct sg_store *store, int64_t step, struct sg_err *err);
/* It did not work; it is tried again at `next`. The failure is in the ledger ("sync-failed") when its code is another
 * than that of the failure before. */
SG_MUST_CHECK enum sg_rc sg_step_failed(struct sg_store *store, int64_t step, const struct sg_err *why, int64_t next,
                                        struct sg_err *err);
/* The blob that is sent in the version's place. */
SG_MUST_CHECK enum sg_rc sg_step_sends(struct sg_store *store, int64_t step, const char *sent_sha256,
                                       struct sg_err *err);
/* What a large upload needs to go on where it stopped ("" when there is nothing): the target's own words, not ours to
 * read. */
SG_MUST_CHECK enum sg_rc sg_step_remember(struct sg_store *store, int64_t step, const char *resume, struct sg_err *err);
SG_MUST_CHECK enum sg_rc sg_step_recall(struct sg_store *store, int64_t step, char **ret, struct sg_err *err);

struct sg_receipt {
    const char *target, *url; /* of the object */
    const char *sha256;       /* of the bytes that it holds, as read back */
    int64_t size;
    int64_t stored;   /* when it answered; our clock */
    int64_t compared; /* when what was read back was compared; our clock */
    int status;       /* of the answer that stored it, or of the one that said it is there already */
    const char *etag, *version_id, *server_date; /* of the answers; "" where absent */
    bool was_there;                              /* it held these bytes before */
};

/* An upload is done: the receipt is kept, and the ledger has "uploaded". */
SG_MUST_CHECK enum sg_rc sg_step_uploaded(struct sg_store *store, int64_t step, const struct sg_receipt *receipt,
                                          struct sg_err *err);
/* A time-stamp step is done: the document has a new version, with upload steps to each target it goes to; the ledger
 * has "timestamped". `tsa` is its name, `time` the genTime. */
SG_MUST_CHECK enum sg_rc sg_step_timestamped(struct sg_store *store, int64_t step, const struct sg_version *version,
                                             const char *tsa, int64_t time, enum sg_output_state state,
                                             struct sg_err *err);

struct sg_kept_receipt {
    int64_t document, step;
    const char *level;
    struct sg_receipt receipt;
};

SG_MUST_CHECK enum sg_rc sg_receipts_of(struct sg_store *store, int64_t document,
                                        enum sg_rc (*each)(void *context, const struct sg_kept_receipt *receipt,
                                                           struct sg_err *err),
                                        void *context, struct sg_err *err);

/* --- what a person asks for -----------------------------------------------------------------------------------------
 */

/* Waiting steps of the document (0: of all) are due at once. `*ret_count` of them. */
SG_MUST_CHECK enum sg_rc sg_outbox_retry(struct sg_store *store, int64_t document, int64_t *ret_count,
                                         struct sg_err *err);
/* Its waiting steps (`target` NULL: all) are dropped, with the reason in the ledger ("dropped"). */
SG_MUST_CHECK enum sg_rc sg_outbox_drop(struct sg_store *store, int64_t document, const char *target,
                                        const char *reason, int64_t *ret_count, struct sg_err *err);
/* Blobs that nothing needs any more: of documents closed before `before`, of documents forgotten, and of nobody. Calls
 * `each` with the SHA-256 of every blob that is still needed if `needed`, else of those that may go. */
SG_MUST_CHECK enum sg_rc sg_outbox_expired(struct sg_store *store, int64_t before,
                                           enum sg_rc (*each)(void *context, const char *sha256, struct sg_err *err),
                                           void *context, struct sg_err *err);
/* The copies of a closed document are not kept any longer ("forgotten"); one with waiting steps: SG_E_POLICY. */
SG_MUST_CHECK enum sg_rc sg_outbox_forget(struct sg_store *store, int64_t document, struct sg_err *err);
