#include "fake_private.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/x509.h>

#define EXPORT __attribute__((visibility("default")))
#define PIN "123456"
#define SO_PIN "87654321"
#define MAX_SESSIONS 64

EXPORT struct fake_control fake_control;

pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
EVP_PKEY *rsa, *ec;
bool logged_in;
unsigned char secret[32];
static struct session sessions[MAX_SESSIONS];

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

static void keep(struct fake_object *object, int len, unsigned char *der)
{
    object->len = len;
    memcpy(object->der, der, (size_t)len);
    OPENSSL_free(der);
}

static void keep_key(struct fake_object *object, EVP_PKEY *key)
{
    unsigned char *der = NULL;
    int len = i2d_PrivateKey(key, &der);
    keep(object, len, der);
    EVP_PKEY_free(key);
}

static void keep_certificate(struct fake_object *object, EVP_PKEY *key)
{
    unsigned char *der = NULL;
    int len = certify(key, &der);
    keep(object, len, der);
}

static EVP_PKEY *kept_key(const struct fake_object *object)
{
    const unsigned char *at = object->der;
    return d2i_AutoPrivateKey(NULL, &at, object->len);
}

static void make_keys(void)
{
    static struct fake_object made[4];
    if (control->objects[0].len == 0 && made[0].len == 0) {
        EVP_PKEY *another = EVP_EC_gen("P-256"), *own = EVP_EC_gen("P-256");
        keep_certificate(&made[2], own);
        keep_certificate(&made[3], another);
        keep_key(&made[0], EVP_RSA_gen(2048));
        keep_key(&made[1], own);
        EVP_PKEY_free(another);
    }
    if (control->objects[0].len == 0)
        memcpy(control->objects, made, sizeof made);
    if (!rsa)
        rsa = kept_key(&control->objects[0]);
    if (!ec)
        ec = kept_key(&control->objects[1]);
}

/* Where nobody holds the control: a program that loads the module in a process of its own. */
__attribute__((constructor)) static void take_orders(void)
{
    const char *lie = getenv("FAKE_MODULE_LIE"), *flags = getenv("FAKE_MODULE_FLAGS");
    if (lie && strcmp(lie, "value-readable") == 0)
        fake_control.lie = FAKE_VALUE_READABLE;
    if (lie && strcmp(lie, "signature-wrong") == 0)
        fake_control.lie = FAKE_SIGNATURE_WRONG;
    if (flags)
        fake_control.token_flags = strtoul(flags, NULL, 0);
}

__attribute__((destructor)) static void free_keys(void)
{
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(ec);
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
    control->open_sessions = 0;
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
    garble(info, sizeof *info);
    return CKR_OK;
}

CK_RV C_GetSlotList(CK_BBOOL present, CK_SLOT_ID *slots, CK_ULONG *count)
{
    (void)present;
    CALLED();
    CK_ULONG have = control->lie == FAKE_SLOTS_GROW && slots ? *count + 1 : control->absent ? 0 : 1;
    for (CK_ULONG i = 0; slots && i < have && i < *count; i++)
        slots[i] = 7;
    garble(slots, slots && *count >= 1 ? sizeof *slots : 0);
    *count = control->lie == FAKE_SLOT_COUNT ? 1UL << 40 : have;
    garble_count(count);
    return CKR_OK;
}

CK_RV C_GetSlotInfo(CK_SLOT_ID slot, CK_SLOT_INFO *info)
{
    (void)slot;
    CALLED();
    *info = (CK_SLOT_INFO){.flags = (control->absent ? 0 : CKF_TOKEN_PRESENT) |
                                    (control->removable ? CKF_REMOVABLE_DEVICE : 0)};
    pad(info->slotDescription, sizeof info->slotDescription, "Fake reader");
    pad(info->manufacturerID, sizeof info->manufacturerID, "Fake");
    garble(info, sizeof *info);
    return CKR_OK;
}

CK_RV C_GetTokenInfo(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
    (void)slot;
    CALLED();
    *info = (CK_TOKEN_INFO){.flags = CKF_TOKEN_INITIALIZED | CKF_USER_PIN_INITIALIZED | CKF_LOGIN_REQUIRED |
                                     control->token_flags | (logged_in ? control->flags_once_logged_in : 0)};
    if (given_label())
        memcpy(info->label, given_label(), sizeof info->label);
    else
        pad(info->label, sizeof info->label, "Fake\x1b[31m\xff%s\xe2\x80\xae");
    pad(info->manufacturerID, sizeof info->manufacturerID, "Fake");
    pad(info->model, sizeof info->model, "Fake");
    pad(info->serialNumber, sizeof info->serialNumber, "0001");
    if (control->lie == FAKE_SERIAL_CHANGES)
        info->serialNumber[4] = (unsigned char)('0' + control->calls % 10);
    garble(info, sizeof *info);
    return CKR_OK;
}

CK_RV C_GetMechanismList(CK_SLOT_ID slot, CK_MECHANISM_TYPE *list, CK_ULONG *count)
{
    (void)slot;
    CALLED();
    CK_ULONG have = fake_mechanism_count();
    if (list && *count < have)
        return CKR_BUFFER_TOO_SMALL;
    if (list)
        memcpy(list, fake_mechanisms, have * sizeof *list);
    *count = control->lie == FAKE_MECHANISM_COUNT ? 1UL << 40 : have;
    garble(list, list ? have * sizeof *list : 0);
    garble_count(count);
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
    bool room = control->session_limit == 0 || control->open_sessions < control->session_limit;
    for (CK_ULONG i = 0; room && rv != CKR_OK && i < MAX_SESSIONS; i++) {
        if (sessions[i].open)
            continue;
        sessions[i] = (struct session){.open = true};
        if (++control->open_sessions > control->most_sessions)
            control->most_sessions = control->open_sessions;
        *ret = i + 1;
        rv = CKR_OK;
    }
    (void)pthread_mutex_unlock(&lock);
    garble_count(ret);
    return rv;
}

struct session *session_of(CK_SESSION_HANDLE handle)
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
        control->open_sessions--;
    }
    (void)pthread_mutex_unlock(&lock);
    return session ? CKR_OK : CKR_SESSION_HANDLE_INVALID;
}

CK_RV C_CloseAllSessions(CK_SLOT_ID slot)
{
    (void)slot;
    CALLED();
    memset(sessions, 0, sizeof sessions);
    control->open_sessions = 0;
    return CKR_OK;
}

CK_RV C_Login(CK_SESSION_HANDLE handle, CK_USER_TYPE user, CK_BYTE *pin, CK_ULONG len)
{
    control->logins++;
    CALLED();
    struct session *session = session_of(handle);
    if (!session)
        return CKR_SESSION_HANDLE_INVALID;
    const char *right = user == CKU_SO ? SO_PIN : PIN;
    if (len != strlen(right) || memcmp(pin, right, len) != 0)
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

/* An attribute's value; false if the object has none. */
static bool value_of(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, unsigned char *out, CK_ULONG *len)
{
    static const unsigned char p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
    const CK_OBJECT_CLASS class = class_of(object);
    const bool private = class == CKO_PRIVATE_KEY;
    const CK_KEY_TYPE key_type = is_rsa(object) ? CKK_RSA : CKK_EC;
    const CK_BBOOL yes = CK_TRUE, no = CK_FALSE, again = control->reauthenticate ? CK_TRUE : CK_FALSE;
    const unsigned char id = is_rsa(object) ? 1 : 2;
    const void *data = NULL;
    *len = 0;
    if (object == SECRET) {
        *len = sizeof secret;
        memcpy(out, secret, sizeof secret);
        return type == CKA_VALUE && control->secrets > 0;
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
            const struct fake_object *it = &control->objects[control->lie == FAKE_CERTIFICATE_OF_ANOTHER ? 3 : 2];
            data = it->der;
            *len = (CK_ULONG)it->len;
        } else if (private && control->lie == FAKE_VALUE_READABLE) {
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
    if (control->lie == FAKE_FIND_ENDLESS) {
        for (*count = 0; *count < room; ++*count)
            objects[*count] = RSA_PUBLIC;
        return CKR_OK;
    }
    for (*count = 0; *count < room && session->found_count > 0; ++*count)
        objects[*count] = session->found[--session->found_count];
    garble(objects, *count * sizeof *objects);
    garble_count(count);
    if (control->lie == FAKE_FIND_COUNT)
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
        if (control->lie == FAKE_VALUE_HUGE)
            attribute->ulValueLen = 1UL << 40;
        garble_count(&attribute->ulValueLen);
        return CKR_OK;
    }
    if (room < len || control->lie == FAKE_VALUE_GROWS) {
        attribute->ulValueLen = CK_UNAVAILABLE_INFORMATION;
        return CKR_BUFFER_TOO_SMALL;
    }
    memcpy(attribute->pValue, value, len);
    garble(attribute->pValue, len);
    garble_count(&attribute->ulValueLen);
    if (control->lie == FAKE_VALUE_LONGER)
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
        .C_InitToken = C_InitToken,
        .C_InitPIN = C_InitPIN,
        .C_SetPIN = C_SetPIN,
        .C_GenerateKeyPair = C_GenerateKeyPair,
        .C_CreateObject = C_CreateObject,
        .C_DestroyObject = C_DestroyObject,
    };
    *list = &functions;
    return CKR_OK;
}
