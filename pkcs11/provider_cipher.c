/* RSA decryption by the token, with the padding that the caller wants. What can be asked of a public key, encrypting,
 * is for `default`. */
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/proverr.h>
#include <openssl/rsa.h>

#include "pkcs11/decrypt.h"
#include "pkcs11/provider.h"
#include "pkcs11/sign.h"

struct cipher {
    struct sg_token_key *key;
    enum sg_decrypt_scheme scheme;
    size_t digest_index, mgf_index;
    bool has_mgf; /* chosen apart from the digest */
};

static void *cipher_new(void *context)
{
    (void)context;
    return calloc(1, sizeof(struct cipher));
}

static void cipher_free(void *data)
{
    struct cipher *c = data;
    if (c)
        sg_token_key_unref(c->key);
    free(c);
}

static void *cipher_dup(void *data)
{
    const struct cipher *from = data;
    struct cipher *c = cipher_new(NULL);
    if (c) {
        *c = *from;
        c->key = from->key ? sg_token_key_ref(from->key) : NULL;
    }
    return c;
}

/* --- parameters --------------------------------------------------------------------------------------------------- */

static int set_padding(struct cipher *c, const OSSL_PARAM *param)
{
    const char *name = NULL;
    int padding = 0;
    if (param->data_type == OSSL_PARAM_UTF8_STRING) {
        if (!OSSL_PARAM_get_utf8_string_ptr(param, &name))
            return 0;
        padding = strcmp(name, OSSL_PKEY_RSA_PAD_MODE_OAEP) == 0      ? RSA_PKCS1_OAEP_PADDING
                  : strcmp(name, OSSL_PKEY_RSA_PAD_MODE_PKCSV15) == 0 ? RSA_PKCS1_PADDING
                  : strcmp(name, OSSL_PKEY_RSA_PAD_MODE_NONE) == 0    ? RSA_NO_PADDING
                                                                      : 0;
    } else if (!OSSL_PARAM_get_int(param, &padding)) {
        return 0;
    }
    switch (padding) {
    case RSA_PKCS1_OAEP_PADDING:
        c->scheme = SG_DECRYPT_OAEP;
        return 1;
    case RSA_PKCS1_PADDING:
        c->scheme = SG_DECRYPT_PKCS1;
        return 1;
    case RSA_NO_PADDING:
        c->scheme = SG_DECRYPT_RAW;
        return 1;
    default:
        ERR_raise(ERR_LIB_PROV, PROV_R_ILLEGAL_OR_UNSUPPORTED_PADDING_MODE);
        return 0;
    }
}

static int set_digest(const OSSL_PARAM *param, size_t *index)
{
    const char *name = NULL;
    if (!OSSL_PARAM_get_utf8_string_ptr(param, &name))
        return 0;
    for (size_t i = 0; i < SG_OAEP_DIGESTS; i++)
        if (OPENSSL_strcasecmp(name, sg_oaep_digests[i].name) == 0) {
            *index = i;
            return 1;
        }
    ERR_raise_data(ERR_LIB_PROV, PROV_R_DIGEST_NOT_ALLOWED, "%.32s", name);
    return 0;
}

static int cipher_set_params(void *data, const OSSL_PARAM params[])
{
    struct cipher *c = data;
    if (!params)
        return 1;
    const OSSL_PARAM *param = OSSL_PARAM_locate_const(params, OSSL_ASYM_CIPHER_PARAM_PAD_MODE);
    if (param && !set_padding(c, param))
        return 0;
    param = OSSL_PARAM_locate_const(params, OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST);
    if (param && !set_digest(param, &c->digest_index))
        return 0;
    if (param && !c->has_mgf)
        c->mgf_index = c->digest_index;
    param = OSSL_PARAM_locate_const(params, OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST);
    if (param && !set_digest(param, &c->mgf_index))
        return 0;
    c->has_mgf = c->has_mgf || param;
    param = OSSL_PARAM_locate_const(params, OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL);
    return !param || param->data_size == 0;
}

static const OSSL_PARAM *cipher_settable_params(void *data, void *context)
{
    static const OSSL_PARAM params[] = {OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_PAD_MODE, NULL, 0),
                                        OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST, NULL, 0),
                                        OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST, NULL, 0),
                                        OSSL_PARAM_octet_string(OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL, NULL, 0),
                                        OSSL_PARAM_END};
    (void)data;
    (void)context;
    return params;
}

/* --- decrypting --------------------------------------------------------------------------------------------------- */

static int decrypt_init(void *data, void *key, const OSSL_PARAM params[])
{
    struct cipher *c = data;
    const struct sg_provider_key *k = key;
    if (!k || !k->key)
        return 0;
    sg_token_key_unref(c->key);
    *c = (struct cipher){.key = sg_token_key_ref(k->key)};
    return cipher_set_params(c, params);
}

static int cipher_decrypt(void *data, unsigned char *out, size_t *ret_len, size_t room, const unsigned char *in,
                          size_t len)
{
    const struct cipher *c = data;
    _cleanup_(sg_secret_freep) struct sg_secret *message = NULL;
    struct sg_decrypt_input input = {
        .scheme = c->scheme, .digest_index = c->digest_index, .mgf_index = c->mgf_index, .data = {in, len}};
    if (!c->key)
        return 0;
    if (!out) {
        *ret_len = sg_key_order_len(c->key);
        return 1;
    }
    if (len != sg_key_order_len(c->key)) {
        ERR_raise(ERR_LIB_PROV, PROV_R_BAD_LENGTH);
        return 0;
    }
    if (sg_key_decrypt(c->key, &input, &message) != SG_OK)
        return 0; /* why is in sg_token_key_last_error(), unless it was the padding, of which nothing is said */
    if (message->len > room) {
        ERR_raise(ERR_LIB_PROV, PROV_R_OUTPUT_BUFFER_TOO_SMALL);
        return 0;
    }
    memcpy(out, message->bytes, message->len);
    *ret_len = message->len;
    return 1;
}

const OSSL_DISPATCH sg_cipher_rsa[] = {
    {OSSL_FUNC_ASYM_CIPHER_NEWCTX, (sg_function)cipher_new},
    {OSSL_FUNC_ASYM_CIPHER_FREECTX, (sg_function)cipher_free},
    {OSSL_FUNC_ASYM_CIPHER_DUPCTX, (sg_function)cipher_dup},
    {OSSL_FUNC_ASYM_CIPHER_DECRYPT_INIT, (sg_function)decrypt_init},
    {OSSL_FUNC_ASYM_CIPHER_DECRYPT, (sg_function)cipher_decrypt},
    {OSSL_FUNC_ASYM_CIPHER_SET_CTX_PARAMS, (sg_function)cipher_set_params},
    {OSSL_FUNC_ASYM_CIPHER_SETTABLE_CTX_PARAMS, (sg_function)cipher_settable_params},
    {0, NULL},
};
