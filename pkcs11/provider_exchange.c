/* ECDH by the token: the bare shared secret (SEC 1 §3.3.1), from which the caller derives keys. */
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/proverr.h>

#include "pkcs11/decrypt.h"
#include "pkcs11/provider.h"
#include "pkcs11/sign.h"

#define MAX_POINT 133 /* P-521, uncompressed */

struct exchange {
    struct sg_token_key *key;
    uint8_t point[MAX_POINT]; /* the other's, uncompressed */
    size_t point_len;         /* 0: not set */
};

static void *exchange_new(void *context)
{
    (void)context;
    return calloc(1, sizeof(struct exchange));
}

static void exchange_free(void *data)
{
    struct exchange *x = data;
    if (x)
        sg_token_key_unref(x->key);
    free(x);
}

static void *exchange_dup(void *data)
{
    const struct exchange *from = data;
    struct exchange *x = exchange_new(NULL);
    if (x) {
        *x = *from;
        x->key = from->key ? sg_token_key_ref(from->key) : NULL;
    }
    return x;
}

static int exchange_init(void *data, void *key, const OSSL_PARAM params[])
{
    struct exchange *x = data;
    const struct sg_provider_key *k = key;
    (void)params;
    if (!k || !k->key)
        return 0;
    sg_token_key_unref(x->key);
    *x = (struct exchange){.key = sg_token_key_ref(k->key)};
    return 1;
}

/* From the coordinates, since an encoding may be a compressed one (SEC 1 §2.3.3). */
static int exchange_set_peer(void *data, void *key)
{
    struct exchange *x = data;
    const struct sg_provider_key *k = key;
    EVP_PKEY *peer = sg_provider_key_public(k);
    _cleanup_(BN_freep) BIGNUM *px = NULL;
    _cleanup_(BN_freep) BIGNUM *py = NULL;
    const size_t half = x->key ? sg_key_order_len(x->key) : 0;

    if (!peer || half == 0 || 1 + 2 * half > sizeof x->point || EVP_PKEY_parameters_eq(x->key->pub, peer) != 1 ||
        !EVP_PKEY_get_bn_param(peer, OSSL_PKEY_PARAM_EC_PUB_X, &px) ||
        !EVP_PKEY_get_bn_param(peer, OSSL_PKEY_PARAM_EC_PUB_Y, &py) || BN_bn2binpad(px, x->point + 1, (int)half) < 0 ||
        BN_bn2binpad(py, x->point + 1 + half, (int)half) < 0) {
        ERR_raise(ERR_LIB_PROV, PROV_R_INVALID_KEY);
        return 0;
    }
    x->point[0] = 0x04;
    x->point_len = 1 + 2 * half;
    return 1;
}

static int exchange_derive(void *data, unsigned char *out, size_t *ret_len, size_t room)
{
    const struct exchange *x = data;
    _cleanup_(sg_secret_freep) struct sg_secret *shared = NULL;
    struct sg_decrypt_input input = {.scheme = SG_DECRYPT_ECDH, .data = {x->point, x->point_len}};

    if (!x->key || x->point_len == 0)
        return 0;
    if (!out) {
        *ret_len = sg_key_order_len(x->key);
        return 1;
    }
    if (room < sg_key_order_len(x->key)) {
        ERR_raise(ERR_LIB_PROV, PROV_R_OUTPUT_BUFFER_TOO_SMALL);
        return 0;
    }
    if (sg_key_decrypt(x->key, &input, &shared) != SG_OK)
        return 0; /* why is in sg_token_key_last_error() */
    memcpy(out, shared->bytes, shared->len);
    *ret_len = shared->len;
    return 1;
}

const OSSL_DISPATCH sg_exchange_ecdh[] = {
    {OSSL_FUNC_KEYEXCH_NEWCTX, (sg_function)exchange_new},
    {OSSL_FUNC_KEYEXCH_FREECTX, (sg_function)exchange_free},
    {OSSL_FUNC_KEYEXCH_DUPCTX, (sg_function)exchange_dup},
    {OSSL_FUNC_KEYEXCH_INIT, (sg_function)exchange_init},
    {OSSL_FUNC_KEYEXCH_SET_PEER, (sg_function)exchange_set_peer},
    {OSSL_FUNC_KEYEXCH_DERIVE, (sg_function)exchange_derive},
    {0, NULL},
};
