/* The page of `verify --html`: sections of files as they come, and at the end, before them, the summary. It is there
 * whole or not at all. */
#pragma once

#include "base/buf.h"
#include "cli/app.h"

struct sg_page;

/* What `--html` and `--force` say; NULL in `*ret` without --html. A page on stdout turns the voice to stderr. */
SG_MUST_CHECK enum sg_rc sg_page_open(struct sg_app *app, const struct sg_args *args, struct sg_page **ret,
                                      struct sg_err *err);
/* The next file, what sg_report_exit() gives for it, and its section (verify/report_html.h), whose number is that of
 * the file, from 1: as judge/ has checked it. */
SG_MUST_CHECK enum sg_rc sg_page_add(struct sg_page *page, const char *file, int status, struct sg_slice section,
                                     struct sg_err *err);
/* The next file, which could not be judged. */
SG_MUST_CHECK enum sg_rc sg_page_add_failure(struct sg_page *page, const char *file, const struct sg_err *why,
                                             struct sg_err *err);
SG_MUST_CHECK enum sg_rc sg_page_finish(struct sg_page *page, struct sg_err *err);
/* Without sg_page_finish() nothing is left behind. */
void sg_page_free(struct sg_page *page);
SG_DEFINE_CLEANUP(struct sg_page, sg_page_free)
