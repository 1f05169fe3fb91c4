/* The forms of before EN 319 122-1, step by step. Beside evidence_maker.h:
 *
 *     made_sign(); made_signature_stamp();                             T
 *     made_references(&made, &(struct made_old){.certs = ..., ...});   C
 *     made_c_stamp(); made_references_stamp();                         X type 1, X type 2
 *     made_values(&made, &(struct made_old){...});                     XL
 *     made_archive_stamp_v2();                                         A */
#pragma once

#include "evidence_maker.h"

/* What the references and values of an older form are of: ends with NULL. */
struct made_old {
    X509 *certs[8];
    X509_CRL *crls[4];
    struct sg_slice ocsps[4]; /* OCSPResponses */
    const char *digest;       /* of the references: "SHA256"; "SHA1" in its short form */
};

static inline void made_values(struct made *made, const struct made_old *old)
{
    size_t certs = 0, crls = 0, ocsps = 0;
    while (certs < 8 && old->certs[certs])
        certs++;
    while (crls < 4 && old->crls[crls])
        crls++;
    while (ocsps < 4 && old->ocsps[ocsps].data)
        ocsps++;
    made_values_of(made, old->certs, certs, old->crls, crls, old->ocsps, ocsps);
}

/* OtherHash (EN 319 122-1 §A.1.1.1). */
static inline void made_other_hash(OSSL_LIB_CTX *libctx, const char *digest, const struct sg_buf *part,
                                   struct sg_der *der)
{
    if (strcmp(digest, "SHA1") == 0) {
        made_hash(libctx, digest, sg_buf_slice(part), der);
        return;
    }
    size_t hash = sg_der_open(der);
    pki_algorithm(der, OBJ_txt2nid(digest), false);
    made_hash(libctx, digest, sg_buf_slice(part), der);
    sg_der_close(der, hash, SG_DER_SEQUENCE);
}

/* SEQUENCE { SEQUENCE OF SEQUENCE { ocspIdentifier (only of OCSP responses), OtherHash } } with this tag around. */
static inline void made_reference_list(OSSL_LIB_CTX *libctx, const char *digest, const struct made_parts *parts,
                                       uint8_t tag, struct sg_der *der)
{
    if (parts->count == 0)
        return;
    size_t tagged = sg_der_open(der), id = sg_der_open(der), list = sg_der_open(der);
    for (size_t i = 0; i < parts->count; i++) {
        size_t reference = sg_der_open(der);
        if (tag == SG_DER_CONTEXT(1)) { /* OcspIdentifier { ocspResponderID, producedAt }: nobody reads it */
            size_t identifier = sg_der_open(der);
            pki_ocsp_time(der, 0, PKI_NOW);
            sg_der_close(der, identifier, SG_DER_SEQUENCE);
        }
        made_other_hash(libctx, digest, &parts->bufs[i], der);
        sg_der_close(der, reference, SG_DER_SEQUENCE);
    }
    sg_der_close(der, list, SG_DER_SEQUENCE);
    sg_der_close(der, id, SG_DER_SEQUENCE);
    sg_der_close(der, tagged, tag);
}

/* complete-certificate-references and complete-revocation-references. */
static inline void made_references(struct made *made, const struct made_old *old)
{
    _cleanup_(sg_buf_clear) struct sg_buf certs = SG_BUF(SG_MIB), revocation = SG_BUF(SG_MIB);
    struct made_parts cert_parts = {0}, crl_parts = {0}, ocsp_parts = {0};
    struct sg_der der = {.out = &certs};
    const char *digest = old->digest ? old->digest : "SHA256";
    for (size_t i = 0; i < 8 && old->certs[i]; i++)
        made_x509(&cert_parts, old->certs[i]);
    for (size_t i = 0; i < 4 && old->crls[i]; i++)
        made_x509_crl(&crl_parts, old->crls[i]);
    for (size_t i = 0; i < 4 && old->ocsps[i].data; i++)
        made_basic(&ocsp_parts, old->ocsps[i]);
    size_t refs = sg_der_open(&der);
    for (size_t i = 0; i < cert_parts.count; i++) {
        size_t id = sg_der_open(&der);
        made_other_hash(made->libctx, digest, &cert_parts.bufs[i], &der);
        sg_der_close(&der, id, SG_DER_SEQUENCE);
    }
    sg_der_close(&der, refs, SG_DER_SEQUENCE);
    made_attribute(made, "1.2.840.113549.1.9.16.2.21", sg_buf_slice(&certs));

    struct sg_der revocation_der = {.out = &revocation};
    size_t all = sg_der_open(&revocation_der), one = sg_der_open(&revocation_der);
    made_reference_list(made->libctx, digest, &crl_parts, SG_DER_CONTEXT(0), &revocation_der);
    made_reference_list(made->libctx, digest, &ocsp_parts, SG_DER_CONTEXT(1), &revocation_der);
    sg_der_close(&revocation_der, one, SG_DER_SEQUENCE);
    sg_der_close(&revocation_der, all, SG_DER_SEQUENCE);
    made_attribute(made, "1.2.840.113549.1.9.16.2.22", sg_buf_slice(&revocation));
    made_clear_parts(&cert_parts);
    made_clear_parts(&crl_parts);
    made_clear_parts(&ocsp_parts);
}

/* The type and set of values of each attribute of that type, without its header. */
static inline void made_inner(const struct made *made, const char *type, struct sg_der *der)
{
    _cleanup_(sg_buf_clear) struct sg_buf oid = SG_BUF(64);
    struct sg_der oid_der = {.out = &oid};
    made_oid(&oid_der, type);
    for (size_t i = 0; i < made->unsigned_attrs.count; i++) {
        struct sg_slice whole = sg_buf_slice(&made->unsigned_attrs.bufs[i]), members;
        (void)made_take(&whole, &members);
        if (members.len > oid.len && memcmp(members.data, oid.data, oid.len) == 0)
            sg_der_raw(der, members);
    }
}

static inline void made_older_stamp(struct made *made, const struct made_stamp *stamp, bool with_signature)
{
    _cleanup_(sg_buf_clear) struct sg_buf over = SG_BUF(16 * SG_MIB);
    struct sg_der der = {.out = &over};
    if (with_signature) {
        sg_der_raw(&der, sg_buf_slice(&made->signature));
        made_inner(made, "1.2.840.113549.1.9.16.2.14", &der);
    }
    made_inner(made, "1.2.840.113549.1.9.16.2.21", &der);
    made_inner(made, "1.2.840.113549.1.9.16.2.22", &der);
    assert_int_equal(der.rc, SG_OK);
    made_stamp_over(made, with_signature ? "1.2.840.113549.1.9.16.2.25" : "1.2.840.113549.1.9.16.2.26", stamp,
                    sg_buf_slice(&over));
}

/* CAdES-C-timestamp: X type 1. */
static inline void made_c_stamp(struct made *made, const struct made_stamp *stamp)
{
    made_older_stamp(made, stamp, true);
}

/* time-stamped-certs-crls-references: X type 2. */
static inline void made_references_stamp(struct made *made, const struct made_stamp *stamp)
{
    made_older_stamp(made, stamp, false);
}

/* archive-time-stamp v2: A. */
static inline void made_archive_stamp_v2(struct made *made, const struct made_stamp *stamp)
{
    _cleanup_(sg_buf_clear) struct sg_buf over = SG_BUF(16 * SG_MIB);
    struct sg_der der = {.out = &over};
    made_encap(made, &der);
    if (!made->attached)
        sg_der_raw(&der, sg_buf_slice(&made->content));
    made_set(made->indefinite, &der, &made->certificates, SG_DER_CONTEXT(0));
    made_set(made->indefinite, &der, &made->revocations, SG_DER_CONTEXT(1));
    sg_der_raw(&der, sg_buf_slice(&made->signed_part));
    if (stamp->odd & MADE_NO_SET_HEADER)
        made_raw_parts(&der, &made->unsigned_attrs);
    else
        made_set(false, &der, &made->unsigned_attrs, SG_DER_CONTEXT(1));
    assert_int_equal(der.rc, SG_OK);
    made_stamp_over(made, "1.2.840.113549.1.9.16.2.48", stamp, sg_buf_slice(&over));
}
