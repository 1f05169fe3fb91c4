#include "verify/report_html_write.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "verify/report_html_measure.h"
#include "verify/verify.h"

#define MARKS_OVER_A_LETTER 3

void sg_html_put(struct sg_html *html, const char *markup)
{
    if (html->rc == SG_OK)
        html->rc = sg_buf_append(html->out, markup, strlen(markup), html->err);
}

void sg_html_putf(struct sg_html *html, const char *format, ...)
{
    _cleanup_(freep) char *text = NULL;
    va_list arguments;
    if (html->rc != SG_OK)
        return;
    va_start(arguments, format);
    int len = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (len < 0) {
        text = NULL;
        html->rc = sg_fail_memory(html->err);
        return;
    }
    sg_html_put(html, text);
}

static const char *entity(uint8_t c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

void sg_html_escaped(struct sg_html *html, struct sg_slice text)
{
    size_t done = 0;
    for (size_t i = 0; html->rc == SG_OK && i < text.len; i++) {
        const char *escape = entity(text.data[i]);
        if (!escape)
            continue;
        html->rc = sg_buf_append(html->out, text.data + done, i - done, html->err);
        sg_html_put(html, escape);
        done = i + 1;
    }
    if (html->rc == SG_OK)
        html->rc = sg_buf_append(html->out, text.data + done, text.len - done, html->err);
}

enum sg_rc sg_html_clean(const char *text, struct sg_buf *out, struct sg_err *err)
{
    const uint8_t *p = (const uint8_t *)text;
    size_t left = strlen(text);
    enum sg_rc rc = SG_OK;
    for (unsigned marks = 0; rc == SG_OK && left > 0;) {
        uint32_t c = 0;
        size_t n = sg_utf8_next(p, left, &c);
        marks = n > 0 && sg_html_is_mark(c) ? marks + 1 : 0;
        bool shown = n > 0 && sg_utf8_printable(c) && marks <= MARKS_OVER_A_LETTER;
        rc = sg_buf_append(out, shown ? (const char *)p : "\xef\xbf\xbd", shown ? n : 3, err);
        n = n > 0 ? n : 1;
        p += n;
        left -= n;
    }
    return rc;
}

void sg_html_text(struct sg_html *html, const char *text)
{
    _cleanup_(sg_buf_clear) struct sg_buf clean = SG_BUF(3 * strlen(text));
    if (html->rc == SG_OK)
        html->rc = sg_html_clean(text, &clean, html->err);
    sg_html_escaped(html, sg_buf_slice(&clean));
}

void sg_html_stranger(struct sg_html *html, const char *text)
{
    sg_html_put(html, "<bdi>");
    sg_html_text(html, text);
    sg_html_put(html, "</bdi>");
}

static bool is_time(const uint8_t *text, size_t len)
{
    static const char form[] = "0000-00-00T00:00:00Z";
    if (len < sizeof form - 1)
        return false;
    for (size_t i = 0; i < sizeof form - 1; i++)
        if (form[i] == '0' ? !isdigit(text[i]) : text[i] != form[i])
            return false;
    return true;
}

void sg_html_sentence(struct sg_html *html, const char *text)
{
    const size_t time_len = strlen("0000-00-00T00:00:00Z");
    _cleanup_(sg_buf_clear) struct sg_buf clean = SG_BUF(3 * strlen(text));
    if (html->rc == SG_OK)
        html->rc = sg_html_clean(text, &clean, html->err);
    sg_html_put(html, "<bdi>");
    size_t done = 0;
    for (size_t i = 0; i < clean.len; i++) {
        if (!is_time(clean.data + i, clean.len - i))
            continue;
        sg_html_escaped(html, (struct sg_slice){clean.data + done, i - done});
        sg_html_putf(html, "<time>%.*s</time>", (int)time_len, (const char *)clean.data + i);
        done = i + time_len;
        i = done - 1;
    }
    sg_html_escaped(html, (struct sg_slice){clean.data + done, clean.len - done});
    sg_html_put(html, "</bdi>");
}

void sg_html_element(struct sg_html *html, const char *tag, const char *text)
{
    sg_html_putf(html, "<%s>", tag);
    sg_html_text(html, text);
    sg_html_putf(html, "</%s>\n", tag);
}

void sg_html_time(struct sg_html *html, int64_t when)
{
    char text[SG_TIME_TEXT];
    if (when != SG_TIME_NONE)
        sg_html_putf(html, "<time>%s</time>", sg_time_text(when, text));
}
