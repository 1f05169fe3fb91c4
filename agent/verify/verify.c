/* A signature file: what its signers' signatures carry is read, the content hashed once for all of them, and each one
 * taken through the validation process (EN 319 102-1 §5.6.3, which takes in §5.5 and §5.3). */
#include <stdio.h>
#include <stdlib.h>

#include <openssl/err.h>

#include "base/limits.h"
#include "base/msg.h"
#include "formats/cms.h"
#include "verify/content.h"
#include "verify/process.h"
#include "verify/signature.h"
#include "verify/verifier.h"

/* A file being judged. */
struct judging {
    struct sg_verifier *verifier;
    struct sg_cms *cms;
    struct sg_content content;
    struct sg_evidence **evidence; /* of each signer */
    size_t signers;
    unsigned steps; /* for all signers of the file together */
};

static void judging_clear(struct judging *judging)
{
    for (size_t i = 0; judging->evidence && i < judging->signers; i++)
        sg_evidence_free(judging->evidence[i]);
    free(judging->evidence);
    sg_cms_free(judging->cms);
}

static enum sg_rc prepare(struct judging *judging, struct sg_input *content, struct sg_err *err)
{
    OSSL_LIB_CTX *libctx = judging->verifier->libctx;
    enum sg_rc rc = SG_OK;
    judging->evidence = calloc(judging->signers, sizeof *judging->evidence);
    if (!judging->evidence)
        return sg_fail_memory(err);
    for (size_t i = 0; rc == SG_OK && i < judging->signers; i++)
        rc = sg_evidence_read(judging->cms, sg_cms_signer(judging->cms, i), libctx, &judging->evidence[i], err);
    if (rc == SG_OK)
        rc = sg_content_hash(judging->cms, content, &(struct sg_content_evidence){judging->evidence, judging->signers},
                             libctx, &judging->content, err);
    return rc;
}

static enum sg_rc note_unreadable(const struct judging *judging, const struct sg_evidence *evidence,
                                  const struct sg_carried *carried, struct sg_judgement *judgement, struct sg_err *err)
{
    if (sg_cms_unreadable_count(judging->cms) == 0 && sg_evidence_malformed_count(evidence) == 0 && !carried->left_out)
        return SG_OK;
    return sg_judgement_note(judgement, SG_SEVERITY_NONE, SG_REASON_CERTIFICATES_UNREADABLE, err,
                             _("Some of what the signature carries beside it cannot be read and was left out."));
}

/* The processes, each of which begins with the answer of the one before. */
static enum sg_rc run_processes(struct sg_process *process, struct sg_judgement *judgement, struct sg_err *err)
{
    const char *level = judgement->verdict.level;
    enum sg_rc rc = sg_process_content_stamps(process, judgement, err);
    if (rc == SG_OK)
        rc = sg_process_stamp_order(process, judgement, err);
    if (rc == SG_OK)
        rc = sg_process_time(process, judgement, err);
    if (rc == SG_OK)
        rc = sg_process_archive(process, judgement, err);
    if (rc == SG_OK && level)
        rc = sg_process_level(process, judgement, &level, err);
    judgement->verdict.level = level;
    if (rc == SG_OK)
        rc = sg_process_hand_over(process, judgement, err);
    return rc;
}

static enum sg_rc judge_signer(struct judging *judging, size_t index, struct sg_judgement *judgement,
                               struct sg_err *err)
{
    struct sg_verifier *verifier = judging->verifier;
    struct sg_evidence *evidence = judging->evidence[index];
    _cleanup_(sg_carried_clear) struct sg_carried carried = {0};
    _cleanup_(sg_process_clear) struct sg_process process = {0};
    const struct sg_signature_request request = {.verifier = verifier,
                                                 .cms = judging->cms,
                                                 .si = sg_cms_signer(judging->cms, index),
                                                 .content = &judging->content,
                                                 .carried = &carried,
                                                 .purpose = SG_CERT_SIGN,
                                                 .at = verifier->at,
                                                 .steps = &judging->steps};
    enum sg_rc rc = sg_carried_make(verifier->libctx, evidence, &carried, err);
    if (rc == SG_OK)
        rc = sg_signature_judge(&request, judgement, err);
    if (rc == SG_OK)
        rc = sg_process_make(&request, evidence, &carried, &process, err);
    if (rc == SG_OK)
        rc = run_processes(&process, judgement, err);
    if (rc == SG_OK)
        rc = note_unreadable(judging, evidence, &carried, judgement, err);
    return rc;
}

static enum sg_rc judge_all(struct judging *judging, struct sg_report *report, struct sg_err *err)
{
    for (size_t i = 0; i < judging->signers; i++) {
        _cleanup_(sg_judgement_clear) struct sg_judgement judgement;
        sg_judgement_init(&judgement);
        enum sg_rc rc = judge_signer(judging, i, &judgement, err);
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
    _cleanup_(judging_clear) struct judging judging = {.verifier = verifier, .steps = SG_MAX_PATH_STEPS};
    bool is_cms = false;
    enum sg_rc rc = sg_cms_probe(signature, &is_cms, err);
    if (rc == SG_OK && is_cms)
        rc = sg_cms_read(signature, verifier->libctx, verifier->certs, &judging.cms, err);
    if (rc == SG_OK && judging.cms)
        judging.signers = sg_cms_signer_count(judging.cms);
    bool any = judging.signers > 0;
    if (rc == SG_OK)
        rc = sg_report_new(verifier->libctx, sg_input_name(signature), any ? "CAdES" : NULL, judging.signers, &report,
                           err);
    if (rc == SG_OK)
        report->at = verifier->at;
    if (rc == SG_OK && any)
        rc = prepare(&judging, content, err);
    if (rc == SG_OK && any)
        rc = judge_all(&judging, report, err);
    if (rc == SG_OK && any)
        rc = sg_input_check_unchanged(signature, err);
    ERR_clear_error(); /* what OpenSSL said on the way is in the verdict */
    if (rc == SG_OK)
        *ret = sg_steal(report);
    return rc;
}
