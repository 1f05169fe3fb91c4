/* `signet token check`: one key, its certificate, and whether both work. */
#include "cli/token_check.h"

#include <string.h>

#include "base/crypto.h"
#include "base/msg.h"
#include "cli/key_trial.h"
#include "cli/signing.h"
#include "formats/cms_encrypt.h"
#include "verify/ending.h"

void sg_key_check_clear(struct sg_key_check *check)
{
    sg_findings_clear(&check->findings);
    json_decref(check->until);
    check->until = NULL;
}

/* The private key was found, and it cannot be read. */
static bool is_kept(const struct sg_key_check *check)
{
    return check->logged_in && check->inspection.rc == SG_OK;
}

/* What the key is for: what the token lets it do, and where that leaves both open, the certificate. */
static bool is_for_signing(const struct sg_key_check *check)
{
    const struct sg_key_attributes *a = &check->info->attributes;
    X509 *cert = check->info->cert;
    bool rsa = strcmp(check->info->type, "RSA") == 0, signs = a->sign != SG_NO;
    bool decrypts = rsa ? a->decrypt == SG_YES || a->unwrap == SG_YES : a->derive == SG_YES;

    if (is_kept(check) && !(signs && decrypts))
        return signs;
    return !cert || sg_cert_may_sign(cert) || !sg_cert_may_encrypt(cert);
}

/* --- the private key ---------------------------------------------------------------------------------------------- */

static void check_private_key(struct sg_key_check *check)
{
    switch (check->inspection.rc) {
    case SG_OK:
        sg_find(&check->findings, SG_CHECK_PRIVATE_KEY, SG_FOUND_OK, "%s",
                _("The token has it, and refused to hand out its value."));
        return;
    case SG_E_CUSTODY:
    case SG_E_NO_KEY:
    case SG_E_KEY_AMBIGUOUS:
        sg_find(&check->findings, SG_CHECK_PRIVATE_KEY, SG_FOUND_WRONG, "%s", check->inspection.text);
        return;
    default:
        sg_find(&check->findings, SG_CHECK_PRIVATE_KEY, SG_FOUND_UNKNOWN, "%s", check->inspection.text);
    }
}

static enum sg_rc check_custody(struct sg_key_check *check, struct sg_err *err)
{
    struct sg_findings *findings = &check->findings;
    enum sg_custody_basis basis = SG_CUSTODY_REFUSED;
    struct sg_custody_rules rules = {0};
    struct sg_err refusal;
    enum sg_rc rc = sg_custody_rules_for(check->app, check->store, check->key, check->spki_sha256, &rules, err);

    if (rc == SG_E_NO_CERTIFICATE)
        rc = SG_OK; /* no public part: in no list */
    if (rc != SG_OK)
        return rc;
    check->allowed = rules.allowed;
    if (check->inspection.rc == SG_E_CUSTODY) {
        check->custody = sg_custody_text(SG_CUSTODY_REFUSED);
        return SG_OK;
    }
    if (!is_kept(check))
        return SG_OK;
    check->custody = sg_custody_text(sg_custody_basis_of(&check->info->attributes, &rules));
    if (sg_custody_require(check->info, check->spki_sha256, &rules, &basis, &refusal) != SG_OK) {
        sg_find(findings, SG_CHECK_CUSTODY, SG_FOUND_WRONG, "%s", refusal.text);
        return SG_OK;
    }
    static const char *const texts[] = {
        [SG_CUSTODY_GENERATED] = N_("The token made it, as this computer's ledger has it."),
        [SG_CUSTODY_REPORTED] = N_("The token says that it made it, and that it never left."),
        [SG_CUSTODY_ALLOWED] =
            N_("The token does not keep it as it should, but [token] allow-key accepts that; replace the key."),
        [SG_CUSTODY_HELD] = N_("The token keeps it, but does not say that there was never a copy elsewhere."),
    };
    sg_find(findings, SG_CHECK_CUSTODY, SG_FOUND_OK, "%s", _(texts[basis]));
    return SG_OK;
}

/* --- the certificate ---------------------------------------------------------------------------------------------- */

static enum sg_rc check_certificate(struct sg_key_check *check, struct sg_err *err)
{
    _cleanup_(freep) char *subject = NULL, *issuer = NULL;
    X509 *cert = check->info->cert;

    if (!cert) {
        sg_find(&check->findings, SG_CHECK_CERTIFICATE, SG_FOUND_WRONG, "%s",
                _("The token has none for this key; signet token import puts it there."));
        return SG_OK;
    }
    enum sg_rc rc = sg_cert_sha256(check->app->libctx, cert, check->cert_sha256, err);
    if (rc == SG_OK)
        rc = sg_name_text(X509_get_subject_name(cert), &subject, err);
    if (rc == SG_OK)
        rc = sg_name_text(X509_get_issuer_name(cert), &issuer, err);
    if (rc == SG_OK)
        sg_find(&check->findings, SG_CHECK_CERTIFICATE, SG_FOUND_OK, _("That of %s, issued by %s, is of this key."),
                subject, issuer);
    return rc;
}

static void check_validity(struct sg_key_check *check)
{
    struct sg_findings *findings = &check->findings;
    int64_t now = sg_clock_now(&check->app->clock), from = 0, to = 0;
    char from_text[SG_TIME_TEXT], to_text[SG_TIME_TEXT];
    X509 *cert = check->info->cert;

    if (!sg_time_from_asn1(X509_get0_notBefore(cert), &from) || !sg_time_from_asn1(X509_get0_notAfter(cert), &to)) {
        sg_find(findings, SG_CHECK_VALIDITY, SG_FOUND_WRONG, "%s",
                _("The certificate's validity cannot be read; get another one."));
        return;
    }
    (void)sg_time_text(from, from_text);
    (void)sg_time_text(to, to_text);
    if (now > to)
        sg_find(findings, SG_CHECK_VALIDITY, SG_FOUND_WRONG, _("The certificate ended at %s; get a new one."), to_text);
    else if (now < from)
        sg_find(findings, SG_CHECK_VALIDITY, SG_FOUND_WRONG,
                _("The certificate begins at %s; check this computer's clock, or wait."), from_text);
    else
        sg_find(findings, SG_CHECK_VALIDITY, SG_FOUND_OK, _("From %s to %s."), from_text, to_text);
}

static void check_usage(struct sg_key_check *check)
{
    bool signing = is_for_signing(check);
    X509 *cert = check->info->cert;

    if (signing ? sg_cert_may_sign(cert) : sg_cert_may_encrypt(cert))
        sg_find(&check->findings, SG_CHECK_USAGE, SG_FOUND_OK, "%s",
                signing ? _("The certificate is for signing documents.") : _("The certificate is for encryption."));
    else
        sg_find(&check->findings, SG_CHECK_USAGE, SG_FOUND_WRONG, "%s",
                signing ? _("The key signs, but the certificate's key usage or extended key usage is not for signing "
                            "documents; get one that is.")
                        : _("The key decrypts, but the certificate's key usage is not for encryption; get one that "
                            "has keyEncipherment (RSA) or keyAgreement (EC)."));
}

static void find_weak(struct sg_findings *findings, const char *what, const struct sg_algorithm_answer *answer)
{
    char time[SG_TIME_TEXT];

    if (answer->until == SG_TIME_NONE)
        sg_find(findings, SG_CHECK_STRENGTH, SG_FOUND_WRONG, _("%s, %s, is not trusted; make a new key."), what,
                answer->name);
    else
        sg_find(findings, SG_CHECK_STRENGTH, SG_FOUND_WRONG, _("%s, %s, is not trusted since %s; make a new key."),
                what, answer->name, sg_time_text(answer->until, time));
}

static void check_strength(struct sg_key_check *check)
{
    int64_t now = sg_clock_now(&check->app->clock);
    EVP_PKEY *pub = sg_token_key_public(check->key);
    X509 *cert = check->info->cert;

    if (!pub) {
        sg_find(&check->findings, SG_CHECK_STRENGTH, SG_FOUND_UNKNOWN, "%s",
                _("The token shows neither a certificate nor a public key."));
        return;
    }
    struct sg_algorithm_answer key = sg_algorithm_key(pub, now), signature = {.acceptable = true};
    if (cert)
        signature = sg_cert_signature_answer(cert, now);
    if (!key.acceptable)
        find_weak(&check->findings, _("The key"), &key);
    if (!signature.acceptable)
        sg_find(&check->findings, SG_CHECK_STRENGTH, SG_FOUND_WRONG,
                _("The certificate was signed with %s, which is not trusted any more; get a new one."), signature.name);
    if (key.acceptable && signature.acceptable)
        sg_find(&check->findings, SG_CHECK_STRENGTH, SG_FOUND_OK,
                cert ? _("%s; the certificate signed with %s.") : "%s.", key.name, signature.name);
}

/* --- what it can do ----------------------------------------------------------------------------------------------- */

static bool serves(const char *name, bool signing)
{
    bool decrypts = strcmp(name, "CKM_RSA_PKCS_OAEP") == 0 || strcmp(name, "CKM_ECDH1_DERIVE") == 0;

    return strcmp(name, "CKM_RSA_X_509") == 0 ? !signing : decrypts != signing;
}

static void check_mechanisms(struct sg_key_check *check)
{
    const char *names[SG_KEY_MECHANISMS];
    size_t count = sg_token_key_mechanisms(check->key, names);
    bool signing = is_for_signing(check);
    char list[512] = "";
    size_t used = 0;

    for (size_t i = 0; i < count; i++)
        if (serves(names[i], signing))
            used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", used > 0 ? ", " : "", names[i]);
    if (used > 0)
        sg_find(&check->findings, SG_CHECK_MECHANISMS, SG_FOUND_OK, "%s.", list);
    else
        sg_find(&check->findings, SG_CHECK_MECHANISMS, SG_FOUND_WRONG, "%s",
                signing ? _("The token offers none that signs with such a key; make another kind of key.")
                        : _("The token offers none that decrypts with such a key; make another kind of key."));
}

/* Every use of a key is in the ledger. */
static enum sg_rc record(const struct sg_key_check *check, bool signing, const struct sg_err *failure,
                         struct sg_err *err)
{
    const struct sg_ledger_entry entry = {.event = failure ? "check-failed" : "check",
                                          .code = failure ? sg_rc_word(failure->rc) : "",
                                          .token = check->info->token->serial,
                                          .key = check->cert_sha256,
                                          .object = check->info->id,
                                          .detail = failure   ? failure->text
                                                    : signing ? "a trial signature"
                                                              : "a trial decryption"};

    return sg_ledger_append(check->store, &entry, err);
}

static enum sg_rc check_trial(struct sg_key_check *check, struct sg_err *err)
{
    bool signing = is_for_signing(check);
    struct sg_err failure;

    if (!signing && (!check->info->cert || !sg_cert_may_encrypt(check->info->cert))) {
        sg_find(&check->findings, SG_CHECK_TRIAL, SG_FOUND_UNKNOWN, "%s",
                _("There is no certificate that something could be encrypted to."));
        return SG_OK;
    }
    if (!sg_token_key_public(check->key)) {
        sg_find(&check->findings, SG_CHECK_TRIAL, SG_FOUND_UNKNOWN, "%s",
                _("There is no public key that a signature could be verified with."));
        return SG_OK;
    }
    enum sg_rc rc = signing ? sg_key_try_signature(check->app, check->key, &failure)
                            : sg_key_try_decryption(check->app, check->key, &failure);
    if (rc == SG_OK)
        sg_find(&check->findings, SG_CHECK_TRIAL, SG_FOUND_OK, "%s",
                signing ? _("A trial signature verified.") : _("A trial text was encrypted and decrypted again."));
    else
        sg_find(&check->findings, SG_CHECK_TRIAL, SG_FOUND_WRONG, "%s", failure.text);
    return record(check, signing, rc == SG_OK ? NULL : &failure, err);
}

/* --- all together ------------------------------------------------------------------------------------------------- */

enum sg_rc sg_key_check_run(struct sg_key_check *check, struct sg_err *err)
{
    check->list_due = SG_TIME_NONE;
    enum sg_rc rc = sg_findings_init(&check->findings, err);

    if (rc == SG_OK && check->logged_in)
        check_private_key(check);
    if (rc == SG_OK)
        rc = check_custody(check, err);
    if (rc == SG_OK)
        rc = check_certificate(check, err);
    if (rc == SG_OK)
        check_strength(check);
    if (rc == SG_OK && check->info->cert) {
        check_validity(check);
        check_usage(check);
        rc = sg_key_check_chain(check, is_for_signing(check), err);
    }
    if (rc == SG_OK)
        check_mechanisms(check);
    if (rc == SG_OK && is_kept(check))
        rc = check_trial(check, err);
    return rc == SG_OK && check->findings.incomplete ? sg_fail_memory(err) : rc;
}

/* --- telling ------------------------------------------------------------------------------------------------------ */

struct attribute {
    const char *name;
    enum sg_tristate value;
};
#define ATTRIBUTES 10

static void list_attributes(const struct sg_key_attributes *a, struct attribute out[ATTRIBUTES])
{
    const struct attribute list[ATTRIBUTES] = {{"sensitive", a->sensitive},
                                               {"extractable", a->extractable},
                                               {"always_sensitive", a->always_sensitive},
                                               {"never_extractable", a->never_extractable},
                                               {"local", a->local},
                                               {"sign", a->sign},
                                               {"decrypt", a->decrypt},
                                               {"unwrap", a->unwrap},
                                               {"derive", a->derive},
                                               {"always_authenticate", a->always_authenticate}};
    memcpy(out, list, sizeof(list));
}

static json_t *attributes_json(const struct sg_key_check *check)
{
    struct attribute list[ATTRIBUTES];

    if (!is_kept(check))
        return json_null();
    json_t *object = json_object();
    list_attributes(&check->info->attributes, list);
    for (size_t i = 0; i < ATTRIBUTES; i++)
        (void)json_object_set_new(object, list[i].name,
                                  list[i].value == SG_UNKNOWN ? json_null() : json_boolean(list[i].value == SG_YES));
    return object;
}

static json_t *mechanisms_json(const struct sg_key_check *check)
{
    const char *names[SG_KEY_MECHANISMS];
    size_t count = sg_token_key_mechanisms(check->key, names);
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++)
        (void)json_array_append_new(list, json_string(names[i]));
    return list;
}

json_t *sg_key_check_json(const struct sg_key_check *check)
{
    const struct sg_key_info *info = check->info;

    return json_pack("{s:o, s:s, s:o, s:s, s:i, s:s?, s:s?, s:b, s:o, s:o, s:s?, s:O?, s:o, s:s, s:O}", "uri",
                     sg_json_text(info->uri), "id", info->id, "label", sg_json_text(info->label), "type", info->type,
                     "bits", info->bits, "curve", info->curve, "custody", check->custody, "allow_key", check->allowed,
                     "attributes", attributes_json(check), "mechanisms", mechanisms_json(check), "certificate_sha256",
                     check->cert_sha256[0] ? check->cert_sha256 : NULL, "until", check->until, "revocation_list_due",
                     check->list_due == SG_TIME_NONE ? json_null() : sg_json_time(check->list_due), "result",
                     sg_found_text(check->findings.worst), "findings", check->findings.list);
}

static void say_attributes(const struct sg_key_check *check, const struct sg_voice *voice)
{
    struct attribute list[ATTRIBUTES];
    char line[512] = "";
    size_t used = 0;

    list_attributes(&check->info->attributes, list);
    for (size_t i = 0; i < ATTRIBUTES; i++)
        if (list[i].value != SG_NO)
            used += (size_t)snprintf(line + used, sizeof(line) - used, "%s%s%s", used > 0 ? ", " : "", list[i].name,
                                     list[i].value == SG_UNKNOWN ? "?" : "");
    sg_say(voice, _("    custody: %s; attributes: %s"), check->custody, line);
}

static void say_end(const struct sg_key_check *check, const struct sg_voice *voice)
{
    const char *time = json_string_value(json_object_get(check->until, "time"));
    const char *subject = json_string_value(json_object_get(check->until, "subject"));
    const char *algorithm = json_string_value(json_object_get(check->until, "algorithm"));

    if (!check->until)
        return;
    if (!time)
        sg_say(voice, _("    never good: the certificate of %s"), subject);
    else if (algorithm)
        sg_say(voice, _("    not good after %s: the end of %s, in the certificate of %s"), time, algorithm, subject);
    else
        sg_say(voice, _("    not good after %s: the end of the certificate of %s"), time, subject);
}

void sg_key_check_say(const struct sg_key_check *check, const struct sg_voice *voice)
{
    const struct sg_key_info *info = check->info;

    sg_say(voice, _("  key %s, id %s: %s, %d bits"), info->label, info->id, info->curve ? info->curve : info->type,
           info->bits);
    sg_say(voice, "    %s", info->uri);
    if (is_kept(check))
        say_attributes(check, voice);
    sg_findings_say(&check->findings, voice, "    ");
    say_end(check, voice);
}
