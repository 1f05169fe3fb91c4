/* Which certificates a CRL speaks of, and for which reasons: RFC 5280 §6.3.3 (b) to (e). */
#include "base/msg.h"
#include "verify/known_crl.h"

static CRL_DIST_POINTS *points_of(X509 *cert)
{
    return X509_get_ext_d2i(cert, NID_crl_distribution_points, NULL, NULL);
}

static bool names_directory(const GENERAL_NAMES *names, const X509_NAME *directory)
{
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type == GEN_DIRNAME && X509_NAME_cmp(name->d.directoryName, directory) == 0)
            return true;
    }
    return false;
}

static bool shares_name(const GENERAL_NAMES *a, const GENERAL_NAMES *b)
{
    for (int i = 0; i < sk_GENERAL_NAME_num(a); i++)
        for (int k = 0; k < sk_GENERAL_NAME_num(b); k++)
            if (GENERAL_NAME_cmp(sk_GENERAL_NAME_value(a, i), sk_GENERAL_NAME_value(b, k)) == 0)
                return true;
    return false;
}

/* Names that are relative to an issuer's have been made whole (`dpname`). */
static bool same_point(const DIST_POINT_NAME *a, const DIST_POINT_NAME *b)
{
    if (a->dpname && b->dpname)
        return X509_NAME_cmp(a->dpname, b->dpname) == 0;
    if (a->dpname || b->dpname)
        return a->dpname ? names_directory(b->name.fullname, a->dpname) : names_directory(a->name.fullname, b->dpname);
    return a->type == 0 && b->type == 0 && shares_name(a->name.fullname, b->name.fullname);
}

/* §6.3.3 (b)(2)(i). */
static bool is_of_point(const struct sg_known_crl *known, const DIST_POINT *point)
{
    const DIST_POINT_NAME *ours = known->scope ? known->scope->distpoint : NULL;
    if (!ours)
        return true;
    if (point->distpoint)
        return DIST_POINT_set_dpname(point->distpoint, known->issuer) && same_point(point->distpoint, ours);
    return ours->dpname ? names_directory(point->CRLissuer, ours->dpname)
                        : shares_name(point->CRLissuer, ours->name.fullname);
}

/* A point without a name of its own, which every certificate has: what its issuer says in general (§6.3.3, the end). */
static bool is_of_issuer(const struct sg_known_crl *known, X509 *cert)
{
    const DIST_POINT_NAME *ours = known->scope ? known->scope->distpoint : NULL;
    if (!ours)
        return true;
    if (ours->dpname)
        return X509_NAME_cmp(ours->dpname, X509_get_issuer_name(cert)) == 0;
    return names_directory(ours->name.fullname, X509_get_issuer_name(cert));
}

static unsigned reasons_of(const ASN1_BIT_STRING *flags)
{
    unsigned reasons = 0;
    if (!flags)
        return SG_ALL_REASONS;
    for (int bit = 1; bit <= 8; bit++)
        if (ASN1_BIT_STRING_get_bit(flags, bit))
            reasons |= 1U << bit;
    return reasons;
}

/* §6.3.3 (b)(2)(ii) to (iv). */
static const char *kind_problem(const ISSUING_DIST_POINT *scope, X509 *cert)
{
    bool is_ca = X509_get_extension_flags(cert) & EXFLAG_CA;
    if (scope && scope->onlyuser > 0 && is_ca)
        return N_("it is not about CA certificates");
    if (scope && scope->onlyCA > 0 && !is_ca)
        return N_("it is about CA certificates only");
    return NULL;
}

unsigned sg_known_crl_reasons(const struct sg_known_crl *known, X509 *cert, const char **ret_why)
{
    const ISSUING_DIST_POINT *scope = known->scope;
    _cleanup_(CRL_DIST_POINTS_freep) CRL_DIST_POINTS *points = points_of(cert);
    bool own = X509_NAME_cmp(known->issuer, X509_get_issuer_name(cert)) == 0;
    bool indirect = scope && scope->indirectCRL > 0;
    unsigned reasons = own && is_of_issuer(known, cert) ? SG_ALL_REASONS : 0;
    *ret_why = kind_problem(scope, cert);
    if (*ret_why)
        return 0;
    for (int i = 0; i < sk_DIST_POINT_num(points); i++) {
        const DIST_POINT *point = sk_DIST_POINT_value(points, i);
        bool named = point->CRLissuer ? indirect && names_directory(point->CRLissuer, known->issuer) : own;
        if (named && is_of_point(known, point))
            reasons |= reasons_of(point->reasons);
    }
    if (reasons == 0) {
        *ret_why = own ? N_("it is of another distribution point")
                       : N_("the certificate does not name its issuer for this distribution point");
        return 0;
    }
    reasons &= reasons_of(scope ? scope->onlysomereasons : NULL);
    if (reasons == 0)
        *ret_why = N_("it is for other reasons of revocation than the certificate's distribution point");
    return reasons;
}

size_t sg_crl_issuer_names(X509 *cert, CRL_DIST_POINTS **points, const X509_NAME *names[SG_MAX_CRL_ISSUER_NAMES])
{
    size_t count = 0;
    *points = points_of(cert);
    names[count++] = X509_get_issuer_name(cert);
    for (int i = 0; i < sk_DIST_POINT_num(*points); i++) {
        const GENERAL_NAMES *issuers = sk_DIST_POINT_value(*points, i)->CRLissuer;
        for (int k = 0; k < sk_GENERAL_NAME_num(issuers) && count < SG_MAX_CRL_ISSUER_NAMES; k++) {
            const GENERAL_NAME *name = sk_GENERAL_NAME_value(issuers, k);
            bool fresh = name->type == GEN_DIRNAME;
            for (size_t known = 0; fresh && known < count; known++)
                fresh = X509_NAME_cmp(names[known], name->d.directoryName) != 0;
            if (fresh)
                names[count++] = name->d.directoryName;
        }
    }
    return count;
}
