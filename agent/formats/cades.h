/* Writing CAdES-B-B (EN 319 122-1 §6) as DER: content-type, message-digest, signing-time unless left out,
 * signing-certificate-v2, and the signer's chain. Signs through an EVP_PKEY and knows no token. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/buf.h"
#include "base/input.h"
#include "base/outfile.h"

enum sg_signature_scheme { SG_SCHEME_RSA_PKCS1, SG_SCHEME_RSA_PSS, SG_SCHEME_ECDSA, SG_SCHEME_ED25519 };

struct sg_cades_params {
    OSSL_LIB_CTX *libctx;
    EVP_PKEY *key;         /* may live on a token; borrowed, must outlive the signer */
    X509 *cert;            /* the signer's; must be of this key */
    STACK_OF(X509) *chain; /* issuers to carry along; NULL or empty: none */
    const char *digest; /* "SHA256", "SHA384", "SHA512", not weaker than the key (SG_E_USAGE); NULL: by the key (P-384:
                           SHA384; P-521, Ed25519: SHA512; what a PSS certificate asks for; else SHA256) */
    bool force_pss; /* RSA: PSS although the certificate's SPKI is rsaEncryption; a SPKI of id-RSASSA-PSS is PSS anyhow
                     */
    bool leave_out_signing_time; /* for PDF, whose /M says it */
};

/* What is the same for every document of one key, made once. Safe for use by several threads at once. */
struct sg_cades_signer;

/* A certificate of another key is SG_E_NO_CERTIFICATE, a kind of key that cannot sign documents SG_E_USAGE. Uses no
 * key. */
SG_MUST_CHECK enum sg_rc sg_cades_signer_new(const struct sg_cades_params *params, struct sg_cades_signer **ret,
                                             struct sg_err *err);
void sg_cades_signer_free(struct sg_cades_signer *signer);
SG_DEFINE_CLEANUP(struct sg_cades_signer, sg_cades_signer_free)

const char *sg_cades_digest_name(const struct sg_cades_signer *signer); /* content is to be hashed with this */
enum sg_signature_scheme sg_cades_scheme(const struct sg_cades_signer *signer);

/* Hashes the whole input with the signer's digest; `out` has room for EVP_MAX_MD_SIZE. If it changed meanwhile:
 * SG_E_INPUT_CHANGED. */
SG_MUST_CHECK enum sg_rc sg_cades_digest_input(const struct sg_cades_signer *signer, struct sg_input *input,
                                               uint8_t *out, size_t *ret_len, struct sg_err *err);

/* A detached signature over content with that digest, appended to `out`. One key use. A key that fails, or whose
 * signature the certificate does not confirm (each RSA signature is checked, the first of others), is
 * SG_E_TOKEN_FAILED. */
SG_MUST_CHECK enum sg_rc sg_cades_sign_detached(const struct sg_cades_signer *signer, struct sg_slice digest,
                                                int64_t signing_time, struct sg_buf *out, struct sg_err *err);

/* The most octets that it can have: fewer only if an ECDSA signature value turns out shorter. Uses no key. */
SG_MUST_CHECK enum sg_rc sg_cades_detached_most(const struct sg_cades_signer *signer, int64_t signing_time, size_t *ret,
                                                struct sg_err *err);

/* An attached signature: reads `input` once, writes `out` as it goes (not committed). Also gives the content's digest
 * (as above). The file may be of any size. */
SG_MUST_CHECK enum sg_rc sg_cades_sign_attached(const struct sg_cades_signer *signer, struct sg_input *input,
                                                int64_t signing_time, struct sg_outfile *out, uint8_t *digest,
                                                size_t *ret_digest_len, struct sg_err *err);
