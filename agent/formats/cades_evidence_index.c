#include "formats/cades_evidence_private.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/objects.h>

#include "base/msg.h"

/* --- reading the index -------------------------------------------------------------------------------------------- */

/* ATSHashIndexV3 ::= SEQUENCE { hashIndAlgorithm AlgorithmIdentifier, certificatesHashIndex SEQUENCE OF OCTET STRING,
 * crlsHashIndex SEQUENCE OF OCTET STRING, unsignedAttrValuesHashIndex SEQUENCE OF OCTET STRING } (EN 319 122-1 §5.5.2);
 * the first version's algorithm is DEFAULT SHA-256 (TS 101 733 §6.4.2). */
static enum sg_rc read_index(struct sg_slice bytes, struct sg_hash_index *index, struct sg_err *err)
{
    struct sg_memory_walk memory = {0};
    struct sg_slice members[5];
    struct sg_tlv element;
    size_t count = 0;
    bool more = true;

    enum sg_rc rc = sg_memory_walk_begin(bytes, &memory, err);
    if (rc == SG_OK)
        rc = sg_memory_walk_into(&memory, SG_TLV_UNIVERSAL, SG_TLV_SEQUENCE, err);
    while (rc == SG_OK && more && count < 5) {
        rc = sg_memory_walk_next(&memory, &element, &members[count], &more, err);
        count += more;
        if (rc == SG_OK && more && !sg_tlv_is(&element, SG_TLV_UNIVERSAL, SG_TLV_SEQUENCE))
            rc = sg_tlv_malformed(memory.reader, element.start, _("it is no list of hashes"), err);
    }
    if (rc == SG_OK && count != 3 && count != 4)
        rc = sg_tlv_malformed(memory.reader, 0, _("it is no index of hashes"), err);
    sg_memory_walk_end(&memory);
    if (rc != SG_OK)
        return rc;
    const struct sg_slice *lists = &members[count - 3];
    index->bytes = bytes;
    index->nid = count == 4 ? sg_evidence_digest_nid(members[0]) : NID_sha256;
    index->certificates = lists[0];
    index->revocations = lists[1];
    index->attributes = lists[2];
    return SG_OK;
}

/* ats-hash-index (TS 101 733 §6.4.2), its second version (EN 319 122-1 V1.0.0) and its third (§5.5.2). */
static bool is_index(const ASN1_OBJECT *type, bool *ret_of_values)
{
    const struct sg_slice v1 = SG_OID(0x04, 0x00, 0x8d, 0x45, 0x02, 0x05);
    const struct sg_slice v2 = SG_OID(0x04, 0x00, 0x81, 0x95, 0x32, 0x01, 0x04);
    const struct sg_slice v3 = SG_OID(0x04, 0x00, 0x81, 0x95, 0x32, 0x01, 0x05);

    *ret_of_values = sg_evidence_is_oid(type, v3);
    return *ret_of_values || sg_evidence_is_oid(type, v1) || sg_evidence_is_oid(type, v2);
}

enum sg_rc sg_evidence_read_index(struct sg_token *token, struct sg_err *err)
{
    const struct sg_signer_info *si = sg_cms_signer(token->cms, 0);
    struct sg_hash_index index = {.problem = N_("It carries no index of what it is over.")};
    size_t count = 0;
    struct sg_err why = {0};
    enum sg_rc rc = SG_OK;

    for (size_t i = 0; rc == SG_OK && i < si->unsigned_attr_count; i++) {
        const struct sg_attribute *attribute = &si->unsigned_attrs[i];
        bool of_values = false;
        if (!is_index(attribute->type, &of_values) || attribute->value_count != 1)
            continue;
        count++;
        index.of_values = of_values;
        rc = read_index(attribute->values[0], &index, &why);
        index.problem = NULL;
    }
    if (rc == SG_E_MALFORMED || rc == SG_E_LIMIT) {
        index = (struct sg_hash_index){.problem = N_("The index of what it is over cannot be read.")};
        rc = SG_OK;
    } else if (rc != SG_OK && err) {
        *err = why;
    }
    if (count > 1)
        index.problem = N_("It carries several indexes of what it is over.");
    else if (!index.problem && index.nid != token->shown.digest_nid)
        index.problem = N_("The index of what it is over is by another algorithm than its imprint.");
    if (rc == SG_OK)
        token->index = index;
    return rc;
}

/* --- hashes of the places ----------------------------------------------------------------------------------------- */

static bool hash_place(const struct sg_place *place, bool of_values, const EVP_MD *md, EVP_MD_CTX *ctx, uint8_t *out)
{
    if (!EVP_DigestInit_ex2(ctx, md, NULL))
        return false;
    if (!place->attribute)
        return EVP_DigestUpdate(ctx, place->bytes.data, place->bytes.len) && EVP_DigestFinal_ex(ctx, out, NULL);
    struct sg_slice whole = place->attribute->encoding;
    if (!of_values)
        return EVP_DigestUpdate(ctx, whole.data, whole.len) && EVP_DigestFinal_ex(ctx, out, NULL);
    /* Of the type's encoding and the value's, one behind the other (§5.5.2). */
    struct sg_slice type = place->attribute->type_encoding;
    return EVP_DigestUpdate(ctx, type.data, type.len) && EVP_DigestUpdate(ctx, place->bytes.data, place->bytes.len) &&
           EVP_DigestFinal_ex(ctx, out, NULL);
}

static enum sg_rc hash_places(const struct sg_evidence *evidence, struct sg_place_hashes *hashes, struct sg_err *err)
{
    _cleanup_(EVP_MD_freep) EVP_MD *md = sg_evidence_digest(evidence, hashes->nid);
    _cleanup_(EVP_MD_CTX_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    if (!md)
        return SG_OK;
    size_t len = (size_t)EVP_MD_get_size(md);
    uint8_t *bytes = calloc(evidence->place_count, len);
    if (!bytes || !ctx) {
        free(bytes);
        return sg_fail_memory(err);
    }
    hashes->bytes = bytes;
    for (size_t i = SG_PLACE_SIGNED + 1; i < evidence->place_count; i++)
        if (!hash_place(&evidence->places[i], hashes->of_values, md, ctx, bytes + i * len))
            return sg_fail_ssl(err, SG_E_INTERNAL, _("Cannot compute the digest %s"), OBJ_nid2sn(hashes->nid));
    hashes->len = len;
    return SG_OK;
}

/* NULL in `*ret`: there are more algorithms than anybody uses. */
static enum sg_rc hashes_by(struct sg_evidence *evidence, const struct sg_hash_index *index,
                            const struct sg_place_hashes **ret, struct sg_err *err)
{
    for (size_t i = 0; i < evidence->hashes_count; i++) {
        const struct sg_place_hashes *hashes = &evidence->hashes[i];
        if (hashes->nid == index->nid && hashes->of_values == index->of_values) {
            *ret = hashes;
            return SG_OK;
        }
    }
    *ret = NULL;
    if (evidence->hashes_count == SG_MAX_EVIDENCE_DIGESTS)
        return SG_OK;
    struct sg_place_hashes *hashes = &evidence->hashes[evidence->hashes_count++];
    *hashes = (struct sg_place_hashes){.nid = index->nid, .of_values = index->of_values};
    enum sg_rc rc = hash_places(evidence, hashes, err);
    if (rc == SG_OK && hashes->len > 0)
        *ret = hashes;
    return rc;
}

/* --- an index against what is there ------------------------------------------------------------------------------- */

/* One of the three lists: its hashes, sorted, and which of them are of something there. */
struct hash_list {
    struct sg_slice *hashes;
    bool *found;
    size_t count, room;
};

static int compare_hashes(const void *a, const void *b)
{
    const struct sg_slice *x = a, *y = b;
    if (x->len != y->len)
        return x->len < y->len ? -1 : 1;
    return memcmp(x->data, y->data, x->len);
}

static enum sg_rc read_list(struct sg_slice bytes, struct hash_list *list, struct sg_err *err)
{
    struct sg_memory_walk memory = {0};
    struct sg_tlv element;
    struct sg_slice whole;
    bool more = true;

    enum sg_rc rc = sg_memory_walk_begin(bytes, &memory, err);
    if (rc == SG_OK)
        rc = sg_memory_walk_into(&memory, SG_TLV_UNIVERSAL, SG_TLV_SEQUENCE, err);
    while (rc == SG_OK) {
        rc = sg_memory_walk_next(&memory, &element, &whole, &more, err);
        if (rc != SG_OK || !more)
            break;
        if (!sg_tlv_is(&element, SG_TLV_UNIVERSAL, SG_TLV_OCTET_STRING) || element.constructed || element.length == 0)
            rc = sg_tlv_malformed(memory.reader, element.start, _("it is no hash"), err);
        else if (list->count == SG_MAX_EVIDENCE_PLACES)
            rc = sg_fail(err, SG_E_LIMIT, _("An index has more than %d hashes."), SG_MAX_EVIDENCE_PLACES);
        if (rc == SG_OK)
            rc = sg_evidence_grow((void **)&list->hashes, list->count, &list->room, sizeof *list->hashes, err);
        if (rc == SG_OK)
            list->hashes[list->count++] = (struct sg_slice){bytes.data + element.content, (size_t)element.length};
    }
    sg_memory_walk_end(&memory);
    if (rc == SG_OK && list->count > 1)
        qsort(list->hashes, list->count, sizeof *list->hashes, compare_hashes);
    list->found = calloc(list->count + 1, sizeof *list->found);
    return rc == SG_OK && !list->found ? sg_fail_memory(err) : rc;
}

static void clear_list(struct hash_list *list)
{
    free(list->hashes);
    free(list->found);
    *list = (struct hash_list){0};
}

/* Marks the hash, as often as it is listed. */
static bool mark(struct hash_list *list, struct sg_slice hash)
{
    struct sg_slice *at =
        list->count > 0 ? bsearch(&hash, list->hashes, list->count, sizeof *list->hashes, compare_hashes) : NULL;
    if (!at)
        return false;
    size_t first = (size_t)(at - list->hashes);
    while (first > 0 && sg_slice_equal(list->hashes[first - 1], hash))
        first--;
    for (size_t i = first; i < list->count && sg_slice_equal(list->hashes[i], hash); i++)
        list->found[i] = true;
    return true;
}

static bool all_found(const struct hash_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        if (!list->found[i])
            return false;
    return true;
}

enum list_kind { CERTIFICATES, REVOCATIONS, ATTRIBUTES, LISTS };

static enum list_kind list_of(const struct sg_place *place)
{
    return place->attribute ? ATTRIBUTES : place->revocation ? REVOCATIONS : CERTIFICATES;
}

static const char *compare(const struct sg_evidence *evidence, const struct sg_place_hashes *hashes,
                           struct hash_list lists[LISTS], bool *covered)
{
    for (size_t i = SG_PLACE_SIGNED + 1; i < evidence->place_count; i++)
        covered[i] = mark(&lists[list_of(&evidence->places[i])],
                          (struct sg_slice){hashes->bytes + i * hashes->len, hashes->len});
    for (int kind = 0; kind < LISTS; kind++)
        if (!all_found(&lists[kind]))
            return N_("The index of what it is over lists something that is not there, or was changed.");
    return NULL;
}

/* An index that lists a hash of nothing that is there is invalid as a whole (§5.5.2). */
static enum sg_rc cover_by_index(struct sg_evidence *evidence, struct sg_token *token, struct sg_err *err)
{
    const struct sg_slice encodings[LISTS] = {token->index.certificates, token->index.revocations,
                                              token->index.attributes};
    struct hash_list lists[LISTS] = {0};
    const struct sg_place_hashes *hashes = NULL;
    struct sg_err why = {0};

    enum sg_rc rc = hashes_by(evidence, &token->index, &hashes, &why);
    for (int kind = 0; rc == SG_OK && kind < LISTS; kind++)
        rc = read_list(encodings[kind], &lists[kind], &why);
    if (rc == SG_E_MALFORMED || rc == SG_E_LIMIT) {
        token->index.problem = N_("The index of what it is over cannot be read.");
        rc = SG_OK;
    } else if (rc == SG_OK && !hashes) {
        token->index.problem = N_("The index of what it is over is by an algorithm that is not known here.");
    } else if (rc == SG_OK) {
        token->index.problem = compare(evidence, hashes, lists, token->covered);
    } else if (err) {
        *err = why;
    }
    if (token->index.problem)
        memset(token->covered, 0, evidence->place_total * sizeof *token->covered);
    for (int kind = 0; kind < LISTS; kind++)
        clear_list(&lists[kind]);
    return rc;
}

/* --- what each time-stamp covers ---------------------------------------------------------------------------------- */

bool sg_evidence_was_before(const struct sg_evidence *evidence, const struct sg_token *token, size_t place)
{
    for (size_t i = 0; i < evidence->token_count; i++) {
        const struct sg_token *other = &evidence->tokens[i];
        bool archive = other->shown.kind == SG_EVIDENCE_ARCHIVE_V1 || other->shown.kind == SG_EVIDENCE_ARCHIVE_V2 ||
                       other->shown.kind == SG_EVIDENCE_ARCHIVE_V3;
        if (other->place == place && archive && (other == token || other->time >= token->time))
            return false;
    }
    return true;
}

static void cover_type(const struct sg_evidence *evidence, struct sg_token *token, int nid)
{
    for (size_t i = 0; i < evidence->place_count; i++) {
        const struct sg_attribute *attribute = evidence->places[i].attribute;
        if (attribute && OBJ_obj2nid(attribute->type) == nid)
            token->covered[i] = true;
    }
}

static void cover_references(const struct sg_evidence *evidence, struct sg_token *token)
{
    cover_type(evidence, token, NID_id_smime_aa_ets_CertificateRefs);
    cover_type(evidence, token, NID_id_smime_aa_ets_RevocationRefs);
}

static enum sg_rc cover(struct sg_evidence *evidence, struct sg_token *token, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;

    switch (token->shown.kind) {
    case SG_EVIDENCE_CONTENT: /* nothing but the content */
    case SG_EVIDENCE_ARCHIVE_V1:
        break;
    case SG_EVIDENCE_SIGNATURE:
        token->covered[SG_PLACE_SIGNED] = true;
        break;
    case SG_EVIDENCE_CADES_C:
        token->covered[SG_PLACE_SIGNED] = true;
        cover_type(evidence, token, NID_id_smime_aa_timeStampToken);
        cover_references(evidence, token);
        break;
    case SG_EVIDENCE_REFERENCES:
        cover_references(evidence, token);
        break;
    case SG_EVIDENCE_ARCHIVE_V2:
        for (size_t i = 0; i < evidence->place_count; i++)
            token->covered[i] = sg_evidence_was_before(evidence, token, i);
        break;
    case SG_EVIDENCE_ARCHIVE_V3:
        if (!token->index.problem)
            rc = cover_by_index(evidence, token, err);
        token->covered[SG_PLACE_SIGNED] = !token->index.problem;
        break;
    case SG_EVIDENCE_DOCUMENT:
        for (size_t i = 0; i < evidence->place_total; i++)
            token->covered[i] = evidence->places[i].layer < evidence->places[token->place].layer;
        break;
    }
    return rc;
}

enum sg_rc sg_evidence_cover(struct sg_evidence *evidence, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;

    for (size_t i = 0; rc == SG_OK && i < evidence->token_count; i++)
        if (evidence->tokens[i].cms)
            rc = cover(evidence, &evidence->tokens[i], err);
    return rc;
}
