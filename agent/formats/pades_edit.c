#include "formats/pades_edit.h"

#include "base/limits.h"
#include "base/msg.h"

void sg_pades_edit_clear(struct sg_pades_edit *edit)
{
    for (size_t i = 0; i < edit->count; i++)
        sg_buf_clear(&edit->texts[i]);
    edit->count = 0;
}

struct sg_pdf_put sg_pades_edit_key(struct sg_pades_edit *edit, const char *key, struct sg_err *err)
{
    struct sg_buf *text = &edit->texts[edit->count];

    *text = (struct sg_buf)SG_BUF(SG_MAX_PDF_UPDATE);
    edit->keys[edit->count++] = key;
    return (struct sg_pdf_put){.out = text, .err = err};
}

enum sg_rc sg_pades_edit_reference(struct sg_pades_edit *edit, const char *key, struct sg_pdf_id id, struct sg_err *err)
{
    struct sg_pdf_put put = sg_pades_edit_key(edit, key, err);

    sg_pdf_put_reference(&put, id);
    return put.rc;
}

enum sg_rc sg_pades_edit_lengthen(const struct sg_pades_doc *doc, struct sg_pades_edit *edit, const char *key,
                                  struct sg_pdf_id element, struct sg_pdf_update *update, struct sg_err *err)
{
    const struct sg_pdf_value *old = sg_pdf_get(edit->dictionary, key);
    const struct sg_pdf_value *array = NULL;
    enum sg_rc rc = sg_pdf_find(doc->pdf, edit->dictionary, key, &array, err);

    if (rc == SG_OK && array && array->type != SG_PDF_ARRAY)
        rc = sg_pades_broken(doc, _("a list of annotations or fields is no array."), err);
    if (rc != SG_OK)
        return rc;
    if (array && old->type == SG_PDF_REFERENCE) {
        sg_pdf_put_longer(sg_pdf_update_begin(update, old->id, err), array, element);
        return sg_pdf_update_end(update);
    }
    struct sg_pdf_put put = sg_pades_edit_key(edit, key, err);
    sg_pdf_put_longer(&put, array, element);
    return put.rc;
}

static void put_changed(const struct sg_pades_edit *edit, struct sg_pdf_put *put)
{
    struct sg_pdf_change changes[SG_PADES_MAX_CHANGES];

    for (size_t i = 0; i < edit->count; i++)
        changes[i] = (struct sg_pdf_change){edit->keys[i], sg_buf_slice(&edit->texts[i])};
    sg_pdf_put_changed(put, edit->dictionary, changes, edit->count);
}

enum sg_rc sg_pades_edit_object(const struct sg_pades_edit *edit, struct sg_pdf_id id, struct sg_pdf_update *update,
                                struct sg_err *err)
{
    put_changed(edit, sg_pdf_update_begin(update, id, err));
    return sg_pdf_update_end(update);
}

enum sg_rc sg_pades_edit_in_place(const struct sg_pades_edit *edit, struct sg_pades_edit *owner, const char *key,
                                  struct sg_pdf_update *update, struct sg_err *err)
{
    const struct sg_pdf_value *old = sg_pdf_get(owner->dictionary, key);

    if (edit->dictionary && old->type == SG_PDF_REFERENCE)
        return sg_pades_edit_object(edit, old->id, update, err);
    if (!edit->dictionary) {
        const struct sg_pdf_id id = sg_pdf_update_new_id(update);
        enum sg_rc rc = sg_pades_edit_reference(owner, key, id, err);
        return rc == SG_OK ? sg_pades_edit_object(edit, id, update, err) : rc;
    }
    struct sg_pdf_put put = sg_pades_edit_key(owner, key, err);
    put_changed(edit, &put);
    return put.rc;
}
