/* How the files that read CMS share the work: cms_probe.c knows it when it sees it, cms_read.c walks the whole,
 * cms_signer.c one SignerInfo, cms_attributes.c its attributes. */
#pragma once

#include "base/limits.h"
#include "formats/cms.h"
#include "formats/tlv.h"

/* A walk over what stands behind the content, all of which is in memory. */
struct sg_cms_walk {
    struct sg_tlv_reader *reader; /* over the whole input */
    uint64_t rest_start;          /* where in the input `rest` begins */
    struct sg_slice rest;         /* to the input's end */
    const STACK_OF(X509) *certs;  /* that came along and were read; outlive the signers */
};

/* What it was read with: certificates of the same kind of file are looked up there as well. May be NULL. */
struct sg_cert_cache *sg_cms_known(const struct sg_cms *cms);

/* The label of a PEM block that holds a CMS. */
bool sg_cms_is_label(const char *label);
/* Whether this OBJECT IDENTIFIER is signedData (RFC 5652 §5.1). */
SG_MUST_CHECK enum sg_rc sg_cms_is_signed_data(struct sg_input *input, const struct sg_tlv *oid, bool *ret,
                                               struct sg_err *err);

/* The bytes of a complete element of the rest. */
struct sg_slice sg_cms_bytes(const struct sg_cms_walk *walk, const struct sg_tlv *element);
/* The next element, which must be this one, as a slice. */
SG_MUST_CHECK enum sg_rc sg_cms_take(const struct sg_cms_walk *walk, uint32_t tag, const char *what,
                                     struct sg_slice *ret, struct sg_err *err);
/* The octets of the string just read, joined. */
SG_MUST_CHECK enum sg_rc sg_cms_join(const struct sg_cms_walk *walk, struct sg_buf *out, struct sg_err *err);

/* Walks the Attributes in the element just read, and goes behind it, which completes `element`. */
SG_MUST_CHECK enum sg_rc sg_cms_read_attributes(const struct sg_cms_walk *walk, struct sg_tlv *element,
                                                struct sg_attribute **ret, size_t *ret_count, struct sg_err *err);
void sg_cms_free_attributes(struct sg_attribute *attributes, size_t count);

/* Issuer and serial number of a certificate, in DER: to read a name takes longer than to compare it. False: a serial
 * number that is longer than RFC 5280 §4.1.2.2 allows. `name` is the certificate's, `serial` is in `room`. */
#define SG_CERT_SERIAL_ROOM 64
bool sg_cert_issuer_and_serial(const X509 *cert, uint8_t room[SG_CERT_SERIAL_ROOM], struct sg_slice *ret_name,
                               struct sg_slice *ret_serial);

struct sg_cms_signer {
    struct sg_signer_info info;
    struct sg_attribute *signed_attrs; /* owned, as info shows them */
    struct sg_attribute *unsigned_attrs;
    struct sg_buf signature;
    struct sg_buf subject_key_id;
    X509_NAME *issuer; /* unless it is that of a certificate that came along */
    ASN1_INTEGER *serial;
};

/* Reads the SignerInfo just read, and goes behind it. */
SG_MUST_CHECK enum sg_rc sg_cms_read_signer(const struct sg_cms_walk *walk, struct sg_cms_signer **ret,
                                            struct sg_err *err);
void sg_cms_signer_free(struct sg_cms_signer *signer);
SG_DEFINE_CLEANUP(struct sg_cms_signer, sg_cms_signer_free)
