/* RFC 7512 URIs: parsed by p11-kit within our limits, and made for what we found. Private to pkcs11/, but for the
 * fuzzer. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* SG_E_USAGE with what is wrong if the text is no PKCS#11 URI, is longer than SG_MAX_URI, or has an attribute that we
 * would have to ignore (pin-value is refused by name: a PIN does not belong on a command line). */
SG_MUST_CHECK enum sg_rc sg_uri_check(const char *uri, struct sg_err *err);
