#include "formats/pades.h"

#include <string.h>

#include "base/hash.h"
#include "base/limits.h"
#include "base/msg.h"
#include "formats/cades_signer.h"
#include "formats/pades_private.h"
#include "formats/pdf_write.h"

static enum sg_rc check_params(const struct sg_pades_params *params, struct sg_err *err)
{
    if (params->certify > 3)
        return sg_fail(err, SG_E_USAGE, "%s",
                       _("A certification permits 1 (no changes), 2 (filling in forms and "
                         "signing) or 3 (annotations too)."));
    if (params->reserve > SG_MAX_PDF_RESERVE)
        return sg_fail(err, SG_E_USAGE, _("At most %zu bytes can be reserved in a PDF for a time-stamp."),
                       SG_MAX_PDF_RESERVE);
    return SG_OK;
}

/* All that is appended, the digits of /Contents being zeros. */
static enum sg_rc make_update(struct sg_pades_plan *plan, struct sg_pdf *pdf, struct sg_input *input,
                              struct sg_pdf_update **ret, struct sg_err *err)
{
    const struct sg_pades_params *params = plan->params;
    _cleanup_(sg_pdf_update_freep) struct sg_pdf_update *update = NULL;
    _cleanup_(freep) char *name = NULL;
    size_t cms = 0;
    enum sg_rc rc = sg_pades_choose_field(plan->doc, params->field, &plan->field, &name, err);

    plan->name = name;
    if (rc == SG_OK)
        rc = sg_pades_check_permitted(plan, err);
    if (rc == SG_OK && plan->field)
        rc = sg_pades_check_seed(plan->doc, plan->field, params, err);
    if (rc == SG_OK)
        rc = sg_cades_detached_most(params->signer, params->signing_time, &cms, err);
    if (rc == SG_OK)
        rc = sg_pdf_update_new(pdf, input, &update, err);
    plan->room = cms + params->reserve;
    if (rc == SG_OK)
        rc = sg_pades_put_signature(plan, update, err);
    if (rc == SG_OK)
        rc = sg_pades_check_addition(plan, input, update, err);
    plan->name = NULL;
    if (rc == SG_OK)
        *ret = sg_steal(update);
    return rc;
}

/* Reads the PDF, and forgets it: what is to be appended is all that is needed of it. */
static enum sg_rc prepare(struct sg_pades_plan *plan, struct sg_input *input, struct sg_pdf_update **ret,
                          struct sg_err *err)
{
    _cleanup_(sg_pdf_freep) struct sg_pdf *pdf = NULL;
    struct sg_pades_doc doc = {0};
    enum sg_rc rc = sg_pdf_open(input, sg_input_size(input), &pdf, err);

    if (rc == SG_OK)
        rc = sg_pades_doc_read(pdf, sg_input_name(input), &doc, err);
    if (rc == SG_OK && plan->params->ret_hazards)
        rc = sg_pades_hazards(pdf, plan->params->ret_hazards, err);
    if (rc == SG_OK)
        rc = sg_pades_check_earlier(pdf, input, err);
    if (rc == SG_OK)
        rc = sg_pades_check_ends(pdf, input, err);
    plan->doc = &doc;
    if (rc == SG_OK)
        rc = make_update(plan, pdf, input, ret, err);
    plan->doc = NULL;
    plan->field = NULL;
    sg_pades_doc_clear(&doc);
    return rc;
}

/* The file as it was, hashed and copied in one go; where the file system can share its blocks, only hashed. */
static enum sg_rc copy_input(struct sg_input *input, struct sg_outfile *out, struct sg_hash *hash, struct sg_err *err)
{
    const int fd = sg_input_fd(input);
    const bool cloned = fd >= 0 && sg_outfile_clone(out, fd);

    sg_hash_set_onward(hash, cloned ? (struct sg_sink){NULL, NULL} : sg_outfile_sink(out));
    enum sg_rc rc = sg_input_copy(input, 0, sg_input_size(input), sg_hash_sink(hash), err);
    sg_hash_set_onward(hash, (struct sg_sink){NULL, NULL});
    return rc == SG_OK ? sg_input_check_unchanged(input, err) : rc;
}

static enum sg_rc hash_update(struct sg_slice bytes, size_t gap, size_t gap_len, struct sg_hash *hash, uint8_t *digest,
                              size_t *ret_len, struct sg_err *err)
{
    const struct sg_sink sink = sg_hash_sink(hash);
    enum sg_rc rc = sink.write(sink.context, bytes.data, gap, err);

    if (rc == SG_OK)
        rc = sink.write(sink.context, bytes.data + gap + gap_len, bytes.len - gap - gap_len, err);
    return rc == SG_OK ? sg_hash_end(hash, digest, ret_len, err) : rc;
}

/* The CMS as the first digits of /Contents. */
static enum sg_rc fill_contents(const struct sg_pades_plan *plan, struct sg_slice digest, uint8_t *contents,
                                struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf cms = SG_BUF(SG_MAX_CMS_REST);
    enum sg_rc rc = sg_cades_sign_detached(plan->params->signer, digest, plan->params->signing_time, &cms, err);

    if (rc == SG_OK && cms.len > plan->room)
        rc = sg_fail(err, SG_E_INTERNAL, "%s", _("The signature is larger than the room for it."));
    if (rc != SG_OK)
        return rc;
    const uint8_t behind = contents[1 + 2 * cms.len];
    sg_hex(cms.data, cms.len, (char *)contents + 1);
    contents[1 + 2 * cms.len] = behind; /* where sg_hex() put its NUL */
    return SG_OK;
}

enum sg_rc sg_pades_sign(const struct sg_pades_params *params, struct sg_input *input, struct sg_outfile *out,
                         uint8_t *digest, size_t *ret_digest_len, struct sg_err *err)
{
    struct sg_pades_plan plan = {.params = params};
    _cleanup_(sg_pdf_update_freep) struct sg_pdf_update *update = NULL;
    _cleanup_(sg_hash_freep) struct sg_hash *hash = NULL;
    uint8_t md[EVP_MAX_MD_SIZE];
    size_t md_len = 0;
    enum sg_rc rc = check_params(params, err);

    if (rc == SG_OK)
        rc = prepare(&plan, input, &update, err);
    if (rc == SG_OK)
        rc = sg_hash_new(params->signer->libctx, sg_cades_digest_name(params->signer), (struct sg_sink){NULL, NULL},
                         &hash, err);
    if (rc == SG_OK)
        rc = copy_input(input, out, hash, err);
    if (rc != SG_OK)
        return rc;
    const struct sg_buf *bytes = sg_pdf_update_bytes(update);
    const size_t gap = (size_t)(plan.contents - sg_pdf_update_base(update));
    rc = hash_update(sg_buf_slice(bytes), gap, plan.contents_len, hash, md, &md_len, err);
    if (rc == SG_OK)
        rc = fill_contents(&plan, (struct sg_slice){md, md_len}, bytes->data + gap, err);
    if (rc == SG_OK)
        rc = sg_outfile_write(out, bytes->data, bytes->len, err);
    if (rc != SG_OK)
        return rc;
    memcpy(digest, md, md_len);
    *ret_digest_len = md_len;
    return SG_OK;
}
