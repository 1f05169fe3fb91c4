/* Whether a PDF can be read by who will judge its signatures. */
#include "base/limits.h"
#include "base/msg.h"
#include "formats/pades_private.h"
#include "formats/pdf_overlap.h"
#include "formats/pdf_revisions.h"
#include "formats/pdf_signatures.h"
#include "formats/pdf_write.h"

#define LATER 100 /* revisions: this signature's, its time-stamps and evidence, and those of others */

enum sg_rc sg_pades_check(struct sg_pdf *pdf, const char *name, struct sg_err *err)
{
    struct sg_pades_doc doc = {0};
    struct sg_pades_page page;
    unsigned hazards = 0;
    enum sg_rc rc = sg_pades_doc_read(pdf, name, &doc, err);

    if (rc == SG_OK)
        rc = sg_pades_find_page(&doc, 1, (struct sg_pdf_id){0}, &page, err);
    if (rc == SG_OK)
        rc = sg_pades_hazards(pdf, &hazards, err); /* which looks into every object */
    sg_pades_doc_clear(&doc);
    return rc;
}

/* Where the revision ends that the oldest signature covers; UINT64_MAX: there is no signature. */
static enum sg_rc find_first_signed(struct sg_pdf *pdf, uint64_t *ret, struct sg_err *err)
{
    struct sg_pdf_signatures signatures = {0};
    enum sg_rc rc = sg_pdf_signatures_read(pdf, &signatures, err);

    *ret = UINT64_MAX;
    for (size_t i = 0; i < signatures.count; i++) {
        const struct sg_pdf_signature *signature = &signatures.list[i];
        const uint64_t end = signature->range[2] + signature->range[3];
        if (signature->has_range && end < *ret)
            *ret = end;
    }
    sg_pdf_signatures_clear(&signatures);
    return rc;
}

static enum sg_rc check_revision(struct sg_pdf_revision *revision, struct sg_pdf *newest, struct sg_input *input,
                                 struct sg_err *err)
{
    _cleanup_(sg_pdf_freep) struct sg_pdf *pdf = sg_steal(revision->pdf);
    enum sg_rc rc = pdf ? SG_OK : sg_pdf_open(input, revision->end, &pdf, err);

    if (rc != SG_OK)
        return rc;
    sg_pdf_share(pdf, newest);
    return sg_pades_check(pdf, sg_input_name(input), err);
}

/* Who judges it opens as many as sg_pdf_revisions_read() allows. */
static enum sg_rc check_room(const struct sg_pdf_revisions *revisions, const char *name, struct sg_err *err)
{
    if (revisions->count <= SG_MAX_PDF_REVISIONS - LATER)
        return SG_OK;
    return sg_about(name, err,
                    sg_fail(err, SG_E_LIMIT,
                            _("The PDF \"%s\" was added to so often that its revisions are too many (more than %d); if "
                              "its signatures are not needed, have it saved anew as a whole."),
                            name, SG_MAX_PDF_REVISIONS - LATER));
}

enum sg_rc sg_pades_check_earlier(struct sg_pdf *pdf, struct sg_input *input, struct sg_err *err)
{
    struct sg_pdf_revisions revisions = {0};
    uint64_t first_signed = UINT64_MAX;

    if (!sg_pdf_get(sg_pdf_trailer(pdf), "Prev"))
        return SG_OK;
    enum sg_rc rc = sg_pdf_revisions_read(pdf, input, &revisions, err);
    if (rc == SG_OK)
        rc = check_room(&revisions, sg_input_name(input), err);
    if (rc == SG_OK)
        rc = find_first_signed(pdf, &first_signed, err);
    for (size_t i = revisions.count; rc == SG_OK && i-- > 0 && revisions.list[i].end >= first_signed;)
        if (i < revisions.count - 1) /* the newest is looked at by who signs it */
            rc = check_revision(&revisions.list[i], pdf, input, err);
    sg_pdf_revisions_clear(&revisions);
    return rc;
}

enum sg_rc sg_pades_check_ends(struct sg_pdf *pdf, struct sg_input *input, struct sg_err *err)
{
    const char *name = sg_input_name(input);
    struct sg_pdf_overlap overlap;
    enum sg_rc rc = sg_pdf_find_overlap(pdf, 0, sg_input_size(input), UINT64_MAX, &overlap, err);

    if (rc != SG_OK || !overlap.found)
        return rc;
    if (overlap.number == 0)
        return sg_about(name, err,
                        sg_fail(err, SG_E_MALFORMED,
                                _("\"%s\" is a broken PDF: it cannot be told where its cross-reference ends, which may "
                                  "reach into a signature; have it written anew."),
                                name));
    return sg_about(name, err,
                    sg_fail(err, SG_E_MALFORMED,
                            _("\"%s\" is a broken PDF: it cannot be told where object %d ends, which may reach into a "
                              "signature; have it written anew."),
                            name, overlap.number));
}

static bool is_signed(const struct sg_pades_doc *doc)
{
    for (size_t i = 0; i < doc->count; i++)
        if (sg_pades_is_signed(&doc->fields[i]))
            return true;
    return false;
}

enum sg_rc sg_pades_check_addition(const struct sg_pades_plan *plan, struct sg_input *input,
                                   struct sg_pdf_update *update, struct sg_err *err)
{
    _cleanup_(sg_input_freep) struct sg_input *joined = NULL;
    _cleanup_(sg_pdf_freep) struct sg_pdf *after = NULL;

    if (!plan->params->compare || !is_signed(plan->doc))
        return SG_OK;
    enum sg_rc rc = sg_input_joined(input, sg_buf_slice(sg_pdf_update_bytes(update)), &joined, err);
    if (rc == SG_OK)
        rc = sg_pdf_open(joined, sg_input_size(joined), &after, err);
    return rc == SG_OK ? plan->params->compare(plan->doc->name, plan->doc->pdf, after, err) : rc;
}
