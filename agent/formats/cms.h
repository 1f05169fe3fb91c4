/* Reading CMS SignedData (RFC 5652 §5) without changing a byte of it. DER, BER (indefinite lengths, constructed
 * strings) and PEM. Content is never held: it is streamed out when asked for. Parsing judges nothing: what is odd but
 * readable is handed on as it is, for verify/ to judge. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "base/buf.h"
#include "base/input.h"
#include "formats/cert_cache.h"

struct sg_cms;

/* One attribute, as on the wire. Slices live as long as the sg_cms. */
struct sg_attribute {
    ASN1_OBJECT *type;
    struct sg_slice encoding;      /* the whole Attribute */
    struct sg_slice type_encoding; /* its attrType and attrValues */
    struct sg_slice set_encoding;
    const struct sg_slice *values; /* each AttributeValue's encoding */
    size_t value_count;
};

struct sg_signer_info {
    long version;
    /* The sid (RFC 5652 §5.3): either issuer and serial, or the subject key identifier. The others are NULL / none. */
    const X509_NAME *issuer;
    const ASN1_INTEGER *serial;
    struct sg_slice subject_key_id;

    X509_ALGOR *digest_algorithm;
    X509_ALGOR *signature_algorithm;
    struct sg_slice signature;

    /* The signed attributes as on the wire with their [0] header ("none" if there are none), and each of them. */
    struct sg_slice signed_attrs_wire;
    const struct sg_attribute *signed_attrs;
    size_t signed_attr_count;
    const struct sg_attribute *unsigned_attrs;
    size_t unsigned_attr_count;
    struct sg_slice encoding;    /* the whole SignerInfo */
    struct sg_slice signed_part; /* of it, version to signature, one behind the other; unsignedAttrs follow */
};

/* Parts of a SignedData as on the wire, for what is calculated over them. Slices live as long as the sg_cms. */
struct sg_cms_wire {
    struct sg_slice content_type;               /* eContentType */
    struct sg_slice certificates, crls;         /* the whole element; "none" if absent */
    const struct sg_slice *certificate_choices; /* each CertificateChoices and RevocationInfoChoice in them */
    const struct sg_slice *revocation_choices;
    size_t certificate_choice_count, revocation_choice_count;
};

/* Whether the input looks like CMS at all (PEM header, or SEQUENCE with the signedData OID): what tells "an unknown
 * format" (exit 2) from "a broken container" (exit 65). */
SG_MUST_CHECK enum sg_rc sg_cms_probe(struct sg_input *input, bool *ret_is_cms, struct sg_err *err);

/* Parses all but the content. `input` must outlive the result. Not CMS, truncated, or over a limit: SG_E_MALFORMED or
 * SG_E_LIMIT. Bytes behind the structure are SG_E_MALFORMED. `known` (or NULL) spares parsing certificates again. */
SG_MUST_CHECK enum sg_rc sg_cms_read(struct sg_input *input, OSSL_LIB_CTX *libctx, struct sg_cert_cache *known,
                                     struct sg_cms **ret, struct sg_err *err);
void sg_cms_free(struct sg_cms *cms);
SG_DEFINE_CLEANUP(struct sg_cms, sg_cms_free)

const ASN1_OBJECT *sg_cms_content_type(const struct sg_cms *cms); /* eContentType */
bool sg_cms_is_detached(const struct sg_cms *cms);
/* Certificates carried along; owned by the sg_cms. Ones that cannot be parsed are left out and counted. Revocation
 * information (RFC 5652 §10.2.1) is not decoded: cades_evidence.h hands it out. */
const STACK_OF(X509) *sg_cms_certificates(const struct sg_cms *cms);
size_t sg_cms_unreadable_count(const struct sg_cms *cms);
size_t sg_cms_signer_count(const struct sg_cms *cms);
const struct sg_signer_info *sg_cms_signer(const struct sg_cms *cms, size_t index);

const struct sg_cms_wire *sg_cms_wire(const struct sg_cms *cms);
/* Streams encapContentInfo (RFC 5652 §5.2) as on the wire, the content in it. */
SG_MUST_CHECK enum sg_rc sg_cms_encapsulated(const struct sg_cms *cms, struct sg_sink sink, struct sg_err *err);

/* Streams the attached content (the value octets of eContent, fragments joined). Detached: SG_E_USAGE. */
SG_MUST_CHECK enum sg_rc sg_cms_content(struct sg_cms *cms, struct sg_sink sink, struct sg_err *err);

/* What the signature value is over when there are signed attributes (RFC 5652 §5.4): the attributes with tag 31
 * instead of [0], once with their octets as on the wire (an indefinite length made definite) and once as DER: members
 * sorted, headers and simple values encoded anew, values that are structures of their own left as they are. The two are
 * equal for most; verify/ tries the wire first. Attributes that have no DER form are SG_E_MALFORMED; none at all,
 * SG_E_USAGE. */
SG_MUST_CHECK enum sg_rc sg_signer_info_to_be_signed(const struct sg_signer_info *si, bool der_sorted,
                                                     struct sg_buf *out, struct sg_err *err);

/* A countersignature (RFC 5652 §11.4): a SignerInfo that is a value of an unsigned attribute of another's, and has to
 * outlive the result. SG_E_MALFORMED or SG_E_LIMIT. */
struct sg_countersignature;
SG_MUST_CHECK enum sg_rc sg_countersignature_read(struct sg_slice value, struct sg_countersignature **ret,
                                                  struct sg_err *err);
void sg_countersignature_free(struct sg_countersignature *counter);
SG_DEFINE_CLEANUP(struct sg_countersignature, sg_countersignature_free)
const struct sg_signer_info *sg_countersignature_signer(const struct sg_countersignature *counter);

/* The SubjectIdentifier names this certificate. */
bool sg_signer_info_names(const struct sg_signer_info *si, X509 *cert);
/* The attributes of that type: their number; the first in `*ret` if there is one. */
size_t sg_attributes_find(const struct sg_attribute *attrs, size_t count, int nid, const struct sg_attribute **ret);

/* signing-certificate (RFC 2634 §5.4) and signing-certificate-v2 (RFC 5035 §3): the first ESSCertID. */
struct sg_ess_cert_id {
    const EVP_MD *digest; /* NULL: an algorithm that OpenSSL does not know */
    struct sg_slice hash; /* owned, as the others are */
    X509_NAME *issuer;    /* of issuerSerial; NULL if absent */
    ASN1_INTEGER *serial; /* ditto */
};

SG_MUST_CHECK enum sg_rc sg_ess_cert_id_read(const struct sg_attribute *attr, bool v2, struct sg_ess_cert_id *ret,
                                             struct sg_err *err);
/* One without issuer and serial. */
SG_MUST_CHECK enum sg_rc sg_ess_cert_id_make(struct sg_slice hash, const EVP_MD *digest, struct sg_ess_cert_id *ret,
                                             struct sg_err *err);
void sg_ess_cert_id_clear(struct sg_ess_cert_id *id);
/* Whether the attribute is, octet for octet, the signing-certificate-v2 that most programs write for this certificate:
 * its SHA-256 (given), issuer and serial number. Takes a fraction of reading it; false says nothing. */
bool sg_ess_is_usual(const struct sg_attribute *attr, const X509 *cert, struct sg_slice sha256);
