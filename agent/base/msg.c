#include "base/msg.h"

bool sg_text_untranslated;

void sg_text_init(void)
{
    /* A catalogue has its description under the empty text. */
    sg_text_untranslated = *dgettext(SG_TEXT_DOMAIN, "") == '\0';
}
