/* The fake token's operations with its private keys. */
#include <string.h>

#include <openssl/ec.h>
#include <openssl/rsa.h>

#include "fake_private.h"

const CK_MECHANISM_TYPE fake_mechanisms[] = {
    CKM_SHA256_RSA_PKCS,     CKM_SHA384_RSA_PKCS, CKM_SHA512_RSA_PKCS, CKM_SHA256_RSA_PKCS_PSS,
    CKM_SHA384_RSA_PKCS_PSS, CKM_ECDSA_SHA256,    CKM_ECDSA_SHA384,    CKM_RSA_X_509,
    CKM_ECDH1_DERIVE,        CKM_RSA_PKCS,        CKM_RSA_PKCS_PSS,    CKM_ECDSA};
#define ALL_MECHANISMS (sizeof fake_mechanisms / sizeof *fake_mechanisms)
#define RAW_MECHANISMS 3

size_t fake_mechanism_count(void)
{
    return control->lists_raw ? ALL_MECHANISMS : ALL_MECHANISMS - RAW_MECHANISMS;
}

/* --- signing ----------------------------------------------------------------------------------------------------- */

static bool is_raw(CK_MECHANISM_TYPE mechanism)
{
    return mechanism == CKM_RSA_PKCS || mechanism == CKM_RSA_PKCS_PSS || mechanism == CKM_ECDSA;
}

CK_RV C_SignInit(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    CALLED();
    struct session *session = session_of(handle);
    if (!session)
        return CKR_SESSION_HANDLE_INVALID;
    if (!logged_in)
        return CKR_USER_NOT_LOGGED_IN;
    bool offered = false;
    for (size_t i = 0; i < ALL_MECHANISMS; i++)
        offered = offered || fake_mechanisms[i] == mechanism->mechanism;
    if (!offered || (is_raw(mechanism->mechanism) && !control->serves_raw))
        return CKR_MECHANISM_INVALID;
    session->key = key;
    session->mechanism = mechanism->mechanism;
    session->authenticated = false;
    return CKR_OK;
}

static const EVP_MD *digest_of(CK_MECHANISM_TYPE mechanism)
{
    switch (mechanism) {
    case CKM_SHA256_RSA_PKCS:
    case CKM_SHA256_RSA_PKCS_PSS:
    case CKM_ECDSA_SHA256:
        return EVP_sha256();
    case CKM_SHA384_RSA_PKCS:
    case CKM_SHA384_RSA_PKCS_PSS:
    case CKM_ECDSA_SHA384:
        return EVP_sha384();
    case CKM_SHA512_RSA_PKCS:
        return EVP_sha512();
    default:
        return NULL;
    }
}

static bool is_pss(CK_MECHANISM_TYPE mechanism)
{
    return mechanism == CKM_RSA_PKCS_PSS || mechanism == CKM_SHA256_RSA_PKCS_PSS ||
           mechanism == CKM_SHA384_RSA_PKCS_PSS;
}

static bool set_pss(EVP_PKEY_CTX *ctx)
{
    return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1;
}

/* As OpenSSL makes it: ECDSA in DER. */
static bool sign(const struct session *session, const unsigned char *data, size_t len, unsigned char *out,
                 size_t *out_len)
{
    EVP_PKEY *key = is_rsa(session->key) ? rsa : ec;
    const EVP_MD *digest = digest_of(session->mechanism);
    EVP_MD_CTX *message = EVP_MD_CTX_new();
    EVP_PKEY_CTX *ctx = NULL, *own = NULL;
    bool pss = is_pss(session->mechanism), ok;
    if (digest) {
        ok = EVP_DigestSignInit(message, &ctx, digest, NULL, key) == 1 && (!pss || set_pss(ctx)) &&
             EVP_DigestSign(message, out, out_len, data, len) == 1;
    } else {
        own = EVP_PKEY_CTX_new(key, NULL);
        const EVP_MD *raw = len == 32 ? EVP_sha256() : len == 48 ? EVP_sha384() : EVP_sha512();
        ok = EVP_PKEY_sign_init(own) == 1 && (!pss || (set_pss(own) && EVP_PKEY_CTX_set_signature_md(own, raw) == 1)) &&
             (pss || key != rsa || EVP_PKEY_CTX_set_rsa_padding(own, RSA_PKCS1_PADDING) == 1) &&
             EVP_PKEY_sign(own, out, out_len, data, len) == 1;
    }
    EVP_PKEY_CTX_free(own);
    EVP_MD_CTX_free(message);
    return ok;
}

static void der_to_pair(unsigned char *signature, size_t *len)
{
    const unsigned char *at = signature;
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, (long)*len);
    (void)BN_bn2binpad(ECDSA_SIG_get0_r(sig), signature, 32);
    (void)BN_bn2binpad(ECDSA_SIG_get0_s(sig), signature + 32, 32);
    ECDSA_SIG_free(sig);
    *len = 64;
}

CK_RV C_Sign(CK_SESSION_HANDLE handle, CK_BYTE *data, CK_ULONG len, CK_BYTE *out, CK_ULONG *out_len)
{
    CALLED();
    struct session *session = session_of(handle);
    if (!session || session->key == 0)
        return CKR_OPERATION_NOT_INITIALIZED;
    if (control->reauthenticate && !session->authenticated)
        return CKR_USER_NOT_LOGGED_IN;
    unsigned char signature[512];
    size_t signature_len = sizeof signature;
    if (!sign(session, data, len, signature, &signature_len))
        return CKR_DATA_INVALID;
    if (!is_rsa(session->key))
        der_to_pair(signature, &signature_len);
    session->key = 0;
    if (*out_len < signature_len)
        return CKR_BUFFER_TOO_SMALL;
    if (control->lie == FAKE_SIGNATURE_WRONG)
        signature[signature_len / 2] ^= 1;
    memcpy(out, signature, signature_len);
    garble(out, signature_len);
    *out_len = control->lie == FAKE_SIGNATURE_LONGER  ? 1UL << 40
               : control->lie == FAKE_SIGNATURE_SHORT ? signature_len - 1
                                                      : signature_len;
    garble_count(out_len);
    return CKR_OK;
}

/* --- decrypting --------------------------------------------------------------------------------------------------- */

CK_RV C_DecryptInit(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    CALLED();
    struct session *session = session_of(handle);
    if (!session)
        return CKR_SESSION_HANDLE_INVALID;
    if (!logged_in)
        return CKR_USER_NOT_LOGGED_IN;
    if (mechanism->mechanism != CKM_RSA_X_509 || key != RSA_PRIVATE)
        return CKR_MECHANISM_INVALID;
    session->key = key;
    session->authenticated = false;
    return CKR_OK;
}

CK_RV C_Decrypt(CK_SESSION_HANDLE handle, CK_BYTE *data, CK_ULONG len, CK_BYTE *out, CK_ULONG *out_len)
{
    CALLED();
    struct session *session = session_of(handle);
    if (!session || session->key == 0)
        return CKR_OPERATION_NOT_INITIALIZED;
    if (control->reauthenticate && !session->authenticated)
        return CKR_USER_NOT_LOGGED_IN;
    session->key = 0;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(rsa, NULL);
    size_t plain_len = *out_len;
    bool good = EVP_PKEY_decrypt_init(ctx) == 1 && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) == 1 &&
                EVP_PKEY_decrypt(ctx, out, &plain_len, data, len) == 1;
    EVP_PKEY_CTX_free(ctx);
    if (!good)
        return CKR_ENCRYPTED_DATA_INVALID;
    if (control->lie == FAKE_PLAINTEXT_WRONG)
        out[plain_len / 2] ^= 1;
    garble(out, plain_len);
    *out_len = control->lie == FAKE_PLAINTEXT_LONGER ? 1UL << 40 : control->lie == FAKE_PLAINTEXT_EMPTY ? 0 : plain_len;
    garble_count(out_len);
    return CKR_OK;
}

CK_RV C_DeriveKey(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key, CK_ATTRIBUTE *template,
                  CK_ULONG count, CK_OBJECT_HANDLE *ret)
{
    (void)template;
    (void)count;
    CALLED();
    const CK_ECDH1_DERIVE_PARAMS *params = mechanism->pParameter;
    EVP_PKEY *peer = EVP_PKEY_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(ec, NULL);
    size_t len = sizeof secret;
    bool good = session_of(handle) && logged_in && mechanism->mechanism == CKM_ECDH1_DERIVE && key == EC_PRIVATE &&
                EVP_PKEY_copy_parameters(peer, ec) == 1 &&
                EVP_PKEY_set1_encoded_public_key(peer, params->pPublicData, params->ulPublicDataLen) == 1 &&
                EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_derive_set_peer(ctx, peer) == 1 &&
                EVP_PKEY_derive(ctx, secret, &len) == 1;
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(peer);
    if (!good)
        return CKR_MECHANISM_PARAM_INVALID;
    control->secrets++;
    *ret = SECRET;
    garble_count(ret);
    return CKR_OK;
}
