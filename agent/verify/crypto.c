#include "verify/crypto.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>

#include "base/cleanup.h"
#include "base/limits.h"
#include "base/msg.h"
#include "verify/algorithms.h"

SG_DEFINE_CLEANUP(RSA_PSS_PARAMS, RSA_PSS_PARAMS_free)

static int algorithm_nid(const X509_ALGOR *algorithm)
{
    const ASN1_OBJECT *object = NULL;
    X509_ALGOR_get0(&object, NULL, NULL, algorithm);
    return OBJ_obj2nid(object);
}

/* RFC 4055 §3.1: SHA-1, MGF1 with SHA-1, 20 and 1 where a parameter is left out. */
static bool read_pss(const X509_ALGOR *algorithm, struct sg_signature_method *method)
{
    int type = V_ASN1_UNDEF;
    const void *value = NULL;
    X509_ALGOR_get0(NULL, &type, &value, algorithm);
    if (type != V_ASN1_SEQUENCE)
        return false;
    _cleanup_(RSA_PSS_PARAMS_freep) RSA_PSS_PARAMS *params =
        ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(RSA_PSS_PARAMS), algorithm->parameter);
    if (!params)
        return false;

    method->digest = method->mgf_digest = NID_sha1;
    method->salt_length = 20;
    if (params->hashAlgorithm)
        method->digest = algorithm_nid(params->hashAlgorithm);
    if (params->maskGenAlgorithm) {
        X509_ALGOR *mgf = params->maskGenAlgorithm;
        _cleanup_(X509_ALGOR_freep) X509_ALGOR *mgf_hash =
            mgf->parameter ? ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(X509_ALGOR), mgf->parameter) : NULL;
        if (algorithm_nid(mgf) != NID_mgf1 || !mgf_hash)
            return false;
        method->mgf_digest = algorithm_nid(mgf_hash);
    }
    if (params->saltLength) {
        int64_t length;
        if (!ASN1_INTEGER_get_int64(&length, params->saltLength) || length < 0 || length > SG_MAX_SIGNATURE)
            return false;
        method->salt_length = (int)length;
    }
    if (params->trailerField && ASN1_INTEGER_get(params->trailerField) != 1)
        return false;
    /* RFC 4055 §3.1 recommends one hash for both; that they be equal is what everybody makes, and leaves no room. */
    return method->digest != NID_undef && method->digest == method->mgf_digest;
}

bool sg_signature_method_read(const X509_ALGOR *algorithm, struct sg_signature_method *ret)
{
    *ret = (struct sg_signature_method){.kind = SG_KIND_OTHER, .word = "other", .digest = NID_undef};
    int nid = algorithm_nid(algorithm);
    int key_nid = NID_undef;
    switch (nid) {
    case NID_rsaEncryption: /* the digest is the SignerInfo's (RFC 3370 §3.2) */
        *ret = (struct sg_signature_method){.kind = SG_KIND_RSA, .word = "rsa-pkcs1", .digest = NID_undef};
        return true;
    case NID_rsassaPss:
        ret->word = "rsa-pss";
        if (!read_pss(algorithm, ret))
            return false;
        ret->kind = SG_KIND_RSA_PSS;
        return true;
    case NID_ED25519:
    case NID_ED448:
        *ret = (struct sg_signature_method){
            .kind = SG_KIND_EDDSA, .word = nid == NID_ED25519 ? "ed25519" : "ed448", .digest = NID_undef};
        return true;
    case NID_dsa: /* ditto (RFC 3370 §3.1 allows it for what is received) */
        *ret = (struct sg_signature_method){.kind = SG_KIND_DSA, .word = "dsa", .digest = NID_undef};
        return true;
    default:
        break;
    }
    if (nid == NID_undef || !OBJ_find_sigid_algs(nid, &ret->digest, &key_nid) || ret->digest == NID_undef)
        return false;
    switch (key_nid) {
    case NID_rsaEncryption:
        ret->kind = SG_KIND_RSA;
        ret->word = "rsa-pkcs1";
        return true;
    case NID_X9_62_id_ecPublicKey:
        ret->kind = SG_KIND_ECDSA;
        ret->word = "ecdsa";
        return true;
    case NID_dsa:
    case NID_dsa_2:
        ret->kind = SG_KIND_DSA;
        ret->word = "dsa";
        return true;
    default:
        return false;
    }
}

static bool key_fits(const struct sg_signature_method *method, const EVP_PKEY *key)
{
    switch (method->kind) {
    case SG_KIND_RSA:
        return EVP_PKEY_is_a(key, "RSA"); /* an id-RSASSA-PSS key is for PSS alone (RFC 4055 §1.2) */
    case SG_KIND_RSA_PSS:
        return EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "RSA-PSS");
    case SG_KIND_ECDSA:
        return EVP_PKEY_is_a(key, "EC");
    case SG_KIND_DSA:
        return EVP_PKEY_is_a(key, "DSA");
    case SG_KIND_EDDSA:
        return EVP_PKEY_is_a(key, "ED25519") || EVP_PKEY_is_a(key, "ED448");
    case SG_KIND_OTHER:
        break;
    }
    return false;
}

static bool set_padding(const struct sg_signature_method *method, EVP_PKEY_CTX *ctx)
{
    if (method->kind == SG_KIND_RSA)
        return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) > 0;
    if (method->kind == SG_KIND_RSA_PSS)
        return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) > 0 &&
               EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, OBJ_nid2sn(method->mgf_digest), NULL) > 0 &&
               EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, method->salt_length) > 0;
    return true;
}

/* EdDSA hashes what is signed itself. */
static enum sg_signature_answer check_eddsa(OSSL_LIB_CTX *libctx, EVP_PKEY *key, struct sg_slice data,
                                            struct sg_slice value)
{
    _cleanup_(EVP_MD_CTX_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (!ctx || EVP_DigestVerifyInit_ex(ctx, NULL, NULL, libctx, NULL, key, NULL) <= 0)
        return SG_SIGNATURE_UNSUPPORTED;
    return EVP_DigestVerify(ctx, value.data, value.len, data.data, data.len) == 1 ? SG_SIGNATURE_RIGHT
                                                                                  : SG_SIGNATURE_WRONG;
}

/* --- by a digest: what the checks by one key have in common ------------------------------------------------------- */

struct sg_key_check {
    struct sg_signature_method method;
    EVP_PKEY *key;
    EVP_MD *md;
    EVP_PKEY_CTX *ctx; /* for any number of values (EVP_PKEY_verify(3)) */
};

void sg_key_check_free(struct sg_key_check *check)
{
    if (!check)
        return;
    EVP_PKEY_CTX_free(check->ctx);
    EVP_MD_free(check->md);
    EVP_PKEY_free(check->key);
    free(check);
}

SG_DEFINE_CLEANUP(struct sg_key_check, sg_key_check_free)

static bool same_method(const struct sg_signature_method *a, const struct sg_signature_method *b)
{
    return a->kind == b->kind && a->digest == b->digest && a->mgf_digest == b->mgf_digest &&
           a->salt_length == b->salt_length;
}

/* NULL: OpenSSL cannot check so. */
static struct sg_key_check *key_check_new(OSSL_LIB_CTX *libctx, const struct sg_signature_method *method, EVP_PKEY *key)
{
    _cleanup_(sg_key_check_freep) struct sg_key_check *check = calloc(1, sizeof *check);
    if (!check) {
        ERR_raise(ERR_LIB_USER, ERR_R_MALLOC_FAILURE);
        return NULL;
    }
    check->method = *method;
    check->key = EVP_PKEY_up_ref(key) ? key : NULL;
    check->md = EVP_MD_fetch(libctx, OBJ_nid2sn(method->digest), NULL);
    check->ctx = EVP_PKEY_CTX_new_from_pkey(libctx, key, NULL);
    if (!check->key || !check->md || !check->ctx || EVP_PKEY_verify_init(check->ctx) <= 0 ||
        EVP_PKEY_CTX_set_signature_md(check->ctx, check->md) <= 0 || !set_padding(method, check->ctx))
        return NULL;
    return sg_steal(check);
}

/* The one that was kept, if it is by this very key and method: it has a reference to its key, whose address is no other
 * key's therefore. */
static struct sg_key_check *take_kept(sg_kept_check *kept, const struct sg_signature_method *method,
                                      const EVP_PKEY *key)
{
    _cleanup_(sg_key_check_freep) struct sg_key_check *check = kept ? atomic_exchange(kept, NULL) : NULL;
    return check && check->key == key && same_method(&check->method, method) ? sg_steal(check) : NULL;
}

static enum sg_signature_answer check_value(const struct sg_key_check *check, struct sg_signed_bytes over,
                                            struct sg_slice value)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (!over.hash.data) {
        if (!EVP_Digest(over.data.data, over.data.len, digest, &len, check->md, NULL))
            return SG_SIGNATURE_UNSUPPORTED;
        over.hash = (struct sg_slice){digest, len};
    }
    return EVP_PKEY_verify(check->ctx, value.data, value.len, over.hash.data, over.hash.len) == 1 ? SG_SIGNATURE_RIGHT
                                                                                                  : SG_SIGNATURE_WRONG;
}

/* Only what has found a value right is kept: nothing that failed is asked again. */
static enum sg_signature_answer check_digest(OSSL_LIB_CTX *libctx, sg_kept_check *kept,
                                             const struct sg_signature_method *method, EVP_PKEY *key,
                                             struct sg_signed_bytes over, struct sg_slice value)
{
    _cleanup_(sg_key_check_freep) struct sg_key_check *check = take_kept(kept, method, key);
    if (!check)
        check = key_check_new(libctx, method, key);
    if (!check)
        return SG_SIGNATURE_UNSUPPORTED;
    enum sg_signature_answer answer = check_value(check, over, value);
    if (kept && answer == SG_SIGNATURE_RIGHT)
        check = atomic_exchange(kept, check);
    return answer;
}

enum sg_rc sg_signature_check(OSSL_LIB_CTX *libctx, sg_kept_check *kept, const struct sg_signature_method *method,
                              EVP_PKEY *key, struct sg_signed_bytes over, struct sg_slice value,
                              enum sg_signature_answer *ret, struct sg_err *err)
{
    enum sg_signature_answer answer = SG_SIGNATURE_UNSUPPORTED;
    if (!key || method->kind == SG_KIND_OTHER || (method->kind != SG_KIND_EDDSA && method->digest == NID_undef)) {
        *ret = SG_SIGNATURE_UNSUPPORTED;
        return SG_OK;
    }
    ERR_clear_error();
    if (!sg_key_checkable(key))
        answer = SG_SIGNATURE_UNSUPPORTED;
    else if (!key_fits(method, key))
        answer = SG_SIGNATURE_WRONG; /* no such key can have made it */
    else if (method->kind != SG_KIND_EDDSA)
        answer = check_digest(libctx, kept, method, key, over, value);
    else if (!over.hash.data)
        answer = check_eddsa(libctx, key, over.data, value);
    bool memory = ERR_GET_REASON(ERR_peek_last_error()) == ERR_R_MALLOC_FAILURE;
    ERR_clear_error();
    if (memory)
        return sg_fail_memory(err);
    *ret = answer;
    return SG_OK;
}

bool sg_checked_key_is(const struct sg_checked_key *checked, pthread_mutex_t *lock, const uint8_t sha256[SG_SHA256_LEN])
{
    (void)pthread_mutex_lock(lock);
    bool is = checked->known && memcmp(checked->sha256, sha256, SG_SHA256_LEN) == 0;
    (void)pthread_mutex_unlock(lock);
    return is;
}

void sg_checked_key_set(struct sg_checked_key *checked, pthread_mutex_t *lock, const uint8_t sha256[SG_SHA256_LEN])
{
    (void)pthread_mutex_lock(lock);
    checked->known = true;
    memcpy(checked->sha256, sha256, SG_SHA256_LEN);
    (void)pthread_mutex_unlock(lock);
}
