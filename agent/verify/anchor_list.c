#include "verify/anchor_list.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/msg.h"
#include "base/url.h"
#include "verify/verifier.h"

static enum sg_rc malformed(const char *what, struct sg_err *err)
{
    return sg_fail(err, SG_E_MALFORMED, _("The list of anchors is not a signet.anchors/1: %s."), what);
}

/* A text of printable ASCII that fits. */
static bool copy_text(const json_t *value, char *out, size_t size)
{
    const char *text = json_string_value(value);
    size_t len = json_string_length(value);

    if (!text || len == 0 || len >= size || strlen(text) != len)
        return false;
    for (size_t i = 0; i < len; i++)
        if (text[i] < 0x20 || text[i] > 0x7e)
            return false;
    memcpy(out, text, len + 1);
    return true;
}

/* 64 hexadecimal digits, kept in lower case. */
static bool copy_sha256(const json_t *value, char out[SG_SHA256_HEX])
{
    uint8_t digest[SG_SHA256_LEN];
    char text[SG_SHA256_HEX];

    if (!copy_text(value, text, sizeof(text)) || !sg_unhex(text, digest, sizeof(digest)))
        return false;
    sg_hex(digest, sizeof(digest), out);
    return true;
}

static enum sg_rc read_release(const json_t *release, struct sg_list_terms *terms, struct sg_err *err)
{
    if (!copy_text(json_object_get(release, "version"), terms->release_version, sizeof(terms->release_version)) ||
        !copy_sha256(json_object_get(release, "sha256"), terms->release_sha256) ||
        !copy_text(json_object_get(release, "url"), terms->release_url, sizeof(terms->release_url)) ||
        json_object_size(release) != 3 || sg_url_problem(terms->release_url))
        return malformed(_("its release is not a version with sha256 and url"), err);
    return SG_OK;
}

static enum sg_rc read_members(const json_t *root, OSSL_LIB_CTX *libctx, struct sg_anchor_list *list,
                               struct sg_err *err)
{
    const json_t *number = json_object_get(root, "number"), *next = json_object_get(root, "next_signer"),
                 *release = json_object_get(root, "release");
    const char *schema = json_string_value(json_object_get(root, "schema"));
    struct sg_list_terms *terms = &list->terms;
    size_t members = 3U + (next != NULL) + (release != NULL);

    if (!schema || strcmp(schema, "signet.anchors/1") != 0)
        return malformed(_("its schema is another"), err);
    if (json_object_size(root) != members)
        return malformed(_("it has a member that does not belong in it, or lacks one"), err);
    terms->number = json_integer_value(number);
    if (!json_is_integer(number) || terms->number < 1)
        return malformed(_("its number is not one from 1 on"), err);
    if (next && !copy_sha256(next, terms->next_signer))
        return malformed(_("its next signer is not a SHA-256"), err);
    enum sg_rc rc = release ? read_release(release, terms, err) : SG_OK;
    if (rc == SG_OK)
        rc = sg_anchors_from_json(json_object_get(root, "anchors"), SG_MAX_LISTED_ANCHORS, libctx, &list->anchors, err);
    return rc;
}

enum sg_rc sg_anchor_list_parse(struct sg_slice json, OSSL_LIB_CTX *libctx, struct sg_anchor_list *ret,
                                struct sg_err *err)
{
    _cleanup_(sg_anchor_list_clear) struct sg_anchor_list list = {0};
    json_error_t error;
    _cleanup_(json_decrefp) json_t *root =
        json_loadb((const char *)json.data, json.len, JSON_REJECT_DUPLICATES, &error);

    if (!root)
        return malformed(error.text, err);
    enum sg_rc rc = read_members(root, libctx, &list, err);
    if (rc != SG_OK)
        return rc;
    *ret = list;
    list = (struct sg_anchor_list){0};
    return SG_OK;
}

enum sg_rc sg_anchor_list_read(struct sg_verifier *verifier, struct sg_slice bytes, const char *name,
                               const char *signer, struct sg_anchor_list *ret, struct sg_err *err)
{
    _cleanup_(sg_attached_clear) struct sg_attached attached = {.content = SG_BUF(0)};
    enum sg_rc rc =
        sg_attached_read(verifier, bytes, name, _("the list of anchors"), SG_MAX_ANCHOR_LIST, &attached, err);

    if (rc != SG_OK)
        return rc;
    if (strcmp(attached.signer_sha256, signer) != 0)
        return sg_fail(
            err, SG_E_POLICY,
            _("The list of anchors is signed by %s (SHA-256 %s), and not by the certificate with the SHA-256 "
              "%s. It was not taken; ask the officer who publishes it."),
            attached.signer_subject, attached.signer_sha256, signer);
    return sg_anchor_list_parse(sg_buf_slice(&attached.content), verifier->libctx, ret, err);
}

void sg_anchor_list_clear(struct sg_anchor_list *list)
{
    sg_named_anchors_clear(&list->anchors);
}
