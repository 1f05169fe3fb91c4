/* Sentences for people go through _(): gettext with the domain "signet". */
#pragma once

#include <libintl.h>

#define SG_TEXT_DOMAIN "signet"
#define _(text) dgettext(SG_TEXT_DOMAIN, text)
#define N_(text) (text)
