/* Messages between a token host and the program that started it: a header, a body of fields, and up to two secrets,
 * which travel beside the body so that they go from one secure heap to the other and through no other memory of ours.
 *
 *     header   magic 4 bytes, verb 2, secrets 2 x 2 (length + 1, or 0: none), zero 2, subject 4, body length 4;
 *              in the machine's byte order
 *     body     fields without names, one after the other: u8, u32, u64, and bytes (u32 length, then as many)
 *
 * Both ends are of the same version: the first message says which. Every length is checked against a limit before
 * anything is allocated. Private to pkcs11/. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/secret.h"

/* Error codes are sent by number, so they are part of it. */
#define SG_WIRE_VERSION (1U << 16 | SG_RC_COUNT)
#define SG_WIRE_SECRETS 2

struct sg_message {
    uint16_t verb;
    uint32_t subject; /* the host's number of the token or key that it is about, or 0 */
    struct sg_buf body;
    struct sg_secret *secrets[SG_WIRE_SECRETS]; /* NULL: none */
};

#define SG_MESSAGE                                                                                                     \
    {                                                                                                                  \
        .body = SG_BUF(SG_MAX_HOST_MESSAGE)                                                                            \
    }
void sg_message_clear(struct sg_message *message);

enum sg_wire_end { SG_WIRE_DONE, SG_WIRE_CLOSED, SG_WIRE_BROKEN, SG_WIRE_LATE, SG_WIRE_NO_MEMORY };

/* A point in time: CLOCK_MONOTONIC in ns. */
int64_t sg_wire_now(void);
#define SG_WIRE_NEVER INT64_MAX

/* Writes one message with as few calls as the socket lets it. `secrets` may be NULL. LATE: the other end had not taken
 * all of it when `deadline` came. */
SG_MUST_CHECK enum sg_wire_end sg_wire_send(int fd, int64_t deadline, uint16_t verb, uint32_t subject,
                                            struct sg_slice body,
                                            const struct sg_secret *const secrets[SG_WIRE_SECRETS]);
/* Reads one message into an empty one. CLOSED: the other end was closed between two messages. LATE: not all of it was
 * there when `deadline` came. */
SG_MUST_CHECK enum sg_wire_end sg_wire_receive(int fd, int64_t deadline, struct sg_message *ret);

/* Appending fields; false: no memory, or over the limit. */
SG_MUST_CHECK bool sg_put_u8(struct sg_buf *body, unsigned value);
SG_MUST_CHECK bool sg_put_u32(struct sg_buf *body, size_t value);
SG_MUST_CHECK bool sg_put_u64(struct sg_buf *body, uint64_t value);
SG_MUST_CHECK bool sg_put_bytes(struct sg_buf *body, struct sg_slice bytes);
SG_MUST_CHECK bool sg_put_text(struct sg_buf *body, const char *text);

/* Reading them. What is not there makes the reader bad, and everything that is read from it 0 or empty from there on;
 * so it is enough to ask once, at the end. */
struct sg_fields {
    struct sg_slice rest;
    bool bad;
};
uint8_t sg_get_u8(struct sg_fields *fields, uint8_t max); /* more than `max` is bad */
uint32_t sg_get_u32(struct sg_fields *fields, uint32_t max);
uint64_t sg_get_u64(struct sg_fields *fields);
struct sg_slice sg_get_bytes(struct sg_fields *fields, size_t max); /* borrowed from the message */
void sg_get_exactly(struct sg_fields *fields, void *out, size_t len);
/* Into `room` bytes, with a NUL behind; a NUL within is bad, and so is a text that does not fit. */
void sg_get_text(struct sg_fields *fields, char *out, size_t room);
/* The same for what people will read: cut where it is too long, and what a terminal would not print replaced. */
void sg_get_safe_text(struct sg_fields *fields, char *out, size_t room);
bool sg_fields_end(const struct sg_fields *fields); /* all was read, and nothing was bad */
