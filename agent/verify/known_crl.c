/* What a CRL says of itself, and looking a certificate up in it. */
#include "verify/known_crl.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "base/clock.h"
#include "base/msg.h"

SG_DEFINE_CLEANUP(ASN1_GENERALIZEDTIME, ASN1_GENERALIZEDTIME_free)

/* --- extensions --------------------------------------------------------------------------------------------------- */

struct sg_slice sg_known_crl_extension(const struct sg_known_crl *known, int nid)
{
    int index = X509v3_get_ext_by_NID(known->extensions, nid, -1);
    if (index < 0)
        return (struct sg_slice){NULL, 0};
    const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(X509v3_get_ext(known->extensions, index));
    return (struct sg_slice){ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value)};
}

static bool is_handled(int nid)
{
    return nid == NID_issuing_distribution_point || nid == NID_crl_number || nid == NID_authority_key_identifier ||
           nid == NID_delta_crl;
}

/* RFC 5280 §5.2: a CRL with a critical extension that we do not handle says nothing to us. §5.2.3: cRLNumber is never
 * critical. §4.2: none is there twice. */
static const char *extensions_problem(const struct sg_known_crl *known)
{
    for (int i = 0; i < X509v3_get_ext_count(known->extensions); i++) {
        X509_EXTENSION *extension = X509v3_get_ext(known->extensions, i);
        const ASN1_OBJECT *object = X509_EXTENSION_get_object(extension);
        int nid = OBJ_obj2nid(object);
        bool critical = X509_EXTENSION_get_critical(extension);
        if (nid == NID_crl_number && critical)
            return N_("its number is marked critical, against RFC 5280 §5.2.3");
        if (critical && !is_handled(nid))
            return N_("it has a critical extension that is not known here");
        if (is_handled(nid) && X509v3_get_ext_by_OBJ(known->extensions, object, i) >= 0)
            return N_("it has an extension twice");
    }
    return NULL;
}

/* §5.3: the same for its entries. Entries that an indirect CRL has for another issuer could not be told apart in one
 * that is not indirect; a removal could only hide another entry in one that is not a delta. */
static const char *entries_problem(const struct sg_known_crl *known)
{
    unsigned odd = sg_crl_index_odd(known->index);
    bool indirect = known->scope && known->scope->indirectCRL > 0;
    if (odd & SG_CRL_ODD_CRITICAL)
        return N_("an entry has a critical extension that is not known here");
    if ((odd & SG_CRL_ODD_OTHER_ISSUER) && !indirect)
        return N_("an entry is about a certificate of another issuer");
    if (odd & SG_CRL_ODD_UNREADABLE_ISSUER)
        return N_("an entry does not say in a way that is known here whose certificate it is about");
    if ((odd & SG_CRL_ODD_REMOVAL) && !known->is_delta)
        return N_("an entry is a removal, which only a delta CRL can have");
    return NULL;
}

/* The number in an extension's value. */
static bool read_number(const struct sg_known_crl *known, int nid, bool *ret_there, uint8_t number[SG_CRL_NUMBER])
{
    struct sg_slice value = sg_known_crl_extension(known, nid);
    const uint8_t *p = value.data;
    *ret_there = value.data != NULL;
    if (!value.data)
        return true;
    _cleanup_(ASN1_INTEGER_freep) ASN1_INTEGER *integer = d2i_ASN1_INTEGER(NULL, &p, (long)value.len);
    _cleanup_(BN_freep) BIGNUM *bn = integer && p == value.data + value.len ? ASN1_INTEGER_to_BN(integer, NULL) : NULL;
    return bn && !BN_is_negative(bn) && BN_bn2binpad(bn, number, SG_CRL_NUMBER) >= 0;
}

static const char *read_numbers(struct sg_known_crl *known)
{
    if (!read_number(known, NID_crl_number, &known->has_number, known->number))
        return N_("its number cannot be read");
    if (!read_number(known, NID_delta_crl, &known->is_delta, known->base))
        return N_("the number of the CRL that it is a delta of cannot be read");
    if (known->is_delta && (!known->has_number || memcmp(known->number, known->base, SG_CRL_NUMBER) < 0))
        return N_("it is a delta CRL without a number, or with one before that of its base");
    return NULL;
}

/* issuingDistributionPoint (§5.2.5). A point's name may be relative to the CRL's issuer. */
static const char *read_scope(struct sg_known_crl *known)
{
    int critical = -1;
    known->scope = X509V3_get_d2i(known->extensions, NID_issuing_distribution_point, &critical, NULL);
    if (!known->scope)
        return critical == -1 ? NULL : N_("its scope cannot be read");
    const ISSUING_DIST_POINT *scope = known->scope;
    if (scope->distpoint && !DIST_POINT_set_dpname(scope->distpoint, known->issuer))
        return N_("its scope cannot be read");
    if (scope->onlyattr > 0)
        return N_("it is about attribute certificates");
    if (scope->onlyuser > 0 && scope->onlyCA > 0)
        return N_("it is about no certificate at all");
    return NULL;
}

/* expiredCertsOnCRL (ISO/IEC 9594-8 §9.5.2.7, EN 319 411-2): since when ended certificates stay listed. */
static int64_t expired_since(const struct sg_known_crl *known)
{
    static const uint8_t oid[] = {0x06, 0x03, 0x55, 0x1d, 0x3c};
    const uint8_t *p = oid;
    _cleanup_(ASN1_OBJECT_freep) ASN1_OBJECT *object = d2i_ASN1_OBJECT(NULL, &p, sizeof oid);
    int index = object ? X509v3_get_ext_by_OBJ(known->extensions, object, -1) : -1;
    if (index < 0)
        return SG_TIME_NONE;
    const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(X509v3_get_ext(known->extensions, index));
    p = ASN1_STRING_get0_data(value);
    _cleanup_(ASN1_GENERALIZEDTIME_freep) ASN1_GENERALIZEDTIME *time =
        d2i_ASN1_GENERALIZEDTIME(NULL, &p, ASN1_STRING_length(value));
    int64_t when;
    return time && sg_time_from_asn1(time, &when) ? when : SG_TIME_NONE;
}

/* --- making one --------------------------------------------------------------------------------------------------- */

static X509_NAME *parse_name(struct sg_slice der)
{
    const uint8_t *p = der.data;
    X509_NAME *name = d2i_X509_NAME(NULL, &p, (long)der.len);
    if (name && p == der.data + der.len)
        return name;
    X509_NAME_free(name);
    return NULL;
}

static bool read_method(struct sg_known_crl *known)
{
    const uint8_t *p = known->head->algorithm.data;
    _cleanup_(X509_ALGOR_freep) X509_ALGOR *algorithm = d2i_X509_ALGOR(NULL, &p, (long)known->head->algorithm.len);
    return algorithm && sg_signature_method_read(algorithm, &known->method);
}

static const char *read_head(struct sg_known_crl *known)
{
    const struct sg_crl_head *head = known->head;
    const uint8_t *p = head->extensions.data;
    known->method_known = read_method(known);
    if (head->extensions.len > 0) {
        known->extensions = d2i_X509_EXTENSIONS(NULL, &p, (long)head->extensions.len);
        if (!known->extensions || p != head->extensions.data + head->extensions.len)
            return N_("its extensions cannot be read");
    }
    known->expired_since = expired_since(known);
    const char *problem = head->dates_unreadable ? N_("its dates cannot be read") : NULL;
    const char *more = read_scope(known);
    if (!problem)
        problem = more;
    more = read_numbers(known);
    if (!problem)
        problem = more;
    if (!problem)
        problem = extensions_problem(known);
    return problem ? problem : entries_problem(known);
}

static enum sg_rc read_names(struct sg_known_crl *known, struct sg_err *err)
{
    size_t count = sg_crl_index_issuer_count(known->index);
    known->listed = calloc(count, sizeof(X509_NAME *));
    if (!known->listed)
        return sg_fail_memory(err);
    known->listed_count = count;
    for (size_t i = 0; i < count; i++)
        known->listed[i] = parse_name(sg_crl_index_issuer(known->index, i));
    if (!known->listed[0])
        return sg_fail_ssl(err, SG_E_MALFORMED, _("The name of a CRL's issuer cannot be read."));
    known->issuer = known->listed[0];
    return SG_OK;
}

/* Takes the index over, also if it fails. */
static enum sg_rc known_new(struct sg_crl_index *index, struct sg_known_crl **ret, struct sg_err *err)
{
    struct sg_known_crl *fresh = calloc(1, sizeof *fresh);
    if (!fresh || pthread_mutex_init(&fresh->lock, NULL) != 0) {
        free(fresh);
        sg_crl_index_free(index);
        return sg_fail_memory(err);
    }
    _cleanup_(sg_known_crl_freep) struct sg_known_crl *known = fresh;
    known->index = index;
    known->head = sg_crl_index_head(index);
    known->this_update = known->head->this_update;
    known->next_update = known->head->next_update;
    known->proven = SG_TIME_NONE;
    known->checked.known = sg_crl_index_key(index, known->checked.sha256);
    enum sg_rc rc = read_names(known, err);
    if (rc != SG_OK)
        return rc;
    known->problem = read_head(known);
    ERR_clear_error();
    *ret = sg_steal(known);
    return SG_OK;
}

enum sg_rc sg_known_crl_read(const struct sg_crl_place *place, OSSL_LIB_CTX *libctx, struct sg_known_crl **ret,
                             struct sg_err *err)
{
    struct sg_crl_index *index = NULL;
    enum sg_rc rc = sg_crl_index_make(place, libctx, &index, err);
    return rc == SG_OK ? known_new(index, ret, err) : rc;
}

/* From the file of its DER, which has to be the one with this digest. */
static enum sg_rc index_anew(const char *path, const uint8_t sha256[SG_SHA256_LEN], OSSL_LIB_CTX *libctx,
                             struct sg_crl_index **ret, struct sg_err *err)
{
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    _cleanup_(sg_crl_index_freep) struct sg_crl_index *index = NULL;
    enum sg_rc rc = sg_input_open(path, &input, err);
    if (rc != SG_OK)
        return rc;
    const struct sg_crl_place place = {input, 0, sg_input_size(input)};
    rc = sg_crl_index_make(&place, libctx, &index, err);
    if (rc == SG_OK && memcmp(sg_crl_index_head(index)->sha256, sha256, SG_SHA256_LEN) != 0)
        rc = sg_fail(err, SG_E_STORE_DAMAGED, _("The CRL \"%s\" is damaged."), path);
    if (rc == SG_OK)
        *ret = sg_steal(index);
    return rc;
}

enum sg_rc sg_known_crl_rebuild(const char *der_path, const uint8_t sha256[SG_SHA256_LEN], OSSL_LIB_CTX *libctx,
                                struct sg_known_crl **ret, struct sg_err *err)
{
    struct sg_crl_index *index = NULL;
    enum sg_rc rc = index_anew(der_path, sha256, libctx, &index, err);
    if (rc == SG_OK)
        rc = known_new(index, ret, err);
    if (rc == SG_OK)
        (*ret)->rebuilt = true;
    return rc;
}

enum sg_rc sg_known_crl_open(const char *index_path, const char *der_path, const uint8_t sha256[SG_SHA256_LEN],
                             OSSL_LIB_CTX *libctx, struct sg_known_crl **ret, struct sg_err *err)
{
    _cleanup_(sg_known_crl_freep) struct sg_known_crl *known = NULL;
    struct sg_crl_index *index = NULL;
    enum sg_rc rc = sg_crl_index_open(index_path, libctx, sha256, &index, err);
    if (rc == SG_E_STORE_DAMAGED)
        rc = sg_known_crl_rebuild(der_path, sha256, libctx, &known, err);
    else if (rc == SG_OK)
        rc = known_new(index, &known, err);
    if (rc != SG_OK)
        return rc;
    known->der_path = strdup(der_path);
    if (!known->der_path)
        return sg_fail_memory(err);
    *ret = sg_steal(known);
    return SG_OK;
}

void sg_known_crl_free(struct sg_known_crl *known)
{
    if (!known)
        return;
    for (size_t i = 0; i < known->listed_count; i++)
        X509_NAME_free(known->listed[i]);
    free(known->listed);
    sk_X509_EXTENSION_pop_free(known->extensions, X509_EXTENSION_free);
    ISSUING_DIST_POINT_free(known->scope);
    sg_crl_index_free(known->index);
    sg_crl_index_free(known->replaced);
    free(known->der_path);
    (void)pthread_mutex_destroy(&known->lock);
    free(known);
}

/* --- base and delta ----------------------------------------------------------------------------------------------- */

/* §5.2.4 and §6.3.3 (c): the same issuer, scope and key, and a base that is at least the one that the delta starts
 * from, and older than it. */
bool sg_known_crl_combine(const struct sg_known_crl *base, const struct sg_known_crl *delta)
{
    static const int same[] = {NID_issuing_distribution_point, NID_authority_key_identifier};
    if (base->is_delta || !delta->is_delta || !base->has_number || X509_NAME_cmp(base->issuer, delta->issuer) != 0)
        return false;
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        if (!sg_slice_equal(sg_known_crl_extension(base, same[i]), sg_known_crl_extension(delta, same[i])))
            return false;
    return memcmp(base->number, delta->base, SG_CRL_NUMBER) >= 0 &&
           memcmp(base->number, delta->number, SG_CRL_NUMBER) < 0;
}

/* --- looking up --------------------------------------------------------------------------------------------------- */

static enum sg_rc find(const struct sg_known_crl *known, const struct sg_crl_index *index, OSSL_LIB_CTX *libctx,
                       X509 *cert, struct sg_crl_hit *ret, struct sg_err *err)
{
    _cleanup_(OPENSSL_freep) uint8_t *der = NULL;
    int len = i2d_ASN1_INTEGER(X509_get0_serialNumber(cert), &der);
    const uint8_t *p = der;
    long content = 0;
    int tag, class;
    if (len <= 0 || (ASN1_get_object(&p, &content, &tag, &class, len) & 0x81) != 0)
        return sg_fail_ssl(err, SG_E_MALFORMED, _("The serial number of a certificate cannot be read."));
    struct sg_crl_hit best = {.revoked_at = SG_TIME_NONE};
    for (size_t i = 0; i < known->listed_count; i++) {
        struct sg_crl_hit hit = {0};
        if (!known->listed[i] || X509_NAME_cmp(known->listed[i], X509_get_issuer_name(cert)) != 0)
            continue;
        enum sg_rc rc = sg_crl_index_find(index, libctx, (struct sg_slice){p, (size_t)content}, i, &hit, err);
        if (rc != SG_OK)
            return rc;
        if (hit.found && (!best.found || best.reason == CRL_REASON_REMOVE_FROM_CRL))
            best = hit;
    }
    *ret = best;
    return SG_OK;
}

/* The index that `damaged` is to be replaced by; another thread may have done it. */
static enum sg_rc replace(struct sg_known_crl *known, const struct sg_crl_index *damaged, OSSL_LIB_CTX *libctx,
                          const struct sg_crl_index **ret, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    (void)pthread_mutex_lock(&known->lock);
    if (known->index == damaged) {
        struct sg_crl_index *fresh = NULL;
        rc = known->der_path && !known->replaced
                 ? index_anew(known->der_path, known->head->sha256, libctx, &fresh, err)
                 : sg_fail(err, SG_E_STORE_DAMAGED, _("The index of a CRL is missing or damaged."));
        if (rc == SG_OK) {
            known->replaced = known->index;
            known->index = fresh;
            known->rebuilt = true;
        }
    }
    *ret = known->index;
    (void)pthread_mutex_unlock(&known->lock);
    return rc;
}

enum sg_rc sg_known_crl_look_up(struct sg_known_crl *known, OSSL_LIB_CTX *libctx, X509 *cert, struct sg_crl_hit *ret,
                                bool *ret_rebuilt, struct sg_err *err)
{
    (void)pthread_mutex_lock(&known->lock);
    const struct sg_crl_index *index = known->index;
    *ret_rebuilt = known->rebuilt;
    (void)pthread_mutex_unlock(&known->lock);
    enum sg_rc rc = find(known, index, libctx, cert, ret, err);
    if (rc != SG_E_STORE_DAMAGED)
        return rc;
    rc = replace(known, index, libctx, &index, err);
    *ret_rebuilt = rc == SG_OK;
    return rc == SG_OK ? find(known, index, libctx, cert, ret, err) : rc;
}
