/* Whether the key's certificate may sign now: sg_signing_check(). */
#include <string.h>
#include <strings.h>

#include "base/crypto.h"
#include "base/msg.h"
#include "build.h"
#include "cli/signing.h"
#include "verify/verify.h"

/* --- the certificate ---------------------------------------------------------------------------------------------- */

/* "Ada Lovelace". */
static enum sg_rc common_name(const X509_NAME *name, char **ret, struct sg_err *err)
{
    int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
    _cleanup_(OPENSSL_freep) unsigned char *text = NULL;
    int len = at >= 0 ? ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at))) : -1;

    if (len <= 0 || memchr(text, '\0', (size_t)len))
        return sg_name_text(name, ret, err);
    *ret = strndup((const char *)text, (size_t)len);
    return *ret ? SG_OK : sg_fail_memory(err);
}

static enum sg_rc describe(OSSL_LIB_CTX *libctx, struct sg_signing *signing, struct sg_err *err)
{
    X509 *cert = signing->info->cert;

    if (!sg_time_from_asn1(X509_get0_notBefore(cert), &signing->not_before) ||
        !sg_time_from_asn1(X509_get0_notAfter(cert), &signing->not_after))
        return sg_fail(err, SG_E_MALFORMED, _("The validity of the certificate of %s cannot be read."),
                       signing->info->uri);
    enum sg_rc rc = sg_cert_sha256(libctx, cert, signing->cert_sha256, err);
    if (rc == SG_OK)
        rc = sg_name_text(X509_get_subject_name(cert), &signing->subject, err);
    if (rc == SG_OK)
        rc = common_name(X509_get_subject_name(cert), &signing->name, err);
    if (rc == SG_OK)
        rc = sg_name_text(X509_get_issuer_name(cert), &signing->issuer, err);
    if (rc == SG_OK)
        rc = sg_serial_text(X509_get0_serialNumber(cert), &signing->serial, err);
    return rc;
}

/* The card that [sign] key names was swapped for one of the same names, or its certificate was replaced. The pin is of
 * the key beside it or of a weaker source: a key that is named elsewhere, as by --key, is not meant. */
static enum sg_rc check_pin(struct sg_app *app, const struct sg_signing_options *options, struct sg_signing *signing,
                            struct sg_err *err)
{
    const char *pin = sg_config_text(app->config, SG_KEY_SIGN_CERTIFICATE);

    if (!pin[0] || !sg_config_text(app->config, SG_KEY_SIGN_KEY)[0] ||
        sg_config_origin(app->config, SG_KEY_SIGN_KEY) > sg_config_origin(app->config, SG_KEY_SIGN_CERTIFICATE) ||
        strcasecmp(pin, signing->cert_sha256) == 0)
        return SG_OK;
    if (options->allow_changed) {
        sg_signing_warn(app, signing, "certificate-changed", "%s",
                        _("The key has another certificate than the one that was set up."));
        return SG_OK;
    }
    (void)sg_fail(err, SG_E_CERT_CHANGED,
                  _("The key has another certificate (SHA-256 %s) than the one that %s names: the card was swapped, or "
                    "its certificate renewed. If that was meant, signet setup takes the new one."),
                  signing->cert_sha256, sg_config_where(app->config, SG_KEY_SIGN_CERTIFICATE));
    sg_app_about_token(err, signing->info->token);
    return SG_E_CERT_CHANGED;
}

static enum sg_rc check_validity(struct sg_app *app, const struct sg_signing_options *options, int64_t now,
                                 struct sg_signing *signing, struct sg_err *err)
{
    char time[SG_TIME_TEXT];

    if (signing->not_after < now) {
        (void)sg_time_text(signing->not_after, time);
        if (!options->allow_expired)
            return sg_fail(err, SG_E_CERT_EXPIRED,
                           _("The certificate of %s ended at %s; get a new one, or sign with --allow-expired."),
                           signing->subject, time);
        sg_signing_warn(app, signing, "certificate-expired",
                        _("The certificate ended at %s; --allow-expired let it pass."), time);
    }
    if (signing->not_before > now) {
        (void)sg_time_text(signing->not_before, time);
        if (!options->allow_not_yet_valid)
            return sg_fail(err, SG_E_CERT_NOT_YET_VALID,
                           _("The certificate of %s begins at %s; check this computer's clock, or sign with "
                             "--allow-not-yet-valid."),
                           signing->subject, time);
        sg_signing_warn(app, signing, "certificate-not-yet-valid",
                        _("The certificate begins at %s; --allow-not-yet-valid let it pass."), time);
    }
    if (!sg_cert_may_sign(signing->info->cert)) {
        if (!options->allow_wrong_usage)
            return sg_fail(
                err, SG_E_CERT_WRONG_USAGE,
                _("The certificate of %s is not for signing documents; choose another key with --key, or sign "
                  "with --allow-wrong-usage."),
                signing->subject);
        sg_signing_warn(app, signing, "certificate-wrong-usage", "%s",
                        _("The certificate is not for signing documents; --allow-wrong-usage let it pass."));
    }
    return SG_OK;
}

/* --- the clock ---------------------------------------------------------------------------------------------------- */

enum sg_rc sg_clock_doubt(struct sg_store *store, int64_t now, struct sg_clock_doubt *ret, struct sg_err *err)
{
    int64_t record = INT64_MIN, crl = INT64_MIN;
    enum sg_rc rc = sg_store_latest(store, &record, &crl, err);

    if (rc != SG_OK)
        return rc;
    const struct sg_clock_doubt bounds[] = {{"before-build", _("this program was built"), SG_BUILD_TIME},
                                            {"before-last-record", _("the last record in the store was made"), record},
                                            {"before-crl", _("the newest revocation list was issued"), crl}};
    *ret = (struct sg_clock_doubt){.state = "ok"};
    for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]) && !ret->what; i++)
        if (now < bounds[i].then)
            *ret = bounds[i];
    return SG_OK;
}

static enum sg_rc check_clock(struct sg_app *app, int64_t now, struct sg_signing *signing, struct sg_err *err)
{
    struct sg_clock_doubt doubt;
    char time[SG_TIME_TEXT], then[SG_TIME_TEXT];
    enum sg_rc rc = sg_clock_doubt(signing->store, now, &doubt, err);

    if (rc != SG_OK)
        return rc;
    signing->clock_state = doubt.state;
    if (!doubt.what)
        return SG_OK;
    (void)sg_time_text(now, time);
    (void)sg_time_text(doubt.then, then);
    if (strcmp(sg_config_text(app->config, SG_KEY_POLICY_CLOCK), "strict") == 0)
        return sg_fail(err, SG_E_CLOCK_WRONG,
                       _("This computer's clock says %s, but %s at %s; set it right, since the policy wants it."), time,
                       doubt.what, then);
    sg_signing_warn(app, signing, "clock-wrong", _("This computer's clock says %s, but %s at %s."), time, doubt.what,
                    then);
    return SG_OK;
}

enum sg_rc sg_signing_check(struct sg_app *app, const struct sg_signing_options *options, struct sg_signing *signing,
                            struct sg_err *err)
{
    int64_t now = sg_clock_now(&app->clock);
    OSSL_LIB_CTX *libctx = NULL;
    enum sg_rc rc = sg_app_libctx(app, &libctx, err);

    if (rc == SG_OK)
        rc = describe(libctx, signing, err);
    if (rc == SG_OK)
        rc = sg_refuse_retired(signing->store, signing->info->token, err);
    if (rc == SG_OK)
        rc = check_pin(app, options, signing, err);
    if (rc == SG_OK)
        rc = check_clock(app, now, signing, err);
    if (rc == SG_OK)
        rc = check_validity(app, options, now, signing, err);
    return rc;
}
