/* Which keys a token of a module in this process has: its private keys, public keys and certificates brought together.
 */
#include <string.h>

#include <openssl/err.h>

#include "base/msg.h"
#include "pkcs11/local.h"

/* What is read of an object, whatever its class. */
enum { AT_CLASS, AT_ID, AT_LABEL, AT_KEY_TYPE, AT_MODULUS, AT_EXPONENT, AT_EC_PARAMS, AT_EC_POINT, AT_VALUE, AT_COUNT };

struct object {
    CK_OBJECT_HANDLE handle;
    CK_OBJECT_CLASS class;
    struct sg_attribute at[AT_COUNT];
};

struct objects {
    struct object *all;
    size_t count;
};

static void objects_clear(struct objects *objects)
{
    for (size_t i = 0; i < objects->count; i++)
        sg_attributes_clear(objects->all[i].at, AT_COUNT);
    free(objects->all);
}

static struct sg_slice slice_of(const struct sg_attribute *attribute)
{
    return attribute->present ? (struct sg_slice){attribute->data, attribute->len} : (struct sg_slice){NULL, 0};
}

/* --- reading ----------------------------------------------------------------------------------------------------- */

static enum sg_rc read_object(struct sg_token *token, CK_SESSION_HANDLE session, struct object *object,
                              struct sg_err *err)
{
    static const CK_ATTRIBUTE_TYPE types[AT_COUNT] = {
        [AT_CLASS] = CKA_CLASS,         [AT_ID] = CKA_ID,
        [AT_LABEL] = CKA_LABEL,         [AT_KEY_TYPE] = CKA_KEY_TYPE,
        [AT_MODULUS] = CKA_MODULUS,     [AT_EXPONENT] = CKA_PUBLIC_EXPONENT,
        [AT_EC_PARAMS] = CKA_EC_PARAMS, [AT_EC_POINT] = CKA_EC_POINT,
        [AT_VALUE] = CKA_VALUE};
    struct sg_attribute *at = object->at;
    CK_OBJECT_HANDLE handle = object->handle;
    for (size_t i = 0; i < AT_COUNT; i++)
        at[i].type = types[i];
    enum sg_rc rc = sg_object_read(token, session, handle, &at[AT_CLASS], 3, err);
    if (rc != SG_OK || !sg_attribute_ulong(&at[AT_CLASS], &object->class))
        return rc;
    if (object->class == CKO_CERTIFICATE)
        return sg_object_read(token, session, handle, &at[AT_VALUE], 1, err);
    if (object->class != CKO_PRIVATE_KEY && object->class != CKO_PUBLIC_KEY)
        return SG_OK;
    CK_KEY_TYPE type = 0;
    rc = sg_object_read(token, session, handle, &at[AT_KEY_TYPE], 1, err);
    if (rc != SG_OK || !sg_attribute_ulong(&at[AT_KEY_TYPE], &type))
        return rc;
    if (type == CKK_RSA)
        return sg_object_read(token, session, handle, &at[AT_MODULUS], 2, err);
    if (type != CKK_EC && type != CKK_EC_EDWARDS)
        return SG_OK;
    /* Private EC keys seldom have their point. */
    return sg_object_read(token, session, handle, &at[AT_EC_PARAMS], object->class == CKO_PUBLIC_KEY ? 2 : 1, err);
}

/* Every object that fits, read. One search for all classes: a search is what costs most on a token. */
static enum sg_rc read_objects(struct sg_token *token, CK_ATTRIBUTE *match, CK_ULONG match_count,
                               struct objects *objects, struct sg_err *err)
{
    _cleanup_(freep) CK_OBJECT_HANDLE *handles = NULL;
    CK_SESSION_HANDLE session = 0;
    size_t count = 0;
    enum sg_rc rc = sg_session_acquire(token, &session, err);
    if (rc != SG_OK)
        return rc;
    rc = sg_objects_find(token, session, match, match_count, &handles, &count, err);
    if (rc == SG_OK) {
        objects->all = calloc(count + 1, sizeof *objects->all);
        if (!objects->all)
            rc = sg_fail_memory(err);
    }
    for (size_t i = 0; rc == SG_OK && i < count; i++) {
        objects->all[i].handle = handles[i];
        objects->count++;
        rc = read_object(token, session, &objects->all[i], err);
    }
    sg_session_release(token, session, rc == SG_OK);
    return rc;
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

enum sg_rc sg_local_certificates(struct sg_token *token, struct sg_slice subject, STACK_OF(X509) *certs,
                                 struct sg_err *err)
{
    CK_OBJECT_CLASS class = CKO_CERTIFICATE;
    CK_ATTRIBUTE match[] = {{CKA_CLASS, &class, sizeof class},
                            {CKA_SUBJECT, (void *)(uintptr_t)subject.data, subject.len}};
    _cleanup_(freep) CK_OBJECT_HANDLE *handles = NULL;
    size_t count = 0;
    CK_SESSION_HANDLE session = 0;
    enum sg_rc rc = sg_session_acquire(token, &session, err);
    if (rc != SG_OK)
        return rc;
    rc = sg_objects_find(token, session, match, subject.len > 0 ? 2 : 1, &handles, &count, err);
    for (size_t i = 0; rc == SG_OK && i < count; i++) {
        struct sg_attribute value = {.type = CKA_VALUE};
        rc = sg_object_read(token, session, handles[i], &value, 1, err);
        _cleanup_(X509_freep) X509 *cert = rc == SG_OK ? sg_token_certificate(token, slice_of(&value)) : NULL;
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

static enum sg_rc add_private(struct sg_token *token, const struct object *object, struct sg_key_list *list,
                              struct sg_err *err)
{
    struct sg_token_key *key = NULL;
    enum sg_rc rc = add_key(token, CKO_PRIVATE_KEY, object, list, &key, err);
    if (rc != SG_OK)
        return rc;
    key->handle = object->handle;
    key->info.private_seen = true;
    key->pub = object_pubkey(token, object);
    return SG_OK;
}

/* A public key joins the private key with its CKA_ID; where the private key says which public key is its own (RSA),
 * that decides. Without private keys in sight, it stands for a key itself. */
static enum sg_rc add_public(struct sg_token *token, const struct object *object, struct sg_key_list *list,
                             struct sg_err *err)
{
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

static enum sg_rc add_certificate(struct sg_token *token, const struct object *object, struct sg_key_list *list,
                                  struct sg_err *err)
{
    _cleanup_(X509_freep) X509 *cert = sg_token_certificate(token, slice_of(&object->at[AT_VALUE]));
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

/* Brings a class of objects into the list. Private keys come first, since they are what the others belong to. */
static enum sg_rc add_class(struct sg_token *token, const struct objects *objects, CK_OBJECT_CLASS class,
                            struct sg_key_list *list, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    for (size_t i = 0; rc == SG_OK && i < objects->count; i++) {
        const struct object *object = &objects->all[i];
        if (object->class != class || !object->at[AT_CLASS].present)
            continue;
        if (class == CKO_PRIVATE_KEY)
            rc = add_private(token, object, list, err);
        else if (class == CKO_PUBLIC_KEY)
            rc = add_public(token, object, list, err);
        else
            rc = add_certificate(token, object, list, err);
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

/* A certificate may have another CKA_ID than its key, or none. */
static enum sg_rc add_other_certificates(struct sg_token *token, struct sg_key_list *list, struct sg_err *err)
{
    CK_OBJECT_CLASS class = CKO_CERTIFICATE;
    CK_ATTRIBUTE match = {CKA_CLASS, &class, sizeof class};
    _cleanup_(objects_clear) struct objects objects = {0};
    enum sg_rc rc = read_objects(token, &match, 1, &objects, err);
    return rc == SG_OK ? add_class(token, &objects, CKO_CERTIFICATE, list, err) : rc;
}

enum sg_rc sg_local_private_keys(struct sg_token *token, struct sg_slice id, struct sg_key_list *list,
                                 struct sg_err *err)
{
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    CK_ATTRIBUTE match[] = {{CKA_CLASS, &class, sizeof class}, {CKA_ID, (void *)(uintptr_t)id.data, id.len}};
    _cleanup_(objects_clear) struct objects objects = {0};
    enum sg_rc rc = read_objects(token, match, id.len > 0 ? 2 : 1, &objects, err);
    return rc == SG_OK ? add_class(token, &objects, CKO_PRIVATE_KEY, list, err) : rc;
}

enum sg_rc sg_local_keys(struct sg_token *token, struct sg_slice id, struct sg_key_list *list, struct sg_err *err)
{
    static const CK_OBJECT_CLASS classes[] = {CKO_PRIVATE_KEY, CKO_PUBLIC_KEY, CKO_CERTIFICATE};
    CK_ATTRIBUTE match = {CKA_ID, (void *)(uintptr_t)id.data, id.len};
    _cleanup_(objects_clear) struct objects objects = {0};
    enum sg_rc rc = read_objects(token, &match, id.len > 0 ? 1 : 0, &objects, err);
    for (size_t i = 0; rc == SG_OK && i < sizeof classes / sizeof *classes; i++)
        rc = add_class(token, &objects, classes[i], list, err);
    if (rc == SG_OK && id.len > 0 && lacks_certificate(list))
        rc = add_other_certificates(token, list, err);
    for (size_t i = 0; rc == SG_OK && i < list->count; i++) {
        sg_token_key_describe(list->keys[i]);
        rc = sg_token_key_describe_texts(list->keys[i], err);
    }
    ERR_clear_error();
    return rc;
}
