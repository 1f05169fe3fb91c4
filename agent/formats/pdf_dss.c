#include "formats/pdf_dss.h"

#include <stdlib.h>

#include "base/limits.h"

/* A revision being looked at. */
struct look {
    struct sg_pdf_dss *dss;
    struct sg_pdf *pdf, *newer;
    size_t revision;
};

/* Evidence that cannot be read is none, and no reason not to judge. */
static enum sg_rc leave_out(struct sg_pdf_dss *dss, enum sg_rc rc, const struct sg_err *why, struct sg_err *err)
{
    if (rc == SG_E_MALFORMED || rc == SG_E_LIMIT || rc == SG_E_UNSUPPORTED) {
        dss->left_out = true;
        return SG_OK;
    }
    if (rc != SG_OK && err)
        *err = *why;
    return rc;
}

/* What is looked at costs, be it of use or not: arrays can be long, and each be there for many. */
static bool is_enough(struct sg_pdf_dss *dss)
{
    if (dss->looked_at == SG_MAX_EVIDENCE_LOOKED_AT) {
        dss->left_out = true;
        return true;
    }
    dss->looked_at++;
    return false;
}

/* Whether it was taken in already: in this revision, or in the one behind it, where it is the same. */
static enum sg_rc find_known(const struct look *look, enum sg_evidence_item_kind kind, const struct sg_pdf_place *place,
                             bool *ret, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    *ret = false;
    for (size_t i = 0; rc == SG_OK && !*ret && i < look->dss->count; i++) {
        struct sg_pdf_dss_item *item = &look->dss->items[i];
        if (item->kind != kind || item->number != place->id.number || item->offset != place->offset)
            continue;
        *ret = item->revision == look->revision;
        if (*ret || !item->whole || !look->newer || item->revision != look->revision + 1)
            continue;
        rc = sg_pdf_same_place(look->pdf, look->newer, place->id.number, ret, err);
        if (rc == SG_OK && *ret)
            item->revision = look->revision;
    }
    return rc;
}

static enum sg_rc grow(struct sg_pdf_dss *dss, struct sg_err *err)
{
    if (dss->count < dss->room)
        return SG_OK;
    size_t room = dss->room * 2 + 8;
    struct sg_pdf_dss_item *items = reallocarray(dss->items, room, sizeof *items);
    if (!items)
        return sg_fail_memory(err);
    dss->items = items;
    dss->room = room;
    return SG_OK;
}

static enum sg_rc take_stream(const struct look *look, enum sg_evidence_item_kind kind,
                              const struct sg_pdf_place *place, struct sg_err *err)
{
    struct sg_pdf_dss *dss = look->dss;
    struct sg_pdf_dss_item item = {.kind = kind,
                                   .number = place->id.number,
                                   .offset = place->offset,
                                   .revision = look->revision,
                                   .der = SG_BUF(SG_MAX_PDF_EVIDENCE - dss->octets)};
    const struct sg_pdf_value *stream = NULL;
    enum sg_rc rc = sg_pdf_object(look->pdf, place->id, &stream, err);
    if (rc != SG_OK || stream->type != SG_PDF_STREAM) {
        dss->left_out |= rc == SG_OK;
        return rc;
    }
    /* Its filters and its length are not said elsewhere, where a later revision could say something else. */
    item.whole = !sg_pdf_has_reference(stream);
    rc = sg_pdf_extent(look->pdf, place->id, &item.extent, err);
    if (rc == SG_OK)
        rc = sg_pdf_stream(look->pdf, place->id, true, &item.der, err);
    dss->octets += rc == SG_OK ? item.der.len : rc == SG_E_LIMIT ? item.der.max : 0;
    if (rc == SG_OK)
        rc = grow(dss, err);
    if (rc == SG_OK)
        dss->items[dss->count++] = item;
    else
        sg_buf_clear(&item.der);
    return rc;
}

/* An entry of one of the arrays: a reference to a stream. */
static enum sg_rc take(const struct look *look, enum sg_evidence_item_kind kind, const struct sg_pdf_value *value,
                       struct sg_err *err)
{
    struct sg_pdf_dss *dss = look->dss;
    const struct sg_pdf_place *place =
        value->type == SG_PDF_REFERENCE ? sg_pdf_place_of(look->pdf, value->id.number) : NULL;
    bool known = false;
    if (!place || place->id.generation != value->id.generation) {
        dss->left_out = true;
        return SG_OK;
    }
    enum sg_rc rc = find_known(look, kind, place, &known, err);
    if (rc == SG_OK && !known && dss->count == 3 * SG_MAX_EVIDENCE_FOUND)
        dss->left_out = true;
    else if (rc == SG_OK && !known)
        rc = take_stream(look, kind, place, err);
    return rc;
}

static enum sg_rc take_array(const struct look *look, const struct sg_pdf_value *dictionary, const char *key,
                             enum sg_evidence_item_kind kind, struct sg_err *err)
{
    const struct sg_pdf_value *array = NULL;
    struct sg_err why = {0};
    enum sg_rc rc = leave_out(look->dss, sg_pdf_find(look->pdf, dictionary, key, &array, &why), &why, err);
    if (rc != SG_OK || !array || array->type != SG_PDF_ARRAY)
        return rc;
    for (size_t i = 0; rc == SG_OK && i < array->count && !is_enough(look->dss); i++)
        rc = leave_out(look->dss, take(look, kind, &array->entries[i].value, &why), &why, err);
    return rc;
}

/* EN 319 142-1 §5.4.2.3: what a signature is to be validated by. It has to be in the DSS as well, which not all
 * programs know. */
static enum sg_rc take_vri(const struct look *look, const struct sg_pdf_value *dss, struct sg_err *err)
{
    const struct sg_pdf_value *all = NULL;
    struct sg_err why = {0};
    enum sg_rc rc = leave_out(look->dss, sg_pdf_find(look->pdf, dss, "VRI", &all, &why), &why, err);
    if (rc != SG_OK || !all || all->type != SG_PDF_DICTIONARY)
        return rc;
    for (size_t i = 0; rc == SG_OK && i < all->count && !is_enough(look->dss); i++) {
        const struct sg_pdf_value *vri = NULL;
        rc = leave_out(look->dss, sg_pdf_resolve(look->pdf, &all->entries[i].value, &vri, &why), &why, err);
        if (rc == SG_OK && vri)
            rc = take_array(look, vri, "Cert", SG_EVIDENCE_CERTIFICATE, err);
        if (rc == SG_OK && vri)
            rc = take_array(look, vri, "CRL", SG_EVIDENCE_CRL, err);
        if (rc == SG_OK && vri)
            rc = take_array(look, vri, "OCSP", SG_EVIDENCE_OCSP, err);
    }
    return rc;
}

enum sg_rc sg_pdf_dss_read(struct sg_pdf_dss *dss, struct sg_pdf *pdf, struct sg_pdf *newer, size_t revision,
                           struct sg_err *err)
{
    const struct look look = {dss, pdf, newer, revision};
    const struct sg_pdf_value *root = NULL, *store = NULL;
    struct sg_err why = {0};
    enum sg_rc rc = sg_pdf_find(pdf, sg_pdf_trailer(pdf), "Root", &root, err);
    if (rc == SG_OK)
        rc = leave_out(dss, sg_pdf_find(pdf, root, "DSS", &store, &why), &why, err);
    if (rc != SG_OK || !store)
        return rc;
    rc = take_array(&look, store, "Certs", SG_EVIDENCE_CERTIFICATE, err);
    if (rc == SG_OK)
        rc = take_array(&look, store, "CRLs", SG_EVIDENCE_CRL, err);
    if (rc == SG_OK)
        rc = take_array(&look, store, "OCSPs", SG_EVIDENCE_OCSP, err);
    return rc == SG_OK ? take_vri(&look, store, err) : rc;
}

void sg_pdf_dss_clear(struct sg_pdf_dss *dss)
{
    for (size_t i = 0; i < dss->count; i++)
        sg_buf_clear(&dss->items[i].der);
    free(dss->items);
    *dss = (struct sg_pdf_dss){0};
}
