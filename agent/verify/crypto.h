/* Signature values: which algorithm one is of, and whether it is right. No policy: that is algorithms.h. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/buf.h"
#include "base/crypto.h"
#include "base/err.h"

enum sg_signature_kind { SG_KIND_OTHER, SG_KIND_RSA, SG_KIND_RSA_PSS, SG_KIND_ECDSA, SG_KIND_DSA, SG_KIND_EDDSA };

struct sg_signature_method {
    enum sg_signature_kind kind;
    const char *word; /* "rsa-pkcs1", ... as the reports say it */
    int digest;       /* NID; NID_undef: not said by the algorithm (rsaEncryption), or its own affair (EdDSA) */
    int mgf_digest;   /* PSS */
    int salt_length;  /* PSS */
};

/* Reads a signature's AlgorithmIdentifier. False if it is none that we know (`ret` then says "other") or its
 * parameters are wrong. */
bool sg_signature_method_read(const X509_ALGOR *algorithm, struct sg_signature_method *ret);

enum sg_signature_answer { SG_SIGNATURE_RIGHT, SG_SIGNATURE_WRONG, SG_SIGNATURE_UNSUPPORTED };

/* Checks a value over `data`, or over what has the digest `hash` (`data` is then ignored; not with EdDSA). */
struct sg_signed_bytes {
    struct sg_slice data;
    struct sg_slice hash;
};

SG_MUST_CHECK enum sg_rc sg_signature_check(OSSL_LIB_CTX *libctx, const struct sg_signature_method *method,
                                            EVP_PKEY *key, struct sg_signed_bytes over, struct sg_slice value,
                                            enum sg_signature_answer *ret, struct sg_err *err);

/* The key with which a signature was found right, so that it is checked once: SHA-256 of that key. Several threads read
 * and write it, under the lock of what is signed. */
struct sg_checked_key {
    bool known;
    uint8_t sha256[SG_SHA256_LEN];
};

bool sg_checked_key_is(const struct sg_checked_key *checked, pthread_mutex_t *lock,
                       const uint8_t sha256[SG_SHA256_LEN]);
void sg_checked_key_set(struct sg_checked_key *checked, pthread_mutex_t *lock, const uint8_t sha256[SG_SHA256_LEN]);
