/* What the tests of writing share: keys and certificates made on the spot, files, and OpenSSL's CMS as the judge. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/cms.h>
#include <openssl/err.h>

#include "base/crypto.h"
#include "base/limits.h"
#include "formats/cades.h"

#define NOW 1790000000 /* 2026-09-21T14:13:20Z */

struct identity {
    EVP_PKEY *key;
    X509 *cert;
};

static inline void add_extension(X509 *cert, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(cert, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

/* A certificate for `key`, issued by `issuer` (NULL: by itself, as a CA). */
static inline X509 *make_cert(OSSL_LIB_CTX *libctx, EVP_PKEY *key, const char *name, const struct identity *issuer)
{
    static long serial = 1000;
    X509 *cert = X509_new_ex(libctx, NULL);
    X509_NAME *subject = X509_NAME_new();
    EVP_PKEY *signing_key = issuer ? issuer->key : key;

    assert_non_null(cert);
    assert_int_equal(X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_UTF8, (const uint8_t *)"Signet", -1, -1, 0), 1);
    assert_int_equal(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const uint8_t *)name, -1, -1, 0), 1);
    assert_int_equal(X509_set_version(cert, X509_VERSION_3), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(cert), serial++), 1);
    assert_int_equal(X509_set_subject_name(cert, subject), 1);
    assert_int_equal(X509_set_issuer_name(cert, issuer ? X509_get_subject_name(issuer->cert) : subject), 1);
    assert_non_null(ASN1_TIME_set(X509_getm_notBefore(cert), 1700000000));
    assert_non_null(ASN1_TIME_set(X509_getm_notAfter(cert), 2000000000));
    assert_int_equal(X509_set_pubkey(cert, key), 1);
    add_extension(cert, NID_basic_constraints, issuer ? "critical,CA:FALSE" : "critical,CA:TRUE");
    add_extension(cert, NID_key_usage, issuer ? "critical,digitalSignature,nonRepudiation" : "critical,keyCertSign");
    assert_true(X509_sign(cert, signing_key, EVP_PKEY_is_a(signing_key, "ED25519") ? NULL : EVP_sha256()) > 0);
    X509_NAME_free(subject);
    return cert;
}

static inline struct identity make_identity(OSSL_LIB_CTX *libctx, const char *type, const char *curve,
                                            const struct identity *issuer)
{
    struct identity made = {0};

    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(libctx, type, NULL);
    assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
    if (curve)
        assert_int_equal(EVP_PKEY_CTX_set_group_name(ctx, curve), 1);
    assert_int_equal(EVP_PKEY_generate(ctx, &made.key), 1);
    EVP_PKEY_CTX_free(ctx);
    made.cert = make_cert(libctx, made.key, issuer ? (curve ? curve : type) : "Root", issuer);
    return made;
}

static inline void identity_clear(struct identity *identity)
{
    EVP_PKEY_free(identity->key);
    X509_free(identity->cert);
    *identity = (struct identity){0};
}

/* SG_OK, or the error's text on the terminal. */
#define assert_ok(call, err)                                                                                           \
    do {                                                                                                               \
        if ((call) != SG_OK)                                                                                           \
            fail_msg("%s: %s (%s)", #call, (err)->text, (err)->cause);                                                 \
    } while (0)

static inline void read_file(const char *path, struct sg_buf *ret)
{
    struct sg_err err;
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;

    assert_ok(sg_input_open(path, &input, &err), &err);
    assert_ok(sg_input_read_all(input, ret, &err), &err);
}

static inline void write_file(const char *path, const void *data, size_t len)
{
    struct sg_err err;

    assert_ok(sg_file_write(path, (struct sg_slice){data, len}, SG_OUT_REPLACE, &err), &err);
}

static inline CMS_ContentInfo *parse_cms(OSSL_LIB_CTX *libctx, struct sg_slice der)
{
    const uint8_t *p = der.data;
    CMS_ContentInfo *cms = CMS_ContentInfo_new_ex(libctx, NULL);

    assert_non_null(cms);
    if (!d2i_CMS_ContentInfo(&cms, &p, (long)der.len) || p != der.data + der.len) {
        CMS_ContentInfo_free(cms);
        ERR_clear_error();
        return NULL;
    }
    return cms;
}

/* OpenSSL's verdict, with the chain checked up to `root` and signing-certificate-v2 against the chain (CMS_CADES).
 * `content` {NULL}: attached, and then it is compared with `expected`. */
static inline bool openssl_verifies(OSSL_LIB_CTX *libctx, struct sg_slice der, X509 *root, struct sg_slice content,
                                    struct sg_slice expected)
{
    CMS_ContentInfo *cms = parse_cms(libctx, der);
    if (!cms)
        return false;
    X509_STORE *store = X509_STORE_new();
    BIO *in = content.data ? BIO_new_mem_buf(content.data, (int)content.len) : NULL;
    BIO *out = BIO_new(BIO_s_mem());
    uint8_t *data = NULL;

    assert_int_equal(X509_STORE_add_cert(store, root), 1);
    X509_VERIFY_PARAM_set_time(X509_STORE_get0_param(store), NOW);
    bool good = CMS_verify(cms, NULL, store, in, out, CMS_BINARY | CMS_CADES) == 1;
    const long len = BIO_get_mem_data(out, &data);
    const struct sg_slice want = content.data ? content : expected;
    good = good && sg_slice_equal((struct sg_slice){data, (size_t)len}, want);
    ERR_clear_error();
    BIO_free(in);
    BIO_free(out);
    X509_STORE_free(store);
    CMS_ContentInfo_free(cms);
    return good;
}
