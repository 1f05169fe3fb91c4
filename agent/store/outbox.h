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
#define SG_LEVEL_B_B "B-B"
#define SG_LEVEL_B_T "B-T"

enum sg_step_kind { SG_STEP_TIMESTAMP = 1, SG_STEP_UPLOAD = 2 };
enum sg_step_state { SG_STEP_WAITING = 0, SG_STEP_DONE = 1, SG_STEP_DROPPED = 2 };
/* Of the signed file at its place in the user's folder: it is the newest version; it is not there any more, or is
 * another than any of ours, and the newest version stays in the store; it is an older one that the newest has yet to
 * replace (sg_outbox_renew()). */
enum sg_output_state { SG_OUTPUT_CURRENT, SG_OUTPUT_MOVED, SG_OUTPUT_CHANGED, SG_OUTPUT_BEHIND };

struct sg_version {
    const char *level;  /* SG_LEVEL_... */
    const char *sha256; /* hex; the blob */
    int64_t size;
    bool instead;    /* written only: nobody has the one before it, nor is to get it (sg_step_timestamped()) */
    const char *tsa; /* read only: who gave it its time-stamp, and the genTime; "" and 0 for others */
    int64_t time;
};

/* What sign asks for. */
struct sg_outbox_request {
    const struct sg_version *versions; /* content (if detached), and, last, the signature */
    size_t version_count;
    bool timestamp;             /* bring it to B-T */
    const char *const *targets; /* names of the configuration's sections */
    size_t target_count;
    const char *replaces; /* sg_outfile_replaces(): the file that the signed one takes the place of; "": none */
};

/* Queues the document just recorded by sg_store_document_add(), in the same transaction. `*ret_document` is its number.
 * It is not placed until sg_outbox_placed(). */
SG_MUST_CHECK enum sg_rc sg_outbox_add(struct sg_store *store, const struct sg_outbox_request *request,
                                       int64_t *ret_document, struct sg_err *err);
/* The signed file has its name, or cannot have it and stays in the store (SG_OUTPUT_MOVED, SG_OUTPUT_CHANGED). */
SG_MUST_CHECK enum sg_rc sg_outbox_placed(struct sg_store *store, int64_t document, enum sg_output_state state,
                                          struct sg_err *err);
/* It could not get one, and its signature is none: the document, queued or only recorded, is taken back, with a
 * "sign-failed" entry of `why`. */
SG_MUST_CHECK enum sg_rc sg_outbox_withdraw(struct sg_store *store, int64_t document, const struct sg_err *why,
                                            struct sg_err *err);

/* --- reading: each walks rows in order; the callback's struct is borrowed, and anything but SG_OK ends the walk. A
 * callback does not start the same walk again, nor does it change what is walked over. ----------------------------- */

struct sg_outbox_document {
    int64_t document; /* number: its ledger entry's */
    const char *input, *output;
    const char *format;
    const char *result_sha256; /* of the signed file as sign made it */
    int64_t claimed_time, queued;
    const char *level, *level_sha256; /* the newest version */
    bool placed;
    enum sg_output_state output_state;
    int64_t closed;       /* 0: steps are waiting */
    int64_t forgotten;    /* its copies are not kept since; 0: they are */
    const char *replaces; /* as in the request */
    const char *key;      /* as in sg_document */
};

#define SG_STEP_NEVER INT64_MAX /* a next attempt that a person has to ask for: sg_outbox_retry() */

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
    bool sent;               /* upload: something of it may have been, in some attempt */
};

/* Behind the digest of what is sent, the name that it has at a WebDAV target until all of it is there: the store's id
 * (store/witness.h), the step. */
#define SG_STEP_PART ".%s-%lld.part"

typedef enum sg_rc sg_outbox_document_fn(void *context, const struct sg_outbox_document *document, struct sg_err *err);
typedef enum sg_rc sg_version_fn(void *context, const struct sg_version *version, struct sg_err *err);
typedef enum sg_rc sg_step_fn(void *context, const struct sg_step *step, struct sg_err *err);

/* One document. Not there: SG_E_NOT_FOUND. */
SG_MUST_CHECK enum sg_rc sg_outbox_get(struct sg_store *store, int64_t document, sg_outbox_document_fn *each,
                                       void *context, struct sg_err *err);
/* Documents that are not placed. */
SG_MUST_CHECK enum sg_rc sg_outbox_unplaced(struct sg_store *store, sg_outbox_document_fn *each, void *context,
                                            struct sg_err *err);
/* Documents whose signed file is behind. */
SG_MUST_CHECK enum sg_rc sg_outbox_behind(struct sg_store *store, sg_outbox_document_fn *each, void *context,
                                          struct sg_err *err);
/* Documents by what a person names them with, the oldest first: an absolute path (of the original or the signed file),
 * a file's name, or a SHA-256 of one of their versions. */
SG_MUST_CHECK enum sg_rc sg_outbox_find(struct sg_store *store, const char *name, sg_outbox_document_fn *each,
                                        void *context, struct sg_err *err);
/* Whether anybody may have the signed file as it is or was: something of it may have been sent, whatever is known of
 * what became of that. */
SG_MUST_CHECK enum sg_rc sg_outbox_delivered(struct sg_store *store, int64_t document, bool *ret, struct sg_err *err);
SG_MUST_CHECK enum sg_rc sg_outbox_versions(struct sg_store *store, int64_t document, sg_version_fn *each,
                                            void *context, struct sg_err *err);
/* The waiting steps that are due by `now`, those due for the longest first, at most `limit`: those in hand come again
 * until their outcome is journaled. Not of documents that are not placed. `target`: only uploads to it; NULL: only
 * time-stamps. `stamps_first`: not the signature of a PDF whose time-stamp is due as well, since that goes into it as
 * long as nobody has it. */
SG_MUST_CHECK enum sg_rc sg_steps_due(struct sg_store *store, const char *target, int64_t now, bool stamps_first,
                                      size_t limit, sg_step_fn *each, void *context, struct sg_err *err);
/* All steps of a document, waiting or not. */
SG_MUST_CHECK enum sg_rc sg_steps_of(struct sg_store *store, int64_t document, sg_step_fn *each, void *context,
                                     struct sg_err *err);
/* The waiting steps of every document. */
SG_MUST_CHECK enum sg_rc sg_steps_waiting(struct sg_store *store, sg_step_fn *each, void *context, struct sg_err *err);
/* When the next waiting step is due that is due at `from` or later; INT64_MAX: none waits. */
SG_MUST_CHECK enum sg_rc sg_steps_next(struct sg_store *store, int64_t from, int64_t *ret, struct sg_err *err);
/* How many are due by `now`. */
SG_MUST_CHECK enum sg_rc sg_steps_count_due(struct sg_store *store, int64_t now, size_t *ret, struct sg_err *err);
/* Whether something waits for this target of which fewer than `quorum` others have a receipt. */
SG_MUST_CHECK enum sg_rc sg_steps_short(struct sg_store *store, const char *target, int64_t quorum, bool *ret,
                                        struct sg_err *err);

/* --- journal: what sync does, inside or outside a transaction ------------------------------------------------------
 *
 * A person may drop a step while it is in hand. An upload that succeeds then is done all the same, since the target has
 * it; any other outcome of a step that does not wait changes nothing. */

/* It is about to be tried: one more attempt, which counts whatever becomes of it, and may send something. */
SG_MUST_CHECK enum sg_rc sg_step_begin(struct sg_store *store, int64_t step, struct sg_err *err);
/* In the attempt that was begun last, certainly no octet of it was sent. At most once for each attempt. */
SG_MUST_CHECK enum sg_rc sg_step_unsent(struct sg_store *store, int64_t step, struct sg_err *err);
/* It did not work; it is tried again at `next` (or SG_STEP_NEVER). The failure is in the ledger ("sync-failed") when
 * its code is another than that of the failure before. */
SG_MUST_CHECK enum sg_rc sg_step_failed(struct sg_store *store, int64_t step, const struct sg_err *why, int64_t next,
                                        struct sg_err *err);
/* A server is at fault, or the way to it: whatever is due by `now` for this target (NULL: time-stamps) waits until
 * `next`, without an attempt of its own. */
SG_MUST_CHECK enum sg_rc sg_steps_postpone(struct sg_store *store, const char *target, int64_t now,
                                           const struct sg_err *why, int64_t next, struct sg_err *err);
/* There may be a network now, and room on the disk: what failed for want of that, and not by a server, is due;
 * `mended`: so is what a person had to mend (a token, a PIN, the configuration, the credentials). What was queued or
 * tried by a clock that has been set back since is due as well. */
SG_MUST_CHECK enum sg_rc sg_steps_retry_some(struct sg_store *store, int64_t now, bool mended, struct sg_err *err);
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
/* A time-stamp that came. */
struct sg_stamped {
    const char *tsa;         /* the name of its section */
    int64_t time;            /* genTime */
    int64_t asked, answered; /* our clock, when it was asked for and when it came */
};

/* A time-stamp step is done: the document has a new version, with upload steps to each target that the one before goes
 * to and whose upload was not dropped; one that is there `instead` of it is sent by the steps that were to send that
 * one. The signed file is behind; the ledger has "timestamped", and "clock-differs" if the signature claims a time more
 * than SG_CLOCK_TOLERANCE before that of the time-stamp, as one that waited for a network does; "clock-ahead" if the
 * time is as far after it. This computer's clock is compared too (sg_clock_compare()). */
SG_MUST_CHECK enum sg_rc sg_step_timestamped(struct sg_store *store, int64_t step, const struct sg_version *version,
                                             const struct sg_stamped *stamped, struct sg_err *err);
/* What a time-stamp shows of this computer's clock: "clock-wrong" in the ledger if it is more than SG_CLOCK_TOLERANCE
 * off, "clock-right" once it is not any more. While nothing changes there is no further entry. */
SG_MUST_CHECK enum sg_rc sg_clock_compare(struct sg_store *store, const struct sg_stamped *stamped, struct sg_err *err);

#define SG_CLOCK_TOLERANCE 300 /* seconds */

struct sg_kept_receipt {
    int64_t document, step;
    const char *level;
    struct sg_receipt receipt;
};

typedef enum sg_rc sg_receipt_fn(void *context, const struct sg_kept_receipt *receipt, struct sg_err *err);

SG_MUST_CHECK enum sg_rc sg_receipts_of(struct sg_store *store, int64_t document, sg_receipt_fn *each, void *context,
                                        struct sg_err *err);

/* --- what a person asks for -----------------------------------------------------------------------------------------
 */

/* Waiting steps of the document (0: of all) are due at once. `*ret_count` of them. */
SG_MUST_CHECK enum sg_rc sg_outbox_retry(struct sg_store *store, int64_t document, int64_t *ret_count,
                                         struct sg_err *err);
/* Its waiting steps (`target` NULL: all) are dropped, with the reason in the ledger ("dropped"). */
SG_MUST_CHECK enum sg_rc sg_outbox_drop(struct sg_store *store, int64_t document, const char *target,
                                        const char *reason, int64_t *ret_count, struct sg_err *err);
/* The copies of a closed document are not kept any longer ("forgotten"), and go with the next sweep; one with waiting
 * steps: SG_E_POLICY. */
SG_MUST_CHECK enum sg_rc sg_outbox_forget(struct sg_store *store, int64_t document, struct sg_err *err);
/* So it is with documents closed before `before` ("expired"), but for those whose newest version is nowhere else: it is
 * not in the place of the signed file, and no target has a receipt for it. */
SG_MUST_CHECK enum sg_rc sg_outbox_expire(struct sg_store *store, int64_t before, struct sg_err *err);

/* --- the folder of copies -------------------------------------------------------------------------------------------
 *
 * Whoever makes blobs shares the outbox from before the first one until what they are for is committed (and, if it is
 * sign, placed). Who has it alone may place what others left behind. Both end when the descriptor is closed
 * (closep()), and with the process. */

/* Waits, for a bounded time, for who has it alone: SG_E_BUSY. */
SG_MUST_CHECK enum sg_rc sg_outbox_share(struct sg_store *store, int *ret_fd, struct sg_err *err);
/* Does not wait: `*ret_fd` is -1 while somebody shares it, who will be done sooner or later. */
SG_MUST_CHECK enum sg_rc sg_outbox_alone(struct sg_store *store, int *ret_fd, struct sg_err *err);

/* What became of a document that a killed sign left without its signed file. */
typedef void sg_outbox_place_fn(void *context, const struct sg_outbox_document *document, enum sg_output_state state);
/* Gives the signed files their places, from their blobs; alone. Nothing is overwritten but the very file that sign was
 * to replace. Where the place is taken or its folder gone, the file stays in the store. A full disk or a damaged blob
 * leaves the document as it is; the others are placed, and the first such failure is returned. `each` may be NULL. */
SG_MUST_CHECK enum sg_rc sg_outbox_place(struct sg_store *store, sg_outbox_place_fn *each, void *context,
                                         struct sg_err *err);
/* Puts the newest version in the place of signed files that are behind, after the commit that left them so: atomically,
 * with the file's mode, and only where the file still is an older version of ours. Where it is gone or another, the
 * newest version stays in the store. What cannot be written to just now stays behind, for the next time. So it is with
 * a full disk or a damaged blob; the others are done then, and the first such failure is returned. `each` may be NULL.
 */
SG_MUST_CHECK enum sg_rc sg_outbox_renew(struct sg_store *store, sg_outbox_place_fn *each, void *context,
                                         struct sg_err *err);
/* Removes copies: of documents forgotten, and of nobody. Has the outbox alone for moments; `*ret_later`: could not, and
 * so not all of them are gone. */
SG_MUST_CHECK enum sg_rc sg_outbox_sweep(struct sg_store *store, int64_t *ret_removed, bool *ret_later,
                                         struct sg_err *err);
