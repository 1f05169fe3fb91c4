#include "fake_module.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <p11-kit/pkcs11.h>

#define EXPORT __attribute__((visibility("default")))
#define PIN "123456"
#define MAX_SESSIONS 64

EXPORT struct fake_control fake_control;

enum { RSA_PRIVATE = 1, RSA_PUBLIC, EC_PRIVATE, EC_CERTIFICATE, LAST_OBJECT = EC_CERTIFICATE, SECRET };

struct session {
    bool open, authenticated;
    CK_OBJECT_HANDLE found[LAST_OBJECT];
    CK_ULONG found_count;
    CK_OBJECT_HANDLE key;
    CK_MECHANISM_TYPE mechanism;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static EVP_PKEY *rsa, *ec;
static unsigned char *certificates[2]; /* of the EC key; of another */
static int certificate_lens[2];
static struct session sessions[MAX_SESSIONS];
static bool logged_in;
static unsigned char secret[32]; /* of the object SECRET, which is there while fake_control.secrets is not 0 */

/* --- failing ----------------------------------------------------------------------------------------------------- */

static CK_RV called(const char *name)
{
    (void)pthread_mutex_lock(&lock);
    bool fails = ++fake_control.calls == fake_control.fail_at;
    if (fails)
        fake_control.failed = name;
    (void)pthread_mutex_unlock(&lock);
    return fails ? fake_control.fail_with : CKR_OK;
}

/* Every function begins with it. */
#define CALLED()                                                                                                       \
    do {                                                                                                               \
        CK_RV failure = called(__func__);                                                                              \
        if (failure != CKR_OK)                                                                                         \
            return failure;                                                                                            \
    } while (0)

/* --- keys -------------------------------------------------------------------------------------------------------- */

static int certify(EVP_PKEY *key, unsigned char **ret)
{
    X509 *cert = X509_new();
    X509_NAME *name = X509_get_subject_name(cert);
    (void)X509_set_version(cert, X509_VERSION_3);
    (void)ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    (void)X509_gmtime_adj(X509_getm_notBefore(cert), -60);
    (void)X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
    (void)X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"fake", -1, -1, 0);
    (void)X509_set_issuer_name(cert, name);
    (void)X509_set_pubkey(cert, key);
    (void)X509_sign(cert, key, EVP_sha256());
    int len = i2d_X509(cert, ret);
    X509_free(cert);
    return len;
}

static void make_keys(void)
{
    if (rsa)
        return;
    EVP_PKEY *another = EVP_EC_gen("P-256");
    rsa = EVP_RSA_gen(2048);
    ec = EVP_EC_gen("P-256");
    certificate_lens[0] = certify(ec, &certificates[0]);
    certificate_lens[1] = certify(another, &certificates[1]);
    EVP_PKEY_free(another);
}

__attribute__((destructor)) static void free_keys(void)
{
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(ec);
    OPENSSL_free(certificates[0]);
    OPENSSL_free(certificates[1]);
}

/* --- module, slot, token ----------------------------------------------------------------------------------------- */

CK_RV C_Initialize(void *arguments)
{
    (void)arguments;
    CALLED();
    make_keys();
    return CKR_OK;
}

CK_RV C_Finalize(void *reserved)
{
    (void)reserved;
    memset(sessions, 0, sizeof sessions);
    fake_control.open_sessions = 0;
    logged_in = false;
    CALLED();
    return CKR_OK;
}

static void pad(unsigned char *field, size_t len, const char *text)
{
    memset(field, ' ', len);
    memcpy(field, text, strlen(text));
}

CK_RV C_GetInfo(CK_INFO *info)
{
    CALLED();
    *info = (CK_INFO){.cryptokiVersion = {2, 40}};
    pad(info->manufacturerID, sizeof info->manufacturerID, "Fake");
    pad(info->libraryDescription, sizeof info->libraryDescription, "Fake");
    return CKR_OK;
}

CK_RV C_GetSlotList(CK_BBOOL present, CK_SLOT_ID *slots, CK_ULONG *count)
{
    (void)present;
    CALLED();
    if (slots && *count >= 1)
        slots[0] = 7;
    *count = fake_control.lie == FAKE_SLOT_COUNT ? 1UL << 40 : fake_control.absent ? 0 : 1;
    return CKR_OK;
}

CK_RV C_GetSlotInfo(CK_SLOT_ID slot, CK_SLOT_INFO *info)
{
    (void)slot;
    CALLED();
    *info = (CK_SLOT_INFO){.flags = (fake_control.absent ? 0 : CKF_TOKEN_PRESENT) |
                                    (fake_control.removable ? CKF_REMOVABLE_DEVICE : 0)};
    pad(info->slotDescription, sizeof info->slotDescription, "Fake reader");
    pad(info->manufacturerID, sizeof info->manufacturerID, "Fake");
    return CKR_OK;
}

CK_RV C_GetTokenInfo(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
    (void)slot;
    CALLED();
    *info = (CK_TOKEN_INFO){.flags = CKF_TOKEN_INITIALIZED | CKF_USER_PIN_INITIALIZED | CKF_LOGIN_REQUIRED |
                                     fake_control.token_flags | (logged_in ? fake_control.flags_once_logged_in : 0)};
    pad(info->label, sizeof info->label, "Fake\x1b[31m\xff%s\xe2\x80\xae");
    pad(info->manufacturerID, sizeof info->manufacturerID, "Fake");
    pad(info->model, sizeof info->model, "Fake");
    pad(info->serialNumber, sizeof info->serialNumber, "0001");
    return CKR_OK;
}

static const CK_MECHANISM_TYPE mechanisms[] = {
    CKM_SHA256_RSA_PKCS,     CKM_SHA384_RSA_PKCS, CKM_SHA512_RSA_PKCS, CKM_SHA256_RSA_PKCS_PSS,
    CKM_SHA384_RSA_PKCS_PSS, CKM_ECDSA_SHA256,    CKM_ECDSA_SHA384,    CKM_RSA_X_509,
    CKM_ECDH1_DERIVE,        CKM_RSA_PKCS,        CKM_RSA_PKCS_PSS,    CKM_ECDSA};
#define ALL_MECHANISMS (sizeof mechanisms / sizeof *mechanisms)
#define RAW_MECHANISMS 3

CK_RV C_GetMechanismList(CK_SLOT_ID slot, CK_MECHANISM_TYPE *list, CK_ULONG *count)
{
    (void)slot;
    CALLED();
    CK_ULONG have = fake_control.lists_raw ? ALL_MECHANISMS : ALL_MECHANISMS - RAW_MECHANISMS;
    if (list && *count < have)
        return CKR_BUFFER_TOO_SMALL;
    if (list)
        memcpy(list, mechanisms, have * sizeof *list);
    *count = fake_control.lie == FAKE_MECHANISM_COUNT ? 1UL << 40 : have;
    return CKR_OK;
}

/* --- sessions ---------------------------------------------------------------------------------------------------- */

CK_RV C_OpenSession(CK_SLOT_ID slot, CK_FLAGS flags, void *application, CK_NOTIFY notify, CK_SESSION_HANDLE *ret)
{
    (void)slot;
    (void)flags;
    (void)application;
    (void)notify;
    CALLED();
    (void)pthread_mutex_lock(&lock);
    CK_RV rv = CKR_SESSION_COUNT;
    bool room = fake_control.session_limit == 0 || fake_control.open_sessions < fake_control.session_limit;
    for (CK_ULONG i = 0; room && rv != CKR_OK && i < MAX_SESSIONS; i++) {
        if (sessions[i].open)
            continue;
        sessions[i] = (struct session){.open = true};
        if (++fake_control.open_sessions > fake_control.most_sessions)
            fake_control.most_sessions = fake_control.open_sessions;
        *ret = i + 1;
        rv = CKR_OK;
    }
    (void)pthread_mutex_unlock(&lock);
    return rv;
}

static struct session *session_of(CK_SESSION_HANDLE handle)
{
    return handle >= 1 && handle <= MAX_SESSIONS && sessions[handle - 1].open ? &sessions[handle - 1] : NULL;
}

CK_RV C_CloseSession(CK_SESSION_HANDLE handle)
{
    CALLED();
    (void)pthread_mutex_lock(&lock);
    struct session *session = session_of(handle);
    if (session) {
        session->open = false;
        fake_control.open_sessions--;
    }
    (void)pthread_mutex_unlock(&lock);
    return session ? CKR_OK : CKR_SESSION_HANDLE_INVALID;
}

CK_RV C_CloseAllSessions(CK_SLOT_ID slot)
{
    (void)slot;
    CALLED();
    memset(sessions, 0, sizeof sessions);
    fake_control.open_sessions = 0;
    return CKR_OK;
}

CK_RV C_Login(CK_SESSION_HANDLE handle, CK_USER_TYPE user, CK_BYTE *pin, CK_ULONG len)
{
    fake_control.logins++;
    CALLED();
    struct session *session = session_of(handle);
    if (!session)
        return CKR_SESSION_HANDLE_INVALID;
    if (len != strlen(PIN) || memcmp(pin, PIN, len) != 0)
        return CKR_PIN_INCORRECT;
    if (user == CKU_CONTEXT_SPECIFIC)
        session->authenticated = true;
    else
        logged_in = true;
    return CKR_OK;
}

CK_RV C_Logout(CK_SESSION_HANDLE handle)
{
    (void)handle;
    CALLED();
    logged_in = false;
    return CKR_OK;
}

/* --- objects ----------------------------------------------------------------------------------------------------- */

static CK_OBJECT_CLASS class_of(CK_OBJECT_HANDLE object)
{
    return object == RSA_PUBLIC ? CKO_PUBLIC_KEY : object == EC_CERTIFICATE ? CKO_CERTIFICATE : CKO_PRIVATE_KEY;
}

static bool is_rsa(CK_OBJECT_HANDLE object)
{
    return object == RSA_PRIVATE || object == RSA_PUBLIC;
}

/* An attribute's value; false if the object has none. */
static bool value_of(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, unsigned char *out, CK_ULONG *len)
{
    static const unsigned char p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
    const CK_OBJECT_CLASS class = class_of(object);
    const bool private = class == CKO_PRIVATE_KEY;
    const CK_KEY_TYPE key_type = is_rsa(object) ? CKK_RSA : CKK_EC;
    const CK_BBOOL yes = CK_TRUE, no = CK_FALSE, again = fake_control.reauthenticate ? CK_TRUE : CK_FALSE;
    const unsigned char id = is_rsa(object) ? 1 : 2;
    const void *data = NULL;
    *len = 0;
    if (object == SECRET) {
        *len = sizeof secret;
        memcpy(out, secret, sizeof secret);
        return type == CKA_VALUE && fake_control.secrets > 0;
    }
    switch (type) {
    case CKA_CLASS:
        data = &class;
        *len = sizeof class;
        break;
    case CKA_KEY_TYPE:
        data = class == CKO_CERTIFICATE ? NULL : &key_type;
        *len = sizeof key_type;
        break;
    case CKA_ID:
        data = &id;
        *len = sizeof id;
        break;
    case CKA_LABEL:
        data = "key\x1b]0;\xc2\x9b%n";
        *len = 11;
        break;
    case CKA_SENSITIVE:
    case CKA_ALWAYS_SENSITIVE:
    case CKA_NEVER_EXTRACTABLE:
    case CKA_LOCAL:
    case CKA_SIGN:
        data = private ? &yes : NULL;
        *len = 1;
        break;
    case CKA_EXTRACTABLE:
        data = private ? &no : NULL;
        *len = 1;
        break;
    case CKA_ALWAYS_AUTHENTICATE:
        data = private ? &again : NULL;
        *len = 1;
        break;
    case CKA_EC_PARAMS:
        data = object == EC_PRIVATE ? p256 : NULL;
        *len = sizeof p256;
        break;
    case CKA_VALUE:
        if (class == CKO_CERTIFICATE) {
            int which = fake_control.lie == FAKE_CERTIFICATE_OF_ANOTHER ? 1 : 0;
            data = certificates[which];
            *len = (CK_ULONG)certificate_lens[which];
        } else if (private && fake_control.lie == FAKE_VALUE_READABLE) {
            data = "secret";
            *len = 6;
        }
        break;
    case CKA_MODULUS:
    case CKA_PUBLIC_EXPONENT:
        if (is_rsa(object)) {
            BIGNUM *number = NULL;
            (void)EVP_PKEY_get_bn_param(rsa, type == CKA_MODULUS ? OSSL_PKEY_PARAM_RSA_N : OSSL_PKEY_PARAM_RSA_E,
                                        &number);
            *len = (CK_ULONG)BN_bn2bin(number, out);
            BN_free(number);
            return true;
        }
        break;
    default:
        break;
    }
    if (data)
        memcpy(out, data, *len);
    return data != NULL;
}

static bool matches(CK_OBJECT_HANDLE object, const CK_ATTRIBUTE *match, CK_ULONG count)
{
    unsigned char value[4096];
    CK_ULONG len = 0;
    if (!logged_in && class_of(object) == CKO_PRIVATE_KEY)
        return false;
    for (CK_ULONG i = 0; i < count; i++) {
        if (!value_of(object, match[i].type, value, &len) || len != match[i].ulValueLen ||
            memcmp(value, match[i].pValue, len) != 0)
            return false;
    }
    return true;
}

CK_RV C_FindObjectsInit(CK_SESSION_HANDLE handle, CK_ATTRIBUTE *match, CK_ULONG count)
{
    CALLED();
    struct session *session = session_of(handle);
    if (!session)
        return CKR_SESSION_HANDLE_INVALID;
    session->found_count = 0;
    for (CK_OBJECT_HANDLE object = 1; object <= LAST_OBJECT; object++) {
        if (matches(object, match, count))
            session->found[session->found_count++] = object;
    }
    return CKR_OK;
}

CK_RV C_FindObjects(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE *objects, CK_ULONG room, CK_ULONG *count)
{
    CALLED();
    struct session *session = session_of(handle);
    if (!session)
        return CKR_SESSION_HANDLE_INVALID;
    if (fake_control.lie == FAKE_FIND_ENDLESS) {
        for (*count = 0; *count < room; ++*count)
            objects[*count] = RSA_PUBLIC;
        return CKR_OK;
    }
    for (*count = 0; *count < room && session->found_count > 0; ++*count)
        objects[*count] = session->found[--session->found_count];
    if (fake_control.lie == FAKE_FIND_COUNT)
        *count = room + 1;
    return CKR_OK;
}

CK_RV C_FindObjectsFinal(CK_SESSION_HANDLE handle)
{
    (void)handle;
    CALLED();
    return CKR_OK;
}

static CK_RV give_value(CK_OBJECT_HANDLE object, CK_ATTRIBUTE *attribute)
{
    unsigned char value[4096];
    CK_ULONG len = 0, room = attribute->ulValueLen;
    if (!value_of(object, attribute->type, value, &len)) {
        attribute->ulValueLen = CK_UNAVAILABLE_INFORMATION;
        return class_of(object) == CKO_PRIVATE_KEY ? CKR_ATTRIBUTE_SENSITIVE : CKR_ATTRIBUTE_TYPE_INVALID;
    }
    attribute->ulValueLen = len;
    if (!attribute->pValue) {
        if (fake_control.lie == FAKE_VALUE_HUGE)
            attribute->ulValueLen = 1UL << 40;
        return CKR_OK;
    }
    if (room < len || fake_control.lie == FAKE_VALUE_GROWS) {
        attribute->ulValueLen = CK_UNAVAILABLE_INFORMATION;
        return CKR_BUFFER_TOO_SMALL;
    }
    memcpy(attribute->pValue, value, len);
    if (fake_control.lie == FAKE_VALUE_LONGER)
        attribute->ulValueLen = room + 100000;
    return CKR_OK;
}

CK_RV C_GetAttributeValue(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *attributes, CK_ULONG count)
{
    CALLED();
    if (!session_of(handle))
        return CKR_SESSION_HANDLE_INVALID;
    CK_RV answer = CKR_OK;
    for (CK_ULONG i = 0; i < count; i++) {
        CK_RV rv = give_value(object, &attributes[i]);
        if (rv != CKR_OK)
            answer = rv;
    }
    return answer;
}

/* --- signing ----------------------------------------------------------------------------------------------------- */

static bool is_raw(CK_MECHANISM_TYPE mechanism)
{
    return mechanism == CKM_RSA_PKCS || mechanism == CKM_RSA_PKCS_PSS || mechanism == CKM_ECDSA;
}

CK_RV C_SignInit(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    CALLED();
    struct session *session = session_of(handle);
    if (!session)
        return CKR_SESSION_HANDLE_INVALID;
    if (!logged_in)
        return CKR_USER_NOT_LOGGED_IN;
    bool offered = false;
    for (size_t i = 0; i < ALL_MECHANISMS; i++)
        offered = offered || mechanisms[i] == mechanism->mechanism;
    if (!offered || (is_raw(mechanism->mechanism) && !fake_control.serves_raw))
        return CKR_MECHANISM_INVALID;
    session->key = key;
    session->mechanism = mechanism->mechanism;
    session->authenticated = false;
    return CKR_OK;
}

static const EVP_MD *digest_of(CK_MECHANISM_TYPE mechanism)
{
    switch (mechanism) {
    case CKM_SHA256_RSA_PKCS:
    case CKM_SHA256_RSA_PKCS_PSS:
    case CKM_ECDSA_SHA256:
        return EVP_sha256();
    case CKM_SHA384_RSA_PKCS:
    case CKM_SHA384_RSA_PKCS_PSS:
    case CKM_ECDSA_SHA384:
        return EVP_sha384();
    case CKM_SHA512_RSA_PKCS:
        return EVP_sha512();
    default:
        return NULL;
    }
}

static bool is_pss(CK_MECHANISM_TYPE mechanism)
{
    return mechanism == CKM_RSA_PKCS_PSS || mechanism == CKM_SHA256_RSA_PKCS_PSS ||
           mechanism == CKM_SHA384_RSA_PKCS_PSS;
}

static bool set_pss(EVP_PKEY_CTX *ctx)
{
    return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1;
}

/* As OpenSSL makes it: ECDSA in DER. */
static bool sign(const struct session *session, const unsigned char *data, size_t len, unsigned char *out,
                 size_t *out_len)
{
    EVP_PKEY *key = is_rsa(session->key) ? rsa : ec;
    const EVP_MD *digest = digest_of(session->mechanism);
    EVP_MD_CTX *message = EVP_MD_CTX_new();
    EVP_PKEY_CTX *ctx = NULL, *own = NULL;
    bool pss = is_pss(session->mechanism), ok;
    if (digest) {
        ok = EVP_DigestSignInit(message, &ctx, digest, NULL, key) == 1 && (!pss || set_pss(ctx)) &&
             EVP_DigestSign(message, out, out_len, data, len) == 1;
    } else {
        own = EVP_PKEY_CTX_new(key, NULL);
        const EVP_MD *raw = len == 32 ? EVP_sha256() : len == 48 ? EVP_sha384() : EVP_sha512();
        ok = EVP_PKEY_sign_init(own) == 1 && (!pss || (set_pss(own) && EVP_PKEY_CTX_set_signature_md(own, raw) == 1)) &&
             (pss || key != rsa || EVP_PKEY_CTX_set_rsa_padding(own, RSA_PKCS1_PADDING) == 1) &&
             EVP_PKEY_sign(own, out, out_len, data, len) == 1;
    }
    EVP_PKEY_CTX_free(own);
    EVP_MD_CTX_free(message);
    return ok;
}

static void der_to_pair(unsigned char *signature, size_t *len)
{
    const unsigned char *at = signature;
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, (long)*len);
    (void)BN_bn2binpad(ECDSA_SIG_get0_r(sig), signature, 32);
    (void)BN_bn2binpad(ECDSA_SIG_get0_s(sig), signature + 32, 32);
    ECDSA_SIG_free(sig);
    *len = 64;
}

CK_RV C_Sign(CK_SESSION_HANDLE handle, CK_BYTE *data, CK_ULONG len, CK_BYTE *out, CK_ULONG *out_len)
{
    CALLED();
    struct session *session = session_of(handle);
    if (!session || session->key == 0)
        return CKR_OPERATION_NOT_INITIALIZED;
    if (fake_control.reauthenticate && !session->authenticated)
        return CKR_USER_NOT_LOGGED_IN;
    unsigned char signature[512];
    size_t signature_len = sizeof signature;
    if (!sign(session, data, len, signature, &signature_len))
        return CKR_DATA_INVALID;
    if (!is_rsa(session->key))
        der_to_pair(signature, &signature_len);
    session->key = 0;
    if (*out_len < signature_len)
        return CKR_BUFFER_TOO_SMALL;
    if (fake_control.lie == FAKE_SIGNATURE_WRONG)
        signature[signature_len / 2] ^= 1;
    memcpy(out, signature, signature_len);
    *out_len = fake_control.lie == FAKE_SIGNATURE_LONGER  ? 1UL << 40
               : fake_control.lie == FAKE_SIGNATURE_SHORT ? signature_len - 1
                                                          : signature_len;
    return CKR_OK;
}

/* --- decrypting --------------------------------------------------------------------------------------------------- */

CK_RV C_DecryptInit(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    CALLED();
    struct session *session = session_of(handle);
    if (!session)
        return CKR_SESSION_HANDLE_INVALID;
    if (!logged_in)
        return CKR_USER_NOT_LOGGED_IN;
    if (mechanism->mechanism != CKM_RSA_X_509 || key != RSA_PRIVATE)
        return CKR_MECHANISM_INVALID;
    session->key = key;
    session->authenticated = false;
    return CKR_OK;
}

CK_RV C_Decrypt(CK_SESSION_HANDLE handle, CK_BYTE *data, CK_ULONG len, CK_BYTE *out, CK_ULONG *out_len)
{
    CALLED();
    struct session *session = session_of(handle);
    if (!session || session->key == 0)
        return CKR_OPERATION_NOT_INITIALIZED;
    if (fake_control.reauthenticate && !session->authenticated)
        return CKR_USER_NOT_LOGGED_IN;
    session->key = 0;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(rsa, NULL);
    size_t plain_len = *out_len;
    bool good = EVP_PKEY_decrypt_init(ctx) == 1 && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) == 1 &&
                EVP_PKEY_decrypt(ctx, out, &plain_len, data, len) == 1;
    EVP_PKEY_CTX_free(ctx);
    if (!good)
        return CKR_ENCRYPTED_DATA_INVALID;
    if (fake_control.lie == FAKE_PLAINTEXT_WRONG)
        out[plain_len / 2] ^= 1;
    *out_len = fake_control.lie == FAKE_PLAINTEXT_LONGER  ? 1UL << 40
               : fake_control.lie == FAKE_PLAINTEXT_EMPTY ? 0
                                                          : plain_len;
    return CKR_OK;
}

CK_RV C_DeriveKey(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key, CK_ATTRIBUTE *template,
                  CK_ULONG count, CK_OBJECT_HANDLE *ret)
{
    (void)template;
    (void)count;
    CALLED();
    const CK_ECDH1_DERIVE_PARAMS *params = mechanism->pParameter;
    EVP_PKEY *peer = EVP_PKEY_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(ec, NULL);
    size_t len = sizeof secret;
    bool good = session_of(handle) && logged_in && mechanism->mechanism == CKM_ECDH1_DERIVE && key == EC_PRIVATE &&
                EVP_PKEY_copy_parameters(peer, ec) == 1 &&
                EVP_PKEY_set1_encoded_public_key(peer, params->pPublicData, params->ulPublicDataLen) == 1 &&
                EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_derive_set_peer(ctx, peer) == 1 &&
                EVP_PKEY_derive(ctx, secret, &len) == 1;
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(peer);
    if (!good)
        return CKR_MECHANISM_PARAM_INVALID;
    fake_control.secrets++;
    *ret = SECRET;
    return CKR_OK;
}

CK_RV C_DestroyObject(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object)
{
    CALLED();
    if (!session_of(handle) || object != SECRET || fake_control.secrets == 0)
        return CKR_OBJECT_HANDLE_INVALID;
    fake_control.secrets--;
    return CKR_OK;
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR list)
{
    static CK_FUNCTION_LIST functions = {
        .version = {2, 40},
        .C_Initialize = C_Initialize,
        .C_Finalize = C_Finalize,
        .C_GetInfo = C_GetInfo,
        .C_GetFunctionList = C_GetFunctionList,
        .C_GetSlotList = C_GetSlotList,
        .C_GetSlotInfo = C_GetSlotInfo,
        .C_GetTokenInfo = C_GetTokenInfo,
        .C_GetMechanismList = C_GetMechanismList,
        .C_OpenSession = C_OpenSession,
        .C_CloseSession = C_CloseSession,
        .C_CloseAllSessions = C_CloseAllSessions,
        .C_Login = C_Login,
        .C_Logout = C_Logout,
        .C_GetAttributeValue = C_GetAttributeValue,
        .C_FindObjectsInit = C_FindObjectsInit,
        .C_FindObjects = C_FindObjects,
        .C_FindObjectsFinal = C_FindObjectsFinal,
        .C_SignInit = C_SignInit,
        .C_Sign = C_Sign,
        .C_DecryptInit = C_DecryptInit,
        .C_Decrypt = C_Decrypt,
        .C_DeriveKey = C_DeriveKey,
        .C_DestroyObject = C_DestroyObject,
    };
    *list = &functions;
    return CKR_OK;
}
