/* One candidate path, judged: RFC 5280 §6.1 (path_rules.c), then usage, algorithms, revocation and dates. */
#include <openssl/x509_vfy.h>

#include "base/clock.h"
#include "base/msg.h"
#include "verify/carried.h"
#include "verify/ending.h"
#include "verify/path_rules.h"
#include "verify/revocation.h"
#include "verify/verifier.h"

static enum sg_rc note_weak(struct sg_judgement *judgement, const struct sg_algorithm_answer *answer,
                            enum sg_reason_code code, X509 *cert, struct sg_err *err)
{
    _cleanup_(freep) char *subject = NULL;
    char time[SG_TIME_TEXT];
    enum sg_rc rc = sg_name_text(X509_get_subject_name(cert), &subject, err);
    if (rc != SG_OK)
        return rc;
    if (answer->until == SG_TIME_NONE)
        return sg_judgement_note(judgement, SG_SEVERITY_CHAIN_CRYPTO_CONSTRAINTS, code, err,
                                 _("The certificate of %s uses %s, which is not trusted."), subject, answer->name);
    return sg_judgement_note(judgement, SG_SEVERITY_CHAIN_CRYPTO_CONSTRAINTS, code, err,
                             _("The certificate of %s uses %s, which is not trusted since %s."), subject, answer->name,
                             sg_time_text(answer->until, time));
}

/* EN 319 102-1 §5.2.6.4: the cryptographic constraints hold for every certificate of the path; the anchor is trusted
 * for its key, so its own signature does not count. */
static enum sg_rc check_algorithms(STACK_OF(X509) *path, int64_t at, struct sg_judgement *judgement, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    for (int i = 0; rc == SG_OK && i < sk_X509_num(path); i++) {
        X509 *cert = sk_X509_value(path, i);
        struct sg_algorithm_answer answer = sg_cert_key_answer(cert, at);
        sg_judgement_lasts_until(judgement, answer.until);
        if (!answer.acceptable)
            rc = note_weak(judgement, &answer, SG_REASON_WEAK_KEY, cert, err);
        if (rc != SG_OK || i + 1 == sk_X509_num(path))
            break;
        answer = sg_cert_signature_answer(cert, at);
        sg_judgement_lasts_until(judgement, answer.until);
        if (!answer.acceptable)
            rc = note_weak(judgement, &answer, SG_REASON_WEAK_ALGORITHM, cert, err);
    }
    return rc;
}

/* The anchor is trusted for what the store says, not for what it says of itself. */
static enum sg_rc check_usage(STACK_OF(X509) *path, enum sg_cert_purpose purpose, struct sg_judgement *judgement,
                              struct sg_err *err)
{
    const char *problem = sg_usage_problem(sk_X509_value(path, 0), purpose);
    enum sg_rc rc = SG_OK;
    if (problem)
        rc = sg_judgement_note(judgement, SG_SEVERITY_CHAIN_CONSTRAINTS, SG_REASON_WRONG_USAGE, err, "%s", _(problem));
    for (int i = 1; rc == SG_OK && i + 1 < sk_X509_num(path); i++) {
        problem = sg_usage_ca_problem(sk_X509_value(path, i), purpose);
        if (problem)
            rc = sg_judgement_note(judgement, SG_SEVERITY_CHAIN_CONSTRAINTS, SG_REASON_PATH_CONSTRAINT, err, "%s",
                                   _(problem));
    }
    return rc;
}

bool sg_path_is_pinned(const STACK_OF(X509) *path)
{
    return sk_X509_num(path) == 1 && !sg_cert_is_ca(sk_X509_value(path, 0));
}

static enum sg_rc note_pinned(X509 *cert, enum sg_revocation_mode mode, struct sg_judgement *judgement,
                              struct sg_err *err)
{
    _cleanup_(freep) char *subject = NULL;
    enum sg_rc rc = sg_name_text(X509_get_subject_name(cert), &subject, err);
    if (rc != SG_OK)
        return rc;
    return sg_judgement_note(judgement, mode == SG_REVOCATION_SOFT ? SG_SEVERITY_NONE : SG_SEVERITY_NO_REVOCATION_DATA,
                             SG_REASON_NO_REVOCATION_DATA, err,
                             _("The certificate of %s is trusted by itself: no CA says whether it has been revoked."),
                             subject);
}

/* How many certificates of the path, from the leaf on, were there at the time that it is judged for. */
static int proven_count(const struct sg_chain_request *request, const STACK_OF(X509) *path)
{
    int count = 0;
    if (!request->proven)
        return sk_X509_num(path);
    while (count < sk_X509_num(path) && sg_certs_have(request->proven, sk_X509_value(path, count)))
        count++;
    return count;
}

/* Every certificate but the anchor. A CA may have issued since what is not proven to be older: it is to be good now. */
static enum sg_rc check_revocation(const struct sg_chain_request *request, STACK_OF(X509) *path,
                                   struct sg_judgement *judgement, bool *ret_leaf_good, struct sg_err *err)
{
    const struct sg_verifier *verifier = request->verifier;
    struct sg_revocation_request revocation = {.libctx = verifier->libctx,
                                               .trust = verifier->trust,
                                               .carried = request->carried,
                                               .steps = request->steps,
                                               .verifier = request->verifier,
                                               .anchor = sk_X509_value(path, sk_X509_num(path) - 1),
                                               .nesting = request->nesting,
                                               .mode = request->revocation,
                                               .stale = verifier->stale,
                                               .at = request->at,
                                               .known_at = request->known_at ? request->known_at : verifier->at,
                                               .present = verifier->at,
                                               .now = verifier->at > verifier->now ? verifier->at : verifier->now,
                                               .proves_time = request->purpose == SG_CERT_TIMESTAMP};
    const int proven = proven_count(request, path);
    *ret_leaf_good = false;
    if (request->revocation == SG_REVOCATION_NONE)
        return sg_judgement_note(judgement, SG_SEVERITY_NONE, SG_REASON_REVOCATION_NOT_ASKED, err,
                                 _("Whether the certificates have been revoked was not asked."));
    if (sg_path_is_pinned(path))
        return note_pinned(sk_X509_value(path, 0), request->revocation, judgement, err);
    for (int i = 0; i + 1 < sk_X509_num(path); i++) {
        bool good = false;
        if (i > proven)
            revocation.at = revocation.known_at = verifier->at;
        enum sg_rc rc = sg_revocation_judge(&revocation, sk_X509_value(path, i), sk_X509_value(path, i + 1), i == 0,
                                            judgement, &good, err);
        if (rc != SG_OK)
            return rc;
        if (i == 0)
            *ret_leaf_good = good;
    }
    return SG_OK;
}

static enum sg_rc note_date(X509 *cert, bool expired, bool leaf, bool leaf_good, struct sg_judgement *judgement,
                            struct sg_err *err)
{
    const ASN1_TIME *limit = expired ? X509_get0_notAfter(cert) : X509_get0_notBefore(cert);
    _cleanup_(freep) char *subject = NULL;
    char time[SG_TIME_TEXT] = "?";
    int64_t when;
    enum sg_rc rc = sg_name_text(X509_get_subject_name(cert), &subject, err);
    if (rc != SG_OK)
        return rc;
    if (sg_time_from_asn1(limit, &when))
        (void)sg_time_text(when, time);
    if (!expired)
        return sg_judgement_note(judgement, leaf ? SG_SEVERITY_OUT_OF_BOUNDS : SG_SEVERITY_CA_OUT_OF_BOUNDS,
                                 leaf ? SG_REASON_NOT_YET_VALID : SG_REASON_CA_NOT_YET_VALID, err,
                                 _("The certificate of %s is valid only from %s on."), subject, time);
    enum sg_severity severity = leaf_good ? SG_SEVERITY_OUT_OF_BOUNDS_NOT_REVOKED : SG_SEVERITY_OUT_OF_BOUNDS;
    return sg_judgement_note(judgement, leaf ? severity : SG_SEVERITY_CA_OUT_OF_BOUNDS,
                             leaf ? SG_REASON_EXPIRED : SG_REASON_CA_EXPIRED, err,
                             _("The certificate of %s ended at %s."), subject, time);
}

/* That the leaf has ended since is mended by a proof of an earlier time; that a CA has is not. */
static enum sg_rc keep_path(STACK_OF(X509) *path, struct sg_judgement *judgement, struct sg_err *err)
{
    for (int i = 0; i < sk_X509_num(path); i++) {
        int64_t not_after;
        if (!sg_time_from_asn1(X509_get0_notAfter(sk_X509_value(path, i)), &not_after))
            continue;
        if (i == 0)
            sg_judgement_good_until(judgement, not_after);
        else
            sg_judgement_lasts_until(judgement, not_after);
    }
    judgement->verdict.chain = X509_chain_up_ref(path);
    return judgement->verdict.chain ? SG_OK : sg_fail_memory(err);
}

enum sg_rc sg_judge_chain(const struct sg_chain_request *request, STACK_OF(X509) *path, struct sg_judgement *judgement,
                          struct sg_err *err)
{
    const struct sg_verifier *verifier = request->verifier;
    const struct sg_path_rules rules = {.libctx = verifier->libctx,
                                        .param = verifier->base,
                                        .policies = verifier->policies,
                                        .limits = request->limits,
                                        .at = request->at};
    struct sg_path_dates dates;
    bool leaf_good = false;
    enum sg_rc rc = sg_path_judge(&rules, path, judgement, &dates, err);
    if (rc != SG_OK || judgement->severity >= SG_SEVERITY_NO_CHAIN)
        return rc;

    rc = keep_path(path, judgement, err);
    if (rc == SG_OK)
        rc = check_usage(path, request->purpose, judgement, err);
    if (rc == SG_OK)
        rc = check_algorithms(path, request->at, judgement, err);
    if (rc == SG_OK)
        rc = check_revocation(request, path, judgement, &leaf_good, err);
    judgement->verdict.known_good = leaf_good;
    for (size_t i = 0; rc == SG_OK && i < dates.count; i++)
        rc = note_date(dates.items[i].cert, dates.items[i].expired, dates.items[i].cert == sk_X509_value(path, 0),
                       leaf_good, judgement, err);
    return rc;
}
