#include "formats/cms_augment.h"

#include <string.h>

#include <openssl/objects.h>

#include "base/limits.h"
#include "base/msg.h"
#include "formats/cms_parts.h"
#include "formats/der.h"

/* What is around the place, from the outside in. The lengths among them that are definite grow, and those headers are
 * written anew; an indefinite one stays. The SET OF SignerInfo may thereby lose the order that DER wants: that the
 * other SignerInfos stay where they are counts for more. */
enum { CONTENT_INFO, CONTENT, SIGNED_DATA, SIGNER_INFOS, SIGNER_INFO, UNSIGNED_ATTRS, AROUND_COUNT };

struct place {
    struct sg_tlv around[AROUND_COUNT];
    size_t depth; /* AROUND_COUNT, or one less if there are no unsignedAttrs yet */
    uint64_t at;  /* where the bytes go in */
};

static enum sg_rc about(const struct sg_input *input, struct sg_err *err, enum sg_rc rc)
{
    sg_err_file(err, sg_input_name(input));
    return rc;
}

/* AttributeValues (RFC 5652 §5.3), at least one; the set has been entered. */
static enum sg_rc check_values(struct sg_tlv_reader *reader, struct sg_err *err)
{
    struct sg_tlv element = {0};
    size_t count = 0;
    bool more = true;
    enum sg_rc rc = SG_OK;

    while (rc == SG_OK && more && !element.indefinite) {
        rc = sg_tlv_next(reader, &element, &more, err);
        count++;
    }
    if (rc == SG_OK && (element.indefinite || count == 1))
        return sg_tlv_malformed(reader, sg_tlv_place(reader), _("it is not a value in DER"), err);
    return rc;
}

/* Whether it is Attribute ::= SEQUENCE { OBJECT IDENTIFIER, SET OF AttributeValue } and no more. */
static enum sg_rc check_attribute(struct sg_slice attribute, struct sg_err *err)
{
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    _cleanup_(sg_tlv_reader_freep) struct sg_tlv_reader *reader = NULL;
    struct sg_tlv sequence;
    struct sg_tlv element;

    enum sg_rc rc = sg_input_from_slice(_("the attribute to add"), attribute, &input, err);
    if (rc == SG_OK)
        rc = sg_tlv_reader_new(input, 0, attribute.len, &reader, err);
    if (rc == SG_OK)
        rc = sg_tlv_expect(reader, SG_TLV_UNIVERSAL, SG_TLV_SEQUENCE, _("an attribute"), &sequence, err);
    if (rc == SG_OK)
        rc = sg_tlv_enter(reader, err);
    if (rc == SG_OK)
        rc = sg_tlv_expect(reader, SG_TLV_UNIVERSAL, SG_TLV_OID, _("its type"), &element, err);
    if (rc == SG_OK)
        rc = sg_tlv_expect(reader, SG_TLV_UNIVERSAL, SG_TLV_SET, _("the set of its values"), &element, err);
    if (rc == SG_OK && (sequence.indefinite || element.indefinite))
        return sg_tlv_malformed(reader, 0, _("it is not DER"), err);
    if (rc == SG_OK)
        rc = sg_tlv_enter(reader, err);
    if (rc == SG_OK)
        rc = check_values(reader, err);
    for (int level = 0; level < 2 && rc == SG_OK; level++) {
        rc = sg_tlv_leave(reader, NULL, err);
        if (rc == SG_OK)
            rc = sg_tlv_expect_end(reader, err);
    }
    return rc;
}

/* Goes into the element just read, one of those around the place. */
static enum sg_rc go_into(struct sg_tlv_reader *reader, const struct sg_tlv *element, struct place *place,
                          struct sg_err *err)
{
    enum sg_rc rc = sg_tlv_enter(reader, err);
    if (rc == SG_OK)
        place->around[place->depth++] = *element;
    return rc;
}

static enum sg_rc go_into_next(struct sg_tlv_reader *reader, enum sg_tlv_class tag_class, uint32_t tag,
                               const char *what, struct place *place, struct sg_err *err)
{
    struct sg_tlv element;

    enum sg_rc rc = sg_tlv_expect(reader, tag_class, tag, what, &element, err);
    return rc == SG_OK ? go_into(reader, &element, place, err) : rc;
}

/* If the element just read is this optional one, reads the next. */
static enum sg_rc pass_optional(struct sg_tlv_reader *reader, uint32_t context_tag, struct sg_tlv *element, bool *more,
                                struct sg_err *err)
{
    if (!*more || !sg_tlv_is(element, SG_TLV_CONTEXT, context_tag))
        return SG_OK;
    return sg_tlv_next(reader, element, more, err);
}

static enum sg_rc expect_signed_data_oid(struct sg_tlv_reader *reader, struct sg_input *input, struct sg_err *err)
{
    const ASN1_OBJECT *oid = OBJ_nid2obj(NID_pkcs7_signed);
    struct sg_tlv element;
    uint8_t bytes[16] = {0};
    size_t len = 0;

    enum sg_rc rc = sg_tlv_expect(reader, SG_TLV_UNIVERSAL, SG_TLV_OID, _("the content type"), &element, err);
    if (rc == SG_OK && element.length <= sizeof(bytes))
        rc = sg_input_read(input, element.content, bytes, (size_t)element.length, &len, err);
    if (rc != SG_OK)
        return rc;
    if (len != OBJ_length(oid) || memcmp(bytes, OBJ_get0_data(oid), len) != 0)
        return sg_tlv_malformed(reader, element.start, _("it is not signed data"), err);
    return SG_OK;
}

/* What is added to must still be within the limits of those who read it. */
static enum sg_rc check_room(const struct sg_input *input, uint64_t content_end, struct sg_slice attribute,
                             struct sg_err *err)
{
    const uint64_t rest = sg_input_size(input) - content_end;

    if (rest > SG_MAX_CMS_REST || attribute.len > SG_MAX_CMS_REST - rest ||
        SG_MAX_CMS_REST - rest - attribute.len < (size_t)AROUND_COUNT * SG_TLV_HEADER)
        return about(input, err,
                     sg_fail(err, SG_E_LIMIT, _("\"%s\" would hold more than %zu bytes beside its content."),
                             sg_input_name(input), SG_MAX_CMS_REST));
    return SG_OK;
}

/* ContentInfo (RFC 5652 §3) and SignedData (§5.1), up to the SignerInfos. */
static enum sg_rc go_to_signer_infos(struct sg_tlv_reader *reader, struct sg_input *input, struct sg_slice attribute,
                                     struct place *place, struct sg_err *err)
{
    struct sg_tlv element;
    uint64_t content_end = 0;
    bool more = false;

    enum sg_rc rc = go_into_next(reader, SG_TLV_UNIVERSAL, SG_TLV_SEQUENCE, _("a ContentInfo"), place, err);
    if (rc == SG_OK)
        rc = expect_signed_data_oid(reader, input, err);
    if (rc == SG_OK)
        rc = go_into_next(reader, SG_TLV_CONTEXT, 0, _("the content [0]"), place, err);
    if (rc == SG_OK)
        rc = go_into_next(reader, SG_TLV_UNIVERSAL, SG_TLV_SEQUENCE, _("the SignedData"), place, err);
    if (rc == SG_OK)
        rc = sg_tlv_expect(reader, SG_TLV_UNIVERSAL, SG_TLV_INTEGER, _("its version"), &element, err);
    if (rc == SG_OK)
        rc = sg_tlv_expect(reader, SG_TLV_UNIVERSAL, SG_TLV_SET, _("the digest algorithms"), &element, err);
    if (rc == SG_OK)
        rc = sg_cms_pass_content(reader, &content_end, err);
    if (rc == SG_OK)
        rc = check_room(input, content_end, attribute, err);
    if (rc == SG_OK)
        rc = sg_tlv_next(reader, &element, &more, err);
    if (rc == SG_OK)
        rc = pass_optional(reader, 0, &element, &more, err); /* certificates */
    if (rc == SG_OK)
        rc = pass_optional(reader, 1, &element, &more, err); /* crls */
    if (rc == SG_OK && (!more || !sg_tlv_is(&element, SG_TLV_UNIVERSAL, SG_TLV_SET)))
        return about(input, err, sg_fail(err, SG_E_MALFORMED, _("\"%s\" has no SignerInfos."), sg_input_name(input)));
    return rc == SG_OK ? go_into(reader, &element, place, err) : rc;
}

/* SignerInfo (RFC 5652 §5.3) up to the end of the signature value. */
static enum sg_rc pass_signature(struct sg_tlv_reader *reader, struct sg_tlv *ret_signature, struct sg_err *err)
{
    struct sg_tlv element;
    bool more = false;

    enum sg_rc rc =
        sg_tlv_expect(reader, SG_TLV_UNIVERSAL, SG_TLV_INTEGER, _("the SignerInfo's version"), &element, err);
    if (rc == SG_OK)
        rc = sg_tlv_next(reader, &element, &more, err); /* sid: a SEQUENCE or [0] */
    if (rc == SG_OK)
        rc = sg_tlv_expect(reader, SG_TLV_UNIVERSAL, SG_TLV_SEQUENCE, _("the digest algorithm"), &element, err);
    if (rc == SG_OK)
        rc = sg_tlv_next(reader, &element, &more, err);
    if (rc == SG_OK)
        rc = pass_optional(reader, 0, &element, &more, err); /* signedAttrs */
    if (rc == SG_OK && (!more || !sg_tlv_is(&element, SG_TLV_UNIVERSAL, SG_TLV_SEQUENCE)))
        return sg_tlv_malformed(reader, element.start, _("a SignerInfo without a signature algorithm"), err);
    if (rc == SG_OK)
        rc = sg_tlv_expect(reader, SG_TLV_UNIVERSAL, SG_TLV_OCTET_STRING, _("the signature value"), &element, err);
    return rc == SG_OK ? sg_tlv_skip(reader, ret_signature, err) : rc;
}

/* Where among `attrs`, which stand one behind the other, the new one goes: so that the set stays as DER wants it if it
 * is (X.690 §11.6), else behind all. */
static enum sg_rc find_order(struct sg_input *input, const struct sg_tlv *attrs, size_t count,
                             struct sg_slice attribute, uint64_t *ret_at, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf bytes = SG_BUF(SG_MAX_CMS_REST);
    const uint64_t start = attrs[0].start;
    const uint64_t end = attrs[count - 1].end;
    struct sg_slice previous = {NULL, 0};
    uint64_t at = end;
    uint8_t *room = NULL;
    size_t len = 0;

    enum sg_rc rc = sg_buf_extend(&bytes, (size_t)(end - start), &room, err);
    if (rc == SG_OK)
        rc = sg_input_read(input, start, room, bytes.len, &len, err);
    if (rc != SG_OK)
        return rc;

    for (size_t i = 0; i < count; i++) {
        const struct sg_slice attr = {room + (attrs[i].start - start), (size_t)(attrs[i].end - attrs[i].start)};
        if (sg_der_compare(previous, attr) > 0) {
            at = end;
            break;
        }
        if (at == end && sg_der_compare(attribute, attr) < 0)
            at = attrs[i].start;
        previous = attr;
    }
    *ret_at = at;
    return SG_OK;
}

static enum sg_rc find_in_unsigned_attrs(struct sg_tlv_reader *reader, struct sg_input *input,
                                         struct sg_slice attribute, struct place *place, struct sg_err *err)
{
    struct sg_tlv attrs[SG_MAX_ATTRIBUTES];
    struct sg_tlv element;
    size_t count = 0;
    bool more = false;

    enum sg_rc rc = sg_tlv_next(reader, &element, &more, err);
    while (rc == SG_OK && more) {
        if (count + 1 >= SG_MAX_ATTRIBUTES)
            return about(input, err,
                         sg_fail(err, SG_E_LIMIT, _("\"%s\" already has %zu unsigned attributes, which is the most."),
                                 sg_input_name(input), count + 1));
        rc = sg_tlv_skip(reader, &attrs[count++], err);
        if (rc == SG_OK)
            rc = sg_tlv_next(reader, &element, &more, err);
    }
    if (rc == SG_OK && count > 0)
        rc = find_order(input, attrs, count, attribute, &place->at, err);
    return rc;
}

/* The SignerInfo in question, and the place in it. */
static enum sg_rc find_in_signer_infos(struct sg_tlv_reader *reader, struct sg_input *input, size_t signer,
                                       struct sg_slice attribute, struct place *place, struct sg_err *err)
{
    struct sg_tlv element;
    bool more = true;
    enum sg_rc rc = SG_OK;

    for (size_t i = 0; i <= signer && more && rc == SG_OK; i++)
        rc = sg_tlv_next(reader, &element, &more, err);
    if (rc != SG_OK)
        return rc;
    if (!more)
        return about(input, err,
                     sg_fail(err, SG_E_USAGE, _("\"%s\" has no signer %zu."), sg_input_name(input), signer + 1));
    if (!sg_tlv_is(&element, SG_TLV_UNIVERSAL, SG_TLV_SEQUENCE))
        return sg_tlv_malformed(reader, element.start, _("it is not a SignerInfo"), err);

    rc = go_into(reader, &element, place, err);
    if (rc == SG_OK)
        rc = pass_signature(reader, &element, err);
    if (rc != SG_OK)
        return rc;
    place->at = element.end;
    rc = sg_tlv_next(reader, &element, &more, err);
    if (rc != SG_OK || !more)
        return rc;
    if (!sg_tlv_is(&element, SG_TLV_CONTEXT, 1))
        return sg_tlv_malformed(reader, element.start, _("it is not the unsigned attributes"), err);
    place->at = element.content;
    rc = go_into(reader, &element, place, err);
    return rc == SG_OK ? find_in_unsigned_attrs(reader, input, attribute, place, err) : rc;
}

/* Nothing may stand behind what was read but the other SignerInfos. */
static enum sg_rc check_rest(struct sg_tlv_reader *reader, size_t depth, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;

    for (size_t level = depth; level > 0 && rc == SG_OK; level--) {
        if (level - 1 != SIGNER_INFOS)
            rc = sg_tlv_expect_end(reader, err);
        if (rc == SG_OK)
            rc = sg_tlv_leave(reader, NULL, err);
    }
    return rc == SG_OK ? sg_tlv_expect_end(reader, err) : rc;
}

static enum sg_rc find_place(struct sg_input *input, size_t signer, struct sg_slice attribute, struct place *ret,
                             struct sg_err *err)
{
    _cleanup_(sg_tlv_reader_freep) struct sg_tlv_reader *reader = NULL;
    struct place place = {0};

    enum sg_rc rc = sg_tlv_reader_new(input, 0, sg_input_size(input), &reader, err);
    if (rc == SG_OK)
        rc = go_to_signer_infos(reader, input, attribute, &place, err);
    if (rc == SG_OK)
        rc = find_in_signer_infos(reader, input, signer, attribute, &place, err);
    if (rc == SG_OK)
        rc = check_rest(reader, place.depth, err);
    if (rc == SG_OK)
        *ret = place;
    return rc;
}

static enum sg_rc write_spliced(struct sg_input *input, const struct place *place, struct sg_slice added,
                                struct sg_sink sink, struct sg_err *err)
{
    _cleanup_(sg_splice_clear) struct sg_splice splice = {0};
    int64_t growth = (int64_t)added.len;

    enum sg_rc rc = sg_splice_insert(&splice, place->at, added, err);
    for (size_t i = place->depth; rc == SG_OK && i-- > 0;)
        rc = sg_splice_grow(&splice, &place->around[i], &growth, err);
    return rc == SG_OK ? sg_splice_write(&splice, input, sink, err) : rc;
}

enum sg_rc sg_cms_add_unsigned(struct sg_input *input, size_t signer, struct sg_slice attribute, struct sg_sink sink,
                               struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf added = SG_BUF(SG_MAX_CMS_REST);
    struct sg_der der = {.out = &added, .err = err};
    struct place place = {0};

    enum sg_rc rc = sg_cms_refuse_pem(input, err);
    if (rc == SG_OK)
        rc = check_attribute(attribute, err);
    if (rc == SG_OK)
        rc = find_place(input, signer, attribute, &place, err);
    if (rc != SG_OK)
        return rc;

    if (place.depth == AROUND_COUNT)
        sg_der_raw(&der, attribute);
    else
        sg_der_element(&der, SG_DER_CONTEXT(1), attribute);
    return der.rc == SG_OK ? write_spliced(input, &place, sg_buf_slice(&added), sink, err) : der.rc;
}
