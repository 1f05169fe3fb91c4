/* What a PDF carries to judge its signatures by (EN 319 142-1 §5.4.2, §5.4.3). */
#include <stdlib.h>

#include "base/limits.h"
#include "verify/pdf_file.h"

/* What a signature leaves out of the file, its own /Contents, can be changed as far as the CMS is: by unsigned
 * attributes. A stream that reaches there need not be what it was. */
static bool is_in_gap(const struct sg_pdf_file *file, const struct sg_pdf_dss_item *item)
{
    for (size_t i = 0; i < file->signatures.count; i++) {
        const struct sg_pdf_signature *signature = &file->signatures.list[i];
        if (signature->has_range && item->offset < signature->range[2] && item->extent > signature->range[1])
            return true;
    }
    return false;
}

/* As far as that is not beyond what may be given to all signatures of the file together. */
static enum sg_rc find_items(struct sg_pdf_file *file, struct sg_pdf_evidence *ret, struct sg_err *err)
{
    const struct sg_pdf_dss *dss = &file->dss;
    ret->beside.left_out = dss->left_out;
    if (dss->count == 0)
        return SG_OK;
    ret->beside.items = ret->items = calloc(dss->count, sizeof *ret->items);
    if (!ret->items)
        return sg_fail_memory(err);
    for (size_t i = 0; i < dss->count; i++) {
        const struct sg_pdf_dss_item *item = &dss->items[i];
        size_t cost = item->der.len + 4 * SG_KIB; /* of reading it, however short it is */
        if (cost > file->evidence_left || is_in_gap(file, item)) {
            ret->beside.left_out = true;
            continue;
        }
        file->evidence_left -= cost;
        ret->items[ret->beside.count++] =
            (struct sg_evidence_item){.kind = item->kind, .der = sg_buf_slice(&item->der), .layer = 2 * item->revision};
    }
    return SG_OK;
}

/* ISO 32000-2 §12.8.5: over a later revision, all of which it covers. */
static bool proves(const struct sg_pdf_file *file, size_t stamp, size_t signature)
{
    const struct sg_pdf_found *one = &file->found[stamp], *other = &file->found[signature];
    return file->signatures.list[stamp].is_timestamp && !one->why_range && !other->why_range &&
           one->revision > other->revision;
}

static enum sg_rc find_stamps(struct sg_pdf_file *file, size_t index, struct sg_pdf_evidence *ret, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    ret->beside.stamps = ret->stamps = calloc(file->signatures.count, sizeof *ret->stamps);
    if (!ret->stamps)
        return sg_fail_memory(err);
    for (size_t i = 0; rc == SG_OK && i < file->signatures.count; i++) {
        struct sg_pdf_found *found = &file->found[i];
        struct sg_slice token = {file->signatures.list[i].cms.data, 0};
        if (!proves(file, i, index))
            continue;
        rc = sg_pdf_cms_length(file->signatures.list[i].cms, &token.len, err);
        if (rc == SG_OK)
            rc = sg_pdf_digest_stamped(file, i, token, err);
        ret->stamps[ret->beside.stamp_count++] = (struct sg_evidence_document_stamp){
            .token = token, .digest = {found->digest, found->digest_len}, .layer = 2 * found->revision + 1};
    }
    return rc;
}

enum sg_rc sg_pdf_evidence_for(struct sg_pdf_file *file, size_t index, struct sg_pdf_evidence *ret, struct sg_err *err)
{
    enum sg_rc rc = find_items(file, ret, err);
    return rc == SG_OK && !file->signatures.list[index].is_timestamp ? find_stamps(file, index, ret, err) : rc;
}

void sg_pdf_evidence_clear(struct sg_pdf_evidence *evidence)
{
    free(evidence->items);
    free(evidence->stamps);
    *evidence = (struct sg_pdf_evidence){0};
}
