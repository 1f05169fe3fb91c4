#include <stdlib.h>

#include "base/cleanup.h"
#include "formats/look_private.h"

/* Characters that are shaped together. */
struct run {
    size_t start, end;
};

SG_DEFINE_CLEANUP(hb_buffer_t, hb_buffer_destroy)

void sg_look_line_clear(struct sg_look_line *line)
{
    free(line->glyphs);
    *line = (struct sg_look_line){0};
}

static size_t run_end(const struct sg_look_text *text, size_t start, size_t end)
{
    const struct sg_look_char *first = &text->chars[start];
    size_t at = start + 1;
    while (at < end && text->chars[at].level == first->level && text->chars[at].script == first->script &&
           text->chars[at].font == first->font)
        at++;
    return at;
}

/* Rule L2 of UAX #9: from the highest level to the lowest odd one, what stands at it or above is reversed. */
static void reorder(const struct sg_look_text *text, struct run *runs, size_t count)
{
    int highest = 0;
    for (size_t i = 0; i < count; i++)
        if (text->chars[runs[i].start].level > highest)
            highest = text->chars[runs[i].start].level;
    for (int level = highest; level > 0; level--) {
        for (size_t i = 0, end = 0; i < count; i = end + 1) {
            for (end = i; end < count && text->chars[runs[end].start].level >= level;)
                end++;
            for (size_t a = i, b = end; a + 1 < b; a++, b--) {
                struct run swapped = runs[a];
                runs[a] = runs[b - 1];
                runs[b - 1] = swapped;
            }
        }
    }
}

static void take_extent(struct sg_look_line *line, const struct sg_look_glyph *glyph)
{
    hb_glyph_extents_t ink;
    if (!hb_font_get_glyph_extents(glyph->font->font, glyph->id, &ink) || ink.width == 0 || ink.height == 0)
        return;
    double units = glyph->font->units;
    double left = glyph->x + ink.x_bearing / units, right = left + ink.width / units;
    double top = glyph->y + ink.y_bearing / units, bottom = top + ink.height / units;
    line->left = left < line->left ? left : line->left;
    line->right = right > line->right ? right : line->right;
    line->top = top > line->top ? top : line->top;
    line->bottom = bottom < line->bottom ? bottom : line->bottom;
}

/* The end of each glyph's cluster is the start of the next: to the right of it, or to the left in right-to-left text.
 */
static void find_cluster_ends(struct sg_look_glyph *glyphs, size_t count, size_t end, bool from_right)
{
    for (size_t n = 0; n < count; n++) {
        struct sg_look_glyph *glyph = &glyphs[from_right ? n : count - 1 - n];
        const struct sg_look_glyph *next = from_right ? glyph - 1 : glyph + 1;
        if (n == 0)
            glyph->end = end;
        else
            glyph->end = next->start == glyph->start ? next->end : next->start;
    }
}

static enum sg_rc take_glyphs(hb_buffer_t *buffer, const struct sg_look_font *font, size_t end, bool from_right,
                              struct sg_look_line *line, struct sg_err *err)
{
    unsigned count = 0;
    const hb_glyph_info_t *infos = hb_buffer_get_glyph_infos(buffer, &count);
    const hb_glyph_position_t *positions = hb_buffer_get_glyph_positions(buffer, NULL);
    struct sg_look_glyph *grown = reallocarray(line->glyphs, line->count + count + 1, sizeof *grown);
    if (!grown)
        return sg_fail_memory(err);
    line->glyphs = grown;
    for (unsigned i = 0; i < count; i++) {
        struct sg_look_glyph *glyph = &line->glyphs[line->count + i];
        *glyph = (struct sg_look_glyph){
            .font = font,
            .id = infos[i].codepoint,
            .x = line->advance + positions[i].x_offset / font->units,
            .y = positions[i].y_offset / font->units,
            .advance = positions[i].x_advance / font->units,
            .start = infos[i].cluster,
        };
        take_extent(line, glyph);
        line->advance += glyph->advance;
    }
    find_cluster_ends(line->glyphs + line->count, count, end, from_right);
    line->count += count;
    return SG_OK;
}

/* HarfBuzz sees the whole text, so that letters join across the borders of runs and lines as they do within. */
static enum sg_rc shape_run(const struct sg_look_text *text, struct run run, struct sg_look_line *line,
                            struct sg_err *err)
{
    const struct sg_look_char *first = &text->chars[run.start];
    bool from_right = FRIBIDI_LEVEL_IS_RTL(first->level);
    _cleanup_(hb_buffer_destroyp) hb_buffer_t *buffer = hb_buffer_create();

    hb_buffer_add_utf32(buffer, text->points, (int)text->len, (unsigned)run.start, (int)(run.end - run.start));
    hb_buffer_set_direction(buffer, from_right ? HB_DIRECTION_RTL : HB_DIRECTION_LTR);
    hb_buffer_set_script(buffer, first->script);
    hb_buffer_set_language(buffer, text->language);
    if (!hb_buffer_allocation_successful(buffer))
        return sg_fail_memory(err);
    hb_shape(first->font->font, buffer, NULL, 0);
    if (!hb_buffer_allocation_successful(buffer))
        return sg_fail_memory(err);
    return take_glyphs(buffer, first->font, run.end, from_right, line, err);
}

enum sg_rc sg_look_shape(const struct sg_look_text *text, size_t start, size_t end, struct sg_look_line *ret,
                         struct sg_err *err)
{
    _cleanup_(sg_look_line_clear) struct sg_look_line line = {0};
    _cleanup_(freep) struct run *runs = calloc(end - start + 1, sizeof *runs);
    size_t count = 0;
    enum sg_rc rc = SG_OK;
    if (!runs)
        return sg_fail_memory(err);
    for (size_t at = start; at < end; at = runs[count++].end)
        runs[count] = (struct run){.start = at, .end = run_end(text, at, end)};
    reorder(text, runs, count);
    for (size_t i = 0; i < count && rc == SG_OK; i++)
        rc = shape_run(text, runs[i], &line, err);
    if (rc != SG_OK)
        return rc;
    *ret = line;
    line = (struct sg_look_line){0};
    return SG_OK;
}
