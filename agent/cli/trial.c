#include "cli/trial.h"

#include <string.h>

#include "base/input.h"
#include "base/limits.h"
#include "base/msg.h"
#include "verify/verify.h"

static enum sg_rc sign_page(struct sg_app *app, const struct sg_signing *signing, struct sg_input *page,
                            struct sg_buf *signature, struct sg_err *err)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    size_t len = 0;
    enum sg_rc rc = sg_cades_digest_input(signing->signer, page, digest, &len, err);

    if (rc != SG_OK)
        return rc;
    rc = sg_cades_sign_detached(signing->signer, (struct sg_slice){digest, len}, sg_clock_now(&app->clock), signature,
                                err);
    enum sg_rc token = rc == SG_OK ? SG_OK : sg_token_key_last_error(signing->token_key, err);
    return token == SG_OK ? rc : token;
}

/* With anchors named, those of the snapshot do not count; with none of those left, nothing of it may. */
static struct sg_verifier_options judging(const struct sg_app *app, const struct sg_snapshot *snapshot,
                                          const struct sg_pending_trust *trust, enum sg_revocation_mode revocation)
{
    bool none = sk_X509_num(trust->anchors) == 0;

    return (struct sg_verifier_options){.libctx = app->libctx,
                                        .log = &app->log,
                                        .snapshot = none ? NULL : snapshot,
                                        .anchors = trust->anchors,
                                        .anchor_limits = trust->limits,
                                        .revocation = revocation,
                                        .at = SG_TIME_NONE,
                                        .clock = app->clock,
                                        .policy = {.max_depth = -1}};
}

static enum sg_rc judge(const struct sg_verifier_options *options, struct sg_input *signature, struct sg_input *page,
                        struct sg_report **ret, struct sg_err *err)
{
    _cleanup_(sg_verifier_freep) struct sg_verifier *verifier = NULL;
    enum sg_rc rc = sg_verifier_new(options, &verifier, err);

    if (rc == SG_OK)
        rc = sg_verify_file(verifier, signature, page, ret, err);
    if (rc == SG_OK && (*ret)->verdict_count != 1)
        rc = sg_fail(err, SG_E_INTERNAL, "%s", _("The trial page was signed, but no signature was found on it."));
    return rc;
}

enum sg_rc sg_trial_has_path(struct sg_app *app, const struct sg_signing *signing, const struct sg_pending_trust *trust,
                             STACK_OF(X509) *helpers, bool *ret, struct sg_err *err)
{
    _cleanup_(sg_snapshot_freep) struct sg_snapshot *snapshot = NULL;
    _cleanup_(sg_verifier_freep) struct sg_verifier *verifier = NULL;
    _cleanup_(sg_report_freep) struct sg_report *report = NULL;
    enum sg_rc rc = sg_snapshot_open(app->paths.state, app->libctx, &snapshot, err);

    if (rc != SG_OK)
        return rc;
    struct sg_verifier_options options = judging(app, snapshot, trust, SG_REVOCATION_NONE);
    options.intermediates = helpers;
    rc = sg_verifier_new(&options, &verifier, err);
    if (rc == SG_OK)
        rc = sg_cert_check(verifier, signing->info->uri, signing->info->cert, SG_CERT_SIGN, &report, err);
    if (rc == SG_OK)
        *ret = report->verdicts[0].sub_indication != SG_SUB_NO_CERTIFICATE_CHAIN_FOUND;
    return rc;
}

/* Only revocation data is wanting: not there, or too old. */
static bool lacks_revocation_data(const struct sg_verdict *verdict)
{
    return verdict->indication == SG_INDETERMINATE &&
           (verdict->sub_indication == SG_SUB_CERTIFICATE_CHAIN_GENERAL_FAILURE ||
            verdict->sub_indication == SG_SUB_TRY_LATER);
}

static const char *first_reason(const struct sg_verdict *verdict)
{
    return verdict->reason_count > 0 ? verdict->reasons[0].text : sg_indication_text(verdict->indication);
}

static enum sg_rc conclude(const struct sg_signing *signing, const struct sg_verdict *verdict, struct sg_trial *trial,
                           struct sg_err *err)
{
    if (verdict->sub_indication == SG_SUB_NO_CERTIFICATE_CHAIN_FOUND)
        return sg_fail(err, SG_E_NOT_TRUSTED,
                       _("The trial page was signed, but its signature is not accepted: %s Add the anchor that is "
                         "missing with \"signet trust add\", and run setup again."),
                       first_reason(verdict));
    if (verdict->indication != SG_TOTAL_PASSED || !verdict->intact || sk_X509_num(verdict->chain) < 1)
        return sg_fail(err, SG_E_NOT_TRUSTED, _("The trial page was signed, but its signature is not accepted: %s"),
                       first_reason(verdict));
    trial->until = signing->not_after;
    for (int i = 0; i < sk_X509_num(verdict->chain); i++) {
        int64_t end = 0;
        if (sg_time_from_asn1(X509_get0_notAfter(sk_X509_value(verdict->chain, i)), &end) && end < trial->until)
            trial->until = end;
    }
    return SG_OK;
}

enum sg_rc sg_trial_run(struct sg_app *app, const struct sg_signing *signing, const struct sg_pending_trust *trust,
                        struct sg_trial *ret, struct sg_err *err)
{
    static const char text[] = "A trial page of Signet. It is not kept.\n";
    _cleanup_(sg_buf_clear) struct sg_buf bytes = SG_BUF(SG_MAX_CMS_REST);
    _cleanup_(sg_input_freep) struct sg_input *page = NULL, *signature = NULL;
    _cleanup_(sg_snapshot_freep) struct sg_snapshot *snapshot = NULL;
    _cleanup_(sg_report_freep) struct sg_report *report = NULL, *without = NULL;
    struct sg_verifier_options options;
    struct sg_trial trial = {0};
    enum sg_rc rc =
        sg_input_from_slice("trial", (struct sg_slice){(const uint8_t *)text, sizeof(text) - 1}, &page, err);

    if (rc == SG_OK)
        rc = sign_page(app, signing, page, &bytes, err);
    if (rc == SG_OK)
        rc = sg_input_from_slice("trial.p7s", sg_buf_slice(&bytes), &signature, err);
    if (rc == SG_OK)
        rc = sg_snapshot_open(app->paths.state, app->libctx, &snapshot, err);
    if (rc == SG_OK) {
        options = judging(app, snapshot, trust, SG_REVOCATION_HARD);
        rc = judge(&options, signature, page, &report, err);
    }
    if (rc == SG_OK && lacks_revocation_data(&report->verdicts[0])) {
        trial.revocation_missing = true;
        (void)snprintf(trial.missing, sizeof(trial.missing), "%s", first_reason(&report->verdicts[0]));
        options.revocation = SG_REVOCATION_NONE;
        rc = judge(&options, signature, page, &without, err);
    }
    if (rc == SG_OK)
        rc = conclude(signing, without ? &without->verdicts[0] : &report->verdicts[0], &trial, err);
    if (rc == SG_OK)
        *ret = trial;
    return rc;
}
