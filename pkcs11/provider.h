/* The OpenSSL bridge: a provider that is part of this program, through which a token's key is an ordinary EVP_PKEY.
 * Private to pkcs11/. */
#pragma once

#include <openssl/core_dispatch.h>
#include <openssl/provider.h>

#include "pkcs11/internal.h"

/* Adds the provider "signet" to `libctx`, which has `default` already. OSSL_PROVIDER_unload() when done. */
SG_MUST_CHECK enum sg_rc sg_provider_load(OSSL_LIB_CTX *libctx, OSSL_PROVIDER **ret, struct sg_err *err);

/* The parameter by which sg_token_key_open() hands its key to the key management: a pointer to struct sg_token_key,
 * which gets a reference. */
#define SG_PARAM_KEY "signet-key"

/* What the provider keeps behind an EVP_PKEY: a token's key, or the public key of another, to agree on a secret with.
 */
struct sg_provider_key {
    OSSL_LIB_CTX *libctx;
    struct sg_token_key *key;
    EVP_PKEY *peer;
};
/* Of either, as `default` has it; NULL if there is neither. */
EVP_PKEY *sg_provider_key_public(const struct sg_provider_key *key);

typedef void (*sg_function)(void); /* as OSSL_DISPATCH holds them */

extern const OSSL_DISPATCH sg_keymgmt_rsa[], sg_keymgmt_rsa_pss[], sg_keymgmt_ec[], sg_keymgmt_ed25519[];
extern const OSSL_DISPATCH sg_signature_digested[], sg_signature_ed25519[];
extern const OSSL_DISPATCH sg_cipher_rsa[], sg_exchange_ecdh[];
