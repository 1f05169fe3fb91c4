#include <string.h>

#include "base/msg.h"
#include "pkcs11/verbs.h"

bool sg_token_is(const struct sg_token *token, const CK_TOKEN_INFO *info)
{
    return memcmp(token->token_info.label, info->label, sizeof info->label) == 0 &&
           memcmp(token->token_info.serialNumber, info->serialNumber, sizeof info->serialNumber) == 0;
}

const struct sg_token_info *sg_token_info(const struct sg_token *token)
{
    return &token->info;
}

static enum sg_pin_state pin_state(CK_FLAGS flags)
{
    if (flags & CKF_USER_PIN_LOCKED)
        return SG_PIN_LOCKED;
    if (!(flags & CKF_USER_PIN_INITIALIZED))
        return SG_PIN_NOT_SET;
    if (flags & CKF_USER_PIN_FINAL_TRY)
        return SG_PIN_FINAL_TRY;
    if (flags & CKF_USER_PIN_COUNT_LOW)
        return SG_PIN_COUNT_LOW;
    if (flags & CKF_USER_PIN_TO_BE_CHANGED)
        return SG_PIN_TO_BE_CHANGED;
    return SG_PIN_OK;
}

static enum sg_pin_state so_pin_state(CK_FLAGS flags)
{
    if (flags & CKF_SO_PIN_LOCKED)
        return SG_PIN_LOCKED;
    if (flags & CKF_SO_PIN_FINAL_TRY)
        return SG_PIN_FINAL_TRY;
    if (flags & CKF_SO_PIN_COUNT_LOW)
        return SG_PIN_COUNT_LOW;
    return flags & CKF_SO_PIN_TO_BE_CHANGED ? SG_PIN_TO_BE_CHANGED : SG_PIN_OK;
}

void sg_token_set_flags(struct sg_token *token, CK_FLAGS flags)
{
    token->token_info.flags = flags;
    token->info.seen_at = 0;
    token->info.initialized = flags & CKF_TOKEN_INITIALIZED;
    token->info.login_required = flags & CKF_LOGIN_REQUIRED;
    token->info.pin_pad = flags & CKF_PROTECTED_AUTHENTICATION_PATH;
    token->info.write_protected = flags & CKF_WRITE_PROTECTED;
    token->info.pin_state = pin_state(flags);
    token->info.so_pin_state = so_pin_state(flags);
}

/* A length that no PIN has says nothing; modules fill in zeros and CK_UNAVAILABLE_INFORMATION. */
static size_t pin_length(CK_ULONG len)
{
    return len <= SG_MAX_PIN ? len : 0;
}

void sg_token_interlock(const struct sg_token *token, enum sg_pin_role role, char out[SG_INTERLOCK_NAME])
{
    const CK_TOKEN_INFO *info = &token->token_info;
    sg_interlock_name((struct sg_slice){info->serialNumber, sizeof info->serialNumber},
                      (struct sg_slice){info->label, sizeof info->label}, token->slot, role, out);
}

void sg_token_gone(struct sg_token *token)
{
    char name[SG_INTERLOCK_NAME];
    struct sg_err err;
    token->info.present = false;
    /* One that cannot be taken out was overlooked: another process wrote to it just then (SoftHSM). */
    if (!(token->slot_info.flags & CKF_REMOVABLE_DEVICE) || !token->tokens->runtime)
        return;
    for (enum sg_pin_role role = SG_PIN_USER; role <= SG_PIN_SO; role++) {
        sg_token_interlock(token, role, name);
        if (sg_interlock_clear_named(token->tokens->runtime, name, &err) != SG_OK)
            sg_log(&token->tokens->log, SG_LOG_INFO, "%s", err.text); /* nothing more can be tried than before */
    }
}

static char *token_uri(const CK_TOKEN_INFO *info)
{
    _cleanup_(p11_kit_uri_freep) P11KitUri *uri = p11_kit_uri_new();
    char *text = NULL;
    if (!uri)
        return NULL;
    *p11_kit_uri_get_token_info(uri) = *info;
    return p11_kit_uri_format(uri, P11_KIT_URI_FOR_TOKEN, &text) == P11_KIT_URI_OK ? text : NULL;
}

static void free_texts(struct sg_token *token)
{
    struct sg_token_info *info = &token->info;
    free((char *)(uintptr_t)info->uri);
    free((char *)(uintptr_t)info->label);
    free((char *)(uintptr_t)info->manufacturer);
    free((char *)(uintptr_t)info->model);
    free((char *)(uintptr_t)info->serial);
    free((char *)(uintptr_t)info->slot_description);
    free(token->name);
}

static enum sg_rc make_texts(struct sg_token *token, struct sg_err *err)
{
    const CK_TOKEN_INFO *raw = &token->token_info;
    struct sg_token_info *info = &token->info;
    free_texts(token);
    token->name = NULL;
    info->module = sg_token_module(token)->name;
    info->uri = token_uri(raw);
    info->label = sg_safe_text(raw->label, sizeof raw->label);
    info->manufacturer = sg_safe_text(raw->manufacturerID, sizeof raw->manufacturerID);
    info->model = sg_safe_text(raw->model, sizeof raw->model);
    info->serial = sg_safe_text(raw->serialNumber, sizeof raw->serialNumber);
    info->slot_description = sg_safe_text(token->slot_info.slotDescription, sizeof token->slot_info.slotDescription);
    if (!info->uri || !info->label || !info->manufacturer || !info->model || !info->serial || !info->slot_description)
        return sg_fail_memory(err);
    if (asprintf(&token->name, "%s (%s)", info->label, info->serial) < 0) {
        token->name = NULL;
        return sg_fail_memory(err);
    }
    return SG_OK;
}

enum sg_rc sg_token_set_info(struct sg_token *token, const CK_TOKEN_INFO *info, struct sg_err *err)
{
    token->token_info = *info;
    token->info.hardware_version[0] = info->hardwareVersion.major;
    token->info.hardware_version[1] = info->hardwareVersion.minor;
    token->info.firmware_version[0] = info->firmwareVersion.major;
    token->info.firmware_version[1] = info->firmwareVersion.minor;
    token->info.min_pin = pin_length(info->ulMinPinLen);
    token->info.max_pin = pin_length(info->ulMaxPinLen);
    sg_token_set_flags(token, info->flags);
    return make_texts(token, err);
}

enum sg_rc sg_token_new(struct sg_tokens *tokens, size_t module, CK_SLOT_ID slot, const CK_SLOT_INFO *slot_info,
                        const CK_TOKEN_INFO *token_info, struct sg_token **ret, struct sg_err *err)
{
    struct sg_token *token = calloc(1, sizeof *token);
    if (!token)
        return sg_fail_memory(err);
    if (!sg_sessions_init(&token->sessions)) {
        free(token);
        return sg_fail_memory(err);
    }
    if (pthread_mutex_init(&token->reauthentication, NULL) != 0) {
        sg_sessions_destroy(&token->sessions);
        free(token);
        return sg_fail_memory(err);
    }
    token->tokens = tokens;
    token->module = module;
    if (sg_token_module(token)->one_session)
        token->sessions.limit = 1;
    token->slot = slot;
    token->slot_info = *slot_info;
    enum sg_rc rc = sg_token_set_info(token, token_info, err);
    if (rc != SG_OK) {
        sg_token_free(token);
        return rc;
    }
    *ret = token;
    return SG_OK;
}

void sg_token_free(struct sg_token *token)
{
    if (!token)
        return;
    sg_token_verbs(token)->release(token);
    sg_secret_free(token->pin);
    (void)pthread_mutex_destroy(&token->reauthentication);
    sg_sessions_destroy(&token->sessions);
    free_texts(token);
    free(token->mechanisms);
    free(token);
}

/* --- mechanisms -------------------------------------------------------------------------------------------------- */

bool sg_token_has_mechanism(struct sg_token *token, CK_MECHANISM_TYPE mechanism)
{
    if (!token->mechanisms_known) {
        if (sg_token_verbs(token)->mechanisms(token, &token->mechanisms, &token->mechanism_count, NULL) != SG_OK)
            token->mechanism_count = 0;
        token->mechanisms_known = true;
    }
    for (size_t i = 0; i < token->mechanism_count; i++) {
        if (token->mechanisms[i] == mechanism)
            return true;
    }
    return token->mechanism_count == 0;
}
