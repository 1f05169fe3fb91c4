/* A PKCS#11 module for tests: one token with an RSA and an EC key in memory. It fails when told to, lies when told to,
 * does worse when told to, and can lack the raw mechanisms.
 *
 * A test gets the control of a module in its own process by dlopen() and dlsym("fake_control"). One in a token host
 * takes its control from the file that the environment's FAKE_CONTROL names: fake_control_share() of fake_shared.h,
 * or begins with what FAKE_MODULE_LIE (value-readable, signature-wrong) and FAKE_MODULE_FLAGS (a number: `token_flags`)
 * say. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum fake_lie {
    FAKE_HONEST,
    FAKE_SLOT_COUNT,       /* more slots than fit */
    FAKE_SLOTS_GROW,       /* a slot more each time they are counted */
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
    FAKE_SERIAL_CHANGES,  /* another token each time it is asked */
    FAKE_LIES
};

enum fake_deed {
    FAKE_FAILS, /* answers `fail_with` */
    FAKE_SEGFAULTS,
    FAKE_ABORTS,
    FAKE_EXITS, /* with 0, as if all were well */
    FAKE_HANGS,
    FAKE_GARBLES, /* lengths, counts, handles, values and texts from `seed` */
    FAKE_CLOSES,  /* every descriptor of its process, and hangs */
    FAKE_SPEAKS,  /* half a message on every descriptor of its process, and hangs */
    FAKE_DAWDLES, /* hangs, and says on the clocks' page that it only waits */
    FAKE_CUTS,    /* takes the clocks' page away from who reads it, and hangs */
    FAKE_ESCAPES, /* tries what a token host may not do; see `escapes` */
    FAKE_DEEDS
};

enum fake_escape { FAKE_EXEC, FAKE_PTRACE, FAKE_READ_MEMORY, FAKE_UNSHARE, FAKE_CORE, FAKE_DUMPABLE, FAKE_ESCAPE_WAYS };

/* What the token holds, so that it is the same in the next process: two private keys and two certificates in DER. */
struct fake_object {
    int len;
    unsigned char der[2048];
};

struct fake_control {
    struct fake_object objects[4];
    /* Misbehaving: at the `fail_at`th call from now (1: the next), or at each, of all functions or of `only` one. */
    enum fake_deed deed;
    unsigned fail_at;
    bool each;
    char only[32];
    unsigned long fail_with;
    uint64_t seed;
    unsigned calls;                /* made so far; the test sets it to 0 */
    const char *failed;            /* the name of the call that failed, or NULL; in the module's process alone */
    char where[32];                /* the same for everybody, or "" */
    int pid;                       /* of the process that the module is in */
    int escapes[FAKE_ESCAPE_WAYS]; /* errno of each; 0: it went well; -1: not tried */

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
