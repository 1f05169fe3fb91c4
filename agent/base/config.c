#include "base/config_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/msg.h"
#include "base/utf8.h"

struct setting {
    enum sg_origin origin;
    char *where; /* NULL: built in */
    char **items;
    size_t count;
};

struct sg_config {
    struct setting settings[SG_KEY_COUNT];
    const char *section; /* of a group: "target" */
    char *name;          /* of a group: "archive" */
    char *begun;         /* of a group: "FILE:LINE" where it stands first */
    struct sg_config **groups;
    size_t group_count;
};

static void setting_clear(struct setting *setting)
{
    for (size_t i = 0; i < setting->count; i++)
        free(setting->items[i]);
    free(setting->items);
    free(setting->where);
    *setting = (struct setting){0};
}

void sg_config_free(struct sg_config *config)
{
    if (!config)
        return;
    for (size_t i = 0; i < SG_KEY_COUNT; i++)
        setting_clear(&config->settings[i]);
    for (size_t i = 0; i < config->group_count; i++)
        sg_config_free(config->groups[i]);
    free(config->groups);
    free(config->name);
    free(config->begun);
    free(config);
}

enum sg_rc sg_config_load(const struct sg_config_files *files, struct sg_config **ret, struct sg_err *err)
{
    _cleanup_(sg_config_freep) struct sg_config *config = calloc(1, sizeof(*config));
    if (!config)
        return sg_fail_memory(err);
    enum sg_rc rc = SG_OK;
    if (files->system)
        rc = sg_config_read(config, files->system, SG_ORIGIN_SYSTEM, err);
    if (rc == SG_OK && files->user)
        rc = sg_config_read(config, files->user, SG_ORIGIN_USER, err);
    if (rc == SG_OK && files->policy)
        rc = sg_config_read(config, files->policy, SG_ORIGIN_POLICY, err);
    if (rc == SG_OK)
        rc = sg_config_check_whole(config, err);
    if (rc == SG_OK)
        *ret = sg_steal(config);
    return rc;
}

/* --- sections with a name of their own ------------------------------------------------------------------------------
 */

static struct sg_config *find_group(const struct sg_config *config, const char *section, const char *name)
{
    for (size_t i = 0; i < config->group_count; i++)
        if (strcmp(config->groups[i]->section, section) == 0 && strcmp(config->groups[i]->name, name) == 0)
            return config->groups[i];
    return NULL;
}

enum sg_rc sg_config_group_get(struct sg_config *config, const char *section, const char *name, const char *where,
                               struct sg_config **ret, struct sg_err *err)
{
    enum sg_key first = SG_KEY_COUNT;
    struct sg_config *known = find_group(config, section, name);

    if (known) {
        *ret = known;
        return SG_OK;
    }
    if (!sg_config_find_section(section, &first) || !sg_key_in_group(first))
        return sg_config_unknown(where, section, NULL, err);
    if (config->group_count >= SG_MAX_CONFIG_GROUPS)
        return sg_fail(err, SG_E_CONFIG, _("%s: there are more than %d sections with a name of their own."), where,
                       SG_MAX_CONFIG_GROUPS);
    struct sg_config **groups = reallocarray(config->groups, config->group_count + 1, sizeof(*groups));
    if (!groups)
        return sg_fail_memory(err);
    config->groups = groups;
    _cleanup_(sg_config_freep) struct sg_config *group = calloc(1, sizeof(*group));
    if (!group || !(group->name = strdup(name)) || !(group->begun = strdup(where)))
        return sg_fail_memory(err);
    group->section = sg_key_section(first);
    *ret = config->groups[config->group_count++] = sg_steal(group);
    return SG_OK;
}

const struct sg_config *sg_config_group(const struct sg_config *config, const char *section, size_t index)
{
    for (size_t i = 0; i < config->group_count; i++)
        if (strcmp(config->groups[i]->section, section) == 0 && index-- == 0)
            return config->groups[i];
    return NULL;
}

const struct sg_config *sg_config_group_named(const struct sg_config *config, const char *section, const char *name)
{
    return find_group(config, section, name);
}

const char *sg_config_group_name(const struct sg_config *group)
{
    return group->name;
}

/* The error just made is about the file of "FILE:LINE". */
static enum sg_rc about_place(const char *where, struct sg_err *err)
{
    const char *colon = strrchr(where, ':');
    _cleanup_(freep) char *file = strndup(where, colon ? (size_t)(colon - where) : strlen(where));

    return file ? sg_about(file, err, SG_E_CONFIG) : sg_fail_memory(err);
}

/* More targets than there are can never have a document. */
static enum sg_rc check_quorum(const struct sg_config *config, struct sg_err *err)
{
    int64_t quorum = sg_config_number(config, SG_KEY_SYNC_QUORUM), count = 0;
    const char *where = sg_config_where(config, SG_KEY_SYNC_QUORUM);

    while (sg_config_group(config, "target", (size_t)count))
        count++;
    if (where[0] == '\0' || quorum <= count)
        return SG_OK;
    (void)sg_fail(err, SG_E_CONFIG, _("%s: \"quorum\" in [sync] asks for %lld targets, and there are %lld."), where,
                  (long long)quorum, (long long)count);
    return about_place(where, err);
}

/* A list that nobody may sign would never be taken. */
static enum sg_rc check_list(const struct sg_config *config, struct sg_err *err)
{
    const char *where = sg_config_where(config, SG_KEY_TRUST_LIST);

    if (sg_config_text(config, SG_KEY_TRUST_LIST)[0] == '\0' ||
        sg_config_text(config, SG_KEY_TRUST_LIST_SIGNER)[0] != '\0')
        return SG_OK;
    (void)sg_fail(
        err, SG_E_CONFIG,
        _("%s: \"list\" in [trust] needs \"list-signer\", the SHA-256 of the certificate that signs the list."), where);
    return about_place(where, err);
}

enum sg_rc sg_config_check_whole(const struct sg_config *config, struct sg_err *err)
{
    for (size_t i = 0; i < config->group_count; i++) {
        const struct sg_config *group = config->groups[i];
        enum sg_key url = strcmp(group->section, "tsa") == 0 ? SG_KEY_TSA_URL : SG_KEY_TARGET_URL;
        if (sg_config_text(group, url)[0] != '\0')
            continue;
        (void)sg_fail(err, SG_E_CONFIG, _("%s: [%s \"%s\"] has no \"url\"; give it one, or take the section out."),
                      group->begun, group->section, group->name);
        return about_place(group->begun, err);
    }
    enum sg_rc rc = check_list(config, err);
    return rc == SG_OK ? check_quorum(config, err) : rc;
}

/* --- values --------------------------------------------------------------------------------------------------------
 */

/* A copy of the value in the form that is compared with: digests in lower case. */
static char *canonical(enum sg_key key, const char *value)
{
    char *copy = strdup(value);
    for (char *p = copy; p && *p && (key == SG_KEY_TOKEN_ALLOW_KEY || key == SG_KEY_TRUST_LIST_SIGNER); p++)
        if (*p >= 'A' && *p <= 'F')
            *p = (char)(*p - 'A' + 'a');
    return copy;
}

static enum sg_rc add_item(struct setting *setting, enum sg_key key, const char *value, const char *where,
                           struct sg_err *err)
{
    if (setting->count >= SG_MAX_CONFIG_LIST)
        return sg_fail(err, SG_E_CONFIG, _("%s: \"%s\" has more than %d values."), where, sg_key_name(key),
                       SG_MAX_CONFIG_LIST);
    char **items = reallocarray(setting->items, setting->count + 1, sizeof(*items));
    if (!items)
        return sg_fail_memory(err);
    setting->items = items;
    items[setting->count] = canonical(key, value);
    if (!items[setting->count])
        return sg_fail_memory(err);
    setting->count++;
    return SG_OK;
}

enum sg_rc sg_config_set(struct sg_config *config, enum sg_key key, const char *value, enum sg_origin origin,
                         const char *where, struct sg_err *err)
{
    struct setting *setting = &config->settings[key];
    bool is_policy = strcmp(sg_key_section(key), "policy") == 0;
    if (is_policy != (origin == SG_ORIGIN_POLICY))
        return sg_fail(err, SG_E_CONFIG, _("%s: \"%s\" cannot be set here."), where, sg_key_name(key));
    enum sg_rc rc = sg_config_check_value(key, value, origin, where, err);
    if (rc != SG_OK || origin < setting->origin)
        return rc;
    if (!sg_key_is_list(key) || origin > setting->origin || !setting->where) {
        setting_clear(setting);
        setting->origin = origin;
        setting->where = strdup(where);
        if (!setting->where)
            return sg_fail_memory(err);
    }
    /* A list's empty value is no item: it says that there are none. */
    if (sg_key_is_list(key) && value[0] == '\0')
        return SG_OK;
    return add_item(setting, key, value, where, err);
}

enum sg_rc sg_config_apply_policy(struct sg_config *config, struct sg_err *err)
{
    const char *asked = sg_config_text(config, SG_KEY_VERIFY_REVOCATION);
    const char *least = sg_config_text(config, SG_KEY_POLICY_REVOCATION);
    if (sg_config_rank(SG_KEY_VERIFY_REVOCATION, asked) >= sg_config_rank(SG_KEY_POLICY_REVOCATION, least))
        return SG_OK;
    return sg_fail(err, SG_E_POLICY,
                   _("%s: revocation checking may not be \"%s\" on this computer; \"%s\" is the least (%s)."),
                   sg_config_where(config, SG_KEY_VERIFY_REVOCATION), asked, least,
                   sg_config_where(config, SG_KEY_POLICY_REVOCATION));
}

const char *sg_config_text(const struct sg_config *config, enum sg_key key)
{
    const struct setting *setting = &config->settings[key];
    if (setting->count > 0)
        return setting->items[0];
    return sg_key_is_list(key) ? "" : sg_config_default(key);
}

size_t sg_config_count(const struct sg_config *config, enum sg_key key)
{
    return sg_key_is_list(key) ? config->settings[key].count : 1;
}

const char *sg_config_item(const struct sg_config *config, enum sg_key key, size_t index)
{
    return index < config->settings[key].count ? config->settings[key].items[index] : sg_config_text(config, key);
}

int64_t sg_config_seconds(const struct sg_config *config, enum sg_key key)
{
    int64_t seconds = 0;
    return sg_duration_parse(sg_config_text(config, key), &seconds, NULL) == SG_OK ? seconds : 0;
}

int64_t sg_config_number(const struct sg_config *config, enum sg_key key)
{
    return strtoll(sg_config_text(config, key), NULL, 10);
}

bool sg_config_yes(const struct sg_config *config, enum sg_key key)
{
    return strcmp(sg_config_text(config, key), "yes") == 0;
}

const char *sg_origin_text(enum sg_origin origin)
{
    switch (origin) {
    case SG_ORIGIN_BUILT_IN:
        return "built-in";
    case SG_ORIGIN_SYSTEM:
        return "system";
    case SG_ORIGIN_USER:
        return "user";
    case SG_ORIGIN_ENVIRONMENT:
        return "environment";
    case SG_ORIGIN_OPTION:
        return "option";
    case SG_ORIGIN_POLICY:
        return "policy";
    }
    return "built-in";
}

enum sg_origin sg_config_origin(const struct sg_config *config, enum sg_key key)
{
    return config->settings[key].origin;
}

const char *sg_config_where(const struct sg_config *config, enum sg_key key)
{
    const char *where = config->settings[key].where;
    return where ? where : "";
}

enum sg_rc sg_config_check(const char *section, const char *name, const char *value, struct sg_err *err)
{
    enum sg_key key = SG_KEY_COUNT, first = SG_KEY_COUNT;
    char where[128];
    if (!sg_utf8_is_printable(section, strlen(section)) || !sg_utf8_is_printable(name, strlen(name)))
        return sg_fail(err, SG_E_CONFIG, "%s", _("A section or key has a name that cannot be shown."));
    if (snprintf(where, sizeof(where), "[%s] %s", section, name) >= (int)sizeof(where))
        sg_utf8_cut(where);
    char word[SG_MAX_SECTION_WORD], own[SG_MAX_SECTION_WORD];
    bool split = sg_config_split(section, word, own);
    const char *known = split ? word : section;
    if (!sg_config_find_section(known, &first) || sg_key_in_group(first) != split)
        return sg_config_unknown(where, known, NULL, err);
    if (!sg_config_find_key(known, name, &key))
        return sg_config_unknown(where, section, name, err);
    if (strcmp(section, "policy") == 0)
        return sg_fail(err, SG_E_CONFIG, _("%s: [policy] belongs in /etc/signet/policy.conf."), where);
    return sg_config_check_value(key, value, SG_ORIGIN_USER, where, err);
}
