#include "base/url.h"

#include <string.h>
#include <strings.h>

#include "base/limits.h"
#include "base/msg.h"

/* RFC 3986 §3.2: the authority, behind the scheme; NULL if the scheme is another. */
static const char *authority_of(const char *url)
{
    if (strncasecmp(url, "https://", 8) == 0)
        return url + 8;
    return strncasecmp(url, "http://", 7) == 0 ? url + 7 : NULL;
}

const char *sg_url_problem(const char *url)
{
    const char *authority = authority_of(url);

    if (!authority)
        return N_("it begins with neither http:// nor https://");
    if (strlen(url) > SG_MAX_URL)
        return N_("it is too long");
    for (const char *c = url; *c; c++)
        if (*c <= 0x20 || *c >= 0x7F || strchr("\"<>\\^`{|}#", *c))
            return N_("it has a character that does not belong in it");
    size_t len = strcspn(authority, "/?");
    if (len == 0 || authority[0] == ':')
        return N_("it names no server");
    if (memchr(authority, '@', len))
        return N_("it has a user or a password in it");
    return NULL;
}
