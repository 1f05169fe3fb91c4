#include "cli/profile.h"

#include <string.h>

#include "base/input.h"
#include "base/limits.h"
#include "base/msg.h"
#include "cli/conf_edit.h"
#include "cli/judging.h"
#include "store/snapshot.h"
#include "verify/attached.h"

#define MAX_PROFILE_FILE (SG_MAX_PROFILE + SG_MIB) /* the JSON, and the signature around it */
#define MAX_LIST 256                               /* values of one key, and anchors */

void sg_profile_free(struct sg_profile *profile)
{
    if (!profile)
        return;
    sg_named_anchors_clear(&profile->anchors);
    free(profile->signer_subject);
    json_decref(profile->config);
    free(profile);
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
    enum sg_rc rc =
        sg_anchors_from_json(json_object_get(root, "anchors"), MAX_LIST, app->libctx, &profile->anchors, err);
    if (rc != SG_OK)
        return rc;
    _cleanup_(sg_buf_clear) struct sg_buf rehearsal = SG_BUF(SG_MAX_CONFIG_FILE);
    return sg_profile_configure(profile, &rehearsal, err);
}

static enum sg_rc read_signed(struct sg_app *app, const char *path, struct sg_slice bytes, struct sg_attached *attached,
                              struct sg_err *err)
{
    _cleanup_(sg_snapshot_freep) struct sg_snapshot *snapshot = NULL;
    _cleanup_(sg_verifier_freep) struct sg_verifier *verifier = NULL;
    enum sg_rc rc = sg_snapshot_open(app->paths.state, app->libctx, &snapshot, err);

    if (rc == SG_OK)
        rc = sg_judging_strict(app, snapshot, &verifier, err);
    return rc == SG_OK ? sg_attached_read(verifier, bytes, path, _("the profile"), SG_MAX_PROFILE, attached, err) : rc;
}

enum sg_rc sg_profile_read(struct sg_app *app, const char *path, struct sg_profile **ret, struct sg_err *err)
{
    _cleanup_(sg_profile_freep) struct sg_profile *profile = calloc(1, sizeof(*profile));
    _cleanup_(sg_input_freep) struct sg_input *file = NULL;
    _cleanup_(sg_buf_clear) struct sg_buf bytes = SG_BUF(MAX_PROFILE_FILE);
    _cleanup_(sg_attached_clear) struct sg_attached attached = {.content = SG_BUF(0)};
    OSSL_LIB_CTX *libctx = NULL;

    if (!profile)
        return sg_fail_memory(err);
    enum sg_rc rc = sg_app_libctx(app, &libctx, err);
    if (rc == SG_OK)
        rc = sg_input_open(path, &file, err);
    /* What is judged and what is used are the same bytes, whatever becomes of the file. */
    if (rc == SG_OK)
        rc = sg_input_read_all(file, &bytes, err);
    if (rc == SG_OK)
        rc = read_signed(app, path, sg_buf_slice(&bytes), &attached, err);
    if (rc == SG_OK)
        rc = read_json(app, sg_buf_slice(&attached.content), profile, err);
    if (rc == SG_OK) {
        memcpy(profile->signer_sha256, attached.signer_sha256, sizeof(profile->signer_sha256));
        profile->signer_subject = sg_steal(attached.signer_subject);
        *ret = sg_steal(profile);
    } else if (err && !err->file[0]) {
        sg_err_file(err, path);
    }
    return rc;
}
