#include "formats/mime_private.h"

#include <string.h>

/* Line ends are made CRLF on the way; what is short is gathered. */
struct canonical {
    struct sg_sink sink;
    bool after_cr;
    size_t len;
    uint8_t bytes[SG_IO_BUFFER];
};

static enum sg_rc pass_on(struct canonical *canonical, struct sg_err *err)
{
    size_t len = canonical->len;

    canonical->len = 0;
    return len > 0 ? canonical->sink.write(canonical->sink.context, canonical->bytes, len, err) : SG_OK;
}

static enum sg_rc add(struct canonical *canonical, const uint8_t *data, size_t len, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;

    if (len > sizeof canonical->bytes - canonical->len)
        rc = pass_on(canonical, err);
    if (rc != SG_OK || len > sizeof canonical->bytes)
        return rc == SG_OK ? canonical->sink.write(canonical->sink.context, data, len, err) : rc;
    memcpy(canonical->bytes + canonical->len, data, len);
    canonical->len += len;
    return SG_OK;
}

static enum sg_rc take(void *context, const uint8_t *data, size_t len, struct sg_err *err)
{
    static const uint8_t crlf[] = "\r\n";
    struct canonical *canonical = context;
    const uint8_t *end = data + len;
    enum sg_rc rc = SG_OK;

    while (rc == SG_OK && data < end) {
        const uint8_t *newline = memchr(data, '\n', (size_t)(end - data));
        const uint8_t *stop = newline ? newline : end;
        bool after_cr = stop > data ? stop[-1] == '\r' : canonical->after_cr;
        canonical->after_cr = !newline && after_cr;
        rc = add(canonical, data, (size_t)(stop - data), err);
        if (rc == SG_OK && newline)
            rc = after_cr ? add(canonical, crlf + 1, 1, err) : add(canonical, crlf, 2, err);
        data = newline ? newline + 1 : end;
    }
    return rc;
}

enum sg_rc sg_mime_canonical(struct sg_input *input, uint64_t start, uint64_t end, struct sg_sink sink,
                             struct sg_err *err)
{
    _cleanup_(freep) struct canonical *canonical = malloc(sizeof *canonical);

    if (!canonical)
        return sg_fail_memory(err);
    canonical->sink = sink;
    canonical->after_cr = false;
    canonical->len = 0;
    enum sg_rc rc = sg_input_copy(input, start, end - start, (struct sg_sink){take, canonical}, err);
    return rc == SG_OK ? pass_on(canonical, err) : rc;
}
