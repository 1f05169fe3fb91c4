/* Certificates parsed once: of many signatures most carry the same few certificates, and decoding one's public key
 * costs more than checking the signature. Bounded; safe for several threads. */
#pragma once

#include <openssl/x509.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"

struct sg_cert_cache;

/* `libctx` must outlive the cache. */
SG_MUST_CHECK enum sg_rc sg_cert_cache_new(OSSL_LIB_CTX *libctx, struct sg_cert_cache **ret, struct sg_err *err);
void sg_cert_cache_free(struct sg_cert_cache *cache);
SG_DEFINE_CLEANUP(struct sg_cert_cache, sg_cert_cache_free)

/* As sg_cert_parse(); byte for byte the same DER gives the same object, with a reference for the caller. */
SG_MUST_CHECK enum sg_rc sg_cert_cache_parse(struct sg_cert_cache *cache, struct sg_slice der, X509 **ret,
                                             struct sg_err *err);
