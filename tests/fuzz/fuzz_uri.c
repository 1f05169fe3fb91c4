/* RFC 7512 URIs as somebody may type or paste them. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "pkcs11/uri.h"

/* Of a query only `pin-source`, once, is served; above all no PIN. */
static bool query_is_served(const char *uri)
{
    static const char source[] = "pin-source=";
    int sources = 0;
    const char *at = strchr(uri, '?');
    while (at && *(at += strspn(at, "?&"))) {
        if (strncmp(at, source, sizeof source - 1) != 0 || ++sources > 1)
            return false;
        at += strcspn(at, "&");
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *uri = malloc(size + 1);
    if (!uri)
        return 0;
    memcpy(uri, data, size);
    uri[size] = '\0';
    struct sg_err err = {0};
    enum sg_rc rc = sg_uri_check(uri, &err);
    if (rc == SG_OK && !query_is_served(uri))
        abort();
    if (rc != SG_OK && err.text[0] == '\0')
        abort();
    free(uri);
    return 0;
}
