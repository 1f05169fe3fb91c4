/* URLs that Signet may fetch or send to: what is checked about them before anybody connects. */
#pragma once

#include <stdbool.h>

/* NULL if `url` is http:// or https:// with a host, of printable ASCII, no user or password, no fragment and at most
 * SG_MAX_URL bytes; else what is wrong with it, untranslated (N_()). */
const char *sg_url_problem(const char *url);
