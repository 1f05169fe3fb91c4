/* Public keys from a token's attributes. */
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/objects.h>
#include <openssl/param_build.h>

#include "pkcs11/internal.h"

SG_DEFINE_CLEANUP(OSSL_PARAM_BLD, OSSL_PARAM_BLD_free)
SG_DEFINE_CLEANUP(OSSL_PARAM, OSSL_PARAM_free)
SG_DEFINE_CLEANUP(ASN1_OCTET_STRING, ASN1_OCTET_STRING_free)

/* The keys live in `default`, where everybody else's public keys live. */
static EVP_PKEY *from_params(OSSL_LIB_CTX *libctx, const char *type, OSSL_PARAM_BLD *build)
{
    _cleanup_(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(libctx, type, "provider=default");
    _cleanup_(OSSL_PARAM_freep) OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY *key = NULL;
    if (!ctx || !params || EVP_PKEY_fromdata_init(ctx) <= 0 ||
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) <= 0)
        return NULL;
    return key;
}

EVP_PKEY *sg_pubkey_rsa(OSSL_LIB_CTX *libctx, struct sg_slice modulus, struct sg_slice exponent)
{
    if (modulus.len == 0 || modulus.len > SG_MAX_SIGNATURE || exponent.len == 0 || exponent.len > modulus.len)
        return NULL;
    _cleanup_(BN_freep) BIGNUM *n = BN_bin2bn(modulus.data, (int)modulus.len, NULL);
    _cleanup_(BN_freep) BIGNUM *e = BN_bin2bn(exponent.data, (int)exponent.len, NULL);
    _cleanup_(OSSL_PARAM_BLD_freep) OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    if (!n || !e || !build || !OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) ||
        !OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e))
        return NULL;
    return from_params(libctx, "RSA", build);
}

/* CKA_EC_PARAMS is the DER of a curve's OID (RFC 5480 §2.1.1), or for Edwards curves also its name. */
static int curve_nid(struct sg_slice params)
{
    static const char edwards25519[] = "\x13\x0c"
                                       "edwards25519";
    if (params.len == sizeof edwards25519 - 1 && memcmp(params.data, edwards25519, params.len) == 0)
        return NID_ED25519;
    const unsigned char *at = params.data;
    _cleanup_(ASN1_OBJECT_freep) ASN1_OBJECT *oid =
        params.len > 0 && params.len <= 64 ? d2i_ASN1_OBJECT(NULL, &at, (long)params.len) : NULL;
    return oid && at == params.data + params.len ? OBJ_obj2nid(oid) : NID_undef;
}

EVP_PKEY *sg_pubkey_ec(OSSL_LIB_CTX *libctx, struct sg_slice params, struct sg_slice point)
{
    int nid = curve_nid(params);
    if (nid == NID_undef || point.len == 0 || point.len > 1024)
        return NULL;
    /* A DER OCTET STRING (PKCS#11 v2.40 §2.3.3); some modules give the bare point. */
    const unsigned char *at = point.data;
    _cleanup_(ASN1_OCTET_STRING_freep) ASN1_OCTET_STRING *wrapped = d2i_ASN1_OCTET_STRING(NULL, &at, (long)point.len);
    if (wrapped && at == point.data + point.len)
        point = (struct sg_slice){ASN1_STRING_get0_data(wrapped), (size_t)ASN1_STRING_length(wrapped)};
    if (nid == NID_ED25519)
        return EVP_PKEY_new_raw_public_key_ex(libctx, "ED25519", "provider=default", point.data, point.len);

    _cleanup_(OSSL_PARAM_BLD_freep) OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    if (!build || !OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, OBJ_nid2sn(nid), 0) ||
        !OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point.data, point.len))
        return NULL;
    return from_params(libctx, "EC", build);
}

const char *sg_pubkey_type(const EVP_PKEY *key)
{
    if (EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "RSA-PSS"))
        return "RSA";
    if (EVP_PKEY_is_a(key, "EC"))
        return "EC";
    return EVP_PKEY_is_a(key, "ED25519") ? "Ed25519" : "unknown";
}

const char *sg_key_type_text(CK_KEY_TYPE type)
{
    switch (type) {
    case CKK_RSA:
        return "RSA";
    case CKK_EC:
        return "EC";
    case CKK_EC_EDWARDS:
        return "Ed25519";
    default:
        return "unknown";
    }
}

void sg_pubkey_curve(const EVP_PKEY *key, char *out, size_t room)
{
    out[0] = '\0';
    if (!EVP_PKEY_is_a(key, "EC"))
        return;
    size_t len = 0;
    if (EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, out, room, &len) != 1) {
        out[0] = '\0';
        return;
    }
    const char *nist = EC_curve_nid2nist(OBJ_txt2nid(out));
    if (nist)
        (void)snprintf(out, room, "%s", nist);
}

bool sg_pubkey_same(const EVP_PKEY *a, const EVP_PKEY *b)
{
    if (strcmp(sg_pubkey_type(a), "RSA") != 0 || strcmp(sg_pubkey_type(b), "RSA") != 0)
        return EVP_PKEY_eq(a, b) == 1;
    /* id-RSASSA-PSS and rsaEncryption are different types to OpenSSL, and the same key to a token. */
    _cleanup_(BN_freep) BIGNUM *an = NULL;
    _cleanup_(BN_freep) BIGNUM *bn = NULL;
    _cleanup_(BN_freep) BIGNUM *ae = NULL;
    _cleanup_(BN_freep) BIGNUM *be = NULL;
    return EVP_PKEY_get_bn_param(a, OSSL_PKEY_PARAM_RSA_N, &an) == 1 &&
           EVP_PKEY_get_bn_param(b, OSSL_PKEY_PARAM_RSA_N, &bn) == 1 &&
           EVP_PKEY_get_bn_param(a, OSSL_PKEY_PARAM_RSA_E, &ae) == 1 &&
           EVP_PKEY_get_bn_param(b, OSSL_PKEY_PARAM_RSA_E, &be) == 1 && BN_cmp(an, bn) == 0 && BN_cmp(ae, be) == 0;
}
