#include "verify/anchor_limits.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/msg.h"
#include "formats/name.h"
#include "verify/names.h"
#include "verify/verify.h"

SG_DEFINE_CLEANUP(GENERAL_SUBTREE, GENERAL_SUBTREE_free)

void sg_anchor_limits_free(struct sg_anchor_limits *limits)
{
    if (!limits)
        return;
    NAME_CONSTRAINTS_free(limits->names);
    sk_ASN1_OBJECT_pop_free(limits->policies, ASN1_OBJECT_free);
    free(limits);
}

static enum sg_rc malformed(const char *value, const char *what, struct sg_err *err)
{
    return sg_fail(err, SG_E_MALFORMED, _("\"%s\" does not limit an anchor: %s."), value, what);
}

/* --- names -------------------------------------------------------------------------------------------------------- */

/* "192.0.2.0/24": octets of the address, and of its mask. */
static bool parse_range(const char *text, uint8_t out[32], size_t *ret_len)
{
    char address[INET6_ADDRSTRLEN];
    const char *slash = strchr(text, '/');
    char *end = NULL;
    if (!slash || (size_t)(slash - text) >= sizeof address || slash[1] < '0' || slash[1] > '9')
        return false;
    memcpy(address, text, (size_t)(slash - text));
    address[slash - text] = '\0';
    unsigned long bits = strtoul(slash + 1, &end, 10);
    size_t len = inet_pton(AF_INET, address, out) == 1 ? 4 : inet_pton(AF_INET6, address, out) == 1 ? 16 : 0;
    if (len == 0 || *end || bits > 8 * len)
        return false;
    memset(out + len, 0, len);
    for (unsigned long i = 0; i < bits; i++)
        out[len + i / 8] |= (uint8_t)(0x80 >> i % 8);
    *ret_len = 2 * len;
    return true;
}

static enum sg_rc set_bytes(GENERAL_NAME *base, int type, int string_type, const void *data, size_t len,
                            struct sg_err *err)
{
    ASN1_STRING *string = ASN1_STRING_type_new(string_type);
    if (!string || !ASN1_STRING_set(string, data, (int)len)) {
        ASN1_STRING_free(string);
        return sg_fail_memory(err);
    }
    GENERAL_NAME_set0_value(base, type, string);
    return SG_OK;
}

static enum sg_rc set_folder_name(GENERAL_NAME *base, const char *text, struct sg_err *err)
{
    X509_NAME *name = NULL;
    enum sg_rc rc = sg_name_parse(text, &name, err);
    if (rc == SG_OK)
        GENERAL_NAME_set0_value(base, GEN_DIRNAME, name);
    return rc;
}

static enum sg_rc set_base(GENERAL_NAME *base, const char *value, struct sg_err *err)
{
    static const struct {
        const char *kind;
        int type;
    } kinds[] = {
        {"email:", GEN_EMAIL}, {"dns:", GEN_DNS}, {"uri:", GEN_URI}, {"ip:", GEN_IPADD}, {"dir:", GEN_DIRNAME}};
    uint8_t range[32];
    size_t len = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        size_t prefix = strlen(kinds[i].kind);
        const char *text = value + prefix;
        if (strncmp(value, kinds[i].kind, prefix) != 0 || !*text)
            continue;
        if (kinds[i].type == GEN_DIRNAME)
            return set_folder_name(base, text, err);
        if (kinds[i].type != GEN_IPADD)
            return set_bytes(base, kinds[i].type, V_ASN1_IA5STRING, text, strlen(text), err);
        return parse_range(text, range, &len) ? set_bytes(base, GEN_IPADD, V_ASN1_OCTET_STRING, range, len, err)
                                              : malformed(value, _("it is no range as in ip:192.0.2.0/24"), err);
    }
    return malformed(value, _("names are given as in email:example.com, dns:, uri:, ip: or dir:"), err);
}

static enum sg_rc add_subtree(const char *value, STACK_OF(GENERAL_SUBTREE) **subtrees, struct sg_err *err)
{
    _cleanup_(GENERAL_SUBTREE_freep) GENERAL_SUBTREE *subtree = GENERAL_SUBTREE_new();
    if (!subtree || (!*subtrees && !(*subtrees = sk_GENERAL_SUBTREE_new_null())))
        return sg_fail_memory(err);
    enum sg_rc rc = set_base(subtree->base, value, err);
    if (rc == SG_OK && !sg_subtree_is_wellformed(subtree))
        rc = malformed(value, _("the name is malformed (RFC 5280 §4.2.1.10)"), err);
    if (rc != SG_OK)
        return rc;
    if (sk_GENERAL_SUBTREE_push(*subtrees, subtree) <= 0)
        return sg_fail_memory(err);
    subtree = NULL;
    return SG_OK;
}

/* --- the text ----------------------------------------------------------------------------------------------------- */

static enum sg_rc add_policy(const char *value, STACK_OF(ASN1_OBJECT) **policies, struct sg_err *err)
{
    _cleanup_(ASN1_OBJECT_freep) ASN1_OBJECT *policy = OBJ_txt2obj(value, 1);
    if (!policy)
        return malformed(value, _("a policy is an OID, as in 1.2.3.4"), err);
    if ((!*policies && !(*policies = sk_ASN1_OBJECT_new_null())) || sk_ASN1_OBJECT_push(*policies, policy) <= 0)
        return sg_fail_memory(err);
    policy = NULL;
    return SG_OK;
}

static enum sg_rc set_time(const char *value, int64_t *time, struct sg_err *err)
{
    if (*time != SG_TIME_NONE)
        return malformed(value, _("there is such a time already"), err);
    return sg_time_parse(value, time, NULL) == SG_OK ? SG_OK : malformed(value, _("it is no time (RFC 3339)"), err);
}

static enum sg_rc take(struct sg_anchor_limits *limits, const char *word, const char *value, struct sg_err *err)
{
    if (strcmp(word, "not-before") == 0)
        return set_time(value, &limits->not_before, err);
    if (strcmp(word, "not-after") == 0)
        return set_time(value, &limits->not_after, err);
    if (strcmp(word, "policy") == 0)
        return add_policy(value, &limits->policies, err);
    bool permits = strcmp(word, "permit") == 0;
    if (!permits && strcmp(word, "exclude") != 0)
        return malformed(word, _("there is no such limit"), err);
    if (!limits->names && !(limits->names = NAME_CONSTRAINTS_new()))
        return sg_fail_memory(err);
    return add_subtree(value, permits ? &limits->names->permittedSubtrees : &limits->names->excludedSubtrees, err);
}

bool sg_anchor_limit_next(const char **at, struct sg_anchor_limit *ret)
{
    size_t line = strcspn(*at, "\n"), word = strcspn(*at, " \n");
    if (word == 0 || word >= line || word >= sizeof ret->word)
        return false;
    memcpy(ret->word, *at, word);
    ret->word[word] = '\0';
    ret->value = (struct sg_slice){(const uint8_t *)*at + word + 1, line - word - 1};
    *at += (*at)[line] ? line + 1 : line;
    return true;
}

static struct sg_anchor_limits *limits_new(void)
{
    struct sg_anchor_limits *limits = calloc(1, sizeof *limits);
    if (limits)
        limits->not_before = limits->not_after = SG_TIME_NONE;
    return limits;
}

enum sg_rc sg_anchor_limits_parse(const char *text, struct sg_anchor_limits **ret, struct sg_err *err)
{
    _cleanup_(sg_anchor_limits_freep) struct sg_anchor_limits *limits = *text ? limits_new() : NULL;
    struct sg_anchor_limit line;
    const char *at = text;
    enum sg_rc rc = SG_OK;
    if (*text && !limits)
        return sg_fail_memory(err);
    while (rc == SG_OK && sg_anchor_limit_next(&at, &line)) {
        _cleanup_(freep) char *value = strndup((const char *)line.value.data, line.value.len);
        rc = value ? take(limits, line.word, value, err) : sg_fail_memory(err);
    }
    if (rc == SG_OK && *at)
        rc = malformed(text, _("a line of it is none of a word and a value"), err);
    if (rc == SG_OK)
        *ret = sg_steal(limits);
    return rc;
}

enum sg_rc sg_anchor_limit_add(const char *word, const char *value, struct sg_buf *text, struct sg_err *err)
{
    _cleanup_(sg_anchor_limits_freep) struct sg_anchor_limits *limits = limits_new();
    char time[SG_TIME_TEXT];
    if (!limits)
        return sg_fail_memory(err);
    for (const char *c = value; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return malformed(word, _("its value has control characters"), err);
    enum sg_rc rc = take(limits, word, value, err);
    int64_t when = limits->not_before != SG_TIME_NONE ? limits->not_before : limits->not_after;
    if (rc == SG_OK)
        rc = sg_buf_printf(text, err, "%s %s\n", word, when != SG_TIME_NONE ? sg_time_text(when, time) : value);
    return rc;
}
