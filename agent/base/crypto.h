/* The library context that all of our cryptography runs in.
 *
 * The process's default context is never touched: PKCS#11 modules in the same process use it (SoftHSM answers
 * CKR_PIN_INCORRECT to the right PIN once a provider of ours is in it). `default` is loaded first, so that public keys
 * of certificates are handled there. */
#pragma once

#include <openssl/types.h>

#include "base/buf.h"
#include "base/err.h"

/* Creates the context with the `default` provider. Free with OSSL_LIB_CTX_free after everything that uses it. */
SG_MUST_CHECK enum sg_rc sg_libctx_new(OSSL_LIB_CTX **ret, struct sg_err *err);

/* The same for a process that only judges, once in it, before other threads, and never where a PKCS#11 module comes in.
 * Its provider is `default`, but of keys it has only those that signatures are made with, and reads them as
 * certificates have them: neither private ones nor PEM. OpenSSL's table of cipher names is not built, and its memory is
 * left to the end of the process, which is a fifth of a short run. */
SG_MUST_CHECK enum sg_rc sg_libctx_new_for_judging(OSSL_LIB_CTX **ret, struct sg_err *err);

/* One digest in one call; `out` has room for EVP_MAX_MD_SIZE. `name` as for EVP_MD_fetch ("SHA256"). */
SG_MUST_CHECK enum sg_rc sg_digest(OSSL_LIB_CTX *libctx, const char *name, struct sg_slice data, uint8_t *out,
                                   size_t *ret_len, struct sg_err *err);

#define SG_SHA256_LEN 32
#define SG_SHA256_HEX 65

/* SHA-256 of a certificate's DER. */
SG_MUST_CHECK enum sg_rc sg_cert_digest(OSSL_LIB_CTX *libctx, const X509 *cert, uint8_t ret[SG_SHA256_LEN],
                                        struct sg_err *err);
/* Has sg_cert_digest() know it from now on. Before the certificate is shared with other threads, and only of one that
 * is not changed any more. */
SG_MUST_CHECK enum sg_rc sg_cert_digest_keep(OSSL_LIB_CTX *libctx, X509 *cert, struct sg_err *err);
/* The same as lower-case hex. */
SG_MUST_CHECK enum sg_rc sg_cert_sha256(OSSL_LIB_CTX *libctx, const X509 *cert, char out[SG_SHA256_HEX],
                                        struct sg_err *err);

/* Texts of a certificate's parts, as the JSON gives them: names RFC 4514, serials lower-case hex without leading
 * zero octets ("00" for zero, "-" before a negative one). Allocated; free with free(). */
SG_MUST_CHECK enum sg_rc sg_name_text(const X509_NAME *name, char **ret, struct sg_err *err);
SG_MUST_CHECK enum sg_rc sg_serial_text(const ASN1_INTEGER *serial, char **ret, struct sg_err *err);
