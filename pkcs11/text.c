#include <string.h>

#include "base/utf8.h"
#include "pkcs11/cryptoki.h"

char *sg_safe_text(const void *data, size_t len)
{
    const uint8_t *in = data;
    while (len > 0 && (in[len - 1] == ' ' || in[len - 1] == '\0'))
        len--;

    char *out = malloc(len + 1);
    if (!out)
        return NULL;
    size_t used = 0;
    for (size_t i = 0; i < len;) {
        uint32_t point = 0;
        size_t taken = sg_utf8_next(in + i, len - i, &point);
        if (taken > 0 && sg_utf8_printable(point)) {
            memcpy(out + used, in + i, taken);
            used += taken;
        } else {
            out[used++] = '?';
        }
        i += taken > 0 ? taken : 1;
    }
    out[used] = '\0';
    return out;
}
