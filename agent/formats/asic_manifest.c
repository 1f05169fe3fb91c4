/* What of manifests needs no XML library: their memory, and names as URIs. */
#include "formats/asic_manifest.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

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

/* --- writing --------------------------------------------------------------------------------------------------------
 */

enum sg_rc sg_asic_manifest_begin(struct sg_buf *xml, const char *signature, struct sg_err *err)
{
    return sg_buf_printf(xml, err,
                         "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                         "<asic:ASiCManifest xmlns:asic=\"http://uri.etsi.org/02918/v1.2.1#\" "
                         "xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">\n"
                         " <asic:SigReference URI=\"%s\" MimeType=\"application/pkcs7-signature\"/>\n",
                         signature);
}

static const char *digest_uri(const char *name)
{
    if (strcmp(name, "SHA384") == 0)
        return "http://www.w3.org/2001/04/xmldsig-more#sha384";
    return strcmp(name, "SHA512") == 0 ? "http://www.w3.org/2001/04/xmlenc#sha512"
                                       : "http://www.w3.org/2001/04/xmlenc#sha256";
}

/* URIs are percent-encoded, so nothing in them means anything to XML. */
enum sg_rc sg_asic_manifest_add(struct sg_buf *xml, const char *name, const char *digest_name, struct sg_slice digest,
                                struct sg_err *err)
{
    char value[EVP_MAX_MD_SIZE * 4 / 3 + 4];
    (void)EVP_EncodeBlock((uint8_t *)value, digest.data, (int)digest.len);
    enum sg_rc rc = sg_buf_printf(xml, err, " <asic:DataObjectReference URI=\"");
    if (rc == SG_OK)
        rc = sg_asic_uri_append(xml, name, err);
    if (rc == SG_OK)
        rc = sg_buf_printf(xml, err,
                           "\"><ds:DigestMethod Algorithm=\"%s\"/><ds:DigestValue>%s</ds:DigestValue>"
                           "</asic:DataObjectReference>\n",
                           digest_uri(digest_name), value);
    return rc;
}

enum sg_rc sg_asic_manifest_end(struct sg_buf *xml, struct sg_err *err)
{
    return sg_buf_printf(xml, err, "</asic:ASiCManifest>\n");
}

static int compare_to_reference(const void *name, const void *reference)
{
    return strcmp(name, ((const struct sg_asic_reference *)reference)->name);
}

const struct sg_asic_reference *sg_asic_manifest_find(const struct sg_asic_manifest *manifest, const char *name)
{
    return manifest->count > 0 ? bsearch(name, manifest->references, manifest->count, sizeof *manifest->references,
                                         compare_to_reference)
                               : NULL;
}
