/* The drawings of the page. They are 360 units wide and as high as their rows: the same on a phone, beside each other
 * on a desk and on paper. Each text has a row of its own that is broken by its measured width, so nothing can overlap
 * or be cut off, whatever the times and names. Colours are the page's, by class. */
#pragma once

#include "verify/report_html_measure.h"
#include "verify/report_html_write.h"
#include "verify/verify.h"

#define SG_DRAWING_WIDTH 360
#define SG_DRAWING_MARGIN 10

/* A drawing in the making: rows are added below each other, and then it is framed. */
struct sg_drawing {
    struct sg_html html;   /* into `rows` */
    struct sg_html behind; /* into `frames`, over which the rows are drawn */
    struct sg_buf rows, frames;
    struct sg_buf description; /* for who cannot see it; clean */
    unsigned y;                /* where the next row begins */
};

void sg_drawing_begin(struct sg_drawing *drawing, struct sg_err *err); /* not to be moved after */
void sg_drawing_clear(struct sg_drawing *drawing);

extern const struct sg_lettering sg_lettering_name, sg_lettering_plain, sg_lettering_small;

/* Adds text, which may be a stranger's, broken into lines that are `width` wide, and goes below them. */
void sg_drawing_lines(struct sg_drawing *drawing, const struct sg_lettering *lettering, unsigned x, unsigned width,
                      const char *text);
/* A word at the left and one at the right of one line, or of two where they do not fit. Both ours. */
void sg_drawing_ends(struct sg_drawing *drawing, const struct sg_lettering *lettering, const char *left,
                     const char *right);
/* Adds to the description. */
void sg_drawing_describe(struct sg_drawing *drawing, const char *text);
/* The finished <svg>, with a title and the description. `id`: of this drawing on the page. */
void sg_drawing_end(struct sg_drawing *drawing, const char *id, const char *title, struct sg_html *html);

/* Who vouches for whom: the anchor first, the signer last. Nothing if the signer is not known. */
void sg_html_chain(const struct sg_verdict *verdict, const char *id, struct sg_html *html);
/* What happened when. */
void sg_html_timeline(const struct sg_report *report, const struct sg_verdict *verdict, const char *id,
                      struct sg_html *html);
