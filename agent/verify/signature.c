#include "verify/signature.h"

#include <openssl/err.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/msg.h"
#include "verify/algorithms.h"
#include "verify/crypto.h"
#include "verify/signer.h"

/* --- cryptographic verification (§5.2.7) ------------------------------------------------------------------------ */

/* The content against the message-digest attribute (RFC 5652 §5.6); without signed attributes there is none, and the
 * signature value is over the content's digest itself. */
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
    return sg_judgement_note(judgement, SG_SEVERITY_HASH, SG_REASON_CONTENT_CHANGED, err,
                             request->purpose == SG_CERT_TIMESTAMP
                                 ? _("What the time-stamp says has been changed.")
                                 : _("The file is not what was signed: it has been changed, or it is another file."));
}

struct candidate {
    X509 *cert;
    bool matches; /* the signing-certificate attributes name it, or there are none */
    bool limited; /* not checked: the work that may be spent on the file is spent */
    enum sg_signature_answer answer;
};

static enum sg_rc check_over(const struct sg_signature_request *request, const struct sg_signer *signer,
                             struct sg_signed_bytes over, struct candidate *candidate, struct sg_err *err)
{
    EVP_PKEY *key = X509_get0_pubkey(candidate->cert);
    candidate->limited = key && !sg_spend(request->steps, sg_algorithm_cost(key));
    if (candidate->limited)
        return SG_OK;
    return sg_signature_check(request->verifier->libctx, &signer->method, key, over, signer->si->signature,
                              &candidate->answer, err);
}

static enum sg_rc check_value(const struct sg_signature_request *request, const struct sg_signer *signer,
                              struct candidate *candidate, struct sg_err *err)
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

/* --- identification of the signing certificate (§5.2.3) --------------------------------------------------------- */

/* Of the certificates that the SignerIdentifier names, the one that the signed attributes name too; else the one whose
 * key fits. */
static bool is_better(const struct candidate *a, const struct candidate *b)
{
    if (!b->cert || a->matches != b->matches)
        return !b->cert || a->matches;
    return a->answer == SG_SIGNATURE_RIGHT && b->answer != SG_SIGNATURE_RIGHT;
}

static enum sg_rc find_among(const struct sg_signature_request *request, const struct sg_signer *signer,
                             const STACK_OF(X509) *certs, struct candidate *best, struct sg_err *err)
{
    int tried = 0;
    for (int i = 0; i < sk_X509_num(certs) && tried < SG_MAX_SIGNER_CANDIDATES; i++) {
        struct candidate candidate = {.cert = sk_X509_value(certs, i), .answer = SG_SIGNATURE_UNSUPPORTED};
        if (!sg_signer_info_names(signer->si, candidate.cert))
            continue;
        tried++;
        enum sg_rc rc =
            sg_signer_references(signer, candidate.cert, request->verifier->libctx, &candidate.matches, err);
        if (rc == SG_OK)
            rc = check_value(request, signer, &candidate, err);
        if (rc != SG_OK)
            return rc;
        if (is_better(&candidate, best))
            *best = candidate;
        if (best->matches && best->answer == SG_SIGNATURE_RIGHT)
            break;
    }
    return SG_OK;
}

/* --- signature acceptance (§5.2.8) ------------------------------------------------------------------------------ */

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

static enum sg_rc accept_signature(const struct sg_signature_request *request, const struct sg_signer *signer,
                                   struct sg_judgement *judgement, struct sg_err *err)
{
    struct sg_algorithm_answer answer = sg_algorithm_digest(signer->digest_nid, request->at);
    enum sg_rc rc = answer.acceptable ? SG_OK : note_weak(&answer, judgement, err);
    if (rc == SG_OK && signer->method.digest != NID_undef && signer->method.digest != signer->digest_nid) {
        answer = sg_algorithm_digest(signer->method.digest, request->at);
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

/* --- one signer ------------------------------------------------------------------------------------------------- */

/* EN 319 122-1 §6.3, table 1: what B-B requires. */
static bool is_baseline(const struct sg_signer *signer, bool carried)
{
    return signer->has_signed_attrs && signer->message_digest.data && signer->content_type_right &&
           signer->reference_count > 0 && signer->signing_time != SG_TIME_NONE && carried;
}

static enum sg_rc judge_cert(const struct sg_signature_request *request, const struct candidate *found,
                             struct sg_judgement *judgement, struct sg_err *err)
{
    struct sg_cert_request cert = {.cert = found->cert,
                                   .purpose = request->purpose,
                                   .at = request->at,
                                   .steps = request->steps,
                                   .carried = request->carried};
    enum sg_rc rc = SG_OK;
    if (!X509_up_ref(found->cert))
        return sg_fail_memory(err);
    judgement->verdict.signer = found->cert;
    if (!found->matches)
        rc = sg_judgement_note(judgement, SG_SEVERITY_NO_SIGNING_CERTIFICATE, SG_REASON_SIGNING_CERTIFICATE_MISMATCH,
                               err, _("The signed attributes name another certificate than the one that came along."));
    if (rc == SG_OK)
        rc = sg_judge_certificate(request->verifier, &cert, judgement, err);
    return rc;
}

static enum sg_rc find_signer(const struct sg_signature_request *request, const struct sg_signer *signer,
                              struct candidate *found, bool *ret_along, struct sg_err *err)
{
    enum sg_rc rc = find_among(request, signer, sg_cms_certificates(request->cms), found, err);
    *ret_along = found->cert != NULL;
    if (rc == SG_OK && !found->cert)
        rc = find_among(request, signer, sg_trust_intermediates(request->verifier->trust), found, err);
    return rc;
}

enum sg_rc sg_signature_judge(const struct sg_signature_request *request, struct sg_judgement *judgement,
                              struct sg_err *err)
{
    _cleanup_(sg_signer_clear) struct sg_signer signer = {0};
    struct candidate found = {.answer = SG_SIGNATURE_UNSUPPORTED};
    struct sg_verdict *verdict = &judgement->verdict;
    bool content_intact = false, along = false;

    enum sg_rc rc = sg_signer_read(request->cms, request->si, &signer, judgement, err);
    if (rc != SG_OK)
        return rc;
    verdict->covers = "whole file";
    verdict->digest = sg_digest_word(signer.digest_nid);
    verdict->algorithm = signer.method.word;
    verdict->claimed_time = signer.signing_time;
    verdict->best_time = request->at; /* nothing proves an earlier one (EN 319 102-1 §5.3) */

    rc = find_signer(request, &signer, &found, &along, err);
    if (rc == SG_OK)
        rc = check_content(request, &signer, &content_intact, judgement, err);
    if (rc == SG_OK && found.limited)
        rc = sg_judgement_note(judgement, SG_SEVERITY_CRYPTO_CONSTRAINTS, SG_REASON_WORK_LIMIT, err,
                               _("The signature was not checked: the file takes too much work already."));
    else if (rc == SG_OK && found.cert && (signer.has_signed_attrs || request->content->present))
        rc = note_value(&signer, found.answer, judgement, err);
    if (rc == SG_OK && found.cert)
        rc = judge_cert(request, &found, judgement, err);
    else if (rc == SG_OK)
        rc = sg_judgement_note(judgement, SG_SEVERITY_NO_SIGNING_CERTIFICATE, SG_REASON_NO_SIGNER_CERTIFICATE, err,
                               _("The signer's certificate is not here."));
    if (rc == SG_OK)
        rc = accept_signature(request, &signer, judgement, err);
    verdict->intact = content_intact && found.answer == SG_SIGNATURE_RIGHT && !signer.ambiguous;
    verdict->level = is_baseline(&signer, along) ? "B-B" : NULL;
    /* What is not proven is not passed, whatever the steps above said or left out. */
    if (rc == SG_OK && judgement->severity == SG_SEVERITY_NONE && !(verdict->intact && verdict->signer))
        rc = sg_judgement_note(judgement, SG_SEVERITY_FORMAT, SG_REASON_SIGNATURE_MALFORMED, err,
                               _("The signature could not be checked."));
    return rc;
}
