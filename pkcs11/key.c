/* A key of a token: its life and its description. */
#include <string.h>

#include "base/msg.h"
#include "pkcs11/internal.h"

enum sg_rc sg_token_key_new(struct sg_token *token, struct sg_slice id, struct sg_token_key **ret, struct sg_err *err)
{
    static const CK_OBJECT_CLASS classes[SG_LABELS] = {CKO_PRIVATE_KEY, CKO_PUBLIC_KEY, CKO_CERTIFICATE};
    struct sg_token_key *key = calloc(1, sizeof *key);
    if (!key)
        return sg_fail_memory(err);
    if (pthread_mutex_init(&key->errors_lock, NULL) != 0) {
        free(key);
        return sg_fail_memory(err);
    }
    atomic_init(&key->references, 1);
    key->token = token;
    key->info.token = &token->info;
    key->info.type = "unknown";
    for (size_t i = 0; i < SG_LABELS; i++)
        key->labels[i].class = classes[i];
    if (id.len > 0) {
        key->id = malloc(id.len);
        if (!key->id) {
            sg_token_key_unref(key);
            return sg_fail_memory(err);
        }
        memcpy(key->id, id.data, id.len);
        key->id_len = id.len;
    }
    *ret = key;
    return SG_OK;
}

struct sg_token_key *sg_token_key_ref(struct sg_token_key *key)
{
    atomic_fetch_add_explicit(&key->references, 1, memory_order_relaxed);
    return key;
}

static void free_texts(struct sg_token_key *key)
{
    free((char *)(uintptr_t)key->info.uri);
    free((char *)(uintptr_t)key->info.label);
    free((char *)(uintptr_t)key->info.id);
    key->info.uri = key->info.label = key->info.id = NULL;
}

void sg_token_key_unref(struct sg_token_key *key)
{
    if (!key || atomic_fetch_sub_explicit(&key->references, 1, memory_order_acq_rel) != 1)
        return;
    free_texts(key);
    for (size_t i = 0; i < SG_LABELS; i++)
        free(key->labels[i].bytes);
    for (size_t i = 0; i < SG_DIGESTS; i++)
        EVP_MD_free(key->digests[i]);
    (void)pthread_mutex_destroy(&key->errors_lock);
    X509_free(key->info.cert);
    EVP_PKEY_free(key->pub);
    free(key->id);
    free(key->errors);
    free(key);
}

const struct sg_label *sg_token_key_label(const struct sg_token_key *key)
{
    for (size_t i = 0; i < SG_LABELS; i++) {
        if (key->labels[i].len > 0)
            return &key->labels[i];
    }
    return NULL;
}

enum sg_rc sg_token_key_set_label(struct sg_token_key *key, CK_OBJECT_CLASS class, const struct sg_attribute *label,
                                  struct sg_err *err)
{
    for (size_t i = 0; i < SG_LABELS; i++) {
        struct sg_label *own = &key->labels[i];
        if (own->class != class || !label->present || label->len == 0)
            continue;
        uint8_t *bytes = malloc(label->len);
        if (!bytes)
            return sg_fail_memory(err);
        memcpy(bytes, label->data, label->len);
        free(own->bytes);
        own->bytes = bytes;
        own->len = label->len;
    }
    return SG_OK;
}

void sg_token_key_describe(struct sg_token_key *key)
{
    if (!key->pub)
        return;
    key->info.type = sg_pubkey_type(key->pub);
    key->info.bits = EVP_PKEY_get_bits(key->pub);
    sg_pubkey_curve(key->pub, key->curve, sizeof key->curve);
    key->info.curve = key->curve[0] ? key->curve : NULL;
    if (EVP_PKEY_is_a(key->pub, "RSA-PSS"))
        key->info.pss_only = true;
}

enum sg_rc sg_token_key_describe_texts(struct sg_token_key *key, struct sg_err *err)
{
    const struct sg_label *label = sg_token_key_label(key);
    _cleanup_(freep) char *uri = sg_uri_of_key(key);
    _cleanup_(freep) char *safe_label = label ? sg_safe_text(label->bytes, label->len) : strdup("");
    _cleanup_(freep) char *id = malloc(2 * key->id_len + 1);
    if (!uri || !safe_label || !id)
        return sg_fail_memory(err);
    sg_hex(key->id, key->id_len, id);
    free_texts(key);
    key->info.uri = sg_steal(uri);
    key->info.label = sg_steal(safe_label);
    key->info.id = sg_steal(id);
    return SG_OK;
}

const struct sg_key_info *sg_token_key_info(const struct sg_token_key *key)
{
    return &key->info;
}

EVP_PKEY *sg_token_key_public(const struct sg_token_key *key)
{
    return key->pub;
}

/* In the order in which they are preferred; a hash in front is the token's own work. */
static const struct {
    const char *type, *name;
    CK_MECHANISM_TYPE mechanism;
} mechanisms[] = {
    {"RSA", "CKM_RSA_PKCS", CKM_RSA_PKCS},
    {"RSA", "CKM_SHA256_RSA_PKCS", CKM_SHA256_RSA_PKCS},
    {"RSA", "CKM_SHA384_RSA_PKCS", CKM_SHA384_RSA_PKCS},
    {"RSA", "CKM_SHA512_RSA_PKCS", CKM_SHA512_RSA_PKCS},
    {"RSA", "CKM_RSA_PKCS_PSS", CKM_RSA_PKCS_PSS},
    {"RSA", "CKM_SHA256_RSA_PKCS_PSS", CKM_SHA256_RSA_PKCS_PSS},
    {"RSA", "CKM_SHA384_RSA_PKCS_PSS", CKM_SHA384_RSA_PKCS_PSS},
    {"RSA", "CKM_SHA512_RSA_PKCS_PSS", CKM_SHA512_RSA_PKCS_PSS},
    {"RSA", "CKM_RSA_PKCS_OAEP", CKM_RSA_PKCS_OAEP},
    {"RSA", "CKM_RSA_X_509", CKM_RSA_X_509},
    {"EC", "CKM_ECDSA", CKM_ECDSA},
    {"EC", "CKM_ECDSA_SHA256", CKM_ECDSA_SHA256},
    {"EC", "CKM_ECDSA_SHA384", CKM_ECDSA_SHA384},
    {"EC", "CKM_ECDSA_SHA512", CKM_ECDSA_SHA512},
    {"EC", "CKM_ECDH1_DERIVE", CKM_ECDH1_DERIVE},
    {"Ed25519", "CKM_EDDSA", CKM_EDDSA},
};
_Static_assert(sizeof mechanisms / sizeof *mechanisms <= SG_KEY_MECHANISMS, "the caller's room");

size_t sg_token_key_mechanisms(const struct sg_token_key *key, const char *names[SG_KEY_MECHANISMS])
{
    size_t count = 0;

    for (size_t i = 0; i < sizeof mechanisms / sizeof *mechanisms; i++)
        if (strcmp(mechanisms[i].type, key->info.type) == 0 &&
            sg_token_has_mechanism(key->token, mechanisms[i].mechanism))
            names[count++] = mechanisms[i].name;
    return count;
}

bool sg_token_key_fits(const struct sg_token_key *key, const X509 *cert)
{
    const EVP_PKEY *pub = X509_get0_pubkey(cert);
    return key->pub && pub && sg_pubkey_same(key->pub, pub);
}

struct sg_token *sg_token_key_token(const struct sg_token_key *key)
{
    return key->token;
}

/* --- lists ------------------------------------------------------------------------------------------------------- */

enum sg_rc sg_key_list_add(struct sg_key_list *list, struct sg_token_key *key, struct sg_err *err)
{
    struct sg_token_key **grown = reallocarray(list->keys, list->count + 1, sizeof(struct sg_token_key *));
    if (!grown)
        return sg_fail_memory(err);
    list->keys = grown;
    grown[list->count++] = key;
    return SG_OK;
}

void sg_key_list_free(struct sg_key_list *list)
{
    if (!list)
        return;
    for (size_t i = 0; i < list->count; i++)
        sg_token_key_unref(list->keys[i]);
    free(list->keys);
    free(list);
}

size_t sg_key_list_count(const struct sg_key_list *list)
{
    return list->count;
}

struct sg_token_key *sg_key_list_get(const struct sg_key_list *list, size_t index)
{
    return index < list->count ? list->keys[index] : NULL;
}
