/* ASN.1 templates of the small structures in a CMS (RFC 5652, RFC 5753, RFC 5084, RFC 2634, RFC 5035), for OpenSSL's
 * decoder. Decoding by them forgets how something was encoded: only for what is no longer needed byte by byte. */
#pragma once

#include <openssl/asn1t.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/cleanup.h"

/* RFC 5652 §10.2.4 */
typedef struct sg_issuer_and_serial {
    X509_NAME *issuer;
    ASN1_INTEGER *serial;
} SG_ISSUER_AND_SERIAL;
DECLARE_ASN1_FUNCTIONS(SG_ISSUER_AND_SERIAL)
SG_DEFINE_CLEANUP(SG_ISSUER_AND_SERIAL, SG_ISSUER_AND_SERIAL_free)

/* SET OF Attribute with its own tag 31: what is signed (RFC 5652 §5.4). Encoding sorts the members as DER wants. */
typedef STACK_OF(X509_ATTRIBUTE) SG_ATTRIBUTES;
DECLARE_ASN1_ITEM(SG_ATTRIBUTES)
DECLARE_ASN1_ENCODE_FUNCTIONS_only(SG_ATTRIBUTES,
                                   SG_ATTRIBUTES) static inline void SG_ATTRIBUTES_free(SG_ATTRIBUTES *attributes)
{
    sk_X509_ATTRIBUTE_pop_free(attributes, X509_ATTRIBUTE_free);
}
SG_DEFINE_CLEANUP(SG_ATTRIBUTES, SG_ATTRIBUTES_free)

/* RFC 5035 §5: GeneralNames with one directoryName, and the serial. */
typedef struct sg_issuer_serial {
    GENERAL_NAMES *issuer;
    ASN1_INTEGER *serial;
} SG_ISSUER_SERIAL;
DECLARE_ASN1_FUNCTIONS(SG_ISSUER_SERIAL)

/* RFC 2634 §5.4 */
typedef struct sg_ess_cert_id_v1 {
    ASN1_OCTET_STRING *hash;
    SG_ISSUER_SERIAL *issuer_serial; /* OPTIONAL */
} SG_ESS_CERT_ID_V1;
DECLARE_ASN1_FUNCTIONS(SG_ESS_CERT_ID_V1)
DEFINE_STACK_OF(SG_ESS_CERT_ID_V1)

typedef struct sg_signing_certificate {
    STACK_OF(SG_ESS_CERT_ID_V1) *certs;
    STACK_OF(POLICYINFO) *policies; /* OPTIONAL */
} SG_SIGNING_CERTIFICATE;
DECLARE_ASN1_FUNCTIONS(SG_SIGNING_CERTIFICATE)
SG_DEFINE_CLEANUP(SG_SIGNING_CERTIFICATE, SG_SIGNING_CERTIFICATE_free)

/* RFC 5035 §4 */
typedef struct sg_ess_cert_id_v2 {
    X509_ALGOR *algorithm; /* DEFAULT SHA-256: NULL */
    ASN1_OCTET_STRING *hash;
    SG_ISSUER_SERIAL *issuer_serial; /* OPTIONAL */
} SG_ESS_CERT_ID_V2;
DECLARE_ASN1_FUNCTIONS(SG_ESS_CERT_ID_V2)
DEFINE_STACK_OF(SG_ESS_CERT_ID_V2)

/* RFC 5035 §3 */
typedef struct sg_signing_certificate_v2 {
    STACK_OF(SG_ESS_CERT_ID_V2) *certs;
    STACK_OF(POLICYINFO) *policies; /* OPTIONAL */
} SG_SIGNING_CERTIFICATE_V2;
DECLARE_ASN1_FUNCTIONS(SG_SIGNING_CERTIFICATE_V2)
SG_DEFINE_CLEANUP(SG_SIGNING_CERTIFICATE_V2, SG_SIGNING_CERTIFICATE_V2_free)

/* RFC 5652 §6.2.1 */
typedef struct sg_recipient_id {
    int type; /* 0: issuer_and_serial, 1: subject_key_id */
    union {
        SG_ISSUER_AND_SERIAL *issuer_and_serial;
        ASN1_OCTET_STRING *subject_key_id;
    } d;
} SG_RECIPIENT_ID;
DECLARE_ASN1_ITEM(SG_RECIPIENT_ID)

typedef struct sg_key_trans {
    ASN1_INTEGER *version;
    SG_RECIPIENT_ID *rid;
    X509_ALGOR *algorithm;
    ASN1_OCTET_STRING *encrypted_key;
} SG_KEY_TRANS;
DECLARE_ASN1_FUNCTIONS(SG_KEY_TRANS)
DEFINE_STACK_OF(SG_KEY_TRANS)

/* RFC 5652 §6.2.2 */
typedef struct sg_originator_key {
    X509_ALGOR *algorithm;
    ASN1_BIT_STRING *public_key;
} SG_ORIGINATOR_KEY;
DECLARE_ASN1_ITEM(SG_ORIGINATOR_KEY)

typedef struct sg_originator {
    int type; /* 0: issuer_and_serial, 1: subject_key_id, 2: key */
    union {
        SG_ISSUER_AND_SERIAL *issuer_and_serial;
        ASN1_OCTET_STRING *subject_key_id;
        SG_ORIGINATOR_KEY *key;
    } d;
} SG_ORIGINATOR;
DECLARE_ASN1_ITEM(SG_ORIGINATOR)

typedef struct sg_recipient_key_id {
    ASN1_OCTET_STRING *subject_key_id;
    ASN1_GENERALIZEDTIME *date; /* OPTIONAL */
    ASN1_TYPE *other;           /* OPTIONAL */
} SG_RECIPIENT_KEY_ID;
DECLARE_ASN1_ITEM(SG_RECIPIENT_KEY_ID)

typedef struct sg_key_agree_id {
    int type; /* 0: issuer_and_serial, 1: key_id */
    union {
        SG_ISSUER_AND_SERIAL *issuer_and_serial;
        SG_RECIPIENT_KEY_ID *key_id;
    } d;
} SG_KEY_AGREE_ID;
DECLARE_ASN1_ITEM(SG_KEY_AGREE_ID)

typedef struct sg_recipient_encrypted_key {
    SG_KEY_AGREE_ID *rid;
    ASN1_OCTET_STRING *encrypted_key;
} SG_RECIPIENT_ENCRYPTED_KEY;
DECLARE_ASN1_ITEM(SG_RECIPIENT_ENCRYPTED_KEY)
DEFINE_STACK_OF(SG_RECIPIENT_ENCRYPTED_KEY)

typedef struct sg_key_agree {
    ASN1_INTEGER *version;
    SG_ORIGINATOR *originator;
    ASN1_OCTET_STRING *ukm; /* OPTIONAL */
    X509_ALGOR *algorithm;
    STACK_OF(SG_RECIPIENT_ENCRYPTED_KEY) *recipients;
} SG_KEY_AGREE;
DECLARE_ASN1_FUNCTIONS(SG_KEY_AGREE)
DEFINE_STACK_OF(SG_KEY_AGREE)

/* ECC-CMS-SharedInfo, RFC 5753 §7.2 */
typedef struct sg_ecc_shared_info {
    X509_ALGOR *key_info;
    ASN1_OCTET_STRING *entity_u_info; /* OPTIONAL */
    ASN1_OCTET_STRING *supp_pub_info;
} SG_ECC_SHARED_INFO;
DECLARE_ASN1_FUNCTIONS(SG_ECC_SHARED_INFO)

/* RFC 5084 §3.2 */
typedef struct sg_gcm_parameters {
    ASN1_OCTET_STRING *nonce;
    ASN1_INTEGER *icv_len; /* DEFAULT 12: NULL */
} SG_GCM_PARAMETERS;
DECLARE_ASN1_FUNCTIONS(SG_GCM_PARAMETERS)
SG_DEFINE_CLEANUP(SG_GCM_PARAMETERS, SG_GCM_PARAMETERS_free)
