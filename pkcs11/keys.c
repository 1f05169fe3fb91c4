/* Finding keys and certificates on tokens, and looking at a key before it is used. */
#include <string.h>

#include <openssl/err.h>

#include "base/msg.h"
#include "pkcs11/verbs.h"

#define LOOK_AGAIN 3

/* --- finding ----------------------------------------------------------------------------------------------------- */

static enum sg_rc find_on_token(struct sg_token *token, const struct sg_uri *uri, struct sg_key_list *result,
                                struct sg_err *err)
{
    _cleanup_(sg_key_list_freep) struct sg_key_list *all = calloc(1, sizeof *all);
    if (!all)
        return sg_fail_memory(err);
    struct sg_slice id = uri ? sg_uri_id(uri) : (struct sg_slice){NULL, 0};
    enum sg_rc rc = sg_token_verbs(token)->keys(token, id, all, err);
    for (size_t i = 0; rc == SG_OK && i < all->count; i++) {
        if (uri && !sg_uri_fits_key(uri, all->keys[i]))
            continue;
        rc = sg_key_list_add(result, all->keys[i], err);
        if (rc == SG_OK)
            (void)sg_token_key_ref(all->keys[i]);
    }
    return rc;
}

static bool any_fits(const struct sg_tokens *tokens, const struct sg_uri *uri)
{
    for (size_t i = 0; i < tokens->token_count; i++) {
        const struct sg_token *token = tokens->tokens[i];
        if (token->info.present && token->info.initialized && (!uri || sg_uri_fits_token(uri, token)))
            return true;
    }
    return false;
}

/* Parses `text`, if there is one, and waits a moment for a token that fits. */
static enum sg_rc await_token(struct sg_tokens *tokens, const char *text, struct sg_uri **ret, struct sg_err *err)
{
    _cleanup_(sg_uri_freep) struct sg_uri *uri = NULL;
    enum sg_rc rc = text ? sg_uri_parse(text, &uri, err) : SG_OK;
    for (int attempt = 0; rc == SG_OK && attempt < LOOK_AGAIN && !any_fits(tokens, uri); attempt++)
        rc = sg_tokens_look_again(tokens, err);
    if (rc == SG_OK && uri && !any_fits(tokens, uri))
        rc = sg_tokens_fail_none(tokens, text, err);
    if (rc == SG_OK)
        *ret = sg_steal(uri);
    return rc;
}

enum sg_rc sg_token_find(struct sg_tokens *tokens, const char *uri_text, struct sg_token **ret, struct sg_err *err)
{
    _cleanup_(sg_uri_freep) struct sg_uri *uri = NULL;
    struct sg_token *found = NULL;
    size_t count = 0;
    enum sg_rc rc = await_token(tokens, uri_text, &uri, err);
    for (size_t i = 0; rc == SG_OK && i < tokens->token_count; i++) {
        struct sg_token *token = tokens->tokens[i];
        if (!token->info.present || !token->info.initialized || (uri && !sg_uri_fits_token(uri, token)))
            continue;
        found = token;
        count++;
    }
    if (rc != SG_OK)
        return rc;
    if (count == 0)
        return sg_tokens_fail_none(tokens, NULL, err);
    if (count > 1)
        return sg_fail(err, SG_E_USAGE,
                       _("%zu tokens could be meant; name one by its URI, which signet token list prints."), count);
    *ret = found;
    return SG_OK;
}

/* A blank token's URI fits every other token of the module too; the very one that was printed is meant. */
enum sg_rc sg_token_find_to_initialise(struct sg_tokens *tokens, const char *uri_text, struct sg_token **ret,
                                       struct sg_err *err)
{
    _cleanup_(sg_uri_freep) struct sg_uri *uri = NULL;
    struct sg_token *found = NULL, *exact = NULL;
    size_t count = 0, exact_count = 0;
    enum sg_rc rc = uri_text ? sg_uri_parse(uri_text, &uri, err) : SG_OK;
    for (size_t i = 0; rc == SG_OK && i < tokens->token_count; i++) {
        struct sg_token *token = tokens->tokens[i];
        if (!token->info.present || (uri ? !sg_uri_fits_token(uri, token) : token->info.initialized))
            continue;
        found = token;
        count++;
        if (!uri_text || strcmp(uri_text, token->info.uri) != 0)
            continue;
        exact = token;
        exact_count++;
    }
    if (rc != SG_OK)
        return rc;
    if (count == 0)
        return sg_fail(
            err, SG_E_NO_TOKEN, "%s",
            uri ? _("No token that is there is the one that is named; see signet token list.")
                : _("No blank token is there; name the one that is to be initialised anew, by its URI or the "
                    "number of its slot."));
    if (count > 1 && exact_count != 1)
        return sg_fail(err, SG_E_USAGE,
                       _("%zu tokens could be meant; name one by its URI, or by the number of its slot."), count);
    *ret = exact_count == 1 ? exact : found;
    return SG_OK;
}

enum sg_rc sg_keys_find(struct sg_tokens *tokens, const char *uri_text, struct sg_key_list **ret, struct sg_err *err)
{
    _cleanup_(sg_uri_freep) struct sg_uri *uri = NULL;
    _cleanup_(sg_key_list_freep) struct sg_key_list *list = calloc(1, sizeof *list);
    if (!list)
        return sg_fail_memory(err);
    enum sg_rc rc = await_token(tokens, uri_text, &uri, err);
    for (size_t i = 0; rc == SG_OK && i < tokens->token_count; i++) {
        struct sg_token *token = tokens->tokens[i];
        if (!token->info.present || !token->info.initialized || (uri && !sg_uri_fits_token(uri, token)))
            continue;
        rc = find_on_token(token, uri, list, err);
    }
    if (rc == SG_OK)
        *ret = sg_steal(list);
    return rc;
}

/* --- certificates ------------------------------------------------------------------------------------------------- */

X509 *sg_token_certificate(struct sg_token *token, struct sg_slice der)
{
    const unsigned char *at = der.data;
    if (der.len == 0)
        return NULL;
    _cleanup_(X509_freep) X509 *cert = X509_new_ex(token->tokens->libctx, NULL);
    if (!cert || !d2i_X509(&cert, &at, (long)der.len) || at != der.data + der.len) {
        sg_log(&token->tokens->log, SG_LOG_WARNING, _("A certificate on the token %s cannot be read; it is left out."),
               token->name);
        return NULL;
    }
    return sg_steal(cert);
}

enum sg_rc sg_token_certificates(struct sg_token *token, const X509_NAME *subject, STACK_OF(X509) *certs,
                                 struct sg_err *err)
{
    struct sg_slice name = {NULL, 0};
    if (subject && X509_NAME_get0_der(subject, &name.data, &name.len) != 1)
        return sg_fail_ssl(err, SG_E_MALFORMED, "%s", _("The name of a certificate's issuer cannot be read."));
    return sg_token_verbs(token)->certificates(token, name, certs, err);
}

/* --- before use --------------------------------------------------------------------------------------------------- */

static enum sg_rc fail_key(const struct sg_token_key *key, struct sg_err *err, enum sg_rc rc, const char *text)
{
    (void)sg_fail(err, rc, _("The key “%s” (id %s): %s."), key->info.label, key->info.id, text);
    sg_err_token(err, key->token->name);
    return rc;
}

static enum sg_rc check_purpose(const struct sg_token_key *key, enum sg_key_purpose purpose, struct sg_err *err)
{
    const struct sg_key_attributes *a = &key->info.attributes;
    if (purpose == SG_FOR_SIGNING && a->sign == SG_NO)
        return fail_key(key, err, SG_E_NO_KEY, _("the token does not let it sign; choose another key"));
    if (purpose == SG_FOR_DECRYPTION && a->decrypt == SG_NO && a->unwrap != SG_YES && a->derive != SG_YES)
        return fail_key(key, err, SG_E_NO_KEY, _("the token does not let it decrypt; choose another key"));
    return SG_OK;
}

enum sg_rc sg_token_key_inspect(struct sg_token_key *key, enum sg_key_purpose purpose, struct sg_err *err)
{
    if (!sg_token_open_to_us(key->token))
        return fail_key(key, err, SG_E_PIN_REQUIRED, _("the token wants its PIN before it shows it"));
    key->inspected = false;
    enum sg_rc rc = sg_token_verbs(key->token)->inspect(key, err);
    if (rc == SG_OK)
        rc = check_purpose(key, purpose, err);
    key->inspected = rc == SG_OK;
    if (key->inspected && key->info.attributes.always_authenticate == SG_YES)
        key->token->pin_wanted = true;
    return rc;
}
