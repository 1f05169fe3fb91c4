#include "judge/message.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/utf8.h"

struct head {
    uint32_t kind, code, file;
    uint32_t lens[SG_MESSAGE_PIECES];
};

/* --- the child's end ------------------------------------------------------------------------------------------------
 */

static bool write_all(int fd, const uint8_t *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno != EINTR)
            return false;
        data += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

bool sg_message_send(int fd, const struct sg_message *message)
{
    struct head head = {.kind = message->kind, .code = message->code, .file = message->file};
    uint8_t room[8192];
    size_t len = sizeof head;
    bool good = true;
    for (size_t i = 0; i < SG_MESSAGE_PIECES; i++) {
        if (message->pieces[i].len > SG_MAX_JUDGING_TEXT)
            return false;
        head.lens[i] = (uint32_t)message->pieces[i].len;
    }
    memcpy(room, &head, sizeof head);
    for (size_t i = 0; good && i < SG_MESSAGE_PIECES; i++) {
        struct sg_slice piece = message->pieces[i];
        if (piece.len > sizeof room - len) {
            good = write_all(fd, room, len) && write_all(fd, piece.data, piece.len);
            len = 0;
        } else if (piece.len > 0) {
            memcpy(room + len, piece.data, piece.len);
            len += piece.len;
        }
    }
    return good && write_all(fd, room, len);
}

/* --- the parent's end -----------------------------------------------------------------------------------------------
 */

static bool is_plain(uint8_t byte)
{
    return byte >= 0x20 && byte < 0x7f;
}

/* Text as sg_print_safely() has it. In JSON marks that reorder text may stand, as in any string, but no controls. */
static bool fit_to_print(struct sg_slice text, bool json, bool lines)
{
    for (size_t i = 0; i < text.len;) {
        uint32_t code_point = 0;
        size_t n = 1;
        if (!is_plain(text.data[i]) && !(lines && text.data[i] == '\n')) {
            n = sg_utf8_next(text.data + i, text.len - i, &code_point);
            if (n == 0 || code_point < 0x20 || code_point == 0x7f || (!json && !sg_utf8_printable(code_point)))
                return false;
        }
        i += n;
    }
    return true;
}

static bool looks_like_object(struct sg_slice text)
{
    return text.len >= 2 && text.data[0] == '{' && text.data[text.len - 1] == '}';
}

static bool is_report(const struct sg_message *message, bool json)
{
    struct sg_slice text = message->pieces[0];
    return message->code <= 2 && message->pieces[2].len == 0 && text.len > 0 && (!json || looks_like_object(text)) &&
           fit_to_print(text, json, !json);
}

/* Errors are made fit to print by whoever prints them, since those of the parent have names of files in them, too. */
static bool is_error(const struct sg_message *message)
{
    const struct sg_err *fields = NULL;
    bool has_nul = false;
    for (size_t i = 0; i < SG_MESSAGE_PIECES; i++)
        has_nul |= message->pieces[i].len > 0 && memchr(message->pieces[i].data, '\0', message->pieces[i].len);
    return !has_nul && message->code > SG_OK && message->code < SG_RC_COUNT &&
           message->pieces[0].len < sizeof fields->text && message->pieces[1].len < sizeof fields->file &&
           message->pieces[2].len < sizeof fields->cause;
}

static bool is_log(const struct sg_message *message)
{
    return message->code <= SG_LOG_WARNING && message->pieces[1].len == 0 && message->pieces[2].len == 0 &&
           message->pieces[0].len < SG_MESSAGE_LOG_ROOM && fit_to_print(message->pieces[0], false, false);
}

/* Whether a name may be one is for whoever writes the file to find out. */
static bool is_file(const struct sg_message *message)
{
    return message->code == 0 && message->pieces[0].len > 0 && message->pieces[0].len <= SG_MAX_ZIP_NAME &&
           message->pieces[1].len == 0 && message->pieces[2].len == 0 && fit_to_print(message->pieces[0], false, false);
}

static bool is_data(const struct sg_message *message)
{
    return message->code == 0 && message->pieces[0].len > 0 && message->pieces[0].len <= SG_MESSAGE_DATA_MOST &&
           message->pieces[1].len == 0 && message->pieces[2].len == 0;
}

static bool is_sound(const struct sg_message *message, bool json)
{
    switch (message->kind) {
    case SG_MESSAGE_REPORT:
        return is_report(message, json);
    case SG_MESSAGE_ERROR:
        return is_error(message);
    case SG_MESSAGE_LOG:
        return is_log(message);
    case SG_MESSAGE_FILE:
        return is_file(message);
    case SG_MESSAGE_DATA:
        return is_data(message);
    default:
        return false;
    }
}

enum sg_message_state sg_message_take(struct sg_slice bytes, bool json, struct sg_message *ret, size_t *ret_len)
{
    struct head head;
    size_t len = sizeof head;
    if (bytes.len < sizeof head)
        return SG_MESSAGE_INCOMPLETE;
    memcpy(&head, bytes.data, sizeof head);
    struct sg_message message = {.kind = head.kind, .code = head.code, .file = head.file};
    for (size_t i = 0; i < SG_MESSAGE_PIECES; i++) {
        if (head.lens[i] > SG_MAX_JUDGING_TEXT)
            return SG_MESSAGE_BROKEN;
        message.pieces[i] = (struct sg_slice){bytes.data + len, head.lens[i]};
        len += head.lens[i];
        if (len > sizeof head + SG_MAX_JUDGING_TEXT)
            return SG_MESSAGE_BROKEN;
    }
    if (bytes.len < len)
        return SG_MESSAGE_INCOMPLETE;
    if (!is_sound(&message, json))
        return SG_MESSAGE_BROKEN;
    *ret = message;
    *ret_len = len;
    return SG_MESSAGE_WHOLE;
}
