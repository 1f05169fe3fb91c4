/* Name constraints (RFC 5280 §4.2.1.10) beyond what OpenSSL checks. It compares names with subtrees; that both are
 * well-formed, so that the comparison means something, and what a wildcard may stand for, is checked here. */
#pragma once

#include <stdbool.h>

#include <openssl/x509v3.h>

/* Whether a subtree is one of the clause's: minimum 0, no maximum, and its base well-formed for its kind of name. */
bool sg_subtree_is_wellformed(const GENERAL_SUBTREE *subtree);

/* Whether the names of `cert` are such that `constraints`, which OpenSSL says they keep, can be said to be kept. What
 * is wrong, untranslated; NULL: nothing. */
const char *sg_names_problem(X509 *cert, const NAME_CONSTRAINTS *constraints);
