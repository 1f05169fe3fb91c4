/* What a visible signature looks like: lines of text in any script, and an image, as the appearance stream of its
 * widget (ISO 32000-1 §12.5.5). Text is shaped by HarfBuzz, and the glyphs used are embedded as a subset of the font:
 * what no font at hand has, is refused, never shown as boxes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct sg_pdf_rect {
    double x, y, width, height; /* points, from the lower left corner of the page as it is seen */
};

struct sg_pdf_look {
    const char *const *lines; /* UTF-8; the first is the signer's name, and larger */
    size_t line_count;
    struct sg_slice image;    /* JPEG or PNG; none: {NULL, 0} */
    const char *const *fonts; /* files to take glyphs from, the best first; NULL: those of the system that are known */
    size_t font_count;
};

/* An object to be added to the file: a dictionary, and a stream's data if it is one. References among them are written
 * as "@N@", N the index in the list, for the writer to give them numbers. */
struct sg_pdf_part {
    struct sg_buf dictionary; /* as PDF has it, without /Length */
    struct sg_buf data;
    bool is_stream;
};

struct sg_pdf_look_parts {
    struct sg_pdf_part *parts; /* the first is the form XObject */
    size_t count;
};

/* Lays out and draws the look in a box of that size, in points. A script that no font has, an image that is none or too
 * large: SG_E_UNSUPPORTED, SG_E_MALFORMED, SG_E_LIMIT. `image_name` is for messages. */
SG_MUST_CHECK enum sg_rc sg_pdf_look_draw(const struct sg_pdf_look *look, double width, double height,
                                          const char *image_name, struct sg_pdf_look_parts *ret, struct sg_err *err);
void sg_pdf_look_parts_clear(struct sg_pdf_look_parts *parts);
