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

bool sg_key_wants_message(const struct sg_token_key *key, enum sg_scheme scheme)
{
    return atomic_load_explicit(&key->raw[scheme], memory_order_relaxed) != SG_RAW_WORKS;
}

/* --- what the token is given ------------------------------------------------------------------------------------- */

struct call {
    CK_MECHANISM mechanism;
    CK_RSA_PKCS_PSS_PARAMS pss;
    uint8_t buffer[128]; /* DigestInfo */
    struct sg_slice data;
};

static size_t order_len(const struct sg_token_key *key)
{
    return ((size_t)EVP_PKEY_get_bits(key->pub) + 7) / 8;
}

static void set_pss(struct call *call, const struct sg_digest_info *digest)
{
    call->pss = (CK_RSA_PKCS_PSS_PARAMS){digest->mechanism, digest->mgf, digest->len};
    call->mechanism.pParameter = &call->pss;
    call->mechanism.ulParameterLen = sizeof call->pss;
}

static void prepare_raw(struct call *call, const struct sg_token_key *key, const struct sg_sign_input *input)
{
    const struct sg_digest_info *digest = &digest_infos[input->digest_index];
    *call = (struct call){.mechanism = {.mechanism = raw_mechanisms[input->scheme]}, .data = input->digest};
    switch (input->scheme) {
    case SG_SCHEME_PKCS1:
        memcpy(call->buffer, digest->prefix, sizeof digest->prefix);
        memcpy(call->buffer + sizeof digest->prefix, input->digest.data, digest->len);
        call->data = (struct sg_slice){call->buffer, sizeof digest->prefix + digest->len};
        break;
    case SG_SCHEME_PSS:
        set_pss(call, digest);
        break;
    case SG_SCHEME_EC:
        /* FIPS 186-4 §6.4: the leftmost bits of the digest. Not every token cuts for itself. */
        if (call->data.len > order_len(key))
            call->data.len = order_len(key);
        break;
    case SG_SCHEME_ED:
    case SG_SCHEMES:
        call->data = input->message;
        break;
    }
}

static void prepare_combined(struct call *call, const struct sg_sign_input *input)
{
    const struct sg_digest_info *digest = &digest_infos[input->digest_index];
    *call = (struct call){.mechanism = {.mechanism = digest->mechanism_of[input->scheme]}, .data = input->message};
    if (input->scheme == SG_SCHEME_PSS)
        set_pss(call, digest);
}

/* --- calling the token ------------------------------------------------------------------------------------------- */

/* A key with CKA_ALWAYS_AUTHENTICATE wants the PIN between C_SignInit and C_Sign. */
static CK_RV reauthenticate(struct sg_token *token, CK_SESSION_HANDLE session)
{
    const struct sg_secret *pin = token->pin;
    if (token->refused_count > 0)
        return CKR_PIN_INCORRECT;
    if (!pin && !token->info.pin_pad)
        return CKR_USER_NOT_LOGGED_IN; /* it was wiped: see sg_token_key_open() */
    CK_RV rv =
        sg_token_functions(token)->C_Login(session, CKU_CONTEXT_SPECIFIC, pin ? pin->bytes : NULL, pin ? pin->len : 0);
    if (sg_pin_refused(rv))
        sg_token_refuse_pin(token, sg_steal(token->pin)); /* never again, in any thread */
    return rv;
}

static CK_RV sign_in_session(struct sg_token_key *key, CK_SESSION_HANDLE session, struct call *call, uint8_t *out,
                             CK_ULONG *len)
{
    CK_FUNCTION_LIST *f = sg_token_functions(key->token);
    CK_RV rv = f->C_SignInit(session, &call->mechanism, key->handle);
    if (rv != CKR_OK)
        return rv;
    if (key->info.attributes.always_authenticate == SG_YES) {
        rv = reauthenticate(key->token, session);
        if (rv != CKR_OK)
            return rv;
    }
    return f->C_Sign(session, (CK_BYTE_PTR)(uintptr_t)call->data.data, call->data.len, out, len);
}

/* The raw mechanism, and the combined one where that is not there. */
static CK_RV sign_raw_or_combined(struct sg_token_key *key, const struct sg_sign_input *input,
                                  CK_SESSION_HANDLE session, uint8_t *out, CK_ULONG *len)
{
    struct call call;
    CK_RV rv = CKR_MECHANISM_INVALID;
    enum sg_raw_state raw = atomic_load(&key->raw[input->scheme]);
    if (raw != SG_RAW_MISSING) {
        prepare_raw(&call, key, input);
        rv = sign_in_session(key, session, &call, out, len);
        if (rv == CKR_OK && raw == SG_RAW_UNTRIED)
            atomic_store(&key->raw[input->scheme], SG_RAW_WORKS);
    }
    if (rv != CKR_MECHANISM_INVALID || input->scheme == SG_SCHEME_ED)
        return rv;
    atomic_store(&key->raw[input->scheme], SG_RAW_MISSING);
    if (!input->has_message)
        return rv;
    prepare_combined(&call, input);
    *len = SG_MAX_SIGNATURE;
    return sign_in_session(key, session, &call, out, len);
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
    size_t half = order_len(key);
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
    size_t right = scheme == SG_SCHEME_ED ? 64 : order_len(key);
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
        good = ctx && EVP_DigestVerifyInit_ex(ctx, NULL, NULL, libctx, NULL, key->pub, NULL) == 1 &&
               EVP_DigestVerify(ctx, sig, len, input->message.data, input->message.len) == 1;
    } else {
        _cleanup_(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(libctx, key->pub, NULL);
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

static void record(struct sg_token_key *key, enum sg_rc rc, const struct sg_err *err)
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

static enum sg_rc sign(struct sg_token_key *key, const struct sg_sign_input *input, uint8_t *out, size_t *ret_len,
                       struct sg_err *err)
{
    struct sg_token *token = key->token;
    CK_SESSION_HANDLE session = 0;
    enum sg_rc rc = sg_session_acquire(token, &session, err);
    if (rc != SG_OK)
        return rc;
    bool alone = key->info.attributes.always_authenticate == SG_YES;
    CK_ULONG len = SG_MAX_SIGNATURE;
    if (alone)
        (void)pthread_mutex_lock(&token->reauthentication);
    CK_RV rv = sign_raw_or_combined(key, input, session, out, &len);
    if (alone)
        (void)pthread_mutex_unlock(&token->reauthentication);
    /* After a failure the session may still be in the middle of the operation. */
    sg_session_release(token, session, rv == CKR_OK);
    if (rv != CKR_OK)
        return sg_fail_ck(err, rv, token->name, _("The token did not sign"));
    if (len > SG_MAX_SIGNATURE)
        return fail_signature(key, err, _("the token's signature has a wrong length; the module may need an update"));
    size_t size = len;
    rc = check_form(key, input->scheme, out, &size, err);
    if (rc == SG_OK && !atomic_load_explicit(&key->proven, memory_order_relaxed))
        rc = prove(key, input, out, size, err);
    if (rc == SG_OK)
        *ret_len = size;
    return rc;
}

enum sg_rc sg_key_sign(struct sg_token_key *key, const struct sg_sign_input *input, uint8_t *out, size_t *ret_len)
{
    struct sg_err err = {.tries_left = -1};
    enum sg_rc rc = sign(key, input, out, ret_len, &err);
    record(key, rc, &err);
    return rc;
}
