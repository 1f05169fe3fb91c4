#include <png.h>
#include <zlib.h>

#include "formats/look_private.h"
#include "identity.h"

static enum sg_rc draw_image(struct sg_slice image)
{
    struct sg_pdf_look look = {.image = image};
    struct sg_pdf_look_parts parts = {0};
    enum sg_rc rc = sg_pdf_look_draw(&look, 100, 100, "test", &parts, NULL);
    sg_pdf_look_parts_clear(&parts);
    return rc;
}

static struct sg_slice segment(uint8_t marker, struct sg_slice content)
{
    const uint8_t head[] = {0xff, marker, (uint8_t)((content.len + 2) >> 8), (uint8_t)(content.len + 2)};
    return JOIN(slice(head, 4), content);
}

static struct sg_slice frame(uint8_t marker, uint8_t bits, uint8_t components)
{
    const uint8_t content[] = {bits, 0, 20, 0, 30, components, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0, 4, 0x11, 0};
    return segment(marker, slice(content, 6 + 3u * components));
}

static struct sg_slice jpeg_of(struct sg_slice middle)
{
    static const uint8_t scan[] = {1, 1, 0, 0, 63, 0};
    return JOIN(text("\xff\xd8"), middle, segment(0xda, slice(scan, 6)),
                text("abc\xff\xd0"
                     "def\xff\xff\xd9"));
}

/* Is a JPEG taken as it is, without what is private in it, and is any other than viewers must know refused? */
static void test_jpeg(void **state)
{
    static const char exif[] = "Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0";
    struct sg_look_image image = {.data = SG_BUF(SG_MIB)};
    (void)state;
    struct sg_slice adobe = segment(0xee, text("Adobe")),
                    whole = jpeg_of(JOIN(segment(0xe1, slice(exif, sizeof(exif) - 1)),
                                         segment(0xfe, text("where it was taken")), adobe, frame(0xc2, 8, 3)));
    assert_int_equal(sg_look_jpeg(whole, "test", &image, NULL), SG_OK);
    assert_int_equal(image.width, 30);
    assert_int_equal(image.height, 20);
    assert_int_equal(image.components, 3);
    assert_int_equal(image.orientation, 6);
    assert_true(sg_look_image_aspect(&image) == 20.0 / 30);
    struct sg_slice kept = jpeg_of(JOIN(adobe, frame(0xc2, 8, 3)));
    assert_memory_equal(image.data.data, kept.data, kept.len - 3); /* but for the fill byte at its end */
    sg_buf_clear(&image.data);

    for (size_t len = 0; len < whole.len; len++)
        assert_int_not_equal(draw_image(len > 0 ? slice(whole.data, len) : text("-")), SG_OK);
    assert_int_equal(draw_image(JOIN(whole, text("more"))), SG_OK);

    assert_int_equal(draw_image(jpeg_of(frame(0xc0, 8, 1))), SG_OK);
    assert_int_equal(draw_image(jpeg_of(frame(0xc1, 8, 3))), SG_OK);
    assert_int_equal(draw_image(jpeg_of(frame(0xc0, 8, 4))), SG_E_UNSUPPORTED);
    assert_int_equal(draw_image(jpeg_of(frame(0xc0, 12, 3))), SG_E_UNSUPPORTED);
    assert_int_equal(draw_image(jpeg_of(frame(0xc3, 8, 3))), SG_E_UNSUPPORTED);
    assert_int_equal(draw_image(jpeg_of(frame(0xc9, 8, 3))), SG_E_UNSUPPORTED);
    assert_int_equal(draw_image(jpeg_of(JOIN(frame(0xc0, 8, 3), frame(0xc0, 8, 3)))), SG_E_MALFORMED);
    assert_int_equal(draw_image(jpeg_of(NONE)), SG_E_MALFORMED);
    assert_int_equal(draw_image(JOIN(text("\xff\xd8"), frame(0xc0, 8, 3), text("\xff\xd9"))), SG_E_MALFORMED);
    assert_int_equal(draw_image(text("GIF89a")), SG_E_UNSUPPORTED);
    arena_clear();
}

static struct sg_slice png_of(const void *pixels, unsigned width, unsigned height, png_uint_32 format)
{
    png_image png = {.version = PNG_IMAGE_VERSION, .width = width, .height = height, .format = format};
    png_alloc_size_t len = 0;
    assert_true(png_image_write_get_memory_size(png, len, 0, pixels, 0, NULL));
    uint8_t *bytes = room(len);
    assert_true(png_image_write_to_memory(&png, bytes, &len, 0, pixels, 0, NULL));
    return slice(bytes, len);
}

/* Is what is transparent in a PNG shown in white, and is one that is damaged refused? */
static void test_png(void **state)
{
    static const uint8_t pixels[4][4] = {{255, 0, 0, 255}, {0, 0, 255, 0}, {0, 0, 0, 255}, {9, 9, 9, 0}};
    static const uint8_t seen[12] = {255, 0, 0, 255, 255, 255, 0, 0, 0, 255, 255, 255};
    struct sg_look_image image = {.data = SG_BUF(SG_MIB)};
    uint8_t got[13];
    uLongf len = sizeof(got);
    (void)state;
    struct sg_slice whole = png_of(pixels, 2, 2, PNG_FORMAT_RGBA);
    assert_int_equal(sg_look_png(whole, "test", &image, NULL), SG_OK);
    assert_int_equal(uncompress(got, &len, image.data.data, image.data.len), Z_OK);
    assert_int_equal(len, sizeof(seen));
    assert_memory_equal(got, seen, sizeof(seen));
    sg_buf_clear(&image.data);

    assert_int_equal(sg_look_png(png_of(pixels, 4, 4, PNG_FORMAT_GRAY), "test", &image, NULL), SG_OK);
    assert_int_equal(image.components, 1);
    sg_buf_clear(&image.data);

    const size_t before_end = whole.len - 12; /* the last chunk, IEND, has nothing of the picture */
    for (size_t cut = 1; cut < before_end; cut++)
        assert_int_not_equal(draw_image(slice(whole.data, cut)), SG_OK);
    uint8_t *bytes = room(whole.len);
    for (size_t i = 0; i < before_end; i++) {
        memcpy(bytes, whole.data, whole.len);
        bytes[i] ^= 1;
        assert_int_not_equal(draw_image(slice(bytes, whole.len)), SG_OK);
    }
    arena_clear();
}

/* Does a limit hold before memory is used: a few octets that say to be a large picture? */
static void test_image_limits(void **state)
{
    struct sg_look_image image = {.width = 65535, .height = 65535};
    (void)state;
    assert_int_equal(sg_look_image_check(&image, "test", NULL), SG_E_LIMIT);
    image.height = 1;
    assert_int_equal(sg_look_image_check(&image, "test", NULL), SG_OK);
    image.height = 0;
    assert_int_equal(sg_look_image_check(&image, "test", NULL), SG_E_MALFORMED);
    assert_int_equal(draw_image((struct sg_slice){.data = (const uint8_t *)"", .len = SG_MAX_LOOK_IMAGE + 1}),
                     SG_E_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jpeg),
        cmocka_unit_test(test_png),
        cmocka_unit_test(test_image_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
