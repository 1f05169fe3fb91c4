#include <stdio.h>
#include <string.h>

#include "ber.h"
#include "formats/look_private.h"

#define NOTO "/usr/share/fonts/truetype/noto/"
#define CJK "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc"

static const char *const latin[] = {"Ángel Núñez García de la Peña", "2026-11-26 09:00:00 +01:00",
                                    "Reason: I approve this document with all of its annexes"};
static const char *const mixed[] = {"王小明 Владимир محمد علی", "2026-11-26", "श्री रामकृष्ण शर्मा, ผู้ใหญ่",
                                    "averyveryverylongunbreakablemailaddress@some.example"};

static enum sg_rc draw(const struct sg_pdf_look *look, double width, double height, struct sg_err *err)
{
    struct sg_pdf_look_parts parts = {0};
    enum sg_rc rc = sg_pdf_look_draw(look, width, height, "image", &parts, err);
    if (rc != SG_OK)
        assert_null(parts.parts);
    sg_pdf_look_parts_clear(&parts);
    return rc;
}

static enum sg_rc draw_line(const char *line, const char *font, struct sg_err *err)
{
    struct sg_pdf_look look = {.lines = &line, .line_count = 1, .fonts = &font, .font_count = font != NULL};
    return draw(&look, 200, 60, err);
}

/* --- Layout --- */

struct texts {
    struct sg_look_fonts *fonts;
    struct sg_look_text items[SG_MAX_LOOK_LINES];
    size_t count;
};

static struct texts read_texts(const char *const *lines, size_t count)
{
    struct texts texts = {.count = count};
    assert_int_equal(sg_look_fonts_new(NULL, 0, &texts.fonts, NULL), SG_OK);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(sg_look_text_read(lines[i], false, texts.fonts, &texts.items[i], NULL), SG_OK);
    return texts;
}

static void clear_texts(struct texts *texts)
{
    for (size_t i = 0; i < texts->count; i++)
        sg_look_text_clear(&texts->items[i]);
    sg_look_fonts_free(texts->fonts);
}

/* No ink outside the box, on the image, or on the ink of another row; every character is there once, in its order. */
static void assert_apart(const struct sg_look_layout *layout, const struct texts *texts, double width, double height)
{
    const struct sg_pdf_rect *image = &layout->image;
    double above = height - 1;
    size_t shown = 0;
    assert_true(image->x >= 0 && image->y >= 0 && image->x + image->width <= width);
    assert_true(image->y + image->height <= height);
    for (size_t i = 0; i < layout->count; i++) {
        const struct sg_look_row *row = &layout->rows[i];
        assert_true(row->size >= 6);
        assert_true(row->x + row->line.left * row->size >= image->x + image->width + 1);
        assert_true(row->x + row->line.right * row->size <= width - 1);
        assert_true(row->y + row->line.top * row->size < above);
        above = row->y + row->line.bottom * row->size;
        assert_true(above >= 1);
        for (size_t k = 0; k < row->line.count; k++)
            if (k == 0 || row->line.glyphs[k].start != row->line.glyphs[k - 1].start)
                shown += row->line.glyphs[k].end - row->line.glyphs[k].start;
    }
    size_t spaces = 0, all = 0;
    for (size_t i = 0; i < texts->count; i++) {
        all += texts->items[i].len;
        for (size_t k = 0; k < texts->items[i].len; k++)
            spaces += texts->items[i].points[k] == ' ';
    }
    assert_in_range(shown, all - spaces, all);
}

/* In a box of any size: either nothing overlaps and nothing is cut off, or it is refused, and the size that is asked
 * for then does. */
static void lay_out_in_all(const char *const *lines, size_t count, double aspect)
{
    struct texts texts = read_texts(lines, count);
    size_t refused = 0, fitted = 0;
    for (double width = 5; width < 420; width += 23) {
        for (double height = 5; height < 220; height += 19) {
            struct sg_look_layout layout = {0};
            struct sg_err err = {0};
            double w = width, h = height, was_w = 0, was_h = 0;
            enum sg_rc rc = sg_look_lay_out(texts.items, count, aspect, w, h, &layout, &err);
            if (rc != SG_OK) {
                assert_int_equal(rc, SG_E_USAGE);
                assert_int_equal(sscanf(err.text,
                                        "The box of the visible signature is %lf by %lf points, too small for its text "
                                        "to be read. It needs %lf by %lf",
                                        &was_w, &was_h, &w, &h),
                                 4);
                assert_true(was_w == width && was_h == height && (w > width || h > height));
                assert_int_equal(sg_look_lay_out(texts.items, count, aspect, w, h, &layout, NULL), SG_OK);
                refused++;
            } else {
                fitted++;
            }
            assert_apart(&layout, &texts, w, h);
            sg_look_layout_clear(&layout);
        }
    }
    assert_true(refused > 10 && fitted > 10);
    clear_texts(&texts);
}

static void test_layout(void **state)
{
    (void)state;
    lay_out_in_all(latin, 3, 0);
    lay_out_in_all(latin, 3, 1.5);
    lay_out_in_all(latin, 1, 0.1);
    lay_out_in_all(mixed, 4, 0);
    lay_out_in_all(mixed, 4, 10);
}

/* Is text as large as its box allows, the name larger, and are words whole where they can be? */
static void test_sizes(void **state)
{
    struct texts texts = read_texts(latin, 3);
    struct sg_look_layout small = {0}, large = {0};
    (void)state;
    assert_int_equal(sg_look_lay_out(texts.items, 3, 0, 130, 50, &small, NULL), SG_OK);
    assert_int_equal(sg_look_lay_out(texts.items, 3, 0, 600, 300, &large, NULL), SG_OK);
    assert_true(large.rows[0].size > small.rows[0].size && small.rows[0].size > small.rows[small.count - 1].size);
    assert_int_equal(large.count, 3);
    for (size_t i = 0; i < small.count; i++) {
        const struct sg_look_row *row = &small.rows[i];
        size_t start = row->line.glyphs[0].start;
        assert_true(start == 0 || row->text->points[start - 1] == ' ');
    }
    sg_look_layout_clear(&small);
    sg_look_layout_clear(&large);
    clear_texts(&texts);
}

static size_t broken_words(const struct sg_look_layout *layout)
{
    size_t broken = 0;
    for (size_t i = 0; i < layout->count; i++) {
        const struct sg_look_row *row = &layout->rows[i];
        size_t start = row->line.count > 0 ? row->line.glyphs[0].start : 0;
        broken += start > 0 && !row->text->chars[start].may_end;
    }
    return broken;
}

/* Are words broken only where they must: a long one, and those of a script without spaces? */
static void test_breaks(void **state)
{
    static const char *const lines[] = {"Владимир Иванов", "ข้าพเจ้าอนุมัติเอกสารนี้ทั้งหมดโดยไม่มีเงื่อนไข",
                                        "王小明批准本文件（见附件）。",
                                        "unbreakablemailaddressofsomebody@some.example"};
    struct texts texts = read_texts(lines, 4);
    struct sg_look_layout layout = {0};
    (void)state;
    assert_int_equal(sg_look_lay_out(texts.items, 1, 0, 80, 60, &layout, NULL), SG_OK);
    assert_int_equal(broken_words(&layout), 0);
    sg_look_layout_clear(&layout);
    assert_int_equal(sg_look_lay_out(texts.items + 1, 1, 0, 80, 100, &layout, NULL), SG_OK);
    assert_true(broken_words(&layout) > 0 && layout.rows[0].size > 8.4);
    sg_look_layout_clear(&layout);
    assert_int_equal(sg_look_lay_out(texts.items + 2, 1, 0, 60, 100, &layout, NULL), SG_OK);
    assert_int_equal(broken_words(&layout), 0);
    assert_true(layout.count > 1);
    sg_look_layout_clear(&layout);
    assert_int_equal(sg_look_lay_out(texts.items, 4, 0, 80, 300, &layout, NULL), SG_OK);
    assert_true(layout.rows[0].size < 8.5);
    sg_look_layout_clear(&layout);
    clear_texts(&texts);
}

/* --- Text --- */

/* Is what stands in the box the order that UAX #9 gives, and does a line without letters stand where the last did? */
static void test_directions(void **state)
{
    const char *lines[] = {"אבג abc 12", "2026-11-26"};
    struct sg_look_fonts *fonts = NULL;
    struct sg_look_text text = {0}, date = {0};
    struct sg_look_line line = {0};
    (void)state;
    assert_int_equal(sg_look_fonts_new(NULL, 0, &fonts, NULL), SG_OK);
    assert_int_equal(sg_look_text_read(lines[0], false, fonts, &text, NULL), SG_OK);
    assert_int_equal(sg_look_text_read(lines[1], text.from_right, fonts, &date, NULL), SG_OK);
    assert_true(text.from_right && date.from_right);
    assert_int_equal(sg_look_shape(&text, 0, text.len, &line, NULL), SG_OK);
    const size_t order[] = {4, 5, 6, 7, 8, 9, 3, 2, 1, 0};
    assert_int_equal(line.count, 10);
    for (size_t i = 0; i < line.count; i++) {
        assert_int_equal(line.glyphs[i].start, order[i]);
        assert_int_equal(line.glyphs[i].end, order[i] + 1);
    }
    sg_look_line_clear(&line);
    assert_int_equal(sg_look_shape(&date, 0, date.len, &line, NULL), SG_OK);
    assert_int_equal(line.glyphs[0].start, 0); /* read from the left all the same */
    sg_look_line_clear(&line);
    sg_look_text_clear(&text);
    sg_look_text_clear(&date);
    sg_look_fonts_free(fonts);
}

/* What steers text, hides in it or is none never comes to be drawn; joiners that words are spelled with do. */
static void test_characters(void **state)
{
    struct sg_err err = {0};
    char longest[SG_MAX_LOOK_TEXT + 2];
    (void)state;
    static const char *const steering[] = {"a\nb",
                                           "a\tb",
                                           "\x1b[2J",
                                           "a\xc2\x85",
                                           "a\u202e"
                                           "b",
                                           "a\u2066"
                                           "b",
                                           "a\u200b"
                                           "b",
                                           "a\ufeff",
                                           "a\u2028"
                                           "b",
                                           "a\u00ad"
                                           "b"};
    for (size_t i = 0; i < sizeof(steering) / sizeof(steering[0]); i++) {
        assert_int_equal(draw_line(steering[i], NULL, &err), SG_E_UNSUPPORTED);
        assert_non_null(strstr(err.text, "steers text"));
    }
    assert_int_equal(draw_line("می\u200cخواهم", NULL, NULL), SG_OK);
    assert_int_equal(draw_line("a\xff", NULL, NULL), SG_E_MALFORMED);
    assert_int_equal(draw_line("a\xc3", NULL, NULL), SG_E_MALFORMED);
    assert_int_equal(draw_line("\xed\xa0\x80", NULL, NULL), SG_E_MALFORMED);

    memset(longest, 'i', sizeof(longest));
    longest[SG_MAX_LOOK_TEXT + 1] = '\0';
    assert_int_equal(draw_line(longest, NULL, NULL), SG_E_LIMIT);
    longest[SG_MAX_LOOK_TEXT] = '\0';
    assert_int_equal(draw_line(longest, NULL, &err), SG_E_USAGE); /* it has too little room */

    assert_int_equal(draw_line("A\U000f0000", NULL, &err), SG_E_UNSUPPORTED);
    assert_non_null(strstr(err.text, "U+F0000"));
    assert_non_null(strstr(err.text, "fonts-noto-core"));
    assert_int_equal(draw_line("Я", NOTO "NotoSansHebrew-Regular.ttf", &err), SG_E_UNSUPPORTED);
    assert_non_null(strstr(err.text, "U+042F"));
    assert_int_equal(draw_line("ש", NOTO "NotoSansHebrew-Regular.ttf", NULL), SG_OK);
}

/* What a caller can ask wrongly. */
static void test_arguments(void **state)
{
    struct sg_pdf_look look = {.lines = latin, .line_count = 3}, none = {0};
    const char *many[SG_MAX_LOOK_LINES + 1];
    (void)state;
    static const double sides[] = {0, -1, 1e300, SG_MAX_LOOK_SIDE + 1, __builtin_nan(""), __builtin_inf()};
    for (size_t i = 0; i < sizeof(sides) / sizeof(sides[0]); i++) {
        assert_int_equal(draw(&look, sides[i], 60, NULL), SG_E_USAGE);
        assert_int_equal(draw(&look, 60, sides[i], NULL), SG_E_USAGE);
    }
    assert_int_equal(draw(&look, SG_MAX_LOOK_SIDE, SG_MAX_LOOK_SIDE, NULL), SG_OK);
    assert_int_equal(draw(&none, 200, 60, NULL), SG_E_USAGE);
    for (size_t i = 0; i < SG_MAX_LOOK_LINES + 1; i++)
        many[i] = i == 0 ? "" : "a";
    look = (struct sg_pdf_look){.lines = many, .line_count = SG_MAX_LOOK_LINES};
    assert_int_equal(draw(&look, 200, 400, NULL), SG_OK);
    look.line_count++;
    assert_int_equal(draw(&look, 200, 400, NULL), SG_E_LIMIT);
}

/* --- Fonts --- */

static uint8_t *read_file(const char *path, size_t *ret_len)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        fail_msg("%s is not there", path);
    uint8_t *bytes = malloc(2 * SG_MIB);
    assert_non_null(bytes);
    *ret_len = fread(bytes, 1, 2 * SG_MIB, file);
    assert_int_equal(fclose(file), 0);
    return bytes;
}

static enum sg_rc draw_with(const uint8_t *font, size_t len)
{
    char path[] = "/tmp/signet-test-font-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, font, len), (ssize_t)len);
    assert_int_equal(close(fd), 0);
    enum sg_rc rc = draw_line("Ángel", path, NULL);
    assert_int_equal(unlink(path), 0);
    return rc;
}

static uint32_t be32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void put_be32(uint8_t *at, uint32_t number)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(number >> (24 - 8 * i));
}

static uint8_t *table_entry(uint8_t *font, const char *tag)
{
    uint8_t *entry = font + 12;
    while (memcmp(entry, tag, 4) != 0)
        entry += 16;
    return entry;
}

/* fsType, in the first half of the word at 8: the checksum of the table changes by as much. */
static void set_embedding(uint8_t *font, unsigned type)
{
    uint8_t *entry = table_entry(font, "OS/2"), *at = font + be32(entry + 8) + 8;
    uint32_t before = be32(at), after = (before & 0xffff) | type << 16;
    put_be32(at, after);
    put_be32(entry + 4, be32(entry + 4) + after - before);
}

/* Is a font's permission kept to, and one that is damaged refused? */
static void test_fonts(void **state)
{
    static const struct {
        unsigned type;
        enum sg_rc rc;
    } permissions[] = {{0, SG_OK},   {2, SG_E_POLICY},     {4, SG_OK},           {8, SG_OK},
                       {0xa, SG_OK}, {0x102, SG_E_POLICY}, {0x100, SG_E_POLICY}, {0x208, SG_E_POLICY}};
    size_t len = 0;
    uint8_t *font = read_file(NOTO "NotoSans-Regular.ttf", &len);
    (void)state;
    for (size_t i = 0; i < sizeof(permissions) / sizeof(permissions[0]); i++) {
        set_embedding(font, permissions[i].type);
        assert_int_equal(draw_with(font, len), permissions[i].rc);
    }
    set_embedding(font, 0);
    static const char *const tables[] = {"glyf", "cmap", "hmtx", "GSUB", "OS/2", "loca", "maxp"};
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        uint8_t *at = font + be32(table_entry(font, tables[i]) + 8) + 5;
        *at ^= 0x10;
        assert_int_equal(draw_with(font, len), SG_E_MALFORMED);
        *at ^= 0x10;
    }
    for (size_t part = 0; part < 16; part++)
        assert_int_equal(draw_with(font, len * part / 16), SG_E_MALFORMED);
    assert_int_equal(draw_with(font, len), SG_OK);
    assert_int_equal(draw_line("A", "/usr/share/fonts/none.ttf", NULL), SG_E_NOT_FOUND);
    assert_int_equal(draw_line("A", "/dev/zero", NULL), SG_E_NOT_FOUND);
    free(font);
}

/* Are CIDs read from each form of charset, and no further than the font goes? */
static void test_cff(void **state)
{
    /* Header; names; Top DICT { 1 1 1 ROS, 40 charset, a real number and another operator }; up to 40, nothing. */
    uint8_t cff[40] = {1,  0,   4,   1,   0,  1,  1,        1,  2,  'F',  0,    1,   1, 1,
                       13, 140, 140, 140, 12, 30, 139 + 40, 15, 30, 0x1a, 0x5f, 139, 5};
    uint16_t cids[8] = {0};
    (void)state;
    static const uint8_t each[] = {0, 0, 9, 1, 2, 0, 5}, ranges[] = {1, 0, 7, 1, 0, 20, 0},
                         long_ranges[] = {2, 1, 0, 0, 200};
    struct {
        const uint8_t *charset;
        size_t len;
        uint16_t cids[4];
    } cases[] = {{each, 7, {0, 9, 258, 5}}, {ranges, 7, {0, 7, 8, 20}}, {long_ranges, 5, {0, 256, 257, 258}}};
    for (size_t i = 0; i < 3; i++) {
        struct sg_slice whole = JOIN(slice(cff, sizeof(cff)), slice(cases[i].charset, cases[i].len));
        assert_int_equal(sg_look_cff_cids(whole, 4, cids, NULL), SG_OK);
        assert_memory_equal(cids, cases[i].cids, sizeof(cases[i].cids));
        for (size_t len = 0; len < whole.len; len++) {
            struct sg_slice part = slice(whole.data, len);
            assert_int_equal(sg_look_cff_cids(part, 4, cids, NULL), SG_E_MALFORMED);
        }
    }
    arena_clear();
}

/* Does a font with CIDs of its own (Noto's for CJK) come through? */
static void test_cjk(void **state)
{
    (void)state;
    assert_int_equal(draw_line("王小明 かな 김철수", CJK, NULL), SG_OK);
}

/* --- Writing --- */

static void test_numbers(void **state)
{
    static const double numbers[] = {0, -0.0001, 1, -1, 12.5, -0.25, 14400, 0.0006};
    _cleanup_(sg_buf_clear) struct sg_buf out = SG_BUF(256);
    const char *written = NULL;
    (void)state;
    assert_int_equal(sg_look_numbers(&out, numbers, 8, NULL), SG_OK);
    assert_int_equal(sg_buf_text(&out, &written, NULL), SG_OK);
    assert_string_equal(written, "0 0 1 -1 12.500 -0.250 14400 0.001 ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout),     cmocka_unit_test(test_sizes),      cmocka_unit_test(test_breaks),
        cmocka_unit_test(test_directions), cmocka_unit_test(test_characters), cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_fonts),      cmocka_unit_test(test_cff),        cmocka_unit_test(test_cjk),
        cmocka_unit_test(test_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
