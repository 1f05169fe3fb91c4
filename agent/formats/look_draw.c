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
    struct sg_look_subsets subsets;
    size_t fonts[SG_MAX_FONTS]; /* the parts of each subset begin there */
};

static void drawing_clear(struct drawing *drawing)
{
    sg_look_layout_clear(&drawing->layout);
    for (size_t i = 0; i < drawing->text_count; i++)
        sg_look_text_clear(&drawing->texts[i]);
    sg_look_subsets_clear(&drawing->subsets);
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

/* --- The form --- */

static enum sg_rc write_resources(const struct drawing *drawing, size_t image, struct sg_buf *out, struct sg_err *err)
{
    enum sg_rc rc = sg_buf_printf(out, err, "/Resources<</ColorSpace<</Grey%s>>", GREY);
    if (rc == SG_OK && image > 0)
        rc = sg_buf_printf(out, err, "/XObject<</Image @%zu@>>", image);
    if (rc == SG_OK && drawing->subsets.count > 0)
        rc = sg_buf_printf(out, err, "/Font<<");
    for (size_t i = 0; i < drawing->subsets.count && rc == SG_OK; i++)
        rc = sg_buf_printf(out, err, "/F%zu @%zu@", i, drawing->fonts[i]);
    return rc == SG_OK ? sg_buf_printf(out, err, "%s>>", drawing->subsets.count > 0 ? ">>" : "") : rc;
}

static enum sg_rc write_content(const struct drawing *drawing, bool has_image, struct sg_buf *out, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf content = SG_BUF(SG_MAX_LOOK_PART);
    enum sg_rc rc = sg_buf_printf(&content, err, "q\n");
    if (rc == SG_OK && has_image)
        rc = sg_look_draw_image(&drawing->image, &drawing->layout.image, &content, err);
    if (rc == SG_OK && drawing->layout.count > 0)
        rc = sg_look_draw_text(&drawing->layout, &drawing->subsets, &content, err);
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
    for (size_t i = 0; i < drawing->subsets.count && rc == SG_OK; i++) {
        drawing->fonts[i] = parts->count;
        rc = sg_look_embed(&drawing->subsets.items[i], parts, err);
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
        rc = sg_look_numbers(&form->dictionary, size, 2, err);
    if (rc == SG_OK)
        rc = sg_buf_printf(&form->dictionary, err, "]");
    if (rc == SG_OK)
        rc = write_resources(drawing, image, &form->dictionary, err);
    if (rc == SG_OK)
        rc = sg_buf_printf(&form->dictionary, err, "/Filter/FlateDecode>>");
    return rc == SG_OK ? write_content(drawing, has_image, &form->data, err) : rc;
}

static enum sg_rc read_texts(const struct sg_pdf_look *look, struct sg_look_fonts *fonts, struct drawing *drawing,
                             struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    for (size_t i = 0; i < look->line_count && rc == SG_OK; i++) {
        rc = sg_look_text_read(look->lines[i], i > 0 && drawing->texts[i - 1].from_right, fonts, &drawing->texts[i],
                               err);
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
        rc = sg_look_use_glyphs(&drawing.layout, &drawing.subsets, err);
    if (rc == SG_OK)
        rc = write_parts(&drawing, width, height, has_image, parts, err);
    return rc;
}

__attribute__((visibility("default"))) const struct sg_text_table sg_text_table = {.draw = draw};
