/* Keys and certificates for the tests of reading. */
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "ber.h"

struct identity {
    EVP_PKEY *key;
    X509 *cert;
};

/* A self-signed P-256 certificate, with a subjectKeyIdentifier unless told otherwise. */
static inline struct identity make_identity(const char *name, long serial, bool with_key_id)
{
    struct identity id = {.key = EVP_EC_gen("P-256"), .cert = X509_new()};
    X509V3_CTX context;
    assert_non_null(id.key);
    assert_non_null(id.cert);
    X509_NAME *subject = X509_get_subject_name(id.cert);
    assert_int_equal(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const uint8_t *)name, -1, -1, 0), 1);
    assert_int_equal(X509_set_issuer_name(id.cert, subject), 1);
    assert_int_equal(X509_set_version(id.cert, X509_VERSION_3), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(id.cert), serial), 1);
    assert_non_null(ASN1_TIME_set(X509_getm_notBefore(id.cert), 1700000000));
    assert_non_null(ASN1_TIME_set(X509_getm_notAfter(id.cert), 2000000000));
    assert_int_equal(X509_set_pubkey(id.cert, id.key), 1);
    if (with_key_id) {
        X509V3_set_ctx(&context, id.cert, id.cert, NULL, NULL, 0);
        X509_EXTENSION *key_id = X509V3_EXT_conf_nid(NULL, &context, NID_subject_key_identifier, "hash");
        assert_int_equal(X509_add_ext(id.cert, key_id, -1), 1);
        X509_EXTENSION_free(key_id);
    }
    assert_true(X509_sign(id.cert, id.key, EVP_sha256()) > 0);
    return id;
}

static inline void free_identity(struct identity *id)
{
    EVP_PKEY_free(id->key);
    X509_free(id->cert);
}

/* What an i2d function gave, in the arena: `encoded(i2d_X509(cert, &e), &e)` with `uint8_t *e = NULL`. */
static inline struct sg_slice encoded(int len, uint8_t **encoding)
{
    assert_true(len > 0);
    struct sg_slice bytes = slice(*encoding, (size_t)len);
    OPENSSL_free(*encoding);
    *encoding = NULL;
    return bytes;
}

static inline struct sg_slice cert_der(const X509 *cert)
{
    uint8_t *e = NULL;
    return encoded(i2d_X509(cert, &e), &e);
}

static inline X509_CRL *make_crl(const struct identity *issuer)
{
    X509_CRL *crl = X509_CRL_new();
    ASN1_TIME *when = ASN1_TIME_set(NULL, 1700000000);
    assert_int_equal(X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer->cert)), 1);
    assert_int_equal(X509_CRL_set1_lastUpdate(crl, when), 1);
    assert_int_equal(X509_CRL_set1_nextUpdate(crl, when), 1);
    assert_true(X509_CRL_sign(crl, issuer->key, EVP_sha256()) > 0);
    ASN1_TIME_free(when);
    return crl;
}

static inline struct sg_slice crl_der(X509_CRL *crl)
{
    uint8_t *e = NULL;
    return encoded(i2d_X509_CRL(crl, &e), &e);
}

/* PEM of the bytes, as OpenSSL writes it. */
static inline struct sg_slice pem(const char *label, struct sg_slice bytes)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    assert_true(PEM_write_bio(bio, label, "", bytes.data, (long)bytes.len) > 0);
    long len = BIO_get_mem_data(bio, &text);
    struct sg_slice out = slice(text, (size_t)len);
    BIO_free(bio);
    return out;
}

static inline struct sg_slice text(const char *string)
{
    return slice(string, strlen(string));
}
