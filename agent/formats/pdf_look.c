#include "formats/pdf_look.h"

#include <math.h>

#include "base/limits.h"
#include "base/msg.h"
#include "formats/module.h"
#include "formats/pdf_look_module.h"

extern const struct sg_text_table sg_text_table __attribute__((weak));

void sg_pdf_look_parts_clear(struct sg_pdf_look_parts *parts)
{
    for (size_t i = 0; i < parts->count; i++) {
        sg_buf_clear(&parts->parts[i].dictionary);
        sg_buf_clear(&parts->parts[i].data);
    }
    free(parts->parts);
    *parts = (struct sg_pdf_look_parts){0};
}

static bool is_side(double points)
{
    return isfinite(points) && points > 0 && points <= SG_MAX_LOOK_SIDE;
}

enum sg_rc sg_pdf_look_draw(const struct sg_pdf_look *look, double width, double height, const char *image_name,
                            struct sg_pdf_look_parts *ret, struct sg_err *err)
{
    _cleanup_(sg_pdf_look_parts_clear) struct sg_pdf_look_parts parts = {0};
    static sg_module_kept kept;
    const void *table = NULL;
    if (!is_side(width) || !is_side(height))
        return sg_fail(err, SG_E_USAGE,
                       _("The box of a visible signature has a width and height of more than 0 and at most %d points."),
                       SG_MAX_LOOK_SIDE);
    if (look->line_count > SG_MAX_LOOK_LINES)
        return sg_fail(err, SG_E_LIMIT, _("A visible signature has at most %d lines of text, not %zu."),
                       SG_MAX_LOOK_LINES, look->line_count);
    if (look->font_count > SG_MAX_FONTS)
        return sg_fail(err, SG_E_LIMIT, _("At most %d fonts can be named for a visible signature, not %zu."),
                       SG_MAX_FONTS, look->font_count);
    if (look->image.len > SG_MAX_LOOK_IMAGE)
        return sg_about(image_name, err,
                        sg_fail(err, SG_E_LIMIT,
                                _("The image \"%s\" has more than %zu MiB; make it smaller: a visible signature needs "
                                  "no more than some hundred pixels."),
                                image_name, SG_MAX_LOOK_IMAGE / SG_MIB));
    if (look->line_count == 0 && look->image.len == 0)
        return sg_fail(err, SG_E_USAGE, "%s", _("A visible signature shows text, an image, or both."));
    enum sg_rc rc = sg_module_table(SG_TEXT_MODULE, SG_TEXT_TABLE, &sg_text_table, &kept, &table, err);
    if (rc == SG_OK)
        rc = ((const struct sg_text_table *)table)->draw(look, width, height, image_name, &parts, err);
    if (rc != SG_OK)
        return rc;
    *ret = parts;
    parts = (struct sg_pdf_look_parts){0};
    return SG_OK;
}
