/* Getting a PIN to a token: from --pin-fd, the key's URI, the reader's PIN pad, the terminal or pinentry, in this
 * order. A person who mistypes is asked again, as long as the token allows it. */
#pragma once

#include "cli/app.h"

/* What a PIN is for. */
struct sg_pin_use {
    struct sg_token *token;
    enum sg_pin_role role;
    int fd;               /* --pin-fd or --so-pin-fd; -1: none */
    const char *uri;      /* which may name a pin-source; NULL: none */
    const char *for_what; /* of the PIN: "PIN of the token A (serial 1)" */
    /* Gives it to the token. `pin` NULL: the PIN pad. */
    enum sg_rc (*send)(void *context, const struct sg_secret *pin, const struct sg_pin_origin *origin,
                       struct sg_err *err);
    void *context;
};

/* Gets the PIN and sends it. The last try is for who agrees in words, or gave --use-last-try. */
SG_MUST_CHECK enum sg_rc sg_app_send_pin(struct sg_app *app, const struct sg_pin_use *use, struct sg_err *err);

/* Logs the user in. A token that wants no login is left as it is. `uri` is what named the token or key; NULL: nothing.
 */
SG_MUST_CHECK enum sg_rc sg_app_login(struct sg_app *app, struct sg_token *token, const char *uri, struct sg_err *err);

/* A new PIN: from the descriptor (-1: none), on the PIN pad (NULL), or typed twice. Its length is what the token
 * takes. */
SG_MUST_CHECK enum sg_rc sg_app_new_pin(struct sg_app *app, const struct sg_token_info *info, int fd,
                                        const char *for_what, struct sg_secret **ret, struct sg_err *err);

/* Warnings of tries that were spent. */
const char *sg_few_tries_text(void);
void sg_warn_few_tries(const struct sg_voice *voice, const struct sg_token_info *info);
