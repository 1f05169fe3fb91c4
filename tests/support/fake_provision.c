/* What an officer may do to the fake token. It takes its new label; PINs, keys and certificates it accepts and forgets.
 */
#include <string.h>

#include "fake_private.h"

static unsigned char label[32];
static bool labelled;

const unsigned char *given_label(void)
{
    return labelled ? label : NULL;
}

CK_RV C_InitToken(CK_SLOT_ID slot, CK_BYTE *pin, CK_ULONG len, CK_BYTE *new_label)
{
    (void)slot;
    (void)pin;
    (void)len;
    CALLED();
    memcpy(label, new_label, sizeof label);
    labelled = true;
    return CKR_OK;
}

CK_RV C_InitPIN(CK_SESSION_HANDLE session, CK_BYTE *pin, CK_ULONG len)
{
    (void)pin;
    (void)len;
    CALLED();
    return session_of(session) ? CKR_OK : CKR_SESSION_HANDLE_INVALID;
}

CK_RV C_SetPIN(CK_SESSION_HANDLE session, CK_BYTE *old_pin, CK_ULONG old_len, CK_BYTE *new_pin, CK_ULONG new_len)
{
    (void)old_pin;
    (void)old_len;
    (void)new_pin;
    (void)new_len;
    CALLED();
    return session_of(session) ? CKR_OK : CKR_SESSION_HANDLE_INVALID;
}

CK_RV C_GenerateKeyPair(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_ATTRIBUTE *public, CK_ULONG public_count,
                        CK_ATTRIBUTE *private, CK_ULONG private_count, CK_OBJECT_HANDLE *ret_public,
                        CK_OBJECT_HANDLE *ret_private)
{
    (void)mechanism;
    (void)public;
    (void)public_count;
    (void)private;
    (void)private_count;
    CALLED();
    *ret_public = RSA_PUBLIC;
    *ret_private = RSA_PRIVATE;
    garble_count(ret_public);
    garble_count(ret_private);
    return session_of(session) ? CKR_OK : CKR_SESSION_HANDLE_INVALID;
}

CK_RV C_CreateObject(CK_SESSION_HANDLE session, CK_ATTRIBUTE *template, CK_ULONG count, CK_OBJECT_HANDLE *ret)
{
    (void)template;
    (void)count;
    CALLED();
    *ret = EC_CERTIFICATE;
    garble_count(ret);
    return session_of(session) ? CKR_OK : CKR_SESSION_HANDLE_INVALID;
}

CK_RV C_DestroyObject(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)
{
    CALLED();
    if (!session_of(session))
        return CKR_SESSION_HANDLE_INVALID;
    if (object != SECRET)
        return CKR_OK;
    if (control->secrets == 0)
        return CKR_OBJECT_HANDLE_INVALID;
    control->secrets--;
    return CKR_OK;
}
