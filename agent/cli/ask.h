/* Questions: on the terminal, or not at all. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* Somebody is there to be asked: stdin and stderr are a terminal. (A PIN is asked for wherever there is one.) */
bool sg_has_terminal(void);
/* A question that y or yes answers. No terminal: SG_E_NOT_CONFIRMED with `otherwise`, which says how to go on without
 * one; anything but yes: SG_E_NOT_CONFIRMED. */
SG_MUST_CHECK enum sg_rc sg_ask_yes(const char *question, const char *otherwise, struct sg_err *err);
/* A question that only `word` answers. Anything else: SG_E_NOT_CONFIRMED. */
SG_MUST_CHECK enum sg_rc sg_ask_word(const char *question, const char *word, struct sg_err *err);
/* Which of `count` things, numbered from 1 in what the caller has shown; `*ret` is 0 to count - 1. */
SG_MUST_CHECK enum sg_rc sg_ask_number(const char *question, size_t count, size_t *ret, struct sg_err *err);
/* A line for the terminal that belongs to a question; escaped as sg_say() does. */
void sg_ask_show(const char *format, ...) SG_PRINTF(1, 2);
