/* A PKCS#11 module for tests: one token with an RSA and an EC key in memory. It fails when told to, lies when told to,
 * and can lack the raw mechanisms. A test gets the control by dlopen() of the module and dlsym("fake_control"). */
#pragma once

#include <stdbool.h>

enum fake_lie {
    FAKE_HONEST,
    FAKE_SLOT_COUNT,       /* more slots than fit */
    FAKE_MECHANISM_COUNT,  /* more mechanisms than fit */
    FAKE_FIND_COUNT,       /* more objects than there was room for */
    FAKE_FIND_ENDLESS,     /* objects without end */
    FAKE_VALUE_HUGE,       /* an attribute of many GiB */
    FAKE_VALUE_LONGER,     /* an attribute longer than the room given */
    FAKE_VALUE_GROWS,      /* an attribute that never fits */
    FAKE_SIGNATURE_LONGER, /* a signature longer than the room given */
    FAKE_SIGNATURE_SHORT,  /* a signature without its last byte */
    FAKE_SIGNATURE_WRONG,  /* a signature of something else */
    FAKE_VALUE_READABLE,   /* the private value can be read */
    FAKE_CERTIFICATE_OF_ANOTHER,
    FAKE_PLAINTEXT_LONGER, /* decrypted data longer than the room given */
    FAKE_PLAINTEXT_EMPTY,
    FAKE_PLAINTEXT_WRONG, /* decrypted data of something else */
    FAKE_LIES
};

struct fake_control {
    /* Failing: the `fail_at`th call from now (1: the next) answers `fail_with`. */
    unsigned fail_at;
    unsigned long fail_with;
    unsigned calls;     /* made so far; the test sets it to 0 */
    const char *failed; /* the name of the call that failed, or NULL */

    enum fake_lie lie;
    bool lists_raw;            /* mechanisms: the raw ones are in the list */
    bool serves_raw;           /* ... and C_SignInit takes them */
    bool reauthenticate;       /* CKA_ALWAYS_AUTHENTICATE */
    unsigned long token_flags; /* besides the usual ones */
    unsigned long flags_once_logged_in;
    bool removable, absent; /* the slot's token */
    unsigned logins;        /* C_Login calls so far */
    unsigned secrets;       /* derived, and not destroyed yet */
    unsigned open_sessions, most_sessions, session_limit;
};
