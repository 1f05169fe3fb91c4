/* What `signet sign` can be told of a PDF's signature. */
#pragma once

#include "cli/options.h"
#include "formats/pades.h"

/* For the table of sign's options. */
#define SG_SIGN_PDF_OPTIONS                                                                                            \
    {.name = "field",                                                                                                  \
     .argument = "NAME",                                                                                               \
     .help = N_("PDF: sign this field, or make it (the empty one, else a new "                                         \
                "one)")},                                                                                              \
        {.name = "reason", .argument = "TEXT", .help = N_("PDF: why it is signed")},                                   \
        {.name = "location", .argument = "TEXT", .help = N_("PDF: where")},                                            \
        {.name = "contact", .argument = "TEXT", .help = N_("PDF: how to reach the signer")},                           \
        {.name = "certify",                                                                                            \
         .argument = "1|2|3",                                                                                          \
         .help = N_("PDF: certify it: afterwards nothing, forms, or forms and annotations may change")},               \
        {.name = "rect",                                                                                               \
         .argument = "X,Y,W,H",                                                                                        \
         .help = N_("PDF: show the signature here, in points from the lower left of the page")},                       \
        {.name = "page", .argument = "N", .help = N_("PDF: on page N (1)")},                                           \
        {.name = "visible", .help = N_("PDF: show the signature in its field, which has a place already")},            \
        {.name = "image", .argument = "FILE", .help = N_("PDF: show this JPEG or PNG with it")},                       \
    {                                                                                                                  \
        .name = "reserve", .argument = "BYTES",                                                                        \
        .help = N_("PDF: leave so much room in the signature for a time-stamp (16384)")                                \
    }

struct sg_sign_pdf {
    struct sg_pades_params params; /* what is the same for each file */
    bool visible;
    struct sg_buf image; /* empty: none */
    const char *image_name;
};

/* Whether any of them is given. */
bool sg_sign_pdf_given(const struct sg_args *args);
/* Values that are none, or do not go together: SG_E_USAGE. Reads the image. */
SG_MUST_CHECK enum sg_rc sg_sign_pdf_read(const struct sg_args *args, struct sg_sign_pdf *ret, struct sg_err *err);
void sg_sign_pdf_clear(struct sg_sign_pdf *pdf);
