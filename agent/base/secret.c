#include "base/secret.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <openssl/crypto.h>

#include "base/limits.h"
#include "base/msg.h"
#include "base/sanitize.h"

static enum sg_rc forbid_dumps(struct sg_err *err)
{
    if (setrlimit(RLIMIT_CORE, &(struct rlimit){.rlim_cur = 0, .rlim_max = 0}) < 0)
        return sg_fail_errno(err, SG_E_INTERNAL, errno, "%s", _("Core dumps of this program cannot be switched off."));
    if (!SG_SANITIZED && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return sg_fail_errno(err, SG_E_INTERNAL, errno, "%s", _("This program's memory cannot be kept from others."));
    return SG_OK;
}

enum sg_rc sg_secrets_init(struct sg_err *err)
{
    enum sg_rc rc = forbid_dumps(err);
    if (rc != SG_OK || CRYPTO_secure_malloc_initialized())
        return rc;
    /* 2: there is a heap, but it could not be locked or guarded. */
    int answer = CRYPTO_secure_malloc_init(SG_SECURE_HEAP, 0);
    if (answer == 1)
        return SG_OK;
    if (answer == 2)
        (void)CRYPTO_secure_malloc_done();
    return sg_fail(err, SG_E_INTERNAL,
                   _("%zu KiB of memory for PINs cannot be locked; raise the limit of locked memory (ulimit -l)."),
                   SG_SECURE_HEAP / SG_KIB);
}

enum sg_rc sg_secret_new(size_t capacity, struct sg_secret **ret, struct sg_err *err)
{
    /* Without the heap, OpenSSL would quietly hand out ordinary memory. */
    if (!CRYPTO_secure_malloc_initialized())
        return sg_fail(err, SG_E_INTERNAL, "%s", _("There is no locked memory to keep a PIN in."));
    _cleanup_(sg_secret_freep) struct sg_secret *secret = calloc(1, sizeof(*secret));
    if (!secret)
        return sg_fail_memory(err);
    secret->bytes = OPENSSL_secure_zalloc(capacity > 0 ? capacity : 1);
    if (!secret->bytes)
        return sg_fail_ssl(err, SG_E_NO_MEMORY, "%s", _("There is not enough locked memory to keep a PIN in."));
    secret->capacity = capacity;
    *ret = sg_steal(secret);
    return SG_OK;
}

void sg_secret_free(struct sg_secret *secret)
{
    if (!secret)
        return;
    OPENSSL_secure_clear_free(secret->bytes, secret->capacity);
    free(secret);
}
