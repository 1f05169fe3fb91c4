#include "verify/finding.h"

#include <openssl/x509v3.h>

static int64_t present(const struct sg_revocation_request *request)
{
    return request->present > request->at ? request->present : request->at;
}

bool sg_finding_is_proven(const struct sg_revocation_request *request, int64_t proven)
{
    return request->proven_by == 0 || sg_finding_good_at(request, proven) <= request->proven_by;
}

bool sg_finding_is_older(const struct sg_revocation_request *request, int64_t proven)
{
    return proven != SG_TIME_NONE && proven < present(request);
}

int64_t sg_finding_good_at(const struct sg_revocation_request *request, int64_t proven)
{
    return sg_finding_is_older(request, proven) ? proven : present(request);
}

/* Data has to be good until `known_at`; of a certificate that has ended before that, until then: no list need have it
 * any more. */
int64_t sg_finding_fresh_at(const struct sg_revocation_request *request, X509 *cert)
{
    int64_t until = request->known_at, not_after;
    if (sg_time_from_asn1(X509_get0_notAfter(cert), &not_after) && not_after < until)
        until = not_after;
    return until > request->at ? until : request->at;
}

/* EN 319 102-1 §5.2.5.4: the freshness that is asked for is that of the data's own nextUpdate. */
bool sg_finding_is_stale(const struct sg_finding *finding)
{
    /* Without nextUpdate, nothing says that it is still the present one: RFC 5280 §5.1.2.5 requires it of a CRL, and in
     * an OCSP response its absence says that there is always newer data (RFC 6960 §4.2.2.1). */
    return finding->next_update == SG_TIME_NONE || finding->next_update < finding->fresh_at;
}

void sg_finding_set_good(struct sg_finding *finding)
{
    finding->answer = sg_finding_is_stale(finding) ? SG_ANSWER_STALE : SG_ANSWER_GOOD;
}

/* RFC 3161 §4 (1): what a TSA stamped before its certificate was revoked stays good only if the reason is given, and is
 * none that doubts the key: whoever has the key can write any time. */
static bool leaves_past(long reason)
{
    return reason == CRL_REASON_UNSPECIFIED || reason == CRL_REASON_AFFILIATION_CHANGED ||
           reason == CRL_REASON_SUPERSEDED || reason == CRL_REASON_CESSATION_OF_OPERATION;
}

void sg_finding_set_revoked(struct sg_finding *finding, int64_t when, long reason,
                            const struct sg_revocation_request *request)
{
    bool later = when != SG_TIME_NONE && when > request->at;
    finding->revoked_at = when;
    finding->reason = reason;
    if (later && (!request->proves_time || leaves_past(reason)))
        finding->answer = sg_finding_is_stale(finding) ? SG_ANSWER_STALE : SG_ANSWER_REVOKED_LATER;
    else
        finding->answer = reason == CRL_REASON_CERTIFICATE_HOLD ? SG_ANSWER_ON_HOLD : SG_ANSWER_REVOKED;
}

bool sg_finding_is_bad(const struct sg_finding *finding)
{
    return finding->answer == SG_ANSWER_REVOKED || finding->answer == SG_ANSWER_ON_HOLD;
}

static bool is_settled(const struct sg_finding *finding)
{
    return finding->answer == SG_ANSWER_GOOD || finding->answer == SG_ANSWER_REVOKED_LATER;
}

bool sg_finding_is_better(const struct sg_finding *a, const struct sg_finding *b)
{
    if (a->answer == SG_ANSWER_REVOKED || b->answer == SG_ANSWER_REVOKED)
        return a->answer == SG_ANSWER_REVOKED && b->answer != SG_ANSWER_REVOKED;
    bool a_known = a->answer > SG_ANSWER_NOT_KNOWN_AFTER_EXPIRY, b_known = b->answer > SG_ANSWER_NOT_KNOWN_AFTER_EXPIRY;
    if (a_known != b_known)
        return a_known;
    /* A newer one that names no time until which it holds does not undo an older one that does. */
    if (is_settled(a) && b->answer == SG_ANSWER_STALE)
        return true;
    if (is_settled(b) && a->answer == SG_ANSWER_STALE)
        return false;
    return !b->kind || a->this_update > b->this_update;
}

const char *sg_finding_word(const struct sg_finding *finding)
{
    switch (finding->answer) {
    case SG_ANSWER_REVOKED:
        return "revoked";
    case SG_ANSWER_ON_HOLD:
        return "on-hold";
    case SG_ANSWER_GOOD:
    case SG_ANSWER_REVOKED_LATER:
        return "good";
    case SG_ANSWER_STALE:
        return "stale";
    case SG_ANSWER_NOT_KNOWN:
    case SG_ANSWER_NOT_KNOWN_AFTER_EXPIRY:
        break;
    }
    return sg_finding_is_stale(finding) ? "stale" : "unknown";
}

const char *sg_finding_reason(const struct sg_finding *finding)
{
    static const char *const names[] = {
        [CRL_REASON_UNSPECIFIED] = "unspecified",
        [CRL_REASON_KEY_COMPROMISE] = "keyCompromise",
        [CRL_REASON_CA_COMPROMISE] = "cACompromise",
        [CRL_REASON_AFFILIATION_CHANGED] = "affiliationChanged",
        [CRL_REASON_SUPERSEDED] = "superseded",
        [CRL_REASON_CESSATION_OF_OPERATION] = "cessationOfOperation",
        [CRL_REASON_CERTIFICATE_HOLD] = "certificateHold",
        [CRL_REASON_REMOVE_FROM_CRL] = "removeFromCRL",
        [CRL_REASON_PRIVILEGE_WITHDRAWN] = "privilegeWithdrawn",
        [CRL_REASON_AA_COMPROMISE] = "aACompromise",
    };
    bool revoked = finding->answer == SG_ANSWER_REVOKED || finding->answer == SG_ANSWER_ON_HOLD ||
                   finding->answer == SG_ANSWER_REVOKED_LATER;
    bool known = finding->reason >= 0 && finding->reason < (long)(sizeof names / sizeof *names);
    return revoked && known ? names[finding->reason] : NULL;
}
