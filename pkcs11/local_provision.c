/* The steps of provisioning on a token of a module in this process. */
#include <string.h>

#include "base/msg.h"
#include "pkcs11/local.h"

/* --- what goes wrong ---------------------------------------------------------------------------------------------- */

/* Whether the module says that it does not do such a thing at all, on any try. */
static bool is_not_served(CK_RV rv)
{
    switch (rv) {
    case CKR_FUNCTION_NOT_SUPPORTED:
    case CKR_TOKEN_WRITE_PROTECTED:
    case CKR_USER_TYPE_INVALID:
    case CKR_MECHANISM_INVALID:
    case CKR_ACTION_PROHIBITED:
    case CKR_SESSION_READ_ONLY:
        return true;
    default:
        return false;
    }
}

/* Adds what a failure is about: `return about(token, rv, err, sg_fail(err, ...))`. CKR_OK: the module said nothing. */
static enum sg_rc about(const struct sg_token *token, CK_RV rv, struct sg_err *err, enum sg_rc rc)
{
    const char *name = sg_ck_name(rv);
    sg_err_token(err, token->name);
    if (rv != CKR_OK)
        sg_err_cause(err, "%s (0x%lx)", name ? name : "?", rv);
    return rc;
}

static enum sg_rc fail_step(struct sg_token *token, CK_RV rv, const char *what, struct sg_err *err)
{
    if (!is_not_served(rv))
        return sg_local_fail(token, rv, what, err);
    return about(
        token, rv, err,
        sg_fail(err, SG_E_NOT_SERVED,
                _("%s: the PKCS#11 module does not do this on such a token. For a PIV card use piv-tool (package "
                  "opensc), for a YubiKey ykman or yubico-piv-tool, for a PKCS#15 card pkcs15-init (package opensc)."),
                what));
}

/* What C_InitPIN or C_SetPIN says of a PIN that is to be set; the one that proves who is asking was accepted before. */
static enum sg_rc fail_new_pin(struct sg_token *token, CK_RV rv, const char *what, struct sg_err *err)
{
    const CK_TOKEN_INFO *info = &token->token_info;
    if (rv == CKR_PIN_LEN_RANGE)
        return about(token, rv, err,
                     sg_fail(err, SG_E_POLICY,
                             _("%s: the token wants PINs of %lu to %lu characters; choose another new PIN."), what,
                             info->ulMinPinLen, info->ulMaxPinLen));
    if (rv == CKR_PIN_INVALID || rv == CKR_PIN_TOO_WEAK)
        return about(token, rv, err,
                     sg_fail(err, SG_E_POLICY,
                             _("%s: the new PIN has characters that the token does not take, or is too weak for it; "
                               "choose another."),
                             what));
    return fail_step(token, rv, what, err);
}

/* --- the token and its PINs --------------------------------------------------------------------------------------- */

static CK_UTF8CHAR_PTR bytes_of(const struct sg_secret *pin)
{
    return pin ? pin->bytes : NULL;
}

static CK_ULONG length_of(const struct sg_secret *pin)
{
    return pin ? pin->len : 0;
}

/* After C_InitToken the slot has a token with another label, and often another serial. */
static enum sg_rc take_over(struct sg_token *token, const CK_UTF8CHAR *label, struct sg_err *err)
{
    CK_TOKEN_INFO info = {0};
    CK_RV rv = sg_token_functions(token)->C_GetTokenInfo(token->slot, &info);
    if (rv != CKR_OK)
        return sg_local_fail(token, rv, _("The token was initialised, and does not answer since"), err);
    if (memcmp(info.label, label, sizeof info.label) != 0 || !(info.flags & CKF_TOKEN_INITIALIZED))
        return about(
            token, CKR_OK, err,
            sg_fail(
                err, SG_E_TOKEN_FAILED, "%s",
                _("The token was initialised, and does not show its new label; take it out, insert it again and see "
                  "signet token list.")));
    return sg_token_set_info(token, &info, err);
}

static enum sg_rc initialise(struct sg_token *token, const struct sg_provision *what, struct sg_err *err)
{
    CK_UTF8CHAR label[sizeof token->token_info.label];
    size_t len = what->label ? strlen(what->label) : 0;
    if (len == 0 || len > sizeof label)
        return about(token, CKR_OK, err,
                     sg_fail(err, SG_E_USAGE, "%s", _("A token's label has 1 to 32 bytes; choose another.")));
    memset(label, ' ', sizeof label);
    memcpy(label, what->label, len);

    /* A blank token has no SO PIN to be wrong, but some modules call a short one that. */
    bool unfit =
        what->pin && (what->pin->len < token->token_info.ulMinPinLen || what->pin->len > token->token_info.ulMaxPinLen);
    if (!token->info.initialized && unfit)
        return fail_new_pin(token, CKR_PIN_LEN_RANGE, _("The token was not initialised"), err);
    sg_local_release(token);
    CK_RV rv = sg_token_functions(token)->C_InitToken(token->slot, bytes_of(what->pin), length_of(what->pin), label);
    if (rv == CKR_OK)
        return take_over(token, label, err);
    return is_not_served(rv) ? fail_step(token, rv, _("The token was not initialised"), err)
                             : sg_local_fail_login(token, CKU_SO, rv, err);
}

/* Sets a PIN as one who has just shown the right to. That a login comes first makes plain which of two PINs a refusal
 * is about, so that an unfit new PIN is not taken for a wrong one. */
static enum sg_rc set_pin(struct sg_token *token, CK_USER_TYPE user, const struct sg_provision *what,
                          struct sg_err *err)
{
    bool init = what->step == SG_PROVISION_UNBLOCK;
    CK_SESSION_HANDLE session = 0;
    sg_local_release(token);
    CK_RV rv = sg_local_log_in(token, user, CKF_RW_SESSION, what->pin, &session);
    if (rv != CKR_OK)
        return is_not_served(rv) ? fail_step(token, rv, _("The PIN was not set"), err)
                                 : sg_local_fail_login(token, user, rv, err);
    CK_FUNCTION_LIST *f = sg_token_functions(token);
    rv = init ? f->C_InitPIN(session, bytes_of(what->new_pin), length_of(what->new_pin))
              : f->C_SetPIN(session, bytes_of(what->pin), length_of(what->pin), bytes_of(what->new_pin),
                            length_of(what->new_pin));
    (void)sg_token_functions(token)->C_Logout(session);
    (void)sg_token_functions(token)->C_CloseSession(session);
    if (rv == CKR_PIN_INCORRECT || rv == CKR_PIN_LOCKED)
        return sg_local_fail_login(token, user, rv, err);
    return rv == CKR_OK ? SG_OK : fail_new_pin(token, rv, _("The PIN was not set"), err);
}

/* --- a key pair --------------------------------------------------------------------------------------------------- */

/* CKA_EC_PARAMS: the DER of a curve's OID, or for Ed25519 of its name, which older modules want (PKCS#11 v3.0 §2.3.5).
 */
static const struct kind {
    CK_MECHANISM_TYPE mechanism;
    CK_ULONG bits;
    struct sg_slice params, other_params;
} kinds[SG_KEY_KINDS] = {
#define DER(text)                                                                                                      \
    {                                                                                                                  \
        (const uint8_t *)(text), sizeof(text) - 1                                                                      \
    }
    [SG_RSA_2048] = {.mechanism = CKM_RSA_PKCS_KEY_PAIR_GEN, .bits = 2048},
    [SG_RSA_3072] = {.mechanism = CKM_RSA_PKCS_KEY_PAIR_GEN, .bits = 3072},
    [SG_RSA_4096] = {.mechanism = CKM_RSA_PKCS_KEY_PAIR_GEN, .bits = 4096},
    [SG_EC_P256] = {.mechanism = CKM_EC_KEY_PAIR_GEN, .params = DER("\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07")},
    [SG_EC_P384] = {.mechanism = CKM_EC_KEY_PAIR_GEN, .params = DER("\x06\x05\x2b\x81\x04\x00\x22")},
    [SG_EC_P521] = {.mechanism = CKM_EC_KEY_PAIR_GEN, .params = DER("\x06\x05\x2b\x81\x04\x00\x23")},
    [SG_ED25519] = {.mechanism = CKM_EC_EDWARDS_KEY_PAIR_GEN,
                    .params = DER("\x06\x03\x2b\x65\x70"),
                    .other_params = DER("\x13\x0c"
                                        "edwards25519")},
#undef DER
};

#define TEMPLATE_ROOM 16

struct template
{
    CK_ATTRIBUTE at[TEMPLATE_ROOM];
    CK_ULONG count;
};

static void add(struct template *t, CK_ATTRIBUTE_TYPE type, const void *value, size_t len)
{
    t->at[t->count++] = (CK_ATTRIBUTE){type, (void *)(uintptr_t)value, len};
}

static void add_bool(struct template *t, CK_ATTRIBUTE_TYPE type, bool value)
{
    static const CK_BBOOL no = CK_FALSE, yes = CK_TRUE;
    add(t, type, value ? &yes : &no, sizeof yes);
}

static void add_names(struct template *t, const struct sg_provision *what)
{
    if (what->id.len > 0)
        add(t, CKA_ID, what->id.data, what->id.len);
    if (what->label && what->label[0])
        add(t, CKA_LABEL, what->label, strlen(what->label));
}

static void make_public(struct template *t, const struct sg_provision *what, struct sg_slice params)
{
    static const CK_BYTE f4[] = {1, 0, 1};
    const struct kind *kind = &kinds[what->kind];
    bool rsa = kind->bits > 0, sign = what->purpose == SG_FOR_SIGNING;
    *t = (struct template){.count = 0};
    add_bool(t, CKA_TOKEN, true);
    add_bool(t, CKA_PRIVATE, false);
    add_bool(t, CKA_VERIFY, sign);
    if (rsa) {
        add_bool(t, CKA_ENCRYPT, !sign);
        add_bool(t, CKA_WRAP, !sign);
        add(t, CKA_MODULUS_BITS, &kind->bits, sizeof kind->bits);
        add(t, CKA_PUBLIC_EXPONENT, f4, sizeof f4);
    } else {
        add(t, CKA_EC_PARAMS, params.data, params.len);
    }
    add_names(t, what);
}

/* What a module would allow if it was not told otherwise differs: every use is named. */
static void make_private(struct template *t, const struct sg_provision *what)
{
    bool rsa = kinds[what->kind].bits > 0, sign = what->purpose == SG_FOR_SIGNING;
    *t = (struct template){.count = 0};
    add_bool(t, CKA_TOKEN, true);
    add_bool(t, CKA_PRIVATE, true);
    add_bool(t, CKA_SENSITIVE, true);
    add_bool(t, CKA_EXTRACTABLE, false);
    add_bool(t, CKA_SIGN, sign);
    add_bool(t, CKA_DECRYPT, rsa && !sign);
    add_bool(t, CKA_UNWRAP, rsa && !sign);
    add_bool(t, CKA_DERIVE, !rsa && !sign);
    add_names(t, what);
}

static CK_RV generate_with(struct sg_token *token, CK_SESSION_HANDLE session, const struct sg_provision *what,
                           struct sg_slice params)
{
    CK_MECHANISM mechanism = {.mechanism = kinds[what->kind].mechanism};
    CK_OBJECT_HANDLE public = 0, private = 0;
    struct template public_template, private_template;
    make_public(&public_template, what, params);
    make_private(&private_template, what);
    return sg_token_functions(token)->C_GenerateKeyPair(session, &mechanism, public_template.at, public_template.count,
                                                        private_template.at, private_template.count, &public, &private);
}

/* Whether the module knows the mechanism, but not this size or curve, or not how it was named. */
static bool is_wrong_kind(CK_RV rv)
{
    return rv == CKR_KEY_SIZE_RANGE || rv == CKR_DOMAIN_PARAMS_INVALID || rv == CKR_CURVE_NOT_SUPPORTED ||
           rv == CKR_ATTRIBUTE_VALUE_INVALID;
}

static enum sg_rc generate(struct sg_token *token, CK_SESSION_HANDLE session, const struct sg_provision *what,
                           struct sg_err *err)
{
    const struct kind *kind = &kinds[what->kind];
    CK_RV rv = generate_with(token, session, what, kind->params);
    if (is_wrong_kind(rv) && kind->other_params.len > 0)
        rv = generate_with(token, session, what, kind->other_params);
    if (rv == CKR_OK)
        return SG_OK;
    if (!is_wrong_kind(rv))
        return fail_step(token, rv, _("The token made no key"), err);
    return about(token, rv, err,
                 sg_fail(err, SG_E_NOT_SERVED,
                         _("The token made no key: it does not make keys of the kind %s; choose another kind."),
                         sg_key_kind_text(what->kind)));
}

/* --- objects ------------------------------------------------------------------------------------------------------ */

static enum sg_rc find_by_id(struct sg_token *token, CK_SESSION_HANDLE session, struct sg_slice id,
                             CK_OBJECT_HANDLE **ret, size_t *ret_count, struct sg_err *err)
{
    CK_ATTRIBUTE match = {CKA_ID, (void *)(uintptr_t)id.data, id.len};
    if (id.len == 0)
        return about(token, CKR_OK, err,
                     sg_fail(err, SG_E_USAGE, "%s", _("Keys without an id cannot be told apart; give one.")));
    return sg_objects_find(token, session, &match, 1, ret, ret_count, err);
}

static enum sg_rc keygen(struct sg_token *token, CK_SESSION_HANDLE session, const struct sg_provision *what,
                         struct sg_err *err)
{
    _cleanup_(freep) CK_OBJECT_HANDLE *handles = NULL;
    size_t count = 0;
    if (what->purpose == SG_FOR_ANYTHING)
        return about(token, CKR_OK, err,
                     sg_fail(err, SG_E_USAGE, "%s", _("A key is for signing or for decryption, never for both.")));
    if (what->kind == SG_ED25519 && what->purpose != SG_FOR_SIGNING)
        return about(token, CKR_OK, err,
                     sg_fail(err, SG_E_USAGE, "%s", _("Ed25519 keys only sign; choose another kind for decryption.")));
    enum sg_rc rc = find_by_id(token, session, what->id, &handles, &count, err);
    if (rc != SG_OK)
        return rc;
    if (count > 0)
        return about(
            token, CKR_OK, err,
            sg_fail(
                err, SG_E_KEY_EXISTS, "%s",
                _("The token has a key or certificate with this id already; choose another id, or delete it first.")));
    return generate(token, session, what, err);
}

/* DER of a part of a certificate; owned by the caller. */
struct der {
    unsigned char *data;
    int len;
};

static void der_clear(struct der *der)
{
    OPENSSL_free(der->data);
}

static enum sg_rc create_certificate(struct sg_token *token, CK_SESSION_HANDLE session, const struct sg_provision *what,
                                     const X509 *cert, struct sg_err *err)
{
    static const CK_OBJECT_CLASS class = CKO_CERTIFICATE;
    static const CK_CERTIFICATE_TYPE type = CKC_X_509;
    _cleanup_(der_clear) struct der subject = {0};
    _cleanup_(der_clear) struct der issuer = {0};
    _cleanup_(der_clear) struct der serial = {0};
    subject.len = i2d_X509_NAME(X509_get_subject_name(cert), &subject.data);
    issuer.len = i2d_X509_NAME(X509_get_issuer_name(cert), &issuer.data);
    serial.len = i2d_ASN1_INTEGER(X509_get0_serialNumber(cert), &serial.data);
    if (subject.len <= 0 || issuer.len <= 0 || serial.len <= 0)
        return sg_fail_memory(err);

    struct template t = {.count = 0};
    CK_OBJECT_HANDLE created = 0;
    add(&t, CKA_CLASS, &class, sizeof class);
    add(&t, CKA_CERTIFICATE_TYPE, &type, sizeof type);
    add_bool(&t, CKA_TOKEN, true);
    add_bool(&t, CKA_PRIVATE, false);
    add(&t, CKA_SUBJECT, subject.data, (size_t)subject.len);
    add(&t, CKA_ISSUER, issuer.data, (size_t)issuer.len);
    add(&t, CKA_SERIAL_NUMBER, serial.data, (size_t)serial.len);
    add(&t, CKA_VALUE, what->certificate.data, what->certificate.len);
    add_names(&t, what);
    CK_RV rv = sg_token_functions(token)->C_CreateObject(session, t.at, t.count, &created);
    return rv == CKR_OK ? SG_OK : fail_step(token, rv, _("The certificate was not written to the token"), err);
}

static enum sg_rc import(struct sg_token *token, CK_SESSION_HANDLE session, const struct sg_provision *what,
                         struct sg_err *err)
{
    const unsigned char *at = what->certificate.data;
    _cleanup_(X509_freep) X509 *cert =
        what->certificate.len <= SG_MAX_CERTIFICATE ? d2i_X509(NULL, &at, (long)what->certificate.len) : NULL;
    if (!cert || at != what->certificate.data + what->certificate.len)
        return about(
            token, CKR_OK, err,
            sg_fail_ssl(err, SG_E_MALFORMED, "%s", _("What is to be written to the token is not a certificate.")));
    return create_certificate(token, session, what, cert, err);
}

static enum sg_rc delete_all(struct sg_token *token, CK_SESSION_HANDLE session, const struct sg_provision *what,
                             struct sg_err *err)
{
    _cleanup_(freep) CK_OBJECT_HANDLE *handles = NULL;
    size_t count = 0;
    enum sg_rc rc = find_by_id(token, session, what->id, &handles, &count, err);
    if (rc == SG_OK && count == 0)
        return about(token, CKR_OK, err, sg_fail(err, SG_E_NO_KEY, "%s", _("The token has nothing with this id.")));
    for (size_t i = 0; rc == SG_OK && i < count; i++) {
        CK_RV rv = sg_token_functions(token)->C_DestroyObject(session, handles[i]);
        if (rv != CKR_OK)
            rc = i == 0 ? fail_step(token, rv, _("Nothing was deleted from the token"), err)
                        : sg_local_fail(token, rv, _("Only a part was deleted from the token"), err);
    }
    return rc;
}

/* --- one step ----------------------------------------------------------------------------------------------------- */

/* A step of the user's, who is logged in: a session that may write shares that login. */
static enum sg_rc as_user(struct sg_token *token, const struct sg_provision *what, struct sg_err *err)
{
    CK_SESSION_HANDLE session = 0;
    CK_RV rv = sg_token_functions(token)->C_OpenSession(token->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL,
                                                        &session);
    if (rv != CKR_OK)
        return fail_step(token, rv, _("The token cannot be written to"), err);
    enum sg_rc rc = SG_OK;
    if (what->step == SG_PROVISION_KEYGEN)
        rc = keygen(token, session, what, err);
    else if (what->step == SG_PROVISION_IMPORT)
        rc = import(token, session, what, err);
    else
        rc = delete_all(token, session, what, err);
    (void)sg_token_functions(token)->C_CloseSession(session);
    return rc;
}

enum sg_rc sg_local_provision(struct sg_token *token, const struct sg_provision *what, struct sg_err *err)
{
    switch (what->step) {
    case SG_PROVISION_INIT:
        return initialise(token, what, err);
    case SG_PROVISION_UNBLOCK:
    case SG_PROVISION_SO_PIN:
        return set_pin(token, CKU_SO, what, err);
    case SG_PROVISION_PIN:
        return set_pin(token, CKU_USER, what, err);
    case SG_PROVISION_KEYGEN:
    case SG_PROVISION_IMPORT:
    case SG_PROVISION_DELETE:
        return as_user(token, what, err);
    case SG_PROVISION_STEPS:
        break;
    }
    return sg_fail(err, SG_E_INTERNAL, "%s", _("No such step of provisioning."));
}
