/* The snapshot's encoding, writing and reading side by side. */
#include "snapshot_format.h"

#include <string.h>

#include <openssl/asn1t.h>

#include "base/crypto.h"
#include "base/msg.h"
#include "base/utf8.h"

enum { VERSION_1 = 1, VERSION_2, VERSION };

/* clang-format off */
ASN1_SEQUENCE(SG_ANCHOR_DER) = {
    ASN1_SIMPLE(SG_ANCHOR_DER, certificate, ASN1_OCTET_STRING),
    ASN1_EMBED(SG_ANCHOR_DER, purposes, INT64),
    ASN1_SIMPLE(SG_ANCHOR_DER, source, ASN1_UTF8STRING),
    ASN1_EMBED(SG_ANCHOR_DER, added, INT64),
    ASN1_OPT(SG_ANCHOR_DER, limits, ASN1_UTF8STRING),
} static_ASN1_SEQUENCE_END(SG_ANCHOR_DER)

ASN1_SEQUENCE(SG_CRL_DER) = {
    ASN1_SIMPLE(SG_CRL_DER, issuer, ASN1_OCTET_STRING),
    ASN1_SIMPLE(SG_CRL_DER, sha256, ASN1_OCTET_STRING),
    ASN1_EMBED(SG_CRL_DER, this_update, INT64),
    ASN1_EMBED(SG_CRL_DER, next_update, INT64),
} static_ASN1_SEQUENCE_END(SG_CRL_DER)

ASN1_SEQUENCE(SG_OCSP_DER) = {
    ASN1_SIMPLE(SG_OCSP_DER, cert_id, ASN1_OCTET_STRING),
    ASN1_SIMPLE(SG_OCSP_DER, sha256, ASN1_OCTET_STRING),
    ASN1_EMBED(SG_OCSP_DER, this_update, INT64),
    ASN1_EMBED(SG_OCSP_DER, next_update, INT64),
} static_ASN1_SEQUENCE_END(SG_OCSP_DER)

ASN1_SEQUENCE(SG_SNAPSHOT_DER) = {
    ASN1_EMBED(SG_SNAPSHOT_DER, version, INT64),
    ASN1_SEQUENCE_OF(SG_SNAPSHOT_DER, anchors, SG_ANCHOR_DER),
    ASN1_SEQUENCE_OF(SG_SNAPSHOT_DER, crls, SG_CRL_DER),
    ASN1_SEQUENCE_OF_OPT(SG_SNAPSHOT_DER, ocsps, SG_OCSP_DER),
    ASN1_SEQUENCE_OF_OPT(SG_SNAPSHOT_DER, helpers, ASN1_OCTET_STRING),
} static_ASN1_SEQUENCE_END(SG_SNAPSHOT_DER)
    /* clang-format on */

    static void anchor_free(SG_ANCHOR_DER * anchor)
{
    ASN1_item_free((ASN1_VALUE *)anchor, ASN1_ITEM_rptr(SG_ANCHOR_DER));
}
SG_DEFINE_CLEANUP(SG_ANCHOR_DER, anchor_free)

static void crl_free(SG_CRL_DER *crl)
{
    ASN1_item_free((ASN1_VALUE *)crl, ASN1_ITEM_rptr(SG_CRL_DER));
}
SG_DEFINE_CLEANUP(SG_CRL_DER, crl_free)

static void ocsp_free(SG_OCSP_DER *ocsp)
{
    ASN1_item_free((ASN1_VALUE *)ocsp, ASN1_ITEM_rptr(SG_OCSP_DER));
}
SG_DEFINE_CLEANUP(SG_OCSP_DER, ocsp_free)

SG_SNAPSHOT_DER *sg_snapshot_der_new(void)
{
    _cleanup_(sg_snapshot_der_freep) SG_SNAPSHOT_DER *snapshot =
        (SG_SNAPSHOT_DER *)ASN1_item_new(ASN1_ITEM_rptr(SG_SNAPSHOT_DER));

    if (!snapshot)
        return NULL;
    snapshot->version = VERSION;
    snapshot->ocsps = sk_SG_OCSP_DER_new_null();
    snapshot->helpers = sk_ASN1_OCTET_STRING_new_null();
    return snapshot->ocsps && snapshot->helpers ? sg_steal(snapshot) : NULL;
}

void sg_snapshot_der_free(SG_SNAPSHOT_DER *snapshot)
{
    ASN1_item_free((ASN1_VALUE *)snapshot, ASN1_ITEM_rptr(SG_SNAPSHOT_DER));
}

static bool set_bytes(ASN1_STRING *string, const void *data, size_t len)
{
    return len <= INT_MAX && ASN1_STRING_set(string, data, (int)len) == 1;
}

bool sg_snapshot_der_add_anchor(SG_SNAPSHOT_DER *snapshot, const struct sg_snapshot_anchor *anchor)
{
    _cleanup_(anchor_freep) SG_ANCHOR_DER *der = (SG_ANCHOR_DER *)ASN1_item_new(ASN1_ITEM_rptr(SG_ANCHOR_DER));

    if (!der || !set_bytes(der->certificate, anchor->certificate.data, anchor->certificate.len) ||
        !set_bytes(der->source, anchor->source, strlen(anchor->source)))
        return false;
    der->purposes = anchor->purposes;
    der->added = anchor->added;
    if (anchor->limits && *anchor->limits) {
        der->limits = ASN1_UTF8STRING_new();
        if (!der->limits || !set_bytes(der->limits, anchor->limits, strlen(anchor->limits)))
            return false;
    }
    if (sk_SG_ANCHOR_DER_push(snapshot->anchors, der) <= 0)
        return false;
    der = NULL;
    return true;
}

bool sg_snapshot_der_add_crl(SG_SNAPSHOT_DER *snapshot, const struct sg_snapshot_crl *crl)
{
    _cleanup_(crl_freep) SG_CRL_DER *der = (SG_CRL_DER *)ASN1_item_new(ASN1_ITEM_rptr(SG_CRL_DER));

    if (!der || !set_bytes(der->issuer, crl->issuer.data, crl->issuer.len) ||
        !set_bytes(der->sha256, crl->sha256, sizeof(crl->sha256)))
        return false;
    der->this_update = crl->this_update;
    der->next_update = crl->next_update;
    if (sk_SG_CRL_DER_push(snapshot->crls, der) <= 0)
        return false;
    der = NULL;
    return true;
}

bool sg_snapshot_der_add_ocsp(SG_SNAPSHOT_DER *snapshot, const struct sg_snapshot_ocsp *ocsp)
{
    _cleanup_(ocsp_freep) SG_OCSP_DER *der = (SG_OCSP_DER *)ASN1_item_new(ASN1_ITEM_rptr(SG_OCSP_DER));

    if (!der || !set_bytes(der->cert_id, ocsp->cert_id.data, ocsp->cert_id.len) ||
        !set_bytes(der->sha256, ocsp->sha256, sizeof(ocsp->sha256)))
        return false;
    der->this_update = ocsp->this_update;
    der->next_update = ocsp->next_update;
    if (sk_SG_OCSP_DER_push(snapshot->ocsps, der) <= 0)
        return false;
    der = NULL;
    return true;
}

bool sg_snapshot_der_add_helper(SG_SNAPSHOT_DER *snapshot, struct sg_slice certificate)
{
    ASN1_OCTET_STRING *der = ASN1_OCTET_STRING_new();

    if (der && set_bytes(der, certificate.data, certificate.len) &&
        sk_ASN1_OCTET_STRING_push(snapshot->helpers, der) > 0)
        return true;
    ASN1_OCTET_STRING_free(der);
    return false;
}

enum sg_rc sg_snapshot_encode(const SG_SNAPSHOT_DER *snapshot, OSSL_LIB_CTX *libctx, struct sg_buf *out,
                              struct sg_err *err)
{
    _cleanup_(OPENSSL_freep) unsigned char *der = NULL;
    uint8_t digest[EVP_MAX_MD_SIZE];
    size_t digest_len;
    int len = ASN1_item_i2d((const ASN1_VALUE *)snapshot, &der, ASN1_ITEM_rptr(SG_SNAPSHOT_DER));

    if (len < 0)
        return sg_fail_ssl(err, SG_E_INTERNAL, _("The snapshot of what is trusted cannot be encoded."));
    enum sg_rc rc = sg_digest(libctx, "SHA256", (struct sg_slice){der, (size_t)len}, digest, &digest_len, err);
    if (rc != SG_OK)
        return rc;
    rc = sg_buf_append(out, der, (size_t)len, err);
    if (rc != SG_OK)
        return rc;
    return sg_buf_append(out, digest, digest_len, err);
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

static bool is_text(const ASN1_STRING *string)
{
    const uint8_t *data = ASN1_STRING_get0_data(string);
    size_t len = (size_t)ASN1_STRING_length(string);

    for (size_t at = 0, step; at < len; at += step) {
        uint32_t code_point;

        step = sg_utf8_next(data + at, len - at, &code_point);
        if (step == 0 || code_point == 0)
            return false;
    }
    return true;
}

static bool check_anchor(const SG_ANCHOR_DER *anchor)
{
    int len = ASN1_STRING_length(anchor->certificate);

    return len > 0 && (size_t)len <= SG_MAX_CERTIFICATE && anchor->purposes > 0 &&
           anchor->purposes <= SG_PURPOSES_ALL && is_text(anchor->source) &&
           (!anchor->limits || (ASN1_STRING_length(anchor->limits) > 0 && is_text(anchor->limits)));
}

static bool check_crl(const SG_CRL_DER *crl)
{
    return ASN1_STRING_length(crl->issuer) > 0 && ASN1_STRING_length(crl->sha256) == SG_SHA256_LEN;
}

static bool check_ocsp(const SG_OCSP_DER *ocsp)
{
    return ASN1_STRING_length(ocsp->cert_id) > 0 && ASN1_STRING_length(ocsp->sha256) == SG_SHA256_LEN;
}

static bool check_helper(const ASN1_OCTET_STRING *helper)
{
    int len = ASN1_STRING_length(helper);

    return len > 0 && (size_t)len <= SG_MAX_CERTIFICATE;
}

static bool has_limits(const SG_SNAPSHOT_DER *snapshot)
{
    for (int i = 0; i < sk_SG_ANCHOR_DER_num(snapshot->anchors); i++)
        if (sk_SG_ANCHOR_DER_value(snapshot->anchors, i)->limits)
            return true;
    return false;
}

/* Each version has what it has, and nothing else. */
static bool check_version(const SG_SNAPSHOT_DER *snapshot)
{
    switch (snapshot->version) {
    case VERSION_1:
        return !snapshot->ocsps && !snapshot->helpers && !has_limits(snapshot);
    case VERSION_2:
        return snapshot->ocsps && snapshot->helpers && !has_limits(snapshot);
    case VERSION:
        return snapshot->ocsps && snapshot->helpers;
    default:
        return false;
    }
}

static bool check(const SG_SNAPSHOT_DER *snapshot)
{
    bool good = check_version(snapshot);

    for (int i = 0; good && i < sk_SG_ANCHOR_DER_num(snapshot->anchors); i++)
        good = check_anchor(sk_SG_ANCHOR_DER_value(snapshot->anchors, i));
    for (int i = 0; good && i < sk_SG_CRL_DER_num(snapshot->crls); i++)
        good = check_crl(sk_SG_CRL_DER_value(snapshot->crls, i));
    for (int i = 0; good && i < sk_SG_OCSP_DER_num(snapshot->ocsps); i++)
        good = check_ocsp(sk_SG_OCSP_DER_value(snapshot->ocsps, i));
    for (int i = 0; good && i < sk_ASN1_OCTET_STRING_num(snapshot->helpers); i++)
        good = check_helper(sk_ASN1_OCTET_STRING_value(snapshot->helpers, i));
    return good;
}

static enum sg_rc fail_damaged(struct sg_err *err)
{
    return sg_fail_ssl(err, SG_E_STORE_DAMAGED,
                       _("The snapshot of what is trusted is damaged. Any change writes it anew: for one, put the CRL "
                         "or the certificate in again that you added last (signet trust add)."));
}

enum sg_rc sg_snapshot_decode(struct sg_slice file, OSSL_LIB_CTX *libctx, SG_SNAPSHOT_DER **ret, struct sg_err *err)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    size_t digest_len;

    if (file.len < SG_SHA256_LEN)
        return fail_damaged(err);
    struct sg_slice der = {file.data, file.len - SG_SHA256_LEN};
    enum sg_rc rc = sg_digest(libctx, "SHA256", der, digest, &digest_len, err);
    if (rc != SG_OK)
        return rc;
    if (memcmp(digest, file.data + der.len, SG_SHA256_LEN) != 0)
        return fail_damaged(err);

    const unsigned char *end = der.data;
    _cleanup_(sg_snapshot_der_freep) SG_SNAPSHOT_DER *snapshot =
        (SG_SNAPSHOT_DER *)ASN1_item_d2i(NULL, &end, (long)der.len, ASN1_ITEM_rptr(SG_SNAPSHOT_DER));
    if (!snapshot || end != der.data + der.len || !check(snapshot))
        return fail_damaged(err);
    *ret = sg_steal(snapshot);
    return SG_OK;
}
