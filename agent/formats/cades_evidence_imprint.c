#include "formats/cades_evidence_private.h"

#include <string.h>

#include <openssl/objects.h>

#include "base/msg.h"

static const char *const no_content = N_("What was signed is not here.");
static const char *const unknown_digest = N_("It is made with a digest that is not known here.");

static enum sg_rc digest_failed(int nid, struct sg_err *err)
{
    return sg_fail_ssl(err, SG_E_INTERNAL, _("Cannot compute the digest %s"), OBJ_nid2sn(nid));
}

static bool update(EVP_MD_CTX *ctx, struct sg_slice bytes)
{
    return bytes.len == 0 || EVP_DigestUpdate(ctx, bytes.data, bytes.len);
}

static bool finish(EVP_MD_CTX *ctx, struct sg_evidence_imprint *ret)
{
    unsigned len = 0;
    *ret = (struct sg_evidence_imprint){0};
    if (!EVP_DigestFinal_ex(ctx, ret->digest, &len))
        return false;
    ret->len = len;
    return true;
}

static struct sg_evidence_imprint cannot(const char *why)
{
    return (struct sg_evidence_imprint){.why = why};
}

/* --- of the content ----------------------------------------------------------------------------------------------- */

static bool is_over_content_digest(const struct sg_token *token)
{
    return token->cms && (token->shown.kind == SG_EVIDENCE_CONTENT || token->shown.kind == SG_EVIDENCE_ARCHIVE_V3);
}

size_t sg_evidence_digests(const struct sg_evidence *evidence, int *nids, size_t capacity)
{
    size_t count = 0;

    for (size_t i = 0; i < evidence->token_count && count < capacity; i++) {
        const int nid = evidence->tokens[i].shown.digest_nid;
        size_t k = 0;
        if (nid == NID_undef || !is_over_content_digest(&evidence->tokens[i]))
            continue;
        while (k < count && nids[k] != nid)
            k++;
        if (k == count)
            nids[count++] = nid;
    }
    return count;
}

static void imprint_of_content(const struct sg_token *token, sg_content_digest_of *content_digest, void *context,
                               struct sg_evidence_imprint *ret)
{
    struct sg_slice digest = content_digest ? content_digest(context, token->shown.digest_nid) : (struct sg_slice){0};

    *ret = cannot(no_content);
    if (digest.len == 0 || digest.len > sizeof ret->digest)
        return;
    memcpy(ret->digest, digest.data, digest.len);
    ret->len = digest.len;
    ret->why = NULL;
}

/* --- of the signature value, and of references -------------------------------------------------------------------- */

/* An attribute without tag and length of its SEQUENCE: its type and its SET (EN 319 122-1 §A.1.5.1, §A.1.5.2). */
static bool update_attributes(const struct sg_evidence *evidence, EVP_MD_CTX *ctx, int nid, size_t *total)
{
    const struct sg_signer_info *si = evidence->si;

    for (size_t i = 0; i < si->unsigned_attr_count; i++) {
        const struct sg_attribute *attribute = &si->unsigned_attrs[i];
        if (OBJ_obj2nid(attribute->type) != nid)
            continue;
        ++*total;
        if (!update(ctx, attribute->type_encoding) || !update(ctx, attribute->set_encoding))
            return false;
    }
    return true;
}

static enum sg_rc imprint_of_references(const struct sg_evidence *evidence, const struct sg_token *token,
                                        EVP_MD_CTX *ctx, struct sg_evidence_imprint *ret, struct sg_err *err)
{
    size_t stamps = 0, refs = 0;
    bool done = true;

    if (token->shown.kind == SG_EVIDENCE_CADES_C)
        done = update(ctx, evidence->si->signature) &&
               update_attributes(evidence, ctx, NID_id_smime_aa_timeStampToken, &stamps);
    done = done && update_attributes(evidence, ctx, NID_id_smime_aa_ets_CertificateRefs, &refs) &&
           update_attributes(evidence, ctx, NID_id_smime_aa_ets_RevocationRefs, &refs);
    if (!done || !finish(ctx, ret))
        return digest_failed(token->shown.digest_nid, err);
    if (refs == 0)
        *ret = cannot(N_("The references that it is over are not there."));
    return SG_OK;
}

/* --- archive-time-stamp-v3 ---------------------------------------------------------------------------------------- */

/* eContentType; the content's digest; version to signature of the SignerInfo; the ats-hash-index (§5.5.3). */
static enum sg_rc imprint_v3(const struct sg_evidence *evidence, const struct sg_token *token,
                             sg_content_digest_of *content_digest, void *context, EVP_MD_CTX *ctx,
                             struct sg_evidence_imprint *ret, struct sg_err *err)
{
    struct sg_evidence_imprint content = {0};

    if (token->index.problem) {
        *ret = cannot(token->index.problem);
        return SG_OK;
    }
    imprint_of_content(token, content_digest, context, &content);
    if (content.len == 0) {
        *ret = content;
        return SG_OK;
    }
    if (!update(ctx, sg_cms_wire(evidence->cms)->content_type) ||
        !update(ctx, (struct sg_slice){content.digest, content.len}) || !update(ctx, evidence->si->signed_part) ||
        !update(ctx, token->index.bytes) || !finish(ctx, ret))
        return digest_failed(token->shown.digest_nid, err);
    return SG_OK;
}

/* --- archive-time-stamp v2 ---------------------------------------------------------------------------------------- */

static enum sg_rc pass_on(void *context, const uint8_t *data, size_t len, struct sg_err *err)
{
    struct sg_evidence *evidence = context;

    evidence->content_given = true;
    for (size_t i = 0; i < evidence->prefix_count; i++) {
        const struct sg_prefix *prefix = &evidence->prefixes[i];
        if (prefix->ctx && !EVP_DigestUpdate(prefix->ctx, data, len))
            return digest_failed(prefix->nid, err);
    }
    return SG_OK;
}

struct sg_sink sg_evidence_content(struct sg_evidence *evidence)
{
    if (evidence->prefix_count == 0 || !sg_cms_is_detached(evidence->cms))
        return (struct sg_sink){0};
    return (struct sg_sink){.write = pass_on, .context = evidence};
}

static const struct sg_prefix *find_prefix(const struct sg_evidence *evidence, int nid)
{
    for (size_t i = 0; i < evidence->prefix_count; i++)
        if (evidence->prefixes[i].nid == nid)
            return &evidence->prefixes[i];
    return NULL;
}

static enum sg_rc begin_prefix(struct sg_evidence *evidence, int nid, struct sg_err *err)
{
    _cleanup_(EVP_MD_freep) EVP_MD *md = sg_evidence_digest(evidence, nid);

    if (!md || find_prefix(evidence, nid) || evidence->prefix_count == SG_MAX_EVIDENCE_DIGESTS)
        return SG_OK;
    struct sg_prefix *prefix = &evidence->prefixes[evidence->prefix_count++];
    *prefix = (struct sg_prefix){.nid = nid, .ctx = EVP_MD_CTX_new()};
    if (!prefix->ctx || !EVP_DigestInit_ex2(prefix->ctx, md, NULL))
        return digest_failed(nid, err);
    return SG_OK;
}

enum sg_rc sg_evidence_begin_prefixes(struct sg_evidence *evidence, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;

    for (size_t i = 0; rc == SG_OK && i < evidence->token_count; i++)
        if (evidence->tokens[i].cms && evidence->tokens[i].shown.kind == SG_EVIDENCE_ARCHIVE_V2)
            rc = begin_prefix(evidence, evidence->tokens[i].shown.digest_nid, err);
    if (rc == SG_OK && evidence->prefix_count > 0)
        rc = sg_cms_encapsulated(evidence->cms, (struct sg_sink){.write = pass_on, .context = evidence}, err);
    evidence->content_given = !sg_cms_is_detached(evidence->cms);
    return rc;
}

/* The unsigned attributes as they were, with or without the header of their SET: TS 101 733 says it is part of it, its
 * annex K did not before V2.2.1, and recommends to try both. */
static bool update_unsigned(const struct sg_evidence *evidence, const struct sg_token *token, bool with_header,
                            EVP_MD_CTX *ctx)
{
    uint8_t header[SG_TLV_HEADER];
    uint64_t len = 0;
    const struct sg_attribute *last = NULL;

    for (int pass = with_header ? 0 : 1; pass < 2; pass++) {
        for (size_t i = SG_PLACE_SIGNED + 1; i < evidence->place_count; i++) {
            const struct sg_attribute *attribute = evidence->places[i].attribute;
            if (!attribute || attribute == last || !sg_evidence_was_before(evidence, token, i))
                continue;
            last = attribute;
            len += attribute->encoding.len;
            if (pass == 1 && !update(ctx, attribute->encoding))
                return false;
        }
        last = NULL;
        if (pass == 0 && !update(ctx, (struct sg_slice){header, sg_tlv_header(0xa1, len, header)}))
            return false;
    }
    return true;
}

static enum sg_rc calculate_v2(const struct sg_evidence *evidence, const struct sg_token *token,
                               const struct sg_prefix *prefix, bool with_header, EVP_MD_CTX *ctx,
                               struct sg_evidence_imprint *ret, struct sg_err *err)
{
    const struct sg_cms_wire *wire = sg_cms_wire(evidence->cms);

    if (!EVP_MD_CTX_copy_ex(ctx, prefix->ctx) || !update(ctx, wire->certificates) || !update(ctx, wire->crls) ||
        !update(ctx, evidence->si->signed_part) || !update_unsigned(evidence, token, with_header, ctx) ||
        !finish(ctx, ret))
        return digest_failed(prefix->nid, err);
    return SG_OK;
}

/* encapContentInfo; the content, if it is detached; certificates; crls; all of the SignerInfo's elements as they were
 * then (TS 101 733 §6.4.1). */
static enum sg_rc imprint_v2(const struct sg_evidence *evidence, const struct sg_token *token, EVP_MD_CTX *ctx,
                             struct sg_evidence_imprint *ret, struct sg_err *err)
{
    const struct sg_prefix *prefix = find_prefix(evidence, token->shown.digest_nid);
    struct sg_evidence_imprint other = {0};

    *ret = cannot(prefix ? no_content : unknown_digest);
    if (!prefix || !evidence->content_given)
        return SG_OK;
    enum sg_rc rc = calculate_v2(evidence, token, prefix, true, ctx, ret, err);
    if (rc != SG_OK ||
        sg_slice_equal((struct sg_slice){ret->digest, ret->len}, (struct sg_slice){token->imprint, token->imprint_len}))
        return rc;
    rc = calculate_v2(evidence, token, prefix, false, ctx, &other, err);
    if (rc == SG_OK && sg_slice_equal((struct sg_slice){other.digest, other.len},
                                      (struct sg_slice){token->imprint, token->imprint_len}))
        *ret = other;
    return rc;
}

/* --- of a document ------------------------------------------------------------------------------------------------ */

/* Whoever found it there has hashed it. */
static void imprint_of_document(const struct sg_token *token, struct sg_evidence_imprint *ret)
{
    struct sg_slice digest = token->document;

    *ret = cannot(N_("The octets that it is over cannot be hashed."));
    if (digest.len == 0 || digest.len > sizeof ret->digest)
        return;
    memcpy(ret->digest, digest.data, digest.len);
    ret->len = digest.len;
    ret->why = NULL;
}

/* --- each --------------------------------------------------------------------------------------------------------- */

static enum sg_rc imprint_of(const struct sg_evidence *evidence, const struct sg_token *token,
                             sg_content_digest_of *content_digest, void *context, EVP_MD_CTX *ctx,
                             struct sg_evidence_imprint *ret, struct sg_err *err)
{
    switch (token->shown.kind) {
    case SG_EVIDENCE_CONTENT:
        imprint_of_content(token, content_digest, context, ret);
        return SG_OK;
    case SG_EVIDENCE_SIGNATURE:
        return update(ctx, evidence->si->signature) && finish(ctx, ret) ? SG_OK
                                                                        : digest_failed(token->shown.digest_nid, err);
    case SG_EVIDENCE_CADES_C:
    case SG_EVIDENCE_REFERENCES:
        return imprint_of_references(evidence, token, ctx, ret, err);
    case SG_EVIDENCE_ARCHIVE_V2:
        return imprint_v2(evidence, token, ctx, ret, err);
    case SG_EVIDENCE_ARCHIVE_V3:
        return imprint_v3(evidence, token, content_digest, context, ctx, ret, err);
    case SG_EVIDENCE_DOCUMENT:
        imprint_of_document(token, ret);
        return SG_OK;
    case SG_EVIDENCE_ARCHIVE_V1:
        break;
    }
    *ret = cannot(N_("It is of a form that is no longer used."));
    return SG_OK;
}

enum sg_rc sg_evidence_imprint(const struct sg_evidence *evidence, size_t timestamp,
                               sg_content_digest_of *content_digest, void *context, struct sg_evidence_imprint *ret,
                               struct sg_err *err)
{
    if (timestamp >= evidence->token_count)
        return sg_fail(err, SG_E_INTERNAL, "%s", _("There is no such time-stamp."));
    const struct sg_token *token = &evidence->tokens[timestamp];
    _cleanup_(EVP_MD_freep) EVP_MD *md = sg_evidence_digest(evidence, token->shown.digest_nid);
    _cleanup_(EVP_MD_CTX_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    if (!token->cms || !md) {
        *ret = cannot(token->cms ? unknown_digest : N_("It cannot be read."));
        return SG_OK;
    }
    if (!ctx || !EVP_DigestInit_ex2(ctx, md, NULL))
        return digest_failed(token->shown.digest_nid, err);
    return imprint_of(evidence, token, content_digest, context, ctx, ret, err);
}
