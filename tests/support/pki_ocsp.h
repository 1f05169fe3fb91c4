/* OCSP responses made on the spot, each as odd as the test wants it: written element by element, since OpenSSL's
 * functions know no other time than now. Beside pki.h. */
#pragma once

#include <openssl/ocsp.h>

#include "pki.h"

enum pki_ocsp_oddity {
    PKI_OCSP_BY_KEY = 1 << 0,
    PKI_OCSP_NO_CERTIFICATE = 1 << 1,
    PKI_OCSP_OTHER_TYPE = 1 << 2,
    PKI_OCSP_VERSION_2 = 1 << 3,
    PKI_OCSP_CRITICAL = 1 << 4,        /* an extension of the response */
    PKI_OCSP_SINGLE_CRITICAL = 1 << 5, /* one of its answer */
    PKI_OCSP_WRONG_NAME_HASH = 1 << 6,
    PKI_OCSP_WRONG_KEY_HASH = 1 << 7,
    PKI_OCSP_WRONG_SERIAL = 1 << 8,
    PKI_OCSP_TRAILING = 1 << 9,
    PKI_OCSP_NO_ANSWER = 1 << 10,
};

/* What is left 0 is the ordinary thing: good, by the issuer itself. */
struct pki_ocsp {
    const X509 *cert;            /* that it is about */
    const struct pki_id *issuer; /* of that */
    const struct pki_id *signer; /* NULL: the issuer */
    int status;                  /* V_OCSP_CERTSTATUS_* */
    int reason;                  /* CRL_REASON_*; 0: none is said */
    int64_t revoked_at;          /* 0: two days before PKI_NOW */
    /* 0: an hour before PKI_NOW, a day after, and thisUpdate; -1: no nextUpdate */
    int64_t this_update, next_update, produced_at;
    int64_t archive_cutoff; /* 0: none */
    const char *id_digest;  /* "SHA1" */
    const char *digest;     /* "SHA256" */
    int response_status;
    unsigned odd;
    const struct pki_ocsp *and; /* a further answer of the same response; NULL: none */
};

static inline void pki_ocsp_time(struct sg_der *der, uint8_t wrapped, int64_t when)
{
    ASN1_GENERALIZEDTIME *time = ASN1_GENERALIZEDTIME_set(NULL, (time_t)when);
    size_t wrapper = wrapped ? sg_der_open(der) : 0;
    uint8_t *encoding = NULL;
    int len = i2d_ASN1_GENERALIZEDTIME(time, &encoding);
    sg_der_i2d(der, len, &encoding);
    if (wrapped)
        sg_der_close(der, wrapper, wrapped);
    ASN1_GENERALIZEDTIME_free(time);
}

static inline void pki_ocsp_extension(struct sg_der *der, uint8_t wrapped, int nid, bool critical,
                                      struct sg_slice value)
{
    static const uint8_t yes[] = {0x01, 0x01, 0xff};
    size_t wrapper = sg_der_open(der), list = sg_der_open(der), extension = sg_der_open(der);
    sg_der_oid(der, nid);
    if (critical)
        sg_der_raw(der, (struct sg_slice){yes, sizeof yes});
    sg_der_element(der, SG_DER_OCTET_STRING, value);
    sg_der_close(der, extension, SG_DER_SEQUENCE);
    sg_der_close(der, list, SG_DER_SEQUENCE);
    sg_der_close(der, wrapper, wrapped);
}

static inline void pki_ocsp_hash(OSSL_LIB_CTX *libctx, struct sg_der *der, const char *digest, struct sg_slice data,
                                 bool wrong)
{
    uint8_t hash[EVP_MAX_MD_SIZE];
    size_t len = 0;
    assert_int_equal(sg_digest(libctx, digest, data, hash, &len, NULL), SG_OK);
    hash[0] ^= wrong;
    sg_der_element(der, SG_DER_OCTET_STRING, (struct sg_slice){hash, len});
}

static inline struct sg_slice pki_ocsp_key(const X509 *cert)
{
    const ASN1_BIT_STRING *bits = X509_get0_pubkey_bitstr(cert);
    return (struct sg_slice){ASN1_STRING_get0_data(bits), (size_t)ASN1_STRING_length(bits)};
}

static inline struct sg_slice pki_ocsp_name(const X509_NAME *name)
{
    struct sg_slice der;
    assert_int_equal(X509_NAME_get0_der(name, &der.data, &der.len), 1);
    return der;
}

static inline void pki_ocsp_id(OSSL_LIB_CTX *libctx, const struct pki_ocsp *what, struct sg_der *der)
{
    const char *digest = what->id_digest ? what->id_digest : "SHA1";
    size_t id = sg_der_open(der), algorithm = sg_der_open(der);
    ASN1_INTEGER *serial = ASN1_INTEGER_dup(X509_get0_serialNumber(what->cert));
    uint8_t *encoding = NULL;
    sg_der_oid(der, OBJ_txt2nid(digest));
    sg_der_close(der, algorithm, SG_DER_SEQUENCE);
    pki_ocsp_hash(libctx, der, digest, pki_ocsp_name(X509_get_subject_name(what->issuer->cert)),
                  what->odd & PKI_OCSP_WRONG_NAME_HASH);
    pki_ocsp_hash(libctx, der, digest, pki_ocsp_key(what->issuer->cert), what->odd & PKI_OCSP_WRONG_KEY_HASH);
    if (what->odd & PKI_OCSP_WRONG_SERIAL)
        assert_int_equal(ASN1_INTEGER_set(serial, ASN1_INTEGER_get(serial) + 1), 1);
    int len = i2d_ASN1_INTEGER(serial, &encoding);
    sg_der_i2d(der, len, &encoding);
    sg_der_close(der, id, SG_DER_SEQUENCE);
    ASN1_INTEGER_free(serial);
}

static inline void pki_ocsp_status(const struct pki_ocsp *what, struct sg_der *der)
{
    if (what->status != V_OCSP_CERTSTATUS_REVOKED) {
        sg_der_element(der, (uint8_t)(0x80 | what->status), (struct sg_slice){(const uint8_t *)"", 0});
        return;
    }
    size_t revoked = sg_der_open(der);
    pki_ocsp_time(der, 0, what->revoked_at ? what->revoked_at : PKI_NOW - 2 * PKI_DAY);
    if (what->reason) {
        const uint8_t reason = (uint8_t)what->reason;
        size_t wrapper = sg_der_open(der);
        sg_der_element(der, V_ASN1_ENUMERATED, (struct sg_slice){&reason, 1});
        sg_der_close(der, wrapper, SG_DER_CONTEXT(0));
    }
    sg_der_close(der, revoked, SG_DER_CONTEXT(1));
}

static inline void pki_ocsp_single(OSSL_LIB_CTX *libctx, const struct pki_ocsp *what, int64_t this_update,
                                   struct sg_der *der)
{
    static const uint8_t null[] = {0x05, 0x00};
    size_t single = sg_der_open(der);
    pki_ocsp_id(libctx, what, der);
    pki_ocsp_status(what, der);
    pki_ocsp_time(der, 0, this_update);
    if (what->next_update >= 0)
        pki_ocsp_time(der, SG_DER_CONTEXT(0), what->next_update ? what->next_update : PKI_NOW + PKI_DAY);
    if (what->odd & PKI_OCSP_SINGLE_CRITICAL) {
        pki_ocsp_extension(der, SG_DER_CONTEXT(1), NID_id_pkix_OCSP_CrlID, true, (struct sg_slice){null, 2});
    } else if (what->archive_cutoff) {
        struct sg_buf value = SG_BUF(64);
        struct sg_der inner = {.out = &value};
        pki_ocsp_time(&inner, 0, what->archive_cutoff);
        pki_ocsp_extension(der, SG_DER_CONTEXT(1), NID_id_pkix_OCSP_archiveCutoff, false, sg_buf_slice(&value));
        sg_buf_clear(&value);
    }
    sg_der_close(der, single, SG_DER_SEQUENCE);
}

/* ResponseData (RFC 6960 §4.2.1). */
static inline void pki_ocsp_data(OSSL_LIB_CTX *libctx, const struct pki_ocsp *what, const struct pki_id *signer,
                                 struct sg_der *der)
{
    static const uint8_t null[] = {0x05, 0x00};
    const int64_t this_update = what->this_update ? what->this_update : PKI_NOW - 3600;
    size_t data = sg_der_open(der);
    if (what->odd & PKI_OCSP_VERSION_2) {
        size_t version = sg_der_open(der);
        sg_der_small_integer(der, 1);
        sg_der_close(der, version, SG_DER_CONTEXT(0));
    }
    size_t id = sg_der_open(der);
    if (what->odd & PKI_OCSP_BY_KEY)
        pki_ocsp_hash(libctx, der, "SHA1", pki_ocsp_key(signer->cert), false);
    else
        sg_der_raw(der, pki_ocsp_name(X509_get_subject_name(signer->cert)));
    sg_der_close(der, id, SG_DER_CONTEXT(what->odd & PKI_OCSP_BY_KEY ? 2 : 1));
    pki_ocsp_time(der, 0, what->produced_at ? what->produced_at : this_update);
    size_t singles = sg_der_open(der);
    if (!(what->odd & PKI_OCSP_NO_ANSWER))
        pki_ocsp_single(libctx, what, this_update, der);
    for (const struct pki_ocsp *other = what->and; other; other = other->and)
        pki_ocsp_single(libctx, other, other->this_update ? other->this_update : this_update, der);
    sg_der_close(der, singles, SG_DER_SEQUENCE);
    if (what->odd & PKI_OCSP_CRITICAL)
        pki_ocsp_extension(der, SG_DER_CONTEXT(1), NID_id_pkix_OCSP_serviceLocator, true, (struct sg_slice){null, 2});
    sg_der_close(der, data, SG_DER_SEQUENCE);
}

static inline void pki_ocsp_sign(OSSL_LIB_CTX *libctx, const struct pki_ocsp *what, const struct pki_id *signer,
                                 struct sg_slice data, struct sg_der *der)
{
    const char *digest = what->digest ? what->digest : "SHA256";
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    uint8_t value[513] = {0};
    size_t len = sizeof value - 1;
    int algorithm_nid = NID_undef;
    assert_int_equal(EVP_DigestSignInit_ex(ctx, NULL, digest, libctx, NULL, signer->key, NULL), 1);
    assert_int_equal(EVP_DigestSign(ctx, value + 1, &len, data.data, data.len), 1);
    EVP_MD_CTX_free(ctx);
    assert_int_equal(OBJ_find_sigid_by_algs(&algorithm_nid, OBJ_txt2nid(digest), NID_X9_62_id_ecPublicKey), 1);
    size_t algorithm = sg_der_open(der);
    sg_der_oid(der, algorithm_nid);
    sg_der_close(der, algorithm, SG_DER_SEQUENCE);
    sg_der_element(der, V_ASN1_BIT_STRING, (struct sg_slice){value, len + 1});
}

/* An OCSPResponse, appended to `out`. */
static inline void pki_ocsp(OSSL_LIB_CTX *libctx, const struct pki_ocsp *what, struct sg_buf *out)
{
    const struct pki_id *signer = what->signer ? what->signer : what->issuer;
    const uint8_t status = (uint8_t)what->response_status;
    _cleanup_(sg_buf_clear) struct sg_buf data = SG_BUF(64 * SG_KIB);
    struct sg_der der = {.out = out}, inner = {.out = &data};
    uint8_t *encoding = NULL;
    size_t response = sg_der_open(&der);
    sg_der_element(&der, V_ASN1_ENUMERATED, (struct sg_slice){&status, 1});
    size_t tagged = sg_der_open(&der), bytes = sg_der_open(&der);
    sg_der_oid(&der, what->odd & PKI_OCSP_OTHER_TYPE ? NID_id_pkix_OCSP_Nonce : NID_id_pkix_OCSP_basic);
    size_t octets = sg_der_open(&der), basic = sg_der_open(&der);
    pki_ocsp_data(libctx, what, signer, &inner);
    sg_der_raw(&der, sg_buf_slice(&data));
    pki_ocsp_sign(libctx, what, signer, sg_buf_slice(&data), &der);
    if (!(what->odd & PKI_OCSP_NO_CERTIFICATE)) {
        size_t certs = sg_der_open(&der), list = sg_der_open(&der);
        int len = i2d_X509(signer->cert, &encoding);
        sg_der_i2d(&der, len, &encoding);
        sg_der_close(&der, list, SG_DER_SEQUENCE);
        sg_der_close(&der, certs, SG_DER_CONTEXT(0));
    }
    sg_der_close(&der, basic, SG_DER_SEQUENCE);
    sg_der_close(&der, octets, SG_DER_OCTET_STRING);
    sg_der_close(&der, bytes, SG_DER_SEQUENCE);
    sg_der_close(&der, tagged, SG_DER_CONTEXT(0));
    sg_der_close(&der, response, SG_DER_SEQUENCE);
    if (what->odd & PKI_OCSP_TRAILING)
        sg_der_raw(&der, (struct sg_slice){(const uint8_t *)"", 1});
    assert_int_equal(der.rc, SG_OK);
}
