#include <string.h>

#include "formats/cms_private.h"
#include "formats/pem.h"

/* RFC 7468 §8 and §9, OpenSSL's old one, and gpgsm's. */
bool sg_cms_is_label(const char *label)
{
    return strcmp(label, "CMS") == 0 || strcmp(label, "PKCS7") == 0 || strcmp(label, "PKCS #7 SIGNED DATA") == 0 ||
           strcmp(label, "SIGNED MESSAGE") == 0;
}

enum sg_rc sg_cms_is_signed_data(struct sg_input *input, const struct sg_tlv *oid, bool *ret, struct sg_err *err)
{
    static const uint8_t signed_data[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02};
    uint8_t value[sizeof signed_data];
    size_t len = 0;

    if (oid->constructed || oid->length != sizeof signed_data) {
        *ret = false;
        return SG_OK;
    }
    enum sg_rc rc = sg_input_read(input, oid->content, value, sizeof value, &len, err);
    if (rc == SG_OK)
        *ret = len == sizeof value && memcmp(value, signed_data, sizeof value) == 0;
    return rc;
}

/* ContentInfo ::= SEQUENCE { OBJECT IDENTIFIER signedData ... */
static enum sg_rc probe_der(struct sg_tlv_reader *reader, struct sg_input *input, bool *ret, struct sg_err *err)
{
    struct sg_tlv element;

    enum sg_rc rc = sg_tlv_expect(reader, SG_TLV_UNIVERSAL, SG_TLV_SEQUENCE, "", &element, err);
    if (rc == SG_OK)
        rc = sg_tlv_enter(reader, err);
    if (rc == SG_OK)
        rc = sg_tlv_expect(reader, SG_TLV_UNIVERSAL, SG_TLV_OID, "", &element, err);
    return rc == SG_OK ? sg_cms_is_signed_data(input, &element, ret, err) : rc;
}

enum sg_rc sg_cms_probe(struct sg_input *input, bool *ret_is_cms, struct sg_err *err)
{
    _cleanup_(sg_tlv_reader_freep) struct sg_tlv_reader *reader = NULL;
    char label[SG_PEM_LABEL];
    struct sg_err why = {0}; /* it is not CMS: an answer, not an error */
    bool is_cms = false;

    enum sg_rc rc = sg_pem_label(input, label, err);
    if (rc != SG_OK)
        return rc;
    if (label[0] != '\0') {
        *ret_is_cms = sg_cms_is_label(label);
        return SG_OK;
    }
    /* Lengths are not held against the file's size: what is cut short is still CMS, if broken. */
    rc = sg_tlv_reader_new(input, 0, INT64_MAX, &reader, err);
    if (rc != SG_OK)
        return rc;
    rc = probe_der(reader, input, &is_cms, &why);
    if (rc != SG_OK && rc != SG_E_MALFORMED) {
        if (err)
            *err = why;
        return rc;
    }
    *ret_is_cms = is_cms;
    return SG_OK;
}
