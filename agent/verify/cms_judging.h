/* What judging the SignerInfos of a CMS and judging their countersignatures share. Private to cms_file.c and
 * countersignature.c. */
#pragma once

#include "verify/content.h"
#include "verify/format.h"

/* A CMS being judged. */
struct sg_cms_judging {
    struct sg_verifier *verifier;
    struct sg_cms *cms;
    unsigned *steps;          /* of the file */
    size_t countersignatures; /* of the CMS, by now */
};

/* A SignerInfo, and what it is over. */
struct sg_cms_judged {
    const struct sg_signer_info *si;
    struct sg_evidence *evidence; /* its own */
    const struct sg_content *content;
    int64_t claimed_time; /* as sg_signature_request has it */
    bool countersignature;
};

/* Takes it through the validation process (cms_file.c). */
SG_MUST_CHECK enum sg_rc sg_judge_signer_info(const struct sg_cms_judging *judging, const struct sg_cms_judged *judged,
                                              struct sg_judgement *judgement, struct sg_err *err);

/* Judges the countersignatures (RFC 5652 §11.4) of the signature with that number, and those of them, and adds a
 * verdict of each to the report: "1.1" is the first one of signature "1". What cannot be read, and that there are more
 * than SG_MAX_COUNTERSIGNATURES or that they are nested deeper than SG_MAX_COUNTERSIGNATURE_NESTING, is a verdict that
 * is not PASSED (countersignature.c). */
SG_MUST_CHECK enum sg_rc sg_judge_countersignatures(struct sg_cms_judging *judging, const struct sg_signer_info *of,
                                                    const char *number, struct sg_report *report, struct sg_err *err);
