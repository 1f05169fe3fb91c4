#include "base/config_private.h"

#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/msg.h"
#include "base/utf8.h"

#define MAX_CHOICES 4

enum kind { KIND_CHOICE, KIND_DURATION, KIND_KEY_URI, KIND_MODULES, KIND_PROGRAM, KIND_DIGEST, KIND_KEY_DIGESTS };

static const struct {
    const char *section, *name;
    enum kind kind;
    const char *built_in;
    const char *choices[MAX_CHOICES]; /* the weakest first */
} keys[SG_KEY_COUNT] = {
    [SG_KEY_SIGN_KEY] = {"sign", "key", KIND_KEY_URI, "", {NULL}},
    [SG_KEY_SIGN_CERTIFICATE] = {"sign", "certificate", KIND_DIGEST, "", {NULL}},
    [SG_KEY_SIGN_CONFIRM] = {"sign", "confirm", KIND_CHOICE, "auto", {"never", "auto", "always"}},
    [SG_KEY_TOKEN_MODULES] = {"token", "modules", KIND_MODULES, "", {NULL}},
    [SG_KEY_TOKEN_ISOLATION] = {"token", "isolation", KIND_CHOICE, "process", {"none", "process"}},
    [SG_KEY_TOKEN_TIMEOUT] = {"token", "timeout", KIND_DURATION, "10s", {NULL}},
    [SG_KEY_TOKEN_SIGN_TIMEOUT] = {"token", "sign-timeout", KIND_DURATION, "30s", {NULL}},
    [SG_KEY_TOKEN_PINENTRY] = {"token", "pinentry", KIND_PROGRAM, "pinentry", {NULL}},
    [SG_KEY_TOKEN_ALLOW_KEY] = {"token", "allow-key", KIND_KEY_DIGESTS, "", {NULL}},
    [SG_KEY_VERIFY_REVOCATION] = {"verify", "revocation", KIND_CHOICE, "hard", {"none", "soft", "hard"}},
    [SG_KEY_VERIFY_STALE] = {"verify", "stale", KIND_DURATION, "7d", {NULL}},
    [SG_KEY_POLICY_CUSTODY] = {"policy", "custody", KIND_CHOICE, "held", {"held", "strict"}},
    [SG_KEY_POLICY_REVOCATION] = {"policy", "min-revocation", KIND_CHOICE, "none", {"none", "soft", "hard"}},
    [SG_KEY_POLICY_CLOCK] = {"policy", "clock", KIND_CHOICE, "warn", {"warn", "strict"}},
};

/* What a later version will serve: refused like anything unknown, but not called a mistake. NULL: the whole section,
 * also with a name of its own ([tsa "main"]). */
static const struct {
    const char *section, *name;
} later[] = {
    {"sign", "level"}, {"trust", NULL},  {"tsa", NULL},   {"target", NULL},
    {"sync", NULL},    {"backup", NULL}, {"alert", NULL},
};

const char *sg_key_section(enum sg_key key)
{
    return keys[key].section;
}

const char *sg_key_name(enum sg_key key)
{
    return keys[key].name;
}

bool sg_key_is_list(enum sg_key key)
{
    return keys[key].kind == KIND_MODULES || keys[key].kind == KIND_KEY_DIGESTS;
}

const char *sg_config_default(enum sg_key key)
{
    return keys[key].built_in;
}

bool sg_config_find_section(const char *section, enum sg_key *ret_first)
{
    for (size_t i = 0; i < SG_KEY_COUNT; i++)
        if (strcmp(keys[i].section, section) == 0) {
            *ret_first = (enum sg_key)i;
            return true;
        }
    return false;
}

bool sg_config_find_key(const char *section, const char *name, enum sg_key *ret)
{
    for (size_t i = 0; i < SG_KEY_COUNT; i++)
        if (strcmp(keys[i].section, section) == 0 && strcmp(keys[i].name, name) == 0) {
            *ret = (enum sg_key)i;
            return true;
        }
    return false;
}

static bool is_for_later(const char *section, const char *name)
{
    for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); i++) {
        size_t len = strlen(later[i].section);
        if (strncmp(section, later[i].section, len) != 0 || (section[len] != '\0' && section[len] != ' '))
            continue;
        if (!later[i].name || (name && strcmp(later[i].name, name) == 0))
            return true;
    }
    return false;
}

enum sg_rc sg_config_unknown(const char *where, const char *section, const char *name, struct sg_err *err)
{
    bool is_later = is_for_later(section, name);
    if (!name && is_later)
        return sg_fail(err, SG_E_CONFIG, _("%s: this version of Signet does not serve [%s] yet; take it out."), where,
                       section);
    if (!name)
        return sg_fail(err, SG_E_CONFIG, _("%s: there is no section [%s]; signet.conf(5) lists them."), where, section);
    if (is_later)
        return sg_fail(err, SG_E_CONFIG,
                       _("%s: this version of Signet does not serve \"%s\" in [%s] yet; take it out."), where, name,
                       section);
    return sg_fail(err, SG_E_CONFIG, _("%s: there is no key \"%s\" in [%s]; signet.conf(5) lists them."), where, name,
                   section);
}

size_t sg_config_rank(enum sg_key key, const char *value)
{
    size_t rank = 0;
    while (rank < MAX_CHOICES && keys[key].choices[rank] && strcmp(keys[key].choices[rank], value) != 0)
        rank++;
    return rank;
}

/* "none, soft or hard" */
static void list_choices(enum sg_key key, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < MAX_CHOICES && keys[key].choices[i] && used < size; i++) {
        bool last = i + 1 == MAX_CHOICES || !keys[key].choices[i + 1];
        const char *separator = i == 0 ? "" : last ? _(" or ") : ", ";
        int n = snprintf(out + used, size - used, "%s%s", separator, keys[key].choices[i]);
        used += n > 0 ? (size_t)n : 0;
    }
}

static enum sg_rc check_choice(enum sg_key key, const char *value, enum sg_rc rc, const char *where, struct sg_err *err)
{
    size_t rank = sg_config_rank(key, value);
    if (rank < MAX_CHOICES && keys[key].choices[rank])
        return SG_OK;
    if (key == SG_KEY_TOKEN_ISOLATION && strcmp(value, "process") == 0)
        return sg_fail(err, rc,
                       _("%s: this version of Signet cannot run a module in a process of its own yet; "
                         "set \"isolation = none\"."),
                       where);
    char choices[128];
    list_choices(key, choices, sizeof(choices));
    return sg_fail(err, rc, _("%s: \"%s\" in [%s] may be %s, not \"%s\"."), where, keys[key].name, keys[key].section,
                   choices, value);
}

static enum sg_rc check_duration(enum sg_key key, const char *value, enum sg_rc rc, const char *where,
                                 struct sg_err *err)
{
    int64_t seconds = 0;
    if (sg_duration_parse(value, &seconds, NULL) == SG_OK)
        return SG_OK;
    return sg_fail(err, rc, _("%s: \"%s\" in [%s] is a duration such as 7d, 12h, 30m or 45s, not \"%s\"."), where,
                   keys[key].name, keys[key].section, value);
}

/* The rest of it is looked at where tokens are. The value with a PIN in it is not repeated. */
static enum sg_rc check_uri(const char *value, enum sg_rc rc, const char *where, struct sg_err *err)
{
    if (strstr(value, "pin-value"))
        return sg_fail(err, rc, _("%s: a PIN is never part of a URI; take \"pin-value\" out, and change that PIN."),
                       where);
    if (value[0] != '\0' && strncmp(value, "pkcs11:", 7) != 0)
        return sg_fail(err, rc, _("%s: a key is named by a URI that starts with \"pkcs11:\", not by \"%s\"."), where,
                       value);
    return SG_OK;
}

enum sg_rc sg_config_check_value(enum sg_key key, const char *value, enum sg_origin origin, const char *where,
                                 struct sg_err *err)
{
    enum sg_rc rc = origin == SG_ORIGIN_OPTION ? SG_E_USAGE : SG_E_CONFIG;
    uint8_t digest[32];

    if (strlen(value) >= SG_MAX_CONFIG_LINE || !sg_utf8_is_printable(value, strlen(value)))
        return sg_fail(err, rc,
                       _("%s: the value of \"%s\" in [%s] is too long or has characters that cannot be shown."), where,
                       keys[key].name, keys[key].section);
    switch (keys[key].kind) {
    case KIND_CHOICE:
        return check_choice(key, value, rc, where, err);
    case KIND_DURATION:
        return check_duration(key, value, rc, where, err);
    case KIND_KEY_URI:
        return check_uri(value, rc, where, err);
    case KIND_MODULES:
        /* What a file names must not depend on the folder that the program is started in. */
        if (value[0] != '\0' && value[0] != '/' && origin < SG_ORIGIN_ENVIRONMENT)
            return sg_fail(err, rc, _("%s: the module \"%s\" needs its whole path, from the first \"/\" on."), where,
                           value);
        return SG_OK;
    case KIND_PROGRAM:
        if (value[0] != '/' && strchr(value, '/'))
            return sg_fail(err, rc, _("%s: the program \"%s\" needs its whole path, or none."), where, value);
        return SG_OK;
    case KIND_DIGEST:
        if (value[0] != '\0' && !sg_unhex(value, digest, sizeof(digest)))
            return sg_fail(err, rc, _("%s: \"%s\" takes the 64 hex digits of a SHA-256, not \"%s\"."), where,
                           keys[key].name, value);
        return SG_OK;
    case KIND_KEY_DIGESTS:
        if (value[0] != '\0' && !sg_unhex(value, digest, sizeof(digest)))
            return sg_fail(err, rc, _("%s: \"allow-key\" takes the 64 hex digits of a key's SHA-256, not \"%s\"."),
                           where, value);
        return SG_OK;
    }
    return sg_fail(err, SG_E_INTERNAL, "%s", _("A key of the configuration has no kind."));
}
