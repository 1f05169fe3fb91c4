/* The page's style sheet. Its digest stands in the page's policy, so it is written as it is. */
#pragma once

extern const char sg_html_style[];
