#include "cli/output.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include "base/clock.h"
#include "base/msg.h"
#include "base/utf8.h"

void sg_print_safely(FILE *out, const char *text)
{
    const uint8_t *at = (const uint8_t *)text;
    size_t left = strlen(text);

    while (left > 0) {
        uint32_t c = 0;
        size_t len = sg_utf8_next(at, left, &c);

        if (len == 0)
            (void)fprintf(out, "\\x%02x", *at);
        else if (!sg_utf8_printable(c))
            (void)fprintf(out, "\\u%04x", (unsigned)c);
        else
            (void)fwrite(at, 1, len, out);
        at += len ? len : 1;
        left -= len ? len : 1;
    }
}

SG_PRINTF(4, 0)
static void print_line(FILE *out, const char *before, const char *code, const char *format, va_list args)
{
    _cleanup_(freep) char *text = NULL;

    if (vasprintf(&text, format, args) < 0) {
        text = NULL; /* vasprintf(3) leaves it undefined */
        return;
    }
    (void)fputs(before, out);
    sg_print_safely(out, text);
    if (code)
        (void)fprintf(out, " [%s]", code);
    (void)fputc('\n', out);
}

void sg_say(const struct sg_voice *voice, const char *format, ...)
{
    va_list args;

    if (voice->json || voice->quiet)
        return;
    va_start(args, format);
    print_line(voice->people, "", NULL, format, args);
    va_end(args);
}

void sg_say_text(const struct sg_voice *voice, const char *text)
{
    if (!voice->json && !voice->quiet)
        (void)fputs(text, voice->people);
}

void sg_warn(const struct sg_voice *voice, const char *code, const char *format, ...)
{
    va_list args;

    if (voice->json || voice->quiet)
        return;
    va_start(args, format);
    print_line(stderr, _("signet: warning: "), code, format, args);
    va_end(args);
}

void sg_note(const struct sg_voice *voice, const char *text)
{
    if (voice->quiet && !voice->verbose)
        return;
    (void)fputs("signet: ", stderr);
    sg_print_safely(stderr, text);
    (void)fputc('\n', stderr);
}

static json_t *text_or_null(const char *text)
{
    return sg_json_text(text[0] ? text : NULL);
}

static void complain_json(const struct sg_err *err)
{
    json_t *tries = err->tries_left >= 0 ? json_integer(err->tries_left) : json_null();
    json_t *object = json_pack("{s:s, s:{s:s, s:o, s:o, s:o, s:o, s:b}}", "schema", "signet.error/1", "error", "code",
                               sg_rc_word(err->rc), "text", sg_json_text(err->text), "file", text_or_null(err->file),
                               "token", text_or_null(err->token), "tries_left", tries, "retry", sg_rc_retry(err->rc));
    const struct sg_voice voice = {.json = true, .people = stdout};

    if (!sg_json_print(&voice, object))
        (void)printf("{\"schema\":\"signet.error/1\",\"error\":{\"code\":\"%s\"}}\n", sg_rc_word(err->rc));
}

int sg_complain(const struct sg_voice *voice, const struct sg_err *err)
{
    int status = sg_rc_exit(err->rc);

    if (voice->json) {
        complain_json(err);
        return status;
    }
    (void)fflush(voice->people); /* in the order in which things happened, where both go to one place */
    (void)fputs("signet: ", stderr);
    if (err->file[0] && !strstr(err->text, err->file)) {
        sg_print_safely(stderr, err->file);
        (void)fputs(": ", stderr);
    }
    sg_print_safely(stderr, err->text);
    (void)fprintf(stderr, " [%s]\n", sg_rc_word(err->rc));
    /* What the layer below said helps where a machine is at fault, and puzzles where a person is. */
    if (err->cause[0] && (voice->verbose || (status >= 69 && status <= 74))) {
        (void)fputs(_("  cause: "), stderr);
        sg_print_safely(stderr, err->cause);
        (void)fputc('\n', stderr);
    }
    return status;
}

bool sg_json_print(const struct sg_voice *voice, json_t *object)
{
    _cleanup_(json_decrefp) json_t *owned = object;

    if (!owned)
        return false;
    if (!voice->json)
        return true;
    if (json_dumpf(owned, stdout, JSON_COMPACT) != 0)
        return false;
    (void)fputc('\n', stdout);
    return true;
}

json_t *sg_json_text(const char *text)
{
    if (!text)
        return json_null();
    json_t *direct = json_string(text);
    if (direct)
        return direct;

    /* Each byte that is not UTF-8 becomes the three of U+FFFD. */
    size_t left = strlen(text), used = 0;
    _cleanup_(freep) char *clean = calloc(left + 1, 3);
    if (!clean)
        return NULL;
    for (const uint8_t *at = (const uint8_t *)text; left > 0;) {
        uint32_t c = 0;
        size_t len = sg_utf8_next(at, left, &c), step = len ? len : 1;
        memcpy(clean + used, len ? (const char *)at : "\xEF\xBF\xBD", len ? len : 3);
        used += len ? len : 3;
        at += step;
        left -= step;
    }
    return json_stringn(clean, used);
}

json_t *sg_json_time(int64_t when)
{
    char text[SG_TIME_TEXT];

    return json_string(sg_time_text(when, text));
}

json_t *sg_json_time_or_null(int64_t when)
{
    return when == SG_TIME_NONE || when == INT64_MAX ? json_null() : sg_json_time(when);
}

int sg_exit_worse(int a, int b)
{
    static const int order[] = {70, 77, 78, 69, 75, 74, 73, 66, 65, 64, 1, 2, 0};

    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
        if (a == order[i] || b == order[i])
            return order[i];
    return a;
}

enum sg_rc sg_output_finish(struct sg_err *err)
{
    errno = 0;
    if (fflush(stdout) != 0 || ferror(stdout))
        return sg_fail_errno(err, SG_E_IO, errno ? errno : EIO, "%s", _("The output could not be written."));
    return SG_OK;
}
