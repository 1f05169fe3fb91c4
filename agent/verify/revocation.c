#include "verify/revocation.h"

#include "base/clock.h"
#include "base/msg.h"
#include "verify/carried.h"
#include "verify/search.h"
#include "verify/trust.h"

/* --- what OCSP responses say -------------------------------------------------------------------------------------- */

static enum sg_rc next_ocsp(const struct sg_search *search, struct sg_source_cursor *known_cursor,
                            size_t *carried_cursor, struct sg_known_ocsp **ret, struct sg_err *err)
{
    const struct sg_revocation_request *request = search->request;
    const struct sg_carried *carried = request->carried;
    enum sg_rc rc = SG_OK;
    *ret = NULL;
    if (!request->carried_only)
        rc = sg_trust_next_ocsp(request->trust, X509_get0_serialNumber(search->cert), known_cursor, ret, err);
    if (rc == SG_OK && !*ret && carried && *carried_cursor < carried->ocsp_count)
        *ret = carried->ocsps[(*carried_cursor)++];
    return rc;
}

static enum sg_rc ask_ocsps(struct sg_search *search, struct sg_err *err)
{
    struct sg_source_cursor cursor = {0};
    size_t carried_cursor = 0;
    enum sg_rc rc = SG_OK;
    while (rc == SG_OK) {
        struct sg_known_ocsp *known = NULL;
        struct sg_finding finding = {0};
        const char *why = NULL;
        rc = next_ocsp(search, &cursor, &carried_cursor, &known, err);
        if (rc != SG_OK || !known)
            break;
        rc = sg_known_ocsp_consult(known, search->request, search->cert, search->issuer, &finding, &why, err);
        if (rc == SG_OK && why)
            rc = sg_search_note_unusable(search, search->unusable, "ocsp", known->produced_at, why, err);
        else if (rc == SG_OK && finding.kind)
            sg_search_take(search, &finding, SG_ALL_REASONS);
    }
    search->unreadable_ocsp = cursor.unreadable;
    return rc;
}

/* Whether every source was looked at. */
static bool is_whole(const struct sg_search *search)
{
    return !search->unreadable_crl && !search->unreadable_ocsp && !search->skipped && *search->request->steps > 0;
}

enum sg_rc sg_revocation_find(const struct sg_revocation_request *request, X509 *cert, X509 *issuer,
                              struct sg_finding *ret, bool *ret_whole, struct sg_err *err)
{
    struct sg_search search = {.request = request, .cert = cert, .issuer = issuer};
    enum sg_rc rc = sg_search_crls(&search, err);
    if (rc == SG_OK)
        rc = ask_ocsps(&search, err);
    if (rc == SG_OK)
        rc = sg_search_settle(&search, err);
    if (rc != SG_OK)
        return rc;
    *ret = search.best;
    *ret_whole = is_whole(&search);
    return SG_OK;
}

enum sg_rc sg_revocation_judge_responder(const struct sg_revocation_request *request, X509 *responder, X509 *issuer,
                                         int64_t *ret_as_of, const char **ret_doubt, const char **ret_why,
                                         struct sg_err *err)
{
    struct sg_search search = {.request = request, .cert = responder, .issuer = issuer};
    const char *why = NULL;
    enum sg_rc rc = sg_search_crls(&search, err);
    if (rc == SG_OK)
        rc = sg_search_settle(&search, err);
    if (rc != SG_OK)
        return rc;
    bool good = search.best.answer == SG_ANSWER_GOOD || search.best.answer == SG_ANSWER_REVOKED_LATER;
    if (sg_finding_is_bad(&search.best))
        why = N_("the certificate of its responder has been revoked");
    else if (search.unreadable_crl || search.skipped || (!good && request->mode == SG_REVOCATION_HARD))
        *ret_doubt = N_("nothing here says whether the certificate of its responder has been revoked");
    *ret_as_of = search.best.kind ? search.best.this_update : SG_TIME_NONE;
    *ret_why = why;
    return SG_OK;
}

/* --- what that means ---------------------------------------------------------------------------------------------- */

static enum sg_rc note_revoked(const struct sg_finding *finding, const char *subject, bool is_leaf,
                               struct sg_judgement *judgement, struct sg_err *err)
{
    char time[SG_TIME_TEXT] = "?";
    if (finding->revoked_at != SG_TIME_NONE)
        (void)sg_time_text(finding->revoked_at, time);
    if (is_leaf)
        judgement->signer_revoked_at = finding->revoked_at;
    if (finding->answer == SG_ANSWER_ON_HOLD)
        return sg_judgement_note(judgement, SG_SEVERITY_ON_HOLD, SG_REASON_ON_HOLD, err,
                                 _("The certificate of %s has been on hold since %s."), subject, time);
    if (is_leaf)
        return sg_judgement_note(judgement, SG_SEVERITY_REVOKED, SG_REASON_REVOKED, err,
                                 _("The certificate of %s was revoked at %s."), subject, time);
    return sg_judgement_note(judgement, SG_SEVERITY_CA_REVOKED, SG_REASON_CA_REVOKED, err,
                             _("The certificate of the CA %s was revoked at %s."), subject, time);
}

static enum sg_rc note_stale(const struct sg_revocation_request *request, const struct sg_finding *finding,
                             const char *subject, struct sg_judgement *judgement, struct sg_err *err)
{
    int64_t ended = finding->next_update == SG_TIME_NONE ? finding->this_update : finding->next_update;
    bool tolerated = request->mode == SG_REVOCATION_SOFT && finding->fresh_at - ended <= request->stale;
    char time[SG_TIME_TEXT];
    return sg_judgement_note(
        judgement, tolerated ? SG_SEVERITY_NONE : SG_SEVERITY_TRY_LATER, SG_REASON_REVOCATION_STALE, err,
        tolerated ? _("The revocation data about %s was good until %s; as configured, it still counts.")
                  : _("The revocation data about %s is out of date: it was good until %s."),
        subject, sg_time_text(ended, time));
}

static enum sg_rc note_missing(const struct sg_revocation_request *request, const struct sg_finding *finding,
                               const char *subject, struct sg_judgement *judgement, struct sg_err *err)
{
    enum sg_severity severity = request->mode == SG_REVOCATION_SOFT ? SG_SEVERITY_NONE : SG_SEVERITY_NO_REVOCATION_DATA;
    if (finding->answer == SG_ANSWER_NOT_KNOWN_AFTER_EXPIRY)
        return sg_judgement_note(
            judgement, severity, SG_REASON_REVOCATION_AFTER_EXPIRY, err,
            _("The revocation data is from after the end of the certificate of %s, and need not know it any more."),
            subject);
    return sg_judgement_note(judgement, severity, SG_REASON_NO_REVOCATION_DATA, err,
                             _("Nothing here says whether the certificate of %s has been revoked."), subject);
}

static enum sg_rc note(const struct sg_search *search, const char *subject, bool is_leaf,
                       struct sg_judgement *judgement, struct sg_err *err)
{
    const struct sg_revocation_request *request = search->request;
    const struct sg_finding *finding = &search->best;
    char time[SG_TIME_TEXT];
    enum sg_rc rc = SG_OK;
    switch (finding->answer) {
    case SG_ANSWER_REVOKED:
    case SG_ANSWER_ON_HOLD:
        return note_revoked(finding, subject, is_leaf, judgement, err);
    case SG_ANSWER_STALE:
        rc = note_stale(request, finding, subject, judgement, err);
        break;
    case SG_ANSWER_REVOKED_LATER:
        sg_judgement_good_until(judgement, finding->revoked_at);
        rc = sg_judgement_note(judgement, SG_SEVERITY_NONE, SG_REASON_REVOKED_LATER, err,
                               _("The certificate of %s was revoked later, at %s."), subject,
                               sg_time_text(finding->revoked_at, time));
        break;
    case SG_ANSWER_GOOD:
        break;
    case SG_ANSWER_NOT_KNOWN:
    case SG_ANSWER_NOT_KNOWN_AFTER_EXPIRY:
        rc = note_missing(request, finding, subject, judgement, err);
        if (rc == SG_OK)
            rc = sg_judgement_merge(judgement, search->aside, err);
        break;
    }
    /* Good or not: a source that does not count may know more. */
    return rc == SG_OK ? sg_judgement_merge(judgement, search->unusable, err) : rc;
}

/* Whatever the other sources say: the one that cannot be read may be the one that revokes. Not to be overlooked softly.
 */
static enum sg_rc note_unreadable(const struct sg_search *search, const char *subject, struct sg_judgement *judgement,
                                  struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    if (search->unreadable_crl)
        rc = sg_judgement_note(
            judgement, SG_SEVERITY_NO_REVOCATION_DATA, SG_REASON_CRL_UNREADABLE, err,
            _("The CRL \"%s\", which may list the certificate of %s, is missing or damaged. Try again; "
              "if it stays so, put the CA's present CRL in again (signet trust add --crl)."),
            search->unreadable_crl, subject);
    if (rc == SG_OK && search->unreadable_ocsp)
        rc = sg_judgement_note(
            judgement, SG_SEVERITY_NO_REVOCATION_DATA, SG_REASON_OCSP_UNREADABLE, err,
            _("The OCSP response \"%s\", which may be about the certificate of %s, is missing or damaged. Try again; "
              "if it stays so, get a new one (signet sync, or signet trust add --ocsp)."),
            search->unreadable_ocsp, subject);
    if (rc == SG_OK && search->rebuilt_crl)
        rc = sg_judgement_note(judgement, SG_SEVERITY_NONE, SG_REASON_CRL_INDEX_REBUILT, err,
                               _("The index of the CRL \"%s\" is missing or damaged. It was made anew from the CRL for "
                                 "this judgement, which takes longer."),
                               search->rebuilt_crl);
    return rc;
}

enum sg_rc sg_revocation_note_used(const struct sg_finding *finding, struct sg_judgement *judgement, struct sg_err *err)
{
    _cleanup_(freep) char *issuer = NULL;
    enum sg_rc rc = sg_name_text(finding->issuer, &issuer, err);
    if (rc == SG_OK)
        rc = sg_judgement_revocation(judgement,
                                     &(struct sg_revocation_used){.kind = finding->kind,
                                                                  .issuer = issuer,
                                                                  .this_update = finding->this_update,
                                                                  .next_update = finding->next_update,
                                                                  .status = sg_finding_word(finding),
                                                                  .revoked_at = finding->revoked_at,
                                                                  .reason = sg_finding_reason(finding)},
                                     err);
    return rc;
}

/* Who signed it counts as well. */
static enum sg_rc note_best(const struct sg_finding *best, struct sg_judgement *judgement, struct sg_err *err)
{
    if (!best->kind)
        return SG_OK;
    enum sg_rc rc = sg_revocation_note_used(best, judgement, err);
    if (rc != SG_OK)
        return rc;
    if (!sg_finding_is_bad(best)) /* bad news stays, whoever has ended */
        sg_judgement_lasts_until(judgement, best->signer_ends);
    sg_judgement_as_of(judgement, best->signer_as_of);
    return SG_OK;
}

enum sg_rc sg_revocation_judge(const struct sg_revocation_request *request, X509 *cert, X509 *issuer, bool is_leaf,
                               struct sg_judgement *judgement, bool *ret_good, struct sg_err *err)
{
    _cleanup_(sg_judgement_clear) struct sg_judgement unusable, aside;
    _cleanup_(freep) char *subject = NULL, *issuer_name = NULL;
    sg_judgement_init(&unusable);
    sg_judgement_init(&aside);
    enum sg_rc rc = sg_name_text(X509_get_issuer_name(cert), &issuer_name, err);
    struct sg_search search = {.request = request,
                               .cert = cert,
                               .issuer = issuer,
                               .judged_signer = is_leaf && request->nesting > 0 ? cert : NULL,
                               .issuer_name = issuer_name,
                               .unusable = &unusable,
                               .aside = &aside};
    if (rc == SG_OK)
        rc = sg_search_crls(&search, err);
    if (rc == SG_OK)
        rc = ask_ocsps(&search, err);
    if (rc == SG_OK)
        rc = sg_search_settle(&search, err);
    if (rc == SG_OK)
        rc = sg_name_text(X509_get_subject_name(cert), &subject, err);
    if (rc == SG_OK)
        rc = note(&search, subject, is_leaf, judgement, err);
    /* Then a source may not have been looked at. */
    if (rc == SG_OK && (search.skipped || *request->steps == 0))
        rc = sg_judgement_note(judgement, SG_SEVERITY_NO_REVOCATION_DATA, SG_REASON_WORK_LIMIT, err,
                               _("Whether the certificate of %s has been revoked takes too much work to find out."),
                               subject);
    if (rc == SG_OK)
        rc = note_unreadable(&search, subject, judgement, err);
    if (rc == SG_OK)
        rc = note_best(&search.best, judgement, err);
    if (rc == SG_OK)
        *ret_good = is_whole(&search) &&
                    (search.best.answer == SG_ANSWER_GOOD || search.best.answer == SG_ANSWER_REVOKED_LATER);
    return rc;
}
