/* Modules in this process: loading, starting, listing. */
#include <string.h>

#include "base/msg.h"
#include "pkcs11/local.h"

#define LOOK_AGAIN_PAUSE_MS 20
#define GONE_ATTEMPTS 10 /* of so many milliseconds */
#define GONE_PAUSE_MS 100
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

enum sg_rc sg_local_load(struct sg_tokens *tokens, const char *path, struct sg_err *err)
{
    _cleanup_(freep) char *name = NULL;
    enum sg_rc rc = sg_module_resolve(path, &name, err);
    if (rc != SG_OK || sg_module_known(tokens, name))
        return rc;
    CK_FUNCTION_LIST *f = p11_kit_module_load(name, 0);
    if (!f) {
        bool sought = strchr(name, '/') == NULL;
        return fail_module(err, sought ? SG_E_NO_MODULE : SG_E_MODULE_FAILED, name,
                           _("The PKCS#11 module does not load; check that it is one, and for this kind of machine."),
                           p11_kit_message());
    }
    tokens->modules[tokens->module_count++] =
        (struct sg_module){.verbs = &sg_local_verbs, .f = f, .name = sg_steal(name), .by_path = true};
    return SG_OK;
}

/* Modules of trusted certificates (p11-kit-trust) hold no keys, but thousands of objects. */
static bool is_for_keys(CK_FUNCTION_LIST *f)
{
    return (p11_kit_module_get_flags(f) & P11_KIT_MODULE_TRUSTED) == 0;
}

enum sg_rc sg_local_load_configured(struct sg_tokens *tokens, struct sg_err *err)
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
        tokens->modules[tokens->module_count++] = (struct sg_module){.verbs = &sg_local_verbs, .f = *f, .name = name};
    }
    return SG_OK;
}

enum sg_rc sg_local_start(struct sg_tokens *tokens, struct sg_module *module, struct sg_err *err)
{
    sg_call_begins();
    CK_RV rv = p11_kit_module_initialize(module->f);
    if (rv != CKR_OK) {
        (void)sg_fail_ck(err, rv, module->name, _("The PKCS#11 module does not start"));
        if (err)
            err->rc = SG_E_MODULE_FAILED;
        return SG_E_MODULE_FAILED;
    }
    module->started = true;
    CK_INFO about = {0};
    if (sg_module_functions(module)->C_GetInfo(&about) == CKR_OK)
        sg_module_recognise(tokens, module, &about);
    return SG_OK;
}

void sg_local_stop(struct sg_module *module)
{
    sg_call_begins();
    if (module->started)
        (void)p11_kit_module_finalize(module->f);
    if (module->by_path)
        p11_kit_module_release(module->f);
}

/* --- slots ------------------------------------------------------------------------------------------------------- */

static enum sg_rc list_slots(struct sg_module *module, CK_SLOT_ID **ret, CK_ULONG *ret_count, struct sg_err *err)
{
    CK_RV rv = CKR_OK;
    for (int attempt = 0; attempt < LIST_ATTEMPTS; attempt++) {
        CK_ULONG count = 0, room = 0;
        rv = sg_module_functions(module)->C_GetSlotList(CK_TRUE, NULL, &count);
        if (rv != CKR_OK)
            break;
        if (count > SG_MAX_SLOTS)
            return fail_module(err, SG_E_LIMIT, module->name, _("The PKCS#11 module lists too many slots."), NULL);
        _cleanup_(freep) CK_SLOT_ID *slots = calloc(count + 1, sizeof *slots);
        if (!slots)
            return sg_fail_memory(err);
        room = count;
        rv = count > 0 ? sg_module_functions(module)->C_GetSlotList(CK_TRUE, slots, &count) : CKR_OK;
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

/* --- starting again ----------------------------------------------------------------------------------------------- */

/* Where a token is now, if its slot has another one or none. */
static void find_slot_of(struct sg_token *token, const CK_SLOT_ID *slots, CK_ULONG count)
{
    CK_TOKEN_INFO info = {0};
    if (sg_token_functions(token)->C_GetTokenInfo(token->slot, &info) == CKR_OK && sg_token_is(token, &info))
        return;
    for (CK_ULONG i = 0; i < count; i++) {
        if (sg_token_functions(token)->C_GetTokenInfo(slots[i], &info) != CKR_OK || !sg_token_is(token, &info))
            continue;
        token->slot = slots[i];
        return;
    }
}

static void find_slots(struct sg_tokens *tokens, struct sg_module *module)
{
    _cleanup_(freep) CK_SLOT_ID *slots = NULL;
    CK_ULONG count = 0;
    if (list_slots(module, &slots, &count, NULL) != SG_OK)
        return;
    for (size_t i = 0; i < tokens->token_count; i++) {
        struct sg_token *token = tokens->tokens[i];
        if (sg_token_module(token) == module && token->info.initialized && token->info.present)
            find_slot_of(token, slots, count);
    }
}

bool sg_local_restart(struct sg_tokens *tokens, struct sg_module *module)
{
    for (size_t i = 0; i < tokens->token_count; i++) {
        struct sg_token *token = tokens->tokens[i];
        if (sg_token_module(token) == module && (token->logged_in || sg_sessions_in_use(token)))
            return false;
    }
    for (size_t i = 0; i < tokens->token_count; i++) {
        if (sg_token_module(tokens->tokens[i]) == module)
            sg_sessions_forget(tokens->tokens[i]);
    }
    sg_call_begins();
    (void)p11_kit_module_finalize(module->f);
    sg_call_begins();
    module->started = p11_kit_module_initialize(module->f) == CKR_OK;
    if (module->started)
        find_slots(tokens, module);
    return module->started;
}

/* --- listing ----------------------------------------------------------------------------------------------------- */

static enum sg_rc list_slot(struct sg_tokens *tokens, struct sg_module *module, CK_SLOT_ID slot, bool *ret_left_out,
                            struct sg_err *err)
{
    CK_SLOT_INFO slot_info = {0};
    CK_TOKEN_INFO token_info = {0};
    struct sg_token *token = NULL;
    CK_RV rv = sg_module_functions(module)->C_GetSlotInfo(slot, &slot_info);
    if (rv == CKR_OK)
        rv = sg_module_functions(module)->C_GetTokenInfo(slot, &token_info);
    if (rv != CKR_OK) {
        const char *name = sg_ck_name(rv);
        sg_log(&tokens->log, SG_LOG_WARNING, _("A token of %s does not answer and is left out: %s (0x%lx)."),
               module->name, name ? name : "?", rv);
        *ret_left_out = true;
        return SG_OK;
    }
    return sg_tokens_list(tokens, module, slot, &slot_info, &token_info, &token, err);
}

static enum sg_rc list_all(struct sg_tokens *tokens, struct sg_module *module, bool *ret_left_out, struct sg_err *err)
{
    _cleanup_(freep) CK_SLOT_ID *slots = NULL;
    CK_ULONG count = 0;
    *ret_left_out = false;
    enum sg_rc rc = list_slots(module, &slots, &count, err);
    if (rc == SG_OK)
        sg_tokens_unlist(tokens, module);
    for (CK_ULONG i = 0; rc == SG_OK && i < count; i++)
        rc = list_slot(tokens, module, slots[i], ret_left_out, err);
    return rc;
}

/* SoftHSM goes on not to see a token whose file another process was writing when it looked. */
enum sg_rc sg_local_list(struct sg_tokens *tokens, struct sg_module *module, bool again, struct sg_err *err)
{
    bool left_out = false;
    if (again) {
        sg_pause_ms(LOOK_AGAIN_PAUSE_MS);
        (void)sg_local_restart(tokens, module);
    }
    enum sg_rc rc = list_all(tokens, module, &left_out, err);
    if ((rc != SG_OK || (left_out && module->softhsm)) && !again && sg_local_restart(tokens, module))
        rc = list_all(tokens, module, &left_out, err);
    sg_tokens_list_end(tokens, module, rc == SG_OK);
    return rc;
}

/* --- one token ---------------------------------------------------------------------------------------------------- */

enum sg_rc sg_local_state(struct sg_token *token, struct sg_token_state *ret, struct sg_err *err)
{
    CK_SLOT_INFO slot = {0};
    CK_TOKEN_INFO info = {0};
    CK_RV rv = sg_token_functions(token)->C_GetSlotInfo(token->slot, &slot);
    bool present = rv == CKR_OK && (slot.flags & CKF_TOKEN_PRESENT);
    if (present)
        rv = sg_token_functions(token)->C_GetTokenInfo(token->slot, &info);
    switch (rv) {
    case CKR_OK:
        *ret = (struct sg_token_state){.present = present && sg_token_is(token, &info), .flags = info.flags};
        return SG_OK;
    case CKR_SLOT_ID_INVALID:
    case CKR_TOKEN_NOT_PRESENT:
    case CKR_TOKEN_NOT_RECOGNIZED:
    case CKR_DEVICE_REMOVED:
        *ret = (struct sg_token_state){.present = false};
        return SG_OK;
    default:
        return sg_fail_ck(err, rv, token->name, _("The token does not answer"));
    }
}

enum sg_rc sg_local_mechanisms(struct sg_token *token, CK_MECHANISM_TYPE **ret, size_t *ret_count, struct sg_err *err)
{
    CK_ULONG count = 0;
    CK_RV rv = sg_token_functions(token)->C_GetMechanismList(token->slot, NULL, &count);
    if (rv == CKR_OK && count > SG_MAX_MECHANISMS)
        return fail_module(err, SG_E_LIMIT, token->name, _("The token lists too many mechanisms."), NULL);
    if (rv == CKR_OK) {
        CK_ULONG room = count;
        _cleanup_(freep) CK_MECHANISM_TYPE *list = calloc(room + 1, sizeof *list);
        if (!list)
            return sg_fail_memory(err);
        rv = count > 0 ? sg_token_functions(token)->C_GetMechanismList(token->slot, list, &count) : CKR_OK;
        if (rv == CKR_OK && count <= room) {
            *ret = sg_steal(list);
            *ret_count = count;
            return SG_OK;
        }
    }
    return sg_fail_ck(err, rv == CKR_OK ? CKR_BUFFER_TOO_SMALL : rv, token->name,
                      _("The token does not list its mechanisms"));
}

/* pcscd looks after its readers every 0.4 s, and until it has noticed that a card is gone, OpenSC 0.23 says that it is
 * there, or comes to no end (C_GetTokenInfo): so the reader is asked first, for a while. */
static bool is_gone(struct sg_token *token)
{
    struct sg_token_state state = {.present = true};
    CK_SLOT_INFO slot = {0};
    bool removable = token->slot_info.flags & CKF_REMOVABLE_DEVICE;
    for (int i = 0; removable && i < GONE_ATTEMPTS; i++) {
        CK_RV rv = sg_token_functions(token)->C_GetSlotInfo(token->slot, &slot);
        if (rv == CKR_SLOT_ID_INVALID || (rv == CKR_OK && !(slot.flags & CKF_TOKEN_PRESENT)))
            return true;
        sg_pause_ms(GONE_PAUSE_MS);
    }
    return sg_local_state(token, &state, NULL) == SG_OK && !state.present;
}

/* After a call failed: a token that is gone is why, whatever the module said (OpenSC says CKR_GENERAL_ERROR when the
 * card is pulled while it signs). */
enum sg_rc sg_local_fail(struct sg_token *token, CK_RV rv, const char *what, struct sg_err *err)
{
    enum sg_rc rc = sg_fail_ck(err, rv, token->name, what);
    if (rc != SG_E_TOKEN_FAILED && rc != SG_E_MODULE_FAILED && rc != SG_E_NO_TOKEN && rc != SG_E_PIN_REQUIRED)
        return rc;
    if (!is_gone(token))
        return rc;
    const char *name = sg_ck_name(rv);
    (void)sg_fail(err, SG_E_NO_TOKEN, _("%s: the token was taken out; insert it again and repeat the command."), what);
    sg_err_token(err, token->name);
    sg_err_cause(err, "%s (0x%lx)", name ? name : "?", rv);
    return SG_E_NO_TOKEN;
}

void sg_local_release(struct sg_token *token)
{
    sg_sessions_close_idle(token);
    if (token->logged_in) {
        (void)sg_token_functions(token)->C_Logout(token->login_session);
        (void)sg_token_functions(token)->C_CloseSession(token->login_session);
    }
    token->logged_in = false;
}
