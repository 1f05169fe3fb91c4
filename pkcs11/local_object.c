/* Finding objects and reading their attributes. Lengths, counts and flags come from the module, and are checked. */
#include <string.h>

#include "base/msg.h"
#include "pkcs11/local.h"

#define FIND_AT_ONCE 64
#define READ_ATTEMPTS 3 /* a value may grow between the call that asks its length and the one that reads it */

static enum sg_rc fail_nonsense(struct sg_token *token, struct sg_err *err)
{
    (void)sg_fail(err, SG_E_TOKEN_FAILED, "%s",
                  _("The token's module answered with what cannot be true; the module may need an update."));
    sg_err_token(err, token->name);
    return SG_E_TOKEN_FAILED;
}

static enum sg_rc find_all(struct sg_token *token, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *found,
                           size_t *ret_count, struct sg_err *err)
{
    for (size_t count = 0;;) {
        CK_ULONG got = 0, room = SG_MAX_OBJECTS + 1 - count;
        if (room > FIND_AT_ONCE)
            room = FIND_AT_ONCE;
        CK_RV rv = sg_token_functions(token)->C_FindObjects(session, found + count, room, &got);
        if (rv != CKR_OK)
            return sg_local_fail(token, rv, _("The token's objects cannot be listed"), err);
        if (got > room)
            return fail_nonsense(token, err);
        if (got == 0) {
            *ret_count = count;
            return SG_OK;
        }
        count += got;
        if (count > SG_MAX_OBJECTS) {
            (void)sg_fail(err, SG_E_LIMIT, _("The token has more than %d objects."), SG_MAX_OBJECTS);
            sg_err_token(err, token->name);
            return SG_E_LIMIT;
        }
    }
}

enum sg_rc sg_objects_find(struct sg_token *token, CK_SESSION_HANDLE session, CK_ATTRIBUTE *match, CK_ULONG match_count,
                           CK_OBJECT_HANDLE **ret, size_t *ret_count, struct sg_err *err)
{
    _cleanup_(freep) CK_OBJECT_HANDLE *found = calloc(SG_MAX_OBJECTS + 1, sizeof *found);
    if (!found)
        return sg_fail_memory(err);
    CK_RV rv = sg_token_functions(token)->C_FindObjectsInit(session, match, match_count);
    if (rv != CKR_OK)
        return sg_local_fail(token, rv, _("The token's objects cannot be listed"), err);

    size_t count = 0;
    enum sg_rc rc = find_all(token, session, found, &count, err);
    rv = sg_token_functions(token)->C_FindObjectsFinal(session);
    if (rc != SG_OK)
        return rc;
    if (rv != CKR_OK)
        return sg_local_fail(token, rv, _("The token's objects cannot be listed"), err);
    *ret = sg_steal(found);
    *ret_count = count;
    return SG_OK;
}

/* --- attributes -------------------------------------------------------------------------------------------------- */

void sg_attributes_clear(struct sg_attribute *attributes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        OPENSSL_cleanse(attributes[i].data, attributes[i].data ? attributes[i].len : 0);
        free(attributes[i].data);
        attributes[i] = (struct sg_attribute){.type = attributes[i].type};
    }
}

/* Answers that say something of a single attribute, not of the call (PKCS#11 v2.40 §5.7, C_GetAttributeValue). */
static bool is_partial(CK_RV rv)
{
    return rv == CKR_ATTRIBUTE_SENSITIVE || rv == CKR_ATTRIBUTE_TYPE_INVALID;
}

static enum sg_rc read_values(struct sg_token *token, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                              struct sg_attribute *attributes, size_t count, CK_RV *ret_rv, struct sg_err *err)
{
    CK_ATTRIBUTE ck[SG_READ_AT_ONCE];
    for (size_t i = 0; i < count; i++)
        ck[i] = (CK_ATTRIBUTE){.type = attributes[i].type, .ulValueLen = CK_UNAVAILABLE_INFORMATION};
    CK_RV rv = sg_token_functions(token)->C_GetAttributeValue(session, object, ck, count);
    if (rv != CKR_OK) {
        *ret_rv = rv;
        return SG_OK;
    }
    for (size_t i = 0; i < count; i++) {
        if (ck[i].ulValueLen == CK_UNAVAILABLE_INFORMATION) {
            *ret_rv = CKR_ATTRIBUTE_TYPE_INVALID;
            return SG_OK;
        }
        if (ck[i].ulValueLen > SG_MAX_ATTRIBUTE) {
            (void)sg_fail(err, SG_E_LIMIT, "%s", _("A value on the token is larger than any that Signet reads."));
            sg_err_token(err, token->name);
            return SG_E_LIMIT;
        }
        attributes[i].len = ck[i].ulValueLen;
        attributes[i].data = calloc(1, attributes[i].len + 1);
        if (!attributes[i].data)
            return sg_fail_memory(err);
        ck[i].pValue = attributes[i].data;
    }
    rv = sg_token_functions(token)->C_GetAttributeValue(session, object, ck, count);
    for (size_t i = 0; rv == CKR_OK && i < count; i++) {
        if (ck[i].ulValueLen > attributes[i].len)
            return fail_nonsense(token, err);
        attributes[i].len = ck[i].ulValueLen;
        attributes[i].present = true;
    }
    *ret_rv = rv;
    return SG_OK;
}

enum sg_rc sg_object_read(struct sg_token *token, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                          struct sg_attribute *attributes, size_t count, struct sg_err *err)
{
    CK_RV rv = CKR_BUFFER_TOO_SMALL;
    for (int attempt = 0; attempt < READ_ATTEMPTS && rv == CKR_BUFFER_TOO_SMALL; attempt++) {
        sg_attributes_clear(attributes, count);
        enum sg_rc rc = read_values(token, session, object, attributes, count, &rv, err);
        if (rc != SG_OK || rv == CKR_OK)
            return rc;
    }
    sg_attributes_clear(attributes, count);
    if (!is_partial(rv))
        return sg_local_fail(token, rv, _("An object on the token cannot be read"), err);

    /* One of them is not to be had. Modules differ in what they then say of the others: ask for each by itself. */
    enum sg_rc rc = SG_OK;
    for (size_t i = 0; count > 1 && rc == SG_OK && i < count; i++)
        rc = sg_object_read(token, session, object, &attributes[i], 1, err);
    if (rc != SG_OK)
        sg_attributes_clear(attributes, count);
    return rc;
}

bool sg_attribute_ulong(const struct sg_attribute *attribute, CK_ULONG *ret)
{
    if (!attribute->present || attribute->len != sizeof *ret)
        return false;
    memcpy(ret, attribute->data, sizeof *ret);
    return true;
}

enum sg_tristate sg_attribute_bool(const struct sg_attribute *attribute)
{
    if (!attribute->present || attribute->len != sizeof(CK_BBOOL) || attribute->data[0] > CK_TRUE)
        return SG_UNKNOWN;
    return attribute->data[0] == CK_TRUE ? SG_YES : SG_NO;
}
