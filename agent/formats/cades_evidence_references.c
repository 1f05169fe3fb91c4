#include "formats/cades_evidence_private.h"

#include <string.h>

#include <openssl/objects.h>

#include "base/msg.h"

/* Two things with one hash can be made by algorithms that are weaker: it proves of neither that it was there. */
#define LEAST_DIGEST 28

/* --- reading ------------------------------------------------------------------------------------------------------ */

static enum sg_rc add_reference(struct sg_evidence *evidence, enum sg_found_kind kind, int nid, struct sg_slice hash,
                                size_t place, struct sg_err *err)
{
    struct sg_reference reference = {.kind = kind, .digest_nid = nid, .len = hash.len, .place = place};

    if (hash.len < LEAST_DIGEST || hash.len > sizeof reference.hash ||
        evidence->reference_count == SG_MAX_EVIDENCE_REFERENCES)
        return SG_OK;
    memcpy(reference.hash, hash.data, hash.len);
    enum sg_rc rc = sg_evidence_grow((void **)&evidence->references, evidence->reference_count,
                                     &evidence->reference_room, sizeof *evidence->references, err);
    if (rc == SG_OK)
        evidence->references[evidence->reference_count++] = reference;
    return rc;
}

/* The value octets of a primitive element. */
static struct sg_slice value_of(const struct sg_memory_walk *memory, const struct sg_tlv *element)
{
    return (struct sg_slice){memory->walk.rest.data + element->content, (size_t)element->length};
}

/* OtherHash ::= CHOICE { sha1Hash OCTET STRING, otherHash SEQUENCE { AlgorithmIdentifier, OCTET STRING } } (EN 319
 * 122-1 §A.1.1.1), the element just read. SHA-1 counts for nothing. */
static enum sg_rc read_hash(struct sg_evidence *evidence, struct sg_memory_walk *memory, const struct sg_tlv *element,
                            enum sg_found_kind kind, size_t place, struct sg_err *err)
{
    struct sg_slice algorithm = {0};
    struct sg_tlv octets;

    if (sg_tlv_is(element, SG_TLV_UNIVERSAL, SG_TLV_OCTET_STRING))
        return SG_OK;
    if (!sg_tlv_is(element, SG_TLV_UNIVERSAL, SG_TLV_SEQUENCE))
        return sg_tlv_malformed(memory->reader, element->start, _("it is no hash"), err);
    enum sg_rc rc = sg_tlv_enter(memory->reader, err);
    if (rc == SG_OK)
        rc = sg_cms_take(&memory->walk, SG_TLV_SEQUENCE, _("the algorithm of a hash"), &algorithm, err);
    if (rc == SG_OK)
        rc = sg_tlv_expect(memory->reader, SG_TLV_UNIVERSAL, SG_TLV_OCTET_STRING, _("a hash"), &octets, err);
    if (rc == SG_OK && octets.constructed)
        rc = sg_tlv_malformed(memory->reader, octets.start, _("it is not DER"), err);
    if (rc == SG_OK)
        rc = sg_tlv_skip(memory->reader, &octets, err);
    if (rc == SG_OK)
        rc = add_reference(evidence, kind, sg_evidence_digest_nid(algorithm), value_of(memory, &octets), place, err);
    return rc == SG_OK ? sg_tlv_leave(memory->reader, NULL, err) : rc;
}

/* SEQUENCE OF SEQUENCE { ..., OtherHash, ... }: the hash is the member number `which` of each. */
static enum sg_rc read_hashes(struct sg_evidence *evidence, struct sg_memory_walk *memory, int which,
                              enum sg_found_kind kind, size_t place, struct sg_err *err)
{
    struct sg_tlv element;
    bool more = true;

    enum sg_rc rc = sg_memory_walk_into(memory, SG_TLV_UNIVERSAL, SG_TLV_SEQUENCE, err);
    while (rc == SG_OK) {
        rc = sg_tlv_next(memory->reader, &element, &more, err);
        if (rc != SG_OK || !more)
            break;
        rc = sg_tlv_enter(memory->reader, err);
        for (int i = 0; rc == SG_OK && more && i <= which; i++)
            rc = sg_tlv_next(memory->reader, &element, &more, err);
        if (rc == SG_OK && more)
            rc = read_hash(evidence, memory, &element, kind, place, err);
        if (rc == SG_OK)
            rc = sg_tlv_leave(memory->reader, NULL, err);
        more = true;
    }
    return rc == SG_OK ? sg_tlv_leave(memory->reader, NULL, err) : rc;
}

/* CompleteCertificateRefs ::= SEQUENCE OF OtherCertID { otherCertHash, issuerSerial OPTIONAL } (§A.1.1.1). */
static enum sg_rc read_certificate_refs(struct sg_evidence *evidence, struct sg_slice value, size_t place,
                                        struct sg_err *err)
{
    struct sg_memory_walk memory = {0};

    enum sg_rc rc = sg_memory_walk_begin(value, &memory, err);
    if (rc == SG_OK)
        rc = read_hashes(evidence, &memory, 0, SG_FOUND_CERTIFICATE, place, err);
    sg_memory_walk_end(&memory);
    return rc;
}

/* Of a CRLListID or OcspListID, each a SEQUENCE of one list: CrlValidatedID { crlHash, ... }, or OcspResponsesID {
 * ocspIdentifier, ocspRepHash OPTIONAL } (§A.1.2.1). */
static enum sg_rc read_revocation_hashes(struct sg_evidence *evidence, struct sg_memory_walk *memory,
                                         enum sg_found_kind kind, size_t place, struct sg_err *err)
{
    return read_hashes(evidence, memory, kind == SG_FOUND_CRL ? 0 : 1, kind, place, err);
}

/* The CrlOcspRef ::= SEQUENCE { crlids [0] OPTIONAL, ocspids [1] OPTIONAL, otherRev [2] OPTIONAL } just read. */
static enum sg_rc read_crl_ocsp_ref(struct sg_evidence *evidence, struct sg_memory_walk *memory, size_t place,
                                    struct sg_err *err)
{
    enum sg_rc rc = sg_tlv_enter(memory->reader, err);
    if (rc == SG_OK)
        rc = sg_evidence_read_lists(evidence, memory, read_revocation_hashes, place, err);
    return rc == SG_OK ? sg_tlv_leave(memory->reader, NULL, err) : rc;
}

/* CompleteRevocationRefs ::= SEQUENCE OF CrlOcspRef (§A.1.2.1). */
static enum sg_rc read_revocation_refs(struct sg_evidence *evidence, struct sg_slice value, size_t place,
                                       struct sg_err *err)
{
    struct sg_memory_walk memory = {0};
    struct sg_tlv element;
    bool more = true;

    enum sg_rc rc = sg_memory_walk_begin(value, &memory, err);
    if (rc == SG_OK)
        rc = sg_memory_walk_into(&memory, SG_TLV_UNIVERSAL, SG_TLV_SEQUENCE, err);
    while (rc == SG_OK) {
        rc = sg_tlv_next(memory.reader, &element, &more, err);
        if (rc != SG_OK || !more)
            break;
        rc = read_crl_ocsp_ref(evidence, &memory, place, err);
    }
    sg_memory_walk_end(&memory);
    return rc;
}

static enum sg_rc read_unsigned(struct sg_evidence *evidence, size_t place, struct sg_err *err)
{
    const struct sg_place *at = &evidence->places[place];
    const int nid = at->attribute ? OBJ_obj2nid(at->attribute->type) : NID_undef;
    struct sg_err why = {0};
    enum sg_rc rc = SG_OK;

    if (nid == NID_id_smime_aa_ets_CertificateRefs)
        rc = read_certificate_refs(evidence, at->bytes, place, &why);
    else if (nid == NID_id_smime_aa_ets_RevocationRefs)
        rc = read_revocation_refs(evidence, at->bytes, place, &why);
    return sg_evidence_tolerate(evidence, rc, &why, err);
}

/* The signed attributes name the signing certificate by its hash; how they do that is judged elsewhere. */
static enum sg_rc read_signing_certificate(struct sg_evidence *evidence, int nid, bool v2, struct sg_err *err)
{
    const struct sg_signer_info *si = evidence->si;
    const struct sg_attribute *attribute = NULL;
    struct sg_ess_cert_id id = {0};

    if (sg_attributes_find(si->signed_attrs, si->signed_attr_count, nid, &attribute) == 0)
        return SG_OK;
    enum sg_rc rc = sg_ess_cert_id_read(attribute, v2, &id, NULL);
    if (rc == SG_E_NO_MEMORY)
        return sg_fail_memory(err);
    if (rc != SG_OK)
        return SG_OK;
    rc = id.digest
             ? add_reference(evidence, SG_FOUND_CERTIFICATE, EVP_MD_get_type(id.digest), id.hash, SG_PLACE_SIGNED, err)
             : SG_OK;
    sg_ess_cert_id_clear(&id);
    return rc;
}

/* --- what is referred to ------------------------------------------------------------------------------------------ */

static enum sg_rc link_same(struct sg_evidence *evidence, enum sg_found_kind kind, struct sg_slice der, int nid,
                            struct sg_slice hash, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;

    for (size_t i = 0; rc == SG_OK && i < evidence->reference_count; i++) {
        const struct sg_reference *reference = &evidence->references[i];
        if (reference->kind == kind && reference->digest_nid == nid &&
            sg_slice_equal(hash, (struct sg_slice){reference->hash, reference->len}))
            rc = sg_evidence_add(evidence, kind, der, reference->place, err);
    }
    return rc;
}

/* All that is referred to by hashes of this algorithm. */
static enum sg_rc link_by(struct sg_evidence *evidence, int nid, struct sg_err *err)
{
    _cleanup_(EVP_MD_freep) EVP_MD *md = sg_evidence_digest(evidence, nid);
    uint8_t hash[EVP_MAX_MD_SIZE];
    enum sg_rc rc = SG_OK;

    for (int kind = 0; md && kind < SG_FOUND_KINDS; kind++) {
        const struct sg_found *found = &evidence->found[kind];
        for (size_t i = 0; rc == SG_OK && i < found->count; i++) {
            unsigned len = 0;
            if (!EVP_Digest(found->ders[i].data, found->ders[i].len, hash, &len, md, NULL))
                return sg_fail_ssl(err, SG_E_INTERNAL, _("Cannot compute the digest %s"), OBJ_nid2sn(nid));
            rc = link_same(evidence, (enum sg_found_kind)kind, found->ders[i], nid, (struct sg_slice){hash, len}, err);
        }
    }
    return rc;
}

static enum sg_rc link_all(struct sg_evidence *evidence, struct sg_err *err)
{
    int done[SG_MAX_EVIDENCE_DIGESTS];
    size_t done_count = 0;
    enum sg_rc rc = SG_OK;

    for (size_t i = 0; rc == SG_OK && i < evidence->reference_count; i++) {
        const int nid = evidence->references[i].digest_nid;
        size_t k = 0;
        while (k < done_count && done[k] != nid)
            k++;
        if (k < done_count || done_count == SG_MAX_EVIDENCE_DIGESTS)
            continue;
        done[done_count++] = nid;
        rc = link_by(evidence, nid, err);
    }
    return rc;
}

enum sg_rc sg_evidence_read_references(struct sg_evidence *evidence, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;

    for (size_t i = 0; rc == SG_OK && i < evidence->place_count; i++)
        rc = read_unsigned(evidence, i, err);
    if (evidence->token_count == 0) /* no time-stamp covers anything, by reference or not */
        return rc;
    if (rc == SG_OK)
        rc = read_signing_certificate(evidence, NID_id_smime_aa_signingCertificate, false, err);
    if (rc == SG_OK)
        rc = read_signing_certificate(evidence, NID_id_smime_aa_signingCertificateV2, true, err);
    return rc == SG_OK ? link_all(evidence, err) : rc;
}
