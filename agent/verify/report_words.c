#include "verify/report_words.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/msg.h"
#include "verify/verdict.h"

const char *sg_headline(enum sg_indication indication)
{
    switch (indication) {
    case SG_TOTAL_PASSED:
        return _("VALID");
    case SG_TOTAL_FAILED:
        return _("NOT VALID");
    case SG_INDETERMINATE:
        break;
    }
    return _("CANNOT TELL");
}

const char *sg_file_answer_word(enum sg_file_answer answer)
{
    switch (answer) {
    case SG_FILE_VALID:
        return sg_headline(SG_TOTAL_PASSED);
    case SG_FILE_NOT_VALID:
        return sg_headline(SG_TOTAL_FAILED);
    case SG_FILE_CANNOT_TELL:
        return sg_headline(SG_INDETERMINATE);
    default:
        return _("NOT JUDGED");
    }
}

/* EN 319 102-1 §5.1.3, table 6. */
const char *sg_sub_indication_meaning(enum sg_sub_indication sub)
{
    switch (sub) {
    case SG_SUB_NONE:
        break;
    case SG_SUB_FORMAT_FAILURE:
        return _("It is not built as a signature has to be, so it proves nothing.");
    case SG_SUB_HASH_FAILURE:
        return _("The document is not the one that was signed.");
    case SG_SUB_SIG_CRYPTO_FAILURE:
        return _("The signature was changed, or was not made with the key of the certificate that it names.");
    case SG_SUB_REVOKED:
        return _("The certificate was revoked before the signature was made.");
    case SG_SUB_EXPIRED:
        return _("The certificate had ended before the signature was made.");
    case SG_SUB_NOT_YET_VALID:
        return _("The certificate began only after the signature was made.");
    case SG_SUB_NO_SIGNING_CERTIFICATE_FOUND:
        return _("The signer's certificate is not here, or is not the one that the signature names.");
    case SG_SUB_NO_CERTIFICATE_CHAIN_FOUND:
        return _("No CA that is trusted here vouches for the signer's certificate.");
    case SG_SUB_CERTIFICATE_CHAIN_GENERAL_FAILURE:
        return _("The signer's certificate could not be checked to the end.");
    case SG_SUB_CHAIN_CONSTRAINTS_FAILURE:
        return _("The certificates do not allow this use: a usage, a name or a policy forbids it.");
    case SG_SUB_OUT_OF_BOUNDS_NO_POE:
        return _("The certificate is not valid now, and nothing proves that it was when the signature was made.");
    case SG_SUB_OUT_OF_BOUNDS_NOT_REVOKED:
        return _("The certificate is not valid now. It was not revoked while it was, but nothing proves that the "
                 "signature was made then.");
    case SG_SUB_REVOKED_NO_POE:
        return _("The signer's certificate is revoked, and nothing proves that the signature was made before.");
    case SG_SUB_REVOKED_CA_NO_POE:
        return _("A CA's certificate is revoked, and nothing proves that the signature was made before.");
    case SG_SUB_TRY_LATER:
        return _("What is known about revocation does not decide it yet; newer data will.");
    case SG_SUB_REVOCATION_OUT_OF_BOUNDS_NO_POE:
        return _("Revocation data is signed with a certificate that is not valid now, and nothing proves that the data "
                 "was there while it was.");
    case SG_SUB_CRYPTO_CONSTRAINTS_FAILURE:
        return _("An algorithm or a key was not trusted any more when it was used.");
    case SG_SUB_CRYPTO_CONSTRAINTS_FAILURE_NO_POE:
        return _("An algorithm or a key is not trusted any more, and nothing proves that it was when it was used.");
    case SG_SUB_SIG_CONSTRAINTS_FAILURE:
        return _("The signature lacks something that is required of it.");
    case SG_SUB_SIGNED_DATA_NOT_FOUND:
        return _("The document that was signed is not here.");
    case SG_SUB_POLICY_PROCESSING_ERROR:
        return _("The signature policy that it names cannot be applied.");
    case SG_SUB_SIGNATURE_POLICY_NOT_AVAILABLE:
        return _("The signature policy that it names is not here.");
    case SG_SUB_TIMESTAMP_ORDER_FAILURE:
        return _("Its time-stamps contradict each other: one is earlier than what it has to come after.");
    case SG_SUB_NO_POE:
        return _("Nothing proves that the signature was there while all was in order.");
    }
    return _("It was not judged.");
}

/* --- the sentence ------------------------------------------------------------------------------------------------- */

bool sg_verdict_is_proven(const struct sg_report *report, const struct sg_verdict *verdict)
{
    return verdict->best_time != SG_TIME_NONE && verdict->best_time < report->at;
}

/* The revocation that the answer as of now is about: the earliest that is known. */
static const struct sg_revocation_used *find_revocation(const struct sg_verdict *verdict)
{
    const struct sg_revocation_used *found = NULL;
    for (size_t i = 0; i < verdict->revocation_count; i++) {
        const struct sg_revocation_used *used = &verdict->revocation[i];
        if (used->revoked_at != SG_TIME_NONE && (!found || used->revoked_at < found->revoked_at))
            found = used;
    }
    return found;
}

static enum sg_rc add_revoked_since(const struct sg_verdict *verdict, bool ca, struct sg_buf *out, struct sg_err *err)
{
    const struct sg_revocation_used *used = find_revocation(verdict);
    char time[SG_TIME_TEXT];
    if (!used)
        return sg_buf_printf(out, err, "%s",
                             ca ? _("by now a CA's certificate is revoked.")
                                : _("by now the signer's certificate is revoked."));
    enum sg_rc rc = sg_buf_printf(
        out, err, ca ? _("since %s a CA's certificate is revoked") : _("since %s the certificate is revoked"),
        sg_time_text(used->revoked_at, time));
    if (rc == SG_OK && used->reason)
        rc = sg_buf_printf(out, err, " (%s)", used->reason);
    return rc == SG_OK ? sg_buf_append(out, ".", 1, err) : rc;
}

/* A certificate is on hold, or what is known about revocation is too old. */
static enum sg_rc add_unsettled_since(const struct sg_verdict *verdict, struct sg_buf *out, struct sg_err *err)
{
    const struct sg_revocation_used *used = find_revocation(verdict);
    char time[SG_TIME_TEXT];
    if (used)
        return sg_buf_printf(out, err, _("since %s a certificate is suspended."), sg_time_text(used->revoked_at, time));
    return sg_buf_printf(out, err, "%s", _("by now what is known about revocation is out of date."));
}

static enum sg_rc add_ended_since(const struct sg_report *report, const struct sg_verdict *verdict, struct sg_buf *out,
                                  struct sg_err *err)
{
    int64_t end = SG_TIME_NONE;
    char time[SG_TIME_TEXT];
    if (verdict->signer && sg_time_from_asn1(X509_get0_notAfter(verdict->signer), &end) && end < report->at)
        return sg_buf_printf(out, err, _("the certificate ended at %s."), sg_time_text(end, time));
    return sg_buf_printf(out, err, "%s", _("by now a CA's certificate has ended."));
}

/* What has become of a signature that was valid. */
static enum sg_rc add_since(const struct sg_report *report, const struct sg_verdict *verdict, struct sg_buf *out,
                            struct sg_err *err)
{
    switch (verdict->now.sub_indication) {
    case SG_SUB_REVOKED:
    case SG_SUB_REVOKED_NO_POE:
        return add_revoked_since(verdict, false, out, err);
    case SG_SUB_REVOKED_CA_NO_POE:
        return add_revoked_since(verdict, true, out, err);
    case SG_SUB_TRY_LATER:
        return add_unsettled_since(verdict, out, err);
    case SG_SUB_EXPIRED:
    case SG_SUB_OUT_OF_BOUNDS_NO_POE:
    case SG_SUB_OUT_OF_BOUNDS_NOT_REVOKED:
        return add_ended_since(report, verdict, out, err);
    case SG_SUB_CRYPTO_CONSTRAINTS_FAILURE:
    case SG_SUB_CRYPTO_CONSTRAINTS_FAILURE_NO_POE:
        return sg_buf_printf(out, err, "%s", _("by now an algorithm or a key that it uses is not trusted any more."));
    default:
        return sg_buf_printf(out, err, _("without the time-stamp the answer would be %s."),
                             sg_headline(verdict->now.indication));
    }
}

/* Where revocation is not asked for, or softly, it may not be known of the signer's certificate, whatever is known of
 * a CA's. */
static enum sg_rc add_passed(const struct sg_report *report, const struct sg_verdict *verdict, struct sg_buf *out,
                             struct sg_err *err)
{
    char time[SG_TIME_TEXT];
    bool good = verdict->known_good;
    if (sg_verdict_differs_now(verdict)) {
        enum sg_rc rc = sg_buf_printf(out, err,
                                      good ? _("It was valid when it was time-stamped, at %s; ")
                                           : _("It was there when it was time-stamped, at %s. Whether the signer's "
                                               "certificate was revoked by then is not known; "),
                                      sg_time_text(verdict->best_time, time));
        return rc == SG_OK ? add_since(report, verdict, out, err) : rc;
    }
    if (sg_verdict_is_proven(report, verdict))
        return sg_buf_printf(
            out, err,
            good ? _("What was signed is unchanged, and the signature was valid when it was time-stamped, at %s.")
                 : _("What was signed is unchanged, and the signature was there when it was time-stamped, at %s. "
                     "Whether the signer's certificate was revoked by then is not known."),
            sg_time_text(verdict->best_time, time));
    return sg_buf_printf(out, err, "%s",
                         good ? _("What was signed is unchanged, and the signer's certificate is good.")
                              : _("What was signed is unchanged. Whether the signer's certificate is revoked is "
                                  "not known."));
}

static bool has_changes(const struct sg_verdict *verdict, const char *word)
{
    return verdict->changes && strcmp(verdict->changes, word) == 0;
}

enum sg_rc sg_verdict_lead(const struct sg_report *report, const struct sg_verdict *verdict, struct sg_buf *out,
                           struct sg_err *err)
{
    if (verdict->indication == SG_TOTAL_PASSED) {
        enum sg_rc passed = add_passed(report, verdict, out, err);
        if (passed == SG_OK && has_changes(verdict, "permitted"))
            passed = sg_buf_printf(out, err, "%s", _(" More came to the PDF afterwards, as is permitted."));
        return passed;
    }
    const char *meaning = sg_sub_indication_meaning(verdict->sub_indication);
    if (verdict->sub_indication == SG_SUB_FORMAT_FAILURE && has_changes(verdict, "forbidden"))
        meaning = _("The PDF was changed after it was signed, as it may not be.");
    enum sg_rc rc = sg_buf_printf(out, err, "%s", meaning);
    if (rc == SG_OK && verdict->now.indication != verdict->indication)
        rc = sg_buf_printf(out, err, _(" As of now the answer is %s."), sg_headline(verdict->now.indication));
    return rc;
}

static enum sg_rc add_conclusion(enum sg_indication indication, enum sg_sub_indication sub_indication,
                                 struct sg_buf *out, struct sg_err *err)
{
    const char *sub = sg_sub_indication_text(sub_indication);
    return sg_buf_printf(out, err, "%s%s%s", sg_indication_text(indication), sub ? " / " : "", sub ? sub : "");
}

enum sg_rc sg_verdict_etsi(const struct sg_verdict *verdict, struct sg_buf *out, struct sg_err *err)
{
    enum sg_rc rc = add_conclusion(verdict->indication, verdict->sub_indication, out, err);
    if (rc == SG_OK && verdict->level)
        rc = sg_buf_printf(out, err, ", %s", verdict->level);
    if (rc != SG_OK || !sg_verdict_differs_now(verdict))
        return rc;
    rc = sg_buf_printf(out, err, "%s", _("; as of now "));
    return rc == SG_OK ? add_conclusion(verdict->now.indication, verdict->now.sub_indication, out, err) : rc;
}

/* --- the facts ---------------------------------------------------------------------------------------------------- */

struct telling {
    sg_fact_fn *fn;
    void *context;
    struct sg_err *err;
};

static enum sg_rc tell_text(const struct telling *telling, const char *label, const char *text)
{
    return telling->fn(telling->context, &(struct sg_fact){.label = label, .text = text, .when = SG_TIME_NONE},
                       telling->err);
}

static enum sg_rc tell_name(const struct telling *telling, const char *label, const X509_NAME *name)
{
    _cleanup_(freep) char *text = NULL;
    enum sg_rc rc = sg_name_text(name, &text, telling->err);
    return rc == SG_OK ? tell_text(telling, label, text) : rc;
}

static enum sg_rc tell_time(const struct telling *telling, const char *label, int64_t when, const char *remark)
{
    if (when == SG_TIME_NONE)
        return SG_OK;
    return telling->fn(telling->context, &(struct sg_fact){.label = label, .when = when, .remark = remark},
                       telling->err);
}

/* What a time-stamp proves depends on what it is of (EN 319 122-1 §5.2.8, §5.3, §5.5.3, §A.1.5); by its accuracy, it is
 * no more than that it was made by then, or no earlier. */
static enum sg_rc tell_timestamp(const struct telling *telling, const struct sg_timestamp *timestamp)
{
    const char *label = _("not later:"), *remark = _("proven by a time-stamp");
    int64_t when = timestamp->latest;
    if (!timestamp->proves) {
        label = _("time-stamp:");
        remark = strcmp(timestamp->kind, "references-only") == 0
                     ? _("of the references alone: proves nothing of the signature")
                     : _("proves nothing of the signature");
        when = timestamp->time;
    } else if (strcmp(timestamp->kind, "content") == 0) {
        when = timestamp->earliest;
        label = _("not earlier:");
        remark = _("proven by a time-stamp of the content");
    } else if (strcmp(timestamp->kind, "archive") == 0) {
        label = _("kept since:");
        remark = _("proven by an archive time-stamp");
    } else if (strcmp(timestamp->kind, "references") == 0) {
        remark = _("proven by a time-stamp of the references");
    } else if (strcmp(timestamp->kind, "document") == 0) {
        remark = _("proven by a time-stamp of the PDF");
    }
    enum sg_rc rc = tell_time(telling, label, when, remark);
    if (rc == SG_OK && timestamp->verdict.signer)
        rc = tell_name(telling, _("stamped by:"), X509_get_subject_name(timestamp->verdict.signer));
    return rc;
}

/* Those that hold; why one does not is among the reasons. */
static enum sg_rc tell_timestamps(const struct telling *telling, const struct sg_verdict *verdict)
{
    enum sg_rc rc = SG_OK;
    for (size_t i = 0; rc == SG_OK && i < verdict->timestamp_count; i++)
        if (verdict->timestamps[i].verdict.indication == SG_TOTAL_PASSED)
            rc = tell_timestamp(telling, &verdict->timestamps[i]);
    return rc;
}

static enum sg_rc tell_who(const struct telling *telling, const struct sg_verdict *verdict)
{
    if (!verdict->signer)
        return SG_OK;
    enum sg_rc rc =
        tell_name(telling, verdict->intact ? _("signed by:") : _("names:"), X509_get_subject_name(verdict->signer));
    return rc == SG_OK ? tell_name(telling, _("issued by:"), X509_get_issuer_name(verdict->signer)) : rc;
}

static enum sg_rc tell_when(const struct telling *telling, const struct sg_report *report,
                            const struct sg_verdict *verdict)
{
    enum sg_rc rc =
        tell_time(telling, _("signed at:"), verdict->claimed_time, _("by the signer's own clock; not proven"));
    if (rc == SG_OK)
        rc = tell_timestamps(telling, verdict);
    if (rc == SG_OK)
        rc = tell_time(telling, _("judged at:"), report->at, NULL);
    if (rc == SG_OK)
        rc = tell_time(telling, _("as of:"), verdict->as_of, _("the age of what is known about revocation"));
    if (rc == SG_OK && verdict->indication == SG_TOTAL_PASSED)
        rc = tell_time(telling, _("good until:"), verdict->good_until, _("ask again then"));
    return rc;
}

#define NAMES_TOLD 20

/* "a", "b" and 3 more. */
static enum sg_rc tell_names(const struct telling *telling, const char *label, char *const *names, size_t count)
{
    _cleanup_(sg_buf_clear) struct sg_buf text = SG_BUF(SG_MIB);
    const char *told = NULL;
    enum sg_rc rc = SG_OK;
    for (size_t i = 0; rc == SG_OK && i < count && i < NAMES_TOLD; i++)
        rc = sg_buf_printf(&text, telling->err, "%s\"%s\"", i > 0 ? ", " : "", names[i]);
    if (rc == SG_OK && count > NAMES_TOLD)
        rc = sg_buf_printf(&text, telling->err, _(" and %zu more"), count - NAMES_TOLD);
    if (rc == SG_OK)
        rc = sg_buf_text(&text, &told, telling->err);
    return rc == SG_OK ? tell_text(telling, label, count > 0 ? told : _("none")) : rc;
}

/* Of a container. */
static enum sg_rc tell_files(const struct telling *telling, const struct sg_report *report,
                             const struct sg_verdict *verdict)
{
    enum sg_rc rc = verdict->files ? tell_names(telling, _("files:"), verdict->files, verdict->file_count) : SG_OK;
    if (rc == SG_OK && report->uncovered_count > 0)
        rc = tell_names(telling, _("NOT SIGNED:"), report->uncovered, report->uncovered_count);
    return rc;
}

/* Of a PDF. */
static enum sg_rc tell_changes(const struct telling *telling, const struct sg_verdict *verdict)
{
    enum sg_rc rc = SG_OK;
    if (!verdict->changes)
        return SG_OK;
    if (verdict->covers)
        rc = tell_text(telling, _("covers:"), verdict->covers);
    if (rc != SG_OK || has_changes(verdict, "none"))
        return rc;
    return tell_text(telling, _("afterwards:"),
                     has_changes(verdict, "permitted") ? _("what is permitted was added")
                                                       : _("it was changed as it may not be"));
}

enum sg_rc sg_verdict_facts(const struct sg_report *report, const struct sg_verdict *verdict, const char *content_name,
                            sg_fact_fn *fn, void *context, struct sg_err *err)
{
    const struct telling telling = {fn, context, err};
    char of[64];
    enum sg_rc rc = content_name ? tell_text(&telling, _("document:"), content_name) : SG_OK;
    bool counter = sg_verdict_is_countersignature(verdict);
    if (rc == SG_OK && report->verdict_count > 1) {
        (void)snprintf(of, sizeof of, "%s / %zu", verdict->id, report->verdict_count);
        rc = tell_text(&telling, _("signature:"), of);
    }
    if (rc == SG_OK && counter)
        rc = tell_text(&telling, _("of:"), verdict->covers);
    if (rc == SG_OK)
        rc = tell_changes(&telling, verdict);
    if (rc == SG_OK)
        rc = tell_who(&telling, verdict);
    if (rc == SG_OK)
        rc = tell_when(&telling, report, verdict);
    if (rc == SG_OK)
        rc = tell_files(&telling, report, verdict);
    if (rc == SG_OK && verdict->indication != SG_TOTAL_PASSED && verdict->intact)
        rc = tell_text(&telling, _("intact:"),
                       counter ? _("yes: the signature that it is of is the one that was signed")
                       : has_changes(verdict, "forbidden") ? _("yes: but only what it covers")
                                                           : _("yes: the document is the one that was signed"));
    return rc;
}
