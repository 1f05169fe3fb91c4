#include <string.h>

#include "base/limits.h"
#include "base/msg.h"
#include "formats/look_private.h"

/* Markers (ITU-T T.81 table B.1), without their 0xff. */
enum {
    SOF0 = 0xc0, /* baseline */
    SOF2 = 0xc2, /* progressive */
    DHT = 0xc4,
    JPG = 0xc8,
    DAC = 0xcc,
    SOF15 = 0xcf,
    RST0 = 0xd0,
    RST7 = 0xd7,
    SOI = 0xd8,
    EOI = 0xd9,
    SOS = 0xda,
    DNL = 0xdc,
    APP0 = 0xe0,
    APP1 = 0xe1,
    APP14 = 0xee, /* Adobe's: which colours */
    APP15 = 0xef,
    COM = 0xfe
};

#define EXIF_ORIENTATION 0x0112

struct reader {
    struct sg_slice file;
    size_t at;
    const char *name;
    bool has_frame, has_scan;
};

static enum sg_rc damaged(const struct reader *reader, const char *what, struct sg_err *err)
{
    return sg_about(reader->name, err,
                    sg_fail(err, SG_E_MALFORMED,
                            _("The image \"%s\" is a damaged JPEG file: %s at offset %zu. Get a fresh copy of it."),
                            reader->name, what, reader->at));
}

static enum sg_rc other_kind(const struct reader *reader, const char *what, struct sg_err *err)
{
    return sg_about(
        reader->name, err,
        sg_fail(err, SG_E_UNSUPPORTED,
                _("The image \"%s\" is a JPEG file with %s. Save it as a usual JPEG or PNG file, in grey or "
                  "RGB."),
                reader->name, what));
}

static unsigned be16(const uint8_t *at)
{
    return (unsigned)at[0] << 8 | at[1];
}

/* --- Exif --- */

struct tiff {
    struct sg_slice bytes;
    bool little;
};

/* `width` octets, 2 or 4; 0 where there are none. */
static uint32_t tiff_number(const struct tiff *tiff, size_t at, size_t width)
{
    uint32_t number = 0;
    if (at > tiff->bytes.len || width > tiff->bytes.len - at)
        return 0;
    for (size_t i = 0; i < width; i++)
        number = number << 8 | tiff->bytes.data[at + (tiff->little ? width - 1 - i : i)];
    return number;
}

/* How a camera was held, from the first directory of its Exif (TIFF 6.0 §2). What is not understood: upright. */
static unsigned exif_orientation(struct sg_slice segment)
{
    if (segment.len < 14 || memcmp(segment.data, "Exif\0\0", 6) != 0)
        return 1;
    struct tiff tiff = {.bytes = {.data = segment.data + 6, .len = segment.len - 6}};
    tiff.little = tiff.bytes.data[0] == 'I';
    size_t directory = tiff_number(&tiff, 4, 4);
    uint32_t entries = tiff_number(&tiff, directory, 2);
    for (uint32_t i = 0; i < entries; i++) {
        size_t entry = directory + 2 + 12 * (size_t)i;
        uint32_t value = tiff_number(&tiff, entry + 8, 2);
        if (tiff_number(&tiff, entry, 2) == EXIF_ORIENTATION)
            return value >= 1 && value <= 8 ? value : 1;
    }
    return 1;
}

/* --- Segments --- */

static bool is_frame(unsigned marker)
{
    return marker >= SOF0 && marker <= SOF15 && marker != DHT && marker != JPG && marker != DAC;
}

static enum sg_rc read_frame(struct reader *reader, unsigned marker, struct sg_slice segment,
                             struct sg_look_image *image, struct sg_err *err)
{
    if (reader->has_frame)
        return damaged(reader, _("a second frame"), err);
    if (marker > SOF2)
        return other_kind(reader, _("lossless or arithmetic coding"), err);
    if (segment.len < 6 || segment.len != 6 + 3 * (size_t)segment.data[5])
        return damaged(reader, _("a frame of a wrong length"), err);
    if (segment.data[0] != 8)
        return other_kind(reader, _("other than 8 bits a colour"), err);
    image->height = be16(segment.data + 1);
    image->width = be16(segment.data + 3);
    image->components = segment.data[5];
    if (image->components != 1 && image->components != 3)
        return other_kind(reader, _("other colours than grey or RGB"), err);
    reader->has_frame = true;
    return sg_look_image_check(image, reader->name, err);
}

/* Behind the header of a scan: up to the next marker that is no restart (§B.1.1.2, §B.1.1.5). */
static enum sg_rc skip_scan(struct reader *reader, struct sg_err *err)
{
    const struct sg_slice *file = &reader->file;
    for (; reader->at + 1 < file->len; reader->at++) {
        unsigned next = file->data[reader->at + 1];
        if (file->data[reader->at] == 0xff && next != 0 && next != 0xff && (next < RST0 || next > RST7))
            return SG_OK;
    }
    return damaged(reader, _("its end is missing"), err);
}

/* What a viewer does not need, and what may say more of the person than is meant, is left out. */
static bool is_kept(unsigned marker)
{
    return marker == APP14 || !((marker >= APP0 && marker <= APP15) || marker == COM);
}

static enum sg_rc read_segment(struct reader *reader, unsigned marker, struct sg_look_image *image, struct sg_err *err)
{
    size_t start = reader->at;
    const uint8_t *data = reader->file.data + start;
    if (reader->file.len - start < 4 || be16(data + 2) < 2 || be16(data + 2) > reader->file.len - start - 2)
        return damaged(reader, _("a segment that is longer than the file"), err);
    struct sg_slice segment = {.data = data + 4, .len = be16(data + 2) - 2};
    enum sg_rc rc = SG_OK;
    if (is_frame(marker))
        rc = read_frame(reader, marker, segment, image, err);
    else if (marker == DNL)
        rc = other_kind(reader, _("a height that is told late"), err);
    else if (marker == APP1)
        image->orientation = image->orientation > 1 ? image->orientation : exif_orientation(segment);
    else if (marker == SOS && !reader->has_frame)
        rc = damaged(reader, _("a scan without a frame"), err);
    reader->at += 4 + segment.len;
    if (rc == SG_OK && marker == SOS) {
        reader->has_scan = true;
        rc = skip_scan(reader, err);
    }
    if (rc == SG_OK && is_kept(marker))
        rc = sg_buf_append(&image->data, data, reader->at - start, err);
    return rc;
}

enum sg_rc sg_look_jpeg(struct sg_slice file, const char *name, struct sg_look_image *image, struct sg_err *err)
{
    struct reader reader = {.file = file, .at = 2, .name = name};
    image->filter = "DCTDecode";
    image->orientation = 1;
    enum sg_rc rc = sg_buf_append(&image->data, file.data, 2, err);
    while (rc == SG_OK) {
        if (file.len - reader.at < 2 || file.data[reader.at] != 0xff)
            return damaged(&reader, _("no marker"), err);
        unsigned marker = file.data[reader.at + 1];
        if (marker == EOI)
            break;
        if (marker == 0xff) /* a fill byte (§B.1.1.2) */
            reader.at++;
        else if (marker < SOF0 || (marker >= RST0 && marker <= SOI))
            return damaged(&reader, _("a marker where none belongs"), err);
        else
            rc = read_segment(&reader, marker, image, err);
    }
    if (rc == SG_OK && !reader.has_scan)
        return damaged(&reader, _("no picture"), err);
    if (rc == SG_OK)
        rc = sg_buf_append(&image->data, "\xff\xd9", 2, err);
    return rc;
}
