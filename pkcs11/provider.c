#include "pkcs11/provider.h"

#include "base/msg.h"
#include "pkcs11/sign.h"

#define PROPERTIES "provider=signet"

/* Names as `default` has them, so that keys of both compare. */
static const OSSL_ALGORITHM keymgmts[] = {
    {"RSA:rsaEncryption:1.2.840.113549.1.1.1", PROPERTIES, sg_keymgmt_rsa, "RSA keys on tokens"},
    {"RSA-PSS:RSASSA-PSS:1.2.840.113549.1.1.10", PROPERTIES, sg_keymgmt_rsa_pss, "RSA keys on tokens, for PSS only"},
    {"EC:id-ecPublicKey:1.2.840.10045.2.1", PROPERTIES, sg_keymgmt_ec, "EC keys on tokens"},
    {"ED25519:1.3.101.112", PROPERTIES, sg_keymgmt_ed25519, "Ed25519 keys on tokens"},
    {NULL, NULL, NULL, NULL},
};

static const OSSL_ALGORITHM signatures[] = {
    {"RSA:rsaEncryption:1.2.840.113549.1.1.1", PROPERTIES, sg_signature_digested, "RSA signatures by tokens"},
    {"ECDSA", PROPERTIES, sg_signature_digested, "ECDSA signatures by tokens"},
    {"ED25519:1.3.101.112", PROPERTIES, sg_signature_ed25519, "Ed25519 signatures by tokens"},
    {NULL, NULL, NULL, NULL},
};

static const OSSL_ALGORITHM ciphers[] = {
    {"RSA:rsaEncryption:1.2.840.113549.1.1.1", PROPERTIES, sg_cipher_rsa, "RSA decryption by tokens"},
    {NULL, NULL, NULL, NULL},
};

static const OSSL_ALGORITHM exchanges[] = {
    {"ECDH", PROPERTIES, sg_exchange_ecdh, "ECDH by tokens"},
    {NULL, NULL, NULL, NULL},
};

static const OSSL_ALGORITHM *query_operation(void *context, int operation, int *no_cache)
{
    (void)context;
    *no_cache = 0;
    switch (operation) {
    case OSSL_OP_KEYMGMT:
        return keymgmts;
    case OSSL_OP_SIGNATURE:
        return signatures;
    case OSSL_OP_ASYM_CIPHER:
        return ciphers;
    case OSSL_OP_KEYEXCH:
        return exchanges;
    default:
        return NULL;
    }
}

static const OSSL_DISPATCH provider_functions[] = {
    {OSSL_FUNC_PROVIDER_QUERY_OPERATION, (sg_function)query_operation},
    {0, NULL},
};

static int provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out,
                         void **context)
{
    /* Built in, this program's own library context is what the core answers with (provider-base(7)). */
    for (; in->function_id != 0; in++)
        if (in->function_id == OSSL_FUNC_CORE_GET_LIBCTX)
            *context = OSSL_FUNC_core_get_libctx(in)(handle);
    *out = provider_functions;
    return *context != NULL;
}

enum sg_rc sg_provider_load(OSSL_LIB_CTX *libctx, OSSL_PROVIDER **ret, struct sg_err *err)
{
    OSSL_PROVIDER *provider = NULL;
    if (OSSL_PROVIDER_add_builtin(libctx, "signet", provider_init))
        provider = OSSL_PROVIDER_load(libctx, "signet");
    if (!provider)
        return sg_fail_ssl(err, SG_E_INTERNAL, "%s", _("The OpenSSL provider for tokens does not load."));
    *ret = provider;
    return SG_OK;
}

enum sg_rc sg_token_key_open(struct sg_token_key *key, EVP_PKEY **ret, struct sg_err *err)
{
    if (!key->inspected)
        return sg_fail(err, SG_E_INTERNAL, "%s", _("A key was to be used before it was inspected."));
    if (!key->pub) {
        (void)sg_fail(err, SG_E_NO_CERTIFICATE,
                      _("The key “%s” (id %s) has neither a certificate nor a public key on the token; import its "
                        "certificate there."),
                      key->info.label, key->info.id);
        sg_err_token(err, key->token->name);
        return SG_E_NO_CERTIFICATE;
    }
    enum sg_rc rc = sg_key_prepare(key, err);
    if (rc != SG_OK)
        return rc;
    OSSL_LIB_CTX *libctx = key->token->tokens->libctx;
    const char *type = EVP_PKEY_get0_type_name(key->pub);
    _cleanup_(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(libctx, type, PROPERTIES);
    void *pointer = key;
    OSSL_PARAM params[] = {OSSL_PARAM_construct_octet_ptr(SG_PARAM_KEY, &pointer, sizeof *key),
                           OSSL_PARAM_construct_end()};
    EVP_PKEY *wrapped = NULL;
    if (!ctx || EVP_PKEY_fromdata_init(ctx) <= 0 || EVP_PKEY_fromdata(ctx, &wrapped, EVP_PKEY_KEYPAIR, params) <= 0) {
        (void)sg_fail_ssl(err, SG_E_NO_KEY, _("Signet cannot use a key of the kind %s."), type ? type : "?");
        sg_err_token(err, key->token->name);
        return SG_E_NO_KEY;
    }
    *ret = wrapped;
    if (!key->token->pin_wanted)
        sg_secret_free(sg_steal(key->token->pin));
    return SG_OK;
}
