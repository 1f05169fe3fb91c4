#include "formats/der.h"

#include <stdlib.h>
#include <string.h>

#include "base/msg.h"
#include "formats/tlv.h"

size_t sg_der_open(const struct sg_der *der)
{
    return der->out->len;
}

/* The header's length is known only now, so the content moves up. Fit for the small structures this is used for. */
void sg_der_close(struct sg_der *der, size_t opened, uint8_t tag)
{
    uint8_t header[SG_TLV_HEADER];
    uint8_t *room = NULL;
    const size_t content_len = der->out->len - opened;
    const size_t header_len = sg_tlv_header(tag, content_len, header);

    if (der->rc == SG_OK)
        der->rc = sg_buf_extend(der->out, header_len, &room, der->err);
    if (der->rc != SG_OK)
        return;
    memmove(der->out->data + opened + header_len, der->out->data + opened, content_len);
    memcpy(der->out->data + opened, header, header_len);
}

void sg_der_element(struct sg_der *der, uint8_t tag, struct sg_slice content)
{
    uint8_t header[SG_TLV_HEADER];
    const size_t header_len = sg_tlv_header(tag, content.len, header);

    sg_der_raw(der, (struct sg_slice){header, header_len});
    sg_der_raw(der, content);
}

void sg_der_raw(struct sg_der *der, struct sg_slice encoding)
{
    if (der->rc == SG_OK && encoding.len > 0)
        der->rc = sg_buf_append(der->out, encoding.data, encoding.len, der->err);
}

void sg_der_small_integer(struct sg_der *der, uint8_t value)
{
    sg_der_element(der, SG_DER_INTEGER, (struct sg_slice){&value, 1});
}

void sg_der_oid(struct sg_der *der, int nid)
{
    const ASN1_OBJECT *oid = OBJ_nid2obj(nid);

    sg_der_element(der, SG_DER_OBJECT_IDENTIFIER, (struct sg_slice){OBJ_get0_data(oid), OBJ_length(oid)});
}

void sg_der_i2d(struct sg_der *der, int len, uint8_t **encoding)
{
    if (len > 0)
        sg_der_raw(der, (struct sg_slice){*encoding, (size_t)len});
    else if (der->rc == SG_OK)
        der->rc = sg_fail_ssl(der->err, SG_E_INTERNAL, _("A part of the signature could not be encoded."));
    OPENSSL_free(*encoding);
    *encoding = NULL;
}

int sg_der_compare(struct sg_slice a, struct sg_slice b)
{
    const size_t common = a.len < b.len ? a.len : b.len;
    const int order = common > 0 ? memcmp(a.data, b.data, common) : 0;

    if (order != 0)
        return order;
    for (size_t i = common; i < a.len; i++)
        if (a.data[i] != 0)
            return 1;
    for (size_t i = common; i < b.len; i++)
        if (b.data[i] != 0)
            return -1;
    return 0;
}

static int compare_slices(const void *a, const void *b)
{
    return sg_der_compare(*(const struct sg_slice *)a, *(const struct sg_slice *)b);
}

void sg_der_set_of(struct sg_der *der, uint8_t tag, struct sg_slice *elements, size_t count)
{
    const size_t opened = sg_der_open(der);

    if (count > 1)
        qsort(elements, count, sizeof(*elements), compare_slices);
    for (size_t i = 0; i < count; i++)
        sg_der_raw(der, elements[i]);
    sg_der_close(der, opened, tag);
}

uint64_t sg_der_size(uint64_t content_length)
{
    uint8_t header[SG_TLV_HEADER];

    return sg_tlv_header(0, content_length, header) + content_length;
}
