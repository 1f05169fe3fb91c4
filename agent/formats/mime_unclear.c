#include <string.h>

#include "base/msg.h"
#include "formats/mime_private.h"

struct scan {
    char needle[2 + SG_MIME_BOUNDARY];
    size_t needle_len;
    bool is_signed;
    size_t line;
    const char *problem;
    size_t problem_line;
    uint8_t window[SG_IO_BUFFER];
};

static size_t count_lines(const uint8_t *data, size_t len)
{
    const uint8_t *end = data + len;
    size_t count = 0;

    while ((data = memchr(data, '\n', (size_t)(end - data)))) {
        count++;
        data++;
    }
    return count;
}

static bool is_control(uint8_t c)
{
    return (c < ' ' && c != '\t') || c == 0x7f;
}

static void note(struct scan *scan, size_t at, const char *problem)
{
    size_t line = scan->line + count_lines(scan->window, at);

    if (scan->problem && scan->problem_line <= line)
        return;
    scan->problem = problem;
    scan->problem_line = line;
}

/* The first octet that is a control character, but for tabs and line ends. `more`: others follow behind `len`. */
static void look_for_controls(struct scan *scan, size_t len, bool more)
{
    for (size_t i = 0; i < len; i++) {
        const uint8_t c = scan->window[i];
        if (!is_control(c) || c == '\n')
            continue;
        if (c == '\r' && (i + 1 < len ? scan->window[i + 1] == '\n' : more))
            continue;
        note(scan, i,
             c == '\r' ? N_("there is a carriage return that ends no line") : N_("there is a control character"));
        return;
    }
}

/* A boundary that does not begin a line (one that does is none of what is scanned). */
static void look_for_boundary(struct scan *scan, size_t len)
{
    const uint8_t *at = scan->window, *end = at + len;

    while (end - at > 1 && (at = memmem(at + 1, (size_t)(end - at) - 1, scan->needle, scan->needle_len))) {
        if (scan->is_signed && !is_control(at[-1]) && at[-1] < 0x80)
            continue;
        note(scan, (size_t)(at - scan->window), N_("there is a boundary within a line"));
        return;
    }
}

enum sg_rc sg_mime_find_unclear(struct sg_input *input, const struct sg_mime_stretch *stretch, const char *boundary,
                                const char **ret_problem, size_t *ret_line, struct sg_err *err)
{
    _cleanup_(freep) struct scan *scan = malloc(sizeof *scan);
    uint64_t at = stretch->start;
    enum sg_rc rc = SG_OK;

    if (!scan)
        return sg_fail_memory(err);
    scan->needle_len = (size_t)snprintf(scan->needle, sizeof scan->needle, "--%s", boundary);
    scan->is_signed = stretch->is_signed;
    scan->line = stretch->line;
    scan->problem = NULL;
    scan->problem_line = 0;
    while (rc == SG_OK && at < stretch->end && !scan->problem) {
        size_t got = 0;
        uint64_t left = stretch->end - at;
        rc = sg_input_read(input, at, scan->window, left < sizeof scan->window ? (size_t)left : sizeof scan->window,
                           &got, err);
        if (rc != SG_OK || got == 0)
            break;
        if (!scan->is_signed)
            look_for_controls(scan, got, got < left);
        look_for_boundary(scan, got);
        /* What may be the beginning of a boundary is looked at again, with the octet before it. */
        size_t step = got < left && got > scan->needle_len ? got - scan->needle_len : got;
        scan->line += count_lines(scan->window, step);
        at += step;
    }
    *ret_problem = scan->problem;
    *ret_line = scan->problem_line;
    return rc;
}
