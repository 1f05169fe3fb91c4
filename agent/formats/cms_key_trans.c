/* KeyTransRecipientInfo (RFC 5652 §6.2.1): the content key under an RSA key. */
#include "formats/cms_envelope_private.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "base/msg.h"

SG_DEFINE_CLEANUP(RSA_OAEP_PARAMS, RSA_OAEP_PARAMS_free)

/* The digests of RFC 4055 §2.1, by OpenSSL's names. */
static const char *digest_name(const X509_ALGOR *algorithm)
{
    switch (algorithm ? OBJ_obj2nid(algorithm->algorithm) : NID_sha1) {
    case NID_sha1:
        return "SHA1";
    case NID_sha224:
        return "SHA224";
    case NID_sha256:
        return "SHA256";
    case NID_sha384:
        return "SHA384";
    case NID_sha512:
        return "SHA512";
    default:
        return NULL;
    }
}

static const char *mgf1_digest_name(const X509_ALGOR *mask)
{
    if (!mask)
        return "SHA1";
    if (OBJ_obj2nid(mask->algorithm) != NID_mgf1)
        return NULL;
    _cleanup_(X509_ALGOR_freep) X509_ALGOR *digest =
        ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(X509_ALGOR), mask->parameter);
    return digest ? digest_name(digest) : NULL;
}

/* pSourceFunc: pSpecified with an empty string, which is the default (RFC 4055 §4.1). */
static bool label_is_empty(const X509_ALGOR *source)
{
    const void *value = NULL;
    int type = V_ASN1_UNDEF;

    if (!source)
        return true;
    X509_ALGOR_get0(NULL, &type, &value, source);
    return OBJ_obj2nid(source->algorithm) == NID_pSpecified && type == V_ASN1_OCTET_STRING &&
           ASN1_STRING_length(value) == 0;
}

static enum sg_rc set_oaep(EVP_PKEY_CTX *ctx, const X509_ALGOR *algorithm, struct sg_err *err)
{
    _cleanup_(RSA_OAEP_PARAMS_freep) RSA_OAEP_PARAMS *params =
        ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(RSA_OAEP_PARAMS), algorithm->parameter);

    if (!params)
        return sg_fail_ssl(err, SG_E_MALFORMED, "%s", _("The parameters of RSAES-OAEP cannot be read."));
    const char *digest = digest_name(params->hashFunc);
    const char *mgf1 = mgf1_digest_name(params->maskGenFunc);
    if (!digest || !mgf1 || !label_is_empty(params->pSourceFunc)) {
        ERR_clear_error();
        return sg_fail(err, SG_E_UNSUPPORTED, "%s",
                       _("The parameters of RSAES-OAEP are not ones that this version reads: a SHA-1 or SHA-2 digest, "
                         "MGF1, and no label."));
    }
    if (EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) <= 0 ||
        EVP_PKEY_CTX_set_rsa_oaep_md_name(ctx, digest, NULL) <= 0 ||
        EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, mgf1, NULL) <= 0)
        return sg_fail_ssl(err, SG_E_INTERNAL, "%s", _("RSAES-OAEP cannot be set up."));
    return SG_OK;
}

/* 0xff if they are equal, 0 if not, in the same time either way. */
static uint8_t mask_equal(size_t a, size_t b)
{
    size_t differ = a ^ b;
    return (uint8_t)((differ | (0 - differ)) >> (8 * sizeof differ - 1)) - 1;
}

/* PKCS#1 v1.5: whatever came out that is not a key of the right length is replaced by a random one, with no branch on
 * which it was (RFC 3218 §2.3.2). */
static enum sg_rc unwrap_pkcs1(EVP_PKEY_CTX *ctx, OSSL_LIB_CTX *libctx, const ASN1_OCTET_STRING *wrapped,
                               struct sg_secret *plain, struct sg_secret *content_key, struct sg_err *err)
{
    size_t len = plain->capacity;

    if (EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) <= 0 ||
        RAND_priv_bytes_ex(libctx, content_key->bytes, content_key->capacity, 0) != 1)
        return sg_fail_ssl(err, SG_E_INTERNAL, "%s", _("The key of the content cannot be decrypted."));
    int answer =
        EVP_PKEY_decrypt(ctx, plain->bytes, &len, ASN1_STRING_get0_data(wrapped), (size_t)ASN1_STRING_length(wrapped));
    const uint8_t good = mask_equal((size_t)answer, 1) & mask_equal(len, content_key->capacity);
    for (size_t i = 0; i < content_key->capacity; i++)
        content_key->bytes[i] = (uint8_t)((plain->bytes[i] & good) | (content_key->bytes[i] & ~good));
    ERR_clear_error();
    content_key->len = content_key->capacity;
    return SG_OK;
}

static enum sg_rc unwrap_oaep(EVP_PKEY_CTX *ctx, const X509_ALGOR *algorithm, const ASN1_OCTET_STRING *wrapped,
                              struct sg_secret *plain, struct sg_secret *content_key, struct sg_err *err)
{
    size_t len = plain->capacity;

    enum sg_rc rc = set_oaep(ctx, algorithm, err);
    if (rc != SG_OK)
        return rc;
    if (EVP_PKEY_decrypt(ctx, plain->bytes, &len, ASN1_STRING_get0_data(wrapped),
                         (size_t)ASN1_STRING_length(wrapped)) <= 0 ||
        len != content_key->capacity)
        return sg_decryption_failed(err);
    memcpy(content_key->bytes, plain->bytes, len);
    content_key->len = len;
    return SG_OK;
}

enum sg_rc sg_key_trans_unwrap(const SG_KEY_TRANS *info, OSSL_LIB_CTX *libctx, EVP_PKEY *key,
                               struct sg_secret *content_key, struct sg_err *err)
{
    _cleanup_(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx = NULL;
    _cleanup_(sg_secret_freep) struct sg_secret *plain = NULL;
    const int nid = OBJ_obj2nid(info->algorithm->algorithm);
    const size_t size = (size_t)EVP_PKEY_get_size(key);

    if (nid != NID_rsaesOaep && nid != NID_rsaEncryption)
        return sg_unsupported_wrap(info->algorithm, err);
    if (!EVP_PKEY_is_a(key, "RSA"))
        return sg_decryption_failed(err);
    enum sg_rc rc = sg_secret_new(size > content_key->capacity ? size : content_key->capacity, &plain, err);
    if (rc != SG_OK)
        return rc;
    ctx = EVP_PKEY_CTX_new_from_pkey(libctx, key, NULL);
    if (!ctx || EVP_PKEY_decrypt_init(ctx) <= 0)
        return sg_fail_ssl(err, SG_E_NO_KEY, "%s", _("The key cannot decrypt."));
    return nid == NID_rsaesOaep ? unwrap_oaep(ctx, info->algorithm, info->encrypted_key, plain, content_key, err)
                                : unwrap_pkcs1(ctx, libctx, info->encrypted_key, plain, content_key, err);
}
