#include "verify/carried.h"

#include <stdlib.h>

#include <openssl/evp.h>

#include "base/cleanup.h"
#include "base/limits.h"
#include "base/msg.h"

static bool hash_der(EVP_MD_CTX *ctx, int len, uint8_t *der)
{
    bool done = len > 0 && EVP_DigestUpdate(ctx, der, (size_t)len);
    OPENSSL_free(der);
    return done;
}

static bool hash_all(EVP_MD_CTX *ctx, const struct sg_carried *carried)
{
    size_t counts[] = {(size_t)sk_X509_num(carried->certs), carried->crl_count};
    uint8_t *der = NULL;
    bool done = EVP_DigestUpdate(ctx, counts, sizeof counts);
    for (int i = 0; done && i < sk_X509_num(carried->certs); i++) {
        int len = i2d_X509(sk_X509_value(carried->certs, i), &der);
        done = hash_der(ctx, len, der);
        der = NULL;
    }
    for (size_t i = 0; done && i < carried->crl_count; i++)
        done = EVP_DigestUpdate(ctx, carried->crls[i]->head->sha256, SG_SHA256_LEN);
    return done;
}

/* One that cannot be read says nothing. */
static enum sg_rc add_crl(struct sg_slice der, OSSL_LIB_CTX *libctx, struct sg_carried *carried, struct sg_err *err)
{
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    struct sg_known_crl *known = NULL;
    enum sg_rc rc = sg_input_from_slice("CRL", der, &input, err);
    if (rc != SG_OK)
        return rc;
    rc = sg_known_crl_read(&(struct sg_crl_place){input, 0, der.len}, libctx, &known, err);
    if (rc == SG_E_MALFORMED || rc == SG_E_LIMIT) {
        carried->crls_left_out = true;
        return SG_OK;
    }
    if (rc != SG_OK)
        return rc;
    known->carried = true;
    carried->crls[carried->crl_count++] = known;
    return SG_OK;
}

static enum sg_rc add_crls(const STACK_OF(X509_CRL) *crls, OSSL_LIB_CTX *libctx, struct sg_carried *carried,
                           struct sg_err *err)
{
    int count = sk_X509_CRL_num(crls);
    size_t room = SG_MAX_CARRIED_CRLS;
    enum sg_rc rc = SG_OK;
    if (count <= 0)
        return SG_OK;
    carried->crls = calloc((size_t)count, sizeof *carried->crls);
    if (!carried->crls)
        return sg_fail_memory(err);
    for (int i = 0; rc == SG_OK && i < count; i++) {
        _cleanup_(OPENSSL_freep) uint8_t *der = NULL;
        int len = i2d_X509_CRL(sk_X509_CRL_value(crls, i), &der);
        if (len <= 0 || (size_t)len > room) {
            carried->crls_left_out = true;
            continue;
        }
        room -= (size_t)len;
        rc = add_crl((struct sg_slice){der, (size_t)len}, libctx, carried, err);
    }
    return rc;
}

enum sg_rc sg_carried_make(OSSL_LIB_CTX *libctx, const STACK_OF(X509) *certs, const STACK_OF(X509_CRL) *crls,
                           struct sg_carried *ret, struct sg_err *err)
{
    _cleanup_(sg_carried_clear) struct sg_carried carried = {.certs = certs};
    _cleanup_(EVP_MD_freep) EVP_MD *md = EVP_MD_fetch(libctx, "SHA256", NULL);
    _cleanup_(EVP_MD_CTX_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    enum sg_rc rc = add_crls(crls, libctx, &carried, err);
    if (rc != SG_OK)
        return rc;
    if (!md || !ctx || !EVP_DigestInit_ex2(ctx, md, NULL) || !hash_all(ctx, &carried) ||
        !EVP_DigestFinal_ex(ctx, carried.digest, NULL))
        return sg_fail_ssl(err, SG_E_INTERNAL, _("Cannot compute the digest of the certificates"));
    *ret = carried;
    carried = (struct sg_carried){0};
    return SG_OK;
}

void sg_carried_clear(struct sg_carried *carried)
{
    for (size_t i = 0; i < carried->crl_count; i++)
        sg_known_crl_free(carried->crls[i]);
    free(carried->crls);
    for (size_t i = 0; i < carried->ocsp_count; i++)
        sg_known_ocsp_free(carried->ocsps[i]);
    free(carried->ocsps);
    *carried = (struct sg_carried){0};
}
