/* ASN.1 templates of the small structures in a CMS (RFC 5652, RFC 2634, RFC 5035), for OpenSSL's decoder. Decoding by
 * them forgets how something was encoded: only for what is no longer needed byte by byte. */
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
