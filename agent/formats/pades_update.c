/* What signing adds to a PDF, and changes in it. */
#include "base/msg.h"
#include "formats/pades_edit.h"

#define SIG_FLAGS 3      /* SignaturesExist, AppendOnly (ISO 32000-1 table 219) */
#define WIDGET_FLAGS 132 /* Print, Locked (table 165) */

static void put_widget(const struct sg_pades_plan *plan, const struct sg_pades_spot *spot, struct sg_pdf_id appearance,
                       struct sg_pdf_id signature, struct sg_pdf_put *put)
{
    sg_pdf_put_format(put, "<</Type /Annot /Subtype /Widget /FT /Sig /F %d /T ", WIDGET_FLAGS);
    sg_pdf_put_text(put, plan->name);
    sg_pdf_put_format(put, " /Rect [%.3f %.3f %.3f %.3f] /P ", spot->rect[0], spot->rect[1], spot->rect[2],
                      spot->rect[3]);
    sg_pdf_put_reference(put, spot->page.id);
    sg_pdf_put_format(put, " /AP <</N ");
    sg_pdf_put_reference(put, appearance);
    sg_pdf_put_format(put, ">> /V ");
    sg_pdf_put_reference(put, signature);
    sg_pdf_put_format(put, ">>");
}

/* A field and its widget in one (§12.7.3.1), which the page lists. */
static enum sg_rc put_new_field(const struct sg_pades_plan *plan, struct sg_pdf_id signature,
                                struct sg_pades_edit *form, struct sg_pdf_update *update, struct sg_err *err)
{
    const struct sg_pdf_id id = sg_pdf_update_new_id(update);
    struct sg_pdf_id appearance = {0};
    struct sg_pades_spot spot = {0};
    enum sg_rc rc = sg_pades_find_spot(plan, &spot, err);
    _cleanup_(sg_pades_edit_clear) struct sg_pades_edit page = {.dictionary = spot.page.dictionary};

    if (rc == SG_OK)
        rc = sg_pades_put_appearance(plan, &spot, update, &appearance, err);
    if (rc != SG_OK)
        return rc;
    put_widget(plan, &spot, appearance, signature, sg_pdf_update_begin(update, id, err));
    rc = sg_pdf_update_end(update);
    if (rc == SG_OK)
        rc = sg_pades_edit_lengthen(plan->doc, form, "Fields", id, update, err);
    if (rc == SG_OK)
        rc = sg_pades_edit_lengthen(plan->doc, &page, "Annots", id, update, err);
    return rc == SG_OK && page.count > 0 ? sg_pades_edit_object(&page, spot.page.id, update, err) : rc;
}

static enum sg_rc edit_look(const struct sg_pades_plan *plan, struct sg_pades_edit *widget,
                            struct sg_pdf_update *update, struct sg_err *err)
{
    struct sg_pdf_id appearance = {0};
    struct sg_pades_spot spot = {0};
    enum sg_rc rc = sg_pades_find_spot(plan, &spot, err);

    if (rc == SG_OK)
        rc = sg_pades_put_appearance(plan, &spot, update, &appearance, err);
    if (rc != SG_OK)
        return rc;
    struct sg_pdf_put put = sg_pades_edit_key(widget, "AP", err);
    sg_pdf_put_format(&put, "<</N ");
    sg_pdf_put_reference(&put, appearance);
    sg_pdf_put_format(&put, ">>");
    return put.rc;
}

/* The widget may be the field itself, or below it: then it names the signature as well, for the readers that look for
 * it nowhere else. */
static enum sg_rc fill_field(const struct sg_pades_plan *plan, struct sg_pdf_id signature, struct sg_pdf_update *update,
                             struct sg_err *err)
{
    const struct sg_pades_field *field = plan->field;
    _cleanup_(sg_pades_edit_clear) struct sg_pades_edit edit = {.dictionary = field->dictionary};
    _cleanup_(sg_pades_edit_clear) struct sg_pades_edit widget = {.dictionary = field->widget};
    const bool is_one = field->widget_id.number == field->id.number;
    enum sg_rc rc = sg_pades_edit_reference(&edit, "V", signature, err);

    if (rc == SG_OK && !is_one && field->widget_id.number != 0)
        rc = sg_pades_edit_reference(&widget, "V", signature, err);
    if (rc == SG_OK && plan->params->look)
        rc = edit_look(plan, is_one ? &edit : &widget, update, err);
    if (rc == SG_OK)
        rc = sg_pades_edit_object(&edit, field->id, update, err);
    return rc == SG_OK && widget.count > 0 ? sg_pades_edit_object(&widget, field->widget_id, update, err) : rc;
}

static enum sg_rc edit_flags(const struct sg_pades_plan *plan, struct sg_pades_edit *form, struct sg_err *err)
{
    const struct sg_pdf_value *flags = NULL;
    enum sg_rc rc = sg_pdf_find(plan->doc->pdf, form->dictionary, "SigFlags", &flags, err);

    if (rc != SG_OK || (flags && flags->type == SG_PDF_INTEGER && (flags->integer & SIG_FLAGS) == SIG_FLAGS))
        return rc;
    struct sg_pdf_put put = sg_pades_edit_key(form, "SigFlags", err);
    sg_pdf_put_format(&put, "%d", SIG_FLAGS);
    return put.rc;
}

/* The field, and the form that it is in. */
static enum sg_rc put_field(const struct sg_pades_plan *plan, struct sg_pdf_id signature, struct sg_pades_edit *catalog,
                            struct sg_pdf_update *update, struct sg_err *err)
{
    _cleanup_(sg_pades_edit_clear) struct sg_pades_edit form = {.dictionary = plan->doc->form};
    enum sg_rc rc =
        plan->field ? fill_field(plan, signature, update, err) : put_new_field(plan, signature, &form, update, err);

    if (rc == SG_OK)
        rc = edit_flags(plan, &form, err);
    return rc == SG_OK && form.count > 0 ? sg_pades_edit_in_place(&form, catalog, "AcroForm", update, err) : rc;
}

/* The catalog says which signature certifies the document (§12.8.4). */
static enum sg_rc put_certification(const struct sg_pades_plan *plan, struct sg_pdf_id signature,
                                    struct sg_pades_edit *catalog, struct sg_pdf_update *update, struct sg_err *err)
{
    _cleanup_(sg_pades_edit_clear) struct sg_pades_edit permissions = {0};
    enum sg_rc rc = sg_pdf_find(plan->doc->pdf, catalog->dictionary, "Perms", &permissions.dictionary, err);

    if (rc == SG_OK && permissions.dictionary && permissions.dictionary->type != SG_PDF_DICTIONARY)
        rc = sg_pades_broken(plan->doc, _("its permissions are no dictionary."), err);
    if (rc == SG_OK)
        rc = sg_pades_edit_reference(&permissions, "DocMDP", signature, err);
    return rc == SG_OK ? sg_pades_edit_in_place(&permissions, catalog, "Perms", update, err) : rc;
}

enum sg_rc sg_pades_put_signature(struct sg_pades_plan *plan, struct sg_pdf_update *update, struct sg_err *err)
{
    const struct sg_pdf_id signature = sg_pdf_update_new_id(update);
    _cleanup_(sg_pades_edit_clear) struct sg_pades_edit catalog = {.dictionary = plan->doc->catalog};
    size_t byte_range = 0;
    enum sg_rc rc = sg_pades_put_dictionary(plan, signature, update, &byte_range, err);

    if (rc == SG_OK)
        rc = put_field(plan, signature, &catalog, update, err);
    if (rc == SG_OK && plan->params->certify != 0)
        rc = put_certification(plan, signature, &catalog, update, err);
    if (rc == SG_OK && catalog.count > 0)
        rc = sg_pades_edit_object(&catalog, plan->doc->catalog_id, update, err);
    if (rc == SG_OK)
        rc = sg_pdf_update_finish(update, err);
    if (rc == SG_OK)
        sg_pades_byte_range(plan, update, byte_range);
    return rc;
}
