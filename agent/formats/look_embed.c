#include <math.h>
#include <stdlib.h>

#include <hb-ot.h>
#include <hb-subset.h>

#include "base/limits.h"
#include "base/msg.h"
#include "formats/look_private.h"

#define MAX_FONT_NAME 63 /* after PostScript's habit */
#define CMAP_BLOCK 100   /* entries of one bfchar (Adobe TN 5014 §1) */

SG_DEFINE_CLEANUP(hb_blob_t, hb_blob_destroy)
SG_DEFINE_CLEANUP(hb_face_t, hb_face_destroy)
SG_DEFINE_CLEANUP(hb_subset_input_t, hb_subset_input_destroy)
SG_DEFINE_CLEANUP(hb_subset_plan_t, hb_subset_plan_destroy)

/* The objects of a font, in their order. */
enum { TYPE0, CID_FONT, DESCRIPTOR, PROGRAM, TO_UNICODE, CID_SET };

/* --- What is used --- */

const struct sg_look_use *sg_look_subset_find(const struct sg_look_subset *subset, hb_codepoint_t glyph)
{
    for (size_t i = 0; i < subset->count; i++)
        if (subset->uses[i].glyph == glyph)
            return &subset->uses[i];
    return NULL;
}

enum sg_rc sg_look_subset_add(struct sg_look_subset *subset, const struct sg_look_use *use, struct sg_err *err)
{
    if (sg_look_subset_find(subset, use->glyph))
        return SG_OK;
    struct sg_look_use *grown = reallocarray(subset->uses, subset->count + 1, sizeof *grown);
    if (!grown)
        return sg_fail_memory(err);
    subset->uses = grown;
    subset->uses[subset->count++] = *use;
    return SG_OK;
}

/* --- The font's program --- */

static hb_subset_input_t *subset_input(const struct sg_look_subset *subset)
{
    static const hb_tag_t dropped[] = {
        HB_TAG('B', 'A', 'S', 'E'), HB_TAG('C', 'O', 'L', 'R'), HB_TAG('C', 'P', 'A', 'L'), HB_TAG('G', 'D', 'E', 'F'),
        HB_TAG('G', 'P', 'O', 'S'), HB_TAG('G', 'S', 'U', 'B'), HB_TAG('H', 'V', 'A', 'R'), HB_TAG('M', 'A', 'T', 'H'),
        HB_TAG('M', 'V', 'A', 'R'), HB_TAG('O', 'S', '/', '2'), HB_TAG('S', 'T', 'A', 'T'), HB_TAG('V', 'O', 'R', 'G'),
        HB_TAG('V', 'V', 'A', 'R'), HB_TAG('a', 'v', 'a', 'r'), HB_TAG('c', 'm', 'a', 'p'), HB_TAG('c', 'v', 'a', 'r'),
        HB_TAG('f', 'v', 'a', 'r'), HB_TAG('g', 'v', 'a', 'r'), HB_TAG('n', 'a', 'm', 'e'), HB_TAG('p', 'o', 's', 't'),
        HB_TAG('v', 'h', 'e', 'a'), HB_TAG('v', 'm', 't', 'x'),
    };
    hb_subset_input_t *input = hb_subset_input_create_or_fail();
    if (!input)
        return NULL;
    hb_subset_input_set_flags(input, HB_SUBSET_FLAGS_NO_HINTING | HB_SUBSET_FLAGS_NOTDEF_OUTLINE);
    for (size_t i = 0; i < sizeof(dropped) / sizeof(dropped[0]); i++)
        hb_set_add(hb_subset_input_set(input, HB_SUBSET_SETS_DROP_TABLE_TAG), dropped[i]);
    for (size_t i = 0; i < subset->count; i++)
        hb_set_add(hb_subset_input_glyph_set(input), subset->uses[i].glyph);
    return input;
}

static enum sg_rc cannot_subset(const struct sg_look_font *font, struct sg_err *err)
{
    return sg_about(font->path, err,
                    sg_fail(err, SG_E_MALFORMED,
                            _("The glyphs of the font \"%s\" cannot be embedded. Install it anew, or name another."),
                            font->path));
}

/* Gives the uses their codes: of TrueType, the glyphs' new indices; of CFF, their CIDs. `cids`: of every glyph. */
static enum sg_rc set_codes(struct sg_look_subset *subset, const hb_map_t *new_glyphs, const uint16_t *cids,
                            size_t count, struct sg_err *err)
{
    for (size_t i = 0; i < subset->count; i++) {
        hb_codepoint_t glyph = hb_map_get(new_glyphs, subset->uses[i].glyph);
        if (glyph >= count)
            return cannot_subset(subset->font, err);
        subset->uses[i].code = cids[glyph];
    }
    return SG_OK;
}

/* The subset's program, and the CIDs of its glyphs (room for UINT16_MAX + 1). */
static enum sg_rc make_program(struct sg_look_subset *subset, hb_blob_t **ret_program, uint16_t *cids,
                               size_t *ret_count, struct sg_err *err)
{
    hb_face_t *whole = hb_font_get_face(subset->font->font);
    _cleanup_(hb_subset_input_destroyp) hb_subset_input_t *input = subset_input(subset);
    _cleanup_(hb_subset_plan_destroyp) hb_subset_plan_t *plan =
        input ? hb_subset_plan_create_or_fail(whole, input) : NULL;
    _cleanup_(hb_face_destroyp) hb_face_t *face = plan ? hb_subset_plan_execute_or_fail(plan) : NULL;
    if (!face)
        return cannot_subset(subset->font, err);
    _cleanup_(hb_blob_destroyp) hb_blob_t *program =
        subset->font->is_cff ? hb_face_reference_table(face, HB_TAG('C', 'F', 'F', ' ')) : hb_face_reference_blob(face);
    size_t count = hb_face_get_glyph_count(face);
    unsigned len = 0;
    const uint8_t *data = (const uint8_t *)hb_blob_get_data(program, &len);
    enum sg_rc rc = SG_OK;
    if (len == 0 || count == 0 || count > (size_t)UINT16_MAX + 1)
        return cannot_subset(subset->font, err);
    for (size_t i = 0; i < count; i++)
        cids[i] = (uint16_t)i;
    if (subset->font->is_cff)
        rc = sg_look_cff_cids((struct sg_slice){.data = data, .len = len}, count, cids, err);
    if (rc == SG_OK)
        rc = set_codes(subset, hb_subset_plan_old_to_new_glyph_mapping(plan), cids, count, err);
    if (rc != SG_OK)
        return rc;
    *ret_program = sg_steal(program);
    *ret_count = count;
    return SG_OK;
}

static enum sg_rc write_program(const struct sg_look_font *font, hb_blob_t *program, struct sg_pdf_look_parts *parts,
                                struct sg_err *err)
{
    struct sg_pdf_part *part = NULL;
    unsigned len = 0;
    const uint8_t *data = (const uint8_t *)hb_blob_get_data(program, &len);
    enum sg_rc rc = sg_look_part(parts, true, &part, err);
    if (rc == SG_OK && font->is_cff)
        rc = sg_buf_printf(&part->dictionary, err, "<</Subtype/CIDFontType0C/Filter/FlateDecode>>");
    else if (rc == SG_OK)
        rc = sg_buf_printf(&part->dictionary, err, "<</Length1 %u/Filter/FlateDecode>>", len);
    return rc == SG_OK ? sg_look_deflate((struct sg_slice){.data = data, .len = len}, &part->data, err) : rc;
}

/* --- Its dictionaries (§9.6, §9.7, §9.8) --- */

/* "ABCDEF+Name" (§9.6.4): the letters differ with the glyphs. */
static void font_name(const struct sg_look_subset *subset, char name[7 + MAX_FONT_NAME + 1])
{
    char own[MAX_FONT_NAME + 1] = "";
    unsigned len = sizeof(own);
    uint32_t hash = 2166136261; /* FNV-1a */
    size_t at = 0;
    (void)hb_ot_name_get_utf8(hb_font_get_face(subset->font->font), HB_OT_NAME_ID_POSTSCRIPT_NAME, HB_LANGUAGE_INVALID,
                              &len, own);
    for (size_t i = 0; i < subset->count; i++)
        hash = (hash ^ subset->uses[i].glyph) * 16777619;
    for (; at < 6; at++, hash /= 26)
        name[at] = (char)('A' + hash % 26);
    name[at++] = '+';
    for (const char *c = own; *c != '\0'; c++)
        if ((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') || *c == '-')
            name[at++] = *c;
    if (at == 7)
        name[at++] = 'F';
    name[at] = '\0';
}

static enum sg_rc write_type0(const struct sg_look_subset *subset, const char *name, struct sg_pdf_look_parts *parts,
                              struct sg_err *err)
{
    struct sg_pdf_part *part = NULL;
    size_t first = parts->count;
    enum sg_rc rc = sg_look_part(parts, false, &part, err);
    if (rc != SG_OK)
        return rc;
    return sg_buf_printf(&part->dictionary, err,
                         "<</Type/Font/Subtype/Type0/BaseFont/%s%s/Encoding/Identity-H/DescendantFonts[@%zu@]"
                         "/ToUnicode @%zu@>>",
                         name, subset->font->is_cff ? "-Identity-H" : "", first + CID_FONT, first + TO_UNICODE);
}

static double width_of(const struct sg_look_font *font, hb_codepoint_t glyph)
{
    return hb_font_get_glyph_h_advance(font->font, glyph) / font->units * 1000;
}

static enum sg_rc write_cid_font(const struct sg_look_subset *subset, const char *name, size_t first,
                                 struct sg_pdf_look_parts *parts, struct sg_err *err)
{
    struct sg_pdf_part *part = NULL;
    bool is_cff = subset->font->is_cff;
    enum sg_rc rc = sg_look_part(parts, false, &part, err);
    if (rc == SG_OK)
        rc = sg_buf_printf(&part->dictionary, err,
                           "<</Type/Font/Subtype/CIDFontType%d/BaseFont/%s/CIDSystemInfo<</Registry(Adobe)"
                           "/Ordering(Identity)/Supplement 0>>/FontDescriptor @%zu@%s/W[",
                           is_cff ? 0 : 2, name, first + DESCRIPTOR, is_cff ? "" : "/CIDToGIDMap/Identity");
    for (size_t i = 0; i < subset->count && rc == SG_OK; i++)
        rc = sg_buf_printf(&part->dictionary, err, "%u[%ld]", subset->uses[i].code,
                           lround(width_of(subset->font, subset->uses[i].glyph)));
    return rc == SG_OK ? sg_buf_printf(&part->dictionary, err, "]>>") : rc;
}

/* Thousandths of an em of a signed number in `head`, 0 where there is none. */
static long head_number(const struct sg_look_font *font, size_t at)
{
    hb_blob_t *head = hb_face_reference_table(hb_font_get_face(font->font), HB_TAG('h', 'e', 'a', 'd'));
    unsigned len = 0;
    const uint8_t *data = (const uint8_t *)hb_blob_get_data(head, &len);
    int number = at + 2 <= len ? (int16_t)(data[at] << 8 | data[at + 1]) : 0;
    hb_blob_destroy(head);
    return lround(number / font->units * 1000);
}

static enum sg_rc write_descriptor(const struct sg_look_font *font, const char *name, size_t first,
                                   struct sg_pdf_look_parts *parts, struct sg_err *err)
{
    struct sg_pdf_part *part = NULL;
    hb_font_extents_t extents = {0};
    hb_position_t capitals = 0;
    enum sg_rc rc = sg_look_part(parts, false, &part, err);
    if (rc != SG_OK)
        return rc;
    (void)hb_font_get_h_extents(font->font, &extents);
    if (!hb_ot_metrics_get_position(font->font, HB_OT_METRICS_TAG_CAP_HEIGHT, &capitals))
        capitals = extents.ascender;
    return sg_buf_printf(&part->dictionary, err,
                         "<</Type/FontDescriptor/FontName/%s/Flags 4/FontBBox[%ld %ld %ld %ld]/ItalicAngle 0"
                         "/Ascent %ld/Descent %ld/CapHeight %ld/StemV 80/%s @%zu@/CIDSet @%zu@>>",
                         name, head_number(font, 36), head_number(font, 38), head_number(font, 40),
                         head_number(font, 42), lround(extents.ascender / font->units * 1000),
                         lround(extents.descender / font->units * 1000), lround(capitals / font->units * 1000),
                         font->is_cff ? "FontFile3" : "FontFile2", first + PROGRAM, first + CID_SET);
}

/* --- What its codes are --- */

static enum sg_rc write_stream(struct sg_slice data, struct sg_pdf_look_parts *parts, struct sg_err *err)
{
    struct sg_pdf_part *part = NULL;
    enum sg_rc rc = sg_look_part(parts, true, &part, err);
    if (rc == SG_OK)
        rc = sg_buf_printf(&part->dictionary, err, "<</Filter/FlateDecode>>");
    return rc == SG_OK ? sg_look_deflate(data, &part->data, err) : rc;
}

static enum sg_rc write_cmap_entries(const struct sg_look_subset *subset, struct sg_buf *cmap, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    for (size_t i = 0; i < subset->count && rc == SG_OK; i++) {
        const struct sg_look_use *use = &subset->uses[i];
        size_t left = subset->count - i;
        if (i % CMAP_BLOCK == 0)
            rc = sg_buf_printf(cmap, err, "%s%zu beginbfchar\n", i > 0 ? "endbfchar\n" : "",
                               left < CMAP_BLOCK ? left : CMAP_BLOCK);
        if (rc == SG_OK)
            rc = sg_buf_printf(cmap, err, "<%04X><", use->code);
        if (rc == SG_OK)
            rc = sg_look_utf16(cmap, use->points, use->count, err);
        if (rc == SG_OK)
            rc = sg_buf_printf(cmap, err, ">\n");
    }
    return rc == SG_OK ? sg_buf_printf(cmap, err, "endbfchar\n") : rc;
}

/* §9.10.3 */
static enum sg_rc write_to_unicode(const struct sg_look_subset *subset, struct sg_pdf_look_parts *parts,
                                   struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf cmap = SG_BUF(SG_MAX_LOOK_PART);
    enum sg_rc rc = sg_buf_printf(&cmap, err,
                                  "/CIDInit/ProcSet findresource begin\n12 dict begin\nbegincmap\n"
                                  "/CIDSystemInfo<</Registry(Adobe)/Ordering(UCS)/Supplement 0>>def\n"
                                  "/CMapName/Adobe-Identity-UCS def\n/CMapType 2 def\n"
                                  "1 begincodespacerange\n<0000><FFFF>\nendcodespacerange\n");
    if (rc == SG_OK)
        rc = write_cmap_entries(subset, &cmap, err);
    if (rc == SG_OK)
        rc = sg_buf_printf(&cmap, err, "endcmap\nCMapName currentdict/CMap defineresource pop\nend\nend\n");
    return rc == SG_OK ? write_stream(sg_buf_slice(&cmap), parts, err) : rc;
}

/* Every glyph of the subset (§9.8.3.2), which PDF/A-1 asks for. */
static enum sg_rc write_cid_set(const uint16_t *cids, size_t count, struct sg_pdf_look_parts *parts, struct sg_err *err)
{
    uint8_t bits[(UINT16_MAX + 1) / 8] = {0};
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        bits[cids[i] / 8] |= (uint8_t)(0x80 >> cids[i] % 8);
        len = cids[i] / 8u + 1 > len ? cids[i] / 8u + 1 : len;
    }
    return write_stream((struct sg_slice){.data = bits, .len = len}, parts, err);
}

enum sg_rc sg_look_embed(struct sg_look_subset *subset, struct sg_pdf_look_parts *parts, struct sg_err *err)
{
    _cleanup_(hb_blob_destroyp) hb_blob_t *program = NULL;
    _cleanup_(freep) uint16_t *cids = calloc((size_t)UINT16_MAX + 1, sizeof *cids);
    char name[7 + MAX_FONT_NAME + 1];
    size_t count = 0, first = parts->count;
    if (!cids)
        return sg_fail_memory(err);
    enum sg_rc rc = make_program(subset, &program, cids, &count, err);
    if (rc != SG_OK)
        return rc;
    font_name(subset, name);
    rc = write_type0(subset, name, parts, err);
    if (rc == SG_OK)
        rc = write_cid_font(subset, name, first, parts, err);
    if (rc == SG_OK)
        rc = write_descriptor(subset->font, name, first, parts, err);
    if (rc == SG_OK)
        rc = write_program(subset->font, program, parts, err);
    if (rc == SG_OK)
        rc = write_to_unicode(subset, parts, err);
    if (rc == SG_OK)
        rc = write_cid_set(cids, count, parts, err);
    return rc;
}
