/* Slices (borrowed bytes) and buffers (owned bytes that grow up to a limit). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"

/* Bytes that somebody else owns. {NULL, 0} is "none". */
struct sg_slice {
    const uint8_t *data;
    size_t len;
};

bool sg_slice_equal(struct sg_slice a, struct sg_slice b);

/* A growing buffer. Initialise with SG_BUF(max): `_cleanup_(sg_buf_clear) struct sg_buf b = SG_BUF(4096);` */
struct sg_buf {
    uint8_t *data;
    size_t len;
    size_t capacity;
    size_t max; /* growing beyond is SG_E_LIMIT */
};

#define SG_BUF(limit)                                                                                                  \
    {                                                                                                                  \
        .max = (limit)                                                                                                 \
    }

void sg_buf_clear(struct sg_buf *buf); /* frees; `max` stays */
/* Room for `len` more bytes; `ret_room` points at it, and `buf->len` has grown by `len`. */
SG_MUST_CHECK enum sg_rc sg_buf_extend(struct sg_buf *buf, size_t len, uint8_t **ret_room, struct sg_err *err);
SG_MUST_CHECK enum sg_rc sg_buf_append(struct sg_buf *buf, const void *data, size_t len, struct sg_err *err);
/* Text without its final NUL. sg_buf_text() adds a NUL behind the bytes (not counted in `len`) and returns them. */
SG_MUST_CHECK enum sg_rc sg_buf_printf(struct sg_buf *buf, struct sg_err *err, const char *format, ...) SG_PRINTF(3, 4);
SG_MUST_CHECK enum sg_rc sg_buf_text(struct sg_buf *buf, const char **ret_text, struct sg_err *err);
struct sg_slice sg_buf_slice(const struct sg_buf *buf);

/* Lower-case hex. `out` has room for 2 * len + 1. Reading takes either case and wants exactly `len` bytes. */
void sg_hex(const void *data, size_t len, char *out);
SG_MUST_CHECK bool sg_unhex(const char *hex, uint8_t *out, size_t len);
