/* One signature by a token of a module in this process. */
#include <string.h>

#include "base/msg.h"
#include "pkcs11/local.h"
#include "pkcs11/sign.h"

/* --- what the token is given ------------------------------------------------------------------------------------- */

struct call {
    CK_MECHANISM mechanism;
    CK_RSA_PKCS_PSS_PARAMS pss;
    uint8_t buffer[128]; /* DigestInfo */
    struct sg_slice data;
};

static void set_pss(struct call *call, const struct sg_digest_info *digest)
{
    call->pss = (CK_RSA_PKCS_PSS_PARAMS){digest->mechanism, digest->mgf, digest->len};
    call->mechanism.pParameter = &call->pss;
    call->mechanism.ulParameterLen = sizeof call->pss;
}

static void prepare_raw(struct call *call, const struct sg_token_key *key, const struct sg_sign_input *input)
{
    const struct sg_digest_info *digest = sg_digest_info(input->digest_index);
    *call = (struct call){.mechanism = {.mechanism = sg_raw_mechanism(input->scheme)}, .data = input->digest};
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
        if (call->data.len > sg_key_order_len(key))
            call->data.len = sg_key_order_len(key);
        break;
    case SG_SCHEME_ED:
    case SG_SCHEMES:
        call->data = input->message;
        break;
    }
}

static void prepare_combined(struct call *call, const struct sg_sign_input *input)
{
    const struct sg_digest_info *digest = sg_digest_info(input->digest_index);
    *call = (struct call){.mechanism = {.mechanism = digest->mechanism_of[input->scheme]}, .data = input->message};
    if (input->scheme == SG_SCHEME_PSS)
        set_pss(call, digest);
}

/* --- calling the token ------------------------------------------------------------------------------------------- */

static CK_RV sign_in_session(struct sg_token_key *key, CK_SESSION_HANDLE session, struct call *call,
                             const struct sg_secret *pin, uint8_t *out, CK_ULONG *len)
{
    CK_RV rv = sg_token_functions(key->token)->C_SignInit(session, &call->mechanism, key->handle);
    if (rv == CKR_OK && key->info.attributes.always_authenticate == SG_YES)
        rv = sg_local_reauthenticate(key->token, session, pin);
    if (rv != CKR_OK)
        return rv;
    return sg_token_functions(key->token)
        ->C_Sign(session, (CK_BYTE_PTR)(uintptr_t)call->data.data, call->data.len, out, len);
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
        rv = sign_in_session(key, session, &call, input->pin, out, len);
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
    return sign_in_session(key, session, &call, input->pin, out, len);
}

/* A key that wants its PIN each time has the token to itself from C_SignInit to C_Sign: the caller sees to that. */
enum sg_rc sg_local_sign(struct sg_token_key *key, const struct sg_sign_input *input, uint8_t *out, size_t *ret_len,
                         struct sg_err *err)
{
    struct sg_token *token = key->token;
    CK_SESSION_HANDLE session = 0;
    CK_ULONG len = SG_MAX_SIGNATURE;
    enum sg_rc rc = sg_session_acquire(token, &session, err);
    if (rc != SG_OK)
        return rc;
    CK_RV rv = sign_raw_or_combined(key, input, session, out, &len);
    /* After a failure the session may still be in the middle of the operation. */
    sg_session_release(token, session, rv == CKR_OK);
    if (rv != CKR_OK)
        return sg_local_fail(token, rv, _("The token did not sign"), err);
    *ret_len = len;
    return SG_OK;
}
