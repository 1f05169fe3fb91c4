/* The verbs in this process: C_ functions of a module that was loaded here. Private to pkcs11/. */
#pragma once

#include <time.h>

#include "pkcs11/host.h"
#include "pkcs11/verbs.h"

/* --- the clock of the present call -------------------------------------------------------------------------------- */

/* In a host, where a thread of it writes when its present C_ call began (CLOCK_MONOTONIC, ns), for who waits with a
 * deadline. NULL in a process of our own. */
extern _Thread_local _Atomic int64_t *sg_call_clock;

static inline void sg_call_begins(void)
{
    struct timespec now;
    if (!sg_call_clock)
        return;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    atomic_store_explicit(sg_call_clock, (int64_t)now.tv_sec * 1000000000 + now.tv_nsec, memory_order_relaxed);
}

/* While it waits for another thread, whose call has a clock of its own. */
static inline void sg_call_waits(void)
{
    if (sg_call_clock)
        atomic_store_explicit(sg_call_clock, SG_CALL_WAITS, memory_order_relaxed);
}

/* What a call goes through: `sg_token_functions(token)->C_Sign(...)`, each time anew. */
static inline CK_FUNCTION_LIST *sg_module_functions(const struct sg_module *module)
{
    sg_call_begins();
    return module->f;
}
static inline CK_FUNCTION_LIST *sg_token_functions(const struct sg_token *token)
{
    return sg_module_functions(sg_token_module(token));
}

/* --- modules and tokens (local_module.c) -------------------------------------------------------------------------- */

SG_MUST_CHECK enum sg_rc sg_local_start(struct sg_tokens *tokens, struct sg_module *module, struct sg_err *err);
void sg_local_stop(struct sg_module *module);
/* Stops the module and starts it again, for one that missed a token or lost its reader (pcscd was restarted). False
 * while one of its tokens is in use, since logins and sessions would be lost, and where it does not start any more. Its
 * tokens are looked for in other slots, too: SoftHSM numbers them anew after C_InitToken. */
bool sg_local_restart(struct sg_tokens *tokens, struct sg_module *module);
SG_MUST_CHECK enum sg_rc sg_local_list(struct sg_tokens *tokens, struct sg_module *module, bool again,
                                       struct sg_err *err);
SG_MUST_CHECK enum sg_rc sg_local_state(struct sg_token *token, struct sg_token_state *ret, struct sg_err *err);
SG_MUST_CHECK enum sg_rc sg_local_mechanisms(struct sg_token *token, CK_MECHANISM_TYPE **ret, size_t *ret_count,
                                             struct sg_err *err);
/* sg_fail_ck() for a call that was about a token: one that is gone is why, whatever the module said. */
enum sg_rc sg_local_fail(struct sg_token *token, CK_RV rv, const char *what, struct sg_err *err);
void sg_local_release(struct sg_token *token);

/* --- sessions (local_session.c) ----------------------------------------------------------------------------------- */

SG_MUST_CHECK enum sg_rc sg_session_acquire(struct sg_token *token, CK_SESSION_HANDLE *ret, struct sg_err *err);
/* A session in which something failed is not used again: `reusable` false closes it. */
void sg_session_release(struct sg_token *token, CK_SESSION_HANDLE session, bool reusable);
void sg_sessions_close_idle(struct sg_token *token);
/* The module was restarted: its handles mean nothing any more. */
void sg_sessions_forget(struct sg_token *token);
bool sg_sessions_in_use(struct sg_token *token);

/* --- objects (local_object.c) ------------------------------------------------------------------------------------- */

#define SG_READ_AT_ONCE 12 /* the most attributes that sg_object_read() takes */

/* All objects that match, up to SG_MAX_OBJECTS. */
SG_MUST_CHECK enum sg_rc sg_objects_find(struct sg_token *token, CK_SESSION_HANDLE session, CK_ATTRIBUTE *match,
                                         CK_ULONG match_count, CK_OBJECT_HANDLE **ret, size_t *ret_count,
                                         struct sg_err *err);
/* Reads attributes; one that the object does not have or does not give is not `present`. */
SG_MUST_CHECK enum sg_rc sg_object_read(struct sg_token *token, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                                        struct sg_attribute *attributes, size_t count, struct sg_err *err);
void sg_attributes_clear(struct sg_attribute *attributes, size_t count); /* wipes, too */
bool sg_attribute_ulong(const struct sg_attribute *attribute, CK_ULONG *ret);
enum sg_tristate sg_attribute_bool(const struct sg_attribute *attribute);

/* --- keys (local_keys.c, local_inspect.c, local_sign.c, local_decrypt.c, local_provision.c) ------------------------
 */

SG_MUST_CHECK enum sg_rc sg_local_keys(struct sg_token *token, struct sg_slice id, struct sg_key_list *list,
                                       struct sg_err *err);
/* Only what their private objects tell: no certificates, no texts. */
SG_MUST_CHECK enum sg_rc sg_local_private_keys(struct sg_token *token, struct sg_slice id, struct sg_key_list *list,
                                               struct sg_err *err);
SG_MUST_CHECK enum sg_rc sg_local_certificates(struct sg_token *token, struct sg_slice subject, STACK_OF(X509) *certs,
                                               struct sg_err *err);
SG_MUST_CHECK enum sg_rc sg_local_inspect(struct sg_token_key *key, struct sg_err *err);
SG_MUST_CHECK enum sg_rc sg_local_login(struct sg_token *token, const struct sg_secret *pin, struct sg_err *err);
/* Opens a session (`flags`: CKF_RW_SESSION or 0) and logs in, with a bounded retry where SoftHSM's answer says nothing
 * of the PIN. */
SG_MUST_CHECK CK_RV sg_local_log_in(struct sg_token *token, CK_USER_TYPE user, CK_FLAGS flags,
                                    const struct sg_secret *pin, CK_SESSION_HANDLE *ret);
/* What its refusal means: SG_E_PIN_INCORRECT or SG_E_PIN_LOCKED if it was about the PIN. */
enum sg_rc sg_local_fail_login(struct sg_token *token, CK_USER_TYPE user, CK_RV rv, struct sg_err *err);
/* Between C_SignInit or C_DecryptInit and the operation itself, for a key with CKA_ALWAYS_AUTHENTICATE. */
SG_MUST_CHECK CK_RV sg_local_reauthenticate(struct sg_token *token, CK_SESSION_HANDLE session,
                                            const struct sg_secret *pin);
SG_MUST_CHECK enum sg_rc sg_local_sign(struct sg_token_key *key, const struct sg_sign_input *input, uint8_t *out,
                                       size_t *ret_len, struct sg_err *err);
SG_MUST_CHECK enum sg_rc sg_local_decrypt(struct sg_token_key *key, const struct sg_decrypt_input *input,
                                          struct sg_secret **ret, struct sg_err *err);
SG_MUST_CHECK enum sg_rc sg_local_provision(struct sg_token *token, const struct sg_provision *what,
                                            struct sg_err *err);
