/* The chain: a box for each certificate, the anchor above, an arrow from who issued to whom. */
#include <stdio.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/msg.h"
#include "verify/report_html_draw.h"

#define PADDING 12
#define ARROW 22

struct box {
    const char *role, *class;
    const char *name; /* a stranger's */
    const char *note; /* when it is valid, or what is missing */
};

static void add_box(struct sg_drawing *drawing, const struct box *box)
{
    const unsigned x = SG_DRAWING_MARGIN + PADDING, width = SG_DRAWING_WIDTH - 2 * x;
    const unsigned top = drawing->y;

    drawing->y += PADDING / 2;
    sg_drawing_lines(drawing, &sg_lettering_small, x, width, box->role);
    sg_drawing_lines(drawing, &sg_lettering_name, x, width, box->name);
    sg_drawing_lines(drawing, &sg_lettering_small, x, width, box->note);
    drawing->y += PADDING / 2;
    sg_html_putf(&drawing->behind, "<rect class=\"box %s\" x=\"%d\" y=\"%u\" width=\"%d\" height=\"%u\" rx=\"6\"/>\n",
                 box->class, SG_DRAWING_MARGIN, top, SG_DRAWING_WIDTH - 2 * SG_DRAWING_MARGIN, drawing->y - top);
    sg_drawing_describe(drawing, box->role);
    sg_drawing_describe(drawing, ": ");
    sg_drawing_describe(drawing, box->name);
    sg_drawing_describe(drawing, ", ");
    sg_drawing_describe(drawing, box->note);
    sg_drawing_describe(drawing, ". ");
}

static void add_arrow(struct sg_drawing *drawing, const char *class)
{
    const unsigned x = SG_DRAWING_WIDTH / 2, from = drawing->y + 2, to = drawing->y + ARROW - 3;

    sg_html_putf(&drawing->html, "<path class=\"arrow %s\" d=\"M%u %uV%uM%u %ul5 6 5-6\"/>\n", class, x, from, to,
                 x - 5, to - 6);
    drawing->y += ARROW;
}

static const char *validity(X509 *cert, char *out, size_t len)
{
    char begins[SG_TIME_TEXT] = "?", ends[SG_TIME_TEXT] = "?";
    int64_t not_before, not_after;

    if (sg_time_from_asn1(X509_get0_notBefore(cert), &not_before))
        (void)sg_time_text(not_before, begins);
    if (sg_time_from_asn1(X509_get0_notAfter(cert), &not_after))
        (void)sg_time_text(not_after, ends);
    (void)snprintf(out, len, _("valid from %.10s to %.10s"), begins, ends);
    return out;
}

static void add_cert(struct sg_drawing *drawing, X509 *cert, const char *role, const char *class)
{
    _cleanup_(freep) char *name = NULL;
    char note[256];

    if (drawing->html.rc == SG_OK)
        drawing->html.rc = sg_name_text(X509_get_subject_name(cert), &name, drawing->html.err);
    if (drawing->html.rc == SG_OK)
        add_box(drawing,
                &(struct box){.role = role, .class = class, .name = name, .note = validity(cert, note, sizeof note)});
}

/* No path was found: who is said to have issued the certificate is drawn as what it is, a claim. */
static void add_missing(struct sg_drawing *drawing, X509 *signer)
{
    _cleanup_(freep) char *name = NULL;

    if (drawing->html.rc == SG_OK)
        drawing->html.rc = sg_name_text(X509_get_issuer_name(signer), &name, drawing->html.err);
    if (drawing->html.rc != SG_OK)
        return;
    add_box(drawing, &(struct box){.role = _("Issuer"),
                                   .class = "missing",
                                   .name = name,
                                   .note = _("No path leads from it to a CA that is trusted here.")});
    add_arrow(drawing, "missing");
}

static const char *signer_class(enum sg_indication indication)
{
    static const char *const classes[] = {
        [SG_TOTAL_PASSED] = "good", [SG_TOTAL_FAILED] = "bad", [SG_INDETERMINATE] = "open"};
    return classes[indication];
}

/* Anybody can name anybody. */
static const char *signer_role(const struct sg_verdict *verdict, int count)
{
    if (!verdict->intact)
        return _("Named as the signer");
    return count == 1 ? _("Signer, trusted itself") : _("Signer");
}

void sg_html_chain(const struct sg_verdict *verdict, const char *id, struct sg_html *html)
{
    _cleanup_(sg_drawing_clear) struct sg_drawing drawing;
    int count = sk_X509_num(verdict->chain); /* -1 without one */

    sg_drawing_begin(&drawing, html->err);
    if (!verdict->signer)
        return;
    if (count <= 0)
        add_missing(&drawing, verdict->signer);
    for (int i = count - 1; i > 0; i--) {
        bool anchor = i == count - 1;
        add_cert(&drawing, sk_X509_value(verdict->chain, i), anchor ? _("Trust anchor") : _("CA"),
                 anchor ? "anchor" : "");
        add_arrow(&drawing, "");
    }
    add_cert(&drawing, verdict->signer, signer_role(verdict, count), signer_class(verdict->indication));
    sg_drawing_end(&drawing, id, _("Who vouches for whom"), html);
}
