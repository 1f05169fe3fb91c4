#include "pkcs11/provision.h"

#include <string.h>

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

enum sg_rc sg_token_provision(struct sg_token *token, const struct sg_provision *what, struct sg_err *err)
{
    return sg_token_verbs(token)->provision(token, what, err);
}
