#include "cli/key_trial.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/rsa.h>

#include "base/limits.h"
#include "base/msg.h"
#include "formats/cms_encrypt.h"
#include "formats/cms_envelope.h"

static const char text[] = "A trial of a key on a token. It is not kept.\n";

static struct sg_slice text_slice(void)
{
    return (struct sg_slice){(const uint8_t *)text, sizeof(text) - 1};
}

/* --- a signature -------------------------------------------------------------------------------------------------- */

/* Digest and padding of the key's signatures, the same for making and verifying them. */
struct manner {
    OSSL_LIB_CTX *libctx;
    const char *md; /* NULL: Ed25519 has its own */
    bool pss;
};

static bool set_padding(const struct manner *manner, EVP_PKEY_CTX *ctx)
{
    return !manner->pss || (EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
                            EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1);
}

static bool sign_text(const struct manner *manner, EVP_PKEY *key, uint8_t *out, size_t *len)
{
    _cleanup_(EVP_MD_CTX_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    struct sg_slice bytes = text_slice();
    EVP_PKEY_CTX *padding = NULL; /* the context's own */

    return ctx && EVP_DigestSignInit_ex(ctx, &padding, manner->md, manner->libctx, NULL, key, NULL) == 1 &&
           set_padding(manner, padding) && EVP_DigestSign(ctx, out, len, bytes.data, bytes.len) == 1;
}

static bool verify_text(const struct manner *manner, EVP_PKEY *key, const uint8_t *signature, size_t len)
{
    _cleanup_(EVP_MD_CTX_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    struct sg_slice bytes = text_slice();
    EVP_PKEY_CTX *padding = NULL;

    return ctx && EVP_DigestVerifyInit_ex(ctx, &padding, manner->md, manner->libctx, NULL, key, NULL) == 1 &&
           set_padding(manner, padding) && EVP_DigestVerify(ctx, signature, len, bytes.data, bytes.len) == 1;
}

enum sg_rc sg_key_try_signature(struct sg_app *app, struct sg_token_key *key, struct sg_err *err)
{
    const struct sg_key_info *info = sg_token_key_info(key);
    const struct manner manner = {
        .libctx = app->libctx, .md = strcmp(info->type, "Ed25519") == 0 ? NULL : "SHA256", .pss = info->pss_only};
    _cleanup_(EVP_PKEY_freep) EVP_PKEY *opened = NULL;
    uint8_t signature[SG_MAX_SIGNATURE];
    size_t len = sizeof(signature);
    enum sg_rc rc = sg_token_key_open(key, &opened, err);

    if (rc != SG_OK)
        return rc;
    if (!sign_text(&manner, opened, signature, &len)) {
        enum sg_rc token = sg_token_key_last_error(key, err);
        return token != SG_OK ? token : sg_fail_ssl(err, SG_E_TOKEN_FAILED, "%s", _("The key does not sign."));
    }
    if (!verify_text(&manner, sg_token_key_public(key), signature, len))
        return sg_fail_ssl(err, SG_E_TOKEN_FAILED, "%s",
                           _("A signature by the key does not fit the public key that the token shows for it."));
    return SG_OK;
}

/* --- decryption --------------------------------------------------------------------------------------------------- */

static enum sg_rc encrypt_text(struct sg_app *app, X509 *cert, struct sg_buf *out, struct sg_err *err)
{
    STACK_OF(X509) *certs = sk_X509_new_null(); /* borrows the certificate */

    if (!certs || sk_X509_push(certs, cert) <= 0) {
        sk_X509_free(certs);
        return sg_fail_memory(err);
    }
    enum sg_rc rc = sg_cms_encrypt(app->libctx, certs, text_slice(), out, err);
    sk_X509_free(certs);
    return rc;
}

enum sg_rc sg_key_try_decryption(struct sg_app *app, struct sg_token_key *key, struct sg_err *err)
{
    X509 *cert = sg_token_key_info(key)->cert;
    _cleanup_(sg_buf_clear) struct sg_buf encrypted = SG_BUF(SG_MAX_CMS_REST), plain = SG_BUF(sizeof(text));
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    _cleanup_(sg_envelope_freep) struct sg_envelope *envelope = NULL;
    _cleanup_(EVP_PKEY_freep) EVP_PKEY *opened = NULL;
    enum sg_rc rc = encrypt_text(app, cert, &encrypted, err);

    if (rc == SG_OK)
        rc = sg_input_from_slice("trial.p7m", sg_buf_slice(&encrypted), &input, err);
    if (rc == SG_OK)
        rc = sg_envelope_read(input, app->libctx, &envelope, err);
    if (rc == SG_OK)
        rc = sg_token_key_open(key, &opened, err);
    if (rc != SG_OK)
        return rc;
    rc = sg_envelope_decrypt(envelope, opened, cert, sg_buf_sink(&plain), err);
    if (rc != SG_OK) {
        enum sg_rc token = sg_token_key_last_error(key, err);
        return token != SG_OK ? token : rc;
    }
    struct sg_slice got = sg_buf_slice(&plain), want = text_slice();
    if (got.len != want.len || memcmp(got.data, want.data, want.len) != 0)
        return sg_fail(err, SG_E_DECRYPTION, "%s", _("What the key decrypted is not what was encrypted to it."));
    return SG_OK;
}
