#include "base/config_private.h"

#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/msg.h"
#include "base/url.h"
#include "base/utf8.h"

#define MAX_CHOICES 4
#define WORD "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"

enum kind {
    KIND_CHOICE,
    KIND_DURATION,
    KIND_NUMBER,
    KIND_KEY_URI,
    KIND_URL,
    KIND_PROXY,
    KIND_FILE,
    KIND_WORD,
    KIND_OID,
    KIND_MODULES,
    KIND_PROGRAM,
    KIND_DIGEST,
    KIND_KEY_DIGESTS
};

static const struct {
    const char *section, *name;
    enum kind kind;
    const char *built_in;
    const char *choices[MAX_CHOICES]; /* the weakest first */
    bool in_group;                    /* of sections with a name of their own */
} keys[SG_KEY_COUNT] = {
    [SG_KEY_SIGN_KEY] = {"sign", "key", KIND_KEY_URI, "", {NULL}, false},
    [SG_KEY_SIGN_CERTIFICATE] = {"sign", "certificate", KIND_DIGEST, "", {NULL}, false},
    [SG_KEY_SIGN_CONFIRM] = {"sign", "confirm", KIND_CHOICE, "auto", {"never", "auto", "always"}, false},
    [SG_KEY_SIGN_LEVEL] = {"sign", "level", KIND_CHOICE, "B-LTA", {"B-B", "B-T", "B-LT", "B-LTA"}, false},
    [SG_KEY_TOKEN_MODULES] = {"token", "modules", KIND_MODULES, "", {NULL}, false},
    [SG_KEY_TOKEN_ISOLATION] = {"token", "isolation", KIND_CHOICE, "process", {"none", "process"}, false},
    [SG_KEY_TOKEN_TIMEOUT] = {"token", "timeout", KIND_DURATION, "10s", {NULL}, false},
    [SG_KEY_TOKEN_SIGN_TIMEOUT] = {"token", "sign-timeout", KIND_DURATION, "30s", {NULL}, false},
    [SG_KEY_TOKEN_PINENTRY] = {"token", "pinentry", KIND_PROGRAM, "pinentry", {NULL}, false},
    [SG_KEY_TOKEN_ALLOW_KEY] = {"token", "allow-key", KIND_KEY_DIGESTS, "", {NULL}, false},
    [SG_KEY_VERIFY_REVOCATION] = {"verify", "revocation", KIND_CHOICE, "hard", {"none", "soft", "hard"}, false},
    [SG_KEY_VERIFY_STALE] = {"verify", "stale", KIND_DURATION, "7d", {NULL}, false},
    [SG_KEY_TRUST_LIST] = {"trust", "list", KIND_URL, "", {NULL}, false},
    [SG_KEY_TRUST_LIST_SIGNER] = {"trust", "list-signer", KIND_DIGEST, "", {NULL}, false},
    [SG_KEY_SYNC_QUORUM] = {"sync", "quorum", KIND_NUMBER, "1", {NULL}, false},
    [SG_KEY_SYNC_INTERVAL] = {"sync", "interval", KIND_DURATION, "30m", {NULL}, false},
    [SG_KEY_SYNC_PROXY] = {"sync", "proxy", KIND_PROXY, "env", {NULL}, false},
    [SG_KEY_SYNC_KEEP_COPIES] = {"sync", "keep-copies", KIND_DURATION, "30d", {NULL}, false},
    [SG_KEY_SYNC_PRIVATE] = {"sync", "private-addresses", KIND_CHOICE, "no", {"no", "yes"}, false},
    [SG_KEY_SYNC_CA_FILE] = {"sync", "ca-file", KIND_FILE, "", {NULL}, false},
    [SG_KEY_SYNC_TIMEOUT] = {"sync", "timeout", KIND_DURATION, "60s", {NULL}, false},
    [SG_KEY_TSA_URL] = {"tsa", "url", KIND_URL, "", {NULL}, true},
    [SG_KEY_TSA_ORDER] = {"tsa", "order", KIND_NUMBER, "1", {NULL}, true},
    [SG_KEY_TSA_POLICY] = {"tsa", "policy", KIND_OID, "", {NULL}, true},
    [SG_KEY_TARGET_TYPE] = {"target", "type", KIND_CHOICE, "put", {"put", "webdav", "s3"}, true},
    [SG_KEY_TARGET_URL] = {"target", "url", KIND_URL, "", {NULL}, true},
    [SG_KEY_TARGET_REGION] = {"target", "region", KIND_WORD, "us-east-1", {NULL}, true},
    [SG_KEY_TARGET_CREDENTIALS] = {"target", "credentials", KIND_FILE, "", {NULL}, true},
    [SG_KEY_TARGET_CLIENT_KEY] = {"target", "client-key", KIND_KEY_URI, "", {NULL}, true},
    [SG_KEY_TARGET_CA_FILE] = {"target", "ca-file", KIND_FILE, "", {NULL}, true},
    [SG_KEY_TARGET_ENCRYPT_TO] = {"target", "encrypt-to", KIND_FILE, "", {NULL}, true},
    [SG_KEY_TARGET_REQUIRED] = {"target", "required", KIND_CHOICE, "yes", {"no", "yes"}, true},
    [SG_KEY_POLICY_CUSTODY] = {"policy", "custody", KIND_CHOICE, "held", {"held", "strict"}, false},
    [SG_KEY_POLICY_REVOCATION] = {"policy", "min-revocation", KIND_CHOICE, "none", {"none", "soft", "hard"}, false},
    [SG_KEY_POLICY_CLOCK] = {"policy", "clock", KIND_CHOICE, "warn", {"warn", "strict"}, false},
};

/* What a later version will serve: refused like anything unknown, but not called a mistake. */
static const char *const later[] = {"backup", "alert"};

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

static bool is_for_later(const char *section)
{
    for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); i++)
        if (strcmp(later[i], section) == 0)
            return true;
    return false;
}

enum sg_rc sg_config_unknown(const char *where, const char *section, const char *name, struct sg_err *err)
{
    enum sg_key first = SG_KEY_COUNT;

    if (!name && is_for_later(section))
        return sg_fail(err, SG_E_CONFIG, _("%s: this version of Signet does not serve [%s] yet; take it out."), where,
                       section);
    if (!name && sg_config_find_section(section, &first))
        return sg_fail(err, SG_E_CONFIG,
                       keys[first].in_group ? _("%s: [%s] needs a name of its own, as [%s \"main\"].")
                                            : _("%s: there is only one section [%s]; write it as [%s]."),
                       where, section, section);
    if (!name)
        return sg_fail(err, SG_E_CONFIG, _("%s: there is no section [%s]; signet.conf(5) lists them."), where, section);
    return sg_fail(err, SG_E_CONFIG, _("%s: there is no key \"%s\" in [%s]; signet.conf(5) lists them."), where, name,
                   section);
}

bool sg_config_split(const char *text, char *section, char *name)
{
    size_t word = strspn(text, "abcdefghijklmnopqrstuvwxyz");
    const char *quoted = text + word + strspn(text + word, " ");
    size_t len = quoted[0] == '"' ? strspn(quoted + 1, WORD) : 0;

    if (word == 0 || word >= SG_MAX_SECTION_WORD || len == 0 || len >= SG_MAX_SECTION_WORD ||
        strcmp(quoted + 1 + len, "\"") != 0)
        return false;
    memcpy(section, text, word);
    section[word] = '\0';
    memcpy(name, quoted + 1, len);
    name[len] = '\0';
    return true;
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

bool sg_key_in_group(enum sg_key key)
{
    return keys[key].in_group;
}

static enum sg_rc check_choice(enum sg_key key, const char *value, enum sg_rc rc, const char *where, struct sg_err *err)
{
    size_t rank = sg_config_rank(key, value);
    if (rank < MAX_CHOICES && keys[key].choices[rank])
        return SG_OK;
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

static enum sg_rc check_number(enum sg_key key, const char *value, enum sg_rc rc, const char *where, struct sg_err *err)
{
    size_t len = strlen(value);
    if (len >= 1 && len <= 4 && strspn(value, "0123456789") == len)
        return SG_OK;
    return sg_fail(err, rc, _("%s: \"%s\" in [%s] is a number from 0 to 9999, not \"%s\"."), where, keys[key].name,
                   keys[key].section, value);
}

static enum sg_rc check_url(enum sg_key key, const char *value, enum sg_rc rc, const char *where, struct sg_err *err)
{
    const char *problem = value[0] == '\0' ? NULL : sg_url_problem(value);
    if (!problem)
        return SG_OK;
    /* The value is not repeated: there may be a password in it. */
    return sg_fail(err, rc, _("%s: the URL of \"%s\" in [%s] cannot be used: %s."), where, keys[key].name,
                   keys[key].section, _(problem));
}

static enum sg_rc check_file(enum sg_key key, const char *value, enum sg_rc rc, const char *where, struct sg_err *err)
{
    if (value[0] == '\0' || value[0] == '/')
        return SG_OK;
    return sg_fail(err, rc, _("%s: the file of \"%s\" in [%s] needs its whole path, from the first \"/\" on."), where,
                   keys[key].name, keys[key].section);
}

/* `allowed`: its characters. */
static enum sg_rc check_word(enum sg_key key, const char *value, const char *allowed, enum sg_rc rc, const char *where,
                             struct sg_err *err)
{
    if (value[strspn(value, allowed)] == '\0')
        return SG_OK;
    return sg_fail(err, rc, _("%s: \"%s\" in [%s] cannot be \"%s\"."), where, keys[key].name, keys[key].section, value);
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
    case KIND_NUMBER:
        return check_number(key, value, rc, where, err);
    case KIND_URL:
        return check_url(key, value, rc, where, err);
    case KIND_PROXY:
        return strcmp(value, "env") == 0 || strcmp(value, "none") == 0 ? SG_OK : check_url(key, value, rc, where, err);
    case KIND_FILE:
        return check_file(key, value, rc, where, err);
    case KIND_WORD:
        return check_word(key, value, WORD, rc, where, err);
    case KIND_OID:
        return check_word(key, value, "0123456789.", rc, where, err);
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
