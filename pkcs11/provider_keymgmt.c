/* Key management: an EVP_PKEY of ours is a token's key. Its public part is an EVP_PKEY of `default`, which answers
 * whatever does not need the private one. */
#include <openssl/core_names.h>
#include <openssl/params.h>

#include "pkcs11/provider.h"

static void *keymgmt_new(void *context)
{
    (void)context;
    return calloc(1, sizeof(struct sg_provider_key));
}

static void keymgmt_free(void *data)
{
    struct sg_provider_key *k = data;
    if (k)
        sg_token_key_unref(k->key);
    free(k);
}

static void *keymgmt_dup(const void *data, int selection)
{
    const struct sg_provider_key *from = data;
    (void)selection;
    struct sg_provider_key *k = keymgmt_new(NULL);
    if (k && from->key)
        k->key = sg_token_key_ref(from->key);
    return k;
}

static int keymgmt_has(const void *data, int selection)
{
    const struct sg_provider_key *k = data;
    (void)selection;
    return k->key != NULL;
}

static int keymgmt_match(const void *a, const void *b, int selection)
{
    const struct sg_provider_key *x = a, *y = b;
    if (!x->key || !y->key)
        return 0;
    return selection & OSSL_KEYMGMT_SELECT_KEYPAIR ? EVP_PKEY_eq(x->key->pub, y->key->pub) == 1
                                                   : EVP_PKEY_parameters_eq(x->key->pub, y->key->pub) == 1;
}

/* Only from sg_token_key_open(): a foreign public key stays with its own provider, and comparing works the other way
 * round, by exporting ours. */
static int keymgmt_import(void *data, int selection, const OSSL_PARAM params[])
{
    struct sg_provider_key *k = data;
    const OSSL_PARAM *param = OSSL_PARAM_locate_const(params, SG_PARAM_KEY);
    const void *key = NULL;
    size_t used = 0;
    (void)selection;
    if (!param || k->key || !OSSL_PARAM_get_octet_ptr(param, &key, &used) || !key)
        return 0;
    k->key = sg_token_key_ref((struct sg_token_key *)(uintptr_t)key);
    return 1;
}

static const OSSL_PARAM *keymgmt_import_types(int selection)
{
    static const OSSL_PARAM types[] = {OSSL_PARAM_DEFN(SG_PARAM_KEY, OSSL_PARAM_OCTET_PTR, NULL, 0), OSSL_PARAM_END};
    (void)selection;
    return types;
}

/* Asked for the private part, too, this has to fail as a whole: OpenSSL would otherwise sign elsewhere with half a key.
 */
static int keymgmt_export(void *data, int selection, OSSL_CALLBACK *callback, void *argument)
{
    struct sg_provider_key *k = data;
    if (!k->key || selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY)
        return 0;
    return EVP_PKEY_export(k->key->pub, selection, callback, argument);
}

static const OSSL_PARAM *public_params(int selection)
{
    static const OSSL_PARAM params[] = {OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, NULL, 0),
                                        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, NULL, 0),
                                        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
                                        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0), OSSL_PARAM_END};
    return selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY ? NULL : params;
}

static int keymgmt_get_params(void *data, OSSL_PARAM params[])
{
    struct sg_provider_key *k = data;
    return k->key && EVP_PKEY_get_params(k->key->pub, params);
}

static const OSSL_PARAM *keymgmt_gettable_params(void *context)
{
    static const OSSL_PARAM params[] = {OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
                                        OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
                                        OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
                                        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, NULL, 0),
                                        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_MANDATORY_DIGEST, NULL, 0),
                                        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, NULL, 0),
                                        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, NULL, 0),
                                        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
                                        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
                                        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, NULL, 0),
                                        OSSL_PARAM_END};
    (void)context;
    return params;
}

static const char *rsa_operation(int operation)
{
    return operation == OSSL_OP_SIGNATURE ? "RSA" : NULL;
}

static const char *ec_operation(int operation)
{
    return operation == OSSL_OP_SIGNATURE ? "ECDSA" : NULL;
}

static const char *ed25519_operation(int operation)
{
    return operation == OSSL_OP_SIGNATURE ? "ED25519" : NULL;
}

#define KEYMGMT(name, operation_name)                                                                                  \
    const OSSL_DISPATCH name[] = {{OSSL_FUNC_KEYMGMT_NEW, (sg_function)keymgmt_new},                                   \
                                  {OSSL_FUNC_KEYMGMT_FREE, (sg_function)keymgmt_free},                                 \
                                  {OSSL_FUNC_KEYMGMT_DUP, (sg_function)keymgmt_dup},                                   \
                                  {OSSL_FUNC_KEYMGMT_HAS, (sg_function)keymgmt_has},                                   \
                                  {OSSL_FUNC_KEYMGMT_MATCH, (sg_function)keymgmt_match},                               \
                                  {OSSL_FUNC_KEYMGMT_IMPORT, (sg_function)keymgmt_import},                             \
                                  {OSSL_FUNC_KEYMGMT_IMPORT_TYPES, (sg_function)keymgmt_import_types},                 \
                                  {OSSL_FUNC_KEYMGMT_EXPORT, (sg_function)keymgmt_export},                             \
                                  {OSSL_FUNC_KEYMGMT_EXPORT_TYPES, (sg_function)public_params},                        \
                                  {OSSL_FUNC_KEYMGMT_GET_PARAMS, (sg_function)keymgmt_get_params},                     \
                                  {OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, (sg_function)keymgmt_gettable_params},           \
                                  {OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, (sg_function)operation_name},               \
                                  {0, NULL}}

KEYMGMT(sg_keymgmt_rsa, rsa_operation);
KEYMGMT(sg_keymgmt_rsa_pss, rsa_operation);
KEYMGMT(sg_keymgmt_ec, ec_operation);
KEYMGMT(sg_keymgmt_ed25519, ed25519_operation);
