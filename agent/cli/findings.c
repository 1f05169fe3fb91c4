#include "cli/findings.h"

#include <stdarg.h>

#include "base/msg.h"

static const char *const words[] = {
#define SG_CHECK(name, word) [SG_CHECK_##name] = (word),
#include "findings.def"
#undef SG_CHECK
};

const char *sg_found_text(enum sg_found found)
{
    static const char *const texts[] = {
        [SG_FOUND_OK] = "ok", [SG_FOUND_UNKNOWN] = "unknown", [SG_FOUND_WRONG] = "wrong"};

    return texts[found];
}

enum sg_rc sg_findings_init(struct sg_findings *findings, struct sg_err *err)
{
    *findings = (struct sg_findings){.list = json_array()};
    return findings->list ? SG_OK : sg_fail_memory(err);
}

void sg_findings_clear(struct sg_findings *findings)
{
    json_decref(findings->list);
    *findings = (struct sg_findings){0};
}

void sg_find(struct sg_findings *findings, enum sg_check check, enum sg_found found, const char *format, ...)
{
    char text[1024];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (found > findings->worst)
        findings->worst = found;
    if (found > findings->worst_of[check])
        findings->worst_of[check] = found;
    json_t *finding =
        json_pack("{s:s, s:s, s:o}", "check", words[check], "result", sg_found_text(found), "text", sg_json_text(text));
    if (!finding || json_array_append_new(findings->list, finding) != 0)
        findings->incomplete = true;
}

static const char *member(const json_t *finding, const char *name)
{
    const char *text = json_string_value(json_object_get(finding, name));

    return text ? text : "";
}

void sg_findings_say(const struct sg_findings *findings, const struct sg_voice *voice, const char *indent)
{
    for (size_t i = 0; i < json_array_size(findings->list); i++) {
        const json_t *finding = json_array_get(findings->list, i);
        sg_say(voice, "%s%-7s  %-11s  %s", indent, member(finding, "result"), member(finding, "check"),
               member(finding, "text"));
    }
}
