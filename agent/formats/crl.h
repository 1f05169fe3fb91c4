/* CRLs (RFC 5280 §5), read in one pass: the head and the signature are kept, each entry is shown to a visitor, and the
 * digests are made on the way. So the number of entries costs time alone. DER; whether the CRL may be used, and for
 * what, is for verify/ to say. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <openssl/evp.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/err.h"
#include "base/input.h"

/* Where a CRL's DER is. */
struct sg_crl_place {
    struct sg_input *input; /* borrowed */
    uint64_t offset, len;
};

/* All but the entries. */
struct sg_crl_head {
    struct sg_buf issuer;             /* DER of its Name */
    struct sg_buf algorithm;          /* DER of the signature's AlgorithmIdentifier, which stands there twice */
    struct sg_buf extensions;         /* DER of crlExtensions (a SEQUENCE); empty: there are none */
    struct sg_buf signature;          /* the value */
    struct sg_buf tbs;                /* TBSCertList, where it is signed as it is (EdDSA); else empty */
    int64_t this_update, next_update; /* SG_TIME_NONE if absent */
    bool dates_unreadable;
    uint8_t tbs_digest[EVP_MAX_MD_SIZE]; /* of TBSCertList, by the signature's digest */
    size_t tbs_digest_len;               /* 0: it has none that we know, or is EdDSA's */
    uint8_t sha256[SG_SHA256_LEN];       /* of the whole CRL */
};

void sg_crl_head_clear(struct sg_crl_head *head);

struct sg_crl_entry {
    struct sg_slice serial;             /* content octets of the INTEGER, as few as can be */
    int64_t revoked_at;                 /* SG_TIME_NONE: it cannot be read */
    int reason;                         /* one of CRL_REASON_, -1: none is given, -2: none that can be read */
    struct sg_slice certificate_issuer; /* DER of GeneralNames: whose certificates this entry and those behind it are
                                         * about (§5.3.3); {NULL, 0}: as the one before */
    bool unknown_critical;              /* it has a critical extension that is not known here */
};

struct sg_crl_visitor {
    enum sg_rc (*visit)(void *context, const struct sg_crl_entry *entry, struct sg_err *err);
    void *context;
};

/* Reads a CRL, and shows each entry in its order; the entry's slices hold only during the call. `ret` is to be cleared
 * after success. Cut short, or not DER: SG_E_MALFORMED; a part beyond its limit: SG_E_LIMIT. */
SG_MUST_CHECK enum sg_rc sg_crl_read(const struct sg_crl_place *place, OSSL_LIB_CTX *libctx,
                                     struct sg_crl_visitor visitor, struct sg_crl_head *ret, struct sg_err *err);

/* The CRLs of a file: it is one in DER, or PEM with any number of blocks. */
struct sg_crl_file;

SG_MUST_CHECK enum sg_rc sg_crl_file_open(struct sg_input *input, struct sg_crl_file **ret, struct sg_err *err);
void sg_crl_file_free(struct sg_crl_file *file);
SG_DEFINE_CLEANUP(struct sg_crl_file, sg_crl_file_free)

size_t sg_crl_file_count(const struct sg_crl_file *file);
struct sg_crl_place sg_crl_file_place(const struct sg_crl_file *file, size_t index);
