#include <errno.h>
#include <limits.h>
#include <string.h>
#include <time.h>

#include "base/msg.h"
#include "pkcs11/internal.h"
#include "pkcs11/provider.h"

#define LOOK_AGAIN_PAUSE_MS 20
#define LIST_ATTEMPTS 3 /* slots may come between the two calls that list them */

/* --- loading ----------------------------------------------------------------------------------------------------- */

static enum sg_rc fail_module(struct sg_err *err, enum sg_rc rc, const char *name, const char *text, const char *cause)
{
    (void)sg_fail(err, rc, "%s", text);
    sg_err_token(err, name);
    if (cause)
        sg_err_cause(err, "%s", cause);
    return rc;
}

/* A name without a slash is left to p11-kit, which looks in its own folder of modules. */
static enum sg_rc resolve(const char *path, char **ret, struct sg_err *err)
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

static bool is_loaded(const struct sg_tokens *tokens, const char *name)
{
    for (size_t i = 0; i < tokens->module_count; i++) {
        if (strcmp(tokens->modules[i].name, name) == 0)
            return true;
    }
    return false;
}

static enum sg_rc load_by_path(struct sg_tokens *tokens, const char *path, struct sg_err *err)
{
    _cleanup_(freep) char *name = NULL;
    enum sg_rc rc = resolve(path, &name, err);
    if (rc != SG_OK || is_loaded(tokens, name))
        return rc;
    CK_FUNCTION_LIST *f = p11_kit_module_load(name, 0);
    if (!f) {
        bool sought = strchr(name, '/') == NULL;
        return fail_module(err, sought ? SG_E_NO_MODULE : SG_E_MODULE_FAILED, name,
                           _("The PKCS#11 module does not load; check that it is one, and for this kind of machine."),
                           p11_kit_message());
    }
    tokens->modules[tokens->module_count++] = (struct sg_module){.f = f, .name = sg_steal(name), .by_path = true};
    return SG_OK;
}

/* Modules of trusted certificates (p11-kit-trust) hold no keys, but thousands of objects. */
static bool is_for_keys(CK_FUNCTION_LIST *f)
{
    return (p11_kit_module_get_flags(f) & P11_KIT_MODULE_TRUSTED) == 0;
}

static enum sg_rc load_configured(struct sg_tokens *tokens, struct sg_err *err)
{
    tokens->configured = p11_kit_modules_load(NULL, 0);
    if (!tokens->configured)
        return fail_module(err, SG_E_MODULE_FAILED, "p11-kit",
                           _("p11-kit's configured modules do not load; see p11-kit list-modules."), p11_kit_message());
    for (CK_FUNCTION_LIST **f = tokens->configured; *f; f++) {
        if (!is_for_keys(*f))
            continue;
        if (tokens->module_count >= SG_MAX_MODULES)
            return sg_fail(err, SG_E_LIMIT, _("More than %d PKCS#11 modules are configured."), SG_MAX_MODULES);
        char *p11_name = p11_kit_module_get_name(*f);
        char *name = p11_name ? sg_safe_text(p11_name, strlen(p11_name)) : strdup("?");
        free(p11_name);
        if (!name)
            return sg_fail_memory(err);
        tokens->modules[tokens->module_count++] = (struct sg_module){.f = *f, .name = name};
    }
    return SG_OK;
}

static enum sg_rc start(struct sg_module *module, const struct sg_log *log, struct sg_err *err)
{
    CK_RV rv = p11_kit_module_initialize(module->f);
    if (rv != CKR_OK) {
        (void)sg_fail_ck(err, rv, module->name, _("The PKCS#11 module does not start"));
        if (err)
            err->rc = SG_E_MODULE_FAILED;
        return SG_E_MODULE_FAILED;
    }
    module->initialized = true;
    CK_INFO info = {0};
    module->softhsm = module->f->C_GetInfo(&info) == CKR_OK && memcmp(info.manufacturerID, "SoftHSM", 7) == 0;
    int len = sizeof info.manufacturerID;
    while (len > 0 && (info.manufacturerID[len - 1] == ' ' || info.manufacturerID[len - 1] == '\0'))
        len--;
    sg_log(log, SG_LOG_INFO, _("Module %s, made by %.*s"), module->name, len, (const char *)info.manufacturerID);
    return SG_OK;
}

/* --- listing ----------------------------------------------------------------------------------------------------- */

static enum sg_rc list_slots(struct sg_module *module, CK_SLOT_ID **ret, CK_ULONG *ret_count, struct sg_err *err)
{
    CK_RV rv = CKR_OK;
    for (int attempt = 0; attempt < LIST_ATTEMPTS; attempt++) {
        CK_ULONG count = 0, room = 0;
        rv = module->f->C_GetSlotList(CK_TRUE, NULL, &count);
        if (rv != CKR_OK)
            break;
        if (count > SG_MAX_SLOTS)
            return fail_module(err, SG_E_LIMIT, module->name, _("The PKCS#11 module lists too many slots."), NULL);
        _cleanup_(freep) CK_SLOT_ID *slots = calloc(count + 1, sizeof *slots);
        if (!slots)
            return sg_fail_memory(err);
        room = count;
        rv = count > 0 ? module->f->C_GetSlotList(CK_TRUE, slots, &count) : CKR_OK;
        if (rv == CKR_OK && count <= room) {
            *ret = sg_steal(slots);
            *ret_count = count;
            return SG_OK;
        }
        if (rv == CKR_OK)
            rv = CKR_BUFFER_TOO_SMALL;
        if (rv != CKR_BUFFER_TOO_SMALL)
            break;
    }
    return sg_fail_ck(err, rv, module->name, _("The PKCS#11 module does not list its tokens"));
}

static struct sg_token *known_token(const struct sg_tokens *tokens, size_t module, CK_SLOT_ID slot,
                                    const CK_TOKEN_INFO *info)
{
    for (size_t i = 0; i < tokens->token_count; i++) {
        struct sg_token *token = tokens->tokens[i];
        if (token->module == module && token->slot == slot &&
            memcmp(token->token_info.label, info->label, sizeof info->label) == 0 &&
            memcmp(token->token_info.serialNumber, info->serialNumber, sizeof info->serialNumber) == 0)
            return token;
    }
    return NULL;
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

static enum sg_rc list_slot(struct sg_tokens *tokens, struct sg_module *module, CK_SLOT_ID slot, struct sg_err *err)
{
    CK_SLOT_INFO slot_info = {0};
    CK_TOKEN_INFO token_info = {0};
    CK_RV rv = module->f->C_GetSlotInfo(slot, &slot_info);
    if (rv == CKR_OK)
        rv = module->f->C_GetTokenInfo(slot, &token_info);
    if (rv != CKR_OK) {
        const char *name = sg_ck_name(rv);
        sg_log(&tokens->log, SG_LOG_WARNING, _("A token of %s does not answer and is left out: %s (0x%lx)."),
               module->name, name ? name : "?", rv);
        return SG_OK;
    }

    size_t index = (size_t)(module - tokens->modules);
    struct sg_token *known = known_token(tokens, index, slot, &token_info);
    if (known) {
        sg_token_update(known, &token_info);
        return SG_OK;
    }
    _cleanup_(sg_token_freep) struct sg_token *token = NULL;
    enum sg_rc rc = sg_token_new(tokens, index, slot, &slot_info, &token_info, &token, err);
    if (rc == SG_OK)
        rc = add_token(tokens, token, err);
    if (rc != SG_OK)
        return rc;
    if (token->info.initialized)
        sg_log(&tokens->log, SG_LOG_INFO, _("Token %s (serial %s)"), token->info.label, token->info.serial);
    token = NULL;
    return SG_OK;
}

enum sg_rc sg_module_list(struct sg_tokens *tokens, struct sg_module *module, struct sg_err *err)
{
    _cleanup_(freep) CK_SLOT_ID *slots = NULL;
    CK_ULONG count = 0;
    enum sg_rc rc = list_slots(module, &slots, &count, err);
    for (CK_ULONG i = 0; rc == SG_OK && i < count; i++)
        rc = list_slot(tokens, module, slots[i], err);
    return rc;
}

void sg_module_restart(struct sg_tokens *tokens, struct sg_module *module)
{
    size_t index = (size_t)(module - tokens->modules);
    for (size_t i = 0; i < tokens->token_count; i++) {
        struct sg_token *token = tokens->tokens[i];
        if (token->module == index && (token->logged_in || sg_sessions_in_use(token)))
            return;
    }
    for (size_t i = 0; i < tokens->token_count; i++) {
        if (tokens->tokens[i]->module == index)
            sg_sessions_forget(tokens->tokens[i]);
    }
    (void)p11_kit_module_finalize(module->f);
    module->initialized = p11_kit_module_initialize(module->f) == CKR_OK;
}

void sg_pause_ms(long ms)
{
    const struct timespec pause = {.tv_nsec = ms * 1000000};
    (void)nanosleep(&pause, NULL);
}

enum sg_rc sg_tokens_look_again(struct sg_tokens *tokens, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    for (size_t i = 0; rc == SG_OK && i < tokens->module_count; i++) {
        struct sg_module *module = &tokens->modules[i];
        if (!module->softhsm || !module->initialized)
            continue;
        sg_pause_ms(LOOK_AGAIN_PAUSE_MS);
        sg_module_restart(tokens, module);
        rc = sg_module_list(tokens, module, err);
    }
    return rc;
}

/* --- all together ------------------------------------------------------------------------------------------------ */

static enum sg_rc load(struct sg_tokens *tokens, const struct sg_tokens_options *options, struct sg_err *err)
{
    tokens->modules = calloc(SG_MAX_MODULES, sizeof *tokens->modules);
    if (!tokens->modules)
        return sg_fail_memory(err);
    if (options->module_count > SG_MAX_MODULES)
        return sg_fail(err, SG_E_LIMIT, _("More than %d PKCS#11 modules are named."), SG_MAX_MODULES);
    if (options->module_count == 0)
        return load_configured(tokens, err);
    enum sg_rc rc = SG_OK;
    for (size_t i = 0; rc == SG_OK && i < options->module_count; i++)
        rc = load_by_path(tokens, options->modules[i], err);
    return rc;
}

/* Of p11-kit's modules, one that fails does not stand in the way of the others. */
static enum sg_rc start_all(struct sg_tokens *tokens, struct sg_err *err)
{
    struct sg_err failure = {0};
    size_t started = 0;
    for (size_t i = 0; i < tokens->module_count; i++) {
        struct sg_module *module = &tokens->modules[i];
        enum sg_rc rc = start(module, &tokens->log, &failure);
        if (rc == SG_OK)
            rc = sg_module_list(tokens, module, &failure);
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

enum sg_rc sg_tokens_open(const struct sg_tokens_options *options, struct sg_tokens **ret, struct sg_err *err)
{
    p11_kit_be_quiet();
    _cleanup_(sg_tokens_freep) struct sg_tokens *tokens = calloc(1, sizeof *tokens);
    if (!tokens)
        return sg_fail_memory(err);
    tokens->libctx = options->libctx;
    if (options->log)
        tokens->log = *options->log;

    enum sg_rc rc = sg_provider_load(tokens->libctx, &tokens->provider, err);
    if (rc == SG_OK)
        rc = load(tokens, options, err);
    if (rc == SG_OK)
        rc = start_all(tokens, err);
    if (rc == SG_OK)
        *ret = sg_steal(tokens);
    return rc;
}

void sg_tokens_free(struct sg_tokens *tokens)
{
    if (!tokens)
        return;
    for (size_t i = 0; i < tokens->token_count; i++)
        sg_token_free(tokens->tokens[i]);
    for (size_t i = 0; i < tokens->module_count; i++) {
        struct sg_module *module = &tokens->modules[i];
        if (module->initialized)
            (void)p11_kit_module_finalize(module->f);
        if (module->by_path)
            p11_kit_module_release(module->f);
        free(module->name);
    }
    if (tokens->configured)
        p11_kit_modules_release(tokens->configured);
    if (tokens->provider)
        (void)OSSL_PROVIDER_unload(tokens->provider);
    free(tokens->tokens);
    free(tokens->modules);
    free(tokens);
}

size_t sg_tokens_count(const struct sg_tokens *tokens)
{
    return tokens->token_count;
}

struct sg_token *sg_tokens_get(const struct sg_tokens *tokens, size_t index)
{
    return index < tokens->token_count ? tokens->tokens[index] : NULL;
}
