#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>

#include "base/msg.h"
#include "base/utf8.h"

static const struct {
    const char *word;
    int exit;
    bool retry;
} codes[SG_RC_COUNT] = {
    [SG_OK] = {"ok", 0, false},
#define SG_CODE(name, word, status, retry) [SG_E_##name] = {word, status, retry},
#include "base/codes.def"
#undef SG_CODE
};

/* A code from outside the table is a fault of ours. */
static enum sg_rc known(enum sg_rc rc)
{
    return (unsigned)rc < SG_RC_COUNT ? rc : SG_E_INTERNAL;
}

const char *sg_rc_word(enum sg_rc rc)
{
    return codes[known(rc)].word;
}

int sg_rc_exit(enum sg_rc rc)
{
    return codes[known(rc)].exit;
}

bool sg_rc_retry(enum sg_rc rc)
{
    return codes[known(rc)].retry;
}

enum sg_rc sg_rc_of(const char *word)
{
    for (size_t rc = 0; rc < SG_RC_COUNT; rc++)
        if (strcmp(codes[rc].word, word) == 0)
            return (enum sg_rc)rc;
    return SG_E_INTERNAL;
}

__attribute__((format(printf, 3, 0))) static void format_cut(char *out, size_t size, const char *format, va_list args)
{
    int n = vsnprintf(out, size, format, args);
    if (n < 0)
        out[0] = '\0';
    else if ((size_t)n >= size)
        sg_utf8_cut(out);
}

static void copy_cut(char *out, size_t size, const char *text)
{
    size_t len = strlen(text);
    if (len < size) {
        memmove(out, text, len + 1);
        return;
    }
    memmove(out, text, size - 1);
    out[size - 1] = '\0';
    sg_utf8_cut(out);
}

__attribute__((format(printf, 3, 0))) static enum sg_rc fail(struct sg_err *err, enum sg_rc rc, const char *format,
                                                             va_list args)
{
    if (!err)
        return rc;
    /* Beside it, because an argument may be a part of `err`. */
    char text[sizeof(err->text)];
    format_cut(text, sizeof(text), format, args);
    *err = (struct sg_err){.rc = rc, .tries_left = -1};
    copy_cut(err->text, sizeof(err->text), text);
    return rc;
}

enum sg_rc sg_fail(struct sg_err *err, enum sg_rc rc, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    rc = fail(err, rc, format, args);
    va_end(args);
    return rc;
}

enum sg_rc sg_fail_errno(struct sg_err *err, enum sg_rc rc, int errnum, const char *format, ...)
{
    if (errnum == ENOSPC || errnum == EDQUOT || errnum == EFBIG)
        rc = SG_E_DISK_FULL;
    va_list args;
    va_start(args, format);
    rc = fail(err, rc, format, args);
    va_end(args);
    char text[128];
    sg_err_cause(err, "%s", strerror_r(errnum, text, sizeof(text)));
    return rc;
}

/* Empties OpenSSL's queue into `out`, the first error (the deepest cause) first. */
static void take_ssl_queue(char *out, size_t size)
{
    const char *data = NULL;
    int flags = 0;
    size_t len = 0;
    out[0] = '\0';
    for (unsigned long code; (code = ERR_get_error_all(NULL, NULL, NULL, &data, &flags)) != 0;) {
        if (len >= size)
            continue;
        const char *reason = ERR_reason_error_string(code);
        bool with_data = (flags & ERR_TXT_STRING) && data && data[0];
        int n = snprintf(out + len, size - len, "%s%s%s%s", len > 0 ? "; " : "", reason ? reason : "unknown error",
                         with_data ? ": " : "", with_data ? data : "");
        len += n > 0 ? (size_t)n : 0;
    }
    sg_utf8_cut(out);
}

enum sg_rc sg_fail_ssl(struct sg_err *err, enum sg_rc rc, const char *format, ...)
{
    char cause[sizeof(err->cause)];
    take_ssl_queue(cause, sizeof(cause));
    va_list args;
    va_start(args, format);
    rc = fail(err, rc, format, args);
    va_end(args);
    sg_err_cause(err, "%s", cause);
    return rc;
}

enum sg_rc sg_fail_memory(struct sg_err *err)
{
    return sg_fail(err, SG_E_NO_MEMORY, "%s", _("There is not enough memory; close other programs and try again."));
}

void sg_err_file(struct sg_err *err, const char *path)
{
    if (err)
        copy_cut(err->file, sizeof(err->file), path ? path : "");
}

enum sg_rc sg_about(const char *path, struct sg_err *err, enum sg_rc rc)
{
    sg_err_file(err, path);
    return rc;
}

void sg_err_token(struct sg_err *err, const char *token)
{
    if (err)
        copy_cut(err->token, sizeof(err->token), token ? token : "");
}

void sg_err_cause(struct sg_err *err, const char *format, ...)
{
    if (!err)
        return;
    char cause[sizeof(err->cause)];
    va_list args;
    va_start(args, format);
    format_cut(cause, sizeof(cause), format, args);
    va_end(args);
    copy_cut(err->cause, sizeof(err->cause), cause);
}
