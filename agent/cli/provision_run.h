/* A list of persons, worked through: each gets a token of their own, and later the certificate for its key.
 * docs/provisioning.md has the order of the steps, and what a run that was killed leaves behind at each. */
#pragma once

#include "cli/app.h"
#include "officer/issued.h"
#include "officer/letters.h"
#include "store/provisioning.h"

struct sg_run {
    struct sg_app *app;
    const struct sg_phase *phase;
    struct sg_store *store;
    struct sg_tokens *tokens;
    const struct sg_staff *staff;
    struct sg_letters letters;
    const char *csr_folder;         /* absolute */
    const struct sg_secret *so_pin; /* that the tokens come with; NULL: they come blank */
    struct sg_issued *issued;       /* in the second phase: what the CA sent back */
    struct sg_provisioning journal;
    struct sg_makings *makings; /* of all runs; what this one does is added */
};

/* Finds the run in the journal or begins it, and takes up what needs no token: CSRs that were not written yet, letters
 * that no longer count. `detail` is for the ledger. */
SG_MUST_CHECK enum sg_rc sg_run_begin(struct sg_run *run, const char *detail, struct sg_err *err);
/* Writes the CSRs of all rows whose tokens are made, at once: they are done then. */
SG_MUST_CHECK enum sg_rc sg_run_finish(struct sg_run *run, struct sg_err *err);
void sg_run_clear(struct sg_run *run); /* what sg_run_begin() has made */

/* A finished token that the row's person, known by e-mail address, has of another list, and that was not retired; NULL:
 * none. */
SG_MUST_CHECK enum sg_rc sg_run_earlier(const struct sg_run *run, int64_t row, const struct sg_making **ret,
                                        struct sg_err *err);

/* The token that a row has or is getting; NULL: none yet. Rows count from 1. */
struct sg_making *sg_run_making(const struct sg_run *run, int64_t row);
bool sg_run_is_done(const struct sg_run *run, int64_t row); /* its CSR is out */
size_t sg_run_total(const struct sg_run *run);              /* rows that the phase has work for, done or not */
size_t sg_run_left(const struct sg_run *run);               /* those that are not done */

/* --- a token that is shown ---------------------------------------------------------------------------------------- */

enum sg_card {
    SG_CARD_BLANK,      /* nothing on it; or initialised with the SO PIN that all come with, and empty */
    SG_CARD_UNFINISHED, /* a run was interrupted before it had its own SO PIN: as good as a blank one */
    SG_CARD_UNSURE,     /* it was interrupted when it got its own SO PIN */
    SG_CARD_AWAITED,    /* its certificate is there, and not on it yet */
    SG_CARD_DONE,       /* from here on refused: it is somebody's; it has its certificate */
    SG_CARD_WITH_KEYS,  /* initialising it would destroy keys that Signet has not made */
    SG_CARD_STRANGE,    /* initialised by somebody whose SO PIN is not known */
    SG_CARD_OTHERS,     /* the journal does not have it as a finished one of this list */
    SG_CARD_UNISSUED,   /* the CA has sent no certificate for it */
};

struct sg_shown {
    struct sg_token *token;
    enum sg_card card;
    struct sg_making *making; /* the journal's; NULL: it has never seen it. Until the next sg_run_make(). */
};

/* The journal's newest entry that fits the token; NULL: none. */
struct sg_making *sg_run_find(const struct sg_run *run, const struct sg_token_info *info);

/* --- the two phases ----------------------------------------------------------------------------------------------- */

/* What is done with the tokens that are shown. */
struct sg_phase {
    bool (*concerns)(const struct sg_run *run, int64_t row); /* whether it has work for the row, done or not */
    bool (*is_done)(const struct sg_run *run, int64_t row);
    enum sg_rc (*look)(const struct sg_run *run, struct sg_token *token, struct sg_shown *ret, struct sg_err *err);
    /* Which row the token is for; of a blank one (that is, before one is shown) the next. 0: none. */
    int64_t (*row_for)(const struct sg_run *run, const struct sg_shown *shown);
    enum sg_rc (*work)(struct sg_run *run, int64_t row, const struct sg_shown *shown, struct sg_err *err);
    void (*refuse)(const struct sg_run *run, const struct sg_shown *shown, struct sg_err *ret); /* says why */
    void (*ask)(const struct sg_run *run, int64_t row);  /* for the next token, to a person */
    void (*tell)(const struct sg_run *run, int64_t row); /* what was done */
};
/* Tokens are made: of a blank one the row is the first that has none, else the first whose token was begun and did not
 * come back; of another its own. */
extern const struct sg_phase sg_phase_making;
/* Finished tokens get the certificates of `issued`. */
extern const struct sg_phase sg_phase_certifying;

/* Makes it, in journaled steps; a failure is recorded, and says in which state the token is. Its CSR is in the journal,
 * and will be written by sg_run_finish(). */
SG_MUST_CHECK enum sg_rc sg_run_make(struct sg_run *run, int64_t row, const struct sg_shown *shown, struct sg_err *err);

/* Reads what the CA sent back, and says what will not be written: before any token is touched. After sg_run_begin(). */
SG_MUST_CHECK enum sg_rc sg_run_read_issued(struct sg_run *run, const char *folder, struct sg_err *err);

/* Letters and escrows of what was given up get names that say so. */
void sg_run_put_letters_aside(const struct sg_run *run);

/* --- working through it (provision_loop.c) ------------------------------------------------------------------------ */

/* All tokens that are there to be worked on, one after the other, until no row or no token is left. Returns the exit
 * status; failures have been told. */
int sg_run_all(struct sg_run *run);
/* One token at a time in one reader: asks for the next, waits for it, works on it, and waits until it is taken out.
 * Ends when no row is left, or by a signal. */
int sg_run_stack(struct sg_run *run);
