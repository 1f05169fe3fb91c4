#include <string.h>

#include "base/limits.h"
#include "base/msg.h"
#include "base/utf8.h"
#include "formats/look_private.h"

#define ZWNJ 0x200c
#define ZWJ 0x200d

void sg_look_text_clear(struct sg_look_text *text)
{
    free(text->points);
    free(text->chars);
    *text = (struct sg_look_text){0};
}

/* The joiners are the only controls that names are spelled with (Persian, Sinhala); what else steers text could make
 * a name look like another. */
static bool is_shown(uint32_t point)
{
    return point == ZWNJ || point == ZWJ || sg_utf8_printable(point);
}

static enum sg_rc decode(const char *line, struct sg_look_text *text, struct sg_err *err)
{
    size_t len = strlen(line), n = 0;
    for (size_t i = 0; i < len; i += n) {
        uint32_t point = 0;
        n = sg_utf8_next((const uint8_t *)line + i, len - i, &point);
        if (n == 0)
            return sg_fail(err, SG_E_MALFORMED, "%s", _("The text of the visible signature is not UTF-8."));
        if (!is_shown(point))
            return sg_fail(err, SG_E_UNSUPPORTED,
                           _("The text of the visible signature has the character U+%04X, which steers text and cannot "
                             "be seen. Take it out."),
                           point);
        if (text->len == SG_MAX_LOOK_TEXT)
            return sg_fail(err, SG_E_LIMIT, _("A line of a visible signature has at most %d characters."),
                           SG_MAX_LOOK_TEXT);
        text->points[text->len++] = point;
    }
    return SG_OK;
}

/* Directions by UAX #9, the paragraph's by its first letter. One without letters, such as a date, is written from the
 * left, and stands where the line before it does. */
static enum sg_rc find_levels(struct sg_look_text *text, struct sg_err *err)
{
    FriBidiCharType types[SG_MAX_LOOK_TEXT];
    FriBidiBracketType brackets[SG_MAX_LOOK_TEXT];
    FriBidiLevel levels[SG_MAX_LOOK_TEXT];
    FriBidiStrIndex len = (FriBidiStrIndex)text->len;

    fribidi_get_bidi_types(text->points, len, types);
    fribidi_get_bracket_types(text->points, len, types, brackets);
    FriBidiParType direction = fribidi_get_par_direction(types, len);
    if (direction != FRIBIDI_PAR_ON)
        text->from_right = FRIBIDI_IS_RTL(direction);
    if (fribidi_get_par_embedding_levels_ex(types, brackets, len, &direction, levels) == 0)
        return sg_fail_memory(err);
    for (size_t i = 0; i < text->len; i++)
        text->chars[i].level = levels[i];
    return SG_OK;
}

static bool is_real(hb_script_t script)
{
    return script != HB_SCRIPT_COMMON && script != HB_SCRIPT_INHERITED && script != HB_SCRIPT_UNKNOWN;
}

/* What scripts share (digits, punctuation) goes with the text before it, or, where none is, with the first behind. */
static void find_scripts(struct sg_look_text *text)
{
    hb_unicode_funcs_t *unicode = hb_unicode_funcs_get_default();
    hb_script_t current = HB_SCRIPT_COMMON;
    for (size_t i = 0; i < text->len && !is_real(current); i++)
        current = hb_unicode_script(unicode, text->points[i]);
    if (!is_real(current))
        current = HB_SCRIPT_COMMON;
    for (size_t i = 0; i < text->len; i++) {
        hb_script_t script = hb_unicode_script(unicode, text->points[i]);
        if (is_real(script))
            current = script;
        text->chars[i].script = current;
    }
}

static bool has_script(const struct sg_look_text *text, hb_script_t script)
{
    for (size_t i = 0; i < text->len; i++)
        if (text->chars[i].script == script)
            return true;
    return false;
}

/* Han characters differ by language: what stands with them tells it, or else the person's locale. */
static void find_language(struct sg_look_text *text)
{
    const char *own = hb_language_to_string(hb_language_get_default());
    const char *language = "zh-hans";
    if (has_script(text, HB_SCRIPT_HIRAGANA) || has_script(text, HB_SCRIPT_KATAKANA))
        language = "ja";
    else if (has_script(text, HB_SCRIPT_HANGUL))
        language = "ko";
    else if (own && (strncmp(own, "ja", 2) == 0 || strncmp(own, "ko", 2) == 0 || strncmp(own, "zh", 2) == 0))
        language = own;
    text->language = hb_language_from_string(language, -1);
}

static bool is_mark(uint32_t point)
{
    hb_unicode_general_category_t category = hb_unicode_general_category(hb_unicode_funcs_get_default(), point);
    return category == HB_UNICODE_GENERAL_CATEGORY_NON_SPACING_MARK ||
           category == HB_UNICODE_GENERAL_CATEGORY_SPACING_MARK ||
           category == HB_UNICODE_GENERAL_CATEGORY_ENCLOSING_MARK || point == ZWNJ || point == ZWJ;
}

static bool is_category(uint32_t point, hb_unicode_general_category_t a, hb_unicode_general_category_t b)
{
    hb_unicode_general_category_t category = hb_unicode_general_category(hb_unicode_funcs_get_default(), point);
    return category == a || category == b;
}

static bool opens(uint32_t point)
{
    return is_category(point, HB_UNICODE_GENERAL_CATEGORY_OPEN_PUNCTUATION,
                       HB_UNICODE_GENERAL_CATEGORY_INITIAL_PUNCTUATION);
}

static bool closes(uint32_t point)
{
    return is_category(point, HB_UNICODE_GENERAL_CATEGORY_CLOSE_PUNCTUATION,
                       HB_UNICODE_GENERAL_CATEGORY_FINAL_PUNCTUATION) ||
           is_category(point, HB_UNICODE_GENERAL_CATEGORY_OTHER_PUNCTUATION,
                       HB_UNICODE_GENERAL_CATEGORY_DASH_PUNCTUATION);
}

/* Scripts that have no spaces between words, and break between any two characters. */
static bool is_ideographic(hb_script_t script)
{
    return script == HB_SCRIPT_HAN || script == HB_SCRIPT_HIRAGANA || script == HB_SCRIPT_KATAKANA ||
           script == HB_SCRIPT_BOPOMOFO || script == HB_SCRIPT_YI;
}

/* Those of UAX #14's class SA, whose words a dictionary would tell. */
static bool is_unspaced(hb_script_t script)
{
    return script == HB_SCRIPT_THAI || script == HB_SCRIPT_LAO || script == HB_SCRIPT_KHMER ||
           script == HB_SCRIPT_MYANMAR || script == HB_SCRIPT_TAI_LE || script == HB_SCRIPT_NEW_TAI_LUE ||
           script == HB_SCRIPT_TAI_THAM || script == HB_SCRIPT_TAI_VIET;
}

/* A part of UAX #14: lines end behind spaces, hyphens and Tibetan's tsheg, and among ideographs, not before what
 * closes. */
static void find_ends(struct sg_look_text *text)
{
    for (size_t i = 1; i < text->len; i++) {
        struct sg_look_char *c = &text->chars[i];
        uint32_t before = text->points[i - 1], point = text->points[i];
        c->unspaced = is_unspaced(c->script);
        if (!c->starts || point == ' ')
            continue;
        bool among = is_ideographic(c->script) && is_ideographic(text->chars[i - 1].script);
        bool hyphen = (before == '-' || before == 0x2010) && i > 1 && text->points[i - 2] != ' ' &&
                      !is_category(point, HB_UNICODE_GENERAL_CATEGORY_DECIMAL_NUMBER,
                                   HB_UNICODE_GENERAL_CATEGORY_DASH_PUNCTUATION);
        bool digits = point < 0x80 && before < 0x80; /* and other Latin among ideographs */
        c->may_end = before == ' ' || before == 0x3000 || before == 0x0f0b || hyphen ||
                     (among && !digits && !opens(before) && !closes(point));
    }
}

/* The same font as before it, as long as that has the cluster: fewer fonts, longer runs. */
static enum sg_rc find_fonts(struct sg_look_text *text, struct sg_look_fonts *fonts, struct sg_err *err)
{
    const struct sg_look_font *font = NULL;
    for (size_t i = 0, end = 0; i < text->len; i = end) {
        for (end = i + 1; end < text->len && !text->chars[end].starts;)
            end++;
        hb_script_t script = text->chars[i].script;
        bool same = font && text->chars[i - 1].script == script;
        if (!same || !sg_look_font_has(font, text->points + i, end - i)) {
            enum sg_rc rc = sg_look_fonts_find(fonts, script, text->points + i, end - i, &font, err);
            if (rc != SG_OK)
                return rc;
        }
        for (size_t k = i; k < end; k++)
            text->chars[k].font = font;
    }
    return SG_OK;
}

/* That each glyph is one of its font, and how wide each cluster is. */
static enum sg_rc measure(struct sg_look_text *text, const struct sg_look_fonts *fonts, struct sg_err *err)
{
    _cleanup_(sg_look_line_clear) struct sg_look_line line = {0};
    enum sg_rc rc = sg_look_shape(text, 0, text->len, &line, err);
    for (size_t i = 0; rc == SG_OK && i < line.count; i++) {
        const struct sg_look_glyph *glyph = &line.glyphs[i];
        if (glyph->id == 0)
            return sg_look_no_glyph(fonts, text->chars[glyph->start].script, text->points[glyph->start], err);
        text->chars[glyph->start].advance += glyph->advance;
    }
    return rc;
}

enum sg_rc sg_look_text_read(const char *line, bool from_right, struct sg_look_fonts *fonts, struct sg_look_text *ret,
                             struct sg_err *err)
{
    _cleanup_(sg_look_text_clear) struct sg_look_text text = {
        .points = calloc(SG_MAX_LOOK_TEXT, sizeof *text.points),
        .chars = calloc(SG_MAX_LOOK_TEXT, sizeof *text.chars),
        .from_right = from_right,
    };
    if (!text.points || !text.chars)
        return sg_fail_memory(err);
    enum sg_rc rc = decode(line, &text, err);
    if (rc == SG_OK && text.len > 0)
        rc = find_levels(&text, err);
    if (rc != SG_OK)
        return rc;
    find_scripts(&text);
    find_language(&text);
    for (size_t i = 0; i < text.len; i++)
        text.chars[i].starts = i == 0 || (!is_mark(text.points[i]) && text.points[i - 1] != ZWJ);
    find_ends(&text);
    rc = find_fonts(&text, fonts, err);
    if (rc == SG_OK)
        rc = measure(&text, fonts, err);
    if (rc != SG_OK)
        return rc;
    *ret = text;
    text = (struct sg_look_text){0};
    return SG_OK;
}
