#include "cli/signing.h"

#include <ctype.h>
#include <pthread.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>

#include <openssl/err.h>

#include "base/crypto.h"
#include "base/limits.h"
#include "base/msg.h"
#include "cli/login.h"
#include "formats/pem.h"
#include "store/snapshot.h"

void sg_signing_clear(struct sg_signing *signing)
{
    sg_cades_signer_free(signing->signer);
    sg_cades_signer_free(signing->pdf_signer);
    EVP_PKEY_free(signing->key);
    sg_key_list_free(signing->keys);
    sg_tokens_free(signing->tokens);
    sg_store_free(signing->store);
    free(signing->candidates);
    free(signing->subject);
    free(signing->name);
    free(signing->issuer);
    free(signing->serial);
    *signing = (struct sg_signing){0};
}

void sg_signing_warn(struct sg_app *app, struct sg_signing *signing, const char *code, const char *format, ...)
{
    va_list args;

    if (signing->warning_count == SG_SIGNING_MAX_WARNINGS)
        return;
    struct sg_warning *warning = &signing->warnings[signing->warning_count++];
    warning->code = code;
    va_start(args, format);
    (void)vsnprintf(warning->text, sizeof(warning->text), format, args);
    va_end(args);
    sg_warn(&app->voice, code, "%s", warning->text);
}

/* --- opening ------------------------------------------------------------------------------------------------------ */

struct opening {
    struct sg_app *app;
    struct sg_store *store;
    enum sg_rc (*preload)(struct sg_err *err);
    enum sg_rc rc;
    struct sg_err err;
};

static void *open_store(void *context)
{
    struct opening *opening = context;
    struct sg_err ignored; /* who needs what does not load finds that out again */

    opening->rc = sg_app_store(opening->app, &opening->store, &opening->err);
    if (opening->rc == SG_OK && opening->preload)
        (void)!opening->preload(&ignored);
    return NULL;
}

/* A module takes its time to start, in code of its own: meanwhile the store is opened, and more is loaded. */
enum sg_rc sg_signing_open(struct sg_app *app, struct sg_signing *signing, struct sg_err *err)
{
    struct opening opening = {.app = app, .preload = signing->preload};
    OSSL_LIB_CTX *libctx = NULL;
    pthread_t thread;
    enum sg_rc rc = sg_app_libctx(app, &libctx, err); /* made before it is shared */

    if (rc != SG_OK)
        return rc;
    bool apart = pthread_create(&thread, NULL, open_store, &opening) == 0;
    if (sg_app_tokens(app, &signing->tokens, &signing->tokens_err) != SG_OK)
        signing->tokens = NULL;
    if (apart)
        (void)pthread_join(thread, NULL);
    else
        (void)open_store(&opening);
    signing->store = opening.store;
    if (opening.rc != SG_OK && err)
        *err = opening.err;
    return opening.rc;
}

/* --- custody ------------------------------------------------------------------------------------------------------ */

enum sg_rc sg_key_sha256(struct sg_app *app, const struct sg_token_key *key, char spki_sha256[65], struct sg_err *err)
{
    const struct sg_key_info *info = sg_token_key_info(key);
    EVP_PKEY *pub = sg_token_key_public(key);
    _cleanup_(OPENSSL_freep) unsigned char *der = NULL;
    OSSL_LIB_CTX *libctx = NULL;
    uint8_t digest[EVP_MAX_MD_SIZE];
    size_t digest_len = 0;

    if (!info->cert && !pub)
        return sg_fail(err, SG_E_NO_CERTIFICATE,
                       _("The token has neither a certificate nor a public key for its key %s."), info->uri);
    int len = info->cert ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(info->cert), &der) : i2d_PUBKEY(pub, &der);
    if (len <= 0)
        return sg_fail_ssl(err, SG_E_MALFORMED, _("The public key of %s cannot be read."), info->uri);
    enum sg_rc rc = sg_app_libctx(app, &libctx, err);
    if (rc == SG_OK)
        rc = sg_digest(libctx, "SHA256", (struct sg_slice){der, (size_t)len}, digest, &digest_len, err);
    if (rc == SG_OK)
        sg_hex(digest, SG_SHA256_LEN, spki_sha256);
    return rc;
}

enum sg_rc sg_custody_rules_for(struct sg_app *app, struct sg_store *store, const struct sg_token_key *key,
                                char spki_sha256[65], struct sg_custody_rules *ret, struct sg_err *err)
{
    struct sg_custody_rules rules = {.strict =
                                         strcmp(sg_config_text(app->config, SG_KEY_POLICY_CUSTODY), "strict") == 0};
    enum sg_rc rc = sg_key_sha256(app, key, spki_sha256, err);

    if (rc == SG_OK)
        rc = sg_store_key_generated(store, spki_sha256, &rules.generated_here, err);
    if (rc != SG_OK)
        return rc;
    for (size_t i = 0; i < sg_config_count(app->config, SG_KEY_TOKEN_ALLOW_KEY); i++)
        rules.allowed |= strcasecmp(sg_config_item(app->config, SG_KEY_TOKEN_ALLOW_KEY, i), spki_sha256) == 0;
    *ret = rules;
    return SG_OK;
}

enum sg_rc sg_refuse_retired(struct sg_store *store, const struct sg_token_info *info, struct sg_err *err)
{
    int64_t when = INT64_MIN;
    char time[SG_TIME_TEXT];
    enum sg_rc rc = sg_store_token_retired(store, info->serial, &when, err);

    if (rc != SG_OK || when == INT64_MIN)
        return rc;
    (void)sg_fail(err, SG_E_POLICY,
                  _("The token was retired at %s and is not used any more; bring it to the security officer."),
                  sg_time_text(when, time));
    sg_app_about_token(err, info);
    return SG_E_POLICY;
}

static enum sg_rc check_custody(struct sg_app *app, struct sg_signing *signing, struct sg_err *err)
{
    char spki[SG_SHA256_HEX];
    struct sg_custody_rules rules = {0};
    enum sg_rc rc = sg_custody_rules_for(app, signing->store, signing->token_key, spki, &rules, err);

    if (rc == SG_OK)
        rc = sg_custody_require(signing->info, spki, &rules, &signing->custody, err);
    if (rc != SG_OK) {
        sg_app_about_token(err, signing->info->token);
        return rc;
    }
    if (signing->custody == SG_CUSTODY_HELD)
        sg_signing_warn(app, signing, "custody-held", "%s",
                        _("The token holds the key, but does not say that there was never a copy elsewhere."));
    if (signing->custody == SG_CUSTODY_ALLOWED)
        sg_signing_warn(app, signing, "custody-allowed", "%s",
                        _("The key may sign because [token] allow-key names it, against what the token says of it."));
    return SG_OK;
}

/* --- the chain ---------------------------------------------------------------------------------------------------- */

/* By name, key identifier, usage, and the signature itself. */
static X509 *find_issuer(const STACK_OF(X509) *certs, X509 *cert)
{
    for (int i = 0; i < sk_X509_num(certs); i++) {
        X509 *issuer = sk_X509_value(certs, i);
        if (X509_check_issued(issuer, cert) == X509_V_OK && X509_verify(cert, X509_get0_pubkey(issuer)) == 1)
            return issuer;
    }
    ERR_clear_error();
    return NULL;
}

enum sg_rc sg_issuers_find(const STACK_OF(X509) *certs, X509 *cert, bool with_root, STACK_OF(X509) *chain,
                           struct sg_err *err)
{
    for (X509 *at = cert; sk_X509_num(chain) < SG_MAX_PATH_LENGTH && !(X509_get_extension_flags(at) & EXFLAG_SS);) {
        X509 *issuer = find_issuer(certs, at);
        if (!issuer || (!with_root && (X509_get_extension_flags(issuer) & EXFLAG_SS)))
            return SG_OK;
        if (!X509_up_ref(issuer))
            return sg_fail_memory(err);
        if (sk_X509_push(chain, issuer) <= 0) {
            X509_free(issuer);
            return sg_fail_memory(err);
        }
        at = issuer;
    }
    return SG_OK;
}

/* Certificates of CAs that the store knows, from tokens and from where certificates say that their issuer's is. */
static enum sg_rc add_helpers_for(const struct sg_snapshot *snapshot, OSSL_LIB_CTX *libctx, struct sg_slice name,
                                  STACK_OF(X509) *certs, struct sg_err *err)
{
    for (size_t i = 0; i < sg_snapshot_helper_count(snapshot); i++) {
        struct sg_slice der = sg_snapshot_helper(snapshot, i);
        _cleanup_(X509_freep) X509 *helper = NULL;
        if (!memmem(der.data, der.len, name.data, name.len))
            continue;
        enum sg_rc rc = sg_cert_parse(der, libctx, &helper, err);
        if (rc != SG_OK)
            return rc;
        if (sk_X509_push(certs, helper) <= 0)
            return sg_fail_memory(err);
        (void)sg_steal(helper);
    }
    return SG_OK;
}

/* Looks for the issuer of `cert` among the anchors: one that is not a root may be one that the token does not carry.
 * Only those in which the issuer's name occurs are looked at, since there can be hundreds. Where it occurs twice, as
 * subject and as issuer, it is a root: `*ret_root`, and not carried along, since a verifier has it, or does not trust
 * it. */
static enum sg_rc add_anchors_for(const struct sg_snapshot *snapshot, OSSL_LIB_CTX *libctx, struct sg_slice name,
                                  STACK_OF(X509) *certs, bool *ret_root, struct sg_err *err)
{
    *ret_root = false;
    for (size_t i = 0; i < sg_snapshot_anchor_count(snapshot); i++) {
        struct sg_slice der = sg_snapshot_anchor(snapshot, i)->certificate;
        _cleanup_(X509_freep) X509 *anchor = NULL;
        const uint8_t *first = memmem(der.data, der.len, name.data, name.len);
        if (!first)
            continue;
        if (memmem(first + 1, (size_t)(der.data + der.len - first - 1), name.data, name.len)) {
            *ret_root = true;
            continue;
        }
        enum sg_rc rc = sg_cert_parse(der, libctx, &anchor, err);
        if (rc != SG_OK)
            return rc;
        if (sk_X509_push(certs, anchor) <= 0)
            return sg_fail_memory(err);
        (void)sg_steal(anchor);
    }
    return SG_OK;
}

/* The issuers among the anchors, the token's certificates and those that the store knows, without the root. */
static enum sg_rc build_chain(struct sg_app *app, struct sg_signing *signing, STACK_OF(X509) *chain, struct sg_err *err)
{
    _cleanup_(sg_x509_stack_freep) STACK_OF(X509) *certs = sk_X509_new_null();
    _cleanup_(sg_snapshot_freep) struct sg_snapshot *snapshot = NULL;
    struct sg_token *token = sg_token_key_token(signing->token_key);
    X509 *last = signing->info->cert;
    int before = 0;

    if (!certs)
        return sg_fail_memory(err);
    enum sg_rc rc = sg_snapshot_open(app->paths.state, app->libctx, &snapshot, err);
    if (rc != SG_OK)
        return rc;
    do {
        const X509_NAME *issuer = X509_get_issuer_name(last);
        struct sg_slice name = {NULL, 0};
        bool root = false;
        before = sk_X509_num(chain);
        if (X509_NAME_get0_der(issuer, &name.data, &name.len) != 1)
            return sg_fail_ssl(err, SG_E_MALFORMED, "%s", _("The name of a certificate's issuer cannot be read."));
        rc = add_anchors_for(snapshot, app->libctx, name, certs, &root, err);
        if (rc == SG_OK && !root)
            rc = sg_token_certificates(token, issuer, certs, err);
        if (rc == SG_OK && !root)
            rc = add_helpers_for(snapshot, app->libctx, name, certs, err);
        if (rc == SG_OK)
            rc = sg_issuers_find(certs, last, false, chain, err);
        if (sk_X509_num(chain) > before)
            last = sk_X509_value(chain, sk_X509_num(chain) - 1);
    } while (rc == SG_OK && sk_X509_num(chain) > before);
    return rc;
}

/* From what signs here, and what vouches for it, follows what sync has to fetch. */
static enum sg_rc remember_chain(const struct sg_signing *signing, const STACK_OF(X509) *chain, struct sg_err *err)
{
    enum sg_rc rc = sg_store_certificate_add(signing->store, signing->info->cert, "signer", err);

    for (int i = 0; rc == SG_OK && i < sk_X509_num(chain); i++)
        rc = sg_store_certificate_add(signing->store, sk_X509_value(chain, i), "chain", err);
    return rc;
}

static enum sg_rc make_signer(struct sg_app *app, struct sg_signing *signing, struct sg_err *err)
{
    _cleanup_(sg_x509_stack_freep) STACK_OF(X509) *chain = sk_X509_new_null();

    if (!chain)
        return sg_fail_memory(err);
    enum sg_rc rc = build_chain(app, signing, chain, err);
    if (rc == SG_OK)
        rc = remember_chain(signing, chain, err);
    if (rc != SG_OK)
        return rc;
    struct sg_cades_params params = {.libctx = app->libctx,
                                     .key = signing->key,
                                     .cert = signing->info->cert,
                                     .chain = chain,
                                     .force_pss = signing->info->pss_only};
    rc = sg_cades_signer_new(&params, &signing->signer, err);
    params.leave_out_signing_time = true;
    if (rc == SG_OK)
        rc = sg_cades_signer_new(&params, &signing->pdf_signer, err);
    if (rc != SG_OK)
        return rc;
    const char *digest = sg_cades_digest_name(signing->signer);
    for (size_t i = 0; i + 1 < sizeof(signing->digest) && digest[i]; i++)
        signing->digest[i] = (char)tolower((unsigned char)digest[i]);
    return SG_OK;
}

enum sg_rc sg_signing_unlock(struct sg_app *app, struct sg_signing *signing, struct sg_err *err)
{
    const char *uri = sg_config_text(app->config, SG_KEY_SIGN_KEY);

    if (signing->info->token->pin_state == SG_PIN_COUNT_LOW)
        sg_signing_warn(app, signing, "pin-count-low", "%s", sg_few_tries_text());
    enum sg_rc rc = sg_app_login(app, sg_token_key_token(signing->token_key), uri, err);
    if (rc == SG_OK)
        rc = sg_token_key_inspect(signing->token_key, SG_FOR_SIGNING, err);
    if (rc == SG_OK)
        rc = check_custody(app, signing, err);
    if (rc == SG_OK)
        rc = sg_token_key_open(signing->token_key, &signing->key, err);
    if (rc == SG_OK)
        rc = make_signer(app, signing, err);
    if (rc == SG_OK) /* what will have to be revoked when the token is lost */
        rc = sg_store_token_certificate_add(signing->store, signing->info->token->serial, signing->info->cert, err);
    return rc;
}

enum sg_rc sg_signing_record_failure(const struct sg_signing *signing, const char *object, const struct sg_err *failure,
                                     struct sg_err *err)
{
    const struct sg_ledger_entry entry = {.event = "sign-failed",
                                          .code = sg_rc_word(failure->rc),
                                          .token = signing->info ? signing->info->token->serial : "",
                                          .key = signing->cert_sha256,
                                          .object = object,
                                          .detail = failure->text};

    return sg_ledger_append(signing->store, &entry, err);
}
