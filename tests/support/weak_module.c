/* A PKCS#11 module for tests: the module that WEAK_MODULE_OF names, but for keys that are not what they were to be.
 * WEAK_MODULE says how: "extractable", "decrypts" (a signing key, too), or "stays" (extractable, and cannot be
 * deleted).
 */
#include <dlfcn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <p11-kit/pkcs11.h>

static CK_FUNCTION_LIST *real, weak;

static bool mode_is(const char *mode)
{
    const char *set = getenv("WEAK_MODULE");
    return set && strcmp(set, mode) == 0;
}

static CK_RV generate_key_pair(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_ATTRIBUTE *public,
                               CK_ULONG public_count, CK_ATTRIBUTE *private, CK_ULONG private_count,
                               CK_OBJECT_HANDLE *ret_public, CK_OBJECT_HANDLE *ret_private)
{
    static CK_BBOOL yes = CK_TRUE;
    CK_ATTRIBUTE_TYPE wanted = mode_is("decrypts") ? CKA_DECRYPT : CKA_EXTRACTABLE;
    for (CK_ULONG i = 0; i < private_count; i++) {
        if (private[i].type == wanted)
        private[i].pValue = &yes;
    }
    return real->C_GenerateKeyPair(session, mechanism, public, public_count, private, private_count, ret_public,
                                   ret_private);
}

static CK_RV destroy_object(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)
{
    return mode_is("stays") ? CKR_GENERAL_ERROR : real->C_DestroyObject(session, object);
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **ret)
{
    const char *path = getenv("WEAK_MODULE_OF");
    void *library = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
    CK_C_GetFunctionList get = NULL;
    if (library)
        *(void **)&get = dlsym(library, "C_GetFunctionList");
    if (!get || get(&real) != CKR_OK)
        return CKR_GENERAL_ERROR;
    weak = *real;
    weak.C_GenerateKeyPair = generate_key_pair;
    weak.C_DestroyObject = destroy_object;
    *ret = &weak;
    return CKR_OK;
}
