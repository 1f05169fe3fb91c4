/* What of manifests needs no XML library: their memory, and names as URIs. */
#include "formats/asic_manifest.h"

#include <stdlib.h>
#include <string.h>

#include "formats/zip_module.h"

void sg_asic_manifest_clear(struct sg_asic_manifest *manifest)
{
    for (size_t i = 0; i < manifest->count; i++)
        free(manifest->references[i].name);
    free(manifest->references);
    free(manifest->signature);
    *manifest = (struct sg_asic_manifest){0};
}

enum sg_rc sg_asic_manifest_read(const char *name, const struct sg_asic_bytes *bytes, struct sg_asic_manifest *ret,
                                 struct sg_err *err)
{
    const struct sg_zip_module *module = NULL;
    struct sg_asic_manifest manifest = {0};
    enum sg_rc rc = sg_zip_module_get(&module, err);
    if (rc == SG_OK)
        rc = module->manifest_read(name, bytes, &manifest, err);
    if (rc == SG_OK)
        *ret = manifest;
    else
        sg_asic_manifest_clear(&manifest);
    return rc;
}

/* RFC 3986 §2.3, and the slash between folders. */
static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-._~/", c);
}

enum sg_rc sg_asic_uri_append(struct sg_buf *out, const char *name, struct sg_err *err)
{
    static const char digits[] = "0123456789ABCDEF";
    enum sg_rc rc = SG_OK;
    while (rc == SG_OK && *name) {
        size_t plain = 0;
        while (name[plain] && is_plain(name[plain]))
            plain++;
        if (plain > 0) {
            rc = sg_buf_append(out, name, plain, err);
            name += plain;
        } else {
            const char escape[] = {'%', digits[(uint8_t)*name >> 4], digits[(uint8_t)*name & 15]};
            rc = sg_buf_append(out, escape, sizeof escape, err);
            name++;
        }
    }
    return rc;
}
