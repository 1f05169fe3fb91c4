/* What is the same for every document of one key, as cades.c uses it. Private to formats/. */
#pragma once

#include <stdatomic.h>

#include "base/limits.h"
#include "formats/cades.h"

/* A digest that signatures may use, and its OpenSSL identifiers. */
struct sg_cades_digest {
    const char *name;
    int nid;
    int ecdsa_nid; /* ecdsa-with-SHA* */
};

struct sg_cades_signer {
    OSSL_LIB_CTX *libctx;
    EVP_PKEY *key;        /* borrowed */
    EVP_PKEY *public_key; /* the certificate's, in our library context */
    const struct sg_cades_digest *digest;
    EVP_MD *md;
    enum sg_signature_scheme scheme;
    bool leave_out_signing_time;
    atomic_bool confirmed; /* a signature of this key was checked against the certificate */

    /* DER, ready to be put into a document. */
    struct sg_buf digest_algorithm;
    struct sg_buf signature_algorithm;
    struct sg_buf certificates;        /* with their [0] */
    struct sg_buf issuer_and_serial;   /* the sid */
    struct sg_buf content_type;        /* Attribute */
    struct sg_buf signing_certificate; /* Attribute, signing-certificate-v2 */
};

/* Signs `bytes` (hashing included) and checks the signature: one key use. `out` has room for SG_MAX_SIGNATURE. */
SG_MUST_CHECK enum sg_rc sg_cades_signer_sign(const struct sg_cades_signer *signer, struct sg_slice bytes, uint8_t *out,
                                              size_t *ret_len, struct sg_err *err);
/* Appends a SignerInfo over content with that digest: the signed attributes, the key's one use. */
SG_MUST_CHECK enum sg_rc sg_cades_signer_info(const struct sg_cades_signer *signer, struct sg_slice digest,
                                              int64_t signing_time, struct sg_buf *out, struct sg_err *err);
/* The fewest octets a signature value of this key can have; all of them but for ECDSA, whose length varies. */
size_t sg_cades_signer_least(const struct sg_cades_signer *signer);
/* The most octets. */
size_t sg_cades_signer_most(const struct sg_cades_signer *signer);
