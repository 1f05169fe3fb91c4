/* UTF-8 (RFC 3629) of texts that others made. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Length of the well-formed sequence that `data` starts with, and its code point; 0 if there is none. */
size_t sg_utf8_next(const uint8_t *data, size_t len, uint32_t *ret_code_point);
/* Whether it may be printed on a terminal: no control character, and nothing that reorders or hides text. */
bool sg_utf8_printable(uint32_t code_point);
/* Whether a text is well-formed and every character of it may be printed. */
bool sg_utf8_is_printable(const char *text, size_t len);
/* Appends a stranger's text; what is not well-formed, or would steer a terminal or reorder text, becomes U+FFFD. */
SG_MUST_CHECK enum sg_rc sg_utf8_append_printable(struct sg_buf *out, const void *text, size_t len, struct sg_err *err);
/* Takes an incomplete sequence off the end of a text that was cut. */
void sg_utf8_cut(char *text);
