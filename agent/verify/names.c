#include "verify/names.h"

#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/msg.h"

SG_DEFINE_CLEANUP(GENERAL_NAMES, GENERAL_NAMES_free)

/* A part of a name, ASCII if it is well-formed. */
struct text {
    const char *data;
    size_t len;
};

static struct text text_of(const ASN1_STRING *string)
{
    return (struct text){(const char *)ASN1_STRING_get0_data(string), (size_t)ASN1_STRING_length(string)};
}

static struct text from(struct text text, size_t start)
{
    return (struct text){text.data + start, text.len - start};
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* An underscore is no host name's (RFC 1123 §2.1), but many have one. */
static bool is_label_char(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
}

/* RFC 1034 §3.5, as §4.2.1.6 asks for it: labels of 1 to 63 characters, 253 in all. */
static bool is_host(struct text text)
{
    size_t label = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '.' ? label == 0 : !is_label_char(text.data[i]))
            return false;
        label = text.data[i] == '.' ? 0 : label + 1;
        if (label > 63)
            return false;
    }
    return label > 0 && text.len <= 253;
}

static bool is_wildcard(struct text text)
{
    return text.len > 2 && text.data[0] == '*' && text.data[1] == '.';
}

/* A host's name, or what lies under one: ".example.com". */
static bool is_domain(struct text text)
{
    return is_host(text.len > 0 && text.data[0] == '.' ? from(text, 1) : text);
}

/* The last label of a host's name is never a number (RFC 1123 §2.1), that of an address is. */
static bool is_address(struct text host)
{
    const char *dot = memrchr(host.data, '.', host.len);
    size_t start = dot ? (size_t)(dot - host.data) + 1 : 0;
    for (size_t i = start; i < host.len; i++)
        if (!is_digit(host.data[i]))
            return false;
    return true;
}

/* A Mailbox (RFC 2821 §4.1.2): local@host; another '@' only where the local part is quoted. */
static bool is_mailbox(struct text text)
{
    const char *at = memrchr(text.data, '@', text.len);
    size_t local = at ? (size_t)(at - text.data) : 0;
    if (local == 0 || !is_host(from(text, local + 1)))
        return false;
    bool quoted = local > 2 && text.data[0] == '"' && text.data[local - 1] == '"';
    for (size_t i = 0; i < local; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c < 0x20 || c > 0x7e || (c == '@' && !quoted))
            return false;
    }
    return true;
}

/* The host of "scheme://user@host:port/path" (RFC 3986 §3.2). `*ret` is empty where there is none, or no name. */
static struct text host_of(struct text uri)
{
    const struct text none = {"", 0};
    const char *start = memmem(uri.data, uri.len, "://", 3);
    if (!start)
        return none;
    struct text host = from(uri, (size_t)(start - uri.data) + 3);
    for (size_t i = 0; i < host.len; i++)
        if (strchr("/?#", host.data[i]))
            host.len = i;
    const char *at = memrchr(host.data, '@', host.len);
    if (at)
        host = from(host, (size_t)(at - host.data) + 1);
    const char *colon = memchr(host.data, ':', host.len);
    if (colon)
        host.len = (size_t)(colon - host.data);
    return is_host(host) && !is_address(host) ? host : none;
}

/* An address and its mask, which is one run of ones (RFC 4632 §5.1). */
static bool is_address_range(const ASN1_OCTET_STRING *range)
{
    const uint8_t *mask = ASN1_STRING_get0_data(range) + ASN1_STRING_length(range) / 2;
    int len = ASN1_STRING_length(range) / 2;
    bool ended = false;
    if (ASN1_STRING_length(range) != 8 && ASN1_STRING_length(range) != 32)
        return false;
    for (int bit = 0; bit < 8 * len; bit++) {
        bool one = mask[bit / 8] >> (7 - bit % 8) & 1;
        if (one && ended)
            return false;
        ended = !one;
    }
    return true;
}

bool sg_subtree_is_wellformed(const GENERAL_SUBTREE *subtree)
{
    const GENERAL_NAME *base = subtree->base;
    if ((subtree->minimum && ASN1_INTEGER_get(subtree->minimum) != 0) || subtree->maximum)
        return false;
    switch (base->type) {
    case GEN_DNS: /* nothing is every name */
        return base->d.dNSName->length == 0 || is_host(text_of(base->d.dNSName));
    case GEN_EMAIL: {
        struct text text = text_of(base->d.rfc822Name);
        return text.len == 0 || (memchr(text.data, '@', text.len) ? is_mailbox(text) : is_domain(text));
    }
    case GEN_URI:
        return base->d.uniformResourceIdentifier->length == 0 || is_domain(text_of(base->d.uniformResourceIdentifier));
    case GEN_IPADD:
        return is_address_range(base->d.iPAddress);
    default: /* a Name is one; what OpenSSL does not know, it refuses */
        return true;
    }
}

static bool has_kind(const STACK_OF(GENERAL_SUBTREE) *subtrees, int kind)
{
    for (int i = 0; i < sk_GENERAL_SUBTREE_num(subtrees); i++)
        if (sk_GENERAL_SUBTREE_value(subtrees, i)->base->type == kind)
            return true;
    return false;
}

/* RFC 9525 §6.3 lets "*.example.com" stand for "a.example.com": not where that is excluded. */
static bool stands_for_excluded(struct text wildcard, const STACK_OF(GENERAL_SUBTREE) *excluded)
{
    struct text domain = from(wildcard, 1); /* ".example.com" */
    for (int i = 0; i < sk_GENERAL_SUBTREE_num(excluded); i++) {
        const GENERAL_NAME *base = sk_GENERAL_SUBTREE_value(excluded, i)->base;
        if (base->type != GEN_DNS)
            continue;
        struct text name = text_of(base->d.dNSName);
        if (name.len > domain.len && strncasecmp(name.data + name.len - domain.len, domain.data, domain.len) == 0)
            return true;
    }
    return false;
}

static const char *name_problem(const GENERAL_NAME *name, const NAME_CONSTRAINTS *constraints)
{
    switch (name->type) {
    case GEN_DNS: {
        struct text text = text_of(name->d.dNSName);
        if (!is_host(is_wildcard(text) ? from(text, 2) : text))
            return N_("a host's name in it is malformed, so that constraints on such names cannot be kept");
        if (is_wildcard(text) && stands_for_excluded(text, constraints->excludedSubtrees))
            return N_("its wildcard may stand for a name that a CA on the path may not certify");
        return NULL;
    }
    case GEN_EMAIL:
        return is_mailbox(text_of(name->d.rfc822Name))
                   ? NULL
                   : N_("a mail address in it is malformed, so that constraints on such names cannot be kept");
    case GEN_URI: /* "MUST reject" where there is no host, or an address */
        return host_of(text_of(name->d.uniformResourceIdentifier)).len > 0
                   ? NULL
                   : N_("a URI in it names no host, so that constraints on URIs cannot be kept");
    default:
        return NULL;
    }
}

const char *sg_names_problem(X509 *cert, const NAME_CONSTRAINTS *constraints)
{
    _cleanup_(GENERAL_NAMES_freep) GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    const char *problem = NULL;
    for (int i = 0; !problem && i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (has_kind(constraints->permittedSubtrees, name->type) || has_kind(constraints->excludedSubtrees, name->type))
            problem = name_problem(name, constraints);
    }
    return problem;
}
