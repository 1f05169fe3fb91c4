/* What of the reading and writing of containers needs other people's libraries (zlib, libxml2): signet-zip.so. Private
 * to formats/. */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "formats/asic_manifest.h"

struct sg_inflate;

struct sg_zip_module {
    uint32_t (*crc32)(uint32_t crc, const uint8_t *data, size_t len); /* of no bytes: 0 */

    /* Raw deflate data (RFC 1951), piece by piece. Takes from `in` what it can, fills `out` as far as it can. Data that
     * is none: SG_E_MALFORMED without a text of its own. */
    enum sg_rc (*inflate_new)(struct sg_inflate **ret, struct sg_err *err);
    enum sg_rc (*inflate)(struct sg_inflate *inflate, struct sg_slice *in, uint8_t *out, size_t len, size_t *ret_made,
                          bool *ret_end, struct sg_err *err);
    void (*inflate_free)(struct sg_inflate *inflate);

    /* asic_manifest.h's, into a blank one, which the caller clears whatever comes of it. */
    enum sg_rc (*manifest_read)(const char *name, const struct sg_asic_bytes *bytes, struct sg_asic_manifest *ret,
                                struct sg_err *err);
};

/* By libxml2 (asic_manifest_xml.c). */
SG_MUST_CHECK enum sg_rc sg_asic_manifest_read_xml(const char *name, const struct sg_asic_bytes *bytes,
                                                   struct sg_asic_manifest *ret, struct sg_err *err);

#define SG_ZIP_MODULE "signet-zip.so"
#define SG_ZIP_TABLE "sg_zip_module"

extern const struct sg_zip_module sg_zip_module;

/* The table, loaded if need be (zip_load.c). */
SG_MUST_CHECK enum sg_rc sg_zip_module_get(const struct sg_zip_module **ret, struct sg_err *err);
