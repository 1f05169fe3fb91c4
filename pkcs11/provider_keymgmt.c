/* Key management: an EVP_PKEY of ours is a token's key. Its public part is an EVP_PKEY of `default`, which answers
 * whatever does not need the private one. */
#include <openssl/core_names.h>
#include <openssl/params.h>

#include "pkcs11/provider.h"

static void *keymgmt_new(void *context)
{
    struct sg_provider_key *k = calloc(1, sizeof *k);
    if (k)
        k->libctx = context;
    return k;
}

static void keymgmt_free(void *data)
{
    struct sg_provider_key *k = data;
    if (k) {
        sg_token_key_unref(k->key);
        EVP_PKEY_free(k->peer);
    }
    free(k);
}

EVP_PKEY *sg_provider_key_public(const struct sg_provider_key *key)
{
    return key->key ? key->key->pub : key->peer;
}

static void *keymgmt_dup(const void *data, int selection)
{
    const struct sg_provider_key *from = data;
    (void)selection;
    struct sg_provider_key *k = keymgmt_new(from->libctx);
    if (k && from->key)
        k->key = sg_token_key_ref(from->key);
    if (k && from->peer && EVP_PKEY_up_ref(from->peer))
        k->peer = from->peer;
    return k;
}

static int keymgmt_has(const void *data, int selection)
{
    const struct sg_provider_key *k = data;
    return k->key || (k->peer && !(selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY));
}

static int keymgmt_match(const void *a, const void *b, int selection)
{
    const EVP_PKEY *x = sg_provider_key_public(a), *y = sg_provider_key_public(b);
    if (!x || !y)
        return 0;
    return selection & OSSL_KEYMGMT_SELECT_KEYPAIR ? EVP_PKEY_eq(x, y) == 1 : EVP_PKEY_parameters_eq(x, y) == 1;
}

/* From sg_token_key_open(): a foreign public key stays with its own provider, and comparing works the other way
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

/* For ECDH, the public key of another, too: nothing else is taken of it, since a private key here is a token's. */
static int ec_import(void *data, int selection, const OSSL_PARAM params[])
{
    struct sg_provider_key *k = data;
    if (OSSL_PARAM_locate_const(params, SG_PARAM_KEY))
        return keymgmt_import(data, selection, params);
    if (k->peer)
        return 0;
    _cleanup_(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(k->libctx, "EC", "provider=default");
    return ctx && EVP_PKEY_fromdata_init(ctx) > 0 &&
           EVP_PKEY_fromdata(ctx, &k->peer, EVP_PKEY_PUBLIC_KEY, (OSSL_PARAM *)(uintptr_t)params) > 0;
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
    const EVP_PKEY *pub = sg_provider_key_public(data);
    return pub && !(selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) && EVP_PKEY_export(pub, selection, callback, argument);
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
    const EVP_PKEY *pub = sg_provider_key_public(data);
    return pub && EVP_PKEY_get_params(pub, params);
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
    return operation == OSSL_OP_SIGNATURE || operation == OSSL_OP_ASYM_CIPHER ? "RSA" : NULL;
}

static const char *pss_operation(int operation)
{
    return operation == OSSL_OP_SIGNATURE ? "RSA" : NULL;
}

static const char *ec_operation(int operation)
{
    return operation == OSSL_OP_SIGNATURE ? "ECDSA" : operation == OSSL_OP_KEYEXCH ? "ECDH" : NULL;
}

static const char *ed25519_operation(int operation)
{
    return operation == OSSL_OP_SIGNATURE ? "ED25519" : NULL;
}

#define KEYMGMT(name, operation_name, import_name)                                                                     \
    const OSSL_DISPATCH name[] = {{OSSL_FUNC_KEYMGMT_NEW, (sg_function)keymgmt_new},                                   \
                                  {OSSL_FUNC_KEYMGMT_FREE, (sg_function)keymgmt_free},                                 \
                                  {OSSL_FUNC_KEYMGMT_DUP, (sg_function)keymgmt_dup},                                   \
                                  {OSSL_FUNC_KEYMGMT_HAS, (sg_function)keymgmt_has},                                   \
                                  {OSSL_FUNC_KEYMGMT_MATCH, (sg_function)keymgmt_match},                               \
                                  {OSSL_FUNC_KEYMGMT_IMPORT, (sg_function)import_name},                                \
                                  {OSSL_FUNC_KEYMGMT_IMPORT_TYPES, (sg_function)keymgmt_import_types},                 \
                                  {OSSL_FUNC_KEYMGMT_EXPORT, (sg_function)keymgmt_export},                             \
                                  {OSSL_FUNC_KEYMGMT_EXPORT_TYPES, (sg_function)public_params},                        \
                                  {OSSL_FUNC_KEYMGMT_GET_PARAMS, (sg_function)keymgmt_get_params},                     \
                                  {OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, (sg_function)keymgmt_gettable_params},           \
                                  {OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, (sg_function)operation_name},               \
                                  {0, NULL}}

KEYMGMT(sg_keymgmt_rsa, rsa_operation, keymgmt_import);
KEYMGMT(sg_keymgmt_rsa_pss, pss_operation, keymgmt_import);
KEYMGMT(sg_keymgmt_ec, ec_operation, ec_import);
KEYMGMT(sg_keymgmt_ed25519, ed25519_operation, keymgmt_import);
