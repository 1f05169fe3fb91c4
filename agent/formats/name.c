#include "formats/name.h"

#include <string.h>

#include <openssl/objects.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/limits.h"
#include "base/msg.h"

static bool is_alphanumeric(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* Parts of 1 to `max` bytes with dots between them, of letters, digits and `others`. */
static bool is_dotted(const char *text, size_t len, size_t max, const char *others)
{
    size_t part = 0;

    for (size_t i = 0; i < len; i++) {
        if (text[i] == '.') {
            if (part == 0)
                return false;
            part = 0;
        } else if ((!is_alphanumeric(text[i]) && !strchr(others, text[i])) || ++part > max) {
            return false;
        }
    }
    return part > 0;
}

/* --- distinguished names ------------------------------------------------------------------------------------------ */

#define MAX_PARTS 32 /* attributes of one name */

static const struct {
    const char *word;
    int nid;
} keywords[] = {
    {"CN", NID_commonName},
    {"L", NID_localityName},
    {"ST", NID_stateOrProvinceName},
    {"O", NID_organizationName},
    {"OU", NID_organizationalUnitName},
    {"C", NID_countryName},
    {"STREET", NID_streetAddress},
    {"DC", NID_domainComponent},
    {"UID", NID_userId},
    {"SN", NID_surname},
    {"GN", NID_givenName},
    {"serialNumber", NID_serialNumber},
    {"title", NID_title},
    {"organizationIdentifier", NID_organizationIdentifier},
    {"emailAddress", NID_pkcs9_emailAddress},
};

/* One attribute: type and value; `joined` by "+" to the one before. */
struct part {
    ASN1_OBJECT *type;
    uint8_t *value;
    size_t len;
    bool joined;
};

struct parts {
    struct part items[MAX_PARTS];
    size_t count;
};

static void parts_clear(struct parts *parts)
{
    for (size_t i = 0; i < parts->count; i++) {
        ASN1_OBJECT_free(parts->items[i].type);
        free(parts->items[i].value);
    }
}

static enum sg_rc refuse(const char *text, const char *what, struct sg_err *err)
{
    return sg_fail(err, SG_E_MALFORMED, _("\"%s\" is not a name: %s. Write it like CN=Ada Lovelace,O=Example,C=GB."),
                   text, what);
}

static ASN1_OBJECT *type_of(const char *word, size_t len)
{
    char copy[64];

    if (len == 0 || len >= sizeof(copy))
        return NULL;
    memcpy(copy, word, len);
    copy[len] = '\0';
    for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++)
        if (strcasecmp(copy, keywords[i].word) == 0)
            return OBJ_nid2obj(keywords[i].nid);
    return strspn(copy, "0123456789.") == len && is_dotted(copy, len, len, "") ? OBJ_txt2obj(copy, 1) : NULL;
}

/* RFC 4514 §2.4: the character or hex pair behind a backslash. Returns how many bytes of `at` it took; 0: not one. */
static size_t unescape(const char *at, uint8_t *out)
{
    char pair[3] = {at[0], at[0] ? at[1] : '\0', '\0'};

    if (at[0] && strchr(" \"#+,;<=>\\", at[0])) {
        *out = (uint8_t)at[0];
        return 1;
    }
    return pair[1] && sg_unhex(pair, out, 1) ? 2 : 0;
}

/* The value up to a separator; moves `*at` to it. */
static enum sg_rc read_value(const char *text, const char **at, struct part *part, struct sg_err *err)
{
    const char *c = *at;
    size_t trailing = 0; /* spaces at the end that were not escaped */

    part->value = malloc(strlen(c) + 1);
    if (!part->value)
        return sg_fail_memory(err);
    while (*c == ' ')
        c++;
    if (*c == '#')
        return refuse(text, _("a value in hexadecimal is not taken"), err);
    while (*c && !strchr(",+", *c)) {
        size_t taken = 0;
        trailing = *c == ' ' ? trailing + 1 : 0;
        if (*c == '\\' && (taken = unescape(c + 1, &part->value[part->len])) == 0)
            return refuse(text, _("a backslash stands before what is not escaped that way"), err);
        if (strchr("\";<>", *c))
            return refuse(text, _("a character that has a meaning in names is not escaped"), err);
        if (taken == 0)
            part->value[part->len] = (uint8_t)*c;
        part->len++;
        c += 1 + taken;
    }
    part->len -= trailing;
    *at = c;
    return part->len > 0 ? SG_OK : refuse(text, _("a value is empty"), err);
}

static enum sg_rc read_part(const char *text, const char **at, struct parts *parts, bool joined, struct sg_err *err)
{
    struct part *part = &parts->items[parts->count];
    size_t len;

    if (parts->count == MAX_PARTS)
        return refuse(text, _("it has too many parts"), err);
    *at += strspn(*at, " ");
    len = strcspn(*at, "=,+\\");
    if ((*at)[len] != '=')
        return refuse(text, _("a part has no \"=\""), err);
    *part = (struct part){.type = type_of(*at, len), .joined = joined};
    if (!part->type)
        return refuse(text, _("what stands before a \"=\" is not known"), err);
    parts->count++;
    *at += len + 1;
    return read_value(text, at, part, err);
}

static enum sg_rc add_part(const char *text, const struct part *part, X509_NAME *name, struct sg_err *err)
{
    if (X509_NAME_add_entry_by_OBJ(name, part->type, MBSTRING_UTF8, part->value, (int)part->len, -1,
                                   part->joined ? -1 : 0) == 1)
        return SG_OK;
    (void)sg_fail_ssl(err, SG_E_MALFORMED,
                      _("\"%s\" is not a name that a certificate can have: a value is too long for its attribute, or "
                        "has characters that it does not take."),
                      text);
    return SG_E_MALFORMED;
}

/* The text begins with the last relative name (RFC 4514 §2.1). */
static enum sg_rc build(const char *text, const struct parts *parts, X509_NAME **ret, struct sg_err *err)
{
    _cleanup_(X509_NAME_freep) X509_NAME *name = X509_NAME_new();
    size_t end = parts->count;

    if (!name)
        return sg_fail_memory(err);
    while (end > 0) {
        size_t first = end - 1;
        while (parts->items[first].joined)
            first--;
        for (size_t i = first; i < end; i++) {
            enum sg_rc rc = add_part(text, &parts->items[i], name, err);
            if (rc != SG_OK)
                return rc;
        }
        end = first;
    }
    *ret = sg_steal(name);
    return SG_OK;
}

enum sg_rc sg_name_parse(const char *text, X509_NAME **ret, struct sg_err *err)
{
    _cleanup_(parts_clear) struct parts parts = {.count = 0};
    const char *at = text;
    bool joined = false;

    if (strlen(text) > SG_MAX_NAME_TEXT)
        return sg_fail(err, SG_E_MALFORMED, "%s", _("The name is too long."));
    for (;;) {
        enum sg_rc rc = read_part(text, &at, &parts, joined, err);
        if (rc != SG_OK)
            return rc;
        if (!*at)
            return build(text, &parts, ret, err);
        joined = *at++ == '+';
    }
}

/* --- e-mail ------------------------------------------------------------------------------------------------------- */

bool sg_email_is_plain(const char *text)
{
    const char *at = strrchr(text, '@');

    return at && strlen(text) <= SG_MAX_EMAIL && at - text <= 64 &&
           is_dotted(text, (size_t)(at - text), 64, "!#$%&'*+-/=?^_`{|}~") &&
           is_dotted(at + 1, strlen(at + 1), 63, "-") && at[1] != '-' && at[strlen(at) - 1] != '-';
}
