#include "pkcs11/provision.h"

#include <string.h>

#include "pkcs11/cache.h"
#include "pkcs11/verbs.h"

static const char *const kinds[SG_KEY_KINDS] = {"rsa-2048", "rsa-3072", "rsa-4096", "p-256",
                                                "p-384",    "p-521",    "ed25519"};

const char *sg_key_kind_text(enum sg_key_kind kind)
{
    return kinds[kind];
}

bool sg_key_kind_parse(const char *text, enum sg_key_kind *ret)
{
    for (size_t i = 0; i < SG_KEY_KINDS; i++) {
        if (strcmp(kinds[i], text) == 0) {
            *ret = (enum sg_key_kind)i;
            return true;
        }
    }
    return false;
}

static enum sg_rc run(struct sg_token *token, const struct sg_provision *what, struct sg_err *err)
{
    sg_cache_outdate(token->tokens->runtime);
    enum sg_rc rc = sg_token_verbs(token)->provision(token, what, err);
    sg_cache_outdate(token->tokens->runtime);
    return rc;
}

/* The steps that a PIN is shown for. */
static enum sg_rc run_with_pin(struct sg_token *token, const struct sg_provision *what, struct sg_err *err)
{
    struct sg_pin_try try = {.token = token,
                             .role = what->step == SG_PROVISION_PIN ? SG_PIN_USER : SG_PIN_SO,
                             .pin = what->pin,
                             .origin = what->origin,
                             .changes = true};
    enum sg_rc rc = sg_pin_try_begin(&try, err);
    return rc == SG_OK ? sg_pin_try_end(&try, run(token, what, err), err) : rc;
}

enum sg_rc sg_token_provision(struct sg_token *token, const struct sg_provision *what, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    switch (what->step) {
    case SG_PROVISION_INIT: /* a blank token takes any SO PIN */
        rc = token->info.initialized ? run_with_pin(token, what, err) : run(token, what, err);
        return rc == SG_OK ? sg_token_pin_clear(token, err) : rc;
    case SG_PROVISION_UNBLOCK:
        rc = run_with_pin(token, what, err);
        return rc == SG_OK ? sg_token_pin_clear(token, err) : rc;
    case SG_PROVISION_PIN:
    case SG_PROVISION_SO_PIN:
        return run_with_pin(token, what, err);
    case SG_PROVISION_KEYGEN:
    case SG_PROVISION_IMPORT:
    case SG_PROVISION_DELETE:
    case SG_PROVISION_STEPS:
        break;
    }
    return run(token, what, err);
}
