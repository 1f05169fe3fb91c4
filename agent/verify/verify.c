/* The validation process for basic signatures (EN 319 102-1 §5.3), one SignerInfo at a time. */
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>

#include "base/limits.h"
#include "base/msg.h"
#include "formats/cms.h"
#include "verify/content.h"
#include "verify/signature.h"
#include "verify/timestamp.h"
#include "verify/verifier.h"

static enum sg_rc judge_all(struct sg_verifier *verifier, struct sg_cms *cms, const struct sg_content *content,
                            struct sg_report *report, struct sg_err *err)
{
    unsigned steps = SG_MAX_PATH_STEPS; /* for all signers of the file together */
    _cleanup_(sg_carried_clear) struct sg_carried carried = {0};
    enum sg_rc made = sg_carried_make(verifier->libctx, sg_cms_certificates(cms), sg_cms_crls(cms), &carried, err);
    if (made != SG_OK)
        return made;
    bool unreadable = sg_cms_unreadable_count(cms) > 0 || carried.crls_left_out;
    struct sg_signature_request request = {.verifier = verifier,
                                           .cms = cms,
                                           .content = content,
                                           .carried = &carried,
                                           .purpose = SG_CERT_SIGN,
                                           .at = verifier->at,
                                           .steps = &steps};
    for (size_t i = 0; i < report->verdict_count; i++) {
        _cleanup_(sg_judgement_clear) struct sg_judgement judgement;
        sg_judgement_init(&judgement);
        request.si = sg_cms_signer(cms, i);
        enum sg_rc rc = sg_signature_judge(&request, &judgement, err);
        if (rc == SG_OK)
            rc = sg_signature_timestamps(&request, &judgement, err);
        if (rc == SG_OK && unreadable)
            rc = sg_judgement_note(&judgement, SG_SEVERITY_NONE, SG_REASON_CERTIFICATES_UNREADABLE, err,
                                   _("Some certificates or CRLs in the signature cannot be read and were left out."));
        if (rc != SG_OK)
            return rc;
        if (asprintf(&judgement.verdict.id, "%zu", i + 1) < 0) {
            judgement.verdict.id = NULL;
            return sg_fail_memory(err);
        }
        report->verdicts[i] = judgement.verdict;
        sg_judgement_init(&judgement);
    }
    return SG_OK;
}

enum sg_rc sg_verify_file(struct sg_verifier *verifier, struct sg_input *signature, struct sg_input *content,
                          struct sg_report **ret, struct sg_err *err)
{
    _cleanup_(sg_report_freep) struct sg_report *report = NULL;
    _cleanup_(sg_cms_freep) struct sg_cms *cms = NULL;
    struct sg_content digests = {0};
    bool is_cms = false;
    size_t signers = 0;
    enum sg_rc rc = sg_cms_probe(signature, &is_cms, err);
    if (rc == SG_OK && is_cms)
        rc = sg_cms_read(signature, verifier->libctx, verifier->certs, &cms, err);
    if (rc == SG_OK && cms)
        signers = sg_cms_signer_count(cms);
    if (rc == SG_OK)
        rc = sg_report_new(verifier->libctx, sg_input_name(signature), signers ? "CAdES" : NULL, signers, &report, err);
    if (rc == SG_OK)
        report->at = verifier->at;
    if (rc == SG_OK && signers)
        rc = sg_content_hash(cms, content, NULL, verifier->libctx, &digests, err);
    if (rc == SG_OK && signers)
        rc = judge_all(verifier, cms, &digests, report, err);
    if (rc == SG_OK && signers)
        rc = sg_input_check_unchanged(signature, err);
    ERR_clear_error(); /* what OpenSSL said on the way is in the verdict */
    if (rc == SG_OK)
        *ret = sg_steal(report);
    return rc;
}
