/* KeyAgreeRecipientInfo (RFC 5652 §6.2.2, RFC 5753): the content key under a key that ECDH agrees on. */
#include "formats/cms_envelope_private.h"

#include <openssl/core_names.h>
#include <openssl/kdf.h>

#include "base/msg.h"

SG_DEFINE_CLEANUP(EVP_KDF, EVP_KDF_free)
SG_DEFINE_CLEANUP(EVP_KDF_CTX, EVP_KDF_CTX_free)
SG_DEFINE_CLEANUP(EVP_CIPHER, EVP_CIPHER_free)
SG_DEFINE_CLEANUP(EVP_CIPHER_CTX, EVP_CIPHER_CTX_free)

/* dhSinglePass-stdDH-*kdf-scheme (RFC 5753 §7.1.4): the digest of the key derivation. */
static const char *scheme_digest(const X509_ALGOR *algorithm)
{
    switch (OBJ_obj2nid(algorithm->algorithm)) {
    case NID_dhSinglePass_stdDH_sha1kdf_scheme:
        return "SHA1";
    case NID_dhSinglePass_stdDH_sha224kdf_scheme:
        return "SHA224";
    case NID_dhSinglePass_stdDH_sha256kdf_scheme:
        return "SHA256";
    case NID_dhSinglePass_stdDH_sha384kdf_scheme:
        return "SHA384";
    case NID_dhSinglePass_stdDH_sha512kdf_scheme:
        return "SHA512";
    default:
        return NULL;
    }
}

/* The AES key wrap (RFC 3565 §2.3.2) with which the content key is encrypted. */
static const char *wrap_cipher(const X509_ALGOR *algorithm, size_t *ret_key_len)
{
    switch (OBJ_obj2nid(algorithm->algorithm)) {
    case NID_id_aes128_wrap:
        *ret_key_len = 16;
        return "AES-128-WRAP";
    case NID_id_aes192_wrap:
        *ret_key_len = 24;
        return "AES-192-WRAP";
    case NID_id_aes256_wrap:
        *ret_key_len = 32;
        return "AES-256-WRAP";
    default:
        return NULL;
    }
}

/* The sender's key, on the recipient's curve: its parameters are absent, NULL, or the curve again (RFC 5753 §3.1.1).
 * That the point is on the curve is checked where it is decoded. */
static enum sg_rc originator_key(const SG_ORIGINATOR *originator, OSSL_LIB_CTX *libctx, X509 *cert, EVP_PKEY **ret,
                                 struct sg_err *err)
{
    char group[32] = "";
    size_t group_len = 0;

    if (originator->type != 2)
        return sg_fail(err, SG_E_UNSUPPORTED, "%s",
                       _("The sender's key is a certificate's (static ECDH), which this version does not read; ask for "
                         "an ephemeral one."));
    const SG_ORIGINATOR_KEY *from = originator->d.key;
    const ASN1_TYPE *curve = from->algorithm->parameter;
    if (!EVP_PKEY_get_group_name(X509_get0_pubkey(cert), group, sizeof group, &group_len) ||
        OBJ_obj2nid(from->algorithm->algorithm) != NID_X9_62_id_ecPublicKey)
        return sg_unsupported_wrap(from->algorithm, err);
    if (curve && curve->type != V_ASN1_NULL &&
        (curve->type != V_ASN1_OBJECT || OBJ_obj2nid(curve->value.object) != OBJ_sn2nid(group)))
        return sg_decryption_failed(err);

    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, from->public_key->data,
                                          (size_t)from->public_key->length),
        OSSL_PARAM_construct_end(),
    };
    _cleanup_(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(libctx, "EC", "provider=default");
    EVP_PKEY *key = NULL;
    if (!ctx || EVP_PKEY_fromdata_init(ctx) <= 0 || EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) <= 0)
        return sg_decryption_failed(err);
    *ret = key;
    return SG_OK;
}

static enum sg_rc agree(EVP_PKEY *key, EVP_PKEY *peer, OSSL_LIB_CTX *libctx, struct sg_secret **ret, struct sg_err *err)
{
    _cleanup_(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(libctx, key, NULL);
    _cleanup_(sg_secret_freep) struct sg_secret *shared = NULL;
    size_t len = 0;

    if (!ctx || EVP_PKEY_derive_init(ctx) <= 0)
        return sg_fail_ssl(err, SG_E_NO_KEY, "%s", _("The key cannot agree on a key (ECDH)."));
    if (EVP_PKEY_derive_set_peer(ctx, peer) <= 0 || EVP_PKEY_derive(ctx, NULL, &len) <= 0)
        return sg_decryption_failed(err);
    enum sg_rc rc = sg_secret_new(len, &shared, err);
    if (rc != SG_OK)
        return rc;
    if (EVP_PKEY_derive(ctx, shared->bytes, &len) <= 0)
        return sg_decryption_failed(err);
    shared->len = len;
    *ret = sg_steal(shared);
    return SG_OK;
}

/* ECC-CMS-SharedInfo (RFC 5753 §7.2): suppPubInfo is the length of the wrapping key in bits, as 32 bits. */
static enum sg_rc shared_info(const SG_KEY_AGREE *info, X509_ALGOR *wrap, size_t key_len, struct sg_buf *out,
                              struct sg_err *err)
{
    const uint8_t bits[4] = {0, 0, (uint8_t)(8 * key_len >> 8), (uint8_t)(8 * key_len)};
    ASN1_OCTET_STRING *supp_pub_info = ASN1_OCTET_STRING_new();
    _cleanup_(OPENSSL_freep) uint8_t *der = NULL;
    int len = -1;

    if (supp_pub_info && ASN1_OCTET_STRING_set(supp_pub_info, bits, sizeof bits)) {
        const SG_ECC_SHARED_INFO shared = {
            .key_info = wrap, .entity_u_info = info->ukm, .supp_pub_info = supp_pub_info};
        len = i2d_SG_ECC_SHARED_INFO(&shared, &der);
    }
    ASN1_OCTET_STRING_free(supp_pub_info);
    if (len < 0)
        return sg_fail_ssl(err, SG_E_INTERNAL, "%s", _("The parameters of the key agreement cannot be encoded."));
    return sg_buf_append(out, der, (size_t)len, err);
}

/* The key derivation of ANSI X9.63. */
static enum sg_rc derive(OSSL_LIB_CTX *libctx, const char *digest, const struct sg_secret *shared, struct sg_slice info,
                         struct sg_secret *wrapping_key, struct sg_err *err)
{
    _cleanup_(EVP_KDF_freep) EVP_KDF *kdf = EVP_KDF_fetch(libctx, OSSL_KDF_NAME_X963KDF, NULL);
    _cleanup_(EVP_KDF_CTX_freep) EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)(uintptr_t)digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, shared->bytes, shared->len),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)(uintptr_t)info.data, info.len),
        OSSL_PARAM_construct_end(),
    };

    if (!ctx || EVP_KDF_derive(ctx, wrapping_key->bytes, wrapping_key->capacity, params) <= 0)
        return sg_fail_ssl(err, SG_E_INTERNAL, "%s", _("The key agreed on cannot be derived."));
    wrapping_key->len = wrapping_key->capacity;
    return SG_OK;
}

static enum sg_rc unwrap_aes(OSSL_LIB_CTX *libctx, const char *name, const struct sg_secret *wrapping_key,
                             const ASN1_OCTET_STRING *wrapped, struct sg_secret *content_key, struct sg_err *err)
{
    _cleanup_(EVP_CIPHER_freep) EVP_CIPHER *cipher = EVP_CIPHER_fetch(libctx, name, NULL);
    _cleanup_(EVP_CIPHER_CTX_freep) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int len = 0;

    if (!cipher || !ctx)
        return sg_fail_ssl(err, SG_E_INTERNAL, _("The algorithm %s cannot be set up."), name);
    EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    if ((size_t)ASN1_STRING_length(wrapped) != content_key->capacity + 8 ||
        EVP_DecryptInit_ex2(ctx, cipher, wrapping_key->bytes, NULL, NULL) <= 0 ||
        EVP_DecryptUpdate(ctx, content_key->bytes, &len, ASN1_STRING_get0_data(wrapped), ASN1_STRING_length(wrapped)) <=
            0 ||
        (size_t)len != content_key->capacity)
        return sg_decryption_failed(err);
    content_key->len = content_key->capacity;
    return SG_OK;
}

enum sg_rc sg_key_agree_unwrap(const SG_KEY_AGREE *info, const ASN1_OCTET_STRING *wrapped, OSSL_LIB_CTX *libctx,
                               EVP_PKEY *key, X509 *cert, struct sg_secret *content_key, struct sg_err *err)
{
    _cleanup_(X509_ALGOR_freep) X509_ALGOR *wrap =
        ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(X509_ALGOR), info->algorithm->parameter);
    _cleanup_(EVP_PKEY_freep) EVP_PKEY *peer = NULL;
    _cleanup_(sg_secret_freep) struct sg_secret *shared = NULL;
    _cleanup_(sg_secret_freep) struct sg_secret *wrapping_key = NULL;
    _cleanup_(sg_buf_clear) struct sg_buf bytes = SG_BUF(SG_MAX_RECIPIENT_INFOS);
    const char *digest = scheme_digest(info->algorithm);
    size_t key_len = 0;

    if (!digest)
        return sg_unsupported_wrap(info->algorithm, err);
    if (!wrap)
        return sg_fail_ssl(err, SG_E_MALFORMED, "%s", _("The parameters of the key agreement cannot be read."));
    const char *cipher = wrap_cipher(wrap, &key_len);
    if (!cipher)
        return sg_unsupported_wrap(wrap, err);
    if (!EVP_PKEY_is_a(key, "EC"))
        return sg_decryption_failed(err);
    enum sg_rc rc = originator_key(info->originator, libctx, cert, &peer, err);
    if (rc == SG_OK)
        rc = agree(key, peer, libctx, &shared, err);
    if (rc == SG_OK)
        rc = shared_info(info, wrap, key_len, &bytes, err);
    if (rc == SG_OK)
        rc = sg_secret_new(key_len, &wrapping_key, err);
    if (rc == SG_OK)
        rc = derive(libctx, digest, shared, sg_buf_slice(&bytes), wrapping_key, err);
    if (rc == SG_OK)
        rc = unwrap_aes(libctx, cipher, wrapping_key, wrapped, content_key, err);
    return rc;
}
