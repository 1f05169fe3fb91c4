#include "verify/anchor_json.h"

#include <string.h>

#include "base/limits.h"
#include "base/msg.h"
#include "formats/pem.h"
#include "verify/anchor_limits.h"
#include "verify/verify.h"

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

/* The members that `limits` may have, each a text or an array of them, and the limit that each stands for. */
static const struct {
    const char *member, *word;
    bool several;
} limit_members[] = {
    {"not_before", "not-before", false}, {"not_after", "not-after", false}, {"permit", "permit", true},
    {"exclude", "exclude", true},        {"policies", "policy", true},
};

static enum sg_rc read_limit(const json_t *value, const char *word, struct sg_buf *text, struct sg_err *err)
{
    if (!json_is_string(value) || strlen(json_string_value(value)) != json_string_length(value))
        return malformed(_("one has a limit that is no text"), err);
    return sg_anchor_limit_add(word, json_string_value(value), text, err);
}

static enum sg_rc read_limits(const json_t *object, char **ret, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf text = SG_BUF(SG_MAX_ANCHOR_LIMITS);
    const char *limits = NULL;
    size_t known = 0;
    enum sg_rc rc = SG_OK;

    for (size_t i = 0; rc == SG_OK && i < sizeof(limit_members) / sizeof(limit_members[0]); i++) {
        const json_t *value = json_object_get(object, limit_members[i].member);
        known += value != NULL;
        if (!value)
            continue;
        if (!limit_members[i].several)
            rc = read_limit(value, limit_members[i].word, &text, err);
        else if (json_array_size(value) == 0)
            rc = malformed(_("one has a list of limits that is none, or empty"), err);
        for (size_t k = 0; rc == SG_OK && limit_members[i].several && k < json_array_size(value); k++)
            rc = read_limit(json_array_get(value, k), limit_members[i].word, &text, err);
    }
    if (rc == SG_OK && (known == 0 || known != json_object_size(object)))
        rc = malformed(_("one has a limit that is not known here, or none"), err);
    if (rc == SG_OK)
        rc = sg_buf_text(&text, &limits, err);
    if (rc != SG_OK)
        return rc;
    *ret = strdup(limits);
    return *ret ? SG_OK : sg_fail_memory(err);
}

static enum sg_rc read_anchor(const json_t *object, OSSL_LIB_CTX *libctx, struct sg_named_anchor *anchor,
                              struct sg_err *err)
{
    const char *base64 = json_string_value(json_object_get(object, "certificate"));
    const json_t *limits = json_object_get(object, "limits");
    size_t len = base64 ? strlen(base64) : 0;

    if (json_object_size(object) != (limits ? 3U : 2U) || len == 0 || len % 4 != 0 || len / 4 * 3 > SG_MAX_CERTIFICATE)
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
    if (rc == SG_OK && limits)
        rc = read_limits(limits, &anchor->limits, err);
    if (rc == SG_OK)
        rc = sg_cert_parse((struct sg_slice){der, (size_t)(decoded - padding)}, libctx, &anchor->cert, err);
    if (rc == SG_OK)
        rc = sg_cert_sha256(libctx, anchor->cert, anchor->sha256, err);
    /* RFC 5280 §4.2.1.9: as `signet trust add` has it. */
    if (rc == SG_OK && !sg_cert_is_ca(anchor->cert))
        return sg_fail(err, SG_E_MALFORMED,
                       _("One of the trust anchors is the certificate %s, which is not that of a CA."), anchor->sha256);
    return rc;
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
    for (size_t i = 0; i < anchors->count; i++) {
        X509_free(anchors->items[i].cert);
        free(anchors->items[i].limits);
    }
    free(anchors->items);
    *anchors = (struct sg_named_anchors){0};
}
