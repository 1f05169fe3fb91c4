/* Inside of pdf.c: a PDF being judged, and its document time-stamps (pdf_stamps.c). */
#pragma once

#include <openssl/evp.h>

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
};

struct sg_pdf_file {
    struct sg_file_judging *judging;
    struct sg_input *input;
    struct sg_pdf *pdf; /* all of it */
    struct sg_pdf_revisions revisions;
    struct sg_pdf_signatures signatures;
    struct sg_pdf_found *found;   /* of each signature */
    struct sg_pdf_changes *steps; /* from each revision to the next */
    bool trailing;                /* there is something behind the last revision */
    uint64_t unreached;           /* where something stands that looks like a signature; 0: nowhere */
};

/* The length of the CMS in /Contents, which is as long as its reserved place: zeros fill it up. 0: it is not that. */
SG_MUST_CHECK enum sg_rc sg_pdf_cms_length(struct sg_slice contents, size_t *ret_len, struct sg_err *err);
/* Judges a document time-stamp (ISO 32000-2 §12.8.5) into a blank judgement. What it is over cannot be hashed: then it
 * is of something else. */
SG_MUST_CHECK enum sg_rc sg_pdf_judge_stamp(struct sg_pdf_file *file, size_t index, struct sg_timestamp *timestamp,
                                            struct sg_judgement *judgement, struct sg_err *err);
/* Adds those of the revisions from the signature's on. */
SG_MUST_CHECK enum sg_rc sg_pdf_add_stamps(struct sg_pdf_file *file, const struct sg_pdf_found *found,
                                           struct sg_verdict *verdict, struct sg_err *err);
