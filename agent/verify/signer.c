#include "verify/signer.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/objects.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/msg.h"

static enum sg_rc note_malformed(struct sg_judgement *judgement, const char *attribute, struct sg_err *err)
{
    return sg_judgement_note(judgement, SG_SEVERITY_FORMAT, SG_REASON_SIGNATURE_MALFORMED, err,
                             _("The signed attribute %s is malformed."), attribute);
}

static enum sg_rc note_missing(struct sg_judgement *judgement, const char *attribute, struct sg_err *err)
{
    return sg_judgement_note(judgement, SG_SEVERITY_FORMAT, SG_REASON_SIGNATURE_MALFORMED, err,
                             _("The signed attribute %s is not there."), attribute);
}

/* The signed attribute that may stand there once, with one value (RFC 5652 §11.1 to §11.3, RFC 5035 §3); `*ret` is NULL
 * if it is not there, or not so. */
static enum sg_rc find_single(struct sg_signer *signer, int nid, const char *name, bool required,
                              const struct sg_attribute **ret, struct sg_judgement *judgement, struct sg_err *err)
{
    const struct sg_signer_info *si = signer->si;
    const struct sg_attribute *attribute = NULL;
    size_t count = sg_attributes_find(si->signed_attrs, si->signed_attr_count, nid, &attribute);
    *ret = NULL;
    if (count == 0)
        return required ? note_missing(judgement, name, err) : SG_OK;
    if (count > 1 || attribute->value_count > 1) {
        signer->ambiguous = true;
        return sg_judgement_note(judgement, SG_SEVERITY_FORMAT, SG_REASON_ATTRIBUTE_DUPLICATE, err,
                                 _("The signed attribute %s is there more than once."), name);
    }
    if (attribute->value_count == 0)
        return note_malformed(judgement, name, err);
    *ret = attribute;
    return SG_OK;
}

static enum sg_rc read_content_type(struct sg_signer *signer, const struct sg_cms *cms, struct sg_judgement *judgement,
                                    struct sg_err *err)
{
    const struct sg_attribute *attribute = NULL;
    enum sg_rc rc = find_single(signer, NID_pkcs9_contentType, "content-type", !signer->is_countersignature, &attribute,
                                judgement, err);
    if (rc == SG_OK && signer->is_countersignature)
        signer->content_type_right = !attribute;
    if (rc == SG_OK && signer->is_countersignature && attribute)
        return sg_judgement_note(judgement, SG_SEVERITY_FORMAT, SG_REASON_SIGNATURE_MALFORMED, err,
                                 _("The countersignature has the signed attribute %s, which it may not have."),
                                 "content-type");
    if (rc != SG_OK || !attribute)
        return rc;
    const uint8_t *p = attribute->values[0].data;
    const uint8_t *end = p + attribute->values[0].len;
    _cleanup_(ASN1_OBJECT_freep) ASN1_OBJECT *type = d2i_ASN1_OBJECT(NULL, &p, end - p);
    if (!type || p != end)
        return note_malformed(judgement, "content-type", err);
    if (OBJ_cmp(type, sg_cms_content_type(cms)) != 0)
        return sg_judgement_note(judgement, SG_SEVERITY_FORMAT, SG_REASON_SIGNATURE_MALFORMED, err,
                                 _("The signed attribute %s is not about this kind of content."), "content-type");
    signer->content_type_right = true;
    return SG_OK;
}

/* The octets of a primitive OCTET STRING, within the value's encoding: nothing is copied. */
static bool octets_of(struct sg_slice value, struct sg_slice *ret)
{
    const uint8_t *p = value.data;
    long len = 0;
    int tag = 0, class = 0;
    int flags = ASN1_get_object(&p, &len, &tag, &class, (long)value.len);
    if (flags != 0 || tag != V_ASN1_OCTET_STRING || class != V_ASN1_UNIVERSAL || p + len != value.data + value.len)
        return false;
    *ret = (struct sg_slice){p, (size_t)len};
    return true;
}

static enum sg_rc read_message_digest(struct sg_signer *signer, struct sg_judgement *judgement, struct sg_err *err)
{
    const struct sg_attribute *attribute = NULL;
    enum sg_rc rc = find_single(signer, NID_pkcs9_messageDigest, "message-digest", true, &attribute, judgement, err);
    if (rc != SG_OK || !attribute)
        return rc;
    if (!octets_of(attribute->values[0], &signer->message_digest))
        return note_malformed(judgement, "message-digest", err);
    return SG_OK;
}

static enum sg_rc read_signing_time(struct sg_signer *signer, struct sg_judgement *judgement, struct sg_err *err)
{
    const struct sg_attribute *attribute = NULL;
    enum sg_rc rc = find_single(signer, NID_pkcs9_signingTime, "signing-time", false, &attribute, judgement, err);
    if (rc != SG_OK || !attribute)
        return rc;
    const uint8_t *p = attribute->values[0].data;
    const uint8_t *end = p + attribute->values[0].len;
    _cleanup_(ASN1_TIME_freep) ASN1_TIME *time = d2i_ASN1_TIME(NULL, &p, end - p);
    if (!time || p != end || !sg_time_from_asn1(time, &signer->signing_time)) {
        signer->signing_time = SG_TIME_NONE;
        return note_malformed(judgement, "signing-time", err);
    }
    return SG_OK;
}

/* Most attributes are what is expected for one of the few certificates that came along, issuer and serial number too:
 * such a one is not read, for its hash says all. SG_E_NOT_FOUND: it is not. */
static enum sg_rc take_usual(OSSL_LIB_CTX *libctx, const struct sg_cms *cms, const struct sg_attribute *attribute,
                             struct sg_ess_cert_id *ret, struct sg_err *err)
{
    const STACK_OF(X509) *certs = sg_cms_certificates(cms);
    for (int i = 0; i < sk_X509_num(certs) && i < SG_MAX_SIGNER_CANDIDATES; i++) {
        uint8_t sha256[SG_SHA256_LEN];
        enum sg_rc rc = sg_cert_digest(libctx, sk_X509_value(certs, i), sha256, err);
        if (rc != SG_OK)
            return rc;
        const struct sg_slice hash = {sha256, sizeof sha256};
        if (sg_ess_is_usual(attribute, sk_X509_value(certs, i), hash))
            return sg_ess_cert_id_make(hash, EVP_sha256(), ret, err);
    }
    return SG_E_NOT_FOUND;
}

static enum sg_rc read_reference(OSSL_LIB_CTX *libctx, const struct sg_cms *cms, struct sg_signer *signer, bool v2,
                                 struct sg_judgement *judgement, struct sg_err *err)
{
    const char *name = v2 ? "signing-certificate-v2" : "signing-certificate";
    int nid = v2 ? NID_id_smime_aa_signingCertificateV2 : NID_id_smime_aa_signingCertificate;
    struct sg_ess_cert_id *id = &signer->references[signer->reference_count];
    const struct sg_attribute *attribute = NULL;
    enum sg_rc rc = find_single(signer, nid, name, false, &attribute, judgement, err);
    if (rc != SG_OK || !attribute)
        return rc;
    rc = v2 ? take_usual(libctx, cms, attribute, id, err) : SG_E_NOT_FOUND;
    if (rc == SG_E_NOT_FOUND)
        rc = sg_ess_cert_id_read(attribute, v2, id, NULL);
    if (rc == SG_E_MALFORMED || rc == SG_E_LIMIT)
        return note_malformed(judgement, name, err);
    if (rc == SG_E_NO_MEMORY)
        return sg_fail_memory(err);
    if (rc != SG_OK)
        return sg_fail(err, rc, _("The signed attribute %s cannot be read"), name);
    signer->reference_count++;
    return SG_OK;
}

enum sg_rc sg_signer_read(OSSL_LIB_CTX *libctx, const struct sg_cms *cms, const struct sg_signer_info *si,
                          bool countersignature, struct sg_signer *ret, struct sg_judgement *judgement,
                          struct sg_err *err)
{
    *ret = (struct sg_signer){.si = si,
                              .is_countersignature = countersignature,
                              .has_signed_attrs = si->signed_attrs_wire.data != NULL,
                              .signing_time = SG_TIME_NONE,
                              .digest_nid = OBJ_obj2nid(si->digest_algorithm->algorithm)};
    if (sg_signature_method_read(si->signature_algorithm, &ret->method) && ret->method.kind != SG_KIND_EDDSA &&
        ret->method.digest == NID_undef)
        ret->method.digest = ret->digest_nid;
    ERR_clear_error();
    if (!ret->has_signed_attrs)
        return SG_OK;
    enum sg_rc rc = read_content_type(ret, cms, judgement, err);
    if (rc == SG_OK)
        rc = read_message_digest(ret, judgement, err);
    if (rc == SG_OK)
        rc = read_signing_time(ret, judgement, err);
    if (rc == SG_OK)
        rc = read_reference(libctx, cms, ret, false, judgement, err);
    if (rc == SG_OK)
        rc = read_reference(libctx, cms, ret, true, judgement, err);
    ERR_clear_error();
    return rc;
}

void sg_signer_clear(struct sg_signer *signer)
{
    for (size_t i = 0; i < signer->reference_count; i++)
        sg_ess_cert_id_clear(&signer->references[i]);
    signer->reference_count = 0;
}

static enum sg_rc hash_cert(const X509 *cert, const EVP_MD *digest, OSSL_LIB_CTX *libctx, uint8_t *hash,
                            unsigned *ret_len, struct sg_err *err)
{
    _cleanup_(OPENSSL_freep) uint8_t *der = NULL;
    if (EVP_MD_is_a(digest, "SHA256")) {
        *ret_len = SG_SHA256_LEN;
        return sg_cert_digest(libctx, cert, hash, err);
    }
    int len = i2d_X509(cert, &der);
    if (len <= 0)
        return sg_fail_ssl(err, SG_E_INTERNAL, _("Cannot encode a certificate"));
    if (!EVP_Digest(der, (size_t)len, hash, ret_len, digest, NULL))
        return sg_fail_ssl(err, SG_E_INTERNAL, _("Cannot compute the digest of a certificate"));
    return SG_OK;
}

static enum sg_rc reference_matches(const struct sg_ess_cert_id *reference, X509 *cert, OSSL_LIB_CTX *libctx, bool *ret,
                                    struct sg_err *err)
{
    /* A digest that is not provided names nothing that could be compared: no match, like one that is not known. */
    _cleanup_(EVP_MD_freep) EVP_MD *digest =
        reference->digest ? EVP_MD_fetch(libctx, EVP_MD_get0_name(reference->digest), NULL) : NULL;
    *ret = false;
    if (!digest)
        return SG_OK;
    uint8_t hash[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    enum sg_rc rc = hash_cert(cert, digest, libctx, hash, &len, err);
    if (rc != SG_OK)
        return rc;
    bool issuer_fits = !reference->issuer || X509_NAME_cmp(reference->issuer, X509_get_issuer_name(cert)) == 0;
    bool serial_fits = !reference->serial || ASN1_INTEGER_cmp(reference->serial, X509_get0_serialNumber(cert)) == 0;
    *ret = issuer_fits && serial_fits && sg_slice_equal(reference->hash, (struct sg_slice){hash, len});
    return SG_OK;
}

enum sg_rc sg_signer_references(const struct sg_signer *signer, X509 *cert, OSSL_LIB_CTX *libctx, bool *ret_match,
                                struct sg_err *err)
{
    bool match = true;
    for (size_t i = 0; match && i < signer->reference_count; i++) {
        enum sg_rc rc = reference_matches(&signer->references[i], cert, libctx, &match, err);
        if (rc != SG_OK)
            return rc;
    }
    *ret_match = match;
    return SG_OK;
}
