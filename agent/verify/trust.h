/* What is trusted and what is known: anchors with their purposes, helping certificates, CRLs, OCSP responses.
 * Of a snapshot only what a
 * judgement asks for is ever parsed, once. Safe for several threads. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "formats/cert_cache.h"
#include "verify/anchor_limits.h"
#include "verify/known_crl.h"
#include "verify/known_ocsp.h"
#include "verify/verify.h"

struct sg_trust;

/* `certs`: where what is parsed is shared with what signatures carry; outlives it. */
SG_MUST_CHECK enum sg_rc sg_trust_new(const struct sg_verifier_options *options, struct sg_cert_cache *certs,
                                      struct sg_trust **ret, struct sg_err *err);
void sg_trust_free(struct sg_trust *trust);
SG_DEFINE_CLEANUP(struct sg_trust, sg_trust_free)

/* One certificate at hand. `purposes` says what it is an anchor for; 0: it only helps. Borrowed from the trust. */
struct sg_trusted {
    X509 *cert;
    unsigned purposes;
    const struct sg_anchor_limits *limits; /* NULL: none */
};

/* The next certificate of that subject from `*cursor` on (0 at first); `ret->cert` is NULL at the end. */
SG_MUST_CHECK enum sg_rc sg_trust_next(struct sg_trust *trust, const X509_NAME *subject, size_t *cursor,
                                       struct sg_trusted *ret, struct sg_err *err);
/* Parses anchors, a few, before a process forks children that judge: what OpenSSL sets up when it first decodes a key
 * and checks a signature then is there in each of them. Only anchors, which the user has confirmed. */
void sg_trust_warm_up(struct sg_trust *trust);
/* The helping certificates that were named (--intermediate). */
const STACK_OF(X509) *sg_trust_intermediates(const struct sg_trust *trust);
/* The next CRL of that issuer, likewise; `*ret` is NULL at the end. */
struct sg_source_cursor {
    size_t next;
    const char *unreadable; /* the file of one met on the way that is missing or damaged; NULL: there was none */
};

SG_MUST_CHECK enum sg_rc sg_trust_next_crl(struct sg_trust *trust, const X509_NAME *issuer,
                                           struct sg_source_cursor *cursor, struct sg_known_crl **ret,
                                           struct sg_err *err);
/* The next OCSP response that may speak of a certificate of that serial number, whoever issued it. */
SG_MUST_CHECK enum sg_rc sg_trust_next_ocsp(struct sg_trust *trust, const ASN1_INTEGER *serial,
                                            struct sg_source_cursor *cursor, struct sg_known_ocsp **ret,
                                            struct sg_err *err);
