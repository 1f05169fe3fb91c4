#include "formats/cades_evidence_private.h"

#include <openssl/err.h>
#include <openssl/objects.h>

#include "base/msg.h"
#include "formats/pem.h"

/* --- helpers of all ----------------------------------------------------------------------------------------------- */

enum sg_rc sg_evidence_grow(void **array, size_t count, size_t *room, size_t size, struct sg_err *err)
{
    if (count < *room)
        return SG_OK;
    size_t larger_room = *room ? 2 * *room : 8;
    void *larger = reallocarray(*array, larger_room, size);
    if (!larger)
        return sg_fail_memory(err);
    *array = larger;
    *room = larger_room;
    return SG_OK;
}

enum sg_rc sg_evidence_tolerate(struct sg_evidence *evidence, enum sg_rc rc, const struct sg_err *why,
                                struct sg_err *err)
{
    if (rc == SG_E_MALFORMED || rc == SG_E_LIMIT) {
        evidence->malformed++;
        return SG_OK;
    }
    if (rc != SG_OK && err)
        *err = *why;
    return rc;
}

bool sg_evidence_is_oid(const ASN1_OBJECT *object, struct sg_slice octets)
{
    return sg_slice_equal((struct sg_slice){OBJ_get0_data(object), OBJ_length(object)}, octets);
}

int sg_evidence_digest_nid(struct sg_slice bytes)
{
    const uint8_t *at = bytes.data;
    const ASN1_OBJECT *object = NULL;
    ERR_set_mark();
    _cleanup_(X509_ALGOR_freep) X509_ALGOR *algorithm = d2i_X509_ALGOR(NULL, &at, (long)bytes.len);
    ERR_pop_to_mark();
    if (algorithm)
        X509_ALGOR_get0(&object, NULL, NULL, algorithm);
    return object ? OBJ_obj2nid(object) : NID_undef;
}

EVP_MD *sg_evidence_digest(const struct sg_evidence *evidence, int nid)
{
    if (nid == NID_undef)
        return NULL;
    ERR_set_mark();
    EVP_MD *md = EVP_MD_fetch(evidence->libctx, OBJ_nid2sn(nid), NULL);
    ERR_pop_to_mark();
    if (md && EVP_MD_get_flags(md) & EVP_MD_FLAG_XOF) { /* of no fixed length: none makes imprints by it */
        EVP_MD_free(md);
        return NULL;
    }
    return md;
}

enum sg_rc sg_memory_walk_begin(struct sg_slice bytes, struct sg_memory_walk *ret, struct sg_err *err)
{
    struct sg_memory_walk memory = {.walk = {.rest = bytes}};

    enum sg_rc rc = sg_input_from_slice(_("an attribute of the signature"), bytes, &memory.input, err);
    if (rc == SG_OK)
        rc = sg_tlv_reader_new(memory.input, 0, bytes.len, &memory.reader, err);
    memory.walk.reader = memory.reader;
    if (rc == SG_OK)
        *ret = memory;
    else
        sg_memory_walk_end(&memory);
    return rc;
}

void sg_memory_walk_end(struct sg_memory_walk *memory)
{
    sg_tlv_reader_free(memory->reader);
    sg_input_free(memory->input);
    *memory = (struct sg_memory_walk){0};
}

enum sg_rc sg_memory_walk_next(struct sg_memory_walk *memory, struct sg_tlv *element, struct sg_slice *ret,
                               bool *ret_more, struct sg_err *err)
{
    enum sg_rc rc = sg_tlv_next(memory->reader, element, ret_more, err);
    if (rc == SG_OK && *ret_more)
        rc = sg_tlv_skip(memory->reader, element, err);
    if (rc == SG_OK && *ret_more)
        *ret = sg_cms_bytes(&memory->walk, element);
    return rc;
}

enum sg_rc sg_memory_walk_into(struct sg_memory_walk *memory, enum sg_tlv_class tag_class, uint32_t tag,
                               struct sg_err *err)
{
    struct sg_tlv element;

    enum sg_rc rc = sg_tlv_expect(memory->reader, tag_class, tag, _("a part of it"), &element, err);
    return rc == SG_OK ? sg_tlv_enter(memory->reader, err) : rc;
}

/* The SEQUENCE in the [0] or [1] just read. */
static enum sg_rc read_list(struct sg_evidence *evidence, struct sg_memory_walk *memory, sg_read_list *read,
                            enum sg_found_kind kind, size_t place, struct sg_err *err)
{
    enum sg_rc rc = sg_tlv_enter(memory->reader, err);
    if (rc == SG_OK)
        rc = sg_memory_walk_into(memory, SG_TLV_UNIVERSAL, SG_TLV_SEQUENCE, err);
    if (rc == SG_OK)
        rc = read(evidence, memory, kind, place, err);
    for (int level = 0; rc == SG_OK && level < 2; level++)
        rc = sg_tlv_leave(memory->reader, NULL, err);
    return rc;
}

enum sg_rc sg_evidence_read_lists(struct sg_evidence *evidence, struct sg_memory_walk *memory, sg_read_list *read,
                                  size_t place, struct sg_err *err)
{
    struct sg_tlv element;
    bool more = true;

    for (;;) {
        enum sg_rc rc = sg_tlv_next(memory->reader, &element, &more, err);
        if (rc != SG_OK || !more)
            return rc;
        if (sg_tlv_is(&element, SG_TLV_CONTEXT, 0))
            rc = read_list(evidence, memory, read, SG_FOUND_CRL, place, err);
        else if (sg_tlv_is(&element, SG_TLV_CONTEXT, 1))
            rc = read_list(evidence, memory, read, SG_FOUND_OCSP, place, err);
        else if (!sg_tlv_is(&element, SG_TLV_CONTEXT, 2))
            rc = sg_tlv_malformed(memory->reader, element.start, _("it is no revocation information"), err);
        if (rc != SG_OK)
            return rc;
    }
}

/* --- places ------------------------------------------------------------------------------------------------------- */

static size_t count_places(const struct sg_cms_wire *wire, const struct sg_signer_info *si)
{
    size_t count = 1 + wire->certificate_choice_count + wire->revocation_choice_count;
    for (size_t i = 0; i < si->unsigned_attr_count; i++)
        count += si->unsigned_attrs[i].value_count;
    return count;
}

static void add_place(struct sg_evidence *evidence, struct sg_place place)
{
    if (evidence->place_count < SG_MAX_EVIDENCE_PLACES)
        evidence->places[evidence->place_count++] = place;
    else
        evidence->malformed++;
}

static enum sg_rc find_places(struct sg_evidence *evidence, struct sg_err *err)
{
    const struct sg_cms_wire *wire = sg_cms_wire(evidence->cms);
    const struct sg_signer_info *si = evidence->si;
    const struct sg_evidence_beside *beside = evidence->beside;
    size_t count = count_places(wire, si), more = beside ? beside->count + beside->stamp_count : 0;

    evidence->places =
        calloc((count < SG_MAX_EVIDENCE_PLACES ? count : SG_MAX_EVIDENCE_PLACES) + more, sizeof *evidence->places);
    if (!evidence->places)
        return sg_fail_memory(err);
    add_place(evidence, (struct sg_place){.bytes = si->signed_part});
    for (size_t i = 0; i < wire->certificate_choice_count; i++)
        add_place(evidence, (struct sg_place){.bytes = wire->certificate_choices[i]});
    for (size_t i = 0; i < wire->revocation_choice_count; i++)
        add_place(evidence, (struct sg_place){.bytes = wire->revocation_choices[i], .revocation = true});
    for (size_t i = 0; i < si->unsigned_attr_count; i++)
        for (size_t k = 0; k < si->unsigned_attrs[i].value_count; k++)
            add_place(evidence,
                      (struct sg_place){.bytes = si->unsigned_attrs[i].values[k], .attribute = &si->unsigned_attrs[i]});
    sg_evidence_place_beside(evidence);
    return SG_OK;
}

/* --- what is found in them ---------------------------------------------------------------------------------------- */

static enum sg_rc add_link(struct sg_evidence *evidence, enum sg_found_kind kind, size_t index, size_t place,
                           struct sg_err *err)
{
    enum sg_rc rc = sg_evidence_grow((void **)&evidence->links, evidence->link_count, &evidence->link_room,
                                     sizeof *evidence->links, err);
    if (rc == SG_OK)
        evidence->links[evidence->link_count++] = (struct sg_link){.kind = kind, .index = index, .place = place};
    return rc;
}

static size_t find_same(const struct sg_found *found, struct sg_slice der)
{
    size_t i = 0;
    while (i < found->count && !sg_slice_equal(found->ders[i], der))
        i++;
    return i;
}

/* SG_OK with `*ret_taken` false: it is no certificate. */
static enum sg_rc take_certificate(struct sg_evidence *evidence, struct sg_slice der, bool *ret_taken,
                                   struct sg_err *err)
{
    struct sg_cert_cache *known = sg_cms_known(evidence->cms);
    _cleanup_(X509_freep) X509 *cert = NULL;

    enum sg_rc rc =
        known ? sg_cert_cache_parse(known, der, &cert, NULL) : sg_cert_parse(der, evidence->libctx, &cert, NULL);
    *ret_taken = rc == SG_OK;
    if (rc == SG_E_NO_MEMORY)
        return sg_fail_memory(err);
    if (rc != SG_OK)
        return SG_OK;
    if (sk_X509_push(evidence->certificates, cert) <= 0)
        return sg_fail_memory(err);
    (void)sg_steal(cert);
    return SG_OK;
}

static bool is_sequence(struct sg_slice der)
{
    return der.len >= 2 && der.data[0] == 0x30;
}

static enum sg_rc add_new(struct sg_evidence *evidence, enum sg_found_kind kind, struct sg_slice der, bool *ret_taken,
                          struct sg_err *err)
{
    struct sg_found *found = &evidence->found[kind];

    *ret_taken = found->count < SG_MAX_EVIDENCE_FOUND && is_sequence(der);
    if (!*ret_taken)
        return SG_OK;
    enum sg_rc rc = sg_evidence_grow((void **)&found->ders, found->count, &found->room, sizeof *found->ders, err);
    if (rc == SG_OK && kind == SG_FOUND_CERTIFICATE)
        rc = take_certificate(evidence, der, ret_taken, err);
    if (rc == SG_OK && *ret_taken)
        found->ders[found->count++] = der;
    return rc;
}

enum sg_rc sg_evidence_add(struct sg_evidence *evidence, enum sg_found_kind kind, struct sg_slice der, size_t place,
                           struct sg_err *err)
{
    size_t index = 0;
    bool taken = evidence->looked_at < SG_MAX_EVIDENCE_LOOKED_AT;
    enum sg_rc rc = SG_OK;

    if (taken) {
        evidence->looked_at++;
        index = find_same(&evidence->found[kind], der);
        if (index == evidence->found[kind].count)
            rc = add_new(evidence, kind, der, &taken, err);
    }
    if (rc == SG_OK && taken)
        return add_link(evidence, kind, index, place, err);
    if (rc == SG_OK)
        evidence->malformed++;
    return rc;
}

/* --- the whole ---------------------------------------------------------------------------------------------------- */

enum sg_rc sg_evidence_read(const struct sg_cms *cms, const struct sg_signer_info *si, OSSL_LIB_CTX *libctx,
                            struct sg_evidence **ret, struct sg_err *err)
{
    return sg_evidence_read_with(cms, si, NULL, libctx, ret, err);
}

enum sg_rc sg_evidence_read_with(const struct sg_cms *cms, const struct sg_signer_info *si,
                                 const struct sg_evidence_beside *beside, OSSL_LIB_CTX *libctx,
                                 struct sg_evidence **ret, struct sg_err *err)
{
    _cleanup_(sg_evidence_freep) struct sg_evidence *evidence = calloc(1, sizeof *evidence);

    if (!evidence)
        return sg_fail_memory(err);
    evidence->cms = cms;
    evidence->si = si;
    evidence->beside = beside;
    evidence->libctx = libctx;
    evidence->certificates = sk_X509_new_null();
    if (!evidence->certificates)
        return sg_fail_memory(err);

    enum sg_rc rc = find_places(evidence, err);
    if (rc == SG_OK)
        rc = sg_evidence_read_values(evidence, err);
    if (rc == SG_OK)
        rc = sg_evidence_read_beside(evidence, err);
    if (rc == SG_OK)
        rc = sg_evidence_read_tokens(evidence, err);
    if (rc == SG_OK)
        rc = sg_evidence_read_document_stamps(evidence, err);
    if (rc == SG_OK)
        rc = sg_evidence_read_references(evidence, err);
    if (rc == SG_OK)
        rc = sg_evidence_cover(evidence, err);
    if (rc == SG_OK)
        rc = sg_evidence_begin_prefixes(evidence, err);
    if (rc == SG_OK)
        *ret = sg_steal(evidence);
    return rc;
}

void sg_evidence_free(struct sg_evidence *evidence)
{
    if (!evidence)
        return;
    for (size_t i = 0; i < evidence->token_count; i++)
        sg_evidence_clear_token(&evidence->tokens[i]);
    for (size_t i = 0; i < SG_FOUND_KINDS; i++)
        free(evidence->found[i].ders);
    for (size_t i = 0; i < evidence->hashes_count; i++)
        free(evidence->hashes[i].bytes);
    for (size_t i = 0; i < evidence->prefix_count; i++)
        EVP_MD_CTX_free(evidence->prefixes[i].ctx);
    sg_x509_stack_free(evidence->certificates);
    free(evidence->places);
    free(evidence->tokens);
    free(evidence->links);
    free(evidence->references);
    free(evidence);
}

/* --- answers ------------------------------------------------------------------------------------------------------ */

size_t sg_evidence_malformed_count(const struct sg_evidence *evidence)
{
    return evidence->malformed;
}

size_t sg_evidence_timestamp_count(const struct sg_evidence *evidence)
{
    return evidence->token_count;
}

const struct sg_evidence_timestamp *sg_evidence_timestamp(const struct sg_evidence *evidence, size_t index)
{
    return index < evidence->token_count ? &evidence->tokens[index].shown : NULL;
}

const STACK_OF(X509) *sg_evidence_certificates(const struct sg_evidence *evidence)
{
    return evidence->certificates;
}

static struct sg_slice found_at(const struct sg_found *found, size_t index)
{
    return index < found->count ? found->ders[index] : (struct sg_slice){0};
}

size_t sg_evidence_crl_count(const struct sg_evidence *evidence)
{
    return evidence->found[SG_FOUND_CRL].count;
}

struct sg_slice sg_evidence_crl(const struct sg_evidence *evidence, size_t index)
{
    return found_at(&evidence->found[SG_FOUND_CRL], index);
}

size_t sg_evidence_ocsp_count(const struct sg_evidence *evidence)
{
    return evidence->found[SG_FOUND_OCSP].count;
}

struct sg_slice sg_evidence_ocsp(const struct sg_evidence *evidence, size_t index)
{
    return found_at(&evidence->found[SG_FOUND_OCSP], index);
}

static bool covers(const struct sg_evidence *evidence, size_t timestamp, enum sg_found_kind kind, size_t index)
{
    if (timestamp >= evidence->token_count)
        return false;
    const bool *covered = evidence->tokens[timestamp].covered;
    for (size_t i = 0; i < evidence->link_count; i++) {
        const struct sg_link *link = &evidence->links[i];
        if (link->kind == kind && link->index == index && covered[link->place])
            return true;
    }
    return false;
}

bool sg_evidence_covers_certificate(const struct sg_evidence *evidence, size_t timestamp, X509 *cert)
{
    for (int i = 0; i < sk_X509_num(evidence->certificates); i++)
        if (X509_cmp(sk_X509_value(evidence->certificates, i), cert) == 0)
            return covers(evidence, timestamp, SG_FOUND_CERTIFICATE, (size_t)i);
    return false;
}

bool sg_evidence_covers_crl(const struct sg_evidence *evidence, size_t timestamp, size_t crl)
{
    return covers(evidence, timestamp, SG_FOUND_CRL, crl);
}

bool sg_evidence_covers_ocsp(const struct sg_evidence *evidence, size_t timestamp, size_t ocsp)
{
    return covers(evidence, timestamp, SG_FOUND_OCSP, ocsp);
}

bool sg_evidence_covers_timestamp(const struct sg_evidence *evidence, size_t timestamp, size_t earlier)
{
    return timestamp < evidence->token_count && earlier < evidence->token_count && timestamp != earlier &&
           evidence->tokens[timestamp].covered[evidence->tokens[earlier].place];
}
