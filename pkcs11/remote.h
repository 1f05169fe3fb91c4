/* What remote.c, which has the verbs, and remote_host.c, which has the hosts, share. Private to pkcs11/. */
#pragma once

#include "pkcs11/host.h"
#include "pkcs11/messages.h"

/* One request: made for a token, filled in, performed, and cleared with what it was answered. */
struct sg_request {
    struct sg_tokens *tokens;
    struct sg_module *module;
    struct sg_token *token;   /* NULL: it is about the module */
    struct sg_token_key *key; /* NULL: it is about the token */
    enum sg_host_verb verb;
    unsigned generation; /* of the host that it goes to */
    int64_t limit_ms;
    struct sg_buf body;
    const struct sg_secret *secrets[SG_WIRE_SECRETS];

    struct sg_message answer;
    struct sg_fields out;
};

struct sg_request sg_request_about(struct sg_token *token, enum sg_host_verb verb);
void sg_request_clear(struct sg_request *request);
/* To the host that runs: sends it, and reads the outcome; what follows is left in `out`. */
SG_MUST_CHECK enum sg_rc sg_request_ask(struct sg_request *request, uint32_t subject, enum sg_exchange *ret_exchange,
                                        struct sg_err *err);
/* The same, and starts a host where none runs. One that had ended before is no reason to fail, unless a login went
 * with it. */
SG_MUST_CHECK enum sg_rc sg_request_perform(struct sg_request *request, struct sg_err *err);
/* The answer makes no sense. */
enum sg_rc sg_request_nonsense(const struct sg_request *request, struct sg_err *err);

/* An answer to KEYS, for the next program that lists this token. */
void sg_remote_keep_keys(struct sg_token *token, struct sg_slice answer);

SG_MUST_CHECK enum sg_rc sg_remote_start(struct sg_tokens *tokens, struct sg_module *module, struct sg_err *err);
void sg_remote_stop(struct sg_module *module);
void sg_remote_dismiss(struct sg_module *module);
SG_MUST_CHECK enum sg_rc sg_remote_list(struct sg_tokens *tokens, struct sg_module *module, bool again,
                                        struct sg_err *err);
