/* Whether a part of the page is no more than that. The judging child that made it has read what a stranger made, so its
 * words count for the one file only: it must not be able to end its section, to begin another, or to answer to
 * another's link. Only what report_html_file.c and the drawings write is let through. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "verify/report_html.h"

#define MAX_DEPTH 16
#define MAX_WORD 16

static const char *const elements[] = {
    "article", "bdi",   "br",    "caption", "code", "col",  "colgroup", "desc",    "div",   "figcaption", "figure",
    "h2",      "h3",    "h4",    "li",      "p",    "path", "rect",     "section", "small", "span",       "strong",
    "svg",     "table", "tbody", "td",      "text", "th",   "time",     "title",   "tr",    "ul"};
static const char *const empty_elements[] = {"br", "col"};
static const char *const attributes[] = {"aria-labelledby", "class",   "colspan", "d", "height", "id", "role", "rx",
                                         "scope",           "viewBox", "width",   "x", "xmlns",  "y"};

struct reading {
    const char *p, *end;
    char id[32];                 /* "f7", what every id is or begins with */
    const char *open[MAX_DEPTH]; /* elements that are open */
    size_t depth;
};

static const char *find(const char *const *words, size_t count, const char *word, size_t len)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(words[i]) == len && memcmp(words[i], word, len) == 0)
            return words[i];
    return NULL;
}
#define FIND(words, word, len) find(words, sizeof(words) / sizeof(*(words)), word, len)

static size_t word_length(const struct reading *reading)
{
    size_t len = 0;
    while (reading->p + len < reading->end && len <= MAX_WORD &&
           (isalnum((unsigned char)reading->p[len]) || reading->p[len] == '-'))
        len++;
    return len;
}

static bool take(struct reading *reading, const char *text)
{
    size_t len = strlen(text);
    if ((size_t)(reading->end - reading->p) < len || memcmp(reading->p, text, len) != 0)
        return false;
    reading->p += len;
    return true;
}

/* "f7" or "f7-..." */
static bool is_own_id(const struct reading *reading, const char *value, size_t len)
{
    size_t own = strlen(reading->id);
    return len >= own && memcmp(value, reading->id, own) == 0 && (len == own || value[own] == '-');
}

static bool take_attribute(struct reading *reading)
{
    size_t len = word_length(reading);
    const char *name = FIND(attributes, reading->p, len);
    reading->p += len;
    if (!name || !take(reading, "=\""))
        return false;
    const char *value = reading->p;
    while (reading->p < reading->end && *reading->p != '"' && *reading->p != '<' && *reading->p != '>')
        reading->p++;
    size_t value_len = (size_t)(reading->p - value);
    return take(reading, "\"") && (strcmp(name, "id") != 0 || is_own_id(reading, value, value_len));
}

/* A section is the outermost element, and only that. */
static bool push(struct reading *reading, const char *name)
{
    if (reading->depth == MAX_DEPTH || (strcmp(name, "section") == 0) != (reading->depth == 0))
        return false;
    reading->open[reading->depth++] = name;
    return true;
}

static bool take_begin(struct reading *reading)
{
    size_t len = word_length(reading);
    const char *name = FIND(elements, reading->p, len);
    reading->p += len;
    if (!name)
        return false;
    while (take(reading, " "))
        if (!take_attribute(reading))
            return false;
    if (take(reading, "/>") || (FIND(empty_elements, name, len) && take(reading, ">")))
        return reading->depth > 0;
    return take(reading, ">") && push(reading, name);
}

static bool take_end(struct reading *reading)
{
    size_t len = word_length(reading);
    const char *open = reading->depth > 0 ? reading->open[reading->depth - 1] : "";
    if (strlen(open) != len || memcmp(open, reading->p, len) != 0)
        return false;
    reading->p += len;
    reading->depth--;
    return take(reading, ">");
}

static bool take_character(struct reading *reading)
{
    uint32_t c = 0;
    size_t n = sg_utf8_next((const uint8_t *)reading->p, (size_t)(reading->end - reading->p), &c);
    reading->p += n;
    return n > 0 && (c == '\n' || sg_utf8_printable(c));
}

bool sg_html_is_section(struct sg_slice section, size_t number)
{
    struct reading reading = {.p = (const char *)section.data, .end = (const char *)section.data + section.len};
    char start[64];
    (void)snprintf(reading.id, sizeof reading.id, "f%zu", number);
    (void)snprintf(start, sizeof start, "<section id=\"f%zu\">", number);
    if (section.len < strlen(start) || memcmp(section.data, start, strlen(start)) != 0)
        return false;
    while (reading.p < reading.end) {
        bool fits = take(&reading, "</")  ? take_end(&reading)
                    : take(&reading, "<") ? take_begin(&reading)
                                          : take_character(&reading);
        if (!fits)
            return false;
        if (reading.depth == 0)
            return take(&reading, "\n") && reading.p == reading.end;
    }
    return false;
}
