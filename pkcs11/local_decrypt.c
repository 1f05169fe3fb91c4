/* Decryption by a token of a module in this process. */
#include <string.h>

#include "base/msg.h"
#include "pkcs11/decrypt.h"
#include "pkcs11/local.h"
#include "pkcs11/sign.h"

/* --- RSA ---------------------------------------------------------------------------------------------------------- */

static const CK_MECHANISM_TYPE mechanisms[SG_DECRYPT_SCHEMES] = {CKM_RSA_PKCS, CKM_RSA_PKCS_OAEP, CKM_RSA_X_509,
                                                                 CKM_ECDH1_DERIVE};

static CK_RV decrypt_rsa(struct sg_token_key *key, const struct sg_decrypt_input *input, CK_SESSION_HANDLE session,
                         struct sg_secret *out)
{
    CK_RSA_PKCS_OAEP_PARAMS oaep = {.hashAlg = sg_oaep_digests[input->digest_index].mechanism,
                                    .mgf = sg_oaep_digests[input->mgf_index].mgf,
                                    .source = CKZ_DATA_SPECIFIED};
    CK_MECHANISM mechanism = {.mechanism = mechanisms[input->scheme]};
    CK_ULONG len = out->capacity;

    if (input->scheme == SG_DECRYPT_OAEP) {
        mechanism.pParameter = &oaep;
        mechanism.ulParameterLen = sizeof oaep;
    }
    CK_RV rv = sg_token_functions(key->token)->C_DecryptInit(session, &mechanism, key->handle);
    if (rv == CKR_OK && key->info.attributes.always_authenticate == SG_YES)
        rv = sg_local_reauthenticate(key->token, session, input->pin);
    if (rv == CKR_OK)
        rv = sg_token_functions(key->token)
                 ->C_Decrypt(session, (CK_BYTE_PTR)(uintptr_t)input->data.data, input->data.len, out->bytes, &len);
    if (rv == CKR_OK && len > out->capacity)
        rv = CKR_BUFFER_TOO_SMALL;
    if (rv == CKR_OK)
        out->len = len;
    return rv;
}

/* --- ECDH --------------------------------------------------------------------------------------------------------- */

/* An object of the session that holds the shared secret: read, and destroyed at once. */
static CK_RV take_value(struct sg_token *token, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                        struct sg_secret *out)
{
    CK_ATTRIBUTE value = {CKA_VALUE, out->bytes, out->capacity};
    CK_RV rv = sg_token_functions(token)->C_GetAttributeValue(session, object, &value, 1);
    CK_RV destroyed = sg_token_functions(token)->C_DestroyObject(session, object);

    if (rv == CKR_OK && value.ulValueLen > out->capacity)
        rv = CKR_BUFFER_TOO_SMALL;
    if (rv != CKR_OK)
        return rv;
    out->len = value.ulValueLen;
    return destroyed;
}

static CK_RV derive(struct sg_token_key *key, struct sg_slice point, CK_SESSION_HANDLE session, struct sg_secret *out)
{
    CK_ECDH1_DERIVE_PARAMS params = {
        .kdf = CKD_NULL, .ulPublicDataLen = point.len, .pPublicData = (CK_BYTE_PTR)(uintptr_t)point.data};
    CK_MECHANISM mechanism = {CKM_ECDH1_DERIVE, &params, sizeof params};
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
    CK_ULONG len = sg_key_order_len(key);
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class},   {CKA_KEY_TYPE, &type, sizeof type},
                               {CKA_TOKEN, &no, sizeof no},         {CKA_SENSITIVE, &no, sizeof no},
                               {CKA_EXTRACTABLE, &yes, sizeof yes}, {CKA_VALUE_LEN, &len, sizeof len}};
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;

    CK_RV rv =
        sg_token_functions(key->token)
            ->C_DeriveKey(session, &mechanism, key->handle, template, sizeof template / sizeof *template, &object);
    return rv == CKR_OK ? take_value(key->token, session, object, out) : rv;
}

/* The point as it is (PKCS#11 v2.40 §2.3.5), or in a DER OCTET STRING, which modules of before want. */
static CK_RV agree(struct sg_token_key *key, struct sg_slice point, CK_SESSION_HANDLE session, struct sg_secret *out)
{
    uint8_t wrapped[3 + 256] = {0x04, 0x81, (uint8_t)point.len};
    const size_t header = point.len < 0x80 ? 2 : 3;

    CK_RV rv = derive(key, point, session, out);
    if ((rv != CKR_MECHANISM_PARAM_INVALID && rv != CKR_ARGUMENTS_BAD) || point.len > 255)
        return rv;
    if (header == 2)
        wrapped[1] = (uint8_t)point.len;
    memcpy(wrapped + header, point.data, point.len);
    return derive(key, (struct sg_slice){wrapped, header + point.len}, session, out);
}

/* --- all together ------------------------------------------------------------------------------------------------- */

/* A key that wants its PIN each time has the token to itself from C_DecryptInit to C_Decrypt: the caller sees to that.
 */
enum sg_rc sg_local_decrypt(struct sg_token_key *key, const struct sg_decrypt_input *input, struct sg_secret **ret,
                            struct sg_err *err)
{
    struct sg_token *token = key->token;
    _cleanup_(sg_secret_freep) struct sg_secret *out = NULL;
    CK_SESSION_HANDLE session = 0;

    enum sg_rc rc = sg_secret_new(SG_MAX_SIGNATURE, &out, err);
    if (rc == SG_OK)
        rc = sg_session_acquire(token, &session, err);
    if (rc != SG_OK)
        return rc;
    CK_RV rv = input->scheme == SG_DECRYPT_ECDH ? agree(key, input->data, session, out)
                                                : decrypt_rsa(key, input, session, out);
    /* After a failure the session may still be in the middle of the operation. */
    sg_session_release(token, session, rv == CKR_OK);
    if (rv != CKR_OK)
        return sg_local_fail(token, rv, _("The token did not decrypt"), err);
    *ret = sg_steal(out);
    return SG_OK;
}
