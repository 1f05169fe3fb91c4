/* Writing HTML. The first failure stays in `rc` and nothing is written after it, so that a page reads as what it
 * becomes; whoever made the writer returns its `rc`. */
#pragma once

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"

struct sg_html {
    struct sg_buf *out;
    struct sg_err *err;
    enum sg_rc rc;
};

/* Markup of ours, as it is; in a format only numbers and words of ours. */
void sg_html_put(struct sg_html *html, const char *markup);
void sg_html_putf(struct sg_html *html, const char *format, ...) SG_PRINTF(2, 3);
/* Text, which may be a stranger's: cleaned and escaped. */
void sg_html_text(struct sg_html *html, const char *text);
/* The same in an element of its own, in which its direction stays (<bdi>). */
void sg_html_stranger(struct sg_html *html, const char *text);
/* Text that is clean, escaped: for content and for attributes in double quotes. */
void sg_html_escaped(struct sg_html *html, struct sg_slice text);
/* The same, with times in it (RFC 3339) kept on one line. */
void sg_html_sentence(struct sg_html *html, const char *text);
/* "<TAG>text</TAG>" */
void sg_html_element(struct sg_html *html, const char *tag, const char *text);
/* A <time>; nothing for SG_TIME_NONE. */
void sg_html_time(struct sg_html *html, int64_t when);

/* Appends a stranger's text as a page may show it: well-formed UTF-8, nothing that steers or reorders, and of marks
 * that are drawn over a letter no more than three, since heaps of them cover what stands above and below. What is not
 * becomes U+FFFD. */
SG_MUST_CHECK enum sg_rc sg_html_clean(const char *text, struct sg_buf *out, struct sg_err *err);
