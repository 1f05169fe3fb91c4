#include "verify/carried.h"

#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "base/cleanup.h"
#include "base/input.h"
#include "base/limits.h"
#include "base/msg.h"

static bool hash_slice(EVP_MD_CTX *ctx, struct sg_slice bytes)
{
    return EVP_DigestUpdate(ctx, &bytes.len, sizeof bytes.len) && EVP_DigestUpdate(ctx, bytes.data, bytes.len);
}

static bool hash_cert(OSSL_LIB_CTX *libctx, EVP_MD_CTX *ctx, const X509 *cert)
{
    uint8_t digest[SG_SHA256_LEN];
    return sg_cert_digest(libctx, cert, digest, NULL) == SG_OK && EVP_DigestUpdate(ctx, digest, sizeof digest);
}

static bool hash_all(OSSL_LIB_CTX *libctx, EVP_MD_CTX *ctx, const struct sg_evidence *evidence,
                     const struct sg_carried *carried)
{
    size_t counts[] = {(size_t)sk_X509_num(carried->certs), carried->crl_count, carried->ocsp_count};
    bool done = EVP_DigestUpdate(ctx, counts, sizeof counts);
    for (int i = 0; done && i < sk_X509_num(carried->certs); i++)
        done = hash_cert(libctx, ctx, sk_X509_value(carried->certs, i));
    for (size_t i = 0; done && i < carried->crl_count; i++)
        done = hash_slice(ctx, sg_evidence_crl(evidence, carried->crl_indexes[i]));
    for (size_t i = 0; done && i < carried->ocsp_count; i++)
        done = hash_slice(ctx, sg_evidence_ocsp(evidence, carried->ocsp_indexes[i]));
    return done;
}

/* What cannot be read says nothing; that is said. */
static enum sg_rc leave_out(enum sg_rc rc, struct sg_carried *carried)
{
    if (rc != SG_E_MALFORMED && rc != SG_E_LIMIT)
        return rc;
    ERR_clear_error();
    carried->left_out = true;
    return SG_OK;
}

static enum sg_rc add_crl(struct sg_slice der, size_t index, OSSL_LIB_CTX *libctx, struct sg_carried *carried,
                          struct sg_err *err)
{
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    struct sg_known_crl *known = NULL;
    enum sg_rc rc = sg_input_from_slice("CRL", der, &input, err);
    if (rc == SG_OK)
        rc = leave_out(sg_known_crl_read(&(struct sg_crl_place){input, 0, der.len}, libctx, &known, err), carried);
    if (rc != SG_OK || !known)
        return rc;
    known->carried = true;
    carried->crls[carried->crl_count] = known;
    carried->crl_indexes[carried->crl_count++] = index;
    return SG_OK;
}

static enum sg_rc add_crls(OSSL_LIB_CTX *libctx, const struct sg_evidence *evidence, struct sg_carried *carried,
                           struct sg_err *err)
{
    size_t count = sg_evidence_crl_count(evidence), room = SG_MAX_CARRIED_CRLS;
    enum sg_rc rc = SG_OK;
    if (count == 0)
        return SG_OK;
    carried->crls = calloc(count, sizeof *carried->crls);
    carried->crl_indexes = calloc(count, sizeof *carried->crl_indexes);
    if (!carried->crls || !carried->crl_indexes)
        return sg_fail_memory(err);
    for (size_t i = 0; rc == SG_OK && i < count; i++) {
        struct sg_slice der = sg_evidence_crl(evidence, i);
        if (der.len > room) {
            carried->left_out = true;
            continue;
        }
        room -= der.len;
        rc = add_crl(der, i, libctx, carried, err);
    }
    return rc;
}

static enum sg_rc add_ocsps(OSSL_LIB_CTX *libctx, const struct sg_evidence *evidence, struct sg_carried *carried,
                            struct sg_err *err)
{
    size_t count = sg_evidence_ocsp_count(evidence);
    enum sg_rc rc = SG_OK;
    if (count > SG_MAX_CARRIED_OCSPS) {
        carried->left_out = true;
        count = SG_MAX_CARRIED_OCSPS;
    }
    if (count == 0)
        return SG_OK;
    carried->ocsps = calloc(count, sizeof *carried->ocsps);
    carried->ocsp_indexes = calloc(count, sizeof *carried->ocsp_indexes);
    if (!carried->ocsps || !carried->ocsp_indexes)
        return sg_fail_memory(err);
    for (size_t i = 0; rc == SG_OK && i < count; i++) {
        struct sg_known_ocsp **slot = &carried->ocsps[carried->ocsp_count];
        rc = leave_out(sg_known_ocsp_new_basic(sg_evidence_ocsp(evidence, i), libctx, slot, err), carried);
        if (*slot)
            carried->ocsp_indexes[carried->ocsp_count++] = i;
    }
    return rc;
}

enum sg_rc sg_carried_make(OSSL_LIB_CTX *libctx, const struct sg_evidence *evidence, struct sg_carried *ret,
                           struct sg_err *err)
{
    _cleanup_(sg_carried_clear) struct sg_carried carried = {.certs = sg_evidence_certificates(evidence)};
    _cleanup_(EVP_MD_freep) EVP_MD *md = EVP_MD_fetch(libctx, "SHA256", NULL);
    _cleanup_(EVP_MD_CTX_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    enum sg_rc rc = add_crls(libctx, evidence, &carried, err);
    if (rc == SG_OK)
        rc = add_ocsps(libctx, evidence, &carried, err);
    if (rc != SG_OK)
        return rc;
    if (!md || !ctx || !EVP_DigestInit_ex2(ctx, md, NULL) || !hash_all(libctx, ctx, evidence, &carried) ||
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
    for (size_t i = 0; i < carried->ocsp_count; i++)
        sg_known_ocsp_free(carried->ocsps[i]);
    free(carried->crls);
    free(carried->ocsps);
    free(carried->crl_indexes);
    free(carried->ocsp_indexes);
    *carried = (struct sg_carried){0};
}

bool sg_carried_hash(const struct sg_carried *carried, EVP_MD_CTX *ctx)
{
    bool done = EVP_DigestUpdate(ctx, carried->digest, sizeof carried->digest);
    for (size_t i = 0; done && i < carried->crl_count; i++)
        done = EVP_DigestUpdate(ctx, &carried->crls[i]->proven, sizeof carried->crls[i]->proven);
    for (size_t i = 0; done && i < carried->ocsp_count; i++)
        done = EVP_DigestUpdate(ctx, &carried->ocsps[i]->proven, sizeof carried->ocsps[i]->proven);
    return done;
}

bool sg_certs_have(const STACK_OF(X509) *certs, const X509 *cert)
{
    for (int i = 0; i < sk_X509_num(certs); i++)
        if (X509_cmp(sk_X509_value(certs, i), cert) == 0)
            return true;
    return false;
}
