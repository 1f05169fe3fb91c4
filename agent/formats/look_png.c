#include <png.h>

#include "base/limits.h"
#include "base/msg.h"
#include "formats/look_private.h"

enum sg_rc sg_look_image_check(const struct sg_look_image *image, const char *name, struct sg_err *err)
{
    if (image->width == 0 || image->height == 0)
        return sg_about(name, err, sg_fail(err, SG_E_MALFORMED, _("The image \"%s\" has no pixels."), name));
    if (image->height > SG_MAX_LOOK_PIXELS / image->width)
        return sg_about(name, err,
                        sg_fail(err, SG_E_LIMIT,
                                _("The image \"%s\" has %u by %u pixels, more than %d million; make it smaller: a "
                                  "visible signature needs no more than some hundred."),
                                name, image->width, image->height, SG_MAX_LOOK_PIXELS / 1000000));
    return SG_OK;
}

static enum sg_rc damaged(const png_image *png, const char *name, struct sg_err *err)
{
    enum sg_rc rc = sg_about(
        name, err,
        sg_fail(err, SG_E_MALFORMED, _("The image \"%s\" is a damaged PNG file. Get a fresh copy of it."), name));
    sg_err_cause(err, "%s", png->message);
    return rc;
}

/* libpng makes 8 bits of every depth and palette, and puts what is transparent before white. */
static enum sg_rc decode(png_image *png, struct sg_slice file, const char *name, struct sg_look_image *image,
                         struct sg_err *err)
{
    static const png_color white = {255, 255, 255};
    if (!png_image_begin_read_from_memory(png, file.data, file.len))
        return damaged(png, name, err);
    png->format = png->format & PNG_FORMAT_FLAG_COLOR ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
    image->width = png->width;
    image->height = png->height;
    image->components = PNG_IMAGE_PIXEL_CHANNELS(png->format);
    enum sg_rc rc = sg_look_image_check(image, name, err);
    if (rc != SG_OK)
        return rc;
    _cleanup_(freep) uint8_t *pixels = malloc(PNG_IMAGE_SIZE(*png));
    if (!pixels)
        return sg_fail_memory(err);
    /* A warning (a checksum that is wrong, data that ends early) is damage as well. */
    if (!png_image_finish_read(png, &white, pixels, 0, NULL) || png->warning_or_error)
        return damaged(png, name, err);
    return sg_look_deflate((struct sg_slice){.data = pixels, .len = PNG_IMAGE_SIZE(*png)}, &image->data, err);
}

enum sg_rc sg_look_png(struct sg_slice file, const char *name, struct sg_look_image *image, struct sg_err *err)
{
    png_image png = {.version = PNG_IMAGE_VERSION};
    image->filter = "FlateDecode";
    image->orientation = 1;
    enum sg_rc rc = decode(&png, file, name, image, err);
    png_image_free(&png);
    return rc;
}
