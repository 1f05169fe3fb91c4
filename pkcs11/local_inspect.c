/* After login: which object on the token is the private key, what the token says of it, and whether it keeps it. */
#include <string.h>

#include "base/msg.h"
#include "pkcs11/local.h"

static enum sg_rc fail_key(const struct sg_token_key *key, struct sg_err *err, enum sg_rc rc, const char *text)
{
    (void)sg_fail(err, rc, _("The key “%s” (id %s): %s."), key->info.label, key->info.id, text);
    sg_err_token(err, key->token->name);
    return rc;
}

/* Finds the private key among those that the token shows now that we are logged in. It is this key if its public
 * part is; where the token shows no public part (EC), CKA_ID and type decide, and the first signature proves it. */
static bool is_this_key(const struct sg_token_key *key, const struct sg_token_key *other)
{
    if (!other->info.private_seen || strcmp(key->info.type, other->info.type) != 0)
        return false;
    if (key->pub && other->pub)
        return sg_pubkey_same(key->pub, other->pub);
    return key->id_len > 0 && key->id_len == other->id_len && memcmp(key->id, other->id, key->id_len) == 0;
}

static enum sg_rc find_private(struct sg_token_key *key, struct sg_err *err)
{
    _cleanup_(sg_key_list_freep) struct sg_key_list *list = calloc(1, sizeof *list);
    if (!list)
        return sg_fail_memory(err);
    enum sg_rc rc = sg_local_private_keys(key->token, (struct sg_slice){key->id, key->id_len}, list, err);
    if (rc != SG_OK)
        return rc;
    struct sg_token_key *found = NULL;
    for (size_t i = 0; i < list->count; i++) {
        if (!is_this_key(key, list->keys[i]))
            continue;
        if (found)
            return fail_key(key, err, SG_E_KEY_AMBIGUOUS,
                            _("the token has several such private keys that cannot be told apart; delete what is not "
                              "needed, or give them different ids"));
        found = list->keys[i];
    }
    if (!found)
        return fail_key(key, err, SG_E_NO_KEY,
                        _("the token has no private key for this certificate; choose another key"));
    key->handle = found->handle;
    key->info.private_seen = true;
    return SG_OK;
}

/* --- attributes -------------------------------------------------------------------------------------------------- */

static bool only_pss(const struct sg_attribute *allowed)
{
    static const CK_MECHANISM_TYPE pss[] = {CKM_RSA_PKCS_PSS,        CKM_SHA256_RSA_PKCS_PSS, CKM_SHA384_RSA_PKCS_PSS,
                                            CKM_SHA512_RSA_PKCS_PSS, CKM_SHA1_RSA_PKCS_PSS,   CKM_SHA224_RSA_PKCS_PSS};
    size_t count = allowed->present ? allowed->len / sizeof(CK_MECHANISM_TYPE) : 0;
    for (size_t i = 0; i < count; i++) {
        CK_MECHANISM_TYPE mechanism = 0;
        memcpy(&mechanism, allowed->data + i * sizeof mechanism, sizeof mechanism);
        bool known = false;
        for (size_t j = 0; j < sizeof pss / sizeof *pss; j++)
            known = known || pss[j] == mechanism;
        if (!known)
            return false;
    }
    return count > 0;
}

static enum sg_rc read_attributes(struct sg_token_key *key, CK_SESSION_HANDLE session, struct sg_err *err)
{
    enum {
        SENSITIVE,
        EXTRACTABLE,
        ALWAYS,
        NEVER,
        LOCAL,
        SIGN,
        DECRYPT,
        UNWRAP,
        DERIVE,
        REAUTHENTICATE,
        ALLOWED,
        COUNT
    };
    struct sg_attribute at[COUNT] = {[SENSITIVE] = {.type = CKA_SENSITIVE},
                                     [EXTRACTABLE] = {.type = CKA_EXTRACTABLE},
                                     [ALWAYS] = {.type = CKA_ALWAYS_SENSITIVE},
                                     [NEVER] = {.type = CKA_NEVER_EXTRACTABLE},
                                     [LOCAL] = {.type = CKA_LOCAL},
                                     [SIGN] = {.type = CKA_SIGN},
                                     [DECRYPT] = {.type = CKA_DECRYPT},
                                     [UNWRAP] = {.type = CKA_UNWRAP},
                                     [DERIVE] = {.type = CKA_DERIVE},
                                     [REAUTHENTICATE] = {.type = CKA_ALWAYS_AUTHENTICATE},
                                     [ALLOWED] = {.type = CKA_ALLOWED_MECHANISMS}};
    enum sg_rc rc = sg_object_read(key->token, session, key->handle, at, COUNT, err);
    if (rc != SG_OK)
        return rc;
    key->info.attributes = (struct sg_key_attributes){.sensitive = sg_attribute_bool(&at[SENSITIVE]),
                                                      .extractable = sg_attribute_bool(&at[EXTRACTABLE]),
                                                      .always_sensitive = sg_attribute_bool(&at[ALWAYS]),
                                                      .never_extractable = sg_attribute_bool(&at[NEVER]),
                                                      .local = sg_attribute_bool(&at[LOCAL]),
                                                      .sign = sg_attribute_bool(&at[SIGN]),
                                                      .decrypt = sg_attribute_bool(&at[DECRYPT]),
                                                      .unwrap = sg_attribute_bool(&at[UNWRAP]),
                                                      .derive = sg_attribute_bool(&at[DERIVE]),
                                                      .always_authenticate = sg_attribute_bool(&at[REAUTHENTICATE])};
    if (only_pss(&at[ALLOWED]))
        key->info.pss_only = true;
    sg_attributes_clear(at, COUNT);
    return SG_OK;
}

/* --- the private value ------------------------------------------------------------------------------------------- */

/* Tries to read one private attribute. What a module gives away goes into the secure heap and is wiped at once. Only an
 * answer that it is kept, or that there is no such value, counts as refused. */
static enum sg_rc try_value(struct sg_token_key *key, CK_SESSION_HANDLE session, CK_ATTRIBUTE_TYPE type,
                            struct sg_err *err)
{
    struct sg_secret *value = NULL;
    enum sg_rc rc = sg_secret_new(SG_MAX_SIGNATURE, &value, err);
    if (rc != SG_OK)
        return rc;
    CK_ATTRIBUTE attribute = {type, value->bytes, value->capacity};
    CK_RV rv = sg_token_functions(key->token)->C_GetAttributeValue(session, key->handle, &attribute, 1);
    sg_secret_free(value);

    bool kept = rv == CKR_ATTRIBUTE_SENSITIVE || rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_INFORMATION_SENSITIVE;
    bool nothing = rv == CKR_OK && (attribute.ulValueLen == 0 || attribute.ulValueLen == CK_UNAVAILABLE_INFORMATION);
    if (kept || nothing)
        return SG_OK;
    if (rv == CKR_OK || rv == CKR_BUFFER_TOO_SMALL)
        return fail_key(
            key, err, SG_E_CUSTODY,
            _("the token hands out its private value, so that it may be anywhere; do not use it, and make a new "
              "one on the token"));
    return sg_local_fail(key->token, rv, _("It cannot be seen whether the token keeps its private key"), err);
}

static enum sg_rc try_private_values(struct sg_token_key *key, CK_SESSION_HANDLE session, struct sg_err *err)
{
    static const CK_ATTRIBUTE_TYPE rsa[] = {CKA_PRIVATE_EXPONENT, CKA_PRIME_1, CKA_VALUE};
    static const CK_ATTRIBUTE_TYPE other[] = {CKA_VALUE};
    bool is_rsa = strcmp(key->info.type, "RSA") == 0;
    const CK_ATTRIBUTE_TYPE *types = is_rsa ? rsa : other;
    size_t count = is_rsa ? sizeof rsa / sizeof *rsa : sizeof other / sizeof *other;
    enum sg_rc rc = SG_OK;
    for (size_t i = 0; rc == SG_OK && i < count; i++)
        rc = try_value(key, session, types[i], err);
    return rc;
}

enum sg_rc sg_local_inspect(struct sg_token_key *key, struct sg_err *err)
{
    CK_SESSION_HANDLE session = 0;
    enum sg_rc rc = find_private(key, err);
    if (rc == SG_OK)
        rc = sg_session_acquire(key->token, &session, err);
    if (rc != SG_OK)
        return rc;
    rc = read_attributes(key, session, err);
    if (rc == SG_OK)
        rc = try_private_values(key, session, err);
    sg_session_release(key->token, session, rc == SG_OK || rc == SG_E_CUSTODY);
    return rc;
}
