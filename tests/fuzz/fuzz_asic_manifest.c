/* The reader of manifests, on any bytes, in pieces of any size. */
#include <string.h>

#include "base/utf8.h"
#include "formats/asic_manifest.h"
#include "fuzz.h"

struct bytes {
    const uint8_t *data;
    size_t size, piece;
};

static enum sg_rc give(void *context, uint8_t *out, size_t len, size_t *ret_read, struct sg_err *err)
{
    struct bytes *bytes = context;
    (void)err;
    *ret_read = len < bytes->piece ? len : bytes->piece;
    if (*ret_read > bytes->size)
        *ret_read = bytes->size;
    if (*ret_read > 0)
        memcpy(out, bytes->data, *ret_read);
    bytes->data += *ret_read;
    bytes->size -= *ret_read;
    return SG_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes bytes = {.data = data, .size = size, .piece = size % 97 + 1};
    struct sg_asic_manifest manifest = {0};
    enum sg_rc rc = sg_asic_manifest_read("fuzz", &(struct sg_asic_bytes){give, &bytes}, &manifest, NULL);
    must(rc == SG_OK || rc == SG_E_MALFORMED || rc == SG_E_LIMIT);
    must(rc == SG_OK ? manifest.signature && manifest.count > 0 : !manifest.references && !manifest.signature);
    for (size_t i = 0; i < manifest.count; i++) {
        const struct sg_asic_reference *reference = &manifest.references[i];
        must(*reference->name && sg_utf8_is_printable(reference->name, strlen(reference->name)));
        must(reference->digest_len > 0 && reference->digest_len <= SG_ASIC_DIGEST_MAX);
    }
    sg_asic_manifest_clear(&manifest);
    return 0;
}
