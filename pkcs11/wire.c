#include "pkcs11/wire.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/utf8.h"

#define MAGIC 0x31746773U /* "sgt1" */

struct header {
    uint32_t magic;
    uint16_t verb;
    uint16_t secrets[SG_WIRE_SECRETS]; /* length + 1; 0: none */
    uint16_t zero;
    uint32_t subject;
    uint32_t body_len;
};

void sg_message_clear(struct sg_message *message)
{
    for (size_t i = 0; i < SG_WIRE_SECRETS; i++)
        sg_secret_free(sg_steal(message->secrets[i]));
    sg_buf_clear(&message->body);
}

/* --- the socket --------------------------------------------------------------------------------------------------- */

int64_t sg_wire_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Who has no deadline lets the kernel wait for him. */
static int flags_for(int64_t deadline)
{
    return MSG_NOSIGNAL | (deadline == SG_WIRE_NEVER ? 0 : MSG_DONTWAIT);
}

/* After a call that did nothing: whether to call again. */
static enum sg_wire_end wait_for(int fd, short events, int64_t deadline)
{
    if (errno == EINTR)
        return SG_WIRE_DONE;
    if (errno != EAGAIN && errno != EWOULDBLOCK)
        return SG_WIRE_BROKEN;
    int64_t left = deadline - sg_wire_now();
    if (left <= 0)
        return SG_WIRE_LATE;
    struct pollfd end = {.fd = fd, .events = events};
    (void)poll(&end, 1, left / 1000000 < 1000 ? (int)(left / 1000000) + 1 : 1000);
    return SG_WIRE_DONE;
}

static enum sg_wire_end send_all(int fd, int64_t deadline, struct iovec *parts, size_t count)
{
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = count};
    while (message.msg_iovlen > 0) {
        ssize_t sent = sendmsg(fd, &message, flags_for(deadline));
        enum sg_wire_end end = sent < 0 ? wait_for(fd, POLLOUT, deadline) : SG_WIRE_DONE;
        if (end != SG_WIRE_DONE)
            return end;
        size_t left = sent < 0 ? 0 : (size_t)sent;
        for (; message.msg_iovlen > 0 && left >= message.msg_iov->iov_len; message.msg_iov++, message.msg_iovlen--)
            left -= message.msg_iov->iov_len;
        if (message.msg_iovlen > 0) {
            message.msg_iov->iov_base = (uint8_t *)message.msg_iov->iov_base + left;
            message.msg_iov->iov_len -= left;
        }
    }
    return SG_WIRE_DONE;
}

enum sg_wire_end sg_wire_send(int fd, int64_t deadline, uint16_t verb, uint32_t subject, struct sg_slice body,
                              const struct sg_secret *const secrets[SG_WIRE_SECRETS])
{
    struct header header = {.magic = MAGIC, .verb = verb, .subject = subject, .body_len = (uint32_t)body.len};
    struct iovec parts[2 + SG_WIRE_SECRETS] = {{&header, sizeof header}, {(void *)(uintptr_t)body.data, body.len}};
    if (body.len > SG_MAX_HOST_MESSAGE)
        return SG_WIRE_BROKEN;
    for (size_t i = 0; secrets && i < SG_WIRE_SECRETS; i++) {
        if (!secrets[i])
            continue;
        if (secrets[i]->len > SG_MAX_HOST_SECRET)
            return SG_WIRE_BROKEN;
        header.secrets[i] = (uint16_t)(secrets[i]->len + 1);
        parts[2 + i] = (struct iovec){secrets[i]->bytes, secrets[i]->len};
    }
    return send_all(fd, deadline, parts, 2 + SG_WIRE_SECRETS);
}

/* `first`: nothing of the message was read yet, so that an end here is an orderly one. */
static enum sg_wire_end receive_all(int fd, int64_t deadline, void *out, size_t len, bool first)
{
    uint8_t *at = out;
    while (len > 0) {
        ssize_t got = recv(fd, at, len, flags_for(deadline));
        if (got == 0 || (got < 0 && first && errno == ECONNRESET))
            return first ? SG_WIRE_CLOSED : SG_WIRE_BROKEN;
        enum sg_wire_end end = got < 0 ? wait_for(fd, POLLIN, deadline) : SG_WIRE_DONE;
        if (end != SG_WIRE_DONE)
            return end;
        if (got < 0)
            continue;
        first = false;
        at += got;
        len -= (size_t)got;
    }
    return SG_WIRE_DONE;
}

/* `coded`: as in the header. */
static enum sg_wire_end receive_secret(int fd, int64_t deadline, size_t coded, struct sg_secret **ret)
{
    struct sg_secret *secret = NULL;
    if (coded == 0)
        return SG_WIRE_DONE;
    if (sg_secret_new(coded - 1, &secret, NULL) != SG_OK)
        return SG_WIRE_NO_MEMORY;
    secret->len = coded - 1;
    *ret = secret;
    return receive_all(fd, deadline, secret->bytes, secret->len, false);
}

enum sg_wire_end sg_wire_receive(int fd, int64_t deadline, struct sg_message *ret)
{
    struct header header;
    uint8_t *room = NULL;
    enum sg_wire_end end = receive_all(fd, deadline, &header, sizeof header, true);
    if (end != SG_WIRE_DONE)
        return end;
    if (header.magic != MAGIC || header.zero != 0 || header.body_len > SG_MAX_HOST_MESSAGE)
        return SG_WIRE_BROKEN;
    for (size_t i = 0; i < SG_WIRE_SECRETS; i++) {
        if (header.secrets[i] > SG_MAX_HOST_SECRET + 1)
            return SG_WIRE_BROKEN;
    }
    ret->verb = header.verb;
    ret->subject = header.subject;
    if (sg_buf_extend(&ret->body, header.body_len, &room, NULL) != SG_OK)
        return SG_WIRE_NO_MEMORY;
    end = receive_all(fd, deadline, room, header.body_len, false);
    for (size_t i = 0; end == SG_WIRE_DONE && i < SG_WIRE_SECRETS; i++)
        end = receive_secret(fd, deadline, header.secrets[i], &ret->secrets[i]);
    return end;
}

/* --- writing fields ----------------------------------------------------------------------------------------------- */

static bool put(struct sg_buf *body, const void *data, size_t len)
{
    return sg_buf_append(body, data, len, NULL) == SG_OK;
}

bool sg_put_u8(struct sg_buf *body, unsigned value)
{
    return put(body, &(uint8_t){(uint8_t)value}, 1);
}

bool sg_put_u32(struct sg_buf *body, size_t value)
{
    return value <= UINT32_MAX && put(body, &(uint32_t){(uint32_t)value}, sizeof(uint32_t));
}

bool sg_put_u64(struct sg_buf *body, uint64_t value)
{
    return put(body, &value, sizeof value);
}

bool sg_put_bytes(struct sg_buf *body, struct sg_slice bytes)
{
    return sg_put_u32(body, bytes.len) && put(body, bytes.data, bytes.len);
}

bool sg_put_text(struct sg_buf *body, const char *text)
{
    return sg_put_bytes(body, (struct sg_slice){(const uint8_t *)text, text ? strlen(text) : 0});
}

/* --- reading fields ----------------------------------------------------------------------------------------------- */

void sg_get_exactly(struct sg_fields *fields, void *out, size_t len)
{
    if (fields->bad || fields->rest.len < len) {
        fields->bad = true;
        memset(out, 0, len);
        return;
    }
    if (len > 0)
        memcpy(out, fields->rest.data, len);
    fields->rest.data += len;
    fields->rest.len -= len;
}

uint8_t sg_get_u8(struct sg_fields *fields, uint8_t max)
{
    uint8_t value = 0;
    sg_get_exactly(fields, &value, sizeof value);
    fields->bad = fields->bad || value > max;
    return fields->bad ? 0 : value;
}

uint32_t sg_get_u32(struct sg_fields *fields, uint32_t max)
{
    uint32_t value = 0;
    sg_get_exactly(fields, &value, sizeof value);
    fields->bad = fields->bad || value > max;
    return fields->bad ? 0 : value;
}

uint64_t sg_get_u64(struct sg_fields *fields)
{
    uint64_t value = 0;
    sg_get_exactly(fields, &value, sizeof value);
    return value;
}

struct sg_slice sg_get_bytes(struct sg_fields *fields, size_t max)
{
    size_t len = sg_get_u32(fields, max < UINT32_MAX ? (uint32_t)max : UINT32_MAX);
    struct sg_slice bytes = {fields->rest.data, len};
    fields->bad = fields->bad || len > fields->rest.len;
    if (fields->bad || len == 0)
        return (struct sg_slice){NULL, 0};
    fields->rest.data += len;
    fields->rest.len -= len;
    return bytes;
}

void sg_get_text(struct sg_fields *fields, char *out, size_t room)
{
    struct sg_slice bytes = sg_get_bytes(fields, room - 1);
    if (bytes.len > 0)
        memcpy(out, bytes.data, bytes.len);
    out[bytes.len] = '\0';
    fields->bad = fields->bad || strlen(out) != bytes.len;
}

void sg_get_safe_text(struct sg_fields *fields, char *out, size_t room)
{
    struct sg_slice bytes = sg_get_bytes(fields, SIZE_MAX);
    size_t used = 0;
    for (size_t i = 0; i < bytes.len;) {
        uint32_t point = 0;
        size_t taken = sg_utf8_next(bytes.data + i, bytes.len - i, &point);
        bool printable = taken > 0 && sg_utf8_printable(point);
        size_t wanted = printable ? taken : 1;
        if (used + wanted >= room)
            break;
        memcpy(out + used, printable ? (const char *)bytes.data + i : "?", wanted);
        used += wanted;
        i += taken > 0 ? taken : 1;
    }
    out[used] = '\0';
}

bool sg_fields_end(const struct sg_fields *fields)
{
    return !fields->bad && fields->rest.len == 0;
}
