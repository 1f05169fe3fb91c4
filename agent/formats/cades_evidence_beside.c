#include "formats/cades_evidence_private.h"

#include "base/msg.h"

void sg_evidence_place_beside(struct sg_evidence *evidence)
{
    const struct sg_evidence_beside *beside = evidence->beside;

    evidence->place_total = evidence->place_count;
    if (!beside)
        return;
    evidence->malformed += beside->left_out;
    for (size_t i = 0; i < beside->count; i++)
        evidence->places[evidence->place_total++] =
            (struct sg_place){.bytes = beside->items[i].der, .layer = beside->items[i].layer};
    for (size_t i = 0; i < beside->stamp_count; i++)
        evidence->places[evidence->place_total++] =
            (struct sg_place){.bytes = beside->stamps[i].token, .layer = beside->stamps[i].layer};
}

static enum sg_rc add_item(struct sg_evidence *evidence, const struct sg_evidence_item *item, size_t place,
                           struct sg_err *err)
{
    switch (item->kind) {
    case SG_EVIDENCE_CERTIFICATE:
        return sg_evidence_add(evidence, SG_FOUND_CERTIFICATE, item->der, place, err);
    case SG_EVIDENCE_CRL:
        return sg_evidence_add(evidence, SG_FOUND_CRL, item->der, place, err);
    case SG_EVIDENCE_OCSP:
        break;
    }
    return sg_evidence_add_ocsp(evidence, item->der, place, err);
}

enum sg_rc sg_evidence_read_beside(struct sg_evidence *evidence, struct sg_err *err)
{
    const struct sg_evidence_beside *beside = evidence->beside;
    enum sg_rc rc = SG_OK;

    for (size_t i = 0; rc == SG_OK && beside && i < beside->count; i++)
        rc = add_item(evidence, &beside->items[i], evidence->place_count + i, err);
    return rc;
}

enum sg_rc sg_evidence_read_document_stamps(struct sg_evidence *evidence, struct sg_err *err)
{
    const struct sg_evidence_beside *beside = evidence->beside;
    enum sg_rc rc = SG_OK;

    for (size_t i = 0; rc == SG_OK && beside && i < beside->stamp_count; i++) {
        const struct sg_evidence_document_stamp *stamp = &beside->stamps[i];
        size_t place = evidence->place_count + beside->count + i, before = evidence->token_count;
        rc = sg_evidence_add_token(evidence, SG_EVIDENCE_DOCUMENT, stamp->token, place, err);
        if (rc == SG_OK && evidence->token_count > before)
            evidence->tokens[before].document = stamp->digest;
    }
    return rc;
}
