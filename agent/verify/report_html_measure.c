#include "verify/report_html_measure.h"

#include <string.h>

#include "base/utf8.h"

#define REGULAR 90 /* percent of bold */

/* Thousandths of the font size. ASCII is that of the bold face of the widest fonts in use (DejaVu, Verdana); of other
 * scripts the widest letters that are common. */
static unsigned ascii_width(uint32_t c)
{
    if (strchr(" ijlI.,:;'|!", (int)c))
        return 460;
    if (strchr("mwMW@%", (int)c))
        return 1120;
    if (strchr("+=~<>^#", (int)c))
        return 940;
    if ((c >= 'A' && c <= 'Z') || c == '&')
        return 880;
    return 740;
}

static const struct {
    uint32_t first, last;
    unsigned width;
    unsigned height; /* of a line */
} scripts[] = {
    {0x0080, 0x052f, 1050, 1450},    /* Latin, Greek, Cyrillic */
    {0x0530, 0x08ff, 950, 2000},     /* Armenian, Hebrew, Arabic */
    {0x0900, 0x0fff, 1800, 2100},    /* the scripts of India, Thai, Tibetan */
    {0x1000, 0x1fff, 1800, 2300},    /* Burmese to Greek extended */
    {0x2000, 0x2bff, 1400, 1700},    /* punctuation, arrows, shapes */
    {0x2e80, 0xd7ff, 1100, 1700},    /* East Asia */
    {0xfb00, 0xfdef, 1800, 2300},    /* ligatures */
    {0xfdf0, 0xfdff, 14000, 2300},   /* whole phrases in one */
    {0xfe00, 0xffff, 1250, 2300},    /* other forms of these */
    {0x12000, 0x1254f, 12000, 2300}, /* cuneiform */
    {0x10000, 0x10ffff, 2000, 2300},
};

bool sg_html_is_mark(uint32_t c)
{
    return (c >= 0x0300 && c <= 0x036f) || (c >= 0x0483 && c <= 0x0489) || (c >= 0x1ab0 && c <= 0x1aff) ||
           (c >= 0x1dc0 && c <= 0x1dff) || (c >= 0x20d0 && c <= 0x20ff) || (c >= 0xfe20 && c <= 0xfe2f);
}

static unsigned character_width(uint32_t c, const struct sg_lettering *lettering)
{
    if (c < 0x80)
        return lettering->bold ? ascii_width(c) : ascii_width(c) * REGULAR / 100;
    if (sg_html_is_mark(c))
        return 100;
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++)
        if (c >= scripts[i].first && c <= scripts[i].last)
            return scripts[i].width;
    return 2000;
}

static unsigned character_height(uint32_t c)
{
    if (c < 0x80)
        return 1450;
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts && !sg_html_is_mark(c); i++)
        if (c >= scripts[i].first && c <= scripts[i].last)
            return scripts[i].height;
    return 2300;
}

unsigned sg_html_height(struct sg_slice text, const struct sg_lettering *lettering)
{
    unsigned height = 0;
    for (size_t i = 0, n = 0; i < text.len; i += n) {
        uint32_t c = 0;
        n = sg_utf8_next(text.data + i, text.len - i, &c);
        n = n > 0 ? n : 1;
        unsigned one = character_height(c);
        height = one > height ? one : height;
    }
    return (height * lettering->size + 999) / 1000;
}

unsigned sg_html_width(struct sg_slice text, const struct sg_lettering *lettering)
{
    uint64_t sum = 0;
    for (size_t i = 0, n = 0; i < text.len; i += n) {
        uint32_t c = 0;
        n = sg_utf8_next(text.data + i, text.len - i, &c);
        sum += character_width(c, lettering);
        n = n > 0 ? n : 1;
    }
    return (unsigned)((sum * lettering->size + 999) / 1000);
}

size_t sg_html_line(struct sg_slice text, const struct sg_lettering *lettering, unsigned width)
{
    uint64_t sum = 0;
    size_t opportunity = 0;
    for (size_t i = 0, n = 0; i < text.len; i += n) {
        uint32_t c = 0;
        n = sg_utf8_next(text.data + i, text.len - i, &c);
        n = n > 0 ? n : 1;
        sum += character_width(c, lettering);
        /* A space at the end of a line takes no room. */
        if (i > 0 && c != ' ' && !sg_html_is_mark(c) && sum * lettering->size > (uint64_t)width * 1000)
            return opportunity > 0 ? opportunity : i;
        if (c == ' ' || c == ',' || c == '-')
            opportunity = i + n;
    }
    return text.len;
}
