#include "formats/cades_evidence_private.h"

#include <openssl/objects.h>

#include "base/msg.h"

static enum sg_rc add_members(struct sg_evidence *evidence, struct sg_memory_walk *memory, enum sg_found_kind kind,
                              size_t place, struct sg_err *err)
{
    struct sg_tlv element;
    struct sg_slice der;
    bool more = true;

    for (;;) {
        enum sg_rc rc = sg_memory_walk_next(memory, &element, &der, &more, err);
        if (rc != SG_OK || !more)
            return rc;
        rc = kind == SG_FOUND_OCSP ? sg_evidence_add_ocsp(evidence, der, place, err)
                                   : sg_evidence_add(evidence, kind, der, place, err);
        if (rc != SG_OK)
            return rc;
    }
}

/* CertificateValues ::= SEQUENCE OF Certificate (EN 319 122-1 §A.1.1.2), or RevocationValues ::= SEQUENCE { crlVals [0]
 * SEQUENCE OF CertificateList OPTIONAL, ocspVals [1] SEQUENCE OF BasicOCSPResponse OPTIONAL, otherRevVals [2]
 * OtherRevVals OPTIONAL } (§A.1.2.2). */
static enum sg_rc read_value(struct sg_evidence *evidence, bool certificates, struct sg_slice value, size_t place,
                             struct sg_err *err)
{
    struct sg_memory_walk memory = {0};

    enum sg_rc rc = sg_memory_walk_begin(value, &memory, err);
    if (rc == SG_OK)
        rc = sg_memory_walk_into(&memory, SG_TLV_UNIVERSAL, SG_TLV_SEQUENCE, err);
    if (rc == SG_OK && certificates)
        rc = add_members(evidence, &memory, SG_FOUND_CERTIFICATE, place, err);
    else if (rc == SG_OK)
        rc = sg_evidence_read_lists(evidence, &memory, add_members, place, err);
    sg_memory_walk_end(&memory);
    return rc;
}

enum sg_rc sg_evidence_read_attribute(struct sg_evidence *evidence, const struct sg_attribute *attribute, size_t place,
                                      bool single, struct sg_err *err)
{
    const int nid = OBJ_obj2nid(attribute->type);
    const bool certificates = nid == NID_id_smime_aa_ets_certValues;
    enum sg_rc rc = SG_OK;

    if (!certificates && nid != NID_id_smime_aa_ets_revocationValues)
        return SG_OK;
    for (size_t i = 0; rc == SG_OK && i < attribute->value_count; i++) {
        struct sg_err why = {0};
        const size_t at = single ? place : place + i;
        if (at >= evidence->place_count) /* beyond the limit, and counted when the places were found */
            break;
        rc = read_value(evidence, certificates, attribute->values[i], at, &why);
        rc = sg_evidence_tolerate(evidence, rc, &why, err);
    }
    return rc;
}

/* --- OtherRevocationInfoFormat ------------------------------------------------------------------------------------ */

/* OCSPResponse ::= SEQUENCE { responseStatus ENUMERATED, responseBytes [0] SEQUENCE { responseType OBJECT IDENTIFIER,
 * response OCTET STRING } OPTIONAL } (RFC 6960 §4.2.1), behind the responseStatus. */
static enum sg_rc find_basic(struct sg_memory_walk *memory, struct sg_slice *ret, struct sg_err *err)
{
    struct sg_slice type;
    struct sg_tlv element;

    enum sg_rc rc = sg_memory_walk_into(memory, SG_TLV_CONTEXT, 0, err);
    if (rc == SG_OK)
        rc = sg_memory_walk_into(memory, SG_TLV_UNIVERSAL, SG_TLV_SEQUENCE, err);
    if (rc == SG_OK)
        rc = sg_cms_take(&memory->walk, SG_TLV_OID, _("the type of an OCSP response"), &type, err);
    if (rc == SG_OK)
        rc = sg_tlv_expect(memory->reader, SG_TLV_UNIVERSAL, SG_TLV_OCTET_STRING, _("an OCSP response"), &element, err);
    if (rc == SG_OK && (element.constructed || element.end > memory->walk.rest.len))
        rc = sg_tlv_malformed(memory->reader, element.start, _("it is not DER"), err);
    if (rc != SG_OK)
        return rc;
    *ret = (struct sg_slice){memory->walk.rest.data + element.content, (size_t)element.length};
    return SG_OK;
}

/* The BasicOCSPResponse in what is one, or an OCSPResponse around it: RFC 5940 §2.1 wants the latter, older programs
 * write the former. */
static enum sg_rc unwrap_ocsp(struct sg_slice der, struct sg_slice *ret, struct sg_err *err)
{
    struct sg_memory_walk memory = {0};
    struct sg_tlv element;
    struct sg_slice first;
    bool more = false;

    enum sg_rc rc = sg_memory_walk_begin(der, &memory, err);
    if (rc == SG_OK)
        rc = sg_memory_walk_into(&memory, SG_TLV_UNIVERSAL, SG_TLV_SEQUENCE, err);
    if (rc == SG_OK)
        rc = sg_memory_walk_next(&memory, &element, &first, &more, err);
    if (rc == SG_OK && more && sg_tlv_is(&element, SG_TLV_UNIVERSAL, V_ASN1_ENUMERATED))
        rc = find_basic(&memory, ret, err);
    else if (rc == SG_OK)
        *ret = der;
    sg_memory_walk_end(&memory);
    return rc;
}

enum sg_rc sg_evidence_add_ocsp(struct sg_evidence *evidence, struct sg_slice der, size_t place, struct sg_err *err)
{
    struct sg_slice basic = {0};
    struct sg_err why = {0};

    enum sg_rc rc = unwrap_ocsp(der, &basic, &why);
    if (rc != SG_OK)
        return sg_evidence_tolerate(evidence, rc, &why, err);
    return sg_evidence_add(evidence, SG_FOUND_OCSP, basic, place, err);
}

/* OtherRevocationInfoFormat ::= SEQUENCE { otherRevInfoFormat OBJECT IDENTIFIER, otherRevInfo ANY }, here [1] IMPLICIT
 * (RFC 5652 §10.2.1): id-ri-ocsp-response (RFC 5940 §2.1), or id-pkix-ocsp-basic as in TS 101 733 §6.3.4. */
static enum sg_rc read_other(struct sg_evidence *evidence, struct sg_slice choice, size_t place, struct sg_err *err)
{
    const struct sg_slice ri_ocsp = SG_OID(0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x10, 0x02);
    _cleanup_(ASN1_OBJECT_freep) ASN1_OBJECT *format = NULL;
    struct sg_memory_walk memory = {0};
    struct sg_slice oid = {0}, info = {0};
    struct sg_tlv element;
    bool more = false;

    enum sg_rc rc = sg_memory_walk_begin(choice, &memory, err);
    if (rc == SG_OK)
        rc = sg_memory_walk_into(&memory, SG_TLV_CONTEXT, 1, err);
    if (rc == SG_OK)
        rc = sg_cms_take(&memory.walk, SG_TLV_OID, _("the format of revocation information"), &oid, err);
    if (rc == SG_OK)
        rc = sg_memory_walk_next(&memory, &element, &info, &more, err);
    const uint8_t *at = oid.data;
    if (rc == SG_OK)
        format = d2i_ASN1_OBJECT(NULL, &at, (long)oid.len);
    if (rc == SG_OK && (!more || !format))
        rc = sg_tlv_malformed(memory.reader, 0, _("it is no revocation information"), err);
    if (rc == SG_OK && (sg_evidence_is_oid(format, ri_ocsp) || OBJ_obj2nid(format) == NID_id_pkix_OCSP_basic))
        rc = sg_evidence_add_ocsp(evidence, info, place, err);
    sg_memory_walk_end(&memory);
    return rc;
}

static enum sg_rc read_revocation_choice(struct sg_evidence *evidence, struct sg_slice choice, size_t place,
                                         struct sg_err *err)
{
    struct sg_err why = {0};

    if (choice.data[0] == 0x30)
        return sg_evidence_add(evidence, SG_FOUND_CRL, choice, place, err);
    enum sg_rc rc = read_other(evidence, choice, place, &why);
    return sg_evidence_tolerate(evidence, rc, &why, err);
}

enum sg_rc sg_evidence_read_revocation(struct sg_evidence *evidence, const struct sg_cms *cms, size_t place,
                                       struct sg_err *err)
{
    const struct sg_cms_wire *wire = sg_cms_wire(cms);
    enum sg_rc rc = SG_OK;

    for (size_t i = 0; rc == SG_OK && i < wire->revocation_choice_count; i++)
        rc = read_revocation_choice(evidence, wire->revocation_choices[i], place, err);
    return rc;
}

/* --- the SignedData and the SignerInfo ---------------------------------------------------------------------------- */

/* adbe-revocationInfoArchival, a signed attribute (ISO 32000-1 §12.8.3.3.2): RevocationInfoArchival is built as
 * RevocationValues, but for what stands in [1]: OCSPResponse. */
static enum sg_rc read_signed_values(struct sg_evidence *evidence, struct sg_err *err)
{
    const struct sg_slice archival = SG_OID(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x2f, 0x01, 0x01, 0x08);
    const struct sg_signer_info *si = evidence->si;
    enum sg_rc rc = SG_OK;

    for (size_t i = 0; rc == SG_OK && i < si->signed_attr_count; i++) {
        const struct sg_attribute *attribute = &si->signed_attrs[i];
        struct sg_err why = {0};
        if (!sg_evidence_is_oid(attribute->type, archival) || attribute->value_count != 1)
            continue;
        rc = read_value(evidence, false, attribute->values[0], SG_PLACE_SIGNED, &why);
        rc = sg_evidence_tolerate(evidence, rc, &why, err);
    }
    return rc;
}

enum sg_rc sg_evidence_read_values(struct sg_evidence *evidence, struct sg_err *err)
{
    enum sg_rc rc = read_signed_values(evidence, err);

    for (size_t i = SG_PLACE_SIGNED + 1; rc == SG_OK && i < evidence->place_count; i++) {
        const struct sg_place *place = &evidence->places[i];
        if (place->attribute) {
            bool first = place->bytes.data == place->attribute->values[0].data;
            rc = first ? sg_evidence_read_attribute(evidence, place->attribute, i, false, err) : SG_OK;
        } else if (place->revocation) {
            rc = read_revocation_choice(evidence, place->bytes, i, err);
        } else if (place->bytes.data[0] == 0x30) { /* others are counted when the SignedData is read */
            rc = sg_evidence_add(evidence, SG_FOUND_CERTIFICATE, place->bytes, i, err);
        }
    }
    return rc;
}
