/* Which key signs. */
#include <string.h>

#include "base/crypto.h"
#include "base/limits.h"
#include "base/msg.h"
#include "cli/ask.h"
#include "cli/signing.h"
#include "verify/verify.h"

/* How good a candidate is; a better kind leaves the others out. */
enum kind { NO_CERTIFICATE, NOT_FOR_SIGNING, FOR_SIGNING, NON_REPUDIATION };

static enum kind kind_of(const struct sg_key_info *info)
{
    if (!info->cert)
        return NO_CERTIFICATE;
    if (!sg_cert_may_sign(info->cert))
        return NOT_FOR_SIGNING;
    /* Without keyUsage every bit is set for OpenSSL: a certificate that says nothing does not say nonRepudiation. */
    uint32_t usage = X509_get_key_usage(info->cert);
    return usage != UINT32_MAX && (usage & KU_NON_REPUDIATION) ? NON_REPUDIATION : FOR_SIGNING;
}

static bool valid_at(const struct sg_key_info *info, int64_t now)
{
    int64_t from = 0, to = 0;

    return info->cert && sg_time_from_asn1(X509_get0_notBefore(info->cert), &from) &&
           sg_time_from_asn1(X509_get0_notAfter(info->cert), &to) && from <= now && now <= to;
}

struct candidates {
    struct sg_token_key *keys[SG_MAX_OBJECTS];
    size_t count;
};

/* Keeps those that `fits` says yes to, unless that would be none. */
static void narrow(struct candidates *c, bool (*fits)(const struct sg_key_info *info, int64_t argument),
                   int64_t argument)
{
    size_t kept = 0;

    for (size_t i = 0; i < c->count; i++)
        kept += fits(sg_token_key_info(c->keys[i]), argument);
    if (kept == 0)
        return;
    kept = 0;
    for (size_t i = 0; i < c->count; i++)
        if (fits(sg_token_key_info(c->keys[i]), argument))
            c->keys[kept++] = c->keys[i];
    c->count = kept;
}

static bool at_least(const struct sg_key_info *info, int64_t kind)
{
    return (int64_t)kind_of(info) >= kind;
}

static enum sg_rc nothing_fits(const struct sg_app *app, struct sg_tokens *tokens, struct sg_err *err)
{
    const char *uri = sg_config_text(app->config, SG_KEY_SIGN_KEY);

    if (sg_app_usable_tokens(tokens) == 0)
        return sg_tokens_fail_none(tokens, NULL, err);
    if (uri[0])
        return sg_fail(err, SG_E_NO_KEY,
                       _("No key on the tokens that are there fits %s; \"signet token show\" lists what there is."),
                       uri);
    return sg_fail(err, SG_E_NO_KEY, "%s",
                   _("The tokens that are there have no key; \"signet token list\" shows which they are."));
}

/* The URIs, one a line. */
static enum sg_rc list_candidates(const struct candidates *c, char **ret, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf list = SG_BUF(SG_MAX_OBJECTS * (SG_MAX_URI + 1));
    const char *text = "";
    enum sg_rc rc = SG_OK;

    for (size_t i = 0; i < c->count && rc == SG_OK; i++)
        rc = sg_buf_printf(&list, err, "%s\n", sg_token_key_info(c->keys[i])->uri);
    if (rc == SG_OK)
        rc = sg_buf_text(&list, &text, err);
    if (rc != SG_OK)
        return rc;
    char *copy = strdup(text);
    if (!copy)
        return sg_fail_memory(err);
    *ret = copy;
    return SG_OK;
}

/* People get the URIs below the sentence, where there is room for them; in JSON they are in it, as far as they fit. */
static enum sg_rc ambiguous(const struct sg_app *app, const struct candidates *c, struct sg_signing *signing,
                            struct sg_err *err)
{
    char text[sizeof(err->text) - 256] = ""; /* the sentence around it, in any language, needs room too */
    size_t used = 0, shown = 0;
    enum sg_rc rc = list_candidates(c, &signing->candidates, err);

    if (rc != SG_OK)
        return rc;
    if (!app->voice.json)
        return sg_fail(err, SG_E_KEY_AMBIGUOUS, _("%zu keys could sign; name one of them with --key."), c->count);
    for (; shown < c->count; shown++) {
        const char *uri = sg_token_key_info(c->keys[shown])->uri;
        if (strlen(uri) + 2 > sizeof(text) - used)
            break;
        used += (size_t)snprintf(text + used, sizeof(text) - used, " %s", uri);
    }
    if (shown == c->count)
        return sg_fail(err, SG_E_KEY_AMBIGUOUS, _("%zu keys could sign; name one with --key:%s"), c->count, text);
    return sg_fail(err, SG_E_KEY_AMBIGUOUS,
                   _("%zu keys could sign; name one with --key:%s ... and %zu more; signet token show lists them"),
                   c->count, text, c->count - shown);
}

int sg_signing_complain(const struct sg_app *app, const struct sg_signing *signing, const struct sg_err *err)
{
    int status = sg_complain(&app->voice, err);

    if (err->rc == SG_E_KEY_AMBIGUOUS && signing->candidates && !app->voice.json)
        (void)fputs(signing->candidates, stderr);
    return status;
}

static enum sg_rc ask_which(const struct sg_app *app, const struct candidates *c, struct sg_signing *signing,
                            struct sg_token_key **ret, struct sg_err *err)
{
    size_t chosen = 0;

    if (!sg_has_terminal())
        return ambiguous(app, c, signing, err);
    for (size_t i = 0; i < c->count; i++) {
        const struct sg_key_info *info = sg_token_key_info(c->keys[i]);
        _cleanup_(freep) char *subject = NULL;
        if (info->cert && sg_name_text(X509_get_subject_name(info->cert), &subject, err) != SG_OK)
            return err ? err->rc : SG_E_MALFORMED;
        sg_ask_show("%3zu  %s, %s %d, %s", i + 1, subject ? subject : info->label, info->type, info->bits, info->uri);
    }
    enum sg_rc rc = sg_ask_number(_("Which key?"), c->count, &chosen, err);
    if (rc == SG_OK)
        *ret = c->keys[chosen];
    return rc;
}

/* Which key, and why it is this one. */
static void tell(const struct sg_app *app, const struct sg_key_info *info, size_t there, size_t left)
{
    const struct sg_log *log = &app->log;
    const char *named = sg_config_where(app->config, SG_KEY_SIGN_KEY);

    if (left > 1)
        sg_log(log, SG_LOG_INFO, _("Key %s, picked from %zu on the terminal"), info->uri, left);
    else if (sg_config_text(app->config, SG_KEY_SIGN_KEY)[0])
        sg_log(log, SG_LOG_INFO, _("Key %s, named by %s"), info->uri, named);
    else if (there == 1)
        sg_log(log, SG_LOG_INFO, _("Key %s, the only one"), info->uri);
    else
        sg_log(log, SG_LOG_INFO, _("Key %s, of %zu the one that %s"), info->uri, there,
               kind_of(info) == NON_REPUDIATION ? _("is for signatures by a person (nonRepudiation)")
                                                : _("can sign documents"));
}

static enum sg_rc choose(struct sg_app *app, struct sg_signing *signing, struct sg_err *err)
{
    _cleanup_(freep) struct candidates *c = calloc(1, sizeof(*c));
    bool named = sg_config_text(app->config, SG_KEY_SIGN_KEY)[0] != '\0';

    if (!c)
        return sg_fail_memory(err);
    for (size_t i = 0; i < sg_key_list_count(signing->keys) && i < SG_MAX_OBJECTS; i++)
        c->keys[c->count++] = sg_key_list_get(signing->keys, i);
    if (c->count == 0)
        return nothing_fits(app, signing->tokens, err);
    size_t there = c->count;

    narrow(c, at_least, NOT_FOR_SIGNING);
    if (!named) { /* what a URI leaves open is not for us to guess */
        narrow(c, at_least, FOR_SIGNING);
        narrow(c, at_least, NON_REPUDIATION);
        narrow(c, valid_at, sg_clock_now(&app->clock));
    }
    struct sg_token_key *key = c->keys[0];
    enum sg_rc rc = c->count > 1 ? ask_which(app, c, signing, &key, err) : SG_OK;
    if (rc != SG_OK)
        return rc;
    signing->token_key = key;
    signing->info = sg_token_key_info(key);
    tell(app, signing->info, there, c->count);
    return SG_OK;
}

enum sg_rc sg_signing_choose(struct sg_app *app, struct sg_signing *signing, struct sg_err *err)
{
    const char *uri = sg_config_text(app->config, SG_KEY_SIGN_KEY);

    if (!signing->tokens) {
        if (err)
            *err = signing->tokens_err;
        return signing->tokens_err.rc;
    }
    enum sg_rc rc = sg_keys_find(signing->tokens, uri[0] ? uri : NULL, &signing->keys, err);
    if (rc == SG_OK)
        rc = choose(app, signing, err);
    if (rc != SG_OK)
        return rc;
    if (!signing->info->cert) {
        rc = sg_fail(err, SG_E_NO_CERTIFICATE,
                     _("The key %s has no certificate on its token; ask your security officer to put it there."),
                     signing->info->uri);
        sg_app_about_token(err, signing->info->token);
    }
    return rc;
}
