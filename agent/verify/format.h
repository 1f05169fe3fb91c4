/* The formats of files with signatures, and what they share. verify.c has the list of them. */
#pragma once

#include "formats/cades_evidence.h"
#include "verify/verdict.h"
#include "verify/verifier.h"

/* A file being judged. */
struct sg_file_judging {
    struct sg_verifier *verifier;
    struct sg_report *report;
    unsigned steps; /* work that may be spent on paths, for all signatures of the file together */
};

struct sg_format {
    /* Whether the file is of this format, by how it begins. */
    enum sg_rc (*probe)(struct sg_input *input, bool *ret, struct sg_err *err);
    /* Loads what judging needs; NULL: nothing. */
    enum sg_rc (*preload)(struct sg_err *err);
    /* Judges every signature, and says in the report which format it is, if there is any. `content` is what was found
     * or named to go with the file; NULL: nothing. A broken file: SG_E_MALFORMED or SG_E_LIMIT. */
    enum sg_rc (*judge)(struct sg_file_judging *judging, struct sg_input *file, struct sg_input *content,
                        struct sg_err *err);
};

extern const struct sg_format sg_format_cms;
extern const struct sg_format sg_format_asic; /* containers (asic.c) */
extern const struct sg_format sg_format_mime;
extern const struct sg_format sg_format_pdf;

/* A CMS that a format has found. */
struct sg_cms_file {
    struct sg_input *cms;
    const struct sg_source *content;         /* what it is over, if it is detached; NULL: not to be had */
    const struct sg_evidence_beside *beside; /* what stands in the file beside the CMS; NULL: nothing */
    const char *covers;                      /* copied */
    int64_t claimed_time;                    /* that the format gives in place of the attribute signing-time; 0: none */
    /* Adds what the format knows (reasons, `covers`, `changes`, `files`) to the judgement of each SignerInfo, before it
     * is an answer. May be NULL. */
    enum sg_rc (*judged)(void *context, const struct sg_signer_info *si, struct sg_judgement *judgement,
                         struct sg_err *err);
    void *context;
};

/* Judges each SignerInfo of it (EN 319 102-1 §5.6.3, which takes in §5.5 and §5.3), and adds the verdicts to the
 * report.
 */
SG_MUST_CHECK enum sg_rc sg_judge_cms(struct sg_file_judging *judging, const struct sg_cms_file *file,
                                      struct sg_err *err);
