#include <math.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/msg.h"
#include "formats/look_private.h"

#define LARGEST 12.0 /* points of a font */
#define SMALLEST 6.0 /* that can be read, on paper, too */
#define STEP 0.5
#define NAME 1.4 /* times as large: the first line */

#define PADDING 2.0
#define GAP 4.0         /* between image and text */
#define IMAGE_SHARE 0.4 /* of the width, at most, where there is text, too */
#define ASCENT 0.8      /* ems, of lines whose ink is lower */
#define DESCENT 0.2
#define LEADING 0.2
#define FEWEST_EMS 10.0 /* of text in a line: where there is less, a wider box is asked for */

/* Where lines may end, if no word ends in time. */
enum breaks {
    BREAKS_NONE,
    BREAKS_UNSPACED, /* in scripts that do not part words by spaces */
    BREAKS_ANYWHERE  /* behind any character */
};

/* Where the text stands: below and to the right of its upper left corner. */
struct area {
    double width, height;
    enum breaks breaks;
};

void sg_look_layout_clear(struct sg_look_layout *layout)
{
    for (size_t i = 0; i < layout->count; i++)
        sg_look_line_clear(&layout->rows[i].line);
    free(layout->rows);
    *layout = (struct sg_look_layout){0};
}

/* --- Lines of one size --- */

static size_t skip_spaces(const struct sg_look_text *text, size_t at)
{
    while (at < text->len && text->points[at] == ' ')
        at++;
    return at;
}

/* Where the line that starts at `start` ends: as far as `width` ems go; within a word only if that is longer than the
 * line. Nothing fits: `start`. */
static size_t line_end(const struct sg_look_text *text, size_t start, double width, enum breaks breaks)
{
    double used = 0;
    size_t end = start, within = start;
    for (size_t at = start; at < text->len; at++) {
        const struct sg_look_char *c = &text->chars[at];
        if (at > start && c->may_end)
            end = at;
        if (at > start && c->starts && (breaks == BREAKS_ANYWHERE || (breaks == BREAKS_UNSPACED && c->unspaced)))
            within = at;
        used += c->advance;
        if (used > width && text->points[at] != ' ')
            return end == start ? within : end;
    }
    return text->len;
}

static double ink_width(const struct sg_look_line *line)
{
    return fmax(line->right, line->advance) - line->left;
}

/* Adds a row, if it is not wider than the area. */
static enum sg_rc add_row(struct sg_look_layout *layout, const struct sg_look_text *text, size_t start, size_t end,
                          double size, double width, bool *ret_fits, struct sg_err *err)
{
    struct sg_look_row row = {.text = text, .size = size};
    struct sg_look_row *grown = reallocarray(layout->rows, layout->count + 1, sizeof *grown);
    if (!grown)
        return sg_fail_memory(err);
    layout->rows = grown;
    enum sg_rc rc = sg_look_shape(text, start, end, &row.line, err);
    if (rc != SG_OK)
        return rc;
    *ret_fits = ink_width(&row.line) * size <= width;
    row.x = text->from_right ? width - fmax(row.line.right, row.line.advance) * size : -row.line.left * size;
    layout->rows[layout->count++] = row;
    return SG_OK;
}

static enum sg_rc wrap(struct sg_look_layout *layout, const struct sg_look_text *text, double size,
                       const struct area *area, bool *ret_fits, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    bool fits = true;
    for (size_t at = skip_spaces(text, 0), next = 0; at < text->len && fits && rc == SG_OK; at = next) {
        size_t end = line_end(text, at, area->width / size, area->breaks);
        next = skip_spaces(text, end);
        while (end > at && text->points[end - 1] == ' ')
            end--;
        if (end == at)
            fits = false;
        else
            rc = add_row(layout, text, at, end, size, area->width, &fits, err);
    }
    *ret_fits = fits;
    return rc;
}

/* Gives the rows their baselines, from the area's upper edge down. Returns the height of all. */
static double stack(struct sg_look_layout *layout)
{
    double y = 0;
    for (size_t i = 0; i < layout->count; i++) {
        struct sg_look_row *row = &layout->rows[i];
        y += (i > 0 ? LEADING * row->size : 0) + fmax(ASCENT, row->line.top) * row->size;
        row->y = -y;
        y += fmax(DESCENT, -row->line.bottom) * row->size;
    }
    return y;
}

/* All of the texts at `size`; `ret_height` is INFINITY where a word, or a character, is wider than the area. */
static enum sg_rc set_rows(const struct sg_look_text *texts, size_t count, double size, const struct area *area,
                           struct sg_look_layout *layout, double *ret_height, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    bool fits = true;
    for (size_t i = 0; i < count && fits && rc == SG_OK; i++)
        rc = wrap(layout, &texts[i], i == 0 ? size * NAME : size, area, &fits, err);
    if (rc == SG_OK)
        *ret_height = fits ? stack(layout) : INFINITY;
    return rc;
}

/* The rows in the largest size that fits without breaks, or with few. Only the smallest is left where words do not fit
 * any, so that no more of them than must be are broken. None: a layout without rows. */
static enum sg_rc fit_rows(const struct sg_look_text *texts, size_t count, struct area area,
                           struct sg_look_layout *layout, double *ret_height, struct sg_err *err)
{
    for (area.breaks = BREAKS_NONE; area.breaks <= BREAKS_ANYWHERE; area.breaks++) {
        double largest = area.breaks == BREAKS_ANYWHERE ? SMALLEST : LARGEST;
        for (double size = largest; size >= SMALLEST; size -= STEP) {
            enum sg_rc rc = set_rows(texts, count, size, &area, layout, ret_height, err);
            if (rc != SG_OK || *ret_height <= area.height)
                return rc;
            sg_look_layout_clear(layout);
        }
    }
    return SG_OK;
}

/* --- The box --- */

static struct sg_pdf_rect image_place(double aspect, bool beside_text, double width, double height)
{
    double widest = (width - 2 * PADDING) * (beside_text ? IMAGE_SHARE : 1), tallest = height - 2 * PADDING;
    struct sg_pdf_rect place = {.width = fmin(widest, tallest * aspect)};
    place.height = place.width / aspect;
    place.x = PADDING + (beside_text ? 0 : (widest - place.width) / 2);
    place.y = PADDING + (tallest - place.height) / 2;
    return place;
}

static bool is_empty(const struct sg_look_text *texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (skip_spaces(&texts[i], 0) < texts[i].len)
            return false;
    return true;
}

/* The width that text and image need, with as many ems in a line as it has at least, up to FEWEST_EMS. */
static double needed_width(const struct sg_look_text *texts, size_t count, bool has_image)
{
    double text = 0;
    for (size_t i = 0; i < count; i++) {
        double ems = 0;
        for (size_t k = 0; k < texts[i].len; k++)
            ems += texts[i].chars[k].advance;
        text = fmax(text, fmin(ems + 1, FEWEST_EMS) * SMALLEST * (i == 0 ? NAME : 1));
    }
    return 2 * PADDING + (has_image ? (text + GAP) / (1 - IMAGE_SHARE) : text);
}

/* In a box of the needed width and height, the image takes no more than its share, and so the text fits. */
static enum sg_rc too_small(const struct sg_look_text *texts, size_t count, bool has_image, double width, double height,
                            struct sg_err *err)
{
    double needed = fmax(ceil(needed_width(texts, count, has_image)), width), text_height = INFINITY;
    for (; isinf(text_height); needed++) { /* ink may reach further than letters are wide */
        double inner = needed - 2 * PADDING;
        struct area area = {.width = has_image ? inner * (1 - IMAGE_SHARE) - GAP : inner, .breaks = BREAKS_ANYWHERE};
        _cleanup_(sg_look_layout_clear) struct sg_look_layout layout = {0};
        enum sg_rc rc = set_rows(texts, count, SMALLEST, &area, &layout, &text_height, err);
        if (rc != SG_OK)
            return rc;
        if (!isinf(text_height))
            break;
    }
    return sg_fail(err, SG_E_USAGE,
                   _("The box of the visible signature is %g by %g points, too small for its text to be read. It needs "
                     "%g by %g points, or less text."),
                   width, height, needed, fmax(ceil(text_height + 2 * PADDING), height));
}

enum sg_rc sg_look_lay_out(const struct sg_look_text *texts, size_t count, double aspect, double width, double height,
                           struct sg_look_layout *ret, struct sg_err *err)
{
    _cleanup_(sg_look_layout_clear) struct sg_look_layout layout = {0};
    bool has_text = !is_empty(texts, count);
    double text_height = 0;
    if (fmin(width, height) <= 4 * PADDING && !has_text)
        return sg_fail(err, SG_E_USAGE,
                       _("The box of the visible signature is %g by %g points, too small for an image."), width,
                       height);
    struct sg_pdf_rect image = {0};
    if (aspect > 0)
        image = image_place(aspect, has_text, width, height);
    double left = aspect > 0 && has_text ? image.x + image.width + GAP : PADDING;
    struct area area = {.width = width - PADDING - left, .height = height - 2 * PADDING};
    if (has_text && area.width > 0 && area.height > 0) {
        enum sg_rc rc = fit_rows(texts, count, area, &layout, &text_height, err);
        if (rc != SG_OK)
            return rc;
    }
    if (has_text && layout.count == 0)
        return too_small(texts, count, aspect > 0, width, height, err);
    for (size_t i = 0; i < layout.count; i++) {
        layout.rows[i].x += left;
        layout.rows[i].y += height - PADDING - (area.height - text_height) / 2;
    }
    *ret = layout;
    ret->image = image;
    layout = (struct sg_look_layout){0};
    return SG_OK;
}
