/* The snapshot of what is trusted and what is known to be revoked: one immutable file, `trust/snapshot`, that whoever
 * changes it renames into place, beside the CRLs and OCSP responses it names (`trust/crl/SHA256.crl` with its index
 * `trust/crl/SHA256.index`, `trust/ocsp/SHA256.ocsp`). This is all of the store that verification sees; reading it
 * writes nothing, so it works on a read-only folder. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/crypto.h"
#include "base/err.h"
#include "base/input.h"
#include "base/limits.h"

/* What an anchor may vouch for. */
enum sg_purpose { SG_PURPOSE_SIGN = 1 << 0, SG_PURPOSE_TIMESTAMP = 1 << 1 };

#define SG_PURPOSES_ALL (SG_PURPOSE_SIGN | SG_PURPOSE_TIMESTAMP)

struct sg_snapshot_anchor {
    struct sg_slice certificate; /* DER */
    unsigned purposes;
    const char *limits; /* text that verify/anchor_limits.h reads; "": none (NULL, too, where it is written) */
    const char *source; /* "file NAME", "profile SHA256", ... */
    int64_t added;
};

struct sg_snapshot_crl {
    struct sg_slice issuer; /* DER of the CRL's issuer name: which certificates it may speak of */
    uint8_t sha256[32];     /* of its DER; names the file */
    int64_t this_update;
    int64_t next_update; /* INT64_MAX if absent */
};

/* --- how verify/ hands the store what it has checked -------------------------------------------------------------- */

/* An anchor of a signed list or profile. */
struct sg_named_anchor {
    X509 *cert;
    unsigned purposes;
    char *limits; /* as in the snapshot; NULL: none. Allocated */
    char sha256[SG_SHA256_HEX];
};

/* What a signed list of anchors says besides. */
struct sg_list_terms {
    int64_t number;                  /* from 1 on; never goes back */
    char next_signer[SG_SHA256_HEX]; /* who signs from now on; "": the same */
    /* A newer Signet; "": nothing is said. */
    char release_version[SG_MAX_RELEASE_TEXT], release_sha256[SG_SHA256_HEX], release_url[SG_MAX_URL + 1];
};

/* A CRL, and the index that verify/ made of it. The slices are borrowed from `owner`. */
struct sg_checked_crl {
    struct sg_slice issuer;        /* DER of its Name */
    struct sg_slice authority_key; /* value of authorityKeyIdentifier; none: {NULL, 0} */
    struct sg_slice scope;         /* value of issuingDistributionPoint; likewise */
    struct sg_slice number;        /* cRLNumber, padded to 20 octets, so that numbers compare as bytes; likewise */
    bool delta;
    int64_t this_update;
    int64_t next_update; /* INT64_MAX if absent */
    uint8_t sha256[SG_SHA256_LEN];
    struct sg_input *der; /* where its DER is; borrowed from whoever had it checked */
    uint64_t der_offset, der_len;
    struct sg_slice index[2]; /* the index's file: one behind the other */
    void *owner;
};

/* What an OCSP response says of one certificate. */
struct sg_ocsp_fact {
    struct sg_slice cert_id; /* DER of the CertID (RFC 6960 §4.1.1) */
    int64_t this_update;
    int64_t next_update; /* INT64_MAX if absent */
    bool revoked;        /* for good, not on hold */
};

/* --- what verify/ reads ------------------------------------------------------------------------------------------- */

/* One answer of an OCSP response that is kept. */
struct sg_snapshot_ocsp {
    struct sg_slice cert_id; /* DER of the CertID that it is about (RFC 6960 §4.1.1) */
    uint8_t sha256[32];      /* of the whole response; names the file */
    int64_t this_update;
    int64_t next_update; /* INT64_MAX if absent */
};

struct sg_snapshot;

/* Opens `FOLDER/trust/snapshot`; none there is an empty snapshot. Damaged (its own digest does not fit):
 * SG_E_STORE_DAMAGED. */
SG_MUST_CHECK enum sg_rc sg_snapshot_open(const char *state_folder, OSSL_LIB_CTX *libctx, struct sg_snapshot **ret,
                                          struct sg_err *err);
void sg_snapshot_free(struct sg_snapshot *snapshot);
SG_DEFINE_CLEANUP(struct sg_snapshot, sg_snapshot_free)

size_t sg_snapshot_anchor_count(const struct sg_snapshot *snapshot);
const struct sg_snapshot_anchor *sg_snapshot_anchor(const struct sg_snapshot *snapshot, size_t index);
size_t sg_snapshot_crl_count(const struct sg_snapshot *snapshot);
const struct sg_snapshot_crl *sg_snapshot_crl(const struct sg_snapshot *snapshot, size_t index);
/* The file that a CRL is in. Allocated. */
SG_MUST_CHECK enum sg_rc sg_snapshot_crl_path(const struct sg_snapshot *snapshot, size_t index, char **ret,
                                              struct sg_err *err);
/* And the one that its index is in. */
SG_MUST_CHECK enum sg_rc sg_snapshot_crl_index_path(const struct sg_snapshot *snapshot, size_t index, char **ret,
                                                    struct sg_err *err);

/* The same of OCSP responses, and the DER of one, its digest checked against the snapshot. */
size_t sg_snapshot_ocsp_count(const struct sg_snapshot *snapshot);
const struct sg_snapshot_ocsp *sg_snapshot_ocsp(const struct sg_snapshot *snapshot, size_t index);
SG_MUST_CHECK enum sg_rc sg_snapshot_ocsp_path(const struct sg_snapshot *snapshot, size_t index, char **ret,
                                               struct sg_err *err);
SG_MUST_CHECK enum sg_rc sg_snapshot_ocsp_read(const struct sg_snapshot *snapshot, size_t index, struct sg_buf *out,
                                               struct sg_err *err);

/* Certificates that help to build paths and vouch for nothing: DER. */
size_t sg_snapshot_helper_count(const struct sg_snapshot *snapshot);
struct sg_slice sg_snapshot_helper(const struct sg_snapshot *snapshot, size_t index);
