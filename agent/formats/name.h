/* Names that people write: distinguished names (RFC 4514) and e-mail addresses. base/crypto.h has the way back. */
#pragma once

#include <stdbool.h>

#include <openssl/x509.h>

#include "base/err.h"

#define SG_MAX_EMAIL 254 /* RFC 5321 §4.5.3.1.3, without the angle brackets */

/* Parses "CN=Ada Lovelace,O=Example,C=GB": keywords of RFC 4514 §3 and some more that CAs use, or OIDs; values as
 * text, not as #hex. Anything else, or a value that the attribute does not take: SG_E_MALFORMED, saying what. */
SG_MUST_CHECK enum sg_rc sg_name_parse(const char *text, X509_NAME **ret, struct sg_err *err);

/* local@domain of ASCII (RFC 5321 §4.1.2 without quoted strings and address literals): what fits into an rfc822Name. */
bool sg_email_is_plain(const char *text);
