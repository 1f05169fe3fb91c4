/* ASiCManifest (EN 319 162-1 §4.4.4.2, §A.4): which files a signature or a time-stamp is over, with the digest of each.
 * ASiCArchiveManifest has the same form. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define SG_ASIC_DIGEST_MAX 64

/* A file that it names. */
struct sg_asic_reference {
    char *name;     /* in the container, its URI decoded; fit to print */
    int digest_nid; /* NID_undef: an algorithm that is not known */
    uint8_t digest[SG_ASIC_DIGEST_MAX];
    size_t digest_len;
};

struct sg_asic_manifest {
    char *signature;                      /* the file that SigReference names */
    bool is_timestamp;                    /* which is a time-stamp, by its name or its type */
    struct sg_asic_reference *references; /* in the manifest's order; at least one */
    size_t count, capacity;
};

void sg_asic_manifest_clear(struct sg_asic_manifest *manifest);

/* Where its XML comes from: `*ret_read` 0 is the end. */
struct sg_asic_bytes {
    enum sg_rc (*read)(void *context, uint8_t *out, size_t len, size_t *ret_read, struct sg_err *err);
    void *context;
};

/* Reads one: well-formed XML without a document type, of that form to the letter. Else SG_E_MALFORMED or SG_E_LIMIT,
 * naming `name`. */
SG_MUST_CHECK enum sg_rc sg_asic_manifest_read(const char *name, const struct sg_asic_bytes *bytes,
                                               struct sg_asic_manifest *ret, struct sg_err *err);

/* Writes one, piece by piece. `signature`: ASCII; `digest_name` as for EVP_MD_fetch: SHA-256, -384 or -512. */
SG_MUST_CHECK enum sg_rc sg_asic_manifest_begin(struct sg_buf *xml, const char *signature, struct sg_err *err);
SG_MUST_CHECK enum sg_rc sg_asic_manifest_add(struct sg_buf *xml, const char *name, const char *digest_name,
                                              struct sg_slice digest, struct sg_err *err);
SG_MUST_CHECK enum sg_rc sg_asic_manifest_end(struct sg_buf *xml, struct sg_err *err);
/* The file that a manifest names so, of one that was sorted (asic.h); NULL: it does not. */
const struct sg_asic_reference *sg_asic_manifest_find(const struct sg_asic_manifest *manifest, const char *name);

/* A name in a container as a URI, percent-encoded (RFC 3986). */
SG_MUST_CHECK enum sg_rc sg_asic_uri_append(struct sg_buf *out, const char *name, struct sg_err *err);
