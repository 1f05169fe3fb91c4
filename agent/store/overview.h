/* What there is to say of the whole store at a glance: counted by SQLite over indexes that hold only what is out of the
 * ordinary, so that it costs little however much was signed. */
#pragma once

#include "store/outbox.h"
#include "store/witness.h"

struct sg_overview {
    int64_t open;             /* documents of which some step waits */
    int64_t unplaced;         /* of which sign was killed before their file had its name */
    int64_t moved, changed;   /* whose completed file is in the store, since the user's was moved or changed */
    int64_t dropped;          /* steps */
    int64_t clock_differs;    /* times that this computer's clock was found to be, or to have been, wrong */
    int64_t clock_entry;      /* the ledger's last entry about that; 0: none */
    bool clock_wrong;         /* at the last time-stamp */
    int64_t late;             /* documents signed more than five minutes before their time-stamp */
    int64_t late_entry;       /* the ledger's last entry about that; 0: none */
    int64_t ledger_last;      /* number of the last entry; 0: none */
    int64_t ledger_witnessed; /* of the last one that is witnessed; 0: none */
};

SG_MUST_CHECK enum sg_rc sg_overview_read(struct sg_store *store, struct sg_overview *ret, struct sg_err *err);

/* The bytes of all versions that were queued since then. Looks at every document. */
SG_MUST_CHECK enum sg_rc sg_overview_bytes_since(struct sg_store *store, int64_t since, int64_t *ret,
                                                 struct sg_err *err);

/* Steps that wait for the same, for the same reason. */
struct sg_waiting {
    enum sg_step_kind kind;
    const char *target;      /* of uploads; else "" */
    const char *code, *text; /* of the last failure of one of them; "": they were not tried yet */
    int64_t count;
    int64_t since; /* when the first of them was queued */
    int64_t next;  /* when the first of them is due */
};

#define SG_MAX_WAITING 1000 /* groups that are told */

/* Time-stamps first, then by target. What is passed is borrowed. */
SG_MUST_CHECK enum sg_rc sg_overview_waiting(struct sg_store *store,
                                             enum sg_rc (*each)(void *context, const struct sg_waiting *waiting,
                                                                struct sg_err *err),
                                             void *context, struct sg_err *err);
/* Documents whose completed file is in the store and not in its place, the newest first. */
SG_MUST_CHECK enum sg_rc sg_overview_apart(struct sg_store *store, int64_t limit, sg_outbox_document_fn *each,
                                           void *context, struct sg_err *err);

/* Who could not witness the ledger when that was last tried. */
struct sg_witness_failure {
    enum sg_witness_kind kind;
    const char *name; /* of the target; of TSAs "" */
    int64_t since;
    const char *code, *text;
};

SG_MUST_CHECK enum sg_rc sg_overview_witness_failures(struct sg_store *store,
                                                      enum sg_rc (*each)(void *context,
                                                                         const struct sg_witness_failure *failure,
                                                                         struct sg_err *err),
                                                      void *context, struct sg_err *err);
