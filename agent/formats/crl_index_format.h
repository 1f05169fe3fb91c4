/* The file of a CRL's index. Private to formats/.
 *
 *   header: its length in 4 octets, the DER of
 *
 *       Index ::= SEQUENCE {
 *           version      INTEGER (1),
 *           crl          OCTET STRING,   -- SHA-256 of the CRL's DER
 *           entries      INTEGER,
 *           issuer       OCTET STRING,   -- DER of its Name, ...
 *           thisUpdate   INTEGER,        -- seconds since 1970-01-01T00:00:00Z; -2^63: none
 *           nextUpdate   INTEGER,
 *           extensions   OCTET STRING,   -- DER of crlExtensions; empty: none
 *           algorithm    OCTET STRING,   -- of the signature: DER of its AlgorithmIdentifier
 *           signature    OCTET STRING,
 *           digest       OCTET STRING,   -- of TBSCertList, by the signature's algorithm; empty: it has none
 *           key          OCTET STRING,   -- SHA-256 of the SubjectPublicKeyInfo that it was checked with; empty: none
 *           odd          INTEGER,        -- enum sg_crl_odd, and 2^16: a date of the CRL cannot be read
 *           issuers      SEQUENCE OF OCTET STRING }
 *
 *   the SHA-256 of those two, and zeros up to a multiple of 4096 octets.
 *
 *   pages of 4096 octets: 127 records, sorted over all pages, and the SHA-256 over
 *       the CRL's SHA-256, the page's number and the count of entries (8 octets each), the records.
 *   So a page stands for itself, and in one place alone. Behind the last entry: zeros.
 *
 *   record: serial, padded in front (20), its length (1), issuer's number (2), reason (1), revocation date (8).
 *   Numbers have their highest octet first. Of a serial over 20 octets the first 20 of its SHA-256; its length tells.
 */
#pragma once

#include "formats/crl_index.h"

enum {
    SG_CRL_SERIAL = 20,
    SG_CRL_RECORD = 32,
    SG_CRL_KEY = SG_CRL_SERIAL + 3, /* of it: what is compared in a look-up */
    SG_CRL_PAGE = 4096,
    SG_CRL_RECORDS = SG_CRL_PAGE / SG_CRL_RECORD - 1, /* of a page */
};

struct sg_crl_index {
    struct sg_crl_head head; /* without `tbs`, if it is read from a file */
    uint64_t count;
    unsigned odd;
    bool has_key;
    uint8_t key[SG_SHA256_LEN];
    struct sg_buf *issuers; /* the first is empty: number 0 is the head's */
    size_t issuer_count;
    struct sg_buf header; /* as in the file */
    const uint8_t *pages;
    size_t page_count;
    uint8_t *made; /* the pages, where they are ours */
    void *map;     /* or the file */
    size_t map_len;
};

/* Writes the header of an index whose other members are set. */
SG_MUST_CHECK enum sg_rc sg_crl_index_encode(struct sg_crl_index *index, OSSL_LIB_CTX *libctx, struct sg_err *err);
/* Reads a file's header into the members; `*ret_len` is what it takes up. Damaged: false. */
SG_MUST_CHECK bool sg_crl_index_decode(struct sg_crl_index *index, OSSL_LIB_CTX *libctx, struct sg_slice file,
                                       size_t *ret_len);
