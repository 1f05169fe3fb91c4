/* What there is to fetch, from what is known: the URLs that certificates name (RFC 5280 §4.2.1.13, §4.2.2.1). */
#include <stdlib.h>
#include <string.h>

#include <openssl/x509v3.h>

#include "base/limits.h"
#include "base/url.h"
#include "formats/pem.h"
#include "sync/pull.h"
#include "verify/verify.h"

SG_DEFINE_CLEANUP(AUTHORITY_INFO_ACCESS, AUTHORITY_INFO_ACCESS_free)

struct planning {
    struct sg_store *store;
    struct sg_pull_plan *plan;
    STACK_OF(X509) *certs; /* signers', and of CAs that are no anchors */
    STACK_OF(X509) *known; /* those, and the anchors */
    OSSL_LIB_CTX *libctx;
    int64_t now;
};

const char *sg_pull_kind_word(enum sg_pull_kind kind)
{
    static const char *const words[] = {"crl", "ocsp", "aia", "list"};

    return words[kind];
}

/* --- URLs --------------------------------------------------------------------------------------------------------- */

/* A URL that a certificate names, if it is one that may be asked; else NULL. The caller frees it. */
static char *usable_url(const GENERAL_NAME *name)
{
    if (!name || name->type != GEN_URI)
        return NULL;
    const ASN1_IA5STRING *uri = name->d.uniformResourceIdentifier;
    size_t len = (size_t)ASN1_STRING_length(uri);
    const uint8_t *data = ASN1_STRING_get0_data(uri);
    if (len == 0 || len > SG_MAX_URL || memchr(data, '\0', len))
        return NULL;
    char *url = strndup((const char *)data, len);
    if (url && sg_url_problem(url)) {
        free(url);
        url = NULL;
    }
    return url;
}

/* Several names of one point are the same CRL by other ways: the first that can be used is. */
static char *point_url(const DIST_POINT *point)
{
    char *url = NULL;
    if (!point->distpoint || point->distpoint->type != 0)
        return NULL;
    const GENERAL_NAMES *names = point->distpoint->name.fullname;
    for (int i = 0; !url && i < sk_GENERAL_NAME_num(names); i++)
        url = usable_url(sk_GENERAL_NAME_value(names, i));
    return url;
}

static char *access_url(X509 *cert, int method)
{
    _cleanup_(AUTHORITY_INFO_ACCESS_freep) AUTHORITY_INFO_ACCESS *list =
        X509_get_ext_d2i(cert, NID_info_access, NULL, NULL);
    char *url = NULL;
    for (int i = 0; !url && i < sk_ACCESS_DESCRIPTION_num(list); i++) {
        const ACCESS_DESCRIPTION *access = sk_ACCESS_DESCRIPTION_value(list, i);
        if (OBJ_obj2nid(access->method) == method)
            url = usable_url(access->location);
    }
    return url;
}

/* --- items -------------------------------------------------------------------------------------------------------- */

static void item_clear(struct sg_pull_item *item)
{
    free(item->url);
    X509_free(item->cert);
    X509_free(item->issuer);
}

static bool is_planned(const struct sg_pull_plan *plan, const struct sg_pull_item *item)
{
    for (size_t i = 0; i < plan->count; i++)
        if (plan->items[i].kind == item->kind && strcmp(plan->items[i].url, item->url) == 0 &&
            strcmp(plan->items[i].about, item->about) == 0)
            return true;
    return false;
}

static enum sg_rc append(struct sg_pull_plan *plan, struct sg_pull_item *item, struct sg_err *err)
{
    if (plan->count == plan->capacity) {
        size_t capacity = plan->capacity ? 2 * plan->capacity : 16;
        struct sg_pull_item *grown = reallocarray(plan->items, capacity, sizeof(*grown));
        if (!grown)
            return sg_fail_memory(err);
        plan->items = grown;
        plan->capacity = capacity;
    }
    plan->items[plan->count++] = *item;
    *item = (struct sg_pull_item){0};
    return SG_OK;
}

/* Takes over `url`; NULL: there is nothing to fetch. */
static enum sg_rc add_item(struct planning *planning, enum sg_pull_kind kind, char *url, X509 *cert, X509 *issuer,
                           struct sg_err *err)
{
    _cleanup_(item_clear) struct sg_pull_item item = {.kind = kind, .url = url};
    struct sg_pull_plan *plan = planning->plan;
    enum sg_rc rc = SG_OK;
    if (!url)
        return SG_OK;
    if (kind == SG_PULL_OCSP || kind == SG_PULL_AIA)
        rc = sg_cert_sha256(planning->libctx, cert, item.about, err);
    if (rc != SG_OK || is_planned(plan, &item))
        return rc;
    if (plan->count >= SG_MAX_PULLS) {
        plan->limited = true;
        return SG_OK;
    }
    if ((cert && !X509_up_ref(cert)) || (item.cert = cert, issuer && !X509_up_ref(issuer)))
        return sg_fail_memory(err);
    item.issuer = issuer;
    rc =
        sg_pull_get(planning->store, &(struct sg_pull_key){sg_pull_kind_word(kind), url, item.about}, &item.state, err);
    return rc == SG_OK ? append(plan, &item, err) : rc;
}

static X509 *find_issuer(const STACK_OF(X509) *certs, X509 *cert)
{
    for (int i = 0; i < sk_X509_num(certs); i++) {
        X509 *candidate = sk_X509_value(certs, i);
        if (sg_cert_is_issued_by(cert, candidate))
            return candidate;
    }
    return NULL;
}

static bool has_ended(X509 *cert, int64_t now)
{
    int64_t not_after;
    return sg_time_from_asn1(X509_get0_notAfter(cert), &not_after) && not_after < now;
}

/* Where its CRLs are: complete ones, or deltas (RFC 5280 §4.2.1.13, §4.2.1.15). */
static enum sg_rc add_points(struct planning *planning, X509 *cert, X509 *issuer, int nid, struct sg_err *err)
{
    _cleanup_(CRL_DIST_POINTS_freep) CRL_DIST_POINTS *points = X509_get_ext_d2i(cert, nid, NULL, NULL);
    enum sg_rc rc = SG_OK;
    for (int i = 0; rc == SG_OK && i < sk_DIST_POINT_num(points); i++)
        rc = add_item(planning, SG_PULL_CRL, point_url(sk_DIST_POINT_value(points, i)), cert, issuer, err);
    return rc;
}

/* What one certificate names. Nothing is fetched for one that has ended: CAs need not speak of it any more. */
static enum sg_rc add_certificate(struct planning *planning, X509 *cert, struct sg_err *err)
{
    bool self_issued = X509_get_extension_flags(cert) & EXFLAG_SI;
    if (self_issued || has_ended(cert, planning->now))
        return SG_OK;
    X509 *issuer = find_issuer(planning->known, cert);
    if (!issuer)
        return add_item(planning, SG_PULL_AIA, access_url(cert, NID_ad_ca_issuers), cert, NULL, err);
    enum sg_rc rc = add_points(planning, cert, issuer, NID_crl_distribution_points, err);
    if (rc == SG_OK)
        rc = add_points(planning, cert, issuer, NID_freshest_crl, err);
    if (rc == SG_OK)
        rc = add_item(planning, SG_PULL_OCSP, access_url(cert, NID_ad_OCSP), cert, issuer, err);
    return rc;
}

static enum sg_rc push_parsed(OSSL_LIB_CTX *libctx, struct sg_slice der, STACK_OF(X509) *certs, struct sg_err *err)
{
    X509 *cert = NULL;
    enum sg_rc rc = sg_cert_parse(der, libctx, &cert, err);
    if (rc == SG_OK && sk_X509_push(certs, cert) == 0) {
        X509_free(cert);
        rc = sg_fail_memory(err);
    }
    return rc;
}

static enum sg_rc gather(struct planning *planning, const struct sg_snapshot *snapshot, struct sg_err *err)
{
    if (!planning->certs || !planning->known)
        return sg_fail_memory(err);
    enum sg_rc rc = sg_store_certificates(planning->store, planning->certs, err);
    if (rc == SG_OK && !X509_add_certs(planning->known, planning->certs, X509_ADD_FLAG_UP_REF))
        rc = sg_fail_memory(err);
    for (size_t i = 0; rc == SG_OK && i < sg_snapshot_anchor_count(snapshot); i++)
        rc = push_parsed(planning->libctx, sg_snapshot_anchor(snapshot, i)->certificate, planning->known, err);
    return rc;
}

enum sg_rc sg_pull_plan_make(struct sg_store *store, const struct sg_snapshot *snapshot, OSSL_LIB_CTX *libctx,
                             const char *list_url, int64_t now, struct sg_pull_plan *ret, struct sg_err *err)
{
    _cleanup_(sg_pull_plan_clear) struct sg_pull_plan plan = {0};
    _cleanup_(sg_x509_stack_freep) STACK_OF(X509) *certs = sk_X509_new_null();
    _cleanup_(sg_x509_stack_freep) STACK_OF(X509) *known = sk_X509_new_null();
    struct planning planning = {store, &plan, certs, known, libctx, now};
    enum sg_rc rc = gather(&planning, snapshot, err);
    if (rc == SG_OK && list_url[0]) {
        char *url = strdup(list_url);
        rc = url ? add_item(&planning, SG_PULL_LIST, url, NULL, NULL, err) : sg_fail_memory(err);
    }
    for (int i = 0; rc == SG_OK && i < sk_X509_num(certs); i++)
        rc = add_certificate(&planning, sk_X509_value(certs, i), err);
    if (rc != SG_OK)
        return rc;
    *ret = plan;
    plan = (struct sg_pull_plan){0};
    return SG_OK;
}

bool sg_pull_is_due(const struct sg_pull_item *item, int64_t now)
{
    return item->state.last_attempt == 0 || item->state.next_attempt <= now;
}

void sg_pull_plan_clear(struct sg_pull_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++)
        item_clear(&plan->items[i]);
    free(plan->items);
    *plan = (struct sg_pull_plan){0};
}

enum sg_rc sg_pull_next(struct sg_store *store, const char *state_folder, OSSL_LIB_CTX *libctx, const char *list_url,
                        int64_t now, int64_t *ret, struct sg_err *err)
{
    _cleanup_(sg_snapshot_freep) struct sg_snapshot *snapshot = NULL;
    _cleanup_(sg_pull_plan_clear) struct sg_pull_plan plan = {0};
    int64_t next = INT64_MAX;
    enum sg_rc rc = sg_snapshot_open(state_folder, libctx, &snapshot, err);
    if (rc == SG_OK)
        rc = sg_pull_plan_make(store, snapshot, libctx, list_url, now, &plan, err);
    for (size_t i = 0; i < plan.count; i++)
        if (plan.items[i].state.next_attempt < next)
            next = plan.items[i].state.next_attempt;
    if (rc == SG_OK)
        *ret = next;
    return rc;
}
