/* What `token check` finds: a list of checks with their results and a sentence each. Only "ok" is good: what nothing
 * here can tell is not known to be right. */
#pragma once

#include "cli/output.h"

enum sg_check {
#define SG_CHECK(name, word) SG_CHECK_##name,
#include "findings.def"
#undef SG_CHECK
    SG_CHECKS
};

enum sg_found { SG_FOUND_OK, SG_FOUND_UNKNOWN, SG_FOUND_WRONG }; /* the better first */

const char *sg_found_text(enum sg_found found); /* "ok", "unknown", "wrong" */

struct sg_findings {
    json_t *list; /* {"check", "result", "text"} */
    enum sg_found worst, worst_of[SG_CHECKS];
    bool incomplete; /* for want of memory */
};

SG_MUST_CHECK enum sg_rc sg_findings_init(struct sg_findings *findings, struct sg_err *err);
void sg_findings_clear(struct sg_findings *findings);
/* What is wrong or unknown says what to do about it. */
void sg_find(struct sg_findings *findings, enum sg_check check, enum sg_found found, const char *format, ...)
    SG_PRINTF(4, 5);
/* A line each for people, `indent` before it. */
void sg_findings_say(const struct sg_findings *findings, const struct sg_voice *voice, const char *indent);
