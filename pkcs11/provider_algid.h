#pragma once

#include "pkcs11/internal.h"

/* The DER of the AlgorithmIdentifier, allocated by OpenSSL; `digest` is NULL for Ed25519. */
bool sg_algorithm_id(enum sg_scheme scheme, const EVP_MD *digest, unsigned char **ret, size_t *ret_len);
