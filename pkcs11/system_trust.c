#include "pkcs11/system_trust.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/limits.h"
#include "base/msg.h"
#include "pkcs11/cryptoki.h"

/* After pkcs11.h, whose types it uses. */
#define CRYPTOKI_X_VENDOR_DEFINED 1
#include <p11-kit/pkcs11x.h>

#define CATEGORY_AUTHORITY 2 /* PKCS#11 v2.40 §4.6.2, CKA_CERTIFICATE_CATEGORY */

/* What is read of a certificate, in this order. */
enum { AT_VALUE, AT_ISSUER, AT_SERIAL, AT_TRUSTED, AT_DISTRUSTED, AT_CATEGORY, AT_KEY, AT_UNTIL, AT_COUNT };

static const CK_ATTRIBUTE_TYPE types[AT_COUNT] = {CKA_VALUE,           CKA_ISSUER,
                                                  CKA_SERIAL_NUMBER,   CKA_TRUSTED,
                                                  CKA_X_DISTRUSTED,    CKA_CERTIFICATE_CATEGORY,
                                                  CKA_PUBLIC_KEY_INFO, CKA_NSS_EMAIL_DISTRUST_AFTER};

/* One as it is read; which distrusted ones there are is known at the end. */
struct found {
    CK_ATTRIBUTE at[AT_COUNT]; /* values allocated; NULL: it has none */
    CK_ULONG mail, timestamps; /* CK_TRUST */
    bool limited;              /* names that it may certify are limited */
};

/* Where the modules are being read. */
struct place {
    CK_FUNCTION_LIST *f;
    CK_SESSION_HANDLE session;
};

struct reading {
    OSSL_LIB_CTX *libctx;
    struct found *found;
    size_t count;
};

static void reading_clear(struct reading *reading)
{
    for (size_t i = 0; i < reading->count; i++)
        for (size_t k = 0; k < AT_COUNT; k++)
            free(reading->found[i].at[k].pValue);
    free(reading->found);
}

static bool has(const CK_ATTRIBUTE *attribute)
{
    return attribute->pValue && attribute->ulValueLen != 0 && attribute->ulValueLen != CK_UNAVAILABLE_INFORMATION;
}

static bool is_true(const CK_ATTRIBUTE *attribute)
{
    return has(attribute) && attribute->ulValueLen == sizeof(CK_BBOOL) && *(const CK_BBOOL *)attribute->pValue;
}

static bool same(const CK_ATTRIBUTE *a, const CK_ATTRIBUTE *b)
{
    return has(a) && has(b) && a->ulValueLen == b->ulValueLen && memcmp(a->pValue, b->pValue, a->ulValueLen) == 0;
}

static bool is_authority(const struct found *found)
{
    const CK_ATTRIBUTE *category = &found->at[AT_CATEGORY];
    CK_ULONG value = 0;
    if (has(category) && category->ulValueLen == sizeof value)
        memcpy(&value, category->pValue, sizeof value);
    return value == CATEGORY_AUTHORITY;
}

/* --- what is said elsewhere of a certificate ---------------------------------------------------------------------- */

static bool find_one(const struct place *place, CK_ATTRIBUTE *match, CK_ULONG count, CK_OBJECT_HANDLE *ret)
{
    CK_ULONG found = 0;
    if (place->f->C_FindObjectsInit(place->session, match, count) != CKR_OK)
        return false;
    CK_RV rv = place->f->C_FindObjects(place->session, ret, 1, &found);
    (void)place->f->C_FindObjectsFinal(place->session);
    return rv == CKR_OK && found == 1;
}

/* An NSS trust object says what a certificate is trusted for. One that is not there: for nothing. */
static void read_trust(const struct place *place, OSSL_LIB_CTX *libctx, struct found *found)
{
    CK_OBJECT_CLASS class = CKO_NSS_TRUST;
    CK_OBJECT_HANDLE object = 0;
    uint8_t sha1[EVP_MAX_MD_SIZE];
    size_t len = 0;
    const struct sg_slice der = {found->at[AT_VALUE].pValue, found->at[AT_VALUE].ulValueLen};
    found->mail = found->timestamps = CKT_NSS_TRUST_UNKNOWN;
    if (sg_digest(libctx, "SHA1", der, sha1, &len, NULL) != SG_OK)
        return;
    CK_ATTRIBUTE match[] = {{CKA_CLASS, &class, sizeof class},
                            {CKA_ISSUER, found->at[AT_ISSUER].pValue, found->at[AT_ISSUER].ulValueLen},
                            {CKA_SERIAL_NUMBER, found->at[AT_SERIAL].pValue, found->at[AT_SERIAL].ulValueLen},
                            {CKA_CERT_SHA1_HASH, sha1, len}};
    if (!find_one(place, match, sizeof match / sizeof *match, &object))
        return;
    CK_ULONG mail = 0, timestamps = 0;
    CK_ATTRIBUTE read[] = {{CKA_TRUST_EMAIL_PROTECTION, &mail, sizeof mail},
                           {CKA_TRUST_TIME_STAMPING, &timestamps, sizeof timestamps}};
    CK_RV rv = place->f->C_GetAttributeValue(place->session, object, read, 2);
    if (rv != CKR_OK)
        return;
    found->mail = mail;
    found->timestamps = timestamps;
}

/* Extensions that the trust policy adds to a certificate are objects of their own. */
static bool has_name_constraints(const struct place *place, const struct found *found)
{
    CK_OBJECT_CLASS class = CKO_X_CERTIFICATE_EXTENSION;
    CK_OBJECT_HANDLE object = 0;
    static const uint8_t oid[] = {0x06, 0x03, 0x55, 0x1d, 0x1e}; /* id-ce-nameConstraints */
    CK_ATTRIBUTE match[] = {{CKA_CLASS, &class, sizeof class},
                            {CKA_OBJECT_ID, (void *)oid, sizeof oid},
                            {CKA_PUBLIC_KEY_INFO, found->at[AT_KEY].pValue, found->at[AT_KEY].ulValueLen}};
    return has(&found->at[AT_KEY]) && find_one(place, match, 3, &object);
}

/* --- one certificate after the other ------------------------------------------------------------------------------ */

/* What it has of the attributes; what it has not stays NULL. */
static enum sg_rc load(const struct place *place, CK_OBJECT_HANDLE object, struct found *found, struct sg_err *err)
{
    for (size_t i = 0; i < AT_COUNT; i++) {
        CK_ATTRIBUTE attribute = {types[i], NULL, 0};
        if (place->f->C_GetAttributeValue(place->session, object, &attribute, 1) != CKR_OK ||
            attribute.ulValueLen == 0 || attribute.ulValueLen > SG_MAX_CERTIFICATE)
            continue;
        attribute.pValue = malloc(attribute.ulValueLen);
        if (!attribute.pValue)
            return sg_fail_memory(err);
        if (place->f->C_GetAttributeValue(place->session, object, &attribute, 1) == CKR_OK)
            found->at[i] = attribute;
        else
            free(attribute.pValue);
    }
    return SG_OK;
}

static enum sg_rc read_one(const struct place *place, CK_OBJECT_HANDLE object, struct reading *reading,
                           struct sg_err *err)
{
    struct found *grown = reallocarray(reading->found, reading->count + 1, sizeof *grown);
    if (!grown)
        return sg_fail_memory(err);
    reading->found = grown;
    struct found *found = &grown[reading->count++];
    *found = (struct found){0};
    enum sg_rc rc = load(place, object, found, err);
    if (rc != SG_OK || !has(&found->at[AT_VALUE]) || !is_authority(found))
        return rc; /* distrusted, it may be known by its issuer and serial number alone */
    read_trust(place, reading->libctx, found);
    found->limited = has_name_constraints(place, found);
    return SG_OK;
}

static enum sg_rc fail_read(CK_RV rv, struct sg_err *err)
{
    return sg_fail_ck(err, rv, "p11-kit", _("This machine's CA bundle cannot be read"));
}

/* A search at a time: the handles first. */
static enum sg_rc read_session(const struct place *place, struct reading *reading, struct sg_err *err)
{
    _cleanup_(freep) CK_OBJECT_HANDLE *objects = calloc(SG_MAX_LISTED_ANCHORS + 1, sizeof *objects);
    CK_OBJECT_CLASS class = CKO_CERTIFICATE;
    CK_CERTIFICATE_TYPE type = CKC_X_509;
    CK_ATTRIBUTE match[] = {{CKA_CLASS, &class, sizeof class}, {CKA_CERTIFICATE_TYPE, &type, sizeof type}};
    CK_ULONG count = 0;
    if (!objects)
        return sg_fail_memory(err);
    CK_RV rv = place->f->C_FindObjectsInit(place->session, match, 2);
    if (rv != CKR_OK)
        return fail_read(rv, err);
    for (CK_ULONG got = 1; rv == CKR_OK && got > 0 && count <= SG_MAX_LISTED_ANCHORS; count += got) {
        rv = place->f->C_FindObjects(place->session, objects + count, SG_MAX_LISTED_ANCHORS + 1 - count, &got);
        if (rv != CKR_OK || got > SG_MAX_LISTED_ANCHORS + 1 - count)
            break;
    }
    (void)place->f->C_FindObjectsFinal(place->session);
    if (rv != CKR_OK)
        return fail_read(rv, err);
    if (reading->count + count > SG_MAX_LISTED_ANCHORS)
        return sg_fail(err, SG_E_LIMIT, _("This machine's CA bundle has more than %d certificates."),
                       SG_MAX_LISTED_ANCHORS);
    enum sg_rc rc = SG_OK;
    for (CK_ULONG i = 0; rc == SG_OK && i < count; i++)
        rc = read_one(place, objects[i], reading, err);
    return rc;
}

static enum sg_rc read_module(CK_FUNCTION_LIST *f, struct reading *reading, struct sg_err *err)
{
    CK_SLOT_ID slots[SG_MAX_MODULES];
    CK_ULONG count = SG_MAX_MODULES;
    enum sg_rc rc = SG_OK;
    CK_RV rv = f->C_GetSlotList(CK_TRUE, slots, &count);
    if (rv != CKR_OK)
        return fail_read(rv, err);
    for (CK_ULONG i = 0; rc == SG_OK && i < count && i < SG_MAX_MODULES; i++) {
        struct place place = {.f = f};
        rv = f->C_OpenSession(slots[i], CKF_SERIAL_SESSION, NULL, NULL, &place.session);
        if (rv != CKR_OK)
            return fail_read(rv, err);
        rc = read_session(&place, reading, err);
        (void)f->C_CloseSession(place.session);
    }
    return rc;
}

/* --- what comes of it --------------------------------------------------------------------------------------------- */

static bool is_distrusted(const struct reading *reading, const struct found *found)
{
    for (size_t i = 0; i < reading->count; i++) {
        const struct found *other = &reading->found[i];
        if (!is_true(&other->at[AT_DISTRUSTED]))
            continue;
        if (same(&other->at[AT_VALUE], &found->at[AT_VALUE]) ||
            (same(&other->at[AT_ISSUER], &found->at[AT_ISSUER]) && same(&other->at[AT_SERIAL], &found->at[AT_SERIAL])))
            return true;
    }
    return false;
}

/* Mozilla's attribute is false, or a UTCTime. One that is something else cannot be kept: nothing is trusted then. */
static int64_t until_of(const CK_ATTRIBUTE *attribute)
{
    char text[16];
    int64_t until = INT64_MIN;
    if (!has(attribute) || (attribute->ulValueLen == sizeof(CK_BBOOL) && !*(const CK_BBOOL *)attribute->pValue))
        return INT64_MAX;
    if (attribute->ulValueLen >= sizeof text)
        return INT64_MIN;
    memcpy(text, attribute->pValue, attribute->ulValueLen);
    text[attribute->ulValueLen] = '\0';
    ASN1_TIME *time = ASN1_TIME_new();
    if (!time || !ASN1_TIME_set_string(time, text) || !sg_time_from_asn1(time, &until))
        until = INT64_MIN;
    ASN1_TIME_free(time);
    return until;
}

static const char *unusable(const struct reading *reading, const struct found *found)
{
    if (is_distrusted(reading, found))
        return N_("this machine distrusts it");
    if (!is_true(&found->at[AT_TRUSTED]))
        return N_("this machine does not trust it");
    if (found->limited)
        return N_(
            "this machine trusts it for some names alone, which are not taken over; trust add --permit can say them");
    if (until_of(&found->at[AT_UNTIL]) == INT64_MIN)
        return N_("it is not clear until when this machine trusts it");
    if (found->mail != CKT_NSS_TRUSTED_DELEGATOR && found->timestamps != CKT_NSS_TRUSTED_DELEGATOR)
        return N_("this machine trusts it neither for people's signatures nor for time-stamps");
    return NULL;
}

/* False: no memory. What does not parse is left out. */
static bool add_cert(const struct reading *reading, const struct found *found, struct sg_system_certs *certs)
{
    const uint8_t *at = found->at[AT_VALUE].pValue;
    size_t len = found->at[AT_VALUE].ulValueLen;
    if (!has(&found->at[AT_VALUE]) || !is_authority(found) || len > SG_MAX_CERTIFICATE)
        return true;
    X509 *cert = X509_new_ex(reading->libctx, NULL);
    if (!cert)
        return false;
    if (!d2i_X509(&cert, &at, (long)len) || at != (const uint8_t *)found->at[AT_VALUE].pValue + len) {
        X509_free(cert);
        return true;
    }
    for (size_t i = 0; i < certs->count; i++) {
        if (X509_cmp(certs->items[i].cert, cert) == 0) { /* in two folders */
            X509_free(cert);
            return true;
        }
    }
    certs->items[certs->count++] = (struct sg_system_cert){.cert = cert,
                                                           .mail = found->mail == CKT_NSS_TRUSTED_DELEGATOR,
                                                           .timestamps = found->timestamps == CKT_NSS_TRUSTED_DELEGATOR,
                                                           .until = until_of(&found->at[AT_UNTIL]),
                                                           .unusable = unusable(reading, found)};
    return true;
}

static enum sg_rc collect(const struct reading *reading, struct sg_system_certs *ret, struct sg_err *err)
{
    _cleanup_(sg_system_certs_clear) struct sg_system_certs certs = {calloc(reading->count + 1, sizeof *certs.items),
                                                                     0};
    if (!certs.items)
        return sg_fail_memory(err);
    for (size_t i = 0; i < reading->count; i++)
        if (!add_cert(reading, &reading->found[i], &certs))
            return sg_fail_memory(err);
    *ret = certs;
    certs = (struct sg_system_certs){0};
    return SG_OK;
}

enum sg_rc sg_system_trust_read(OSSL_LIB_CTX *libctx, struct sg_system_certs *ret, struct sg_err *err)
{
    _cleanup_(reading_clear) struct reading reading = {.libctx = libctx};
    p11_kit_be_quiet();
    CK_FUNCTION_LIST **modules = p11_kit_modules_load_and_initialize(P11_KIT_MODULE_TRUSTED);
    if (!modules || !*modules) {
        if (modules)
            p11_kit_modules_finalize_and_release(modules);
        return sg_fail(err, SG_E_NO_MODULE,
                       _("p11-kit is configured with no source of trust policy: install its trust module "
                         "(Debian: p11-kit-modules), or name files of certificates with trust add."));
    }
    enum sg_rc rc = SG_OK;
    for (CK_FUNCTION_LIST **f = modules; rc == SG_OK && *f; f++)
        rc = read_module(*f, &reading, err);
    p11_kit_modules_finalize_and_release(modules);
    return rc == SG_OK ? collect(&reading, ret, err) : rc;
}

void sg_system_certs_clear(struct sg_system_certs *certs)
{
    for (size_t i = 0; i < certs->count; i++)
        X509_free(certs->items[i].cert);
    free(certs->items);
    *certs = (struct sg_system_certs){0};
}
