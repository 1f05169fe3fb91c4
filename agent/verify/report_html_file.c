/* What the page says of one file: an article for each signature, with its answer, why, the drawings, and tables of the
 * same facts and more. */
#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "base/msg.h"
#include "verify/report_html.h"
#include "verify/report_html_draw.h"
#include "verify/report_words.h"
#include "verify/verdict.h"

static const char *answer_class(enum sg_indication indication)
{
    switch (indication) {
    case SG_TOTAL_PASSED:
        return "good";
    case SG_TOTAL_FAILED:
        return "bad";
    case SG_INDETERMINATE:
        break;
    }
    return "open";
}

/* --- tables: a label and what goes with it, since that fits the narrowest screen ---------------------------------- */

static void begin_table(struct sg_html *html, const char *caption)
{
    sg_html_put(html, "<table>\n");
    sg_html_element(html, "caption", caption);
    sg_html_put(html, "<colgroup><col class=\"label\"><col></colgroup>\n");
}

static void begin_row(struct sg_html *html, const char *label)
{
    sg_html_put(html, "<tr><th scope=\"row\">");
    sg_html_text(html, label);
    sg_html_put(html, "</th><td>");
}

static void end_row(struct sg_html *html)
{
    sg_html_put(html, "</td></tr>\n");
}

static void text_row(struct sg_html *html, const char *label, const char *text)
{
    if (!text)
        return;
    begin_row(html, label);
    sg_html_stranger(html, text);
    end_row(html);
}

static void time_row(struct sg_html *html, const char *label, int64_t when)
{
    if (when == SG_TIME_NONE)
        return;
    begin_row(html, label);
    sg_html_time(html, when);
    end_row(html);
}

/* A row over the rows of one certificate, time-stamp or source. */
static void group_row(struct sg_html *html, const char *text)
{
    sg_html_put(html, "<tbody><tr><th scope=\"rowgroup\" colspan=\"2\">");
    sg_html_text(html, text);
    sg_html_put(html, "</th></tr>\n");
}

static void name_row(struct sg_html *html, const char *label, const X509_NAME *name)
{
    _cleanup_(freep) char *text = NULL;
    if (html->rc == SG_OK)
        html->rc = sg_name_text(name, &text, html->err);
    text_row(html, label, text);
}

static enum sg_rc put_fact(void *context, const struct sg_fact *fact, struct sg_err *err)
{
    struct sg_html *html = context;
    (void)err; /* the writer's own */
    if (fact->text) {
        text_row(html, fact->label, fact->text);
        return html->rc;
    }
    begin_row(html, fact->label);
    sg_html_time(html, fact->when);
    if (fact->remark) {
        sg_html_put(html, " <small>(");
        sg_html_text(html, fact->remark);
        sg_html_put(html, ")</small>");
    }
    end_row(html);
    return html->rc;
}

static void put_facts(struct sg_html *html, const struct sg_report *report, const struct sg_verdict *verdict,
                      const char *content_name)
{
    _cleanup_(sg_buf_clear) struct sg_buf etsi = SG_BUF(1024);
    const char *text = NULL;
    begin_table(html, _("By whom, when, as of when"));
    if (html->rc == SG_OK)
        html->rc = sg_verdict_facts(report, verdict, content_name, put_fact, html, html->err);
    if (html->rc == SG_OK)
        html->rc = sg_verdict_etsi(verdict, &etsi, html->err);
    if (html->rc == SG_OK)
        html->rc = sg_buf_text(&etsi, &text, html->err);
    text_row(html, "EN 319 102-1:", text);
    text_row(html, _("covers:"), verdict->changes ? NULL : verdict->covers); /* of a PDF it is among the facts */
    text_row(html, _("digest:"), verdict->digest);
    text_row(html, _("algorithm:"), verdict->algorithm);
    sg_html_put(html, "</table>\n");
}

static void put_cert(struct sg_html *html, OSSL_LIB_CTX *libctx, X509 *cert, const char *role)
{
    _cleanup_(freep) char *serial = NULL;
    char sha256[SG_SHA256_HEX] = "";
    int64_t begins = SG_TIME_NONE, ends = SG_TIME_NONE;
    if (html->rc == SG_OK)
        html->rc = sg_serial_text(X509_get0_serialNumber(cert), &serial, html->err);
    if (html->rc == SG_OK)
        html->rc = sg_cert_sha256(libctx, cert, sha256, html->err);
    if (!sg_time_from_asn1(X509_get0_notBefore(cert), &begins))
        begins = SG_TIME_NONE;
    if (!sg_time_from_asn1(X509_get0_notAfter(cert), &ends))
        ends = SG_TIME_NONE;
    group_row(html, role);
    name_row(html, _("subject:"), X509_get_subject_name(cert));
    name_row(html, _("issuer:"), X509_get_issuer_name(cert));
    text_row(html, _("serial:"), serial);
    text_row(html, "SHA-256:", sha256);
    time_row(html, _("valid from:"), begins);
    time_row(html, _("valid until:"), ends);
    sg_html_put(html, "</tbody>\n");
}

static void put_certs(struct sg_html *html, OSSL_LIB_CTX *libctx, const struct sg_verdict *verdict)
{
    if (!verdict->signer)
        return;
    begin_table(html, _("Certificates"));
    put_cert(html, libctx, verdict->signer, verdict->intact ? _("Signer") : _("Named as the signer"));
    for (int i = 1; i < sk_X509_num(verdict->chain); i++)
        put_cert(html, libctx, sk_X509_value(verdict->chain, i),
                 i == sk_X509_num(verdict->chain) - 1 ? _("Trust anchor") : _("CA"));
    sg_html_put(html, "</table>\n");
}

static void put_timestamps(struct sg_html *html, const struct sg_verdict *verdict)
{
    if (verdict->timestamp_count == 0)
        return;
    begin_table(html, _("Time-stamps"));
    for (size_t i = 0; i < verdict->timestamp_count; i++) {
        const struct sg_timestamp *timestamp = &verdict->timestamps[i];
        const char *sub = sg_sub_indication_text(timestamp->verdict.sub_indication);
        char title[64], answer[128];
        (void)snprintf(title, sizeof title, "%zu / %zu", i + 1, verdict->timestamp_count);
        group_row(html, title);
        text_row(html, _("of:"), timestamp->kind);
        time_row(html, _("time:"), timestamp->time);
        if (timestamp->verdict.signer)
            name_row(html, _("stamped by:"), X509_get_subject_name(timestamp->verdict.signer));
        text_row(html, _("serial:"), timestamp->serial);
        (void)snprintf(answer, sizeof answer, "%s%s%s", sg_cert_indication_text(timestamp->verdict.indication),
                       sub ? " / " : "", sub ? sub : "");
        text_row(html, _("answer:"), answer);
        sg_html_put(html, "</tbody>\n");
    }
    sg_html_put(html, "</table>\n");
}

static void put_revocation(struct sg_html *html, const struct sg_verdict *verdict)
{
    if (verdict->revocation_count == 0)
        return;
    begin_table(html, _("What is known about revocation"));
    for (size_t i = 0; i < verdict->revocation_count; i++) {
        const struct sg_revocation_used *used = &verdict->revocation[i];
        group_row(html, strcmp(used->kind, "ocsp") == 0 ? _("OCSP response") : _("Revocation list"));
        text_row(html, _("issuer:"), used->issuer);
        time_row(html, _("from:"), used->this_update);
        time_row(html, _("next:"), used->next_update);
        text_row(html, _("status:"), used->status);
        time_row(html, _("revoked at:"), used->revoked_at);
        text_row(html, _("reason:"), used->reason);
        sg_html_put(html, "</tbody>\n");
    }
    sg_html_put(html, "</table>\n");
}

/* --- one signature ------------------------------------------------------------------------------------------------ */

static void put_badge(struct sg_html *html, enum sg_indication indication, const char *before)
{
    sg_html_putf(html, "<strong class=\"badge %s\">", answer_class(indication));
    sg_html_text(html, before);
    sg_html_text(html, sg_headline(indication));
    sg_html_put(html, "</strong>\n");
}

static void put_answer(struct sg_html *html, const struct sg_report *report, const struct sg_verdict *verdict)
{
    _cleanup_(sg_buf_clear) struct sg_buf lead = SG_BUF(4096);
    const char *text = NULL;
    if (html->rc == SG_OK)
        html->rc = sg_verdict_lead(report, verdict, &lead, html->err);
    if (html->rc == SG_OK)
        html->rc = sg_buf_text(&lead, &text, html->err);
    sg_html_put(html, "<p class=\"answer\">");
    put_badge(html, verdict->indication, "");
    if (verdict->now.indication != verdict->indication)
        put_badge(html, verdict->now.indication, _("as of now: "));
    sg_html_put(html, "</p>\n<p class=\"lead\">");
    sg_html_sentence(html, text ? text : "");
    sg_html_put(html, "</p>\n");
}

static void put_reasons(struct sg_html *html, const struct sg_verdict *verdict)
{
    if (verdict->reason_count == 0)
        return;
    sg_html_element(html, "h4", verdict->indication == SG_TOTAL_PASSED ? _("Remarks") : _("Why, and what to do"));
    sg_html_put(html, "<ul class=\"reasons\">\n");
    for (size_t i = 0; i < verdict->reason_count; i++) {
        const char *advice = sg_reason_advice(verdict->reasons[i].code);
        sg_html_put(html, "<li>");
        sg_html_sentence(html, verdict->reasons[i].text);
        sg_html_putf(html, " <code>%s</code>", verdict->reasons[i].code);
        if (*advice) {
            sg_html_put(html, "<br><span class=\"advice\">");
            sg_html_text(html, advice);
            sg_html_put(html, "</span>");
        }
        sg_html_put(html, "</li>\n");
    }
    sg_html_put(html, "</ul>\n");
}

static void put_drawings(struct sg_html *html, const struct sg_report *report, const struct sg_verdict *verdict,
                         size_t number, size_t signature)
{
    char id[64];
    sg_html_put(html, "<div class=\"drawings\">\n");
    if (verdict->signer) {
        (void)snprintf(id, sizeof id, "f%zu-s%zu-chain", number, signature);
        sg_html_put(html, "<figure>");
        sg_html_element(html, "figcaption", _("Who vouches for whom"));
        sg_html_chain(verdict, id, html);
        sg_html_put(html, "</figure>\n");
    }
    (void)snprintf(id, sizeof id, "f%zu-s%zu-times", number, signature);
    sg_html_put(html, "<figure>");
    sg_html_element(html, "figcaption", _("What happened when; the bold part: while the certificate is valid"));
    sg_html_timeline(report, verdict, id, html);
    sg_html_put(html, "</figure>\n</div>\n");
}

static void put_signature(struct sg_html *html, const struct sg_report *report, size_t index, const char *content_name,
                          size_t number)
{
    const struct sg_verdict *verdict = &report->verdicts[index];
    sg_html_putf(html, "<article class=\"%s\" id=\"f%zu-s%zu\">\n", answer_class(verdict->indication), number,
                 index + 1);
    if (report->verdict_count > 1) {
        sg_html_put(html, "<h3>");
        sg_html_text(html, _("Signature"));
        sg_html_putf(html, " %zu / %zu</h3>\n", index + 1, report->verdict_count);
    }
    put_answer(html, report, verdict);
    put_reasons(html, verdict);
    put_drawings(html, report, verdict, number, index + 1);
    sg_html_put(html, "<div class=\"tables\">\n");
    put_facts(html, report, verdict, content_name);
    put_timestamps(html, verdict);
    put_revocation(html, verdict);
    put_certs(html, report->libctx, verdict);
    sg_html_put(html, "</div>\n</article>\n");
}

static void put_nothing(struct sg_html *html)
{
    sg_html_put(html, "<article class=\"open\"><p class=\"answer\">");
    put_badge(html, SG_INDETERMINATE, "");
    sg_html_put(html, "</p>\n<p class=\"lead\">");
    sg_html_text(html, _("There is no signature in it, or it is of a kind that is not known here."));
    sg_html_put(html, "</p></article>\n");
}

enum sg_rc sg_report_html(const struct sg_report *report, const char *content_name, size_t number, struct sg_buf *out,
                          struct sg_err *err)
{
    struct sg_html html = {.out = out, .err = err};
    sg_html_putf(&html, "<section id=\"f%zu\">\n<h2>", number);
    sg_html_stranger(&html, report->file);
    sg_html_put(&html, "</h2>\n");
    if (report->verdict_count == 0)
        put_nothing(&html);
    for (size_t i = 0; i < report->verdict_count; i++)
        put_signature(&html, report, i, content_name, number);
    sg_html_put(&html, "</section>\n");
    return html.rc;
}
