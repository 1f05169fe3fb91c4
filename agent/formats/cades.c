#include "formats/cades.h"

#include <string.h>

#include "base/limits.h"
#include "base/msg.h"
#include "formats/cades_signer.h"
#include "formats/der.h"
#include "formats/tlv.h"

/* A signature is three pieces: the head (all up to the content), the content if attached, and the tail (certificates
 * and signerInfos). */

#define DIGEST_FAILED _("The content could not be hashed.")

static void put_message_digest(struct sg_der *der, struct sg_slice digest)
{
    const size_t attribute = sg_der_open(der);
    sg_der_oid(der, NID_pkcs9_messageDigest);
    const size_t values = sg_der_open(der);
    sg_der_element(der, SG_DER_OCTET_STRING, digest);
    sg_der_close(der, values, SG_DER_SET);
    sg_der_close(der, attribute, SG_DER_SEQUENCE);
}

/* RFC 5652 §11.3: UTCTime from 1950 to 2049, else GeneralizedTime; ASN1_TIME_set() does the same. */
static void put_signing_time(struct sg_der *der, int64_t signing_time)
{
    uint8_t *encoding = NULL;
    _cleanup_(ASN1_TIME_freep) ASN1_TIME *time = ASN1_TIME_set(NULL, signing_time);

    const size_t attribute = sg_der_open(der);
    sg_der_oid(der, NID_pkcs9_signingTime);
    const size_t values = sg_der_open(der);
    sg_der_i2d(der, time ? i2d_ASN1_TIME(time, &encoding) : -1, &encoding);
    sg_der_close(der, values, SG_DER_SET);
    sg_der_close(der, attribute, SG_DER_SEQUENCE);
}

/* The signed attributes as the SET OF that is signed (RFC 5652 §5.4). */
static enum sg_rc put_signed_attrs(const struct sg_cades_signer *signer, struct sg_slice digest, int64_t signing_time,
                                   struct sg_buf *out, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf message_digest_attr = SG_BUF(SG_KIB);
    _cleanup_(sg_buf_clear) struct sg_buf signing_time_attr = SG_BUF(SG_KIB);
    struct sg_der der = {.out = &message_digest_attr, .err = err};
    struct sg_slice attrs[4];
    size_t count = 0;

    put_message_digest(&der, digest);
    der.out = &signing_time_attr;
    if (!signer->leave_out_signing_time)
        put_signing_time(&der, signing_time);

    attrs[count++] = sg_buf_slice(&signer->content_type);
    attrs[count++] = sg_buf_slice(&signer->signing_certificate);
    attrs[count++] = sg_buf_slice(&message_digest_attr);
    if (!signer->leave_out_signing_time)
        attrs[count++] = sg_buf_slice(&signing_time_attr);
    der.out = out;
    sg_der_set_of(&der, SG_DER_SET, attrs, count);
    return der.rc;
}

/* Our SignerInfo (RFC 5652 §5.3), version 1 because the sid is issuerAndSerialNumber. */
static enum sg_rc put_signer_info(const struct sg_cades_signer *signer, struct sg_slice signed_attrs,
                                  struct sg_slice signature, struct sg_buf *out, struct sg_err *err)
{
    struct sg_der der = {.out = out, .err = err};

    const size_t signer_info = sg_der_open(&der);
    sg_der_small_integer(&der, 1);
    sg_der_raw(&der, sg_buf_slice(&signer->issuer_and_serial));
    sg_der_raw(&der, sg_buf_slice(&signer->digest_algorithm));
    const size_t attrs = out->len;
    sg_der_raw(&der, signed_attrs);
    if (der.rc == SG_OK)
        out->data[attrs] = SG_DER_CONTEXT(0); /* IMPLICIT, in the place of SET OF */
    sg_der_raw(&der, sg_buf_slice(&signer->signature_algorithm));
    sg_der_element(&der, SG_DER_OCTET_STRING, signature);
    sg_der_close(&der, signer_info, SG_DER_SEQUENCE);
    return der.rc;
}

/* signerInfos with that one alone. */
static enum sg_rc put_signer_infos(struct sg_slice signer_info, struct sg_buf *out, struct sg_err *err)
{
    struct sg_der der = {.out = out, .err = err};

    sg_der_element(&der, SG_DER_SET, signer_info);
    return der.rc;
}

static void put_header(struct sg_der *der, uint8_t tag, uint64_t length)
{
    uint8_t header[SG_TLV_HEADER];

    sg_der_raw(der, (struct sg_slice){header, sg_tlv_header(tag, length, header)});
}

static uint64_t oid_size(int nid)
{
    return sg_der_size(OBJ_length(OBJ_nid2obj(nid)));
}

/* ContentInfo and SignedData up to the content (detached, `content_len` NULL: to the end of encapContentInfo).
 * Version 1: the content is id-data, and nothing in it asks for more (RFC 5652 §5.1). */
static enum sg_rc put_head(const struct sg_cades_signer *signer, const uint64_t *content_len, size_t signer_infos_len,
                           struct sg_buf *out, struct sg_err *err)
{
    const uint64_t e_content = content_len ? sg_der_size(*content_len) : 0;
    const uint64_t encap_content_info = oid_size(NID_pkcs7_data) + (content_len ? sg_der_size(e_content) : 0);
    const uint64_t signed_data = sg_der_size(1) + sg_der_size(signer->digest_algorithm.len) +
                                 sg_der_size(encap_content_info) + signer->certificates.len + signer_infos_len;
    const uint64_t content_info = oid_size(NID_pkcs7_signed) + sg_der_size(sg_der_size(signed_data));
    struct sg_der der = {.out = out, .err = err};

    put_header(&der, SG_DER_SEQUENCE, content_info);
    sg_der_oid(&der, NID_pkcs7_signed);
    put_header(&der, SG_DER_CONTEXT(0), sg_der_size(signed_data));
    put_header(&der, SG_DER_SEQUENCE, signed_data);
    sg_der_small_integer(&der, 1);
    sg_der_element(&der, SG_DER_SET, sg_buf_slice(&signer->digest_algorithm));
    put_header(&der, SG_DER_SEQUENCE, encap_content_info);
    sg_der_oid(&der, NID_pkcs7_data);
    if (content_len) {
        put_header(&der, SG_DER_CONTEXT(0), e_content);
        put_header(&der, SG_DER_OCTET_STRING, *content_len);
    }
    return der.rc;
}

enum sg_rc sg_cades_signer_info(const struct sg_cades_signer *signer, struct sg_slice digest, int64_t signing_time,
                                struct sg_buf *out, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf attrs = SG_BUF(SG_MAX_CMS_REST);
    uint8_t signature[SG_MAX_SIGNATURE];
    size_t signature_len = 0;

    enum sg_rc rc = put_signed_attrs(signer, digest, signing_time, &attrs, err);
    if (rc == SG_OK)
        rc = sg_cades_signer_sign(signer, sg_buf_slice(&attrs), signature, &signature_len, err);
    if (rc == SG_OK)
        rc = put_signer_info(signer, sg_buf_slice(&attrs), (struct sg_slice){signature, signature_len}, out, err);
    return rc;
}

static enum sg_rc make_signer_infos(const struct sg_cades_signer *signer, struct sg_slice digest, int64_t signing_time,
                                    struct sg_buf *out, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf info = SG_BUF(SG_MAX_CMS_REST);

    enum sg_rc rc = sg_cades_signer_info(signer, digest, signing_time, &info, err);
    return rc == SG_OK ? put_signer_infos(sg_buf_slice(&info), out, err) : rc;
}

/* The octets that signerInfos will have with a signature value of that length. */
static enum sg_rc size_signer_infos(const struct sg_cades_signer *signer, int64_t signing_time, size_t signature_len,
                                    size_t *ret, struct sg_err *err)
{
    static const uint8_t zeros[SG_MAX_SIGNATURE] = {0};
    _cleanup_(sg_buf_clear) struct sg_buf attrs = SG_BUF(SG_MAX_CMS_REST);
    _cleanup_(sg_buf_clear) struct sg_buf info = SG_BUF(SG_MAX_CMS_REST);
    const struct sg_slice digest = {zeros, (size_t)EVP_MD_get_size(signer->md)};

    enum sg_rc rc = put_signed_attrs(signer, digest, signing_time, &attrs, err);
    if (rc == SG_OK)
        rc = put_signer_info(signer, sg_buf_slice(&attrs), (struct sg_slice){zeros, signature_len}, &info, err);
    if (rc == SG_OK)
        *ret = (size_t)sg_der_size(info.len);
    return rc;
}

enum sg_rc sg_cades_detached_most(const struct sg_cades_signer *signer, int64_t signing_time, size_t *ret,
                                  struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf head = SG_BUF(SG_KIB);
    size_t infos = 0;

    enum sg_rc rc = size_signer_infos(signer, signing_time, sg_cades_signer_most(signer), &infos, err);
    if (rc == SG_OK)
        rc = put_head(signer, NULL, infos, &head, err);
    if (rc == SG_OK)
        *ret = head.len + signer->certificates.len + infos;
    return rc;
}

enum sg_rc sg_cades_sign_detached(const struct sg_cades_signer *signer, struct sg_slice digest, int64_t signing_time,
                                  struct sg_buf *out, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf infos = SG_BUF(SG_MAX_CMS_REST);
    const size_t before = out->len;

    if (digest.len != (size_t)EVP_MD_get_size(signer->md))
        return sg_fail(err, SG_E_INTERNAL, _("The content was not hashed with %s."), signer->digest->name);
    enum sg_rc rc = make_signer_infos(signer, digest, signing_time, &infos, err);
    if (rc == SG_OK)
        rc = put_head(signer, NULL, infos.len, out, err);
    if (rc == SG_OK)
        rc = sg_buf_append(out, signer->certificates.data, signer->certificates.len, err);
    if (rc == SG_OK)
        rc = sg_buf_append(out, infos.data, infos.len, err);
    if (rc != SG_OK)
        out->len = before;
    return rc;
}

/* Where content goes as it is read: into the digest and, if attached, the file. */
struct content_sink {
    EVP_MD_CTX *ctx;
    struct sg_outfile *out; /* or NULL */
};

static enum sg_rc take_content(void *context, const uint8_t *data, size_t len, struct sg_err *err)
{
    const struct content_sink *content = context;

    if (EVP_DigestUpdate(content->ctx, data, len) != 1)
        return sg_fail_ssl(err, SG_E_INTERNAL, DIGEST_FAILED);
    return content->out ? sg_outfile_write(content->out, data, len, err) : SG_OK;
}

/* Reads the input once; it must stay as it was when it was opened. */
static enum sg_rc read_content(const struct sg_cades_signer *signer, struct sg_input *input, struct sg_outfile *out,
                               uint8_t *digest, size_t *ret_len, struct sg_err *err)
{
    _cleanup_(EVP_MD_CTX_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    struct content_sink content = {.ctx = ctx, .out = out};
    uint8_t md[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    if (!ctx)
        return sg_fail_memory(err);
    if (EVP_DigestInit_ex2(ctx, signer->md, NULL) != 1)
        return sg_fail_ssl(err, SG_E_INTERNAL, DIGEST_FAILED);
    enum sg_rc rc = sg_input_copy(input, 0, sg_input_size(input), (struct sg_sink){take_content, &content}, err);
    if (rc == SG_OK)
        rc = sg_input_check_unchanged(input, err);
    if (rc != SG_OK)
        return rc;
    if (EVP_DigestFinal_ex(ctx, md, &len) != 1)
        return sg_fail_ssl(err, SG_E_INTERNAL, DIGEST_FAILED);
    memcpy(digest, md, len);
    *ret_len = len;
    return SG_OK;
}

enum sg_rc sg_cades_digest_input(const struct sg_cades_signer *signer, struct sg_input *input, uint8_t *out,
                                 size_t *ret_len, struct sg_err *err)
{
    return read_content(signer, input, NULL, out, ret_len, err);
}

/* The head again, now that the length of everything is known. Only an ECDSA signature value can make it differ, and
 * only one that carries a length over 64 KiB, 16 MiB or 4 GiB can make it longer. */
static enum sg_rc correct_head(struct sg_outfile *out, uint64_t offset, struct sg_slice written, struct sg_slice right,
                               struct sg_err *err)
{
    enum sg_rc rc = SG_OK;

    if (sg_slice_equal(written, right))
        return SG_OK;
    if (right.len > written.len)
        rc = sg_outfile_insert(out, offset, right.len - written.len, err);
    if (rc == SG_OK)
        rc = sg_outfile_patch(out, offset, right.data, right.len, err);
    return rc;
}

enum sg_rc sg_cades_sign_attached(const struct sg_cades_signer *signer, struct sg_input *input, int64_t signing_time,
                                  struct sg_outfile *out, uint8_t *digest, size_t *ret_digest_len, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf first_head = SG_BUF(SG_KIB);
    _cleanup_(sg_buf_clear) struct sg_buf head = SG_BUF(SG_KIB);
    _cleanup_(sg_buf_clear) struct sg_buf infos = SG_BUF(SG_MAX_CMS_REST);
    const uint64_t offset = sg_outfile_size(out);
    const uint64_t content_len = sg_input_size(input);
    uint8_t md[EVP_MAX_MD_SIZE];
    size_t md_len = 0;
    size_t least = 0;

    enum sg_rc rc = size_signer_infos(signer, signing_time, sg_cades_signer_least(signer), &least, err);
    if (rc == SG_OK)
        rc = put_head(signer, &content_len, least, &first_head, err);
    if (rc == SG_OK)
        rc = sg_outfile_write(out, first_head.data, first_head.len, err);
    if (rc == SG_OK)
        rc = read_content(signer, input, out, md, &md_len, err);
    if (rc == SG_OK)
        rc = make_signer_infos(signer, (struct sg_slice){md, md_len}, signing_time, &infos, err);
    if (rc == SG_OK)
        rc = sg_outfile_write(out, signer->certificates.data, signer->certificates.len, err);
    if (rc == SG_OK)
        rc = sg_outfile_write(out, infos.data, infos.len, err);
    if (rc == SG_OK)
        rc = put_head(signer, &content_len, infos.len, &head, err);
    if (rc == SG_OK)
        rc = correct_head(out, offset, sg_buf_slice(&first_head), sg_buf_slice(&head), err);
    if (rc != SG_OK)
        return rc;
    memcpy(digest, md, md_len);
    *ret_digest_len = md_len;
    return SG_OK;
}
