/* Signature acceptance (EN 319 102-1 §5.2.8): attributes and algorithms against our constraints. */
#include "base/clock.h"
#include "base/msg.h"
#include "verify/algorithms.h"
#include "verify/blocks.h"

static enum sg_rc note_weak(const struct sg_algorithm_answer *answer, struct sg_judgement *judgement,
                            struct sg_err *err)
{
    char time[SG_TIME_TEXT];
    if (answer->until == SG_TIME_NONE)
        return sg_judgement_note(judgement, SG_SEVERITY_CRYPTO_CONSTRAINTS, SG_REASON_WEAK_ALGORITHM, err,
                                 _("The signature uses %s, which is not trusted."), answer->name);
    return sg_judgement_note(judgement, SG_SEVERITY_CRYPTO_CONSTRAINTS, SG_REASON_WEAK_ALGORITHM, err,
                             _("The signature uses %s, which is not trusted since %s."), answer->name,
                             sg_time_text(answer->until, time));
}

/* A time-stamp has to name its certificate (RFC 3161 §2.4.2, RFC 5816 §2.2.1); a document's signature may not. */
static enum sg_rc note_no_reference(enum sg_cert_purpose purpose, struct sg_judgement *judgement, struct sg_err *err)
{
    return sg_judgement_note(judgement, purpose == SG_CERT_TIMESTAMP ? SG_SEVERITY_SIG_CONSTRAINTS : SG_SEVERITY_NONE,
                             SG_REASON_NO_SIGNING_CERTIFICATE_ATTRIBUTE, err,
                             _("The signature does not say which certificate it was made with."));
}

/* EN 319 102-1 §5.2.8.4: the constraints are those of EN 319 122-1 for attributes, and the table of algorithms.h. */
enum sg_rc sg_signature_accept(const struct sg_signature_request *request, const struct sg_signer *signer,
                               struct sg_judgement *judgement, struct sg_err *err)
{
    struct sg_algorithm_answer answer = sg_algorithm_digest(signer->digest_nid, request->at);
    enum sg_rc rc = answer.acceptable ? SG_OK : note_weak(&answer, judgement, err);
    sg_judgement_good_until(judgement, answer.until);
    if (rc == SG_OK && signer->method.digest != NID_undef && signer->method.digest != signer->digest_nid) {
        answer = sg_algorithm_digest(signer->method.digest, request->at);
        sg_judgement_good_until(judgement, answer.until);
        rc = answer.acceptable ? SG_OK : note_weak(&answer, judgement, err);
    }
    if (rc == SG_OK && !signer->has_signed_attrs)
        rc = sg_judgement_note(judgement, SG_SEVERITY_SIG_CONSTRAINTS, SG_REASON_NO_SIGNED_ATTRIBUTES, err,
                               _("The signature has no signed attributes, so it could be of something else."));
    else if (rc == SG_OK && signer->reference_count == 0)
        rc = note_no_reference(request->purpose, judgement, err);
    if (rc == SG_OK && request->purpose == SG_CERT_SIGN && signer->signing_time > request->at)
        rc = sg_judgement_note(judgement, SG_SEVERITY_NONE, SG_REASON_CLAIMED_TIME_ODD, err,
                               _("By the signer's clock it was signed later than the time that it is judged at."));
    return rc;
}
