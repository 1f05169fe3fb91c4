/* URLs: what they are, where they may lead, and which proxy stands before it. */
#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

#include "base/msg.h"
#include "sync/http_private.h"

/* --- reading ------------------------------------------------------------------------------------------------------ */

static bool printable(const char *url)
{
    size_t len = strnlen(url, SG_MAX_URL + 1);
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)url[i] <= ' ' || (unsigned char)url[i] >= 0x7f)
            return false;
    return len > 0 && len <= SG_MAX_URL;
}

static bool take(CURLU *parsed, CURLUPart part, unsigned flags, char **ret)
{
    _cleanup_(curl_freep) char *text = NULL;
    if (curl_url_get(parsed, part, &text, flags) != CURLUE_OK)
        return false;
    for (char *c = text; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    *ret = strdup(text);
    return *ret;
}

enum sg_rc sg_url_read(const char *url, struct sg_url *ret, struct sg_err *err)
{
    struct sg_url read = {0};
    _cleanup_(curl_url_cleanupp) CURLU *parsed = curl_url();
    if (!parsed)
        return sg_fail_memory(err);
    bool good = printable(url) && curl_url_set(parsed, CURLUPART_URL, url, CURLU_DISALLOW_USER) == CURLUE_OK &&
                take(parsed, CURLUPART_SCHEME, 0, &read.scheme) && take(parsed, CURLUPART_HOST, 0, &read.host) &&
                take(parsed, CURLUPART_PORT, CURLU_DEFAULT_PORT, &read.port) &&
                (strcmp(read.scheme, "http") == 0 || strcmp(read.scheme, "https") == 0);
    if (!good) {
        sg_url_clear(&read);
        return sg_fail(err, SG_E_MALFORMED,
                       _("\"%.200s\" is not an address that can be asked: it begins with http:// or https://, has a "
                         "host, and neither a user nor spaces in it."),
                       url);
    }
    if (asprintf(&read.server, "%s://%s:%s", read.scheme, read.host, read.port) < 0) {
        read.server = NULL;
        sg_url_clear(&read);
        return sg_fail_memory(err);
    }
    *ret = read;
    return SG_OK;
}

void sg_url_clear(struct sg_url *url)
{
    free(url->scheme);
    free(url->host);
    free(url->port);
    free(url->server);
    *url = (struct sg_url){0};
}

enum sg_rc sg_http_server(const char *url, struct sg_buf *out, struct sg_err *err)
{
    _cleanup_(sg_url_clear) struct sg_url read = {0};
    enum sg_rc rc = sg_url_read(url, &read, err);
    return rc == SG_OK ? sg_buf_append(out, read.server, strlen(read.server), err) : rc;
}

/* --- addresses ---------------------------------------------------------------------------------------------------- */

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned bytes = bits / 8, rest = bits % 8;
    return memcmp(a, b, bytes) == 0 && (rest == 0 || ((a[bytes] ^ b[bytes]) >> (8 - rest)) == 0);
}

/* IANA's special-purpose registries (RFC 6890) and multicast. */
static bool private_v4(const uint8_t *address)
{
    static const struct {
        uint8_t net[4];
        unsigned bits;
    } nets[] = {
        {{0}, 8},        {{10}, 8},         {{100, 64}, 10},  {{127}, 8},      {{169, 254}, 16},
        {{172, 16}, 12}, {{192, 0, 0}, 24}, {{192, 168}, 16}, {{198, 18}, 15}, {{224}, 3},
    };
    for (size_t i = 0; i < sizeof(nets) / sizeof(nets[0]); i++)
        if (same_bits(address, nets[i].net, nets[i].bits))
            return true;
    return false;
}

static bool private_v6(const uint8_t *address)
{
    static const struct {
        uint8_t net[16];
        unsigned bits;
        unsigned v4; /* where an IPv4 address stands in it that says what it is; 0: it is private */
    } nets[] = {
        {{[10] = 0xff, [11] = 0xff}, 96, 12},          /* IPv4-mapped */
        {{0}, 96, 0},                                  /* ::, ::1, IPv4-compatible */
        {{0x00, 0x64, 0xff, 0x9b}, 96, 12},            /* NAT64 */
        {{0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}, 48, 0}, /* NAT64, local */
        {{0x20, 0x02}, 16, 2},                         /* 6to4 */
        {{0xfc}, 7, 0},                                /* unique local */
        {{0xfe, 0x80}, 9, 0},                          /* link-local, site-local */
        {{0xff}, 8, 0},                                /* multicast */
    };
    for (size_t i = 0; i < sizeof(nets) / sizeof(nets[0]); i++)
        if (same_bits(address, nets[i].net, nets[i].bits))
            return nets[i].v4 == 0 || private_v4(address + nets[i].v4);
    return false;
}

bool sg_address_private(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, address, sizeof(v4));
        return private_v4((const uint8_t *)&v4.sin_addr);
    }
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, address, sizeof(v6));
        return private_v6(v6.sin6_addr.s6_addr);
    }
    return true;
}

/* An address as a URL or a list gives it, IPv6 with or without brackets. */
static bool read_address(const char *text, uint8_t out[16], int *ret_family)
{
    char bare[INET6_ADDRSTRLEN] = "";
    size_t len = strlen(text);
    if (len > 2 && text[0] == '[' && text[len - 1] == ']') {
        text++;
        len -= 2;
    }
    if (len >= sizeof(bare))
        return false;
    memcpy(bare, text, len);
    *ret_family = strchr(bare, ':') ? AF_INET6 : AF_INET;
    return inet_pton(*ret_family, bare, out) == 1;
}

bool sg_host_private(const char *host)
{
    uint8_t address[16] = {0};
    int family = AF_UNSPEC;
    size_t len = strlen(host);
    if (host[0] == '[' && !read_address(host, address, &family))
        return true; /* with a zone: an address of this link */
    if (read_address(host, address, &family))
        return family == AF_INET ? private_v4(address) : private_v6(address);
    return strcmp(host, "localhost") == 0 || (len > 10 && strcmp(host + len - 10, ".localhost") == 0);
}

/* --- proxies ------------------------------------------------------------------------------------------------------ */

static bool in_net(const char *host, char *net)
{
    uint8_t address[16] = {0}, other[16] = {0};
    int family = AF_UNSPEC, other_family = AF_UNSPEC;
    char *slash = strchr(net, '/'), *end = NULL;
    if (!slash || !read_address(host, address, &family))
        return false;
    *slash = '\0';
    unsigned long bits = strtoul(slash + 1, &end, 10);
    return *end == '\0' && end != slash + 1 && read_address(net, other, &other_family) && family == other_family &&
           bits <= (family == AF_INET ? 32 : 128) && same_bits(address, other, (unsigned)bits);
}

static bool named_by(const char *host, const char *name)
{
    uint8_t address[16] = {0}, other_address[16] = {0};
    int family = AF_UNSPEC, other_family = AF_UNSPEC;
    if (read_address(host, address, &family))
        return read_address(name, other_address, &other_family) && family == other_family &&
               memcmp(address, other_address, sizeof(address)) == 0;
    size_t len = strlen(host), other = 0;
    name += name[0] == '.';
    other = strlen(name);
    return other > 0 && len >= other && strcasecmp(host + len - other, name) == 0 &&
           (len == other || host[len - other - 1] == '.');
}

/* no_proxy: "*", or names (which stand for what is below them, too), addresses, and nets, with commas or spaces. */
static bool goes_direct(const char *host, const char *list)
{
    _cleanup_(freep) char *copy = strdup(list ? list : "");
    char *rest = NULL;
    for (char *item = copy ? strtok_r(copy, ", ", &rest) : NULL; item; item = strtok_r(NULL, ", ", &rest))
        if (strcmp(item, "*") == 0 || named_by(host, item) || in_net(host, item))
            return true;
    return false;
}

static const char *environment(const char *name, const char *other)
{
    const char *value = getenv(name);
    return value && value[0] ? value : other ? getenv(other) : NULL;
}

const char *sg_proxy_for(const char *setting, const struct sg_url *url)
{
    if (!setting || strcmp(setting, "none") == 0)
        return "";
    if (strcmp(setting, "env") != 0)
        return setting;
    if (goes_direct(url->host, environment("no_proxy", "NO_PROXY")))
        return "";
    /* Not HTTP_PROXY: what calls a CGI program sets it from a header. */
    const char *proxy =
        strcmp(url->scheme, "http") == 0 ? environment("http_proxy", NULL) : environment("https_proxy", "HTTPS_PROXY");
    if (!proxy || !proxy[0])
        proxy = environment("all_proxy", "ALL_PROXY");
    return proxy ? proxy : "";
}
