/* What is around the files' sections: the head with its policy and style, the summary, the end. */
#include <string.h>

#include <openssl/evp.h>

#include "base/crypto.h"
#include "base/msg.h"
#include "verify/report_html.h"
#include "verify/report_html_style.h"
#include "verify/report_html_write.h"
#include "verify/report_words.h"

enum sg_rc sg_html_row(size_t number, const char *file, enum sg_file_answer answer, const char *why, struct sg_buf *out,
                       struct sg_err *err)
{
    static const char *const classes[SG_FILE_ANSWERS] = {"good", "bad", "open", "bad"};
    struct sg_html html = {.out = out, .err = err};

    sg_html_putf(&html, "<tr><td><strong class=\"badge %s\">", classes[answer]);
    sg_html_text(&html, sg_file_answer_word(answer));
    sg_html_put(&html, "</strong></td><td>");
    if (why) {
        sg_html_stranger(&html, file);
        sg_html_put(&html, "<br>");
        sg_html_stranger(&html, why);
    } else {
        sg_html_putf(&html, "<a href=\"#f%zu\">", number);
        sg_html_stranger(&html, file);
        sg_html_put(&html, "</a>");
    }
    sg_html_put(&html, "</td></tr>\n");
    return html.rc;
}

/* The style sheet is allowed by its digest; nothing else is allowed at all. */
static void put_policy(struct sg_html *html, OSSL_LIB_CTX *libctx)
{
    uint8_t digest[EVP_MAX_MD_SIZE], base64[2 * EVP_MAX_MD_SIZE];
    size_t len = 0;

    if (html->rc == SG_OK)
        html->rc = sg_digest(libctx, "SHA256", (struct sg_slice){(const uint8_t *)sg_html_style, strlen(sg_html_style)},
                             digest, &len, html->err);
    if (html->rc != SG_OK)
        return;
    (void)EVP_EncodeBlock(base64, digest, (int)len);
    sg_html_putf(html,
                 "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-%s'; "
                 "base-uri 'none'; form-action 'none'\">\n",
                 (const char *)base64);
}

static void put_count(struct sg_html *html, size_t count, const char *word, bool *some)
{
    if (count == 0)
        return;
    sg_html_putf(html, "%s%zu ", *some ? ", " : "", count);
    sg_html_text(html, word);
    *some = true;
}

static void put_counts(struct sg_html *html, const struct sg_html_summary *summary)
{
    bool some = false;
    for (enum sg_file_answer i = 0; i < SG_FILE_ANSWERS; i++)
        put_count(html, summary->counts[i], sg_file_answer_word(i), &some);
}

static void put_summary(struct sg_html *html, const struct sg_html_summary *summary)
{
    sg_html_put(html, "<table class=\"summary\">\n<caption>");
    put_counts(html, summary);
    sg_html_put(html, "</caption>\n<thead><tr><th scope=\"col\">");
    sg_html_text(html, _("answer"));
    sg_html_put(html, "</th><th scope=\"col\">");
    sg_html_text(html, _("file"));
    sg_html_put(html, "</th></tr></thead>\n<tbody>\n");
    if (html->rc == SG_OK)
        html->rc = sg_buf_append(html->out, summary->rows.data, summary->rows.len, html->err);
    sg_html_put(html, "</tbody></table>\n");
}

enum sg_rc sg_html_head(OSSL_LIB_CTX *libctx, const struct sg_html_summary *summary, struct sg_buf *out,
                        struct sg_err *err)
{
    struct sg_html html = {.out = out, .err = err};

    /* Translators: the language that these texts are in, by BCP 47. */
    sg_html_putf(&html, "<!DOCTYPE html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n", _("en"));
    put_policy(&html, libctx);
    sg_html_put(&html, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                       "<meta name=\"referrer\" content=\"no-referrer\">\n<title>");
    sg_html_text(&html, _("Signatures: "));
    put_counts(&html, summary);
    sg_html_put(&html, "</title>\n<style>");
    sg_html_put(&html, sg_html_style);
    sg_html_put(&html, "</style>\n</head>\n<body>\n<header>\n");
    sg_html_element(&html, "h1", _("Signature report"));
    sg_html_put(&html, "<p class=\"made\">");
    sg_html_text(&html, _("Judged at "));
    sg_html_time(&html, summary->made_at);
    sg_html_text(&html, _(", without a network, by what is known on this computer."));
    sg_html_put(&html, "</p>\n</header>\n<main>\n");
    put_summary(&html, summary);
    return html.rc;
}

enum sg_rc sg_html_end(const char *program, struct sg_buf *out, struct sg_err *err)
{
    struct sg_html html = {.out = out, .err = err};

    sg_html_put(&html, "</main>\n<footer><p>");
    sg_html_text(&html,
                 _("A signature at a time that is not proven is a claim of the signer's. An answer holds as of the "
                   "time that revocation is known of, and until the time that it is good until."));
    sg_html_put(&html, "</p><p>");
    sg_html_text(&html, program);
    sg_html_put(&html, "</p></footer>\n</body>\n</html>\n");
    return html.rc;
}
