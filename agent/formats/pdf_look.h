/* What a visible signature looks like: lines of text in any script, and an image, as the appearance stream of its
 * widget (ISO 32000-1 §12.5.5). Text is ordered by UAX #9 and shaped by HarfBuzz, and the glyphs used are embedded as
 * subsets of their fonts: what no font at hand has, is refused, never shown as boxes. Colours do not depend on a
 * device, and nothing is transparent, as PDF/A wants. All of it is done by a module (formats/module.h). */
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
    const char *const *lines; /* UTF-8; the first is the signer's name, and larger. A long one is wrapped; each is
                               * written from the right if its first letter is */
    size_t line_count;
    struct sg_slice image;    /* JPEG or PNG, shown at the left, with what is transparent in white; none: {NULL, 0} */
    const char *const *fonts; /* files to take glyphs from, the best first (OpenType; of a collection, its first);
                               * NULL: those that Debian's packages of Noto, DejaVu and some others install */
    size_t font_count;
};

/* An object to be added to the file: a dictionary, and a stream's data if it is one. A reference to one of them is
 * written "@N@", N its index in the list, where the writer puts "M 0 R"; no other "@" is in a dictionary, and none in
 * `data` counts. */
struct sg_pdf_part {
    struct sg_buf dictionary; /* as PDF has it, without /Length */
    struct sg_buf data;
    bool is_stream;
};

struct sg_pdf_look_parts {
    struct sg_pdf_part *parts; /* the first is the form XObject */
    size_t count;
};

/* Lays out and draws the look in a box of that size, in points, whose lower left corner is the form's origin. A box in
 * which it cannot be read: SG_E_USAGE, with the size that it needs. A character that no font has, or that steers text
 * instead of showing (controls, direction overrides), an image of another kind: SG_E_UNSUPPORTED; a broken image or
 * font: SG_E_MALFORMED; too large: SG_E_LIMIT; a named font that is not there: SG_E_NOT_FOUND; or that may not be
 * embedded: SG_E_POLICY. `image_name` is for messages. */
SG_MUST_CHECK enum sg_rc sg_pdf_look_draw(const struct sg_pdf_look *look, double width, double height,
                                          const char *image_name, struct sg_pdf_look_parts *ret, struct sg_err *err);
void sg_pdf_look_parts_clear(struct sg_pdf_look_parts *parts);
