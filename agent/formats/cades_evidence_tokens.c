#include "formats/cades_evidence_private.h"

#include <string.h>

#include <openssl/objects.h>

#include "base/msg.h"
#include "formats/tsp.h"

/* --- one token ---------------------------------------------------------------------------------------------------- */

/* What its TSTInfo says that the rest depends on (RFC 3161 §2.4.2). */
static enum sg_rc read_info(struct sg_token *token, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf content = SG_BUF(SG_MAX_TIMESTAMP);
    struct sg_tst_info info = {0};

    enum sg_rc rc = sg_cms_content(token->cms, sg_buf_sink(&content), err);
    if (rc == SG_OK)
        rc = sg_tst_info_read(sg_buf_slice(&content), &info, err);
    if (rc != SG_OK)
        return rc;
    token->time = info.time;
    token->shown.digest_nid = OBJ_obj2nid(info.imprint_algorithm->algorithm);
    if (info.imprint.len <= sizeof token->imprint) {
        memcpy(token->imprint, info.imprint.data, info.imprint.len);
        token->imprint_len = info.imprint.len;
    }
    sg_tst_info_clear(&info);
    return SG_OK;
}

static enum sg_rc parse(struct sg_evidence *evidence, struct sg_token *token, struct sg_err *err)
{
    struct sg_slice der = token->shown.token;

    if (der.len == 0 || der.len > SG_MAX_TIMESTAMP || der.data[0] != 0x30)
        return sg_fail(err, SG_E_MALFORMED, "%s", _("A time-stamp is not a CMS."));
    enum sg_rc rc = sg_input_from_slice(_("a time-stamp of the signature"), der, &token->input, err);
    if (rc == SG_OK)
        rc = sg_cms_read(token->input, evidence->libctx, sg_cms_known(evidence->cms), &token->cms, err);
    if (rc == SG_OK && (sg_cms_is_detached(token->cms) || sg_cms_signer_count(token->cms) != 1))
        rc = sg_fail(err, SG_E_MALFORMED, "%s", _("A time-stamp is not one signature with its content."));
    if (rc == SG_OK)
        rc = read_info(token, err);
    if (rc == SG_OK && token->shown.kind == SG_EVIDENCE_ARCHIVE_V3)
        rc = sg_evidence_read_index(token, err);
    return rc;
}

/* Its own certificates and revocation data: in its SignedData, or in the unsigned attributes that the older forms put
 * them into (TS 101 733 §6.4.1). All of it stands where the token does. */
static enum sg_rc take_carried(struct sg_evidence *evidence, const struct sg_token *token, struct sg_err *err)
{
    const struct sg_cms_wire *wire = sg_cms_wire(token->cms);
    const struct sg_signer_info *si = sg_cms_signer(token->cms, 0);
    enum sg_rc rc = SG_OK;

    for (size_t i = 0; rc == SG_OK && i < wire->certificate_choice_count; i++)
        if (wire->certificate_choices[i].data[0] == 0x30)
            rc = sg_evidence_add(evidence, SG_FOUND_CERTIFICATE, wire->certificate_choices[i], token->place, err);
    if (rc == SG_OK)
        rc = sg_evidence_read_revocation(evidence, token->cms, token->place, err);
    for (size_t i = 0; rc == SG_OK && i < si->unsigned_attr_count; i++)
        rc = sg_evidence_read_attribute(evidence, &si->unsigned_attrs[i], token->place, true, err);
    return rc;
}

enum sg_rc sg_evidence_add_token(struct sg_evidence *evidence, enum sg_evidence_kind kind, struct sg_slice der,
                                 size_t place, struct sg_err *err)
{
    struct sg_err why = {0};

    if (evidence->token_count == SG_MAX_EVIDENCE_TIMESTAMPS) {
        evidence->malformed++;
        return SG_OK;
    }
    enum sg_rc rc = sg_evidence_grow((void **)&evidence->tokens, evidence->token_count, &evidence->token_room,
                                     sizeof *evidence->tokens, err);
    if (rc != SG_OK)
        return rc;
    struct sg_token *token = &evidence->tokens[evidence->token_count++];
    *token = (struct sg_token){.shown = {.kind = kind, .token = der}, .place = place, .time = INT64_MIN};
    token->covered = calloc(evidence->place_total, sizeof *token->covered);
    if (!token->covered)
        return sg_fail_memory(err);
    rc = parse(evidence, token, &why);
    if (rc == SG_OK)
        return take_carried(evidence, token, err);
    sg_cms_free(token->cms);
    token->cms = NULL;
    token->shown.digest_nid = NID_undef;
    if (rc == SG_E_MALFORMED || rc == SG_E_LIMIT)
        return SG_OK; /* it is shown as it is: whoever judges it says that it cannot be read */
    if (err)
        *err = why;
    return rc;
}

void sg_evidence_clear_token(struct sg_token *token)
{
    sg_cms_free(token->cms);
    sg_input_free(token->input);
    free(token->covered);
}

/* --- all of them -------------------------------------------------------------------------------------------------- */

/* Which kind of time-stamp an unsigned attribute holds. */
static bool kind_of(const ASN1_OBJECT *type, enum sg_evidence_kind *ret)
{
    const struct sg_slice archive_v2 = SG_OID(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x02, 0x30);
    const struct sg_slice archive_v3 = SG_OID(0x04, 0x00, 0x8d, 0x45, 0x02, 0x04);

    switch (OBJ_obj2nid(type)) {
    case NID_id_smime_aa_timeStampToken:
        *ret = SG_EVIDENCE_SIGNATURE;
        return true;
    case NID_id_smime_aa_ets_escTimeStamp:
        *ret = SG_EVIDENCE_CADES_C;
        return true;
    case NID_id_smime_aa_ets_certCRLTimestamp:
        *ret = SG_EVIDENCE_REFERENCES;
        return true;
    case NID_id_smime_aa_ets_archiveTimeStamp:
        *ret = SG_EVIDENCE_ARCHIVE_V1;
        return true;
    default:
        *ret = sg_evidence_is_oid(type, archive_v2) ? SG_EVIDENCE_ARCHIVE_V2 : SG_EVIDENCE_ARCHIVE_V3;
        return *ret == SG_EVIDENCE_ARCHIVE_V2 || sg_evidence_is_oid(type, archive_v3);
    }
}

static enum sg_rc read_signed(struct sg_evidence *evidence, struct sg_err *err)
{
    const struct sg_signer_info *si = evidence->si;
    enum sg_rc rc = SG_OK;

    for (size_t i = 0; i < si->signed_attr_count; i++) {
        const struct sg_attribute *attribute = &si->signed_attrs[i];
        if (OBJ_obj2nid(attribute->type) != NID_id_smime_aa_ets_contentTimestamp)
            continue;
        for (size_t k = 0; rc == SG_OK && k < attribute->value_count; k++)
            rc = sg_evidence_add_token(evidence, SG_EVIDENCE_CONTENT, attribute->values[k], SG_PLACE_SIGNED, err);
    }
    return rc;
}

enum sg_rc sg_evidence_read_tokens(struct sg_evidence *evidence, struct sg_err *err)
{
    enum sg_evidence_kind kind;

    enum sg_rc rc = read_signed(evidence, err);
    for (size_t i = 0; rc == SG_OK && i < evidence->place_count; i++) {
        const struct sg_place *place = &evidence->places[i];
        if (place->attribute && kind_of(place->attribute->type, &kind))
            rc = sg_evidence_add_token(evidence, kind, place->bytes, i, err);
    }
    return rc;
}
