/* A CMS: what its signers' signatures carry is read, the content hashed once for all of them, and each one taken
 * through the validation process. */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/msg.h"
#include "formats/cms.h"
#include "verify/cms_judging.h"
#include "verify/process.h"
#include "verify/signature.h"

/* A CMS being judged. */
struct judging {
    struct sg_cms_judging shared;
    const struct sg_cms_file *file;
    struct sg_content content;
    struct sg_evidence **evidence; /* of each signer */
    size_t signers;
};

static void judging_clear(struct judging *judging)
{
    for (size_t i = 0; judging->evidence && i < judging->signers; i++)
        sg_evidence_free(judging->evidence[i]);
    free(judging->evidence);
    sg_cms_free(judging->shared.cms);
}

static enum sg_rc prepare(struct judging *judging, struct sg_err *err)
{
    OSSL_LIB_CTX *libctx = judging->shared.verifier->libctx;
    enum sg_rc rc = SG_OK;
    judging->evidence = calloc(judging->signers, sizeof *judging->evidence);
    if (!judging->evidence)
        return sg_fail_memory(err);
    for (size_t i = 0; rc == SG_OK && i < judging->signers; i++)
        rc = sg_evidence_read_with(judging->shared.cms, sg_cms_signer(judging->shared.cms, i), judging->file->beside,
                                   libctx, &judging->evidence[i], err);
    if (rc == SG_OK)
        rc = sg_content_hash(judging->shared.cms, judging->file->content,
                             &(struct sg_content_evidence){judging->evidence, judging->signers}, libctx,
                             &judging->content, err);
    return rc;
}

static enum sg_rc note_unreadable(const struct sg_cms_judging *judging, const struct sg_evidence *evidence,
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

enum sg_rc sg_judge_signer_info(const struct sg_cms_judging *judging, const struct sg_cms_judged *judged,
                                struct sg_judgement *judgement, struct sg_err *err)
{
    struct sg_verifier *verifier = judging->verifier;
    _cleanup_(sg_carried_clear) struct sg_carried carried = {0};
    _cleanup_(sg_process_clear) struct sg_process process = {0};
    const struct sg_signature_request request = {.verifier = verifier,
                                                 .cms = judging->cms,
                                                 .si = judged->si,
                                                 .content = judged->content,
                                                 .carried = &carried,
                                                 .purpose = SG_CERT_SIGN,
                                                 .at = verifier->at,
                                                 .claimed_time = judged->claimed_time,
                                                 .countersignature = judged->countersignature,
                                                 .steps = judging->steps};
    enum sg_rc rc = sg_carried_make(verifier->libctx, judged->evidence, &carried, err);
    if (rc == SG_OK)
        rc = sg_signature_judge(&request, judgement, err);
    if (rc == SG_OK)
        rc = sg_process_make(&request, judged->evidence, &carried, &process, err);
    if (rc == SG_OK)
        rc = run_processes(&process, judgement, err);
    if (rc == SG_OK)
        rc = note_unreadable(judging, judged->evidence, &carried, judgement, err);
    return rc;
}

/* What the format knows of it besides. */
static enum sg_rc hear_format(const struct judging *judging, size_t index, struct sg_judgement *judgement,
                              struct sg_err *err)
{
    const struct sg_cms_file *file = judging->file;
    if (file->covers && !(judgement->verdict.covers = strdup(file->covers)))
        return sg_fail_memory(err);
    return file->judged ? file->judged(file->context, sg_cms_signer(judging->shared.cms, index), judgement, err)
                        : SG_OK;
}

static enum sg_rc judge_signer(struct judging *judging, size_t index, struct sg_report *report, struct sg_err *err)
{
    _cleanup_(sg_judgement_clear) struct sg_judgement judgement;
    const struct sg_cms_judged judged = {.si = sg_cms_signer(judging->shared.cms, index),
                                         .evidence = judging->evidence[index],
                                         .content = &judging->content,
                                         .claimed_time = judging->file->claimed_time};
    sg_judgement_init(&judgement);
    enum sg_rc rc = sg_judge_signer_info(&judging->shared, &judged, &judgement, err);
    if (rc == SG_OK)
        rc = hear_format(judging, index, &judgement, err);
    if (rc == SG_OK)
        rc = sg_report_add(report, &judgement, err);
    if (rc != SG_OK)
        return rc;
    const char *number = report->verdicts[report->verdict_count - 1].id;
    return sg_judge_countersignatures(&judging->shared, judged.si, number, report, err);
}

static enum sg_rc judge_all(struct judging *judging, struct sg_report *report, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    for (size_t i = 0; rc == SG_OK && i < judging->signers; i++)
        rc = judge_signer(judging, i, report, err);
    return rc;
}

enum sg_rc sg_judge_cms(struct sg_file_judging *whole, const struct sg_cms_file *file, struct sg_err *err)
{
    struct sg_verifier *verifier = whole->verifier;
    _cleanup_(judging_clear) struct judging judging = {.shared = {.verifier = verifier, .steps = &whole->steps},
                                                       .file = file};
    enum sg_rc rc = sg_cms_read(file->cms, verifier->libctx, verifier->certs, &judging.shared.cms, err);
    if (rc != SG_OK)
        return rc;
    judging.signers = sg_cms_signer_count(judging.shared.cms);
    if (judging.signers == 0)
        return SG_OK;
    rc = prepare(&judging, err);
    if (rc == SG_OK)
        rc = judge_all(&judging, whole->report, err);
    return rc;
}

/* --- the format: a file that is a CMS, with the content in it or beside it -------------------------------------------
 */

static enum sg_rc judge_file(struct sg_file_judging *judging, struct sg_input *input, struct sg_input *content,
                             struct sg_err *err)
{
    const struct sg_source source = content ? sg_input_source(content) : (struct sg_source){0};
    const struct sg_cms_file file = {.cms = input, .content = content ? &source : NULL, .covers = "whole file"};
    enum sg_rc rc = sg_judge_cms(judging, &file, err);
    if (rc == SG_OK && judging->report->verdict_count > 0)
        judging->report->format = "CAdES";
    return rc;
}

const struct sg_format sg_format_cms = {.probe = sg_cms_probe, .judge = judge_file};
