/* Where on its page a signature is shown, and what is there. */
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/msg.h"
#include "formats/pades_private.h"
#include "formats/pdf_write.h"

/* A point of the page as it is seen (points, from its lower left corner) in the page's own space. Turned by 90 degrees
 * clockwise, what was its left side is on top. */
static void to_page(const struct sg_pades_page *page, double x, double y, double *ret_x, double *ret_y)
{
    x /= page->unit;
    y /= page->unit;
    switch (page->rotate) {
    case 90:
        *ret_x = page->x + page->width - y;
        *ret_y = page->y + x;
        break;
    case 180:
        *ret_x = page->x + page->width - x;
        *ret_y = page->y + page->height - y;
        break;
    case 270:
        *ret_x = page->x + y;
        *ret_y = page->y + page->height - x;
        break;
    default:
        *ret_x = page->x + x;
        *ret_y = page->y + y;
    }
}

static bool is_turned(const struct sg_pades_page *page)
{
    return page->rotate == 90 || page->rotate == 270;
}

static void sort(double *a, double *b)
{
    if (*a > *b) {
        const double c = *a;
        *a = *b;
        *b = c;
    }
}

/* Nobody said where. */
static enum sg_rc refuse_nowhere(const struct sg_pades_doc *doc, struct sg_err *err)
{
    struct sg_pades_choices choices = {0};

    for (size_t i = 0; i < doc->count; i++)
        if (doc->fields[i].is_signature && !doc->fields[i].value)
            sg_pades_choices_add(&choices, doc->fields[i].name);
    if (choices.count > 0)
        return sg_about(doc->name, err,
                        sg_fail(err, SG_E_USAGE,
                                _("\"%s\" has these empty fields: %s. Name one of them with --field, or say by a "
                                  "rectangle where to show the visible signature in a new one."),
                                doc->name, choices.text));
    return sg_about(doc->name, err,
                    sg_fail(err, SG_E_USAGE,
                            _("\"%s\" has no empty field with a place for the visible signature; say by a rectangle "
                              "where to show it."),
                            doc->name));
}

/* A new field's. */
static enum sg_rc place_new(const struct sg_pades_plan *plan, struct sg_pades_spot *spot, struct sg_err *err)
{
    const struct sg_pdf_rect *wanted = &plan->params->rect;
    const struct sg_pades_page *page = &spot->page;
    const double width = page->unit * (is_turned(page) ? page->height : page->width);
    const double height = page->unit * (is_turned(page) ? page->width : page->height);

    if (wanted->width == 0 && wanted->height == 0)
        return refuse_nowhere(plan->doc, err);
    if (!(wanted->width > 0 && wanted->height > 0 && wanted->x >= 0 && wanted->y >= 0 &&
          wanted->x + wanted->width <= width && wanted->y + wanted->height <= height))
        return sg_about(plan->doc->name, err,
                        sg_fail(err, SG_E_USAGE,
                                _("The place for the visible signature is not on the page, which is %.0f points wide "
                                  "and %.0f high; give another rectangle."),
                                width, height));
    to_page(page, wanted->x, wanted->y, &spot->rect[0], &spot->rect[1]);
    to_page(page, wanted->x + wanted->width, wanted->y + wanted->height, &spot->rect[2], &spot->rect[3]);
    sort(&spot->rect[0], &spot->rect[2]);
    sort(&spot->rect[1], &spot->rect[3]);
    spot->width = wanted->width;
    spot->height = wanted->height;
    return SG_OK;
}

/* Whether the widget is never shown on a screen (§12.5.3: Hidden, NoView). */
static enum sg_rc is_hidden(const struct sg_pades_plan *plan, bool *ret, struct sg_err *err)
{
    const int64_t never = 1 << 1 | 1 << 5;
    const struct sg_pdf_value *flags = NULL;
    enum sg_rc rc = sg_pdf_find(plan->doc->pdf, plan->field->widget, "F", &flags, err);

    if (rc == SG_OK)
        *ret = flags && flags->type == SG_PDF_INTEGER && (flags->integer & never);
    return rc;
}

/* But for what rounding may do. */
static bool is_on_page(const double rect[4], const struct sg_pades_page *page)
{
    return rect[0] >= page->x - 1 && rect[1] >= page->y - 1 && rect[2] <= page->x + page->width + 1 &&
           rect[3] <= page->y + page->height + 1;
}

/* That of a field that is there. */
static enum sg_rc place_existing(const struct sg_pades_plan *plan, struct sg_pades_spot *spot, struct sg_err *err)
{
    const struct sg_pades_doc *doc = plan->doc;
    const struct sg_pdf_value *rect = NULL;
    bool is_one = false, hidden = false;
    enum sg_rc rc = sg_pdf_find(doc->pdf, plan->field->widget, "Rect", &rect, err);

    if (rc == SG_OK)
        rc = sg_pades_rectangle(doc, rect, &is_one, spot->rect, err);
    if (rc == SG_OK)
        rc = is_hidden(plan, &hidden, err);
    if (rc != SG_OK)
        return rc;
    const double width = is_one ? (spot->rect[2] - spot->rect[0]) * spot->page.unit : 0;
    const double height = is_one ? (spot->rect[3] - spot->rect[1]) * spot->page.unit : 0;
    if (width <= 0 || height <= 0 || hidden)
        return sg_about(doc->name, err,
                        sg_fail(err, SG_E_USAGE,
                                _("The field \"%s\" of \"%s\" is invisible; name another field, or a new one."),
                                plan->name, doc->name));
    if (!is_on_page(spot->rect, &spot->page))
        return sg_about(doc->name, err,
                        sg_fail(err, SG_E_USAGE,
                                _("The field \"%s\" of \"%s\" has its place beyond the edge of its page; name another "
                                  "field, or a new one."),
                                plan->name, doc->name));
    if (plan->params->rect.width != 0 || plan->params->rect.height != 0)
        return sg_about(doc->name, err,
                        sg_fail(err, SG_E_USAGE,
                                _("The field \"%s\" of \"%s\" has its own place; leave out the rectangle, or name a "
                                  "new field."),
                                plan->name, doc->name));
    spot->width = is_turned(&spot->page) ? height : width;
    spot->height = is_turned(&spot->page) ? width : height;
    return SG_OK;
}

/* A field that has not the one place that a signature is shown in. */
static enum sg_rc refuse_places(const struct sg_pades_plan *plan, struct sg_err *err)
{
    const struct sg_pdf_value *kids = NULL;
    enum sg_rc rc = sg_pdf_find(plan->doc->pdf, plan->field->dictionary, "Kids", &kids, err);

    if (rc != SG_OK)
        return rc;
    if (!kids || kids->count < 2)
        return sg_pades_broken(plan->doc, _("the signature field has no place on a page."), err);
    return sg_about(
        plan->doc->name, err,
        sg_fail(err, SG_E_UNSUPPORTED,
                _("The field \"%s\" of \"%s\" has %zu places, and a signature is shown in one; name another "
                  "field, or sign invisibly."),
                plan->name, plan->doc->name, kids->count));
}

enum sg_rc sg_pades_find_spot(const struct sg_pades_plan *plan, struct sg_pades_spot *ret, struct sg_err *err)
{
    struct sg_pades_spot spot = {0};
    const unsigned page = plan->params->page ? plan->params->page : 1;

    if (plan->field && plan->field->widget_id.number == 0)
        return refuse_places(plan, err);
    enum sg_rc rc = plan->field ? sg_pades_find_page(plan->doc, 0, plan->field->widget_id, &spot.page, err)
                                : sg_pades_find_page(plan->doc, page, (struct sg_pdf_id){0}, &spot.page, err);
    if (rc == SG_OK && plan->field)
        rc = place_existing(plan, &spot, err);
    else if (rc == SG_OK && plan->params->look)
        rc = place_new(plan, &spot, err);
    if (rc == SG_OK)
        *ret = spot;
    return rc;
}

/* PDF/A-1 wants an appearance of each field, also of one without a size (ISO 19005-1 §6.9). */
static enum sg_rc put_nothing(struct sg_pdf_update *update, struct sg_pdf_id *ret, struct sg_err *err)
{
    const struct sg_pdf_id id = sg_pdf_update_new_id(update);
    struct sg_pdf_put *put = sg_pdf_update_begin(update, id, err);

    sg_pdf_put_format(put, "<</Type /XObject /Subtype /Form /BBox [0 0 0 0] /Resources <<>> /Length 0>>");
    sg_pdf_update_stream(update, (struct sg_slice){NULL, 0});
    *ret = id;
    return sg_pdf_update_end(update);
}

/* Upright as the page is seen: the look's own box, turned against the page (§12.5.5). */
static void put_matrix(const struct sg_pades_spot *spot, struct sg_pdf_put *put)
{
    switch (spot->page.rotate) {
    case 90:
        sg_pdf_put_format(put, "/Matrix [0 1 -1 0 %.3f 0]", spot->height);
        break;
    case 180:
        sg_pdf_put_format(put, "/Matrix [-1 0 0 -1 %.3f %.3f]", spot->width, spot->height);
        break;
    case 270:
        sg_pdf_put_format(put, "/Matrix [0 -1 1 0 0 %.3f]", spot->width);
        break;
    default:
        break;
    }
}

/* The part's dictionary up to its ">>", with the numbers that its objects have here. */
static enum sg_rc put_part_dictionary(struct sg_slice text, const struct sg_pdf_id *ids, size_t count,
                                      struct sg_pdf_put *put)
{
    const char *p = (const char *)text.data;
    const char *end = p + text.len - 2;

    if (text.len < 4 || memcmp(end, ">>", 2) != 0)
        return sg_fail(put->err, SG_E_INTERNAL, "%s", _("A visible signature was drawn as what is no dictionary."));
    while (p < end) {
        const char *at = memchr(p, '@', (size_t)(end - p));
        unsigned index = 0;
        int used = 0;
        if (!at || sscanf(at, "@%u@%n", &index, &used) != 1 || used == 0 || index >= count)
            at = NULL;
        sg_pdf_put_raw(put, (struct sg_slice){(const uint8_t *)p, (size_t)((at ? at : end) - p)});
        if (at) {
            sg_pdf_put_format(put, " ");
            sg_pdf_put_reference(put, ids[index]);
        }
        p = at ? at + used : end;
    }
    return put->rc;
}

static enum sg_rc put_part(const struct sg_pdf_look_parts *parts, const struct sg_pdf_id *ids, size_t i,
                           const struct sg_pades_spot *spot, struct sg_pdf_update *update, struct sg_err *err)
{
    const struct sg_pdf_part *part = &parts->parts[i];
    struct sg_pdf_put *put = sg_pdf_update_begin(update, ids[i], err);
    enum sg_rc rc = put_part_dictionary(sg_buf_slice(&part->dictionary), ids, parts->count, put);

    if (rc != SG_OK)
        return rc;
    if (i == 0)
        put_matrix(spot, put);
    if (part->is_stream)
        sg_pdf_put_format(put, "/Length %zu", part->data.len);
    sg_pdf_put_format(put, ">>");
    if (part->is_stream)
        sg_pdf_update_stream(update, sg_buf_slice(&part->data));
    return sg_pdf_update_end(update);
}

enum sg_rc sg_pades_put_appearance(const struct sg_pades_plan *plan, const struct sg_pades_spot *spot,
                                   struct sg_pdf_update *update, struct sg_pdf_id *ret, struct sg_err *err)
{
    _cleanup_(sg_pdf_look_parts_clear) struct sg_pdf_look_parts parts = {0};
    struct sg_pdf_id ids[SG_MAX_PDF_LOOK_PARTS];

    const char *image_name = plan->params->image_name ? plan->params->image_name : plan->doc->name;

    if (!plan->params->look)
        return put_nothing(update, ret, err);
    enum sg_rc rc = sg_pdf_look_draw(plan->params->look, spot->width, spot->height, image_name, &parts, err);
    if (rc == SG_OK && (parts.count == 0 || parts.count > SG_MAX_PDF_LOOK_PARTS))
        rc = sg_fail(err, SG_E_LIMIT, _("A visible signature has more than %d parts."), SG_MAX_PDF_LOOK_PARTS);
    for (size_t i = 0; rc == SG_OK && i < parts.count; i++)
        ids[i] = sg_pdf_update_new_id(update);
    for (size_t i = 0; rc == SG_OK && i < parts.count; i++)
        rc = put_part(&parts, ids, i, spot, update, err);
    if (rc == SG_OK)
        *ret = ids[0];
    return rc;
}
