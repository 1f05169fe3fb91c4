/* Which keys a token has: its private keys, public keys and certificates brought together. */
#include <string.h>

#include <openssl/err.h>

#include "base/msg.h"
#include "pkcs11/internal.h"

#define LOOK_AGAIN 3

/* What is read of an object, whatever its class. */
enum { AT_ID, AT_LABEL, AT_KEY_TYPE, AT_MODULUS, AT_EXPONENT, AT_EC_PARAMS, AT_EC_POINT, AT_VALUE, AT_COUNT };

struct object {
    struct sg_attribute at[AT_COUNT];
};

static void object_clear(struct object *object)
{
    sg_attributes_clear(object->at, AT_COUNT);
}

static struct sg_slice slice_of(const struct sg_attribute *attribute)
{
    return attribute->present ? (struct sg_slice){attribute->data, attribute->len} : (struct sg_slice){NULL, 0};
}

/* --- reading ----------------------------------------------------------------------------------------------------- */

static enum sg_rc read_object(struct sg_token *token, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE handle,
                              CK_OBJECT_CLASS class, struct object *object, struct sg_err *err)
{
    *object = (struct object){.at = {{.type = CKA_ID},
                                     {.type = CKA_LABEL},
                                     {.type = CKA_KEY_TYPE},
                                     {.type = CKA_MODULUS},
                                     {.type = CKA_PUBLIC_EXPONENT},
                                     {.type = CKA_EC_PARAMS},
                                     {.type = CKA_EC_POINT},
                                     {.type = CKA_VALUE}}};
    struct sg_attribute *at = object->at;
    if (class == CKO_CERTIFICATE) {
        enum sg_rc rc = sg_object_read(token, session, handle, &at[AT_VALUE], 1, err);
        return rc == SG_OK ? sg_object_read(token, session, handle, &at[AT_ID], 2, err) : rc;
    }
    enum sg_rc rc = sg_object_read(token, session, handle, &at[AT_ID], 3, err);
    CK_KEY_TYPE type = 0;
    if (rc != SG_OK || !sg_attribute_ulong(&at[AT_KEY_TYPE], &type))
        return rc;
    if (type == CKK_RSA)
        return sg_object_read(token, session, handle, &at[AT_MODULUS], 2, err);
    if (type != CKK_EC && type != CKK_EC_EDWARDS)
        return SG_OK;
    /* Private EC keys seldom have their point. */
    return class == CKO_PUBLIC_KEY ? sg_object_read(token, session, handle, &at[AT_EC_PARAMS], 2, err)
                                   : sg_object_read(token, session, handle, &at[AT_EC_PARAMS], 1, err);
}

static EVP_PKEY *object_pubkey(const struct sg_token *token, const struct object *object)
{
    OSSL_LIB_CTX *libctx = token->tokens->libctx;
    const struct sg_attribute *at = object->at;
    if (at[AT_MODULUS].present)
        return sg_pubkey_rsa(libctx, slice_of(&at[AT_MODULUS]), slice_of(&at[AT_EXPONENT]));
    if (at[AT_EC_POINT].present)
        return sg_pubkey_ec(libctx, slice_of(&at[AT_EC_PARAMS]), slice_of(&at[AT_EC_POINT]));
    return NULL;
}

X509 *sg_token_certificate(struct sg_token *token, const struct sg_attribute *value)
{
    const unsigned char *at = value->data;
    if (!value->present || value->len == 0)
        return NULL;
    _cleanup_(X509_freep) X509 *cert = X509_new_ex(token->tokens->libctx, NULL);
    if (!cert || !d2i_X509(&cert, &at, (long)value->len) || at != value->data + value->len) {
        sg_log(&token->tokens->log, SG_LOG_WARNING, _("A certificate on the token %s cannot be read; it is left out."),
               token->name);
        return NULL;
    }
    return sg_steal(cert);
}

enum sg_rc sg_token_certificates(struct sg_token *token, const X509_NAME *subject, STACK_OF(X509) *certs,
                                 struct sg_err *err)
{
    CK_OBJECT_CLASS class = CKO_CERTIFICATE;
    const unsigned char *name = NULL;
    size_t name_len = 0;
    if (subject && X509_NAME_get0_der(subject, &name, &name_len) != 1)
        return sg_fail_ssl(err, SG_E_MALFORMED, "%s", _("The name of a certificate's issuer cannot be read."));
    CK_ATTRIBUTE match[] = {{CKA_CLASS, &class, sizeof class}, {CKA_SUBJECT, (void *)(uintptr_t)name, name_len}};
    _cleanup_(freep) CK_OBJECT_HANDLE *handles = NULL;
    size_t count = 0;
    CK_SESSION_HANDLE session = 0;
    enum sg_rc rc = sg_session_acquire(token, &session, err);
    if (rc != SG_OK)
        return rc;
    rc = sg_objects_find(token, session, match, subject ? 2 : 1, &handles, &count, err);
    for (size_t i = 0; rc == SG_OK && i < count; i++) {
        struct sg_attribute value = {.type = CKA_VALUE};
        rc = sg_object_read(token, session, handles[i], &value, 1, err);
        _cleanup_(X509_freep) X509 *cert = rc == SG_OK ? sg_token_certificate(token, &value) : NULL;
        sg_attributes_clear(&value, 1);
        if (cert && sk_X509_push(certs, cert) <= 0)
            rc = sg_fail_memory(err);
        else
            cert = NULL;
    }
    sg_session_release(token, session, rc == SG_OK);
    ERR_clear_error();
    return rc;
}

/* --- bringing together ------------------------------------------------------------------------------------------- */

static bool same_id(const struct sg_token_key *key, const struct object *object)
{
    struct sg_slice id = slice_of(&object->at[AT_ID]);
    return id.len > 0 && sg_slice_equal(id, (struct sg_slice){key->id, key->id_len});
}

static enum sg_rc add_key(struct sg_token *token, CK_OBJECT_CLASS class, const struct object *object,
                          struct sg_key_list *list, struct sg_token_key **ret, struct sg_err *err)
{
    _cleanup_(sg_token_key_unrefp) struct sg_token_key *key = NULL;
    enum sg_rc rc = sg_token_key_new(token, slice_of(&object->at[AT_ID]), &key, err);
    if (rc == SG_OK)
        rc = sg_token_key_set_label(key, class, &object->at[AT_LABEL], err);
    if (rc == SG_OK)
        rc = sg_key_list_add(list, key, err);
    if (rc != SG_OK)
        return rc;
    CK_KEY_TYPE type = 0;
    if (sg_attribute_ulong(&object->at[AT_KEY_TYPE], &type))
        key->info.type = sg_key_type_text(type);
    *ret = sg_steal(key);
    return SG_OK;
}

static enum sg_rc add_private(struct sg_token *token, CK_OBJECT_HANDLE handle, const struct object *object,
                              struct sg_key_list *list, struct sg_err *err)
{
    struct sg_token_key *key = NULL;
    enum sg_rc rc = add_key(token, CKO_PRIVATE_KEY, object, list, &key, err);
    if (rc != SG_OK)
        return rc;
    key->handle = handle;
    key->info.private_seen = true;
    key->pub = object_pubkey(token, object);
    return SG_OK;
}

/* A public key joins the private key with its CKA_ID; where the private key says which public key is its own (RSA),
 * that decides. Without private keys in sight, it stands for a key itself. */
static enum sg_rc add_public(struct sg_token *token, CK_OBJECT_HANDLE handle, const struct object *object,
                             struct sg_key_list *list, struct sg_err *err)
{
    (void)handle;
    _cleanup_(EVP_PKEY_freep) EVP_PKEY *pub = object_pubkey(token, object);
    if (!pub)
        return SG_OK;
    for (size_t i = 0; i < list->count; i++) {
        struct sg_token_key *key = list->keys[i];
        if (!key->info.private_seen || !same_id(key, object) || strcmp(key->info.type, sg_pubkey_type(pub)) != 0 ||
            (key->pub && !sg_pubkey_same(key->pub, pub)))
            continue;
        if (!key->pub)
            key->pub = sg_steal(pub);
        return sg_token_key_set_label(key, CKO_PUBLIC_KEY, &object->at[AT_LABEL], err);
    }
    if (sg_token_open_to_us(token))
        return SG_OK;
    struct sg_token_key *key = NULL;
    enum sg_rc rc = add_key(token, CKO_PUBLIC_KEY, object, list, &key, err);
    if (rc == SG_OK)
        key->pub = sg_steal(pub);
    return rc;
}

/* Several certificates for one key are renewals: the one that begins last counts. */
static bool is_newer(const X509 *cert, const X509 *than)
{
    return !than || ASN1_TIME_compare(X509_get0_notBefore(cert), X509_get0_notBefore(than)) > 0;
}

static enum sg_rc set_certificate(struct sg_token_key *key, X509 *cert, const struct object *object, struct sg_err *err)
{
    if (!is_newer(cert, key->info.cert))
        return SG_OK;
    enum sg_rc rc = sg_token_key_set_label(key, CKO_CERTIFICATE, &object->at[AT_LABEL], err);
    if (rc != SG_OK)
        return rc;
    /* The certificate's form of the key tells what it may be used for (id-RSASSA-PSS). */
    EVP_PKEY *pub = X509_get_pubkey(cert);
    EVP_PKEY_free(key->pub);
    key->pub = pub;
    X509_free(key->info.cert);
    key->info.cert = cert;
    (void)X509_up_ref(cert);
    return SG_OK;
}

static enum sg_rc add_certificate(struct sg_token *token, CK_OBJECT_HANDLE handle, const struct object *object,
                                  struct sg_key_list *list, struct sg_err *err)
{
    (void)handle;
    _cleanup_(X509_freep) X509 *cert = sg_token_certificate(token, &object->at[AT_VALUE]);
    EVP_PKEY *pub = cert ? X509_get0_pubkey(cert) : NULL;
    if (!pub)
        return SG_OK;
    for (size_t i = 0; i < list->count; i++) {
        struct sg_token_key *key = list->keys[i];
        if (key->pub && sg_pubkey_same(key->pub, pub))
            return set_certificate(key, cert, object, err);
    }
    /* A private key that does not tell its public one: its CKA_ID has to do until its first signature verifies. */
    for (size_t i = 0; i < list->count; i++) {
        struct sg_token_key *key = list->keys[i];
        if (!key->pub && same_id(key, object) && strcmp(key->info.type, sg_pubkey_type(pub)) == 0)
            return set_certificate(key, cert, object, err);
    }
    if (sg_token_open_to_us(token) || X509_check_ca(cert) == 1)
        return SG_OK;
    struct sg_token_key *key = NULL;
    enum sg_rc rc = add_key(token, CKO_CERTIFICATE, object, list, &key, err);
    return rc == SG_OK ? set_certificate(key, cert, object, err) : rc;
}

typedef enum sg_rc add_function(struct sg_token *token, CK_OBJECT_HANDLE handle, const struct object *object,
                                struct sg_key_list *list, struct sg_err *err);

static enum sg_rc add_class(struct sg_token *token, CK_SESSION_HANDLE session, CK_OBJECT_CLASS class,
                            struct sg_slice id, add_function *add, struct sg_key_list *list, struct sg_err *err)
{
    CK_ATTRIBUTE match[] = {{CKA_CLASS, &class, sizeof class}, {CKA_ID, (void *)(uintptr_t)id.data, id.len}};
    _cleanup_(freep) CK_OBJECT_HANDLE *handles = NULL;
    size_t count = 0;
    enum sg_rc rc = sg_objects_find(token, session, match, id.len > 0 ? 2 : 1, &handles, &count, err);
    for (size_t i = 0; rc == SG_OK && i < count; i++) {
        _cleanup_(object_clear) struct object object = {0};
        rc = read_object(token, session, handles[i], class, &object, err);
        if (rc == SG_OK)
            rc = add(token, handles[i], &object, list, err);
    }
    return rc;
}

static bool lacks_certificate(const struct sg_key_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        if (!list->keys[i]->info.cert)
            return true;
    }
    return false;
}

enum sg_rc sg_token_private_keys(struct sg_token *token, struct sg_slice id, struct sg_key_list *list,
                                 struct sg_err *err)
{
    CK_SESSION_HANDLE session = 0;
    enum sg_rc rc = sg_session_acquire(token, &session, err);
    if (rc != SG_OK)
        return rc;
    rc = add_class(token, session, CKO_PRIVATE_KEY, id, add_private, list, err);
    sg_session_release(token, session, rc == SG_OK);
    return rc;
}

enum sg_rc sg_token_keys(struct sg_token *token, struct sg_slice id, struct sg_key_list *list, struct sg_err *err)
{
    CK_SESSION_HANDLE session = 0;
    enum sg_rc rc = sg_session_acquire(token, &session, err);
    if (rc != SG_OK)
        return rc;
    rc = add_class(token, session, CKO_PRIVATE_KEY, id, add_private, list, err);
    if (rc == SG_OK)
        rc = add_class(token, session, CKO_PUBLIC_KEY, id, add_public, list, err);
    if (rc == SG_OK)
        rc = add_class(token, session, CKO_CERTIFICATE, id, add_certificate, list, err);
    /* A certificate may have another CKA_ID than its key, or none. */
    if (rc == SG_OK && id.len > 0 && lacks_certificate(list))
        rc = add_class(token, session, CKO_CERTIFICATE, (struct sg_slice){NULL, 0}, add_certificate, list, err);
    sg_session_release(token, session, rc == SG_OK);
    for (size_t i = 0; rc == SG_OK && i < list->count; i++) {
        sg_token_key_describe(list->keys[i]);
        rc = sg_token_key_describe_texts(list->keys[i], err);
    }
    ERR_clear_error();
    return rc;
}

/* --- finding ----------------------------------------------------------------------------------------------------- */

static enum sg_rc find_on_token(struct sg_token *token, const struct sg_uri *uri, struct sg_key_list *result,
                                struct sg_err *err)
{
    _cleanup_(sg_key_list_freep) struct sg_key_list *all = calloc(1, sizeof *all);
    if (!all)
        return sg_fail_memory(err);
    struct sg_slice id = uri ? sg_uri_id(uri) : (struct sg_slice){NULL, 0};
    enum sg_rc rc = sg_token_keys(token, id, all, err);
    for (size_t i = 0; rc == SG_OK && i < all->count; i++) {
        if (uri && !sg_uri_fits_key(uri, all->keys[i]))
            continue;
        rc = sg_key_list_add(result, all->keys[i], err);
        if (rc == SG_OK)
            (void)sg_token_key_ref(all->keys[i]);
    }
    return rc;
}

static bool any_fits(const struct sg_tokens *tokens, const struct sg_uri *uri)
{
    for (size_t i = 0; i < tokens->token_count; i++) {
        const struct sg_token *token = tokens->tokens[i];
        if (token->info.initialized && (!uri || sg_uri_fits_token(uri, token)))
            return true;
    }
    return false;
}

enum sg_rc sg_keys_find(struct sg_tokens *tokens, const char *uri_text, struct sg_key_list **ret, struct sg_err *err)
{
    _cleanup_(sg_uri_freep) struct sg_uri *uri = NULL;
    _cleanup_(sg_key_list_freep) struct sg_key_list *list = calloc(1, sizeof *list);
    if (!list)
        return sg_fail_memory(err);
    enum sg_rc rc = uri_text ? sg_uri_parse(uri_text, &uri, err) : SG_OK;
    for (int attempt = 0; rc == SG_OK && attempt < LOOK_AGAIN && !any_fits(tokens, uri); attempt++)
        rc = sg_tokens_look_again(tokens, err);
    for (size_t i = 0; rc == SG_OK && i < tokens->token_count; i++) {
        struct sg_token *token = tokens->tokens[i];
        if (!token->info.initialized || (uri && !sg_uri_fits_token(uri, token)))
            continue;
        rc = find_on_token(token, uri, list, err);
    }
    if (rc == SG_OK)
        *ret = sg_steal(list);
    return rc;
}
