/* What the files of the fake module share. */
#pragma once

#include <pthread.h>
#include <stddef.h>

#include <openssl/evp.h>
#include <p11-kit/pkcs11.h>

#include "fake_module.h"

/* Where the module's orders are: its own fake_control, or that of the file that FAKE_CONTROL names. */
extern struct fake_control *control;

/* --- misbehaving (fake_deeds.c) ----------------------------------------------------------------------------------- */

CK_RV called(const char *name);

/* Every function begins with it. */
#define CALLED()                                                                                                       \
    do {                                                                                                               \
        CK_RV failure = called(__func__);                                                                              \
        if (failure != CKR_OK)                                                                                         \
            return failure;                                                                                            \
    } while (0)

/* What the present call answers goes through these, which change it while the deed is FAKE_GARBLES. */
void garble(void *data, size_t len);
void garble_count(CK_ULONG *number);

/* --- state (fake_module.c) ---------------------------------------------------------------------------------------- */

enum { RSA_PRIVATE = 1, RSA_PUBLIC, EC_PRIVATE, EC_CERTIFICATE, LAST_OBJECT = EC_CERTIFICATE, SECRET };

struct session {
    bool open, authenticated;
    CK_OBJECT_HANDLE found[LAST_OBJECT];
    CK_ULONG found_count;
    CK_OBJECT_HANDLE key;
    CK_MECHANISM_TYPE mechanism;
};

extern pthread_mutex_t lock;
extern EVP_PKEY *rsa, *ec;
extern bool logged_in;
extern unsigned char secret[32]; /* of the object SECRET, which is there while control->secrets is not 0 */

struct session *session_of(CK_SESSION_HANDLE handle);

static inline bool is_rsa(CK_OBJECT_HANDLE object)
{
    return object == RSA_PRIVATE || object == RSA_PUBLIC;
}

/* --- the rest of its functions (fake_crypto.c, fake_provision.c) -------------------------------------------------- */

extern const CK_MECHANISM_TYPE fake_mechanisms[];
size_t fake_mechanism_count(void);
/* What C_InitToken gave, padded, or NULL. */
const unsigned char *given_label(void);
