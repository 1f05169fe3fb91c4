/* How the files that read S/MIME messages share the work: mime_lines.c cuts the input into lines, mime_header.c reads
 * the headers of a message or part, mime_content.c streams what is signed, mime_unclear.c looks for what others would
 * take for a boundary, mime.c walks the whole. */
#pragma once

#include "base/limits.h"
#include "formats/mime.h"

struct sg_mime_line {
    struct sg_slice text; /* without its line break; valid until the next is read */
    bool whole;           /* it is not longer than SG_MAX_MIME_LINE; else `text` is how it begins */
    uint64_t start, end;  /* in the input, with its line break */
    size_t line_break;    /* octets of that: 2 or 1, and 0 at the input's end */
    size_t number;        /* in the input, from 1 */
};

struct sg_mime_lines;

SG_MUST_CHECK enum sg_rc sg_mime_lines_new(struct sg_input *input, uint64_t offset, struct sg_mime_lines **ret,
                                           struct sg_err *err);
void sg_mime_lines_free(struct sg_mime_lines *lines);
SG_DEFINE_CLEANUP(struct sg_mime_lines, sg_mime_lines_free)
/* `*ret_more` is false at the input's end. */
SG_MUST_CHECK enum sg_rc sg_mime_lines_next(struct sg_mime_lines *lines, struct sg_mime_line *ret, bool *ret_more,
                                            struct sg_err *err);
uint64_t sg_mime_lines_place(const struct sg_mime_lines *lines); /* of the next line */

#define SG_MIME_BOUNDARY 71 /* RFC 2046 §5.1.1: 70 letters at most */

/* What the headers of a message or a part say of it: RFC 2045 §5 and §6. Types and words are in lower case. */
struct sg_mime_header {
    char type[64]; /* "multipart/signed"; "" if it is not there */
    char boundary[SG_MIME_BOUNDARY];
    char protocol[64];
    char smime_type[32];
    char encoding[32];   /* Content-Transfer-Encoding; "" if it is not there */
    const char *problem; /* untranslated; NULL: there is none. Then what is above is what was read before */
    bool too_long;       /* the problem is a limit's */
    size_t line;         /* of the problem, else of the last line read */
};

/* Reads the headers, and the empty line behind them. */
SG_MUST_CHECK enum sg_rc sg_mime_header_read(struct sg_mime_lines *lines, struct sg_mime_header *ret,
                                             struct sg_err *err);

/* Streams [start, end) of the input with every line end made CRLF. */
SG_MUST_CHECK enum sg_rc sg_mime_canonical(struct sg_input *input, uint64_t start, uint64_t end, struct sg_sink sink,
                                           struct sg_err *err);

/* Lines of the input between boundaries. */
struct sg_mime_stretch {
    uint64_t start, end;
    size_t line; /* the number of its first */
    bool is_signed;
};

/* What makes other readers see a boundary where there is none: some end lines at a carriage return alone, at other
 * control characters, or at Unicode's line ends (NEL, U+2028), and some look for boundaries anywhere. So in what is not
 * signed no control character may be (but tabs and line ends), and a boundary nowhere; in what is signed, it may not
 * stand behind what ends a line for anybody. `*ret_problem` is untranslated, and NULL if there is none. */
SG_MUST_CHECK enum sg_rc sg_mime_find_unclear(struct sg_input *input, const struct sg_mime_stretch *stretch,
                                              const char *boundary, const char **ret_problem, size_t *ret_line,
                                              struct sg_err *err);
