/* Chains of anybody's certificates, each signed anew by the next, so that what is in them is judged and not just the
 * signatures: judged within bounds, without an error, and never passed where a certificate does not say that it is a
 * CA's or has an extension that nobody knows. The input is up to four certificates in DER, one behind the other;
 * the last octet chooses the purpose. */
#include <stdint.h>
#include <string.h>

#include "judge.h"
#include "verify/verify.h"

#define MAX_CHAIN 4

struct chain {
    X509 *certs[MAX_CHAIN];
    size_t count;
};

static EVP_PKEY *const *the_keys(OSSL_LIB_CTX *libctx)
{
    static EVP_PKEY *keys[MAX_CHAIN + 1];

    for (size_t i = 0; i <= MAX_CHAIN && !keys[i]; i++)
        must((keys[i] = EVP_PKEY_Q_keygen(libctx, NULL, "EC", "P-256")) != NULL);
    return keys;
}

static void read_chain(struct chain *chain, OSSL_LIB_CTX *libctx, const uint8_t *data, size_t size)
{
    const uint8_t *at = data, *end = data + size;

    while (chain->count < MAX_CHAIN && at < end) {
        X509 *cert = X509_new_ex(libctx, NULL);
        must(cert != NULL);
        if (!d2i_X509(&cert, &at, end - at)) {
            X509_free(cert);
            break;
        }
        chain->certs[chain->count++] = cert;
    }
}

static void drop_extension(X509 *cert, int nid)
{
    for (int at; (at = X509_get_ext_by_NID(cert, nid, -1)) >= 0;)
        X509_EXTENSION_free(X509_delete_ext(cert, at));
}

static void set_key_ids(X509 *cert, uint8_t own, uint8_t issuers)
{
    ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();
    AUTHORITY_KEYID *authority = AUTHORITY_KEYID_new();

    must(id && authority && ASN1_OCTET_STRING_set(id, &own, 1));
    authority->keyid = ASN1_OCTET_STRING_new();
    must(authority->keyid && ASN1_OCTET_STRING_set(authority->keyid, &issuers, 1));
    drop_extension(cert, NID_subject_key_identifier);
    drop_extension(cert, NID_authority_key_identifier);
    must(X509_add1_ext_i2d(cert, NID_subject_key_identifier, id, 0, X509V3_ADD_APPEND) == 1);
    must(X509_add1_ext_i2d(cert, NID_authority_key_identifier, authority, 0, X509V3_ADD_APPEND) == 1);
    ASN1_OCTET_STRING_free(id);
    AUTHORITY_KEYID_free(authority);
}

/* False: it cannot be encoded again. */
static bool sign_anew(struct chain *chain, size_t index, const struct judge *judge, X509 *root, EVP_PKEY *const *keys)
{
    bool last = index + 1 == chain->count;
    const X509 *issuer = last ? root : chain->certs[index + 1];
    X509 *cert = chain->certs[index];
    uint8_t *der = NULL;

    must(X509_set_issuer_name(cert, X509_get_subject_name(issuer)) && X509_set_pubkey(cert, keys[index]));
    set_key_ids(cert, (uint8_t)index, last ? MAX_CHAIN : (uint8_t)(index + 1));
    int len = X509_sign(cert, keys[last ? MAX_CHAIN : index + 1], EVP_sha256()) > 0 ? i2d_X509(cert, &der) : 0;
    if (len <= 0)
        return false;
    const uint8_t *at = der; /* as from a file */
    X509_free(cert);
    chain->certs[index] = X509_new_ex(judge->libctx, NULL);
    bool read = d2i_X509(&chain->certs[index], &at, len) != NULL;
    OPENSSL_free(der);
    return read;
}

/* CN=Fuzz CA with the last key. */
static X509 *make_root(OSSL_LIB_CTX *libctx, EVP_PKEY *key)
{
    X509 *root = make_ca(libctx);

    must(X509_set_pubkey(root, key));
    set_key_ids(root, MAX_CHAIN, MAX_CHAIN);
    must(X509_sign(root, key, EVP_sha256()) > 0);
    uint8_t *der = NULL;
    int len = i2d_X509(root, &der);
    const uint8_t *at = der;
    X509_free(root);
    root = X509_new_ex(libctx, NULL);
    must(d2i_X509(&root, &at, len) != NULL);
    OPENSSL_free(der);
    return root;
}

static void judge_chain(const struct chain *chain, const struct judge *judge, X509 *root, enum sg_cert_purpose purpose)
{
    STACK_OF(X509) *anchors = sk_X509_new_null(), *between = sk_X509_new_null();
    struct sg_verifier *verifier = NULL;

    must(anchors && between && sk_X509_push(anchors, root) > 0);
    for (size_t i = 1; i < chain->count; i++)
        must(sk_X509_push(between, chain->certs[i]) > 0);
    const struct sg_verifier_options options = {.libctx = judge->libctx,
                                                .anchors = anchors,
                                                .intermediates = between,
                                                .revocation = SG_REVOCATION_NONE,
                                                .at = SG_TIME_NONE,
                                                .clock = sg_clock_fixed(&judge->now),
                                                .policy = {.max_depth = -1}};
    must(sg_verifier_new(&options, &verifier, NULL) == SG_OK);
    struct sg_report *report = NULL;
    must(sg_cert_check(verifier, "fuzz", chain->certs[0], purpose, &report, NULL) == SG_OK);
    const STACK_OF(X509) *path = report->verdicts[0].chain;
    for (int i = 0; report->verdicts[0].indication == SG_TOTAL_PASSED && i < sk_X509_num(path); i++) {
        must(i == 0 || sg_cert_is_ca(sk_X509_value(path, i)));
        must(!(X509_get_extension_flags(sk_X509_value(path, i)) & (EXFLAG_CRITICAL | EXFLAG_INVALID)));
    }
    sg_report_free(report);
    sg_verifier_free(verifier);
    sk_X509_free(anchors);
    sk_X509_free(between);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static X509 *root;
    const struct judge *judge = the_judge();
    EVP_PKEY *const *keys = the_keys(judge->libctx);
    struct chain chain = {0};
    bool good = true;

    if (!root)
        root = make_root(judge->libctx, keys[MAX_CHAIN]);
    read_chain(&chain, judge->libctx, data, size);
    for (size_t i = chain.count; good && i-- > 0;)
        good = sign_anew(&chain, i, judge, root, keys);
    if (good && chain.count > 0)
        judge_chain(&chain, judge, root, (enum sg_cert_purpose)(data[size - 1] % (SG_CERT_CRL + 1)));
    for (size_t i = 0; i < chain.count; i++)
        X509_free(chain.certs[i]);
    return 0;
}
