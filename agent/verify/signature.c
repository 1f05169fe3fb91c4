/* The validation process for basic signatures (EN 319 102-1 §5.3): the building blocks of §5.2, one after the other.
 * All of them run, whatever the first ones find: the gravest problem is the answer, and the others are said too. */
#include "verify/signature.h"

#include "base/msg.h"
#include "verify/algorithms.h"
#include "verify/blocks.h"

/* EN 319 122-1 §6.3, table 1: what B-B requires; EN 319 142-1 §6.3, where the time is the dictionary's. */
static bool is_baseline(const struct sg_signer *signer, int64_t claimed_time, bool carried)
{
    return signer->has_signed_attrs && signer->message_digest.data && signer->content_type_right &&
           signer->reference_count > 0 && claimed_time != SG_TIME_NONE && carried;
}

static enum sg_rc judge_cert(const struct sg_signature_request *request, const struct sg_candidate *found,
                             struct sg_judgement *judgement, struct sg_err *err)
{
    struct sg_cert_request cert = {.cert = found->cert,
                                   .purpose = request->purpose,
                                   .at = request->at,
                                   .known_at = request->known_at,
                                   .steps = request->steps,
                                   .carried = request->carried,
                                   .proven = request->proven};
    enum sg_rc rc = SG_OK;
    if (!found->cert)
        return sg_judgement_note(judgement, SG_SEVERITY_NO_SIGNING_CERTIFICATE, SG_REASON_NO_SIGNER_CERTIFICATE, err,
                                 _("The signer's certificate is not here."));
    if (!X509_up_ref(found->cert))
        return sg_fail_memory(err);
    judgement->verdict.signer = found->cert;
    if (!found->matches)
        rc = sg_judgement_note(judgement, SG_SEVERITY_NO_SIGNING_CERTIFICATE, SG_REASON_SIGNING_CERTIFICATE_MISMATCH,
                               err, _("The signed attributes name another certificate than the one that came along."));
    if (rc == SG_OK && !request->past)
        rc = sg_judge_certificate(request->verifier, &cert, judgement, err);
    return rc;
}

enum sg_rc sg_signature_judge(const struct sg_signature_request *request, struct sg_judgement *judgement,
                              struct sg_err *err)
{
    _cleanup_(sg_signer_clear) struct sg_signer signer = {0};
    struct sg_candidate found = {.answer = SG_SIGNATURE_UNSUPPORTED};
    struct sg_verdict *verdict = &judgement->verdict;
    bool along = false;

    enum sg_rc rc = sg_signer_read(request->verifier->libctx, request->cms, request->si, request->countersignature,
                                   &signer, judgement, err);
    if (rc != SG_OK)
        return rc;
    verdict->digest = sg_digest_word(signer.digest_nid);
    verdict->algorithm = signer.method.word;
    verdict->claimed_time = request->claimed_time ? request->claimed_time : signer.signing_time;
    verdict->best_time = request->at; /* nothing proves an earlier one */

    rc = sg_signing_cert_find(request, &signer, &found, &along, err);
    judgement->names_signer = rc == SG_OK && found.matches && signer.reference_count > 0;
    if (rc == SG_OK)
        rc = sg_signature_policy_check(&signer, judgement, err);
    if (rc == SG_OK)
        rc = sg_signature_value_check(request, &signer, &found, &verdict->intact, judgement, err);
    if (rc == SG_OK)
        rc = judge_cert(request, &found, judgement, err);
    if (rc == SG_OK)
        rc = sg_signature_accept(request, &signer, judgement, err);
    verdict->level = is_baseline(&signer, verdict->claimed_time, along) ? "B-B" : NULL;
    /* What is not proven is not passed, whatever the steps above said or left out. */
    if (rc == SG_OK && judgement->severity == SG_SEVERITY_NONE && !(verdict->intact && verdict->signer))
        rc = sg_judgement_note(judgement, SG_SEVERITY_FORMAT, SG_REASON_SIGNATURE_MALFORMED, err,
                               _("The signature could not be checked."));
    return rc;
}
