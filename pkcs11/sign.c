/* Signatures by token keys: which mechanism, the PIN where each wants it, and whether what came back is one. */
#include "pkcs11/sign.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>

#include "base/msg.h"

#define SHA2_PREFIX(total, algorithm, len)                                                                             \
    {                                                                                                                  \
        0x30, total, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, algorithm, 0x05, 0x00,    \
            0x04, len                                                                                                  \
    }

static const struct sg_digest_info digest_infos[SG_DIGESTS] = {
    {"SHA256",
     NID_sha256,
     CKM_SHA256,
     {CKM_SHA256_RSA_PKCS, CKM_SHA256_RSA_PKCS_PSS, CKM_ECDSA_SHA256, 0},
     CKG_MGF1_SHA256,
     SHA2_PREFIX(0x31, 0x01, 0x20),
     32},
    {"SHA384",
     NID_sha384,
     CKM_SHA384,
     {CKM_SHA384_RSA_PKCS, CKM_SHA384_RSA_PKCS_PSS, CKM_ECDSA_SHA384, 0},
     CKG_MGF1_SHA384,
     SHA2_PREFIX(0x41, 0x02, 0x30),
     48},
    {"SHA512",
     NID_sha512,
     CKM_SHA512,
     {CKM_SHA512_RSA_PKCS, CKM_SHA512_RSA_PKCS_PSS, CKM_ECDSA_SHA512, 0},
     CKG_MGF1_SHA512,
     SHA2_PREFIX(0x51, 0x03, 0x40),
     64},
};

static const CK_MECHANISM_TYPE raw_mechanisms[SG_SCHEMES] = {CKM_RSA_PKCS, CKM_RSA_PKCS_PSS, CKM_ECDSA, CKM_EDDSA};

const struct sg_digest_info *sg_digest_info(size_t index)
{
    return &digest_infos[index];
}

size_t sg_digest_index(const struct sg_token_key *key, const char *name)
{
    size_t i = 0;
    while (i < SG_DIGESTS && !EVP_MD_is_a(key->digests[i], name))
        i++;
    return i;
}

enum sg_rc sg_key_prepare(struct sg_token_key *key, struct sg_err *err)
{
    for (size_t i = 0; i < SG_DIGESTS; i++) {
        if (!key->digests[i])
            key->digests[i] = EVP_MD_fetch(key->token->tokens->libctx, digest_infos[i].name, "provider=default");
        if (!key->digests[i])
            return sg_fail_ssl(err, SG_E_INTERNAL, _("OpenSSL does not offer %s."), digest_infos[i].name);
    }
    for (size_t i = 0; i < SG_SCHEMES; i++) {
        bool has = i == SG_SCHEME_ED || sg_token_has_mechanism(key->token, raw_mechanisms[i]);
        atomic_store(&key->raw[i], has ? SG_RAW_UNTRIED : SG_RAW_MISSING);
    }
    return SG_OK;
}

CK_MECHANISM_TYPE sg_raw_mechanism(enum sg_scheme scheme)
{
    return raw_mechanisms[scheme];
}

size_t sg_key_order_len(const struct sg_token_key *key)
{
    return ((size_t)EVP_PKEY_get_bits(key->pub) + 7) / 8;
}

bool sg_key_wants_message(const struct sg_token_key *key, enum sg_scheme scheme)
{
    return atomic_load_explicit(&key->raw[scheme], memory_order_relaxed) != SG_RAW_WORKS;
}

/* --- what the token answers -------------------------------------------------------------------------------------- */

static enum sg_rc fail_signature(const struct sg_token_key *key, struct sg_err *err, const char *text)
{
    (void)sg_fail(err, SG_E_TOKEN_FAILED, _("The key “%s” (id %s): %s."), key->info.label, key->info.id, text);
    sg_err_token(err, key->token->name);
    return SG_E_TOKEN_FAILED;
}

/* r and s side by side (PKCS#11 v2.40 §2.3.1) to Ecdsa-Sig-Value (RFC 3279 §2.2.3). */
static enum sg_rc ecdsa_to_der(const struct sg_token_key *key, uint8_t *out, size_t *len, struct sg_err *err)
{
    size_t half = sg_key_order_len(key);
    if (*len != 2 * half)
        return fail_signature(key, err, _("the token's signature has a wrong length; the module may need an update"));
    _cleanup_(ECDSA_SIG_freep) ECDSA_SIG *sig = ECDSA_SIG_new();
    _cleanup_(BN_freep) BIGNUM *r = BN_bin2bn(out, (int)half, NULL);
    _cleanup_(BN_freep) BIGNUM *s = BN_bin2bn(out + half, (int)half, NULL);
    if (!sig || !r || !s)
        return sg_fail_memory(err);
    if (BN_is_zero(r) || BN_is_zero(s))
        return fail_signature(key, err, _("the token's signature is no signature; the module may need an update"));
    (void)ECDSA_SIG_set0(sig, sg_steal(r), sg_steal(s));
    unsigned char *at = out;
    int written = i2d_ECDSA_SIG(sig, &at);
    if (written <= 0)
        return sg_fail_ssl(err, SG_E_INTERNAL, "%s", _("A signature cannot be encoded."));
    *len = (size_t)written;
    return SG_OK;
}

static enum sg_rc check_form(const struct sg_token_key *key, enum sg_scheme scheme, uint8_t *out, size_t *len,
                             struct sg_err *err)
{
    if (scheme == SG_SCHEME_EC)
        return ecdsa_to_der(key, out, len, err);
    size_t right = scheme == SG_SCHEME_ED ? 64 : sg_key_order_len(key);
    if (*len != right)
        return fail_signature(key, err, _("the token's signature has a wrong length; the module may need an update"));
    return SG_OK;
}

/* Verifies with the public key that the certificate has. */
static enum sg_rc prove(struct sg_token_key *key, const struct sg_sign_input *input, const uint8_t *sig, size_t len,
                        struct sg_err *err)
{
    bool good = false;
    OSSL_LIB_CTX *libctx = key->token->tokens->libctx;
    if (input->scheme == SG_SCHEME_ED) {
        _cleanup_(EVP_MD_CTX_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        good = ctx && EVP_DigestVerifyInit_ex(ctx, NULL, NULL, libctx, "provider=default", key->pub, NULL) == 1 &&
               EVP_DigestVerify(ctx, sig, len, input->message.data, input->message.len) == 1;
    } else {
        _cleanup_(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx =
            EVP_PKEY_CTX_new_from_pkey(libctx, key->pub, "provider=default");
        int padding = input->scheme == SG_SCHEME_PSS ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING;
        good = ctx && EVP_PKEY_verify_init(ctx) == 1 &&
               (input->scheme == SG_SCHEME_EC || EVP_PKEY_CTX_set_rsa_padding(ctx, padding) == 1) &&
               EVP_PKEY_CTX_set_signature_md(ctx, key->digests[input->digest_index]) == 1 &&
               EVP_PKEY_verify(ctx, sig, len, input->digest.data, input->digest.len) == 1;
    }
    ERR_clear_error();
    if (!good)
        return fail_signature(key, err,
                              _("the token's signature does not verify with the certificate's public key; the "
                                "certificate may belong to another key"));
    atomic_store(&key->proven, true);
    return SG_OK;
}

/* --- errors, a thread each --------------------------------------------------------------------------------------- */

static struct sg_sign_error *error_of_thread(const struct sg_token_key *key)
{
    for (size_t i = 0; key->errors && i < SG_MAX_THREADS; i++) {
        if (key->errors[i].used && pthread_equal(key->errors[i].thread, pthread_self()))
            return &key->errors[i];
    }
    return NULL;
}

/* A slot of this thread's own; with more threads than slots, somebody's old error gives way. */
static struct sg_sign_error *claim_error(struct sg_token_key *key)
{
    if (!key->errors)
        key->errors = calloc(SG_MAX_THREADS, sizeof *key->errors);
    struct sg_sign_error *own = error_of_thread(key);
    for (size_t i = 0; !own && key->errors && i < SG_MAX_THREADS; i++) {
        if (!key->errors[i].used)
            own = &key->errors[i];
    }
    return own ? own : key->errors;
}

void sg_key_record(struct sg_token_key *key, enum sg_rc rc, const struct sg_err *err)
{
    if (rc == SG_OK && !atomic_load_explicit(&key->any_error, memory_order_relaxed))
        return;
    (void)pthread_mutex_lock(&key->errors_lock);
    struct sg_sign_error *own = rc == SG_OK ? error_of_thread(key) : claim_error(key);
    if (own)
        *own = (struct sg_sign_error){.used = rc != SG_OK, .thread = pthread_self(), .err = *err};
    if (rc != SG_OK)
        atomic_store(&key->any_error, true);
    (void)pthread_mutex_unlock(&key->errors_lock);
}

enum sg_rc sg_token_key_last_error(const struct sg_token_key *key, struct sg_err *err)
{
    struct sg_token_key *locked = (struct sg_token_key *)(uintptr_t)key;
    (void)pthread_mutex_lock(&locked->errors_lock);
    const struct sg_sign_error *own = error_of_thread(key);
    enum sg_rc rc = own ? own->err.rc : SG_OK;
    if (own && err)
        *err = own->err;
    (void)pthread_mutex_unlock(&locked->errors_lock);
    return rc;
}

/* --- all together ------------------------------------------------------------------------------------------------ */

/* With its PIN, for a key that wants it each time. */
static enum sg_rc sign_with_pin(struct sg_token_key *key, struct sg_sign_input *input, uint8_t *out, size_t *ret_len,
                                struct sg_err *err)
{
    struct sg_pin_try try = {0};
    enum sg_rc rc = sg_token_reauthenticate_begin(key->token, &try, err);
    if (rc != SG_OK)
        return rc;
    input->pin = try.pin;
    return sg_token_reauthenticate_end(&try, sg_token_verbs(key->token)->sign(key, input, out, ret_len, err), err);
}

static enum sg_rc sign(struct sg_token_key *key, struct sg_sign_input *input, uint8_t *out, size_t *ret_len,
                       struct sg_err *err)
{
    size_t len = 0;
    enum sg_rc rc = key->info.attributes.always_authenticate == SG_YES
                        ? sign_with_pin(key, input, out, &len, err)
                        : sg_token_verbs(key->token)->sign(key, input, out, &len, err);
    if (rc == SG_OK && len > SG_MAX_SIGNATURE)
        return fail_signature(key, err, _("the token's signature has a wrong length; the module may need an update"));
    if (rc == SG_OK)
        rc = check_form(key, input->scheme, out, &len, err);
    if (rc == SG_OK && !atomic_load_explicit(&key->proven, memory_order_relaxed))
        rc = prove(key, input, out, len, err);
    if (rc == SG_OK)
        *ret_len = len;
    return rc;
}

enum sg_rc sg_key_sign(struct sg_token_key *key, struct sg_sign_input *input, uint8_t *out, size_t *ret_len)
{
    struct sg_err err = {.tries_left = -1};
    enum sg_rc rc = sign(key, input, out, ret_len, &err);
    sg_key_record(key, rc, &err);
    return rc;
}
