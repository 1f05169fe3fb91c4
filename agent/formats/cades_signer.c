#include "formats/cades_signer.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/rsa.h>

#include "base/crypto.h"
#include "base/msg.h"
#include "formats/der.h"

/* From the weakest to the strongest. */
static const struct sg_cades_digest digests[] = {
    {"SHA256", NID_sha256, NID_ecdsa_with_SHA256},
    {"SHA384", NID_sha384, NID_ecdsa_with_SHA384},
    {"SHA512", NID_sha512, NID_ecdsa_with_SHA512},
};
#define SHA256 (&digests[0])
#define SHA384 (&digests[1])
#define SHA512 (&digests[2])

static void free_params(OSSL_PARAM **params)
{
    OSSL_PARAM_free(*params);
}

static bool is_rsa(const EVP_PKEY *key)
{
    return EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "RSA-PSS");
}

/* The certificate's key in our library context; X509_get0_pubkey() would be in the certificate's. */
static enum sg_rc load_public_key(struct sg_cades_signer *signer, const X509 *cert, struct sg_err *err)
{
    _cleanup_(OPENSSL_freep) uint8_t *spki = NULL;
    const int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &spki);
    const uint8_t *p = spki;

    if (len > 0)
        signer->public_key = d2i_PUBKEY_ex(NULL, &p, len, signer->libctx, NULL);
    if (!signer->public_key)
        return sg_fail_ssl(err, SG_E_NO_CERTIFICATE,
                           _("The public key in the signer's certificate cannot be read; use another certificate."));
    return SG_OK;
}

static BIGNUM *public_number(const EVP_PKEY *key, const char *name)
{
    _cleanup_(free_params) OSSL_PARAM *params = NULL;
    BIGNUM *number = NULL;

    if (EVP_PKEY_todata(key, EVP_PKEY_PUBLIC_KEY, &params) != 1)
        return NULL;
    const OSSL_PARAM *param = OSSL_PARAM_locate_const(params, name);
    return param && OSSL_PARAM_get_BN(param, &number) ? number : NULL;
}

/* OpenSSL compares no RSA key with an id-RSASSA-PSS one, but a token knows only that its key is RSA. */
static bool same_rsa_key(const EVP_PKEY *a, const EVP_PKEY *b)
{
    _cleanup_(BN_freep) BIGNUM *a_n = public_number(a, OSSL_PKEY_PARAM_RSA_N);
    _cleanup_(BN_freep) BIGNUM *b_n = public_number(b, OSSL_PKEY_PARAM_RSA_N);
    _cleanup_(BN_freep) BIGNUM *a_e = public_number(a, OSSL_PKEY_PARAM_RSA_E);
    _cleanup_(BN_freep) BIGNUM *b_e = public_number(b, OSSL_PKEY_PARAM_RSA_E);

    return a_n && b_n && a_e && b_e && BN_cmp(a_n, b_n) == 0 && BN_cmp(a_e, b_e) == 0;
}

static enum sg_rc check_same_key(const struct sg_cades_signer *signer, struct sg_err *err)
{
    (void)ERR_set_mark();
    bool same = EVP_PKEY_eq(signer->key, signer->public_key) == 1;
    if (!same && is_rsa(signer->key) && is_rsa(signer->public_key))
        same = same_rsa_key(signer->key, signer->public_key);
    (void)ERR_pop_to_mark();
    if (!same)
        return sg_fail(err, SG_E_NO_CERTIFICATE,
                       _("The certificate does not belong to the key; choose the certificate that was issued for it."));
    return SG_OK;
}

/* The weakest digest that is as strong as the curve. */
static const struct sg_cades_digest *digest_of_curve(const char *group)
{
    switch (OBJ_sn2nid(group)) {
    case NID_X9_62_prime256v1:
        return SHA256;
    case NID_secp384r1:
        return SHA384;
    case NID_secp521r1:
        return SHA512;
    default:
        return NULL;
    }
}

/* The scheme, and the weakest digest that is as strong as the key. */
static enum sg_rc choose_scheme(struct sg_cades_signer *signer, bool force_pss,
                                const struct sg_cades_digest **ret_least, struct sg_err *err)
{
    const EVP_PKEY *key = signer->public_key;
    const struct sg_cades_digest *least = NULL;
    char group[64] = "";

    if (is_rsa(key)) {
        signer->scheme = force_pss || EVP_PKEY_is_a(key, "RSA-PSS") ? SG_SCHEME_RSA_PSS : SG_SCHEME_RSA_PKCS1;
        least = SHA256;
    } else if (EVP_PKEY_is_a(key, "ED25519")) {
        signer->scheme = SG_SCHEME_ED25519;
        least = SHA512; /* and no other: RFC 8419 §3.1 */
    } else if (EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1) {
        signer->scheme = SG_SCHEME_ECDSA;
        least = digest_of_curve(group);
    }
    if (!least)
        return sg_fail_ssl(
            err, SG_E_USAGE,
            _("A key of the kind %s %s cannot sign documents; use RSA, EC P-256, P-384 or P-521, or Ed25519."),
            EVP_PKEY_get0_type_name(key), group);
    *ret_least = least;
    return SG_OK;
}

static enum sg_rc choose_digest(struct sg_cades_signer *signer, const struct sg_cades_params *params,
                                struct sg_err *err)
{
    const struct sg_cades_digest *least = SHA256;
    const struct sg_cades_digest *chosen = NULL;
    char mandatory[64] = "";
    enum sg_rc rc = choose_scheme(signer, params->force_pss, &least, err);
    if (rc != SG_OK)
        return rc;

    /* An id-RSASSA-PSS SPKI with parameters ties the key to their hash (RFC 4055 §3.3): 2 is OpenSSL's "mandatory". */
    if (signer->scheme != SG_SCHEME_RSA_PSS ||
        EVP_PKEY_get_default_digest_name(signer->public_key, mandatory, sizeof(mandatory)) != 2)
        mandatory[0] = '\0';
    const char *fitting = mandatory[0] ? mandatory : least->name;
    const char *name = params->digest ? params->digest : fitting;

    signer->md = EVP_MD_fetch(signer->libctx, name, NULL);
    for (size_t i = 0; signer->md && i < sizeof(digests) / sizeof(*digests); i++)
        if (EVP_MD_is_a(signer->md, digests[i].name))
            chosen = &digests[i];
    if (!chosen)
        return sg_fail_ssl(err, SG_E_USAGE,
                           _("Documents are not signed with the digest %s; use SHA256, SHA384 or SHA512."), name);
    if (chosen < least || (mandatory[0] && !EVP_MD_is_a(signer->md, mandatory)))
        return sg_fail(err, SG_E_USAGE, _("The digest %s does not fit the signer's key; use %s."), name, fitting);
    signer->digest = chosen;
    return SG_OK;
}

/* RFC 5754 §2: the parameters of a SHA-2 digestAlgorithm are absent. */
static void put_digest_algorithm(struct sg_der *der, int nid)
{
    const size_t algorithm = sg_der_open(der);
    sg_der_oid(der, nid);
    sg_der_close(der, algorithm, SG_DER_SEQUENCE);
}

/* RFC 4055 §3.1: hash and MGF1 hash are one and the same, with NULL parameters; the salt is as long as the digest;
 * trailerField is the DEFAULT and so is left out. */
static void put_pss_parameters(struct sg_der *der, int hash_nid, uint8_t salt_len)
{
    const size_t params = sg_der_open(der);

    const size_t hash = sg_der_open(der);
    const size_t hash_algorithm = sg_der_open(der);
    sg_der_oid(der, hash_nid);
    sg_der_element(der, SG_DER_NULL, (struct sg_slice){NULL, 0});
    sg_der_close(der, hash_algorithm, SG_DER_SEQUENCE);
    sg_der_close(der, hash, SG_DER_CONTEXT(0));

    const size_t mgf = sg_der_open(der);
    const size_t mgf_algorithm = sg_der_open(der);
    sg_der_oid(der, NID_mgf1);
    const size_t mgf_hash = sg_der_open(der);
    sg_der_oid(der, hash_nid);
    sg_der_element(der, SG_DER_NULL, (struct sg_slice){NULL, 0});
    sg_der_close(der, mgf_hash, SG_DER_SEQUENCE);
    sg_der_close(der, mgf_algorithm, SG_DER_SEQUENCE);
    sg_der_close(der, mgf, SG_DER_CONTEXT(1));

    const size_t salt = sg_der_open(der);
    sg_der_small_integer(der, salt_len);
    sg_der_close(der, salt, SG_DER_CONTEXT(2));

    sg_der_close(der, params, SG_DER_SEQUENCE);
}

/* For RSA PKCS#1 v1.5 rsaEncryption, which every CMS reader knows, and not sha256WithRSAEncryption (RFC 5754 §3.2 has
 * both). ECDSA's parameters are absent (RFC 5758 §3.2), and so are Ed25519's (RFC 8419 §2.2). */
static void put_signature_algorithm(struct sg_der *der, const struct sg_cades_signer *signer)
{
    const size_t algorithm = sg_der_open(der);

    switch (signer->scheme) {
    case SG_SCHEME_RSA_PKCS1:
        sg_der_oid(der, NID_rsaEncryption);
        sg_der_element(der, SG_DER_NULL, (struct sg_slice){NULL, 0});
        break;
    case SG_SCHEME_RSA_PSS:
        sg_der_oid(der, NID_rsassaPss);
        put_pss_parameters(der, signer->digest->nid, (uint8_t)EVP_MD_get_size(signer->md));
        break;
    case SG_SCHEME_ECDSA:
        sg_der_oid(der, signer->digest->ecdsa_nid);
        break;
    case SG_SCHEME_ED25519:
        sg_der_oid(der, NID_ED25519);
        break;
    }
    sg_der_close(der, algorithm, SG_DER_SEQUENCE);
}

static void put_issuer_and_serial(struct sg_der *der, const X509 *cert)
{
    uint8_t *encoding = NULL;
    const size_t sid = sg_der_open(der);

    sg_der_i2d(der, i2d_X509_NAME(X509_get_issuer_name(cert), &encoding), &encoding);
    sg_der_i2d(der, i2d_ASN1_INTEGER(X509_get0_serialNumber(cert), &encoding), &encoding);
    sg_der_close(der, sid, SG_DER_SEQUENCE);
}

static void put_content_type(struct sg_der *der)
{
    const size_t attribute = sg_der_open(der);
    sg_der_oid(der, NID_pkcs9_contentType);
    const size_t values = sg_der_open(der);
    sg_der_oid(der, NID_pkcs7_data);
    sg_der_close(der, values, SG_DER_SET);
    sg_der_close(der, attribute, SG_DER_SEQUENCE);
}

/* RFC 5035 §3: one ESSCertIDv2 of the signer's certificate. Its hashAlgorithm is the DEFAULT, SHA-256 without
 * parameters, and so is left out; the issuerSerial's GeneralNames is the issuer as a directoryName. */
static void put_signing_certificate(struct sg_der *der, const X509 *cert, const uint8_t hash[SG_SHA256_LEN])
{
    uint8_t *encoding = NULL;

    const size_t attribute = sg_der_open(der);
    sg_der_oid(der, NID_id_smime_aa_signingCertificateV2);
    const size_t values = sg_der_open(der);
    const size_t signing_certificate = sg_der_open(der);
    const size_t cert_ids = sg_der_open(der);
    const size_t cert_id = sg_der_open(der);
    sg_der_element(der, SG_DER_OCTET_STRING, (struct sg_slice){hash, SG_SHA256_LEN});

    const size_t issuer_serial = sg_der_open(der);
    const size_t names = sg_der_open(der);
    const size_t directory_name = sg_der_open(der);
    sg_der_i2d(der, i2d_X509_NAME(X509_get_issuer_name(cert), &encoding), &encoding);
    sg_der_close(der, directory_name, SG_DER_CONTEXT(4));
    sg_der_close(der, names, SG_DER_SEQUENCE);
    sg_der_i2d(der, i2d_ASN1_INTEGER(X509_get0_serialNumber(cert), &encoding), &encoding);
    sg_der_close(der, issuer_serial, SG_DER_SEQUENCE);

    sg_der_close(der, cert_id, SG_DER_SEQUENCE);
    sg_der_close(der, cert_ids, SG_DER_SEQUENCE);
    sg_der_close(der, signing_certificate, SG_DER_SEQUENCE);
    sg_der_close(der, values, SG_DER_SET);
    sg_der_close(der, attribute, SG_DER_SEQUENCE);
}

static void free_encodings(struct sg_slice **encodings)
{
    for (struct sg_slice *e = *encodings; e && e->data; e++)
        OPENSSL_free((void *)e->data);
    free(*encodings);
}

static bool contains(const struct sg_slice *encodings, size_t count, struct sg_slice encoding)
{
    for (size_t i = 0; i < count; i++)
        if (sg_slice_equal(encodings[i], encoding))
            return true;
    return false;
}

/* CertificateSet [0] (RFC 5652 §10.2.3): the signer's certificate and the chain, each once. */
static enum sg_rc put_certificates(struct sg_der *der, const X509 *cert, const STACK_OF(X509) *chain)
{
    const size_t chain_len = chain ? (size_t)sk_X509_num(chain) : 0;
    if (chain_len >= SG_MAX_CERTIFICATES)
        return sg_fail(der->err, SG_E_LIMIT, _("A signature carries at most %d certificates, not %zu."),
                       SG_MAX_CERTIFICATES, chain_len + 1);

    size_t count = 0;
    _cleanup_(free_encodings) struct sg_slice *encodings = calloc(chain_len + 2, sizeof(*encodings));
    if (!encodings)
        return sg_fail_memory(der->err);
    for (size_t i = 0; i <= chain_len; i++) {
        uint8_t *encoding = NULL;
        const int len = i2d_X509(i == 0 ? cert : sk_X509_value(chain, (int)(i - 1)), &encoding);
        if (len <= 0)
            return sg_fail_ssl(der->err, SG_E_INTERNAL, _("A certificate of the signer's chain could not be encoded."));
        if (contains(encodings, count, (struct sg_slice){encoding, (size_t)len}))
            OPENSSL_free(encoding);
        else
            encodings[count++] = (struct sg_slice){encoding, (size_t)len};
    }
    sg_der_set_of(der, SG_DER_CONTEXT(0), encodings, count);
    return der->rc;
}

static enum sg_rc encode_constants(struct sg_cades_signer *signer, const X509 *cert, const STACK_OF(X509) *chain,
                                   struct sg_err *err)
{
    uint8_t hash[EVP_MAX_MD_SIZE];
    size_t hash_len = 0;
    struct sg_der der = {.out = &signer->certificates, .err = err};
    enum sg_rc rc = put_certificates(&der, cert, chain);
    if (rc != SG_OK)
        return rc;

    _cleanup_(OPENSSL_freep) uint8_t *encoding = NULL;
    const int len = i2d_X509(cert, &encoding);
    if (len <= 0)
        return sg_fail_ssl(err, SG_E_INTERNAL, _("The signer's certificate could not be encoded."));
    rc = sg_digest(signer->libctx, "SHA256", (struct sg_slice){encoding, (size_t)len}, hash, &hash_len, err);
    if (rc != SG_OK)
        return rc;

    der.out = &signer->digest_algorithm;
    put_digest_algorithm(&der, signer->digest->nid);
    der.out = &signer->signature_algorithm;
    put_signature_algorithm(&der, signer);
    der.out = &signer->issuer_and_serial;
    put_issuer_and_serial(&der, cert);
    der.out = &signer->content_type;
    put_content_type(&der);
    der.out = &signer->signing_certificate;
    put_signing_certificate(&der, cert, hash);
    return der.rc;
}

enum sg_rc sg_cades_signer_new(const struct sg_cades_params *params, struct sg_cades_signer **ret, struct sg_err *err)
{
    _cleanup_(sg_cades_signer_freep) struct sg_cades_signer *signer = calloc(1, sizeof(*signer));
    if (!signer)
        return sg_fail_memory(err);

    signer->libctx = params->libctx;
    signer->key = params->key;
    signer->leave_out_signing_time = params->leave_out_signing_time;
    signer->certificates.max = SG_MAX_CMS_REST;
    signer->digest_algorithm.max = signer->signature_algorithm.max = signer->issuer_and_serial.max =
        signer->content_type.max = signer->signing_certificate.max = SG_MAX_CERTIFICATE;

    enum sg_rc rc = load_public_key(signer, params->cert, err);
    if (rc == SG_OK)
        rc = check_same_key(signer, err);
    if (rc == SG_OK)
        rc = choose_digest(signer, params, err);
    if (rc == SG_OK)
        rc = encode_constants(signer, params->cert, params->chain, err);
    if (rc == SG_OK)
        *ret = sg_steal(signer);
    return rc;
}

void sg_cades_signer_free(struct sg_cades_signer *signer)
{
    if (!signer)
        return;
    EVP_PKEY_free(signer->public_key);
    EVP_MD_free(signer->md);
    sg_buf_clear(&signer->digest_algorithm);
    sg_buf_clear(&signer->signature_algorithm);
    sg_buf_clear(&signer->certificates);
    sg_buf_clear(&signer->issuer_and_serial);
    sg_buf_clear(&signer->content_type);
    sg_buf_clear(&signer->signing_certificate);
    free(signer);
}

const char *sg_cades_digest_name(const struct sg_cades_signer *signer)
{
    return signer->digest->name;
}

enum sg_signature_scheme sg_cades_scheme(const struct sg_cades_signer *signer)
{
    return signer->scheme;
}

size_t sg_cades_signer_least(const struct sg_cades_signer *signer)
{
    /* ECDSA-Sig-Value (RFC 3279 §2.2.3) of two one-octet INTEGERs. */
    return signer->scheme == SG_SCHEME_ECDSA ? 8 : (size_t)EVP_PKEY_get_size(signer->public_key);
}

size_t sg_cades_signer_most(const struct sg_cades_signer *signer)
{
    return (size_t)EVP_PKEY_get_size(signer->public_key);
}

struct scheme_params {
    OSSL_PARAM params[3];
    int salt_len;
    const char *md_name; /* NULL for Ed25519, which hashes by itself */
};

static void set_scheme_params(const struct sg_cades_signer *signer, struct scheme_params *p)
{
    static char pkcs1[] = OSSL_PKEY_RSA_PAD_MODE_PKCSV15;
    static char pss[] = OSSL_PKEY_RSA_PAD_MODE_PSS;
    OSSL_PARAM *next = p->params;

    p->salt_len = EVP_MD_get_size(signer->md);
    p->md_name = signer->scheme == SG_SCHEME_ED25519 ? NULL : signer->digest->name;
    if (signer->scheme == SG_SCHEME_RSA_PKCS1)
        *next++ = OSSL_PARAM_construct_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, pkcs1, 0);
    if (signer->scheme == SG_SCHEME_RSA_PSS) {
        *next++ = OSSL_PARAM_construct_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, pss, 0);
        *next++ = OSSL_PARAM_construct_int(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, &p->salt_len);
    }
    *next = OSSL_PARAM_construct_end();
}

static bool is_right(const struct sg_cades_signer *signer, struct sg_slice bytes, struct sg_slice signature)
{
    struct scheme_params p;
    _cleanup_(EVP_MD_CTX_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    set_scheme_params(signer, &p);
    return ctx &&
           EVP_DigestVerifyInit_ex(ctx, NULL, p.md_name, signer->libctx, NULL, signer->public_key, p.params) == 1 &&
           EVP_DigestVerify(ctx, signature.data, signature.len, bytes.data, bytes.len) == 1;
}

/* A wrong signature must never be written out as a good one, and one made by a faulting RSA-CRT gives the key away to
 * whoever sees it, so each RSA signature is checked: 25 µs, where signing takes 400 or more. Checking ECDSA or Ed25519
 * takes longer than signing (80 to 110 µs against 30 to 50): there the first signature of a signer is checked, which
 * finds a key that is not the certificate's and a token that does not work. */
enum sg_rc sg_cades_signer_sign(const struct sg_cades_signer *signer, struct sg_slice bytes, uint8_t *out,
                                size_t *ret_len, struct sg_err *err)
{
    struct scheme_params p;
    size_t len = SG_MAX_SIGNATURE;
    atomic_bool *confirmed = &((struct sg_cades_signer *)signer)->confirmed; /* the one thing that changes */
    const bool is_rsa_scheme = signer->scheme == SG_SCHEME_RSA_PKCS1 || signer->scheme == SG_SCHEME_RSA_PSS;
    _cleanup_(EVP_MD_CTX_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    if (!ctx)
        return sg_fail_memory(err);
    set_scheme_params(signer, &p);
    if (EVP_DigestSignInit_ex(ctx, NULL, p.md_name, signer->libctx, NULL, signer->key, p.params) != 1 ||
        EVP_DigestSign(ctx, out, &len, bytes.data, bytes.len) != 1)
        return sg_fail_ssl(err, SG_E_TOKEN_FAILED, _("The token did not make the signature; see that it is in place."));
    if (is_rsa_scheme || !atomic_load(confirmed)) {
        if (!is_right(signer, bytes, (struct sg_slice){out, len}))
            return sg_fail_ssl(err, SG_E_TOKEN_FAILED,
                               _("The token returned a signature that its certificate does not confirm, so it was "
                                 "not used; have the token and its module checked."));
        atomic_store(confirmed, true);
    }
    *ret_len = len;
    return SG_OK;
}
