/* The ledger's head witnessed: a statement of it is time-stamped, and stored at every target, once for each state that
 * the ledger is found in. It is the last thing that a run does, so that what the run recorded is witnessed too, and the
 * next run finds nothing to do. */
#pragma once

#include "store/witness.h"
#include "sync/target.h"
#include "sync/tsa.h"

struct sg_witnessing;

/* Everything is borrowed until sg_witnessing_free(). */
struct sg_witnessing_options {
    struct sg_store *store;
    struct sg_http *http;
    struct sg_tsas *tsas;       /* NULL: there are none */
    const char *const *targets; /* their names */
    size_t target_count;
    /* A target with its access, when it is needed; what fails here is why that target is no witness. */
    enum sg_rc (*open)(void *context, size_t index, struct sg_target **ret, struct sg_err *err);
    void *context;
    const struct sg_clock *clock;
    OSSL_LIB_CTX *libctx;
};

/* Forgets failures of who is not among these any more, and starts what is missing of the newest statement; with nothing
 * missing it is over at once. sg_http_run() moves it on. Who cannot witness is recorded, and no error. */
SG_MUST_CHECK enum sg_rc sg_witnessing_start(const struct sg_witnessing_options *options, struct sg_witnessing **ret,
                                             struct sg_err *err);
bool sg_witnessing_is_over(const struct sg_witnessing *witnessing);
/* SG_OK, or why an outcome could not be recorded. */
SG_MUST_CHECK enum sg_rc sg_witnessing_result(const struct sg_witnessing *witnessing, struct sg_err *err);
/* Free the sg_http first: its requests call back into this. */
void sg_witnessing_free(struct sg_witnessing *witnessing);
SG_DEFINE_CLEANUP(struct sg_witnessing, sg_witnessing_free)
