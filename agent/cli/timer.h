/* The timer of the user's systemd that runs `signet sync`. */
#pragma once

#include <stdbool.h>

#include "base/err.h"

/* The user's systemd runs here. */
bool sg_timer_is_possible(void);
/* "systemctl --user enable --now signet-sync.timer". No systemd, or one that refuses: SG_E_CANNOT_CREATE, which
 * says what to do. */
SG_MUST_CHECK enum sg_rc sg_timer_enable(struct sg_err *err);
