/* A section of the page that a judging child made, which may have been taken over: what the parent lets through. */
#include <string.h>

#include "fuzz.h"
#include "verify/report_html.h"

static size_t count(struct sg_slice text, const char *word)
{
    const size_t len = strlen(word);
    size_t found = 0;
    for (const uint8_t *at = text.data; (at = memmem(at, text.len - (size_t)(at - text.data), word, len)); at += len)
        found++;
    return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const never[] = {"<script", "<style", "<a ", "<img", "<iframe", "<link", "<meta", "<!"};
    const struct sg_slice section = {data, size};
    if (!sg_html_is_section(section, 7))
        return 0;
    must(size > 22 && memcmp(data, "<section id=\"f7\">", 17) == 0);
    must(memcmp(data + size - 11, "</section>\n", 11) == 0);
    must(count(section, "<section") == 1 && count(section, "</section") == 1);

    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        must(count(section, never[i]) == 0);
    must(!sg_html_is_section(section, 8) && !sg_html_is_section((struct sg_slice){data, size - 1}, 7));
    return 0;
}
