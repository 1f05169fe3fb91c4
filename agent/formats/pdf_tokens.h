/* The octets of a PDF as words (ISO 32000-1 §7.2, §7.3), without an object being made of them: for those who ask where
 * something ends, and of which kind all of it is. */
#pragma once

#include "formats/pdf_private.h"

#define SG_PDF_WINDOW 4096    /* octets read at once: objects are small, and near each other */
#define SG_PDF_NOT_THERE (-1) /* no octet: the limit was reached, or reading failed */

/* Octets up to a limit. Whoever makes one sets input, at, limit, left and err. */
struct sg_pdf_reader {
    struct sg_input *input;
    uint64_t at, limit;
    uint64_t left; /* octets that may yet be looked at */
    enum sg_rc rc;
    struct sg_err *err;
    char word[24];     /* the beginning of a word, or of a name without its slash; of what opens and closes its first
                        * octet */
    bool vertical_tab; /* one was in a word or a name: some readers take it for white space (it is not, §7.2.2) */
    uint64_t start;    /* of the window */
    size_t len;
    uint8_t window[SG_PDF_WINDOW];
};

enum sg_pdf_token {
    SG_PDF_TOKEN_NONE, /* none ends in front of the limit */
    SG_PDF_TOKEN_WORD, /* a number or a keyword */
    SG_PDF_TOKEN_NAME,
    SG_PDF_TOKEN_STRING,
    SG_PDF_TOKEN_OPEN, /* an array or a dictionary */
    SG_PDF_TOKEN_CLOSE,
    SG_PDF_TOKEN_OTHER
};

/* Inside: the window begins at the next octet. False: there is none. */
bool sg_pdf_refill(struct sg_pdf_reader *r);

/* The next octet, or SG_PDF_NOT_THERE. */
static inline int sg_pdf_peek(struct sg_pdf_reader *r)
{
    if (r->rc != SG_OK || r->at >= r->limit || r->left == 0)
        return SG_PDF_NOT_THERE;
    if ((r->at < r->start || r->at >= r->start + r->len) && !sg_pdf_refill(r))
        return SG_PDF_NOT_THERE;
    return r->window[r->at - r->start];
}

/* The same, and goes behind it. */
static inline int sg_pdf_next(struct sg_pdf_reader *r)
{
    int c = sg_pdf_peek(r);
    if (c != SG_PDF_NOT_THERE) {
        r->at++;
        r->left--;
    }
    return c;
}

bool sg_pdf_is_regular(int c);                   /* neither white space nor a delimiter, and there */
void sg_pdf_skip_space(struct sg_pdf_reader *r); /* and comments */
enum sg_pdf_token sg_pdf_take_token(struct sg_pdf_reader *r);
