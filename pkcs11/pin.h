/* Where a PIN comes from. It goes straight into the secure heap and nowhere else. */
#pragma once

#include "base/secret.h"

/* Up to a newline or end of file from `fd`. Empty, or longer than SG_MAX_PIN: SG_E_PIN_REQUIRED. Reads a byte at a
 * time, so that a second PIN may follow on the same descriptor. */
SG_MUST_CHECK enum sg_rc sg_pin_from_fd(int fd, struct sg_secret **ret, struct sg_err *err);
/* Asks on /dev/tty without echo; the terminal is as before when this returns, also after a signal (SG_E_CANCELLED).
 * No terminal: SG_E_PIN_REQUIRED naming --pin-fd. */
SG_MUST_CHECK enum sg_rc sg_pin_from_terminal(const char *prompt, struct sg_secret **ret, struct sg_err *err);
