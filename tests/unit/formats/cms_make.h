/* CMS made by hand from its parts, so that each part can be odd, and judged by its digest and signature values. */
#pragma once

#include <openssl/cms.h>
#include <openssl/objects.h>

#include "base/crypto.h"
#include "formats/cms.h"
#include "identity.h"

#define OID_SIGNED_DATA "06092a864886f70d010702"
#define OID_DATA "06092a864886f70d010701"
#define OID_CONTENT_TYPE "06092a864886f70d010903"
#define OID_MESSAGE_DIGEST "06092a864886f70d010904"
#define SHA256_ALGORITHM "300b0609608648016503040201"
#define ECDSA_SHA256_ALGORITHM "300a06082a8648ce3d040302"

static inline struct sg_slice sequence(struct sg_slice content)
{
    return tlv(0x30, content);
}

static inline struct sg_slice set(struct sg_slice content)
{
    return tlv(0x31, content);
}

static inline struct sg_slice attribute(const char *oid, struct sg_slice values)
{
    return sequence(JOIN(hex(oid), set(values)));
}

static inline struct sg_slice message_digest(struct sg_slice content)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    assert_int_equal(EVP_Digest(content.data, content.len, digest, &len, EVP_sha256(), NULL), 1);
    return attribute(OID_MESSAGE_DIGEST, tlv(0x04, slice(digest, len)));
}

static inline struct sg_slice content_type(void)
{
    return attribute(OID_CONTENT_TYPE, hex(OID_DATA));
}

static inline struct sg_slice issuer_and_serial(const struct identity *id)
{
    uint8_t *e = NULL;
    struct sg_slice name = encoded(i2d_X509_NAME(X509_get_issuer_name(id->cert), &e), &e);
    return sequence(JOIN(name, encoded(i2d_ASN1_INTEGER(X509_get_serialNumber(id->cert), &e), &e)));
}

/* The OCTET STRING with a signature over `bytes`. */
static inline struct sg_slice signature_over(const struct identity *id, struct sg_slice bytes)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    uint8_t out[128];
    size_t len = sizeof out;
    assert_int_equal(EVP_DigestSignInit_ex(md, NULL, "SHA256", NULL, NULL, id->key, NULL), 1);
    assert_int_equal(EVP_DigestSign(md, out, &len, bytes.data, bytes.len), 1);
    EVP_MD_CTX_free(md);
    return tlv(0x04, slice(out, len));
}

/* A SignerInfo with these signed attributes (with their [0]), and a signature over `signed_bytes`. */
static inline struct sg_slice signer_info(const struct identity *id, struct sg_slice signed_attrs,
                                          struct sg_slice signed_bytes, struct sg_slice behind)
{
    return sequence(JOIN(hex("020101"), issuer_and_serial(id), hex(SHA256_ALGORITHM), signed_attrs,
                         hex(ECDSA_SHA256_ALGORITHM), signature_over(id, signed_bytes), behind));
}

/* An ordinary one over `content`. */
static inline struct sg_slice plain_signer(const struct identity *id, struct sg_slice content)
{
    struct sg_slice attrs = JOIN(content_type(), message_digest(content));
    return signer_info(id, tlv(0xa0, attrs), set(attrs), NONE);
}

static inline struct sg_slice encap(struct sg_slice content)
{
    return sequence(JOIN(hex(OID_DATA), tlv(0xa0, tlv(0x04, content))));
}

/* A SignedData's parts in their order; `tail` is all behind the encapsulated content. */
static inline struct sg_slice signed_data(struct sg_slice encapsulated, struct sg_slice tail)
{
    struct sg_slice inner = JOIN(hex("020101"), set(hex(SHA256_ALGORITHM)), encapsulated, tail);
    return sequence(JOIN(hex(OID_SIGNED_DATA), tlv(0xa0, sequence(inner))));
}

/* What the signature values say of a CMS' first signer. */
struct judged {
    bool digest; /* the message-digest attribute is the content's */
    bool wire;   /* the signature is right over the attributes as on the wire */
    bool sorted; /* and as DER wants them */
};

static inline bool digest_is(const struct sg_signer_info *si, struct sg_slice content)
{
    const struct sg_attribute *attr = NULL;
    if (sg_attributes_find(si->signed_attrs, si->signed_attr_count, NID_pkcs9_messageDigest, &attr) != 1)
        return false;
    struct sg_slice value = attribute(OID_MESSAGE_DIGEST, attr->values[0]);
    return sg_slice_equal(value, message_digest(content));
}

static inline bool signature_is_over(const struct sg_signer_info *si, X509 *cert, bool der_sorted)
{
    _cleanup_(sg_buf_clear) struct sg_buf bytes = SG_BUF(SG_MIB);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    if (sg_signer_info_to_be_signed(si, der_sorted, &bytes, NULL) != SG_OK) {
        EVP_MD_CTX_free(md);
        return false;
    }
    assert_int_equal(EVP_DigestVerifyInit_ex(md, NULL, "SHA256", NULL, NULL, X509_get0_pubkey(cert), NULL), 1);
    bool right = EVP_DigestVerify(md, si->signature.data, si->signature.len, bytes.data, bytes.len) == 1;
    EVP_MD_CTX_free(md);
    return right;
}

/* Reads and judges; `detached` is the content if the CMS does not hold it. */
static inline enum sg_rc judge(OSSL_LIB_CTX *libctx, struct sg_slice bytes, struct sg_slice detached,
                               const struct identity *id, struct judged *ret)
{
    _cleanup_(sg_input_freep) struct sg_input *input = input_of(bytes);
    _cleanup_(sg_cms_freep) struct sg_cms *cms = NULL;
    _cleanup_(sg_buf_clear) struct sg_buf content = SG_BUF(SG_MIB);
    struct sg_err err = {0};

    *ret = (struct judged){0};
    enum sg_rc rc = sg_cms_read(input, libctx, NULL, &cms, &err);
    if (rc != SG_OK) {
        assert_int_equal(err.rc, rc);
        assert_string_equal(err.file, "test");
        return rc;
    }
    if (!sg_cms_is_detached(cms)) {
        rc = sg_cms_content(cms, sink_to(&content), NULL);
        if (rc != SG_OK)
            return rc;
        detached = sg_buf_slice(&content);
    }
    const struct sg_signer_info *si = sg_cms_signer(cms, 0);
    if (!si || !sg_signer_info_names(si, id->cert))
        return SG_OK;
    ret->digest = digest_is(si, detached);
    ret->wire = signature_is_over(si, id->cert, false);
    ret->sorted = signature_is_over(si, id->cert, true);
    return SG_OK;
}
