/* Cryptographic verification (EN 319 102-1 §5.2.7): is what was signed what is here, and is the value right? */
#include "base/limits.h"
#include "base/msg.h"
#include "verify/algorithms.h"
#include "verify/blocks.h"

/* EN 319 102-1 §5.2.7.4: the content against the message-digest attribute (RFC 5652 §5.6); without signed attributes
 * there is none, and the signature value is over the content's digest itself. */
static enum sg_rc check_content(const struct sg_signature_request *request, const struct sg_signer *signer,
                                bool *ret_intact, struct sg_judgement *judgement, struct sg_err *err)
{
    const struct sg_content *content = request->content;
    *ret_intact = false;
    if (!content->present)
        return sg_judgement_note(judgement, SG_SEVERITY_NO_CONTENT, SG_REASON_CONTENT_ABSENT, err,
                                 _("The file that was signed is not here."));
    if (content->differs)
        return sg_judgement_note(judgement, SG_SEVERITY_HASH, SG_REASON_CONTENT_DIFFERS, err,
                                 _("The file given is not the one that the signature carries."));
    if (!signer->has_signed_attrs) {
        *ret_intact = true;
        return SG_OK;
    }
    if (!signer->message_digest.data)
        return SG_OK; /* said when the format was checked */
    struct sg_slice digest = sg_content_digest(content, signer->digest_nid);
    if (!digest.data)
        return sg_judgement_note(judgement, SG_SEVERITY_CRYPTO_CONSTRAINTS, SG_REASON_SIGNATURE_UNSUPPORTED, err,
                                 _("The signature uses a digest that is not known here."));
    if (sg_slice_equal(digest, signer->message_digest)) {
        *ret_intact = true;
        return SG_OK;
    }
    const char *text = _("The file is not what was signed: it has been changed, or it is another file.");
    if (request->purpose == SG_CERT_TIMESTAMP)
        text = _("What the time-stamp says has been changed.");
    else if (request->countersignature)
        text = _("The countersignature is of another signature than the one that it stands at.");
    return sg_judgement_note(judgement, SG_SEVERITY_HASH, SG_REASON_CONTENT_CHANGED, err, "%s", text);
}

static enum sg_rc check_over(const struct sg_signature_request *request, const struct sg_signer *signer,
                             struct sg_signed_bytes over, struct sg_candidate *candidate, struct sg_err *err)
{
    EVP_PKEY *key = X509_get0_pubkey(candidate->cert);
    candidate->limited = key && !sg_spend(request->steps, sg_algorithm_cost(key));
    if (candidate->limited)
        return SG_OK;
    return sg_signature_check(request->verifier->libctx, &request->verifier->kept_check, &signer->method, key, over,
                              signer->si->signature, &candidate->answer, err);
}

enum sg_rc sg_signature_value_try(const struct sg_signature_request *request, const struct sg_signer *signer,
                                  struct sg_candidate *candidate, struct sg_err *err)
{
    const struct sg_signer_info *si = signer->si;
    if (!signer->has_signed_attrs) {
        struct sg_slice hash = sg_content_digest(request->content, signer->method.digest);
        return hash.data ? check_over(request, signer, (struct sg_signed_bytes){.hash = hash}, candidate, err) : SG_OK;
    }
    /* RFC 5652 §5.4: over the DER encoding. What other programs made unsorted is checked as it stands on the wire. */
    _cleanup_(sg_buf_clear) struct sg_buf wire = SG_BUF(si->signed_attrs_wire.len + SG_KIB);
    _cleanup_(sg_buf_clear) struct sg_buf sorted = SG_BUF(si->signed_attrs_wire.len + SG_KIB);
    enum sg_rc rc = sg_signer_info_to_be_signed(si, false, &wire, err);
    if (rc == SG_OK)
        rc = check_over(request, signer, (struct sg_signed_bytes){.data = sg_buf_slice(&wire)}, candidate, err);
    if (rc != SG_OK || candidate->limited || candidate->answer != SG_SIGNATURE_WRONG)
        return rc;
    rc = sg_signer_info_to_be_signed(si, true, &sorted, err);
    if (rc == SG_E_MALFORMED) /* a value that cannot be decoded: there is no DER that could have been signed */
        return SG_OK;
    if (rc == SG_OK && !sg_slice_equal(sg_buf_slice(&wire), sg_buf_slice(&sorted)))
        rc = check_over(request, signer, (struct sg_signed_bytes){.data = sg_buf_slice(&sorted)}, candidate, err);
    return rc;
}

static enum sg_rc note_value(const struct sg_signer *signer, enum sg_signature_answer answer,
                             struct sg_judgement *judgement, struct sg_err *err)
{
    switch (answer) {
    case SG_SIGNATURE_RIGHT:
        return SG_OK;
    case SG_SIGNATURE_WRONG:
        /* Without signed attributes nothing tells a changed content from a changed signature. */
        return sg_judgement_note(judgement, SG_SEVERITY_SIGNATURE, SG_REASON_SIGNATURE_WRONG, err,
                                 signer->has_signed_attrs
                                     ? _("The signature does not fit the signer's certificate: it has been changed.")
                                     : _("The signature does not fit the file: one of them has been changed."));
    case SG_SIGNATURE_UNSUPPORTED:
        break;
    }
    return sg_judgement_note(judgement, SG_SEVERITY_CRYPTO_CONSTRAINTS, SG_REASON_SIGNATURE_UNSUPPORTED, err,
                             _("The signature is made with an algorithm that is not known here."));
}

enum sg_rc sg_signature_value_check(const struct sg_signature_request *request, const struct sg_signer *signer,
                                    const struct sg_candidate *found, bool *ret_intact, struct sg_judgement *judgement,
                                    struct sg_err *err)
{
    bool content_intact = false;
    enum sg_rc rc = check_content(request, signer, &content_intact, judgement, err);
    if (rc == SG_OK && found->limited)
        rc = sg_judgement_note(judgement, SG_SEVERITY_CRYPTO_CONSTRAINTS, SG_REASON_WORK_LIMIT, err,
                               _("The signature was not checked: the file takes too much work already."));
    else if (rc == SG_OK && found->cert && (signer->has_signed_attrs || request->content->present))
        rc = note_value(signer, found->answer, judgement, err);
    *ret_intact = content_intact && found->answer == SG_SIGNATURE_RIGHT && !signer->ambiguous;
    return rc;
}
