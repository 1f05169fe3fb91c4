#include "cli/recipient.h"

#include <string.h>

#include "base/limits.h"
#include "base/msg.h"
#include "cli/login.h"
#include "cli/sign_jobs.h"

enum sg_rc sg_recipient_find(struct sg_tokens *tokens, const char *uri, const struct sg_envelope *envelope,
                             struct sg_key_list **ret_list, struct sg_token_key **ret, struct sg_err *err)
{
    _cleanup_(sg_key_list_freep) struct sg_key_list *list = NULL;
    struct sg_token_key *found = NULL;
    enum sg_rc rc = sg_keys_find(tokens, uri, &list, err);

    for (size_t i = 0; rc == SG_OK && !found && i < sg_key_list_count(list); i++) {
        struct sg_token_key *key = sg_key_list_get(list, i);
        X509 *cert = sg_token_key_info(key)->cert;
        if (cert && sg_envelope_names(envelope, cert))
            found = key;
    }
    if (rc != SG_OK)
        return rc;
    *ret_list = sg_steal(list);
    *ret = found;
    return SG_OK;
}

enum sg_rc sg_recipient_unlock(struct sg_app *app, struct sg_token_key *key, const char *uri, EVP_PKEY **ret,
                               struct sg_err *err)
{
    enum sg_rc rc = sg_app_login(app, sg_token_key_token(key), uri, err);

    if (rc == SG_OK)
        rc = sg_token_key_inspect(key, SG_FOR_DECRYPTION, err);
    return rc == SG_OK ? sg_token_key_open(key, ret, err) : rc;
}

/* --- escrow ------------------------------------------------------------------------------------------------------- */

static enum sg_rc take(void *context, const uint8_t *data, size_t len, struct sg_err *err)
{
    struct sg_secret *plain = context;

    if (len > plain->capacity - plain->len)
        return sg_fail(err, SG_E_LIMIT, "%s", _("The escrow is longer than one can be."));
    memcpy(plain->bytes + plain->len, data, len);
    plain->len += len;
    return SG_OK;
}

static enum sg_rc decrypt(struct sg_app *app, struct sg_envelope *envelope, struct sg_token_key *key,
                          struct sg_secret *plain, struct sg_err *err)
{
    _cleanup_(EVP_PKEY_freep) EVP_PKEY *opened = NULL;
    enum sg_rc rc = sg_recipient_unlock(app, key, NULL, &opened, err);

    if (rc != SG_OK)
        return rc;
    rc = sg_envelope_decrypt(envelope, opened, sg_token_key_info(key)->cert, (struct sg_sink){take, plain}, err);
    enum sg_rc token = rc == SG_OK ? SG_OK : sg_token_key_last_error(key, err);
    return token == SG_OK ? rc : token;
}

static enum sg_rc record(struct sg_app *app, struct sg_store *store, const struct sg_key_info *info, const char *file,
                         const struct sg_err *failure, struct sg_err *err)
{
    _cleanup_(freep) char *object = NULL;
    char sha256[SG_SHA256_HEX];
    enum sg_rc rc = sg_cert_sha256(app->libctx, info->cert, sha256, err);

    if (rc == SG_OK)
        rc = sg_sign_absolute(file, &object, err);
    const struct sg_ledger_entry entry = {.event = failure ? "decrypt-failed" : "decrypt",
                                          .code = failure ? sg_rc_word(failure->rc) : "",
                                          .token = info->token->serial,
                                          .key = sha256,
                                          .object = object ? object : "",
                                          .detail = failure ? failure->text : ""};
    return rc == SG_OK ? sg_ledger_append(store, &entry, err) : rc;
}

/* An escrow that nothing proves unchanged is not Signet's. */
static enum sg_rc read_envelope(struct sg_app *app, const char *file, struct sg_input **ret_input,
                                struct sg_envelope **ret, struct sg_err *err)
{
    OSSL_LIB_CTX *libctx = NULL;
    enum sg_rc rc = sg_app_libctx(app, &libctx, err);

    if (rc == SG_OK)
        rc = sg_input_open(file, ret_input, err);
    if (rc == SG_OK)
        rc = sg_envelope_read(*ret_input, libctx, ret, err);
    if (rc == SG_OK && !sg_envelope_is_authenticated(*ret))
        rc = sg_fail(err, SG_E_MALFORMED, "%s", _("This is not the escrow of a token (signet.escrow/1)."));
    return rc == SG_OK ? rc : sg_about(file, err, rc);
}

enum sg_rc sg_escrow_open(struct sg_app *app, struct sg_store *store, struct sg_tokens *tokens, const char *file,
                          struct sg_escrow *ret, struct sg_err *err)
{
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    _cleanup_(sg_envelope_freep) struct sg_envelope *envelope = NULL;
    _cleanup_(sg_key_list_freep) struct sg_key_list *list = NULL;
    _cleanup_(sg_secret_freep) struct sg_secret *plain = NULL;
    struct sg_token_key *key = NULL;
    struct sg_err failure = {0};
    enum sg_rc rc = read_envelope(app, file, &input, &envelope, err);

    if (rc == SG_OK)
        rc = sg_recipient_find(tokens, NULL, envelope, &list, &key, err);
    if (rc == SG_OK && !key)
        rc = sg_about(file, err,
                      sg_fail(err, SG_E_NO_KEY,
                              _("\"%s\" opens with the key of an officer it is escrowed to; insert the officer's token "
                                "beside the one to unblock."),
                              file));
    if (rc == SG_OK)
        rc = sg_secret_new(SG_MAX_ESCROW, &plain, err);
    if (rc != SG_OK)
        return rc;
    enum sg_rc opened = decrypt(app, envelope, key, plain, &failure);
    rc = record(app, store, sg_token_key_info(key), file, opened == SG_OK ? NULL : &failure, err);
    if (rc == SG_OK && opened != SG_OK) {
        rc = opened;
        if (err)
            *err = failure;
    }
    if (rc != SG_OK)
        return rc;
    rc = sg_escrow_parse(plain, ret, err);
    return rc == SG_OK ? rc : sg_about(file, err, rc);
}
