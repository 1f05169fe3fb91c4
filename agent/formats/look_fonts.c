#include <string.h>
#include <sys/stat.h>

#include <hb-ot.h>

#include "base/limits.h"
#include "base/msg.h"
#include "base/utf8.h"
#include "formats/look_private.h"

#define LARGE_TABLE (4 * SG_MIB)

#define DEBIAN "/usr/share/fonts/"
#define NOTO DEBIAN "truetype/noto/NotoSans"

/* Which of the system's fonts to look into for a script. HB_SCRIPT_COMMON: for any, before those of CJK. */
static const struct known {
    hb_script_t script;
    const char *path;
} known[] = {
    {HB_SCRIPT_ADLAM, NOTO "Adlam-Regular.ttf"},
    {HB_SCRIPT_ARABIC, NOTO "Arabic-Regular.ttf"},
    {HB_SCRIPT_ARMENIAN, NOTO "Armenian-Regular.ttf"},
    {HB_SCRIPT_BALINESE, NOTO "Balinese-Regular.ttf"},
    {HB_SCRIPT_BAMUM, NOTO "Bamum-Regular.ttf"},
    {HB_SCRIPT_BATAK, NOTO "Batak-Regular.ttf"},
    {HB_SCRIPT_BENGALI, NOTO "Bengali-Regular.ttf"},
    {HB_SCRIPT_BUGINESE, NOTO "Buginese-Regular.ttf"},
    {HB_SCRIPT_CANADIAN_SYLLABICS, NOTO "CanadianAboriginal-Regular.ttf"},
    {HB_SCRIPT_CHAKMA, NOTO "Chakma-Regular.ttf"},
    {HB_SCRIPT_CHAM, NOTO "Cham-Regular.ttf"},
    {HB_SCRIPT_CHEROKEE, NOTO "Cherokee-Regular.ttf"},
    {HB_SCRIPT_COPTIC, NOTO "Coptic-Regular.ttf"},
    {HB_SCRIPT_DEVANAGARI, NOTO "Devanagari-Regular.ttf"},
    {HB_SCRIPT_ETHIOPIC, NOTO "Ethiopic-Regular.ttf"},
    {HB_SCRIPT_GEORGIAN, NOTO "Georgian-Regular.ttf"},
    {HB_SCRIPT_GUJARATI, NOTO "Gujarati-Regular.ttf"},
    {HB_SCRIPT_GURMUKHI, NOTO "Gurmukhi-Regular.ttf"},
    {HB_SCRIPT_HANIFI_ROHINGYA, NOTO "HanifiRohingya-Regular.ttf"},
    {HB_SCRIPT_HEBREW, NOTO "Hebrew-Regular.ttf"},
    {HB_SCRIPT_JAVANESE, NOTO "Javanese-Regular.ttf"},
    {HB_SCRIPT_KANNADA, NOTO "Kannada-Regular.ttf"},
    {HB_SCRIPT_KAYAH_LI, NOTO "KayahLi-Regular.ttf"},
    {HB_SCRIPT_KHMER, NOTO "Khmer-Regular.ttf"},
    {HB_SCRIPT_LAO, NOTO "Lao-Regular.ttf"},
    {HB_SCRIPT_LEPCHA, NOTO "Lepcha-Regular.ttf"},
    {HB_SCRIPT_LIMBU, NOTO "Limbu-Regular.ttf"},
    {HB_SCRIPT_LISU, NOTO "Lisu-Regular.ttf"},
    {HB_SCRIPT_MALAYALAM, NOTO "Malayalam-Regular.ttf"},
    {HB_SCRIPT_MEETEI_MAYEK, NOTO "MeeteiMayek-Regular.ttf"},
    {HB_SCRIPT_MIAO, NOTO "Miao-Regular.ttf"},
    {HB_SCRIPT_MONGOLIAN, NOTO "Mongolian-Regular.ttf"},
    {HB_SCRIPT_MYANMAR, NOTO "Myanmar-Regular.ttf"},
    {HB_SCRIPT_NEWA, NOTO "Newa-Regular.ttf"},
    {HB_SCRIPT_NEW_TAI_LUE, NOTO "NewTaiLue-Regular.ttf"},
    {HB_SCRIPT_NKO, NOTO "NKo-Regular.ttf"},
    {HB_SCRIPT_OL_CHIKI, NOTO "OlChiki-Regular.ttf"},
    {HB_SCRIPT_ORIYA, NOTO "Oriya-Regular.ttf"},
    {HB_SCRIPT_OSAGE, NOTO "Osage-Regular.ttf"},
    {HB_SCRIPT_PAHAWH_HMONG, NOTO "PahawhHmong-Regular.ttf"},
    {HB_SCRIPT_SAURASHTRA, NOTO "Saurashtra-Regular.ttf"},
    {HB_SCRIPT_SINHALA, NOTO "Sinhala-Regular.ttf"},
    {HB_SCRIPT_SUNDANESE, NOTO "Sundanese-Regular.ttf"},
    {HB_SCRIPT_SYLOTI_NAGRI, NOTO "SylotiNagri-Regular.ttf"},
    {HB_SCRIPT_SYRIAC, NOTO "Syriac-Regular.ttf"},
    {HB_SCRIPT_TAGALOG, NOTO "Tagalog-Regular.ttf"},
    {HB_SCRIPT_TAI_LE, NOTO "TaiLe-Regular.ttf"},
    {HB_SCRIPT_TAI_THAM, NOTO "TaiTham-Regular.ttf"},
    {HB_SCRIPT_TAI_VIET, NOTO "TaiViet-Regular.ttf"},
    {HB_SCRIPT_TAMIL, NOTO "Tamil-Regular.ttf"},
    {HB_SCRIPT_TELUGU, NOTO "Telugu-Regular.ttf"},
    {HB_SCRIPT_THAANA, NOTO "Thaana-Regular.ttf"},
    {HB_SCRIPT_THAI, NOTO "Thai-Regular.ttf"},
    {HB_SCRIPT_TIBETAN, DEBIAN "truetype/noto/NotoSerifTibetan-Regular.ttf"},
    {HB_SCRIPT_TIFINAGH, NOTO "Tifinagh-Regular.ttf"},
    {HB_SCRIPT_VAI, NOTO "Vai-Regular.ttf"},
    {HB_SCRIPT_WANCHO, NOTO "Wancho-Regular.ttf"},
    {HB_SCRIPT_YI, NOTO "Yi-Regular.ttf"},
    {HB_SCRIPT_COMMON, NOTO "-Regular.ttf"},
    {HB_SCRIPT_COMMON, DEBIAN "truetype/dejavu/DejaVuSans.ttf"},
    {HB_SCRIPT_COMMON, DEBIAN "truetype/liberation/LiberationSans-Regular.ttf"},
    {HB_SCRIPT_COMMON, DEBIAN "truetype/freefont/FreeSans.ttf"},
    {HB_SCRIPT_COMMON, NOTO "Symbols-Regular.ttf"},
    {HB_SCRIPT_COMMON, NOTO "Symbols2-Regular.ttf"},
    {HB_SCRIPT_COMMON, NOTO "Math-Regular.ttf"},
    {HB_SCRIPT_HAN, DEBIAN "opentype/noto/NotoSansCJK-Regular.ttc"},
    {HB_SCRIPT_HAN, DEBIAN "truetype/wqy/wqy-microhei.ttc"},
    {HB_SCRIPT_HAN, DEBIAN "truetype/wqy/wqy-zenhei.ttc"},
    {HB_SCRIPT_HAN, DEBIAN "truetype/droid/DroidSansFallbackFull.ttf"},
};

struct sg_look_fonts {
    const char *const *files; /* NULL: those that are known */
    size_t count;
    struct sg_look_font *opened[SG_MAX_FONTS]; /* .font NULL: it is not there, or may not be embedded */
    size_t opened_count;
};

enum sg_rc sg_look_fonts_new(const char *const *files, size_t count, struct sg_look_fonts **ret, struct sg_err *err)
{
    struct sg_look_fonts *fonts = calloc(1, sizeof *fonts);
    if (!fonts)
        return sg_fail_memory(err);
    fonts->files = count > 0 ? files : NULL;
    fonts->count = count;
    *ret = fonts;
    return SG_OK;
}

void sg_look_fonts_free(struct sg_look_fonts *fonts)
{
    if (!fonts)
        return;
    for (size_t i = 0; i < fonts->opened_count; i++) {
        hb_font_destroy(fonts->opened[i]->font);
        free(fonts->opened[i]);
    }
    free(fonts);
}

/* --- One file --- */

static uint32_t be32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static unsigned be16(const uint8_t *at)
{
    return (unsigned)at[0] << 8 | at[1];
}

static uint32_t checksum(const uint8_t *data, size_t len)
{
    uint32_t sum = 0;
    uint8_t rest[4] = {0};
    for (size_t i = 0; i + 4 <= len; i += 4)
        sum += be32(data + i);
    memcpy(rest, data + len / 4 * 4, len % 4);
    return sum + be32(rest);
}

/* Whether every table of the first face is there and is what it was (OpenType, "Table Directory"). The checksum of
 * `head` counts the whole file, and is left out; so are those of large tables, the outlines of CJK, which would be read
 * from the disk for nothing else. */
static bool is_whole(struct sg_slice file)
{
    size_t at = 0;
    if (file.len >= 16 && be32(file.data) == HB_TAG('t', 't', 'c', 'f'))
        at = be32(file.data + 12);
    if (at > file.len || file.len - at < 12)
        return false;
    size_t count = be16(file.data + at + 4);
    if ((file.len - at - 12) / 16 < count)
        return false;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *entry = file.data + at + 12 + 16 * i;
        uint32_t offset = be32(entry + 8), len = be32(entry + 12);
        if (offset > file.len || len > file.len - offset)
            return false;
        bool counts = be32(entry) != HB_TAG('h', 'e', 'a', 'd') && len <= LARGE_TABLE;
        if (counts && checksum(file.data + offset, len) != be32(entry + 4))
            return false;
    }
    return count > 0;
}

static bool has_table(hb_face_t *face, hb_tag_t tag)
{
    hb_blob_t *table = hb_face_reference_table(face, tag);
    bool has = hb_blob_get_length(table) > 0;
    hb_blob_destroy(table);
    return has;
}

/* OS/2's fsType: 1 is "restricted licence" where nothing less strict is said, 8 "no subsetting", 9 "bitmaps only". */
static bool may_be_embedded(hb_face_t *face)
{
    hb_blob_t *table = hb_face_reference_table(face, HB_TAG('O', 'S', '/', '2'));
    unsigned len = 0;
    const uint8_t *data = (const uint8_t *)hb_blob_get_data(table, &len);
    unsigned type = len >= 10 ? be16(data + 8) : 0;
    hb_blob_destroy(table);
    return (type & 0x000e) != 0x0002 && (type & 0x0300) == 0;
}

static enum sg_rc no_font(const char *path, struct sg_err *err)
{
    return sg_about(path, err,
                    sg_fail(err, SG_E_MALFORMED,
                            _("\"%s\" is damaged, or is no OpenType font with outlines. Install the font anew, or name "
                              "another."),
                            path));
}

static enum sg_rc make_font(hb_face_t *face, const char *path, struct sg_look_font *ret, struct sg_err *err)
{
    bool is_cff = has_table(face, HB_TAG('C', 'F', 'F', ' '));
    if (hb_face_get_glyph_count(face) == 0 || hb_face_get_upem(face) == 0 ||
        (!is_cff && !has_table(face, HB_TAG('g', 'l', 'y', 'f'))))
        return no_font(path, err);
    if (!may_be_embedded(face))
        return sg_about(path, err,
                        sg_fail(err, SG_E_POLICY,
                                _("The font \"%s\" does not permit that it is embedded in documents. Name another."),
                                path));
    hb_font_t *font = hb_font_create(face);
    if (font == hb_font_get_empty())
        return sg_fail_memory(err);
    *ret = (struct sg_look_font){.path = path, .font = font, .units = hb_face_get_upem(face), .is_cff = is_cff};
    return SG_OK;
}

/* The file is mapped: of a font for CJK, little of some 20 MB is looked at. */
static enum sg_rc open_font(const char *path, struct sg_look_font *ret, struct sg_err *err)
{
    struct stat st;
    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
        return sg_about(path, err, sg_fail(err, SG_E_NOT_FOUND, _("There is no font file \"%s\"."), path));
    if (st.st_size > (off_t)SG_MAX_FONT_FILE)
        return sg_about(
            path, err,
            sg_fail(err, SG_E_LIMIT, _("The font \"%s\" has more than %zu MiB."), path, SG_MAX_FONT_FILE / SG_MIB));
    hb_blob_t *blob = hb_blob_create_from_file_or_fail(path);
    if (!blob)
        return sg_about(path, err, sg_fail(err, SG_E_NOT_READABLE, _("The font \"%s\" cannot be read."), path));
    unsigned len = 0;
    const uint8_t *data = (const uint8_t *)hb_blob_get_data(blob, &len);
    enum sg_rc rc = SG_OK;
    if (is_whole((struct sg_slice){.data = data, .len = len})) {
        hb_face_t *face = hb_face_create(blob, 0);
        rc = make_font(face, path, ret, err);
        hb_face_destroy(face);
    } else {
        rc = no_font(path, err);
    }
    hb_blob_destroy(blob);
    return rc;
}

/* --- The choice --- */

/* The font at `path`, opened if it was not. One of the system's that is missing or not for us has no .font. */
static enum sg_rc font_at(struct sg_look_fonts *fonts, const char *path, const struct sg_look_font **ret,
                          struct sg_err *err)
{
    for (size_t i = 0; i < fonts->opened_count; i++) {
        if (strcmp(fonts->opened[i]->path, path) == 0) {
            *ret = fonts->opened[i];
            return SG_OK;
        }
    }
    if (fonts->opened_count == SG_MAX_FONTS)
        return sg_fail(err, SG_E_LIMIT, _("The visible signature needs more than %d fonts."), SG_MAX_FONTS);
    _cleanup_(freep) struct sg_look_font *opened = calloc(1, sizeof *opened);
    if (!opened)
        return sg_fail_memory(err);
    opened->path = path;
    struct sg_err why;
    enum sg_rc rc = open_font(path, opened, &why);
    if (rc != SG_OK && (fonts->files || (rc != SG_E_NOT_FOUND && rc != SG_E_POLICY))) {
        if (err)
            *err = why;
        return rc;
    }
    *ret = opened;
    fonts->opened[fonts->opened_count++] = sg_steal(opened);
    return SG_OK;
}

/* Characters that tell shapers what to do, and that nothing is shown of. */
static bool is_ignorable(uint32_t point)
{
    return point == 0x200c || point == 0x200d || (point >= 0xfe00 && point <= 0xfe0f) ||
           (point >= 0xe0100 && point <= 0xe01ef);
}

bool sg_look_font_has(const struct sg_look_font *font, const uint32_t *chars, size_t count)
{
    hb_codepoint_t glyph = 0;
    for (size_t i = 0; i < count; i++)
        if (!is_ignorable(chars[i]) && (!hb_font_get_nominal_glyph(font->font, chars[i], &glyph) || glyph == 0))
            return false;
    return true;
}

static bool is_cjk(hb_script_t script)
{
    return script == HB_SCRIPT_HAN || script == HB_SCRIPT_HIRAGANA || script == HB_SCRIPT_KATAKANA ||
           script == HB_SCRIPT_HANGUL || script == HB_SCRIPT_BOPOMOFO;
}

enum sg_rc sg_look_no_glyph(const struct sg_look_fonts *fonts, hb_script_t script, uint32_t code_point,
                            struct sg_err *err)
{
    if (fonts->files)
        return sg_fail(err, SG_E_UNSUPPORTED, _("None of the fonts that were named can show the character U+%04X."),
                       code_point);
    return sg_fail(err, SG_E_UNSUPPORTED,
                   _("No font of this machine that Signet knows can show the character U+%04X of the visible "
                     "signature. Install the package %s, or name a font that has it."),
                   code_point, is_cjk(script) ? "fonts-noto-cjk" : "fonts-noto-core");
}

/* The i-th file to look into for `script`; NULL behind the last. Passes over the known: those of the script, those for
 * any, those of CJK for the signs that only they have. */
static const char *candidate(const struct sg_look_fonts *fonts, hb_script_t script, size_t i)
{
    if (fonts->files)
        return i < fonts->count ? fonts->files[i] : NULL;
    hb_script_t passes[] = {is_cjk(script) ? HB_SCRIPT_HAN : script, HB_SCRIPT_COMMON, HB_SCRIPT_HAN};
    for (size_t pass = 0; pass < 3; pass++)
        for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++)
            if (known[k].script == passes[pass] && i-- == 0)
                return known[k].path;
    return NULL;
}

enum sg_rc sg_look_fonts_find(struct sg_look_fonts *fonts, hb_script_t script, const uint32_t *chars, size_t count,
                              const struct sg_look_font **ret, struct sg_err *err)
{
    const char *path = NULL;
    for (size_t i = 0; (path = candidate(fonts, script, i)); i++) {
        const struct sg_look_font *font = NULL;
        enum sg_rc rc = font_at(fonts, path, &font, err);
        if (rc != SG_OK)
            return rc;
        if (font->font && sg_look_font_has(font, chars, count)) {
            *ret = font;
            return SG_OK;
        }
    }
    return sg_look_no_glyph(fonts, script, chars[0], err);
}
