/* The document security store of a PDF (EN 319 142-1 §5.4.2; ISO 32000-2 §12.8.4.3): certificates, CRLs and OCSP
 * responses, in the revision in which each first stood. Nothing is judged here, and none of it is parsed. */
#pragma once

#include "formats/cades_evidence.h"
#include "formats/pdf_objects.h"

struct sg_pdf_dss_item {
    enum sg_evidence_item_kind kind;
    int number;      /* of its stream */
    uint64_t extent; /* behind all that was read for it */
    uint64_t offset; /* where that stands */
    bool whole;      /* all that it is read by stands there, too */
    size_t revision; /* the oldest that was looked at in which it is the same, and wholly within */
    struct sg_buf der;
};

struct sg_pdf_dss {
    struct sg_pdf_dss_item *items;
    size_t count, room;
    size_t looked_at; /* entries of arrays and of VRI, SG_MAX_EVIDENCE_LOOKED_AT at most */
    size_t octets;    /* of all, and of what could not be used */
    bool left_out;    /* there is more, which cannot be read or is beyond a limit */
};

/* Takes in what the DSS of that revision holds, its VRI with it. Revisions are looked at from the newest on; `newer` is
 * the one behind this, NULL for the newest. What is there twice, in two objects, is two items. */
SG_MUST_CHECK enum sg_rc sg_pdf_dss_read(struct sg_pdf_dss *dss, struct sg_pdf *pdf, struct sg_pdf *newer,
                                         size_t revision, struct sg_err *err);
void sg_pdf_dss_clear(struct sg_pdf_dss *dss);
