/* The verbs by a host: each is one message and its answer. What comes back is checked as a module's own words are. */
#include <string.h>

#include <openssl/err.h>

#include "base/msg.h"
#include "pkcs11/cache.h"
#include "pkcs11/remote.h"

#define KEYGEN_LIMITS 10 /* making an RSA key takes a card minutes */

/* --- tokens ------------------------------------------------------------------------------------------------------- */

static enum sg_rc remote_state(struct sg_token *token, struct sg_token_state *ret, struct sg_err *err)
{
    _cleanup_(sg_request_clear) struct sg_request request = sg_request_about(token, SG_HOST_STATE);
    struct sg_token_state state;
    enum sg_rc rc = sg_request_perform(&request, err);
    if (rc != SG_OK)
        return rc;
    state.present = sg_get_u8(&request.out, 1);
    state.flags = sg_get_u64(&request.out);
    if (!sg_fields_end(&request.out))
        return sg_request_nonsense(&request, err);
    *ret = state;
    return SG_OK;
}

static enum sg_rc remote_mechanisms(struct sg_token *token, CK_MECHANISM_TYPE **ret, size_t *ret_count,
                                    struct sg_err *err)
{
    _cleanup_(sg_request_clear) struct sg_request request = sg_request_about(token, SG_HOST_MECHANISMS);
    enum sg_rc rc = sg_request_perform(&request, err);
    if (rc != SG_OK)
        return rc;
    struct sg_slice list = sg_get_bytes(&request.out, SG_MAX_MECHANISMS * sizeof(CK_MECHANISM_TYPE));
    if (!sg_fields_end(&request.out) || list.len % sizeof(CK_MECHANISM_TYPE) != 0)
        return sg_request_nonsense(&request, err);
    CK_MECHANISM_TYPE *copy = malloc(list.len + 1);
    if (!copy)
        return sg_fail_memory(err);
    if (list.len > 0)
        memcpy(copy, list.data, list.len);
    *ret = copy;
    *ret_count = list.len / sizeof(CK_MECHANISM_TYPE);
    return SG_OK;
}

/* On a PIN pad a person is at work. */
static enum sg_rc remote_login(struct sg_token *token, const struct sg_secret *pin, struct sg_err *err)
{
    _cleanup_(sg_request_clear) struct sg_request request = sg_request_about(token, SG_HOST_LOGIN);
    request.secrets[0] = pin;
    if (!pin)
        request.limit_ms = token->tokens->sign_timeout_ms;
    return sg_request_perform(&request, err);
}

static void remote_release(struct sg_token *token)
{
    enum sg_exchange exchange = SG_EXCHANGE_DONE;
    _cleanup_(sg_request_clear) struct sg_request request = sg_request_about(token, SG_HOST_RELEASE);
    if (token->logged_in && sg_host_runs(request.module->host, &request.generation))
        (void)!sg_request_ask(&request, (uint32_t)token->remote, &exchange, NULL);
    token->logged_in = false;
}

/* Of all keys in the answer, those with this id, or all. */
static enum sg_rc read_keys(struct sg_request *request, struct sg_slice id, struct sg_key_list *list,
                            struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    uint32_t count = sg_get_u32(&request->out, SG_MAX_OBJECTS);
    for (uint32_t i = 0; rc == SG_OK && i < count && !request->out.bad; i++) {
        _cleanup_(sg_token_key_unrefp) struct sg_token_key *key = NULL;
        rc = sg_get_key(&request->out, request->token, &key, err);
        if (rc != SG_OK || request->out.bad)
            break;
        if (id.len > 0 && !sg_slice_equal(id, (struct sg_slice){key->id, key->id_len}))
            continue;
        rc = sg_key_list_add(list, key, err);
        if (rc == SG_OK)
            (void)sg_steal(key);
    }
    return rc == SG_OK && !sg_fields_end(&request->out) ? sg_request_nonsense(request, err) : rc;
}

/* Before a login, and while the module was not asked for anything else, what is kept does. */
static enum sg_rc remote_keys(struct sg_token *token, struct sg_slice id, struct sg_key_list *list, struct sg_err *err)
{
    _cleanup_(sg_request_clear) struct sg_request request = sg_request_about(token, SG_HOST_KEYS);
    const struct sg_remote *remote = &request.module->remote;
    struct sg_slice kept = {NULL, 0};
    if (!token->logged_in && remote->cache && atomic_load(&remote->stage) < SG_HOST_LISTED)
        kept = sg_cache_keys(remote->cache, token->slot);
    if (kept.len > 0) {
        request.out = (struct sg_fields){.rest = kept};
        return read_keys(&request, id, list, err);
    }
    if (!sg_put_bytes(&request.body, id))
        return sg_fail_memory(err);
    enum sg_rc rc = sg_request_perform(&request, err);
    if (rc != SG_OK)
        return rc;
    struct sg_slice answer = request.out.rest;
    rc = read_keys(&request, id, list, err);
    if (rc == SG_OK && !token->logged_in && id.len == 0)
        sg_remote_keep_keys(token, answer);
    return rc;
}

static enum sg_rc remote_certificates(struct sg_token *token, struct sg_slice subject, STACK_OF(X509) *certs,
                                      struct sg_err *err)
{
    _cleanup_(sg_request_clear) struct sg_request request = sg_request_about(token, SG_HOST_CERTIFICATES);
    if (!sg_put_bytes(&request.body, subject))
        return sg_fail_memory(err);
    enum sg_rc rc = sg_request_perform(&request, err);
    uint32_t count = rc == SG_OK ? sg_get_u32(&request.out, SG_MAX_OBJECTS) : 0;
    for (uint32_t i = 0; rc == SG_OK && i < count; i++) {
        X509 *cert = sg_token_certificate(token, sg_get_bytes(&request.out, SG_MAX_ATTRIBUTE));
        if (cert && sk_X509_push(certs, cert) <= 0) {
            X509_free(cert);
            rc = sg_fail_memory(err);
        }
    }
    ERR_clear_error();
    if (rc == SG_OK && !sg_fields_end(&request.out))
        rc = sg_request_nonsense(&request, err);
    return rc;
}

/* --- keys --------------------------------------------------------------------------------------------------------- */

/* A key whose private value can be read has attributes too. */
static enum sg_rc remote_inspect(struct sg_token_key *key, struct sg_err *err)
{
    _cleanup_(sg_request_clear) struct sg_request request = sg_request_about(key->token, SG_HOST_INSPECT);
    if (!sg_put_key_identity(&request.body, key))
        return sg_fail_memory(err);
    enum sg_rc rc = sg_request_perform(&request, err);
    if (rc != SG_OK && rc != SG_E_CUSTODY)
        return rc;
    uint32_t number = sg_get_u32(&request.out, SG_MAX_OBJECTS);
    sg_get_inspection(&request.out, key);
    if (!sg_fields_end(&request.out))
        return sg_request_nonsense(&request, err);
    key->handle = number;
    key->generation = request.generation;
    key->info.private_seen = true;
    return rc;
}

static enum sg_rc remote_sign(struct sg_token_key *key, const struct sg_sign_input *input, uint8_t *out,
                              size_t *ret_len, struct sg_err *err)
{
    _cleanup_(sg_request_clear) struct sg_request request = sg_request_about(key->token, SG_HOST_SIGN);
    request.key = key;
    request.secrets[0] = input->pin;
    request.limit_ms = key->token->tokens->sign_timeout_ms;
    if (!sg_put_sign_input(&request.body, input))
        return sg_fail_memory(err);
    enum sg_rc rc = sg_request_perform(&request, err);
    if (rc != SG_OK)
        return rc;
    enum sg_raw_state raw = (enum sg_raw_state)sg_get_u8(&request.out, SG_RAW_MISSING);
    struct sg_slice value = sg_get_bytes(&request.out, SG_MAX_SIGNATURE);
    if (!sg_fields_end(&request.out))
        return sg_request_nonsense(&request, err);
    atomic_store(&key->raw[input->scheme], raw);
    if (value.len > 0)
        memcpy(out, value.data, value.len);
    *ret_len = value.len;
    return SG_OK;
}

static enum sg_rc remote_decrypt(struct sg_token_key *key, const struct sg_decrypt_input *input, struct sg_secret **ret,
                                 struct sg_err *err)
{
    _cleanup_(sg_request_clear) struct sg_request request = sg_request_about(key->token, SG_HOST_DECRYPT);
    request.key = key;
    request.secrets[0] = input->pin;
    request.limit_ms = key->token->tokens->sign_timeout_ms;
    if (!sg_put_decrypt_input(&request.body, input))
        return sg_fail_memory(err);
    enum sg_rc rc = sg_request_perform(&request, err);
    if (rc != SG_OK)
        return rc;
    if (!sg_fields_end(&request.out) || !request.answer.secrets[0])
        return sg_request_nonsense(&request, err);
    *ret = sg_steal(request.answer.secrets[0]);
    return SG_OK;
}

static enum sg_rc remote_provision(struct sg_token *token, const struct sg_provision *what, struct sg_err *err)
{
    _cleanup_(sg_request_clear) struct sg_request request = sg_request_about(token, SG_HOST_PROVISION);
    struct sg_listed_token listed;
    request.secrets[0] = what->pin;
    request.secrets[1] = what->new_pin;
    request.limit_ms = token->tokens->sign_timeout_ms * (what->step == SG_PROVISION_KEYGEN ? KEYGEN_LIMITS : 1);
    if (!sg_put_provision(&request.body, what))
        return sg_fail_memory(err);
    enum sg_rc rc = sg_request_perform(&request, err);
    if (what->step < SG_PROVISION_KEYGEN) /* those log in for themselves, and out */
        token->logged_in = false;
    if (rc != SG_OK)
        return rc;
    sg_get_token(&request.out, &listed);
    if (!sg_fields_end(&request.out))
        return sg_request_nonsense(&request, err);
    token->slot = listed.slot;
    return sg_token_set_info(token, &listed.token_info, err);
}

const struct sg_verbs sg_remote_verbs = {.start = sg_remote_start,
                                         .stop = sg_remote_stop,
                                         .dismiss = sg_remote_dismiss,
                                         .list = sg_remote_list,
                                         .state = remote_state,
                                         .mechanisms = remote_mechanisms,
                                         .login = remote_login,
                                         .release = remote_release,
                                         .keys = remote_keys,
                                         .certificates = remote_certificates,
                                         .inspect = remote_inspect,
                                         .sign = remote_sign,
                                         .decrypt = remote_decrypt,
                                         .provision = remote_provision};
