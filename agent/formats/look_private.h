/* The parts of the module that draws visible signatures: a paragraph of text, its lines, where they stand, and what is
 * written of them. Lengths of text are in ems, those of a page in points. */
#pragma once

#include <fribidi.h>
#include <hb.h>

#include "base/limits.h"
#include "formats/pdf_look.h"

/* --- Fonts (look_fonts.c) --- */

/* A face that may be embedded, scaled to its own units. */
struct sg_look_font {
    const char *path;
    hb_font_t *font;
    double units; /* to an em */
    bool is_cff;
};

struct sg_look_fonts;

/* `files`: as sg_pdf_look has them; they must outlive the result. */
SG_MUST_CHECK enum sg_rc sg_look_fonts_new(const char *const *files, size_t count, struct sg_look_fonts **ret,
                                           struct sg_err *err);
void sg_look_fonts_free(struct sg_look_fonts *fonts);
SG_DEFINE_CLEANUP(struct sg_look_fonts, sg_look_fonts_free)
/* The best font for `script` that has all of the characters that must be seen. None: SG_E_UNSUPPORTED. */
SG_MUST_CHECK enum sg_rc sg_look_fonts_find(struct sg_look_fonts *fonts, hb_script_t script, const uint32_t *chars,
                                            size_t count, const struct sg_look_font **ret, struct sg_err *err);
bool sg_look_font_has(const struct sg_look_font *font, const uint32_t *chars, size_t count);
/* That no font has the character: SG_E_UNSUPPORTED, with what to install. */
enum sg_rc sg_look_no_glyph(const struct sg_look_fonts *fonts, hb_script_t script, uint32_t code_point,
                            struct sg_err *err);

/* --- Text (look_text.c) --- */

/* What is known of one character of a paragraph. */
struct sg_look_char {
    hb_script_t script;
    const struct sg_look_font *font;
    FriBidiLevel level;
    bool starts;    /* a cluster: with those behind it that do not, it is one character for a reader */
    bool may_end;   /* a line before it */
    bool unspaced;  /* its script does not part words by spaces, and where they end is not known here */
    double advance; /* of the cluster that it starts */
};

struct sg_look_text {
    uint32_t *points; /* code points */
    struct sg_look_char *chars;
    size_t len;
    hb_language_t language;
    bool from_right; /* it stands at the right */
};

/* Takes a line apart. `from_right`: where it stands if no letter tells. `fonts` must outlive the result. Not UTF-8:
 * SG_E_MALFORMED; errors of sg_look_fonts_find(). */
SG_MUST_CHECK enum sg_rc sg_look_text_read(const char *line, bool from_right, struct sg_look_fonts *fonts,
                                           struct sg_look_text *ret, struct sg_err *err);
void sg_look_text_clear(struct sg_look_text *text);

/* --- Lines (look_shape.c) --- */

struct sg_look_glyph {
    const struct sg_look_font *font;
    hb_codepoint_t id; /* in the font's file */
    double x, y;       /* from the start of the line's baseline */
    double advance;
    size_t start, end; /* the characters of the text that it stands for, perhaps with its neighbours */
};

/* A part of a text on one line, its glyphs from left to right. */
struct sg_look_line {
    struct sg_look_glyph *glyphs;
    size_t count;
    double advance;                  /* to where the next glyph would stand */
    double left, right, top, bottom; /* the extent of its ink, from the start of its baseline; upwards */
};

/* Shapes characters `start` to `end` (without it) of a text as they look where they stand in it. */
SG_MUST_CHECK enum sg_rc sg_look_shape(const struct sg_look_text *text, size_t start, size_t end,
                                       struct sg_look_line *ret, struct sg_err *err);
void sg_look_line_clear(struct sg_look_line *line);

/* --- Layout (look_layout.c) --- */

struct sg_look_row {
    const struct sg_look_text *text;
    struct sg_look_line line;
    double size; /* of its font */
    double x, y; /* of the start of its baseline, in the box */
};

struct sg_look_layout {
    struct sg_look_row *rows;
    size_t count;
    struct sg_pdf_rect image; /* all 0: none */
};

/* The largest text that fits a box beside an image of `aspect` (width by height; 0: none). None that can be read fits:
 * SG_E_USAGE, saying the size that is needed. `texts` must outlive the result. */
SG_MUST_CHECK enum sg_rc sg_look_lay_out(const struct sg_look_text *texts, size_t count, double aspect, double width,
                                         double height, struct sg_look_layout *ret, struct sg_err *err);
void sg_look_layout_clear(struct sg_look_layout *layout);

/* --- Images (look_jpeg.c, look_png.c) --- */

struct sg_look_image {
    struct sg_buf data;     /* as `filter` has it */
    const char *filter;     /* a name of PDF */
    unsigned width, height; /* pixels, as stored */
    unsigned components;    /* of 8 bits: 1 or 3 */
    unsigned orientation;   /* Exif's, 1 to 8: how it is to be turned to be seen */
};

#define SG_LOOK_IMAGE                                                                                                  \
    {                                                                                                                  \
        .data = SG_BUF(SG_MAX_LOOK_PART)                                                                               \
    }

/* The file as it is, but without what says where and by what it was taken. */
SG_MUST_CHECK enum sg_rc sg_look_jpeg(struct sg_slice file, const char *name, struct sg_look_image *image,
                                      struct sg_err *err);
SG_MUST_CHECK enum sg_rc sg_look_png(struct sg_slice file, const char *name, struct sg_look_image *image,
                                     struct sg_err *err);
/* SG_E_LIMIT for an image that has too many pixels; none at all is SG_E_MALFORMED. */
SG_MUST_CHECK enum sg_rc sg_look_image_check(const struct sg_look_image *image, const char *name, struct sg_err *err);
double sg_look_image_aspect(const struct sg_look_image *image); /* as it is seen */

/* --- Fonts in the file (look_embed.c, look_cff.c) --- */

/* A glyph that was used, and what it stands for, where nothing else is said. */
struct sg_look_use {
    hb_codepoint_t glyph;   /* in the font's file */
    uint16_t code;          /* that stands for it in content */
    const uint32_t *points; /* its text, of a sg_look_text */
    size_t count;
};

/* Those of one font. */
struct sg_look_subset {
    const struct sg_look_font *font;
    struct sg_look_use *uses;
    size_t count;
};

/* Another glyph; what one that is there stands for, stays. */
SG_MUST_CHECK enum sg_rc sg_look_subset_add(struct sg_look_subset *subset, const struct sg_look_use *use,
                                            struct sg_err *err);
const struct sg_look_use *sg_look_subset_find(const struct sg_look_subset *subset, hb_codepoint_t glyph);
/* Adds the objects of the font (§9.7), the first of which is the one that a form's resources name, and gives its
 * uses their codes. */
SG_MUST_CHECK enum sg_rc sg_look_embed(struct sg_look_subset *subset, struct sg_pdf_look_parts *parts,
                                       struct sg_err *err);
/* The CIDs of a CFF's `count` glyphs (Adobe TN 5176 §13, §18). */
SG_MUST_CHECK enum sg_rc sg_look_cff_cids(struct sg_slice cff, size_t count, uint16_t *cids, struct sg_err *err);

/* --- Content (look_content.c) --- */

struct sg_look_subsets {
    struct sg_look_subset items[SG_MAX_FONTS]; /* the i-th is the font "/Fi" */
    size_t count;
};

/* Notes what the layout's glyphs are and stand for. The layout's texts must outlive the subsets. */
SG_MUST_CHECK enum sg_rc sg_look_use_glyphs(const struct sg_look_layout *layout, struct sg_look_subsets *subsets,
                                            struct sg_err *err);
void sg_look_subsets_clear(struct sg_look_subsets *subsets);
/* Writes the text, once the subsets are embedded. Its resources: the fonts, and the colour space "/Grey". */
SG_MUST_CHECK enum sg_rc sg_look_draw_text(const struct sg_look_layout *layout, const struct sg_look_subsets *subsets,
                                           struct sg_buf *out, struct sg_err *err);
/* Writes the image, of the resource "/Image", at its place. */
SG_MUST_CHECK enum sg_rc sg_look_draw_image(const struct sg_look_image *image, const struct sg_pdf_rect *place,
                                            struct sg_buf *out, struct sg_err *err);

/* --- Writing (look_write.c) --- */

/* Another object, behind those that are there. */
SG_MUST_CHECK enum sg_rc sg_look_part(struct sg_pdf_look_parts *parts, bool is_stream, struct sg_pdf_part **ret,
                                      struct sg_err *err);

/* Numbers as PDF has them, whatever the locale, each with a space behind it. */
SG_MUST_CHECK enum sg_rc sg_look_numbers(struct sg_buf *out, const double *numbers, size_t count, struct sg_err *err);
/* UTF-16BE in hexadecimal, as in CMaps and text strings. */
SG_MUST_CHECK enum sg_rc sg_look_utf16(struct sg_buf *out, const uint32_t *points, size_t count, struct sg_err *err);
/* zlib's format, for /FlateDecode. */
SG_MUST_CHECK enum sg_rc sg_look_deflate(struct sg_slice data, struct sg_buf *out, struct sg_err *err);
