/* Dictionaries that a PDF has, written again with changes. Private to formats/. */
#pragma once

#include "formats/pades_private.h"
#include "formats/pdf_write.h"

#define SG_PADES_MAX_CHANGES 4 /* in one dictionary */

struct sg_pades_edit {
    const struct sg_pdf_value *dictionary; /* NULL: a new one */
    const char *keys[SG_PADES_MAX_CHANGES];
    struct sg_buf texts[SG_PADES_MAX_CHANGES];
    size_t count; /* of changes */
};

void sg_pades_edit_clear(struct sg_pades_edit *edit);
/* The new value of `key` is to be put there, before the next call. */
struct sg_pdf_put sg_pades_edit_key(struct sg_pades_edit *edit, const char *key, struct sg_err *err);
SG_MUST_CHECK enum sg_rc sg_pades_edit_reference(struct sg_pades_edit *edit, const char *key, struct sg_pdf_id id,
                                                 struct sg_err *err);
/* Adds to the array that `edit` has as `key`, where that stands: an object of its own, or a part of the dictionary. */
SG_MUST_CHECK enum sg_rc sg_pades_edit_lengthen(const struct sg_pades_doc *doc, struct sg_pades_edit *edit,
                                                const char *key, struct sg_pdf_id element, struct sg_pdf_update *update,
                                                struct sg_err *err);

/* Writes it as the object `id`. */
SG_MUST_CHECK enum sg_rc sg_pades_edit_object(const struct sg_pades_edit *edit, struct sg_pdf_id id,
                                              struct sg_pdf_update *update, struct sg_err *err);
/* Writes it where `owner` has it as `key`: an object of its own, or a part of the owner. One that is not there yet
 * becomes an object. */
SG_MUST_CHECK enum sg_rc sg_pades_edit_in_place(const struct sg_pades_edit *edit, struct sg_pades_edit *owner,
                                                const char *key, struct sg_pdf_update *update, struct sg_err *err);
