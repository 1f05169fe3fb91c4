#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/msg.h"
#include "formats/look_private.h"

/* Glyphs side by side that stand for the same characters. */
struct cluster {
    const struct sg_look_glyph *glyphs;
    size_t count;
    const uint32_t *points;
    size_t len;
    bool from_right;
};

/* An image is drawn in the unit square, which is turned as its orientation says, and then brought to its place. */
enum sg_rc sg_look_draw_image(const struct sg_look_image *image, const struct sg_pdf_rect *place, struct sg_buf *out,
                              struct sg_err *err)
{
    static const double turns[8][6] = {
        {1, 0, 0, 1, 0, 0},   {-1, 0, 0, 1, 1, 0}, {-1, 0, 0, -1, 1, 1}, {1, 0, 0, -1, 0, 1},
        {0, -1, -1, 0, 1, 1}, {0, -1, 1, 0, 0, 1}, {0, 1, 1, 0, 0, 0},   {0, 1, -1, 0, 1, 0},
    };
    const double to_place[6] = {place->width, 0, 0, place->height, place->x, place->y};
    enum sg_rc rc = sg_buf_printf(out, err, "q\n");
    if (rc == SG_OK)
        rc = sg_look_numbers(out, to_place, 6, err);
    if (rc == SG_OK)
        rc = sg_buf_printf(out, err, "cm\n");
    if (rc == SG_OK)
        rc = sg_look_numbers(out, turns[image->orientation - 1], 6, err);
    return rc == SG_OK ? sg_buf_printf(out, err, "cm\n/Image Do\nQ\n") : rc;
}

/* --- Clusters --- */

static struct cluster cluster_at(const struct sg_look_row *row, size_t at)
{
    const struct sg_look_glyph *first = &row->line.glyphs[at];
    size_t count = 1;
    while (at + count < row->line.count && first[count].start == first->start)
        count++;
    return (struct cluster){
        .glyphs = first,
        .count = count,
        .points = row->text->points + first->start,
        .len = first->end - first->start,
        .from_right = FRIBIDI_LEVEL_IS_RTL(row->text->chars[first->start].level),
    };
}

/* The i-th glyph in the order in which the text is read. */
static const struct sg_look_glyph *in_order(const struct cluster *cluster, size_t i)
{
    return &cluster->glyphs[cluster->from_right ? cluster->count - 1 - i : i];
}

void sg_look_subsets_clear(struct sg_look_subsets *subsets)
{
    for (size_t i = 0; i < subsets->count; i++)
        free(subsets->items[i].uses);
    *subsets = (struct sg_look_subsets){0};
}

static size_t find_subset(const struct sg_look_subsets *subsets, const struct sg_look_font *font)
{
    size_t i = 0;
    while (i < subsets->count && subsets->items[i].font != font)
        i++;
    return i;
}

/* --- What glyphs stand for --- */

/* The character of the cluster that has this glyph where nothing is around it; its `len`, where there is none. */
static size_t nominal(const struct cluster *cluster, const struct sg_look_glyph *glyph)
{
    hb_codepoint_t id = 0;
    size_t i = 0;
    while (i < cluster->len &&
           !(hb_font_get_nominal_glyph(glyph->font->font, cluster->points[i], &id) && id == glyph->id))
        i++;
    return i;
}

/* What is left of a cluster where the glyphs that have a character of their own are at its ends. */
static void leave(const struct cluster *cluster, size_t *start, size_t *end)
{
    bool own[SG_MAX_LOOK_TEXT + 1] = {0};
    for (size_t i = 0; i < cluster->count; i++)
        own[nominal(cluster, &cluster->glyphs[i])] = true; /* [len]: none */
    for (*start = 0; *start < cluster->len && own[*start];)
        ++*start;
    for (*end = cluster->len; *end > *start && own[*end - 1];)
        --*end;
}

/* A glyph is taken for its own character, the first of the others for the rest, and those for nothing that is seen,
 * which a viewer that looks at glyphs alone understands best. */
static enum sg_rc use_cluster(struct sg_look_subset *subset, const struct cluster *cluster, struct sg_err *err)
{
    static const uint32_t nothing = 0x200b; /* zero-width space */
    enum sg_rc rc = SG_OK;
    size_t start = 0, end = 0;
    leave(cluster, &start, &end);
    for (size_t i = 0; i < cluster->count && rc == SG_OK; i++) {
        struct sg_look_use use = {.glyph = in_order(cluster, i)->id, .points = &nothing, .count = 1};
        size_t own = nominal(cluster, in_order(cluster, i));
        if (own < cluster->len) {
            use.points = cluster->points + own;
        } else if (start < end) {
            use.points = cluster->points + start;
            use.count = end - start;
            start = end;
        }
        rc = sg_look_subset_add(subset, &use, err);
    }
    return rc;
}

enum sg_rc sg_look_use_glyphs(const struct sg_look_layout *layout, struct sg_look_subsets *subsets, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    for (size_t i = 0; i < layout->count; i++) {
        const struct sg_look_row *row = &layout->rows[i];
        for (size_t at = 0; at < row->line.count && rc == SG_OK;) {
            struct cluster cluster = cluster_at(row, at);
            size_t subset = find_subset(subsets, cluster.glyphs->font);
            if (subset == SG_MAX_FONTS)
                return sg_fail(err, SG_E_LIMIT, _("The visible signature needs more than %d fonts."), SG_MAX_FONTS);
            if (subset == subsets->count)
                subsets->items[subsets->count++].font = cluster.glyphs->font;
            rc = use_cluster(&subsets->items[subset], &cluster, err);
            at += cluster.count;
        }
    }
    return rc;
}

/* Whether it needs no more than its glyph. Viewers that put text together from where glyphs stand go wrong with several
 * in one place, such as vowels above a letter. */
static bool says_itself(const struct sg_look_subset *subset, const struct cluster *cluster)
{
    const struct sg_look_use *use = sg_look_subset_find(subset, cluster->glyphs->id);
    return cluster->count == 1 && use->count == cluster->len &&
           memcmp(use->points, cluster->points, use->count * sizeof *use->points) == 0;
}

/* --- Drawing --- */

static enum sg_rc draw_glyph(const struct sg_look_row *row, const struct sg_look_glyph *glyph,
                             const struct sg_look_subset *subset, struct sg_buf *out, struct sg_err *err)
{
    const double matrix[6] = {1, 0, 0, 1, row->x + glyph->x * row->size, row->y + glyph->y * row->size};
    enum sg_rc rc = sg_look_numbers(out, matrix, 6, err);
    if (rc != SG_OK)
        return rc;
    return sg_buf_printf(out, err, "Tm<%04X>Tj\n", sg_look_subset_find(subset, glyph->id)->code);
}

static enum sg_rc draw_glyphs(const struct sg_look_row *row, const struct cluster *cluster, bool wide,
                              const struct sg_look_subset *subset, struct sg_buf *out, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    for (size_t i = 0; i < cluster->count && rc == SG_OK; i++)
        if ((cluster->glyphs[i].advance > 0) == wide)
            rc = draw_glyph(row, &cluster->glyphs[i], subset, out, err);
    return rc;
}

/* The text is said beside the glyphs (§14.9.4): all of it by those that have a width, and so a place among others. */
static enum sg_rc draw_said(const struct sg_look_row *row, const struct cluster *cluster,
                            const struct sg_look_subset *subset, struct sg_buf *out, struct sg_err *err)
{
    enum sg_rc rc = sg_buf_printf(out, err, "/Span<</ActualText<FEFF");
    if (rc == SG_OK)
        rc = sg_look_utf16(out, cluster->points, cluster->len, err);
    if (rc == SG_OK)
        rc = sg_buf_printf(out, err, ">>>BDC\n");
    if (rc == SG_OK)
        rc = draw_glyphs(row, cluster, true, subset, out, err);
    if (rc == SG_OK)
        rc = sg_buf_printf(out, err, "EMC\n/Span<</ActualText<FEFF>>>BDC\n");
    if (rc == SG_OK)
        rc = draw_glyphs(row, cluster, false, subset, out, err);
    return rc == SG_OK ? sg_buf_printf(out, err, "EMC\n") : rc;
}

static enum sg_rc draw_cluster(const struct sg_look_row *row, const struct cluster *cluster,
                               const struct sg_look_subset *subset, struct sg_buf *out, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    if (!says_itself(subset, cluster))
        return draw_said(row, cluster, subset, out, err);
    for (size_t i = 0; i < cluster->count && rc == SG_OK; i++)
        rc = draw_glyph(row, &cluster->glyphs[i], subset, out, err);
    return rc;
}

static enum sg_rc set_font(size_t subset, double size, struct sg_buf *out, struct sg_err *err)
{
    enum sg_rc rc = sg_buf_printf(out, err, "/F%zu ", subset);
    if (rc == SG_OK)
        rc = sg_look_numbers(out, &size, 1, err);
    return rc == SG_OK ? sg_buf_printf(out, err, "Tf\n") : rc;
}

static enum sg_rc draw_row(const struct sg_look_row *row, const struct sg_look_subsets *subsets, struct sg_buf *out,
                           struct sg_err *err)
{
    size_t current = SIZE_MAX;
    enum sg_rc rc = SG_OK;
    for (size_t at = 0; at < row->line.count && rc == SG_OK;) {
        struct cluster cluster = cluster_at(row, at);
        size_t subset = find_subset(subsets, cluster.glyphs->font);
        if (subset != current)
            rc = set_font(subset, row->size, out, err);
        if (rc == SG_OK)
            rc = draw_cluster(row, &cluster, &subsets->items[subset], out, err);
        current = subset;
        at += cluster.count;
    }
    return rc;
}

enum sg_rc sg_look_draw_text(const struct sg_look_layout *layout, const struct sg_look_subsets *subsets,
                             struct sg_buf *out, struct sg_err *err)
{
    enum sg_rc rc = sg_buf_printf(out, err, "/Grey cs 0 sc\nBT\n");
    for (size_t i = 0; i < layout->count && rc == SG_OK; i++)
        rc = draw_row(&layout->rows[i], subsets, out, err);
    return rc == SG_OK ? sg_buf_printf(out, err, "ET\n") : rc;
}
