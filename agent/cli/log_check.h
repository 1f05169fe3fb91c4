/* `signet log --check`: is the chain whole, and what do others witness of it? */
#pragma once

#include "cli/app.h"
#include "cli/ledger_file.h"
#include "verify/verify.h"

/* A ledger is checked in four steps: what is known of witnesses, its entries, what follows, and saying it. */
struct sg_log_check {
    struct sg_app *app;
    struct sg_verifier *verifier; /* of time-stamps, offline, as of now */
    struct sg_store *store;       /* where the witnesses' time-stamps are; NULL: with the witnesses */
    const char *name;             /* of what is checked: a path */
    char id[SG_STORE_ID];         /* of the store that it is of */
    /* An export may begin in the middle: what its first entry says of the one before is believed, and that it has the
     * entries that it says is held to it. */
    bool believes_first;
    struct sg_ledger_range said;
    bool one_of_many; /* statements may be about entries of another export */
    struct sg_ledger_chain chain;
    struct sg_witness_item *items; /* by number once the entries begin */
    size_t item_count, item_next;  /* those before `item_next` have met their entries, or will not */
    struct sg_ledger_range range;  /* of the entries seen; `last` is 0 before the first */

    json_t *findings; /* {"check", "result", "number", "name", "time", "text"} */
    bool wrong;
    int64_t witnessed; /* up to this entry; 0: none */
    int64_t stamped;   /* up to this entry there is a time-stamp that could not be judged; 0: none */
};

/* Clear with sg_log_check_clear() also after a failure. */
SG_MUST_CHECK enum sg_rc sg_log_check_init(struct sg_log_check *check, struct sg_app *app, struct sg_verifier *verifier,
                                           const char *name, struct sg_err *err);
void sg_log_check_clear(struct sg_log_check *check);
/* A witness that was kept with the ledger; `context` is the check. */
SG_MUST_CHECK enum sg_rc sg_log_check_witness(void *context, const struct sg_witness *witness, struct sg_err *err);
/* A statement that somebody fetched from where it was stored, in a file; `*met` is set if its entry was there. */
SG_MUST_CHECK enum sg_rc sg_log_check_statement(struct sg_log_check *check, const char *path,
                                                const struct sg_statement *statement, bool *met, struct sg_err *err);
/* The next entry; `context` is the check. */
SG_MUST_CHECK enum sg_rc sg_log_check_entry(void *context, const struct sg_ledger_record *record, struct sg_err *err);
/* After the last one: judges, and says what was found, for people or as JSON ("signet.log-check/1"). */
SG_MUST_CHECK enum sg_rc sg_log_check_conclude(struct sg_log_check *check, struct sg_err *err);
