/* PAdES (EN 319 142-1): the signatures of a PDF, the revision that each covers, and what came after that. */
#include <stdlib.h>
#include <string.h>

#include <openssl/obj_mac.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/msg.h"
#include "formats/cms.h"
#include "formats/pades.h"
#include "formats/pdf_overlap.h"
#include "formats/pdf_permissions.h"
#include "verify/pdf_file.h"

#define BASELINE "ETSI.CAdES.detached" /* the /SubFilter of PAdES (EN 319 142-1 §6.2.1) */
#define AT_ONCE (4 * SG_MIB)           /* a PDF of up to this is read in one piece */

static void pdf_file_clear(struct sg_pdf_file *file)
{
    for (size_t i = 0; file->found && i < file->signatures.count; i++) {
        free(file->found[i].why_range);
        sg_report_free(file->found[i].report);
    }
    for (size_t i = 0; file->steps && i < file->revisions.count; i++)
        sg_pdf_changes_clear(&file->steps[i]);
    free(file->found);
    free(file->steps);
    sg_pdf_dss_clear(&file->dss);
    sg_pdf_signatures_clear(&file->signatures);
    sg_pdf_revisions_clear(&file->revisions);
    sg_pdf_free(file->pdf);
}

/* --- revisions ------------------------------------------------------------------------------------------------------
 */

/* The dictionary has to be in the revision that its signature covers, at the same place, and the field's there. */
static enum sg_rc check_dictionary(struct sg_pdf *revision, const struct sg_pdf_signature *signature,
                                   struct sg_pdf_found *found, struct sg_err *err)
{
    const struct sg_pdf_value *field = NULL, *dictionary = NULL;
    enum sg_rc rc = sg_pdf_object(revision, signature->field, &field, err);
    const struct sg_pdf_value *value = rc == SG_OK ? sg_pdf_get(field, "V") : NULL;
    bool direct = value && value->type != SG_PDF_REFERENCE;
    bool same = value &&
                (direct ? signature->id.number == 0
                        : value->id.number == signature->id.number && value->id.generation == signature->id.generation);
    if (same)
        rc = sg_pdf_resolve(revision, value, &dictionary, err);
    const struct sg_pdf_value *contents = rc == SG_OK ? sg_pdf_get(dictionary, "Contents") : NULL;
    if (rc == SG_OK && (!contents || contents->offset != signature->contents) &&
        !(found->why_range = strdup(_("The signature is not one of the revision that it covers."))))
        rc = sg_fail_memory(err);
    return rc;
}

/* What the signature leaves out can be changed as far as the CMS is, by unsigned attributes and white space: nothing
 * else of the revision may reach there. (What later revisions add is compared, and is no part of what was signed.) */
static enum sg_rc check_overlap(struct sg_pdf *revision, const struct sg_pdf_signature *signature,
                                struct sg_pdf_found *found, struct sg_err *err)
{
    struct sg_pdf_overlap overlap;
    int holder = signature->id.number ? signature->id.number : signature->field.number, n = 0;
    enum sg_rc rc = sg_pdf_find_overlap(revision, holder, signature->range[1], signature->range[2], &overlap, err);
    if (rc != SG_OK || !overlap.found)
        return rc;
    if (overlap.number == 0)
        n = asprintf(&found->why_range,
                     _("A cross-reference of the PDF may reach into what the signature leaves out of the file."));
    else
        n = asprintf(&found->why_range, _("Object %d may reach into what the signature leaves out of the file."),
                     overlap.number);
    if (n >= 0)
        return SG_OK;
    found->why_range = NULL;
    return sg_fail_memory(err);
}

/* What each signature that covers this revision has to know of it; and its evidence. `newer`: the next one, or NULL. */
static enum sg_rc look_at_revision(struct sg_pdf_file *file, struct sg_pdf *revision, struct sg_pdf *newer,
                                   size_t index, struct sg_err *err)
{
    int level = 0;
    enum sg_rc rc = sg_pdf_certification(revision, &level, err);
    if (rc == SG_OK)
        rc = sg_pdf_dss_read(&file->dss, revision, newer, index, err);
    for (size_t i = 0; rc == SG_OK && i < file->signatures.count; i++) {
        struct sg_pdf_found *found = &file->found[i];
        if (found->why_range || found->revision != index)
            continue;
        found->level = level;
        rc = check_dictionary(revision, &file->signatures.list[i], found, err);
        if (rc == SG_OK && !found->why_range)
            rc = check_overlap(revision, &file->signatures.list[i], found, err);
        if (rc == SG_OK && !found->why_range)
            rc = sg_pdf_limit_level(revision, &file->signatures.list[i], &found->level, err);
    }
    return rc;
}

static enum sg_rc open_revision(struct sg_pdf_file *file, size_t index, struct sg_pdf **ret, struct sg_err *err)
{
    struct sg_pdf_revision *revision = &file->revisions.list[index];
    if (revision->pdf) {
        *ret = sg_steal(revision->pdf);
        return SG_OK;
    }
    return sg_pdf_open(file->input, revision->end, ret, err);
}

/* From the newest back to the oldest that a signature covers. */
static enum sg_rc compare_revisions(struct sg_pdf_file *file, struct sg_err *err)
{
    _cleanup_(sg_pdf_freep) struct sg_pdf *later = NULL;
    size_t index = file->revisions.count - 1, first = index;
    for (size_t i = 0; i < file->signatures.count; i++)
        if (!file->found[i].why_range && file->found[i].revision < first)
            first = file->found[i].revision;
    enum sg_rc rc = look_at_revision(file, file->pdf, NULL, index, err);
    while (rc == SG_OK && index-- > first) {
        struct sg_pdf *earlier = NULL, *newer = later ? later : file->pdf;
        rc = open_revision(file, index, &earlier, err);
        if (rc == SG_OK)
            sg_pdf_share(earlier, file->pdf);
        if (rc == SG_OK)
            rc = sg_pdf_compare(earlier, newer, &file->steps[index], err);
        if (rc == SG_OK)
            rc = look_at_revision(file, earlier, newer, index, err);
        sg_pdf_free(later);
        later = earlier;
    }
    return rc;
}

/* --- the CMS in /Contents -------------------------------------------------------------------------------------------
 */

struct signature_file {
    struct sg_pdf_file *file;
    size_t index;
};

/* EN 319 142-1 §6.3: the levels are those of one kind; its time is in the dictionary, and in no attribute. */
static enum sg_rc note_signing_time(const struct sg_pdf_signature *signature, const struct sg_signer_info *si,
                                    struct sg_judgement *judgement, struct sg_err *err)
{
    const struct sg_attribute *attribute = NULL;
    size_t count = sg_attributes_find(si->signed_attrs, si->signed_attr_count, NID_pkcs9_signingTime, &attribute);
    if (strcmp(signature->sub_filter, BASELINE) != 0) {
        judgement->verdict.level = NULL;
        return SG_OK;
    }
    if (count == 0)
        return SG_OK;
    return sg_judgement_note(judgement, SG_SEVERITY_NONE, SG_REASON_PDF_SIGNING_TIME, err,
                             _("The signature has a signing-time attribute, which a PAdES signature may not have."));
}

/* What says /ByteRange and belongs to no signature: some readers may take it for one. */
static enum sg_rc note_unreached(const struct sg_pdf_file *file, struct sg_judgement *judgement, struct sg_err *err)
{
    if (file->unreached == 0)
        return SG_OK;
    return sg_judgement_note(
        judgement, SG_SEVERITY_NONE, SG_REASON_PDF_NOT_REACHED, err,
        _("Something that looks like a signature, at octet %llu, is not one of the PDF's form, and "
          "was not judged."),
        (unsigned long long)file->unreached);
}

static enum sg_rc note_all(struct sg_pdf_file *file, size_t index, struct sg_judgement *judgement, struct sg_err *err)
{
    const struct sg_pdf_found *found = &file->found[index];
    enum sg_rc rc = note_unreached(file, judgement, err);
    if (rc != SG_OK)
        return rc;
    if (found->why_range)
        return sg_judgement_note(judgement, SG_SEVERITY_FORMAT, SG_REASON_PDF_RANGE, err, "%s", found->why_range);
    return sg_pdf_note_changes(file, found, judgement, err);
}

static enum sg_rc judged(void *context, const struct sg_signer_info *si, struct sg_judgement *judgement,
                         struct sg_err *err)
{
    const struct signature_file *signature = context;
    struct sg_pdf_file *file = signature->file;
    enum sg_rc rc = note_signing_time(&file->signatures.list[signature->index], si, judgement, err);
    if (rc == SG_OK)
        rc = note_all(file, signature->index, judgement, err);
    if (rc == SG_OK)
        rc = sg_pdf_add_stamps(file, &file->found[signature->index], &judgement->verdict, err);
    return rc;
}

/* --- signatures -----------------------------------------------------------------------------------------------------
 */

static enum sg_rc covers(const struct sg_pdf_file *file, const struct sg_pdf_found *found, char **ret,
                         struct sg_err *err)
{
    size_t count = file->revisions.count;
    int n = 0;
    if (found->why_range)
        return SG_OK;
    if (found->revision == count - 1 && !file->trailing)
        n = asprintf(ret, "whole file");
    else
        n = asprintf(ret, "revision %zu of %zu%s", found->revision + 1, count,
                     found->revision == count - 1 ? ", and not what stands behind it" : "");
    if (n >= 0)
        return SG_OK;
    *ret = NULL;
    return sg_fail_memory(err);
}

/* A verdict on what is not judged any further. */
static enum sg_rc add_unjudged(struct sg_pdf_file *file, size_t index, enum sg_severity severity,
                               enum sg_reason_code code, const char *text, struct sg_err *err)
{
    _cleanup_(sg_judgement_clear) struct sg_judgement judgement;
    sg_judgement_init(&judgement);
    judgement.verdict.claimed_time = file->signatures.list[index].signing_time;
    enum sg_rc rc = covers(file, &file->found[index], &judgement.verdict.covers, err);
    if (rc == SG_OK)
        rc = sg_judgement_note(&judgement, severity, code, err, "%s", text);
    if (rc == SG_OK)
        rc = note_all(file, index, &judgement, err);
    return rc == SG_OK ? sg_report_add(file->judging->report, &judgement, err) : rc;
}

/* EN 319 142-1 §6.2: what is signed stands in the file, never in the CMS; one signer. `*ret_why` NULL: so it is. */
static enum sg_rc check_cms(struct sg_pdf_file *file, struct sg_input *input, const char **ret_why, struct sg_err *err)
{
    struct sg_verifier *verifier = file->judging->verifier;
    _cleanup_(sg_cms_freep) struct sg_cms *cms = NULL;
    enum sg_rc rc = sg_cms_read(input, verifier->libctx, verifier->certs, &cms, err);
    *ret_why = NULL;
    if (rc == SG_E_MALFORMED || rc == SG_E_LIMIT) {
        *ret_why = _("What stands in the signature's /Contents cannot be read as a CMS signature.");
        return SG_OK;
    }
    if (rc == SG_OK && !sg_cms_is_detached(cms))
        *ret_why = _("The signature carries content of its own, which one in a PDF may not.");
    else if (rc == SG_OK && sg_cms_signer_count(cms) != 1)
        *ret_why = _("The signature has not exactly one signer, as one in a PDF must.");
    return rc;
}

static enum sg_rc judge_cms(struct sg_pdf_file *file, size_t index, struct sg_input *input, struct sg_err *err)
{
    const struct sg_pdf_signature *signature = &file->signatures.list[index];
    struct sg_pdf_ranges ranges = {file->input, signature};
    struct signature_file context = {.file = file, .index = index};
    const struct sg_source source = {sg_pdf_ranges_stream, &ranges};
    _cleanup_(freep) char *covered = NULL;
    _cleanup_(sg_pdf_evidence_clear) struct sg_pdf_evidence evidence = {0};
    enum sg_rc rc = covers(file, &file->found[index], &covered, err);
    if (rc == SG_OK)
        rc = sg_pdf_evidence_for(file, index, &evidence, err);
    const struct sg_cms_file cms = {.cms = input,
                                    .beside = &evidence.beside,
                                    .content = sg_pdf_ranges_usable(file->input, signature) ? &source : NULL,
                                    .covers = covered,
                                    .claimed_time =
                                        signature->signing_time == SG_TIME_NONE ? 0 : signature->signing_time,
                                    .judged = judged,
                                    .context = &context};
    return rc == SG_OK ? sg_judge_cms(file->judging, &cms, err) : rc;
}

static bool is_known(const char *sub_filter)
{
    return strcmp(sub_filter, BASELINE) == 0 || strcmp(sub_filter, "adbe.pkcs7.detached") == 0;
}

static enum sg_rc judge_signature(struct sg_pdf_file *file, size_t index, struct sg_err *err)
{
    const struct sg_pdf_signature *signature = &file->signatures.list[index];
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    const char *why = NULL;
    size_t len = 0;
    if (!is_known(signature->sub_filter)) {
        _cleanup_(freep) char *text = NULL;
        if (asprintf(&text, _("Signatures of the kind \"%.60s\" are not judged."), signature->sub_filter) < 0) {
            text = NULL;
            return sg_fail_memory(err);
        }
        file->found[index].unknown_kind = true;
        return add_unjudged(file, index, SG_SEVERITY_SIG_CONSTRAINTS, SG_REASON_PDF_KIND, text, err);
    }
    enum sg_rc rc = sg_pdf_cms_length(signature->cms, &len, err);
    if (rc == SG_OK && len == 0)
        why = _("The signature's /Contents is not one CMS signature, filled up with zeros.");
    if (rc == SG_OK && !why)
        rc = sg_input_from_slice(sg_input_name(file->input), (struct sg_slice){signature->cms.data, len}, &input, err);
    if (rc == SG_OK && !why)
        rc = check_cms(file, input, &why, err);
    if (rc != SG_OK)
        return rc;
    if (why)
        return add_unjudged(file, index, SG_SEVERITY_FORMAT, SG_REASON_SIGNATURE_MALFORMED, why, err);
    return judge_cms(file, index, input, err);
}

/* A document with time-stamps and no signature: each of them is an answer. */
static enum sg_rc judge_lone_stamp(struct sg_pdf_file *file, size_t index, struct sg_err *err)
{
    _cleanup_(sg_judgement_clear) struct sg_judgement judgement;
    _cleanup_(sg_timestamp_clear) struct sg_timestamp stamp = {
        .kind = "document", .time = SG_TIME_NONE, .accuracy = -1};
    sg_judgement_init(&judgement);
    enum sg_rc rc = sg_pdf_judge_stamp(file, index, &stamp, &judgement, err);
    if (rc == SG_OK)
        rc = covers(file, &file->found[index], &judgement.verdict.covers, err);
    if (rc == SG_OK && !file->found[index].why_range)
        rc = sg_pdf_note_changes(file, &file->found[index], &judgement, err);
    judgement.verdict.best_time = stamp.time;
    return rc == SG_OK ? sg_report_add(file->judging->report, &judgement, err) : rc;
}

/* Into a report of its own. */
static enum sg_rc judge_apart(struct sg_pdf_file *file, size_t index, bool lone, struct sg_err *err)
{
    struct sg_file_judging *judging = file->judging;
    struct sg_pdf_found *found = &file->found[index];
    struct sg_report *whole = judging->report;
    enum sg_rc rc = sg_report_new(judging->verifier->libctx, sg_input_name(file->input), judging->verifier->at,
                                  &found->report, err);
    if (rc != SG_OK)
        return rc;
    judging->report = found->report;
    rc = lone ? judge_lone_stamp(file, index, err) : judge_signature(file, index, err);
    judging->report = whole;
    found->intact = !found->why_range && found->report->verdict_count > 0 && found->report->verdicts[0].intact;
    return rc;
}

/* The newest first, since what one may have put into the file depends on whether it is a signature; then they are told
 * in their order. */
static enum sg_rc judge_all(struct sg_pdf_file *file, struct sg_err *err)
{
    size_t signatures = 0;
    enum sg_rc rc = SG_OK;
    for (size_t i = 0; i < file->signatures.count; i++)
        signatures += !file->signatures.list[i].is_timestamp;
    for (size_t i = file->signatures.count; rc == SG_OK && i-- > 0;) {
        bool stamp = file->signatures.list[i].is_timestamp;
        if (!stamp || signatures == 0)
            rc = judge_apart(file, i, stamp, err);
    }
    for (size_t i = 0; rc == SG_OK && i < file->signatures.count; i++)
        if (file->found[i].report)
            rc = sg_report_append(file->judging->report, file->found[i].report, err);
    return rc;
}

/* --- the file -------------------------------------------------------------------------------------------------------
 */

/* A dictionary's /ByteRange, and what was found in the file: the key stands shortly in front of its value. */
static bool is_known_range(const struct sg_pdf_file *file, uint64_t at)
{
    for (size_t i = 0; i < file->signatures.count; i++) {
        const struct sg_pdf_value *range = sg_pdf_get(file->signatures.list[i].dictionary, "ByteRange");
        if (range && range->offset != SG_PDF_NO_OFFSET && range->offset > at && range->offset - at < 32)
            return true;
    }
    return false;
}

static void find_unreached(struct sg_pdf_file *file)
{
    for (size_t i = 0; file->unreached == 0 && i < file->revisions.range_count; i++)
        if (!is_known_range(file, file->revisions.ranges[i]))
            file->unreached = file->revisions.ranges[i];
}

static enum sg_rc prepare(struct sg_pdf_file *file, struct sg_err *err)
{
    const struct sg_pdf_revision *newest = NULL;
    bool blank = true;
    file->found = calloc(file->signatures.count, sizeof(*file->found));
    file->steps = calloc(file->revisions.count, sizeof(*file->steps));
    if (!file->found || !file->steps)
        return sg_fail_memory(err);
    newest = &file->revisions.list[file->revisions.count - 1];
    enum sg_rc rc = sg_pdf_is_blank(file->input, newest->end, sg_input_size(file->input), &blank, err);
    file->trailing = !blank;
    find_unreached(file);
    for (size_t i = 0; rc == SG_OK && i < file->signatures.count; i++)
        rc = sg_pdf_ranges_check(file->input, &file->signatures.list[i], &file->revisions, &file->found[i].revision,
                                 &file->found[i].why_range, err);
    return rc == SG_OK ? compare_revisions(file, err) : rc;
}

static enum sg_rc judge_revisions(struct sg_pdf_file *file, struct sg_err *err)
{
    enum sg_rc rc = sg_pdf_open(file->input, sg_input_size(file->input), &file->pdf, err);
    if (rc == SG_OK)
        rc = sg_pdf_signatures_read(file->pdf, &file->signatures, err);
    if (rc == SG_OK && file->signatures.count == 0)
        return sg_pades_check(file->pdf, sg_input_name(file->input), err); /* no signature, if it is no broken PDF */
    if (rc != SG_OK)
        return rc;
    file->judging->report->format = "PAdES";
    rc = sg_pdf_revisions_read(file->pdf, file->input, &file->revisions, err);
    if (rc == SG_OK)
        rc = prepare(file, err);
    return rc == SG_OK ? judge_all(file, err) : rc;
}

/* Every revision leads to places all over the file: one that is not large is read once. */
static enum sg_rc hold(struct sg_input *input, struct sg_buf *bytes, struct sg_input **ret, struct sg_err *err)
{
    enum sg_rc rc = sg_input_read_all(input, bytes, err);
    return rc == SG_OK ? sg_input_from_slice(sg_input_name(input), sg_buf_slice(bytes), ret, err) : rc;
}

static enum sg_rc judge_file(struct sg_file_judging *judging, struct sg_input *input, struct sg_input *content,
                             struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf bytes = SG_BUF(AT_ONCE);
    _cleanup_(sg_input_freep) struct sg_input *held = NULL;
    _cleanup_(pdf_file_clear) struct sg_pdf_file file = {
        .judging = judging, .input = input, .evidence_left = SG_MAX_PDF_EVIDENCE_GIVEN};
    (void)content; /* the signed content is in the file */
    enum sg_rc rc = sg_input_size(input) <= AT_ONCE ? hold(input, &bytes, &held, err) : SG_OK;
    file.input = held ? held : input;
    if (rc == SG_OK)
        rc = judge_revisions(&file, err);
    if (rc != SG_OK && err && err->file[0] == '\0')
        sg_err_file(err, sg_input_name(input));
    return rc;
}

const struct sg_format sg_format_pdf = {.probe = sg_pdf_probe, .preload = sg_pdf_preload, .judge = judge_file};
