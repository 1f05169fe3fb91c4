/* All that a token of the fake module is used for, in one way: what fault tests make go wrong at each of its calls. */
#pragma once

#include "softhsm.h"

#include <openssl/err.h>
#include <openssl/rsa.h>

#include "pkcs11/provision.h"

#define RSA_KEY "pkcs11:serial=0001;id=%01;type=private"
#define EC_KEY "pkcs11:serial=0001;id=%02;type=private"
#define PIN "123456"
#define SO_PIN "87654321"

static OSSL_LIB_CTX *libctx;

/* All that a whole way calls, but for C_Finalize. */
static const char *const functions[] = {"C_Initialize",
                                        "C_GetInfo",
                                        "C_GetSlotList",
                                        "C_GetSlotInfo",
                                        "C_GetTokenInfo",
                                        "C_OpenSession",
                                        "C_Login",
                                        "C_FindObjects",
                                        "C_FindObjectsInit",
                                        "C_FindObjectsFinal",
                                        "C_GetAttributeValue",
                                        "C_SignInit",
                                        "C_Sign",
                                        "C_GetMechanismList",
                                        "C_DecryptInit",
                                        "C_Decrypt",
                                        "C_DeriveKey",
                                        "C_DestroyObject",
                                        "C_GenerateKeyPair",
                                        "C_CreateObject",
                                        "C_SetPIN",
                                        "C_InitPIN",
                                        "C_InitToken",
                                        "C_Logout",
                                        "C_CloseSession"};
#define FUNCTIONS (sizeof functions / sizeof *functions)

static struct sg_token *fake_token(struct sg_tokens *tokens)
{
    for (size_t i = 0; i < sg_tokens_count(tokens); i++) {
        const struct sg_token_info *info = sg_token_info(sg_tokens_get(tokens, i));
        if (info->present && strcmp(info->serial, "0001") == 0)
            return sg_tokens_get(tokens, i);
    }
    return NULL;
}

static enum sg_rc login(struct sg_tokens *tokens, struct sg_err *err)
{
    _cleanup_(sg_secret_freep) struct sg_secret *pin = secret_of(PIN);
    struct sg_token *token = fake_token(tokens);
    if (!token)
        return sg_fail(err, SG_E_NO_TOKEN, "No token.");
    return sg_token_login(token, pin, NULL, err);
}

/* SG_OK only for a right signature. */
static enum sg_rc sign(struct sg_token_key *key, EVP_PKEY *opened, struct sg_err *err)
{
    uint8_t sig[SG_MAX_SIGNATURE];
    size_t len = sizeof sig;
    _cleanup_(EVP_MD_CTX_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    _cleanup_(EVP_MD_CTX_freep) EVP_MD_CTX *check = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestSignInit_ex(ctx, NULL, "SHA256", libctx, NULL, opened, NULL), 1);
    bool done = EVP_DigestSign(ctx, sig, &len, (const unsigned char *)"data", 4) == 1;
    enum sg_rc rc = sg_token_key_last_error(key, err);
    ERR_clear_error();
    assert_int_equal(done, rc == SG_OK);
    if (rc != SG_OK)
        return rc;
    assert_int_equal(EVP_DigestVerifyInit_ex(check, NULL, "SHA256", libctx, NULL, opened, NULL), 1);
    assert_int_equal(EVP_DigestVerify(check, sig, len, (const unsigned char *)"data", 4), 1);
    return SG_OK;
}

/* Any number below the modulus is a ciphertext of something; what it is of is not PKCS #1. */
static enum sg_rc decrypt(struct sg_token_key *key, EVP_PKEY *opened, struct sg_err *err)
{
    uint8_t ciphertext[256] = {0, 2, 3}, out[256];
    size_t len = sizeof out;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(libctx, opened, NULL);
    assert_int_equal(EVP_PKEY_decrypt_init(ctx), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING), 1);
    (void)EVP_PKEY_decrypt(ctx, out, &len, ciphertext, sizeof ciphertext);
    EVP_PKEY_CTX_free(ctx);
    ERR_clear_error();
    return sg_token_key_last_error(key, err);
}

static enum sg_rc derive(struct sg_token_key *key, EVP_PKEY *opened, struct sg_err *err)
{
    uint8_t out[64];
    size_t len = sizeof out;
    EVP_PKEY *peer = EVP_PKEY_Q_keygen(libctx, "provider=default", "EC", "P-256");
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(libctx, opened, NULL);
    assert_int_equal(EVP_PKEY_derive_init(ctx), 1);
    assert_int_equal(EVP_PKEY_derive_set_peer_ex(ctx, peer, 0), 1);
    bool done = EVP_PKEY_derive(ctx, out, &len) == 1;
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(peer);
    ERR_clear_error();
    enum sg_rc rc = sg_token_key_last_error(key, err);
    assert_int_equal(done, rc == SG_OK);
    return rc;
}

struct opened {
    struct sg_key_list *list;
    struct sg_token_key *key;
    EVP_PKEY *pkey;
};

static void close_key(struct opened *opened)
{
    EVP_PKEY_free(opened->pkey);
    sg_key_list_free(opened->list);
}

static enum sg_rc find_key(struct sg_tokens *tokens, const char *uri, struct opened *ret, struct sg_err *err)
{
    enum sg_rc rc = sg_keys_find(tokens, uri, &ret->list, err);
    if (rc == SG_OK && sg_key_list_count(ret->list) != 1)
        rc = sg_fail(err, SG_E_NO_KEY, "No key.");
    if (rc != SG_OK)
        return rc;
    ret->key = sg_key_list_get(ret->list, 0);
    rc = sg_token_key_inspect(ret->key, SG_FOR_ANYTHING, err);
    return rc == SG_OK ? sg_token_key_open(ret->key, &ret->pkey, err) : rc;
}

static enum sg_rc use_keys(struct sg_tokens *tokens, struct sg_err *err)
{
    _cleanup_(close_key) struct opened rsa = {0};
    _cleanup_(close_key) struct opened ec = {0};
    enum sg_rc rc = find_key(tokens, RSA_KEY, &rsa, err);
    if (rc == SG_OK)
        rc = sign(rsa.key, rsa.pkey, err);
    if (rc == SG_OK)
        rc = decrypt(rsa.key, rsa.pkey, err);
    if (rc == SG_OK)
        rc = find_key(tokens, EC_KEY, &ec, err);
    if (rc == SG_OK)
        rc = sign(ec.key, ec.pkey, err);
    return rc == SG_OK ? derive(ec.key, ec.pkey, err) : rc;
}

static enum sg_rc provision(struct sg_tokens *tokens, X509 *cert, struct sg_err *err)
{
    static const uint8_t new_id = 9, old_id = 2;
    _cleanup_(sg_secret_freep) struct sg_secret *pin = secret_of(PIN), *so_pin = secret_of(SO_PIN);
    unsigned char *der = NULL;
    int der_len = i2d_X509(cert, &der);
    const struct sg_provision steps[] = {
        {.step = SG_PROVISION_KEYGEN, .kind = SG_EC_P256, .purpose = SG_FOR_SIGNING, .label = "k", .id = {&new_id, 1}},
        {.step = SG_PROVISION_IMPORT, .label = "c", .id = {&new_id, 1}, .certificate = {der, (size_t)der_len}},
        {.step = SG_PROVISION_DELETE, .id = {&old_id, 1}},
        {.step = SG_PROVISION_PIN, .pin = pin, .new_pin = pin},
        {.step = SG_PROVISION_UNBLOCK, .pin = so_pin, .new_pin = pin},
        {.step = SG_PROVISION_SO_PIN, .pin = so_pin, .new_pin = so_pin},
        {.step = SG_PROVISION_INIT, .pin = so_pin, .label = "Fake"}};
    enum sg_rc rc = SG_OK;
    for (size_t i = 0; rc == SG_OK && i < sizeof steps / sizeof *steps; i++)
        rc = sg_token_provision(fake_token(tokens), &steps[i], err);
    OPENSSL_free(der);
    return rc;
}

/* From a login to a token made blank. */
static enum sg_rc use(struct sg_tokens *tokens, struct sg_err *err)
{
    _cleanup_(sg_x509_stack_freep) STACK_OF(X509) *certs = sk_X509_new_null();
    enum sg_rc rc = sg_tokens_refresh(tokens, err);
    if (rc == SG_OK)
        rc = login(tokens, err);
    if (rc == SG_OK)
        rc = sg_token_certificates(fake_token(tokens), NULL, certs, err);
    if (rc == SG_OK && sk_X509_num(certs) != 1)
        rc = sg_fail(err, SG_E_NO_CERTIFICATE, "No certificate.");
    if (rc == SG_OK)
        rc = use_keys(tokens, err);
    return rc == SG_OK ? provision(tokens, sk_X509_value(certs, 0), err) : rc;
}
