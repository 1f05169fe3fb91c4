/* Secrets: PINs. In OpenSSL's secure heap (locked, not dumped, guarded), wiped when freed. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"

/* Sets up the secure heap and keeps this process's memory out of core dumps. Once, at the start of a program.
 * Locked memory can be short (RLIMIT_MEMLOCK): that is an error (SG_E_INTERNAL), not a silent ordinary heap. */
SG_MUST_CHECK enum sg_rc sg_secrets_init(struct sg_err *err);

struct sg_secret {
    uint8_t *bytes; /* `len` used of `capacity`, in the secure heap; not NUL-terminated */
    size_t len;
    size_t capacity;
};

SG_MUST_CHECK enum sg_rc sg_secret_new(size_t capacity, struct sg_secret **ret, struct sg_err *err);
void sg_secret_free(struct sg_secret *secret); /* wipes, then frees */
SG_DEFINE_CLEANUP(struct sg_secret, sg_secret_free)
