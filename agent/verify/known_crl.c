#include "verify/known_crl.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/msg.h"
#include "verify/algorithms.h"
#include "verify/crypto.h"
#include "verify/path.h"

#define BYTES_PER_STEP 4096 /* hashed in about the time of one step */
#define MAX_CRL_STEPS 1000  /* so that a store with a very large CRL of a CA's former key stays of use */

SG_DEFINE_CLEANUP(ASN1_ENUMERATED, ASN1_ENUMERATED_free)
SG_DEFINE_CLEANUP(ASN1_GENERALIZEDTIME, ASN1_GENERALIZEDTIME_free)
SG_DEFINE_CLEANUP(CRL_DIST_POINTS, CRL_DIST_POINTS_free)

/* --- one pass over a CRL ------------------------------------------------------------------------------------------ */

static bool is_handled(int nid)
{
    return nid == NID_issuing_distribution_point || nid == NID_crl_number || nid == NID_authority_key_identifier;
}

/* RFC 5280 §5.2: a CRL with a critical extension that we do not handle says nothing to us. §5.2.3: cRLNumber is never
 * critical. */
static const char *extensions_problem(const X509_CRL *crl)
{
    for (int i = 0; i < X509_CRL_get_ext_count(crl); i++) {
        X509_EXTENSION *extension = X509_CRL_get_ext(crl, i);
        int nid = OBJ_obj2nid(X509_EXTENSION_get_object(extension));
        bool critical = X509_EXTENSION_get_critical(extension);
        if (nid == NID_delta_crl)
            return N_("it is a delta CRL");
        if (nid == NID_crl_number && critical)
            return N_("its number is marked critical, against RFC 5280 §5.2.3");
        if (critical && !is_handled(nid))
            return N_("it has a critical extension that is not known here");
    }
    return NULL;
}

static bool is_removal(X509_EXTENSION *reason)
{
    const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(reason);
    const uint8_t *p = ASN1_STRING_get0_data(value);
    _cleanup_(ASN1_ENUMERATED_freep) ASN1_ENUMERATED *code = d2i_ASN1_ENUMERATED(NULL, &p, ASN1_STRING_length(value));
    return code && ASN1_ENUMERATED_get(code) == CRL_REASON_REMOVE_FROM_CRL;
}

/* RFC 5280 §5.3: the same for its entries. OpenSSL takes a certificateIssuer for that of all entries behind it, marked
 * critical or not: what is listed there would not be found. */
static const char *entry_problem(X509_EXTENSION *extension)
{
    switch (OBJ_obj2nid(X509_EXTENSION_get_object(extension))) {
    case NID_certificate_issuer: /* §5.3.3: of indirect CRLs */
        return N_("an entry is about a certificate of another issuer");
    case NID_crl_reason: /* §5.3.1: removeFromCRL is of delta CRLs; here it could only hide another entry */
        return is_removal(extension) ? N_("an entry is a removal, which only a delta CRL can have") : NULL;
    default:
        return X509_EXTENSION_get_critical(extension) ? N_("an entry has a critical extension that is not known here")
                                                      : NULL;
    }
}

static const char *entries_problem(X509_CRL *crl)
{
    const STACK_OF(X509_REVOKED) *entries = X509_CRL_get_REVOKED(crl);
    const char *problem = NULL;
    for (int i = 0; !problem && i < sk_X509_REVOKED_num(entries); i++) {
        const STACK_OF(X509_EXTENSION) *extensions = X509_REVOKED_get0_extensions(sk_X509_REVOKED_value(entries, i));
        for (int k = 0; !problem && k < sk_X509_EXTENSION_num(extensions); k++)
            problem = entry_problem(sk_X509_EXTENSION_value(extensions, k));
    }
    return problem;
}

static const char *scope_problem(const X509_CRL *crl, ISSUING_DIST_POINT **ret)
{
    int critical = -1;
    ISSUING_DIST_POINT *scope = X509_CRL_get_ext_d2i(crl, NID_issuing_distribution_point, &critical, NULL);
    if (!scope)
        return critical == -1 ? NULL : N_("its scope cannot be read");
    *ret = scope;
    if (scope->indirectCRL > 0)
        return N_("it is an indirect CRL");
    if (scope->onlysomereasons)
        return N_("it covers only some reasons of revocation");
    if (scope->onlyattr > 0)
        return N_("it is about attribute certificates");
    return NULL;
}

/* expiredCertsOnCRL (ISO/IEC 9594-8 §9.5.2.7, EN 319 411-2): since when ended certificates stay listed. */
static int64_t expired_since(const X509_CRL *crl)
{
    static const uint8_t oid[] = {0x06, 0x03, 0x55, 0x1d, 0x3c};
    const uint8_t *p = oid;
    _cleanup_(ASN1_OBJECT_freep) ASN1_OBJECT *object = d2i_ASN1_OBJECT(NULL, &p, sizeof oid);
    int index = object ? X509_CRL_get_ext_by_OBJ(crl, object, -1) : -1;
    if (index < 0)
        return SG_TIME_NONE;
    const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(X509_CRL_get_ext(crl, index));
    p = ASN1_STRING_get0_data(value);
    _cleanup_(ASN1_GENERALIZEDTIME_freep) ASN1_GENERALIZEDTIME *time =
        d2i_ASN1_GENERALIZEDTIME(NULL, &p, ASN1_STRING_length(value));
    int64_t when;
    return time && sg_time_from_asn1(time, &when) ? when : SG_TIME_NONE;
}

enum sg_rc sg_known_crl_new(X509_CRL *crl, struct sg_known_crl **ret, struct sg_err *err)
{
    struct sg_known_crl *known = calloc(1, sizeof *known);
    if (!known || pthread_mutex_init(&known->lock, NULL) != 0) {
        free(known);
        return sg_fail_memory(err);
    }
    if (!X509_CRL_up_ref(crl)) {
        sg_known_crl_free(known);
        return sg_fail_memory(err);
    }
    known->crl = crl;
    known->this_update = known->next_update = known->proven = SG_TIME_NONE;
    known->expired_since = expired_since(crl);
    const ASN1_TIME *next = X509_CRL_get0_nextUpdate(crl);
    if (!sg_time_from_asn1(X509_CRL_get0_lastUpdate(crl), &known->this_update) ||
        (next && !sg_time_from_asn1(next, &known->next_update)))
        known->problem = N_("its dates cannot be read");
    const char *problem = scope_problem(crl, &known->scope);
    if (!known->problem)
        known->problem = problem;
    if (!known->problem)
        known->problem = extensions_problem(crl);
    if (!known->problem)
        known->problem = entries_problem(crl);
    *ret = known;
    return SG_OK;
}

void sg_known_crl_free(struct sg_known_crl *known)
{
    if (!known)
        return;
    X509_CRL_free(known->crl);
    ISSUING_DIST_POINT_free(known->scope);
    (void)pthread_mutex_destroy(&known->lock);
    free(known);
}

/* --- may it be used for this certificate? ------------------------------------------------------------------------- */

/* RFC 5280 §6.3.3 (b)(2)(i): one of the CRL's names is one of a distribution point of the certificate. */
static bool shares_name(const DIST_POINT_NAME *crl_name, X509 *cert)
{
    _cleanup_(CRL_DIST_POINTS_freep) CRL_DIST_POINTS *points =
        X509_get_ext_d2i(cert, NID_crl_distribution_points, NULL, NULL);
    if (crl_name->type != 0) /* a name relative to the issuer's */
        return false;
    for (int i = 0; i < sk_DIST_POINT_num(points); i++) {
        const DIST_POINT *point = sk_DIST_POINT_value(points, i);
        if (!point->distpoint || point->distpoint->type != 0 || point->reasons || point->CRLissuer)
            continue;
        const GENERAL_NAMES *ours = point->distpoint->name.fullname, *theirs = crl_name->name.fullname;
        for (int a = 0; a < sk_GENERAL_NAME_num(ours); a++)
            for (int b = 0; b < sk_GENERAL_NAME_num(theirs); b++)
                if (GENERAL_NAME_cmp(sk_GENERAL_NAME_value(ours, a), sk_GENERAL_NAME_value(theirs, b)) == 0)
                    return true;
    }
    return false;
}

static const char *out_of_scope(const ISSUING_DIST_POINT *scope, X509 *cert)
{
    bool is_ca = X509_get_extension_flags(cert) & EXFLAG_CA;
    if (!scope)
        return NULL;
    if (scope->onlyuser > 0 && is_ca)
        return N_("it is not about CA certificates");
    if (scope->onlyCA > 0 && !is_ca)
        return N_("it is about CA certificates only");
    if (scope->distpoint && !shares_name(scope->distpoint, cert))
        return N_("it is of another distribution point");
    return NULL;
}

/* A right answer is remembered, and costs nothing more; what a stranger's CRL costs, or a key that does not fit, comes
 * off the work: a file may bring many of both. */
static bool check_key(struct sg_known_crl *known, EVP_PKEY *key, unsigned *steps)
{
    int len = i2d_X509_CRL(known->crl, NULL);
    if (!key || !sg_key_checkable(key) || len <= 0 || *steps == 0)
        return false;
    ERR_set_mark();
    bool right = X509_CRL_verify(known->crl, key) == 1;
    ERR_pop_to_mark();
    unsigned size = (unsigned)len / BYTES_PER_STEP;
    if (known->carried || !right)
        (void)sg_spend(steps, sg_algorithm_cost(key) + (size < MAX_CRL_STEPS ? size : MAX_CRL_STEPS));
    return right;
}

static enum sg_rc verify_signature(struct sg_known_crl *known, OSSL_LIB_CTX *libctx, X509 *issuer, unsigned *steps,
                                   bool *ret_right, struct sg_err *err)
{
    const ASN1_BIT_STRING *bits = X509_get0_pubkey_bitstr(issuer);
    uint8_t key[EVP_MAX_MD_SIZE];
    size_t len = 0;
    struct sg_slice octets = {ASN1_STRING_get0_data(bits), (size_t)ASN1_STRING_length(bits)};
    enum sg_rc rc = sg_digest(libctx, "SHA256", octets, key, &len, err);
    if (rc != SG_OK)
        return rc;
    (void)pthread_mutex_lock(&known->lock);
    bool right = known->verified && memcmp(known->verified_key, key, SG_SHA256_LEN) == 0;
    (void)pthread_mutex_unlock(&known->lock);
    if (!right) {
        right = check_key(known, X509_get0_pubkey(issuer), steps);
        if (right) {
            (void)pthread_mutex_lock(&known->lock);
            known->verified = true;
            memcpy(known->verified_key, key, SG_SHA256_LEN);
            (void)pthread_mutex_unlock(&known->lock);
        }
    }
    *ret_right = right;
    return SG_OK;
}

static enum sg_rc check_signature(struct sg_known_crl *known, OSSL_LIB_CTX *libctx, X509 *issuer, int64_t at,
                                  unsigned *steps, const char **ret_why, struct sg_err *err)
{
    const X509_ALGOR *algorithm = NULL;
    struct sg_signature_method method;
    bool right = false;
    X509_CRL_get0_signature(known->crl, NULL, &algorithm);
    if (!sg_signature_method_read(algorithm, &method)) {
        *ret_why = N_("it is signed with an algorithm that is not known here");
        return SG_OK;
    }
    if (method.digest != NID_undef && !sg_algorithm_digest(method.digest, at).acceptable) {
        *ret_why = N_("it is signed with a digest that is no longer trusted");
        return SG_OK;
    }
    enum sg_rc rc = verify_signature(known, libctx, issuer, steps, &right, err);
    if (rc == SG_OK)
        *ret_why = right ? NULL : N_("it is signed by another key");
    return rc;
}

/* RFC 5280 §6.3.3 (f); all bits are set where keyUsage is absent. */
static const char *not_allowed(X509 *issuer)
{
    return X509_get_key_usage(issuer) & KU_CRL_SIGN ? NULL : N_("its issuer's certificate is not allowed to sign CRLs");
}

enum sg_rc sg_known_crl_check_issuer(struct sg_known_crl *known, OSSL_LIB_CTX *libctx, X509 *issuer, int64_t at,
                                     unsigned *steps, const char **ret_why, struct sg_err *err)
{
    enum sg_rc rc = check_signature(known, libctx, issuer, at, steps, ret_why, err);
    if (rc == SG_OK && !*ret_why)
        *ret_why = not_allowed(issuer);
    return rc;
}

static enum sg_rc why_not(const struct sg_revocation_request *request, struct sg_known_crl *known, X509 *cert,
                          X509 *issuer, const char **ret, struct sg_err *err)
{
    const char *why = known->problem;
    if (!why)
        why = out_of_scope(known->scope, cert);
    if (!why && known->this_update > request->now)
        why = N_("it is from the future");
    if (!why && !sg_finding_is_proven(request, known->proven))
        why = N_("nothing proves that it was there in time");
    if (!why)
        return check_signature(known, request->libctx, issuer, sg_finding_good_at(request, known->proven),
                               request->steps, ret, err);
    *ret = why;
    return SG_OK;
}

/* --- what it says ------------------------------------------------------------------------------------------------- */

/* A CA need not list certificates that have ended (RFC 5280 §5): not being listed proves something only up to then. */
static bool may_have_been_dropped(const struct sg_known_crl *known, X509 *cert)
{
    int64_t not_after;
    if (!sg_time_from_asn1(X509_get0_notAfter(cert), &not_after))
        return true;
    return known->this_update > not_after && (known->expired_since == SG_TIME_NONE || known->expired_since > not_after);
}

static struct sg_finding ask(const struct sg_known_crl *known, const struct sg_revocation_request *request, X509 *cert)
{
    struct sg_finding finding = {.kind = "crl",
                                 .issuer = X509_CRL_get_issuer(known->crl),
                                 .this_update = known->this_update,
                                 .next_update = known->next_update,
                                 .signer_ends = SG_TIME_NONE,
                                 .fresh_at = sg_finding_fresh_at(request, cert),
                                 .revoked_at = SG_TIME_NONE};
    X509_REVOKED *entry = NULL;
    if (X509_CRL_get0_by_cert(known->crl, &entry, cert) == 0) {
        if (may_have_been_dropped(known, cert))
            finding.answer = SG_ANSWER_NOT_KNOWN_AFTER_EXPIRY;
        else
            sg_finding_set_good(&finding);
        return finding;
    }
    _cleanup_(ASN1_ENUMERATED_freep) ASN1_ENUMERATED *code =
        X509_REVOKED_get_ext_d2i(entry, NID_crl_reason, NULL, NULL);
    int64_t when = SG_TIME_NONE;
    (void)!sg_time_from_asn1(X509_REVOKED_get0_revocationDate(entry), &when);
    sg_finding_set_revoked(&finding, when, code ? ASN1_ENUMERATED_get(code) : -1, request);
    return finding;
}

/* One that the issuer's certificate does not allow counts as far as it is bad news: the issuer's key has said it, and
 * there may be another certificate of that key that does allow it. Else a path through the one that does not would save
 * a revoked certificate. */
enum sg_rc sg_known_crl_consult(struct sg_known_crl *known, const struct sg_revocation_request *request, X509 *cert,
                                X509 *issuer, struct sg_finding *ret, const char **ret_why, struct sg_err *err)
{
    const char *why = NULL;
    enum sg_rc rc = why_not(request, known, cert, issuer, &why, err);
    if (rc == SG_OK && !why) {
        *ret = ask(known, request, cert);
        if (ret->answer != SG_ANSWER_REVOKED && ret->answer != SG_ANSWER_ON_HOLD)
            why = not_allowed(issuer);
    }
    *ret_why = why;
    return rc;
}
