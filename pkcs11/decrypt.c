/* Decryption by token keys: by the token where it can, else the bare RSA operation there and the padding here. */
#define OPENSSL_SUPPRESS_DEPRECATED /* the only constant-time decoders of RSA paddings that OpenSSL exports */
#include "pkcs11/decrypt.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/rsa.h>

#include "base/msg.h"
#include "pkcs11/sign.h"

const struct sg_oaep_digest sg_oaep_digests[SG_OAEP_DIGESTS] = {
    {"SHA1", CKM_SHA_1, CKG_MGF1_SHA1},      {"SHA224", CKM_SHA224, CKG_MGF1_SHA224},
    {"SHA256", CKM_SHA256, CKG_MGF1_SHA256}, {"SHA384", CKM_SHA384, CKG_MGF1_SHA384},
    {"SHA512", CKM_SHA512, CKG_MGF1_SHA512},
};

/* --- asking the token --------------------------------------------------------------------------------------------- */

/* With its PIN, for a key that wants it each time. */
static enum sg_rc ask_with_pin(struct sg_token_key *key, struct sg_decrypt_input *input, struct sg_secret **ret,
                               struct sg_err *err)
{
    struct sg_pin_try try = {0};
    enum sg_rc rc = sg_token_reauthenticate_begin(key->token, &try, err);
    if (rc != SG_OK)
        return rc;
    input->pin = try.pin;
    return sg_token_reauthenticate_end(&try, sg_token_verbs(key->token)->decrypt(key, input, ret, err), err);
}

static enum sg_rc ask(struct sg_token_key *key, struct sg_decrypt_input *input, struct sg_secret **ret,
                      struct sg_err *err)
{
    return key->info.attributes.always_authenticate == SG_YES
               ? ask_with_pin(key, input, ret, err)
               : sg_token_verbs(key->token)->decrypt(key, input, ret, err);
}

/* A number of exactly that many octets, for which some modules leave out the zeros in front. */
static enum sg_rc ask_for_number(struct sg_token_key *key, struct sg_decrypt_input *input, struct sg_secret **ret,
                                 struct sg_err *err)
{
    const size_t want = sg_key_order_len(key);
    _cleanup_(sg_secret_freep) struct sg_secret *answer = NULL;
    _cleanup_(sg_secret_freep) struct sg_secret *number = NULL;

    enum sg_rc rc = ask(key, input, &answer, err);
    if (rc == SG_OK && (answer->len == 0 || answer->len > want)) {
        rc = sg_fail(err, SG_E_TOKEN_FAILED, _("The key “%s” (id %s): %s."), key->info.label, key->info.id,
                     _("what the token decrypted has a wrong length; the module may need an update"));
        sg_err_token(err, key->token->name);
    }
    if (rc == SG_OK)
        rc = sg_secret_new(want, &number, err);
    if (rc != SG_OK)
        return rc;
    memcpy(number->bytes + want - answer->len, answer->bytes, answer->len);
    number->len = want;
    *ret = sg_steal(number);
    return SG_OK;
}

/* --- paddings ----------------------------------------------------------------------------------------------------- */

static enum sg_rc bad_padding(struct sg_err *err)
{
    ERR_clear_error();
    return sg_fail(err, SG_E_DECRYPTION, "%s", _("What the token decrypted was not encrypted to this key."));
}

static int decode_oaep(const struct sg_token_key *key, const struct sg_decrypt_input *input,
                       const struct sg_secret *number, struct sg_secret *message)
{
    OSSL_LIB_CTX *libctx = key->token->tokens->libctx;
    _cleanup_(EVP_MD_freep) EVP_MD *md = EVP_MD_fetch(libctx, sg_oaep_digests[input->digest_index].name, NULL);
    _cleanup_(EVP_MD_freep) EVP_MD *mgf1 = EVP_MD_fetch(libctx, sg_oaep_digests[input->mgf_index].name, NULL);
    const int len = (int)number->len;

    if (!md || !mgf1)
        return -1;
    return RSA_padding_check_PKCS1_OAEP_mgf1(message->bytes, len, number->bytes, len, len, NULL, 0, md, mgf1);
}

/* The message in a number that the bare RSA operation gave (RFC 8017 §7.1.2, §7.2.2). */
static enum sg_rc decode(const struct sg_token_key *key, const struct sg_decrypt_input *input,
                         const struct sg_secret *number, struct sg_secret **ret, struct sg_err *err)
{
    _cleanup_(sg_secret_freep) struct sg_secret *message = NULL;
    const int number_len = (int)number->len;

    enum sg_rc rc = sg_secret_new(number->len, &message, err);
    if (rc != SG_OK)
        return rc;
    const int len =
        input->scheme == SG_DECRYPT_OAEP
            ? decode_oaep(key, input, number, message)
            : RSA_padding_check_PKCS1_type_2(message->bytes, number_len, number->bytes, number_len, number_len);
    if (len < 0)
        return bad_padding(err);
    message->len = (size_t)len;
    *ret = sg_steal(message);
    return SG_OK;
}

static enum sg_rc decrypt_raw(struct sg_token_key *key, const struct sg_decrypt_input *input, struct sg_secret **ret,
                              struct sg_err *err)
{
    struct sg_decrypt_input raw = {.scheme = SG_DECRYPT_RAW, .data = input->data};
    _cleanup_(sg_secret_freep) struct sg_secret *number = NULL;

    enum sg_rc rc = ask_for_number(key, &raw, &number, err);
    return rc == SG_OK ? decode(key, input, number, ret, err) : rc;
}

/* --- all together ------------------------------------------------------------------------------------------------- */

/* Tokens differ in the digests for which they know OAEP (SoftHSM 2.6: SHA-1), and in what they answer to another. So
 * whatever the token does not do goes to the bare operation, which tells the ciphertext's faults from the token's. */
static enum sg_rc decrypt_oaep(struct sg_token_key *key, struct sg_decrypt_input *input, struct sg_secret **ret,
                               struct sg_err *err)
{
    const bool raw = sg_token_has_mechanism(key->token, CKM_RSA_X_509);

    if (!sg_token_has_mechanism(key->token, CKM_RSA_PKCS_OAEP) && raw)
        return decrypt_raw(key, input, ret, err);
    enum sg_rc rc = ask(key, input, ret, err);
    return rc == SG_E_TOKEN_FAILED && raw ? decrypt_raw(key, input, ret, err) : rc;
}

/* By the bare operation, so that a wrong padding is never the token's error. Where there is none, any failure that may
 * be one is taken for it. */
static enum sg_rc decrypt_pkcs1(struct sg_token_key *key, struct sg_decrypt_input *input, struct sg_secret **ret,
                                struct sg_err *err)
{
    if (sg_token_has_mechanism(key->token, CKM_RSA_X_509))
        return decrypt_raw(key, input, ret, err);
    enum sg_rc rc = ask(key, input, ret, err);
    return rc == SG_E_TOKEN_FAILED ? bad_padding(err) : rc;
}

enum sg_rc sg_key_decrypt(struct sg_token_key *key, struct sg_decrypt_input *input, struct sg_secret **ret)
{
    struct sg_err err = {.tries_left = -1};
    enum sg_rc rc = input->scheme == SG_DECRYPT_OAEP    ? decrypt_oaep(key, input, ret, &err)
                    : input->scheme == SG_DECRYPT_PKCS1 ? decrypt_pkcs1(key, input, ret, &err)
                                                        : ask_for_number(key, input, ret, &err);

    sg_key_record(key, rc == SG_E_DECRYPTION ? SG_OK : rc, &err);
    return rc;
}
