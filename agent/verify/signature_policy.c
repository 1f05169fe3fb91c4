/* Validation context initialization (EN 319 102-1 §5.2.4). Our validation policy is our own; a signature may name
 * another one to be judged by (signature-policy-identifier, EN 319 122-1 §5.2.9). */
#include <openssl/objects.h>

#include "base/msg.h"
#include "formats/der.h"
#include "verify/blocks.h"

/* SignaturePolicy ::= CHOICE { signaturePolicyId SEQUENCE { sigPolicyId OBJECT IDENTIFIER, ... }, NULL }; `*ret_id` is
 * NULL for the latter, an implied policy. False: neither of them. */
static bool read_policy(struct sg_slice value, ASN1_OBJECT **ret_id)
{
    static const uint8_t implied[] = {SG_DER_NULL, 0x00};
    const uint8_t *p = value.data;
    long len = 0;
    int tag = 0, class = 0;
    *ret_id = NULL;
    if (sg_slice_equal(value, (struct sg_slice){implied, sizeof implied}))
        return true;
    int flags = ASN1_get_object(&p, &len, &tag, &class, (long)value.len);
    if (flags != V_ASN1_CONSTRUCTED || tag != V_ASN1_SEQUENCE || class != V_ASN1_UNIVERSAL ||
        p + len != value.data + value.len)
        return false;
    *ret_id = d2i_ASN1_OBJECT(NULL, &p, len);
    return *ret_id != NULL;
}

/* EN 319 102-1 §5.2.4.4: no policy is at hand but ours. What the signer bound the signature to stays unknown. */
static enum sg_rc note_policy(struct sg_slice value, struct sg_judgement *judgement, struct sg_err *err)
{
    ASN1_OBJECT *id = NULL;
    char text[128] = "?";
    if (!read_policy(value, &id))
        return sg_judgement_note(judgement, SG_SEVERITY_POLICY_PROCESSING, SG_REASON_SIGNATURE_POLICY_MALFORMED, err,
                                 _("The signature names a signature policy in a way that cannot be read."));
    if (!id)
        return SG_OK;
    (void)OBJ_obj2txt(text, sizeof text, id, 1);
    ASN1_OBJECT_free(id);
    return sg_judgement_note(judgement, SG_SEVERITY_POLICY_NOT_AVAILABLE, SG_REASON_SIGNATURE_POLICY_UNKNOWN, err,
                             _("The signature was made under the signature policy %s, which is not known here."), text);
}

enum sg_rc sg_signature_policy_check(const struct sg_signer *signer, struct sg_judgement *judgement, struct sg_err *err)
{
    const struct sg_signer_info *si = signer->si;
    const struct sg_attribute *attribute = NULL;
    size_t count =
        sg_attributes_find(si->signed_attrs, si->signed_attr_count, NID_id_smime_aa_ets_sigPolicyId, &attribute);
    if (count == 0)
        return SG_OK;
    if (count > 1 || attribute->value_count != 1)
        return sg_judgement_note(judgement, SG_SEVERITY_POLICY_PROCESSING, SG_REASON_SIGNATURE_POLICY_MALFORMED, err,
                                 _("The signature does not name exactly one signature policy."));
    return note_policy(attribute->values[0], judgement, err);
}
