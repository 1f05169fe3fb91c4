/* Signature values: which algorithm one is of, and whether it is right. No policy: that is algorithms.h. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
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

/* What the last check by a digest that found a value right was made with: of many signatures most are by the same key,
 * and preparing is a good part of a check. NULL at first, and sg_key_check_free() at the end; several
 * threads may use the same, where one at a time finds what is kept. */
struct sg_key_check;
typedef _Atomic(struct sg_key_check *) sg_kept_check;
void sg_key_check_free(struct sg_key_check *check);

/* `kept` NULL: nothing is kept. */
SG_MUST_CHECK enum sg_rc sg_signature_check(OSSL_LIB_CTX *libctx, sg_kept_check *kept,
                                            const struct sg_signature_method *method, EVP_PKEY *key,
                                            struct sg_signed_bytes over, struct sg_slice value,
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
