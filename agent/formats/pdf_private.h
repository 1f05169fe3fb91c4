/* Inside: between pdf_objects.c, its neighbours and the module signet-pdf.so (pdf_module.cpp), which alone links qpdf.
 */
#pragma once

#include "formats/pdf_objects.h"

/* What pdf_objects.c reads of a document; the module's own part stands behind it. */
struct sg_pdf {
    const struct sg_pdf_module *module;
    struct sg_input *input;
    struct sg_pdf *newer; /* reads what is at the same place there; NULL: nothing is shared */
    uint64_t end, startxref;
    enum sg_pdf_xref xref;
    const struct sg_pdf_value *trailer;
    const struct sg_pdf_place *places;
    size_t count;
};

struct sg_pdf_module {
    /* Fills module, trailer, places and count. `input` begins with "%PDF-". */
    enum sg_rc (*open)(struct sg_input *input, uint64_t end, struct sg_pdf **ret, struct sg_err *err);
    void (*free)(struct sg_pdf *pdf);
    enum sg_rc (*object)(struct sg_pdf *pdf, struct sg_pdf_id id, const struct sg_pdf_value **ret, struct sg_err *err);
    /* An octet behind all that was read for an object that is not compressed; SG_PDF_NO_OFFSET: unknown. */
    enum sg_rc (*extent)(struct sg_pdf *pdf, struct sg_pdf_id id, uint64_t *ret, struct sg_err *err);
    /* The dictionary of the stream that stands there, whatever its number. */
    enum sg_rc (*dictionary)(struct sg_pdf *pdf, uint64_t offset, const struct sg_pdf_value **ret, struct sg_err *err);
    enum sg_rc (*stream)(struct sg_pdf *pdf, struct sg_pdf_id id, bool decoded, struct sg_buf *out, struct sg_err *err);
};

/* The table of the module. Weak here: a test or a fuzz target may have it linked in. */
#define SG_PDF_MODULE_SYMBOL "sg_pdf_module_table"
extern const struct sg_pdf_module sg_pdf_module_table __attribute__((visibility("default")));

/* "startxref", a number, "%%EOF" (§7.5.5): whether `text` begins so, and how long that is. */
bool sg_pdf_read_ending(const char *text, size_t len, uint64_t *ret_startxref, size_t *ret_len);
/* White space (§7.2.2). */
static inline bool sg_pdf_is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' || c == '\0';
}
/* The newest cross-reference section, with a hybrid's stream, has no object twice: else SG_E_MALFORMED. */
SG_MUST_CHECK enum sg_rc sg_pdf_check_section(struct sg_pdf *pdf, struct sg_err *err);
