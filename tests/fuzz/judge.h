/* What fuzzers of revocation data share: a CA whose key nobody has, and a verifier that trusts it. */
#pragma once

#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "base/crypto.h"
#include "fuzz.h"
#include "verify/verify.h"

struct judge {
    OSSL_LIB_CTX *libctx;
    X509 *ca;
    STACK_OF(X509) *anchors;
    int64_t now;
    struct sg_verifier *verifier;
};

static inline void extend(X509 *cert, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

    must(extension && X509_add_ext(cert, extension, -1));
    X509_EXTENSION_free(extension);
}

/* CN=Fuzz CA, as in the seeds, and another key. */
static inline X509 *make_ca(OSSL_LIB_CTX *libctx)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(libctx, NULL, "EC", "P-256");
    X509 *cert = X509_new_ex(libctx, NULL);

    must(key && cert && X509_set_version(cert, X509_VERSION_3));
    must(ASN1_INTEGER_set(X509_get_serialNumber(cert), 1));
    must(X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_UTF8, (const uint8_t *)"Fuzz CA", -1,
                                    -1, 0));
    must(X509_set_issuer_name(cert, X509_get_subject_name(cert)) && X509_set_pubkey(cert, key));
    must(ASN1_TIME_set_string_X509(X509_getm_notBefore(cert), "20200101000000Z"));
    must(ASN1_TIME_set_string_X509(X509_getm_notAfter(cert), "20990101000000Z"));
    extend(cert, NID_basic_constraints, "critical,CA:TRUE");
    extend(cert, NID_key_usage, "critical,keyCertSign,cRLSign");
    must(X509_sign(cert, key, EVP_sha256()) > 0);
    EVP_PKEY_free(key);
    return cert;
}

static inline const struct judge *the_judge(void)
{
    static struct judge judge;

    if (judge.verifier)
        return &judge;
    judge.now = 1800000000;
    must(sg_libctx_new(&judge.libctx, NULL) == SG_OK);
    judge.ca = make_ca(judge.libctx);
    judge.anchors = sk_X509_new_null();
    must(judge.anchors && sk_X509_push(judge.anchors, judge.ca) > 0);
    const struct sg_verifier_options options = {.libctx = judge.libctx,
                                                .anchors = judge.anchors,
                                                .revocation = SG_REVOCATION_NONE,
                                                .at = SG_TIME_NONE,
                                                .clock = sg_clock_fixed(&judge.now),
                                                .policy = {.max_depth = -1}};
    must(sg_verifier_new(&options, &judge.verifier, NULL) == SG_OK);
    return &judge;
}
