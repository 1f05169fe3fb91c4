/* What a judging child says to its parent, through a pipe. Private to judge/. Both ends are one program, so numbers are
 * as the machine has them; the parent believes none of them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum sg_message_kind {
    SG_MESSAGE_REPORT, /* `code`: the exit status; the text, and the section of the page or nothing */
    SG_MESSAGE_ERROR,  /* `code`: enum sg_rc; its sentence, the file it is about, its cause */
    SG_MESSAGE_LOG,    /* `code`: enum sg_log_level; a line */
    SG_MESSAGE_FILE,   /* a file of a container begins: its name */
    SG_MESSAGE_DATA    /* bytes of that file */
};

#define SG_MESSAGE_PIECES 3
#define SG_MESSAGE_DATA_MOST (48 * 1024) /* bytes in one message */
#define SG_MESSAGE_LOG_ROOM 4096         /* of a line of the log, with its NUL */

struct sg_message {
    uint32_t kind, code;
    uint32_t file; /* of the batch */
    struct sg_slice pieces[SG_MESSAGE_PIECES];
};

/* False if it cannot be written. */
bool sg_message_send(int fd, const struct sg_message *message);

enum sg_message_state { SG_MESSAGE_INCOMPLETE, SG_MESSAGE_WHOLE, SG_MESSAGE_BROKEN };

/* The message that `bytes` begins with, and its length; its pieces point into `bytes`. Whole is one whose lengths are
 * within limits, whose code fits its kind, and whose pieces are fit to print: UTF-8 without control characters, and
 * newlines in a report only where it is text. */
enum sg_message_state sg_message_take(struct sg_slice bytes, bool json, struct sg_message *ret, size_t *ret_len);
