/* RFC 5280's rules about single certificates that OpenSSL does not check, though it is asked to be strict. */
#pragma once

#include <stdbool.h>

#include <openssl/x509.h>

/* What is wrong with one of a path, untranslated; NULL: nothing. `issues`: it is not the path's first. */
const char *sg_profile_problem(X509 *cert, bool issues);
