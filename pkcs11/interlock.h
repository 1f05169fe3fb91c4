/* The PIN interlock: after one wrong PIN, no program of Signet sends a token another that nobody typed. A small file
 * for each token and role in the runtime folder holds how many PINs were refused, when, and by which process; nothing
 * that was made from a PIN. Private to pkcs11/.
 *
 * Who is about to give a PIN to the token takes the file's lock, marks it as refused, gives the PIN, and takes the mark
 * back if it was not refused. So programs give their PINs one after the other, and one that is killed in between leaves
 * its mark. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "pkcs11/token.h"

struct sg_interlock_record {
    unsigned refused; /* PINs ever; never goes back, so that a person's PIN can be told to be older than a refusal */
    unsigned cleared; /* of these, how many no longer count */
    int64_t when;     /* of the last refusal; seconds since 1970 */
    long pid;         /* of the process that met it */
};

struct sg_interlock {
    int fd; /* locked; -1: not held */
    struct sg_interlock_record record;
    bool marked;
    struct sg_interlock_record before; /* if marked */
};

#define SG_INTERLOCK_NAME 256 /* bytes of a file's name, with its NUL */

/* The file of a token: by its serial, by label and slot where it has none. Both as CK_TOKEN_INFO has them. */
void sg_interlock_name(struct sg_slice serial, struct sg_slice label, unsigned long slot, enum sg_pin_role role,
                       char out[SG_INTERLOCK_NAME]);

/* Waits for the lock, and reads what is known. Held by others for longer than SG_INTERLOCK_WAIT: SG_E_BUSY; a signal:
 * SG_E_CANCELLED; a folder that is not the user's alone: SG_E_CANNOT_CREATE. What cannot be understood counts as one
 * refusal. */
SG_MUST_CHECK enum sg_rc sg_interlock_take(const char *folder, const char *name, struct sg_interlock *ret,
                                           struct sg_err *err);
/* Lets go; what is marked stays so. */
void sg_interlock_release(struct sg_interlock *lock);

static inline bool sg_interlock_is_set(const struct sg_interlock *lock)
{
    return lock->record.refused != lock->record.cleared;
}

/* One more refusal, before the PIN is given away. */
SG_MUST_CHECK enum sg_rc sg_interlock_mark(struct sg_interlock *lock, struct sg_err *err);
/* The PIN was not refused, nor taken: as before sg_interlock_mark(). */
void sg_interlock_take_back(struct sg_interlock *lock);
/* No refusal counts any more, and one that is marked was none. */
void sg_interlock_clear(struct sg_interlock *lock);

/* The same for one that is not held, if there is one. */
SG_MUST_CHECK enum sg_rc sg_interlock_clear_named(const char *folder, const char *name, struct sg_err *err);
