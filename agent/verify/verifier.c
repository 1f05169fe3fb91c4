#include "verify/verifier.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "base/crypto.h"
#include "base/limits.h"
#include "base/msg.h"

/* --- making one --------------------------------------------------------------------------------------------------- */

SG_DEFINE_CLEANUP(X509_VERIFY_PARAM, X509_VERIFY_PARAM_free)

static void free_policies(STACK_OF(ASN1_OBJECT) **policies)
{
    sk_ASN1_OBJECT_pop_free(*policies, ASN1_OBJECT_free);
}

/* `*ret` is NULL for any: none named is that, too (RFC 5280 §6.1.1 (c)). */
static enum sg_rc read_policies(const struct sg_policy_options *policy, STACK_OF(ASN1_OBJECT) **ret, struct sg_err *err)
{
    _cleanup_(free_policies) STACK_OF(ASN1_OBJECT) *policies = sk_ASN1_OBJECT_new_null();
    bool any = policy->policy_count == 0;
    if (!policies)
        return sg_fail_memory(err);
    for (size_t i = 0; i < policy->policy_count; i++) {
        const char *text = policy->policies[i];
        ASN1_OBJECT *object = OBJ_txt2obj(strcmp(text, "any") == 0 ? "2.5.29.32.0" : text, 1);
        if (!object)
            return sg_fail(err, SG_E_USAGE, _("%s is not a policy: give its OID, as in 1.2.3.4, or \"any\""), text);
        if (sk_ASN1_OBJECT_push(policies, object) <= 0) {
            ASN1_OBJECT_free(object);
            return sg_fail_memory(err);
        }
        any |= OBJ_obj2nid(object) == NID_any_policy;
    }
    *ret = any ? NULL : sg_steal(policies);
    return SG_OK;
}

/* OpenSSL would take no policies for none. */
static bool set_policies(X509_VERIFY_PARAM *param, STACK_OF(ASN1_OBJECT) *policies)
{
    ASN1_OBJECT *any = policies ? NULL : OBJ_nid2obj(NID_any_policy); /* static */
    return policies ? X509_VERIFY_PARAM_set1_policies(param, policies) : X509_VERIFY_PARAM_add0_policy(param, any);
}

/* What every path is checked by: strictly by RFC 5280's profile, policies always processed. PARTIAL_CHAIN: what we put
 * into the store is the anchor, whether self-signed or not. */
static enum sg_rc make_param(const struct sg_policy_options *policy, STACK_OF(ASN1_OBJECT) *policies, int64_t at,
                             X509_VERIFY_PARAM **ret, struct sg_err *err)
{
    unsigned long flags = X509_V_FLAG_X509_STRICT | X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_POLICY_CHECK;
    if (policy->explicit_policy)
        flags |= X509_V_FLAG_EXPLICIT_POLICY;
    if (policy->inhibit_mapping)
        flags |= X509_V_FLAG_INHIBIT_MAP;
    if (policy->inhibit_any_policy)
        flags |= X509_V_FLAG_INHIBIT_ANY;
    _cleanup_(X509_VERIFY_PARAM_freep) X509_VERIFY_PARAM *param = X509_VERIFY_PARAM_new();
    if (!param || !X509_VERIFY_PARAM_set_flags(param, flags) || !set_policies(param, policies))
        return sg_fail_memory(err);
    X509_VERIFY_PARAM_set_time(param, (time_t)at);
    X509_VERIFY_PARAM_set_depth(param, SG_MAX_PATH_LENGTH);
    /* A person's CN is no host name, whatever it looks like: constraints on those are for subjectAltName (§4.2.1.10).
     */
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    *ret = sg_steal(param);
    return SG_OK;
}

enum sg_rc sg_verifier_new(const struct sg_verifier_options *options, struct sg_verifier **ret, struct sg_err *err)
{
    struct sg_verifier *fresh = calloc(1, sizeof *fresh);
    if (!fresh || pthread_mutex_init(&fresh->lock, NULL) != 0) {
        free(fresh);
        return sg_fail_memory(err);
    }
    _cleanup_(sg_verifier_freep) struct sg_verifier *verifier = fresh;
    verifier->libctx = options->libctx;
    verifier->sha256 = EVP_MD_fetch(options->libctx, "SHA256", NULL);
    if (!verifier->sha256)
        return sg_fail_ssl(err, SG_E_INTERNAL, _("The %s digest cannot be computed."), "SHA256");
    verifier->revocation = options->revocation;
    verifier->stale = options->stale;
    verifier->now = sg_clock_now(&options->clock);
    verifier->at = options->at == SG_TIME_NONE ? verifier->now : options->at;
    verifier->max_depth = options->policy.max_depth;
    enum sg_rc rc = read_policies(&options->policy, &verifier->policies, err);
    if (rc == SG_OK)
        rc = make_param(&options->policy, verifier->policies, verifier->at, &verifier->base, err);
    if (rc == SG_OK)
        rc = sg_cert_cache_new(options->libctx, &verifier->certs, err);
    if (rc == SG_OK)
        rc = sg_trust_new(options, verifier->certs, &verifier->trust, err);
    if (rc == SG_OK)
        *ret = sg_steal(verifier);
    return rc;
}

void sg_verifier_warm_up(struct sg_verifier *verifier)
{
    sg_trust_warm_up(verifier->trust);
}

/* --- the cache: path and revocation of a certificate, judged once --------------------------------------------------
 */

struct sg_cache_entry {
    struct sg_cache_entry *next;
    uint8_t key[SG_SHA256_LEN];
    struct sg_judgement judgement;
};

static void cache_clear(struct sg_verifier *verifier)
{
    for (size_t i = 0; i < SG_CACHE_BUCKETS; i++) {
        while (verifier->cache[i]) {
            struct sg_cache_entry *entry = verifier->cache[i];
            verifier->cache[i] = entry->next;
            sg_judgement_clear(&entry->judgement);
            free(entry);
        }
    }
    verifier->cached = 0;
}

void sg_verifier_free(struct sg_verifier *verifier)
{
    if (!verifier)
        return;
    cache_clear(verifier);
    X509_VERIFY_PARAM_free(verifier->base);
    free_policies(&verifier->policies);
    sg_trust_free(verifier->trust);
    sg_key_check_free(verifier->kept_check);
    sg_cert_cache_free(verifier->certs);
    EVP_MD_free(verifier->sha256);
    (void)pthread_mutex_destroy(&verifier->lock);
    free(verifier);
}

static bool hash_proven(const struct sg_verifier *verifier, EVP_MD_CTX *ctx, const STACK_OF(X509) *proven)
{
    const int count = proven ? sk_X509_num(proven) : -1;
    uint8_t digest[SG_SHA256_LEN];
    bool hashed = EVP_DigestUpdate(ctx, &count, sizeof count);
    for (int i = 0; hashed && i < count; i++)
        hashed = sg_cert_digest(verifier->libctx, sk_X509_value(proven, i), digest, NULL) == SG_OK &&
                 EVP_DigestUpdate(ctx, digest, sizeof digest);
    return hashed;
}

static bool hash_request(const struct sg_verifier *verifier, EVP_MD_CTX *ctx, const struct sg_cert_request *request)
{
    const int purpose = (int)request->purpose;
    uint8_t digest[SG_SHA256_LEN];
    return sg_cert_digest(verifier->libctx, request->cert, digest, NULL) == SG_OK &&
           EVP_DigestUpdate(ctx, digest, sizeof digest) && EVP_DigestUpdate(ctx, &purpose, sizeof purpose) &&
           EVP_DigestUpdate(ctx, &request->at, sizeof request->at) &&
           EVP_DigestUpdate(ctx, &request->known_at, sizeof request->known_at) &&
           hash_proven(verifier, ctx, request->proven) && (!request->carried || sg_carried_hash(request->carried, ctx));
}

/* SHA-256 over the certificate, its purpose, the time and all that came with it: the whole input of a judgement that is
 * not the verifier's own. */
static enum sg_rc cache_key(const struct sg_verifier *verifier, const struct sg_cert_request *request,
                            uint8_t ret[SG_SHA256_LEN], struct sg_err *err)
{
    _cleanup_(EVP_MD_CTX_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (!ctx || !EVP_DigestInit_ex2(ctx, verifier->sha256, NULL) || !hash_request(verifier, ctx, request) ||
        !EVP_DigestFinal_ex(ctx, ret, NULL))
        return sg_fail_ssl(err, SG_E_INTERNAL, _("Cannot compute the digest of the certificates"));
    return SG_OK;
}

static struct sg_cache_entry **bucket_of(struct sg_verifier *verifier, const uint8_t key[SG_SHA256_LEN])
{
    return &verifier->cache[(key[0] | key[1] << 8) % SG_CACHE_BUCKETS];
}

static enum sg_rc cache_find(struct sg_verifier *verifier, const uint8_t key[SG_SHA256_LEN],
                             struct sg_judgement *judgement, bool *ret_found, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    (void)pthread_mutex_lock(&verifier->lock);
    struct sg_cache_entry *entry = *bucket_of(verifier, key);
    while (entry && memcmp(entry->key, key, SG_SHA256_LEN) != 0)
        entry = entry->next;
    if (entry)
        rc = sg_judgement_merge(judgement, &entry->judgement, err);
    (void)pthread_mutex_unlock(&verifier->lock);
    if (rc == SG_OK)
        *ret_found = entry != NULL;
    return rc;
}

/* Takes over `*judgement`, which is left blank. Two threads may judge the same: both entries say the same. */
static enum sg_rc cache_put(struct sg_verifier *verifier, const uint8_t key[SG_SHA256_LEN],
                            struct sg_judgement *judgement, struct sg_err *err)
{
    struct sg_cache_entry *entry = calloc(1, sizeof *entry);
    if (!entry)
        return sg_fail_memory(err);
    memcpy(entry->key, key, SG_SHA256_LEN);
    entry->judgement = *judgement;
    sg_judgement_init(judgement);
    (void)pthread_mutex_lock(&verifier->lock);
    if (verifier->cached >= SG_CACHE_ENTRIES)
        cache_clear(verifier);
    entry->next = *bucket_of(verifier, key);
    *bucket_of(verifier, key) = entry;
    verifier->cached++;
    (void)pthread_mutex_unlock(&verifier->lock);
    return SG_OK;
}

enum sg_rc sg_judge_certificate(struct sg_verifier *verifier, const struct sg_cert_request *request,
                                struct sg_judgement *judgement, struct sg_err *err)
{
    uint8_t key[SG_SHA256_LEN];
    bool found = false;
    enum sg_rc rc = cache_key(verifier, request, key, err);
    if (rc == SG_OK)
        rc = cache_find(verifier, key, judgement, &found, err);
    if (rc != SG_OK || found)
        return rc;

    _cleanup_(sg_judgement_clear) struct sg_judgement fresh;
    sg_judgement_init(&fresh);
    rc = sg_judge_paths(verifier, request, verifier->revocation, &fresh, err);
    if (rc == SG_OK)
        rc = sg_judgement_merge(judgement, &fresh, err);
    /* Cut short by what the file's other signers have spent, it may say less than it would elsewhere. */
    if (rc == SG_OK && *request->steps > 0)
        rc = cache_put(verifier, key, &fresh, err);
    return rc;
}

/* --- all paths, and the best of them ------------------------------------------------------------------------------ */

struct candidates {
    struct sg_chain_request chain;
    bool any;
    struct sg_judgement best;
};

static enum sg_rc visit_path(void *context, const struct sg_found_path *found, bool *ret_stop, struct sg_err *err)
{
    struct candidates *candidates = context;
    candidates->chain.limits = found->limits;
    _cleanup_(sg_judgement_clear) struct sg_judgement judgement;
    sg_judgement_init(&judgement);
    enum sg_rc rc = sg_judge_chain(&candidates->chain, found->certs, &judgement, err);
    if (rc != SG_OK || (judgement.severity != SG_SEVERITY_NONE && !sg_path_is_signed(found)))
        return rc;
    if (!candidates->any || judgement.severity < candidates->best.severity) {
        struct sg_judgement worse = candidates->best;
        candidates->best = judgement;
        judgement = worse;
        candidates->any = true;
    }
    *ret_stop = candidates->best.severity == SG_SEVERITY_NONE;
    return SG_OK;
}

unsigned sg_anchor_purposes(enum sg_cert_purpose purpose)
{
    switch (purpose) {
    case SG_CERT_SIGN:
        return SG_PURPOSE_SIGN;
    case SG_CERT_TIMESTAMP:
        return SG_PURPOSE_TIMESTAMP;
    case SG_CERT_ANY:
    case SG_CERT_OCSP:
    case SG_CERT_CRL:
        break;
    }
    return SG_PURPOSES_ALL;
}

static enum sg_rc note_no_path(X509 *cert, struct sg_judgement *judgement, struct sg_err *err)
{
    _cleanup_(freep) char *issuer = NULL;
    enum sg_rc rc = sg_name_text(X509_get_issuer_name(cert), &issuer, err);
    if (rc == SG_OK)
        rc = sg_judgement_note(
            judgement, SG_SEVERITY_NO_CHAIN, SG_REASON_NO_PATH, err,
            _("No path leads from the certificate to an anchor trusted here for this; it was issued by %s."), issuer);
    return rc;
}

enum sg_rc sg_judge_paths(struct sg_verifier *verifier, const struct sg_cert_request *request,
                          enum sg_revocation_mode revocation, struct sg_judgement *judgement, struct sg_err *err)
{
    struct candidates candidates = {.chain = {.verifier = verifier,
                                              .purpose = request->purpose,
                                              .at = request->at,
                                              .known_at = request->known_at,
                                              .revocation = revocation,
                                              .carried = request->carried,
                                              .proven = request->proven,
                                              .steps = request->steps,
                                              .nesting = request->nesting}};
    struct sg_path_search search = {.trust = verifier->trust,
                                    .carried = request->carried ? request->carried->certs : NULL,
                                    .purposes = sg_anchor_purposes(request->purpose),
                                    .at = request->at,
                                    .max_depth = verifier->max_depth,
                                    .steps = request->steps,
                                    .visit = visit_path,
                                    .context = &candidates};
    bool limited = false;
    sg_judgement_init(&candidates.best);
    enum sg_rc rc = sg_path_search(&search, request->cert, &limited, err);
    if (rc == SG_OK && !candidates.any)
        rc = note_no_path(request->cert, &candidates.best, err);
    if (rc == SG_OK && limited && candidates.best.severity != SG_SEVERITY_NONE)
        rc = sg_judgement_note(&candidates.best, SG_SEVERITY_NONE, SG_REASON_PATH_LIMIT, err,
                               _("There are too many possible paths; not all of them were tried."));
    if (rc == SG_OK)
        rc = sg_judgement_merge(judgement, &candidates.best, err);
    sg_judgement_clear(&candidates.best);
    return rc;
}
