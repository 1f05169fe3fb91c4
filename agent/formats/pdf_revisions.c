#include "formats/pdf_revisions.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/msg.h"
#include "formats/pdf_private.h"

/* A window that moves over the file sees every match that is not longer than this. */
#define OVERLAP 64

/* An end of a file, wherever it stands. */
struct ending {
    uint64_t section, end_of_eof, end;
};

struct scan {
    struct ending *endings;
    size_t count, room;
    uint64_t *ranges;
    size_t range_count, range_room;
    uint8_t window[SG_IO_BUFFER + OVERLAP];
    size_t len;
    uint64_t start; /* of the window in the file */
};

static enum sg_rc add_ending(struct scan *scan, struct ending ending, struct sg_err *err)
{
    if (scan->count == scan->room) {
        size_t room = scan->room * 2 + 16;
        struct ending *endings =
            room <= SG_MAX_PDF_ENDINGS ? reallocarray(scan->endings, room, sizeof(*endings)) : NULL;
        if (!endings)
            return room <= SG_MAX_PDF_ENDINGS
                       ? sg_fail_memory(err)
                       : sg_fail(err, SG_E_LIMIT, _("The PDF says \"startxref\" more than %d times."),
                                 SG_MAX_PDF_ENDINGS / 2);
        scan->endings = endings;
        scan->room = room;
    }
    scan->endings[scan->count++] = ending;
    return SG_OK;
}

static enum sg_rc add_range(struct scan *scan, uint64_t at, struct sg_err *err)
{
    if (scan->range_count >= SG_MAX_PDF_ENDINGS)
        return SG_OK;
    if (scan->range_count == scan->range_room) {
        size_t room = scan->range_room * 2 + 16;
        uint64_t *ranges = reallocarray(scan->ranges, room, sizeof(*ranges));
        if (!ranges)
            return sg_fail_memory(err);
        scan->ranges = ranges;
        scan->range_room = room;
    }
    scan->ranges[scan->range_count++] = at;
    return SG_OK;
}

/* Looks at what begins in the first `until` octets of the window. */
static enum sg_rc look(struct scan *scan, size_t until, struct sg_err *err)
{
    const char *window = (const char *)scan->window, *p = window;
    enum sg_rc rc = SG_OK;
    while (rc == SG_OK && (p = memmem(p, scan->len - (size_t)(p - window), "startxref", strlen("startxref"))) &&
           (size_t)(p - window) < until) {
        struct ending ending = {0};
        size_t at = (size_t)(p - window), used = 0;
        if (sg_pdf_read_ending(p, scan->len - at, &ending.section, &used)) {
            ending.end = ending.end_of_eof = scan->start + at + used;
            ending.end += at + used < scan->len && p[used] == '\r';
            size_t next = (size_t)(ending.end - scan->start);
            ending.end += next < scan->len && window[next] == '\n';
            rc = ending.section < ending.end ? add_ending(scan, ending, err) : SG_OK;
        }
        p++;
    }
    p = window;
    while (rc == SG_OK && (p = memmem(p, scan->len - (size_t)(p - window), "/ByteRange", strlen("/ByteRange"))) &&
           (size_t)(p - window) < until)
        rc = add_range(scan, scan->start + (size_t)(p++ - window), err);
    return rc;
}

static enum sg_rc scan_piece(void *context, const uint8_t *data, size_t len, struct sg_err *err)
{
    struct scan *scan = context;
    enum sg_rc rc = SG_OK;
    while (rc == SG_OK && len > 0) {
        size_t n = sizeof(scan->window) - scan->len < len ? sizeof(scan->window) - scan->len : len;
        memcpy(scan->window + scan->len, data, n);
        scan->len += n;
        data += n;
        len -= n;
        if (scan->len < sizeof(scan->window))
            break;
        rc = look(scan, scan->len - OVERLAP, err);
        memmove(scan->window, scan->window + scan->len - OVERLAP, OVERLAP);
        scan->start += scan->len - OVERLAP;
        scan->len = OVERLAP;
    }
    return rc;
}

static void scan_free(struct scan *scan)
{
    if (!scan)
        return;
    free(scan->endings);
    free(scan->ranges);
    free(scan);
}
SG_DEFINE_CLEANUP(struct scan, scan_free)

/* The first end of a file that names this section, in front of `before`. */
static const struct ending *find_ending(const struct scan *scan, uint64_t section, uint64_t before)
{
    for (size_t i = 0; i < scan->count; i++)
        if (scan->endings[i].section == section && scan->endings[i].end_of_eof > section)
            return scan->endings[i].end <= before ? &scan->endings[i] : NULL;
    return NULL;
}

/* To open a revision costs as much as it and all before it have in them: `sections` and `objects` are those of all that
 * were opened. */
static enum sg_rc check_work(struct sg_input *input, size_t sections, size_t objects, struct sg_err *err)
{
    const char *name = sg_input_name(input);

    if (sections <= (size_t)SG_MAX_PDF_REVISIONS * SG_MAX_PDF_REVISIONS / 2 && objects <= SG_MAX_PDF_REOPENED)
        return SG_OK;
    return sg_about(name, err,
                    sg_fail(err, SG_E_LIMIT,
                            _("The PDF \"%s\" was added to so often that its revisions are too many (more than %d, or "
                              "of too many objects) to look at each; if its signatures are not needed, have it saved "
                              "anew as a whole."),
                            name, SG_MAX_PDF_REVISIONS));
}

/* The newest revision is the last of `list`, which has room for all; `*ret_first` is the oldest's index. */
static enum sg_rc follow(struct sg_pdf *newest, struct sg_input *input, const struct scan *scan,
                         struct sg_pdf_revision *list, size_t *ret_first, struct sg_err *err)
{
    _cleanup_(sg_pdf_freep) struct sg_pdf *passing = NULL;
    const struct sg_pdf *pdf = newest;
    const struct ending *ending = find_ending(scan, sg_pdf_startxref(pdf), sg_input_size(input));
    size_t first = scan->count, opened_count = pdf->count, sections = 0;
    if (!ending)
        return sg_about(sg_input_name(input), err,
                        sg_fail(err, SG_E_MALFORMED,
                                _("The PDF \"%s\" is broken: its cross-reference stands behind its end."),
                                sg_input_name(input)));
    while (ending) {
        struct sg_pdf *opened = NULL;
        first--;
        list[first].section = ending->section;
        list[first].end_of_eof = ending->end_of_eof;
        list[first].end = ending->end;
        const struct sg_pdf_value *previous = sg_pdf_get(sg_pdf_trailer(pdf), "Prev");
        bool more = first > 0 && previous && previous->type == SG_PDF_INTEGER && previous->integer >= 0;
        ending = more ? find_ending(scan, (uint64_t)previous->integer, ending->section) : NULL;
        *ret_first = first;
        if (!ending)
            break;
        sections += first; /* it has no more ends than are left */
        enum sg_rc rc = check_work(input, sections, opened_count, err);
        if (rc == SG_OK)
            rc = sg_pdf_open(input, ending->end, &opened, err);
        if (rc != SG_OK)
            return rc;
        pdf = opened;
        opened_count += opened->count;
        if (opened_count - newest->count <= SG_MAX_PDF_KEPT) {
            list[first - 1].pdf = opened;
        } else {
            sg_pdf_free(passing);
            passing = opened;
        }
    }
    return SG_OK;
}

enum sg_rc sg_pdf_revisions_read(struct sg_pdf *pdf, struct sg_input *input, struct sg_pdf_revisions *ret,
                                 struct sg_err *err)
{
    _cleanup_(scan_freep) struct scan *scan = calloc(1, sizeof(*scan));
    struct sg_pdf_revisions found = {0};
    struct sg_pdf_revision *list = NULL;
    size_t first = 0;
    if (!scan)
        return sg_fail_memory(err);
    enum sg_rc rc = sg_input_copy(input, 0, sg_input_size(input), (struct sg_sink){scan_piece, scan}, err);
    if (rc == SG_OK)
        rc = look(scan, scan->len, err);
    if (rc == SG_OK && !(list = found.list = calloc(scan->count + 1, sizeof(*list))))
        rc = sg_fail_memory(err);
    if (rc == SG_OK) {
        found.count = scan->count;
        first = scan->count;
        rc = follow(pdf, input, scan, list, &first, err);
    }
    if (rc != SG_OK) {
        sg_pdf_revisions_clear(&found);
        return rc;
    }
    found.count -= first;
    memmove(list, list + first, found.count * sizeof(*list));
    found.range_count = scan->range_count;
    found.ranges = sg_steal(scan->ranges);
    *ret = found;
    return SG_OK;
}

void sg_pdf_revisions_clear(struct sg_pdf_revisions *revisions)
{
    for (size_t i = 0; i < revisions->count; i++)
        sg_pdf_free(revisions->list[i].pdf);
    free(revisions->list);
    free(revisions->ranges);
    *revisions = (struct sg_pdf_revisions){0};
}
