/* What a CRL says, so that one certificate is looked up without reading the CRL: its head, and a sorted table of its
 * entries. Made by one pass over the CRL; kept in a file beside it (crl_index_format.h), which is mapped, and of which
 * a look-up touches a dozen pages. Each page that is touched is checked first, so that a damaged index is noticed
 * wherever it matters. Safe for several threads, but for the making. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "formats/crl.h"

struct sg_crl_index;

/* Reads the CRL once, and sorts. */
SG_MUST_CHECK enum sg_rc sg_crl_index_make(const struct sg_crl_place *place, OSSL_LIB_CTX *libctx,
                                           struct sg_crl_index **ret, struct sg_err *err);
/* Maps the file. It is missing, damaged, or that of another CRL than the one with this SHA-256: SG_E_STORE_DAMAGED. */
SG_MUST_CHECK enum sg_rc sg_crl_index_open(const char *path, OSSL_LIB_CTX *libctx, const uint8_t sha256[SG_SHA256_LEN],
                                           struct sg_crl_index **ret, struct sg_err *err);
void sg_crl_index_free(struct sg_crl_index *index);
SG_DEFINE_CLEANUP(struct sg_crl_index, sg_crl_index_free)

/* Lives as long as the index. */
const struct sg_crl_head *sg_crl_index_head(const struct sg_crl_index *index);

/* What a pass over the entries showed. */
enum sg_crl_odd {
    SG_CRL_ODD_REMOVAL = 1 << 0,           /* removeFromCRL, which is of delta CRLs (§5.3.1) */
    SG_CRL_ODD_CRITICAL = 1 << 1,          /* a critical extension that is not known here */
    SG_CRL_ODD_OTHER_ISSUER = 1 << 2,      /* certificateIssuer, which is of indirect CRLs (§5.3.3) */
    SG_CRL_ODD_UNREADABLE_ISSUER = 1 << 3, /* the same without a name in it that can be read */
};

unsigned sg_crl_index_odd(const struct sg_crl_index *index);

/* Whose certificates an indirect CRL lists: the DER of a Name each; entries have the number of theirs. Number 0 is the
 * CRL's issuer. */
size_t sg_crl_index_issuer_count(const struct sg_crl_index *index);
struct sg_slice sg_crl_index_issuer(const struct sg_crl_index *index, size_t number);

/* The key that the CRL's signature was found right by: SHA-256 of its SubjectPublicKeyInfo. False: none yet. */
bool sg_crl_index_key(const struct sg_crl_index *index, uint8_t ret[SG_SHA256_LEN]);
/* Before it is written. */
SG_MUST_CHECK enum sg_rc sg_crl_index_set_key(struct sg_crl_index *index, OSSL_LIB_CTX *libctx,
                                              const uint8_t key[SG_SHA256_LEN], struct sg_err *err);

struct sg_crl_hit {
    bool found;
    int64_t revoked_at; /* SG_TIME_NONE: it cannot be read */
    int reason;         /* as sg_crl_entry has it */
};

/* Looks a certificate up: `serial` is the content octets of its number. Of several entries the worst: one that revokes
 * before one that holds, that before one that removes, and of those the first in time. SG_E_STORE_DAMAGED: make the
 * index anew. */
SG_MUST_CHECK enum sg_rc sg_crl_index_find(const struct sg_crl_index *index, OSSL_LIB_CTX *libctx,
                                           struct sg_slice serial, size_t issuer, struct sg_crl_hit *ret,
                                           struct sg_err *err);

/* Whether every page is right, touched or not: SG_E_STORE_DAMAGED. */
SG_MUST_CHECK enum sg_rc sg_crl_index_check(const struct sg_crl_index *index, OSSL_LIB_CTX *libctx, struct sg_err *err);

/* The file's bytes, one behind the other; borrowed from the index. */
struct sg_crl_index_bytes {
    struct sg_slice header, pages;
};

struct sg_crl_index_bytes sg_crl_index_bytes(const struct sg_crl_index *index);
