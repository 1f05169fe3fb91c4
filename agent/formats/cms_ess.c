#include <string.h>

#include <openssl/objects.h>

#include "base/msg.h"
#include "formats/cms.h"
#include "formats/cms_asn1.h"

static enum sg_rc malformed(struct sg_err *err)
{
    return sg_fail_ssl(err, SG_E_MALFORMED, _("The attribute that names the signing certificate cannot be read."));
}

/* RFC 5035 §5: the issuer is exactly one directoryName. Takes issuer and serial out of `from`. */
static enum sg_rc take_issuer_serial(SG_ISSUER_SERIAL *from, struct sg_ess_cert_id *id, struct sg_err *err)
{
    if (!from)
        return SG_OK;
    GENERAL_NAME *name = sk_GENERAL_NAME_num(from->issuer) == 1 ? sk_GENERAL_NAME_value(from->issuer, 0) : NULL;
    if (!name || name->type != GEN_DIRNAME)
        return malformed(err);
    id->issuer = sg_steal(name->d.directoryName);
    id->serial = sg_steal(from->serial);
    return SG_OK;
}

static enum sg_rc fill(const ASN1_OCTET_STRING *hash, SG_ISSUER_SERIAL *issuer_serial, const EVP_MD *digest,
                       struct sg_ess_cert_id *ret, struct sg_err *err)
{
    size_t len = (size_t)ASN1_STRING_length(hash);
    struct sg_ess_cert_id id = {.digest = digest};

    uint8_t *copy = malloc(len ? len : 1);
    if (!copy)
        return sg_fail_memory(err);
    if (len)
        memcpy(copy, ASN1_STRING_get0_data(hash), len);
    id.hash = (struct sg_slice){.data = copy, .len = len};
    enum sg_rc rc = take_issuer_serial(issuer_serial, &id, err);
    if (rc != SG_OK) {
        sg_ess_cert_id_clear(&id);
        return rc;
    }
    *ret = id;
    return SG_OK;
}

static enum sg_rc read_v1(struct sg_slice value, struct sg_ess_cert_id *ret, struct sg_err *err)
{
    const uint8_t *at = value.data;
    _cleanup_(SG_SIGNING_CERTIFICATE_freep) SG_SIGNING_CERTIFICATE *attr =
        d2i_SG_SIGNING_CERTIFICATE(NULL, &at, (long)value.len);

    if (!attr || at != value.data + value.len || sk_SG_ESS_CERT_ID_V1_num(attr->certs) < 1)
        return malformed(err);
    SG_ESS_CERT_ID_V1 *first = sk_SG_ESS_CERT_ID_V1_value(attr->certs, 0);
    return fill(first->hash, first->issuer_serial, EVP_sha1(), ret, err);
}

static enum sg_rc read_v2(struct sg_slice value, struct sg_ess_cert_id *ret, struct sg_err *err)
{
    const uint8_t *at = value.data;
    _cleanup_(SG_SIGNING_CERTIFICATE_V2_freep) SG_SIGNING_CERTIFICATE_V2 *attr =
        d2i_SG_SIGNING_CERTIFICATE_V2(NULL, &at, (long)value.len);

    if (!attr || at != value.data + value.len || sk_SG_ESS_CERT_ID_V2_num(attr->certs) < 1)
        return malformed(err);
    SG_ESS_CERT_ID_V2 *first = sk_SG_ESS_CERT_ID_V2_value(attr->certs, 0);
    /* hashAlgorithm AlgorithmIdentifier DEFAULT {algorithm id-sha256} (RFC 5035 §4) */
    const EVP_MD *digest = first->algorithm ? EVP_get_digestbyobj(first->algorithm->algorithm) : EVP_sha256();
    return fill(first->hash, first->issuer_serial, digest, ret, err);
}

enum sg_rc sg_ess_cert_id_read(const struct sg_attribute *attr, bool v2, struct sg_ess_cert_id *ret, struct sg_err *err)
{
    if (attr->value_count != 1) /* RFC 2634 §5.4, RFC 5035 §3: a single value */
        return malformed(err);
    return v2 ? read_v2(attr->values[0], ret, err) : read_v1(attr->values[0], ret, err);
}

void sg_ess_cert_id_clear(struct sg_ess_cert_id *id)
{
    free((void *)id->hash.data);
    X509_NAME_free(id->issuer);
    ASN1_INTEGER_free(id->serial);
    *id = (struct sg_ess_cert_id){0};
}
