/* Which octets of a PDF a signature is over (ISO 32000-2 §12.8.1, EN 319 142-1 §5.3). */
#pragma once

#include "formats/pdf_revisions.h"
#include "formats/pdf_signatures.h"

/* The octets that /ByteRange names; the context of sg_pdf_ranges_stream(). */
struct sg_pdf_ranges {
    struct sg_input *input;
    const struct sg_pdf_signature *signature; /* with a range within the file */
};

/* For struct sg_source. */
enum sg_rc sg_pdf_ranges_stream(void *context, struct sg_sink sink, struct sg_err *err);

/* Whether the range is two parts within the file, so that it can be hashed at all. */
bool sg_pdf_ranges_usable(struct sg_input *input, const struct sg_pdf_signature *signature);

/* It has to be two parts, from the file's first octet to the last one of a revision, all but the string /Contents of
 * this very dictionary. `*ret_why`: a sentence that says what is wrong, to be freed; NULL: nothing, and `*ret_revision`
 * is that revision. */
SG_MUST_CHECK enum sg_rc sg_pdf_ranges_check(struct sg_input *input, const struct sg_pdf_signature *signature,
                                             const struct sg_pdf_revisions *revisions, size_t *ret_revision,
                                             char **ret_why, struct sg_err *err);
/* Whether nothing but white space stands in [from, to). */
SG_MUST_CHECK enum sg_rc sg_pdf_is_blank(struct sg_input *input, uint64_t from, uint64_t to, bool *ret,
                                         struct sg_err *err);
