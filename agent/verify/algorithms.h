/* Which algorithms and keys are good enough, and until when: one dated table. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <openssl/evp.h>

struct sg_algorithm_answer {
    bool acceptable;
    int64_t until; /* when it was no longer; SG_TIME_NONE: never was, or it is not in the table */
    char name[64]; /* "sha1", "RSA with 1024 bits" */
};

/* The word for a digest ("sha256"), NULL if it is none that we know. */
const char *sg_digest_word(int nid);
struct sg_algorithm_answer sg_algorithm_digest(int nid, int64_t when);
struct sg_algorithm_answer sg_algorithm_key(const EVP_PKEY *key, int64_t when);

/* Whether anything is checked with this key at all: a stranger's RSA key may be as large as to take seconds, and
 * an Ed25519 key such that it fits whatever was signed. */
bool sg_key_checkable(const EVP_PKEY *key);

/* What checking one signature with this key costs, in units of an RSA-2048 check: bounds hostile sets of keys. */
unsigned sg_algorithm_cost(const EVP_PKEY *key);
#define SG_BYTES_PER_STEP 4096 /* hashed in about the time of one step */
