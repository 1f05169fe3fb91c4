#include "formats/cms_private.h"

#include <openssl/objects.h>

#include "base/msg.h"

static enum sg_rc read_type(const struct sg_cms_walk *walk, struct sg_attribute *attribute, struct sg_err *err)
{
    struct sg_slice bytes;

    enum sg_rc rc = sg_cms_take(walk, SG_TLV_OID, _("an attribute's type"), &bytes, err);
    if (rc != SG_OK)
        return rc;
    const uint8_t *at = bytes.data;
    attribute->type = d2i_ASN1_OBJECT(NULL, &at, (long)bytes.len);
    if (!attribute->type)
        return sg_fail_ssl(err, SG_E_MALFORMED, _("An attribute's type is not an object identifier."));
    attribute->type_encoding = bytes;
    return SG_OK;
}

/* The values in the SET just read. */
static enum sg_rc read_values(const struct sg_cms_walk *walk, struct sg_attribute *attribute, struct sg_err *err)
{
    _cleanup_(freep) struct sg_slice *values = NULL;
    size_t count = 0, room = 0;
    struct sg_tlv element;
    bool more = true;

    enum sg_rc rc = sg_tlv_enter(walk->reader, err);
    while (rc == SG_OK) {
        rc = sg_tlv_next(walk->reader, &element, &more, err);
        if (rc != SG_OK || !more)
            break;
        rc = sg_tlv_skip(walk->reader, &element, err);
        if (rc != SG_OK)
            break;
        if (count == room) {
            room = room ? 2 * room : 1;
            struct sg_slice *larger = reallocarray(values, room, sizeof *values);
            if (!larger)
                return sg_fail_memory(err);
            values = larger;
        }
        values[count++] = sg_cms_bytes(walk, &element);
    }
    if (rc == SG_OK)
        rc = sg_tlv_leave(walk->reader, &element, err);
    if (rc != SG_OK)
        return rc;
    attribute->set_encoding = sg_cms_bytes(walk, &element);
    attribute->values = sg_steal(values);
    attribute->value_count = count;
    return SG_OK;
}

/* Attribute ::= SEQUENCE { attrType, attrValues SET OF } (RFC 5652 §5.3). What is read before a failure stays in
 * `attribute`, to be freed with it. */
static enum sg_rc read_attribute(const struct sg_cms_walk *walk, struct sg_attribute *attribute, struct sg_err *err)
{
    struct sg_tlv element;

    enum sg_rc rc = sg_tlv_enter(walk->reader, err);
    if (rc == SG_OK)
        rc = read_type(walk, attribute, err);
    if (rc == SG_OK)
        rc = sg_tlv_expect(walk->reader, SG_TLV_UNIVERSAL, SG_TLV_SET, _("the set of an attribute's values"), &element,
                           err);
    if (rc == SG_OK)
        rc = read_values(walk, attribute, err);
    if (rc == SG_OK)
        rc = sg_tlv_expect_end(walk->reader, err);
    if (rc == SG_OK)
        rc = sg_tlv_leave(walk->reader, &element, err);
    if (rc == SG_OK)
        attribute->encoding = sg_cms_bytes(walk, &element);
    return rc;
}

/* All attributes of the level; `*count` of them are to be freed, whatever happens. */
static enum sg_rc read_level(const struct sg_cms_walk *walk, struct sg_attribute **attributes, size_t *count,
                             struct sg_err *err)
{
    for (size_t room = 0;;) {
        struct sg_tlv element;
        bool more = false;

        enum sg_rc rc = sg_tlv_next(walk->reader, &element, &more, err);
        if (rc != SG_OK || !more)
            return rc;
        if (!sg_tlv_is(&element, SG_TLV_UNIVERSAL, SG_TLV_SEQUENCE))
            return sg_tlv_malformed(walk->reader, sg_tlv_place(walk->reader), _("an attribute is not a SEQUENCE"), err);
        if (*count == SG_MAX_ATTRIBUTES)
            return sg_fail(err, SG_E_LIMIT, _("A signature has more than %d attributes."), SG_MAX_ATTRIBUTES);
        if (*count == room) {
            room = room ? 2 * room : 8;
            struct sg_attribute *larger = reallocarray(*attributes, room, sizeof *larger);
            if (!larger)
                return sg_fail_memory(err);
            *attributes = larger;
        }
        (*attributes)[*count] = (struct sg_attribute){0};
        rc = read_attribute(walk, &(*attributes)[(*count)++], err);
        if (rc != SG_OK)
            return rc;
    }
}

enum sg_rc sg_cms_read_attributes(const struct sg_cms_walk *walk, struct sg_tlv *element, struct sg_attribute **ret,
                                  size_t *ret_count, struct sg_err *err)
{
    struct sg_attribute *attributes = NULL;
    size_t count = 0;

    enum sg_rc rc = sg_tlv_enter(walk->reader, err);
    if (rc == SG_OK)
        rc = read_level(walk, &attributes, &count, err);
    if (rc == SG_OK)
        rc = sg_tlv_leave(walk->reader, element, err);
    if (rc != SG_OK) {
        sg_cms_free_attributes(attributes, count);
        return rc;
    }
    *ret = attributes;
    *ret_count = count;
    return SG_OK;
}

void sg_cms_free_attributes(struct sg_attribute *attributes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        ASN1_OBJECT_free(attributes[i].type);
        free((void *)attributes[i].values);
    }
    free(attributes);
}

size_t sg_attributes_find(const struct sg_attribute *attrs, size_t count, int nid, const struct sg_attribute **ret)
{
    size_t found = 0;

    for (size_t i = 0; i < count && nid != NID_undef; i++) {
        if (OBJ_obj2nid(attrs[i].type) != nid)
            continue;
        if (found++ == 0)
            *ret = &attrs[i];
    }
    return found;
}
