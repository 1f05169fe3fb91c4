/* The file `trust/snapshot`, written by the store and read by verification:
 *
 *   Snapshot ::= SEQUENCE {
 *       version  INTEGER (3),
 *       anchors  SEQUENCE OF SEQUENCE {
 *                    certificate  OCTET STRING,   -- its DER
 *                    purposes     INTEGER,        -- bits of enum sg_purpose
 *                    source       UTF8String,
 *                    added        INTEGER,        -- seconds since 1970-01-01T00:00:00Z
 *                    limits       UTF8String OPTIONAL }, -- verify/anchor_limits.h; not in versions 1 and 2
 *       crls     SEQUENCE OF SEQUENCE {
 *                    issuer       OCTET STRING,   -- DER of its Name
 *                    sha256       OCTET STRING,   -- of the CRL's DER, 32 bytes
 *                    thisUpdate   INTEGER,
 *                    nextUpdate   INTEGER },      -- 2^63 - 1 if absent
 *       ocsps    SEQUENCE OF SEQUENCE {
 *                    certId       OCTET STRING,   -- DER of the CertID that it answers about
 *                    sha256       OCTET STRING,   -- of the OCSPResponse's DER
 *                    thisUpdate   INTEGER,
 *                    nextUpdate   INTEGER },      -- 2^63 - 1 if absent
 *       helpers  SEQUENCE OF OCTET STRING }       -- certificates that vouch for nothing
 *
 * in DER, followed by its SHA-256 (32 bytes). Version 1 ended with `crls`; it is read as one that has no more. */
#pragma once

#include <openssl/safestack.h>

#include "base/limits.h"
#include "store/snapshot.h"

/* It is a file of certificates, more or less. */
#define SG_MAX_SNAPSHOT SG_MAX_CERT_FILE

typedef struct {
    ASN1_OCTET_STRING *certificate;
    int64_t purposes;
    ASN1_UTF8STRING *source;
    int64_t added;
    ASN1_UTF8STRING *limits; /* NULL: none */
} SG_ANCHOR_DER;

typedef struct {
    ASN1_OCTET_STRING *issuer;
    ASN1_OCTET_STRING *sha256;
    int64_t this_update;
    int64_t next_update;
} SG_CRL_DER;

typedef struct {
    ASN1_OCTET_STRING *cert_id;
    ASN1_OCTET_STRING *sha256;
    int64_t this_update;
    int64_t next_update;
} SG_OCSP_DER;

DEFINE_STACK_OF(SG_ANCHOR_DER)
DEFINE_STACK_OF(SG_CRL_DER)
DEFINE_STACK_OF(SG_OCSP_DER)
DEFINE_STACK_OF(ASN1_OCTET_STRING)

typedef struct {
    int64_t version;
    STACK_OF(SG_ANCHOR_DER) *anchors;
    STACK_OF(SG_CRL_DER) *crls;
    STACK_OF(SG_OCSP_DER) *ocsps;         /* of version 1: NULL */
    STACK_OF(ASN1_OCTET_STRING) *helpers; /* likewise */
} SG_SNAPSHOT_DER;

/* An empty one, to be filled and written; what is added is copied. NULL, false: out of memory. */
SG_SNAPSHOT_DER *sg_snapshot_der_new(void);
void sg_snapshot_der_free(SG_SNAPSHOT_DER *snapshot);
SG_DEFINE_CLEANUP(SG_SNAPSHOT_DER, sg_snapshot_der_free)
SG_MUST_CHECK bool sg_snapshot_der_add_anchor(SG_SNAPSHOT_DER *snapshot, const struct sg_snapshot_anchor *anchor);
SG_MUST_CHECK bool sg_snapshot_der_add_crl(SG_SNAPSHOT_DER *snapshot, const struct sg_snapshot_crl *crl);

SG_MUST_CHECK bool sg_snapshot_der_add_ocsp(SG_SNAPSHOT_DER *snapshot, const struct sg_snapshot_ocsp *ocsp);
SG_MUST_CHECK bool sg_snapshot_der_add_helper(SG_SNAPSHOT_DER *snapshot, struct sg_slice certificate);

/* Appends the file's bytes to `out`. */
SG_MUST_CHECK enum sg_rc sg_snapshot_encode(const SG_SNAPSHOT_DER *snapshot, OSSL_LIB_CTX *libctx, struct sg_buf *out,
                                            struct sg_err *err);
/* Checks every value; anything else is SG_E_STORE_DAMAGED. */
SG_MUST_CHECK enum sg_rc sg_snapshot_decode(struct sg_slice file, OSSL_LIB_CTX *libctx, SG_SNAPSHOT_DER **ret,
                                            struct sg_err *err);
