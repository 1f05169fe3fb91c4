/* Sentences for people go through _(): gettext with the domain "signet". */
#pragma once

#include <libintl.h>
#include <stdbool.h>

#define SG_TEXT_DOMAIN "signet"
#define _(text) sg_text(text)
#define N_(text) (text)

/* No catalogue is there for the user's language. */
extern bool sg_text_untranslated;

/* Once, when the locale is set, before any thread starts: gettext looks for a sentence a microsecond long even where it
 * can find none, and a report has dozens. */
void sg_text_init(void);

__attribute__((format_arg(1))) static inline const char *sg_text(const char *text)
{
    return sg_text_untranslated ? text : dgettext(SG_TEXT_DOMAIN, text);
}
