/* Hosts at work: started when they are needed, asked, and what they listed kept where it may be. */
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>

#include "base/clock.h"
#include "base/msg.h"
#include "pkcs11/cache.h"
#include "pkcs11/host.h"
#include "pkcs11/remote.h"

#define READERS_LIMIT_MS 2000

/* --- one request -------------------------------------------------------------------------------------------------- */

static struct sg_request request_to(struct sg_tokens *tokens, struct sg_module *module, enum sg_host_verb verb)
{
    return (struct sg_request){.tokens = tokens,
                               .module = module,
                               .verb = verb,
                               .limit_ms = tokens->timeout_ms,
                               .body = SG_BUF(SG_MAX_HOST_MESSAGE / 2),
                               .answer = SG_MESSAGE};
}

struct sg_request sg_request_about(struct sg_token *token, enum sg_host_verb verb)
{
    struct sg_request request = request_to(token->tokens, sg_token_module(token), verb);
    request.token = token;
    return request;
}

void sg_request_clear(struct sg_request *request)
{
    sg_buf_clear(&request->body);
    sg_message_clear(&request->answer);
}

static enum sg_rc about(const struct sg_request *request, struct sg_err *err, enum sg_rc rc)
{
    sg_err_token(err, request->token ? request->token->name : request->module->name);
    return rc;
}

static enum sg_rc fail_exchange(const struct sg_request *request, enum sg_exchange exchange, struct sg_err *err)
{
    char end[64];
    const char *module = request->module->name;
    switch (exchange) {
    case SG_EXCHANGE_NO_MEMORY:
        return sg_fail_memory(err);
    case SG_EXCHANGE_TIMEOUT:
        return about(request, err,
                     sg_fail(err, SG_E_TOKEN_TIMEOUT,
                             _("The module %s did not answer within %g s and was stopped; take the token out, insert "
                               "it again and repeat the command, or allow more time with [token] timeout and "
                               "sign-timeout."),
                             module, (double)request->limit_ms / 1000));
    default:
        (void)sg_fail(err, SG_E_MODULE_CRASHED,
                      _("The module %s crashed; repeat the command, and if it stays so, ask its maker."), module);
        sg_host_end_text(request->module->host, end, sizeof end);
        sg_err_cause(err, "%s", end);
        return about(request, err, SG_E_MODULE_CRASHED);
    }
}

enum sg_rc sg_request_nonsense(const struct sg_request *request, struct sg_err *err)
{
    return about(request, err,
                 sg_fail(err, SG_E_TOKEN_FAILED, "%s",
                         _("The token's module answered with what cannot be true; the module may need an update.")));
}

/* What the host logged while it was at it. */
static void pass_on_log(struct sg_request *request)
{
    char text[1024];
    uint32_t lines = sg_get_u32(&request->out, SG_MAX_HOST_LOG);
    for (uint32_t i = 0; i < lines && !request->out.bad; i++) {
        enum sg_log_level level = (enum sg_log_level)sg_get_u8(&request->out, SG_LOG_WARNING);
        sg_get_safe_text(&request->out, text, sizeof text);
        if (!request->out.bad)
            sg_log(&request->tokens->log, level, "%s", text);
    }
}

/* A host that ended took the logins along. */
static void forget_logins(struct sg_tokens *tokens, const struct sg_module *module)
{
    (void)pthread_mutex_lock(&tokens->list_lock);
    for (size_t i = 0; i < tokens->token_count; i++) {
        if (sg_token_module(tokens->tokens[i]) == module)
            tokens->tokens[i]->logged_in = false;
    }
    (void)pthread_mutex_unlock(&tokens->list_lock);
}

enum sg_rc sg_request_ask(struct sg_request *request, uint32_t subject, enum sg_exchange *ret_exchange,
                          struct sg_err *err)
{
    sg_message_clear(&request->answer);
    request->answer = (struct sg_message)SG_MESSAGE;
    *ret_exchange =
        sg_host_exchange(request->module->host, request->generation, (uint16_t)request->verb, subject,
                         sg_buf_slice(&request->body), request->secrets, request->limit_ms, &request->answer);
    if (*ret_exchange != SG_EXCHANGE_DONE) {
        unsigned generation = 0;
        if (!sg_host_runs(request->module->host, &generation))
            forget_logins(request->tokens, request->module);
        return fail_exchange(request, *ret_exchange, err);
    }
    struct sg_err told = {.tries_left = -1};
    request->out = (struct sg_fields){.rest = sg_buf_slice(&request->answer.body)};
    enum sg_rc rc = sg_get_outcome(&request->out, &told);
    pass_on_log(request);
    if (request->out.bad || (rc != SG_OK && told.text[0] == '\0'))
        return sg_request_nonsense(request, err);
    if (rc != SG_OK && err)
        *err = told;
    return rc == SG_OK ? SG_OK : about(request, err, rc);
}

/* --- the list ----------------------------------------------------------------------------------------------------- */

static enum sg_rc read_tokens(struct sg_request *request, struct sg_err *err)
{
    uint32_t count = sg_get_u32(&request->out, SG_MAX_TOKENS);
    enum sg_rc rc = SG_OK;
    (void)pthread_mutex_lock(&request->tokens->list_lock);
    sg_tokens_unlist(request->tokens, request->module);
    for (uint32_t i = 0; rc == SG_OK && i < count; i++) {
        struct sg_listed_token listed;
        struct sg_token *token = NULL;
        sg_get_token(&request->out, &listed);
        if (request->out.bad)
            break;
        rc = sg_tokens_list(request->tokens, request->module, listed.slot, &listed.slot_info, &listed.token_info,
                            &token, err);
        if (rc == SG_OK)
            token->remote = listed.number;
    }
    if (rc == SG_OK && !sg_fields_end(&request->out))
        rc = sg_request_nonsense(request, err);
    sg_tokens_list_end(request->tokens, request->module, rc == SG_OK);
    (void)pthread_mutex_unlock(&request->tokens->list_lock);
    return rc;
}

/* --- what is kept of cards ---------------------------------------------------------------------------------------- */

/* A host that runs is asked, whatever it has loaded. False: there is no pcscd, or it does not tell. */
static bool ask_readers(struct sg_tokens *tokens, struct sg_module *module, struct sg_buf *ret)
{
    enum sg_exchange exchange = SG_EXCHANGE_DONE;
    _cleanup_(sg_request_clear) struct sg_request request = request_to(tokens, module, SG_HOST_READERS);
    if (access(sg_pcsc_socket(), F_OK) < 0 || !sg_host_runs(module->host, &request.generation))
        return false;
    if (request.limit_ms > READERS_LIMIT_MS)
        request.limit_ms = READERS_LIMIT_MS;
    if (sg_request_ask(&request, 0, &exchange, NULL) != SG_OK)
        return false;
    struct sg_slice answer = request.out.rest;
    return sg_get_u8(&request.out, 1) && sg_buf_append(ret, answer.data, answer.len, NULL) == SG_OK;
}

bool sg_remote_held(struct sg_tokens *tokens, char ret_reader[SG_READER_NAME])
{
    _cleanup_(sg_buf_clear) struct sg_buf readers = SG_BUF(SG_MAX_CACHE);
    struct sg_module *module = &tokens->modules[0];
    if (tokens->module_count == 0 || !module->host || !ask_readers(tokens, module, &readers))
        return false;
    struct sg_fields fields = {.rest = sg_buf_slice(&readers)};
    uint32_t count = sg_get_u8(&fields, 1) ? sg_get_u32(&fields, SG_MAX_READERS) : 0;
    for (uint32_t i = 0; i < count; i++) {
        struct sg_reader reader;
        sg_get_reader(&fields, &reader);
        if (fields.bad || !reader.held)
            continue;
        memcpy(ret_reader, reader.name, SG_READER_NAME);
        return true;
    }
    return false;
}

/* What the kept list of the module has for a key now. */
static bool key_now(struct sg_tokens *tokens, struct sg_module *module, struct sg_buf *ret_readers,
                    uint8_t ret_key[SG_SHA256_LEN])
{
    return module->remote.file && ask_readers(tokens, module, ret_readers) &&
           sg_cache_key(tokens, module->remote.file, sg_buf_slice(ret_readers), ret_key);
}

/* The module is not started yet. */
static void look_for_kept(struct sg_tokens *tokens, struct sg_module *module)
{
    struct sg_remote *remote = &module->remote;
    _cleanup_(sg_buf_clear) struct sg_buf readers = SG_BUF(SG_MAX_CACHE);
    if (tokens->listing == SG_LIST_LIVE)
        return;
    remote->key_known = key_now(tokens, module, &readers, remote->key);
    if (remote->key_known && tokens->listing == SG_LIST_KEPT)
        remote->cache = sg_cache_load(tokens, remote->file, remote->key);
    remote->list_kept = remote->cache != NULL;
}

/* Nothing happened at the readers since before the module was started. */
static bool is_still_so(struct sg_tokens *tokens, struct sg_module *module)
{
    struct sg_remote *remote = &module->remote;
    uint8_t key[SG_SHA256_LEN];
    _cleanup_(sg_buf_clear) struct sg_buf readers = SG_BUF(SG_MAX_CACHE);
    if (remote->key_known)
        remote->key_known = key_now(tokens, module, &readers, key) && memcmp(key, remote->key, sizeof key) == 0 &&
                            sg_cache_covers(module, tokens, sg_buf_slice(&readers));
    return remote->key_known;
}

static void keep_list(struct sg_tokens *tokens, struct sg_module *module, struct sg_slice answer)
{
    _cleanup_(sg_cache_freep) struct sg_cache *cache = NULL;
    struct sg_remote *remote = &module->remote;
    sg_cache_free(sg_steal(remote->cache));
    if (!is_still_so(tokens, module) || sg_cache_new(remote->key, &cache, NULL) != SG_OK ||
        sg_buf_append(&cache->list, answer.data, answer.len, NULL) != SG_OK)
        return;
    sg_cache_store(tokens, remote->file, cache);
    remote->cache = sg_steal(cache);
}

void sg_remote_keep_keys(struct sg_token *token, struct sg_slice answer)
{
    struct sg_module *module = sg_token_module(token);
    struct sg_cache *cache = module->remote.cache;
    if (!cache || sg_cache_keys(cache, token->slot).len > 0 || !is_still_so(token->tokens, module) ||
        !sg_cache_add_keys(cache, token->slot, answer))
        return;
    sg_cache_store(token->tokens, module->remote.file, cache);
}

/* The host's numbers in it are of one that is gone; they are made anew before they are used. */
static enum sg_rc read_kept_list(struct sg_tokens *tokens, struct sg_module *module, struct sg_err *err)
{
    char time[SG_TIME_TEXT];
    const struct sg_cache *cache = module->remote.cache;
    _cleanup_(sg_request_clear) struct sg_request request = request_to(tokens, module, SG_HOST_LIST);
    request.out = (struct sg_fields){.rest = sg_buf_slice(&cache->list)};
    enum sg_rc rc = read_tokens(&request, err);
    if (rc != SG_OK)
        return rc;
    for (size_t i = 0; i < tokens->token_count; i++) {
        if (sg_token_module(tokens->tokens[i]) == module)
            tokens->tokens[i]->info.seen_at = cache->seen_at;
    }
    sg_log(&tokens->log, SG_LOG_INFO,
           _("The module %s was not asked: no card came or went since its tokens were listed, at %s"), module->name,
           sg_time_text(cache->seen_at, time));
    return SG_OK;
}

/* --- a host at work ----------------------------------------------------------------------------------------------- */

static enum sg_rc ask_list(struct sg_tokens *tokens, struct sg_module *module, unsigned generation, bool again,
                           enum sg_exchange *ret_exchange, struct sg_err *err)
{
    _cleanup_(sg_request_clear) struct sg_request request = request_to(tokens, module, SG_HOST_LIST);
    request.generation = generation;
    if (!sg_put_u8(&request.body, again))
        return sg_fail_memory(err);
    enum sg_rc rc = sg_request_ask(&request, 0, ret_exchange, err);
    if (rc != SG_OK)
        return rc;
    struct sg_slice answer = request.out.rest;
    rc = read_tokens(&request, err);
    bool first = atomic_load(&module->remote.stage) == SG_HOST_STARTED;
    if (rc != SG_OK)
        return rc;
    atomic_store(&module->remote.stage, SG_HOST_LISTED);
    if (first)
        keep_list(tokens, module, answer);
    return SG_OK;
}

/* Loads the module, or those that are configured, into a host that was just started; `ret_names`, if not NULL, gets
 * what they are called. */
static enum sg_rc say_hello(struct sg_tokens *tokens, struct sg_module *module, unsigned generation,
                            struct sg_message *ret_names, enum sg_exchange *ret_exchange, struct sg_err *err)
{
    _cleanup_(sg_request_clear) struct sg_request request = request_to(tokens, module, SG_HOST_HELLO);
    request.generation = generation;
    if (!sg_put_u32(&request.body, SG_WIRE_VERSION) || !sg_put_text(&request.body, module->by_path ? module->name : ""))
        return sg_fail_memory(err);
    enum sg_rc rc = sg_request_ask(&request, 0, ret_exchange, err);
    if (rc == SG_OK)
        atomic_store(&module->remote.stage, SG_HOST_GREETED);
    if (rc != SG_OK || !ret_names)
        return rc;
    return sg_buf_append(&ret_names->body, request.out.rest.data, request.out.rest.len, err);
}

static enum sg_rc say_start(struct sg_tokens *tokens, struct sg_module *module, unsigned generation,
                            enum sg_exchange *ret_exchange, struct sg_err *err)
{
    CK_INFO info;
    _cleanup_(sg_request_clear) struct sg_request request = request_to(tokens, module, SG_HOST_START);
    request.generation = generation;
    if (!sg_put_text(&request.body, module->name))
        return sg_fail_memory(err);
    enum sg_rc rc = sg_request_ask(&request, 0, ret_exchange, err);
    if (rc != SG_OK)
        return rc;
    sg_get_exactly(&request.out, &info, sizeof info);
    if (!sg_fields_end(&request.out))
        return sg_request_nonsense(&request, err);
    sg_module_recognise(tokens, module, &info);
    atomic_store(&module->remote.stage, SG_HOST_STARTED);
    return SG_OK;
}

/* Starts it where none runs, and takes it as far as it has to be. One that does not come so far is stopped: what it
 * calls its tokens would not be known. */
static enum sg_rc bring(struct sg_tokens *tokens, struct sg_module *module, enum sg_host_stage stage,
                        unsigned *ret_generation, enum sg_exchange *ret_exchange, struct sg_err *err)
{
    _Atomic enum sg_host_stage *now = &module->remote.stage;
    enum sg_rc rc = SG_OK;
    if (!sg_host_runs(module->host, ret_generation)) {
        forget_logins(tokens, module);
        atomic_store(now, SG_HOST_BARE);
        rc = sg_host_start(module->host, ret_generation, err);
    }
    if (rc != SG_OK)
        return rc;
    if (stage >= SG_HOST_GREETED && atomic_load(now) < SG_HOST_GREETED)
        rc = say_hello(tokens, module, *ret_generation, NULL, ret_exchange, err);
    if (rc == SG_OK && stage >= SG_HOST_STARTED && atomic_load(now) < SG_HOST_STARTED)
        rc = say_start(tokens, module, *ret_generation, ret_exchange, err);
    if (rc == SG_OK && stage >= SG_HOST_LISTED && atomic_load(now) < SG_HOST_LISTED)
        rc = ask_list(tokens, module, *ret_generation, false, ret_exchange, err);
    if (rc != SG_OK)
        sg_host_stop(module->host);
    return rc;
}

/* The module's host, at least at this stage: at first, and after a crash, a deadline, or a rest, which may have ended
 * it just now. Others, whose hosts run, do not wait for it. */
static enum sg_rc ensure_host(struct sg_tokens *tokens, struct sg_module *module, enum sg_host_stage stage,
                              unsigned *ret_generation, struct sg_err *err)
{
    enum sg_exchange exchange = SG_EXCHANGE_DONE;
    (void)pthread_mutex_lock(&module->starting);
    enum sg_rc rc = bring(tokens, module, stage, ret_generation, &exchange, err);
    if (rc != SG_OK && exchange == SG_EXCHANGE_NOT_BEGUN)
        rc = bring(tokens, module, stage, ret_generation, &exchange, err);
    (void)pthread_mutex_unlock(&module->starting);
    return rc;
}

static enum sg_rc ask_about_token(struct sg_request *request, enum sg_exchange *ret_exchange, struct sg_err *err)
{
    enum sg_rc rc = ensure_host(request->tokens, request->module, SG_HOST_LISTED, &request->generation, err);
    if (rc != SG_OK)
        return rc;
    if (!request->token->info.present)
        return about(
            request, err,
            sg_fail(err, SG_E_NO_TOKEN, "%s", _("The token was taken out; insert it again and repeat the command.")));
    return sg_request_ask(request, (uint32_t)request->token->remote, ret_exchange, err);
}

static enum sg_rc fail_stopped(const struct sg_request *request, struct sg_err *err)
{
    return about(request, err,
                 sg_fail(err, SG_E_TOKEN_FAILED,
                         _("The module %s had to be stopped, and the token wants its PIN anew; repeat the command."),
                         request->module->name));
}

/* A key belongs to the host that looked at it. */
static enum sg_rc ask_about_key(struct sg_request *request, struct sg_err *err)
{
    enum sg_exchange exchange = SG_EXCHANGE_DONE;
    request->generation = request->key->generation;
    enum sg_rc rc = sg_request_ask(request, (uint32_t)request->key->handle, &exchange, err);
    return exchange == SG_EXCHANGE_NOT_BEGUN ? fail_stopped(request, err) : rc;
}

enum sg_rc sg_request_perform(struct sg_request *request, struct sg_err *err)
{
    enum sg_exchange exchange = SG_EXCHANGE_DONE;
    if (request->key)
        return ask_about_key(request, err);
    bool logged_in = request->token->logged_in;
    enum sg_rc rc = ask_about_token(request, &exchange, err);
    if (exchange != SG_EXCHANGE_NOT_BEGUN)
        return rc;
    return logged_in ? fail_stopped(request, err) : ask_about_token(request, &exchange, err);
}

/* --- modules ------------------------------------------------------------------------------------------------------ */

/* Takes over `name` and `host`. `stage`: how far the host has come. */
static enum sg_rc add_module(struct sg_tokens *tokens, char *name, const char *file, bool by_path,
                             enum sg_host_stage stage, struct sg_host *host, struct sg_err *err)
{
    char *file_name = file[0] ? strdup(file) : NULL;
    struct sg_module *module = &tokens->modules[tokens->module_count];
    enum sg_rc rc = SG_OK;
    if (tokens->module_count >= SG_MAX_MODULES)
        rc = sg_fail(err, SG_E_LIMIT, _("More than %d PKCS#11 modules are configured."), SG_MAX_MODULES);
    else if (file[0] && !file_name)
        rc = sg_fail_memory(err);
    if (rc != SG_OK) {
        free(file_name);
        free(name);
        sg_host_free(host);
        return rc;
    }
    *module = (struct sg_module){.verbs = &sg_remote_verbs,
                                 .name = name,
                                 .by_path = by_path,
                                 .host = host,
                                 .starting = PTHREAD_MUTEX_INITIALIZER};
    module->remote.file = file_name;
    atomic_store(&module->remote.stage, stage);
    tokens->module_count++;
    return SG_OK;
}

enum sg_rc sg_remote_add(struct sg_tokens *tokens, const char *path, struct sg_err *err)
{
    _cleanup_(freep) char *name = NULL;
    struct sg_host *host = NULL;
    enum sg_rc rc = sg_module_resolve(path, &name, err);
    if (rc != SG_OK || sg_module_known(tokens, name))
        return rc;
    rc = sg_host_new(tokens->host_program, false, tokens->idle_ms, &host, err);
    if (rc != SG_OK)
        return rc;
    const char *file = name;
    return add_module(tokens, sg_steal(name), file, true, SG_HOST_BARE, host, err);
}

/* The names of the modules that p11-kit is configured with are known only to a process that has loaded them. It goes on
 * as the host of the first. */
enum sg_rc sg_remote_add_configured(struct sg_tokens *tokens, struct sg_err *err)
{
    _cleanup_(sg_message_clear) struct sg_message names = SG_MESSAGE;
    struct sg_host *host = NULL;
    unsigned generation = 0;
    enum sg_exchange exchange = SG_EXCHANGE_DONE;
    enum sg_rc rc = sg_host_new(tokens->host_program, true, tokens->idle_ms, &host, err);
    if (rc == SG_OK)
        rc = sg_host_start(host, &generation, err);
    struct sg_module asked = {.name = (char *)(uintptr_t) "p11-kit", .host = host};
    if (rc == SG_OK)
        rc = say_hello(tokens, &asked, generation, &names, &exchange, err);
    struct sg_fields fields = {.rest = sg_buf_slice(&names.body)};
    uint32_t count = rc == SG_OK ? sg_get_u32(&fields, SG_MAX_MODULES) : 0;
    for (uint32_t i = 0; rc == SG_OK && i < count && !fields.bad; i++) {
        char file[SG_MAX_PATH_TEXT];
        enum sg_host_stage stage = i == 0 ? SG_HOST_GREETED : SG_HOST_BARE;
        struct sg_slice name = sg_get_bytes(&fields, SG_MAX_PATH_TEXT - 1);
        sg_get_text(&fields, file, sizeof file);
        _cleanup_(freep) char *safe = sg_safe_text(name.data, name.len);
        if (!safe)
            rc = sg_fail_memory(err);
        if (rc == SG_OK && !host)
            rc = sg_host_new(tokens->host_program, true, tokens->idle_ms, &host, err);
        if (rc == SG_OK)
            rc = add_module(tokens, sg_steal(safe), file, false, stage, sg_steal(host), err);
    }
    if (rc == SG_OK && !sg_fields_end(&fields))
        rc = about(&(struct sg_request){.module = &asked}, err,
                   sg_fail(err, SG_E_MODULE_FAILED, "%s",
                           _("p11-kit's configured modules do not load; see p11-kit list-modules.")));
    sg_host_free(host);
    return rc;
}

enum sg_rc sg_remote_start(struct sg_tokens *tokens, struct sg_module *module, struct sg_err *err)
{
    unsigned generation = 0;
    enum sg_rc rc = ensure_host(tokens, module, SG_HOST_BARE, &generation, err);
    if (rc == SG_OK)
        look_for_kept(tokens, module);
    if (rc == SG_OK && !module->remote.list_kept)
        rc = ensure_host(tokens, module, SG_HOST_STARTED, &generation, err);
    module->started = rc == SG_OK;
    return rc;
}

void sg_remote_dismiss(struct sg_module *module)
{
    sg_host_dismiss(module->host);
}

void sg_remote_stop(struct sg_module *module)
{
    sg_host_free(sg_steal(module->host));
    (void)pthread_mutex_destroy(&module->starting);
    sg_cache_free(sg_steal(module->remote.cache));
    free(sg_steal(module->remote.file));
}

enum sg_rc sg_remote_list(struct sg_tokens *tokens, struct sg_module *module, bool again, struct sg_err *err)
{
    enum sg_exchange exchange = SG_EXCHANGE_DONE;
    unsigned generation = 0;
    bool kept = module->remote.list_kept && !again;
    module->remote.list_kept = false;
    if (kept && read_kept_list(tokens, module, err) == SG_OK)
        return SG_OK;
    enum sg_rc rc = ensure_host(tokens, module, SG_HOST_STARTED, &generation, err);
    if (rc == SG_OK)
        rc = ask_list(tokens, module, generation, again, &exchange, err);
    if (rc != SG_OK && exchange == SG_EXCHANGE_NOT_BEGUN)
        rc = ensure_host(tokens, module, SG_HOST_LISTED, &generation, err);
    return rc;
}
