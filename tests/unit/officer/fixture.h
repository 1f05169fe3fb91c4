/* What these tests share. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../support/assert_rc.h"
#include "base/crypto.h"
#include "base/limits.h"
#include "base/secret.h"

static OSSL_LIB_CTX *libctx;

static inline int group_setup(void **state)
{
    (void)state;
    assert_done(sg_secrets_init(&err));
    assert_done(sg_libctx_new(&libctx, &err));
    return 0;
}

static inline int group_teardown(void **state)
{
    (void)state;
    OSSL_LIB_CTX_free(libctx);
    return 0;
}
