/* What the commands that change a token share: the one token that is meant, logged in to, the store that records what
 * is done, and what an interrupted run has left behind. */
#pragma once

#include <jansson.h>

#include "base/crypto.h"
#include "cli/app.h"
#include "pkcs11/provision.h"
#include "pkcs11/token.h"
#include "store/store.h"

/* The initialised tokens that `uri` names, by the URI that `token list` prints or by one that fits a key; NULL: all.
 * None: SG_E_NO_TOKEN. The caller frees the list. */
SG_MUST_CHECK enum sg_rc sg_tokens_meant(struct sg_tokens *tokens, const char *uri, struct sg_token ***ret,
                                         size_t *ret_count, struct sg_err *err);

struct sg_token_work {
    struct sg_app *app;
    struct sg_store *store;
    struct sg_tokens *tokens;
    struct sg_token *token;
    const struct sg_token_info *info;
    json_t *interrupted; /* array: what an earlier run began and did not end, for this command's JSON */
};

/* Finds the one token that `uri` fits (NULL: the only one), refuses one that was retired, logs in, and settles what was
 * interrupted: the ledger gets its outcome, and the person is told in what state the token is. sg_token_work_clear()
 * also after a failure. */
SG_MUST_CHECK enum sg_rc sg_token_work_open(struct sg_app *app, const char *uri, struct sg_token_work *work,
                                            struct sg_err *err);
void sg_token_work_clear(struct sg_token_work *work);

/* The keys of the token, with `id` (hex) those that have it; NULL: all. */
SG_MUST_CHECK enum sg_rc sg_token_work_keys(const struct sg_token_work *work, const char *id, struct sg_key_list **ret,
                                            struct sg_err *err);

/* "EVENT-begun" before the token is asked. `id` is the key's CKA_ID in hex, `spki_sha256` "" where it is not known. */
SG_MUST_CHECK enum sg_rc sg_token_work_begin(const struct sg_token_work *work, const char *event,
                                             const char *spki_sha256, const char *id, const char *detail,
                                             struct sg_err *err);
/* The outcome: "EVENT", or "EVENT-failed" with the failure. */
SG_MUST_CHECK enum sg_rc sg_token_work_end(const struct sg_token_work *work, const char *event, const char *spki_sha256,
                                           const char *id, const char *detail, const struct sg_err *failure,
                                           struct sg_err *err);
/* Whether a failure tells that the token did nothing; else the ledger's entry stays open, and the next run looks. */
bool sg_token_work_did_nothing(enum sg_rc rc);

/* {"label", "serial"} */
json_t *sg_token_work_json(const struct sg_token_info *info);
