#include "verify/report_html_draw.h"

#include <string.h>

#include "base/limits.h"

#define MAX_DRAWING (8 * SG_MIB)
#define INNER (SG_DRAWING_WIDTH - 2 * SG_DRAWING_MARGIN)

const struct sg_lettering sg_lettering_name = {"n", 14, true}, sg_lettering_plain = {"p", 13, false},
                          sg_lettering_small = {"s", 12, false};

void sg_drawing_begin(struct sg_drawing *drawing, struct sg_err *err)
{
    *drawing = (struct sg_drawing){.rows = SG_BUF(MAX_DRAWING),
                                   .frames = SG_BUF(MAX_DRAWING),
                                   .description = SG_BUF(MAX_DRAWING),
                                   .y = SG_DRAWING_MARGIN};
    drawing->html = (struct sg_html){.out = &drawing->rows, .err = err};
    drawing->behind = (struct sg_html){.out = &drawing->frames, .err = err};
}

void sg_drawing_clear(struct sg_drawing *drawing)
{
    sg_buf_clear(&drawing->rows);
    sg_buf_clear(&drawing->frames);
    sg_buf_clear(&drawing->description);
}

/* One line, `height` high, whose top is where the next row begins. In all scripts about a quarter of it is below the
 * letters' foot. */
static void put_line(struct sg_drawing *drawing, const struct sg_lettering *lettering, unsigned x, unsigned height,
                     const char *more, struct sg_slice text)
{
    sg_html_putf(&drawing->html, "<text class=\"%s%s\" x=\"%u\" y=\"%u\">", lettering->class, more, x,
                 drawing->y + height * 3 / 4);
    sg_html_escaped(&drawing->html, text);
    sg_html_put(&drawing->html, "</text>\n");
}

void sg_drawing_lines(struct sg_drawing *drawing, const struct sg_lettering *lettering, unsigned x, unsigned width,
                      const char *text)
{
    _cleanup_(sg_buf_clear) struct sg_buf clean = SG_BUF(3 * strlen(text));
    if (drawing->html.rc == SG_OK)
        drawing->html.rc = sg_html_clean(text, &clean, drawing->html.err);
    for (struct sg_slice left = sg_buf_slice(&clean); drawing->html.rc == SG_OK && left.len > 0;) {
        size_t n = sg_html_line(left, lettering, width);
        struct sg_slice line = {left.data, n};
        unsigned height = sg_html_height(line, lettering);
        put_line(drawing, lettering, x, height, "", line);
        drawing->y += height;
        left.data += n;
        left.len -= n;
    }
}

void sg_drawing_ends(struct sg_drawing *drawing, const struct sg_lettering *lettering, const char *left,
                     const char *right)
{
    const struct sg_slice at_left = {(const uint8_t *)left, strlen(left)};
    const struct sg_slice at_right = {(const uint8_t *)right, strlen(right)};
    const unsigned gap = lettering->size;
    unsigned together = sg_html_width(at_left, lettering) + gap + sg_html_width(at_right, &sg_lettering_small);
    if (together > INNER) {
        sg_drawing_lines(drawing, lettering, SG_DRAWING_MARGIN, INNER, left);
        sg_drawing_lines(drawing, &sg_lettering_small, SG_DRAWING_MARGIN, INNER, right);
        return;
    }
    unsigned height = sg_html_height(at_left, lettering);
    put_line(drawing, lettering, SG_DRAWING_MARGIN, height, "", at_left);
    put_line(drawing, &sg_lettering_small, SG_DRAWING_WIDTH - SG_DRAWING_MARGIN, height, " e", at_right);
    drawing->y += height;
}

void sg_drawing_describe(struct sg_drawing *drawing, const char *text)
{
    if (drawing->html.rc == SG_OK)
        drawing->html.rc = sg_html_clean(text, &drawing->description, drawing->html.err);
}

void sg_drawing_end(struct sg_drawing *drawing, const char *id, const char *title, struct sg_html *html)
{
    if (html->rc == SG_OK)
        html->rc = drawing->html.rc != SG_OK ? drawing->html.rc : drawing->behind.rc;
    sg_html_putf(html,
                 "<svg id=\"%s\" role=\"img\" aria-labelledby=\"%s-t %s-d\" viewBox=\"0 0 %u %u\" "
                 "xmlns=\"http://www.w3.org/2000/svg\">\n<title id=\"%s-t\">",
                 id, id, id, SG_DRAWING_WIDTH, drawing->y + SG_DRAWING_MARGIN, id);
    sg_html_text(html, title);
    sg_html_putf(html, "</title>\n<desc id=\"%s-d\">", id);
    sg_html_escaped(html, sg_buf_slice(&drawing->description));
    sg_html_put(html, "</desc>\n");
    if (html->rc == SG_OK)
        html->rc = sg_buf_append(html->out, drawing->frames.data, drawing->frames.len, html->err);
    if (html->rc == SG_OK)
        html->rc = sg_buf_append(html->out, drawing->rows.data, drawing->rows.len, html->err);
    sg_html_put(html, "</svg>\n");
}
