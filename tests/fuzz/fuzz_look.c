/* What a visible signature is given: lines of text, which names in certificates may be, and an image. The first octets
 * are the size of its box. */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "formats/look_private.h"
#include "fuzz.h"

#define HEAD 3

/* Content and dictionaries are ASCII: nothing of the text reaches them but as glyphs and hexadecimal digits. */
static void check_parts(const struct sg_pdf_look_parts *parts)
{
    if (parts->count == 0 || !parts->parts[0].is_stream)
        abort();
    for (size_t i = 0; i < parts->count; i++)
        for (size_t k = 0; k < parts->parts[i].dictionary.len; k++)
            if (parts->parts[i].dictionary.data[k] < ' ' || parts->parts[i].dictionary.data[k] > '~')
                abort();
}

static void draw(const struct sg_pdf_look *look, double width, double height)
{
    struct sg_pdf_look_parts parts = {0};
    struct sg_err err = {0};
    enum sg_rc rc = sg_pdf_look_draw(look, width, height, "image", &parts, &err);
    if (rc == SG_OK)
        check_parts(&parts);
    else if (err.text[0] == '\0' || parts.parts || rc == SG_E_INTERNAL)
        abort();
    sg_pdf_look_parts_clear(&parts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *lines[SG_MAX_LOOK_LINES];
    if (size < HEAD)
        return 0;
    char *text = malloc(size - HEAD + 1);
    if (!text)
        return 0;
    memcpy(text, data + HEAD, size - HEAD);
    text[size - HEAD] = '\0';
    struct sg_pdf_look look = {.lines = lines};
    /* Lines end with NUL; what follows "\0\0" is the image. */
    for (size_t at = 0; at < size - HEAD && text[at] != '\0' && look.line_count < SG_MAX_LOOK_LINES;) {
        lines[look.line_count++] = text + at;
        at += strlen(text + at) + 1;
        if (at < size - HEAD && text[at] == '\0')
            look.image = (struct sg_slice){.data = data + HEAD + at + 1, .len = size - HEAD - at - 1};
    }
    draw(&look, data[0] * 2.0 + 1, data[1] * 2.0 + 1);
    struct sg_pdf_look alone = {.image = {.data = data + HEAD, .len = size - HEAD}};
    draw(&alone, data[0], data[1]);
    /* CFF of any octets: CIDs for as many glyphs as there is room for. */
    uint16_t cids[256];
    (void)sg_look_cff_cids(alone.image, data[2] + 1u, cids, NULL);
    free(text);
    return 0;
}
