/* What a call returns, and with what sentence if it is not what it should be. In `call` an error is `&err`. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"

#define assert_rc(call, code)                                                                                          \
    do {                                                                                                               \
        struct sg_err err = {0};                                                                                       \
        enum sg_rc rc_ = (call);                                                                                       \
        if (rc_ != (code))                                                                                             \
            fail_msg("%s: %s, not %s: %s (%s)", #call, sg_rc_word(rc_), sg_rc_word(code), err.text, err.cause);        \
    } while (0)
#define assert_done(call) assert_rc(call, SG_OK)
