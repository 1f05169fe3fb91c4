/* The modules in use and the tokens seen in them, wherever the modules run. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/msg.h"
#include "pkcs11/local.h"
#include "pkcs11/provider.h"

/* --- the tokens seen ---------------------------------------------------------------------------------------------- */

/* A token with a serial is itself in another slot, too: another reader, or the same under a new number. */
static struct sg_token *known_token(const struct sg_tokens *tokens, size_t module, CK_SLOT_ID slot,
                                    const CK_TOKEN_INFO *info)
{
    struct sg_token *moved = NULL;
    for (size_t i = 0; i < tokens->token_count; i++) {
        struct sg_token *token = tokens->tokens[i];
        if (token->module != module || !sg_token_is(token, info))
            continue;
        if (token->slot == slot)
            return token;
        if (!token->info.present && token->info.serial[0])
            moved = token;
    }
    return moved;
}

static enum sg_rc add_token(struct sg_tokens *tokens, struct sg_token *token, struct sg_err *err)
{
    struct sg_token **grown = reallocarray(tokens->tokens, tokens->token_count + 1, sizeof(struct sg_token *));
    if (!grown)
        return sg_fail_memory(err);
    tokens->tokens = grown;
    grown[tokens->token_count++] = token;
    return SG_OK;
}

void sg_tokens_unlist(struct sg_tokens *tokens, const struct sg_module *module)
{
    for (size_t i = 0; i < tokens->token_count; i++) {
        struct sg_token *token = tokens->tokens[i];
        if (sg_token_module(token) != module)
            continue;
        token->was_present = token->info.present;
        token->info.present = false;
    }
}

void sg_tokens_list_end(struct sg_tokens *tokens, const struct sg_module *module, bool complete)
{
    for (size_t i = 0; i < tokens->token_count; i++) {
        struct sg_token *token = tokens->tokens[i];
        if (sg_token_module(token) != module || token->info.present)
            continue;
        token->logged_in = false;
        sg_secret_free(sg_steal(token->pin));
        sg_sessions_forget(token);
        if (complete && token->was_present)
            sg_token_gone(token);
    }
}

enum sg_rc sg_tokens_list(struct sg_tokens *tokens, struct sg_module *module, CK_SLOT_ID slot,
                          const CK_SLOT_INFO *slot_info, const CK_TOKEN_INFO *token_info, struct sg_token **ret,
                          struct sg_err *err)
{
    size_t index = (size_t)(module - tokens->modules);
    struct sg_token *known = known_token(tokens, index, slot, token_info);
    if (known) {
        sg_token_set_flags(known, token_info->flags);
        known->slot = slot;
        known->info.present = true;
        *ret = known;
        return SG_OK;
    }
    if (tokens->token_count >= SG_MAX_TOKENS)
        return sg_fail(err, SG_E_LIMIT, _("More than %d tokens were seen."), SG_MAX_TOKENS);
    _cleanup_(sg_token_freep) struct sg_token *token = NULL;
    enum sg_rc rc = sg_token_new(tokens, index, slot, slot_info, token_info, &token, err);
    if (rc == SG_OK)
        rc = add_token(tokens, token, err);
    if (rc != SG_OK)
        return rc;
    token->info.present = true;
    if (token->info.initialized)
        sg_log(&tokens->log, SG_LOG_INFO, _("Token %s (serial %s)"), token->info.label, token->info.serial);
    *ret = sg_steal(token);
    return SG_OK;
}

void sg_module_recognise(struct sg_tokens *tokens, struct sg_module *module, const CK_INFO *about)
{
    module->about = *about;
    module->softhsm = memcmp(about->manufacturerID, "SoftHSM", 7) == 0;
    /* tpm2-pkcs11: two threads in it at once, and it answers nonsense. */
    module->one_session = memcmp(about->manufacturerID, "tpm2-software.github.io", 23) == 0;
    _cleanup_(freep) char *maker = sg_safe_text(about->manufacturerID, sizeof about->manufacturerID);
    sg_log(&tokens->log, SG_LOG_INFO, _("Module %s, made by %s"), module->name, maker ? maker : "?");
}

void sg_pause_ms(long ms)
{
    const struct timespec pause = {.tv_nsec = ms * 1000000};
    (void)nanosleep(&pause, NULL);
}

/* A module that fails costs its own tokens, not those of the others. */
enum sg_rc sg_tokens_refresh(struct sg_tokens *tokens, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    for (size_t i = 0; i < tokens->module_count && rc != SG_E_NO_MEMORY; i++) {
        struct sg_module *module = &tokens->modules[i];
        struct sg_err failure;
        if (!module->started)
            continue;
        enum sg_rc failed = module->verbs->list(tokens, module, false, &failure);
        if (failed == SG_OK)
            continue;
        sg_tokens_unlist(tokens, module);
        sg_tokens_list_end(tokens, module, false);
        if (rc == SG_OK && err)
            *err = failure;
        rc = rc == SG_OK ? failed : rc;
    }
    return rc;
}

enum sg_rc sg_tokens_look_again(struct sg_tokens *tokens, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    for (size_t i = 0; rc == SG_OK && i < tokens->module_count; i++) {
        struct sg_module *module = &tokens->modules[i];
        if (module->softhsm && module->started)
            rc = module->verbs->list(tokens, module, true, err);
    }
    return rc;
}

size_t sg_tokens_count(const struct sg_tokens *tokens)
{
    return tokens->token_count;
}

struct sg_token *sg_tokens_get(const struct sg_tokens *tokens, size_t index)
{
    return index < tokens->token_count ? tokens->tokens[index] : NULL;
}

enum sg_rc sg_tokens_fail_none(struct sg_tokens *tokens, const char *uri, struct sg_err *err)
{
    char reader[SG_READER_NAME];
    if (!sg_remote_held(tokens, reader))
        return uri ? sg_fail(err, SG_E_NO_TOKEN, _("No token that is there fits %s; insert it and try again."), uri)
                   : sg_fail(err, SG_E_NO_TOKEN, "%s", _("There is no token; insert it and try again."));
    _cleanup_(freep) char *safe = sg_safe_text((const uint8_t *)reader, strlen(reader));
    return sg_fail(err, SG_E_BUSY,
                   _("Another program keeps the card in the reader “%s” to itself; close it and repeat the command."),
                   safe ? safe : "?");
}

/* --- modules ------------------------------------------------------------------------------------------------------ */

enum sg_rc sg_module_resolve(const char *path, char **ret, struct sg_err *err)
{
    char *resolved = strchr(path, '/') ? realpath(path, NULL) : strdup(path);
    if (!resolved) {
        if (errno == ENOMEM)
            return sg_fail_memory(err);
        (void)sg_fail_errno(err, SG_E_NO_MODULE, errno, _("The PKCS#11 module “%s” cannot be found; check its path."),
                            path);
        sg_err_token(err, path);
        return SG_E_NO_MODULE;
    }
    *ret = resolved;
    return SG_OK;
}

bool sg_module_known(const struct sg_tokens *tokens, const char *name)
{
    for (size_t i = 0; i < tokens->module_count; i++) {
        if (strcmp(tokens->modules[i].name, name) == 0)
            return true;
    }
    return false;
}

/* --- opening ------------------------------------------------------------------------------------------------------ */

static enum sg_rc load(struct sg_tokens *tokens, const struct sg_tokens_options *options, struct sg_err *err)
{
    tokens->modules = calloc(SG_MAX_MODULES, sizeof *tokens->modules);
    if (!tokens->modules)
        return sg_fail_memory(err);
    if (options->module_count > SG_MAX_MODULES)
        return sg_fail(err, SG_E_LIMIT, _("More than %d PKCS#11 modules are named."), SG_MAX_MODULES);
    enum sg_rc rc = SG_OK;
    for (size_t i = 0; rc == SG_OK && i < options->module_count; i++)
        rc = options->host ? sg_remote_add(tokens, options->modules[i], err)
                           : sg_local_load(tokens, options->modules[i], err);
    if (options->module_count == 0)
        rc = options->host ? sg_remote_add_configured(tokens, err) : sg_local_load_configured(tokens, err);
    return rc;
}

/* Of p11-kit's modules, one that fails does not stand in the way of the others. */
static enum sg_rc start_all(struct sg_tokens *tokens, struct sg_err *err)
{
    struct sg_err failure = {0};
    size_t started = 0;
    for (size_t i = 0; i < tokens->module_count; i++) {
        struct sg_module *module = &tokens->modules[i];
        enum sg_rc rc = module->verbs->start(tokens, module, &failure);
        if (rc == SG_OK)
            rc = module->verbs->list(tokens, module, false, &failure);
        if (rc == SG_OK) {
            started++;
            continue;
        }
        if (module->by_path || rc == SG_E_NO_MEMORY) {
            if (err)
                *err = failure;
            return rc;
        }
        sg_log(&tokens->log, SG_LOG_WARNING, _("The module %s is left out: %s [%s]"), module->name, failure.text,
               failure.cause);
    }
    if (started > 0)
        return SG_OK;
    if (tokens->module_count == 0)
        return sg_fail(err, SG_E_NO_MODULE, "%s",
                       _("No PKCS#11 module is configured; install your token's, or name it with --module."));
    if (err)
        *err = failure;
    return failure.rc;
}

enum sg_rc sg_tokens_new(const struct sg_tokens_options *options, struct sg_tokens **ret, struct sg_err *err)
{
    struct sg_tokens *tokens = calloc(1, sizeof *tokens);
    if (!tokens || pthread_mutex_init(&tokens->list_lock, NULL) != 0) {
        free(tokens);
        return sg_fail_memory(err);
    }
    p11_kit_be_quiet();
    tokens->libctx = options->libctx;
    if ((options->host && !(tokens->host_program = strdup(options->host))) ||
        (options->runtime && !(tokens->runtime = strdup(options->runtime)))) {
        sg_tokens_free(tokens);
        return sg_fail_memory(err);
    }
    tokens->timeout_ms = options->timeout_ms > 0 ? options->timeout_ms : SG_TOKEN_TIMEOUT_MS;
    tokens->sign_timeout_ms = options->sign_timeout_ms > 0 ? options->sign_timeout_ms : SG_TOKEN_SIGN_TIMEOUT_MS;
    tokens->listing = options->listing;
    tokens->idle_ms = options->idle_ms > 0 ? options->idle_ms : SG_TOKEN_IDLE_MS;
    if (options->log)
        tokens->log = *options->log;
    *ret = tokens;
    return SG_OK;
}

enum sg_rc sg_tokens_open(const struct sg_tokens_options *options, struct sg_tokens **ret, struct sg_err *err)
{
    _cleanup_(sg_tokens_freep) struct sg_tokens *tokens = NULL;
    enum sg_rc rc = sg_tokens_new(options, &tokens, err);
    if (rc == SG_OK)
        rc = sg_provider_load(tokens->libctx, &tokens->provider, err);
    if (rc == SG_OK)
        rc = load(tokens, options, err);
    if (rc == SG_OK)
        rc = start_all(tokens, err);
    if (rc == SG_OK)
        *ret = sg_steal(tokens);
    return rc;
}

void sg_tokens_dismiss(struct sg_tokens *tokens)
{
    for (size_t i = 0; i < tokens->token_count; i++)
        sg_token_verbs(tokens->tokens[i])->release(tokens->tokens[i]);
    for (size_t i = 0; i < tokens->module_count; i++) {
        if (tokens->modules[i].verbs->dismiss)
            tokens->modules[i].verbs->dismiss(&tokens->modules[i]);
    }
}

void sg_tokens_free(struct sg_tokens *tokens)
{
    if (!tokens)
        return;
    for (size_t i = 0; i < tokens->token_count; i++)
        sg_token_free(tokens->tokens[i]);
    for (size_t i = 0; i < tokens->module_count; i++) {
        tokens->modules[i].verbs->stop(&tokens->modules[i]);
        free(tokens->modules[i].name);
    }
    if (tokens->configured)
        p11_kit_modules_release(tokens->configured);
    if (tokens->provider)
        (void)OSSL_PROVIDER_unload(tokens->provider);
    free(tokens->runtime);
    free(tokens->tokens);
    free(tokens->modules);
    free(tokens->host_program);
    (void)pthread_mutex_destroy(&tokens->list_lock);
    free(tokens);
}
