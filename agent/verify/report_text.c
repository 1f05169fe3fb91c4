/* Reports for people: what it is, by whom, when, as of when; why, and what to do; the standard's words last. */
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/limits.h"
#include "base/msg.h"
#include "base/utf8.h"
#include "verify/report.h"
#include "verify/report_words.h"
#include "verify/verdict.h"

#define LABEL_WIDTH 13

/* Names in certificates and of files are a stranger's. */
static enum sg_rc add_clean(struct sg_buf *out, const char *text, struct sg_err *err)
{
    return sg_utf8_append_printable(out, text, strlen(text), err);
}

static enum sg_rc add_text(struct sg_buf *out, const char *text, struct sg_err *err)
{
    return sg_buf_append(out, text, strlen(text), err);
}

/* Indented, and as wide as the others. */
static enum sg_rc add_label(struct sg_buf *out, const char *label, struct sg_err *err)
{
    static const char blanks[LABEL_WIDTH + 1] = "             ";
    size_t len = strlen(label);
    enum sg_rc rc = sg_buf_append(out, blanks, 2, err);
    if (rc == SG_OK)
        rc = sg_buf_append(out, label, len, err);
    return rc == SG_OK && len < LABEL_WIDTH ? sg_buf_append(out, blanks, LABEL_WIDTH - len, err) : rc;
}

static enum sg_rc add_line(struct sg_buf *out, const char *label, const char *text, struct sg_err *err)
{
    enum sg_rc rc = add_label(out, label, err);
    if (rc == SG_OK)
        rc = add_clean(out, text, err);
    if (rc == SG_OK)
        rc = sg_buf_append(out, "\n", 1, err);
    return rc;
}

static enum sg_rc add_name(struct sg_buf *out, const char *label, const X509_NAME *name, struct sg_err *err)
{
    _cleanup_(freep) char *text = NULL;
    enum sg_rc rc = sg_name_text(name, &text, err);
    return rc == SG_OK ? add_line(out, label, text, err) : rc;
}

static enum sg_rc add_time(struct sg_buf *out, const char *label, int64_t when, const char *remark, struct sg_err *err)
{
    char time[SG_TIME_TEXT];
    if (when == SG_TIME_NONE)
        return SG_OK;
    enum sg_rc rc = add_label(out, label, err);
    if (rc == SG_OK)
        rc = add_text(out, sg_time_text(when, time), err);
    if (rc == SG_OK)
        rc = add_text(out, remark, err);
    return rc == SG_OK ? add_text(out, "\n", err) : rc;
}

static enum sg_rc add_reasons(struct sg_buf *out, const struct sg_verdict *verdict, struct sg_err *err)
{
    const char *label = verdict->indication == SG_TOTAL_PASSED ? _("remarks:") : _("why:");
    enum sg_rc rc = SG_OK;
    for (size_t i = 0; rc == SG_OK && i < verdict->reason_count; i++) {
        const char *advice = sg_reason_advice(verdict->reasons[i].code);
        rc = add_line(out, i == 0 ? label : "", verdict->reasons[i].text, err);
        if (rc == SG_OK && *advice)
            rc = sg_buf_printf(out, err, "  %-*s-> %s\n", LABEL_WIDTH, "", advice);
    }
    return rc;
}

static enum sg_rc add_heading(struct sg_buf *out, const char *word, const char *file, struct sg_err *err)
{
    enum sg_rc rc = add_text(out, word, err);
    if (rc == SG_OK)
        rc = add_text(out, ": ", err);
    if (rc == SG_OK)
        rc = add_clean(out, file, err);
    if (rc == SG_OK)
        rc = sg_buf_append(out, "\n", 1, err);
    return rc;
}

static enum sg_rc add_fact(void *context, const struct sg_fact *fact, struct sg_err *err)
{
    struct sg_buf *out = context;
    char time[SG_TIME_TEXT];
    if (fact->text)
        return add_line(out, fact->label, fact->text, err);
    enum sg_rc rc = add_label(out, fact->label, err);
    if (rc == SG_OK)
        rc = add_text(out, sg_time_text(fact->when, time), err);
    if (rc == SG_OK && fact->remark)
        rc = sg_buf_printf(out, err, " (%s)", fact->remark);
    return rc == SG_OK ? add_text(out, "\n", err) : rc;
}

static enum sg_rc add_etsi(struct sg_buf *out, const struct sg_verdict *verdict, struct sg_err *err)
{
    enum sg_rc rc = add_label(out, "ETSI:", err);
    if (rc == SG_OK)
        rc = sg_verdict_etsi(verdict, out, err);
    return rc == SG_OK ? sg_buf_append(out, "\n", 1, err) : rc;
}

static enum sg_rc add_lead(struct sg_buf *out, const struct sg_report *report, const struct sg_verdict *verdict,
                           struct sg_err *err)
{
    enum sg_rc rc = sg_buf_append(out, "  ", 2, err);
    if (rc == SG_OK)
        rc = sg_verdict_lead(report, verdict, out, err);
    return rc == SG_OK ? sg_buf_append(out, "\n", 1, err) : rc;
}

static enum sg_rc add_signature(struct sg_buf *out, const struct sg_report *report, const struct sg_verdict *verdict,
                                const char *content_name, struct sg_err *err)
{
    enum sg_rc rc = add_heading(out, sg_headline(verdict->indication), report->file, err);
    if (rc == SG_OK)
        rc = add_lead(out, report, verdict, err);
    if (rc == SG_OK)
        rc = sg_verdict_facts(report, verdict, content_name, add_fact, out, err);
    if (rc == SG_OK)
        rc = add_reasons(out, verdict, err);
    return rc == SG_OK ? add_etsi(out, verdict, err) : rc;
}

enum sg_rc sg_report_text(const struct sg_report *report, const char *content_name, struct sg_buf *out,
                          struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    if (report->verdict_count == 0) {
        rc = add_heading(out, _("CANNOT TELL"), report->file, err);
        if (rc == SG_OK)
            rc = add_line(out, _("why:"), _("There is no signature in it, or it is of a kind that is not known here."),
                          err);
    }
    for (size_t i = 0; rc == SG_OK && i < report->verdict_count; i++)
        rc = add_signature(out, report, &report->verdicts[i], content_name, err);
    return rc;
}

static bool is_heading(struct sg_slice line, const char *file)
{
    static const enum sg_indication indications[] = {SG_TOTAL_PASSED, SG_TOTAL_FAILED, SG_INDETERMINATE};
    for (size_t i = 0; i < sizeof indications / sizeof *indications; i++) {
        _cleanup_(sg_buf_clear) struct sg_buf heading = SG_BUF(SG_MIB);
        struct sg_err err;
        if (add_heading(&heading, sg_headline(indications[i]), file, &err) == SG_OK &&
            sg_slice_equal(line, sg_buf_slice(&heading)))
            return true;
    }
    return false;
}

bool sg_report_text_is_about(struct sg_slice text, const char *file)
{
    bool first = true;
    for (; text.len > 0; first = false) {
        const uint8_t *end = memchr(text.data, '\n', text.len);
        if (!end)
            return false;
        struct sg_slice line = {text.data, (size_t)(end - text.data) + 1};
        bool indented = line.len > 2 && memcmp(line.data, "  ", 2) == 0;
        if ((first || !indented) && !is_heading(line, file))
            return false;
        text.data += line.len;
        text.len -= line.len;
    }
    return !first;
}

static enum sg_rc add_path(struct sg_buf *out, const struct sg_verdict *verdict, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    for (int i = 1; rc == SG_OK && i < sk_X509_num(verdict->chain); i++)
        rc = add_name(out, i == 1 ? _("path:") : "", X509_get_subject_name(sk_X509_value(verdict->chain, i)), err);
    return rc;
}

static enum sg_rc add_cert_etsi(struct sg_buf *out, const struct sg_verdict *verdict, struct sg_err *err)
{
    const char *sub = sg_sub_indication_text(verdict->sub_indication);
    return sg_buf_printf(out, err, "  %-*s%s%s%s\n", LABEL_WIDTH, "ETSI:", sg_cert_indication_text(verdict->indication),
                         sub ? " / " : "", sub ? sub : "");
}

enum sg_rc sg_report_cert_text(const struct sg_report *report, struct sg_buf *out, struct sg_err *err)
{
    const struct sg_verdict *verdict = &report->verdicts[0];
    enum sg_rc rc = add_heading(out, sg_headline(verdict->indication), report->file, err);
    if (rc == SG_OK && verdict->signer)
        rc = add_name(out, _("of:"), X509_get_subject_name(verdict->signer), err);
    if (rc == SG_OK && verdict->signer)
        rc = add_name(out, _("issued by:"), X509_get_issuer_name(verdict->signer), err);
    if (rc == SG_OK)
        rc = add_path(out, verdict, err);
    for (size_t i = 0; rc == SG_OK && i < verdict->policy_count; i++)
        rc = add_line(out, i == 0 ? _("policies:") : "", verdict->policies[i], err);
    if (rc == SG_OK)
        rc = add_time(out, _("judged at:"), report->at, "", err);
    if (rc == SG_OK)
        rc = add_time(out, _("as of:"), verdict->as_of, _(" (the age of what is known about revocation)"), err);
    if (rc == SG_OK && verdict->indication == SG_TOTAL_PASSED)
        rc = add_time(out, _("good until:"), verdict->good_until, _(" (ask again then)"), err);
    if (rc == SG_OK)
        rc = add_reasons(out, verdict, err);
    return rc == SG_OK ? add_cert_etsi(out, verdict, err) : rc;
}
