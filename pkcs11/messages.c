#include "pkcs11/messages.h"

#include <string.h>

#include <openssl/err.h>

#include "base/msg.h"

/* --- outcome ------------------------------------------------------------------------------------------------------ */

bool sg_put_outcome(struct sg_buf *body, enum sg_rc rc, const struct sg_err *err)
{
    if (!sg_put_u32(body, rc))
        return false;
    return rc == SG_OK || (sg_put_text(body, err->text) && sg_put_text(body, err->cause) &&
                           sg_put_u32(body, err->tries_left >= 0 ? (size_t)err->tries_left + 1 : 0));
}

enum sg_rc sg_get_outcome(struct sg_fields *fields, struct sg_err *err)
{
    struct sg_err told = {.rc = (enum sg_rc)sg_get_u32(fields, SG_RC_COUNT - 1)};
    if (told.rc != SG_OK) {
        sg_get_safe_text(fields, told.text, sizeof told.text);
        sg_get_safe_text(fields, told.cause, sizeof told.cause);
        told.tries_left = (int)sg_get_u32(fields, 1000) - 1;
        if (err)
            *err = told;
    }
    return told.rc;
}

/* --- readers ------------------------------------------------------------------------------------------------------ */

bool sg_put_reader(struct sg_buf *body, const struct sg_reader *reader)
{
    return sg_put_text(body, reader->name) && sg_put_bytes(body, (struct sg_slice){reader->atr, reader->atr_len}) &&
           sg_put_u8(body, reader->held) && sg_put_u32(body, reader->events);
}

void sg_get_reader(struct sg_fields *fields, struct sg_reader *ret)
{
    sg_get_text(fields, ret->name, sizeof ret->name);
    struct sg_slice atr = sg_get_bytes(fields, sizeof ret->atr);
    if (atr.len > 0)
        memcpy(ret->atr, atr.data, atr.len);
    ret->atr_len = atr.len;
    ret->held = sg_get_u8(fields, 1);
    ret->events = sg_get_u32(fields, UINT16_MAX);
}

/* --- tokens ------------------------------------------------------------------------------------------------------- */

bool sg_put_token(struct sg_buf *body, uint32_t number, const struct sg_token *token)
{
    return sg_put_u32(body, number) && sg_put_u64(body, token->slot) &&
           sg_buf_append(body, &token->slot_info, sizeof token->slot_info, NULL) == SG_OK &&
           sg_buf_append(body, &token->token_info, sizeof token->token_info, NULL) == SG_OK;
}

void sg_get_token(struct sg_fields *fields, struct sg_listed_token *ret)
{
    ret->number = sg_get_u32(fields, SG_MAX_TOKENS);
    ret->slot = sg_get_u64(fields);
    sg_get_exactly(fields, &ret->slot_info, sizeof ret->slot_info);
    sg_get_exactly(fields, &ret->token_info, sizeof ret->token_info);
}

/* --- keys --------------------------------------------------------------------------------------------------------- */

static const char *const types[] = {"unknown", "RSA", "EC", "Ed25519"};
#define TYPES (sizeof types / sizeof *types)

static bool put_type(struct sg_buf *body, const char *type)
{
    unsigned i = TYPES - 1;
    while (i > 0 && strcmp(types[i], type) != 0)
        i--;
    return sg_put_u8(body, i);
}

static bool put_pubkey(struct sg_buf *body, const EVP_PKEY *key)
{
    _cleanup_(OPENSSL_freep) unsigned char *der = NULL;
    int len = key ? i2d_PUBKEY(key, &der) : 0;
    ERR_clear_error();
    return sg_put_bytes(body, (struct sg_slice){der, len > 0 ? (size_t)len : 0});
}

/* NULL if there is none, or none that can be read. */
static EVP_PKEY *get_pubkey(struct sg_fields *fields, OSSL_LIB_CTX *libctx)
{
    struct sg_slice der = sg_get_bytes(fields, SG_MAX_ATTRIBUTE);
    const unsigned char *at = der.data;
    EVP_PKEY *key = der.len > 0 ? d2i_PUBKEY_ex(NULL, &at, (long)der.len, libctx, NULL) : NULL;
    ERR_clear_error();
    return key;
}

bool sg_put_certificate(struct sg_buf *body, X509 *cert)
{
    _cleanup_(OPENSSL_freep) unsigned char *der = NULL;
    int len = cert ? i2d_X509(cert, &der) : 0;
    return sg_put_bytes(body, (struct sg_slice){der, len > 0 ? (size_t)len : 0});
}

bool sg_put_key_identity(struct sg_buf *body, const struct sg_token_key *key)
{
    return sg_put_bytes(body, (struct sg_slice){key->id, key->id_len}) && put_type(body, key->info.type) &&
           put_pubkey(body, key->pub);
}

enum sg_rc sg_get_key_identity(struct sg_fields *fields, struct sg_token *token, struct sg_token_key **ret,
                               struct sg_err *err)
{
    struct sg_slice id = sg_get_bytes(fields, SG_MAX_ATTRIBUTE);
    enum sg_rc rc = sg_token_key_new(token, id, ret, err);
    if (rc != SG_OK)
        return rc;
    (*ret)->info.type = types[sg_get_u8(fields, TYPES - 1)];
    (*ret)->pub = get_pubkey(fields, token->tokens->libctx);
    sg_token_key_describe(*ret);
    rc = sg_token_key_describe_texts(*ret, err);
    if (rc != SG_OK)
        sg_token_key_unref(sg_steal(*ret));
    return rc;
}

bool sg_put_key(struct sg_buf *body, const struct sg_token_key *key)
{
    bool done = sg_put_key_identity(body, key) && sg_put_u8(body, key->info.private_seen);
    for (size_t i = 0; done && i < SG_LABELS; i++)
        done = sg_put_bytes(body, (struct sg_slice){key->labels[i].bytes, key->labels[i].len});
    return done && sg_put_certificate(body, key->info.cert);
}

static enum sg_rc get_labels(struct sg_fields *fields, struct sg_token_key *key, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    for (size_t i = 0; rc == SG_OK && i < SG_LABELS; i++) {
        struct sg_slice label = sg_get_bytes(fields, SG_MAX_ATTRIBUTE);
        const struct sg_attribute attribute = {
            .present = true, .data = (uint8_t *)(uintptr_t)label.data, .len = label.len};
        rc = sg_token_key_set_label(key, key->labels[i].class, &attribute, err);
    }
    return rc;
}

enum sg_rc sg_get_key(struct sg_fields *fields, struct sg_token *token, struct sg_token_key **ret, struct sg_err *err)
{
    _cleanup_(sg_token_key_unrefp) struct sg_token_key *key = NULL;
    enum sg_rc rc = sg_get_key_identity(fields, token, &key, err);
    if (rc != SG_OK)
        return rc;
    key->info.private_seen = sg_get_u8(fields, 1);
    rc = get_labels(fields, key, err);
    if (rc != SG_OK)
        return rc;
    key->info.cert = sg_token_certificate(token, sg_get_bytes(fields, SG_MAX_ATTRIBUTE));
    EVP_PKEY *certified = key->info.cert ? X509_get_pubkey(key->info.cert) : NULL;
    if (certified) { /* its form of the key tells what it may be used for (id-RSASSA-PSS) */
        EVP_PKEY_free(key->pub);
        key->pub = certified;
    }
    ERR_clear_error();
    sg_token_key_describe(key);
    rc = sg_token_key_describe_texts(key, err);
    if (rc == SG_OK)
        *ret = sg_steal(key);
    return rc;
}

bool sg_put_inspection(struct sg_buf *body, const struct sg_token_key *key)
{
    const struct sg_key_attributes *a = &key->info.attributes;
    const enum sg_tristate all[] = {
        a->sensitive, a->extractable, a->always_sensitive, a->never_extractable,  a->local, a->sign,
        a->decrypt,   a->unwrap,      a->derive,           a->always_authenticate};
    bool done = sg_put_u8(body, key->info.pss_only);
    for (size_t i = 0; done && i < sizeof all / sizeof *all; i++)
        done = sg_put_u8(body, all[i]);
    return done;
}

void sg_get_inspection(struct sg_fields *fields, struct sg_token_key *key)
{
    struct sg_key_attributes *a = &key->info.attributes;
    enum sg_tristate *const all[] = {
        &a->sensitive, &a->extractable, &a->always_sensitive, &a->never_extractable,  &a->local, &a->sign,
        &a->decrypt,   &a->unwrap,      &a->derive,           &a->always_authenticate};
    key->info.pss_only = sg_get_u8(fields, 1) || key->info.pss_only;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        *all[i] = (enum sg_tristate)sg_get_u8(fields, SG_YES);
}

/* --- operations --------------------------------------------------------------------------------------------------- */

/* A secret that is NULL on the other side is NULL here too: nothing is sent for it. */
bool sg_put_sign_input(struct sg_buf *body, const struct sg_sign_input *input)
{
    return sg_put_u8(body, input->scheme) && sg_put_u8(body, (unsigned)input->digest_index) &&
           sg_put_bytes(body, input->digest) && sg_put_u8(body, input->has_message) &&
           sg_put_bytes(body, input->message);
}

void sg_get_sign_input(struct sg_fields *fields, const struct sg_message *request, struct sg_sign_input *ret)
{
    *ret = (struct sg_sign_input){.pin = request->secrets[0]};
    ret->scheme = (enum sg_scheme)sg_get_u8(fields, SG_SCHEMES - 1);
    ret->digest_index = sg_get_u8(fields, SG_DIGESTS - 1);
    ret->digest = sg_get_bytes(fields, EVP_MAX_MD_SIZE);
    ret->has_message = sg_get_u8(fields, 1);
    ret->message = sg_get_bytes(fields, SG_MAX_HOST_MESSAGE);
}

bool sg_put_decrypt_input(struct sg_buf *body, const struct sg_decrypt_input *input)
{
    return sg_put_u8(body, input->scheme) && sg_put_u8(body, (unsigned)input->digest_index) &&
           sg_put_u8(body, (unsigned)input->mgf_index) && sg_put_bytes(body, input->data);
}

void sg_get_decrypt_input(struct sg_fields *fields, const struct sg_message *request, struct sg_decrypt_input *ret)
{
    *ret = (struct sg_decrypt_input){.pin = request->secrets[0]};
    ret->scheme = (enum sg_decrypt_scheme)sg_get_u8(fields, SG_DECRYPT_SCHEMES - 1);
    ret->digest_index = sg_get_u8(fields, SG_OAEP_DIGESTS - 1);
    ret->mgf_index = sg_get_u8(fields, SG_OAEP_DIGESTS - 1);
    ret->data = sg_get_bytes(fields, SG_MAX_SIGNATURE);
}

bool sg_put_provision(struct sg_buf *body, const struct sg_provision *what)
{
    return sg_put_u8(body, what->step) && sg_put_text(body, what->label) && sg_put_bytes(body, what->id) &&
           sg_put_u8(body, what->kind) && sg_put_u8(body, what->purpose) && sg_put_bytes(body, what->certificate);
}

void sg_get_provision(struct sg_fields *fields, const struct sg_message *request, char label[SG_MAX_LABEL + 1],
                      struct sg_provision *ret)
{
    *ret = (struct sg_provision){.pin = request->secrets[0], .new_pin = request->secrets[1], .label = label};
    ret->step = (enum sg_provision_step)sg_get_u8(fields, SG_PROVISION_STEPS - 1);
    sg_get_text(fields, label, SG_MAX_LABEL + 1);
    ret->id = sg_get_bytes(fields, SG_MAX_ATTRIBUTE);
    ret->kind = (enum sg_key_kind)sg_get_u8(fields, SG_KEY_KINDS - 1);
    ret->purpose = (enum sg_key_purpose)sg_get_u8(fields, SG_FOR_DECRYPTION);
    ret->certificate = sg_get_bytes(fields, SG_MAX_CERTIFICATE);
}
