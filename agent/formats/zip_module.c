/* zlib, and the table of the module. */
#include "formats/zip_module.h"

#include <limits.h>
#include <stdlib.h>

#include <zlib.h>

#include "base/cleanup.h"
#include "base/limits.h"

struct sg_inflate {
    z_stream z;
};

static uint32_t checksum(uint32_t crc, const uint8_t *data, size_t len)
{
    return (uint32_t)crc32_z(crc, data, len);
}

static void free_inflate(struct sg_inflate *inflate)
{
    if (!inflate)
        return;
    (void)inflateEnd(&inflate->z);
    free(inflate);
}

static enum sg_rc new_inflate(struct sg_inflate **ret, struct sg_err *err)
{
    struct sg_inflate *inflate = calloc(1, sizeof *inflate);
    if (!inflate || inflateInit2(&inflate->z, -MAX_WBITS) != Z_OK) {
        free(inflate);
        return sg_fail_memory(err);
    }
    *ret = inflate;
    return SG_OK;
}

/* The library's function, whose name the parameters here have as well. */
static int inflate_step(z_stream *z)
{
    return inflate(z, Z_NO_FLUSH);
}

static uInt at_most(size_t len)
{
    return len < SG_IO_BUFFER ? (uInt)len : (uInt)SG_IO_BUFFER;
}

static enum sg_rc run_inflate(struct sg_inflate *inflate, struct sg_slice *in, uint8_t *out, size_t len,
                              size_t *ret_made, bool *ret_end, struct sg_err *err)
{
    z_stream *z = &inflate->z;
    z->next_in = (z_const Bytef *)in->data;
    z->avail_in = at_most(in->len);
    z->next_out = out;
    z->avail_out = at_most(len);
    int result = inflate_step(z);
    size_t taken = (size_t)(z->next_in - in->data);
    if (result == Z_MEM_ERROR)
        return sg_fail_memory(err);
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
        return SG_E_MALFORMED;
    in->data += taken;
    in->len -= taken;
    *ret_made = (size_t)(z->next_out - out);
    *ret_end = result == Z_STREAM_END;
    return SG_OK;
}

__attribute__((visibility("default"))) const struct sg_zip_module sg_zip_module = {
    .crc32 = checksum,
    .inflate_new = new_inflate,
    .inflate = run_inflate,
    .inflate_free = free_inflate,
    .manifest_read = sg_asic_manifest_read_xml,
};
