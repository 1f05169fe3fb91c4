/* How wide and high a text is at most, in whichever sans-serif font the reader has, so that what is drawn never
 * overlaps. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Whether a character is drawn over the one before it. */
bool sg_html_is_mark(uint32_t code_point);
/* Letters, all of a drawing's. */
struct sg_lettering {
    const char *class; /* of the page, whose style sheet says the same */
    unsigned size;     /* in the drawing's units, as widths are */
    bool bold;
};

/* Of clean text on one line. */
unsigned sg_html_width(struct sg_slice text, const struct sg_lettering *lettering);
unsigned sg_html_height(struct sg_slice text, const struct sg_lettering *lettering);
/* The first line of a text that is broken into lines of that width: its length in bytes, at least one character. Broken
 * after a space, a comma or a hyphen if there is one, else anywhere. */
size_t sg_html_line(struct sg_slice text, const struct sg_lettering *lettering, unsigned width);
