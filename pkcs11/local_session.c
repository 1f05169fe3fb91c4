#include "base/msg.h"
#include "pkcs11/local.h"

bool sg_sessions_init(struct sg_sessions *sessions)
{
    sessions->limit = SG_MAX_THREADS;
    if (pthread_mutex_init(&sessions->lock, NULL) != 0)
        return false;
    if (pthread_cond_init(&sessions->released, NULL) != 0) {
        (void)pthread_mutex_destroy(&sessions->lock);
        return false;
    }
    return true;
}

void sg_sessions_destroy(struct sg_sessions *sessions)
{
    (void)pthread_cond_destroy(&sessions->released);
    (void)pthread_mutex_destroy(&sessions->lock);
}

/* Waits for or makes room for a session. SG_OK with *ret_idle: an open one was taken; without: one is to be opened. */
static void reserve(struct sg_sessions *s, CK_SESSION_HANDLE *ret, bool *ret_idle)
{
    (void)pthread_mutex_lock(&s->lock);
    while (s->idle_count == 0 && s->open_count >= s->limit) {
        sg_call_waits();
        (void)pthread_cond_wait(&s->released, &s->lock);
    }
    sg_call_begins();
    *ret_idle = s->idle_count > 0;
    if (*ret_idle)
        *ret = s->idle[--s->idle_count];
    else
        s->open_count++;
    (void)pthread_mutex_unlock(&s->lock);
}

/* A reserved session that did not come to be. True if the token serves only as many as are open, so that waiting for
 * one of those makes sense. */
static bool give_back(struct sg_sessions *s, CK_RV rv)
{
    (void)pthread_mutex_lock(&s->lock);
    s->open_count--;
    bool wait = rv == CKR_SESSION_COUNT && s->open_count > 0;
    if (wait)
        s->limit = s->open_count;
    (void)pthread_cond_signal(&s->released);
    (void)pthread_mutex_unlock(&s->lock);
    return wait;
}

enum sg_rc sg_session_acquire(struct sg_token *token, CK_SESSION_HANDLE *ret, struct sg_err *err)
{
    for (;;) {
        CK_SESSION_HANDLE session = 0;
        bool idle = false;
        reserve(&token->sessions, &session, &idle);
        CK_RV rv =
            idle ? CKR_OK
                 : sg_token_functions(token)->C_OpenSession(token->slot, CKF_SERIAL_SESSION, NULL, NULL, &session);
        if (rv == CKR_OK) {
            *ret = session;
            return SG_OK;
        }
        if (!give_back(&token->sessions, rv))
            return sg_local_fail(token, rv, _("The token cannot be opened"), err);
    }
}

void sg_session_release(struct sg_token *token, CK_SESSION_HANDLE session, bool reusable)
{
    struct sg_sessions *s = &token->sessions;
    if (!reusable)
        (void)sg_token_functions(token)->C_CloseSession(session);

    (void)pthread_mutex_lock(&s->lock);
    if (reusable)
        s->idle[s->idle_count++] = session;
    else
        s->open_count--;
    (void)pthread_cond_signal(&s->released);
    (void)pthread_mutex_unlock(&s->lock);
}

void sg_sessions_close_idle(struct sg_token *token)
{
    struct sg_sessions *s = &token->sessions;
    while (s->idle_count > 0) {
        (void)sg_token_functions(token)->C_CloseSession(s->idle[--s->idle_count]);
        s->open_count--;
    }
}

void sg_sessions_forget(struct sg_token *token)
{
    token->sessions.open_count -= token->sessions.idle_count;
    token->sessions.idle_count = 0;
}

bool sg_sessions_in_use(struct sg_token *token)
{
    struct sg_sessions *s = &token->sessions;
    (void)pthread_mutex_lock(&s->lock);
    bool in_use = s->open_count > s->idle_count;
    (void)pthread_mutex_unlock(&s->lock);
    return in_use;
}
