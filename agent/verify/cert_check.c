/* Judging one certificate, and a CRL that is to be kept. */
#include <string.h>

#include <openssl/err.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/limits.h"
#include "base/msg.h"
#include "verify/verifier.h"

enum sg_rc sg_cert_check(struct sg_verifier *verifier, const char *file, X509 *cert, enum sg_cert_purpose purpose,
                         struct sg_report **ret, struct sg_err *err)
{
    _cleanup_(sg_report_freep) struct sg_report *report = NULL;
    _cleanup_(sg_judgement_clear) struct sg_judgement judgement;
    sg_judgement_init(&judgement);
    unsigned steps = SG_MAX_PATH_STEPS;
    struct sg_cert_request request = {.cert = cert, .purpose = purpose, .at = verifier->at, .steps = &steps};
    enum sg_rc rc = sg_report_new(verifier->libctx, file, NULL, 1, &report, err);
    if (rc == SG_OK)
        rc = sg_judge_certificate(verifier, &request, &judgement, err);
    ERR_clear_error(); /* what OpenSSL said on the way is in the verdict */
    if (rc != SG_OK)
        return rc;
    judgement.verdict.id = strdup("1");
    if (!judgement.verdict.id || !X509_up_ref(cert))
        return sg_fail_memory(err);
    judgement.verdict.signer = cert;
    judgement.verdict.best_time = verifier->at;
    report->at = verifier->at;
    report->verdicts[0] = judgement.verdict;
    sg_judgement_init(&judgement);
    *ret = sg_steal(report);
    return SG_OK;
}

/* Whether a certificate has a path to an anchor, revocation aside: what it signs may be about its own revocation. */
static enum sg_rc has_path(struct sg_verifier *verifier, X509 *cert, bool *ret, struct sg_err *err)
{
    _cleanup_(sg_judgement_clear) struct sg_judgement judgement;
    sg_judgement_init(&judgement);
    unsigned steps = SG_MAX_PATH_STEPS;
    struct sg_cert_request request = {.cert = cert, .purpose = SG_CERT_ANY, .at = verifier->at, .steps = &steps};
    enum sg_rc rc = sg_judge_paths(verifier, &request, SG_REVOCATION_NONE, &judgement, err);
    if (rc == SG_OK)
        *ret = judgement.severity == SG_SEVERITY_NONE;
    return rc;
}

enum sg_rc sg_crl_check(struct sg_verifier *verifier, X509_CRL *crl, struct sg_err *err)
{
    _cleanup_(sg_known_crl_freep) struct sg_known_crl *known = NULL;
    _cleanup_(freep) char *name = NULL;
    unsigned steps = SG_MAX_PATH_STEPS;
    const char *why = N_("the certificate of its issuer is not here");
    enum sg_rc rc = sg_known_crl_new(crl, &known, err);
    if (rc == SG_OK)
        rc = sg_name_text(X509_CRL_get_issuer(crl), &name, err);
    if (rc != SG_OK)
        return rc;
    if (known->problem)
        return sg_fail(err, SG_E_POLICY, _("The CRL of %s cannot be used: %s"), name, _(known->problem));
    if (known->this_update > verifier->now)
        return sg_fail(err, SG_E_POLICY, _("The CRL of %s is from the future: check this computer's clock"), name);

    for (size_t cursor = 0;;) {
        struct sg_trusted issuer = {0};
        bool trusted = false;
        rc = sg_trust_next(verifier->trust, X509_CRL_get_issuer(crl), &cursor, &issuer, err);
        if (rc != SG_OK)
            return rc;
        if (!issuer.cert)
            break;
        rc = sg_known_crl_check_issuer(known, verifier->libctx, issuer.cert, verifier->at, &steps, &why, err);
        if (rc == SG_OK && !why) {
            rc = has_path(verifier, issuer.cert, &trusted, err);
            why = N_("no path leads from its issuer to a trusted anchor");
        }
        if (rc != SG_OK || trusted)
            return rc;
    }
    return sg_fail(err, SG_E_POLICY, _("The CRL of %s is not taken: %s"), name, _(why));
}
