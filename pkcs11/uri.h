/* RFC 7512 URIs: parsed by p11-kit within our limits, and made for what we found. Private to pkcs11/, but for the
 * fuzzer. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

struct sg_token;
struct sg_token_key;
struct sg_uri;

/* SG_E_USAGE with what is wrong if the text is no PKCS#11 URI, is longer than SG_MAX_URI, or has an attribute that we
 * would have to ignore (pin-value is refused by name: a PIN does not belong on a command line). */
SG_MUST_CHECK enum sg_rc sg_uri_check(const char *uri, struct sg_err *err);

/* The same, keeping what it says. */
SG_MUST_CHECK enum sg_rc sg_uri_parse(const char *text, struct sg_uri **ret, struct sg_err *err);
void sg_uri_free(struct sg_uri *uri);
SG_DEFINE_CLEANUP(struct sg_uri, sg_uri_free)

bool sg_uri_fits_token(const struct sg_uri *uri, const struct sg_token *token);
bool sg_uri_fits_key(const struct sg_uri *uri, const struct sg_token_key *key);
/* What stands behind "pin-source", decoded; NULL if it is not there. */
const char *sg_uri_pin_source(const struct sg_uri *uri);
/* The CKA_ID that the URI asks for; none: {NULL, 0}. */
struct sg_slice sg_uri_id(const struct sg_uri *uri);

/* The URI that pins this key: all of its token's texts, its CKA_ID (its label where it has none) and type=private.
 * Allocated; NULL: no memory. */
char *sg_uri_of_key(const struct sg_token_key *key);
