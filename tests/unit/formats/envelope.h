/* What the tests of encryption share: recipients, and OpenSSL's CMS as the other side. */
#pragma once

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "base/crypto.h"
#include "base/secret.h"
#include "ber.h"
#include "formats/cms_envelope.h"

struct recipient {
    EVP_PKEY *key;
    X509 *cert;
};

/* A self-signed certificate of an RSA-2048 key (`curve` NULL) or an EC key; `key_usage` NULL: without. */
static inline struct recipient make_recipient(OSSL_LIB_CTX *libctx, const char *curve, const char *key_usage)
{
    static long serial = 500;
    struct recipient made = {.cert = X509_new_ex(libctx, NULL)};
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(libctx, curve ? "EC" : "RSA", NULL);
    X509V3_CTX context;

    assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
    if (curve)
        assert_int_equal(EVP_PKEY_CTX_set_group_name(ctx, curve), 1);
    assert_int_equal(EVP_PKEY_generate(ctx, &made.key), 1);
    EVP_PKEY_CTX_free(ctx);
    X509_NAME *name = X509_get_subject_name(made.cert);
    assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const uint8_t *)"Officer", -1, -1, 0), 1);
    assert_int_equal(X509_set_issuer_name(made.cert, name), 1);
    assert_int_equal(X509_set_version(made.cert, X509_VERSION_3), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(made.cert), serial++), 1);
    assert_non_null(ASN1_TIME_set(X509_getm_notBefore(made.cert), 1700000000));
    assert_non_null(ASN1_TIME_set(X509_getm_notAfter(made.cert), 2000000000));
    assert_int_equal(X509_set_pubkey(made.cert, made.key), 1);
    X509V3_set_ctx(&context, made.cert, made.cert, NULL, NULL, 0);
    const int nids[] = {NID_subject_key_identifier, NID_key_usage};
    const char *values[] = {"hash", key_usage};
    for (size_t i = 0; i < 2 && values[i]; i++) {
        X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nids[i], values[i]);
        assert_int_equal(X509_add_ext(made.cert, extension, -1), 1);
        X509_EXTENSION_free(extension);
    }
    assert_true(X509_sign(made.cert, made.key, EVP_sha256()) > 0);
    return made;
}

static inline void recipient_clear(struct recipient *recipient)
{
    EVP_PKEY_free(recipient->key);
    X509_free(recipient->cert);
    *recipient = (struct recipient){0};
}

/* How OpenSSL is to encrypt. */
struct encryption {
    const struct recipient *to[4]; /* ended by NULL */
    const EVP_CIPHER *cipher;
    unsigned flags;            /* of CMS_add1_recipient_cert(): CMS_USE_KEYID */
    const EVP_MD *oaep, *mgf1; /* RSA: NULL is PKCS#1 v1.5 */
    const char *label;         /* OAEP */
    const EVP_MD *kdf;         /* EC: NULL is what OpenSSL chooses */
    const EVP_CIPHER *wrap;    /* EC: ditto */
    enum form { AS_DER, AS_STREAM, AS_PEM, AS_PEM_STREAM } form;
};

static inline void set_encryption(CMS_RecipientInfo *info, const struct encryption *how)
{
    EVP_PKEY_CTX *ctx = CMS_RecipientInfo_get0_pkey_ctx(info);
    bool rsa = CMS_RecipientInfo_type(info) == CMS_RECIPINFO_TRANS;

    if (rsa && how->oaep) {
        assert_true(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) > 0);
        assert_true(EVP_PKEY_CTX_set_rsa_oaep_md(ctx, how->oaep) > 0);
        assert_true(EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, how->mgf1 ? how->mgf1 : how->oaep) > 0);
        if (how->label)
            assert_true(EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, OPENSSL_strdup(how->label), (int)strlen(how->label)) > 0);
    }
    if (!rsa && how->kdf)
        assert_true(EVP_PKEY_CTX_set_ecdh_kdf_md(ctx, how->kdf) > 0);
    if (!rsa && how->wrap)
        assert_int_equal(EVP_EncryptInit_ex(CMS_RecipientInfo_kari_get0_ctx(info), how->wrap, NULL, NULL, NULL), 1);
}

/* What OpenSSL makes of it, in the arena. */
static inline struct sg_slice openssl_encrypts(OSSL_LIB_CTX *libctx, const struct encryption *how,
                                               struct sg_slice content)
{
    const unsigned stream = how->form == AS_STREAM || how->form == AS_PEM_STREAM ? CMS_STREAM : 0;
    const unsigned flags = CMS_BINARY | stream;
    CMS_ContentInfo *cms = CMS_encrypt_ex(NULL, NULL, how->cipher, flags | CMS_PARTIAL, libctx, NULL);
    BIO *in = BIO_new_mem_buf(content.data, (int)content.len);
    BIO *out = BIO_new(BIO_s_mem());
    uint8_t *data = NULL;

    assert_non_null(cms);
    for (size_t i = 0; how->to[i]; i++) {
        CMS_RecipientInfo *info = CMS_add1_recipient_cert(cms, how->to[i]->cert, how->flags | CMS_KEY_PARAM);
        assert_non_null(info);
        set_encryption(info, how);
    }
    if (!stream)
        assert_int_equal(CMS_final(cms, in, NULL, flags), 1);
    if (how->form == AS_PEM || how->form == AS_PEM_STREAM)
        assert_int_equal(PEM_write_bio_CMS_stream(out, cms, in, (int)flags), 1);
    else
        assert_int_equal(i2d_CMS_bio_stream(out, cms, in, (int)flags), 1);
    long len = BIO_get_mem_data(out, &data);
    struct sg_slice bytes = slice(data, (size_t)len);
    BIO_free(in);
    BIO_free(out);
    CMS_ContentInfo_free(cms);
    return bytes;
}

/* What OpenSSL reads from it with this key; false: it refuses. */
static inline bool openssl_decrypts(OSSL_LIB_CTX *libctx, struct sg_slice bytes, const struct recipient *id,
                                    struct sg_slice expected)
{
    const uint8_t *at = bytes.data;
    CMS_ContentInfo *cms = CMS_ContentInfo_new_ex(libctx, NULL);
    BIO *out = BIO_new(BIO_s_mem());
    uint8_t *data = NULL;

    assert_non_null(d2i_CMS_ContentInfo(&cms, &at, (long)bytes.len));
    assert_ptr_equal(at, bytes.data + bytes.len);
    bool good = CMS_decrypt(cms, id->key, id->cert, NULL, out, CMS_BINARY | CMS_DEBUG_DECRYPT) == 1;
    long len = BIO_get_mem_data(out, &data);
    good = good && sg_slice_equal((struct sg_slice){data, (size_t)len}, expected);
    ERR_clear_error();
    BIO_free(out);
    CMS_ContentInfo_free(cms);
    return good;
}

/* What we read from it with this key. */
static inline enum sg_rc we_decrypt(OSSL_LIB_CTX *libctx, struct sg_slice bytes, const struct recipient *id,
                                    struct sg_buf *plain, struct sg_err *err)
{
    _cleanup_(sg_input_freep) struct sg_input *input = input_of(bytes);
    _cleanup_(sg_envelope_freep) struct sg_envelope *envelope = NULL;

    plain->len = 0;
    enum sg_rc rc = sg_envelope_read(input, libctx, &envelope, err);
    if (rc == SG_OK)
        rc = sg_envelope_decrypt(envelope, id->key, id->cert, sink_to(plain), err);
    assert_int_equal(ERR_peek_error(), 0); /* nothing is left for the next call to trip over */
    return rc;
}
