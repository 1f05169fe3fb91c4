/* What the module "signet-text.so" exports: sg_pdf_look_draw() itself, whose arguments were looked at. `parts` is empty
 * at first, and the caller's to clear, after a failure too. */
#pragma once

#include "formats/pdf_look.h"

#define SG_TEXT_MODULE "signet-text.so"
#define SG_TEXT_TABLE "sg_text_table"

struct sg_text_table {
    enum sg_rc (*draw)(const struct sg_pdf_look *look, double width, double height, const char *image_name,
                       struct sg_pdf_look_parts *parts, struct sg_err *err);
};

extern const struct sg_text_table sg_text_table;
