/* The XML of manifests, by libxml2. Part of the module, which sees base/ alone. */
#include "formats/asic_manifest.h"

#include <stdlib.h>
#include <string.h>

#include <libxml/xmlreader.h>
#include <openssl/evp.h>
#include <openssl/objects.h>

#include "base/cleanup.h"
#include "base/limits.h"
#include "base/msg.h"
#include "base/utf8.h"
#include "formats/zip_module.h"

SG_DEFINE_CLEANUP(xmlTextReader, xmlFreeTextReader)

/* EN 319 162-1 §A.4; TS 102 918 has a number without its zero in its examples, and some programs took it from there. */
static const char *const asic_namespaces[] = {"http://uri.etsi.org/02918/v1.2.1#", "http://uri.etsi.org/2918/v1.2.1#"};
#define XMLDSIG "http://www.w3.org/2000/09/xmldsig#"

/* RFC 9231 §2.1; the last is none of its, but is written for SHA-256. */
static const struct {
    const char *uri;
    int nid;
} digests[] = {{"http://www.w3.org/2001/04/xmlenc#sha256", NID_sha256},
               {"http://www.w3.org/2001/04/xmldsig-more#sha224", NID_sha224},
               {"http://www.w3.org/2001/04/xmldsig-more#sha384", NID_sha384},
               {"http://www.w3.org/2001/04/xmlenc#sha512", NID_sha512},
               {"http://www.w3.org/2007/05/xmldsig-more#sha3-224", NID_sha3_224},
               {"http://www.w3.org/2007/05/xmldsig-more#sha3-256", NID_sha3_256},
               {"http://www.w3.org/2007/05/xmldsig-more#sha3-384", NID_sha3_384},
               {"http://www.w3.org/2007/05/xmldsig-more#sha3-512", NID_sha3_512},
               {"http://www.w3.org/2001/04/xmlenc#ripemd160", NID_ripemd160},
               {"http://www.w3.org/2000/09/xmldsig#sha1", NID_sha1},
               {"http://www.w3.org/2001/04/xmldsig-more#md5", NID_md5},
               {"http://www.w3.org/2000/09/xmldsig#sha256", NID_sha256}};

/* Where the reading is. The whole form: ASiCManifest (SigReference, DataObjectReference+ (DigestMethod, DigestValue,
 * extensions), extensions); what is in an extension is passed over. */
enum place { AT_START, IN_MANIFEST, IN_SIGNATURE, IN_REFERENCE, IN_METHOD, IN_VALUE, AT_END };

struct reading {
    const char *name;
    const struct sg_asic_bytes *bytes;
    struct sg_asic_manifest *manifest;
    xmlTextReader *reader;
    enum place place;
    int extension_depth; /* of the extension that is passed over; 0: none */
    struct sg_asic_reference reference;
    struct sg_buf value; /* its digest's text */
    bool has_method, has_value, has_extensions;
    uint64_t read;
    enum sg_rc source_rc; /* why the bytes ended early */
    struct sg_err source_err;
};

static enum sg_rc bad(const struct reading *r, const char *reason, struct sg_err *err)
{
    return sg_fail(err, SG_E_MALFORMED, _("The manifest \"%s\" is broken: %s."), r->name, reason);
}

/* --- URIs --------------------------------------------------------------------------------------------------------- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A file of the container: no scheme, host, query or fragment, as text that can be shown. */
static enum sg_rc read_uri(const struct reading *r, const char *uri, char **ret, struct sg_err *err)
{
    _cleanup_(freep) char *name = malloc(strlen(uri) + 1);
    size_t len = 0;
    if (!name)
        return sg_fail_memory(err);
    for (const char *p = uri; *p; p++) {
        int high = *p == '%' ? hex_digit(p[1]) : 0, low = *p == '%' && high >= 0 ? hex_digit(p[2]) : 0;
        if (high < 0 || low < 0 || strchr("?#", *p))
            return bad(r, _("a URI in it is none of a file in the container"), err);
        name[len++] = *p;
        if (*p == '%') {
            name[len - 1] = (char)(high << 4 | low);
            p += 2;
        }
    }
    name[len] = '\0';
    if (len == 0 || !sg_utf8_is_printable(name, len))
        return bad(r, _("a URI in it is none of a file in the container"), err);
    *ret = sg_steal(name);
    return SG_OK;
}

/* --- attributes ----------------------------------------------------------------------------------------------------
 */

/* An attribute without a namespace; NULL: there is none. Valid until the reader moves. */
static enum sg_rc attribute(const struct reading *r, const char *name, const char **ret, struct sg_err *err)
{
    *ret = NULL;
    int found = xmlTextReaderMoveToAttribute(r->reader, (const xmlChar *)name);
    if (found < 0)
        return sg_fail_memory(err);
    if (found == 0)
        return SG_OK;
    *ret = (const char *)xmlTextReaderConstValue(r->reader);
    if (!*ret)
        return sg_fail_memory(err);
    if (strlen(*ret) > SG_MAX_ASIC_TEXT)
        return bad(r, _("an attribute in it is too long"), err);
    return SG_OK;
}

static enum sg_rc uri_attribute(const struct reading *r, char **ret, struct sg_err *err)
{
    const char *uri = NULL;
    enum sg_rc rc = attribute(r, "URI", &uri, err);
    if (rc == SG_OK && !uri)
        return bad(r, _("a reference in it has no URI"), err);
    return rc == SG_OK ? read_uri(r, uri, ret, err) : rc;
}

/* --- elements ------------------------------------------------------------------------------------------------------
 */

static enum sg_rc begin_signature(struct reading *r, struct sg_err *err)
{
    const char *type = NULL;
    if (r->manifest->signature)
        return bad(r, _("it has two SigReference"), err);
    enum sg_rc rc = uri_attribute(r, &r->manifest->signature, err);
    if (rc == SG_OK)
        rc = attribute(r, "MimeType", &type, err);
    if (rc != SG_OK)
        return rc;
    size_t len = strlen(r->manifest->signature);
    r->manifest->is_timestamp = (type && strcmp(type, "application/vnd.etsi.timestamp-token") == 0) ||
                                (len > 4 && strcmp(r->manifest->signature + len - 4, ".tst") == 0);
    r->place = IN_SIGNATURE;
    return SG_OK;
}

static enum sg_rc begin_reference(struct reading *r, struct sg_err *err)
{
    if (!r->manifest->signature)
        return bad(r, _("it does not begin with a SigReference"), err);
    free(r->reference.name);
    r->reference = (struct sg_asic_reference){0};
    r->value.len = 0;
    r->has_method = r->has_value = false;
    r->place = IN_REFERENCE;
    return uri_attribute(r, &r->reference.name, err);
}

static enum sg_rc begin_method(struct reading *r, struct sg_err *err)
{
    const char *algorithm = NULL;
    if (r->has_method)
        return bad(r, _("a reference in it has two DigestMethod"), err);
    enum sg_rc rc = attribute(r, "Algorithm", &algorithm, err);
    if (rc != SG_OK)
        return rc;
    if (!algorithm)
        return bad(r, _("a DigestMethod in it names no algorithm"), err);
    for (size_t i = 0; i < sizeof digests / sizeof *digests; i++)
        if (strcmp(algorithm, digests[i].uri) == 0)
            r->reference.digest_nid = digests[i].nid;
    r->has_method = true;
    r->place = IN_METHOD;
    return SG_OK;
}

static enum sg_rc begin_value(struct reading *r, struct sg_err *err)
{
    if (!r->has_method || r->has_value)
        return bad(r, _("a reference in it does not have one DigestMethod and one DigestValue"), err);
    r->has_value = true;
    r->place = IN_VALUE;
    return SG_OK;
}

static bool is_asic(const char *space)
{
    return space && (strcmp(space, asic_namespaces[0]) == 0 || strcmp(space, asic_namespaces[1]) == 0);
}

/* An element of the form, where it may stand. */
static enum sg_rc begin_element(struct reading *r, struct sg_err *err)
{
    const char *space = (const char *)xmlTextReaderConstNamespaceUri(r->reader);
    const char *name = (const char *)xmlTextReaderConstLocalName(r->reader);
    bool asic = is_asic(space), xmldsig = space && strcmp(space, XMLDSIG) == 0;
    if (!name)
        return sg_fail_memory(err);
    if (r->place == AT_START && asic && strcmp(name, "ASiCManifest") == 0) {
        r->place = IN_MANIFEST;
        return SG_OK;
    }
    if (r->place == IN_MANIFEST && !r->has_extensions && asic && strcmp(name, "SigReference") == 0)
        return begin_signature(r, err);
    if (r->place == IN_MANIFEST && !r->has_extensions && asic && strcmp(name, "DataObjectReference") == 0)
        return begin_reference(r, err);
    if (r->place == IN_REFERENCE && xmldsig && strcmp(name, "DigestMethod") == 0)
        return begin_method(r, err);
    if (r->place == IN_REFERENCE && xmldsig && strcmp(name, "DigestValue") == 0)
        return begin_value(r, err);
    if (((r->place == IN_REFERENCE && r->has_value && asic && strcmp(name, "DataObjectReferenceExtensions") == 0) ||
         (r->place == IN_MANIFEST && r->manifest->count > 0 && !r->has_extensions && asic &&
          strcmp(name, "ASiCManifestExtensions") == 0))) {
        r->has_extensions = r->place == IN_MANIFEST;
        r->extension_depth = xmlTextReaderDepth(r->reader);
        return SG_OK;
    }
    return bad(r, _("there is an element in it that is none of a manifest, or stands in the wrong place"), err);
}

/* Base64 without its white space, of a length that the algorithm has. */
static enum sg_rc read_value(struct reading *r, struct sg_err *err)
{
    uint8_t decoded[3 * (SG_ASIC_DIGEST_MAX / 3 + 2)];
    size_t len = 0, padding = 0;
    for (size_t i = 0; i < r->value.len; i++)
        if (!strchr(" \t\r\n", r->value.data[i]))
            r->value.data[len++] = r->value.data[i];
    while (padding < 2 && padding < len && r->value.data[len - 1 - padding] == '=')
        padding++;
    if (len == 0 || len % 4 != 0 || len / 4 * 3 > sizeof decoded || memchr(r->value.data, '=', len - padding))
        return bad(r, _("a DigestValue in it is none"), err);
    int octets = EVP_DecodeBlock(decoded, r->value.data, (int)len);
    if (octets < 0 || (size_t)octets - padding > SG_ASIC_DIGEST_MAX)
        return bad(r, _("a DigestValue in it is none"), err);
    r->reference.digest_len = (size_t)octets - padding;
    memcpy(r->reference.digest, decoded, r->reference.digest_len);
    return SG_OK;
}

static enum sg_rc end_reference(struct reading *r, struct sg_err *err)
{
    struct sg_asic_manifest *manifest = r->manifest;
    if (!r->has_value)
        return bad(r, _("a reference in it does not have one DigestMethod and one DigestValue"), err);
    if (manifest->count == SG_MAX_ZIP_ENTRIES)
        return sg_fail(err, SG_E_LIMIT, _("The manifest \"%s\" names more files than the limit of %d."), r->name,
                       SG_MAX_ZIP_ENTRIES);
    if (manifest->count == manifest->capacity) {
        size_t capacity = manifest->capacity ? 2 * manifest->capacity : 16;
        struct sg_asic_reference *more = realloc(manifest->references, capacity * sizeof *more);
        if (!more)
            return sg_fail_memory(err);
        manifest->references = more;
        manifest->capacity = capacity;
    }
    manifest->references[manifest->count++] = r->reference;
    r->reference = (struct sg_asic_reference){0};
    return SG_OK;
}

static enum sg_rc end_element(struct reading *r, struct sg_err *err)
{
    switch (r->place) {
    case IN_VALUE:
        r->place = IN_REFERENCE;
        return read_value(r, err);
    case IN_METHOD:
        r->place = IN_REFERENCE;
        return SG_OK;
    case IN_REFERENCE:
        r->place = IN_MANIFEST;
        return end_reference(r, err);
    case IN_SIGNATURE:
        r->place = IN_MANIFEST;
        return SG_OK;
    case IN_MANIFEST:
        r->place = AT_END;
        return r->manifest->count > 0 ? SG_OK : bad(r, _("it names no file"), err);
    default:
        return bad(r, _("its elements are not nested"), err);
    }
}

static enum sg_rc take_text(struct reading *r, struct sg_err *err)
{
    const char *text = (const char *)xmlTextReaderConstValue(r->reader);
    if (!text)
        return sg_fail_memory(err);
    if (r->place == IN_VALUE) {
        if (sg_buf_append(&r->value, text, strlen(text), NULL) == SG_OK)
            return SG_OK;
        return bad(r, _("a DigestValue in it is none"), err);
    }
    return text[strspn(text, " \t\r\n")] == '\0' ? SG_OK : bad(r, _("there is text in it where none may be"), err);
}

/* What is in an extension does not count; `*ret`: the reader is in one, or at its end. */
static bool in_extension(struct reading *r)
{
    if (r->extension_depth == 0)
        return false;
    if (xmlTextReaderNodeType(r->reader) == XML_READER_TYPE_END_ELEMENT &&
        xmlTextReaderDepth(r->reader) == r->extension_depth)
        r->extension_depth = 0;
    return true;
}

static enum sg_rc take_element(struct reading *r, struct sg_err *err)
{
    int empty = xmlTextReaderIsEmptyElement(r->reader);
    enum sg_rc rc = begin_element(r, err);
    if (rc == SG_OK && empty == 1) {
        if (r->extension_depth > 0)
            r->extension_depth = 0;
        else
            rc = end_element(r, err);
    }
    return rc;
}

static enum sg_rc take_node(struct reading *r, struct sg_err *err)
{
    int type = xmlTextReaderNodeType(r->reader);
    if (type == XML_READER_TYPE_DOCUMENT_TYPE || type == XML_READER_TYPE_ENTITY_REFERENCE)
        return bad(r, _("it has a document type or entities"), err);
    if (in_extension(r))
        return SG_OK;
    switch (type) {
    case XML_READER_TYPE_ELEMENT:
        return take_element(r, err);
    case XML_READER_TYPE_END_ELEMENT:
        return end_element(r, err);
    case XML_READER_TYPE_TEXT:
    case XML_READER_TYPE_CDATA:
    case XML_READER_TYPE_SIGNIFICANT_WHITESPACE:
    case XML_READER_TYPE_WHITESPACE:
        return take_text(r, err);
    case XML_READER_TYPE_COMMENT:
    case XML_READER_TYPE_XML_DECLARATION:
        return SG_OK;
    default:
        return bad(r, _("there is something in it that is none of a manifest"), err);
    }
}

/* --- the library ---------------------------------------------------------------------------------------------------
 */

/* libxml2 asks for bytes. */
static int give_bytes(void *context, char *out, int len)
{
    struct reading *r = context;
    size_t got = 0;
    if (r->source_rc == SG_OK && len > 0)
        r->source_rc = r->bytes->read(r->bytes->context, (uint8_t *)out, (size_t)len, &got, &r->source_err);
    r->read += got;
    if (r->source_rc == SG_OK && r->read > SG_MAX_ASIC_MANIFEST)
        r->source_rc =
            sg_fail(&r->source_err, SG_E_LIMIT, _("The manifest \"%s\" is larger than the limit of %zu MiB."), r->name,
                    SG_MAX_ASIC_MANIFEST / SG_MIB);
    return r->source_rc == SG_OK ? (int)got : -1;
}

/* What is wrong is told by the code that is returned; the library would print it. */
static void be_silent(void *context, const char *message, xmlParserSeverities severity, xmlTextReaderLocatorPtr where)
{
    (void)context;
    (void)message;
    (void)severity;
    (void)where;
}

static enum sg_rc read_nodes(struct reading *r, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    int more = 1;
    while (rc == SG_OK && (more = xmlTextReaderRead(r->reader)) == 1)
        rc = take_node(r, err);
    if (r->source_rc != SG_OK) {
        if (err)
            *err = r->source_err;
        return r->source_rc;
    }
    if (rc == SG_OK && (more != 0 || r->place != AT_END))
        rc = bad(r, _("it is no well-formed XML"), err);
    return rc;
}

enum sg_rc sg_asic_manifest_read_xml(const char *name, const struct sg_asic_bytes *bytes, struct sg_asic_manifest *ret,
                                     struct sg_err *err)
{
    struct reading r = {.name = name, .bytes = bytes, .manifest = ret, .value = SG_BUF(SG_MAX_ASIC_TEXT)};
    _cleanup_(xmlFreeTextReaderp) xmlTextReader *reader =
        xmlReaderForIO(give_bytes, NULL, &r, NULL, NULL, XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    if (!reader)
        return sg_fail_memory(err);
    xmlTextReaderSetErrorHandler(reader, be_silent, NULL);
    r.reader = reader;
    enum sg_rc rc = read_nodes(&r, err);
    free(r.reference.name);
    sg_buf_clear(&r.value);
    return rc;
}
