/* Inside of pdf.c: a PDF being judged, what came after its signatures (pdf_after.c), its document time-stamps
 * (pdf_stamps.c), and what it carries to judge by (pdf_evidence.c). */
#pragma once

#include <openssl/evp.h>

#include "formats/pdf_dss.h"
#include "verify/format.h"
#include "verify/pdf_changes.h"
#include "verify/pdf_ranges.h"

/* What is known of one signature before it is judged. */
struct sg_pdf_found {
    char *why_range; /* its octets are not what they have to be; NULL: they are */
    size_t revision; /* from 0; only if `why_range` is NULL */
    int level;       /* what the certification in that revision and the signature's lock grant; 0: there is neither */
    /* Of a document time-stamp: the digest of its octets, by its own algorithm. */
    uint8_t digest[EVP_MAX_MD_SIZE];
    size_t digest_len; /* 0: not calculated, or it cannot be */
    bool digested;
    /* Once it has been judged, if it is: */
    struct sg_report *report; /* its verdicts; NULL: none */
    bool intact;              /* it covers its revision, which has not been altered */
    bool unknown_kind;        /* of a /SubFilter that is not judged */
};

struct sg_pdf_file {
    struct sg_file_judging *judging;
    struct sg_input *input;
    struct sg_pdf *pdf; /* all of it */
    struct sg_pdf_revisions revisions;
    struct sg_pdf_signatures signatures;
    struct sg_pdf_found *found;   /* of each signature */
    struct sg_pdf_changes *steps; /* from each revision to the next */
    struct sg_pdf_dss dss;
    size_t evidence_left; /* octets that may yet be given to signatures, SG_MAX_PDF_EVIDENCE_GIVEN at first */
    bool trailing;        /* there is something behind the last revision */
    uint64_t unreached;   /* where something stands that looks like a signature; 0: nowhere */
};

/* The length of the CMS in /Contents, which is as long as its reserved place: zeros fill it up. 0: it is not that. */
SG_MUST_CHECK enum sg_rc sg_pdf_cms_length(struct sg_slice contents, size_t *ret_len, struct sg_err *err);
/* Judges a document time-stamp (ISO 32000-2 §12.8.5) into a blank judgement. What it is over cannot be hashed: then it
 * is of something else. */
SG_MUST_CHECK enum sg_rc sg_pdf_judge_stamp(struct sg_pdf_file *file, size_t index, struct sg_timestamp *timestamp,
                                            struct sg_judgement *judgement, struct sg_err *err);
/* Its octets are hashed, as its own token wants, into `found`; once. */
SG_MUST_CHECK enum sg_rc sg_pdf_digest_stamped(struct sg_pdf_file *file, size_t index, struct sg_slice token,
                                               struct sg_err *err);
/* Adds to what is told of the signature those that prove nothing about it: of its own revision, or with wrong octets.
 */
SG_MUST_CHECK enum sg_rc sg_pdf_add_stamps(struct sg_pdf_file *file, const struct sg_pdf_found *found,
                                           struct sg_verdict *verdict, struct sg_err *err);

/* What one signature is judged by beside its CMS: the DSS, and the document time-stamps of later revisions. A revision
 * is a layer of evidence, and a time-stamp in it another above that: it is over the file up to the end of its revision,
 * the DSS there with it. A time-stamp whose octets are not what they have to be is none of them. */
struct sg_pdf_evidence {
    struct sg_evidence_beside beside;
    struct sg_evidence_item *items;
    struct sg_evidence_document_stamp *stamps;
};

/* It borrows from `file`. Of an index that is a document time-stamp's: the DSS alone. */
SG_MUST_CHECK enum sg_rc sg_pdf_evidence_for(struct sg_pdf_file *file, size_t index, struct sg_pdf_evidence *ret,
                                             struct sg_err *err);
void sg_pdf_evidence_clear(struct sg_pdf_evidence *evidence);

/* Notes whether something came after that signature, which covers a revision, and why that was forbidden, if it was.
 * Later signatures have to be judged by then. */
SG_MUST_CHECK enum sg_rc sg_pdf_note_changes(struct sg_pdf_file *file, const struct sg_pdf_found *found,
                                             struct sg_judgement *judgement, struct sg_err *err);
