/* `signet token check`: what others say of a key's certificate, and until when it is good. */
#include <string.h>

#include "base/crypto.h"
#include "base/msg.h"
#include "cli/token_check.h"
#include "verify/ending.h"

/* What the verifier's reasons say about the path and revocation; those about the certificate itself were found above.
 */
static const struct {
    const char *code;
    enum sg_check check;
    enum sg_found found;
} meanings[] = {
    {"no-path", SG_CHECK_CHAIN, SG_FOUND_UNKNOWN},
    {"path-limit", SG_CHECK_CHAIN, SG_FOUND_UNKNOWN},
    {"work-limit", SG_CHECK_CHAIN, SG_FOUND_UNKNOWN},
    {"path-invalid", SG_CHECK_CHAIN, SG_FOUND_WRONG},
    {"path-constraint", SG_CHECK_CHAIN, SG_FOUND_WRONG},
    {"policy-not-met", SG_CHECK_CHAIN, SG_FOUND_WRONG},
    {"ca-expired", SG_CHECK_CHAIN, SG_FOUND_WRONG},
    {"ca-not-yet-valid", SG_CHECK_CHAIN, SG_FOUND_WRONG},
    {"weak-key", SG_CHECK_CHAIN, SG_FOUND_WRONG},
    {"weak-algorithm", SG_CHECK_CHAIN, SG_FOUND_WRONG},
    {"revoked", SG_CHECK_REVOCATION, SG_FOUND_WRONG},
    {"ca-revoked", SG_CHECK_REVOCATION, SG_FOUND_WRONG},
    {"on-hold", SG_CHECK_REVOCATION, SG_FOUND_WRONG},
    {"no-revocation-data", SG_CHECK_REVOCATION, SG_FOUND_UNKNOWN},
    {"revocation-stale", SG_CHECK_REVOCATION, SG_FOUND_UNKNOWN},
    {"revocation-after-expiry", SG_CHECK_REVOCATION, SG_FOUND_UNKNOWN},
    {"crl-unreadable", SG_CHECK_REVOCATION, SG_FOUND_UNKNOWN},
};

/* A weakness of the certificate itself is in the verdict, too. */
static void take_reasons(struct sg_key_check *check, const struct sg_verdict *verdict)
{
    bool weak = check->findings.worst_of[SG_CHECK_STRENGTH] == SG_FOUND_WRONG;

    for (size_t i = 0; i < verdict->reason_count; i++) {
        const struct sg_reason *reason = &verdict->reasons[i];
        if (weak && strncmp(reason->code, "weak-", 5) == 0)
            continue;
        for (size_t k = 0; k < sizeof(meanings) / sizeof(meanings[0]); k++)
            if (strcmp(reason->code, meanings[k].code) == 0)
                sg_find(&check->findings, meanings[k].check, meanings[k].found, "%s", reason->text);
    }
}

static void say_chain(struct sg_key_check *check, const struct sg_verdict *verdict, const char *anchor)
{
    if (sk_X509_num(verdict->chain) > 0)
        sg_find(&check->findings, SG_CHECK_CHAIN, SG_FOUND_OK, _("A path of %d certificates leads to the anchor %s."),
                sk_X509_num(verdict->chain), anchor);
    else
        sg_find(&check->findings, SG_CHECK_CHAIN, SG_FOUND_UNKNOWN, _("The certificate was not judged (%s)."),
                sg_indication_text(verdict->indication));
}

static void say_revocation(struct sg_key_check *check, const struct sg_verdict *verdict)
{
    char as_of[SG_TIME_TEXT], due[SG_TIME_TEXT];

    if (sk_X509_num(verdict->chain) <= 0)
        sg_find(&check->findings, SG_CHECK_REVOCATION, SG_FOUND_UNKNOWN, "%s",
                _("Without a path to an anchor nothing says whether the certificate is revoked."));
    else if (verdict->revocation_count == 0)
        sg_find(&check->findings, SG_CHECK_REVOCATION, SG_FOUND_OK, "%s", _("The certificate is an anchor itself."));
    else if (check->list_due == SG_TIME_NONE)
        sg_find(&check->findings, SG_CHECK_REVOCATION, SG_FOUND_OK, _("Not revoked as of %s."),
                sg_time_text(verdict->as_of, as_of));
    else
        sg_find(&check->findings, SG_CHECK_REVOCATION, SG_FOUND_OK,
                _("Not revoked as of %s; the next revocation list is due at %s."), sg_time_text(verdict->as_of, as_of),
                sg_time_text(check->list_due, due));
}

/* What did not pass and was not explained by any reason above is not taken for good. */
static bool is_explained(const struct sg_key_check *check, const struct sg_verdict *verdict)
{
    const enum sg_found *of = check->findings.worst_of;

    return verdict->indication == SG_TOTAL_PASSED || of[SG_CHECK_VALIDITY] != SG_FOUND_OK ||
           of[SG_CHECK_USAGE] != SG_FOUND_OK || of[SG_CHECK_STRENGTH] != SG_FOUND_OK ||
           of[SG_CHECK_CHAIN] != SG_FOUND_OK || of[SG_CHECK_REVOCATION] != SG_FOUND_OK;
}

static enum sg_rc conclude(struct sg_key_check *check, const struct sg_verdict *verdict, struct sg_err *err)
{
    const enum sg_found *of = check->findings.worst_of;
    int count = sk_X509_num(verdict->chain);
    _cleanup_(freep) char *anchor = NULL;
    enum sg_rc rc =
        count > 0 ? sg_name_text(X509_get_subject_name(sk_X509_value(verdict->chain, count - 1)), &anchor, err) : SG_OK;

    if (rc != SG_OK)
        return rc;
    take_reasons(check, verdict);
    for (size_t i = 0; i < verdict->revocation_count; i++) {
        int64_t due = verdict->revocation[i].next_update;
        if (due != SG_TIME_NONE && (check->list_due == SG_TIME_NONE || due < check->list_due))
            check->list_due = due;
    }
    if (!is_explained(check, verdict))
        sg_find(&check->findings, SG_CHECK_CHAIN, SG_FOUND_UNKNOWN, _("The certificate was not found good: %s"),
                verdict->reason_count > 0 ? verdict->reasons[0].text : sg_indication_text(verdict->indication));
    if (of[SG_CHECK_CHAIN] == SG_FOUND_OK)
        say_chain(check, verdict, anchor);
    if (of[SG_CHECK_REVOCATION] == SG_FOUND_OK)
        say_revocation(check, verdict);
    return SG_OK;
}

/* --- the end ------------------------------------------------------------------------------------------------------ */

static enum sg_rc find_end(struct sg_key_check *check, const STACK_OF(X509) *path, bool anchored, struct sg_err *err)
{
    static const char *const words[] = {[SG_ENDING_CERTIFICATE] = "certificate",
                                        [SG_ENDING_KEY] = "key-algorithm",
                                        [SG_ENDING_SIGNATURE] = "signature-algorithm"};
    struct sg_ending ending = sg_path_ending(path, anchored);
    _cleanup_(freep) char *subject = NULL;
    enum sg_rc rc = sg_name_text(X509_get_subject_name(ending.cert), &subject, err);

    if (rc != SG_OK)
        return rc;
    check->until = json_pack(
        "{s:o, s:s, s:o, s:s?}", "time", ending.when == SG_TIME_NONE ? json_null() : sg_json_time(ending.when), "what",
        words[ending.of], "subject", sg_json_text(subject), "algorithm", ending.algorithm[0] ? ending.algorithm : NULL);
    return check->until ? SG_OK : sg_fail_memory(err);
}

static void free_borrowed(STACK_OF(X509) **certs)
{
    sk_X509_free(*certs);
}

enum sg_rc sg_key_check_chain(struct sg_key_check *check, bool for_signing, struct sg_err *err)
{
    _cleanup_(sg_report_freep) struct sg_report *report = NULL;
    _cleanup_(free_borrowed) STACK_OF(X509) *alone = sk_X509_new_null();
    X509 *cert = check->info->cert;

    if (!alone || sk_X509_push(alone, cert) <= 0)
        return sg_fail_memory(err);
    enum sg_rc rc =
        sg_cert_check(check->verifier, check->info->uri, cert, for_signing ? SG_CERT_SIGN : SG_CERT_ANY, &report, err);
    if (rc != SG_OK)
        return rc;
    const struct sg_verdict *verdict = &report->verdicts[0];
    rc = conclude(check, verdict, err);
    if (rc != SG_OK)
        return rc;
    return sk_X509_num(verdict->chain) > 0 ? find_end(check, verdict->chain, true, err)
                                           : find_end(check, alone, false, err);
}
