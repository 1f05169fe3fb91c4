#include "cli/profile.h"

#include <string.h>

#include "base/input.h"
#include "base/limits.h"
#include "base/msg.h"
#include "cli/conf_edit.h"
#include "formats/cms.h"
#include "formats/pem.h"
#include "store/snapshot.h"
#include "verify/verify.h"

#define MAX_PROFILE_FILE (SG_MAX_PROFILE + SG_MIB) /* the JSON, and the signature around it */
#define MAX_LIST 256                               /* values of one key, and anchors */

void sg_profile_free(struct sg_profile *profile)
{
    if (!profile)
        return;
    for (size_t i = 0; i < profile->anchor_count; i++)
        X509_free(profile->anchors[i].cert);
    free(profile->anchors);
    free(profile->signer_subject);
    json_decref(profile->config);
    free(profile);
}

/* --- the signature ---------------------------------------------------------------------------------------------------
 */

/* Everything about the signature is in order but, perhaps, that there is no way to an anchor yet, or no revocation
 * data. The digest counts: what an officer signed must not be replaceable by something else of the same weak digest. */
static bool is_acceptable(const struct sg_verdict *verdict)
{
    static const char *const digests[] = {"sha256", "sha384", "sha512", "sha3-256", "sha3-384", "sha3-512"};
    bool strong = false;

    for (size_t i = 0; i < sizeof(digests) / sizeof(digests[0]); i++)
        strong |= verdict->digest && strcmp(verdict->digest, digests[i]) == 0;
    return strong && verdict->intact && verdict->signer &&
           (verdict->indication == SG_TOTAL_PASSED ||
            (verdict->indication == SG_INDETERMINATE &&
             (verdict->sub_indication == SG_SUB_NO_CERTIFICATE_CHAIN_FOUND ||
              verdict->sub_indication == SG_SUB_CERTIFICATE_CHAIN_GENERAL_FAILURE ||
              verdict->sub_indication == SG_SUB_TRY_LATER)));
}

static enum sg_rc check_signature(struct sg_app *app, struct sg_input *input, struct sg_profile *profile,
                                  struct sg_err *err)
{
    _cleanup_(sg_snapshot_freep) struct sg_snapshot *snapshot = NULL;
    _cleanup_(sg_verifier_freep) struct sg_verifier *verifier = NULL;
    _cleanup_(sg_report_freep) struct sg_report *report = NULL;
    enum sg_rc rc = sg_snapshot_open(app->paths.state, app->libctx, &snapshot, err);

    if (rc != SG_OK)
        return rc;
    const struct sg_verifier_options options = {.libctx = app->libctx,
                                                .snapshot = snapshot,
                                                .revocation = SG_REVOCATION_HARD,
                                                .at = SG_TIME_NONE,
                                                .clock = app->clock,
                                                .policy = {.max_depth = -1}};
    rc = sg_verifier_new(&options, &verifier, err);
    if (rc == SG_OK)
        rc = sg_verify_file(verifier, input, NULL, &report, err);
    if (rc != SG_OK)
        return rc;
    if (report->verdict_count != 1)
        return sg_fail(err, SG_E_MALFORMED, _("A profile has one signature; \"%s\" has %zu."), sg_input_name(input),
                       report->verdict_count);
    const struct sg_verdict *verdict = &report->verdicts[0];
    if (!is_acceptable(verdict))
        return sg_fail(err, SG_E_MALFORMED, _("The profile's signature is not good: %s"),
                       verdict->reason_count ? verdict->reasons[0].text : sg_indication_text(verdict->indication));
    rc = sg_cert_sha256(app->libctx, verdict->signer, profile->signer_sha256, err);
    return rc == SG_OK ? sg_name_text(X509_get_subject_name(verdict->signer), &profile->signer_subject, err) : rc;
}

static enum sg_rc append_content(void *context, const uint8_t *data, size_t len, struct sg_err *err)
{
    return sg_buf_append(context, data, len, err);
}

static enum sg_rc read_content(struct sg_app *app, struct sg_input *input, struct sg_buf *content, struct sg_err *err)
{
    _cleanup_(sg_cms_freep) struct sg_cms *cms = NULL;
    enum sg_rc rc = sg_cms_read(input, app->libctx, NULL, &cms, err);

    if (rc == SG_OK && sg_cms_is_detached(cms))
        rc = sg_fail(err, SG_E_MALFORMED, _("\"%s\" has no profile in it: it was signed without --attached."),
                     sg_input_name(input));
    return rc == SG_OK ? sg_cms_content(cms, (struct sg_sink){append_content, content}, err) : rc;
}

/* --- the JSON --------------------------------------------------------------------------------------------------------
 */

static enum sg_rc malformed(const char *what, struct sg_err *err)
{
    return sg_fail(err, SG_E_MALFORMED, _("The profile is not a signet.profile/1: %s."), what);
}

/* The values of a key as a list of texts; `*ret_count` of them, at least one: an empty list is the empty value, which
 * says that there are none. `values` has room for MAX_LIST. */
static enum sg_rc values_of(json_t *value, const char **values, size_t *ret_count, struct sg_err *err)
{
    size_t count = json_is_array(value) ? json_array_size(value) : 1;

    if (count > MAX_LIST)
        return malformed(_("a list is too long"), err);
    values[0] = "";
    for (size_t i = 0; i < count; i++) {
        json_t *item = json_is_array(value) ? json_array_get(value, i) : value;
        values[i] = json_string_value(item);
        if (!values[i] || strlen(values[i]) != json_string_length(item))
            return malformed(_("a value is not a text"), err);
    }
    *ret_count = count > 0 ? count : 1;
    return SG_OK;
}

static bool is_list(const char *section, const char *name)
{
    for (enum sg_key key = 0; key < SG_KEY_COUNT; key++)
        if (strcmp(sg_key_section(key), section) == 0 && strcmp(sg_key_name(key), name) == 0)
            return sg_key_is_list(key);
    return false;
}

enum sg_rc sg_profile_configure(const struct sg_profile *profile, struct sg_buf *text, struct sg_err *err)
{
    const char *section = NULL, *name = NULL, *values[MAX_LIST];
    json_t *keys = NULL, *value = NULL;
    size_t count = 0;

    json_object_foreach(profile->config, section, keys)
    {
        if (strcmp(section, "policy") == 0)
            return sg_fail(err, SG_E_POLICY, "%s",
                           _("The profile has a section [policy], which only /etc/signet/policy.conf may have."));
        if (!json_is_object(keys))
            return malformed(_("a section is not an object"), err);
        json_object_foreach(keys, name, value)
        {
            enum sg_rc rc = values_of(value, values, &count, err);
            if (rc == SG_OK)
                rc = sg_conf_set(text, section, name, values, count, err);
            if (rc == SG_OK && json_is_array(value) && !is_list(section, name))
                rc = malformed(_("a key that has one value has a list"), err);
            if (rc != SG_OK)
                return rc;
        }
    }
    return SG_OK;
}

enum sg_rc sg_profile_apply(const struct sg_profile *profile, const char *path, struct sg_config *config,
                            struct sg_err *err)
{
    const char *values[MAX_LIST];
    size_t count = 0;

    for (enum sg_key key = 0; key < SG_KEY_COUNT; key++) {
        json_t *value = json_object_get(json_object_get(profile->config, sg_key_section(key)), sg_key_name(key));
        if (!value || sg_key_in_group(key) || sg_config_origin(config, key) >= SG_ORIGIN_ENVIRONMENT)
            continue;
        enum sg_rc rc = values_of(value, values, &count, err);
        /* One origin above the file's: it takes the place of what the file says of the key. */
        for (size_t i = 0; i < count && rc == SG_OK; i++)
            rc = sg_config_set(config, key, values[i], SG_ORIGIN_ENVIRONMENT, path, err);
        if (rc != SG_OK)
            return rc;
    }
    return sg_config_apply_policy(config, err);
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
            return malformed(_("an anchor has an unknown purpose"), err);
    }
    if (purposes == 0)
        return malformed(_("an anchor has no purposes"), err);
    *ret = purposes;
    return SG_OK;
}

static enum sg_rc read_anchor(struct sg_app *app, json_t *object, struct sg_profile_anchor *anchor, struct sg_err *err)
{
    const char *base64 = json_string_value(json_object_get(object, "certificate"));
    size_t len = base64 ? strlen(base64) : 0;

    if (json_object_size(object) != 2 || len == 0 || len % 4 != 0 || len / 4 * 3 > SG_MAX_CERTIFICATE)
        return malformed(_("an anchor is not a certificate in base64 with purposes"), err);
    _cleanup_(freep) uint8_t *der = malloc(len / 4 * 3);
    if (!der)
        return sg_fail_memory(err);
    int decoded = EVP_DecodeBlock(der, (const unsigned char *)base64, (int)len);
    /* EVP_DecodeBlock() counts what stands for padding. */
    int padding = base64[len - 1] != '=' ? 0 : base64[len - 2] != '=' ? 1 : 2;
    if (decoded <= padding)
        return malformed(_("an anchor is not base64"), err);
    enum sg_rc rc = read_purposes(json_object_get(object, "purposes"), &anchor->purposes, err);
    if (rc == SG_OK)
        rc = sg_cert_parse((struct sg_slice){der, (size_t)(decoded - padding)}, app->libctx, &anchor->cert, err);
    return rc == SG_OK ? sg_cert_sha256(app->libctx, anchor->cert, anchor->sha256, err) : rc;
}

static enum sg_rc read_anchors(struct sg_app *app, json_t *list, struct sg_profile *profile, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    size_t count = json_array_size(list);

    if (!json_is_array(list) || count > MAX_LIST)
        return malformed(_("its anchors are not a list, or too many"), err);
    profile->anchors = calloc(count + 1, sizeof(*profile->anchors));
    if (!profile->anchors)
        return sg_fail_memory(err);
    for (size_t i = 0; i < count && rc == SG_OK; i++)
        rc = read_anchor(app, json_array_get(list, i), &profile->anchors[profile->anchor_count++], err);
    return rc;
}

static enum sg_rc read_json(struct sg_app *app, struct sg_slice content, struct sg_profile *profile, struct sg_err *err)
{
    json_error_t error;
    _cleanup_(json_decrefp) json_t *root =
        json_loadb((const char *)content.data, content.len, JSON_REJECT_DUPLICATES, &error);
    const char *schema = json_string_value(json_object_get(root, "schema"));

    if (!root)
        return malformed(error.text, err);
    if (!schema || strcmp(schema, "signet.profile/1") != 0)
        return malformed(_("its schema is another"), err);
    if (json_object_size(root) != 3 || !json_is_object(json_object_get(root, "config")))
        return malformed(_("it wants schema, config and anchors, and nothing else"), err);
    profile->config = json_incref(json_object_get(root, "config"));
    enum sg_rc rc = read_anchors(app, json_object_get(root, "anchors"), profile, err);
    if (rc != SG_OK)
        return rc;
    _cleanup_(sg_buf_clear) struct sg_buf rehearsal = SG_BUF(SG_MAX_CONFIG_FILE);
    return sg_profile_configure(profile, &rehearsal, err);
}

enum sg_rc sg_profile_read(struct sg_app *app, const char *path, struct sg_profile **ret, struct sg_err *err)
{
    _cleanup_(sg_profile_freep) struct sg_profile *profile = calloc(1, sizeof(*profile));
    _cleanup_(sg_input_freep) struct sg_input *file = NULL, *input = NULL;
    _cleanup_(sg_buf_clear) struct sg_buf bytes = SG_BUF(MAX_PROFILE_FILE);
    _cleanup_(sg_buf_clear) struct sg_buf content = SG_BUF(SG_MAX_PROFILE);
    OSSL_LIB_CTX *libctx = NULL;

    if (!profile)
        return sg_fail_memory(err);
    enum sg_rc rc = sg_app_libctx(app, &libctx, err);
    if (rc == SG_OK)
        rc = sg_input_open(path, &file, err);
    if (rc == SG_OK)
        rc = sg_input_read_all(file, &bytes, err);
    /* What is judged and what is used are the same bytes, whatever becomes of the file. */
    if (rc == SG_OK)
        rc = sg_input_from_slice(path, sg_buf_slice(&bytes), &input, err);
    if (rc == SG_OK)
        rc = check_signature(app, input, profile, err);
    if (rc == SG_OK)
        rc = read_content(app, input, &content, err);
    if (rc == SG_OK)
        rc = read_json(app, sg_buf_slice(&content), profile, err);
    if (rc == SG_OK)
        *ret = sg_steal(profile);
    else if (err && !err->file[0])
        sg_err_file(err, path);
    return rc;
}
