/* The page that a signature is put on (ISO 32000-1 §7.7.3). */
#include "base/limits.h"
#include "base/msg.h"
#include "formats/pades_private.h"

/* What a page may have from the nodes above it (§7.7.3.4). */
struct inherited {
    const struct sg_pdf_value *media_box, *crop_box, *rotate;
};

struct search {
    const struct sg_pades_doc *doc;
    unsigned number; /* wanted; 0: by ... */
    struct sg_pdf_id annotation;
    size_t nodes;
    unsigned pages; /* seen */
    bool found;
    struct sg_pades_page page;
    struct sg_err *err;
};

static double least(double a, double b)
{
    return a < b ? a : b;
}

static double most(double a, double b)
{
    return a > b ? a : b;
}

enum sg_rc sg_pades_rectangle(const struct sg_pades_doc *doc, const struct sg_pdf_value *array, bool *ret_is_one,
                              double ret[4], struct sg_err *err)
{
    const struct sg_pdf_value *value = NULL;
    double corners[4];
    bool is_one = array && array->type == SG_PDF_ARRAY && array->count == 4;
    enum sg_rc rc = SG_OK;

    for (size_t i = 0; is_one && i < 4 && rc == SG_OK; i++) {
        rc = sg_pdf_resolve(doc->pdf, &array->entries[i].value, &value, err);
        is_one = rc == SG_OK && sg_pdf_number(value, &corners[i]);
    }
    if (rc != SG_OK)
        return rc;
    for (size_t i = 0; is_one && i < 2; i++) {
        ret[i] = least(corners[i], corners[i + 2]);
        ret[i + 2] = most(corners[i], corners[i + 2]);
    }
    *ret_is_one = is_one;
    return SG_OK;
}

/* What is shown of the page: its crop box, as far as it is on the medium (§14.11.2). */
static enum sg_rc measure(const struct search *search, struct inherited from, struct sg_pades_page *page)
{
    double media[4];
    double crop[4];
    bool has_media = false;
    bool has_crop = false;
    enum sg_rc rc = sg_pades_rectangle(search->doc, from.media_box, &has_media, media, search->err);

    if (rc == SG_OK)
        rc = sg_pades_rectangle(search->doc, from.crop_box, &has_crop, crop, search->err);
    if (rc != SG_OK || !has_media)
        return rc; /* it stays 0 by 0, and has no room for anything */
    for (size_t i = 0; has_crop && i < 2; i++) {
        media[i] = most(media[i], least(crop[i], media[i + 2]));
        media[i + 2] = least(media[i + 2], most(crop[i + 2], media[i]));
    }
    page->x = media[0];
    page->y = media[1];
    page->width = media[2] - media[0];
    page->height = media[3] - media[1];
    return SG_OK;
}

static enum sg_rc fill_page(const struct search *search, struct sg_pdf_id id, const struct sg_pdf_value *node,
                            struct inherited from, struct sg_pades_page *ret)
{
    struct sg_pades_page page = {.id = id, .dictionary = node, .unit = 1};
    const struct sg_pdf_value *unit = NULL;
    enum sg_rc rc = measure(search, from, &page);

    if (rc == SG_OK)
        rc = sg_pdf_find(search->doc->pdf, node, "UserUnit", &unit, search->err);
    if (rc != SG_OK)
        return rc;
    if (unit && (!sg_pdf_number(unit, &page.unit) || page.unit <= 0))
        return sg_pades_broken(search->doc, _("a page has no usable /UserUnit."), search->err);
    if (from.rotate && (from.rotate->type != SG_PDF_INTEGER || from.rotate->integer % 90 != 0))
        return sg_pades_broken(search->doc, _("a page is turned by what is no right angle."), search->err);
    if (from.rotate)
        page.rotate = (unsigned)((from.rotate->integer % 360 + 360) % 360);
    *ret = page;
    return SG_OK;
}

static enum sg_rc has_annotation(const struct search *search, const struct sg_pdf_value *page, bool *ret)
{
    const struct sg_pdf_value *annotations = NULL;
    enum sg_rc rc = sg_pdf_find(search->doc->pdf, page, "Annots", &annotations, search->err);

    *ret = false;
    for (size_t i = 0; rc == SG_OK && annotations && annotations->type == SG_PDF_ARRAY && i < annotations->count; i++) {
        const struct sg_pdf_value *value = &annotations->entries[i].value;
        if (value->type == SG_PDF_REFERENCE && value->id.number == search->annotation.number)
            *ret = true;
    }
    return rc;
}

static enum sg_rc visit_page(struct search *search, struct sg_pdf_id id, const struct sg_pdf_value *node,
                             struct inherited from)
{
    bool wanted = ++search->pages == search->number;
    enum sg_rc rc = SG_OK;

    if (search->number == 0)
        rc = has_annotation(search, node, &wanted);
    if (rc != SG_OK || !wanted || search->found)
        return rc;
    search->found = true;
    return fill_page(search, id, node, from, &search->page);
}

static enum sg_rc visit(struct search *search, const struct sg_pdf_value *reference, struct inherited from,
                        unsigned depth)
{
    const struct sg_pdf_value *node = NULL;
    const struct sg_pdf_value *kids = NULL;

    if (depth > SG_MAX_PDF_TREE_DEPTH)
        return sg_pades_broken(search->doc, _("its pages go round in a circle, or are nested too deep."), search->err);
    if (++search->nodes > SG_MAX_PDF_PAGES)
        return sg_fail(search->err, SG_E_LIMIT, _("\"%s\" has more than %d pages."), search->doc->name,
                       SG_MAX_PDF_PAGES);
    if (!reference || reference->type != SG_PDF_REFERENCE)
        return sg_pades_broken(search->doc, _("a page is no object of its own."), search->err);
    enum sg_rc rc = sg_pdf_resolve(search->doc->pdf, reference, &node, search->err);
    if (rc == SG_OK && node->type != SG_PDF_DICTIONARY)
        rc = sg_pades_broken(search->doc, _("a page is no dictionary."), search->err);
    if (rc == SG_OK)
        rc = sg_pdf_inherit(search->doc->pdf, node, "MediaBox", &from.media_box, search->err);
    if (rc == SG_OK)
        rc = sg_pdf_inherit(search->doc->pdf, node, "CropBox", &from.crop_box, search->err);
    if (rc == SG_OK)
        rc = sg_pdf_inherit(search->doc->pdf, node, "Rotate", &from.rotate, search->err);
    if (rc == SG_OK)
        rc = sg_pdf_find(search->doc->pdf, node, "Kids", &kids, search->err);
    if (rc == SG_OK && kids && kids->type != SG_PDF_ARRAY)
        rc = sg_pades_broken(search->doc, _("what lists its pages is no array."), search->err);
    if (rc != SG_OK)
        return rc;
    if (!kids || sg_pdf_is_name(sg_pdf_get(node, "Type"), "Page"))
        return visit_page(search, reference->id, node, from);
    for (size_t i = 0; i < kids->count && rc == SG_OK; i++)
        rc = visit(search, &kids->entries[i].value, from, depth + 1);
    return rc;
}

enum sg_rc sg_pades_find_page(const struct sg_pades_doc *doc, unsigned number, struct sg_pdf_id annotation,
                              struct sg_pades_page *ret, struct sg_err *err)
{
    struct search search = {.doc = doc, .number = number, .annotation = annotation, .err = err};
    enum sg_rc rc = visit(&search, sg_pdf_get(doc->catalog, "Pages"), (struct inherited){0}, 0);

    if (rc != SG_OK)
        return rc;
    if (!search.found && search.pages == 0)
        return sg_pades_broken(doc, _("it has no page."), err);
    if (!search.found && number == 0)
        return sg_pades_broken(doc, _("the signature field is on none of its pages."), err);
    if (!search.found)
        return sg_about(doc->name, err,
                        sg_fail(err, SG_E_USAGE, _("\"%s\" has no page %u, but %u."), doc->name, number, search.pages));
    *ret = search.page;
    return SG_OK;
}
