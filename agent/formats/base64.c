#include "formats/base64.h"

#include <openssl/evp.h>

#include "base/limits.h"

#define PIECE (8 * SG_KIB) /* of text that is decoded at once; OpenSSL adds at most a line of its own */

struct sg_base64 {
    EVP_ENCODE_CTX *ctx;
    struct sg_sink sink;
    bool padded;
    size_t len; /* of what is decoded and not yet passed on */
    uint8_t bytes[8 * PIECE];
};

enum sg_rc sg_base64_new(struct sg_sink sink, struct sg_base64 **ret, struct sg_err *err)
{
    _cleanup_(sg_base64_freep) struct sg_base64 *base64 = malloc(sizeof *base64);
    if (!base64)
        return sg_fail_memory(err);
    base64->sink = sink;
    base64->padded = false;
    base64->len = 0;
    base64->ctx = EVP_ENCODE_CTX_new();
    if (!base64->ctx)
        return sg_fail_memory(err);
    EVP_DecodeInit(base64->ctx);
    *ret = sg_steal(base64);
    return SG_OK;
}

void sg_base64_free(struct sg_base64 *base64)
{
    if (!base64)
        return;
    EVP_ENCODE_CTX_free(base64->ctx);
    free(base64);
}

/* What EVP_DecodeUpdate() leaves open. */
static bool is_base64(struct sg_slice text, bool *padded)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        bool letter =
            (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
        if (c == '=')
            *padded = true;
        else if (letter ? *padded : c != ' ' && c != '\t' && c != '\r')
            return false;
    }
    return true;
}

static enum sg_rc pass_on(struct sg_base64 *base64, struct sg_err *err)
{
    size_t len = base64->len;
    base64->len = 0;
    return len > 0 ? base64->sink.write(base64->sink.context, base64->bytes, len, err) : SG_OK;
}

enum sg_rc sg_base64_text(struct sg_base64 *base64, struct sg_slice text, bool *ret_right, struct sg_err *err)
{
    bool right = is_base64(text, &base64->padded);

    while (right && text.len > 0) {
        size_t piece = text.len < PIECE ? text.len : PIECE;
        int len = 0;
        enum sg_rc rc = sizeof base64->bytes - base64->len < PIECE ? pass_on(base64, err) : SG_OK;
        if (rc != SG_OK)
            return rc;
        right = EVP_DecodeUpdate(base64->ctx, base64->bytes + base64->len, &len, text.data, (int)piece) >= 0;
        base64->len += right ? (size_t)len : 0;
        text.data += piece;
        text.len -= piece;
    }
    *ret_right = right;
    return SG_OK;
}

enum sg_rc sg_base64_end(struct sg_base64 *base64, bool *ret_right, struct sg_err *err)
{
    uint8_t last[64];
    int len = 0;

    *ret_right = EVP_DecodeFinal(base64->ctx, last, &len) >= 0;
    enum sg_rc rc = pass_on(base64, err);
    return rc == SG_OK && *ret_right && len > 0 ? base64->sink.write(base64->sink.context, last, (size_t)len, err) : rc;
}
