#include <string.h>

#include <openssl/objects.h>

#include "base/msg.h"
#include "formats/cms_asn1.h"
#include "formats/cms_private.h"

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

enum sg_rc sg_ess_cert_id_make(struct sg_slice hash, const EVP_MD *digest, struct sg_ess_cert_id *ret,
                               struct sg_err *err)
{
    uint8_t *copy = malloc(hash.len ? hash.len : 1);
    if (!copy)
        return sg_fail_memory(err);
    if (hash.len)
        memcpy(copy, hash.data, hash.len);
    *ret = (struct sg_ess_cert_id){.digest = digest, .hash = {copy, hash.len}};
    return SG_OK;
}

static enum sg_rc fill(const ASN1_OCTET_STRING *hash, SG_ISSUER_SERIAL *issuer_serial, const EVP_MD *digest,
                       struct sg_ess_cert_id *ret, struct sg_err *err)
{
    struct sg_ess_cert_id id = {0};

    enum sg_rc rc = sg_ess_cert_id_make(
        (struct sg_slice){ASN1_STRING_get0_data(hash), (size_t)ASN1_STRING_length(hash)}, digest, &id, err);
    if (rc != SG_OK)
        return rc;
    rc = take_issuer_serial(issuer_serial, &id, err);
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

/* Takes these octets off `rest`, if it begins with them. */
static bool take_bytes(struct sg_slice *rest, struct sg_slice bytes)
{
    if (rest->len < bytes.len || memcmp(rest->data, bytes.data, bytes.len) != 0)
        return false;
    rest->data += bytes.len;
    rest->len -= bytes.len;
    return true;
}

/* Takes a header off `rest`. */
static bool take_header(struct sg_slice *rest, uint8_t tag, size_t len)
{
    uint8_t header[SG_TLV_HEADER];
    return take_bytes(rest, (struct sg_slice){header, sg_tlv_header(tag, len, header)});
}

bool sg_ess_is_usual(const struct sg_attribute *attr, const X509 *cert, struct sg_slice sha256)
{
    uint8_t number[SG_CERT_SERIAL_ROOM], header[SG_TLV_HEADER];
    struct sg_slice name, serial, rest;
    if (attr->value_count != 1 || !sg_cert_issuer_and_serial(cert, number, &name, &serial))
        return false;
    /* SEQUENCE { certs SEQUENCE { ESSCertIDv2 { certHash, IssuerSerial { GeneralNames { [4] name }, serialNumber } } }
     * } (RFC 5035 §4, §5), from the inside out. */
    const size_t directory = name.len + sg_tlv_header(0xa4, name.len, header);
    const size_t names = directory + sg_tlv_header(0x30, directory, header);
    const size_t issuer_serial = names + serial.len;
    const size_t hash = sha256.len + sg_tlv_header(0x04, sha256.len, header);
    const size_t id = hash + issuer_serial + sg_tlv_header(0x30, issuer_serial, header);
    const size_t certs = id + sg_tlv_header(0x30, id, header);
    rest = attr->values[0];
    return take_header(&rest, 0x30, certs + sg_tlv_header(0x30, certs, header)) && take_header(&rest, 0x30, certs) &&
           take_header(&rest, 0x30, id) && take_header(&rest, 0x04, sha256.len) && take_bytes(&rest, sha256) &&
           take_header(&rest, 0x30, issuer_serial) && take_header(&rest, 0x30, directory) &&
           take_header(&rest, 0xa4, name.len) && take_bytes(&rest, name) && take_bytes(&rest, serial) && rest.len == 0;
}

void sg_ess_cert_id_clear(struct sg_ess_cert_id *id)
{
    free((void *)id->hash.data);
    X509_NAME_free(id->issuer);
    ASN1_INTEGER_free(id->serial);
    *id = (struct sg_ess_cert_id){0};
}
