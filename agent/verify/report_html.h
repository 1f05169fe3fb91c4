/* The report as one page of HTML that needs nothing else: no scripts, nothing from elsewhere, and a policy in its head
 * that forbids both (CSP level 3). Read on a screen or a phone, by a screen reader, or printed and filed.
 *
 * Who writes the page makes its head and its end; the part of each file may come from another process. All that a
 * stranger has a hand in (names, reasons) is cleaned and escaped. */
#pragma once

#include "verify/report.h"

/* One file's signatures, a <section>. `number` is the file's on the page, from 1: sg_html_row() links to it. */
SG_MUST_CHECK enum sg_rc sg_report_html(const struct sg_report *report, const char *content_name, size_t number,
                                        struct sg_buf *out, struct sg_err *err);

/* Whether this is what sg_report_html() may make with that number, and nothing that reaches beyond: for a section that
 * comes from another process. */
bool sg_html_is_section(struct sg_slice section, size_t number);

/* The file's row in the summary. `why`: what kept it from being judged, with SG_FILE_NOT_JUDGED; else NULL. */
SG_MUST_CHECK enum sg_rc sg_html_row(size_t number, const char *file, enum sg_file_answer answer, const char *why,
                                     struct sg_buf *out, struct sg_err *err);

struct sg_html_summary {
    int64_t made_at;
    size_t counts[SG_FILE_ANSWERS]; /* files of each answer */
    struct sg_slice rows;           /* what sg_html_row() made */
};

/* What comes before the sections, the summary last, and what comes after them. */
SG_MUST_CHECK enum sg_rc sg_html_head(OSSL_LIB_CTX *libctx, const struct sg_html_summary *summary, struct sg_buf *out,
                                      struct sg_err *err);
SG_MUST_CHECK enum sg_rc sg_html_end(const char *program, struct sg_buf *out, struct sg_err *err);
