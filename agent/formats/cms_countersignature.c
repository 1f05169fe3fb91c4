#include "base/msg.h"
#include "formats/cms_private.h"

struct sg_countersignature {
    struct sg_input *input;
    struct sg_tlv_reader *reader;
    struct sg_cms_signer *signer;
};

enum sg_rc sg_countersignature_read(struct sg_slice value, struct sg_countersignature **ret, struct sg_err *err)
{
    _cleanup_(sg_countersignature_freep) struct sg_countersignature *counter = calloc(1, sizeof *counter);
    struct sg_tlv element;

    if (!counter)
        return sg_fail_memory(err);
    enum sg_rc rc = sg_input_from_slice(_("a countersignature"), value, &counter->input, err);
    if (rc == SG_OK)
        rc = sg_tlv_reader_new(counter->input, 0, value.len, &counter->reader, err);
    if (rc == SG_OK)
        rc = sg_tlv_expect(counter->reader, SG_TLV_UNIVERSAL, SG_TLV_SEQUENCE, _("a SignerInfo"), &element, err);
    if (rc == SG_OK)
        rc = sg_cms_read_signer(&(struct sg_cms_walk){.reader = counter->reader, .rest = value}, &counter->signer, err);
    if (rc == SG_OK)
        rc = sg_tlv_expect_end(counter->reader, err);
    if (rc == SG_OK)
        *ret = sg_steal(counter);
    return rc;
}

void sg_countersignature_free(struct sg_countersignature *counter)
{
    if (!counter)
        return;
    sg_cms_signer_free(counter->signer);
    sg_tlv_reader_free(counter->reader);
    sg_input_free(counter->input);
    free(counter);
}

const struct sg_signer_info *sg_countersignature_signer(const struct sg_countersignature *counter)
{
    return &counter->signer->info;
}
