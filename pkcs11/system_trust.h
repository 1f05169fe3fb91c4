/* The machine's CA bundle: what the modules hold that p11-kit's configuration calls sources of trust policy (as a rule
 * the one, p11-kit-trust). They are libraries of the machine's own and run in this process. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "base/cleanup.h"
#include "base/err.h"

struct sg_system_cert {
    X509 *cert;
    bool mail;            /* trusted to issue for e-mail protection: people's signatures */
    bool timestamps;      /* and for time-stamps */
    int64_t until;        /* certificates issued later are distrusted; INT64_MAX: none */
    const char *unusable; /* why it is not to be trusted, untranslated; NULL: it may be */
};

struct sg_system_certs {
    struct sg_system_cert *items;
    size_t count;
};

/* The CAs' certificates that are trusted or distrusted there. What cannot be read is left out. No such module:
 * SG_E_NO_MODULE. */
SG_MUST_CHECK enum sg_rc sg_system_trust_read(OSSL_LIB_CTX *libctx, struct sg_system_certs *ret, struct sg_err *err);
void sg_system_certs_clear(struct sg_system_certs *certs);
