/* What the signatures that are there permit: by a certification (DocMDP, ISO 32000-1 §12.8.2.2), and by locks of fields
 * (FieldMDP, §12.8.2.4; /Lock, §12.7.4.5). What cannot be understood permits nothing. */
#include "base/msg.h"
#include "formats/pades_private.h"
#include "formats/pdf_signatures.h"

struct question {
    const struct sg_pades_doc *doc;
    const char *name;  /* of the field that is to be signed */
    bool adds_visible; /* it is a new one, that is seen */
    struct sg_err *err;
};

enum sg_rc sg_pades_permission(const struct sg_pades_doc *doc, const struct sg_pdf_value *dictionary,
                               unsigned otherwise, unsigned *ret, struct sg_err *err)
{
    const struct sg_pdf_value *p = NULL;
    enum sg_rc rc = sg_pdf_find(doc->pdf, dictionary, "P", &p, err);

    if (rc != SG_OK)
        return rc;
    if (!p)
        *ret = otherwise;
    else
        *ret = p->type == SG_PDF_INTEGER && p->integer >= 1 && p->integer <= 3 ? (unsigned)p->integer : 1;
    return SG_OK;
}

/* A signature that permits as little as level `p`. Where it certifies, or its lock grants less than 3 (`limited`), a
 * field that comes to a page could hide what was signed: our own verifier would not take it. */
static enum sg_rc check_level(const struct question *q, unsigned p, bool limited)
{
    const char *name = q->doc->name;

    if (p == 1)
        return sg_about(name, q->err,
                        sg_fail(q->err, SG_E_POLICY,
                                _("A signature in \"%s\" permits no changes, and one more would break it; sign another "
                                  "copy of the document."),
                                name));
    if (limited && q->adds_visible)
        return sg_about(name, q->err,
                        sg_fail(q->err, SG_E_POLICY,
                                _("A signature in \"%s\" permits no new field that is seen; sign a field that was "
                                  "prepared for it, or invisibly."),
                                name));
    return SG_OK;
}

/* A lock: /Action with /Fields, /P. */
static enum sg_rc check_lock(const struct question *q, const struct sg_pdf_value *lock)
{
    unsigned p = 0;
    bool locked = false;
    enum sg_rc rc = sg_pades_permission(q->doc, lock, 3, &p, q->err);

    if (rc == SG_OK)
        rc = check_level(q, p, p < 3);
    if (rc == SG_OK)
        rc = sg_pdf_lock_holds(q->doc->pdf, lock, q->name, &locked, q->err);
    if (rc == SG_OK && locked)
        rc = sg_about(q->doc->name, q->err,
                      sg_fail(q->err, SG_E_POLICY,
                              _("A signature in \"%s\" has locked the field \"%s\"; choose another field, or sign "
                                "another copy of the document."),
                              q->doc->name, q->name));
    return rc;
}

/* An entry of a signature's /Reference (§12.8.1, table 253). */
static enum sg_rc check_reference(const struct question *q, const struct sg_pdf_value *reference)
{
    const struct sg_pdf_value *method = NULL;
    const struct sg_pdf_value *transform = NULL;
    unsigned p = 0;
    enum sg_rc rc = sg_pdf_find(q->doc->pdf, reference, "TransformMethod", &method, q->err);

    if (rc == SG_OK)
        rc = sg_pdf_find(q->doc->pdf, reference, "TransformParams", &transform, q->err);
    if (rc == SG_OK && sg_pdf_is_name(method, "DocMDP"))
        rc = sg_pades_permission(q->doc, transform, 2, &p, q->err);
    if (rc == SG_OK && p > 0)
        rc = check_level(q, p, p < 3); /* that of a lock, too; a certification is asked for by itself */
    else if (rc == SG_OK && sg_pdf_is_name(method, "FieldMDP"))
        rc = check_lock(q, transform);
    return rc;
}

static enum sg_rc check_references(const struct question *q, const struct sg_pdf_value *signature)
{
    const struct sg_pdf_value *references = NULL;
    const struct sg_pdf_value *reference = NULL;
    enum sg_rc rc = sg_pdf_find(q->doc->pdf, signature, "Reference", &references, q->err);

    if (rc == SG_OK && references && references->type != SG_PDF_ARRAY)
        rc = sg_pades_broken(q->doc, _("what a signature refers to is no array."), q->err);
    for (size_t i = 0; rc == SG_OK && references && i < references->count; i++) {
        rc = sg_pdf_resolve(q->doc->pdf, &references->entries[i].value, &reference, q->err);
        if (rc == SG_OK)
            rc = check_reference(q, reference);
    }
    return rc;
}

static enum sg_rc check_signed_field(const struct question *q, const struct sg_pades_field *field)
{
    const struct sg_pdf_value *lock = NULL;
    enum sg_rc rc = check_references(q, field->value);

    if (rc == SG_OK)
        rc = sg_pdf_find(q->doc->pdf, field->dictionary, "Lock", &lock, q->err);
    return rc == SG_OK && lock ? check_lock(q, lock) : rc;
}

/* The certification that the catalog names (§12.8.4), which need not be in a field. */
static enum sg_rc find_certification(const struct question *q, const struct sg_pdf_value **ret)
{
    const struct sg_pdf_value *permissions = NULL;
    enum sg_rc rc = sg_pdf_find(q->doc->pdf, q->doc->catalog, "Perms", &permissions, q->err);

    return rc == SG_OK ? sg_pdf_find(q->doc->pdf, permissions, "DocMDP", ret, q->err) : rc;
}

enum sg_rc sg_pades_check_permitted(const struct sg_pades_plan *plan, struct sg_err *err)
{
    const struct sg_pades_doc *doc = plan->doc;
    const struct question q = {
        .doc = doc, .name = plan->name, .adds_visible = !plan->field && plan->params->look, .err = err};
    const struct sg_pdf_value *certification = NULL;
    bool is_signed = false;
    int level = 0;
    enum sg_rc rc = find_certification(&q, &certification);

    if (rc == SG_OK && certification)
        rc = check_references(&q, certification);
    if (rc == SG_OK)
        rc = sg_pdf_certification(doc->pdf, &level, err);
    if (rc == SG_OK && level > 0)
        rc = check_level(&q, (unsigned)level, true);
    for (size_t i = 0; rc == SG_OK && i < doc->count; i++) {
        if (!sg_pades_is_signed(&doc->fields[i]))
            continue;
        is_signed = true;
        rc = check_signed_field(&q, &doc->fields[i]);
    }
    if (rc == SG_OK && plan->params->certify && (is_signed || certification))
        rc = sg_about(doc->name, err,
                      sg_fail(err, SG_E_POLICY,
                              _("\"%s\" is signed already, and only the first signature can certify it; sign it "
                                "without a certification."),
                              doc->name));
    return rc;
}
