/* What a certificate may be used for: keyUsage (RFC 5280 §4.2.1.3) and extendedKeyUsage (§4.2.1.12). */
#include <string.h>

#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include "base/cleanup.h"
#include "base/msg.h"
#include "verify/verifier.h"

SG_DEFINE_CLEANUP(EXTENDED_KEY_USAGE, EXTENDED_KEY_USAGE_free)

/* Purposes under which documents are signed. A certificate that is for logging in or for servers alone (clientAuth,
 * serverAuth) is not for documents: what it signs was not meant as a signature. */
static const char *const document_purposes[] = {
    "1.3.6.1.5.5.7.3.4",       /* id-kp-emailProtection (RFC 5280 §4.2.1.12) */
    "1.3.6.1.5.5.7.3.36",      /* id-kp-documentSigning (RFC 9336) */
    "1.3.6.1.4.1.311.10.3.12", /* Microsoft's document signing */
    "1.2.840.113583.1.1.5",    /* Adobe's authentic documents */
    "2.5.29.37.0",             /* anyExtendedKeyUsage */
};

static bool is_document_purpose(const ASN1_OBJECT *object)
{
    char text[128];
    if (OBJ_obj2txt(text, sizeof text, object, 1) <= 0)
        return false;
    for (size_t i = 0; i < sizeof document_purposes / sizeof *document_purposes; i++)
        if (strcmp(text, document_purposes[i]) == 0)
            return true;
    return false;
}

static const char *sign_problem(X509 *cert, const EXTENDED_KEY_USAGE *purposes)
{
    /* All bits where keyUsage is absent. */
    if (!(X509_get_key_usage(cert) & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)))
        return N_("The signer's certificate is not meant for signatures (its key usage).");
    if (!purposes)
        return NULL;
    for (int i = 0; i < sk_ASN1_OBJECT_num(purposes); i++)
        if (is_document_purpose(sk_ASN1_OBJECT_value(purposes, i)))
            return NULL;
    return N_("The signer's certificate is not meant for signing documents (its extended key usage).");
}

/* RFC 3161 §2.3: that purpose alone, and critical. */
static const char *timestamp_problem(X509 *cert, const EXTENDED_KEY_USAGE *purposes, bool critical)
{
    if (!(X509_get_key_usage(cert) & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)))
        return N_("The certificate is not meant for signatures (its key usage).");
    if (sk_ASN1_OBJECT_num(purposes) != 1 || !critical ||
        OBJ_obj2nid(sk_ASN1_OBJECT_value(purposes, 0)) != NID_time_stamp)
        return N_("The certificate is not meant for time-stamps (RFC 3161 §2.3).");
    return NULL;
}

static const char *ocsp_problem(X509 *cert, const EXTENDED_KEY_USAGE *purposes)
{
    if (!(X509_get_key_usage(cert) & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)))
        return N_("The certificate is not meant for signatures (its key usage).");
    for (int i = 0; i < sk_ASN1_OBJECT_num(purposes); i++)
        if (OBJ_obj2nid(sk_ASN1_OBJECT_value(purposes, i)) == NID_OCSP_sign)
            return NULL;
    return N_("The certificate is not meant for OCSP responses (RFC 6960 §4.2.2.2).");
}

/* RFC 5280 §6.3.3 (f): where there is a keyUsage, it has cRLSign. Whether it is a CA's does not count (§5). */
bool sg_cert_may_sign_crls(X509 *cert)
{
    return X509_get_key_usage(cert) & KU_CRL_SIGN; /* all bits are set where it is absent */
}

const char *sg_usage_problem(X509 *cert, enum sg_cert_purpose purpose)
{
    int critical = -1;
    _cleanup_(EXTENDED_KEY_USAGE_freep) EXTENDED_KEY_USAGE *purposes =
        X509_get_ext_d2i(cert, NID_ext_key_usage, &critical, NULL);
    if (!purposes && critical != -1)
        return N_("The certificate's extended key usage cannot be read.");
    switch (purpose) {
    case SG_CERT_SIGN:
        return sign_problem(cert, purposes);
    case SG_CERT_TIMESTAMP:
        return timestamp_problem(cert, purposes, critical > 0);
    case SG_CERT_OCSP:
        return ocsp_problem(cert, purposes);
    case SG_CERT_CRL:
        return sg_cert_may_sign_crls(cert) ? NULL : N_("The certificate is not meant for CRLs (its key usage).");
    case SG_CERT_ANY:
        break;
    }
    return NULL;
}

/* RFC 5280 §4.2.1.12 speaks of a certificate's own key; that in a CA's it limits what the CA may issue is what
 * everybody makes of it, and what CAs rely on that are made for servers alone. */
static bool lets_issue(const ASN1_OBJECT *object, enum sg_cert_purpose purpose)
{
    int nid = OBJ_obj2nid(object);
    switch (purpose) {
    case SG_CERT_SIGN:
        return is_document_purpose(object);
    case SG_CERT_TIMESTAMP:
        return nid == NID_time_stamp || nid == NID_anyExtendedKeyUsage;
    case SG_CERT_OCSP:
        return nid == NID_OCSP_sign || nid == NID_anyExtendedKeyUsage;
    case SG_CERT_CRL: /* there is no extended key usage for them */
    case SG_CERT_ANY:
        break;
    }
    return true;
}

const char *sg_usage_ca_problem(X509 *ca, enum sg_cert_purpose purpose)
{
    int critical = -1;
    _cleanup_(EXTENDED_KEY_USAGE_freep) EXTENDED_KEY_USAGE *purposes =
        X509_get_ext_d2i(ca, NID_ext_key_usage, &critical, NULL);
    if (!purposes)
        return critical == -1 ? NULL : N_("A CA's extended key usage cannot be read.");
    for (int i = 0; i < sk_ASN1_OBJECT_num(purposes); i++)
        if (lets_issue(sk_ASN1_OBJECT_value(purposes, i), purpose))
            return NULL;
    return N_("A CA on the path is not meant to issue certificates for this (its extended key usage).");
}

/* X509_check_ca() also takes certificates of version 1, which no path is valid with here. */
bool sg_cert_is_ca(X509 *cert)
{
    return X509_check_ca(cert) == 1;
}

bool sg_cert_may_sign(X509 *cert)
{
    return sg_usage_problem(cert, SG_CERT_SIGN) == NULL;
}
