/* Decrypting content as it is read (RFC 3565, RFC 5084). */
#include "formats/cms_envelope_private.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>

#include "base/msg.h"

SG_DEFINE_CLEANUP(EVP_CIPHER, EVP_CIPHER_free)

/* AES blocks and DES blocks; 3DES is only for what was sent long ago. */
static const struct sg_cipher_info ciphers[] = {
    {NID_aes_128_gcm, "AES-128-GCM", 16, 0},   {NID_aes_192_gcm, "AES-192-GCM", 24, 0},
    {NID_aes_256_gcm, "AES-256-GCM", 32, 0},   {NID_aes_128_cbc, "AES-128-CBC", 16, 16},
    {NID_aes_192_cbc, "AES-192-CBC", 24, 16},  {NID_aes_256_cbc, "AES-256-CBC", 32, 16},
    {NID_des_ede3_cbc, "DES-EDE3-CBC", 24, 8},
};

/* --- parameters --------------------------------------------------------------------------------------------------- */

static enum sg_rc bad_parameters(const char *name, struct sg_err *err)
{
    ERR_clear_error();
    return sg_fail(err, SG_E_MALFORMED, _("The parameters of %s, with which the content is encrypted, are damaged."),
                   name);
}

/* aes-nonce of at least 8 bits; aes-ICVlen of 12 to 16 octets, 12 if it is not there (RFC 5084 §3.2). */
static enum sg_rc read_gcm(struct sg_content_cipher *cipher, const ASN1_TYPE *parameter, struct sg_err *err)
{
    _cleanup_(SG_GCM_PARAMETERS_freep) SG_GCM_PARAMETERS *params =
        ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(SG_GCM_PARAMETERS), parameter);
    int64_t tag_len = 12;

    if (!params || (params->icv_len && ASN1_INTEGER_get_int64(&tag_len, params->icv_len) != 1) || tag_len < 12 ||
        tag_len > SG_GCM_TAG_MAX)
        return bad_parameters(cipher->info->name, err);
    const int nonce_len = ASN1_STRING_length(params->nonce);
    if (nonce_len < 1 || nonce_len > SG_MAX_GCM_NONCE)
        return bad_parameters(cipher->info->name, err);
    memcpy(cipher->iv, ASN1_STRING_get0_data(params->nonce), (size_t)nonce_len);
    cipher->iv_len = (size_t)nonce_len;
    cipher->tag_len = (size_t)tag_len;
    return SG_OK;
}

static enum sg_rc read_cbc(struct sg_content_cipher *cipher, const ASN1_TYPE *parameter, struct sg_err *err)
{
    if (!parameter || parameter->type != V_ASN1_OCTET_STRING ||
        (size_t)ASN1_STRING_length(parameter->value.octet_string) != cipher->info->iv_len)
        return bad_parameters(cipher->info->name, err);
    cipher->iv_len = cipher->info->iv_len;
    memcpy(cipher->iv, ASN1_STRING_get0_data(parameter->value.octet_string), cipher->iv_len);
    return SG_OK;
}

enum sg_rc sg_content_cipher_read(struct sg_content_cipher *cipher, const X509_ALGOR *algorithm, bool authenticated,
                                  struct sg_err *err)
{
    const int nid = OBJ_obj2nid(algorithm->algorithm);
    char name[SG_ALGORITHM_TEXT];

    cipher->info = NULL;
    for (size_t i = 0; i < sizeof ciphers / sizeof ciphers[0]; i++)
        if (ciphers[i].nid == nid && (ciphers[i].iv_len == 0) == authenticated)
            cipher->info = &ciphers[i];
    if (!cipher->info)
        return sg_fail(err, SG_E_UNSUPPORTED,
                       _("The content is encrypted with %s, which this version does not read in %s; ask the sender for "
                         "another algorithm."),
                       sg_algorithm_text(algorithm, name), authenticated ? "AuthEnvelopedData" : "EnvelopedData");
    return authenticated ? read_gcm(cipher, algorithm->parameter, err) : read_cbc(cipher, algorithm->parameter, err);
}

/* --- content ------------------------------------------------------------------------------------------------------ */

#define PIECE (32 * SG_KIB)

struct decryption {
    EVP_CIPHER_CTX *ctx;
    uint64_t left; /* octets that may still come */
    struct sg_sink plain;
    uint8_t buffer[PIECE + EVP_MAX_BLOCK_LENGTH];
};

static void decryption_free(struct decryption *d)
{
    if (!d)
        return;
    EVP_CIPHER_CTX_free(d->ctx);
    OPENSSL_cleanse(d->buffer, sizeof d->buffer);
    free(d);
}
SG_DEFINE_CLEANUP(struct decryption, decryption_free)

static enum sg_rc too_long(struct sg_err *err)
{
    return sg_fail(err, SG_E_LIMIT, "%s", _("The content is longer than AES-GCM allows under one nonce (64 GiB)."));
}

static enum sg_rc cannot_decrypt(const char *name, struct sg_err *err)
{
    return sg_fail_ssl(err, SG_E_INTERNAL, _("The algorithm %s cannot be set up."), name);
}

static enum sg_rc start(struct decryption *d, const struct sg_content_cipher *cipher, OSSL_LIB_CTX *libctx,
                        const struct sg_secret *key, struct sg_err *err)
{
    const char *name = cipher->info->name;
    _cleanup_(EVP_CIPHER_freep) EVP_CIPHER *algorithm = EVP_CIPHER_fetch(libctx, name, NULL);
    const bool gcm = cipher->info->iv_len == 0;
    size_t iv_len = cipher->iv_len;
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_size_t(OSSL_CIPHER_PARAM_AEAD_IVLEN, &iv_len),
                                 OSSL_PARAM_construct_end()};
    int len = 0;

    d->ctx = EVP_CIPHER_CTX_new();
    d->left = gcm ? SG_MAX_GCM_CONTENT : UINT64_MAX;
    if (!algorithm || !d->ctx ||
        EVP_DecryptInit_ex2(d->ctx, algorithm, key->bytes, cipher->iv, gcm ? params : NULL) != 1)
        return cannot_decrypt(name, err);
    if (gcm && cipher->auth_data.len > 0 &&
        EVP_DecryptUpdate(d->ctx, NULL, &len, cipher->auth_data.data, (int)cipher->auth_data.len) != 1)
        return cannot_decrypt(name, err);
    if (gcm &&
        EVP_CIPHER_CTX_ctrl(d->ctx, EVP_CTRL_AEAD_SET_TAG, (int)cipher->tag_len, (void *)(uintptr_t)cipher->tag) != 1)
        return cannot_decrypt(name, err);
    return SG_OK;
}

static enum sg_rc take(void *context, const uint8_t *data, size_t len, struct sg_err *err)
{
    struct decryption *d = context;
    enum sg_rc rc = SG_OK;

    if (len > d->left)
        return too_long(err);
    d->left -= len;
    while (rc == SG_OK && len > 0) {
        const size_t piece = len < PIECE ? len : PIECE;
        int plain_len = 0;
        if (EVP_DecryptUpdate(d->ctx, d->buffer, &plain_len, data, (int)piece) != 1)
            return sg_decryption_failed(err);
        if (plain_len > 0)
            rc = d->plain.write(d->plain.context, d->buffer, (size_t)plain_len, err);
        data += piece;
        len -= piece;
    }
    return rc;
}

/* The tag, or the padding. */
static enum sg_rc finish(struct decryption *d, struct sg_err *err)
{
    int len = 0;

    if (EVP_DecryptFinal_ex(d->ctx, d->buffer, &len) != 1)
        return sg_decryption_failed(err);
    return len > 0 ? d->plain.write(d->plain.context, d->buffer, (size_t)len, err) : SG_OK;
}

enum sg_rc sg_content_decrypt(const struct sg_content_cipher *cipher, OSSL_LIB_CTX *libctx, const struct sg_secret *key,
                              struct sg_input *input, const struct sg_tlv *content, struct sg_sink plain,
                              struct sg_err *err)
{
    _cleanup_(sg_tlv_reader_freep) struct sg_tlv_reader *reader = NULL;
    _cleanup_(decryption_freep) struct decryption *d = calloc(1, sizeof *d);
    struct sg_tlv element;

    if (!d)
        return sg_fail_memory(err);
    d->plain = plain;
    enum sg_rc rc = start(d, cipher, libctx, key, err);
    if (rc == SG_OK && !content->constructed && content->length > d->left)
        rc = too_long(err); /* known before gigabytes are written */
    if (rc == SG_OK)
        rc = sg_tlv_reader_new(input, content->start, content->end - content->start, &reader, err);
    if (rc == SG_OK)
        rc = sg_tlv_expect(reader, SG_TLV_CONTEXT, 0, _("the encrypted content"), &element, err);
    if (rc == SG_OK)
        rc = sg_tlv_octets(reader, (struct sg_sink){take, d}, NULL, err);
    return rc == SG_OK ? finish(d, err) : rc;
}
