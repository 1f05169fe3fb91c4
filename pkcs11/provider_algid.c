/* AlgorithmIdentifiers of what we sign (RFC 4055, RFC 5758, RFC 8410). */
#include "pkcs11/provider_algid.h"

#include <openssl/objects.h>
#include <openssl/rsa.h>

SG_DEFINE_CLEANUP(RSA_PSS_PARAMS, RSA_PSS_PARAMS_free)
SG_DEFINE_CLEANUP(ASN1_STRING, ASN1_STRING_free)

/* RSASSA-PSS-params with the same digest for MGF1, and the salt as long as the digest (RFC 4055 §3.1). */
static ASN1_STRING *pss_params(const EVP_MD *digest)
{
    _cleanup_(RSA_PSS_PARAMS_freep) RSA_PSS_PARAMS *pss = RSA_PSS_PARAMS_new();
    _cleanup_(X509_ALGOR_freep) X509_ALGOR *inner = X509_ALGOR_new();
    _cleanup_(ASN1_STRING_freep) ASN1_STRING *inner_der = NULL;
    ASN1_STRING *der = NULL;
    if (!pss || !inner || !(pss->hashAlgorithm = X509_ALGOR_new()) || !(pss->maskGenAlgorithm = X509_ALGOR_new()) ||
        !(pss->saltLength = ASN1_INTEGER_new()))
        return NULL;
    X509_ALGOR_set_md(pss->hashAlgorithm, digest);
    X509_ALGOR_set_md(inner, digest);
    inner_der = ASN1_item_pack(inner, ASN1_ITEM_rptr(X509_ALGOR), NULL);
    if (!inner_der ||
        !X509_ALGOR_set0(pss->maskGenAlgorithm, OBJ_nid2obj(NID_mgf1), V_ASN1_SEQUENCE, sg_steal(inner_der)) ||
        !ASN1_INTEGER_set(pss->saltLength, EVP_MD_get_size(digest)))
        return NULL;
    return ASN1_item_pack(pss, ASN1_ITEM_rptr(RSA_PSS_PARAMS), &der);
}

bool sg_algorithm_id(enum sg_scheme scheme, const EVP_MD *digest, unsigned char **ret, size_t *ret_len)
{
    _cleanup_(X509_ALGOR_freep) X509_ALGOR *algorithm = X509_ALGOR_new();
    _cleanup_(ASN1_STRING_freep) ASN1_STRING *pss = NULL;
    int nid = NID_undef, type = V_ASN1_UNDEF;
    switch (scheme) {
    case SG_SCHEME_PKCS1:
        (void)OBJ_find_sigid_by_algs(&nid, EVP_MD_get_type(digest), NID_rsaEncryption);
        type = V_ASN1_NULL; /* RFC 4055 §5: parameters NULL */
        break;
    case SG_SCHEME_PSS:
        nid = NID_rsassaPss;
        type = V_ASN1_SEQUENCE;
        pss = pss_params(digest);
        if (!pss)
            return false;
        break;
    case SG_SCHEME_EC:
        (void)OBJ_find_sigid_by_algs(&nid, EVP_MD_get_type(digest), NID_X9_62_id_ecPublicKey);
        break;
    case SG_SCHEME_ED:
    case SG_SCHEMES:
        nid = NID_ED25519;
        break;
    }
    if (!algorithm || nid == NID_undef || !X509_ALGOR_set0(algorithm, OBJ_nid2obj(nid), type, pss))
        return false;
    pss = NULL;
    int len = i2d_X509_ALGOR(algorithm, ret);
    if (len <= 0)
        return false;
    *ret_len = (size_t)len;
    return true;
}
