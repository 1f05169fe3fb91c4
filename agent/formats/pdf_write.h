/* An incremental update of a PDF (ISO 32000-1 §7.5.6): changed and new objects, and a cross-reference section of the
 * kind that the file's newest one is. It is made in memory, and is to be put behind the file's last octet as it is. */
#pragma once

#include "formats/pdf_put.h"

struct sg_pdf_update;

/* Of the whole of `input`, which is open as `pdf`. Both must outlive the update. Every object is looked at: the numbers
 * of new ones are none that anything refers to. */
SG_MUST_CHECK enum sg_rc sg_pdf_update_new(struct sg_pdf *pdf, struct sg_input *input, struct sg_pdf_update **ret,
                                           struct sg_err *err);
void sg_pdf_update_free(struct sg_pdf_update *update);
SG_DEFINE_CLEANUP(struct sg_pdf_update, sg_pdf_update_free)

/* For an object that the file does not have yet. */
struct sg_pdf_id sg_pdf_update_new_id(struct sg_pdf_update *update);
/* Between the two, the object is put; it is an error if it was put before. A stream's data goes in between its
 * dictionary and the end by sg_pdf_update_stream(). */
struct sg_pdf_put *sg_pdf_update_begin(struct sg_pdf_update *update, struct sg_pdf_id id, struct sg_err *err);
void sg_pdf_update_stream(struct sg_pdf_update *update, struct sg_slice data);
SG_MUST_CHECK enum sg_rc sg_pdf_update_end(struct sg_pdf_update *update);
/* The cross-reference section, and the end. Once. */
SG_MUST_CHECK enum sg_rc sg_pdf_update_finish(struct sg_pdf_update *update, struct sg_err *err);

/* So far: where the update begins in the file to be, and its octets, which may be overwritten but not moved. */
uint64_t sg_pdf_update_base(const struct sg_pdf_update *update);
struct sg_buf *sg_pdf_update_bytes(struct sg_pdf_update *update);
