/* RFC 7512 URIs as somebody may type or paste them. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "pkcs11/uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *uri = malloc(size + 1);
    if (!uri)
        return 0;
    memcpy(uri, data, size);
    uri[size] = '\0';
    struct sg_err err = {0};
    enum sg_rc rc = sg_uri_check(uri, &err);
    /* A query holds only what we refuse. */
    if (rc == SG_OK && strchr(uri, '?') && strchr(uri, '?')[1] != '\0' && !strstr(uri, "?&"))
        abort();
    if (rc != SG_OK && err.text[0] == '\0')
        abort();
    free(uri);
    return 0;
}
