#include <string.h>

#include "base/limits.h"
#include "base/msg.h"
#include "formats/look_private.h"
#include "formats/pdf_look_module.h"

/* The white of CIE D65, and sRGB's primaries as nearly as CalRGB has them (§8.6.5): colours of no device. */
#define WHITE "/WhitePoint[0.9505 1 1.089]"
#define GREY "[/CalGray<<" WHITE "/Gamma 2.2>>]"
#define RGB                                                                                                            \
    "[/CalRGB<<" WHITE "/Gamma[2.2 2.2 2.2]/Matrix[0.4124 0.2126 0.0193 0.3576 0.7152 0.1192 0.1805 0.0722 0.9505]>>]"

/* What is drawn, and the fonts that it takes. */
struct drawing {
    struct sg_look_text texts[SG_MAX_LOOK_LINES];
    size_t text_count;
    struct sg_look_image image;
    struct sg_look_layout layout;
    struct sg_look_subset subsets[SG_MAX_FONTS];
    size_t fonts[SG_MAX_FONTS]; /* their parts */
    size_t subset_count;
};

/* Glyphs side by side that stand for the same characters. */
struct cluster {
    const struct sg_look_glyph *glyphs;
    size_t count;
    const uint32_t *points;
    size_t len;
};

static void drawing_clear(struct drawing *drawing)
{
    sg_look_layout_clear(&drawing->layout);
    for (size_t i = 0; i < drawing->text_count; i++)
        sg_look_text_clear(&drawing->texts[i]);
    for (size_t i = 0; i < drawing->subset_count; i++)
        free(drawing->subsets[i].uses);
    sg_buf_clear(&drawing->image.data);
}

/* --- The image --- */

static enum sg_rc read_image(struct sg_slice file, const char *name, struct sg_look_image *image, struct sg_err *err)
{
    static const uint8_t png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'}, jpeg[] = {0xff, 0xd8, 0xff};
    if (file.len >= sizeof(png) && memcmp(file.data, png, sizeof(png)) == 0)
        return sg_look_png(file, name, image, err);
    if (file.len >= sizeof(jpeg) && memcmp(file.data, jpeg, sizeof(jpeg)) == 0)
        return sg_look_jpeg(file, name, image, err);
    return sg_about(name, err,
                    sg_fail(err, SG_E_UNSUPPORTED,
                            _("The image \"%s\" is neither a JPEG nor a PNG file. Save it as one of them."), name));
}

/* From the fifth on, Exif's orientations lie on their side. */
double sg_look_image_aspect(const struct sg_look_image *image)
{
    double aspect = (double)image->width / image->height;
    return image->orientation >= 5 ? 1 / aspect : aspect;
}

static enum sg_rc write_image(struct sg_look_image *image, struct sg_pdf_look_parts *parts, struct sg_err *err)
{
    struct sg_pdf_part *part = NULL;
    enum sg_rc rc = sg_look_part(parts, true, &part, err);
    if (rc == SG_OK)
        rc = sg_buf_printf(
            &part->dictionary, err,
            "<</Type/XObject/Subtype/Image/Width %u/Height %u/BitsPerComponent 8/ColorSpace%s/Filter/%s>>",
            image->width, image->height, image->components == 1 ? GREY : RGB, image->filter);
    if (rc != SG_OK)
        return rc;
    part->data = image->data;
    image->data = (struct sg_buf)SG_BUF(SG_MAX_LOOK_PART);
    return SG_OK;
}

static enum sg_rc write_numbers(struct sg_buf *out, const double *numbers, size_t count, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    for (size_t i = 0; i < count && rc == SG_OK; i++)
        rc = sg_look_number(out, numbers[i], err);
    return rc;
}

/* An image is drawn in the unit square, which is turned as its orientation says, and then brought to its place. */
static enum sg_rc draw_image(const struct sg_look_image *image, const struct sg_pdf_rect *place, struct sg_buf *out,
                             struct sg_err *err)
{
    static const double turns[8][6] = {
        {1, 0, 0, 1, 0, 0},   {-1, 0, 0, 1, 1, 0}, {-1, 0, 0, -1, 1, 1}, {1, 0, 0, -1, 0, 1},
        {0, -1, -1, 0, 1, 1}, {0, -1, 1, 0, 0, 1}, {0, 1, 1, 0, 0, 0},   {0, 1, -1, 0, 1, 0},
    };
    const double to_place[6] = {place->width, 0, 0, place->height, place->x, place->y};
    enum sg_rc rc = sg_buf_printf(out, err, "q\n");
    if (rc == SG_OK)
        rc = write_numbers(out, to_place, 6, err);
    if (rc == SG_OK)
        rc = sg_buf_printf(out, err, "cm\n");
    if (rc == SG_OK)
        rc = write_numbers(out, turns[image->orientation - 1], 6, err);
    return rc == SG_OK ? sg_buf_printf(out, err, "cm\n/Image Do\nQ\n") : rc;
}

/* --- Text --- */

static struct cluster cluster_at(const struct sg_look_row *row, size_t at)
{
    const struct sg_look_glyph *first = &row->line.glyphs[at];
    size_t count = 1;
    while (at + count < row->line.count && first[count].start == first->start)
        count++;
    return (struct cluster){
        .glyphs = first, .count = count, .points = row->text->points + first->start, .len = first->end - first->start};
}

static enum sg_rc subset_of(struct drawing *drawing, const struct sg_look_font *font, size_t *ret, struct sg_err *err)
{
    size_t i = 0;
    while (i < drawing->subset_count && drawing->subsets[i].font != font)
        i++;
    if (i == SG_MAX_FONTS)
        return sg_fail(err, SG_E_LIMIT, _("The visible signature needs more than %d fonts."), SG_MAX_FONTS);
    if (i == drawing->subset_count)
        drawing->subsets[drawing->subset_count++].font = font;
    *ret = i;
    return SG_OK;
}

static enum sg_rc use_cluster(struct drawing *drawing, const struct cluster *cluster, struct sg_err *err)
{
    size_t subset = 0;
    enum sg_rc rc = subset_of(drawing, cluster->glyphs->font, &subset, err);
    for (size_t i = 0; i < cluster->count && rc == SG_OK; i++) {
        struct sg_look_use use = {
            .glyph = cluster->glyphs[i].id,
            .points = cluster->points,
            .count = cluster->len,
            .alone = cluster->count == 1,
        };
        rc = sg_look_subset_add(&drawing->subsets[subset], &use, err);
    }
    return rc;
}

static enum sg_rc use_glyphs(struct drawing *drawing, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    for (size_t i = 0; i < drawing->layout.count; i++) {
        const struct sg_look_row *row = &drawing->layout.rows[i];
        for (size_t at = 0; at < row->line.count && rc == SG_OK;) {
            struct cluster cluster = cluster_at(row, at);
            rc = use_cluster(drawing, &cluster, err);
            at += cluster.count;
        }
    }
    return rc;
}

static enum sg_rc draw_glyph(const struct sg_look_row *row, const struct sg_look_glyph *glyph, unsigned code,
                             struct sg_buf *out, struct sg_err *err)
{
    const double matrix[6] = {1, 0, 0, 1, row->x + glyph->x * row->size, row->y + glyph->y * row->size};
    enum sg_rc rc = write_numbers(out, matrix, 6, err);
    return rc == SG_OK ? sg_buf_printf(out, err, "Tm<%04X>Tj\n", code) : rc;
}

/* Where its glyphs do not say the text by themselves, it is said beside them (§14.9.4). */
static enum sg_rc draw_cluster(const struct drawing *drawing, const struct sg_look_row *row,
                               const struct cluster *cluster, const struct sg_look_subset *subset, struct sg_buf *out,
                               struct sg_err *err)
{
    (void)drawing;
    const struct sg_look_use *use = sg_look_subset_find(subset, cluster->glyphs->id);
    bool says = cluster->count == 1 && use->alone && use->count == cluster->len &&
                memcmp(use->points, cluster->points, cluster->len * sizeof *cluster->points) == 0;
    enum sg_rc rc = SG_OK;
    if (!says)
        rc = sg_buf_printf(out, err, "/Span<</ActualText<FEFF");
    if (!says && rc == SG_OK)
        rc = sg_look_utf16(out, cluster->points, cluster->len, err);
    if (!says && rc == SG_OK)
        rc = sg_buf_printf(out, err, ">>>BDC\n");
    for (size_t i = 0; i < cluster->count && rc == SG_OK; i++)
        rc = draw_glyph(row, &cluster->glyphs[i], sg_look_subset_find(subset, cluster->glyphs[i].id)->code, out, err);
    return rc == SG_OK && !says ? sg_buf_printf(out, err, "EMC\n") : rc;
}

static enum sg_rc draw_row(struct drawing *drawing, const struct sg_look_row *row, struct sg_buf *out,
                           struct sg_err *err)
{
    size_t current = SIZE_MAX;
    enum sg_rc rc = SG_OK;
    for (size_t at = 0; at < row->line.count && rc == SG_OK;) {
        struct cluster cluster = cluster_at(row, at);
        size_t subset = 0;
        rc = subset_of(drawing, cluster.glyphs->font, &subset, err);
        if (rc == SG_OK && subset != current)
            rc = sg_buf_printf(out, err, "/F%zu ", subset);
        if (rc == SG_OK && subset != current)
            rc = sg_look_number(out, row->size, err);
        if (rc == SG_OK && subset != current)
            rc = sg_buf_printf(out, err, "Tf\n");
        if (rc == SG_OK)
            rc = draw_cluster(drawing, row, &cluster, &drawing->subsets[subset], out, err);
        current = subset;
        at += cluster.count;
    }
    return rc;
}

static enum sg_rc draw_text(struct drawing *drawing, struct sg_buf *out, struct sg_err *err)
{
    enum sg_rc rc = sg_buf_printf(out, err, "/Grey cs 0 sc\nBT\n");
    for (size_t i = 0; i < drawing->layout.count && rc == SG_OK; i++)
        rc = draw_row(drawing, &drawing->layout.rows[i], out, err);
    return rc == SG_OK ? sg_buf_printf(out, err, "ET\n") : rc;
}

/* --- The form --- */

static enum sg_rc write_resources(const struct drawing *drawing, size_t image, struct sg_buf *out, struct sg_err *err)
{
    enum sg_rc rc = sg_buf_printf(out, err, "/Resources<</ColorSpace<</Grey%s>>", GREY);
    if (rc == SG_OK && image > 0)
        rc = sg_buf_printf(out, err, "/XObject<</Image @%zu@>>", image);
    if (rc == SG_OK && drawing->subset_count > 0)
        rc = sg_buf_printf(out, err, "/Font<<");
    for (size_t i = 0; i < drawing->subset_count && rc == SG_OK; i++)
        rc = sg_buf_printf(out, err, "/F%zu @%zu@", i, drawing->fonts[i]);
    return rc == SG_OK ? sg_buf_printf(out, err, "%s>>", drawing->subset_count > 0 ? ">>" : "") : rc;
}

static enum sg_rc draw_form(struct drawing *drawing, bool has_image, struct sg_buf *out, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf content = SG_BUF(SG_MAX_LOOK_PART);
    enum sg_rc rc = sg_buf_printf(&content, err, "q\n");
    if (rc == SG_OK && has_image)
        rc = draw_image(&drawing->image, &drawing->layout.image, &content, err);
    if (rc == SG_OK && drawing->layout.count > 0)
        rc = draw_text(drawing, &content, err);
    if (rc == SG_OK)
        rc = sg_buf_printf(&content, err, "Q\n");
    return rc == SG_OK ? sg_look_deflate(sg_buf_slice(&content), out, err) : rc;
}

/* The form is the first part; the others come before it is written, as it names them. */
static enum sg_rc write_parts(struct drawing *drawing, double width, double height, bool has_image,
                              struct sg_pdf_look_parts *parts, struct sg_err *err)
{
    struct sg_pdf_part *form = NULL;
    size_t image = 0;
    enum sg_rc rc = sg_look_part(parts, true, &form, err);
    for (size_t i = 0; i < drawing->subset_count && rc == SG_OK; i++) {
        drawing->fonts[i] = parts->count;
        rc = sg_look_embed(&drawing->subsets[i], parts, err);
    }
    if (rc == SG_OK && has_image) {
        image = parts->count;
        rc = write_image(&drawing->image, parts, err);
    }
    if (rc != SG_OK)
        return rc;
    form = &parts->parts[0];
    const double size[] = {width, height};
    rc = sg_buf_printf(&form->dictionary, err, "<</Type/XObject/Subtype/Form/FormType 1/BBox[0 0 ");
    if (rc == SG_OK)
        rc = write_numbers(&form->dictionary, size, 2, err);
    if (rc == SG_OK)
        rc = sg_buf_printf(&form->dictionary, err, "]");
    if (rc == SG_OK)
        rc = write_resources(drawing, image, &form->dictionary, err);
    if (rc == SG_OK)
        rc = sg_buf_printf(&form->dictionary, err, "/Filter/FlateDecode>>");
    return rc == SG_OK ? draw_form(drawing, has_image, &form->data, err) : rc;
}

static enum sg_rc read_texts(const struct sg_pdf_look *look, struct sg_look_fonts *fonts, struct drawing *drawing,
                             struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    for (size_t i = 0; i < look->line_count && rc == SG_OK; i++) {
        rc = sg_look_text_read(look->lines[i], fonts, &drawing->texts[i], err);
        if (rc == SG_OK)
            drawing->text_count++;
    }
    return rc;
}

static enum sg_rc draw(const struct sg_pdf_look *look, double width, double height, const char *image_name,
                       struct sg_pdf_look_parts *parts, struct sg_err *err)
{
    _cleanup_(sg_look_fonts_freep) struct sg_look_fonts *fonts = NULL;
    _cleanup_(drawing_clear) struct drawing drawing = {.image = SG_LOOK_IMAGE};
    bool has_image = look->image.len > 0;
    enum sg_rc rc = sg_look_fonts_new(look->fonts, look->font_count, &fonts, err);
    if (rc == SG_OK && has_image)
        rc = read_image(look->image, image_name, &drawing.image, err);
    if (rc == SG_OK)
        rc = read_texts(look, fonts, &drawing, err);
    if (rc == SG_OK)
        rc = sg_look_lay_out(drawing.texts, drawing.text_count, has_image ? sg_look_image_aspect(&drawing.image) : 0,
                             width, height, &drawing.layout, err);
    if (rc == SG_OK)
        rc = use_glyphs(&drawing, err);
    if (rc == SG_OK)
        rc = write_parts(&drawing, width, height, has_image, parts, err);
    return rc;
}

__attribute__((visibility("default"))) const struct sg_text_table sg_text_table = {.draw = draw};
