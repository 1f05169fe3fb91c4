/* Signatures with evidence, made step by step: CAdES-B-T, -LT and -LTA. Beside pki.h and pki_ocsp.h, whose
 * certificates, CRLs and responses have the times that the test wants; so have the time-stamps.
 *
 *     struct made made;
 *     struct pki_id tsa = made_tsa(libctx, &ca, &(struct pki_cert){.name = "TSA"});
 *     made_sign(&made, libctx, &(struct pki_cms){.signer = &alice, .content = text});                      B-B
 *     made_signature_stamp(&made, &(struct made_stamp){.tsa = &tsa, .time = PKI_NOW - 30 * PKI_DAY});       B-T
 *     made_certificate(&made, ca.cert); made_crl(&made, crl); made_ocsp(&made, response);                  B-LT
 *     made_archive_stamp(&made, &(struct made_stamp){.tsa = &tsa, .time = PKI_NOW - 20 * PKI_DAY});         B-LTA
 *     made_archive_stamp(&made, ...);                                                                      and so on
 *     made_write(&made, &out);
 *     made_clear(&made);
 *
 * The older forms are made by evidence_maker_older.h. The steps may come in any order, and each is over what is there
 * when it is made. A content-time-stamp has to be made before the signature: made_content_stamp().
 *
 * What can be wrong with a time-stamp is in `struct made_stamp`. What can be changed afterwards: made_tamper() changes
 * a byte of an object in the file that was written, so that all that is over it no longer fits.
 *
 * The imprints are calculated here from the parts before they are put together: nothing of the reading code is used. */
#pragma once

#include "pki_ocsp.h"

#define MADE_MAX 64 /* parts of a kind */

struct made_parts {
    struct sg_buf bufs[MADE_MAX];
    size_t count;
};

/* A SignedData with one SignerInfo, in parts. A time-stamp token is one as well. */
struct made {
    OSSL_LIB_CTX *libctx;
    struct sg_buf content;
    int content_type;
    bool attached;
    bool indefinite; /* all around what is signed is written in BER, with indefinite lengths: may be set at any time */
    const char *digest;
    struct sg_buf signed_part; /* version to signature of the SignerInfo */
    struct sg_buf signature;
    struct made_parts certificates, revocations; /* CertificateChoices, RevocationInfoChoice */
    struct made_parts unsigned_attrs;
};

enum made_oddity {
    MADE_WRONG_IMPRINT = 1 << 0,
    MADE_INDEX_V1 = 1 << 1, /* ats-hash-index, its algorithm left out if it is SHA-256 */
    MADE_INDEX_V2 = 1 << 2, /* ats-hash-index-v2 */
    MADE_NO_INDEX = 1 << 3, /* the imprint is right all the same */
    MADE_TWO_INDEXES = 1 << 4,
    MADE_INDEX_TOO_MUCH = 1 << 5,        /* it lists a hash of nothing that is there */
    MADE_INDEX_SHA1 = 1 << 6,            /* it is by SHA-1, whatever the imprint is by */
    MADE_INDEX_NO_REVOCATIONS = 1 << 7,  /* it lists no CRLs and OCSP responses: they are not covered */
    MADE_INDEX_NO_CERTIFICATES = 1 << 9, /* likewise no certificates */
    MADE_NO_SET_HEADER =
        1 << 8, /* v2: over the unsigned attributes without their header, as before TS 101 733 V2.2.1 */
};

/* What is left 0 is the ordinary thing. */
struct made_stamp {
    const struct pki_id *tsa;
    int64_t time;         /* genTime; 0: an hour before PKI_NOW */
    const char *digest;   /* of the imprint: "SHA256" */
    const char *policy;   /* "1.2.3.4.1" */
    const char *fraction; /* of a second, of genTime: its digits; NULL: none */
    uint8_t accuracy;     /* seconds, up to 127; 0: not said */
    uint16_t millis;      /* of the accuracy: 128 to 999; 0: not said */
    struct sg_slice over; /* instead of what it ought to be over */
    X509 *carried[8];     /* besides the TSA's certificate */
    X509_CRL *crls[4];
    struct sg_slice ocsps[4];  /* OCSPResponses */
    X509 *values[4];           /* in the token's unsigned certificate-values */
    X509_CRL *crl_values[4];   /* in its unsigned revocation-values */
    const char *signed_digest; /* of the token's own signature: "SHA256" */
    unsigned odd;              /* enum made_oddity */
    unsigned cms_odd;          /* enum pki_oddity of the token */
};

/* --- parts -------------------------------------------------------------------------------------------------------- */

static inline struct sg_buf *made_part(struct made_parts *parts)
{
    assert_true(parts->count < MADE_MAX);
    struct sg_buf *buf = &parts->bufs[parts->count++];
    *buf = (struct sg_buf)SG_BUF(16 * SG_MIB);
    return buf;
}

static inline void made_clear_parts(struct made_parts *parts)
{
    for (size_t i = 0; i < parts->count; i++)
        sg_buf_clear(&parts->bufs[i]);
    parts->count = 0;
}

static inline void made_clear(struct made *made)
{
    sg_buf_clear(&made->content);
    sg_buf_clear(&made->signed_part);
    sg_buf_clear(&made->signature);
    made_clear_parts(&made->certificates);
    made_clear_parts(&made->revocations);
    made_clear_parts(&made->unsigned_attrs);
}

/* sg_der_close(), or the same with an indefinite length. */
static inline void made_close(bool indefinite, struct sg_der *der, size_t opened, uint8_t tag)
{
    static const uint8_t end[2] = {0, 0};
    if (!indefinite) {
        sg_der_close(der, opened, tag);
        return;
    }
    const uint8_t header[2] = {tag, 0x80};
    sg_der_raw(der, (struct sg_slice){end, 2});
    sg_der_raw(der, (struct sg_slice){end, 2});
    memmove(der->out->data + opened + 2, der->out->data + opened, der->out->len - opened - 2);
    memcpy(der->out->data + opened, header, 2);
}

static inline void made_raw_parts(struct sg_der *der, const struct made_parts *parts)
{
    for (size_t i = 0; i < parts->count; i++)
        sg_der_raw(der, sg_buf_slice(&parts->bufs[i]));
}

/* The element with this tag around all parts; none if there are none. */
static inline void made_set(bool indefinite, struct sg_der *der, const struct made_parts *parts, uint8_t tag)
{
    if (parts->count == 0)
        return;
    size_t set = sg_der_open(der);
    made_raw_parts(der, parts);
    made_close(indefinite, der, set, tag);
}

static inline void made_oid(struct sg_der *der, const char *dotted)
{
    ASN1_OBJECT *oid = OBJ_txt2obj(dotted, 1);
    assert_non_null(oid);
    sg_der_element(der, SG_DER_OBJECT_IDENTIFIER, (struct sg_slice){OBJ_get0_data(oid), OBJ_length(oid)});
    ASN1_OBJECT_free(oid);
}

/* The first element of `*bytes`, which then begins behind it; `ret_content` is what it holds. */
static inline struct sg_slice made_take(struct sg_slice *bytes, struct sg_slice *ret_content)
{
    const uint8_t *at = bytes->data;
    long len = 0;
    int tag, tag_class;
    assert_int_equal(ASN1_get_object(&at, &len, &tag, &tag_class, (long)bytes->len) & 0x80, 0);
    struct sg_slice whole = {bytes->data, (size_t)(at - bytes->data) + (size_t)len};
    if (ret_content)
        *ret_content = (struct sg_slice){at, (size_t)len};
    *bytes = (struct sg_slice){bytes->data + whole.len, bytes->len - whole.len};
    return whole;
}

static inline void made_x509(struct made_parts *parts, const X509 *cert)
{
    uint8_t *encoding = NULL;
    struct sg_der der = {.out = made_part(parts)};
    int len = i2d_X509(cert, &encoding);
    sg_der_i2d(&der, len, &encoding);
}

static inline void made_x509_crl(struct made_parts *parts, const X509_CRL *crl)
{
    uint8_t *encoding = NULL;
    struct sg_der der = {.out = made_part(parts)};
    int len = i2d_X509_CRL(crl, &encoding);
    sg_der_i2d(&der, len, &encoding);
}

/* The BasicOCSPResponse in an OCSPResponse. */
static inline void made_basic(struct made_parts *parts, struct sg_slice response)
{
    const uint8_t *at = response.data;
    OCSP_RESPONSE *parsed = d2i_OCSP_RESPONSE(NULL, &at, (long)response.len);
    OCSP_BASICRESP *basic = parsed ? OCSP_response_get1_basic(parsed) : NULL;
    assert_non_null(basic);
    uint8_t *encoding = NULL;
    struct sg_der der = {.out = made_part(parts)};
    int len = i2d_OCSP_BASICRESP(basic, &encoding);
    sg_der_i2d(&der, len, &encoding);
    OCSP_BASICRESP_free(basic);
    OCSP_RESPONSE_free(parsed);
}

/* --- the signature ------------------------------------------------------------------------------------------------ */

/* B-B, by pki.h: what it says of the signer, the content and the signed attributes; `second` is not made. */
static inline void made_sign(struct made *made, OSSL_LIB_CTX *libctx, const struct pki_cms *what)
{
    _cleanup_(sg_buf_clear) struct sg_buf info = SG_BUF(SG_MIB);
    struct sg_der der = {.out = &info};
    struct sg_slice fields, last = {0};
    *made = (struct made){.libctx = libctx,
                          .content = SG_BUF(16 * SG_MIB),
                          .content_type = pki_content_type(what),
                          .attached = what->attached,
                          .digest = what->digest ? what->digest : "SHA256",
                          .signed_part = SG_BUF(SG_MIB),
                          .signature = SG_BUF(SG_MIB)};
    assert_int_equal(sg_buf_append(&made->content, what->content.data, what->content.len, NULL), SG_OK);
    pki_signer_info(libctx, what, &der);
    struct sg_slice bytes = sg_buf_slice(&info);
    (void)made_take(&bytes, &fields);
    assert_int_equal(sg_buf_append(&made->signed_part, fields.data, fields.len, NULL), SG_OK);
    while (fields.len > 0)
        (void)made_take(&fields, &last);
    assert_int_equal(sg_buf_append(&made->signature, last.data, last.len, NULL), SG_OK);
    if (!(what->odd & PKI_NO_CERTIFICATES))
        made_x509(&made->certificates, what->signer->cert);
    for (size_t i = 0; i < 8 && what->carried[i]; i++)
        made_x509(&made->certificates, what->carried[i]);
    for (size_t i = 0; i < 4 && what->crls[i]; i++)
        made_x509_crl(&made->revocations, what->crls[i]);
}

static inline void made_certificate(struct made *made, const X509 *cert)
{
    made_x509(&made->certificates, cert);
}

static inline void made_crl(struct made *made, const X509_CRL *crl)
{
    made_x509_crl(&made->revocations, crl);
}

/* An OCSPResponse among the CRLs, as RFC 5940 wants. */
static inline void made_ocsp(struct made *made, struct sg_slice response)
{
    struct sg_der der = {.out = made_part(&made->revocations)};
    size_t other = sg_der_open(&der);
    made_oid(&der, "1.3.6.1.5.5.7.16.2");
    sg_der_raw(&der, response);
    sg_der_close(&der, other, SG_DER_CONTEXT(1));
}

/* An unsigned attribute with one value. */
static inline void made_attribute(struct made *made, const char *type, struct sg_slice value)
{
    struct sg_der der = {.out = made_part(&made->unsigned_attrs)};
    size_t attribute = sg_der_open(&der);
    made_oid(&der, type);
    size_t set = sg_der_open(&der);
    sg_der_raw(&der, value);
    sg_der_close(&der, set, SG_DER_SET);
    sg_der_close(&der, attribute, SG_DER_SEQUENCE);
    assert_int_equal(der.rc, SG_OK);
}

/* encapContentInfo; in BER the content is in two fragments. */
static inline void made_encap(const struct made *made, struct sg_der *der)
{
    struct sg_slice content = sg_buf_slice(&made->content);
    const size_t half = content.len / 2;
    size_t encap = sg_der_open(der);
    sg_der_oid(der, made->content_type);
    if (made->attached) {
        size_t tagged = sg_der_open(der), octets = sg_der_open(der);
        if (made->indefinite) {
            sg_der_element(der, SG_DER_OCTET_STRING, (struct sg_slice){content.data, half});
            sg_der_element(der, SG_DER_OCTET_STRING, (struct sg_slice){content.data + half, content.len - half});
        } else {
            sg_der_raw(der, content);
        }
        made_close(made->indefinite, der, octets, SG_DER_OCTET_STRING | (made->indefinite ? 0x20 : 0));
        made_close(made->indefinite, der, tagged, SG_DER_CONTEXT(0));
    }
    made_close(made->indefinite, der, encap, SG_DER_SEQUENCE);
}

/* The whole, appended to `out`. */
static inline void made_write(const struct made *made, struct sg_buf *out)
{
    struct sg_der der = {.out = out};
    const bool ber = made->indefinite;
    size_t info = sg_der_open(&der);
    sg_der_oid(&der, NID_pkcs7_signed);
    size_t explicit = sg_der_open(&der), data = sg_der_open(&der);
    sg_der_small_integer(&der, 3);
    size_t digests = sg_der_open(&der);
    pki_algorithm(&der, OBJ_txt2nid(made->digest), false);
    sg_der_close(&der, digests, SG_DER_SET);
    made_encap(made, &der);
    made_set(ber, &der, &made->certificates, SG_DER_CONTEXT(0));
    made_set(ber, &der, &made->revocations, SG_DER_CONTEXT(1));
    size_t infos = sg_der_open(&der), signer = sg_der_open(&der);
    sg_der_raw(&der, sg_buf_slice(&made->signed_part));
    made_set(ber, &der, &made->unsigned_attrs, SG_DER_CONTEXT(1));
    made_close(ber, &der, signer, SG_DER_SEQUENCE);
    made_close(ber, &der, infos, SG_DER_SET);
    made_close(ber, &der, data, SG_DER_SEQUENCE);
    made_close(ber, &der, explicit, SG_DER_CONTEXT(0));
    made_close(ber, &der, info, SG_DER_SEQUENCE);
    assert_int_equal(der.rc, SG_OK);
}

/* Changes the last byte of that object, each time that it is in the file. Of a certificate, CRL, OCSP response or token
 * that is one of its signature value, so that it can still be read; of an archive-time-stamp-v3, one of its index. */
static inline void made_tamper(struct sg_buf *file, struct sg_slice object)
{
    size_t changed = 0;
    for (size_t at = 0; at + object.len <= file->len; at++) {
        if (memcmp(file->data + at, object.data, object.len) != 0)
            continue;
        changed++;
        at += object.len - 1;
        file->data[at] ^= 1;
    }
    assert_true(changed > 0);
}

static inline void made_tamper_certificate(struct sg_buf *file, const X509 *cert)
{
    uint8_t *der = NULL;
    int len = i2d_X509(cert, &der);
    assert_true(len > 0);
    made_tamper(file, (struct sg_slice){der, (size_t)len});
    OPENSSL_free(der);
}

static inline void made_tamper_crl(struct sg_buf *file, const X509_CRL *crl)
{
    uint8_t *der = NULL;
    int len = i2d_X509_CRL(crl, &der);
    assert_true(len > 0);
    made_tamper(file, (struct sg_slice){der, (size_t)len});
    OPENSSL_free(der);
}

/* --- tokens ------------------------------------------------------------------------------------------------------- */

/* A TSA with a fresh key; its key usages are added to `what`. */
static inline struct pki_id made_tsa(OSSL_LIB_CTX *libctx, const struct pki_id *issuer, const struct pki_cert *what)
{
    struct pki_cert tsa = *what;
    size_t i = 0;
    tsa.key_usage = "critical,digitalSignature";
    while (tsa.more[i].value)
        i++;
    assert_true(i < PKI_EXTENSIONS);
    tsa.more[i] = (struct pki_extension){NID_ext_key_usage, "critical,timeStamping"};
    return pki_issue(libctx, issuer, &tsa);
}

static inline const char *made_stamp_digest(const struct made_stamp *stamp)
{
    return stamp->digest ? stamp->digest : "SHA256";
}

static inline void made_hash(OSSL_LIB_CTX *libctx, const char *digest, struct sg_slice bytes, struct sg_der *der)
{
    uint8_t hash[EVP_MAX_MD_SIZE];
    size_t len = 0;
    assert_int_equal(sg_digest(libctx, digest, bytes, hash, &len, NULL), SG_OK);
    sg_der_element(der, SG_DER_OCTET_STRING, (struct sg_slice){hash, len});
}

static inline void made_gen_time(const struct made_stamp *stamp, struct sg_der *der)
{
    int64_t when = stamp->time ? stamp->time : PKI_NOW - 3600;
    ASN1_GENERALIZEDTIME *time = ASN1_GENERALIZEDTIME_set(NULL, (time_t)when);
    char text[64];
    int len = snprintf(text, sizeof text, "%.14s%s%sZ", (const char *)ASN1_STRING_get0_data(time),
                       stamp->fraction ? "." : "", stamp->fraction ? stamp->fraction : "");
    sg_der_element(der, V_ASN1_GENERALIZEDTIME, (struct sg_slice){(const uint8_t *)text, (size_t)len});
    ASN1_GENERALIZEDTIME_free(time);
}

static inline void made_accuracy(const struct made_stamp *stamp, struct sg_der *der)
{
    const uint8_t millis[] = {(uint8_t)(stamp->millis >> 8), (uint8_t)stamp->millis};
    size_t accuracy = sg_der_open(der);
    if (stamp->accuracy)
        sg_der_small_integer(der, stamp->accuracy);
    if (stamp->millis)
        sg_der_element(der, 0x80, (struct sg_slice){millis, sizeof millis});
    sg_der_close(der, accuracy, SG_DER_SEQUENCE);
}

/* TSTInfo (RFC 3161 §2.4.2) over these bytes. */
static inline void made_info(OSSL_LIB_CTX *libctx, const struct made_stamp *stamp, struct sg_slice over,
                             struct sg_buf *out)
{
    static uint8_t serial = 1;
    struct sg_der der = {.out = out};
    const char *digest = made_stamp_digest(stamp);
    size_t info = sg_der_open(&der);
    sg_der_small_integer(&der, 1);
    made_oid(&der, stamp->policy ? stamp->policy : "1.2.3.4.1");
    size_t imprint = sg_der_open(&der);
    pki_algorithm(&der, OBJ_txt2nid(digest), true);
    made_hash(libctx, digest, over, &der);
    if (stamp->odd & MADE_WRONG_IMPRINT)
        out->data[out->len - 1] ^= 1;
    sg_der_close(&der, imprint, SG_DER_SEQUENCE);
    sg_der_small_integer(&der, serial);
    serial = (uint8_t)(serial % 127 + 1);
    made_gen_time(stamp, &der);
    if (stamp->accuracy || stamp->millis)
        made_accuracy(stamp, &der);
    sg_der_close(&der, info, SG_DER_SEQUENCE);
    assert_int_equal(der.rc, SG_OK);
}

/* certificate-values and revocation-values with these. */
static inline void made_values_of(struct made *made, X509 *const *certs, size_t cert_count, X509_CRL *const *crls,
                                  size_t crl_count, const struct sg_slice *ocsps, size_t ocsp_count)
{
    struct made_parts cert_parts = {0}, crl_parts = {0}, ocsp_parts = {0};
    _cleanup_(sg_buf_clear) struct sg_buf values = SG_BUF(16 * SG_MIB), revocation = SG_BUF(16 * SG_MIB);
    struct sg_der der = {.out = &values}, revocation_der = {.out = &revocation};
    for (size_t i = 0; i < cert_count; i++)
        made_x509(&cert_parts, certs[i]);
    for (size_t i = 0; i < crl_count; i++)
        made_x509_crl(&crl_parts, crls[i]);
    for (size_t i = 0; i < ocsp_count; i++)
        made_basic(&ocsp_parts, ocsps[i]);
    made_set(false, &der, &cert_parts, SG_DER_SEQUENCE);
    if (cert_count > 0)
        made_attribute(made, "1.2.840.113549.1.9.16.2.23", sg_buf_slice(&values));
    size_t sequence = sg_der_open(&revocation_der);
    const struct made_parts *lists[] = {&crl_parts, &ocsp_parts};
    for (uint8_t i = 0; i < 2; i++) {
        size_t tagged = sg_der_open(&revocation_der);
        made_set(false, &revocation_der, lists[i], SG_DER_SEQUENCE);
        if (lists[i]->count > 0)
            sg_der_close(&revocation_der, tagged, SG_DER_CONTEXT(i));
    }
    sg_der_close(&revocation_der, sequence, SG_DER_SEQUENCE);
    if (crl_count + ocsp_count > 0)
        made_attribute(made, "1.2.840.113549.1.9.16.2.24", sg_buf_slice(&revocation));
    made_clear_parts(&cert_parts);
    made_clear_parts(&crl_parts);
    made_clear_parts(&ocsp_parts);
}

/* A token over these bytes, with an ats-hash-index of that type if there is one; appended to `out`. */
static inline void made_token(OSSL_LIB_CTX *libctx, const struct made_stamp *stamp, struct sg_slice over,
                              const char *index_type, struct sg_slice index, struct sg_buf *out)
{
    _cleanup_(sg_buf_clear) struct sg_buf info = SG_BUF(SG_MIB);
    struct made token;
    size_t certs = 0, crls = 0;
    made_info(libctx, stamp, stamp->over.data ? stamp->over : over, &info);
    struct pki_cms cms = {.signer = stamp->tsa,
                          .content = sg_buf_slice(&info),
                          .content_type = NID_id_smime_ct_TSTInfo,
                          .attached = true,
                          .digest = stamp->signed_digest,
                          .signing_time = stamp->time,
                          .odd = stamp->cms_odd};
    memcpy(cms.carried, stamp->carried, sizeof stamp->carried);
    memcpy(cms.crls, stamp->crls, sizeof stamp->crls);
    made_sign(&token, libctx, &cms);
    for (size_t i = 0; i < 4 && stamp->ocsps[i].data; i++)
        made_ocsp(&token, stamp->ocsps[i]);
    if (index_type)
        made_attribute(&token, index_type, index);
    if (index_type && stamp->odd & MADE_TWO_INDEXES)
        made_attribute(&token, index_type, index);
    while (certs < 4 && stamp->values[certs])
        certs++;
    while (crls < 4 && stamp->crl_values[crls])
        crls++;
    if (certs + crls > 0)
        made_values_of(&token, stamp->values, certs, stamp->crl_values, crls, NULL, 0);
    made_write(&token, out);
    made_clear(&token);
}

static inline void made_stamp_over(struct made *made, const char *type, const struct made_stamp *stamp,
                                   struct sg_slice over)
{
    _cleanup_(sg_buf_clear) struct sg_buf token = SG_BUF(16 * SG_MIB);
    made_token(made->libctx, stamp, over, NULL, (struct sg_slice){0}, &token);
    made_attribute(made, type, sg_buf_slice(&token));
}

/* content-time-stamp: the whole attribute, for `more_signed` of the pki_cms. */
static inline void made_content_stamp(OSSL_LIB_CTX *libctx, const struct made_stamp *stamp, struct sg_slice content,
                                      struct sg_buf *out)
{
    struct made holder = {.libctx = libctx};
    made_stamp_over(&holder, "1.2.840.113549.1.9.16.2.20", stamp, content);
    assert_int_equal(sg_buf_append(out, holder.unsigned_attrs.bufs[0].data, holder.unsigned_attrs.bufs[0].len, NULL),
                     SG_OK);
    made_clear(&holder);
}

static inline void made_signature_stamp(struct made *made, const struct made_stamp *stamp)
{
    made_stamp_over(made, "1.2.840.113549.1.9.16.2.14", stamp, sg_buf_slice(&made->signature));
}

/* --- archive-time-stamp-v3 ---------------------------------------------------------------------------------------- */

/* SEQUENCE OF OCTET STRING with the hash of each part; of unsigned attributes in the third version, of type and value.
 */
static inline void made_hashes(const struct made *made, const struct made_stamp *stamp, const char *digest,
                               const struct made_parts *parts, bool of_values, struct sg_der *der)
{
    size_t list = sg_der_open(der);
    for (size_t i = 0; i < parts->count; i++) {
        _cleanup_(sg_buf_clear) struct sg_buf joined = SG_BUF(16 * SG_MIB);
        struct sg_slice whole = sg_buf_slice(&parts->bufs[i]), members, values;
        if (of_values) {
            (void)made_take(&whole, &members);
            struct sg_slice type = made_take(&members, NULL);
            (void)made_take(&members, &values);
            assert_int_equal(sg_buf_append(&joined, type.data, type.len, NULL), SG_OK);
            assert_int_equal(sg_buf_append(&joined, values.data, values.len, NULL), SG_OK); /* there is one */
            whole = sg_buf_slice(&joined);
        }
        made_hash(made->libctx, digest, whole, der);
    }
    if (stamp->odd & MADE_INDEX_TOO_MUCH)
        made_hash(made->libctx, digest, (struct sg_slice){(const uint8_t *)"nothing", 7}, der);
    sg_der_close(der, list, SG_DER_SEQUENCE);
}

static inline void made_index(const struct made *made, const struct made_stamp *stamp, struct sg_buf *out)
{
    static const struct made_parts none;
    struct sg_der der = {.out = out};
    const char *digest = stamp->odd & MADE_INDEX_SHA1 ? "SHA1" : made_stamp_digest(stamp);
    bool whole = stamp->odd & (MADE_INDEX_V1 | MADE_INDEX_V2);
    size_t index = sg_der_open(&der);
    if (!(stamp->odd & MADE_INDEX_V1) || strcmp(digest, "SHA256") != 0)
        pki_algorithm(&der, OBJ_txt2nid(digest), false);
    made_hashes(made, stamp, digest, stamp->odd & MADE_INDEX_NO_CERTIFICATES ? &none : &made->certificates, false,
                &der);
    made_hashes(made, stamp, digest, stamp->odd & MADE_INDEX_NO_REVOCATIONS ? &none : &made->revocations, false, &der);
    made_hashes(made, stamp, digest, &made->unsigned_attrs, !whole, &der);
    sg_der_close(&der, index, SG_DER_SEQUENCE);
    assert_int_equal(der.rc, SG_OK);
}

/* What it is over: eContentType, the content's hash, version to signature of the SignerInfo, and the index (EN 319
 * 122-1 §5.5.3). */
static inline void made_archive_over(const struct made *made, const char *digest, struct sg_slice index,
                                     struct sg_buf *out)
{
    struct sg_der der = {.out = out};
    uint8_t hash[EVP_MAX_MD_SIZE];
    size_t len = 0;
    assert_int_equal(sg_digest(made->libctx, digest, sg_buf_slice(&made->content), hash, &len, NULL), SG_OK);
    sg_der_oid(&der, made->content_type);
    sg_der_raw(&der, (struct sg_slice){hash, len});
    sg_der_raw(&der, sg_buf_slice(&made->signed_part));
    sg_der_raw(&der, index);
    assert_int_equal(der.rc, SG_OK);
}

static inline void made_archive_stamp(struct made *made, const struct made_stamp *stamp)
{
    _cleanup_(sg_buf_clear) struct sg_buf index = SG_BUF(SG_MIB), over = SG_BUF(SG_MIB), token = SG_BUF(16 * SG_MIB);
    const char *type = stamp->odd & MADE_INDEX_V1   ? "0.4.0.1733.2.5"
                       : stamp->odd & MADE_INDEX_V2 ? "0.4.0.19122.1.4"
                                                    : "0.4.0.19122.1.5";
    made_index(made, stamp, &index);
    made_archive_over(made, made_stamp_digest(stamp), sg_buf_slice(&index), &over);
    made_token(made->libctx, stamp, sg_buf_slice(&over), stamp->odd & MADE_NO_INDEX ? NULL : type, sg_buf_slice(&index),
               &token);
    made_attribute(made, "0.4.0.1733.2.4", sg_buf_slice(&token));
}
