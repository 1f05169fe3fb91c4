#include "formats/csr.h"

#include <openssl/rsa.h>

#include "base/msg.h"

SG_DEFINE_CLEANUP(X509_REQ, X509_REQ_free)
SG_DEFINE_CLEANUP(GENERAL_NAMES, GENERAL_NAMES_free)
SG_DEFINE_CLEANUP(GENERAL_NAME, GENERAL_NAME_free)
SG_DEFINE_CLEANUP(ASN1_BIT_STRING, ASN1_BIT_STRING_free)

static void extensions_free(STACK_OF(X509_EXTENSION) *extensions)
{
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
}
SG_DEFINE_CLEANUP(STACK_OF(X509_EXTENSION), extensions_free)

enum { DIGITAL_SIGNATURE = 0, NON_REPUDIATION = 1, KEY_ENCIPHERMENT = 2, KEY_AGREEMENT = 4 }; /* RFC 5280 §4.2.1.3 */

static bool add_key_usage(const struct sg_csr_input *input, STACK_OF(X509_EXTENSION) **extensions)
{
    _cleanup_(ASN1_BIT_STRING_freep) ASN1_BIT_STRING *bits = ASN1_BIT_STRING_new();
    bool rsa = EVP_PKEY_is_a(input->key, "RSA") == 1;

    if (!bits)
        return false;
    if (input->decrypts)
        return ASN1_BIT_STRING_set_bit(bits, rsa ? KEY_ENCIPHERMENT : KEY_AGREEMENT, 1) == 1 &&
               X509V3_add1_i2d(extensions, NID_key_usage, bits, 1, X509V3_ADD_DEFAULT) == 1;
    return ASN1_BIT_STRING_set_bit(bits, DIGITAL_SIGNATURE, 1) == 1 &&
           ASN1_BIT_STRING_set_bit(bits, NON_REPUDIATION, 1) == 1 &&
           X509V3_add1_i2d(extensions, NID_key_usage, bits, 1, X509V3_ADD_DEFAULT) == 1;
}

static bool add_email(const char *email, GENERAL_NAMES *names)
{
    _cleanup_(GENERAL_NAME_freep) GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_IA5STRING *text = ASN1_IA5STRING_new();

    if (!name || !text || ASN1_STRING_set(text, email, -1) != 1) {
        ASN1_IA5STRING_free(text);
        return false;
    }
    GENERAL_NAME_set0_value(name, GEN_EMAIL, text);
    if (sk_GENERAL_NAME_push(names, name) <= 0)
        return false;
    name = NULL; /* it is in `names` */
    return true;
}

static bool add_emails(const struct sg_csr_input *input, STACK_OF(X509_EXTENSION) **extensions)
{
    _cleanup_(GENERAL_NAMES_freep) GENERAL_NAMES *names = GENERAL_NAMES_new();

    for (size_t i = 0; names && i < input->email_count; i++)
        if (!add_email(input->emails[i], names))
            return false;
    return names && (input->email_count == 0 ||
                     X509V3_add1_i2d(extensions, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) == 1);
}

static enum sg_rc fill(const struct sg_csr_input *input, X509_REQ *req, struct sg_err *err)
{
    _cleanup_(X509_NAME_freep) X509_NAME *subject = NULL;
    _cleanup_(extensions_freep) STACK_OF(X509_EXTENSION) *extensions = NULL;
    enum sg_rc rc = sg_name_parse(input->subject, &subject, err);

    if (rc != SG_OK)
        return rc;
    for (size_t i = 0; i < input->email_count; i++)
        if (!sg_email_is_plain(input->emails[i]))
            return sg_fail(err, SG_E_MALFORMED, _("\"%s\" is not an e-mail address."), input->emails[i]);
    if (X509_REQ_set_version(req, X509_REQ_VERSION_1) != 1 || X509_REQ_set_subject_name(req, subject) != 1 ||
        X509_REQ_set_pubkey(req, input->key) != 1 || !add_key_usage(input, &extensions) ||
        !add_emails(input, &extensions) || X509_REQ_add_extensions(req, extensions) != 1)
        return sg_fail_ssl(err, SG_E_INTERNAL, "%s", _("The certificate request could not be put together."));
    return SG_OK;
}

/* The digest that a signature of this key is as strong as. */
static const char *digest_name(EVP_PKEY *key)
{
    if (EVP_PKEY_is_a(key, "ED25519") == 1)
        return NULL;
    if (EVP_PKEY_is_a(key, "EC") != 1)
        return "SHA256";
    return EVP_PKEY_get_bits(key) > 384 ? "SHA512" : EVP_PKEY_get_bits(key) > 256 ? "SHA384" : "SHA256";
}

static bool sign_with(const struct sg_csr_input *input, const EVP_MD *md, X509_REQ *req)
{
    _cleanup_(EVP_MD_CTX_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *padding = NULL;

    if (!ctx || EVP_DigestSignInit_ex(ctx, &padding, md ? EVP_MD_get0_name(md) : NULL, input->libctx, NULL, input->key,
                                      NULL) != 1)
        return false;
    if (input->pss && (EVP_PKEY_CTX_set_rsa_padding(padding, RSA_PKCS1_PSS_PADDING) <= 0 ||
                       EVP_PKEY_CTX_set_rsa_pss_saltlen(padding, RSA_PSS_SALTLEN_DIGEST) <= 0))
        return false;
    return X509_REQ_sign_ctx(req, ctx) > 0;
}

static enum sg_rc sign(const struct sg_csr_input *input, X509_REQ *req, struct sg_err *err)
{
    const char *name = digest_name(input->key);
    _cleanup_(EVP_MD_freep) EVP_MD *md = name ? EVP_MD_fetch(input->libctx, name, NULL) : NULL;

    if (name && !md)
        return sg_fail_ssl(err, SG_E_INTERNAL, _("%s is not available."), name);
    if (!sign_with(input, md, req))
        return sg_fail_ssl(err, SG_E_TOKEN_FAILED, "%s", _("The certificate request could not be signed."));
    EVP_PKEY *public_key = X509_REQ_get0_pubkey(req);
    if (!public_key || X509_REQ_verify_ex(req, public_key, input->libctx, NULL) != 1)
        return sg_fail_ssl(err, SG_E_TOKEN_FAILED, "%s",
                           _("The signature that the token made of the certificate request is wrong."));
    return SG_OK;
}

enum sg_rc sg_csr_make(const struct sg_csr_input *input, struct sg_buf *out, struct sg_err *err)
{
    _cleanup_(X509_REQ_freep) X509_REQ *req = X509_REQ_new_ex(input->libctx, NULL);
    _cleanup_(OPENSSL_freep) unsigned char *der = NULL;

    if (!req)
        return sg_fail_memory(err);
    enum sg_rc rc = fill(input, req, err);
    if (rc == SG_OK)
        rc = sign(input, req, err);
    if (rc != SG_OK)
        return rc;
    int len = i2d_X509_REQ(req, &der);
    if (len <= 0)
        return sg_fail_memory(err);
    return sg_buf_append(out, der, (size_t)len, err);
}
