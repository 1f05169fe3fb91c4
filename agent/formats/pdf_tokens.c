#include "formats/pdf_tokens.h"

#include <string.h>

bool sg_pdf_refill(struct sg_pdf_reader *r)
{
    r->rc = sg_input_read(r->input, r->at, r->window, sizeof(r->window), &r->len, r->err);
    r->start = r->at;
    return r->rc == SG_OK && r->len > 0;
}

bool sg_pdf_is_regular(int c)
{
    switch (c) {
    case SG_PDF_NOT_THERE:
    case '(':
    case ')':
    case '<':
    case '>':
    case '[':
    case ']':
    case '{':
    case '}':
    case '/':
    case '%':
        return false;
    default:
        return !sg_pdf_is_space((char)c);
    }
}

void sg_pdf_skip_space(struct sg_pdf_reader *r)
{
    for (int c = sg_pdf_peek(r); c != SG_PDF_NOT_THERE && (c == '%' || sg_pdf_is_space((char)c)); c = sg_pdf_peek(r)) {
        if (c == '%')
            while (c != '\n' && c != '\r' && c != SG_PDF_NOT_THERE)
                c = sg_pdf_next(r);
        else
            (void)sg_pdf_next(r);
    }
}

static enum sg_pdf_token take_string(struct sg_pdf_reader *r)
{
    for (int depth = 1, c = 0; depth > 0;) {
        c = sg_pdf_next(r);
        if (c == '\\')
            c = sg_pdf_next(r) == SG_PDF_NOT_THERE ? SG_PDF_NOT_THERE : 0;
        if (c == SG_PDF_NOT_THERE)
            return SG_PDF_TOKEN_NONE;
        depth += (c == '(') - (c == ')');
    }
    return SG_PDF_TOKEN_STRING;
}

/* Goes behind the next `wanted`. Most of a signed PDF is hexadecimal digits: they are not looked at one by one.
 */
static bool pass(struct sg_pdf_reader *r, char wanted)
{
    while (sg_pdf_peek(r) != SG_PDF_NOT_THERE) {
        const uint8_t *here = r->window + (r->at - r->start);
        uint64_t len = r->start + r->len - r->at;
        len = len < r->limit - r->at ? len : r->limit - r->at;
        len = len < r->left ? len : r->left;
        const uint8_t *found = memchr(here, wanted, len);
        uint64_t passed = found ? (uint64_t)(found - here) + 1 : len;
        r->at += passed;
        r->left -= passed;
        if (found)
            return true;
    }
    return false;
}

static enum sg_pdf_token take_hex(struct sg_pdf_reader *r)
{
    return pass(r, '>') ? SG_PDF_TOKEN_STRING : SG_PDF_TOKEN_NONE;
}

static int hex(char c)
{
    const char *digits = "0123456789abcdef0123456789ABCDEF", *found = c ? strchr(digits, c) : NULL;
    return found ? (int)((found - digits) % 16) : -1;
}

/* #xx in a name stands for one octet. */
static void decode_name(char *name)
{
    char *to = name;
    for (const char *from = name; *from; from++) {
        int high = *from == '#' ? hex(from[1]) : -1, low = high >= 0 ? hex(from[2]) : -1;
        *to = *from;
        if (low >= 0) {
            *to = (char)(high << 4 | low);
            from += 2;
        }
        to++;
    }
    *to = '\0';
}

static enum sg_pdf_token take_regular(struct sg_pdf_reader *r, enum sg_pdf_token token)
{
    size_t len = 0;
    for (int c = sg_pdf_peek(r); sg_pdf_is_regular(c); c = sg_pdf_peek(r)) {
        (void)sg_pdf_next(r);
        r->vertical_tab |= c == '\v';
        r->word[len] = (char)c;
        if (++len == sizeof(r->word))
            r->word[--len - 1] = '?'; /* too long for what is looked for: no number, and none of the keys */
    }
    r->word[len] = '\0';
    if (token == SG_PDF_TOKEN_NAME)
        decode_name(r->word);
    return token;
}

enum sg_pdf_token sg_pdf_take_token(struct sg_pdf_reader *r)
{
    sg_pdf_skip_space(r);
    int c = sg_pdf_peek(r);
    if (sg_pdf_is_regular(c))
        return take_regular(r, SG_PDF_TOKEN_WORD);
    (void)sg_pdf_next(r);
    r->word[0] = (char)c;
    switch (c) {
    case '/':
        return take_regular(r, SG_PDF_TOKEN_NAME);
    case '(':
        return take_string(r);
    case '<':
        return sg_pdf_peek(r) == '<' && sg_pdf_next(r) == '<' ? SG_PDF_TOKEN_OPEN : take_hex(r);
    case '>':
        return sg_pdf_peek(r) == '>' && sg_pdf_next(r) == '>' ? SG_PDF_TOKEN_CLOSE : SG_PDF_TOKEN_OTHER;
    case '[':
        return SG_PDF_TOKEN_OPEN;
    case ']':
        return SG_PDF_TOKEN_CLOSE;
    default:
        return c == SG_PDF_NOT_THERE ? SG_PDF_TOKEN_NONE : SG_PDF_TOKEN_OTHER;
    }
}
