#include "formats/cms_private.h"

#include <limits.h>
#include <string.h>

#include <openssl/x509v3.h>

#include "base/msg.h"
#include "formats/cms_asn1.h"

static enum sg_rc read_version(const struct sg_cms_walk *walk, long *ret, struct sg_err *err)
{
    struct sg_slice bytes;
    int64_t version = 0;

    enum sg_rc rc = sg_cms_take(walk, SG_TLV_INTEGER, _("the version of a SignerInfo"), &bytes, err);
    if (rc != SG_OK)
        return rc;
    const uint8_t *at = bytes.data;
    _cleanup_(ASN1_INTEGER_freep) ASN1_INTEGER *integer = d2i_ASN1_INTEGER(NULL, &at, (long)bytes.len);
    if (!integer || ASN1_INTEGER_get_int64(&version, integer) != 1 || version < 0 || version > INT_MAX)
        return sg_fail_ssl(err, SG_E_MALFORMED, _("The version of a SignerInfo is not a small number."));
    *ret = (long)version;
    return SG_OK;
}

#define FEW_CERTS 8 /* that are looked at */

bool sg_cert_issuer_and_serial(const X509 *cert, uint8_t room[SG_CERT_SERIAL_ROOM], struct sg_slice *ret_name,
                               struct sg_slice *ret_serial)
{
    const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);
    uint8_t *end = room;

    if (ASN1_STRING_length(serial) > SG_CERT_SERIAL_ROOM - SG_TLV_HEADER)
        return false;
    int len = i2d_ASN1_INTEGER(serial, &end);
    *ret_serial = (struct sg_slice){room, len > 0 ? (size_t)len : 0};
    return len > 0 && X509_NAME_get0_der(X509_get_issuer_name(cert), &ret_name->data, &ret_name->len);
}

/* Whether the IssuerAndSerialNumber is, octet for octet, that of the certificate. */
static bool is_that_of(struct sg_slice sid, const X509 *cert)
{
    uint8_t header[SG_TLV_HEADER], number[SG_CERT_SERIAL_ROOM];
    struct sg_slice name, serial;

    if (!sg_cert_issuer_and_serial(cert, number, &name, &serial))
        return false;
    size_t len = sg_tlv_header(0x30, name.len + serial.len, header);
    return sid.len == len + name.len + serial.len && memcmp(sid.data, header, len) == 0 &&
           memcmp(sid.data + len, name.data, name.len) == 0 &&
           memcmp(sid.data + len + name.len, serial.data, serial.len) == 0;
}

static bool find_among(const STACK_OF(X509) *certs, struct sg_slice sid, struct sg_signer_info *info)
{
    for (int i = 0; i < sk_X509_num(certs) && i < FEW_CERTS; i++) {
        const X509 *cert = sk_X509_value(certs, i);
        if (!is_that_of(sid, cert))
            continue;
        info->issuer = X509_get_issuer_name(cert);
        info->serial = X509_get0_serialNumber(cert);
        return true;
    }
    return false;
}

/* SignerIdentifier ::= CHOICE { IssuerAndSerialNumber, [0] SubjectKeyIdentifier } (RFC 5652 §5.3). */
static enum sg_rc read_sid(const struct sg_cms_walk *walk, struct sg_cms_signer *signer, struct sg_err *err)
{
    struct sg_tlv element;
    bool more = false;

    enum sg_rc rc = sg_tlv_next(walk->reader, &element, &more, err);
    if (rc != SG_OK)
        return rc;
    if (more && sg_tlv_is(&element, SG_TLV_CONTEXT, 0)) {
        rc = sg_cms_join(walk, &signer->subject_key_id, err);
        if (rc == SG_OK)
            signer->info.subject_key_id = sg_buf_slice(&signer->subject_key_id);
        return rc;
    }
    if (!more || !sg_tlv_is(&element, SG_TLV_UNIVERSAL, SG_TLV_SEQUENCE))
        return sg_tlv_malformed(walk->reader, sg_tlv_place(walk->reader), _("a SignerInfo does not say whose it is"),
                                err);

    rc = sg_tlv_skip(walk->reader, &element, err);
    if (rc != SG_OK)
        return rc;
    struct sg_slice bytes = sg_cms_bytes(walk, &element);
    if (find_among(walk->certs, bytes, &signer->info))
        return SG_OK;
    const uint8_t *at = bytes.data;
    _cleanup_(SG_ISSUER_AND_SERIAL_freep) SG_ISSUER_AND_SERIAL *sid =
        d2i_SG_ISSUER_AND_SERIAL(NULL, &at, (long)bytes.len);
    if (!sid)
        return sg_fail_ssl(err, SG_E_MALFORMED, _("The issuer and serial number of a SignerInfo cannot be read."));
    signer->info.issuer = signer->issuer = sg_steal(sid->issuer);
    signer->info.serial = signer->serial = sg_steal(sid->serial);
    return SG_OK;
}

static enum sg_rc parse_algorithm(struct sg_slice bytes, X509_ALGOR **ret, struct sg_err *err)
{
    const uint8_t *at = bytes.data;
    X509_ALGOR *algorithm = d2i_X509_ALGOR(NULL, &at, (long)bytes.len);
    if (!algorithm)
        return sg_fail_ssl(err, SG_E_MALFORMED, _("An algorithm of a SignerInfo cannot be read."));
    *ret = algorithm;
    return SG_OK;
}

static enum sg_rc read_algorithm(const struct sg_cms_walk *walk, const char *what, X509_ALGOR **ret, struct sg_err *err)
{
    struct sg_slice bytes;

    enum sg_rc rc = sg_cms_take(walk, SG_TLV_SEQUENCE, what, &bytes, err);
    return rc == SG_OK ? parse_algorithm(bytes, ret, err) : rc;
}

/* signedAttrs [0] IMPLICIT OPTIONAL, then signatureAlgorithm. */
static enum sg_rc read_signed_attrs(const struct sg_cms_walk *walk, struct sg_cms_signer *signer, struct sg_err *err)
{
    struct sg_signer_info *info = &signer->info;
    struct sg_tlv element;
    bool more = false;

    enum sg_rc rc = sg_tlv_next(walk->reader, &element, &more, err);
    if (rc != SG_OK)
        return rc;
    if (more && sg_tlv_is(&element, SG_TLV_CONTEXT, 0)) {
        rc = sg_cms_read_attributes(walk, &element, &signer->signed_attrs, &info->signed_attr_count, err);
        if (rc != SG_OK)
            return rc;
        info->signed_attrs = signer->signed_attrs;
        info->signed_attrs_wire = sg_cms_bytes(walk, &element);
        return read_algorithm(walk, _("the signature algorithm"), &info->signature_algorithm, err);
    }
    if (!more || !sg_tlv_is(&element, SG_TLV_UNIVERSAL, SG_TLV_SEQUENCE))
        return sg_tlv_malformed(walk->reader, sg_tlv_place(walk->reader), _("a SignerInfo has no signature algorithm"),
                                err);
    rc = sg_tlv_skip(walk->reader, &element, err);
    return rc == SG_OK ? parse_algorithm(sg_cms_bytes(walk, &element), &info->signature_algorithm, err) : rc;
}

/* unsignedAttrs [1] IMPLICIT OPTIONAL, then the end. */
static enum sg_rc read_unsigned_attrs(const struct sg_cms_walk *walk, struct sg_cms_signer *signer, struct sg_err *err)
{
    struct sg_tlv element;
    bool more = false;

    enum sg_rc rc = sg_tlv_next(walk->reader, &element, &more, err);
    if (rc != SG_OK || !more)
        return rc;
    if (!sg_tlv_is(&element, SG_TLV_CONTEXT, 1))
        return sg_tlv_malformed(walk->reader, sg_tlv_place(walk->reader),
                                _("something else follows the signature value"), err);
    rc = sg_cms_read_attributes(walk, &element, &signer->unsigned_attrs, &signer->info.unsigned_attr_count, err);
    if (rc != SG_OK)
        return rc;
    signer->info.unsigned_attrs = signer->unsigned_attrs;
    return sg_tlv_expect_end(walk->reader, err);
}

/* The last of what is signed or says how. */
static enum sg_rc read_signature(const struct sg_cms_walk *walk, struct sg_cms_signer *signer, uint64_t *ret_end,
                                 struct sg_err *err)
{
    struct sg_tlv element;

    enum sg_rc rc =
        sg_tlv_expect(walk->reader, SG_TLV_UNIVERSAL, SG_TLV_OCTET_STRING, _("the signature value"), &element, err);
    if (rc == SG_OK)
        rc = sg_cms_join(walk, &signer->signature, err);
    if (rc != SG_OK)
        return rc;
    signer->info.signature = sg_buf_slice(&signer->signature);
    *ret_end = sg_tlv_place(walk->reader);
    return SG_OK;
}

enum sg_rc sg_cms_read_signer(const struct sg_cms_walk *walk, struct sg_cms_signer **ret, struct sg_err *err)
{
    struct sg_tlv element;
    struct sg_tlv signed_part = {0};
    _cleanup_(sg_cms_signer_freep) struct sg_cms_signer *signer = calloc(1, sizeof *signer);

    if (!signer)
        return sg_fail_memory(err);
    signer->signature.max = walk->rest.len;
    signer->subject_key_id.max = walk->rest.len;

    enum sg_rc rc = sg_tlv_enter(walk->reader, err);
    signed_part.start = sg_tlv_place(walk->reader);
    if (rc == SG_OK)
        rc = read_version(walk, &signer->info.version, err);
    if (rc == SG_OK)
        rc = read_sid(walk, signer, err);
    if (rc == SG_OK)
        rc = read_algorithm(walk, _("the digest algorithm"), &signer->info.digest_algorithm, err);
    if (rc == SG_OK)
        rc = read_signed_attrs(walk, signer, err);
    if (rc == SG_OK)
        rc = read_signature(walk, signer, &signed_part.end, err);
    if (rc == SG_OK)
        rc = read_unsigned_attrs(walk, signer, err);
    if (rc == SG_OK)
        rc = sg_tlv_leave(walk->reader, &element, err);
    if (rc != SG_OK)
        return rc;
    signer->info.encoding = sg_cms_bytes(walk, &element);
    signer->info.signed_part = sg_cms_bytes(walk, &signed_part);
    *ret = sg_steal(signer);
    return SG_OK;
}

void sg_cms_signer_free(struct sg_cms_signer *signer)
{
    if (!signer)
        return;
    X509_NAME_free(signer->issuer);
    ASN1_INTEGER_free(signer->serial);
    X509_ALGOR_free(signer->info.digest_algorithm);
    X509_ALGOR_free(signer->info.signature_algorithm);
    sg_cms_free_attributes(signer->signed_attrs, signer->info.signed_attr_count);
    sg_cms_free_attributes(signer->unsigned_attrs, signer->info.unsigned_attr_count);
    sg_buf_clear(&signer->signature);
    sg_buf_clear(&signer->subject_key_id);
    free(signer);
}

/* As on the wire: the same content octets behind a 31. An indefinite length cannot be signed (RFC 5652 §5.4 wants DER),
 * so that its content gets a definite one. */
static enum sg_rc retag(struct sg_slice wire, struct sg_buf *out, struct sg_err *err)
{
    uint8_t header[SG_TLV_HEADER] = {0x31};
    size_t header_len = 1, skip = 1, cut = 0;

    if (wire.len >= 4 && wire.data[1] == 0x80) {
        skip = 2;
        cut = 2; /* the end-of-contents octets */
        header_len = sg_tlv_header(0x31, wire.len - skip - cut, header);
    }
    enum sg_rc rc = sg_buf_append(out, header, header_len, err);
    if (rc == SG_OK)
        rc = sg_buf_append(out, wire.data + skip, wire.len - skip - cut, err);
    return rc;
}

/* Decoded and encoded again: members sorted (X.690 §11.6), every header and simple value as DER wants. Values that are
 * structures of their own stay as they are, since what they are is not known here. */
static enum sg_rc append_der(struct sg_slice set, struct sg_buf *out, struct sg_err *err)
{
    const uint8_t *at = set.data;
    _cleanup_(OPENSSL_freep) uint8_t *der = NULL;
    _cleanup_(SG_ATTRIBUTES_freep) SG_ATTRIBUTES *attributes = d2i_SG_ATTRIBUTES(NULL, &at, (long)set.len);
    int len = attributes ? i2d_SG_ATTRIBUTES(attributes, &der) : -1;

    if (len < 0)
        return sg_fail_ssl(err, SG_E_MALFORMED, _("The signed attributes cannot be put into DER."));
    return sg_buf_append(out, der, (size_t)len, err);
}

enum sg_rc sg_signer_info_to_be_signed(const struct sg_signer_info *si, bool der_sorted, struct sg_buf *out,
                                       struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf set = SG_BUF(SG_MAX_CMS_REST);

    if (!si->signed_attrs_wire.data)
        return sg_fail(err, SG_E_USAGE, _("The signature has no signed attributes."));
    if (!der_sorted)
        return retag(si->signed_attrs_wire, out, err);
    enum sg_rc rc = retag(si->signed_attrs_wire, &set, err);
    return rc == SG_OK ? append_der(sg_buf_slice(&set), out, err) : rc;
}

bool sg_signer_info_names(const struct sg_signer_info *si, X509 *cert)
{
    if (si->issuer && si->serial)
        return X509_NAME_cmp(si->issuer, X509_get_issuer_name(cert)) == 0 &&
               ASN1_INTEGER_cmp(si->serial, X509_get0_serialNumber(cert)) == 0;

    /* The certificate's subjectKeyIdentifier extension, and nothing computed instead (RFC 5652 §5.3). */
    const ASN1_OCTET_STRING *key_id = X509_get0_subject_key_id(cert);
    if (!key_id || !si->subject_key_id.data)
        return false;
    struct sg_slice have = {.data = ASN1_STRING_get0_data(key_id), .len = (size_t)ASN1_STRING_length(key_id)};
    return sg_slice_equal(have, si->subject_key_id);
}
