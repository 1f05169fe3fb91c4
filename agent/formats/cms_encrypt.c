#include "formats/cms_encrypt.h"

#include <openssl/cms.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>

#include "base/crypto.h"
#include "base/limits.h"
#include "base/msg.h"

SG_DEFINE_CLEANUP(CMS_ContentInfo, CMS_ContentInfo_free)

static enum sg_rc cannot_encrypt(struct sg_err *err)
{
    return sg_fail_ssl(err, SG_E_INTERNAL, "%s", _("The content could not be encrypted."));
}

static bool is_rsa(const X509 *cert)
{
    const EVP_PKEY *key = X509_get0_pubkey(cert);

    return key && EVP_PKEY_is_a(key, "RSA");
}

bool sg_cert_may_encrypt(X509 *cert)
{
    return X509_get_key_usage(cert) & (is_rsa(cert) ? KU_KEY_ENCIPHERMENT : KU_KEY_AGREEMENT);
}

static enum sg_rc check_usage(X509 *cert, bool rsa, struct sg_err *err)
{
    _cleanup_(freep) char *subject = NULL;

    if (sg_cert_may_encrypt(cert))
        return SG_OK;
    enum sg_rc rc = sg_name_text(X509_get_subject_name(cert), &subject, err);
    if (rc != SG_OK)
        return rc;
    return sg_fail(err, SG_E_CERT_WRONG_USAGE,
                   _("The certificate of %s is not for encryption; use one whose key usage has %s."), subject,
                   rsa ? "keyEncipherment" : "keyAgreement");
}

/* The parameters that OpenSSL would choose differently; the wrapping by AES-256 follows from the content's cipher. */
static bool set_parameters(CMS_RecipientInfo *recipient, bool rsa)
{
    EVP_PKEY_CTX *ctx = CMS_RecipientInfo_get0_pkey_ctx(recipient);

    if (!ctx)
        return false;
    if (!rsa)
        return EVP_PKEY_CTX_set_ecdh_kdf_md(ctx, EVP_sha256()) > 0;
    return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) > 0 &&
           EVP_PKEY_CTX_set_rsa_oaep_md(ctx, EVP_sha256()) > 0 && EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha256()) > 0;
}

static enum sg_rc add_recipient(CMS_ContentInfo *cms, X509 *cert, struct sg_err *err)
{
    EVP_PKEY *key = X509_get0_pubkey(cert);
    const bool rsa = key && EVP_PKEY_is_a(key, "RSA");

    if (!rsa && !(key && EVP_PKEY_is_a(key, "EC")))
        return sg_fail(err, SG_E_UNSUPPORTED, "%s", _("Only certificates with RSA and EC keys can be encrypted to."));
    enum sg_rc rc = check_usage(cert, rsa, err);
    if (rc != SG_OK)
        return rc;
    CMS_RecipientInfo *recipient = CMS_add1_recipient_cert(cms, cert, CMS_KEY_PARAM);
    return recipient && set_parameters(recipient, rsa) ? SG_OK : cannot_encrypt(err);
}

static enum sg_rc encode(CMS_ContentInfo *cms, struct sg_buf *out, struct sg_err *err)
{
    _cleanup_(OPENSSL_freep) uint8_t *der = NULL;
    const int len = i2d_CMS_ContentInfo(cms, &der);

    return len > 0 ? sg_buf_append(out, der, (size_t)len, err) : cannot_encrypt(err);
}

static enum sg_rc begin(OSSL_LIB_CTX *libctx, const STACK_OF(X509) *certs, CMS_ContentInfo **ret, struct sg_err *err)
{
    const int count = sk_X509_num(certs);

    if (count < 1 || count > SG_MAX_RECIPIENTS)
        return sg_fail(err, SG_E_LIMIT, _("Content is encrypted to 1 to %d certificates at once."), SG_MAX_RECIPIENTS);
    _cleanup_(CMS_ContentInfo_freep) CMS_ContentInfo *cms =
        CMS_AuthEnvelopedData_create_ex(EVP_aes_256_gcm(), libctx, NULL);
    if (!cms || CMS_set_detached(cms, 0) != 1)
        return cannot_encrypt(err);
    for (int i = 0; i < count; i++) {
        enum sg_rc rc = add_recipient(cms, sk_X509_value(certs, i), err);
        if (rc != SG_OK)
            return rc;
    }
    *ret = sg_steal(cms);
    return SG_OK;
}

enum sg_rc sg_cms_encrypt(OSSL_LIB_CTX *libctx, const STACK_OF(X509) *certs, struct sg_slice content,
                          struct sg_buf *out, struct sg_err *err)
{
    _cleanup_(CMS_ContentInfo_freep) CMS_ContentInfo *cms = NULL;

    if (content.len > SG_MAX_ENCRYPTED_CONTENT)
        return sg_fail(err, SG_E_LIMIT, _("Content of up to %zu bytes is encrypted at once."),
                       SG_MAX_ENCRYPTED_CONTENT);
    _cleanup_(BIO_free_allp) BIO *plain =
        BIO_new_mem_buf(content.data ? content.data : (const uint8_t *)"", (int)content.len);
    enum sg_rc rc = begin(libctx, certs, &cms, err);
    if (rc != SG_OK)
        return rc;
    return plain && CMS_final(cms, plain, NULL, CMS_BINARY) == 1 ? encode(cms, out, err) : cannot_encrypt(err);
}

/* --- as it goes ----------------------------------------------------------------------------------------------------
 */

struct stream {
    BIO *in;  /* takes the content */
    BIO *out; /* has what it was encrypted to */
    struct sg_sink sink;
};

static enum sg_rc pass_on(const struct stream *stream, struct sg_err *err)
{
    char *bytes = NULL;
    long len = BIO_get_mem_data(stream->out, &bytes);
    enum sg_rc rc =
        len > 0 ? stream->sink.write(stream->sink.context, (const uint8_t *)bytes, (size_t)len, err) : SG_OK;

    return rc == SG_OK && BIO_reset(stream->out) != 1 ? cannot_encrypt(err) : rc;
}

static enum sg_rc encrypt_some(void *context, const uint8_t *data, size_t len, struct sg_err *err)
{
    const struct stream *stream = context;

    if (BIO_write(stream->in, data, (int)len) != (int)len)
        return cannot_encrypt(err);
    return pass_on(stream, err);
}

/* OpenSSL's stream writes its header with the first byte of content, and so has none where there is no content. */
static enum sg_rc encrypt_nothing(OSSL_LIB_CTX *libctx, const STACK_OF(X509) *certs, struct sg_sink out,
                                  struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf encrypted = SG_BUF(SG_MAX_ENCRYPTED_CONTENT);
    enum sg_rc rc = sg_cms_encrypt(libctx, certs, (struct sg_slice){NULL, 0}, &encrypted, err);

    return rc == SG_OK ? out.write(out.context, encrypted.data, encrypted.len, err) : rc;
}

enum sg_rc sg_cms_encrypt_stream(OSSL_LIB_CTX *libctx, const STACK_OF(X509) *certs, struct sg_input *content,
                                 struct sg_sink out, struct sg_err *err)
{
    _cleanup_(CMS_ContentInfo_freep) CMS_ContentInfo *cms = NULL;

    if (sg_input_size(content) > SG_MAX_GCM_CONTENT)
        return sg_fail(err, SG_E_LIMIT, _("Content of up to %llu bytes is encrypted at once."),
                       (unsigned long long)SG_MAX_GCM_CONTENT);
    if (sg_input_size(content) == 0)
        return encrypt_nothing(libctx, certs, out, err);
    enum sg_rc rc = begin(libctx, certs, &cms, err);
    if (rc != SG_OK)
        return rc;
    struct stream stream = {.out = BIO_new(BIO_s_mem()), .sink = out};
    _cleanup_(BIO_free_allp) BIO *chain = stream.out; /* its last link */
    if (!chain || !(stream.in = BIO_new_CMS(stream.out, cms)))
        return cannot_encrypt(err);
    chain = stream.in;
    rc = sg_input_copy(content, 0, sg_input_size(content), (struct sg_sink){encrypt_some, &stream}, err);
    if (rc == SG_OK && BIO_flush(stream.in) != 1)
        rc = cannot_encrypt(err);
    return rc == SG_OK ? pass_on(&stream, err) : rc;
}
