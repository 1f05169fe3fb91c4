/* A small PKI for tests: keys, certificates, CRLs and CMS made on the spot, each as odd as the test wants it.
 * Everything that cannot be made fails the test. Times are seconds around PKI_NOW. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "base/crypto.h"
#include "base/limits.h"
#include "formats/crl.h"
#include "formats/der.h"

#define PKI_NOW INT64_C(1790000000) /* 2026-09-21T14:13:20Z */
#define PKI_DAY INT64_C(86400)
#define PKI_EXTENSIONS 6

struct pki_id {
    EVP_PKEY *key;
    X509 *cert;
};

struct pki_extension {
    int nid;
    const char *value; /* as in openssl.cnf */
};

/* What is left 0 is the ordinary thing. */
struct pki_cert {
    const char *name;              /* CN */
    int64_t not_before, not_after; /* 0: a year before and after PKI_NOW */
    const char *digest;            /* "SHA256" */
    long serial;                   /* 0: the next one */
    bool ca;
    const char *basic_constraints; /* NULL: by `ca`; "": none */
    const char *key_usage;         /* NULL: by `ca`; "": none */
    struct pki_extension more[PKI_EXTENSIONS];
};

static inline EVP_PKEY *pki_key(OSSL_LIB_CTX *libctx)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(libctx, NULL, "EC", "P-256");
    assert_non_null(key);
    return key;
}

static inline void pki_extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(cert, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static inline void pki_set_time(ASN1_TIME *time, int64_t when, int64_t otherwise)
{
    assert_non_null(ASN1_TIME_set(time, (time_t)(when ? when : otherwise)));
}

static inline const EVP_MD *pki_digest(const EVP_PKEY *key, const char *name)
{
    return EVP_PKEY_is_a(key, "ED25519") || EVP_PKEY_is_a(key, "ED448") ? NULL
                                                                        : EVP_get_digestbyname(name ? name : "SHA256");
}

/* A certificate for `key`, issued by `issuer` (NULL: by itself). */
static inline X509 *pki_certify(OSSL_LIB_CTX *libctx, EVP_PKEY *key, const struct pki_id *issuer,
                                const struct pki_cert *what)
{
    static long serial = 4096;
    X509 *cert = X509_new_ex(libctx, NULL);
    assert_non_null(cert);
    X509 *issuer_cert = issuer ? issuer->cert : cert;
    EVP_PKEY *issuer_key = issuer ? issuer->key : key;
    assert_int_equal(X509_set_version(cert, X509_VERSION_3), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(cert), what->serial ? what->serial : serial++), 1);
    assert_int_equal(X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_UTF8,
                                                (const uint8_t *)what->name, -1, -1, 0),
                     1);
    assert_int_equal(X509_set_issuer_name(cert, X509_get_subject_name(issuer_cert)), 1);
    pki_set_time(X509_getm_notBefore(cert), what->not_before, PKI_NOW - 365 * PKI_DAY);
    pki_set_time(X509_getm_notAfter(cert), what->not_after, PKI_NOW + 365 * PKI_DAY);
    assert_int_equal(X509_set_pubkey(cert, key), 1);
    const char *basic = what->basic_constraints;
    const char *usage = what->key_usage;
    if (!basic)
        basic = what->ca ? "critical,CA:TRUE" : "";
    if (!usage)
        usage = what->ca ? "critical,keyCertSign,cRLSign" : "critical,nonRepudiation";
    if (*basic)
        pki_extend(cert, issuer_cert, NID_basic_constraints, basic);
    if (*usage)
        pki_extend(cert, issuer_cert, NID_key_usage, usage);
    pki_extend(cert, issuer_cert, NID_subject_key_identifier, "hash");
    if (issuer)
        pki_extend(cert, issuer_cert, NID_authority_key_identifier, "keyid:always");
    for (size_t i = 0; i < PKI_EXTENSIONS && what->more[i].value; i++)
        pki_extend(cert, issuer_cert, what->more[i].nid, what->more[i].value);
    assert_true(X509_sign(cert, issuer_key, pki_digest(issuer_key, what->digest)) > 0);

    /* As from a file: what was built piece by piece has no cached encoding. */
    uint8_t *der = NULL;
    int len = i2d_X509(cert, &der);
    X509_free(cert);
    const uint8_t *p = der;
    cert = X509_new_ex(libctx, NULL);
    assert_non_null(d2i_X509(&cert, &p, len));
    OPENSSL_free(der);
    return cert;
}

/* A fresh P-256 key with its certificate. */
static inline struct pki_id pki_issue(OSSL_LIB_CTX *libctx, const struct pki_id *issuer, const struct pki_cert *what)
{
    struct pki_id id = {.key = pki_key(libctx)};
    id.cert = pki_certify(libctx, id.key, issuer, what);
    return id;
}

static inline void pki_free(struct pki_id *id)
{
    EVP_PKEY_free(id->key);
    X509_free(id->cert);
    *id = (struct pki_id){0};
}

/* --- CRLs --------------------------------------------------------------------------------------------------------- */

struct pki_revoked {
    const X509 *cert;
    int64_t when;
    int reason; /* CRL_REASON_*; 0: none is said */
};

struct pki_crl {
    int64_t this_update, next_update; /* 0: a day before, a week after PKI_NOW; -1: no nextUpdate */
    struct pki_revoked revoked[4];
    struct pki_extension more[PKI_EXTENSIONS];
    const char *digest;
};

static inline void pki_revoke(X509_CRL *crl, const struct pki_revoked *what)
{
    X509_REVOKED *entry = X509_REVOKED_new();
    ASN1_TIME *when = ASN1_TIME_set(NULL, (time_t)what->when);
    assert_int_equal(X509_REVOKED_set_serialNumber(entry, (ASN1_INTEGER *)X509_get0_serialNumber(what->cert)), 1);
    assert_int_equal(X509_REVOKED_set_revocationDate(entry, when), 1);
    if (what->reason) {
        ASN1_ENUMERATED *reason = ASN1_ENUMERATED_new();
        assert_int_equal(ASN1_ENUMERATED_set(reason, what->reason), 1);
        assert_int_equal(X509_REVOKED_add1_ext_i2d(entry, NID_crl_reason, reason, 0, 0), 1);
        ASN1_ENUMERATED_free(reason);
    }
    assert_int_equal(X509_CRL_add0_revoked(crl, entry), 1);
    ASN1_TIME_free(when);
}

static inline X509_CRL *pki_crl(OSSL_LIB_CTX *libctx, const struct pki_id *issuer, const struct pki_crl *what)
{
    X509_CRL *crl = X509_CRL_new_ex(libctx, NULL);
    ASN1_TIME *time = ASN1_TIME_new();
    X509V3_CTX context;
    assert_int_equal(X509_CRL_set_version(crl, X509_CRL_VERSION_2), 1);
    assert_int_equal(X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer->cert)), 1);
    pki_set_time(time, what->this_update, PKI_NOW - PKI_DAY);
    assert_int_equal(X509_CRL_set1_lastUpdate(crl, time), 1);
    pki_set_time(time, what->next_update, PKI_NOW + 7 * PKI_DAY);
    if (what->next_update >= 0)
        assert_int_equal(X509_CRL_set1_nextUpdate(crl, time), 1);
    ASN1_TIME_free(time);
    for (size_t i = 0; i < 4 && what->revoked[i].cert; i++)
        pki_revoke(crl, &what->revoked[i]);
    X509V3_set_ctx(&context, issuer->cert, NULL, NULL, crl, 0);
    for (size_t i = 0; i < PKI_EXTENSIONS && what->more[i].value; i++) {
        X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, what->more[i].nid, what->more[i].value);
        assert_non_null(extension);
        assert_int_equal(X509_CRL_add_ext(crl, extension, -1), 1);
        X509_EXTENSION_free(extension);
    }
    assert_int_equal(X509_CRL_sort(crl), 1);
    assert_true(X509_CRL_sign(crl, issuer->key, pki_digest(issuer->key, what->digest)) > 0);

    uint8_t *der = NULL;
    int len = i2d_X509_CRL(crl, &der);
    X509_CRL_free(crl);
    const uint8_t *p = der;
    crl = X509_CRL_new_ex(libctx, NULL);
    assert_non_null(d2i_X509_CRL(&crl, &p, len));
    OPENSSL_free(der);
    return crl;
}

/* The place of a CRL's DER in memory. The caller frees the input and `*der` (OPENSSL_free). */
static inline struct sg_crl_place pki_crl_place(X509_CRL *crl, uint8_t **der)
{
    struct sg_input *input = NULL;
    *der = NULL;
    int len = i2d_X509_CRL(crl, der);
    assert_true(len > 0);
    assert_int_equal(sg_input_from_slice("test.crl", (struct sg_slice){*der, (size_t)len}, &input, NULL), SG_OK);
    return (struct sg_crl_place){input, 0, (uint64_t)len};
}

/* --- CMS ---------------------------------------------------------------------------------------------------------- */

enum pki_oddity {
    PKI_NO_SIGNED_ATTRS = 1 << 0,
    PKI_NO_CONTENT_TYPE = 1 << 1,
    PKI_OTHER_CONTENT_TYPE = 1 << 2,
    PKI_TWO_CONTENT_TYPES = 1 << 3,
    PKI_NO_DIGEST = 1 << 4,
    PKI_TWO_DIGESTS = 1 << 5,
    PKI_TWO_DIGEST_VALUES = 1 << 6,
    PKI_NO_DIGEST_VALUE = 1 << 7,
    PKI_NO_SIGNING_TIME = 1 << 8,
    PKI_TWO_SIGNING_TIMES = 1 << 9,
    PKI_NO_REFERENCE = 1 << 10,
    PKI_TWO_REFERENCES = 1 << 11,
    PKI_MALFORMED_REFERENCE = 1 << 12,
    PKI_UNSORTED = 1 << 13, /* attributes stand in another order than DER's, and are signed so */
    PKI_NO_CERTIFICATES = 1 << 14,
    PKI_PSS = 1 << 15,
    PKI_PLAIN_RSA_OID = 1 << 16, /* rsaEncryption, the digest in digestAlgorithm alone */
};

#define PKI_CMS_CRLS 66 /* more of one name than are looked at */

struct pki_cms {
    const struct pki_id *signer;
    const struct pki_id *second; /* signs too; NULL: nobody */
    struct sg_slice content;
    int content_type; /* NID; 0: data */
    bool attached;
    const char *digest;    /* "SHA256" */
    int64_t signing_time;  /* 0: an hour before PKI_NOW */
    const X509 *reference; /* NULL: the signer's certificate */
    X509 *carried[8];      /* besides the signer's certificate */
    X509_CRL *crls[PKI_CMS_CRLS];
    struct sg_slice more_signed[2]; /* signed attributes besides, whole */
    unsigned odd;                   /* enum pki_oddity */
};

#define PKI_MAX_ATTRS 16

struct pki_attrs {
    struct sg_buf bytes[PKI_MAX_ATTRS];
    struct sg_slice slices[PKI_MAX_ATTRS];
    size_t count;
};

static inline void pki_add_attr(struct pki_attrs *attrs, int nid, struct sg_slice value, int copies)
{
    struct sg_buf *buf = &attrs->bytes[attrs->count];
    *buf = (struct sg_buf)SG_BUF(SG_MIB);
    struct sg_der der = {.out = buf};
    size_t sequence = sg_der_open(&der);
    sg_der_oid(&der, nid);
    size_t set = sg_der_open(&der);
    for (int i = 0; i < copies; i++)
        sg_der_raw(&der, value);
    sg_der_close(&der, set, SG_DER_SET);
    sg_der_close(&der, sequence, SG_DER_SEQUENCE);
    assert_int_equal(der.rc, SG_OK);
    attrs->slices[attrs->count++] = sg_buf_slice(buf);
}

static inline int pki_content_type(const struct pki_cms *what)
{
    return what->content_type ? what->content_type : NID_pkcs7_data;
}

static inline void pki_add_content_type(struct pki_attrs *attrs, const struct pki_cms *what)
{
    _cleanup_(sg_buf_clear) struct sg_buf value = SG_BUF(SG_MIB);
    struct sg_der der = {.out = &value};
    unsigned odd = what->odd;
    sg_der_oid(&der, odd & PKI_OTHER_CONTENT_TYPE ? NID_pkcs7_signed : pki_content_type(what));
    for (int i = 0; i < (odd & PKI_TWO_CONTENT_TYPES ? 2 : odd & PKI_NO_CONTENT_TYPE ? 0 : 1); i++)
        pki_add_attr(attrs, NID_pkcs9_contentType, sg_buf_slice(&value), 1);
}

static inline void pki_add_digest(struct pki_attrs *attrs, const struct pki_cms *what)
{
    _cleanup_(sg_buf_clear) struct sg_buf value = SG_BUF(SG_MIB);
    struct sg_der der = {.out = &value};
    uint8_t hash[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    const EVP_MD *md = EVP_get_digestbyname(what->digest ? what->digest : "SHA256");
    assert_int_equal(EVP_Digest(what->content.data, what->content.len, hash, &len, md, NULL), 1);
    sg_der_element(&der, SG_DER_OCTET_STRING, (struct sg_slice){hash, len});
    int values = what->odd & PKI_TWO_DIGEST_VALUES ? 2 : what->odd & PKI_NO_DIGEST_VALUE ? 0 : 1;
    for (int i = 0; i < (what->odd & PKI_TWO_DIGESTS ? 2 : what->odd & PKI_NO_DIGEST ? 0 : 1); i++)
        pki_add_attr(attrs, NID_pkcs9_messageDigest, sg_buf_slice(&value), values);
}

static inline void pki_add_time(struct pki_attrs *attrs, const struct pki_cms *what)
{
    ASN1_TIME *time = ASN1_TIME_new();
    uint8_t *der = NULL;
    pki_set_time(time, what->signing_time, PKI_NOW - 3600);
    int len = i2d_ASN1_TIME(time, &der);
    for (int i = 0; i < (what->odd & PKI_TWO_SIGNING_TIMES ? 2 : what->odd & PKI_NO_SIGNING_TIME ? 0 : 1); i++)
        pki_add_attr(attrs, NID_pkcs9_signingTime, (struct sg_slice){der, (size_t)len}, 1);
    OPENSSL_free(der);
    ASN1_TIME_free(time);
}

/* SigningCertificateV2 with SHA-256 by default (RFC 5035 §3): SEQUENCE { SEQUENCE { ESSCertIDv2 } }. */
static inline void pki_add_reference(struct pki_attrs *attrs, const struct pki_cms *what)
{
    _cleanup_(sg_buf_clear) struct sg_buf value = SG_BUF(SG_MIB);
    struct sg_der der = {.out = &value};
    const X509 *cert = what->reference ? what->reference : what->signer->cert;
    uint8_t hash[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    assert_int_equal(X509_digest(cert, EVP_sha256(), hash, &len), 1);
    size_t outer = sg_der_open(&der), certs = sg_der_open(&der), id = sg_der_open(&der);
    sg_der_element(&der, what->odd & PKI_MALFORMED_REFERENCE ? SG_DER_INTEGER : SG_DER_OCTET_STRING,
                   (struct sg_slice){hash, len});
    sg_der_close(&der, id, SG_DER_SEQUENCE);
    sg_der_close(&der, certs, SG_DER_SEQUENCE);
    sg_der_close(&der, outer, SG_DER_SEQUENCE);
    for (int i = 0; i < (what->odd & PKI_TWO_REFERENCES ? 2 : what->odd & PKI_NO_REFERENCE ? 0 : 1); i++)
        pki_add_attr(attrs, NID_id_smime_aa_signingCertificateV2, sg_buf_slice(&value), 1);
}

static inline int pki_compare_attrs(const void *a, const void *b)
{
    return sg_der_compare(*(const struct sg_slice *)a, *(const struct sg_slice *)b);
}

static inline void pki_write_attrs(const struct pki_attrs *attrs, uint8_t tag, struct sg_buf *out)
{
    struct sg_der der = {.out = out};
    size_t set = sg_der_open(&der);
    for (size_t i = 0; i < attrs->count; i++)
        sg_der_raw(&der, attrs->slices[i]);
    sg_der_close(&der, set, tag);
    assert_int_equal(der.rc, SG_OK);
}

static inline void pki_make_attrs(const struct pki_cms *what, struct pki_attrs *attrs)
{
    pki_add_content_type(attrs, what);
    pki_add_time(attrs, what);
    pki_add_digest(attrs, what);
    pki_add_reference(attrs, what);
    for (size_t i = 0; i < 2 && what->more_signed[i].data; i++)
        attrs->slices[attrs->count++] = what->more_signed[i];
    qsort(attrs->slices, attrs->count, sizeof *attrs->slices, pki_compare_attrs);
    if (what->odd & PKI_UNSORTED) {
        struct sg_slice first = attrs->slices[0];
        attrs->slices[0] = attrs->slices[attrs->count - 1];
        attrs->slices[attrs->count - 1] = first;
    }
}

static inline void pki_algorithm(struct sg_der *der, int nid, bool null)
{
    size_t sequence = sg_der_open(der);
    sg_der_oid(der, nid);
    if (null)
        sg_der_element(der, SG_DER_NULL, (struct sg_slice){0});
    sg_der_close(der, sequence, SG_DER_SEQUENCE);
}

/* Signs `bytes`; writes signatureAlgorithm and signature. */
static inline void pki_add_value(OSSL_LIB_CTX *libctx, const struct pki_cms *what, struct sg_slice bytes,
                                 struct sg_der *der)
{
    EVP_PKEY *key = what->signer->key;
    const char *digest = what->digest ? what->digest : "SHA256";
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *key_ctx = NULL;
    uint8_t value[1024];
    size_t len = sizeof value;
    bool eddsa = EVP_PKEY_is_a(key, "ED25519") || EVP_PKEY_is_a(key, "ED448");
    bool rsa = EVP_PKEY_is_a(key, "RSA");
    assert_int_equal(EVP_DigestSignInit_ex(ctx, &key_ctx, eddsa ? NULL : digest, libctx, NULL, key, NULL), 1);
    int nid = NID_undef;
    if (eddsa) {
        nid = EVP_PKEY_get_id(key);
    } else if (what->odd & PKI_PLAIN_RSA_OID) {
        nid = NID_rsaEncryption;
    } else {
        assert_int_equal(OBJ_find_sigid_by_algs(&nid, OBJ_txt2nid(digest), EVP_PKEY_get_base_id(key)), 1);
    }
    if (what->odd & PKI_PSS) {
        uint8_t *encoding = NULL;
        X509_ALGOR *algorithm = X509_ALGOR_new();
        RSA_PSS_PARAMS *params = RSA_PSS_PARAMS_new();
        X509_ALGOR *hash = X509_ALGOR_new();
        assert_true(EVP_PKEY_CTX_set_rsa_padding(key_ctx, RSA_PKCS1_PSS_PADDING) > 0);
        assert_true(EVP_PKEY_CTX_set_rsa_pss_saltlen(key_ctx, RSA_PSS_SALTLEN_DIGEST) > 0);
        X509_ALGOR_set_md(hash, EVP_get_digestbyname(digest));
        ASN1_STRING *packed_hash = ASN1_item_pack(hash, ASN1_ITEM_rptr(X509_ALGOR), NULL);
        params->maskGenAlgorithm = X509_ALGOR_new();
        assert_int_equal(X509_ALGOR_set0(params->maskGenAlgorithm, OBJ_nid2obj(NID_mgf1), V_ASN1_SEQUENCE, packed_hash),
                         1);
        params->hashAlgorithm = hash;
        params->saltLength = ASN1_INTEGER_new();
        assert_int_equal(ASN1_INTEGER_set(params->saltLength, EVP_MD_get_size(EVP_get_digestbyname(digest))), 1);
        ASN1_STRING *packed = ASN1_item_pack(params, ASN1_ITEM_rptr(RSA_PSS_PARAMS), NULL);
        assert_int_equal(X509_ALGOR_set0(algorithm, OBJ_nid2obj(NID_rsassaPss), V_ASN1_SEQUENCE, packed), 1);
        int encoded = i2d_X509_ALGOR(algorithm, &encoding);
        sg_der_i2d(der, encoded, &encoding);
        RSA_PSS_PARAMS_free(params);
        X509_ALGOR_free(algorithm);
    } else {
        pki_algorithm(der, nid, rsa);
    }
    assert_int_equal(EVP_DigestSign(ctx, value, &len, bytes.data, bytes.len), 1);
    sg_der_element(der, SG_DER_OCTET_STRING, (struct sg_slice){value, len});
    EVP_MD_CTX_free(ctx);
}

static inline void pki_signer_info(OSSL_LIB_CTX *libctx, const struct pki_cms *what, struct sg_der *der)
{
    struct pki_attrs attrs = {0};
    _cleanup_(sg_buf_clear) struct sg_buf wire = SG_BUF(SG_MIB), to_sign = SG_BUF(SG_MIB);
    uint8_t *encoding = NULL;
    const X509 *cert = what->signer->cert;
    size_t info = sg_der_open(der);
    sg_der_small_integer(der, 1);
    size_t sid = sg_der_open(der);
    int len = i2d_X509_NAME(X509_get_issuer_name(cert), &encoding);
    sg_der_i2d(der, len, &encoding);
    len = i2d_ASN1_INTEGER(X509_get0_serialNumber(cert), &encoding);
    sg_der_i2d(der, len, &encoding);
    sg_der_close(der, sid, SG_DER_SEQUENCE);
    pki_algorithm(der, OBJ_txt2nid(what->digest ? what->digest : "SHA256"), false);
    if (!(what->odd & PKI_NO_SIGNED_ATTRS)) {
        pki_make_attrs(what, &attrs);
        pki_write_attrs(&attrs, SG_DER_CONTEXT(0), &wire);
        pki_write_attrs(&attrs, SG_DER_SET, &to_sign);
        sg_der_raw(der, sg_buf_slice(&wire));
        pki_add_value(libctx, what, sg_buf_slice(&to_sign), der);
    } else {
        pki_add_value(libctx, what, what->content, der);
    }
    sg_der_close(der, info, SG_DER_SEQUENCE);
    for (size_t i = 0; i < attrs.count; i++)
        sg_buf_clear(&attrs.bytes[i]);
}

static inline void pki_certificates(const struct pki_cms *what, struct sg_der *der)
{
    uint8_t *encoding = NULL;
    int len;
    if (!(what->odd & PKI_NO_CERTIFICATES)) {
        size_t certs = sg_der_open(der);
        len = i2d_X509(what->signer->cert, &encoding);
        sg_der_i2d(der, len, &encoding);
        for (size_t i = 0; i < 8 && what->carried[i]; i++) {
            len = i2d_X509(what->carried[i], &encoding);
            sg_der_i2d(der, len, &encoding);
        }
        sg_der_close(der, certs, SG_DER_CONTEXT(0));
    }
    if (what->crls[0]) {
        size_t crls = sg_der_open(der);
        for (size_t i = 0; i < PKI_CMS_CRLS && what->crls[i]; i++) {
            len = i2d_X509_CRL(what->crls[i], &encoding);
            sg_der_i2d(der, len, &encoding);
        }
        sg_der_close(der, crls, SG_DER_CONTEXT(1));
    }
}

/* A SignedData with one SignerInfo, appended to `out`. */
static inline void pki_sign(OSSL_LIB_CTX *libctx, const struct pki_cms *what, struct sg_buf *out)
{
    struct sg_der der = {.out = out};
    size_t info = sg_der_open(&der);
    sg_der_oid(&der, NID_pkcs7_signed);
    size_t explicit = sg_der_open(&der), data = sg_der_open(&der);
    sg_der_small_integer(&der, 1);
    size_t digests = sg_der_open(&der);
    pki_algorithm(&der, OBJ_txt2nid(what->digest ? what->digest : "SHA256"), false);
    sg_der_close(&der, digests, SG_DER_SET);
    size_t encap = sg_der_open(&der);
    sg_der_oid(&der, pki_content_type(what));
    if (what->attached) {
        size_t content = sg_der_open(&der);
        sg_der_element(&der, SG_DER_OCTET_STRING, what->content);
        sg_der_close(&der, content, SG_DER_CONTEXT(0));
    }
    sg_der_close(&der, encap, SG_DER_SEQUENCE);
    pki_certificates(what, &der);
    size_t infos = sg_der_open(&der);
    pki_signer_info(libctx, what, &der);
    if (what->second) {
        struct pki_cms other = *what;
        other.signer = what->second;
        pki_signer_info(libctx, &other, &der);
    }
    sg_der_close(&der, infos, SG_DER_SET);
    sg_der_close(&der, data, SG_DER_SEQUENCE);
    sg_der_close(&der, explicit, SG_DER_CONTEXT(0));
    sg_der_close(&der, info, SG_DER_SEQUENCE);
    assert_int_equal(der.rc, SG_OK);
}
