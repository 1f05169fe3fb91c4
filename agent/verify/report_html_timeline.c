/* The timeline: a row for each thing that happened, the earliest first, with its time and a mark on a scale that all
 * rows share. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/msg.h"
#include "verify/report_html_draw.h"

#define FIRST_X (SG_DRAWING_MARGIN + 8)
#define LAST_X (SG_DRAWING_WIDTH - SG_DRAWING_MARGIN - 8)
#define TRACK 16
#define GAP 6
#define OTHER_ROWS 8 /* besides time-stamps */

enum mark { MARK_CLAIM, MARK_PROOF, MARK_REFUSED, MARK_KNOWN, MARK_JUDGED, MARK_UNTIL, MARK_REVOKED, MARK_END };

struct row {
    int64_t when;
    enum mark mark;
    const char *label;
    const char *note; /* NULL: none */
    X509 *by;         /* NULL: nobody's; borrowed */
};

struct timeline {
    struct row *rows;
    size_t count;
    int64_t first, last;  /* of the scale */
    int64_t begins, ends; /* the signer's certificate; SG_TIME_NONE: not known */
};

/* --- what happened ------------------------------------------------------------------------------------------------ */

static void widen(struct timeline *timeline, int64_t when)
{
    if (when == SG_TIME_NONE)
        return;
    if (timeline->first == SG_TIME_NONE || when < timeline->first)
        timeline->first = when;
    if (timeline->last == SG_TIME_NONE || when > timeline->last)
        timeline->last = when;
}

/* In the order of time; of the same time in that in which they are added. */
static void add(struct timeline *timeline, struct row row)
{
    size_t at = timeline->count;
    if (row.when == SG_TIME_NONE)
        return;
    for (; at > 0 && timeline->rows[at - 1].when > row.when; at--)
        timeline->rows[at] = timeline->rows[at - 1];
    timeline->rows[at] = row;
    timeline->count++;
    widen(timeline, row.when);
}

static const char *timestamp_label(const char *kind)
{
    if (strcmp(kind, "archive") == 0)
        return _("Archive time-stamp");
    if (strcmp(kind, "content") == 0)
        return _("Content stamped");
    if (strcmp(kind, "references") == 0)
        return _("References stamped");
    if (strcmp(kind, "references-only") == 0)
        return _("References alone stamped");
    if (strcmp(kind, "document") == 0)
        return _("PDF time-stamped");
    return _("Time-stamped");
}

static void add_timestamps(struct timeline *timeline, const struct sg_verdict *verdict)
{
    for (size_t i = 0; i < verdict->timestamp_count; i++) {
        const struct sg_timestamp *timestamp = &verdict->timestamps[i];
        bool holds = timestamp->verdict.indication == SG_TOTAL_PASSED;
        bool content = strcmp(timestamp->kind, "content") == 0;
        int64_t limit = content ? timestamp->earliest : timestamp->latest;
        add(timeline, (struct row){.when = timestamp->proves ? limit : timestamp->time,
                                   .mark = timestamp->proves ? MARK_PROOF
                                           : holds           ? MARK_CLAIM
                                                             : MARK_REFUSED,
                                   .label = timestamp_label(timestamp->kind),
                                   .note = timestamp->proves ? NULL
                                           : holds           ? _("proves nothing of the signature")
                                                             : _("does not count"),
                                   .by = timestamp->verdict.signer});
    }
}

static void add_revocation(struct timeline *timeline, const struct sg_verdict *verdict)
{
    int64_t earliest = SG_TIME_NONE;
    for (size_t i = 0; i < verdict->revocation_count; i++) {
        int64_t when = verdict->revocation[i].revoked_at;
        if (when != SG_TIME_NONE && (earliest == SG_TIME_NONE || when < earliest))
            earliest = when;
    }
    add(timeline, (struct row){.when = earliest, .mark = MARK_REVOKED, .label = _("Revoked")});
}

static void add_certificate(struct timeline *timeline, X509 *signer)
{
    timeline->begins = timeline->ends = SG_TIME_NONE;
    if (!signer)
        return;
    if (!sg_time_from_asn1(X509_get0_notBefore(signer), &timeline->begins))
        timeline->begins = SG_TIME_NONE;
    if (!sg_time_from_asn1(X509_get0_notAfter(signer), &timeline->ends))
        timeline->ends = SG_TIME_NONE;
    add(timeline, (struct row){.when = timeline->begins, .mark = MARK_END, .label = _("Certificate begins")});
    add(timeline, (struct row){.when = timeline->ends, .mark = MARK_END, .label = _("Certificate ends")});
}

static enum sg_rc collect(const struct sg_report *report, const struct sg_verdict *verdict, struct timeline *timeline,
                          struct sg_err *err)
{
    *timeline = (struct timeline){.first = SG_TIME_NONE, .last = SG_TIME_NONE};
    timeline->rows = calloc(verdict->timestamp_count + OTHER_ROWS, sizeof *timeline->rows);
    if (!timeline->rows)
        return sg_fail_memory(err);
    bool good = verdict->indication == SG_TOTAL_PASSED;
    add_certificate(timeline, verdict->signer);
    add(timeline, (struct row){.when = verdict->claimed_time,
                               .mark = MARK_CLAIM,
                               .label = _("Signed, as claimed"),
                               .note = _("by the signer's own clock; not proven")});
    add_timestamps(timeline, verdict);
    add_revocation(timeline, verdict);
    add(timeline, (struct row){.when = verdict->as_of, .mark = MARK_KNOWN, .label = _("Revocation data of")});
    add(timeline, (struct row){.when = report->at, .mark = MARK_JUDGED, .label = _("Judged")});
    add(timeline,
        (struct row){.when = good ? verdict->good_until : SG_TIME_NONE, .mark = MARK_UNTIL, .label = _("Good until")});
    return SG_OK;
}

/* --- how it is drawn ---------------------------------------------------------------------------------------------- */

static unsigned x_of(const struct timeline *timeline, int64_t when)
{
    if (timeline->last <= timeline->first)
        return (FIRST_X + LAST_X) / 2;
    double part = ((double)when - (double)timeline->first) / ((double)timeline->last - (double)timeline->first);
    return (unsigned)(FIRST_X + part * (LAST_X - FIRST_X) + 0.5);
}

/* The scale, and on it when the certificate is valid. */
static void put_track(struct sg_drawing *drawing, const struct timeline *timeline, unsigned y)
{
    sg_html_putf(&drawing->html, "<path class=\"track\" d=\"M%d %uH%d\"/>\n", FIRST_X, y, LAST_X);
    if (timeline->begins != SG_TIME_NONE && timeline->ends != SG_TIME_NONE && timeline->begins <= timeline->ends)
        sg_html_putf(&drawing->html, "<path class=\"span\" d=\"M%u %uH%u\"/>\n", x_of(timeline, timeline->begins), y,
                     x_of(timeline, timeline->ends));
}

/* Told apart by their shape, not by colour alone. */
static void put_mark(struct sg_drawing *drawing, enum mark mark, unsigned x, unsigned y)
{
    static const struct {
        const char *class, *shape; /* a path from its middle, 12 units high */
    } marks[] = {
        [MARK_CLAIM] = {"claim", "m-5 0a5 5 0 1 0 10 0a5 5 0 1 0-10 0z"},
        [MARK_PROOF] = {"proof", "m-5 0a5 5 0 1 0 10 0a5 5 0 1 0-10 0z"},
        [MARK_REFUSED] = {"refused", "m-5-5l10 10m0-10l-10 10"},
        [MARK_KNOWN] = {"known", "m0-6l6 6l-6 6l-6-6z"},
        [MARK_JUDGED] = {"judged", "m-2-6h4v12h-4z"},
        [MARK_UNTIL] = {"until", "m-5-6h10l-5 11z"},
        [MARK_REVOKED] = {"revoked", "m-5-5l10 10m0-10l-10 10"},
        [MARK_END] = {"end", "m0-6v12"},
    };
    sg_html_putf(&drawing->html, "<path class=\"mark %s\" d=\"M%u %u%s\"/>\n", marks[mark].class, x, y,
                 marks[mark].shape);
}

static void describe(struct sg_drawing *drawing, const struct row *row, const char *time)
{
    sg_drawing_describe(drawing, row->label);
    sg_drawing_describe(drawing, ": ");
    sg_drawing_describe(drawing, time);
    sg_drawing_describe(drawing, ". ");
}

static void put_row(struct sg_drawing *drawing, const struct timeline *timeline, const struct row *row)
{
    const unsigned width = SG_DRAWING_WIDTH - 2 * SG_DRAWING_MARGIN;
    _cleanup_(freep) char *by = NULL;
    char time[SG_TIME_TEXT];

    sg_drawing_ends(drawing, &sg_lettering_plain, row->label, sg_time_text(row->when, time));
    if (row->by && drawing->html.rc == SG_OK)
        drawing->html.rc = sg_name_text(X509_get_subject_name(row->by), &by, drawing->html.err);
    if (by)
        sg_drawing_lines(drawing, &sg_lettering_small, SG_DRAWING_MARGIN, width, by);
    if (row->note)
        sg_drawing_lines(drawing, &sg_lettering_small, SG_DRAWING_MARGIN, width, row->note);
    put_track(drawing, timeline, drawing->y + TRACK / 2);
    put_mark(drawing, row->mark, x_of(timeline, row->when), drawing->y + TRACK / 2);
    drawing->y += TRACK + GAP;
    describe(drawing, row, time);
}

void sg_html_timeline(const struct sg_report *report, const struct sg_verdict *verdict, const char *id,
                      struct sg_html *html)
{
    _cleanup_(sg_drawing_clear) struct sg_drawing drawing;
    struct timeline timeline = {0};

    sg_drawing_begin(&drawing, html->err);
    if (html->rc == SG_OK)
        html->rc = collect(report, verdict, &timeline, html->err);
    for (size_t i = 0; i < timeline.count; i++)
        put_row(&drawing, &timeline, &timeline.rows[i]);
    sg_drawing_end(&drawing, id, _("What happened when"), html);
    free(timeline.rows);
}
