/* Everything that reads an encrypted file, on any bytes, with keys that are always the same, so that seeds open. */
#include <stdlib.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>
#include <openssl/rand.h>

#include "base/crypto.h"
#include "base/limits.h"
#include "base/secret.h"
#include "formats/cms_envelope.h"
#include "fuzz.h"

static OSSL_LIB_CTX *libctx;
static struct {
    EVP_PKEY *key;
    X509 *cert;
} recipients[2];

static EVP_PKEY *key_of(const char *type, OSSL_PARAM_BLD *build)
{
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(libctx, type, NULL);
    EVP_PKEY *key = NULL;

    if (EVP_PKEY_fromdata_init(ctx) <= 0 || EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) <= 0)
        abort();
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    return key;
}

/* The modulus is the product of two Mersenne primes, 2^521 - 1 and 2^607 - 1. */
static EVP_PKEY *rsa_key(void)
{
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *p = BN_new(), *q = BN_new(), *n = BN_new(), *e = BN_new(), *d = BN_new();

    if (!BN_set_bit(p, 521) || !BN_sub_word(p, 1) || !BN_set_bit(q, 607) || !BN_sub_word(q, 1) ||
        !BN_mul(n, p, q, ctx) || !BN_set_word(e, 65537) || !BN_sub_word(p, 1) || !BN_sub_word(q, 1) ||
        !BN_mul(d, p, q, ctx) || !BN_mod_inverse(d, e, d, ctx) || !OSSL_PARAM_BLD_push_BN(build, "n", n) ||
        !OSSL_PARAM_BLD_push_BN(build, "e", e) || !OSSL_PARAM_BLD_push_BN(build, "d", d))
        abort();
    EVP_PKEY *key = key_of("RSA", build);
    BIGNUM *const all[] = {p, q, n, e, d};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        BN_free(all[i]);
    BN_CTX_free(ctx);
    return key;
}

/* P-256 with the private key 65537. */
static EVP_PKEY *ec_key(void)
{
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    EC_GROUP *group = EC_GROUP_new_by_curve_name_ex(libctx, NULL, NID_X9_62_prime256v1);
    EC_POINT *point = EC_POINT_new(group);
    BIGNUM *d = BN_new();
    uint8_t encoded[65];

    if (!BN_set_word(d, 65537) || !EC_POINT_mul(group, point, d, NULL, NULL, NULL) ||
        !EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, encoded, sizeof(encoded), NULL) ||
        !OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) ||
        !OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, encoded, sizeof(encoded)) ||
        !OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, d))
        abort();
    EVP_PKEY *key = key_of("EC", build);
    BN_free(d);
    EC_POINT_free(point);
    EC_GROUP_free(group);
    return key;
}

/* Nobody judges it; a recipient's identifier names it. */
static X509 *cert_of(EVP_PKEY *key, long serial)
{
    X509 *cert = X509_new_ex(libctx, NULL);
    X509_NAME *name = X509_get_issuer_name(cert);
    const uint8_t key_id = (uint8_t)serial;
    ASN1_OCTET_STRING *octets = ASN1_OCTET_STRING_new();

    if (!X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)"Fuzz", -1, -1, 0) ||
        !ASN1_INTEGER_set(X509_get_serialNumber(cert), serial) || !X509_set_pubkey(cert, key) ||
        !ASN1_OCTET_STRING_set(octets, &key_id, 1) ||
        !X509_add1_ext_i2d(cert, NID_subject_key_identifier, octets, 0, X509V3_ADD_DEFAULT) ||
        !X509_set_version(cert, X509_VERSION_3) || !X509_gmtime_adj(X509_getm_notBefore(cert), 0) ||
        !X509_gmtime_adj(X509_getm_notAfter(cert), 0) || !X509_sign(cert, key, EVP_sha256()))
        abort();
    ASN1_OCTET_STRING_free(octets);
    return cert;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    uint8_t random[8];

    (void)argc;
    (void)argv;
    /* The generator before the secure heap: what it keeps in there, LeakSanitizer would not see held. */
    if (sg_libctx_new(&libctx, NULL) != SG_OK || RAND_priv_bytes_ex(libctx, random, sizeof(random), 0) != 1 ||
        RAND_bytes_ex(libctx, random, sizeof(random), 0) != 1 || sg_secrets_init(NULL) != SG_OK)
        return -1;
    recipients[0].key = rsa_key();
    recipients[1].key = ec_key();
    for (int i = 0; i < 2; i++)
        recipients[i].cert = cert_of(recipients[i].key, i + 1);
    return 0;
}

static enum sg_rc drop(void *context, const uint8_t *data, size_t len, struct sg_err *err)
{
    (void)err;
    uint8_t *sum = context;
    for (size_t i = 0; i < len; i++)
        *sum ^= data[i]; /* touches every octet, so that one out of bounds is seen */
    return SG_OK;
}

/* What stands in the file is never a fault of ours. */
static bool is_answer(enum sg_rc rc)
{
    return rc == SG_OK || rc == SG_E_MALFORMED || rc == SG_E_LIMIT || rc == SG_E_UNSUPPORTED || rc == SG_E_DECRYPTION;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    _cleanup_(sg_envelope_freep) struct sg_envelope *envelope = NULL;
    uint8_t sum = 0;

    if (sg_input_from_slice("fuzz", (struct sg_slice){data, size}, &input, NULL) != SG_OK)
        abort();
    enum sg_rc rc = sg_envelope_read(input, libctx, &envelope, NULL);
    if (!is_answer(rc) || rc == SG_E_DECRYPTION)
        abort();
    for (int i = 0; rc == SG_OK && i < 2; i++) {
        if (!sg_envelope_names(envelope, recipients[i].cert))
            continue;
        if (!is_answer(sg_envelope_decrypt(envelope, recipients[i].key, recipients[i].cert,
                                           (struct sg_sink){.write = drop, .context = &sum}, NULL)))
            abort();
    }
    return 0;
}
