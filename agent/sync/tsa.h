/* Time-stamps (RFC 3161 over HTTP, §3.4): the configured TSAs are asked in their order, and what one answers is judged
 * by verify/ before anybody has it. One that cannot be reached, fails, refuses, or answers with what does not hold
 * gives way to the next. */
#pragma once

#include "store/outbox.h"
#include "sync/http.h"
#include "verify/verify.h"

struct sg_tsa {
    const char *name; /* of the configuration's section */
    const char *url;
    const char *policy; /* OID to ask for; "": the TSA's own */
};

/* The TSAs of one run. Borrows what it is made from. */
struct sg_tsas;

struct sg_tsas_options {
    struct sg_http *http;
    /* Judges the tokens. Softly: the TSA's certificate may come with its first token, and what is known about its
     * revocation only with the next pull. That it was revoked is never overlooked. */
    struct sg_verifier *verifier;
    const struct sg_clock *clock;
    OSSL_LIB_CTX *libctx;
    const struct sg_tsa *tsas; /* in the order in which they are asked */
    size_t count;
};

SG_MUST_CHECK enum sg_rc sg_tsas_new(const struct sg_tsas_options *options, struct sg_tsas **ret, struct sg_err *err);
/* Free the sg_http first: its requests call back into this. */
void sg_tsas_free(struct sg_tsas *tsas);
SG_DEFINE_CLEANUP(struct sg_tsas, sg_tsas_free)

/* A time-stamp that holds. Borrowed until the callback returns. */
struct sg_stamp {
    struct sg_slice token; /* DER */
    struct sg_stamped stamped;
    /* The TSA's certificate up to its anchor, the first time that it answers in this run; else NULL. */
    const STACK_OF(X509) *chain;
};

/* Asks for a time-stamp of what has this SHA-256. `kind` is a literal that says what it is ("signature"). Called once,
 * from sg_http_run() or sg_http_free(): with the stamp, or with why there is none from any, which names each. What is
 * wrong at once is returned, and then nothing is called back. */
struct sg_stamp_request {
    const char *kind;
    uint8_t sha256[SG_SHA256_LEN];
    void (*done)(void *context, const struct sg_stamp *stamp, const struct sg_err *err);
    void *context;
};

SG_MUST_CHECK enum sg_rc sg_stamp_start(struct sg_tsas *tsas, const struct sg_stamp_request *request,
                                        struct sg_err *err);

/* --- a document's B-T ----------------------------------------------------------------------------------------------
 */

/* What sg_step_timestamped() wants to know. Borrowed until the callback returns. */
struct sg_completed {
    struct sg_version version; /* B-T: its blob is finished, and not yet on disk: sg_blobs_sync() before the commit */
    struct sg_stamped stamped;
};

/* Brings a document to B-T, in a copy of its newest version that becomes a blob, in the way of its format (stamping.h):
 * the signature value is time-stamped, and the token put into the signature (EN 319 122-1 §5.3); of a PDF only while
 * certainly nothing of it was sent to a target, and else the whole document is, in an update of its own. Signatures
 * that were made here into the same file before, and have no time-stamp in it, get theirs after that one. The outcome
 * is the caller's to record, who shares the outbox until then; all that is written to the store is the TSA's chain, for
 * the next pull. A document that cannot have a time-stamp, since its blob is damaged or has no signature that is
 * clearly ours, is an error of that document. */
struct sg_completion {
    struct sg_tsas *tsas;
    struct sg_store *store;
    const char *state_folder;
    OSSL_LIB_CTX *libctx;
    int64_t document;
    void (*done)(void *context, const struct sg_completed *completed, const struct sg_err *err);
    void *context;
};

SG_MUST_CHECK enum sg_rc sg_completion_start(const struct sg_completion *completion, struct sg_err *err);
