/* One run of sync: what the outbox says is due is done, as far as servers let it.
 *
 * Nothing waits for what it does not need: each target and each time-stamp authority has its own line, and one that
 * fails is left alone for the rest of the run while the others go on. What is done is journaled in groups, so that a
 * crash repeats only what was under way, which does no harm. */
#pragma once

#include "sync/pull.h"
#include "sync/target.h"
#include "sync/tsa.h"

struct sg_sync_target {
    struct sg_target target;
    const STACK_OF(X509) *encrypt_to; /* what is sent is encrypted to them; NULL: it is the document itself */
};

enum sg_sync_did { SG_SYNC_PLACED, SG_SYNC_TIMESTAMPED, SG_SYNC_UPLOADED };

/* What a run did, or could not do: told when it is on disk. */
struct sg_sync_event {
    enum sg_sync_did what;
    const char *output;               /* the document: its signed file */
    const char *level;                /* of the version */
    const char *server;               /* the target's or time-stamp authority's name */
    const struct sg_receipt *receipt; /* of an upload that is done */
    const char *kept; /* SHA-256 of a completed file that is in the store alone: the signed one is gone or another */
    const struct sg_err *err; /* NULL: done */
    int64_t next;             /* of a failure: when it is tried again; or SG_STEP_NEVER */
};

struct sg_sync_progress {
    size_t done, failed, known; /* steps of this run; `known` counts those, and what else was due lately */
    size_t under_way;
    uint64_t bytes; /* of documents whose upload is done */
};

/* Everything is borrowed. */
struct sg_sync {
    struct sg_store *store;
    const char *state_folder;
    OSSL_LIB_CTX *libctx;
    const struct sg_clock *clock;
    const struct sg_log *log;
    struct sg_http_settings http;
    struct sg_sync_target *targets;
    size_t target_count;
    const struct sg_tsa *tsas; /* in the order in which they are asked */
    size_t tsa_count;
    struct sg_verifier *verifier;       /* judges what they answer */
    const char *list_url, *list_signer; /* of the list of anchors; "": none */
    int64_t keep_copies;                /* seconds after everything is done */
    bool by_hand; /* a person started it, and may have mended what only a person can: that is tried, too */
    /* Fills in a target's access and `encrypt_to`: before its first upload, and only if it has one, since a key on a
     * token may want a PIN. What fails here fails for all that goes to the target. */
    enum sg_rc (*open)(void *context, struct sg_sync_target *target, struct sg_err *err);
    void (*tell)(void *context, const struct sg_sync_event *event);
    void (*tell_pull)(void *context, const struct sg_pull_event *event);
    void (*show)(void *context, const struct sg_sync_progress *progress); /* some times a second */
    /* Anything but SG_OK ends the run: what is under way is left for the next one. */
    enum sg_rc (*may_go_on)(void *context, struct sg_err *err);
    void *context;
};

/* Another run is at it: SG_E_BUSY. That steps fail is no error of the run: they wait, and the store says why. */
SG_MUST_CHECK enum sg_rc sg_sync_run(const struct sg_sync *sync, struct sg_sync_progress *ret, struct sg_err *err);
