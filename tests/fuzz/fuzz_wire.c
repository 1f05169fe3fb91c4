/* What comes over a token host's socket, from either end: messages, and the fields in them. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"
#include "pkcs11/wire.h"

#define SEND_AT_MOST (128 * SG_KIB) /* what a socket takes before anybody reads */

/* Whatever the fields are, nothing is read beyond the body, and a text ends. */
static void read_fields(const struct sg_message *message)
{
    char text[64];
    struct sg_fields fields = {.rest = sg_buf_slice(&message->body)};
    while (!fields.bad && fields.rest.len > 0) {
        switch (sg_get_u8(&fields, 7)) {
        case 0:
            (void)sg_get_u32(&fields, 1000);
            break;
        case 1:
            (void)sg_get_u64(&fields);
            break;
        case 2:
            sg_get_text(&fields, text, sizeof text);
            break;
        case 3:
            sg_get_safe_text(&fields, text, sizeof text);
            break;
        default:
            if (sg_get_bytes(&fields, 4096).len > message->body.len)
                abort();
            memset(text, 0, sizeof text);
            break;
        }
        if (strnlen(text, sizeof text) == sizeof text)
            abort();
    }
    if (fields.rest.len > message->body.len)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int ends[2];
    enum sg_wire_end end = SG_WIRE_DONE;
    size_t len = size < SEND_AT_MOST ? size : SEND_AT_MOST;
    if (sg_secrets_init(NULL) != SG_OK || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0 ||
        send(ends[0], data, len, MSG_DONTWAIT) != (ssize_t)len || shutdown(ends[0], SHUT_WR) < 0)
        abort();
    while (end == SG_WIRE_DONE) {
        _cleanup_(sg_message_clear) struct sg_message message = SG_MESSAGE;
        end = sg_wire_receive(ends[1], sg_wire_now() + 1000000000, &message);
        if (end == SG_WIRE_LATE || message.body.len > SG_MAX_HOST_MESSAGE)
            abort();
        if (end == SG_WIRE_DONE)
            read_fields(&message);
    }
    (void)close(ends[0]);
    (void)close(ends[1]);
    return 0;
}
