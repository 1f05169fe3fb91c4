#include "base/msg.h"
#include "formats/look_private.h"

/* DICT operators (Adobe TN 5176 table 9). */
#define CHARSET 15
#define ESCAPE 12
#define ROS (ESCAPE << 8 | 30) /* which a font with CIDs begins with */

struct reader {
    struct sg_slice bytes;
    size_t at;
    bool broken; /* it was read beyond the end */
};

static uint32_t number(struct reader *reader, size_t width)
{
    uint32_t value = 0;
    if (reader->at > reader->bytes.len || width > reader->bytes.len - reader->at) {
        reader->broken = true;
        return 0;
    }
    for (size_t i = 0; i < width; i++)
        value = value << 8 | reader->bytes.data[reader->at++];
    return value;
}

/* The first item of an INDEX (§5); the reader is then behind all of them. */
static struct sg_slice first_of_index(struct reader *reader)
{
    size_t count = number(reader, 2);
    if (count == 0)
        return (struct sg_slice){0};
    size_t width = number(reader, 1), offsets = reader->at;
    size_t base = offsets + (count + 1) * width - 1; /* offsets are counted from the octet before the data */
    if (width < 1 || width > 4)
        reader->broken = true;
    size_t first = number(reader, width), second = number(reader, width);
    reader->at = offsets + count * width;
    reader->at = base + number(reader, width);
    if (reader->broken || first < 1 || second < first || base + second > reader->bytes.len)
        return (struct sg_slice){0};
    return (struct sg_slice){.data = reader->bytes.data + base + first, .len = second - first};
}

/* An operand of a DICT (§4); that of a real number is passed over. */
static uint32_t operand(struct reader *dict, uint32_t first)
{
    if (first == 28)
        return number(dict, 2);
    if (first == 29)
        return number(dict, 4);
    if (first >= 247)
        return number(dict, 1) + (first - 247) * 256 + 108;
    if (first != 30)
        return first - 139;
    for (uint32_t nibbles = 0; !dict->broken && (nibbles & 0x0f) != 0x0f && nibbles >> 4 != 0x0f;)
        nibbles = number(dict, 1);
    return 0;
}

/* Whether the font has CIDs, and where its charset is. */
static bool read_top(struct sg_slice top, uint32_t *ret_charset)
{
    struct reader dict = {.bytes = top};
    bool has_cids = false;
    uint32_t value = 0;
    while (!dict.broken && dict.at < top.len) {
        uint32_t first = number(&dict, 1);
        uint32_t verb = first == ESCAPE ? ESCAPE << 8 | number(&dict, 1) : first;
        if (verb == ROS)
            has_cids = true;
        else if (verb == CHARSET)
            *ret_charset = value;
        else if (first > 21)
            value = operand(&dict, first);
    }
    return has_cids;
}

/* §13: the glyphs' CIDs one by one (format 0), or in ranges. Glyph 0 has CID 0, which is not written. */
static void read_charset(struct reader *reader, size_t count, uint16_t *cids)
{
    uint32_t format = number(reader, 1);
    cids[0] = 0;
    for (size_t glyph = 1; glyph < count && !reader->broken;) {
        uint32_t cid = number(reader, 2);
        uint32_t more = format == 0 ? 0 : number(reader, format == 1 ? 1 : 2);
        for (uint32_t i = 0; i <= more && glyph < count; i++)
            cids[glyph++] = (uint16_t)(cid + i);
    }
    if (format > 2)
        reader->broken = true;
}

enum sg_rc sg_look_cff_cids(struct sg_slice cff, size_t count, uint16_t *cids, struct sg_err *err)
{
    struct reader reader = {.bytes = cff, .at = 2};
    uint32_t charset = 0;
    reader.at = number(&reader, 1); /* behind the header */
    (void)first_of_index(&reader);  /* names */
    struct sg_slice top = first_of_index(&reader);
    bool has_cids = read_top(top, &charset);
    for (size_t i = 0; i < count && !has_cids; i++) /* ISO 32000-1 §9.7.4.2: then a CID is a glyph's index */
        cids[i] = (uint16_t)i;
    if (has_cids) {
        reader.at = charset;
        read_charset(&reader, count, cids);
    }
    if (reader.broken || top.len == 0)
        return sg_fail(err, SG_E_MALFORMED, "%s", _("The font's glyphs cannot be read; install it anew."));
    return SG_OK;
}
