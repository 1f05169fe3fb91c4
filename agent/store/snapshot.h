/* The snapshot of what is trusted and what is known to be revoked: one immutable file, `trust/snapshot`, that whoever
 * changes it renames into place, beside the CRLs it names (`trust/crl/SHA256.crl`). This is all of the store that
 * verification sees; reading it writes nothing, so it works on a read-only folder. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"

/* What an anchor may vouch for. */
enum sg_purpose { SG_PURPOSE_SIGN = 1 << 0, SG_PURPOSE_TIMESTAMP = 1 << 1 };

#define SG_PURPOSES_ALL (SG_PURPOSE_SIGN | SG_PURPOSE_TIMESTAMP)

struct sg_snapshot_anchor {
    struct sg_slice certificate; /* DER */
    unsigned purposes;
    const char *source; /* "file NAME", "profile SHA256", ... */
    int64_t added;
};

struct sg_snapshot_crl {
    struct sg_slice issuer; /* DER of the CRL's issuer name: which certificates it may speak of */
    uint8_t sha256[32];     /* of its DER; names the file */
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
/* The CRL's DER, its digest checked against the snapshot. */
SG_MUST_CHECK enum sg_rc sg_snapshot_crl_read(const struct sg_snapshot *snapshot, size_t index, struct sg_buf *out,
                                              struct sg_err *err);
