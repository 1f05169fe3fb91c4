/* The parts of signing a PDF: what is read of it, what it permits, what is written. Private to formats/. */
#pragma once

#include "base/limits.h"
#include "formats/pades.h"
#include "formats/pdf_objects.h"

/* A field that has no fields below it (ISO 32000-1 §12.7.3). */
struct sg_pades_field {
    struct sg_pdf_id id; /* number 0: it is no object of its own */
    const struct sg_pdf_value *dictionary;
    char *name; /* whole, as UTF-8 */
    bool is_signature;
    const struct sg_pdf_value *value; /* what is in it; NULL: nothing */
    struct sg_pdf_id widget_id;       /* of its only widget, which may be itself */
    const struct sg_pdf_value *widget;
};

struct sg_pades_doc {
    struct sg_pdf *pdf;
    const char *name; /* of the file */
    struct sg_pdf_id catalog_id;
    const struct sg_pdf_value *catalog;
    const struct sg_pdf_value *form; /* AcroForm; NULL: none */
    struct sg_pades_field *fields;
    size_t count;
};

SG_MUST_CHECK enum sg_rc sg_pades_doc_read(struct sg_pdf *pdf, const char *name, struct sg_pades_doc *ret,
                                           struct sg_err *err);
void sg_pades_doc_clear(struct sg_pades_doc *doc);
/* "FILE is a broken PDF: WHAT." */
enum sg_rc sg_pades_broken(const struct sg_pades_doc *doc, const char *what, struct sg_err *err);
bool sg_pades_is_signed(const struct sg_pades_field *field);

/* What a PDF leaves to choose from, for a sentence: the first of them, each cut and fit to be printed. Zeroed: none. */
struct sg_pades_choices {
    char text[(SG_MAX_PDF_CHOICES + 1) * (SG_MAX_PDF_CHOICE + sizeof("\"...\", "))]; /* "A", "B", ... */
    size_t count;
};

void sg_pades_choices_add(struct sg_pades_choices *choices, const char *text);

/* As sg_pdf_hazards(), of a PDF that is open. */
SG_MUST_CHECK enum sg_rc sg_pades_hazards(struct sg_pdf *pdf, unsigned *ret, struct sg_err *err);

/* Who judges a signature opens every revision of the file (ISO 32000-1 §7.5.6), and compares those since the first
 * signature: what could not be read then is not signed now. `pdf`: the newest, which is all of `input`. */
SG_MUST_CHECK enum sg_rc sg_pades_check_earlier(struct sg_pdf *pdf, struct sg_input *input, struct sg_err *err);

/* Who judges a signature takes nothing that may reach into the octets that it leaves out (pdf_overlap.h). A signature
 * stands behind all that there is, which has to end within the file for certain: else SG_E_MALFORMED. */
SG_MUST_CHECK enum sg_rc sg_pades_check_ends(struct sg_pdf *pdf, struct sg_input *input, struct sg_err *err);

/* The field to sign: NULL is a new one of that name, which is the caller's to free. */
SG_MUST_CHECK enum sg_rc sg_pades_choose_field(const struct sg_pades_doc *doc, const char *wanted,
                                               const struct sg_pades_field **ret, char **ret_name, struct sg_err *err);

/* Whether what the field itself asks for (§12.7.4.5, seed values) can be kept: else SG_E_POLICY. */
SG_MUST_CHECK enum sg_rc sg_pades_check_seed(const struct sg_pades_doc *doc, const struct sg_pades_field *field,
                                             const struct sg_pades_params *params, struct sg_err *err);

struct sg_pades_page {
    struct sg_pdf_id id;
    const struct sg_pdf_value *dictionary;
    double x, y, width, height; /* of what is shown of it, in its own space */
    double unit;                /* points in a unit of that */
    unsigned rotate;            /* 0, 90, 180, 270: clockwise, when it is seen */
};

/* The page of that number, from 1, or (number 0) the one that has the annotation. The whole tree is walked. */
SG_MUST_CHECK enum sg_rc sg_pades_find_page(const struct sg_pades_doc *doc, unsigned number,
                                            struct sg_pdf_id annotation, struct sg_pades_page *ret, struct sg_err *err);
/* A rectangle (two corners, §7.9.5) as [left, bottom, right, top]. False: it is none. */
SG_MUST_CHECK enum sg_rc sg_pades_rectangle(const struct sg_pades_doc *doc, const struct sg_pdf_value *array,
                                            bool *ret_is_one, double ret[4], struct sg_err *err);

/* A signature that is about to be made. */
struct sg_pades_plan {
    const struct sg_pades_params *params;
    const struct sg_pades_doc *doc;
    const struct sg_pades_field *field; /* NULL: a new one */
    const char *name;
    size_t room;       /* octets for the CMS */
    bool is_timestamp; /* of the whole document: `params` are of no account */
    /* Set by sg_pades_put_signature(): where /Contents will be in the file, "<" and ">" included. */
    uint64_t contents;
    size_t contents_len;
};

/* Whether the signatures that are there permit this one, in the field `name`: else SG_E_POLICY. */
SG_MUST_CHECK enum sg_rc sg_pades_check_permitted(const struct sg_pades_plan *plan, struct sg_err *err);

/* Where it is shown. */
struct sg_pades_spot {
    struct sg_pades_page page;
    double rect[4];       /* left, bottom, right, top in the page's space; all 0: nowhere */
    double width, height; /* in points, as it is seen */
};

struct sg_pdf_update;

/* Asks `params->compare`, with `update` complete. */
SG_MUST_CHECK enum sg_rc sg_pades_check_addition(const struct sg_pades_plan *plan, struct sg_input *input,
                                                 struct sg_pdf_update *update, struct sg_err *err);

/* Of a new field, or of a field whose look is to change: outside the page or without room is SG_E_USAGE. */
SG_MUST_CHECK enum sg_rc sg_pades_find_spot(const struct sg_pades_plan *plan, struct sg_pades_spot *ret,
                                            struct sg_err *err);
/* Puts what is shown there: the look, or nothing. `*ret` is the form XObject. */
SG_MUST_CHECK enum sg_rc sg_pades_put_appearance(const struct sg_pades_plan *plan, const struct sg_pades_spot *spot,
                                                 struct sg_pdf_update *update, struct sg_pdf_id *ret,
                                                 struct sg_err *err);
/* Puts the signature dictionary; all digits of /Contents are "0". Gives the place in the update where
 * sg_pades_byte_range() is to put /ByteRange once the update is complete. */
SG_MUST_CHECK enum sg_rc sg_pades_put_dictionary(struct sg_pades_plan *plan, struct sg_pdf_id id,
                                                 struct sg_pdf_update *update, size_t *ret_byte_range,
                                                 struct sg_err *err);
void sg_pades_byte_range(const struct sg_pades_plan *plan, struct sg_pdf_update *update, size_t place);
/* Puts everything, and finishes the update. */
SG_MUST_CHECK enum sg_rc sg_pades_put_signature(struct sg_pades_plan *plan, struct sg_pdf_update *update,
                                                struct sg_err *err);
