/* What a judging child says, which may have been taken over: the parent's reader. The first octet says what the answers
 * are written as. */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/utf8.h"
#include "fuzz.h"
#include "judge/message.h"

static void check_printable(struct sg_slice text)
{
    for (size_t i = 0; i < text.len;) {
        uint32_t code_point = 0;
        size_t n = sg_utf8_next(text.data + i, text.len - i, &code_point);
        must(n > 0 && (code_point == '\n' || (code_point >= ' ' && code_point != 0x7f)));
        i += n;
    }
}

static void check_message(const struct sg_message *message, struct sg_slice bytes, size_t len)
{
    size_t sum = 0;
    for (size_t i = 0; i < SG_MESSAGE_PIECES; i++) {
        struct sg_slice piece = message->pieces[i];
        sum += piece.len;
        must(piece.len == 0 || (piece.data >= bytes.data && piece.data + piece.len <= bytes.data + len));
    }
    must(len <= bytes.len && sum < len && sum <= SG_MAX_JUDGING_TEXT);
    switch (message->kind) {
    case SG_MESSAGE_REPORT:
        must(message->code <= 2 && message->pieces[0].len > 0);
        check_printable(message->pieces[0]);
        break;
    case SG_MESSAGE_ERROR:
        must(message->code > SG_OK && message->code < SG_RC_COUNT);
        break;
    case SG_MESSAGE_LOG:
        must(message->code <= SG_LOG_WARNING && message->pieces[0].len < SG_MESSAGE_LOG_ROOM);
        check_printable(message->pieces[0]);
        break;
    case SG_MESSAGE_FILE:
        must(message->code == 0 && message->pieces[0].len > 0 && message->pieces[0].len <= SG_MAX_ZIP_NAME);
        check_printable(message->pieces[0]);
        break;
    case SG_MESSAGE_DATA:
        must(message->code == 0 && message->pieces[0].len > 0 && message->pieces[0].len <= SG_MESSAGE_DATA_MOST);
        break;
    default:
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct sg_slice rest = {data + 1, size - 1};
    for (;;) {
        struct sg_message message = {0};
        size_t len = 0;
        if (sg_message_take(rest, data[0] & 1, &message, &len) != SG_MESSAGE_WHOLE)
            return 0;
        check_message(&message, rest, len);
        must(len < 2 ||
             sg_message_take((struct sg_slice){rest.data, len - 1}, data[0] & 1, &message, &len) != SG_MESSAGE_WHOLE);
        rest.data += len;
        rest.len -= len;
    }
}
