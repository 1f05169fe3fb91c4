#include "verify/anchor_json.h"

#include <string.h>

#include "base/limits.h"
#include "base/msg.h"
#include "formats/pem.h"

static enum sg_rc malformed(const char *what, struct sg_err *err)
{
    return sg_fail(err, SG_E_MALFORMED, _("The trust anchors cannot be read: %s."), what);
}

static enum sg_rc read_purposes(json_t *list, unsigned *ret, struct sg_err *err)
{
    unsigned purposes = 0;
    size_t i = 0;
    json_t *item = NULL;

    json_array_foreach(list, i, item)
    {
        const char *word = json_is_string(item) ? json_string_value(item) : "";
        if (strcmp(word, "sign") == 0)
            purposes |= SG_PURPOSE_SIGN;
        else if (strcmp(word, "timestamp") == 0)
            purposes |= SG_PURPOSE_TIMESTAMP;
        else
            return malformed(_("one has an unknown purpose"), err);
    }
    if (purposes == 0)
        return malformed(_("one has no purposes"), err);
    *ret = purposes;
    return SG_OK;
}

static enum sg_rc read_anchor(const json_t *object, OSSL_LIB_CTX *libctx, struct sg_named_anchor *anchor,
                              struct sg_err *err)
{
    const char *base64 = json_string_value(json_object_get(object, "certificate"));
    size_t len = base64 ? strlen(base64) : 0;

    if (json_object_size(object) != 2 || len == 0 || len % 4 != 0 || len / 4 * 3 > SG_MAX_CERTIFICATE)
        return malformed(_("one is not a certificate in base64 with purposes"), err);
    _cleanup_(freep) uint8_t *der = malloc(len / 4 * 3);
    if (!der)
        return sg_fail_memory(err);
    int decoded = EVP_DecodeBlock(der, (const unsigned char *)base64, (int)len);
    /* EVP_DecodeBlock() counts what stands for padding. */
    int padding = base64[len - 1] != '=' ? 0 : base64[len - 2] != '=' ? 1 : 2;
    if (decoded <= padding)
        return malformed(_("one is not base64"), err);
    enum sg_rc rc = read_purposes(json_object_get(object, "purposes"), &anchor->purposes, err);
    if (rc == SG_OK)
        rc = sg_cert_parse((struct sg_slice){der, (size_t)(decoded - padding)}, libctx, &anchor->cert, err);
    return rc == SG_OK ? sg_cert_sha256(libctx, anchor->cert, anchor->sha256, err) : rc;
}

enum sg_rc sg_anchors_from_json(const json_t *list, size_t max, OSSL_LIB_CTX *libctx, struct sg_named_anchors *ret,
                                struct sg_err *err)
{
    _cleanup_(sg_named_anchors_clear) struct sg_named_anchors anchors = {0};
    enum sg_rc rc = SG_OK;
    size_t count = json_array_size(list);

    if (!json_is_array(list) || count > max)
        return malformed(_("they are not a list, or too many"), err);
    anchors.items = calloc(count + 1, sizeof(*anchors.items));
    if (!anchors.items)
        return sg_fail_memory(err);
    for (size_t i = 0; i < count && rc == SG_OK; i++)
        rc = read_anchor(json_array_get(list, i), libctx, &anchors.items[anchors.count++], err);
    if (rc != SG_OK)
        return rc;
    *ret = anchors;
    anchors = (struct sg_named_anchors){0};
    return SG_OK;
}

void sg_named_anchors_clear(struct sg_named_anchors *anchors)
{
    for (size_t i = 0; i < anchors->count; i++)
        X509_free(anchors->items[i].cert);
    free(anchors->items);
    *anchors = (struct sg_named_anchors){0};
}
