/* The journal of provisioning: which token was made for which person of a list, and how far it came. What is recorded
 * here is on disk before the next step on the token begins, so that the next run knows what a killed one may have done.
 * docs/provisioning.md has the whole of it. */
#pragma once

#include "base/crypto.h"
#include "store/store.h"

/* How far a token has come. Each state says what is done and on disk, and what may have been begun since. */
enum sg_making_state {
    SG_MAKING_CLAIMED,     /* a token was chosen;                         initialising it may have begun */
    SG_MAKING_INITIALISED, /* it has its label and a transport SO PIN;    PIN letter and escrow may be half written */
    SG_MAKING_LETTERED,    /* letter and escrow are final;                the user PIN may be on the token */
    SG_MAKING_PIN_SET,     /* the letter's PIN has logged in;             a key may be on the token */
    SG_MAKING_KEY_MADE,    /* the key was checked, its CSR is kept here;  the SO PIN may be the escrowed one */
    SG_MAKING_SEALED,      /* the SO PIN is the escrowed one;             the CSR's file may be there */
    SG_MAKING_DONE,        /* the CSR is out;                             a certificate may be on the token */
    SG_MAKING_CERTIFIED,   /* certificate and issuers are on the token */
    SG_MAKING_STATES
};

const char *sg_making_state_word(enum sg_making_state state); /* "claimed" ... "certified" */

#define SG_RUN_NONCE 16

/* A list that is being worked through, in one or several runs of the program. */
struct sg_provisioning {
    int64_t id;
    uint8_t nonce[SG_RUN_NONCE]; /* random, of this list alone: what its transport SO PIN is made of */
    int64_t begun;
    bool resumed; /* it was there already */
};

/* What is known of a token in the making. */
enum sg_making_text {
    SG_MAKING_PERSON,        /* "Ada Lovelace <ada@example.org>" */
    SG_MAKING_LABEL,         /* that the token gets */
    SG_MAKING_SERIAL_BEFORE, /* of the token as it was found; SoftHSM's gets another when it is initialised */
    SG_MAKING_SERIAL,        /* from SG_MAKING_INITIALISED on */
    SG_MAKING_LETTER,        /* absolute path */
    SG_MAKING_LETTER_SHA256,
    SG_MAKING_ESCROW,
    SG_MAKING_ESCROW_SHA256,
    SG_MAKING_KEY_ID, /* hex */
    SG_MAKING_SPKI_SHA256,
    SG_MAKING_ATTRIBUTES, /* JSON, as in signet.provision/1 */
    SG_MAKING_BASIS,
    SG_MAKING_CSR_PATH,
    SG_MAKING_CERTIFICATE_SHA256,
    SG_MAKING_TEXTS
};

struct sg_making {
    int64_t id;  /* 0: not in the journal */
    int64_t run; /* of struct sg_provisioning */
    int64_t row; /* of the list, from 1 */
    enum sg_making_state state;
    bool is_void;                 /* given up: its letter and escrow count for nothing, the row has or gets another */
    char *texts[SG_MAKING_TEXTS]; /* owned; NULL: not known yet */
    uint8_t *csr;                 /* owned, DER; NULL before SG_MAKING_KEY_MADE */
    size_t csr_len;
    int64_t begun, changed;
};

/* "" for what is not known yet. */
const char *sg_making_text(const struct sg_making *making, enum sg_making_text which);
SG_MUST_CHECK enum sg_rc sg_making_set(struct sg_making *making, enum sg_making_text which, const char *text,
                                       struct sg_err *err);
void sg_making_clear(struct sg_making *making);

/* The run of a list, by the SHA-256 of its bytes; made if it is not there. `detail` goes to the ledger: what is done
 * now, for which officers. */
SG_MUST_CHECK enum sg_rc sg_provisioning_open(struct sg_store *store, const uint8_t csv_sha256[SG_SHA256_LEN],
                                              const char *detail, struct sg_provisioning *ret, struct sg_err *err);

/* Whether the list was ever begun. */
SG_MUST_CHECK enum sg_rc sg_provisioning_known(struct sg_store *store, const uint8_t csv_sha256[SG_SHA256_LEN],
                                               bool *ret, struct sg_err *err);

/* Records a new one in state SG_MAKING_CLAIMED, which makes the row's former one void, and fills in its number. */
SG_MUST_CHECK enum sg_rc sg_making_claim(struct sg_store *store, struct sg_making *making, struct sg_err *err);
/* Records `state`, with all that is known by then; `making` has it afterwards. */
SG_MUST_CHECK enum sg_rc sg_making_advance(struct sg_store *store, struct sg_making *making, enum sg_making_state state,
                                           struct sg_err *err);
/* Gives it up. `why` is a sentence. */
SG_MUST_CHECK enum sg_rc sg_making_void(struct sg_store *store, struct sg_making *making, const char *why,
                                        struct sg_err *err);
/* A step failed: that is in the ledger, and the state stays. */
SG_MUST_CHECK enum sg_rc sg_making_failed(struct sg_store *store, const struct sg_making *making,
                                          const struct sg_err *failure, struct sg_err *err);

struct sg_makings {
    struct sg_making *items; /* by number; void ones too */
    size_t count;
    struct sg_provisioning *runs;
    size_t run_count;
};

/* The whole journal: a token is refused also if another list's run has made it. */
SG_MUST_CHECK enum sg_rc sg_makings_load(struct sg_store *store, struct sg_makings **ret, struct sg_err *err);
/* Room for one more, empty; the others may move. NULL: no memory. */
struct sg_making *sg_makings_add(struct sg_makings *makings);
void sg_makings_free(struct sg_makings *makings);
SG_DEFINE_CLEANUP(struct sg_makings, sg_makings_free)
