/* Signatures by the token. The digest is made here, on the host; the token signs it. What can be asked of a public key,
 * verifying, is left to `default`. */
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/proverr.h>
#include <openssl/rsa.h>

#include "pkcs11/provider.h"
#include "pkcs11/provider_algid.h"
#include "pkcs11/sign.h"

struct signature {
    struct sg_token_key *key;
    enum sg_scheme scheme;
    size_t digest_index; /* SG_DIGESTS: not chosen */
    EVP_MD_CTX *digest;  /* while signing a message */
    struct sg_buf message;
    bool keeps_message;         /* `message` is whole, for a token that hashes for itself */
    EVP_MD_CTX *verify_message; /* verifying, by `default` */
    EVP_PKEY_CTX *verify;       /* the same, of a digest; or `verify_message`'s, which then owns it */
};

/* --- life -------------------------------------------------------------------------------------------------------- */

static void *signature_new(void *context, const char *properties)
{
    (void)context;
    (void)properties;
    struct signature *s = calloc(1, sizeof *s);
    if (s) {
        s->digest_index = SG_DIGESTS;
        s->message.max = SG_MAX_MESSAGE;
    }
    return s;
}

static void stop_verifying(struct signature *s)
{
    if (!s->verify_message)
        EVP_PKEY_CTX_free(s->verify);
    EVP_MD_CTX_free(s->verify_message);
    s->verify = NULL;
    s->verify_message = NULL;
}

static void signature_free(void *data)
{
    struct signature *s = data;
    if (!s)
        return;
    stop_verifying(s);
    sg_buf_clear(&s->message);
    EVP_MD_CTX_free(s->digest);
    sg_token_key_unref(s->key);
    free(s);
}

static EVP_MD_CTX *copy_digest(const EVP_MD_CTX *from)
{
    EVP_MD_CTX *copy = EVP_MD_CTX_new();
    if (copy && EVP_MD_CTX_copy_ex(copy, from))
        return copy;
    EVP_MD_CTX_free(copy);
    return NULL;
}

static void *signature_dup(void *data)
{
    const struct signature *from = data;
    struct signature *s = signature_new(NULL, NULL);
    if (!s)
        return NULL;
    if (from->key)
        s->key = sg_token_key_ref(from->key);
    s->scheme = from->scheme;
    s->digest_index = from->digest_index;
    s->keeps_message = from->keeps_message;
    bool ok = true;
    if (from->digest)
        ok = (s->digest = copy_digest(from->digest)) != NULL;
    if (ok && from->message.len > 0)
        ok = sg_buf_append(&s->message, from->message.data, from->message.len, NULL) == SG_OK;
    if (ok && from->verify_message) {
        s->verify_message = copy_digest(from->verify_message);
        s->verify = s->verify_message ? EVP_MD_CTX_get_pkey_ctx(s->verify_message) : NULL;
        ok = s->verify != NULL;
    } else if (ok && from->verify) {
        ok = (s->verify = EVP_PKEY_CTX_dup(from->verify)) != NULL;
    }
    if (ok)
        return s;
    signature_free(s);
    return NULL;
}

/* --- parameters -------------------------------------------------------------------------------------------------- */

static bool is_rsa(const struct signature *s)
{
    return s->scheme == SG_SCHEME_PKCS1 || s->scheme == SG_SCHEME_PSS;
}

static int choose_digest(struct signature *s, const char *name)
{
    size_t index = sg_digest_index(s->key, name);
    if (index == SG_DIGESTS) {
        ERR_raise_data(ERR_LIB_PROV, PROV_R_DIGEST_NOT_ALLOWED, "%.32s", name);
        return 0;
    }
    s->digest_index = index;
    return 1;
}

static int set_padding(struct signature *s, const OSSL_PARAM *param)
{
    int padding = 0;
    if (param->data_type == OSSL_PARAM_UTF8_STRING) {
        const char *name = NULL;
        if (!OSSL_PARAM_get_utf8_string_ptr(param, &name))
            return 0;
        padding = strcmp(name, OSSL_PKEY_RSA_PAD_MODE_PSS) == 0       ? RSA_PKCS1_PSS_PADDING
                  : strcmp(name, OSSL_PKEY_RSA_PAD_MODE_PKCSV15) == 0 ? RSA_PKCS1_PADDING
                                                                      : 0;
    } else if (!OSSL_PARAM_get_int(param, &padding)) {
        return 0;
    }
    if (!is_rsa(s) || (padding == RSA_PKCS1_PADDING && s->key->info.pss_only) ||
        (padding != RSA_PKCS1_PADDING && padding != RSA_PKCS1_PSS_PADDING)) {
        ERR_raise(ERR_LIB_PROV, PROV_R_ILLEGAL_OR_UNSUPPORTED_PADDING_MODE);
        return 0;
    }
    s->scheme = padding == RSA_PKCS1_PSS_PADDING ? SG_SCHEME_PSS : SG_SCHEME_PKCS1;
    return 1;
}

/* The salt is as long as the digest, always. */
static int check_salt(const struct signature *s, const OSSL_PARAM *param)
{
    int len = RSA_PSS_SALTLEN_DIGEST;
    if (param->data_type == OSSL_PARAM_UTF8_STRING) {
        const char *name = NULL;
        if (!OSSL_PARAM_get_utf8_string_ptr(param, &name))
            return 0;
        if (strcmp(name, OSSL_PKEY_RSA_PSS_SALT_LEN_DIGEST) != 0)
            len = atoi(name);
    } else if (!OSSL_PARAM_get_int(param, &len)) {
        return 0;
    }
    if (len == RSA_PSS_SALTLEN_DIGEST ||
        (s->digest_index < SG_DIGESTS && len > 0 && (size_t)len == sg_digest_info(s->digest_index)->len))
        return 1;
    ERR_raise(ERR_LIB_PROV, PROV_R_INVALID_SALT_LENGTH);
    return 0;
}

static int check_mgf1(const struct signature *s, const OSSL_PARAM *param)
{
    const char *name = NULL;
    if (OSSL_PARAM_get_utf8_string_ptr(param, &name) && s->digest_index < SG_DIGESTS &&
        EVP_MD_is_a(s->key->digests[s->digest_index], name))
        return 1;
    ERR_raise(ERR_LIB_PROV, PROV_R_INVALID_MGF1_MD);
    return 0;
}

static int signature_set_params(void *data, const OSSL_PARAM params[])
{
    struct signature *s = data;
    if (!params)
        return 1;
    if (s->verify)
        return EVP_PKEY_CTX_set_params(s->verify, params);
    if (!s->key)
        return 0;
    const OSSL_PARAM *param = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_DIGEST);
    const char *name = NULL;
    if (param && (s->digest || !OSSL_PARAM_get_utf8_string_ptr(param, &name) || !choose_digest(s, name)))
        return 0;
    param = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PAD_MODE);
    if (param && !set_padding(s, param))
        return 0;
    param = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PSS_SALTLEN);
    if (param && !check_salt(s, param))
        return 0;
    param = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_MGF1_DIGEST);
    return !param || check_mgf1(s, param);
}

static const OSSL_PARAM *signature_settable_params(void *data, void *context)
{
    static const OSSL_PARAM params[] = {OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, NULL, 0),
                                        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
                                        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0),
                                        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, NULL, 0),
                                        OSSL_PARAM_END};
    (void)data;
    (void)context;
    return params;
}

static int get_algorithm_id(const struct signature *s, OSSL_PARAM *param)
{
    _cleanup_(OPENSSL_freep) unsigned char *der = NULL;
    size_t len = 0;
    if (s->scheme != SG_SCHEME_ED && s->digest_index == SG_DIGESTS)
        return 0;
    const EVP_MD *digest = s->scheme == SG_SCHEME_ED ? NULL : s->key->digests[s->digest_index];
    return sg_algorithm_id(s->scheme, digest, &der, &len) && OSSL_PARAM_set_octet_string(param, der, len);
}

/* A number or its text, as the caller wants it. */
static int set_either(OSSL_PARAM *param, int number, const char *text)
{
    return param->data_type == OSSL_PARAM_UTF8_STRING ? OSSL_PARAM_set_utf8_string(param, text)
                                                      : OSSL_PARAM_set_int(param, number);
}

static int get_rsa_params(const struct signature *s, OSSL_PARAM params[])
{
    bool pss = s->scheme == SG_SCHEME_PSS;
    OSSL_PARAM *param = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_PAD_MODE);
    if (param && !set_either(param, pss ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING,
                             pss ? OSSL_PKEY_RSA_PAD_MODE_PSS : OSSL_PKEY_RSA_PAD_MODE_PKCSV15))
        return 0;
    param = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_PSS_SALTLEN);
    return !param || set_either(param, RSA_PSS_SALTLEN_DIGEST, OSSL_PKEY_RSA_PSS_SALT_LEN_DIGEST);
}

static int signature_get_params(void *data, OSSL_PARAM params[])
{
    struct signature *s = data;
    if (s->verify)
        return EVP_PKEY_CTX_get_params(s->verify, params);
    if (!s->key)
        return 0;
    OSSL_PARAM *param = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_ALGORITHM_ID);
    if (param && !get_algorithm_id(s, param))
        return 0;
    const char *digest = s->digest_index < SG_DIGESTS ? sg_digest_info(s->digest_index)->name : "";
    param = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_DIGEST);
    if (param && !OSSL_PARAM_set_utf8_string(param, digest))
        return 0;
    param = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_MGF1_DIGEST);
    if (param && !OSSL_PARAM_set_utf8_string(param, digest))
        return 0;
    return !is_rsa(s) || get_rsa_params(s, params);
}

static const OSSL_PARAM *signature_gettable_params(void *data, void *context)
{
    static const OSSL_PARAM params[] = {OSSL_PARAM_octet_string(OSSL_SIGNATURE_PARAM_ALGORITHM_ID, NULL, 0),
                                        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, NULL, 0),
                                        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
                                        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0),
                                        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, NULL, 0),
                                        OSSL_PARAM_END};
    (void)data;
    (void)context;
    return params;
}

/* --- signing ----------------------------------------------------------------------------------------------------- */

static enum sg_scheme scheme_of(const struct sg_token_key *key)
{
    if (strcmp(key->info.type, "EC") == 0)
        return SG_SCHEME_EC;
    if (strcmp(key->info.type, "Ed25519") == 0)
        return SG_SCHEME_ED;
    return key->info.pss_only ? SG_SCHEME_PSS : SG_SCHEME_PKCS1;
}

/* `data` NULL: the key of before. */
static int begin(struct signature *s, void *data)
{
    const struct sg_provider_key *k = data;
    if (k && k->key && k->key != s->key) {
        sg_token_key_unref(s->key);
        s->key = sg_token_key_ref(k->key);
        s->scheme = scheme_of(s->key);
    }
    stop_verifying(s);
    sg_buf_clear(&s->message);
    return s->key != NULL;
}

static int signature_sign_init(void *data, void *key, const OSSL_PARAM params[])
{
    struct signature *s = data;
    return begin(s, key) && signature_set_params(s, params);
}

static int digest_sign_init(void *data, const char *name, void *key, const OSSL_PARAM params[])
{
    struct signature *s = data;
    if (!begin(s, key) || !choose_digest(s, name && name[0] ? name : "SHA256"))
        return 0;
    if (!signature_set_params(s, params))
        return 0;
    if (!s->digest)
        s->digest = EVP_MD_CTX_new();
    s->keeps_message = sg_key_wants_message(s->key, s->scheme);
    return s->digest && EVP_DigestInit_ex2(s->digest, s->key->digests[s->digest_index], NULL);
}

static int digest_sign_update(void *data, const unsigned char *bytes, size_t len)
{
    struct signature *s = data;
    if (s->keeps_message && sg_buf_append(&s->message, bytes, len, NULL) != SG_OK) {
        /* Too long for a token that hashes for itself; one that does not is not hindered. */
        s->keeps_message = false;
        sg_buf_clear(&s->message);
    }
    return s->digest && EVP_DigestUpdate(s->digest, bytes, len);
}

static int size_only(const struct signature *s, size_t *ret_len)
{
    int size = EVP_PKEY_get_size(s->key->pub);
    if (size <= 0)
        return 0;
    *ret_len = (size_t)size;
    return 1;
}

static int sign(struct signature *s, struct sg_sign_input *input, unsigned char *out, size_t *ret_len, size_t room)
{
    uint8_t value[SG_MAX_SIGNATURE];
    size_t len = 0;
    if (sg_key_sign(s->key, input, value, &len) != SG_OK) {
        struct sg_err err = {0};
        (void)sg_token_key_last_error(s->key, &err);
        ERR_raise_data(ERR_LIB_PROV, PROV_R_FAILED_TO_SIGN, "%s", err.text);
        return 0;
    }
    if (len > room) {
        ERR_raise(ERR_LIB_PROV, PROV_R_OUTPUT_BUFFER_TOO_SMALL);
        return 0;
    }
    memcpy(out, value, len);
    *ret_len = len;
    return 1;
}

static int sign_digested(struct signature *s, struct sg_slice message, bool has_message, unsigned char *out,
                         size_t *ret_len, size_t room)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned digest_len = 0;
    if (!s->digest || !EVP_DigestFinal_ex(s->digest, digest, &digest_len))
        return 0;
    struct sg_sign_input input = {.scheme = s->scheme,
                                  .digest_index = s->digest_index,
                                  .digest = {digest, digest_len},
                                  .message = message,
                                  .has_message = has_message};
    return sign(s, &input, out, ret_len, room);
}

static int digest_sign_final(void *data, unsigned char *out, size_t *ret_len, size_t room)
{
    struct signature *s = data;
    if (!out)
        return size_only(s, ret_len);
    return sign_digested(s, sg_buf_slice(&s->message), s->keeps_message, out, ret_len, room);
}

static int digest_sign(void *data, unsigned char *out, size_t *ret_len, size_t room, const unsigned char *bytes,
                       size_t len)
{
    struct signature *s = data;
    if (!out)
        return size_only(s, ret_len);
    if (!s->digest || !EVP_DigestUpdate(s->digest, bytes, len))
        return 0;
    return sign_digested(s, (struct sg_slice){bytes, len}, len <= SG_MAX_MESSAGE, out, ret_len, room);
}

/* Of a digest that the caller made. */
static int signature_sign(void *data, unsigned char *out, size_t *ret_len, size_t room, const unsigned char *digest,
                          size_t len)
{
    struct signature *s = data;
    if (!out)
        return size_only(s, ret_len);
    if (s->digest_index == SG_DIGESTS || len != sg_digest_info(s->digest_index)->len) {
        ERR_raise(ERR_LIB_PROV, PROV_R_INVALID_DIGEST_LENGTH);
        return 0;
    }
    struct sg_sign_input input = {.scheme = s->scheme, .digest_index = s->digest_index, .digest = {digest, len}};
    return sign(s, &input, out, ret_len, room);
}

static int ed25519_sign_init(void *data, const char *name, void *key, const OSSL_PARAM params[])
{
    struct signature *s = data;
    if (name && name[0]) {
        ERR_raise(ERR_LIB_PROV, PROV_R_INVALID_DIGEST);
        return 0;
    }
    return begin(s, key) && signature_set_params(s, params);
}

static int ed25519_sign(void *data, unsigned char *out, size_t *ret_len, size_t room, const unsigned char *bytes,
                        size_t len)
{
    struct signature *s = data;
    if (!out)
        return size_only(s, ret_len);
    if (len > SG_MAX_MESSAGE) {
        ERR_raise_data(ERR_LIB_PROV, PROV_R_FAILED_TO_SIGN, "the message is too long for the token");
        return 0;
    }
    struct sg_sign_input input = {.scheme = SG_SCHEME_ED, .message = {bytes, len}, .has_message = true};
    return sign(s, &input, out, ret_len, room);
}

/* --- verifying, by `default` ---------------------------------------------------------------------------------------
 */

/* The public key, a token's or another's: what is verified in this library context may well be asked of this provider.
 * `data` NULL: the key of before. */
static EVP_PKEY *begin_verifying(struct signature *s, void *data, OSSL_LIB_CTX **ret_libctx)
{
    const struct sg_provider_key *k = data;
    (void)begin(s, data);
    if (k) {
        *ret_libctx = k->libctx;
        return sg_provider_key_public(k);
    }
    *ret_libctx = s->key ? s->key->token->tokens->libctx : NULL;
    return s->key ? s->key->pub : NULL;
}

static int signature_verify_init(void *data, void *key, const OSSL_PARAM params[])
{
    struct signature *s = data;
    OSSL_LIB_CTX *libctx = NULL;
    EVP_PKEY *pub = begin_verifying(s, key, &libctx);
    if (!pub)
        return 0;
    s->verify = EVP_PKEY_CTX_new_from_pkey(libctx, pub, "provider=default");
    return s->verify && EVP_PKEY_verify_init_ex(s->verify, params) == 1;
}

static int signature_verify(void *data, const unsigned char *sig, size_t sig_len, const unsigned char *digest,
                            size_t len)
{
    struct signature *s = data;
    return s->verify && EVP_PKEY_verify(s->verify, sig, sig_len, digest, len) == 1;
}

static int digest_verify_init(void *data, const char *name, void *key, const OSSL_PARAM params[])
{
    struct signature *s = data;
    OSSL_LIB_CTX *libctx = NULL;
    EVP_PKEY *pub = begin_verifying(s, key, &libctx);
    if (!pub)
        return 0;
    s->verify_message = EVP_MD_CTX_new();
    return s->verify_message && EVP_DigestVerifyInit_ex(s->verify_message, &s->verify, name && name[0] ? name : NULL,
                                                        libctx, "provider=default", pub, params) == 1;
}

static int digest_verify_update(void *data, const unsigned char *bytes, size_t len)
{
    struct signature *s = data;
    return s->verify_message && EVP_DigestVerifyUpdate(s->verify_message, bytes, len) == 1;
}

static int digest_verify_final(void *data, const unsigned char *sig, size_t sig_len)
{
    struct signature *s = data;
    return s->verify_message && EVP_DigestVerifyFinal(s->verify_message, sig, sig_len) == 1;
}

static int digest_verify(void *data, const unsigned char *sig, size_t sig_len, const unsigned char *bytes, size_t len)
{
    struct signature *s = data;
    return s->verify_message && EVP_DigestVerify(s->verify_message, sig, sig_len, bytes, len) == 1;
}

#define COMMON_FUNCTIONS                                                                                               \
    {OSSL_FUNC_SIGNATURE_NEWCTX, (sg_function)signature_new},                                                          \
        {OSSL_FUNC_SIGNATURE_FREECTX, (sg_function)signature_free},                                                    \
        {OSSL_FUNC_SIGNATURE_DUPCTX, (sg_function)signature_dup},                                                      \
        {OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_INIT, (sg_function)digest_verify_init},                                     \
        {OSSL_FUNC_SIGNATURE_DIGEST_VERIFY, (sg_function)digest_verify},                                               \
        {OSSL_FUNC_SIGNATURE_GET_CTX_PARAMS, (sg_function)signature_get_params},                                       \
    {                                                                                                                  \
        OSSL_FUNC_SIGNATURE_GETTABLE_CTX_PARAMS, (sg_function)signature_gettable_params                                \
    }

const OSSL_DISPATCH sg_signature_digested[] = {
    COMMON_FUNCTIONS,
    {OSSL_FUNC_SIGNATURE_SIGN_INIT, (sg_function)signature_sign_init},
    {OSSL_FUNC_SIGNATURE_SIGN, (sg_function)signature_sign},
    {OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, (sg_function)digest_sign_init},
    {OSSL_FUNC_SIGNATURE_DIGEST_SIGN_UPDATE, (sg_function)digest_sign_update},
    {OSSL_FUNC_SIGNATURE_DIGEST_SIGN_FINAL, (sg_function)digest_sign_final},
    {OSSL_FUNC_SIGNATURE_DIGEST_SIGN, (sg_function)digest_sign},
    {OSSL_FUNC_SIGNATURE_VERIFY_INIT, (sg_function)signature_verify_init},
    {OSSL_FUNC_SIGNATURE_VERIFY, (sg_function)signature_verify},
    {OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_UPDATE, (sg_function)digest_verify_update},
    {OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_FINAL, (sg_function)digest_verify_final},
    {OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, (sg_function)signature_set_params},
    {OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, (sg_function)signature_settable_params},
    {0, NULL},
};

/* One call with the whole message: Ed25519 reads it twice (RFC 8032 §5.1.6). */
const OSSL_DISPATCH sg_signature_ed25519[] = {
    COMMON_FUNCTIONS,
    {OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, (sg_function)ed25519_sign_init},
    {OSSL_FUNC_SIGNATURE_DIGEST_SIGN, (sg_function)ed25519_sign},
    {0, NULL},
};
