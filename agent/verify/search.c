#include "verify/search.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/msg.h"
#include "verify/carried.h"
#include "verify/trust.h"

enum sg_rc sg_search_note_unusable(const struct sg_search *search, struct sg_judgement *into, const char *kind,
                                   int64_t from, const char *why, struct sg_err *err)
{
    bool crl = strcmp(kind, "crl") == 0;
    char time[SG_TIME_TEXT] = "?";
    if (!into)
        return SG_OK;
    if (from != SG_TIME_NONE)
        (void)sg_time_text(from, time);
    return sg_judgement_note(into, SG_SEVERITY_NONE, crl ? SG_REASON_CRL_NOT_USABLE : SG_REASON_OCSP_NOT_USABLE, err,
                             crl ? _("The CRL of %s from %s is not used: %s.")
                                 : _("An OCSP response about a certificate of %s, from %s, is not used: %s."),
                             search->issuer_name, time, _(why));
}

/* --- what is said together ---------------------------------------------------------------------------------------- */

void sg_search_take(struct sg_search *search, const struct sg_finding *finding, unsigned reasons)
{
    for (unsigned flag = 1; flag < SG_REASON_FLAGS; flag++)
        if ((reasons & 1U << flag) && sg_finding_is_better(finding, &search->by_reason[flag]))
            search->by_reason[flag] = *finding;
}

/* The answer that counts if another is given for another reason comes first. */
static int weight(const struct sg_finding *finding)
{
    static const int weights[] = {
        [SG_ANSWER_REVOKED] = 6,   [SG_ANSWER_ON_HOLD] = 5,
        [SG_ANSWER_NOT_KNOWN] = 4, [SG_ANSWER_NOT_KNOWN_AFTER_EXPIRY] = 3,
        [SG_ANSWER_STALE] = 2,     [SG_ANSWER_REVOKED_LATER] = 1,
        [SG_ANSWER_GOOD] = 0,
    };
    return weights[finding->answer];
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b; /* SG_TIME_NONE before all */
}

/* The earlier of two times of which either may be SG_TIME_NONE. */
static int64_t earlier_known(int64_t a, int64_t b)
{
    return a == SG_TIME_NONE || (b != SG_TIME_NONE && b < a) ? b : a;
}

static enum sg_rc note_not_covered(const struct sg_search *search, struct sg_err *err)
{
    if (!search->unusable)
        return SG_OK;
    return sg_judgement_note(search->unusable, SG_SEVERITY_NONE, SG_REASON_CRL_NOT_USABLE, err,
                             _("The CRLs here about certificates of %s are for some reasons of revocation only; those "
                               "for the other reasons are missing."),
                             search->issuer_name);
}

enum sg_rc sg_search_settle(struct sg_search *search, struct sg_err *err)
{
    struct sg_finding best = search->by_reason[1];
    bool covered = best.kind != NULL, any = covered;
    for (unsigned flag = 2; flag < SG_REASON_FLAGS; flag++) {
        const struct sg_finding *other = &search->by_reason[flag];
        covered &= other->kind != NULL;
        any |= other->kind != NULL;
        if (weight(other) > weight(&best))
            best = *other;
    }
    bool bad = sg_finding_is_bad(&best);
    for (unsigned flag = 1; !bad && covered && flag < SG_REASON_FLAGS; flag++) {
        best.this_update = earlier(best.this_update, search->by_reason[flag].this_update);
        best.next_update = earlier(best.next_update, search->by_reason[flag].next_update);
        best.signer_ends = earlier_known(best.signer_ends, search->by_reason[flag].signer_ends);
        best.signer_as_of = earlier_known(best.signer_as_of, search->by_reason[flag].signer_as_of);
        best.proven &= search->by_reason[flag].proven;
    }
    search->best = best;
    return any && !covered && !bad ? note_not_covered(search, err) : SG_OK;
}

/* --- CRLs --------------------------------------------------------------------------------------------------------- */

/* One that may be used, and what it lists of the certificate. */
struct source {
    struct sg_known_crl *known;
    unsigned reasons;
    bool aside; /* it is of another scope, and not used */
    struct sg_crl_signer signer;
    const char *problem; /* why it counts as far as it is bad news (untranslated); NULL: in full */
    struct sg_crl_hit hit;
};

struct sources {
    struct source *items;
    size_t count;
};

static void sources_clear(struct sources *sources)
{
    free(sources->items);
}

static enum sg_rc next_crl(const struct sg_revocation_request *request, const X509_NAME *issuer,
                           struct sg_source_cursor *known_cursor, size_t *carried_cursor, struct sg_known_crl **ret,
                           struct sg_err *err)
{
    struct sg_known_crl *known = NULL;
    enum sg_rc rc =
        request->carried_only ? SG_OK : sg_trust_next_crl(request->trust, issuer, known_cursor, &known, err);
    if (rc != SG_OK)
        return rc;
    while (!known && request->carried && *carried_cursor < request->carried->crl_count) {
        struct sg_known_crl *carried = request->carried->crls[(*carried_cursor)++];
        if (X509_NAME_cmp(carried->issuer, issuer) == 0)
            known = carried;
    }
    *ret = known;
    return SG_OK;
}

/* Whether it may be used at all: `*ret_why` (untranslated) if not. */
static enum sg_rc examine(const struct sg_search *search, struct source *source, const char **ret_why,
                          struct sg_err *err)
{
    const struct sg_revocation_request *request = search->request;
    const struct sg_known_crl *known = source->known;
    const char *why = known->problem;
    if (!why) {
        source->reasons = sg_known_crl_reasons(known, search->cert, &why);
        source->aside = why != NULL;
    }
    if (!why && known->next_update != SG_TIME_NONE && known->next_update < known->this_update)
        why = N_("its dates contradict each other");
    if (!why && !sg_finding_is_proven(request, known->proven))
        why = N_("nothing proves that it was there in time");
    *ret_why = why;
    if (why)
        return SG_OK;
    enum sg_rc rc = sg_known_crl_check_signer(source->known, request, search->issuer, search->judged_signer,
                                              &source->signer, ret_why, err);
    source->problem = known->this_update > request->now ? N_("it is from the future") : source->signer.problem;
    return rc;
}

/* An index that is damaged and cannot be made anew is a source that cannot be read. */
static enum sg_rc look_up(struct sg_search *search, struct source *source, bool *ret_read, struct sg_err *err)
{
    struct sg_known_crl *known = source->known;
    bool rebuilt = false;
    enum sg_rc rc = sg_known_crl_look_up(known, search->request->libctx, search->cert, &source->hit, &rebuilt, err);
    *ret_read = rc == SG_OK;
    if (rc == SG_OK && rebuilt)
        search->rebuilt_crl = known->der_path;
    if (rc == SG_E_STORE_DAMAGED || rc == SG_E_NOT_FOUND || rc == SG_E_MALFORMED || rc == SG_E_LIMIT) {
        search->unreadable_crl = known->der_path ? known->der_path : "?";
        return SG_OK;
    }
    return rc;
}

static enum sg_rc add_source(struct sg_search *search, struct sg_known_crl *known, struct sources *sources,
                             struct sg_err *err)
{
    struct source source = {.known = known};
    const char *why = NULL;
    bool read = false;
    enum sg_rc rc = examine(search, &source, &why, err);
    if (rc == SG_OK && why)
        return sg_search_note_unusable(search, source.aside ? search->aside : search->unusable, "crl",
                                       known->this_update, why, err);
    if (rc == SG_OK)
        rc = look_up(search, &source, &read, err);
    if (rc != SG_OK || !read)
        return rc;
    struct source *grown = reallocarray(sources->items, sources->count + 1, sizeof *grown);
    if (!grown)
        return sg_fail_memory(err);
    sources->items = grown;
    grown[sources->count++] = source;
    return SG_OK;
}

/* Those that are stored or named come first, and all of them: no number of carried ones hides any. */
static enum sg_rc collect(struct sg_search *search, const X509_NAME *issuer, struct sources *sources,
                          struct sg_err *err)
{
    int carried = 0;
    struct sg_source_cursor known_cursor = {0};
    size_t carried_cursor = 0;
    enum sg_rc rc = SG_OK;
    while (rc == SG_OK) {
        struct sg_known_crl *known = NULL;
        rc = next_crl(search->request, issuer, &known_cursor, &carried_cursor, &known, err);
        carried += known && known->carried;
        search->skipped |= carried > SG_MAX_CARRIED_CRLS_TRIED;
        if (rc != SG_OK || !known || carried > SG_MAX_CARRIED_CRLS_TRIED)
            break;
        rc = add_source(search, known, sources, err);
    }
    if (known_cursor.unreadable)
        search->unreadable_crl = known_cursor.unreadable;
    return rc;
}

/* A CA need not list certificates that have ended (RFC 5280 §5): not being listed proves something only up to then. */
static bool may_have_been_dropped(const struct sg_known_crl *base, int64_t this_update, X509 *cert)
{
    int64_t not_after;
    if (!sg_time_from_asn1(X509_get0_notAfter(cert), &not_after))
        return true;
    return this_update > not_after && (base->expired_since == SG_TIME_NONE || base->expired_since > not_after);
}

/* What a complete CRL says, or base and delta together, which are as new as the delta (RFC 5280 §6.3.3 (i) to (k)). A
 * certificate that the base revokes for good stays revoked, even if the delta drops it because it has ended. */
static struct sg_finding ask(const struct sg_search *search, const struct source *base, const struct source *delta)
{
    const struct sg_revocation_request *request = search->request;
    const struct source *other = delta ? delta : base;
    const struct sg_known_crl *newest = other->known;
    struct sg_finding finding = {.kind = "crl",
                                 .issuer = newest->issuer,
                                 .this_update = newest->this_update,
                                 .next_update = newest->next_update,
                                 .signer_ends = earlier_known(base->signer.good_until, other->signer.good_until),
                                 .signer_as_of = earlier_known(base->signer.as_of, other->signer.as_of),
                                 .fresh_at = sg_finding_fresh_at(request, search->cert),
                                 .revoked_at = SG_TIME_NONE,
                                 .reason = -1,
                                 .proven = sg_finding_is_older(request, base->known->proven) &&
                                           sg_finding_is_older(request, newest->proven)};
    struct sg_crl_hit hit = base->hit;
    bool held = hit.found && hit.reason == CRL_REASON_CERTIFICATE_HOLD;
    if (delta && delta->hit.found) {
        bool removed = delta->hit.reason == CRL_REASON_REMOVE_FROM_CRL;
        if (!removed || held || !hit.found)
            hit = removed ? (struct sg_crl_hit){.found = false} : delta->hit;
    }
    if (hit.found)
        sg_finding_set_revoked(&finding, hit.revoked_at, hit.reason, request);
    else if (may_have_been_dropped(base->known, finding.this_update, search->cert))
        finding.answer = SG_ANSWER_NOT_KNOWN_AFTER_EXPIRY;
    else
        sg_finding_set_good(&finding);
    return finding;
}

/* What the issuer's key has said counts as far as it is bad news, even if something else is in doubt (`problem`): its
 * certificate does not allow it, where another of that key may; or that has ended, or may be revoked; or a digest is
 * weak. Else what is not good enough to prove anything would save a revoked certificate. The same of a delta without
 * its base.
 */
static enum sg_rc consider(struct sg_search *search, const struct source *base, const struct source *delta,
                           const char *problem, struct sg_err *err)
{
    struct sg_finding finding = ask(search, base, delta);
    const struct sg_known_crl *newest = delta ? delta->known : base->known;
    if (problem && !sg_finding_is_bad(&finding))
        return sg_search_note_unusable(search, base->known->is_delta ? search->aside : search->unusable, "crl",
                                       newest->this_update, problem, err);
    sg_search_take(search, &finding, delta ? base->reasons & delta->reasons : base->reasons);
    return SG_OK;
}

static enum sg_rc ask_sources(struct sg_search *search, const struct sources *sources, struct sg_err *err)
{
    const char *const no_base = N_("it is a delta CRL, and no complete one is here that it goes with");
    enum sg_rc rc = SG_OK;
    if (sources->count == 0)
        return SG_OK;
    const struct source *end = sources->items + sources->count;
    for (const struct source *source = sources->items; rc == SG_OK && source < end; source++) {
        bool combined = false;
        for (const struct source *base = sources->items; rc == SG_OK && base < end; base++) {
            if (!sg_known_crl_combine(base->known, source->known))
                continue;
            combined = true;
            rc = consider(search, base, source, base->problem ? base->problem : source->problem, err);
        }
        if (rc != SG_OK || combined)
            continue;
        bool removal = source->hit.found && source->hit.reason == CRL_REASON_REMOVE_FROM_CRL;
        if (source->known->is_delta && removal)
            rc = sg_search_note_unusable(search, search->aside, "crl", source->known->this_update, no_base, err);
        else
            rc = consider(search, source, NULL, source->known->is_delta ? no_base : source->problem, err);
    }
    return rc;
}

enum sg_rc sg_search_crls(struct sg_search *search, struct sg_err *err)
{
    _cleanup_(CRL_DIST_POINTS_freep) CRL_DIST_POINTS *points = NULL;
    _cleanup_(sources_clear) struct sources sources = {0};
    const X509_NAME *names[SG_MAX_CRL_ISSUER_NAMES];
    size_t count = sg_crl_issuer_names(search->cert, &points, names);
    enum sg_rc rc = SG_OK;
    for (size_t i = 0; rc == SG_OK && i < count; i++)
        rc = collect(search, names[i], &sources, err);
    return rc == SG_OK ? ask_sources(search, &sources, err) : rc;
}
