/* What the tests of reading share: BER built by hand, octet by octet, in an arena that each test clears. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/input.h"
#include "base/limits.h"
#include "formats/tlv.h"

struct arena {
    struct arena *next;
    uint8_t bytes[];
};

static struct arena *arena;

static inline void arena_clear(void)
{
    while (arena) {
        struct arena *next = arena->next;
        free(arena);
        arena = next;
    }
}

static inline uint8_t *room(size_t len)
{
    struct arena *block = malloc(sizeof *block + len + 1);
    assert_non_null(block);
    block->next = arena;
    arena = block;
    return block->bytes;
}

static inline struct sg_slice slice(const void *data, size_t len)
{
    uint8_t *copy = room(len);
    if (len > 0)
        memcpy(copy, data, len);
    return (struct sg_slice){.data = copy, .len = len};
}

/* "30 80 0000": white space is skipped. */
static inline struct sg_slice hex(const char *text)
{
    char digits[4096];
    size_t count = 0;
    for (; *text; text++)
        if (*text != ' ')
            digits[count++] = *text;
    digits[count] = '\0';
    uint8_t *out = room(count / 2);
    assert_true(sg_unhex(digits, out, count / 2));
    return (struct sg_slice){.data = out, .len = count / 2};
}

#define NONE ((struct sg_slice){0})
#define JOIN(...) join((const struct sg_slice[]){__VA_ARGS__, {.data = (const uint8_t *)"end", .len = SIZE_MAX}})

static inline struct sg_slice join(const struct sg_slice *parts)
{
    size_t len = 0, at = 0;
    for (size_t i = 0; parts[i].len != SIZE_MAX; i++)
        len += parts[i].len;
    uint8_t *out = room(len);
    for (size_t i = 0; parts[i].len != SIZE_MAX; i++) {
        if (parts[i].len > 0)
            memcpy(out + at, parts[i].data, parts[i].len);
        at += parts[i].len;
    }
    return (struct sg_slice){.data = out, .len = len};
}

static inline struct sg_slice tlv(uint8_t tag, struct sg_slice content)
{
    uint8_t header[SG_TLV_HEADER];
    size_t len = sg_tlv_header(tag, content.len, header);
    return JOIN(slice(header, len), content);
}

static inline struct sg_slice indefinite(uint8_t tag, struct sg_slice content)
{
    return JOIN(slice(&tag, 1), hex("80"), content, hex("0000"));
}

/* `part`, `count` times. */
static inline struct sg_slice repeat(struct sg_slice part, size_t count)
{
    uint8_t *out = room(part.len * count);
    for (size_t i = 0; i < count; i++)
        memcpy(out + i * part.len, part.data, part.len);
    return (struct sg_slice){.data = out, .len = part.len * count};
}

static inline enum sg_rc into_buffer(void *context, const uint8_t *data, size_t len, struct sg_err *err)
{
    return sg_buf_append(context, data, len, err);
}

static inline struct sg_sink sink_to(struct sg_buf *buf)
{
    return (struct sg_sink){.write = into_buffer, .context = buf};
}

static inline struct sg_input *input_of(struct sg_slice bytes)
{
    struct sg_input *input = NULL;
    assert_int_equal(sg_input_from_slice("test", bytes, &input, NULL), SG_OK);
    return input;
}

static inline void assert_slice_equal(struct sg_slice a, struct sg_slice b)
{
    assert_int_equal(a.len, b.len);
    if (a.len > 0)
        assert_memory_equal(a.data, b.data, a.len);
}
