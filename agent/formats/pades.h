/* Signing PDFs: PAdES-B-B (EN 319 142-1 §6) by an incremental update (ISO 32000-1 §7.5.6). No octet that was there
 * changes. */
#pragma once

#include "base/outfile.h"
#include "formats/cades.h"
#include "formats/pdf_look.h"
#include "formats/pdf_objects.h"

#define SG_PADES_RESERVE (16 * 1024) /* room in /Contents beside the CMS, for a time-stamp that comes later */

/* Whether what was signed in a PDF stays so in what it will be, in which /Contents of the new signature is zeros yet.
 * An error: the signature is not made. */
typedef enum sg_rc sg_pades_compare(const char *name, struct sg_pdf *before, struct sg_pdf *after, struct sg_err *err);

struct sg_pades_params {
    const struct sg_cades_signer *signer; /* made with `leave_out_signing_time` */
    const char *field; /* UTF-8: a signature field that is there and empty, or one to be made; NULL: the only empty one,
                        * else a new one */
    const char *name, *reason, *location, *contact; /* UTF-8; NULL: none */
    unsigned certify;                               /* DocMDP's P, 1 to 3; 0: an approval signature */
    size_t reserve;
    int64_t signing_time;           /* /M */
    unsigned page;                  /* from 1, of a new field; 0: the first */
    struct sg_pdf_rect rect;        /* of a new field that is visible; one that is there keeps its own */
    const struct sg_pdf_look *look; /* NULL: invisible, or as the field is */
    const char *image_name;         /* of the look's image, for messages; NULL: there is none */
    sg_pades_compare *compare;      /* asked where there are signatures already; NULL: nobody is */
    unsigned *ret_hazards;          /* set to what sg_pdf_hazards() says of the PDF; NULL: that is not asked */
};

/* Signs: reads `input` once or twice, writes `out` (not committed), uses the key once. `digest`: of the signed octets,
 * room for EVP_MAX_MD_SIZE. Encrypted: SG_E_UNSUPPORTED; broken: SG_E_MALFORMED; what an earlier certification or lock
 * does not permit (DocMDP, FieldMDP): SG_E_POLICY. */
SG_MUST_CHECK enum sg_rc sg_pades_sign(const struct sg_pades_params *params, struct sg_input *input,
                                       struct sg_outfile *out, uint8_t *digest, size_t *ret_digest_len,
                                       struct sg_err *err);

/* What in a PDF can make it show something else than what is signed. */
enum sg_pdf_hazard {
    SG_PDF_SCRIPTS = 1 << 0, /* JavaScript */
    SG_PDF_LAUNCH = 1 << 1,  /* actions that start programs, open other files, or submit or import data */
    SG_PDF_EXTERNAL = 1 << 2 /* content that comes from elsewhere: external streams, referenced files; media */
};

/* Those of `input`, ored. Errors as above. */
SG_MUST_CHECK enum sg_rc sg_pdf_hazards(struct sg_input *input, unsigned *ret, struct sg_err *err);

/* Whether the form, the pages and every object can be read. `name`: of the file. Errors as above. */
SG_MUST_CHECK enum sg_rc sg_pades_check(struct sg_pdf *pdf, const char *name, struct sg_err *err);
