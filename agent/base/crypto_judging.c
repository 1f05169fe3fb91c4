/* A library context that knows public keys as certificates have them, of the algorithms that signatures are made with,
 * and no other keys. OpenSSL 3.0 asks each kind of key and each decoder that it has, several times, for each key: with
 * the few that are wanted a certificate takes less than half as long to parse. */
#include <string.h>

#include <openssl/core_dispatch.h>
#include <openssl/err.h>
#include <openssl/provider.h>

#include "base/cleanup.h"
#include "base/crypto.h"
#include "base/msg.h"

#define NAME "signet-judging"
#define MAX_FUNCTIONS 16
#define MAX_KEPT 16

/* By the first of their names. "DER" is how OpenSSL finds out what key a SubjectPublicKeyInfo is. */
static const char *const key_types[] = {"RSA", "RSA-PSS", "EC", "DSA", "ED25519", "ED448", "DER"};

/* OpenSSL's own provider, which ours is but for its keys and decoders. It lives in a context of its own, which is
 * shared by all of ours and never freed. */
static struct {
    OSSL_PROVIDER *provider;
    OSSL_FUNC_provider_query_operation_fn *query;
    OSSL_DISPATCH functions[MAX_FUNCTIONS + 1]; /* its own, with our query() and no teardown */
    OSSL_ALGORITHM keys[MAX_KEPT + 1], decoders[MAX_KEPT + 1];
} whole;

static const OSSL_ALGORITHM *query(void *context, int operation, int *no_cache)
{
    const OSSL_ALGORITHM *all = whole.query(context, operation, no_cache);
    return operation == OSSL_OP_DECODER ? whole.decoders : operation == OSSL_OP_KEYMGMT ? whole.keys : all;
}

static bool take_functions(const OSSL_DISPATCH *from)
{
    size_t count = 0;
    for (; from->function_id != 0; from++) {
        if (from->function_id == OSSL_FUNC_PROVIDER_TEARDOWN)
            continue;
        if (count == MAX_FUNCTIONS)
            return false;
        whole.functions[count] = *from;
        if (from->function_id == OSSL_FUNC_PROVIDER_QUERY_OPERATION) {
            whole.query = OSSL_FUNC_provider_query_operation(from);
            whole.functions[count].function = (void (*)(void))query;
        }
        count++;
    }
    return whole.query != NULL;
}

static bool is_wanted(const OSSL_ALGORITHM *algorithm)
{
    size_t len = strcspn(algorithm->algorithm_names, ":");
    for (size_t i = 0; i < sizeof key_types / sizeof *key_types; i++)
        if (strlen(key_types[i]) == len && strncmp(key_types[i], algorithm->algorithm_names, len) == 0)
            return true;
    return false;
}

/* Those whose properties have the text. */
static bool take(void *context, int operation, const char *properties, OSSL_ALGORITHM *kept)
{
    int no_cache = 0;
    size_t count = 0;
    const OSSL_ALGORITHM *from = whole.query(context, operation, &no_cache);
    for (; from && from->algorithm_names && count < MAX_KEPT; from++)
        if (is_wanted(from) && strstr(from->property_definition, properties))
            kept[count++] = *from;
    return count > 0;
}

static bool take_whole(void)
{
    OSSL_LIB_CTX *own = OSSL_LIB_CTX_new();
    whole.provider = own ? OSSL_PROVIDER_load(own, "default") : NULL;
    void *context = whole.provider ? OSSL_PROVIDER_get0_provider_ctx(whole.provider) : NULL;
    return whole.provider && take_functions(OSSL_PROVIDER_get0_dispatch(whole.provider)) &&
           take(context, OSSL_OP_KEYMGMT, "", whole.keys) &&
           take(context, OSSL_OP_DECODER, "input=der,structure=SubjectPublicKeyInfo", whole.decoders);
}

static int provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *core, const OSSL_DISPATCH **ret_functions,
                         void **ret_context)
{
    (void)handle, (void)core;
    if (!whole.provider && !take_whole())
        return 0;
    *ret_functions = whole.functions;
    *ret_context = OSSL_PROVIDER_get0_provider_ctx(whole.provider);
    return 1;
}

enum sg_rc sg_libctx_new_for_judging(OSSL_LIB_CTX **ret, struct sg_err *err)
{
    static OSSL_PROVIDER *loaded; /* which is not freed with its context */
    if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ADD_ALL_CIPHERS | OPENSSL_INIT_NO_ATEXIT,
                            NULL) != 1)
        return sg_fail_ssl(err, SG_E_INTERNAL, "%s", _("OpenSSL cannot be started."));
    _cleanup_(OSSL_LIB_CTX_freep) OSSL_LIB_CTX *libctx = OSSL_LIB_CTX_new();
    if (!libctx || !OSSL_PROVIDER_add_builtin(libctx, NAME, provider_init) ||
        !(loaded = OSSL_PROVIDER_load(libctx, NAME)))
        return sg_fail_ssl(err, SG_E_INTERNAL, "%s", _("OpenSSL's default provider cannot be loaded."));
    *ret = sg_steal(libctx);
    return SG_OK;
}
