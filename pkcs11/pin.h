/* Where a PIN comes from. It goes straight into the secure heap and nowhere else. */
#pragma once

#include <stdbool.h>

#include "base/secret.h"

/* Up to a newline or end of file from `fd`. Empty, or longer than SG_MAX_PIN: SG_E_PIN_REQUIRED. Reads a byte at a
 * time, so that a second PIN may follow on the same descriptor. */
SG_MUST_CHECK enum sg_rc sg_pin_from_fd(int fd, struct sg_secret **ret, struct sg_err *err);
/* From where a URI's pin-source says (RFC 7512 §2.4): an absolute path, or file: with one, of a regular file or a pipe
 * that is the user's and that nobody else may read; else SG_E_POLICY. As sg_pin_from_fd() in the rest. A URI without
 * pin-source: SG_OK, and *ret is NULL. */
SG_MUST_CHECK enum sg_rc sg_pin_from_uri(const char *uri, struct sg_secret **ret, struct sg_err *err);
/* Asks on /dev/tty without echo; the terminal is as before when this returns, also after a signal (SG_E_CANCELLED).
 * No terminal: SG_E_PIN_REQUIRED naming --pin-fd. */
SG_MUST_CHECK enum sg_rc sg_pin_from_terminal(const char *prompt, struct sg_secret **ret, struct sg_err *err);

/* A dialogue by pinentry, on the display or on the terminal that GPG_TTY names. */
struct sg_pin_dialogue {
    const char *program; /* a path, or a name that is looked for in PATH */
    const char *text;    /* for what the PIN is */
    const char *problem; /* why it is asked for again, or NULL */
};

/* Whether there is a display, or GPG_TTY, to show one on. */
bool sg_pin_has_dialogue(void);
/* Cancelled, by the person or a signal, or left alone for SG_PINENTRY_TIMEOUT: SG_E_CANCELLED. Cannot be shown:
 * SG_E_PIN_REQUIRED. */
SG_MUST_CHECK enum sg_rc sg_pin_from_pinentry(const struct sg_pin_dialogue *dialogue, struct sg_secret **ret,
                                              struct sg_err *err);
